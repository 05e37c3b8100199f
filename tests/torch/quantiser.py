#!/usr/bin/python3
"""RQ-VAE with fusion and intents against PyTorch, live: the same training replayed. Prints TAP; the binaries are in SIDMILL_BIN.

With a batch that holds a whole epoch the order of the items does not matter, so PyTorch can take the same steps from the same start:
every epoch's losses, the codes, and the weights that the gradients lead to must agree. The start is read from a run whose learning
rate is next to nothing. Its codebooks get one iteration of k-means: at the mean of its items a code's gradient is zero, and AdamW would
make steps of its rounding.
"""
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy as np
import torch
from reference import read_safetensors, tap
from reference.tap import BIN, check

HERE = pathlib.Path(__file__).resolve().parent
N, TEXT, IMAGE, INTENT, LEVELS, CODES, LR, BETA = 300, 14, 9, 6, 3, 4, 0.001, 0.25
UNIFORMITY, MARGIN, CONTRAST = 0.5, 1.2, 0.02 # so wide that pairs of so few codes are within it


def write_embeddings(path):
    rng = np.random.default_rng(5)
    heaps = lambda width, heap: (rng.normal(size=(12, width))[heap] + 0.3 * rng.normal(size=(N, width))).astype("f4")
    heap = rng.integers(0, 12, (2, N))
    tensors = {"text": heaps(TEXT, heap[0]), "image": 5 * heaps(IMAGE, heap[1]), "image_mask": (rng.random(N) > 0.2).astype("u1"),
               "intent": heaps(INTENT, heap[0]), "item_ids": np.frombuffer("".join(f"i{i}\n" for i in range(N)).encode(), "u1")}
    tensors["intent"][rng.random(N) < 0.3] = 0
    write(path, "embeddings/1", tensors)
    return tensors


def write(path, schema, tensors):
    header, data = {"__metadata__": {"schema": schema}}, b""
    for name, a in tensors.items():
        header[name] = {"dtype": {"f4": "F32", "u1": "U8", "i4": "I32", "i8": "I64"}[a.dtype.str[1:]], "shape": a.shape,
                        "data_offsets": [len(data), len(data) + a.nbytes]}
        data += a.tobytes()
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def write_histories(path):
    """Histories of neighbours by number; A^ of what is trained on, with edges' weights 1 / distance up to 5 events apart."""
    rng = np.random.default_rng(6)
    lists = [(rng.integers(0, N - 12) + rng.integers(0, 12, 8)).tolist() for _ in range(200)]
    strings = lambda letter, n: np.frombuffer("".join(f"{letter}{i}\n" for i in range(n)).encode(), "u1")
    write(path, "interactions/1", {"user_offsets": np.arange(0, 8 * 200 + 1, 8), "item_index": np.array(sum(lists, []), "i4"),
                                   "user_ids": strings("u", 200), "item_ids": strings("i", N)})
    a = torch.zeros(N, N, dtype=torch.float64)
    for h in lists:
        for i in range(6):
            for j in range(6):
                if h[i] != h[j] and 0 < abs(i - j) <= 5:
                    a[h[i], h[j]] += 1 / abs(i - j)
    edges = a > 0
    lonely = ~edges.any(1)
    a[lonely, lonely] = 1
    d = a.sum(1)
    return edges, a / torch.sqrt(d[:, None] * d)


def align(a, x, steps=2, restart=0.5):
    h, out, b = x, x, 1
    for _ in range(steps):
        h, b = (1 - restart) * a @ h + restart * x, b * (1 - restart)
        out = out + b * h
    return out * restart / (1 - (1 - restart) ** (steps + 1))


def repulsion(w, margin=MARGIN):
    total = 0
    for book in w["codebook"]:
        d = ((book[:, None] - book) ** 2).sum(2)[tuple(torch.triu_indices(CODES, CODES, 1))]
        total = total + (torch.clamp(1 - d / (margin ** 2 * d.detach().mean()), min=0) ** 2).sum() / CODES
    return total


def pairs(zq, edges, tau=2.3, bias=8):
    u = zq / zq.norm(dim=1, keepdim=True)
    y = 2.0 * edges - 1
    each = torch.nn.functional.softplus(-y * (math.exp(tau) * u @ u.T - bias))
    return each[tuple(torch.triu_indices(N, N, 1))].sum()


def rqvae(out, *args):
    command = [BIN / "rqvae", "-q", "-l", LEVELS, "-k", CODES, "--hidden", "16,12", "--latent", 6, "--batch", N, "--warmup", 0, "--balance", 0,
               "--spread", 0, "--iterations", 1, "--beta", BETA, "--log", "log.jsonl", "-o", out, *args]
    p = subprocess.run([str(x) for x in command], stdin=open("e.st"), capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"Bail out! rqvae: {p.stderr}")
    return read_safetensors(out)[0], [json.loads(line) for line in open("log.jsonl")][:-1]


