#!/usr/bin/env bats
# sids: what comes in is what comes out, under the right items; and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

setup() {
    suite_setup
    # The items b, a, c in the order of interactions.st, and others' names for them.
    python_with evaluate <<'PY'
write_interactions("i.st", [[0, 1, 2, 0], [1, 2, 0], [2, 1, 0, 1]], 3, item_ids=["b", "a", "c"])
PY
    printf 'a\t0\nb\t1\nc\t2\n' >item2id
    cat >index.json <<'JSON'
{
  "0": ["<a_3>", "<b_0>", "<c_7>"],
  "1": ["<a_3>", "<b_1>", "<c_0>"],
  "2": ["<a_0>", "<b_255>", "<c_7>"]
}
JSON
}

sids() { "$BIN/sids" "$@"; }

# What a file of SIDs holds, a line an item: id, codes, suffix.
listed() {
    with_tensors "$1" <<'PY'
for i, c, s in zip(ids, t["codes"], t["suffix"]): print(i, *c, s)
PY
}

refused() { # refused CODE MESSAGE ARGUMENTS...: one line, and no output
    rm -f out.st
    fails_with "$1" "$2" "$BIN/sids" "${@:3}" -o out.st
    assert_one_line
    [[ $stderr == sids:* ]] || fail "$stderr"
    assert_none_written out.st
}

@test "index.json under our ids, in our order" {
    run --separate-stderr sids --from index.json --item-map item2id -i i.st index.json -o s.st
    assert_success
    assert_regex "$stderr" '^sids: 3 items, 3 levels of 256 codes, 0 items with a suffix$'
    run listed s.st
    assert_output "b 3 1 0 -1
a 3 0 7 -1
c 0 255 7 -1"
    assert_equal "$(meta s.st schema)" sids/1
    assert_equal "$(meta s.st config codes) $(meta s.st config max-suffix) $(meta s.st config from)" "256 0 index.json"
    for input in foreign interactions item-map; do assert_regex "$(meta s.st input.$input)" '^[0-9a-f]{32}$'; done
    sids -q --from index.json <index.json >own.st # its own keys, its own order
    run listed own.st
    assert_line --index 0 "0 3 0 7 -1"
    gzip -k index.json
    sids -q --from index.json --item-map item2id --interactions i.st index.json.gz -o packed.st
    assert_equal "$(weights packed.st)" "$(weights s.st)"
    "$BIN/tensor" verify s.st
}

@test "the map's columns in either order; keys in both must be told apart" {
    awk -F'\t' -v OFS='\t' '{ print $2, $1 }' item2id >id2item
    sids -q --from index.json -m item2id -i i.st <index.json >one.st
    sids -q --from index.json -m id2item -i i.st <index.json >two.st
    assert_equal "$(listed one.st)" "$(listed two.st)"
    printf '0\t1\n1\t2\n2\t0\n' >turned
    refused 65 'stand in both columns, 3 and 3 of them' --from index.json -m turned index.json
    sids -q --from index.json -m turned --item-map-keys second <index.json >s.st
    assert_equal "$(listed s.st | cut -d' ' -f1 | paste -sd' ')" '2 0 1'
    sids -q --from index.json -m turned --item-map-keys first <index.json >s.st
    assert_equal "$(listed s.st | cut -d' ' -f1 | paste -sd' ')" '1 2 0'
    printf 'x\ty\n' >other
    refused 65 'other: no item'"'"'s key stands in either column' --from index.json -m other index.json
    printf 'a\t0\na\t1\nb\t2\n' >twice
    refused 65 "item 'a' has two keys in twice" --from index.json -m twice index.json
    printf 'a\t0\nb\t0\n' >repeated
    refused 65 "repeated:2: '0' is there twice" --from index.json -m repeated index.json
    for bad in 'a' 'a\tb\tc' '\t0' 'a\t' ''; do
        # shellcheck disable=SC2059 # a format
        printf "$bad\n" >bad
        refused 65 'bad:1: no pair' --from index.json -m bad index.json
    done
    : >empty
    refused 65 'empty: is empty' --from index.json -m empty index.json
    refused 66 'absent' --from index.json -m absent index.json
}

