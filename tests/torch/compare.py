#!/usr/bin/python3
"""Our trainer, model files and beam search against PyTorch's, live. Prints TAP; the binaries are in SIDMILL_BIN (build/bin).

1. Training, replayed: with a batch that holds a whole epoch and no dropout, the order does not matter, so PyTorch can take the same
   steps from the same start; losses, metrics and weights must agree, each parameter's by itself.
2. A model trained as usual: its validation metrics and every score that evaluate finds, by PyTorch on the same file.
3. Tasks with texts, replayed and asked.
4. The bf16 backend against f32.

The first two for both bodies, and for a timeline with and without what it may have beside its codes. Where thoughts are taught, the
tutor's first weights and the clusters are those of a checkpoint, at a learning rate of 0.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "helpers"))
import numpy as np
import tensors
import torch
from reference import Catalogue, Optimiser, Tutor, beam_search, item_scores, lesson_losses, load, read_safetensors, tap, window_losses, windows
from reference.tap import BIN, check

SHAPE = "--dim 16 --layers 2 --heads 2 --kv-heads 1 --ffn 24 --max-items 6 --threads 2 --patience 0".split()
TIMELINE = ["--body", "timeline", "--depth-ffn", 20, "--depth-dropout", 0, "--settle", 0]


def run(tool, *args, stdin=""):
    return subprocess.run([BIN / tool, *map(str, args)], capture_output=True, text=True, input=stdin)


def train(*args):
    """A log's lines; None where the backend asked for is not to be had."""
    p = run("sidgen-train", "-q", "-s", "sids.st", "-i", "interactions.st", "--log", "log.jsonl", *SHAPE, *args)
    if p.returncode == 69:
        return None
    if p.returncode:
        sys.exit(f"Bail out! sidgen-train: {p.stderr}")
    return [json.loads(line) for line in open("log.jsonl")]


def read_data():
    s, meta = read_safetensors("sids.st")
    x, _ = read_safetensors("interactions.st")
    catalogue = Catalogue(s["codes"], s["suffix"], json.loads(meta["config"])["codes"], max(0, int(s["suffix"].max()) + 1))
    o, e = x["user_offsets"], x["item_index"].tolist()
    users = [e[o[u]:o[u + 1]] for u in range(len(o) - 1)]
    return catalogue, [u for u in users if len(u) >= 3]


def metrics(model, catalogue, users, softmax, protocol, beam=20, k=10):
    """HR@10 and NDCG@10 of the penultimate items, among all items or those that the history does not hold."""
    hr = ndcg = 0
    for u in users:
        met = set(u[:-2]) if protocol == "unseen" else set()
        ranked = [i for _, i in beam_search(model, catalogue, u[:-2][-6:], softmax, max(beam, k + len(met))) if i not in met][:k]
        if u[-2] in ranked:
            hr += 1 / len(users)
            ndcg += 1 / math.log2(ranked.index(u[-2]) + 2) / len(users)
    return hr, ndcg


def nll(model, catalogue, users, softmax):
    """Mean -log p of the penultimate items, each read in one pass behind its history."""
    with torch.no_grad():
        items = [window_losses(model, catalogue, u[:-2][-6:] + [u[-2]], len(u[:-2][-6:]), softmax)[0] for u in users]
        return sum(float(t[1]) for i in items for t in i) / len(users)


def make_codebook(width):
    """The SIDs with vectors of their codes, as a quantiser has them."""
    t, meta = tensors.load("sids.st")
    levels, codes = t["codes"].shape[1], json.loads(meta["config"])["codes"]
    t = dict(t) | {"codebook": np.random.default_rng(5).normal(size=(levels, codes, width)).astype("<f4")}
    tensors.save("book.st", t, meta)


