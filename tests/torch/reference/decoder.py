"""Llama, Mistral, Qwen2 and Qwen3 once more, from their papers' and configs' descriptions, in plain PyTorch."""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from reference.clip import read_tensors


def read_folder(folder):
    """Weights and config of a Hugging Face folder."""
    weights = {}
    for path in pathlib.Path(folder).glob("*.safetensors"):
        weights |= read_tensors(path)
    return weights, json.loads(pathlib.Path(folder, "config.json").read_text())


def frequencies(config):
    """The angle by which a position turns each pair, with Llama 3.1's scaling."""
    dim = config["head_dim"]
    scaling = config.get("rope_scaling") or {}
    out = []
    for i in range(dim // 2):
        f = config["rope_theta"] ** (-2 * i / dim)
        if scaling.get("rope_type") == "llama3":
            length, original = 2 * math.pi / f, scaling["original_max_position_embeddings"]
            low, high = original / scaling["low_freq_factor"], original / scaling["high_freq_factor"]
            smooth = (original / length - scaling["low_freq_factor"]) / (scaling["high_freq_factor"] - scaling["low_freq_factor"])
            between = (1 - smooth) * f / scaling["factor"] + smooth * f
            f = f if length < high else f / scaling["factor"] if length > low else between
        out.append(f)
    return torch.tensor(out, dtype=torch.float64)


def norm(x, gain, eps):
    return gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def rotate(x, angles):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    c, s = angles.cos().float(), angles.sin().float()
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def hidden(weights, config, ids):
    """The normalised final states [..., tokens, hidden_size] of texts as long as each other, ids [..., tokens]."""
    prefix = "model." if "model.norm.weight" in weights else ""
    heads, kv, dim, eps = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"], config["rms_norm_eps"]
    ids = torch.as_tensor(ids)
    n = ids.shape[-1]
    angles = torch.arange(n, dtype=torch.float64)[:, None] * frequencies(config)
    mask = torch.full((n, n), float("-inf")).triu(1)
    x = weights[prefix + "embed_tokens.weight"][ids]
    for i in range(config["num_hidden_layers"]):
        w = lambda name: weights.get(f"{prefix}layers.{i}.{name}")
        y = norm(x, w("input_layernorm.weight"), eps)
        q, k, v = (F.linear(y, w(f"self_attn.{p}_proj.weight"), w(f"self_attn.{p}_proj.bias")) for p in "qkv")
        q, k, v = q.unflatten(-1, (heads, dim)), k.unflatten(-1, (kv, dim)), v.unflatten(-1, (kv, dim))
        if w("self_attn.q_norm.weight") is not None:
            q, k = norm(q, w("self_attn.q_norm.weight"), eps), norm(k, w("self_attn.k_norm.weight"), eps)
        q, k = rotate(q, angles[:, None]), rotate(k, angles[:, None])
        k, v = k.repeat_interleave(heads // kv, -2), v.repeat_interleave(heads // kv, -2)
        scores = torch.einsum("...qhd,...khd->...hqk", q, k) / math.sqrt(dim) + mask
        x = x + F.linear(torch.einsum("...hqk,...khd->...qhd", scores.softmax(-1), v).flatten(-2), w("self_attn.o_proj.weight"))
        y = norm(x, w("post_attention_layernorm.weight"), eps)
        x = x + F.linear(F.silu(F.linear(y, w("mlp.gate_proj.weight"))) * F.linear(y, w("mlp.up_proj.weight")), w("mlp.down_proj.weight"))
    return norm(x, weights[prefix + "norm.weight"], eps)