@test "every item needs a SID; others are left out and counted" {
    printf 'a\t0\nb\t1\nd\t2\n' >map
    refused 65 "index.json: no SID for 1 of the 3 items of i.st, the first 'c'" --from index.json -m map -i i.st index.json
    printf 'z\t9\nx\t1\t2\t3\nb\t1\t2\t4\nc\t1\t2\t5\na\t1\t2\t6\n' | tail -n 4 >codes.tsv
    run --separate-stderr sids --from tsv -i i.st codes.tsv -o s.st
    assert_success
    assert_regex "$stderr" '1 items of the file left out: i.st lacks them'
    assert_equal "$(listed s.st)" "b 1 2 4 -1
a 1 2 6 -1
c 1 2 5 -1"
}

@test "tables, with a header or without" {
    printf 'a\t1\t2\nb\t1\t3\n' >plain.tsv
    printf 'item\tc1\tc2\r\na\t1\t2\r\nb\t1\t3' >header.tsv
    sids -q --from tsv plain.tsv -o one.st
    sids -q --from tsv header.tsv -o two.st
    assert_equal "$(listed one.st)" "a 1 2 -1
b 1 3 -1"
    assert_equal "$(listed one.st)" "$(listed two.st)"
    printf 'item\tc1\tc2\tsuffix\na\t1\t2\t0\nb\t1\t2\t1\nc\t1\t3\t\nd\t1\t4\t-1\n' >suffix.tsv
    sids -q --from tsv suffix.tsv -o s.st
    assert_equal "$(listed s.st)" "a 1 2 0
b 1 2 1
c 1 3 -1
d 1 4 -1"
    assert_equal "$(meta s.st config max-suffix)" 2
}

@test "arrays take their items from records, interactions or a map" {
    python_with evaluate <<'PY'
import numpy as np
for kind in "<i8", "<i4", "|u1", "<u2": np.save(f"{kind[1:]}.npy", np.array([[3, 0], [3, 1], [0, 2]], kind))
np.save("flat.npy", np.array([5, 4, 3]))
np.save("float.npy", np.eye(3)); np.save("cube.npy", np.zeros((3, 2, 2), int)); np.save("none.npy", np.zeros((0, 2), int))
np.save("big.npy", np.array([[2**63 + 1]] * 3, np.uint64)); np.save("below.npy", np.array([[0, 0], [0, -1], [1, 1]]))
PY
    printf '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n' >items.jsonl
    for kind in i8 i4 u1 u2; do
        sids -q --from npy --items items.jsonl -i i.st $kind.npy -o s.st
        assert_equal "$(listed s.st)" "b 3 1 -1
a 3 0 -1
c 0 2 -1"
    done
    sids -q --from npy --items items.jsonl <i8.npy >s.st
    assert_equal "$(listed s.st | head -n 1)" "a 3 0 -1"
    sids -q --from npy -i i.st <i8.npy >s.st
    assert_equal "$(listed s.st | head -n 1)" "b 3 0 -1"
    sids -q --from npy -m item2id -i i.st <i8.npy >s.st
    assert_equal "$(listed s.st | head -n 1)" "b 3 1 -1"
    sids -q --from npy -i i.st <flat.npy >s.st
    assert_equal "$(listed s.st | head -n 1)" "b 5 -1"
    echo '{"id":"d"}' >>items.jsonl
    refused 65 'i8.npy: 3 rows, expected 4 as items.jsonl has items' --from npy --items items.jsonl i8.npy
    refused 65 'float.npy: an array of F64, expected integers' --from npy -i i.st float.npy
    refused 65 'cube.npy: an array of 3 dimensions' --from npy -i i.st cube.npy
    refused 65 'none.npy: holds no item' --from npy -i i.st none.npy
    refused 65 'item "0": code 9223372036854775807 on level 1, expected 0 to 1048575' --from npy -i i.st big.npy
    refused 65 'item "1": code -1 on level 2' --from npy -i i.st below.npy
    head -c 100 i8.npy >cut.npy
    refused 65 'cut.npy' --from npy -i i.st cut.npy
    refused 65 'not a .npy file' --from npy -i i.st index.json
}

