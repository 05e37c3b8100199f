#!/usr/bin/python3
"""Makes DIR, a Hugging Face folder of a CLIP vision tower with random weights: config.json, preprocessor_config.json, weights.

clip_folder.py DIR [name=value ...]: hidden, wide (intermediate_size), layers, heads, image, patch, act, seed; dtype=F32, F16 or
BF16; kind=clip (CLIPModel: vision_config nested, a projection and one tensor of a text tower beside), vision (CLIPVisionModel);
shards=N spreads the tensors over N files with an index; preprocessor=no leaves that file out, preprocessor=new has it within
processor_config.json; prefix=TEXT stands before the tensors' names; kind=open_clip: open_clip's files and names; break=NAME makes one
thing wrong.
The same seed and shape give the same weights whatever the type, but for its rounding. Shared by several tests; numpy alone.
"""
import json, os, struct, sys
import numpy as np

folder = sys.argv[1]
o = {"hidden": 32, "wide": 64, "layers": 2, "heads": 4, "image": 16, "patch": 4, "act": "quick_gelu", "seed": 1, "dtype": "F32",
     "kind": "clip", "shards": 0, "preprocessor": "yes", "prefix": ""} | dict(a.split("=") for a in sys.argv[2:])
broken = o.pop("break", "")
D, F, L, H, S, P, seed, shards = (int(o[k]) for k in ("hidden", "wide", "layers", "heads", "image", "patch", "seed", "shards"))
rng = np.random.default_rng(seed)


def normal(deviation, *shape):
    return (deviation * rng.standard_normal(shape)).astype(np.float32)


def linear(name, out, inside):
    return {name + ".weight": normal(inside ** -0.5, out, inside), name + ".bias": normal(0.1, out)}


def norm(name):
    return {name + ".weight": 1 + normal(0.1, D), name + ".bias": normal(0.1, D)}


