#!/usr/bin/env bats
# synth: the demo catalogue.

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

small() {
    "$BIN/synth" -q --items 200 --users 100 --seed 1 "$@"
}

@test "same flags and seed give the same bytes, whatever --threads says" {
    small --threads 1 --truth a.truth -o a
    small --threads 2 --truth b.truth -o b
    run diff -r a b
    assert_success
    assert_files_equal a.truth b.truth
}

@test "another seed gives another catalogue" {
    small --no-images -o a
    small --no-images --seed 2 -o b
    run cmp -s a/items.jsonl b/items.jsonl
    assert_failure 1
    run cmp -s a/interactions.tsv b/interactions.tsv
    assert_failure 1
}

@test "running again over a larger catalogue's folder replaces both files" {
    small -o a
    cp a/items.jsonl first.jsonl
    small --items 50 -o a
    run wc -l < a/items.jsonl
    assert_output 50
    small -o a
    assert_files_equal a/items.jsonl first.jsonl
}

@test "items are JSON objects with the known keys, and pictures where they say" {
    small -o a
    run /usr/bin/python3 - <<'EOF'
import json, struct
ids = set()
for line in open("a/items.jsonl", encoding="utf-8"):
    item = json.loads(line)
    assert set(item) == {"id", "title", "brand", "price", "categories", "description", "image"}, item
    assert item["title"] and item["description"] and item["price"] > 0 and len(item["categories"]) == 3
    ids.add(item["id"])
    png = open("a/" + item["image"], "rb").read()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[12:16] == b"IHDR" and png[-8:-4] == b"IEND"
    assert struct.unpack(">IIBB", png[16:26]) == (64, 64, 8, 2)
assert len(ids) == 200
print("fine")
EOF
    assert_success
    assert_output fine
    run bash -c 'ls a/images | wc -l'
    assert_output 200
}

@test "pictures decompress to the size asked for" {
    small --items 10 --image-size 33 -o a
    run /usr/bin/python3 - <<'EOF'
import glob, struct, zlib
for name in glob.glob("a/images/*.png"):
    b, p, data = open(name, "rb").read(), 8, b""
    while p < len(b):
        n, kind = struct.unpack(">I4s", b[p:p + 8])
        body = b[p + 8:p + 8 + n]
        assert struct.unpack(">I", b[p + 8 + n:p + 12 + n])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR": assert struct.unpack(">II", body[:8]) == (33, 33)
        if kind == b"IDAT": data += body
        p += 12 + n
    assert len(zlib.decompress(data)) == 33 * (1 + 3 * 33)
print("fine")
EOF
    assert_success
    assert_output fine
}

@test "interactions name items of the catalogue, each user's in time order, none twice" {
    small --no-images -o a
    run /usr/bin/python3 - <<'EOF'
import json
items = {json.loads(l)["id"] for l in open("a/items.jsonl")}
rows = [l.rstrip("\n").split("\t") for l in open("a/interactions.tsv")]
assert rows[0] == ["user", "item", "timestamp", "rating"]
users = {}
for user, item, time, rating in rows[1:]:
    assert item in items and 1 <= int(rating) <= 5
    users.setdefault(user, []).append((int(time), item))
assert len(users) == 100
for events in users.values():
    assert events == sorted(events) and len({i for _, i in events}) == len(events) >= 5
print("fine")
EOF
    assert_success
    assert_output fine
}

@test "--no-images leaves no pictures and no image key" {
    small --no-images -o a
    assert_not_exist a/images
    run grep -c '"image"' a/items.jsonl
    assert_output 0
}

@test "--no-images changes no text and no history" {
    small -o a
    small --no-images -o b
    assert_files_equal a/interactions.tsv b/interactions.tsv
    sed 's/,"image":"[^"]*"//' a/items.jsonl > stripped
    assert_files_equal stripped b/items.jsonl
}

