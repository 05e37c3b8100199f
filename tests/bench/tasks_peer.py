#!/usr/bin/python3
"""A PyTorch twin of `sidgen-train --tasks 4,5`: the same sequences of titles and Semantic IDs, the same model, f32, batches of padded rows
bucketed by length. Prints its tokens/s (padding not counted).

tasks_peer.py MODEL SIDS ITEMS TOKENIZE THREADS STEPS: a model of those tasks, whose shape, vocabulary and tokenizer are taken; the program
that encodes; how many steps.
"""
import json, math, random, subprocess, sys, tempfile, time, pathlib
import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "torch"))
from reference import Catalogue, read_safetensors

model, sids, items, tokenize, threads, steps = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
t, meta = read_safetensors(model)
config, vocab = json.loads(meta["config"]), json.loads(meta["vocab"])
s, sid_meta = read_safetensors(sids)
catalogue = Catalogue(s["codes"], s["suffix"], vocab["codes"], vocab["max_suffix"])
ids = bytes(s["item_ids"]).decode().split("\n")
titles = {i["id"]: i.get("title") for i in map(json.loads, open(items))}
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder)
    (path / "tokenizer.json").write_bytes(bytes(t["tokenizer"]))
    texts = "".join((titles.get(i) or "").replace("\n", " ") + "\n" for i in ids[:len(catalogue.sid)])
    out = subprocess.run([tokenize, "encode", "-q", "-t", path / "tokenizer.json"], input=texts, capture_output=True, text=True, check=True).stdout
encoded = [[vocab["first_text"] + x for x in json.loads(line)["ids"][:32]] for line in out.splitlines()]
marker, separator, end = vocab["first_marker"], vocab["first_marker"], vocab["end"]
sequences = []  # (tokens, first scored row, 0 of a SID or 1 of a text)
for sid, title in zip(catalogue.sid, encoded):
    if title:
        sequences.append(([marker + 4, *title, separator, *sid], 1 + len(title), 0))
        sequences.append(([marker + 5, *sid, separator, *title, end], 1 + len(sid), 1))

D, H, dim = config["hidden_size"], config["num_attention_heads"], config["head_dim"]
spans = [(1 + l * catalogue.codes, catalogue.codes) for l in range(catalogue.levels)] + [(catalogue.first_suffix, catalogue.max_suffix)]
node = {p: n for n, p in enumerate(catalogue.children)}
allowed = [torch.zeros(len(node), n, dtype=torch.bool) for _, n in spans]
for prefix, n in node.items():
    first = spans[len(prefix)][0]
    allowed[len(prefix)][n, [c - first for c in catalogue.children[prefix]]] = True


class Norm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.g = torch.nn.Parameter(torch.ones(D))

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.g


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        f = config["intermediate_size"]
        self.norms, self.qkv, self.out = torch.nn.ModuleList([Norm(), Norm()]), linear(D, 3 * H * dim), linear(H * dim, D)
        self.up, self.down = linear(D, 2 * f), linear(f, D)

    def forward(self, x, cos, sin):
        b, rows, _ = x.shape
        q, k, v = self.qkv(self.norms[0](x)).view(b, rows, 3, H, dim).permute(2, 0, 3, 1, 4)
        turn = lambda y: y * cos + torch.cat([-y[..., dim // 2:], y[..., :dim // 2]], -1) * sin
        scores = turn(q) @ turn(k).transpose(-1, -2) / math.sqrt(dim)
        a = scores.masked_fill(after[:rows, :rows], -math.inf).softmax(-1) @ v
        x = x + F.dropout(self.out(a.transpose(1, 2).reshape(b, rows, -1)), 0.15)
        gate, up = self.up(self.norms[1](x)).chunk(2, -1)
        return x + F.dropout(self.down(F.silu(gate) * up), 0.15)


embed = torch.nn.Embedding(vocab["size"], D)
torch.nn.init.normal_(embed.weight, 0, 0.02)
layers, norm = torch.nn.ModuleList(Layer() for _ in range(config["num_hidden_layers"])), Norm()
weights = [*embed.parameters(), *layers.parameters(), *norm.parameters()]
optimiser = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.98))
angle = torch.arange(128)[:, None] * 10000 ** (-torch.arange(0, dim, 2) / dim)
after = torch.ones(128, 128, dtype=torch.bool).triu(1)
cos, sin = (torch.cat([x, x], -1) for x in (angle.cos(), angle.sin()))


def loss_of(batch):
    longest = max(len(x[0]) for x in batch) - 1
    x = torch.zeros(len(batch), longest, dtype=torch.long)
    for row, (tokens, _, _) in enumerate(batch):
        x[row, :len(tokens) - 1] = torch.tensor(tokens[:-1])
    h = F.dropout(embed(x), 0.15)
    for layer in layers:
        h = layer(h, cos[:longest], sin[:longest])
    h = norm(h)
    rows, texts, targets, levels = {}, [], [], {}
    for row, (tokens, first, text) in enumerate(batch):
        for at in range(first, len(tokens) - 1):
            if text:
                texts.append((row, at))
                targets.append(tokens[at + 1] - end)
            else:
                prefix = tuple(tokens[first + 1:at + 1])
                levels.setdefault(len(prefix), []).append((row, at, node[prefix], tokens[at + 1] - spans[len(prefix)][0]))
    loss = 0
    if texts:
        r, c = torch.tensor(texts).T
        loss = loss + F.cross_entropy(h[r, c] @ embed.weight[end:].T, torch.tensor(targets), reduction="sum")
    for level, positions in levels.items():
        r, c, n, target = torch.tensor(positions).T
        first, width = spans[level]
        logits = (h[r, c] @ embed.weight[first:first + width].T).masked_fill(~allowed[level][n], -math.inf)
        loss = loss + F.cross_entropy(logits, target, reduction="sum")
    return loss / sum(len(x[0]) - 1 for x in batch)


random.seed(0)
random.shuffle(sequences)
bucket = sorted(sequences[:8192], key=lambda x: len(x[0]))
batches, batch = [], []
for x in bucket:
    if (len(batch) + 1) * (len(x[0]) - 1) > 2048:
        batches.append(batch)
        batch = []
    batch.append(x)
random.shuffle(batches)
began, tokens = time.time(), 0
for step in range(int(steps) + 2):
    if step == 2:
        began, tokens = time.time(), 0
    batch = batches[step % len(batches)]
    optimiser.zero_grad()
    loss_of(batch).backward()
    torch.nn.utils.clip_grad_norm_(weights, 1)
    optimiser.step()
    tokens += sum(len(x[0]) - 1 for x in batch)
print(f"{tokens / (time.time() - began):.0f}")