t = {"embeddings.class_embedding": normal(1, D), "embeddings.patch_embedding.weight": normal((3 * P * P) ** -0.5, D, 3, P, P),
     "embeddings.position_embedding.weight": normal(0.5, (S // P) ** 2 + 1, D)} | norm("pre_layrnorm")
for i in range(L):
    layer = f"encoder.layers.{i}."
    t |= norm(layer + "layer_norm1") | norm(layer + "layer_norm2")
    for name in "q_proj", "k_proj", "v_proj", "out_proj":
        t |= linear(f"{layer}self_attn.{name}", D, D)
    t |= linear(layer + "mlp.fc1", F, D) | linear(layer + "mlp.fc2", D, F)
t |= norm("post_layernorm")
t = {"vision_model." + name: value for name, value in t.items()}
if o["kind"] == "open_clip":
    parts = [("vision_model.embeddings.patch_embedding", "visual.conv1"), ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
             ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"), ("vision_model.pre_layrnorm", "visual.ln_pre"),
             ("vision_model.post_layernorm", "visual.ln_post"), ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
             ("layer_norm", "ln_"), ("self_attn", "attn"), ("fc1", "c_fc"), ("fc2", "c_proj")]
    for i in range(L):
        for what in "weight", "bias":
            layer = f"vision_model.encoder.layers.{i}.self_attn."
            t[f"{layer}in_proj_{what}"] = np.concatenate([t.pop(f"{layer}{q}_proj.{what}") for q in "qkv"])
    for old, new in parts: t = {name.replace(old, new): value for name, value in t.items()}
    t |= {"visual.proj": normal(1, D, 24), "ln_final.bias": normal(1, 8)}
if o["kind"] == "clip":
    t |= {"visual_projection.weight": normal(D ** -0.5, 24, D), "logit_scale": normal(1), "text_model.final_layer_norm.bias": normal(1, 8)}

vision = {"hidden_size": D, "intermediate_size": F, "num_hidden_layers": L, "num_attention_heads": H, "image_size": S, "patch_size": P,
          "hidden_act": o["act"], "layer_norm_eps": 1e-5, "num_channels": 3, "attention_dropout": 0.0}
pre = {"do_resize": True, "size": {"shortest_edge": S}, "resample": 3, "do_center_crop": True, "crop_size": {"height": S, "width": S},
       "do_rescale": True, "rescale_factor": 0.00392156862745098, "do_normalize": True, "do_convert_rgb": True,
       "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
       "image_processor_type": "CLIPImageProcessor"}
t = {o["prefix"] + name: value for name, value in t.items()}
open_clip = {"model_cfg": {"embed_dim": 24, "quick_gelu": o["act"] == "quick_gelu", "text_cfg": {},
                           "vision_cfg": {"image_size": S, "layers": L, "width": D, "patch_size": P, "head_width": D // H, "mlp_ratio": F / D}},
             "preprocess_cfg": {"mean": pre["image_mean"], "std": pre["image_std"]}}
if broken.startswith("own."):  # own.PART.KEY:JSON
    (part, key), value = broken.removeprefix("own.").split(":", 1)[0].split("."), broken.split(":", 1)[1]
    (open_clip["model_cfg"] if part in open_clip["model_cfg"] else open_clip)[part][key] = json.loads(value)
if broken == "siglip":
    del t["vision_model.embeddings.class_embedding"]
    t |= {"vision_model.head.probe": normal(1, D), "vision_model.embeddings.patch_embedding.bias": normal(1, D)}
if broken == "timm": t = {"visual.trunk.patch_embed.proj.weight": normal(1, D, 3, P, P), "visual.trunk.blocks.0.attn.qkv.weight": normal(1, 3 * D, D)}
if broken == "strangers": t = {"transformer.wte.weight": normal(1, D)}
if broken == "two": t |= {"other." + name: value for name, value in t.items()}
if broken == "scale": t["visual.transformer.resblocks.0.ls_1.gamma"] = normal(1, D)
fc1 = "vision_model.encoder.layers.0.mlp.fc1.weight"
if broken.startswith("config."):  # config.KEY:JSON
    key, value = broken.removeprefix("config.").split(":", 1)
    vision[key] = json.loads(value)
if broken.startswith("pre."):
    key, value = broken.removeprefix("pre.").split(":", 1)
    pre[key] = json.loads(value)
if broken == "missing": del t[fc1]
if broken == "shape": t[fc1] = t[fc1].T.copy()
if broken == "nan": t[fc1][3, 1] = np.nan
config = {"model_type": "clip", "projection_dim": 24, "vision_config": vision} if o["kind"] == "clip" else {"model_type": "clip_vision_model"} | vision
if broken.startswith("top."):
    key, value = broken.removeprefix("top.").split(":", 1)
    config[key] = json.loads(value)


def encode(a):
    if broken == "integers" and a is t.get(fc1): return "I32", a.astype(np.int32).tobytes()
    if o["dtype"] == "F16": return "F16", a.astype(np.float16).tobytes()
    if o["dtype"] == "BF16":  # round to nearest even
        u = a.reshape(-1).view(np.uint32)
        return "BF16", ((u + 0x7fff + (u >> 16 & 1)) >> 16).astype(np.uint16).tobytes()
    return "F32", a.tobytes()


def write(path, tensors):
    head, data = {}, []
    at = 0
    for name, a in tensors.items():
        kind, raw = encode(a)
        head[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))


os.makedirs(folder, exist_ok=True)
def say(name, what):
    with open(f"{folder}/{name}", "w") as f:
        json.dump(what, f, indent=1)


if o["kind"] == "open_clip":
    say("open_clip_config.json", open_clip)
else:
    say("config.json", config)
    if o["preprocessor"] == "yes": say("preprocessor_config.json", pre)
    if o["preprocessor"] == "new": say("processor_config.json", {"processor_class": "CLIPProcessor", "image_processor": pre})
if shards:
    names = list(t)
    files = {name: f"model-{i % shards + 1:05}-of-{shards:05}.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(files.values())):
        write(f"{folder}/{file}", {n: t[n] for n in names if files[n] == file})
    if broken == "elsewhere": files[fc1] = "../" + files[fc1]
    if broken == "unlisted": del files[fc1]
    with open(f"{folder}/model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {}, "weight_map": files}, f)
else:
    write(f"{folder}/{'open_clip_' if o['kind'] == 'open_clip' else ''}model.safetensors", t)
