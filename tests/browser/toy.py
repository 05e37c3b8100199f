#!/usr/bin/python3
"""Makes DIR/report.json and DIR/catalogue.json: every part that the page shows, small, with texts that no page should run or trip over."""
import json, math, random, sys

folder = sys.argv[1]
random.seed(7)
HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"><!-- & 'x' \u2028 \u202e"
LEVELS, CODES, ITEMS = 3, 8, 400
METRICS = [f"{m}@{k}" for m in ("hr", "ndcg") for k in (1, 5, 10, 20)] + ["mrr"]


def metrics(scale):
    return {m: None if scale < 0 else round(scale * (0.5 + i / 10), 5) for i, m in enumerate(METRICS)}


def system(name, scale, baseline=False):
    both = {"metrics": metrics(scale), "metrics_unseen": metrics(scale * 1.1)}
    popularity = {n: {"items": 10 + i, "popularity": [i, i + 9], "users": 30 + i, **metrics(scale / (i + 1))} for i,
        n in enumerate(("head", "middle", "tail"))}
    history = {n: {"users": 40, "metrics": metrics(scale), "metrics_unseen": metrics(scale)} for n in ("short", "middle", "long")}
    near = {p: {m: [v * 0.9, v * 1.1] for m, v in of.items()} for p, of in both.items()}
    return {"name": name, "baseline": baseline, "split": "test", "users": 100, "cases": 100, "beam": 20, "k": 20, **both,
        "coverage@10": scale,
            "gini@10": 0.5, "novelty@10": 8.0, "strata": popularity, "strata_unseen": popularity, "strata_history": history,
            **({} if baseline else {"intervals": near})}


def difference(d):
    return {"a": 0.1, "b": 0.1 + d, "difference": d, "interval": [d - 0.01, d + 0.01], "t": 1.0, "p": 0.03, "p_holm": 0.06, "mean": 0.1 + d}


systems = [system("sidmill-1", 0.10), system("sidmill-2", 0.11), system(HOSTILE, 0.08), system("cooccur", 0.05, True)]
tables = [
    {"name": "sidmill or cooccur", "schema": "comparison/1", "split": "test", "protocol": "all", "users": 100,
        "metrics": {m: difference(0.02) for m in METRICS}},
    {"name": "what each part is worth", "schema": "ablation/1", "split": "test", "protocol": "unseen", "users": 100,
     "rows": [{"label": n, "seeds": 2, "metrics": {m: difference(d) for m in METRICS}} for n,
         d in (("all", 0), ("without text", -0.02), ("without pictures", 0.005))]},
]
epochs = [{"epoch": e, "loss_per_item": 9 - e / 4, "loss_per_level": [5 - e / 9, 3 - e / 9, 1], "item_loss": None, "protocol": "unseen",
    "hr@10": e / 100, "ndcg@10": e / 200,
           "all": {"hr@10": e / 110, "ndcg@10": e / 220}} for e in range(1, 13)]
steps = [{"step": s, "reward": 0.1 + s / 900, "reward_terms": {"exact": s / 900, "valid": 0.1}, "kl": s * 1e-5, "groups_equal_share": 0.6,
    "groups_with_hit": 0.2,
          "entropy": 2 - s / 300, "protocol": "unseen", "hr@10": 0.1, "ndcg@10": 0.05, "all": {"hr@10": 0.1,
              "ndcg@10": 0.05}} for s in range(0, 300, 10)]
quantiser = [{"epoch": e, "reconstruction": 2 / e, "commitment": 0.1, "utilisation": [1, 0.9, 0.8] if e > 3 else [],
    "lr": 0.001 / e} for e in range(1, 60)]
curves = [{"name": f"{s}-{d:012x}", "stage": s, "lines": lines + [{"items": ITEMS}]} for s, d, lines in
          (("rqvae", 1, quantiser), ("sidgen-train", 2, epochs), ("sidgen-train", 3, epochs), ("qarm-rl", 4, steps))]
stages = [{"name": f"{s}-{d:012x}", "stage": s, "state": "made" if d < 4 else "to do", "seconds": d * 40 if d < 4 else None,
    "memory_kib": d * 99999 if d < 4 else None,
           "command": f"{s} --seed {d} {HOSTILE} -o @/out.st", "inputs": [f"rqvae-{1:012x}"] if d > 1 else []}
          for s, d in (("rqvae", 1), ("sidgen-train", 2), ("sidgen-train", 3), ("qarm-rl", 4))]

