#!/usr/bin/python3
"""Policy training replayed in PyTorch: with candidates by beam search nothing is drawn at random, and with all prompts in one step
their order does not matter; candidates, rewards, losses and weights must agree, step by step. Prints TAP; the binaries are in
SIDMILL_BIN (build/bin). What one step does to given candidates, free ones among them, golden.py and test_golden compare.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy as np
from reference import (Catalogue, Optimiser, advantages, beam_search, load, policy_loss, preference_loss, read_safetensors,
                       sid_log_prob)
from reference import tap
from reference.tap import check

HERE = pathlib.Path(__file__).resolve().parent
GROUP, MAX_ITEMS = 5, 6


def run(tool, *args):
    tap.run(tool, "-q", "-s", "sids.st", "-i", "interactions.st", "--gemm", "f32", *args)


def reward(kind, target, drawn, quality):
    """Of candidates as items, best first: each one's terms, added up."""
    hit = [float(i == target) for i in drawn]
    if kind == "exact":
        return hit
    if kind == "rank":
        weights = [1 / math.log2(k + 2) for k in range(len(drawn))]
        return [h if h or not any(hit) else -w / sum(weights) for h, w in zip(hit, weights)]
    if kind == "list":
        gain = [1 / math.log2(k + 2) for k in range(len(drawn))]
        place = hit.index(1) if 1 in hit else 0
        return [gain[place] * h + (k < place) * (gain[place] - gain[place - 1]) for k, h in enumerate(hit)]
    if kind == "graded":
        users = [set(u for u, t in enumerate(in_training) if i in t) for i in range(N)]
        both = [len(users[i] & users[target]) / math.sqrt(max(1, len(users[i]) * len(users[target]))) for i in drawn]
        return [h or 0.3 * s for h, s in zip(hit, both)]
    codes = [catalogue.sid[i][:catalogue.levels] for i in drawn]
    wanted = catalogue.sid[target][:catalogue.levels]
    common = [next((l for l in range(len(wanted)) if c[l] != wanted[l]), len(wanted)) for c in codes]
    bonus = {"gated": [h * quality[target] for h in hit], "ungated": [quality[i] for i in drawn]}[kind]
    return [h + 0.1 + 0.3 * n / len(wanted) + 0.5 * q for h, n, q in zip(hit, common, bonus)]


class Tempered:
    """A model as beam search sees it: the temperature divides the logits."""

    def __init__(self, model, temperature):
        self.after, self.model, self.temperature = model.after, model, temperature

    def logits(self, *at):
        return self.model.logits(*at) / self.temperature


def train(start, *options):
    run("sidgen-train", "--dim", 16, "--layers", 2, "--heads", 2, "--kv-heads", 1, "--ffn", 24, "--max-items", MAX_ITEMS, "--lr", 0.02, "--batch-tokens", 256,
        "--shards", 2, "--warmup", 5, "--patience", 0, "-o", start, *options)