def first_tutor(model, options, width):
    """The tutor that training begins with, out of a checkpoint."""
    command = [BIN / "sidgen-train", "-q", "-s", "sids.st", "-i", "interactions.st", *SHAPE, *options, "--epochs", 10000, "--lr", 0, "-o", "tutor.st"]
    state, p = pathlib.Path("tutor.st.ckpt/state.st"), subprocess.Popen([*map(str, command)])
    while not state.exists():
        time.sleep(0.05)
    p.kill()
    p.wait()
    t, _ = read_safetensors(state)
    d, f, at, w = model.config["hidden_size"], 16, 0, {}
    shapes = {"decoder.norm": (d,), "decoder.gate_proj": (f, d), "decoder.up_proj": (f, d), "decoder.down_proj": (d, f)}
    levels = model.config["think_levels"]
    for name, shape in (shapes | {f"project.{l}": (width, d) for l in range(levels)}).items():
        size = math.prod(shape)  # all are whole cache lines, so that there is no padding
        w[name + ".weight"] = t["tutor.values"][at:at + size].reshape(shape)
        at += size
    assert at == len(t["tutor.values"])
    return Tutor(model.config, w, t["clusters.centroids"].reshape(levels, -1, width), t["clusters.of"].reshape(levels, -1).tolist())


def replay(name, extra, softmax, epochs, smoothing, average, decay, among_items=0, taught=None):
    """The same training in PyTorch: one step an epoch over all windows. `taught`: the weights of thoughts' losses, by name."""
    options = ["--softmax", softmax, "--dropout", 0, "--batch-tokens", 65536, "--label-smoothing", smoothing, "--average", average,
               "--weight-decay", decay, "--warmup", 3, "--clip", 0.5, *extra, *(["--item-loss", among_items] if among_items else [])]
    train(*options, "--epochs", 1, "--lr", 0, "--average", 0, "-o", "start.st")
    log = train(*options, "--epochs", epochs, "--lr", 0.02, "-o", "end.st")
    (model, _), (ours, _), begin = load("start.st"), load("end.st"), read_safetensors("start.st")[0]
    optimiser = Optimiser(model, decay)
    tutor = taught and first_tutor(model, options, 16)
    teacher = taught and Optimiser(tutor, decay)
    mean = {k: w.detach().clone() for k, w in model.w.items()}
    all_windows = [w for u in users for w in windows(model, u[:-2], 6)]
    best, kept, loss_error, metric_error = -1, None, 0, 0
    for epoch in range(epochs):
        found = [window_losses(model, catalogue, *w, softmax, smoothing, among_items) for w in all_windows]
        tokens = [t for f in found for t in f[0]]
        rate = 0.02 * min(1, (epoch + 1) / 3) * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        loss = sum(t[2] for t in tokens)
        if taught:
            lesson = lesson_losses(model, tutor, catalogue, all_windows, softmax, taught["temperature"], among_items > 0)
            loss = loss + taught["align"] * sum(map(sum, lesson[0])) + taught["guide"] * sum(lesson[1]) + taught["follow"] * sum(lesson[2])
            said, means = log[epoch]["think"], [float(sum(x) / len(x)) for x in (*lesson[0], *lesson[1:])]
            loss_error = max(loss_error, *(abs(a - b) for a, b in zip(means, [*said["align"], said["guide"], said["follow"]])))
        optimiser.step(loss / sum(f[1] for f in found), rate, 0.5, teacher)
        items = sum(t[0] == 0 for t in tokens)
        loss_error = max(loss_error, abs(sum(float(t[1]) for t in tokens if t[0] != "item") / items - log[epoch]["loss_per_item"]))
        for level, said in [*enumerate(log[epoch]["loss_per_level"]), *([("item", log[epoch]["item_loss"])] if among_items else [])]:
            of_level = [float(t[1]) for t in tokens if t[0] == level]
            loss_error = max(loss_error, abs(sum(of_level) / len(of_level) - said))
        grown = min(average, (2 + epoch) / (11 + epoch))
        mean = {k: grown * mean[k] + (1 - grown) * w.detach() for k, w in model.w.items()}
        weights = {k: (mean[k] if average else w).detach().numpy().copy() for k, w in model.w.items()}
        hr, ndcg = metrics(model.with_weights(weights), catalogue, users, softmax, log[epoch]["protocol"])
        metric_error = max(metric_error, abs(hr - log[epoch]["hr@10"]), abs(ndcg - log[epoch]["ndcg@10"]))
        if log[epoch]["ndcg@10"] > best:
            best, kept = log[epoch]["ndcg@10"], weights
    apart = {k: np.linalg.norm(w - ours.w[k].detach().numpy()) / np.linalg.norm(w - begin[k]) for k, w in kept.items()}
    worst = max(apart, key=apart.get)
    name = f"{name}, {epochs} steps, {softmax} softmax, smoothing {smoothing}, average {average}"
    check(len(log) == epochs and loss_error < 2e-5, f"{name}: losses", f"apart by {loss_error:.1e} at most")
    check(metric_error < 2e-6, f"{name}: metrics", f"apart by {metric_error:.1e} at most")
    check(apart[worst] < 1e-4, f"{name}: weights", f"apart by {apart[worst]:.1e} of the way they went at most, {worst}")
    if model.nodes:
        check(model.nodes == catalogue.nodes(), f"{name}: which row is which node's")