@test "round trips: in, out and in again" {
    printf 'item\tc1\tc2\tsuffix\na\t1\t2\t0\n"q" \\\t1\t2\t1\n<c>\t1\t3\t-1\né\t0\t0\t-1\n' >some.tsv
    printf 'a\t1\t2\nb\t1\t3\nc\t0\t3\n' >none.tsv
    for file in some none; do
        sids -q --from tsv $file.tsv -o s.st
        "$BIN/tensor" get s.st item_ids | sed 's/"/\\"/g; s/ \\$/ \\\\/; s/.*/{"id":"&"}/' >items.jsonl
        for form in index.json tsv npy; do
            sids --to $form s.st -o out
            local options=(--from "$form" --last-level suffix)
            [ $file = some ] || options=(--from "$form")
            [ $form != npy ] || options+=(--items items.jsonl)
            sids -q "${options[@]}" <out >again.st
            assert_equal "$(listed again.st)" "$(listed s.st)"
            sids --to $form <again.st >out2
            cmp out out2
        done
    done
    sids --to tsv s.st | cmp - <(printf 'item\tc1\tc2\n'; cat none.tsv)
    sids --to index.json <s.st >out
    assert_equal "$(jq -c '.b' out)" '["<a_1>","<b_3>"]'
    sids --to npy s.st -o out.npy
    assert_equal "$(/usr/bin/python3 -c 'import numpy as n; a = n.load("out.npy"); print(a.dtype, a.tolist())')" "int32 [[1, 2], [1, 3], [0, 3]]"
}

@test "the last level as a code, and as the suffix" {
    cat >four.json <<'JSON'
{"a": ["<a_1>", "<b_2>", "<d_0>"], "b": ["<a_1>", "<b_2>", "<d_1>"]}
JSON
    refused 65 'four.json:1: item "a": token 3 is "<d_0>", expected "<c_NUMBER>"' --from index.json four.json
    sed -i 's/d_/c_/g' four.json
    sids -q --from index.json four.json -o s.st
    assert_equal "$(listed s.st)" "a 1 2 0 -1
b 1 2 1 -1"
    sids -q --from index.json --last-level suffix four.json -o s.st
    assert_equal "$(listed s.st)" "a 1 2 0
b 1 2 1"
    echo '{"a": ["<a_1>", "<b_2>", "<c_0>"], "b": ["<a_1>", "<b_2>", "<c_1>"], "c": ["<a_1>", "<b_3>"]}' >some.json
    sids -q --from index.json --last-level suffix some.json -o s.st
    assert_equal "$(listed s.st | tail -n 1)" "c 1 3 -1"
    refused 65 'item "c": 2 levels, expected 3 as before; is the last one a suffix (--last-level suffix)?' --from index.json some.json
    echo '{"a": ["<a_1>", "<b_2>"], "b": ["<a_1>"], "c": ["<a_1>", "<b_2>", "<c_0>"]}' >spread.json
    refused 65 'item "c": 3 levels, expected 1 as before' --from index.json --last-level suffix spread.json
    echo '{"a": ["<a_1>", "<b_2>", "<c_0>"], "b": ["<a_1>", "<b_2>"]}' >prefix.json
    refused 65 "the SID of item 'b' begins that of item 'a'" --from index.json --last-level suffix prefix.json
    echo '{"a": ["<a_1>"]}' >one.json
    refused 65 'expected codes before the suffix' --from index.json --last-level suffix one.json
}

@test "capital letters, numbers and escapes are tokens" {
    echo '{"a": ["<A_1>", "<B_2>"], "b": [0, 7], "c": ["\u003ca_4\u003e", "<b_0>"]}' >x.json
    sids -q --from index.json x.json -o s.st
    assert_equal "$(listed s.st)" "a 1 2 -1
b 0 7 -1
c 4 0 -1"
}

