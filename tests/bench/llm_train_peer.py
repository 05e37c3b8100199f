#!/usr/bin/python3
"""PyTorch's side of llm-train.sh: llm_train_peer.py DIR ROWS SEGMENT RANK KIND THREADS DTYPE ROUNDS, as bench_llm_train, ROWS in all."""
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torch"))
import torch
import torch.nn.functional as F
from reference.decoder import frequencies, norm, read_folder
from torch.utils.checkpoint import checkpoint

folder, rows, segment, rank, kind, threads, dtype, rounds = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5], int(sys.argv[6]), sys.argv[7], int(sys.argv[8])
torch.set_default_dtype(torch.float32)
torch.set_num_threads(threads)
weights, config = read_folder(folder)
for name in list(weights):  # one after the other, so that both types are there of one only
    weights[name] = weights[name].to(torch.bfloat16 if dtype == "bf16" else torch.float32)
heads, kv, dim, eps = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"], config["rms_norm_eps"]
pairs = {}
for name, w in weights.items():
    if "_proj.weight" in name:
        down = torch.randn(rank, w.shape[1]) * w.shape[1] ** -0.5
        pairs[name] = down.to(w.dtype).requires_grad_(), torch.zeros(w.shape[0], rank, dtype=w.dtype).requires_grad_()
angles = torch.arange(segment, dtype=torch.float64)[:, None] * frequencies(config)
cos, sin = (torch.cat([f(angles), f(angles)], -1).to(weights["model.norm.weight"].dtype)[:, None] for f in (torch.cos, torch.sin))
mask = torch.full((segment, segment), float("-inf")).triu(1).to(cos.dtype)


def linear(x, name, bias=None):
    down, up = pairs[name]
    return F.linear(x, weights[name], weights.get(bias)) + 2 * F.linear(F.linear(x, down), up)


def rotate(x):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def layer(i, x):
    at = f"model.layers.{i}."
    y = norm(x, weights[at + "input_layernorm.weight"], eps)
    q, k, v = (linear(y, f"{at}self_attn.{p}_proj.weight", f"{at}self_attn.{p}_proj.bias").unflatten(-1, (-1, dim)) for p in "qkv")
    q, k = rotate(q).transpose(1, 2), rotate(k).transpose(1, 2).repeat_interleave(heads // kv, 1)
    v = v.transpose(1, 2).repeat_interleave(heads // kv, 1)
    p = (q @ k.transpose(2, 3) * dim ** -0.5 + mask).softmax(-1)
    x = x + linear((p @ v).transpose(1, 2).flatten(2), at + "self_attn.o_proj.weight")
    y = norm(x, weights[at + "post_attention_layernorm.weight"], eps)
    return x + linear(F.silu(linear(y, at + "mlp.gate_proj.weight")) * linear(y, at + "mlp.up_proj.weight"), at + "mlp.down_proj.weight")


ids = (torch.arange(rows) * 7919 % config["vocab_size"]).view(-1, segment)
# What is summed repeats for each of bench_llm_train's threads.
wave = torch.sin(torch.arange(rows // threads * config["hidden_size"], dtype=torch.float64)).to(cos.dtype).repeat(threads).view(*ids.shape, -1)
pathlib.Path("/proc/self/clear_refs").write_text("5")  # what reading the weights took does not count
for round in range(-1, rounds):
    begin, used = time.monotonic(), time.process_time()
    start = x = weights["model.embed_tokens.weight"][ids].requires_grad_()
    for i in range(config["num_hidden_layers"]):
        x = checkpoint(layer, i, x, use_reentrant=False) if kind == "layers" else layer(i, x)
    value = (norm(x, weights["model.norm.weight"], eps) * wave).sum()
    for pair in pairs.values():
        for p in pair:
            p.grad = None
    value.backward()
    if round >= 0:
        print(f"{rows / (time.monotonic() - begin):.1f} {rows * threads / (time.process_time() - used):.1f}")
memory = int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) // 1024
print(f"value {float(value):.4f} gradient {float(start.grad.float().norm()):.4f} memory {memory}")