def replay(start, kind, temperature, inner, beta, epsilon, steps, centred=False, supervised=0, objective="grpo"):
    options = {"lr": 0.01, "weight-decay": 0.1, "max-norm": 0.4, "temperature": temperature, "inner-steps": inner, "kl": beta, "sft-weight": supervised, "objective": objective}
    if objective == "grpo":
        options |= {"clip": epsilon, "reward": kind, "advantages": "centred" if centred else "standardised", "quality": "quality.st"}
    run("qarm-rl", "-m", start, "--sampler", "constrained-beam", "--group", GROUP, "--prompts", "last",
        "--prompts-per-step", len(prompts), "--epochs", steps, "--schedule", "constant", "--warmup", 0, "--valid-every", 1, "--patience", 0,
        "--max-kl", 0, "--min-entropy", 0, "--max-entropy", 0, "--shards", 3, "--log", "log.jsonl", "--valid-users", 0, "-o", "end.st",
        *(x for k, v in options.items() for x in (f"--{k}", v)))
    log = [json.loads(line) for line in open("log.jsonl")][1:]
    (model, _), (reference, _) = load(start), load(start)
    optimiser = Optimiser(model, 0.1)
    worst, same = 0, len(log) == steps
    for line in log:
        groups, earned = [], []
        for history, target in prompts:
            drawn = [i for _, i in beam_search(Tempered(model, temperature), catalogue, history, "trie", GROUP)]
            earned.append(reward(kind, target, drawn, quality))
            if objective != "grpo":
                groups.append([history, [catalogue.sid[i] for i in drawn], catalogue.sid[target]])
            elif max(earned[-1]) > min(earned[-1]):
                groups.append([history, [catalogue.sid[i] for i in drawn], advantages(earned[-1], not centred), None])
        equal = sum(max(e) == min(e) for e in earned)
        same = same and line["groups_equal"] == equal and abs(np.mean(earned) - line["reward"]) < 2e-6
        losses = []
        for _ in range(inner):
            if objective == "grpo":
                loss, found, _ = policy_loss(model, reference, catalogue, groups, "trie", temperature, epsilon, beta)
                if groups[0][3] is None:
                    found = iter(found)
                    for g in groups:
                        g[3] = [[next(found) for _ in draw] for draw in g[1]]
            else:
                loss = preference_loss(model, reference, catalogue, groups, "trie", temperature, beta, objective == "sdpo-rank")
            if supervised:
                likely = [sid_log_prob(model, catalogue, h, catalogue.sid[t], "trie", temperature) for h, t in prompts]
                loss = loss - supervised * sum(likely) / len(prompts)
            losses.append(float(loss.detach()))
            optimiser.step(loss, 0.01, 0.4)
        worst = max(worst, abs(np.mean(losses) - line["loss"]))
    ours, _ = read_safetensors("end.st")
    begin, _ = read_safetensors(start)
    moved = np.sqrt(sum(((w.detach().numpy() - begin[k]) ** 2).sum() for k, w in model.w.items()))
    apart = np.sqrt(sum(((w.detach().numpy() - ours[k]) ** 2).sum() for k, w in model.w.items()))
    what = kind if objective == "grpo" else objective
    name = f"{start[:-3]}, {steps} steps of {inner}, {what}{', centred' * centred}, supervised {supervised}, temperature {temperature}, beta {beta}"
    check(same, f"{name}: candidates and rewards")
    check(worst < 2e-5, f"{name}: losses", f"apart by {worst:.1e} at most")
    check(apart < 1e-4 * moved, f"{name}: weights", f"apart by {apart / moved:.1e} of the way they went")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for helper, *args in ("toy.py", ".", "users=16", "items=40", "codes=6"), ("quality.py", "quality.st", "items=40"):
        subprocess.run(["/usr/bin/python3", HERE.parent / "helpers" / helper, *args], check=True)
    train("flat.st", "--epochs", 60)
    train("timeline.st", "--epochs", 10, "--body", "timeline", "--depth-ffn", 20, "--item-vectors", "--node-vectors")
    s, meta = read_safetensors("sids.st")
    x, _ = read_safetensors("interactions.st")
    q, _ = read_safetensors("quality.st")
    quality = q["quality"].astype(np.float64) * q["quality_mask"]
    catalogue = Catalogue(s["codes"], s["suffix"], json.loads(meta["config"])["codes"], max(0, int(s["suffix"].max()) + 1))
    o, e = x["user_offsets"], x["item_index"].tolist()
    trained = [e[o[u]:o[u + 1]][:-2] for u in range(len(o) - 1) if o[u + 1] - o[u] >= 4]
    in_training, N = [set(e[o[u]:o[u + 1]][:-2]) for u in range(len(o) - 1)], len(catalogue.sid)
    prompts = [(h[:-1][-MAX_ITEMS:], h[-1]) for h in trained]
    replay("flat.st", "rank", 1, 1, 0.001, 0.2, 4)
    replay("flat.st", "gated", 0.8, 3, 0.2, 0.05, 3)
    replay("flat.st", "ungated", 1.5, 2, 0, 0.1, 2)
    replay("timeline.st", "rank", 1, 1, 0.001, 0.2, 6)
    replay("timeline.st", "gated", 0.8, 3, 0.2, 0.05, 4)
    replay("timeline.st", "list", 1, 1, 0.001, 0.2, 3, centred=True)
    replay("timeline.st", "graded", 1.2, 2, 0.1, 0.2, 3, supervised=0.4)
    replay("timeline.st", "exact", 1, 1, 0.5, 0, 3, objective="sdpo")
    replay("flat.st", "exact", 0.9, 2, 0.3, 0, 2, supervised=0.2, objective="sdpo-rank")
    tap.done()
