#!/usr/bin/python3
"""Makes tests/unit/golden.h: what PyTorch says of tiny generators, one of each body, whose weights are given by a formula.

golden.py --write makes the file anew; without it, checks (in TAP) that the file still says what PyTorch says.
"""
import math
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import numpy as np
import torch
from reference import (ITEMS, LEVEL_VECTORS, NODES, POSITIONS, Catalogue, Llama, Timeline, Tutor, beam_search, item_scores, lesson_losses,
                       policy_loss, unit, window_losses)

HEADER = pathlib.Path(__file__).parent.parent / "unit" / "golden.h"

# Six items on two levels of three codes; items 0 and 1 share both codes and carry suffixes, item 3 is alone from its first code.
codes = np.array([[0, 1], [0, 1], [2, 0], [1, 2], [2, 2], [0, 0]])
suffix = np.array([0, 1, -1, -1, -1, -1])
catalogue = Catalogue(codes, suffix, 3, 2)
histories = [[0, 2, 4, 1], [5, 3, 3]]
config = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4,
          "intermediate_size": 12, "vocab_size": 9, "rms_norm_eps": 1e-6, "rope_theta": 10000}

shapes = [("model.embed_tokens", 9, 8)]
for i in range(2):
    layer = f"model.layers.{i}."
    shapes += [(layer + "input_layernorm", 0, 8), (layer + "self_attn.q_proj", 16, 8), (layer + "self_attn.k_proj", 8, 8),
               (layer + "self_attn.v_proj", 8, 8), (layer + "self_attn.o_proj", 8, 16), (layer + "post_attention_layernorm", 0, 8),
               (layer + "mlp.gate_proj", 12, 8), (layer + "mlp.up_proj", 12, 8), (layer + "mlp.down_proj", 8, 12)]
shapes.append(("model.norm", 0, 8))


def block(name, inner):
    return [(name + ".norm", 0, 8), (name + ".gate_proj", inner, 8), (name + ".up_proj", inner, 8), (name + ".down_proj", 8, inner)]


depth = [s for i in range(3) for s in block(f"model.depth.{i}", 10)]
think = [s for i in range(2) for s in block(f"model.think.{i}", 6)] + [(LEVEL_VECTORS[:-7], 2, 8)]
tables = [(POSITIONS[:-7], 5, 8), (ITEMS[:-7], len(codes), 8), (NODES[:-7], len(catalogue.nodes()), 8)]
taught = block("decoder", 6) + [("project.0", 5, 8), ("project.1", 5, 8)]


def by_formula(shapes, first=0):
    weights = {}
    for number, (name, rows, cols) in enumerate(shapes, first):
        wave = np.sin(0.7 * np.arange(max(rows, 1) * cols) + number + 1)
        value = 0.5 * wave if rows else 1 + 0.2 * wave
        weights[name + ".weight"] = np.float32(value).reshape((rows, cols) if rows else cols)
    return weights


def make(body, shapes, **more):
    """A generator by the formula, and one beside it."""
    weights = by_formula(shapes)
    beside = {name: w + np.float32(0.1) * np.cos(np.arange(w.size)).astype(np.float32).reshape(w.shape) for name, w in weights.items()}
    return body(config | more, weights, catalogue.nodes()), body(config | more, beside, catalogue.nodes())


flat, timeline = make(Llama, shapes), make(Timeline, shapes + depth + tables)
thinking = make(Timeline, shapes + depth + think + tables, think_levels=2)
centroids = unit(torch.cos(0.9 * torch.arange(2 * 2 * 5) + 1).reshape(2, 2, 5)).numpy()
tutor = Tutor(config, by_formula(taught, 100), centroids, [[0, 1, 1], [1, 0, 1]])


def array(name, values, per_line):
    """A C array of the values' shape."""
    values = np.asarray(values)
    dims = "".join(f"[{n}]" for n in values.shape)
    flat = [f"{v:.7g}" for v in values.reshape(-1)]
    lines = [", ".join(flat[i:i + per_line]) for i in range(0, len(flat), per_line)]
    if values.ndim > 1:
        lines = ["{" + line + "}" for line in lines]
    return f"static const double {name}{dims} = {{\n    " + ",\n    ".join(lines) + "\n};\n"


def losses(model, softmax, smoothing):
    """Those of every scored token, and the number of input rows."""
    found = [window_losses(model, catalogue, h, 0, softmax, smoothing) for h in histories]
    return [t for f in found for t in f[0]], sum(f[1] for f in found)


def summaries(loss, *models):
    """First and last entry of every parameter's gradient, and its sum weighted by cos(index)."""
    weights = [w for m in models for w in m.w.values()]
    for g, w in zip(torch.autograd.grad(loss, weights, allow_unused=True), weights):
        g = torch.zeros_like(w) if g is None else g
        flat = g.reshape(-1).numpy()
        yield flat[0], flat[-1], float(flat @ np.cos(np.arange(flat.size)))


def gradients(model, softmax, smoothing):
    """Of the loss over rows."""
    tokens, rows = losses(model, softmax, smoothing)
    return list(summaries(sum(t[2] for t in tokens) / rows, model))


