#!/usr/bin/python3
"""sidgen-train --base against PyTorch: decoders of several families with new tokens and LoRA pairs. Training, replayed from the same start
with a batch that holds a whole epoch (losses, and where every weight went); and the scores that recommend gives. The same of all of a base's
weights (--full). Prints TAP; the binaries are in SIDMILL_BIN (build/bin)."""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy as np
import torch
from reference import Catalogue, Optimiser, item_scores, read_safetensors, tap, windows
from reference.decoder import hidden, read_folder
from reference.tap import check, run

HERE = pathlib.Path(__file__).resolve().parent
N, EPOCHS = 40, 4
LLAMA3 = '{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}'
ASKED = "next: Bought:\\n{input}\\nAnd then:\\n\n" "title-item: {input} is\\n\n" "item-title: The item {input}\\n\n"
FORMS = [("Llama", f"family=llama set.rope_scaling={LLAMA3}", [], None), ("Qwen2, tied", "family=qwen2 tied=yes", [], None),
         ("Qwen3, BF16", "family=qwen3 dtype=BF16", [], None), ("some targets, a prompt an item", "family=qwen3 tied=yes", ["--lora-targets", "k,up"], ASKED),
         ("new tokens alone", "family=llama", ["--lora-rank", 0], None), ("Llama in full, BF16", f"family=llama dtype=BF16 set.rope_scaling={LLAMA3}", ["--full"], None),
         ("Qwen2 in full, tied", "family=qwen2 tied=yes", ["--full"], None), ("Qwen3 in full, a prompt an item", "family=qwen3 prefix=", ["--full"], ASKED)]
EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def encode(text):
    return json.loads(run("tokenize", "encode", "-t", "plain.json", "--form", "whole", stdin=text))["ids"] if text else []


class Based:
    """A folder's decoder with what a model/1 file adds to it, or that file alone where it holds all weights."""

    def __init__(self, folder, path):
        tensors, meta = read_safetensors(path)
        base, self.config = read_folder(folder)
        self.base = {k: v.double() for k, v in base.items()}
        self.w = {k: torch.tensor(np.array(v, np.float64), requires_grad=True) for k, v in tensors.items() if k != "tokenizer"}
        self.vocab, self.full = json.loads(meta["vocab"]), "base" not in meta
        lora = None if self.full else json.loads(meta["base"])["lora"]
        self.scale = 0 if self.full else lora["alpha"] / max(1, lora["rank"])
        self.around = {}
        for line in meta["templates"].splitlines():
            task, text = line.split(": ", 1)
            before, after = (encode(t.replace("\\n", "\n")) for t in text.split("{input}"))
            self.around[task] = [[self.vocab["first_text"] + i for i in ids] for ids in (before, after)]

    def merged(self):
        """The decoder's weights, pairs and new tokens in their places; and the output matrix."""
        if self.full:
            return self.w, self.w.get(HEAD, self.w[EMBED])
        w, new = dict(self.base), "model.embed_tokens.new.weight"
        for name in self.w:
            if name.endswith("lora_A.weight"):
                to = name.replace("lora_A.", "")
                w[to] = w[to] + self.scale * self.w[name.replace("lora_A", "lora_B")] @ self.w[name]
        w[EMBED] = torch.cat([self.w[new], self.base[EMBED]])
        head = self.base.get(HEAD, self.base[EMBED])
        return w, torch.cat([self.w.get("lm_head.new.weight", self.w[new]), head])

    def off_base(self):
        """The largest difference of what has not moved yet from the base, which has rows beyond its tokenizer's."""
        first, text = self.vocab["first_text"], self.vocab["text"]
        theirs = {k if k.startswith(("model.", "lm_head.")) else "model." + k: v for k, v in self.base.items()}
        assert set(theirs) == set(self.w), (set(theirs), set(self.w))
        rows = {k: (v[:text], self.w[k][first:]) if k in (EMBED, HEAD) else (v, self.w[k]) for k, v in theirs.items()}
        return max(float((a - b).abs().max()) for a, b in rows.values())

    def prompt(self, task, tokens):
        before, after = self.around[task]
        return before + tokens + after

    def after(self, catalogue, history):
        w, _ = self.merged()
        tokens = self.prompt("next", catalogue.tokens(history)[1:])
        return lambda prefix: hidden(w, self.config, tokens + list(prefix))[-1]

    def logits(self, state, prefix, allowed):
        return self.merged()[1][torch.tensor(allowed)] @ state


def sequences(model, catalogue, users, titles):
    """(task, tokens, [(place, token, allowed)]): what is read, and what is told at which of its rows."""
    def sid(tokens, item):
        for level, token in enumerate(catalogue.sid[item]):
            yield len(tokens) - 1 + level, token, catalogue.allowed(catalogue.sid[item][:level], "trie")

    v = model.vocab
    words = list(range(v["end"], v["first_text"] + v["text"]))
    before, after = model.around["next"]
    for u in users:
        if after:
            for n in range(1, len(u) - 2):
                tokens = model.prompt("next", catalogue.tokens(u[max(0, n - 6):n])[1:])
                yield 1, tokens + list(catalogue.sid[u[n]][:-1]), list(sid(tokens, u[n]))
            continue
        for items, context in windows(None, u[:-2], 6):
            tokens, told = list(before), []
            for n, item in enumerate(items):
                told += sid(tokens, item) if n >= context else []
                tokens += catalogue.sid[item]
            yield 1, tokens[:-1], told
    for item, title in enumerate(titles):
        title = [v["first_text"] + t for t in title]
        tokens = model.prompt("title-item", title)
        yield 4, tokens + list(catalogue.sid[item][:-1]), list(sid(tokens, item))
        tokens = model.prompt("item-title", list(catalogue.sid[item]))
        yield 5, tokens + title, [(len(tokens) - 1 + n, t, words) for n, t in enumerate(title + [v["end"]])]