def network(w, name, x):
    layers = [k for k in w if k.startswith(name + ".") and k.endswith(".weight") and k.split(".")[1].isdigit()]
    for i in range(len(layers)):
        x = x @ w[f"{name}.{i}.weight"].T + w[f"{name}.{i}.bias"]
        x = torch.relu(x) if i + 1 < len(layers) else x
    return x


def losses(w, text, v, has_image, intent, has_intent, edges=None):
    """The loss's terms, summed over items, and the codes."""
    e = torch.cat([text, v @ w["fusion.visual.weight"].T], 1) @ w["fusion.weight"].T if "fusion.weight" in w else text
    z = network(w, "encoder", e)
    r, zq, codebook, commitment, codes = z, 0, 0, 0, []
    for level in range(LEVELS):
        book = w["codebook"][level]
        codes.append(((r.detach()[:, None] - book.detach()) ** 2).sum(2).argmin(1))
        c = book[codes[-1]]
        codebook = codebook + ((r.detach() - c) ** 2).sum()
        commitment = commitment + ((r - c.detach()) ** 2).sum()
        r, zq = r - c.detach(), zq + c.detach()
    zq = z + (zq - z).detach()
    out = network(w, "decoder", zq)
    terms = {"reconstruction": ((out[:, :TEXT] - text) ** 2).sum(), "commitment": codebook, "pulled": commitment}
    if edges is not None:
        terms |= {"contrast": pairs(zq, edges), "uniformity": N * repulsion(w)}
    if "fusion.weight" in w:
        terms["image"] = (has_image[:, None] * (out[:, TEXT:] - v) ** 2).sum()
    if "intent.0.weight" in w:
        terms["intent"] = (has_intent[:, None] * (network(w, "intent", zq) - intent) ** 2).sum()
    return terms, torch.stack(codes, 1)


def replay(name, epochs, image_weight, intent_weight, *args, graph=None):
    args = [*args, "--image-weight", image_weight, "--intent-weight", intent_weight]
    start, _ = rqvae("start.st", "--epochs", 1, "--lr", 1e-9, *args)
    end, log = rqvae("end.st", "--epochs", epochs, "--lr", LR, *args)
    if any(line["revived"] for line in log):
        sys.exit("Bail out! a dead code was revived at random: the data do not fit this test")
    tensor = lambda a: torch.tensor(np.array(a, np.float64))
    w = {k: tensor(a).requires_grad_() for k, a in start.items() if k.endswith((".weight", ".bias")) or k == "codebook"}
    mask = tensor(data["image_mask"])
    v, text, edges = tensor(data["image"]) * mask[:, None], tensor(data["text"]), None
    if graph:
        edges, a = graph
        v, text = align(a, v) * mask[:, None], align(a, text)
    if "image_scale" in start:
        v = v * tensor(start["image_scale"])
    intent = tensor(data["intent"])
    optimiser = torch.optim.AdamW(list(w.values()), betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    weights = {"reconstruction": 1, "commitment": 1, "pulled": BETA, "image": image_weight, "intent": intent_weight,
               "contrast": CONTRAST, "uniformity": UNIFORMITY}
    worst, rise = 0, min(epochs // 20, 100)
    for epoch in range(epochs):
        along = (epoch - rise) / max(1, epochs - rise)
        rate = LR * ((epoch + 1) / rise if epoch < rise else 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * along)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        terms, _ = losses(w, text, v, mask, intent, intent.abs().sum(1) > 0, edges)
        for key, term in terms.items():
            if key != "pulled":
                worst = max(worst, abs(float(term) / N - log[epoch][key]) / float(term / N))
        optimiser.zero_grad()
        (sum(weights[k] * t for k, t in terms.items()) / N).backward()
        optimiser.step()
    check(worst < 2e-5, f"{name}: losses of {epochs} steps", f"apart by {worst:.1e} at most, relatively")
    for part in ["fusion", "encoder", "codebook", "decoder", "intent"]:
        keys = [k for k in w if k.split(".")[0] == part]
        if not keys:
            continue
        norm = lambda of: math.sqrt(sum(float((of(k) ** 2).sum()) for k in keys))
        moved, apart = norm(lambda k: end[k].astype("f8") - start[k]), norm(lambda k: end[k] - w[k].detach().numpy())
        check(moved > 0.01 and apart < 1e-4 * moved, f"{name}: {part}'s weights", f"apart by {apart / moved:.1e} of the way they went")
    _, codes = losses(w, text, v, mask, intent, intent.abs().sum(1) > 0, edges)
    same = float((codes.numpy() == end["codes"]).mean())
    check(same > 0.999, f"{name}: codes", f"{same:.4f} the same")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    data = write_embeddings("e.st")
    replay("text", 30, 1, 0, "--no-image")
    replay("fusion", 30, 0.7, 0)
    graph = write_histories("i.st")
    replay("neighbours, repulsion and pairs", 15, 0.7, 0, "--cooccur", "i.st", "--uniformity", UNIFORMITY, "--uniformity-margin", MARGIN,
           "--contrast", CONTRAST, "--shards", 1,
           graph=graph)
    replay("fusion and intents", 15, 0.7, 0.4, "--fusion-dim", 20)
tap.done()
