#!/usr/bin/env bats
# mine-intent: intents grounded in evidence, the same for head, shards and threads; judges, classifier, quality; bad input.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

mine() { "$BIN/mine-intent" "$@"; }

# The intents on standard input: "id text" a line.
texts() {
    /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    for i in r.get("intents") or []:
        print(r["id"], i["text"])'
}

small() {
    cat >items.jsonl <<'JSONL'
{"id":"tent","title":"Dome Tent for Camping, 2 Person","price":12345678901234567890}
{"id":"cream","title":"Hand Cream for Dry, Cracked Skin","categories":["Beauty","Skin Care","Hands"],"x":1.10}
{"id":"film","title":"Night Train (1951)","categories":["Thriller","War"],"description":"A soldier hides from a murderer."}
{"id":"gift","title":"Knitted Blanket","description":"A lovely gift for new grandparents."}
{"id":"none","title":"Qwxyz"}
{"id":"nothing"}
JSONL
}

# 400 items made from word lists, 8 kinds.
catalogue() {
    /usr/bin/python3 >items.jsonl -c '
import json, random
random.seed(4)
kinds = [("Tent", "camping"), ("Bicycle Bell", "commuting"), ("Yoga Mat", "yoga"), ("Frying Pan", "cooking eggs"),
         ("Desk Lamp", "reading at night"), ("Rain Coat", "walks in the rain"), ("Dog Bed", "large dogs"), ("Spanner", "")]
for i in range(400):
    noun, use = random.choice(kinds)
    brand, kind = random.choice(["Norvik", "Besta", "Quill"]), random.choice(["Red", "Light", "Big"])
    r = {"id": f"i{i}", "title": f"{brand} {kind} {noun}"}
    if use and random.random() < .7: r["description"] = f"Ideal for {use}. It lasts."
    print(json.dumps(r))'
}

# Judged items, 4 intents each: good are those that name what the item is for.
judged() {
    /usr/bin/python3 >judged.jsonl -c '
import json, random
random.seed(5)
uses = ["camping trips", "cycling", "yoga and stretching", "home cooking", "reading and writing", "rainy weather"]
empty = ["best quality", "great value", "new item", "nice thing for all", "premium"]
for i in range(300):
    mine, other = random.sample(uses, 2)
    texts = [(mine, 1), (mine + " at home", 1), (other, 0), (random.choice(empty), 0)]
    intents = [{"text": t, "confidence": round(random.random(), 3), "label": y} for t, y in texts]
    print(json.dumps({"id": f"i{i}", "title": "Thing for " + mine, "intents": intents}))'
}

refused() { # refused CODE MESSAGE [options], input on standard input
    fails_with "$1" "$2" mine -o out.file "${@:3}"
    assert_none_written out.file
}

@test "intents come from an item's own words, in canonical form" {
    small
    mine -q items.jsonl | texts >texts.txt
    grep -qx 'tent camping trips' texts.txt
    grep -qx 'cream cracked skin care' texts.txt
    grep -qx 'cream dry skin care' texts.txt
    grep -qx 'film war stories' texts.txt
    grep -qx 'film golden age cinema' texts.txt
    grep -qx 'gift gifts for new grandparents' texts.txt
    run grep -E '^(none|nothing) ' texts.txt
    assert_output ''
}

@test "records keep their bytes and order; intents have text, confidence and source, strongest first" {
    small
    mine -q items.jsonl >mined.jsonl
    /usr/bin/python3 - <<'PY'
import json
was, now = open("items.jsonl").read().splitlines(), open("mined.jsonl").read().splitlines()
assert len(was) == len(now)
for a, b in zip(was, now):
    assert b.startswith(a[:-1]), b
    intents = json.loads(b)["intents"]
    assert len(intents) <= 5
    c = [i["confidence"] for i in intents]
    assert c == sorted(c, reverse=True) and all(0 <= x <= 1 for x in c)
    assert all(set(i) == {"text", "confidence", "source"} and i["source"].startswith("builtin:") for i in intents)
PY
}

@test "a purpose that several items share is cut to what they share" {
    for i in 1 2 3 4; do echo "{\"id\":\"$i\",\"title\":\"Thing $i\",\"description\":\"Ideal for long runs in the hills beside lake $i.\"}"; done |
        mine -q | texts | sort -u >texts.txt
    run cat texts.txt
    for i in 1 2 3 4; do assert_line "$i long runs in the hills"; done
}

