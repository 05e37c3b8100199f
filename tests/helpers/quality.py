#!/usr/bin/python3
"""Makes FILE, quality/1 for toy.py's items, from numpy alone: quality.py FILE [items=60] [seed=1] [break=ids|range|nan|mask]."""
import json, struct, sys
import numpy as np

o = {"items": 60, "seed": 1, "break": ""} | dict(a.split("=") for a in sys.argv[2:])
n, broken = int(o["items"]), o["break"]
rng = np.random.default_rng(int(o["seed"]))
quality, mask = rng.uniform(0, 1, n).astype("<f4"), (rng.uniform(0, 1, n) < 0.9).astype("u1")
mask[3] = 1
if broken == "range": quality[3] = 1.5
if broken == "nan": quality[3] = np.nan
if broken == "mask": mask[3] = 7
letter = "j" if broken == "ids" else "i"
tensors = {"quality": ("F32", quality), "quality_mask": ("U8", mask),
           "item_ids": ("U8", np.frombuffer("".join(f"{letter}{i}\n" for i in range(n)).encode(), np.uint8))}
head, data = {"__metadata__": {"schema": "quality/1"}}, b""
for name, (kind, a) in tensors.items():
    head[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.nbytes]}
    data += a.tobytes()
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
