"""Writes a neutral data set in the forms of Amazon's: amazon_files.py amazon2014|amazon2018|amazon2023 NEUTRAL_DIR OUT_DIR.

OUT_DIR gets reviews and meta. Where the neutral events have only an order, the reviews get a day for each step.
"""
import json
import os
import sys

edition, source, target = sys.argv[1:]
REVIEW = {
    "amazon2014": '{"reviewerID": "%s", "asin": "%s", "helpful": [1, 2], "reviewText": "Fine \\"thing\\".\\n", "overall": %.1f, '
                  '"summary": "caf\\u00e9", "unixReviewTime": %d, "reviewTime": "01 1, 2014"}\n',
    "amazon2018": '{"overall": %3$.1f, "verified": true, "reviewerID": "%1$s", "asin": "%2$s", "style": {"Size:": " M"}, '
                  '"reviewText": "Fine {thing}.", "unixReviewTime": %4$d, "image": ["https://x.invalid/a.jpg"]}\n',
    "amazon2023": '{"rating": %3$.1f, "title": "Fine", "text": "thing", "images": [], "asin": "VARIANT", "parent_asin": "%2$s", '
                  '"user_id": "%1$s", "timestamp": %4$d, "helpful_vote": 0, "verified_purchase": true}\n',
}[edition]
for i, name in enumerate(("user", "item", "rating", "time"), 1):
    REVIEW = REVIEW.replace(f"%{i}$", f"%({name})")
TICKS = 1000 if edition == "amazon2023" else 1

os.makedirs(target, exist_ok=True)
with open(os.path.join(source, "interactions.tsv"), encoding="utf-8") as events, \
        open(os.path.join(target, "reviews"), "w", encoding="utf-8") as out:
    names = next(events).rstrip("\n").split("\t")
    user, item = names.index("user"), names.index("item")
    time = names.index("timestamp") if "timestamp" in names else None
    order = names.index("order") if time is None else None
    rating = names.index("rating") if "rating" in names else None
    for line in events:
        f = line.rstrip("\n").split("\t")
        seconds = int(f[time]) if time is not None else 10**9 + 86400 * int(f[order])
        stars = float(f[rating]) if rating is not None else 5.0
        values = (f[user], f[item], stars, seconds * TICKS + (TICKS > 1))
        out.write(REVIEW % (values if edition == "amazon2014" else dict(zip(("user", "item", "rating", "time"), values))))


def metadata(item):
    title, path = item.get("title"), item.get("categories") or []
    if edition == "amazon2014":
        record = {"asin": item["id"], "related": {"also_viewed": ["X1", "X2"]}, "salesRank": {"Things": 3},
                  "imUrl": item.get("image_url"), "categories": [path[:1], path], "description": item.get("description")}
    elif edition == "amazon2018":
        record = {"asin": item["id"], "category": path, "description": [d for d in [item.get("description")] if d], "fit": "",
                  "imageURLHighRes": [u for u in [item.get("image_url")] if u], "rank": [], "also_buy": ["X1"], "price": "$1.00"}
    else:
        record = {"parent_asin": item["id"], "categories": path, "description": [], "features": [], "price": None,
                  "images": [{"thumb": "https://x.invalid/t.jpg", "variant": "MAIN", "hi_res": item.get("image_url")}]}
    if title:
        record["title"] = title
    return {k: v for k, v in record.items() if v is not None or k == "price"}


with open(os.path.join(source, "items.jsonl"), encoding="utf-8") as items, \
        open(os.path.join(target, "meta"), "w", encoding="utf-8") as out:
    for line in items:
        record = metadata(json.loads(line))
        out.write((repr(record) if edition == "amazon2014" else json.dumps(record)) + "\n")
