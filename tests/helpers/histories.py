#!/usr/bin/python3
"""Prints the histories of an interactions file: user, then item@time in order; with --items, the items before them; with
--phases, item:phase in place of item@time."""
import sys
from tensors import load, strings

t, meta = load(sys.argv[1])
users, items, o = strings(t["user_ids"]), strings(t["item_ids"]), t["user_offsets"]
assert meta["schema"] in ("interactions/1", "interactions/2")
assert len(o) == len(users) + 1 and o[0] == 0 and o[-1] == len(t["item_index"]) == len(t["timestamp"])
if "--items" in sys.argv: print("items", *items)
second = "timestamp" if "--phases" not in sys.argv else "phase"
for u, name in enumerate(users):
    print(name, *(f"{items[t['item_index'][e]]}{':' if second == 'phase' else '@'}{t[second][e]}" for e in range(o[u], o[u + 1])))
