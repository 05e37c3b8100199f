"""safetensors by the published description: 8-byte length, JSON header, contiguous row-major data."""
import json, struct
import numpy as np

TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4",
         "F32": "<f4", "F64": "<f8", "I64": "<i8", "U64": "<u8"}

def name_of(a):
    return next(n for n, t in TYPES.items() if np.dtype(t) == a.dtype)

def save(path, tensors, meta=None, pad=0, skew=0):
    header, data = {}, b""
    if meta: header["__metadata__"] = meta
    if skew: tensors = {"skew": np.zeros(skew, "u1"), **tensors}
    for name, a in tensors.items():
        raw = np.ascontiguousarray(a).tobytes()
        header[name] = {"dtype": name_of(a), "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode() + b" " * pad
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

def raw(path, text, data=b"", length=None):
    text = text.encode() if isinstance(text, str) else text
    open(path, "wb").write(struct.pack("<Q", len(text) if length is None else length) + text + data)

def load(path, aligned=False):
    b = open(path, "rb").read()
    n, = struct.unpack("<Q", b[:8])
    assert n <= len(b) - 8 and n <= 100_000_000 and b[8:9] == b"{"
    names = []
    def pairs(p):
        keys = [k for k, _ in p]
        assert len(keys) == len(set(keys)), "duplicate key"
        return dict(p)
    header = json.loads(b[8:8 + n].decode(), object_pairs_hook=pairs)
    meta = header.pop("__metadata__", {})
    assert all(isinstance(v, str) for v in meta.values())
    out, at = {}, 0
    for name, t in sorted(header.items(), key=lambda kv: kv[1]["data_offsets"]):
        begin, end = t["data_offsets"]
        assert begin == at, "hole or overlap"
        a = np.frombuffer(b[8 + n + begin:8 + n + end], TYPES[t["dtype"]]).reshape(t["shape"])
        assert not aligned or (8 + n + begin) % a.itemsize == 0, "unaligned"
        out[name], at = a, end
    assert at == len(b) - 8 - n
    return out, meta

def ids(strings):
    return np.frombuffer("".join(s + "\n" for s in strings).encode(), "u1")

def strings(table):
    return table.tobytes().decode().splitlines()