@test "what is no purpose is none" {
    echo '{"id":"a","title":"Box","description":"Known for quality. Look for the seal. Waits for you, for years, for 3 days."}' >items.jsonl
    mine -q items.jsonl | texts >texts.txt
    run cat texts.txt
    refute_output --regexp 'quality|seal|years|days'
}

@test "the fit makes head, shards, a pipe and the whole agree, byte for byte" {
    catalogue
    mine -q items.jsonl >whole.jsonl
    mine -q --fit-only -o fit.st items.jsonl
    mine -q --fit fit.st items.jsonl >fitted.jsonl
    cmp whole.jsonl fitted.jsonl
    head -n 30 items.jsonl | mine -q --fit fit.st >head.jsonl
    head -n 30 whole.jsonl | cmp - head.jsonl
    for k in 1 2 3; do mine -q --fit fit.st --shard $k/3 items.jsonl >>shards.jsonl; done
    cmp whole.jsonl shards.jsonl
    for k in 1 2 3; do mine -q --shard $k/3 items.jsonl >>unfitted.jsonl; done
    cmp whole.jsonl unfitted.jsonl
    # shellcheck disable=SC2002 # a pipe is what is tested
    cat items.jsonl | mine -q | cmp - whole.jsonl
}

@test "equal bytes for one thread and two" {
    catalogue
    mine -q --threads 1 --fit-only -o 1.st items.jsonl
    mine -q --threads 2 --fit-only -o 2.st items.jsonl
    cmp 1.st 2.st
    mine -q --threads 1 -j builtin items.jsonl >1.jsonl
    mine -q --threads 2 -j builtin items.jsonl >2.jsonl
    cmp 1.jsonl 2.jsonl
}

@test "mining again replaces intents, --keep keeps them" {
    small
    mine -q items.jsonl >once.jsonl
    mine -q once.jsonl | cmp - once.jsonl
    echo '{"id":"a","title":"Tent","intents":[{"text":"own words"}]}' >had.jsonl
    mine -q --keep had.jsonl | cmp - had.jsonl
    mine -q had.jsonl | texts >texts.txt
    run cat texts.txt
    assert_output 'a camping trips'
}

@test "--max-intents and --min-confidence limit" {
    small
    run -0 sh -c "'$BIN/mine-intent' -q -m 1 items.jsonl | grep -o '\"text\"' | wc -l"
    assert_output 4
    mine -q --min-confidence 0.99 items.jsonl >few.jsonl
    /usr/bin/python3 -c '
import json
for line in open("few.jsonl"):
    for i in json.loads(line)["intents"]:
        assert i["confidence"] >= 0.495, i'
}

@test "key-phrases of the cluster where the text names no purpose, standing in the item's own words" {
    catalogue
    mine -q --min-confidence 0 items.jsonl >mined.jsonl
    /usr/bin/python3 - <<'PY'
import json
found = 0
for line in open("mined.jsonl"):
    r = json.loads(line)
    words = (r["title"] + " " + r.get("description", "")).lower()
    for i in r["intents"]:
        if i["source"] == "builtin:cluster":
            found += 1
            assert all(w.rstrip("s") in words for w in i["text"].split()), (words, i)
assert found > 20, found
PY
}

@test "a builtin caption tells of places and looks, not of compact objects" {
    cat >items.jsonl <<'JSONL'
{"id":"a","title":"Qwx","caption":"A compact, mid-toned, warm-toned object in olive green, rust orange and brown, vivid, with checks, filling half of the frame, against a varied, light, cool-toned background, sky blue above and grass green below, smooth; a square picture of moderate contrast."}
{"id":"b","title":"Qwx Insulated","caption":"A wide, light, cool-toned object in grey, muted, with a plain surface, filling the frame, against a varied, very dark, cool-toned background, navy blue above and black below, smooth; a square picture of high contrast."}
{"id":"c","title":"Qwx","caption":"In the picture: tent, helmet."}
JSONL
    mine -q items.jsonl | texts >texts.txt
    run cat texts.txt
    assert_line 'a earthy outdoor look outdoors'
    assert_line 'b keeping warm in the evening'
    refute_output --regexp 'space|^c '
}

