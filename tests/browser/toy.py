#!/usr/bin/python3
"""Makes DIR/report.json and DIR/catalogue.json: every part that the page shows, small, with texts that no page should run or trip over."""
import json, math, random, sys

random.seed(7)
HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"><!-- & 'x' \u2028 \u202e"
LEVELS, CODES, ITEMS = 3, 8, 400
METRICS = [f"{m}@{k}" for m in ("hr", "ndcg") for k in (1, 5, 10, 20)] + ["mrr"]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/5ncBpwAAAABJRU5ErkJggg=="


# What was measured.

def metrics(scale):
    return {m: round(scale * (0.5 + i / 10), 5) for i, m in enumerate(METRICS)}


def system(name, scale, baseline=False):
    both = {"metrics": metrics(scale), "metrics_unseen": metrics(scale * 1.1)}
    popularity = {part: {"items": 10, "popularity": [i, i + 9], "users": 30, **metrics(scale / (i + 1))}
                  for i, part in enumerate(("head", "middle", "tail"))}
    intervals = {p: {m: [v * 0.9, v * 1.1] for m, v in of.items()} for p, of in both.items()}
    return {"name": name, "baseline": baseline, "split": "test", "users": 100, "cases": 100, "beam": 20, "k": 20, **both,
            "coverage@10": scale, "gini@10": 0.5, "novelty@10": 8.0, "strata": popularity, "strata_unseen": popularity,
            "strata_history": {part: {"users": 40, **both} for part in ("short", "middle", "long")},
            **({} if baseline else {"intervals": intervals})}


def difference(d):
    return {"a": 0.1, "b": 0.1 + d, "mean": 0.1 + d, "difference": d, "interval": [d - 0.01, d + 0.01], "t": 1, "p": 0.03, "p_holm": 0.06}


def row(label, d):
    return {"label": label, "seeds": 2, "metrics": {m: difference(d) for m in METRICS}}


systems = [system("sidmill-1", 0.10), system("sidmill-2", 0.11), system(HOSTILE, 0.08), system("cooccur", 0.05, True)]
mean = {"name": "sidmill", "of": ["sidmill-1", "sidmill-2"], **{k: systems[0][k] for k in ("metrics", "metrics_unseen", "intervals")}}
published = [{"system": HOSTILE, "protocol": p, "metric": "hr@10", "value": 0.2, "source": "a paper"}
             for p in ("metrics", "metrics_unseen", "?")]
of = {"split": "test", "users": 100}
tables = [
    {"name": "sidmill or cooccur", "schema": "comparison/1", "protocol": "all", **of, "metrics": {m: difference(0.02) for m in METRICS}},
    {"name": "what each part is worth", "schema": "ablation/1", "protocol": "unseen", **of,
     "rows": [row("all", 0), row("without text", -0.02), row("without pictures", 0.005)]},
]

# How it came about.

def validated(v):
    return {"protocol": "unseen", "hr@10": v, "ndcg@10": v / 2, "all": {"hr@10": v * 0.9, "ndcg@10": v * 0.45}}


epochs = [{"epoch": e, "loss_per_item": 9 - e / 4, "loss_per_level": [5 - e / 9, 3 - e / 9, 1], "item_loss": None, **validated(e / 100)}
          for e in range(1, 13)]
steps = [{"step": s, "reward": 0.1 + s / 900, "reward_terms": {"exact": s / 900, "valid": 0.1, "rank": None}, "kl": s * 1e-5,
          "groups_equal_share": 0.6, "groups_with_hit": 0.2, "entropy": 2 - s / 300, **validated(0.1)} for s in range(0, 300, 10)]
quantised = [{"epoch": e, "reconstruction": 2 / e, "commitment": 0.1, "utilisation": [1, 0.9, 0.8] if e > 3 else [], "lr": 0.001 / e}
             for e in range(1, 60)] + [{"items": ITEMS}]
