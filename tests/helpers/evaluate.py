#!/usr/bin/python3
"""Data for the tests of evaluate and recommend, and the same numbers computed the slow and obvious way."""
import json
import math
import os
import struct
import subprocess
import sys

import numpy as np

TYPES = {"I64": np.int64, "I32": np.int32, "F32": np.float32, "U8": np.uint8}


def write(path, tensors, meta):
    header, offset, data = {"__metadata__": meta}, 0, b""
    for name, a in tensors.items():
        if isinstance(a, list):
            a = np.frombuffer("".join(s + "\n" for s in a).encode(), np.uint8)
        dtype = next(k for k, t in TYPES.items() if t == a.dtype)
        header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
        data += a.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    out = {"meta": header.pop("__metadata__", {})}
    for name, t in header.items():
        a, b = t["data_offsets"]
        array = np.frombuffer(raw[8 + size + a:8 + size + b], TYPES[t["dtype"]]).reshape(t["shape"])
        out[name] = array.tobytes().decode().split("\n")[:-1] if name.endswith("_ids") else array
    return out


def write_interactions(path, histories, items, user_ids=None, item_ids=None):
    offsets = np.cumsum([0] + [len(h) for h in histories]).astype(np.int64)
    events = np.array([i for h in histories for i in h], np.int32)
    write(path, {"user_offsets": offsets, "item_index": events, "timestamp": np.arange(len(events), dtype=np.int64),
                 "user_ids": user_ids or [f"u{u}" for u in range(len(histories))],
                 "item_ids": item_ids or [f"i{i}" for i in range(items)]}, {"schema": "interactions/1"})