def evaluated(name, extra, softmax):
    """A model trained in small batches with dropout: what the log, evaluate and recommend say of the file, by PyTorch."""
    log = train("--softmax", softmax, "--epochs", 6, "--lr", 0.02, "--warmup", 5, "--batch-tokens", 512, "--shards", 4, "-o", "model.st", *extra)
    model, meta = load("model.st")
    name = f"{name}, {softmax} softmax"
    kept = json.loads(meta["validation"])
    hr, ndcg = metrics(model, catalogue, users, softmax, kept["protocol"])
    check(abs(hr - kept["hr@10"]) < 2e-6 and abs(ndcg - kept["ndcg@10"]) < 2e-6 and hr > 0.3, f"{name}: the log's metrics",
          f"hr@10 {hr:.4f} ndcg@10 {ndcg:.4f} after {len(log)} epochs")

    p = run("evaluate", "-q", "-m", "model.st", "-s", "sids.st", "-i", "interactions.st", "--split", "valid", "--beam", N, "--recs-out", "recs.st")
    check(p.returncode == 0, f"{name}: evaluate runs", p.stderr.strip())
    recs, _ = read_safetensors("recs.st")
    worst, likely = 0, 0
    for row, u in enumerate(users):
        scores = item_scores(model, catalogue, u[:-2][-6:], softmax)
        items = recs["items"][row].tolist()
        if sorted(items) != list(range(N)):
            worst = math.inf
            break
        worst = max(worst, *(abs(scores[i] - s) for i, s in zip(items, recs["scores"][row])))
        likely -= scores[u[-2]] / len(users)
    check(worst < 1e-4, f"{name}: evaluate's score of every item for every user", f"apart by {worst:.1e} at most")
    check((np.diff(recs["scores"]) <= 0).all(), f"{name}: best first")
    check(abs(likely - nll(model, catalogue, users, softmax)) < 1e-9, f"{name}: likelihood of the targets, step by step and in one pass", f"{likely:.4f} an item")

    histories = "".join(" ".join(f"i{i}" for i in u[:-2]) + "\n" for u in users[:20])
    p = run("recommend", "-q", "-m", "model.st", "-s", "sids.st", "-k", 5, "--beam", 20, stdin=histories)
    good = p.returncode == 0
    for line, u in zip(p.stdout.splitlines(), users[:20]):
        expected = beam_search(model, catalogue, u[:-2][-6:], softmax, 20)[:5]
        pairs = [entry.rsplit(":", 1) for entry in line.split("\t")]
        good = good and len(pairs) == 5 and all(f"i{i}" == item and abs(s - float(t)) < 1e-3 for (item, t), (s, i) in zip(pairs, expected))
    check(good and len(p.stdout.splitlines()) == 20, f"{name}: recommend's lists", p.stderr.strip())