@test "items with one SID: refused by default, or told apart by suffixes" {
    printf 'a\t1\t2\nb\t0\t0\nc\t1\t2\nd\t1\t2\n' >x.tsv
    refused 65 "x.tsv: the SID of item 'a' equals that of item 'c'" --from tsv x.tsv
    run --separate-stderr sids --from tsv --collisions suffix x.tsv -o s.st
    assert_regex "$stderr" '4 items, 2 levels of 3 codes, 3 items with a suffix'
    assert_equal "$(listed s.st)" "a 1 2 0
b 0 0 -1
c 1 2 1
d 1 2 2"
    assert_equal "$(meta s.st config max-suffix)" 3
    refused 65 'holds suffix 2, expected less than --max-suffix 2' --from tsv --collisions suffix --max-suffix 2 x.tsv
    sids -q --from tsv --collisions suffix --max-suffix 8 --codes 16 x.tsv -o s.st
    assert_equal "$(meta s.st config codes) $(meta s.st config max-suffix)" "16 8"
    refused 65 'holds code 2, expected less than --codes 2' --from tsv --collisions suffix --codes 2 x.tsv
    printf 'item\tc1\tsuffix\na\t1\t0\nb\t1\t1\n' >own.tsv
    refused 65 'own.tsv: has suffixes of its own' --from tsv --collisions suffix own.tsv
}

@test "SIDs of others train, are evaluated and explained" {
    "$HELPERS/toy.py" . items=40 users=60
    "$BIN/tensor" get sids.st codes | paste <("$BIN/tensor" get sids.st item_ids) - | tac >codes.tsv
    sids -q --from tsv --collisions suffix -i interactions.st codes.tsv -o theirs.st
    "$BIN/sidgen-train" -q -s theirs.st -i interactions.st --dim 16 --layers 1 --heads 2 --ffn 32 --epochs 1 --valid-users 0 -o m.st
    "$BIN/evaluate" -q -m m.st -s theirs.st -i interactions.st -o m.json
    python_with tensors >items.jsonl <<'PY'
for i in range(40): print('{"id": "i%d", "title": "item %d"}' % (i, i))
PY
    run "$BIN/explain" -q -s theirs.st -i items.jsonl i3
    assert_success
}

@test "malformed index.json is named by line and item" {
    local wrong
    for wrong in '"<a_1>"' '{"a": "<a_1>"}' '{"a": {}}' '{"a": []}' '{"a": [null]}' '{"a": [["<a_1>"]]}' '{"a": [1.5]}' '{"a": [-1]}' \
        '{"a": ["<a_>"]}' '{"a": ["<a_1"]}' '{"a": ["a_1>"]}' '{"a": ["<b_1>"]}' '{"a": ["<a_-1>"]}' '{"a": ["<a_+1>"]}' '{"a": ["<a_01>"]}' \
        '{"a": ["<a_1 >"]}' '{"a": ["<a_99999999999999999999>"]}' '{"a": ["<a_1048576>"]}' '{"a": ["<a_1>"], "a": ["<a_2>"]}' \
        '{"": ["<a_1>"]}' '{"a\tb": ["<a_1>"]}' '{"a\nb": ["<a_1>"]}' '{"a": ["<a_1>"]' '{"a": ["<a_1>", ]}' '{"a": ["<a_1>"]} x' '[]' '{}' '' \
        '{"a": ["<a_1>"], "b": ["<a_1>", "<b_2>"]}' '{"a": ["<a_1>"], "b": ["<a_1>"]}' '{"a\u0000": ["<a_1>"]}'; do
        echo "$wrong" >bad.json
        refused 65 'bad.json' --from index.json bad.json
    done
    : >bad.json
    refused 65 'bad.json: is empty' --from index.json bad.json
    printf '{"a": ["<a_1>"], "\xff": ["<a_2>"]}' >bad.json
    refused 65 'not valid UTF-8' --from index.json bad.json
    head -c 60 index.json >bad.json
    refused 65 'bad.json:3: not JSON' --from index.json bad.json
    sed 's/<b_1>/<b_x>/' index.json >bad.json
    refused 65 'bad.json:3: item "1": token 2 is "<b_x>", expected "<b_NUMBER>"' --from index.json bad.json
    sed 's/"2"/"1"/' index.json >bad.json
    refused 65 'bad.json:4: item "1": is there twice' --from index.json bad.json
    /usr/bin/python3 -c 'import json; print(json.dumps({"a": ["<%c_1>" % (97 + i) for i in range(40)]}))' >bad.json
    refused 65 'item "a": more than 17 tokens' --from index.json bad.json
    /usr/bin/python3 -c 'print("{\"a\": " + "[" * 100000)' >bad.json
    refused 65 'nested deeper' --from index.json bad.json
}

