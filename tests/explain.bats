# explain: what Semantic IDs mean.
# shellcheck disable=SC2154 # stderr is set by run

bats_require_minimum_version 1.5.0

load suite.bash

# Python lines that make embeddings and look at SIDs.
py() { python_with quantised; }

# Two levels of four codes: 0 bikes (0,0 racing; 0,1 city), 1 tents, 3 one item; a bucket of two in 1,2; ids that look like codes.
setup() {
    suite_setup
    PATH=$BIN:$PATH
    py <<'EOF'
items = [("a", 0, 0, -1, "Racing Bike", ["Bikes", "Sport"], "a thin red bike", ["win a race"]), ("b", 0, 0, -1, "Racing Bike Two", ["Bikes", "Sport"], "a thin blue bike", ["win a race"]),
         ("c", 0, 1, 0, "City Bike", ["Bikes", "Sport"], None, ["ride to work"]), ("d", 0, 1, 1, "City Bike \u001b[31m with basket", ["Bikes", "Sport"], None, ["ride to work"]),
         ("e", 1, 2, 0, "Tent", ["Camping", "Sport"], None, []), ("f", 1, 2, 1, "Tent", ["Camping", "Sport"], None, None),
         ("1", 3, 3, -1, "Lonely", None, None, None), ("ghost", 1, 0, -1, None, None, None, None)]
n = len(items)
codes = np.array([i[1:3] for i in items], "i4")
codes[1] = [0, 2]
save("s.st", {"codes": codes, "suffix": np.array([i[3] for i in items], "i4"), "item_ids": ids([i[0] for i in items]), "codebook": np.zeros((2, 4, 3), "f4")}, {"schema": "sids/1"})
with open("items.jsonl", "w") as f:
    for id, _, _, _, title, categories, caption, intents in items[:-1]:
        r = {"id": id, "title": title, "categories": categories, "caption": caption}
        r["intents"] = intents and [{"text": t, "confidence": 0.5} for t in intents]
        f.write(json.dumps({k: v for k, v in r.items() if v is not None}) + "\n")
    f.write(json.dumps({"id": "stranger", "title": "Not there"}) + "\n")
EOF
}

