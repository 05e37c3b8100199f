#!/usr/bin/python3
"""In place of embed(1), in numpy: make run EMBED=pipelines/examples/embed-numpy.py

Items (JSON Lines) on stdin; -o FILE receives embeddings/1. Hashed words, TF-IDF, the leading principal directions.
"""
import argparse, json, re, struct, sys, zlib
import numpy as np

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("-o", "--output", required=True)
options.add_argument("--fields", default="title,description,categories", help="FIELD[:WEIGHT],...")
options.add_argument("--dim", type=int, default=64)
options.add_argument("--buckets", type=int, default=1024, help="word hashes")
options.add_argument("--fit-weights", metavar="HISTORIES", help="ignored: the weights stay as they are")
options.add_argument("--threads", help="ignored: stages.mk passes it on to the tools")
args = options.parse_args()

items = [json.loads(line) for line in sys.stdin]
counts = np.zeros((len(items), args.buckets), np.float32)
for row, item in enumerate(items):
    for field, _, weight in (part.partition(":") for part in args.fields.split(",")):
        for word in re.findall(r"\w+", str(item.get(field, "")).casefold()):
            counts[row, zlib.crc32(word.encode()) % args.buckets] += float(weight or 1)

idf = np.log((1 + len(items)) / (1 + (counts > 0).sum(axis=0)))
x = np.log1p(counts) * idf.astype(np.float32)
_, directions = np.linalg.eigh(x.T @ x)                      # ascending: the last are the strongest
text = x @ directions[:, ::-1][:, :args.dim]
text /= np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-12)

ids = "".join(item["id"] + "\n" for item in items).encode()
data = np.ascontiguousarray(text, "<f4").tobytes()
header = json.dumps({
    "__metadata__": {"schema": "embeddings/1", "tool": "embed-numpy.py"},
    "text": {"dtype": "F32", "shape": list(text.shape), "data_offsets": [0, len(data)]},
    "item_ids": {"dtype": "U8", "shape": [len(ids)], "data_offsets": [len(data), len(data) + len(ids)]}}).encode()
header += b" " * (-len(header) % 8)                          # data start on a multiple of 8, as the format asks
with open(args.output, "wb") as out:
    out.write(struct.pack("<Q", len(header)) + header + data + ids)