@test "the builtin judge: specific, actionable, grounded" {
    cat >items.jsonl <<'JSONL'
{"id":"a","title":"Tent for camping in winter","intents":[{"text":"camping trips","n":7},{"text":"best quality","confidence":0.9},{"text":"deep sea diving"},{"text":"winter camping","confidence":0.1},{"text":"camping in winter","confidence":0.8}]}
{"id":"b","title":"no intents"}
JSONL
    mine -q -e none -j builtin items.jsonl >judged.jsonl
    /usr/bin/python3 - <<'PY'
import json
a, b = [json.loads(l) for l in open("judged.jsonl")]
assert [i["label"] for i in a["intents"]] == [1, 0, 0, 0, 1], a
assert a["intents"][0]["n"] == 7 and "confidence" not in a["intents"][0]
assert "intents" not in b
PY
}

@test "judging may be a step of its own" {
    small
    mine -q -j builtin items.jsonl >together.jsonl
    mine -q items.jsonl | mine -q -e none -j builtin | cmp - together.jsonl
}

@test "quality by hand" {
    cat >items.jsonl <<'JSONL'
{"id":"a","intents":[{"text":"x","confidence":0.75,"label":1},{"text":"y","confidence":0.25,"label":0},{"text":"z"}]}
{"id":"b","intents":[{"text":"x","label":1},{"text":"y","label":0},{"text":"z","label":0}]}
{"id":"c","intents":[{"text":"x","confidence":0.5}]}
{"id":"d"}
{"id":"e","intents":[{"text":"x","confidence":0,"label":1},{"text":"y","confidence":1,"label":0}]}
JSONL
    mine --quality-only -o q.st <items.jsonl
    run -0 "$BIN/tensor" get q.st quality
    assert_output "$(printf '%s\n' 0.75 0.333333 0 0 0)" || assert_output --partial 0.3333
    run -0 "$BIN/tensor" get q.st quality_mask
    assert_output "$(printf '%s\n' 1 1 0 0 1)"
    run -0 "$BIN/tensor" get q.st item_ids
    assert_output "$(printf '%s\n' a b c d e)"
    "$BIN/tensor" verify q.st
}

@test "quality of shards joins" {
    catalogue
    mine -q -j builtin items.jsonl >mined.jsonl
    mine -q --quality-only -o all.st mined.jsonl
    head -n 100 mined.jsonl | mine -q --quality-only -o 1.st
    tail -n +101 mined.jsonl | mine -q --quality-only -o 2.st
    "$BIN/tensor" join -o joined.st 1.st 2.st
    cmp <("$BIN/tensor" get all.st quality) <("$BIN/tensor" get joined.st quality)
}

@test "an undefined quality is an error that names the item" {
    echo '{"id":"mix","intents":[{"text":"x","confidence":0.5,"label":1},{"text":"y","label":1}]}' >mixed.jsonl
    refused 65 "'mix'" --quality-only mixed.jsonl
    echo '{"id":"zero","intents":[{"text":"x","confidence":0,"label":1}]}' >zero.jsonl
    refused 65 "'zero'" --quality-only zero.jsonl
    echo '{"id":"bad","intents":[{"text":"x","label":2}]}' >bad.jsonl
    refused 65 "'bad'" --quality-only bad.jsonl
    echo '{"id":"big","intents":[{"text":"x","confidence":1.5}]}' >big.jsonl
    refused 65 "'big'" --quality-only big.jsonl
    : >empty.jsonl
    refused 65 'no items' --quality-only empty.jsonl
}

@test "the classifier learns a judge's labels and prints how well" {
    judged
    run --separate-stderr mine --train-classifier -o clf.st judged.jsonl
    assert_success
    [[ $stderr =~ accuracy\ ([0-9.]+).*AUC\ ([0-9.]+) ]]
    /usr/bin/python3 -c "import sys; assert float(sys.argv[1]) > .9 and float(sys.argv[2]) > .9" "${BASH_REMATCH[@]:1}"
    mine -q --threads 1 --train-classifier -o again.st judged.jsonl
    cmp clf.st again.st
    sed 's/, "label": [01]//g' judged.jsonl | mine -q -e none -j classifier -c clf.st >labelled.jsonl
    /usr/bin/python3 - <<'PY'
import json
same = total = 0
for a, b in zip(open("judged.jsonl"), open("labelled.jsonl"), strict=True):
    for x, y in zip(json.loads(a)["intents"], json.loads(b)["intents"]):
        total += 1
        same += x["label"] == y["label"]
assert same > .95 * total, (same, total)
PY
}