def replay(name, catalogue, users, titles, extra):
    options = ["-q", "-s", "sids.st", "-i", "interactions.st", "--base", "base", "--max-items", 6, "--tasks", "1,4,5", "--items", "items.jsonl",
               *([] if "--full" in extra else ["--lora-rank", 3]), "--batch-tokens", 1 << 19, "--warmup", 3, "--clip", 0.5, "--valid-users", 0, "--log", "log.jsonl", *extra]
    run("sidgen-train", *options, "--epochs", 1, "--lr", 0, "-o", "start.st")
    run("sidgen-train", *options, "--epochs", EPOCHS, "--lr", 0.02, "-o", "end.st")
    log = [json.loads(line) for line in open("log.jsonl")]
    model, begin, ours = Based("base", "start.st"), read_safetensors("start.st")[0], read_safetensors("end.st")[0]
    ours.pop("tokenizer", None)
    if model.full:
        check(model.off_base() == 0, f"{name}: begins with the base's weights")
    optimiser, error, all_of = Optimiser(model, 0.05), 0, list(sequences(model, catalogue, users, titles))
    for epoch in range(EPOCHS):
        w, head = model.merged()
        losses = {1: [], 4: [], 5: []}
        for task, tokens, told in all_of:
            states = hidden(w, model.config, tokens)
            for place, token, allowed in told:
                lp = (head[torch.tensor(allowed)] @ states[place]).log_softmax(-1)
                losses[task].append(-lp[allowed.index(token)])
        for task, of_task in losses.items():
            said = log[epoch]["tasks"][str(task)]
            error = max(error, abs(len(of_task) - said["tokens"]), abs(float(sum(of_task)) / len(of_task) - said["loss"]))
        rate = 0.02 * min(1, (epoch + 1) / 3) * 0.5 * (1 + math.cos(math.pi * epoch / EPOCHS))
        optimiser.step(sum(sum(x) for x in losses.values()) / sum(len(tokens) for _, tokens, _ in all_of), rate, 0.5)
    weights = {k: w.detach().numpy() for k, w in model.w.items()}
    apart = {k: np.linalg.norm(w - ours[k]) / np.linalg.norm(w - begin[k]) for k, w in weights.items()}
    worst = max(apart, key=apart.get)
    check(error < 3e-5, f"{name}: losses of {EPOCHS} steps", f"apart by {error:.1e} at most")
    check(set(ours) == set(weights) and apart[worst] < 1e-3, f"{name}: weights", f"apart by {apart[worst]:.1e} of the way they went at most, {worst}")


def scores(name, catalogue, users):
    model, worst = Based("base", "end.st"), 0
    lines = "".join(" ".join(f"i{i}" for i in u[:-2]) + "\n" for u in users[:8])
    for line, u in zip(run("recommend", "-q", "-m", "end.st", "-s", "sids.st", "-k", 5, "--beam", N, stdin=lines).splitlines(), users):
        with torch.no_grad():
            expected = item_scores(model, catalogue, u[:-2][-6:], "trie")
        worst = max(worst, *(abs(expected[int(i[1:])] - float(s)) for i, s in (p.rsplit(":", 1) for p in line.split("\t"))))
    check(worst < 1e-3, f"{name}: scores", f"apart by {worst:.1e} at most")


def main():
    subprocess.run(["/usr/bin/python3", HERE.parent / "helpers" / "toy.py", ".", "users=12", f"items={N}", "codes=6"], check=True)
    colours, things = "red green blue grey pink".split(), "cup lamp chair coat book drum fork glove".split()
    names = [f"{colours[i % 5]} {things[i // 5]}" for i in range(N)]
    pathlib.Path("items.jsonl").write_text("".join(json.dumps({"id": f"i{i}", "title": t}) + "\n" for i, t in enumerate(names)))
    run("tokenize", "train", "-q", "--vocab", 300, "-o", "plain.json", "items.jsonl")
    pathlib.Path("asked.txt").write_text(ASKED)
    s, meta = read_safetensors("sids.st")
    x, _ = read_safetensors("interactions.st")
    catalogue = Catalogue(s["codes"], s["suffix"], json.loads(meta["config"])["codes"], max(0, int(s["suffix"].max()) + 1))
    o, e = x["user_offsets"], x["item_index"].tolist()
    users = [u for u in (e[o[n]:o[n + 1]] for n in range(len(o) - 1)) if len(u) >= 3]
    titles = [encode(t)[:32] for t in names]
    for name, flags, extra, asked in FORMS:
        subprocess.run([HERE.parent / "helpers" / "llm_folder.py", "base", "hidden=16", "wide=24", "vocab=310", "head_dim=4", *flags.split()], check=True)
        pathlib.Path("base", "tokenizer.json").write_text(pathlib.Path("plain.json").read_text())
        replay(name, catalogue, users, titles, [*extra, *(["--template", "asked.txt"] if asked else [])])
        scores(name, catalogue, users)
    tap.done()


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    main()
