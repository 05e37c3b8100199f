#!/usr/bin/python3
"""PyTorch's side of llm-decode.sh: llm_decode_peer.py ROOT BEAM THREADS BATCH, in its folder. Prompts are encoded once, beams share their keys
and values, and of each level's codes alone logits are computed. Prints users/s, MB, and the seconds before the first user."""
import json
import resource
import sys
import time

begin = time.monotonic()
sys.dont_write_bytecode = True
root, beam, threads, batch = sys.argv[1], *map(int, sys.argv[2:])
sys.path[:0] = [root + "/tests/torch", root + "/tests/helpers"]
import tensors
import torch
import torch.nn.functional as F
from reference.decoder import frequencies, norm, read_folder

torch.set_default_dtype(torch.float32)
torch.set_num_threads(threads)
weights, config = read_folder("llm")
for name in list(weights):
    weights[name] = weights[name].float()
heads, kv, dim, eps, layers = (config[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps", "num_hidden_layers"))
angles = torch.arange(512, dtype=torch.float64)[:, None] * frequencies(config)
cos, sin = (torch.cat([f(angles), f(angles)], -1).float()[:, None] for f in (torch.cos, torch.sin))
table = weights["model.embed_tokens.weight"]

tokenizer = json.load(open("llm/tokenizer.json"))
first = min(t["id"] for t in tokenizer["added_tokens"])
codes = tensors.load("sids.st")[0]["codes"].tolist()
sid = [[first + 256 * l + c for l, c in enumerate(row)] for row in codes]
children, item = {}, {tuple(s): i for i, s in enumerate(sid)}
for s in sid:
    for l in range(3):
        children.setdefault(tuple(s[:l]), set()).add(s[l])
words = [tokenizer["model"]["vocab"][{" ": "Ġ", "\n": "Ċ"}.get(c, c)] for c in "What a customer bought, the oldest first:\n"]
allowed = {p: torch.tensor(sorted(c)) - first - 256 * len(p) for p, c in children.items()}


def rotate(x, at):
    a, b = x.chunk(2, -1)
    return x * cos[at:at + x.shape[1]] + torch.cat([-b, a], -1) * sin[at:at + x.shape[1]]


def step(x, at, prompt, own):
    """Rows [n, tokens, d] at positions from `at` on; `prompt` [layer] keys and values that n / group rows share, `own` those of each."""
    for i in range(layers):
        w = lambda name: weights.get(f"model.layers.{i}.{name}")
        y = norm(x, w("input_layernorm.weight"), eps)
        q, k, v = (F.linear(y, w(f"self_attn.{p}_proj.weight"), w(f"self_attn.{p}_proj.bias")).unflatten(-1, (-1, dim)) for p in "qkv")
        q, k = rotate(q, at), rotate(k, at)
        n, tokens = q.shape[:2]
        if prompt[i] is None:
            prompt[i] = k, v
            k, v = (t.repeat_interleave(heads // kv, 2).transpose(1, 2) for t in (k, v))
            scores = q.transpose(1, 2) @ k.transpose(2, 3) * dim ** -0.5 + torch.full((tokens, tokens), float("-inf")).triu(1)
            out = (scores.softmax(-1) @ v).transpose(1, 2)
        else:
            pk, pv = prompt[i]
            own[i] = tuple(torch.cat([o, t], 1) for o, t in zip(own[i], (k, v))) if own[i] is not None else (k, v)
            users, group = pk.shape[0], n // pk.shape[0]
            shared = q.view(users, group, kv, heads // kv, dim)
            far = torch.einsum("ugkhd,utkd->ugkht", shared, pk)
            near = torch.einsum("ugkhd,ugtkd->ugkht", shared, own[i][0].view(users, group, -1, kv, dim))
            p = (torch.cat([far, near], -1) * dim ** -0.5).softmax(-1)
            out = torch.einsum("ugkht,utkd->ugkhd", p[..., :pk.shape[1]], pv)
            out = out + torch.einsum("ugkht,ugtkd->ugkhd", p[..., pk.shape[1]:], own[i][1].view(users, group, -1, kv, dim))
            out = out.reshape(n, 1, heads, dim)
        x = x + F.linear(out.flatten(2), w("self_attn.o_proj.weight"))
        y = norm(x, w("post_attention_layernorm.weight"), eps)
        x = x + F.linear(F.silu(F.linear(y, w("mlp.gate_proj.weight"))) * F.linear(y, w("mlp.up_proj.weight")), w("mlp.down_proj.weight"))
    return norm(x[:, -1], weights["model.norm.weight"], eps)


def recommend(histories):
    ids = torch.tensor([words + [t for i in h for t in sid[i]] for h in histories])
    prompt, own = [None] * layers, [None] * layers
    state = step(table[ids], 0, prompt, own)[:, None]
    live = [[(0.0, ())] for _ in histories]
    for level in range(3):
        logits = state @ table[first + 256 * level:first + 256 * (level + 1)].T
        found = []
        for u, beams in enumerate(live):
            options = []
            for b, (score, prefix) in enumerate(beams):
                among = allowed[prefix]
                lp = logits[u, b][among].log_softmax(-1)
                best = lp.topk(min(beam, len(among)))
                options += [(score + p, b, prefix + (first + 256 * level + int(among[j]),)) for p, j in zip(best.values.tolist(), best.indices.tolist())]
            found.append(sorted(options, key=lambda o: -o[0])[:beam])
        live = [[(s, p) for s, _, p in f] for f in found]
        if level == 2:
            return [[(item[p], s) for s, p in beams] for beams in live]
        wide = max(map(len, found))
        for f in found:
            f += [f[-1]] * (wide - len(f))
        if level:
            parents = torch.tensor([[b for _, b, _ in f] for f in found])
            rows = (parents + torch.arange(len(found))[:, None] * state.shape[1]).flatten()
            own = [tuple(t[rows] for t in o) for o in own]
        tokens = torch.tensor([[p[-1] for _, _, p in f] for f in found])
        state = step(table[tokens.flatten()][:, None], ids.shape[1] + level, prompt, own).view(len(found), wide, -1)


histories = [[int(i[1:]) for i in line.split()] for line in open("histories.txt")]
with torch.inference_mode():
    recommend(histories[:1])
    loaded = time.monotonic()
    lists = [found for at in range(0, len(histories), batch) for found in recommend(histories[at:at + batch])]
seconds = time.monotonic() - loaded
with open("lists.peer", "w") as f:
    for found in lists:
        print(*(f"i{i}:{s:.6g}" for i, s in found), file=f)
print(len(histories) / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, loaded - begin)