@test "labels that are all alike train nothing" {
    echo '{"id":"a","title":"t","intents":[{"text":"x","label":1}]}' >alike.jsonl
    refused 65 'expected some good and some not' --train-classifier alike.jsonl
    echo '{"id":"a","title":"t"}' >none.jsonl
    refused 65 '0 judged intents' --train-classifier none.jsonl
}

@test "damaged fits and classifiers are refused" {
    catalogue
    mine -q --fit-only -o fit.st items.jsonl
    judged
    mine -q --train-classifier -o clf.st judged.jsonl
    for n in 0 7 100 2000 -1; do
        head -c $n fit.st >cut.st
        refused 65 cut.st --fit cut.st items.jsonl
        head -c $n clf.st >cut.st
        refused 65 cut.st -e none -j classifier -c cut.st items.jsonl
    done
    refused 65 "schema" --fit clf.st items.jsonl
    refused 65 "schema" -e none -j classifier -c fit.st items.jsonl
    /usr/bin/python3 - <<'PY'
import json, struct
raw = open("fit.st", "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
def spoil(name, tensor, value, at=0):
    data = bytearray(raw)
    begin = 8 + n + head[tensor]["data_offsets"][0] + at
    data[begin:begin + len(value)] = value
    open(name, "wb").write(data)
spoil("key.st", "key", struct.pack("<q", 2**62))
spoil("count.st", "count", struct.pack("<i", -5))
spoil("offsets.st", "phrase_offsets", struct.pack("<q", 2**40), 8)
spoil("share.st", "phrase_share", struct.pack("<f", 7))
spoil("nan.st", "centroid", struct.pack("<f", float("nan")))
PY
    for name in key count offsets share nan; do refused 65 "$name.st" --fit $name.st items.jsonl; done
}

@test "hostile text: long, odd, and without end" {
    /usr/bin/python3 >items.jsonl -c '
import json
print(json.dumps({"id": "long", "title": "Tent", "description": "ideal for camping with friends and " * 20000}))
print(json.dumps({"id": "word", "title": "for " + "x" * 300000}))
print(json.dumps({"id": "fors", "title": "for " * 100000}))
print(json.dumps({"id": "marks", "title": "for e" + "\u0301" * 50000}))
print(json.dumps({"id": "odd", "title": "for \u202e\u0645\u0631\u062d\u0628\u0627 \U0001f3d5\ufe0f \u5c71\u767b\u308a \u200b for\u00a0\u2003hiking"}, ensure_ascii=False))
print(json.dumps({"id": "many", "title": "a", "categories": ["War"] * 5000, "image_labels": ["Tent"] * 5000}))
print(json.dumps({"id": "percent", "title": "%s%n for %d%s \\ \"quoted\" things", "caption": "In the picture: "}))
print(json.dumps({"id": "cap", "caption": " above and -toned object in  contrast against  below above and "}))'
    run --separate-stderr timeout 20 "$BIN/mine-intent" -q -j builtin items.jsonl
    assert_success
    [ "${#lines[@]}" -eq 8 ]
    run -0 /usr/bin/python3 -c 'import json, sys; [json.loads(l) for l in sys.stdin]' <<<"$output"
}

@test "wrong intents are an error of their item, and the run goes on" {
    cat >items.jsonl <<'JSONL'
{"id":"a","title":"Tent","intents":[{"text":"camping","confidence":"high"}]}
{"id":"b","title":"Tent","intents":[{"text":"camping"}]}
JSONL
    mine -q -e none -j builtin items.jsonl >judged.jsonl
    /usr/bin/python3 - <<'PY'
import json
a, b = [json.loads(l) for l in open("judged.jsonl")]
assert a["errors"][0]["tool"] == "mine-intent" and "confidence" in a["errors"][0]["message"]
assert b["intents"][0]["label"] == 1 and "errors" not in b
PY
}

@test "wrong records and options" {
    echo '{"id":"a","title":3}' >wrong.jsonl
    refused 65 'wrong.jsonl:1' wrong.jsonl
    : >empty.jsonl
    refused 65 'no items' empty.jsonl
    refused 66 'nowhere.jsonl' nowhere.jsonl
    small
    refused 66 'nowhere.st' --fit nowhere.st items.jsonl
    refused 64 'judge' -e none items.jsonl
    refused 64 'classifier' -j classifier items.jsonl
    refused 64 'fit' -e none -j builtin --fit fit.st items.jsonl
    refused 64 'one of them' --fit-only --quality-only items.jsonl
    refused 64 'shard' --quality-only --shard 1/2 items.jsonl
    refused 64 'shard' --shard 3/2 items.jsonl
    refused 64 'max-intents' -m 0 items.jsonl
    refused 64 'one file' items.jsonl items.jsonl
}

@test "output that cannot be written" {
    catalogue
    [ -e /dev/full ] || skip "no /dev/full"
    run --separate-stderr sh -c "'$BIN/mine-intent' -q items.jsonl >/dev/full"
    assert_failure 74
    run --separate-stderr sh -c "'$BIN/mine-intent' -q --fit-only items.jsonl >/dev/full"
    assert_failure 74
    for mode in "" --fit-only --quality-only; do
        # shellcheck disable=SC2086 # empty is no option
        run --separate-stderr mine -q $mode -o items.jsonl/out items.jsonl
        assert_failure 73
    done
    run --separate-stderr sh -c "'$BIN/mine-intent' -q items.jsonl | head -n 1"
    assert_success
}

@test "real catalogues: most items get intents, related items share them" {
    [ -e "$DATA/beauty/items.jsonl" ] || skip "no $DATA/beauty"
    head -n 3000 "$DATA/beauty/items.jsonl" | mine -q -j builtin >mined.jsonl
    /usr/bin/python3 - <<'PY'
import collections, json
records = [json.loads(l) for l in open("mined.jsonl")]
count = collections.Counter(i["text"] for r in records for i in r["intents"])
assert sum(1 for r in records if r["intents"]) > .95 * len(records)
shared = sum(n for n in count.values() if n >= 3)
assert shared > .9 * sum(count.values()), shared / sum(count.values())
PY
}

@test "words of languages without blanks between them are not broken" {
    /usr/bin/python3 >items.jsonl -c '
import json, random
random.seed(6)
zh = (["登山", "滑雪", "露营", "钓鱼", "骑车", "跑步"], "适合{}爱好者，防水耐磨", "户外防水{}背包")
ja = (["登山", "キャンプ", "ハイキング", "料理", "旅行", "読書"], "{}に最適な防水バッグです", "防水 軽量 {}用バッグ")
th = (["เดินป่า", "ปีนเขา", "ตกปลา", "ทำอาหาร", "วิ่ง", "ว่ายน้ำ"], "เหมาะสำหรับ{}", "กระเป๋ากันน้ำสำหรับ{}")
for i in range(300):
    uses, text, title = (zh, ja, th)[i % 3]
    use = random.choice(uses)
    print(json.dumps({"id": f"i{i}", "title": title.format(use), "description": text.format(use)}, ensure_ascii=False))
print(json.dumps({"id": "en", "title": "Backpack for hiking"}))'
    run --separate-stderr mine -o mined.jsonl items.jsonl
    assert_success
    [[ $stderr == *'300 items in other scripts than Latin, of which the builtin lexicons know nothing'* ]] || fail "$stderr"
    /usr/bin/python3 <<'PY'
import json
found = 0
whole = {"登山", "滑雪", "露营", "钓鱼", "骑车", "跑步", "キャンプ", "ハイキング", "料理", "旅行", "読書", "เดิน", "ปลา", "อาหาร", "วิ่ง", "ว่ายน้ำ"}
words = set()
for line in open("mined.jsonl", encoding="utf8"):
    r = json.loads(line)
    for intent in r["intents"] if r["id"] != "en" else []:
        text = intent["text"]
        assert text in (r["title"] + " " + r.get("description", "")).lower(), (text, r)  # no blank that is not there
        assert len(text) > 1, (text, r)
        words.add(text)
        found += 1
assert found > 200 and len(words & whole) >= 9, (found, words)
PY
}
