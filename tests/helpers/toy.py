#!/usr/bin/python3
"""Makes DIR/sids.st and DIR/interactions.st: users who walk around one ring of all items, so that an item tells the next.

toy.py DIR [name=value ...]: items, users, levels, codes (a level), seed; length=N for histories of N events; random=1 for histories that
nothing can learn; heldout=1 for other items in each user's last two places; identity=1 for one level whose codes are the items;
break=NAME for a file with one thing wrong. Shared by the tests of the tools that read these files; numpy alone.
"""
import json, struct, sys
import numpy as np


def write(path, schema, tensors, config):
    head, data = {"__metadata__": {"schema": schema, "config": json.dumps(config)}}, b""
    for name, a in tensors.items():
        kind = {"<i8": "I64", "<i4": "I32", "|u1": "U8", "<f4": "F32"}[a.dtype.str]
        head[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.nbytes]}
        data += a.tobytes()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def names(letter, n):
    return np.frombuffer("".join(f"{letter}{i}\n" for i in range(n)).encode(), np.uint8)


folder = sys.argv[1]
o = {"items": 60, "users": 150, "levels": 2, "codes": 8, "seed": 1, "length": 0, "random": 0, "heldout": 0, "identity": 0} | dict(a.split("=") for a in sys.argv[2:])
broken = o.pop("break", "")
N, U, L, K, seed, chance = (int(o[k]) for k in ("items", "users", "levels", "codes", "seed", "random"))
rng = np.random.default_rng(seed)
codes = rng.integers(0, K, (N, L), dtype=np.int32)
if int(o["identity"]):
    L, K, codes = 1, N, np.arange(N, dtype=np.int32).reshape(N, 1)
buckets, suffix = {}, np.full(N, -1, np.int32)
for i, c in enumerate(map(tuple, codes)):
    buckets.setdefault(c, []).append(i)
for b in buckets.values():
    if len(b) > 1:
        suffix[b] = range(len(b))
ring, lengths = rng.permutation(N), rng.integers(3, 16, U)
if int(o["length"]):
    lengths[:] = int(o["length"])
elif not chance:
    lengths[:3] = (1, 2, 60)  # two users too short to split, one longer than a window
walks = [rng.integers(0, N, n) if chance else ring[(rng.integers(N) + np.arange(n)) % N] for n in lengths]
offsets, events = np.cumsum([0, *lengths]).astype(np.int64), np.concatenate(walks).astype(np.int32)
if int(o["heldout"]):
    last = offsets[1:][lengths >= 3] - 1
    events[last], events[last - 1] = (events[last] + 7) % N, (events[last - 1] + 11) % N
sids = {"codes": codes, "suffix": suffix, "codebook": np.zeros((L, K, 1), np.float32), "item_ids": names("i", N)}
inter = {"user_offsets": offsets, "item_index": events, "timestamp": np.arange(len(events), dtype=np.int64),
         "user_ids": names("u", U), "item_ids": names("i", N)}
if broken == "ids": inter["item_ids"] = names("j", N)
if broken == "fewer": inter["item_ids"] = names("i", N + 1)
if broken == "range": events[5] = N
if broken == "negative": events[5] = -1
if broken == "offsets": offsets[4] = offsets[3] - 1
if broken == "twin": codes[1], suffix[1] = codes[0], suffix[0]
if broken == "prefix": codes[1], suffix[0], suffix[1] = codes[0], -1, 0
if broken == "code": codes[7, 0] = K
if broken == "nan": sids["codes"] = np.full((N, L), np.nan, np.float32)
if broken == "short": inter |= {"user_offsets": np.arange(U + 1) * 2, "item_index": events[:2 * U], "timestamp": np.arange(2 * U)}
if broken == "empty": inter |= {"user_offsets": np.zeros(1, np.int64), "item_index": events[:0], "user_ids": names("u", 0),
                                "timestamp": np.zeros(0, np.int64)}
write(f"{folder}/sids.st", "sids/1", sids, {"codes": K})
write(f"{folder}/interactions.st", "interactions/1", inter, {})