@test "--truth: a third of the intents is told, shown, implied; one in use per style and scene" {
    "$BIN/synth" -q --items 2000 --users 10 --seed 1 --no-images --truth t.jsonl -o a
    run /usr/bin/python3 - <<'EOF'
import json
truth = [json.loads(l) for l in open("t.jsonl")]
ids = [json.loads(l)["id"] for l in open("a/items.jsonl")]
assert ids == [t["id"] for t in truth]
modes, halves = {}, {}
for t in truth:
    for intent in t["intents"]:
        modes[intent["mode"]] = modes.get(intent["mode"], 0) + 1
        if intent["mode"] == "implied":
            halves.setdefault((t["text_style"], t["scene"]), set()).add(intent["intent"])
total = sum(modes.values())
assert set(modes) == {"told", "shown", "implied"} and all(0.30 < n / total < 0.37 for n in modes.values()), modes
assert len(halves) == 24 and all(len(names) == 1 for names in halves.values())
print("fine")
EOF
    assert_success
    assert_output fine
}

@test "--intents keeps to the first" {
    small --no-images --intents 6 --truth t.jsonl -o a
    run bash -c "grep -o '\"index\":[0-9]*' t.jsonl | sort -u | wc -l"
    assert_output 6
}

@test "a report on stderr, nothing on stdout" {
    run --separate-stderr "$BIN/synth" --items 50 --users 20 --no-images -o a
    assert_success
    assert_output ""
    [[ "$stderr" == "synth: 50 items, 20 users, "*" interactions" ]]
}

@test "wrong options end with 64 and make nothing" {
    local bad
    for bad in "--items 0" "--items -5" "--items many" "--users 0" "--intents 5" "--intents 25" "--drift 1.5" "--drift -0.1" \
               "--mean-length 4" "--image-size 8" "--image-size 100000" "--seed -1" "--colour red" "stray"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$BIN/synth" $bad -o made
        assert_failure 64
        [ "$(wc -l <<< "$stderr")" -eq 1 ]
        [[ "$stderr" == synth:* ]]
        assert_not_exist made
    done
    run --separate-stderr "$BIN/synth"
    assert_failure 64
    [[ "$stderr" == "synth: expected -o DIR" ]]
}

@test "a folder that is a file, or below one, or cannot be made: 73" {
    touch file
    run --separate-stderr "$BIN/synth" -o file
    assert_failure 73
    [[ "$stderr" == "synth: file: not a folder" ]]
    run --separate-stderr "$BIN/synth" -o file/below
    assert_failure 73
    run --separate-stderr "$BIN/synth" -o /proc/none/below
    assert_failure 73
    run cat file
    assert_output ""
}

@test "images/ that is a file: 73, and the folder does not look complete" {
    mkdir a
    touch a/images
    run --separate-stderr small -o a
    assert_failure 73
    assert_not_exist a/items.jsonl
    assert_not_exist a/interactions.tsv
}

@test "missing parent folders are made" {
    small --no-images -o x/y//z/
    assert_file_exist x/y/z/items.jsonl
}

@test "--truth to a full device: 74; to a missing folder: 73; items.jsonl does not appear" {
    [ -c /dev/full ] || skip "no /dev/full"
    run --separate-stderr small --no-images --truth /dev/full -o a
    assert_failure 74
    assert_not_exist a/items.jsonl
    run --separate-stderr small --no-images --truth nowhere/t.jsonl -o a
    assert_failure 73
    assert_not_exist a/items.jsonl
}

@test "killed while drawing, the folder does not look complete; the next run completes it" {
    small -o whole
    small --items 10 -o cut
    "$BIN/synth" -q --items 200 --users 100 --seed 1 --image-size 512 --threads 1 -o cut &
    local pid=$!
    for _ in $(seq 400); do [ -e cut/images/p00020.png ] && break; sleep 0.02; done
    kill -9 $pid
    wait $pid || true
    assert_not_exist cut/items.jsonl
    assert_not_exist cut/interactions.tsv
    small -o cut
    run diff -r whole cut
    assert_output ""
}

@test "the defaults take seconds of processor time" {
    local TIMEFORMAT=%U cpu
    cpu=$({ time "$BIN/synth" -q -o a; } 2>&1)
    [ "${cpu%.*}" -lt 20 ]
    run wc -l < a/items.jsonl
    assert_output 2000
}

@test "--help fits a screen and --version names the tool" {
    run "$BIN/synth" --help
    assert_success
    [ "${#lines[@]}" -le 24 ]
    assert_output --partial "--mean-length"
    run "$BIN/synth" --version
    assert_output --regexp '^synth \(sidmill\) '
}