ran = [("rqvae", 1, quantised), ("sidgen-train", 2, epochs), ("sidgen-train", 3, epochs), ("qarm-rl", 4, steps)]
curves = [{"name": f"{stage}-{i:012x}", "stage": stage, "lines": lines} for stage, i, lines in ran]
stages = [{"name": f"{stage}-{i:012x}", "stage": stage, "state": "made" if i < 4 else "to do", "seconds": i * 40 if i < 4 else None,
           "memory_kib": i * 99999 if i < 4 else None, "command": f"{stage} --seed {i} {HOSTILE} -o @/out.st",
           "inputs": [f"rqvae-{1:012x}"] if i > 1 else []} for stage, i, _ in ran]

# The catalogue: three items share all codes.

paths = sorted(random.sample([(a, b, c) for a in range(CODES) for b in range(CODES) for c in range(CODES)], ITEMS - 2))
paths = paths[:1] * 2 + paths
suffixes = [0, 1, 2] + [-1] * (ITEMS - 3)
ids = ["a/b?c#d", "öü ,+"] + [f"item{i}" for i in range(2, ITEMS)]
kinds, colours = ("lamp", "tea pot", "scarf"), ("Red", "Green", "Blue")
titles = [HOSTILE, None] + [f"{random.choice(colours)} {random.choice(kinds)} {i}" for i in range(2, ITEMS)]
use = [[sum(p[l] == c for p in paths) for c in range(CODES)] for l in range(LEVELS)]


def beam():
    levels = []
    for l in range(1, LEVELS + 1):
        above = [tuple(e["codes"]) for e in levels[-1]] if levels else [()]
        following = sorted({p[:l] for p in paths if p[:l - 1] in above})
        kept = random.sample(following, min(6, len(following)))
        levels.append([{"codes": list(p), "logp": -1.5 * l - i / 4} for i, p in enumerate(kept)])
    for e in levels[-1]:
        item = paths.index(tuple(e["codes"]))
        if suffixes[item] < 0: e["item"] = ids[item]
    return levels


def user(n, history, found):
    listed = random.sample(range(ITEMS), 10)
    parts = [{"generator": 0.01 / (k + 1), "cooccur": 0.005, "popular": 1e-4} for k in range(10)]
    items = [{"id": ids[i], "score": -5 - k / 3, "votes": 0.1 * k, "parts": parts[k]} for k, i in enumerate(listed)]
    return {"user": f"u{n}", "history": [ids[i] for i in random.sample(range(ITEMS), history)] + ["gone"],
            "target": ids[listed[2]] if found else "gone", "k": 10, "items": items, "unknown": 1, "levels": beam(),
            "model": [{"id": ids[i], "score": -6} for i in listed[3:8]], "rank": 3 if found else None}


without_model = {k: v for k, v in user(2, 3, True).items() if k not in ("levels", "model")}
users = [user(0, 3, True), user(1, 40, False), without_model]
everywhere = range(ITEMS)
catalogue = {
    "schema": "catalogue/1", "levels": LEVELS, "ids": ids, "codes": [c for p in paths for c in p], "suffixes": suffixes,
    "popularity": [i % 37 for i in everywhere], "titles": titles, "categories": [["All", f"kind {p[0]}"] for p in paths],
    "brands": [HOSTILE if i % 9 == 0 else None for i in everywhere], "captions": [None if i % 2 else "A round thing" for i in everywhere],
    "intents": [["gifts"] if i % 3 else [] for i in everywhere], "pictures": [PIXEL if i % 2 else None for i in everywhere],
    "neighbours": [[(i + k) % ITEMS for k in range(1, 11)] for i in everywhere],
    "cosines": [[math.cos(k / 9) for k in range(10)] for i in everywhere], "users": users,
}
report = {
    "schema": "report/1", "title": "toy", "version": "0", "curves": curves, "stages": stages, "manual": "html",
    "results": {"systems": systems, "means": [mean], "published": published, "tables": tables},
    "codebook": {"items": ITEMS, "sizes": [CODES] * LEVELS, "use": use, "utilisation": [1] * LEVELS, "perplexity": [7.5] * LEVELS,
                 "gini": [0.1] * LEVELS, "buckets": [[1, ITEMS - 3], [3, 1]], "suffixes": True},
    "catalogue": {"items": ITEMS, "of": ITEMS * 2, "users": len(users)},
}
for name, document in (("report", report), ("catalogue", catalogue)):
    with open(f"{sys.argv[1]}/{name}.json", "w", encoding="utf-8") as f:
        json.dump(document, f, ensure_ascii=False)
