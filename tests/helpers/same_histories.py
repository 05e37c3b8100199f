"""True if two interactions/1 files hold the same users, items and histories; with --times also the same timestamps."""
import json
import struct
import sys


def tensors(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    return {k: raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in head.items() if k != "__metadata__"}


names = ["user_offsets", "item_index", "user_ids", "item_ids"] + (["timestamp"] if "--times" in sys.argv else [])
a, b = (tensors(p) for p in sys.argv[1:3])
different = [n for n in names if a[n] != b[n]]
print(f"{len(a['user_ids'].splitlines())} {len(a['item_ids'].splitlines())} {len(a['item_index']) // 4}")
sys.exit(f"different: {different}" if different else 0)