def policy(models, softmax, draws, advantages):
    """One step of GRPO, three candidates for each of two histories, ratios off 1 so that some are clipped: what was drawn under the old
    policy, loss, KL and gradients."""
    (model, frozen), options = models, (softmax, 1.3, 0.2, 0.7)
    groups = [(h, d, a, None) for h, d, a in zip(histories, draws, advantages)]
    found = policy_loss(model, frozen, catalogue, groups, *options)[1]
    old, k, table = [], 0, []
    for group in draws:
        for draw in group:
            was = [found[k + l] + (0.35 * math.sin(1 + k + l) if len(catalogue.allowed(draw[:l], softmax)) > 1 else 0) for l in range(len(draw))]
            old.append(was)
            table.append(was + [0] * (3 - len(was)))
            k += len(draw)
    groups = [(h, d, a, old[3 * i:3 * i + 3]) for i, (h, d, a) in enumerate(zip(histories, draws, advantages))]
    loss, _, kl = policy_loss(model, frozen, catalogue, groups, *options)
    return table, (float(loss.detach()), kl), list(summaries(loss, model))


def lesson():
    """Sums of what thoughts are taught by, temperature 0.5, and gradients of the model and the tutor."""
    align, guide, follow = lesson_losses(thinking[0], tutor, catalogue, [(h, 0) for h in histories], "trie", 0.5)
    sums = [sum(a) for a in align] + [guide.sum(), follow.sum()]
    loss = 0.3 * (0.8 * (sums[0] + sums[1]) + 0.9 * sums[2] + 0.7 * sums[3])
    return [float(s.detach()) for s in sums], list(summaries(loss, thinking[0], tutor))


def adamw():
    """Three steps on four weights with the gradients of sum(sin(step + w))."""
    w = torch.tensor([0.5, -0.25, 1.0, 0.0], requires_grad=True)
    optimiser = torch.optim.AdamW([w], lr=0.1, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.05)
    for step in range(3):
        optimiser.zero_grad()
        torch.sin(step + w).sum().backward()
        optimiser.step()
        yield w.detach().tolist()


def header():
    sets = ("trie", flat, "trie", 0.1), ("level", flat, "level", 0), ("timeline", timeline, "trie", 0.1), ("thinking", thinking, "trie", 0.1)
    out = ["/* Made by tests/torch/golden.py with PyTorch in float64; `make check-torch` compares. The flat body under both softmaxes; a timeline\n"
           " * of learned positions, item vectors and node vectors under the trie's, and one that thinks as well. */\n"
           "#ifndef SIDMILL_GOLDEN_H\n#define SIDMILL_GOLDEN_H\n"]
    out.append("/* Normalised final states of both histories' input rows, flat. */")
    out.append(array("golden_states", np.concatenate([flat[0].states(catalogue.tokens(h)[:-1]).detach() for h in histories]), 8))
    out.append("/* Loss of every scored token. */")
    for name, (model, _), softmax, _ in sets:
        out.append(array(f"golden_loss_{name}", [float(t[1]) for t in losses(model, softmax, 0)[0]], 8))
    out.append("/* First, last and cos-weighted sum of every parameter's gradient, under label smoothing 0.1, level without. */")
    for name, (model, _), softmax, smoothing in sets:
        out.append(array(f"golden_gradient_{name}", gradients(model, softmax, smoothing), 3))
    out.append("/* Log-probability of every item after histories 0, 1 and none. */")
    for name, (model, _), softmax, _ in sets:
        out.append(array(f"golden_score_{name}", [item_scores(model, catalogue, h, softmax) for h in histories + [[]]], 6))
    out.append("/* What a beam of 2 finds for them: item, score, item, score. */")
    for name, (model, _), softmax, _ in sets:
        found = [[(i, s) for s, i in beam_search(model, catalogue, h, softmax, 2)] for h in histories + [[]]]
        out.append(array(f"golden_beam_{name}", np.reshape(found, (3, 4)), 4))
    out.append("/* GRPO, candidates constrained to the catalogue and free (level): log-probabilities under the old policy, loss and summed KL,\n"
               " * gradients as above. */")
    advantages = [[1.25, -0.5, -0.75], [0.875, 0.5, -1.375]]
    items = [[catalogue.sid[i] for i in g] for g in ([4, 0, 3], [5, 1, 1])]
    free = [[(3, 6), (2, 5), (1, 5, 7)], [(1, 4), (1, 5, 8), (2, 6)]]
    for name, models, softmax, _ in sets:
        old, value, slopes = policy(models, softmax, items if softmax == "trie" else free, advantages)
        out.append(array(f"golden_policy_old_{name}", old, 3))
        out.append(array(f"golden_policy_loss_{name}", value, 2))
        out.append(array(f"golden_policy_gradient_{name}", slopes, 3))
    sums, slopes = lesson()
    out.append("/* What thoughts are taught by: sums of both levels' alignment, of the guide, of following it; gradients of the model and\n"
               " * the tutor, 0.3 times (0.8, 0.8, 0.9, 0.7) of them. */")
    out.append(array("golden_lesson_loss", sums, 4))
    out.append(array("golden_lesson_gradient", slopes, 3))
    out.append("/* AdamW: four weights after each of three steps. */")
    out.append(array("golden_adamw", list(adamw()), 4))
    return "\n".join(out) + "\n#endif\n"


def same(a, b):
    """Equal but for the last digits of numbers."""
    number = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
    x, y = ([float(n) for n in re.findall(number, t)] for t in (a, b))
    return re.sub(number, "#", a) == re.sub(number, "#", b) and all(math.isclose(p, q, rel_tol=2e-6, abs_tol=1e-9) for p, q in zip(x, y))


if sys.argv[1:] == ["--write"]:
    HEADER.write_text(header())
else:
    good = same(header(), HEADER.read_text())
    print(f"1..1\n{'' if good else 'not '}ok 1 - the golden vectors are what PyTorch computes")
    sys.exit(not good)
