#!/usr/bin/python3
"""What `report --json` says, against the slow and obvious computation; and the small files of its suite.

make DIR: e.st and items.jsonl beside what evaluate.py makes. Otherwise the document in a file: check_KIND FILE ARGUMENTS."""
import json, sys
import numpy as np
from tensors import load, save, strings


def make(folder):
    rng = np.random.default_rng(5)
    ids = [f"i{i}" for i in range(60)]
    x = rng.standard_normal((60, 8)).astype("<f4")
    x[7] = 0
    save(f"{folder}/e.st", {"text": x, "item_ids": np.frombuffer("".join(i + "\n" for i in ids).encode(), "u1")},
         {"schema": "embeddings/1"})
    with open(f"{folder}/items.jsonl", "w") as f:
        for i in ids[:50]:
            f.write(json.dumps({"id": i, "title": f"Item {i} </script><b>&", "brand": "B", "categories": ["a", i],
                                "intents": [{"text": "meant"}, {"text": "wrong", "label": 0}, {"text": "right", "label": 1}]}) + "\n")


def documents(path):
    return [json.loads(line) for line in open(path)]


def check_shown(path, tsv):
    """Every figure that `evaluate --show --format tsv` has of a metric."""
    systems = documents(path)[0]["results"]["systems"]
    lines = [line.rstrip("\n").split("\t") for line in open(tsv)]
    assert lines[0][1:] == [s["name"] for s in systems], (lines[0], [s["name"] for s in systems])
    figures = 0
    for name, *cells in lines[1:]:
        for s, cell in zip(systems, cells):
            group, _, metric = name.rpartition(" ")
            at = s["metrics_unseen"] if group == "unseen" else s["strata"].get(group, {}) if group else s["metrics"]
            if metric not in at: continue
            assert cell == f"{at[metric]:.4f}", (name, s["name"], cell, at[metric])
            figures += 1
    print(figures, "figures")


def metric(name, rank):
    kind, _, cut = name.partition("@")
    hit = (rank > 0) & (rank <= int(cut or 1 << 30))
    rank = np.where(hit, rank, 1)
    return hit * {"hr": np.ones(len(rank)), "ndcg": 1 / np.log2(rank + 1), "mrr": 1 / rank}[kind]


def check_intervals(path, kind, name, *ranks):
    """The mean -+ 1.96 standard errors over users of the mean over seeds."""
    result = next(r for r in documents(path)[0]["results"][kind] if r["name"] == name)
    files = [load(r)[0] for r in ranks]
    checked = 0
    for protocol, tensor in (("metrics", "rank"), ("metrics_unseen", "rank_unseen")):
        for m, (low, high) in result["intervals"][protocol].items():
            v = np.mean([metric(m, f[tensor]) for f in files], axis=0)
            begin = files[0].get("case_offsets", np.arange(len(v) + 1))[:-1]
            sums, cases = np.add.reduceat(v, begin), np.add.reduceat(np.ones(len(v)), begin)
            mean, n = v.mean(), len(begin)
            about = (sums - mean * cases) * n / len(v)  # the mean over cases is a ratio of sums over users
            reach = 1.959964 * about.std(ddof=1) / np.sqrt(n)
            assert abs(mean - result[protocol][m]) < 1e-12, m
            assert abs(low - max(0, mean - reach)) < 1e-9 and abs(high - min(1, mean + reach)) < 1e-9, m
            checked += 1
    print(checked, "intervals")


def check_codebook(path, sids):
    t = load(sids)[0]
    c = documents(path)[0]["codebook"]
    codes = t["codes"]
    assert c["items"] == len(codes)
    for level, use in enumerate(c["use"]):
        assert use == np.bincount(codes[:, level], minlength=c["sizes"][level]).tolist()
    sizes = np.unique(codes, axis=0, return_counts=True)[1]
    assert c["buckets"] == [[int(n), int(k)] for n, k in zip(*np.unique(sizes, return_counts=True))]
    assert c["suffixes"] == bool((t["suffix"] >= 0).any())


def check_popularity(path, interactions):
    """Events before each user's last two, of users who have more."""
    x = load(interactions)[0]
    events = [h[:-2] for h in np.split(x["item_index"], x["user_offsets"][1:-1]) if len(h) > 2]
    assert documents(path)[1]["popularity"] == np.bincount(np.concatenate(events), minlength=60).tolist()


def check_catalogue(path, sids, embeddings):
    """Columns as the files have them, neighbours among the items shown."""
    c = documents(path)[1]
    t, e = load(sids)[0], load(embeddings)[0]
    ids, n = strings(t["item_ids"]), len(c["ids"])
    rows = [ids.index(i) for i in c["ids"]]
    assert rows == sorted(rows)
    assert c["codes"] == t["codes"][rows].ravel().tolist() and c["suffixes"] == t["suffix"][rows].tolist()
    for column in ("titles", "categories", "brands", "captions", "intents", "popularity", "neighbours", "cosines"):
        assert len(c[column]) == n, column
    x = e["text"][rows].astype(float)
    length = np.linalg.norm(x, axis=1)
    cosine = x @ x.T / np.maximum(np.outer(length, length), 1e-30)
    cosine[:, length == 0] = -2
    np.fill_diagonal(cosine, -2)
    for i in range(n):
        want = [] if length[i] == 0 else np.argsort(-cosine[i], kind="stable")[:min(10, (length > 0).sum() - 1)].tolist()
        assert c["neighbours"][i] == want, (i, c["neighbours"][i], want)
        assert np.allclose(c["cosines"][i], cosine[i, want], atol=6e-4)
    print(n, "items")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
