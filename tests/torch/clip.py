#!/usr/bin/python3
"""embed --image clip:DIR against Pillow and PyTorch, from picture files to vectors, on random weights: small towers in every form
that a folder may have, and one of ViT-B/32's size. Prints TAP; the binaries are in SIDMILL_BIN (build/bin)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy as np
import torch
from PIL import Image
from reference import read_safetensors
from reference.clip import crop, normalise, read_folder, tower

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("SIDMILL_BIN", HERE.parent.parent / "build" / "bin")).resolve()
torch.set_default_dtype(torch.float32)
SIZES = [(224, 224), (500, 333), (90, 260), (17, 5), (1, 1), (640, 120), (225, 231)]
TOWERS = [("CLIPModel", ""), ("CLIPVisionModel, gelu", "kind=vision act=gelu"), ("F16 in three files", "dtype=F16 shards=3"), ("BF16", "dtype=BF16"),
          ("other sides", "image=40 patch=8"), ("patches that leave a margin", "image=22 patch=5"),
          ("wide heads", "hidden=96 heads=1 layers=3"), ("more patches than a block of attention", "image=96 patch=8"),
          ("ViT-B/32", "hidden=768 wide=3072 layers=12 heads=12 image=224 patch=32")]


def save_pictures(rng):
    """Noise, and waves with edges; lossless files."""
    pictures = []
    with open("items.jsonl", "w") as f:
        for i, (w, h) in enumerate(SIZES):
            x, y = np.meshgrid(np.arange(w), np.arange(h))
            waves = [127 + 120 * np.sin((c + 1) * x / 9 + y / (5 + c)) * np.where(x > w / 2, 1, -0.5) for c in range(3)]
            a = rng.integers(0, 256, (h, w, 3), dtype=np.uint8) if i % 2 else np.stack(waves, -1).astype(np.uint8)
            Image.fromarray(a).save(f"{i}.png")
            pictures.append(a)
            f.write(json.dumps({"id": f"i{i}", "title": f"picture {i}", "image": f"{i}.png"}) + "\n")
    return pictures


def embed(*options):
    p = subprocess.run([BIN / "embed", "-q", "--text", "none", "--image", "clip:tower", *options, "-o", "out.st", "items.jsonl"], capture_output=True, text=True)
    if p.returncode == 69:
        return None
    if p.returncode:
        sys.exit(f"Bail out! embed: {p.stderr}")
    tensors, _ = read_safetensors("out.st")
    return tensors["image"]


def expected(pictures):
    weights, config = read_folder("tower")
    pixels = np.stack([normalise(crop(a, config["image_size"])) for a in pictures])
    with torch.inference_mode():
        pooled = tower(weights, config, torch.tensor(pixels)).numpy()
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


failures = 0
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    pictures = save_pictures(np.random.default_rng(5))
    for number, (name, options) in enumerate(TOWERS, 1):
        subprocess.run(["/usr/bin/python3", HERE.parent / "helpers" / "clip_folder.py", "tower", *options.split()], check=True)
        theirs, ours, rounded = expected(pictures), embed("--gemm", "f32"), embed("--gemm", "bf16")
        apart = np.abs(ours - theirs).max()
        good = apart < 1e-4 and (rounded is None or np.abs(rounded - theirs).max() < 0.03)
        failures += not good
        said = "no bf16 here" if rounded is None else f"in bf16 by {np.abs(rounded - theirs).max():.1e}"
        print(f"{'' if good else 'not '}ok {number} - {name} # apart by {apart:.1e} at most, {said}", flush=True)
        subprocess.run(["rm", "-r", "tower"], check=True)
print(f"1..{len(TOWERS)}")
sys.exit(failures > 0)
