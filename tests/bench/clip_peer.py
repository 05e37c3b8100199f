#!/usr/bin/python3
"""PyTorch's side of clip.sh: clip_peer.py DIR CROPS THREADS BATCH POOLED ... prints pictures/s of the tower over the crops, and how far
the pooled outputs in each file lie from PyTorch's."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torch"))
import numpy as np
import torch
from reference.clip import normalise, read_folder, tower

folder, crops, threads, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_default_dtype(torch.float32)
torch.set_num_threads(threads)
weights, config = read_folder(folder)
side = config["image_size"]
pixels = np.fromfile(crops, np.uint8).reshape(-1, side, side, 3)
with torch.inference_mode():
    tower(weights, config, torch.tensor(normalise(pixels[:2])))
    begin = time.monotonic()
    found = [tower(weights, config, torch.tensor(normalise(pixels[i:i + batch]))) for i in range(0, len(pixels), batch)]
    rate = len(pixels) / (time.monotonic() - begin)
found = torch.cat(found).numpy()
apart = [np.abs(found - np.fromfile(path, np.float32).reshape(found.shape)).max() for path in sys.argv[5:]]
print(f"{rate:.2f}", *(f"{a:.1e}" for a in apart))
