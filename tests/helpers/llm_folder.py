#!/usr/bin/python3
"""Makes DIR, a Hugging Face folder of a decoder with random weights: config.json and weights, beside a tokenizer.json that is there.

llm_folder.py DIR [name=value ...]: family=llama, mistral, qwen2 or qwen3; hidden, wide, layers, heads, kv, head_dim, vocab, seed;
dtype=F32, F16 or BF16; shards=N spreads the tensors over N files with an index; prefix=TEXT begins the tensors' names (model.);
tied=yes leaves the output matrix out; set.KEY=JSON sets a key of the config, or with null takes it away; break=NAME makes one thing wrong.
The same seed and shape give the same weights whatever the type, but for its rounding. Shared by several tests; numpy alone.
"""
import json, os, struct, sys
import numpy as np

folder = sys.argv[1]
o = {"family": "qwen3", "hidden": 32, "wide": 48, "layers": 2, "heads": 4, "kv": 2, "head_dim": 8, "vocab": 400, "seed": 1, "dtype": "F32",
     "shards": 0, "prefix": "model.", "tied": "no"} | dict(a.split("=", 1) for a in sys.argv[2:])
broken = o.pop("break", "")
D, F, L, H, KV, HD, V, shards = (int(o[k]) for k in ("hidden", "wide", "layers", "heads", "kv", "head_dim", "vocab", "shards"))
rng = np.random.default_rng(int(o["seed"]))


def normal(deviation, *shape):
    return (deviation * rng.standard_normal(shape)).astype(np.float32)


def gain(n):
    return 1 + normal(0.2, n)


t = {"embed_tokens.weight": normal(1, V, D)}
for i in range(L):
    layer = f"layers.{i}."
    for name, out in ("q", H * HD), ("k", KV * HD), ("v", KV * HD):
        t[f"{layer}self_attn.{name}_proj.weight"] = normal(D ** -0.5, out, D)
        if o["family"] == "qwen2":
            t[f"{layer}self_attn.{name}_proj.bias"] = normal(0.5, out)
    if o["family"] == "qwen3":
        t[layer + "self_attn.q_norm.weight"], t[layer + "self_attn.k_norm.weight"] = gain(HD), gain(HD)
    t[layer + "self_attn.o_proj.weight"] = normal((H * HD) ** -0.5, D, H * HD)
    t[layer + "mlp.gate_proj.weight"], t[layer + "mlp.up_proj.weight"] = normal(D ** -0.5, F, D), normal(D ** -0.5, F, D)
    t[layer + "mlp.down_proj.weight"] = normal(F ** -0.5, D, F)
    t[layer + "input_layernorm.weight"], t[layer + "post_attention_layernorm.weight"] = gain(D), gain(D)
t["norm.weight"] = gain(D)
t = {o["prefix"] + name: value for name, value in t.items()}
if o["tied"] == "no":
    t["lm_head.weight"] = normal(D ** -0.5, V, D)
some = o["prefix"] + "layers.0.mlp.up_proj.weight"
if broken == "nan": t[some][1, 2] = np.nan
if broken == "shape": t[some] = t[some][:-1]
if broken == "missing": del t[some]

config = {"model_type": o["family"], "hidden_act": "silu", "hidden_size": D, "intermediate_size": F, "num_hidden_layers": L,
          "num_attention_heads": H, "num_key_value_heads": KV, "head_dim": HD, "vocab_size": V, "max_position_embeddings": 1024,
          "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": o["tied"] == "yes", "torch_dtype": "bfloat16"}
for key, value in o.items():
    if key.startswith("set."):
        config[key[4:]] = json.loads(value)
config = {key: value for key, value in config.items() if value is not None}


def encode(value):
    if o["dtype"] == "BF16":
        bits = value.view(np.uint32)
        return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()
    return value.astype({"F32": "<f4", "F16": "<f2"}[o["dtype"]]).tobytes()


def save(name, tensors):
    header, data = {}, b""
    for key, value in tensors.items():
        raw = encode(np.ascontiguousarray(value))
        header[key] = {"dtype": o["dtype"], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "config.json"), "w") as f:
    json.dump(config, f)
if shards:
    files = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    where = {name: files[i % shards] for i, name in enumerate(t)}
    for file in files:
        if broken != "shard" or file != files[-1]:
            save(file, {name: t[name] for name in t if where[name] == file})
    text = json.dumps({"metadata": {}, "weight_map": where})
    if broken == "twice": text = text.replace('"weight_map": {', '"weight_map": {' + json.dumps(some) + ": " + json.dumps(files[0]) + ", ")
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        f.write(text)
elif broken == "pickle":
    open(os.path.join(folder, "pytorch_model.bin"), "wb").write(b"\x80\x02.")
else:
    save("model.safetensors", t)