def make_texts():
    """items.jsonl and tokenizer.json; of every item its texts' tokens, those of a title at most 32, of others 12."""
    colours, things = "red green blue grey pink".split(), "cup lamp chair coat book drum fork glove".split()
    items = [{"id": f"i{i}", "title": f"{colours[i % 5]} {things[i // 5]}", "description": f"a {things[i // 5]} as good as any other one",
              "intents": [{"text": f"those who love {colours[i % 5]}"}], "caption": f"a {things[i // 5]} painted {colours[i % 5]}"} for i in range(N)]
    items[3].pop("title"), items[4].pop("caption"), items[5].pop("description")
    pathlib.Path("items.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items))
    run("tokenize", "train", "--fields", "title,description,caption,intents", "--vocab", 330, "items.jsonl", "-o", "tokenizer.json")

    def tokens(text, most):
        return json.loads(run("tokenize", "encode", "-t", "tokenizer.json", "--form", "whole", stdin=text).stdout)["ids"][:most] if text else []
    about = ["\n".join(t for t in (i.get("description"), i["intents"][0]["text"]) if t) for i in items]
    return [{"title": tokens(i.get("title"), 32 if i.get("title") else 0)[:12], "about": tokens(a, 12), "caption": tokens(i.get("caption"), 12)}
            for i, a in zip(items, about)]


class Tasks:
    """Prompts and outputs of tasks 2 to 8, after sidgen-train(1)."""

    def __init__(self, vocab, texts):
        self.vocab, self.texts = vocab, texts
        self.separator, self.next, self.end = vocab["first_marker"], vocab["first_marker"] + 1, vocab["end"]

    def text(self, item, kind):
        return [self.vocab["first_text"] + t for t in self.texts[item][kind]]

    def prompt(self, task, item, history=()):
        begin = [self.vocab["first_marker"] + task]
        if task in (3, 5):
            return begin + catalogue.tokens(history[-6:] if task == 3 else [item])[1:] + [self.separator]
        if task != 2:
            return begin + self.text(item, {4: "title", 6: "about", 7: "caption", 8: "caption"}[task]) + [self.separator]
        read, rows = [], 0
        for i in reversed(history):
            rows += len(self.text(i, "title")) + bool(self.text(i, "title"))
            if rows > 6 * (catalogue.levels + 1):
                break
            read.insert(0, i)
        titles = [self.text(i, "title") for i in read if self.text(i, "title")]
        return begin + [t for n, title in enumerate(titles) for t in [self.next] * (n > 0) + title] + [self.separator]

    def output(self, task, item):
        return self.text(item, "title") + [self.end] if task in (3, 5, 8) else list(catalogue.sid[item])

    def all(self):
        """(task, prompt, item) of every sequence."""
        for u in users:
            history, item = u[:-3], u[-3]
            if history and any(self.texts[i]["title"] for i in history):
                yield 2, self.prompt(2, item, history), item
            if history and self.texts[item]["title"]:
                yield 3, self.prompt(3, item, history), item
        for task, reads in (4, "title"), (5, "title"), (6, "about"), (7, "caption"), (8, "caption"):
            for item, texts in enumerate(self.texts):
                if texts[reads] and (task not in (5, 8) or texts["title"]):
                    yield task, self.prompt(task, item), item

    def log_probs(self, model, task, prompt, output):
        """Of each of an output's tokens, among what may stand there; and whether it is the likeliest."""
        states = model.states(prompt + output[:-1])[len(prompt) - 1:]
        for at, (state, token) in enumerate(zip(states, output)):
            allowed = list(range(self.end, self.vocab["size"])) if task in (3, 5, 8) else catalogue.allowed(tuple(output[:at]), "trie")
            lp = model.logits(state, () if task in (3, 5, 8) else tuple(output[:at]), allowed).log_softmax(-1)
            yield lp[allowed.index(token)], allowed[int(lp.argmax())] == token


def tasks_with_texts(epochs=4, decay=0.05):
    """One step an epoch over the sequences of all tasks, one of them weighed; then what the model says to prompts."""
    texts = make_texts()
    options = ["--tasks", "1-3,4:2,5-8", "--items", "items.jsonl", "--tokenizer", "tokenizer.json", "--text-tokens", 12, "--node-vectors",
               "--dropout", 0, "--batch-tokens", 65536, "--weight-decay", decay, "--warmup", 3, "--clip", 0.5]
    train(*options, "--epochs", 1, "--lr", 0, "-o", "start.st")
    log = train(*options, "--epochs", epochs, "--lr", 0.02, "--valid-users", 0, "-o", "end.st")
    (model, meta), (ours, _), begin = load("start.st"), load("end.st"), read_safetensors("start.st")[0]
    tasks, optimiser, error = Tasks(json.loads(meta["vocab"]), texts), Optimiser(model, decay), 0
    for epoch in range(epochs):
        found = [window_losses(model, catalogue, *w, "trie") for u in users for w in windows(model, u[:-2], 6)]
        loss, rows, told = sum(t[2] for f in found for t in f[0]), sum(f[1] for f in found), {}
        for task, prompt, item in tasks.all():
            output = tasks.output(task, item)
            pairs = list(tasks.log_probs(model, task, prompt, output))
            loss = loss - (2 if task == 4 else 1) * sum(lp for lp, _ in pairs)
            rows += len(prompt) + len(output) - 1
            told.setdefault(task, []).extend((-float(lp), right) for lp, right in pairs)
        for task, pairs in told.items():
            said = log[epoch]["tasks"][str(task)]
            error = max(error, abs(len(pairs) - said["tokens"]), abs(sum(x for x, _ in pairs) / len(pairs) - said["loss"]),
                        abs(sum(r for _, r in pairs) / len(pairs) - said["accuracy"]))
        optimiser.step(loss / rows, 0.02 * min(1, (epoch + 1) / 3) * 0.5 * (1 + math.cos(math.pi * epoch / epochs)), 0.5)
    weights = {k: w.detach().numpy() for k, w in model.w.items()}
    apart = {k: np.linalg.norm(w - ours.w[k].detach().numpy()) / np.linalg.norm(w - begin[k]) for k, w in weights.items()}
    worst = max(apart, key=apart.get)
    check(error < 2e-5, f"tasks with texts, {epochs} steps: tokens, losses, accuracy", f"apart by {error:.1e} at most")
    check(apart[worst] < 1e-4, f"tasks with texts, {epochs} steps: weights", f"apart by {apart[worst]:.1e} of the way they went at most, {worst}")

    train("--tasks", "1-8", *options[2:8], "--epochs", 20, "--lr", 0.02, "--warmup", 5, "--batch-tokens", 512, "--shards", 4, "-o", "end.st")
    model, meta = load("end.st")
    tasks = Tasks(json.loads(meta["vocab"]), texts)
    items = [json.loads(line) for line in open("items.jsonl")]
    lines = [i["caption"] for i in items if "caption" in i]
    worst, of = 0, [i for i in range(N) if "caption" in items[i]]
    for item, line in zip(of, run("recommend", "-q", "-m", "end.st", "-s", "sids.st", "--task", 7, "-k", 3, stdin="\n".join(lines)).stdout.splitlines()):
        for found, score in (x.rsplit(":", 1) for x in line.split("\t")):
            lp = sum(float(p) for p, _ in tasks.log_probs(model, 7, tasks.prompt(7, item), tasks.output(7, int(found[1:]))))
            worst = max(worst, abs(lp - float(score)))
    check(worst < 1e-3 and len(lines) == N - 1, "tasks with texts: scores of items behind captions", f"apart by {worst:.1e} at most")
    worst = 0
    told = run("recommend", "-q", "-m", "end.st", "-s", "sids.st", "--task", 5, "-b", 3, stdin="".join(f"i{i}\n" for i in range(N))).stdout
    for item, (score, title) in enumerate(line.split("\t") for line in told.splitlines()):
        ids = json.loads(run("tokenize", "encode", "-t", "tokenizer.json", "--form", "whole", stdin=title).stdout)["ids"]
        lp = sum(float(p) for p, _ in tasks.log_probs(model, 5, tasks.prompt(5, item), [tasks.vocab["first_text"] + t for t in ids] + [tasks.end]))
        worst = max(worst, abs(lp - float(score)))
    check(worst < 1e-3 and item == N - 1, "tasks with texts: scores of titles", f"apart by {worst:.1e} at most")


def backends():
    options = ["--epochs", 6, "--lr", 0.02, "--warmup", 5, "--batch-tokens", 512, "--shards", 4, "--dropout", 0]
    exact, rounded = train(*options, "--gemm", "f32", "-o", "f32.st"), train(*options, "--gemm", "bf16", "-o", "bf16.st")
    if rounded is None:
        check(True, "bf16 backend", "SKIP no oneDNN, or a processor without bf16")
        return
    worst = max(abs(a["loss_per_item"] / b["loss_per_item"] - 1) for a, b in zip(exact, rounded))
    check(worst < 0.03, "bf16 loses nothing that shows", f"losses within {100 * worst:.2f}% of f32's")
    lists = {}
    for gemm in "f32", "bf16":
        run("evaluate", "-q", "-m", "bf16.st", "-s", "sids.st", "-i", "interactions.st", "--split", "valid", "--beam", N, "--gemm", gemm,
            "--recs-out", gemm + "-recs.st")
        recs, _ = read_safetensors(gemm + "-recs.st")
        lists[gemm] = np.take_along_axis(recs["scores"], recs["items"].argsort(1), 1)
    apart = np.abs(lists["f32"] - lists["bf16"])
    check(apart.mean() < 0.05, "scores of one model in bf16 and f32", f"apart by {apart.mean():.4f} in the mean, {apart.max():.3f} at most")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    subprocess.run(["/usr/bin/python3", HERE.parent / "helpers" / "toy.py", ".", "users=40", "items=40", "codes=6"], check=True)
    catalogue, users = read_data()
    N = len(catalogue.sid)
    both = TIMELINE + ["--item-vectors", "--node-vectors"]
    replay("flat", [], "trie", 6, 0, 0, 0.05)
    replay("flat", [], "level", 5, 0.1, 0.6, 0.3)
    replay("flat with node vectors", ["--node-vectors"], "trie", 3, 0, 0, 0.05)
    replay("timeline", TIMELINE, "trie", 4, 0, 0, 0.05)
    replay("timeline of learned positions", TIMELINE + ["--learned-positions"], "level", 4, 0.1, 0.6, 0.3)
    replay("timeline with item vectors", TIMELINE + ["--item-vectors"], "level", 4, 0, 0, 0.3)
    replay("timeline with node vectors", TIMELINE + ["--node-vectors"], "trie", 4, 0.1, 0, 0.05)
    replay("timeline with both", both, "trie", 6, 0.1, 0.6, 0.3)
    replay("timeline with both, of learned positions", both + ["--learned-positions"], "trie", 4, 0, 0, 0.05)
    replay("timeline with both, items among items", both, "trie", 5, 0.1, 0, 0.05, 0.7)
    think = [*both, "--think", "--think-ffn", 16]
    make_codebook(16)
    replay("timeline of plain extra steps", [*think, "--think-align", 0, "--think-guide", 0], "trie", 5, 0.1, 0, 0.05, 0.7)
    taught = {"align": 0.5, "guide": 0.6, "follow": 0.7, "temperature": 0.3}
    options = [*think, "-s", "book.st", "--think-clusters", 3, *(a for k, v in taught.items() for a in ("--think-" + k, v))]
    replay("timeline that thinks", options, "trie", 6, 0.1, 0.6, 0.05, taught=taught)
    level = [o for o in options if o != "--node-vectors"]
    replay("timeline that thinks, items among items", level, "level", 4, 0, 0, 0.3, 0.7, taught=taught)
    flat = ["--think", "--think-ffn", 16, "--think-targets", 0]
    replay("flat body with plain extra steps", [*flat, "--node-vectors", "--think-align", 0, "--think-guide", 0], "trie", 4, 0.1, 0, 0.05)
    options = [*flat, *options[len(think):]]
    replay("flat body that thinks", options, "level", 4, 0, 0.6, 0.3, taught=taught)
    drops = ["--item-dropout", 0.1, "--vector-dropout", 0.2]
    evaluated("flat", [], "trie")
    evaluated("flat", [], "level")
    evaluated("flat with node vectors", ["--node-vectors"], "trie")
    evaluated("flat body that thinks", ["--think", "--node-vectors", "--epochs", 10], "trie")
    evaluated("timeline", TIMELINE + ["--epochs", 12], "level")
    evaluated("timeline with both", [*both, "--depth-dropout", 0.2, *drops], "trie")
    evaluated("timeline that thinks", [*think, "--depth-dropout", 0.2, *drops], "trie")
    evaluated("timeline of item vectors and learned positions", TIMELINE + ["--item-vectors", "--learned-positions"], "trie")
    tasks_with_texts()
    backends()
    tap.done()