paths = sorted(random.sample([(a, b, c) for a in range(CODES) for b in range(CODES) for c in range(CODES)], ITEMS - 2))
paths = paths[:1] * 2 + paths[:1] + paths[1:]
suffixes = [0, 1, 2] + [-1] * (ITEMS - 3)
ids = ["a/b?c#d", "öü ,+"] + [f"item{i}" for i in range(2, ITEMS)]
titles = [HOSTILE,
    None] + [f"{random.choice(['Red', 'Green', 'Blue'])} {random.choice(['lamp', 'tea pot', 'woollen scarf'])} {i}" for i in range(2,
    ITEMS)]
use = [[sum(p[l] == c for p in paths) for c in range(CODES)] for l in range(LEVELS)]
pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/5ncBpwAAAABJRU5ErkJggg=="


def user(n, target):
    levels = []
    for l in range(LEVELS):
        above = [tuple(e["codes"]) for e in levels[-1]] if levels else [()]
        prefixes = sorted({p[:l + 1] for p in paths if p[:l] in above}, key=lambda p: hash((n, p)) % 97)[:6]
        levels.append([{"codes": list(p), "logp": -1.5 * (l + 1) - i / 4} for i, p in enumerate(prefixes)])
    for e in levels[-1]:
        if suffixes[paths.index(tuple(e["codes"]))] < 0: e["item"] = ids[paths.index(tuple(e["codes"]))]
    found = random.sample(range(ITEMS), 10)
    items = [{"id": ids[i], "score": -5 - k / 3, "votes": 0.1 * k,
        "parts": {"generator": 0.01 / (k + 1), "cooccur": 0.005, "popular": 0.0001}} for k, i in enumerate(found)]
    return {"user": f"u{n}", "history": [ids[i] for i in random.sample(range(ITEMS), 40 if n else 3)] + ["gone"],
        "target": ids[found[2] if target else 0], "k": 10, "items": items, "unknown": 1, "levels": levels,
            "model": [{"id": ids[i], "score": -6.0} for i in found[3:8]], "rank": 3 if target else None}


users = [user(0, True), user(1, False), {k: v for k, v in user(2, True).items() if k not in ("levels", "model")}]
report = {
    "schema": "report/1", "title": "toy", "version": "0", "curves": curves, "stages": stages, "manual": "html",
    "results": {"systems": systems, "means": [{"name": "sidmill", "of": ["sidmill-1", "sidmill-2"],
        **{k: systems[0][k] for k in ("metrics", "metrics_unseen", "intervals")}}], "tables": tables,
                "published": [{"system": HOSTILE, "protocol": p, "metric": "hr@10", "value": 0.2, "source": "a paper"} for p in ("metrics",
                    "metrics_unseen", "?")]},
    "codebook": {"items": ITEMS, "sizes": [CODES] * LEVELS, "use": use, "utilisation": [1.0] * LEVELS, "perplexity": [7.5] * LEVELS,
        "gini": [0.1] * LEVELS, "buckets": [[1, ITEMS - 3], [3, 1]], "suffixes": True},
    "catalogue": {"items": ITEMS, "of": ITEMS * 2, "users": len(users)},
}
catalogue = {
    "schema": "catalogue/1", "levels": LEVELS, "ids": ids, "codes": [c for p in paths for c in p], "suffixes": suffixes,
    "popularity": [i % 37 for i in range(ITEMS)], "titles": titles, "categories": [["All", f"kind {p[0]}"] for p in paths],
    "brands": [HOSTILE if i % 9 == 0 else None for i in range(ITEMS)],
    "captions": [None if i % 2 else "A round thing" for i in range(ITEMS)],
    "intents": [["gifts"] if i % 3 else [] for i in range(ITEMS)], "pictures": [pixel if i % 2 else None for i in range(ITEMS)],
    "neighbours": [[(i + k) % ITEMS for k in range(1, 11)] for i in range(ITEMS)],
    "cosines": [[math.cos(k / 9) for k in range(10)]] * ITEMS,
    "users": users,
}
for name, document in (("report", report), ("catalogue", catalogue)):
    with open(f"{folder}/{name}.json", "w", encoding="utf-8") as f:
        json.dump(document, f, ensure_ascii=False)
