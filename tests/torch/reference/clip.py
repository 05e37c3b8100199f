"""CLIP's vision tower once more, from the architecture's description: Pillow's resizing and plain PyTorch."""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

MEAN = np.float32([0.48145466, 0.4578275, 0.40821073])
DEVIATION = np.float32([0.26862954, 0.26130258, 0.27577711])


def read_tensors(path):
    """Tensors by name, in float32."""
    raw = open(path, "rb").read()
    size, = struct.unpack("<Q", raw[:8])
    tensors = {}
    for name, t in json.loads(raw[8:8 + size]).items():
        begin, end = (8 + size + x for x in t.get("data_offsets", (0, 0)))
        if t.get("dtype") == "BF16":
            value = (np.frombuffer(raw[begin:end], "<u2").astype(np.uint32) << 16).view(np.float32)
        elif t.get("dtype") in ("F32", "F16"):
            value = np.frombuffer(raw[begin:end], {"F32": "<f4", "F16": "<f2"}[t["dtype"]]).astype(np.float32)
        else:
            continue
        tensors[name] = torch.tensor(value.reshape(t["shape"]))
    return tensors


def read_folder(folder):
    """Weights and config of the vision tower in a Hugging Face folder."""
    config = json.loads(pathlib.Path(folder, "config.json").read_text())
    weights = {}
    for path in pathlib.Path(folder).glob("*.safetensors"):
        weights |= read_tensors(path)
    return weights, config.get("vision_config", config)


def crop(rgb, size):
    """uint8 [height, width, 3] with its shorter side resized to `size`, and the centre cut out of that."""
    height, width = rgb.shape[:2]
    short = min(height, width)
    to = (size * width // short, size * height // short)
    resized = np.asarray(Image.fromarray(rgb).resize(to, Image.BICUBIC))
    top, left = (to[1] - size) // 2, (to[0] - size) // 2
    return resized[top:top + size, left:left + size]


def normalise(rgb):
    """uint8 [..., height, width, 3] to float32 [..., 3, height, width]."""
    values = ((rgb * 0.00392156862745098).astype(np.float32) - MEAN) / DEVIATION
    return np.ascontiguousarray(np.moveaxis(values, -1, -3))


def tower(weights, config, pixels):
    """The pooled output [pictures, hidden_size] of pixels [pictures, 3, size, size]."""
    d, heads = config["hidden_size"], config["num_attention_heads"]

    def w(name):
        return weights["vision_model." + name]

    def norm(x, name):
        return F.layer_norm(x, (d,), w(name + ".weight"), w(name + ".bias"), config["layer_norm_eps"])

    def linear(x, name):
        return F.linear(x, w(name + ".weight"), w(name + ".bias"))

    def act(x):
        return F.gelu(x) if config["hidden_act"] == "gelu" else x * torch.sigmoid(1.702 * x)

    n = len(pixels)
    patches = F.conv2d(pixels, w("embeddings.patch_embedding.weight"), stride=config["patch_size"]).flatten(2).transpose(1, 2)
    x = torch.cat([w("embeddings.class_embedding").expand(n, 1, d), patches], 1) + w("embeddings.position_embedding.weight")
    x = norm(x, "pre_layrnorm")
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{i}."
        h = norm(x, layer + "layer_norm1")
        q, k, v = (linear(h, f"{layer}self_attn.{name}_proj").view(n, -1, heads, d // heads).transpose(1, 2) for name in "qkv")
        mixed = torch.softmax(q * (d // heads) ** -0.5 @ k.transpose(-1, -2), -1) @ v
        x = x + linear(mixed.transpose(1, 2).reshape(n, -1, d), layer + "self_attn.out_proj")
        x = x + linear(act(linear(norm(x, layer + "layer_norm2"), layer + "mlp.fc1")), layer + "mlp.fc2")
    return norm(x[:, 0], "post_layernorm")