def make(folder):
    """60 items, 150 users; users 0 and 1 are too short, user 2 just long enough, user 3 ends with an item nobody trained on."""
    rng = np.random.default_rng(3)
    items, histories = 60, [[], [4, 5], [7, 8, 9], [1, 2, 3, 4, 59]]
    for _ in range(146):
        h = [int(59 * rng.random() ** 2)]
        while len(h) < 3 + rng.integers(12):
            h.append(int((h[-1] + 1 + rng.integers(3)) % 59) if rng.random() < 0.7 else int(59 * rng.random() ** 2))
        histories.append(h)
    write_interactions(f"{folder}/i.st", histories, items)
    codes = np.array([[i % 8, i // 8] for i in range(items)], np.int32)
    suffix = np.full(items, -1, np.int32)
    codes[11], suffix[10], suffix[11] = codes[10], 0, 1
    write(f"{folder}/sids.st", {"codes": codes, "suffix": suffix, "item_ids": [f"i{i}" for i in range(items)]},
          {"schema": "sids/1", "config": json.dumps({"codes": 8, "max-suffix": 4})})


def split(x, which):
    """Rows, inputs and targets of the users of a split, and the training histories."""
    rows, inputs, targets, training = [], [], [], []
    for u in range(len(x["user_ids"])):
        h = [int(i) for i in x["item_index"][x["user_offsets"][u]:x["user_offsets"][u + 1]]]
        if len(h) < 3:
            continue
        cut = len(h) - (1 if which == "test" else 2)
        rows.append(u)
        inputs.append(h[:cut])
        targets.append(h[cut])
        training.append(h[:-2])
    return rows, inputs, targets, training


def popularity(training, items):
    count = [0] * items
    for h in training:
        for i in h:
            count[i] += 1
    return count


def metrics(ranks, k, cuts=(1, 5, 10, 20)):
    out = {}
    for c in cuts:
        if c <= k and ranks:
            out[f"hr@{c}"] = sum(1 for r in ranks if 0 < r <= c) / len(ranks)
            out[f"ndcg@{c}"] = sum(1 / math.log2(r + 1) for r in ranks if 0 < r <= c) / len(ranks)
            out[f"mrr@{c}"] = sum(1 / r for r in ranks if 0 < r <= c) / len(ranks)
        else:
            out[f"hr@{c}"] = out[f"ndcg@{c}"] = out[f"mrr@{c}"] = None
    out["mrr"] = sum(1 / r for r in ranks if r) / len(ranks) if ranks else None
    return out


def same(found, expected, what, tolerance=1e-9):
    for key, v in expected.items():
        f = found[key]
        if (v is None) != (f is None) or (v is not None and abs(f - v) > tolerance):
            sys.exit(f"{what} {key}: found {f}, expected {v}")


def strata(count):
    """0, 1, 2 for head, middle, tail: by the share of training events before an item's popularity is reached."""
    total = sum(count)
    out = []
    for c in count:
        before = sum(d for d in count if d > c)
        out.append(0 if before < total / 3 else 1 if before < 2 * total / 3 else 2)
    return out


def check(interactions, recs, report, which):
    """Metrics, coverage, strata of metrics.json against the lists in a recs/1 file."""
    x, r, m = read(interactions), read(recs), json.load(open(report))
    rows, _, targets, training = split(x, which)
    items, k = len(x["item_ids"]), r["items"].shape[1]
    lists = {u: [r["item_ids"][i] if i >= 0 else None for i in row] for u, row in zip(r["user_ids"], r["items"])}
    ranks, covered = [], set()
    for u, t in zip(rows, targets):
        row = lists[x["user_ids"][u]]
        ranks.append(row.index(x["item_ids"][t]) + 1 if x["item_ids"][t] in row else 0)
        covered |= set(row[:10]) & set(x["item_ids"])
    same(m["metrics"], metrics(ranks, k), "metrics")
    same(m, {"coverage@10": len(covered) / items if k >= 10 else None, "users": len(rows),
             "skipped_users": len(x["user_ids"]) - len(rows)}, "report")
    of = strata(popularity(training, items))
    for s, name in enumerate(("head", "middle", "tail")):
        part = [rank for rank, t in zip(ranks, targets) if of[t] == s]
        same(m["strata"][name], {**metrics(part, k), "users": len(part), "items": of.count(s)}, name)


def check_left_out(m, lists, x, which, k):
    """metrics_unseen and strata_unseen against each user's list of items without met ones, in the split's order, cut to k."""
    rows, inputs, targets, training = split(x, which)
    assert len(lists) == len(rows)
    ranks = []
    for l, h, t in zip(lists, inputs, targets):
        assert not set(l) & set(h) and len(l) >= k, "a met item, or too few others"
        ranks.append(l[:k].index(t) + 1 if t in l[:k] else 0)
    same(m["metrics_unseen"], metrics(ranks, k), "metrics_unseen")
    of = strata(popularity(training, len(x["item_ids"])))
    for s, name in enumerate(("head", "middle", "tail")):
        same(m["strata_unseen"][name], metrics([rank for rank, t in zip(ranks, targets) if of[t] == s], k), name + " unseen")
    return ranks


def check_unseen(interactions, recs, report, which, k="10", per_user=None):
    """What a report says of lists without met items, against the lists in a recs/1 file, which must be long enough."""
    x, r = read(interactions), read(recs)
    lists = [[int(i) for i in row if i >= 0 and i not in h] for row, h in zip(r["items"], split(x, which)[1])]
    ranks = check_left_out(json.load(open(report)), lists, x, which, int(k))
    if per_user:
        p = read(per_user)
        assert list(p["rank_unseen"]) == ranks and p["meta"]["k_unseen"] == k, "ranks"


def check_excluded(interactions, lists, report, which):
    """The same against what recommend --exclude-seen printed for write_histories()."""
    x = read(interactions)
    row = {item: i for i, item in enumerate(x["item_ids"])}
    check_left_out(json.load(open(report)), [[row[pair.rsplit(":", 1)[0]] for pair in line.split("\t")] for line in open(lists).read().split("\n")[:-1]],
                   x, which, 10)


def random_lists(interactions, path, k="30"):
    """Lists in no sensible order, with scores that fall: some end early, some name an item that nobody knows."""
    x, rng = read(interactions), np.random.default_rng(11)
    rows, items, k = split(x, "test")[0], len(x["item_ids"]), int(k)
    lists = np.array([rng.permutation(items + 1)[:k] for _ in rows], np.int32)
    for u in range(0, len(rows), 7):
        lists[u, k - u % 5 - 1:] = -1
    scores = -np.sort(rng.exponential(3, lists.shape), axis=1).astype(np.float32)
    write(path, {"items": lists, "scores": scores, "user_ids": [x["user_ids"][u] for u in rows],
                 "item_ids": x["item_ids"] + ["unheard-of"]}, {"schema": "recs/1"})


def variety(lists, items, count, vectors, codes):
    """The measures of lists that do not ask who is right: lists of rows, those that are no item left out."""
    shown = np.zeros(items)
    diversity, diversity_sids = [], []
    for row in lists:
        top = [i for i in row[:10] if 0 <= i < items]
        np.add.at(shown, top, 1)
        pairs = [(a, b) for n, a in enumerate(top) for b in top[:n]]
        if codes is not None and pairs:
            lcp = [np.argmin(np.append(codes[a] == codes[b], False)) for a, b in pairs]
            diversity_sids.append(1 - np.mean(lcp) / codes.shape[1])
        if vectors is not None:
            unit = [vectors[i] / np.linalg.norm(vectors[i]) for i in top if vectors[i].any()]
            if len(unit) > 1:
                diversity.append(np.mean([1 - a @ b for n, a in enumerate(unit) for b in unit[:n]]))
    x, n = np.sort(shown), items
    information = -np.log2(np.maximum(count, 1) / np.sum(count))
    return {"gini@10": float(np.sum((2 * np.arange(1, n + 1) - n - 1) * x) / (n * x.sum())),
            "novelty@10": float(np.sum(shown * information) / shown.sum()),
            "diversity@10": float(np.mean(diversity)) if diversity else None,
            "diversity_sids@10": float(np.mean(diversity_sids)) if diversity_sids else None}


def check_calibration(found, lists, scores, targets):
    """Bins of equal count by the first 16 bits of the scores, all of which are below 0."""
    p, hit, key, log_p = [], [], [], []
    for row, s, t in zip(lists, scores, targets):
        for place, (item, score) in enumerate(zip(row, s)):
            log_p += [float(score)] if item == t else []
            if item >= 0 and place < 10:
                p.append(math.exp(float(score)))
                hit.append(item == t)
                key.append(int(np.float32(score).view(np.uint32)) >> 16)
    p, hit, key = np.array(p), np.array(hit, float), np.array(key)
    bins, full, error = [[]], 0, 0
    for k in sorted(set(key), reverse=True):
        bins[-1] += list(np.flatnonzero(key == k))
        if sum(map(len, bins)) * 10 >= (full + 1) * len(p):
            full = sum(map(len, bins)) * 10 // len(p)
            bins.append([])
    for b, f in zip(bins, found["bins"]):
        same(f, {"pairs": len(b), "p": p[b].mean(), "hits": hit[b].mean()}, "bin", 1e-12)
        error += len(b) / len(p) * abs(p[b].mean() - hit[b].mean())
    assert len(found["bins"]) == len(bins) - 1 > 5
    same(found, {"places": 10, "pairs": len(p), "ece": error, "targets": len(log_p),
                 "target_log_probability": sum(log_p) / len(log_p)}, "calibration", 1e-12)


def parts(x, inputs, targets, rows, count):
    """Who is in which part of which partition, by label."""
    n = len(inputs)
    shorter = [sum(len(o) < len(h) for o in inputs) for h in inputs]
    tie = [h and x["timestamp"][e] == x["timestamp"][e - 1]
           for h, e in zip(inputs, [x["user_offsets"][u] + len(h) for u, h in zip(rows, inputs)])]
    return {"strata_history": [("short", "middle", "long")[(3 * s >= n) + (3 * s >= 2 * n)] for s in shorter],
            "strata_tie": ["tie" if t else "others" for t in tie],
            "strata_cold": ["others" if count[t] else "cold" for t in targets]}


def check_all(interactions, recs, report, which="test", cuts="1,5,10,20", spare="10", embeddings=None, sids=None):
    """Everything that a report says of a system, to 1e-12, from the lists in a recs/1 file."""
    x, r, m = read(interactions), read(recs), json.load(open(report))
    rows, inputs, targets, training = split(x, which)
    items, k, cuts = len(x["item_ids"]), r["items"].shape[1], [int(c) for c in cuts.split(",")]
    row_of = {item: i for i, item in enumerate(x["item_ids"])}
    of_file = [row_of.get(item, -2) for item in r["item_ids"]] + [-1]
    place = {u: i for i, u in enumerate(r["user_ids"])}
    order = [place[x["user_ids"][u]] for u in rows]
    lists, scores = [[of_file[i] for i in r["items"][o]] for o in order], [r["scores"][o] for o in order] if "scores" in r else None
    find = lambda row, t: row.index(t) + 1 if t in row else 0
    ranks = [find(row, t) for row, t in zip(lists, targets)]
    left = [[i for i in row if i != -1 and i not in h] for row, h in zip(lists, inputs)]
    k_unseen = min([int(spare)] + [len(l) for l, row in zip(left, lists) if row[-1] != -1])
    unseen = [find(l[:k_unseen], t) for l, t in zip(left, targets)]
    count = np.array(popularity(training, items), float)
    assert set(m["metrics"]) == set(metrics(ranks, k, cuts)), "metrics told"
    same(m["metrics"], metrics(ranks, k, cuts), "metrics", 1e-12)
    same(m["metrics_unseen"], metrics(unseen, k_unseen, cuts), "metrics_unseen", 1e-12)
    for name, labels in parts(x, inputs, targets, rows, count).items():
        for label, part in m[name].items():
            of = [l == label for l in labels]
            for key, all_ranks, length in (("metrics", ranks, k), ("metrics_unseen", unseen, k_unseen)):
                same(part[key], metrics([a for a, inside in zip(all_ranks, of) if inside], length, cuts), f"{name} {label} {key}", 1e-12)
            assert part["users"] == sum(of), name
    for c in [10] + [c for c in cuts if c > 10]:
        covered = len({i for row in lists for i in row[:c] if i >= 0}) / items if c <= k else None
        same(m, {f"coverage@{c}": covered}, "report", 1e-12)
    e = read(embeddings) if embeddings else {}
    vectors = next((e[t].astype(float) for t in ("text", "joint", "image") if t in e), None)
    same(m, variety(lists, items, count, vectors, read(sids)["codes"] if sids else None), "report", 1e-12)
    if m["calibration"]:
        check_calibration(m["calibration"], lists, scores, targets)


def write_embeddings(path, names="text", items="60", prefix="i"):
    rng = np.random.default_rng(2)
    vectors = {name: rng.normal(size=(int(items), 5 + n)).astype(np.float32) for n, name in enumerate(names.split(","))}
    for v in vectors.values():
        v[3] = 0
    write(path, {**vectors, "item_ids": [f"{prefix}{i}" for i in range(int(items))]}, {"schema": "embeddings/1"})


def check_popular(interactions, recs):
    x, r = read(interactions), read(recs)
    rows, _, _, training = split(x, "test")
    count = popularity(training, len(x["item_ids"]))
    best = sorted(range(len(count)), key=lambda i: (-count[i], i))[:r["items"].shape[1]]
    assert r["user_ids"] == [x["user_ids"][u] for u in rows]
    assert all(list(row) == best for row in r["items"])
    assert all(list(row) == [count[i] for i in best] for row in r["scores"])


def check_cooccur(interactions, recs, which, window, back, power, decay):
    window, back, power, decay = int(window), float(back), float(power), float(decay)
    x, r = read(interactions), read(recs)
    items = len(x["item_ids"])
    rows, inputs, _, training = split(x, which)
    count = popularity(training, items)
    weight = np.zeros((items, items))
    for h in training:
        for p in range(len(h)):
            for q in range(p + 1, min(len(h), p + window + 1)):
                weight[h[p], h[q]] += 1 / (q - p)
                weight[h[q], h[p]] += back / (q - p)
    norm = np.array([c ** power if c else 1 for c in count])
    weight = (weight / np.outer(norm, norm)).astype(np.float32).astype(np.float64)
    popular = sorted(range(items), key=lambda i: (-count[i], i))
    for row, (h, found) in enumerate(zip(inputs, r["items"])):
        score = sum(decay ** s * weight[i] for s, i in enumerate(reversed(h)))
        met = [i for i in range(items) if score[i] > 0]
        # Sums in another order may swap what is equal but for rounding: round before ranking, and compare scores.
        order = sorted(met, key=lambda i: (-score[i], i)) + [i for i in popular if score[i] == 0]
        k = len(found)
        assert len(set(found)) == k, "an item stands twice"
        for place in range(k):
            a, b = score[found[place]], score[order[place]]
            assert abs(a - b) <= 1e-6 * max(1, b), f"user row {row}, place {place}: score {a}, expected {b}"
            assert abs(r["scores"][row][place] - a) <= 1e-5 * max(1, a)
            if b == 0:
                assert found[place] == order[place], "not the popular fill"


def student_p(t, df):
    """Two-sided p by Simpson's rule over the density: the substitution x = tan(a) keeps the range finite."""
    a = np.linspace(0, math.atan(abs(t)), 20001)
    log_front = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    f = np.exp(log_front - (df + 1) / 2 * np.log1p(np.tan(a) ** 2 / df)) / np.cos(a) ** 2
    w = np.ones(len(a))
    w[1:-1:2], w[2:-1:2] = 4, 2
    return 1 - 2 * float((f * w).sum() * (a[1] - a[0]) / 3)


def check_holm(report):
    """p_holm of an ablation against its p-values, metric by metric."""
    rows = json.load(open(report))["rows"]
    for name in rows[0]["metrics"]:
        assert rows[0]["metrics"][name]["p_holm"] is None
        p = sorted((r["metrics"][name]["p"], i) for i, r in enumerate(rows) if i)
        least = 0
        for j, (value, i) in enumerate(p):
            least = max(least, min(1, (len(p) - j) * value))
            same(rows[i]["metrics"][name], {"p_holm": least}, name, 1e-12)


def check_comparison(report, a, b, protocol="all", cuts="1,5,10,20"):
    m = json.load(open(report))
    rank, length = ("rank", "k") if protocol == "all" else ("rank_unseen", "k_unseen")
    assert m["protocol"] == protocol
    value = {}
    for c in map(int, cuts.split(",")):
        value[f"mrr@{c}"] = lambda r, c=c: np.where((r > 0) & (r <= c), 1 / np.maximum(r, 1), 0.0)
        value[f"hr@{c}"] = lambda r, c=c: np.where((r > 0) & (r <= c), 1.0, 0.0)
        value[f"ndcg@{c}"] = lambda r, c=c: np.where((r > 0) & (r <= c), 1 / np.log2(np.maximum(r, 1) + 1.0), 0.0)
    value["mrr"] = lambda r: np.where(r > 0, 1 / np.maximum(r, 1), 0.0)
    sides = [[read(path) for path in side.split(",")] for side in (a, b)]
    k = min(int(f["meta"][length]) for side in sides for f in side)
    assert set(m["metrics"]) == {n for n in value if n == "mrr" or int(n.split("@")[1]) <= k}, "metrics shown"
    known = [f.get("stratum") for side in sides for f in side]
    told = all(s is not None and np.array_equal(s, known[0]) for s in known)
    assert ("strata" in m) == told, "strata"
    parts = {name: known[0] == s for s, name in enumerate(("head", "middle", "tail")) if told and (known[0] == s).any()}
    assert set(m.get("strata", {})) == set(parts)
    for name, of in parts.items():
        assert m["strata"][name]["cases"] == of.sum() and set(m["strata"][name]["metrics"]) == set(m["metrics"])
    rows = [(name, found, slice(None)) for name, found in m["metrics"].items()]
    rows += [(name, found, of) for part, of in parts.items() if of.sum() > 1 for name, found in m["strata"][part]["metrics"].items()]
    for name, found, of in rows:
        users = [np.mean([value[name](np.where(f[rank] > k, 0, f[rank])[of]) for f in side], axis=0) for side in sides]
        d = users[1] - users[0]
        sd = d.std(ddof=1)
        t = d.mean() / (sd / math.sqrt(len(d))) if sd > 0 else 0
        same(found, {"a": users[0].mean(), "b": users[1].mean(), "difference": d.mean()}, name)
        same(found, {"t": t, "p": student_p(t, len(d) - 1)}, name, 1e-6)
        draws = np.random.default_rng(1).integers(len(d), size=(4000, len(d)))
        low, high = np.quantile(d[draws].mean(axis=1), [0.025, 0.975])
        error = sd / math.sqrt(len(d))
        same({"low": found["interval"][0], "high": found["interval"][1]}, {"low": low, "high": high}, name, 0.15 * error + 1e-12)


def write_ranks(path, ranks, k, which="test", prefix="u", unseen=None, k_unseen=10, strata=None):
    """Ranks under one protocol, or with `unseen` under both; of cases of the given strata, if any."""
    both = {} if unseen is None else {"rank_unseen": np.array(unseen, np.int32)}
    if strata is not None:
        both["stratum"] = np.array(strata, np.int32)
    write(path, {"rank": np.array(ranks, np.int32), **both, "user_ids": [f"{prefix}{u}" for u in range(len(ranks))]},
          {"schema": "ranks/1", "split": which, "k": str(k), **({"k_unseen": str(k_unseen)} if unseen is not None else {})})


def write_histories(interactions, which):
    """The histories of a split as recommend takes them."""
    x = read(interactions)
    for h in split(x, which)[1]:
        print(" ".join(x["item_ids"][i] for i in h))


def write_other(path):
    write_interactions(path, [[0, 1, 2]], 60, item_ids=[f"x{i}" for i in range(60)])


def first_list(recs):
    r = read(recs)
    print(" ".join(r["item_ids"][i] for i in r["items"][0]))


def check_lists(recs, lists):
    """What recommend printed against recs/1: the same items, and scores to the digits printed."""
    r = read(recs)
    lines = open(lists).read().split("\n")[:-1]
    assert len(lines) == len(r["items"])
    for line, items, scores in zip(lines, r["items"], r["scores"]):
        pairs = [pair.rsplit(":", 1) for pair in line.split("\t")]
        assert [p[0] for p in pairs] == [r["item_ids"][i] for i in items]
        assert all(abs(float(p[1]) - s) < 1e-5 * max(1, abs(s)) for p, s in zip(pairs, scores))
    print(len(lines), "lists")


def same_tensors(one, other):
    """Two files with the same tensors, whatever their metadata say."""
    a, b = read(one), read(other)
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[key], b[key]) for key in a if key != "meta")


def into_closed_pipe(*command):
    """Runs a command whose output nobody reads; exits with its code."""
    reader, writer = os.pipe()
    os.close(reader)
    sys.exit(subprocess.call(command, stdout=writer))


def shuffle(recs, out):
    """The same lists with users and items in another order, and items and users that nobody knows."""
    r = read(recs)
    rng = np.random.default_rng(1)
    n, items = len(r["user_ids"]), len(r["item_ids"])
    users, order = rng.permutation(n), rng.permutation(items)
    place = np.argsort(order)
    lists = np.where(r["items"] < 0, -1, place[np.maximum(r["items"], 0)]).astype(np.int32)[users]
    lists = np.concatenate([lists, lists[:1]])
    write(out, {"items": lists, "user_ids": [r["user_ids"][u] for u in users] + ["stranger"],
                "item_ids": [r["item_ids"][i] for i in order] + ["unheard-of"]}, {"schema": "recs/1"})


def change_config(model, out, change):
    """The same model, but for one number of its config."""
    r = read(model)
    meta, (key, value) = r.pop("meta"), change.split("=")
    write(out, r, {**meta, "config": json.dumps({**json.loads(meta["config"]), key: float(value)})})


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
