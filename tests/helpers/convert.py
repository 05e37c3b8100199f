"""Writes the neutral files items.jsonl and interactions.tsv of a folder in another form, for round trips:
convert.py FORM FOLDER OUT-ITEMS OUT-INTERACTIONS."""
import csv
import json
import sys

form, folder, items_path, events_path = sys.argv[1:]
with open(f"{folder}/items.jsonl", encoding="utf8") as f:
    items = [json.loads(line) for line in f]
with open(f"{folder}/interactions.tsv", encoding="utf8") as f:
    head = f.readline().rstrip("\n").split("\t")
    events = [dict(zip(head, line.rstrip("\n").split("\t"))) for line in f]
time = "timestamp" if "timestamp" in head else "order"
keys = ["id", "title", "description", "categories", "brand", "price", "image", "image_url", "image_labels"]
keys = [k for k in keys if any(r.get(k) for r in items)]


def out(path):
    return open(path, "w", encoding="utf8", newline="")


def cell(value):
    return "" if value is None else "|".join(value) if isinstance(value, list) else str(value)


for r in items:
    for values in (r.get("categories") or [], r.get("image_labels") or []):
        assert not any("|" in v for v in values)

if form == "csv":
    with out(items_path) as f:
        w = csv.writer(f, delimiter=";")
        w.writerow(["item_id"] + keys[1:])
        w.writerows([cell(r.get(k)) for k in keys] for r in items)
    with out(events_path) as f:
        w = csv.writer(f, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
        w.writerow([time, "user id"] + (["rating"] if "rating" in head else []) + ["Item-ID"])
        w.writerows([e[time], e["user"]] + ([e["rating"]] if "rating" in head else []) + [e["item"]] for e in events)
elif form == "jsonl":
    with out(items_path) as f:
        for r in items:
            f.write(json.dumps({("asin" if k == "id" else k): r[k] for k in reversed(keys) if k in r}) + "\n")
    with out(events_path) as f:
        for e in events:
            f.write(json.dumps({"w": "when", "at": int(e[time]) * 1000 + 7, "who": e["user"], "what": e["item"]}, ensure_ascii=False) + "\n")
elif form == "recbole":
    kinds = {"id": "item_id:token", "categories": "class:token_seq", "title": "movie_title:token_seq", "price": "price:float"}
    with out(items_path) as f:
        f.write("\t".join(kinds.get(k, f"{k}:token") for k in keys) + "\n")
        for r in items:
            f.write("\t".join(" ".join(cell(r.get(k)).split("\t")).replace("\n", " ").replace("\r", " ") for k in keys) + "\n")
    with out(events_path) as f:
        f.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n")
        for e in events:
            f.write(f"{e['user']}\t{e['item']}\t{e.get('rating', '1')}\t{float(e[time])}\n")
elif form == "lcrec":
    with out(items_path) as f:
        json.dump({r["id"]: {k: ",".join(r[k]) if k == "categories" and not any("," in c for c in r[k]) else r[k]
                             for k in keys[1:] if k in r} for r in items}, f)
    histories = {}
    for e in events:
        histories.setdefault(e["user"], []).append((int(e[time]), e["item"]))
    number = {r["id"]: int(r["id"]) if r["id"].isdigit() and str(int(r["id"])) == r["id"] else r["id"] for r in items}
    with out(events_path) as f:
        json.dump({u: [number.get(i, i) for _, i in sorted(h, key=lambda v: v[0])] for u, h in histories.items()}, f)
else:
    sys.exit(f"{form}: expected csv, jsonl, recbole or lcrec")
