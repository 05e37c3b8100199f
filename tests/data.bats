#!/usr/bin/env bats
# `make data` of the published data sets, from their files as published to a catalogue and histories, over a server that is slow,
# cuts and lies (tests/helpers/file_server.py).
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines, http_server.bash BIN, port and url

bats_require_minimum_version 1.5.0

load http_server.bash
setup() {
    http_setup
    publish
}
teardown() { end_servers; }

# Six products that eight people reviewed, one of them once, as each of the three collections publishes them; and pictures.
publish() {
    python_with pictures <<'PY'
import gzip

def write(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with gzip.open(path, "wt") as f: f.writelines(line + "\n" for line in lines)

os.makedirs("www/pictures", exist_ok=True)
items, users = range(7), range(8)   # item 6 has no review
seen = [(u, i, 1400000000 + 86400 * (10 * u + i), 1 + (u + i) % 5) for u in users for i in items if i < 6 and (u < 7 or i == 0)]
title = lambda i: f"Cr\u00e8me &amp; Lotion, No. {i}"
for i in items: png(f"www/pictures/{i}.png", drawn(20, 20, lambda x, y: (40 * i % 250, y, 99)))

write("www/2014/meta_Beauty.json.gz", [repr({"asin": f"B{i}", "title": title(i), "categories": [["Beauty", "Skin Care"]], "price": 9.5 + i,
    "imUrl": f"http://127.0.0.1:PORT/pictures/{i}.png", "related": {"also_bought": ["B1"]}}) for i in items])
write("www/2014/reviews_Beauty_5.json.gz", [json.dumps({"reviewerID": f"A{u}", "asin": f"B{i}", "helpful": [0, 0], "reviewText": "It's \"good\".",
    "overall": float(r), "unixReviewTime": t, "reviewTime": "05 13, 2014"}) for u, i, t, r in seen])
write("www/2018/metaFiles2/meta_Musical_Instruments.json.gz", [json.dumps({"asin": f"B{i}", "title": title(i), "description": ["Rich.", "Light."],
    "category": ["Musical Instruments", "Strings"], "price": "$9.50", "imageURLHighRes": [f"http://127.0.0.1:PORT/pictures/{i}.png"]}) for i in items])
write("www/2018/categoryFilesSmall/Musical_Instruments_5.json.gz", [json.dumps({"reviewerID": f"A{u}", "asin": f"B{i}", "overall": float(r),
    "verified": True, "unixReviewTime": t}) for u, i, t, r in seen])
write("www/2023/meta_categories/meta_Movies_and_TV.jsonl.gz", [json.dumps({"parent_asin": f"B{i}", "title": title(i), "description": ["Rich."],
    "features": [], "categories": ["Movies"], "price": None, "images": [{"large": f"http://127.0.0.1:PORT/pictures/{i}.png", "variant": "MAIN"}]})
    for i in items])
write("www/2023/review_categories/Movies_and_TV.jsonl.gz", [json.dumps({"rating": float(r), "title": "t", "text": "x", "asin": f"C{i}",
    "parent_asin": f"B{i}", "user_id": f"A{u}", "timestamp": 1000 * t + 7}) for u, i, t, r in seen])
PY
}

# A server whose products' pictures are its own.
open_shop() {
    serve "$@"
    for file in www/2014/meta_* www/2018/metaFiles2/* www/2023/meta_categories/*; do
        gunzip <"$file" | sed "s/:PORT/:$port/" | gzip >new && mv new "$file"
    done
}

dag() {
    make --no-print-directory -f "$ROOT/pipelines/stages.mk" "BIN=$BIN" AMAZON2014="$url/2014" AMAZON2018="$url/2018" AMAZON2023="$url/2023" \
        INGEST_FLAGS="--retry-wait 0.001" "$@" </dev/null 3>&-
}

assert_data() { # assert_data DATASET: 7 users, 6 items, 42 interactions, their texts mended
    run jq -c .after work/"$1"/ingest-*/report.json
    assert_output --regexp '"users":7,"items":6,"interactions":42'
    run jq -r .title work/"$1"/ingest-*/items.jsonl
    assert_line --index 0 'Crème & Lotion, No. 0'
    assert_equal "${#lines[@]}" 6
    run "$BIN/tensor" get work/"$1"/ingest-*/interactions.st timestamp
    assert_line --index 0 1400000000
}

@test "the published files of three years, by category, become catalogues and histories" {
    open_shop
    for set in amazon2014-beauty amazon2018-instruments; do
        dag data DATASET=$set
        assert_data $set
    done
    dag data DATASET=amazon2023-anything CATEGORY=Movies_and_TV
    assert_data amazon2023-anything
    kill "${servers[0]}"
    dag data DATASET=amazon2014-beauty WORK=again # from the cache
    cmp work/amazon2014-beauty/ingest-*/interactions.st again/amazon2014-beauty/ingest-*/interactions.st
    cmp work/amazon2014-beauty/ingest-*/items.jsonl again/amazon2014-beauty/ingest-*/items.jsonl
}

@test "a server that is slow, cuts and stumbles: the same data" {
    open_shop --fault '*meta_*=cut:100*2' --fault '*reviews*=slow:4000' --fault '*Instruments*=status:503,0*2' --fault '*Movies*=chunked'
    dag data DATASET=amazon2014-beauty
    assert_data amazon2014-beauty
    dag data DATASET=amazon2018-instruments
    assert_data amazon2018-instruments
    dag data DATASET=amazon2023-movies
    assert_data amazon2023-movies
}

@test "wrong files end it in one line, with nothing half-made; and the right ones are found afterwards" {
    open_shop --fault '*meta_Beauty*=status:404*1' --fault '*meta_Musical*=changed:<html>sorry</html>'
    run dag data DATASET=amazon2014-beauty
    assert_failure
    assert_output --regexp 'ingest: .*meta_Beauty.*404'
    run dag data DATASET=amazon2018-instruments
    assert_failure
    assert_output --regexp 'ingest: .*meta_Musical_Instruments.json.gz.*'
    run find work -name 'ingest-*' -not -name '*.part'
    assert_output ''
    dag data DATASET=amazon2014-beauty
    assert_data amazon2014-beauty
    head -c 300 www/2023/review_categories/Movies_and_TV.jsonl.gz >short && mv short www/2023/review_categories/Movies_and_TV.jsonl.gz
    run dag data DATASET=amazon2023-movies
    assert_failure
    assert_output --regexp 'ingest: .*Movies_and_TV.jsonl.gz.*'
}

@test "IMAGES=1: pictures stand where the records say, and other stages find them" {
    open_shop --fault '*/pictures/3.png=status:404'
    dag data DATASET=amazon2014-beauty IMAGES=1
    assert_data amazon2014-beauty
    cd work/amazon2014-beauty
    run jq -r 'select(.image) | .image' ingest-*/items.jsonl
    assert_equal "${#lines[@]}" 5
    for image in "${lines[@]}"; do assert_file_exists "$(echo ingest-*)/$image"; done
    run jq -r 'select(.errors) | .id + " " + .errors[0].tool' ingest-*/items.jsonl
    assert_output 'B3 ingest'
    cd ../..
    dag run TO=captioned PIPELINE=deepinterestgr DATASET=amazon2014-beauty IMAGES=1
    run jq -r 'select(.caption) | .id' work/amazon2014-beauty/caption-*/items.jsonl
    assert_equal "${#lines[@]}" 5
}

@test "a URL is one word to the shell, whatever it holds; a name is only its own data set" {
    open_shop
    cp www/2018/metaFiles2/meta_Musical_Instruments.json.gz www/meta.gz
    cp www/2018/categoryFilesSmall/Musical_Instruments_5.json.gz www/reviews.gz
    dag data DATASET=signed ITEMS="$url/meta.gz?a=1&b='2';echo>odd" INTERACTIONS="$url/reviews.gz?x=\`id\`" FORMAT=amazon2018
    assert_data signed
    assert_not_exists odd
    run dag data DATASET=signed ITEMS="$url/me ta.gz" INTERACTIONS="$url/reviews.gz"
    assert_failure
    assert_output --partial 'a URL has no blanks'
    run dag data DATASET=demo-shoes
    assert_failure
    assert_output --partial "no data set 'demo-shoes'"
    dag data DATASET=amazon2018-mine ITEMS="$url/meta.gz" INTERACTIONS="$url/reviews.gz"
    assert_data amazon2018-mine
}

@test "a category that there is none of, and files of one's own without a format's name" {
    url=http://127.0.0.1:9
    run dag data DATASET=amazon2014-nosuch
    assert_failure
    assert_output --partial "no category 'nosuch'"
    assert_output --partial 'beauty'
    gunzip <www/2018/metaFiles2/meta_Musical_Instruments.json.gz >meta.json
    gunzip <www/2018/categoryFilesSmall/Musical_Instruments_5.json.gz >reviews.json
    dag data DATASET=mine ITEMS=meta.json INTERACTIONS=reviews.json FORMAT=amazon2018
    assert_data mine
    run dag data DATASET=mine ITEMS=meta.json
    assert_failure
    assert_output --partial "no data set 'mine'"
}
