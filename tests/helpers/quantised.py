"""Embeddings to quantise, and what a quantiser makes of them, in numpy."""
import json
import numpy as np
from tensors import *

def names(t):
    return strings(t["item_ids"])

def full(t):
    """The full SIDs, as tuples."""
    return [tuple(c) + ((s,) if s >= 0 else ()) for c, s in zip(t["codes"].tolist(), t["suffix"].tolist())]

def prefix_free(sids):
    every = set(sids)
    return len(every) == len(sids) and not any(s[:-1] in every for s in sids)

def heaps(n, width=16, count=60, noise=0.3, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, width))[np.arange(n) % count] + noise * rng.normal(size=(n, width))).astype("f4")

def scenes(n, seed=1, width=10, missing=5):
    """Text and an image that says something else; every `missing`th item without image, intents of the text's heap."""
    text, image = heaps(n, seed=seed, count=12), 7 * heaps(n, width, count=9, seed=seed + 1)
    mask = (np.arange(n) % missing != 1).astype("u1")
    intent = heaps(n, 6, count=12, noise=0.1, seed=seed + 2)
    intent[np.arange(n) % 11 == 3] = 0
    return {"text": text, "image": image, "image_mask": mask, "intent": intent, "item_ids": ids(["i%d" % i for i in range(n)])}

def rows(t, s):
    """What the quantiser of s sees of embeddings t: [e_text ; v]."""
    v = t["image"] * t["image_mask"][:, None] * s["image_scale"] if "image_scale" in s else np.zeros((len(t["text"]), 0))
    return np.concatenate([t["text"], v], 1).astype("f8")

def layers(s, name, x):
    count = sum(k.startswith(name + ".") and k.endswith("weight") and k.count(".") == 2 for k in s)
    for i in range(count):
        x = x @ s["%s.%d.weight" % (name, i)].astype("f8").T + s["%s.%d.bias" % (name, i)]
        x = np.maximum(x, 0) if i + 1 < count else x
    return x

def latents(t, s):
    x, dt = rows(t, s), t["text"].shape[1]
    if "fusion.weight" in s:
        x = np.concatenate([x[:, :dt], x[:, dt:] @ s["fusion.visual.weight"].astype("f8").T], 1) @ s["fusion.weight"].astype("f8").T
    return layers(s, "encoder", x)

def embeddings(path, x, start=0, item=None):
    save(path, {"text": np.asarray(x, "f4"), "item_ids": ids(item or ["i%d" % (start + i) for i in range(len(x))])}, {"schema": "embeddings/1"})

def histories(path, lists, n, item=None):
    """interactions/1 of lists of item numbers, over n items."""
    events = [i for h in lists for i in h]
    save(path, {"user_offsets": np.cumsum([0] + [len(h) for h in lists]).astype("i8"), "item_index": np.array(events, "i4"),
                "timestamp": np.arange(len(events), dtype="i8"), "user_ids": ids(["u%d" % u for u in range(len(lists))]),
                "item_ids": ids(item or ["i%d" % i for i in range(n)])}, {"schema": "interactions/1"})

def walks(users, n, groups=20, seed=3):
    """Histories within groups of items that have nothing to do with heaps(): item i is of group i // (n / groups)."""
    rng = np.random.default_rng(seed)
    size = n // groups
    return [(rng.integers(groups) * size + rng.integers(0, size, 3 + u % 7)).tolist() for u in range(users)]

def neighbours(lists, n, window=5, fade=1, least=1):
    """A^, dense, of all but each list's last two."""
    a, pairs = np.zeros((n, n)), np.zeros((n, n))
    for h in lists:
        h = h[:-2] if len(h) > 2 else []
        for s in range(1, window + 1):
            for i, j in zip(h, h[s:]):
                if i != j:
                    for x, y in (i, j), (j, i):
                        a[x, y] += s ** -fade
                        pairs[x, y] += 1
    a[pairs < least] = 0
    lonely = a.sum(1) == 0
    a[lonely, lonely] = 1
    d = a.sum(1)
    return a / np.sqrt(np.outer(d, d))

def aligned(a, x, steps=2, restart=0.5):
    b = restart * (1 - restart) ** np.arange(steps + 1)
    h = x.astype("f8")
    out = b[0] * h
    for k in range(steps):
        h = (1 - restart) * a @ h + restart * x
        out = out + b[k + 1] * h
    return out / b.sum()