@test "an item's neighbours by codes shared" {
    run --separate-stderr explain -s s.st -i items.jsonl c
    assert_success
    assert_output "c  City Bike
  SID: 0,1+0
  categories: Bikes, Sport
  intents: ride to work

0,1  2 codes shared with 1 other item
  categories: Bikes 100%, Sport 100%
  intents: ride to work 100%
  title: city 100%, bike 100%
  0,1+1  d  City Bike  [31m with basket
      intents: ride to work

0  1 code shared with 3 other items, 2 of them not listed above
  categories: Bikes 100%, Sport 100%
  intents: win a race 50%, ride to work 50%
  title: bike 100%, racing 50%, city 50%
  caption: a 50%, thin 50%, bike 50%
  0,0  a  Racing Bike
      caption: a thin red bike
      intents: win a race
  0,2  b  Racing Bike Two
      caption: a thin blue bike
      intents: win a race"
    assert_regex "$stderr" '7 of 8 items of s.st have a record; 1 records are of other items'
}

@test "a prefix, a whole SID with suffixes, and the catalogue" {
    explain -q -s s.st 0 < items.jsonl > out
    run head -n 1 out
    assert_output "0  4 items on 3 codes of level 2"
    run grep -F '  0,1  2: ' out
    assert_output "  0,1  2: Bikes 100%, Sport 100%; ride to work 100%; city 100%, bike 100%"
    run explain -q -s s.st -i items.jsonl 1,2
    assert_line "1,2  2 items"
    assert_line "  1,2+1  f  Tent"
    run explain -q -s s.st -i items.jsonl
    assert_line "8 items on 3 codes of level 1"
    assert_line --partial "  0  4: Bikes 100%, Sport 100%"
    run explain -q -s s.st -i items.jsonl ghost
    assert_line "ghost  (no record)"
}

@test "an id wins over a prefix, a comma makes a prefix" {
    run explain -q -s s.st -i items.jsonl 1
    assert_line --index 0 "1  Lonely"
    assert_line "3,3  2 codes shared with no other item"
    run explain -q -s s.st -i items.jsonl 1,
    assert_line --index 0 "1  3 items on 2 codes of level 2"
}

@test "large groups are bounded, and say so" {
    run explain -q -n 1 -s s.st -i items.jsonl 0,
    assert_line "  and 2 more codes"
    assert_line "  and 3 more"
    run explain -q -n 0 -s s.st -i items.jsonl a
    assert_line "0  1 code shared with 3 other items"
    assert_line "  and 3 more"
}

@test "JSON says the same" {
    explain -q -j -s s.st -i items.jsonl -o out.jsonl c 1, "" 1,2
    py <<'EOF'
item, prefix, everything, bucket = [json.loads(line) for line in open("out.jsonl")]
assert item["item"]["id"] == "c" and item["item"]["codes"] == [0, 1] and item["item"]["intents"][0]["text"] == "ride to work"
assert [(g["codes"], g["items"], [i["id"] for i in g["shown"]]) for g in item["groups"]] == [([0, 1], 2, ["d"]), ([0], 4, ["a", "b"])]
assert item["groups"][0]["shown"][0]["title"] == "City Bike \u001b[31m with basket"
assert item["groups"][1]["topic"]["categories"][0] == {"text": "Bikes", "items": 4, "overall": 0.571429}
assert prefix["codes"] == [1] and prefix["items"] == 3 and prefix["distinct"] == 2 and [g["codes"] for g in prefix["next"]] == [[1, 2], [1, 0]]
assert {i["id"] for i in prefix["shown"]} == {"e", "f", "ghost"}
assert everything["codes"] == [] and everything["items"] == 8 and everything["shown"] == [] and [g["items"] for g in everything["next"]] == [4, 3, 1]
assert [i["suffix"] for i in bucket["shown"]] == [0, 1] and bucket["next"] == []
EOF
}

@test "what is wrong is told" {
    while read -r status message args; do
        # shellcheck disable=SC2086
        run --separate-stderr explain -s s.st -i items.jsonl $args
        assert_failure "$status"
        assert_regex "$stderr" "${message//_/ }"
        assert_equal "$(wc -l <<< "$stderr")" 1
        assert_output ""
    done <<'EOF'
64 neither_an_item_of_s.st_nor_a_prefix nothing
64 neither_an_item 4
64 neither_an_item 0,1,2
64 neither_an_item 0,,1
64 neither_an_item -- -1
65 no_item's_SID_begins_with_2 2
65 no_item's_SID_begins_with_0,3 0,3
64 unknown_option --nonsense
EOF
    run --separate-stderr explain -i items.jsonl
    assert_failure 64
    run --separate-stderr explain -s missing.st -i items.jsonl
    assert_failure 66
    run --separate-stderr explain -s s.st -i missing.jsonl
    assert_failure 66
    run --separate-stderr explain -s items.jsonl < items.jsonl
    assert_failure 65
    echo '{"id": "elsewhere"}' > other.jsonl
    run --separate-stderr explain -q -s s.st -i other.jsonl
    assert_failure 65
    assert_regex "$stderr" 'no record of an item of s.st'
    echo '{"id": "a"' > bad.jsonl
    run --separate-stderr explain -s s.st -i bad.jsonl a
    assert_failure 65
    assert_regex "$stderr" 'bad.jsonl:1'
    run --separate-stderr explain -s s.st < /dev/null
    assert_failure 65
    run bash -c 'explain -q -s s.st -i items.jsonl > /dev/full'
    assert_failure 74
    run explain -q -s s.st -i items.jsonl -o items.jsonl/x
    assert_failure 73
}