@test "malformed tables are named by line" {
    local bad
    while IFS='|' read -r bad message; do
        # shellcheck disable=SC2059 # a format
        printf "$bad" >bad.tsv
        refused 65 "$message" --from tsv bad.tsv
    done <<'CASES'
|bad.tsv: is empty
a\n|bad.tsv:1: 1 column, expected an item
a\t1\nb\n|bad.tsv:2: 1 columns, expected 2
a\t1\nb\t2\t3\n|bad.tsv:2: 3 columns, expected 2
a\t1\nb\tx\n|bad.tsv:2: 'x', expected a code
a\tx\t1\n|bad.tsv:1: 'x', expected a code
a\t1\n\nb\t2\n|bad.tsv:2: 1 columns, expected 2
a\t1\nb\t\n|bad.tsv:2: '', expected a code
a\t1\n\t2\n|bad.tsv:2: item "": is empty
a\t1\na\t2\n|bad.tsv:2: item "a": is there twice
a\t1\nb\t-1\n|bad.tsv:2: item "b": code -1 on level 1
a\t1\nb\t1048576\n|bad.tsv:2: item "b": code 1048576 on level 1, expected 0 to 1048575
a\t1\nb\t1e3\n|bad.tsv:2: '1e3', expected a code
item\tc1\n|bad.tsv: holds no item
\xff\t1\n|bad.tsv:1: not valid UTF-8
a\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17\n|item "a": 17 levels, expected 1 to 16
a\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17\t18\n|19 columns
CASES
    printf 'a\t1\0\n' >bad.tsv
    refused 65 'bad.tsv:1: not valid UTF-8' --from tsv bad.tsv
}

@test "wrong usage" {
    refused 64 'expected --from FORM or --to FORM'
    refused 64 'expected --from FORM or --to FORM' --from tsv --to tsv
    refused 64 'expected one of index.json, tsv, npy' --from csv
    refused 64 'an array does not say of which items it is' --from npy x.npy
    refused 64 '--items names the rows of an array' --from tsv --items x
    refused 64 '--items names the rows of an array' --from npy --items x -m y
    refused 64 '--item-map-keys goes with --item-map' --from tsv --item-map-keys first
    refused 64 "unexpected 'y'" --from tsv x y
    local option
    for option in '-i x' '--items x' '-m x' '--last-level suffix' '--collisions suffix' '--codes 3' '--max-suffix 3'; do
        # shellcheck disable=SC2086 # words
        refused 64 'goes with --from' --to tsv $option
    done
    refused 66 'absent.tsv' --from tsv absent.tsv
    refused 66 'absent.st' --to tsv absent.st
    refused 65 'safetensors' --to tsv index.json
    refused 65 'schema' --to tsv i.st
    fails_with 73 'nowhere' "$BIN/sids" --from tsv item2id -o nowhere/s.st
    printf 'a\t1\n' >x.tsv
    fails_with 74 '/dev/full' "$BIN/sids" --from tsv x.tsv -o /dev/full
}

@test "help fits a screen, and the manual page has every option with its default" {
    run sids --help
    assert_success
    [ "${#lines[@]}" -le 24 ]
    for line in "${lines[@]}"; do [ "${#line}" -le 100 ] || fail "too wide: $line"; done
    sids --help >help
    run /usr/bin/python3 - "$BATS_TEST_DIRNAME/../man/sids.1" <<'PY'
import re, sys
page = open(sys.argv[1]).read()
items = {m[1]: m[2] for m in re.finditer(r"^\.It Fl (?:. , )?-(\S+)[^\n]*\n(.*?)(?=^\.It |^\.El)", page, re.M | re.S)}
for name, default in re.findall(r"^ +(?:-., )?--(\S+) .*?(?:\[(\S+)\])?$", open("help").read(), re.M):
    assert name in items or name in ("help", "version", "quiet"), f"--{name} is missing"
    assert not default or re.search(rf"The default is {re.escape(default)}[.:]\s", items[name]), f"--{name}: the default is {default}"
PY
    assert_success
}

@test "--version names the tool" {
    run sids --version
    assert_output --partial 'sids (sidmill)'
}
