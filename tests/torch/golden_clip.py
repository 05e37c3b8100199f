#!/usr/bin/python3
"""Makes tests/unit/golden_clip.h: what Pillow makes of pictures, and what PyTorch says of a tiny CLIP tower whose weights are given
by a formula.

golden_clip.py --write makes the file anew; without it, checks (in TAP) that the file still says what Pillow and PyTorch say.
"""
import math
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import numpy as np
import torch
from PIL import Image
from reference.clip import crop, normalise, tower

torch.set_default_dtype(torch.float64)
HEADER = pathlib.Path(__file__).parent.parent / "unit" / "golden_clip.h"
CONFIG = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8, "patch_size": 4,
          "layer_norm_eps": 1e-5}
PICTURES = [(11, 9), (8, 8), (5, 40)]
# width, height, and what they are resized to.
SIZES = [(8, 8, 8, 8), (7, 5, 3, 4), (3, 2, 7, 9), (1, 1, 6, 4), (40, 1, 5, 3), (1, 33, 2, 4), (64, 48, 64, 20), (64, 48, 21, 48), (100, 75, 37, 28),
         (257, 190, 224, 165), (640, 480, 298, 224), (97, 400, 224, 923)]


def picture(width, height):
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    value = (x * x * 7 + y * 13 + c * 101 + x * y * 3) ^ (x * 5 + y * y * 11)
    return np.ascontiguousarray((value & 255).astype(np.uint8))


def fnv1a(a):
    h = 14695981039346656037
    for byte in a.tobytes():
        h = (h ^ byte) * 1099511628211 & 0xffffffffffffffff
    return h


def weights():
    """By position in the list: waves; gains around 1, other vectors small."""
    d, wide, p = (CONFIG[k] for k in ("hidden_size", "intermediate_size", "patch_size"))
    shapes = [("embeddings.class_embedding", (d,)), ("embeddings.patch_embedding.weight", (d, 3, p, p)),
              ("embeddings.position_embedding.weight", (5, d)), ("pre_layrnorm.weight", (d,)), ("pre_layrnorm.bias", (d,)),
              ("post_layernorm.weight", (d,)), ("post_layernorm.bias", (d,))]
    for i in range(CONFIG["num_hidden_layers"]):
        layer = f"encoder.layers.{i}."
        for norm in "layer_norm1", "layer_norm2":
            shapes += [(f"{layer}{norm}.weight", (d,)), (f"{layer}{norm}.bias", (d,))]
        for linear, out, inside in (("self_attn.q_proj", d, d), ("self_attn.k_proj", d, d), ("self_attn.v_proj", d, d),
                                    ("self_attn.out_proj", d, d), ("mlp.fc1", wide, d), ("mlp.fc2", d, wide)):
            shapes += [(f"{layer}{linear}.weight", (out, inside)), (f"{layer}{linear}.bias", (out,))]
    w = {}
    for number, (name, shape) in enumerate(shapes):
        wave = np.sin(0.7 * np.arange(np.prod(shape)) + number + 1)
        value = 0.5 * wave if len(shape) > 1 else 1 + 0.2 * wave if "norm" in name and name.endswith("weight") else 0.3 * wave
        w["vision_model." + name] = torch.tensor(np.float64(np.float32(value)).reshape(shape))
    return w


def pooled(act):
    pixels = np.stack([normalise(crop(picture(*size), 8)) for size in PICTURES])
    return tower(weights(), CONFIG | {"hidden_act": act}, torch.tensor(pixels, dtype=torch.float64)).numpy()


def table(rows):
    return ",\n".join("    {" + ", ".join(row) + "}" for row in rows)


def header():
    resized = [(s, np.asarray(Image.fromarray(picture(*s[:2])).resize(s[2:], Image.BICUBIC))) for s in SIZES]
    small = resized[1][1].reshape(4, -1)
    out = ["/* Made by tests/torch/golden_clip.py with Pillow, and with PyTorch in float64; `make check-torch` compares. */",
           "#ifndef SIDMILL_GOLDEN_CLIP_H\n#define SIDMILL_GOLDEN_CLIP_H\n\n#include <stdint.h>\n",
           "/* Pillow's bicubic resizing: sizes before and after, and the FNV-1a hash of the result. */",
           f"static const struct {{\n    int64_t width, height, to_width, to_height;\n    uint64_t hash;\n}} golden_resized[{len(SIZES)}] = {{",
           table([[*map(str, s), f"{fnv1a(a):#x}"] for s, a in resized]) + "\n};\n",
           "/* The second of them in full, 3 x 4 pixels. */",
           "static const uint8_t golden_pixels[4][9] = {", table([[*map(str, row)] for row in small]) + "\n};\n",
           "/* Pictures' sizes, and the tower's pooled output for each under its two activations. */",
           f"static const int64_t golden_pictures[{len(PICTURES)}][2] = {{", table([[*map(str, s)] for s in PICTURES]) + "\n};"]
    for act in "quick_gelu", "gelu":
        out += [f"static const double golden_pooled_{act}[{len(PICTURES)}][8] = {{", table([[f"{v:.7g}" for v in row] for row in pooled(act)]) + "\n};"]
    return "\n".join(out) + "\n\n#endif\n"


def same(a, b):
    """The pictures' part to the letter, the tower's but for the last digits of numbers."""
    (pixels_a, tower_a), (pixels_b, tower_b) = (text.split("/* Pictures'") for text in (a, b))
    number = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
    x, y = ([float(n) for n in re.findall(number, t)] for t in (tower_a, tower_b))
    return pixels_a == pixels_b and len(x) == len(y) and all(math.isclose(p, q, rel_tol=2e-6, abs_tol=1e-7) for p, q in zip(x, y))


if sys.argv[1:] == ["--write"]:
    HEADER.write_text(header())
else:
    good = same(header(), HEADER.read_text())
    print(f"1..1\n{'' if good else 'not '}ok 1 - the golden vectors are what Pillow and PyTorch compute")
    sys.exit(not good)
