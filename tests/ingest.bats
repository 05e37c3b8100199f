#!/usr/bin/env bats
# ingest: filters, order, identity of what is kept, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

# Items a b c, with bytes that no JSON printer would keep, and a few events.
small() {
    printf '%s\n' '{"id": "a", "n": 12345678901234567890, "image": "img/a.png"}' '{"id":"b","p":1.10,"é":"\u00e9"}' \
        ' {"id" : "c" , "title" : null} ' >items.jsonl
    printf 'user\titem\ttimestamp\trating\n' >events.tsv
    printf '%s\n' $'u1\ta\t30\t5' $'u2\tb\t5\t1' $'u1\tb\t10\t2' $'u1\tc\t10\t4' $'u2\ta\t5\t3' $'u2\tc\t1\t5' $'u1\ta\t40\t5' >>events.tsv
}

ingest() { "$BIN/ingest" --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st "$@"; }

# Prints the histories: user, then item@time in order.
histories() { "$HELPERS/histories.py" "$1" --items; }

# Prints the steps of report.json: what each filter dropped (users items interactions), between what was read and what is left.
steps() {
    /usr/bin/python3 - <<'PY'
import json
r = json.load(open("report.json"))
kinds = "users", "items", "interactions"
left = r["before"]
print("read", *(left[k] for k in kinds))
for s in r["steps"]:
    assert all(left[k] - s["dropped"][k] == s[k] for k in kinds), s
    print(s["filter"], *(s["dropped"][k] for k in kinds))
    left = s
for side in r["before"], *r["steps"], r["after"]:
    pairs = side["users"] * side["items"]
    assert side["density"] == (side["interactions"] / pairs if pairs else 0), side
    assert list(side["coverage"]) == ["title", "description", "categories", "image", "caption", "intents"]
for side in r["before"], r["after"]:
    for what, n in ("history", "users"), ("popularity", "items"):
        q = side[what]
        assert list(q) == ["min", "p10", "p25", "p50", "p75", "p90", "p99", "max", "mean"]
        assert abs(q["mean"] * side[n] - side["interactions"]) < 1e-6 * side["interactions"] + 1e-9
assert {k: r["after"][k] for k in (*kinds, "density", "coverage")} == {k: left[k] for k in (*kinds, "density", "coverage")}
print("left", *(r["after"][k] for k in kinds))
PY
}

# Nothing may be left after a failure: neither outputs nor temporary files.
assert_nothing_written() { assert_none_written kept.jsonl out.st report.json; }

refused() { # refused CODE MESSAGE [options]
    fails_with "$1" "$2" ingest "${@:3}"
    [[ ${stderr_lines[-1]} == 'ingest: '* ]] || fail "message: $stderr"
    assert_nothing_written
}

@test "histories are chronological, ties keep the file's order" {
    small
    run --separate-stderr ingest --kcore 0
    assert_success
    run histories out.st
    assert_output $'items a b c\nu1 b@10 c@10 a@30 a@40\nu2 c@1 b@5 a@5'
}

@test "records are kept byte for byte" {
    small
    ingest -q --kcore 0
    run diff items.jsonl kept.jsonl
    assert_success
}

@test "the order column serves where there is no timestamp, columns come in any order" {
    small
    printf 'note\torder\titem\tuser\nx\t2\ta\tu\n\t0\tb\tu\ny\t1\tc\tu\n' >events.tsv
    ingest -q --kcore 0
    run histories out.st
    assert_output $'items a b c\nu b@0 c@1 a@2'
}

@test "timestamp wins over order" {
    small
    printf 'user\titem\torder\ttimestamp\nu\ta\t0\t9\nu\tb\t1\t8\nu\tc\t2\t-7\n' >events.tsv
    ingest -q --kcore 0
    run histories out.st
    assert_output $'items a b c\nu c@-7 b@8 a@9'
}

@test "duplicates go, repeat purchases stay" {
    small
    printf 'user\titem\ttimestamp\nu\ta\t1\nu\tb\t1\nu\ta\t1\nu\ta\t2\nu\tb\t1\nv\ta\t1\n' >events.tsv
    ingest -q --kcore 0 --report report.json
    run steps
    assert_line 'duplicate 0 0 2'
    run histories out.st
    assert_output $'items a b c\nu a@1 b@1 a@2\nv a@1'
}

@test "users come in order of first appearance" {
    small
    printf 'user\titem\torder\nz\tnone\t0\ny\ta\t0\nz\ta\t1\nz\tb\t2\nz\tc\t3\nw\tnone\t0\n' >events.tsv
    ingest -q --kcore 0
    run histories out.st
    assert_output $'items a b c\nz a@1 b@2 c@3\ny a@0'
}

@test "k-core, and the report adds up" {
    small
    printf '%s\n' '{"id":"d"}' >>items.jsonl
    printf '%s\n' $'u3\tb\t1\t5' $'u3\tb\t1\t5' $'u4\tnone\t1\t5' $'u1\tnone\t2\t5' $'u5\tb\t3\t1' >>events.tsv
    run --separate-stderr ingest --kcore 2 --min-rating 2 --report report.json
    assert_success
    assert_output ''
    run histories out.st
    assert_output $'items a c\nu1 c@10 a@30 a@40\nu2 c@1 a@5'
    run cat kept.jsonl
    assert_output $'{"id": "a", "n": 12345678901234567890, "image": "img/a.png"}\n {"id" : "c" , "title" : null} '
    run steps
    assert_success
    assert_output $'read 5 4 12\nno_record 1 1 2\nlow_rating 1 0 2\nduplicate 0 0 1\nkcore 1 1 2\nleft 2 2 5'
    run /usr/bin/python3 -c '
import json
r = json.load(open("report.json"))
print(r["before"]["records"], r["after"]["records"], r["short_users"], r["records"], r["interactions"], r["pictures"])
print(r["before"]["history"], r["before"]["coverage"]["image"], r["after"]["coverage"]["image"])'
    assert_output "4 2 1 {} {} {}
{'min': 1, 'p10': 1, 'p25': 1, 'p50': 2, 'p75': 3, 'p90': 5, 'p99': 5, 'max': 5, 'mean': 2.4} 0.25 0.5"
}

@test "the account on standard error, and -q" {
    small
    printf 'u\ta\n' >>events.tsv
    run --separate-stderr ingest --kcore 2 --bad-lines 1 --max-items-per-user 3
    assert_equal "$stderr" "ingest: 3 records read, 2 kept
ingest: interactions: 1 malformed lines
ingest:                    users      items interactions   density   title  description  categories   image  caption  intents
ingest: read                   2          3            7      1.17    0.0%         0.0%        0.0%   33.3%     0.0%     0.0%
ingest: no record              2          3            7      1.17    0.0%         0.0%        0.0%   33.3%     0.0%     0.0%
ingest: duplicate              2          3            7      1.17    0.0%         0.0%        0.0%   33.3%     0.0%     0.0%
ingest: beyond max             2          3            6         1    0.0%         0.0%        0.0%   33.3%     0.0%     0.0%
ingest: kcore                  2          2            5      1.25    0.0%         0.0%        0.0%   50.0%     0.0%     0.0%
ingest:                                 min     p10     p25     p50     p75     p90     p99     max     mean
ingest: interactions a user, read         3       3       3       3       4       4       4       4     3.50
ingest: interactions a user, kept         2       2       2       2       3       3       3       3     2.50
ingest: interactions an item, read        2       2       2       2       3       3       3       3     2.33
ingest: interactions an item, kept        2       2       2       2       3       3       3       3     2.50
ingest: 1 users have fewer than 3 interactions; the split will skip them
ingest: 40.0% of neighbours in a history have one time (--ties file); in the source 50.0% of those ascend by item id
ingest: split last: 1 events for training; to predict: 1 for validation, of 1 users, 1 for the test, of 1"
    run --separate-stderr ingest --kcore 0 -q --bad-lines 1
    assert_equal "$stderr" ''
}

@test "--min-rating and --max-items-per-user" {
    small
    ingest -q --kcore 0 --min-rating 3
    run histories out.st
    assert_output $'items a b c\nu1 c@10 a@30 a@40\nu2 c@1 a@5'
    ingest -q --kcore 1 --max-items-per-user 3
    run histories out.st
    assert_output $'items a b c\nu1 c@10 a@30 a@40\nu2 c@1 b@5 a@5'
}

@test "--since and --until, which is exclusive, as dates, times and seconds" {
    small
    printf 'user\titem\ttimestamp\n' >events.tsv
    local day=1406073600 # 2014-07-23
    for t in -1 0 1 86399 86400; do printf 'u\ta\t%d\nv\tb\t%d\n' $((day + t)) $((day + t - 1)); done >>events.tsv
    ingest -q -k 0 --since 2014-07-23 --until 2014-07-24 --report report.json
    run histories out.st
    assert_output "items a b c
u a@$day a@$((day + 1)) a@$((day + 86399))
v b@$day b@$((day + 86398)) b@$((day + 86399))"
    run steps
    assert_line 'outside_time 0 0 4'
    histories out.st >expected
    for window in "$day $((day + 86400))" '2014-07-23T00:00:00Z 2014-07-24T00:00Z' '2014-07-23T02:00+02:00 2014-07-23T14:00:00.999-10:00'; do
        # shellcheck disable=SC2086 # two words
        set -- $window
        ingest -q -k 0 --since "$1" --until "$2"
        histories out.st | cmp - expected
    done
    ingest -q -k 0 --until '2014-07-23 00:00:02'
    run histories out.st
    assert_line "u a@$((day - 1)) a@$day a@$((day + 1))"
    rm kept.jsonl out.st report.json
    refused 64 '--since yesterday: expected a date as 2014-07-23' --since yesterday
    refused 64 '--until 2014-02-29: expected a date' --until 2014-02-29
    refused 64 '--since is not before --until' --since 2014-07-23 --until 2014-07-23
    printf 'user\titem\torder\nu\ta\t0\n' >events.tsv
    refused 65 'the interactions have no times, only an order' -k 0 --since 1
}

@test "--require-image drops items without image and image_url" {
    small
    sed -i '2s|{|{"image_url":"http://x/b.png",|; 3s|{|{"image":"",|' items.jsonl
    ingest -q -k 0 --require-image --report report.json
    run histories out.st
    assert_output $'items a b\nu1 b@10 a@30 a@40\nu2 b@5 a@5'
    run wc -l <kept.jsonl
    assert_output 2
    run steps
    assert_line 'no_image 0 1 2'
    run /usr/bin/python3 -c 'import json; r = json.load(open("report.json")); print(r["before"]["coverage"]["image"], r["after"]["coverage"]["image"])'
    assert_output '0.6666666666666666 1'
}

@test "coverage counts what records hold" {
    printf '%s\n' '{"id":"a","title":"t","description":"","categories":[],"image":null,"caption":"c","intents":[{"text":""}]}' \
        '{"id":"b","title":"","description":"d","categories":["",""],"image_url":"u","intents":[{"label":1,"text":"x"}]}' \
        '{"id":"c","t\u0069tle":"t","categories":["","x"],"image":"i","image_url":"u","intents":[]}' >items.jsonl
    printf 'user\titem\torder\nu\ta\t0\nu\tb\t1\nu\tc\t2\nu\td\t2\n' >events.tsv
    ingest -q -k 0 --report report.json
    run /usr/bin/python3 -c 'import json; r = json.load(open("report.json")); print(*(round(12 * v) for s in ("before", "after") for v in r[s]["coverage"].values()))'
    assert_output '6 3 3 6 3 3 8 4 4 8 4 4'
}

@test "k-core 1 drops items that nobody met, k-core 0 keeps them" {
    small
    printf '{"id":"lonely"}\n' >>items.jsonl
    ingest -q -k 1
    run histories out.st
    assert_line --index 0 'items a b c'
    ingest -q -k 0
    run histories out.st
    assert_line --index 0 'items a b c lonely'
}

@test "image paths stay right from the output's folder" {
    small
    mkdir -p shop/img out/deep
    touch shop/img/a.png
    mv items.jsonl shop/
    "$BIN/ingest" -q -k 0 --items shop/items.jsonl --interactions events.tsv --items-out out/deep/kept.jsonl -o out.st
    run head -1 out/deep/kept.jsonl
    assert_output '{"id": "a", "n": 12345678901234567890, "image": "../../shop/img/a.png"}'
    assert_file_exists out/deep/../../shop/img/a.png
    run diff <(tail -n +2 out/deep/kept.jsonl) <(tail -n +2 shop/items.jsonl)
    assert_success
    # and back again
    "$BIN/ingest" -q -k 0 --items out/deep/kept.jsonl --interactions events.tsv --items-out shop/kept.jsonl -o out.st
    run diff shop/items.jsonl shop/kept.jsonl
    assert_success
}

@test "image paths stay right from the working folder, on standard output" {
    small
    mkdir shop
    mv items.jsonl shop/
    run --separate-stderr "$BIN/ingest" -q -k 0 --items shop/items.jsonl --interactions events.tsv --items-out - -o out.st
    assert_line --index 0 '{"id": "a", "n": 12345678901234567890, "image": "shop/img/a.png"}'
    assert_file_exists out.st
}

@test "an absolute image path and an address are left alone, a folder's link is seen through" {
    small
    mkdir -p real/shop
    sed -i '1s|img/a.png|/abs/a.png|' items.jsonl
    mv items.jsonl real/shop/
    printf '%s\n' '{"id":"z","image":"z.png"}' '{"id":"w","image":"https://h/w.png"}' >>real/shop/items.jsonl
    ln -s real/shop link
    "$BIN/ingest" -q -k 0 --items link/items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st
    run cat kept.jsonl
    assert_line --index 0 --partial '"image": "/abs/a.png"'
    assert_line --index 3 '{"id":"z","image":"real/shop/z.png"}'
    assert_line --index 4 '{"id":"w","image":"https://h/w.png"}'
}

@test "items or events from a pipe, histories to a pipe" {
    small
    ingest -q -k 0
    "$BIN/ingest" -q -k 0 --items - --interactions events.tsv --items-out kept2.jsonl <items.jsonl >out2.st
    cmp kept.jsonl kept2.jsonl
    cmp out.st out2.st
    "$BIN/ingest" -q -k 0 --items items.jsonl --interactions - --items-out kept3.jsonl -o out3.st <events.tsv
    cmp out.st out3.st
    "$BIN/ingest" -q -k 0 --items <(cat items.jsonl) --interactions <(cat events.tsv) --items-out kept4.jsonl -o out4.st
    cmp out.st out4.st
}

@test "metadata: canonical options and the inputs' digests" {
    small
    ingest -q -k 0 --min-rating 2.50
    run /usr/bin/python3 -c '
import json, struct
raw = open("out.st", "rb").read()
m = json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])["__metadata__"]
print(m["tool"], m["config"], m["input.items"], m["input.interactions"], m["items"])'
    assert_success
    assert_output --regexp '^ingest \{"format":"neutral","bad-lines":0,"clean":false,"columns":null,"item-columns":null,"delimiter":null,"quote":"auto","encoding":null,"item-encoding":null,"list-separator":null,"time-unit":"s","time-format":null,"since":null,"until":null,"min-rating":2.5,"require-image":false,'\
'"max-items-per-user":0,"kcore":0,"ties":"file","split":"last","split-at":null,"cold":0,"seed":42\}( [0-9a-f]{32}){3}$'
    if command -v xxh128sum >/dev/null; then
        assert_output --partial "$(xxh128sum items.jsonl | cut -d' ' -f1) $(xxh128sum events.tsv | cut -d' ' -f1) $(xxh128sum kept.jsonl | cut -d' ' -f1)"
    fi
}

@test "carriage returns, byte order marks and blank lines" {
    small
    ingest -q -k 0
    cp kept.jsonl kept0.jsonl
    histories out.st >histories0
    sed -i 's/$/\r/; 3s/$/\n/' items.jsonl
    sed -i '1s/^/\xef\xbb\xbf/; s/$/\r/' events.tsv
    printf '\n\r\n' >>events.tsv
    ingest -q -k 0
    cmp kept.jsonl kept0.jsonl
    histories out.st | cmp - histories0
}

@test "bad events: file and line are named, nothing is written" {
    small
    cp events.tsv good
    : >events.tsv && refused 65 'events.tsv: is empty, expected a header line'
    printf '\n' >events.tsv && refused 65 'events.tsv:1: no column "user"'
    printf 'user\ttimestamp\n' >events.tsv && refused 65 'events.tsv:1: no column "item"'
    printf 'user\titem\n' >events.tsv && refused 65 'events.tsv:1: no column "timestamp" or "order"'
    printf 'user\titem\torder\tuser\n' >events.tsv && refused 65 'events.tsv:1: column "user" is there twice'
    cp good events.tsv && printf 'u\ta\t1\n' >>events.tsv && refused 65 'events.tsv:9: 3 fields, expected 4'
    cp good events.tsv && printf 'u\ta\tb\t1\t5\n' >>events.tsv && refused 65 'events.tsv:9: 5 fields, expected 4'
    cp good events.tsv && printf 'u\ta\tnoon\t1\n' >>events.tsv && refused 65 'events.tsv:9: timestamp "noon", expected a whole number'
    cp good events.tsv && printf 'u\ta\t1.5\t1\n' >>events.tsv && refused 65 'timestamp "1.5"'
    cp good events.tsv && printf 'u\ta\t0x10\t1\n' >>events.tsv && refused 65 'timestamp "0x10"'
    cp good events.tsv && printf 'u\ta\t\t1\n' >>events.tsv && refused 65 'timestamp ""'
    cp good events.tsv && printf 'u\ta\t9223372036854775808\t1\n' >>events.tsv && refused 65 'timestamp "9223372036854775808"'
    cp good events.tsv && printf '\ta\t1\t1\n' >>events.tsv && refused 65 'events.tsv:9: user is empty'
    cp good events.tsv && printf 'u\t\t1\t1\n' >>events.tsv && refused 65 'events.tsv:9: item is empty'
    cp good events.tsv && printf 'u\xff\ta\t1\t1\n' >>events.tsv && refused 65 'events.tsv:9: not valid UTF-8'
    cp good events.tsv && printf 'u\0\ta\t1\t1\n' >>events.tsv && refused 65 'events.tsv:9: not valid UTF-8'
    cp good events.tsv && printf 'u\ta\t1\tgood\n' >>events.tsv && refused 65 'events.tsv:9: rating "good", expected a number' --min-rating 1
    printf 'user\titem\torder\n' >events.tsv && refused 65 'events.tsv:1: no column "rating"' --min-rating 1
}

@test "bad records: file and line are named, nothing is written" {
    small
    cp items.jsonl good
    : >items.jsonl && refused 65 'items.jsonl: holds no item'
    cp good items.jsonl && printf '{"id":"a"}\n' >>items.jsonl && refused 65 'items.jsonl:4: id "a" was there before'
    cp good items.jsonl && printf '{"title":"x"}\n' >>items.jsonl && refused 65 'items.jsonl:4: no "id"'
    cp good items.jsonl && printf '{"id":"a\\tb"}\n' >>items.jsonl && refused 65 'items.jsonl:4: "id" holds a tab'
    cp good items.jsonl && printf '["d"]\n' >>items.jsonl && refused 65 'items.jsonl:4: not an object'
    cp good items.jsonl && printf '{"id":"d"' >>items.jsonl && refused 65 'items.jsonl:4: not JSON at column 10'
    cp good items.jsonl && printf '{"id":"d\xc3"}\n' >>items.jsonl && refused 65 'items.jsonl:4: not valid UTF-8'
    cp good items.jsonl && printf '{"id":"d","title":["x"]}\n' >>items.jsonl && refused 65 'items.jsonl:4: "title" has the wrong type, expected a string or null'
    cp good items.jsonl && printf '{"id":"d","x":%s}\n' "$(printf '[%.0s' {1..100})" >>items.jsonl && refused 65 'items.jsonl:4: not JSON'
    cp events.tsv items.jsonl && refused 65 'items.jsonl:1: not JSON at column 1'
}

@test "--bad-lines leaves out so many malformed lines of each input, and no more" {
    small
    ingest -q -k 0
    histories out.st >histories0
    cp kept.jsonl kept0.jsonl
    rm kept.jsonl out.st
    sed -i '2i u9\ta\tnoon\t1\nu9\ta\nu\xff\ta\t1\t1' events.tsv
    sed -i '2i {"id":"a"\n{"id":7}\n[]' items.jsonl
    ingest -q -k 0 --bad-lines 3
    histories out.st | cmp - histories0
    cmp kept.jsonl kept0.jsonl
    rm kept.jsonl out.st
    refused 65 'items.jsonl:4: not an object' -k 0 --bad-lines 2
    cp kept0.jsonl items.jsonl
    refused 65 'events.tsv:4: not valid UTF-8' -k 0 --bad-lines 2
}

@test "nothing left to split" {
    small
    refused 65 'nothing left to split: no user has 3 interactions or more after --kcore 5'
    refused 65 'nothing left to split' --report report.json
    printf 'user\titem\torder\n' >events.tsv && refused 65 'nothing left to split' -k 0
    printf 'user\titem\torder\nu\ta\t0\nu\tb\t1\nv\ta\t1\n' >events.tsv && refused 65 'nothing left to split' -k 0
    printf 'user\titem\torder\nu\tA\t0\nu\tB\t1\n' >events.tsv && refused 65 'none of the items in events.tsv has a record in items.jsonl' -k 0
}

@test "wrong usage" {
    small
    run --separate-stderr "$BIN/ingest" --items items.jsonl --interactions events.tsv
    assert_failure 64
    run --separate-stderr "$BIN/ingest" --items items.jsonl --items-out kept.jsonl
    assert_failure 64
    run --separate-stderr "$BIN/ingest" --interactions events.tsv --items-out kept.jsonl
    assert_failure 64
    refused 64 "unexpected operand 'items.jsonl'" items.jsonl
    refused 64 'out of range' --kcore -1
    refused 64 'expected a number' --min-rating nan
    refused 64 '--items and --interactions are the same file' --interactions ./items.jsonl
    refused 64 '--items and --interactions are the same file' --items - --interactions -
    refused 64 '--items and --items-out are the same file' --items-out items.jsonl
    refused 64 '--items-out and --output are the same file' -o ./kept.jsonl
    refused 64 '--output and --report are the same file' --report out.st
    assert_file_exists items.jsonl
}

@test "missing inputs, outputs that cannot be" {
    small
    refused 66 'none.jsonl' --items none.jsonl
    refused 66 'none/items.jsonl' --items none/items.jsonl
    refused 66 'none.tsv' --interactions none.tsv
    refused 66 'is a folder' --interactions .
    mkdir folder
    refused 73 'none/kept' -k 0 --items-out none/kept
    refused 73 'items.jsonl/kept' -k 0 --items-out items.jsonl/kept
    refused 73 'none/out' -k 0 -o none/out
    refused 73 'folder: is a folder' -k 0 --items-out folder
    refused 73 'folder: is a folder' -k 0 -o folder
    refused 73 'folder: is a folder' -k 0 --report folder
}

@test "a full disk and a closed pipe lose nothing" {
    small
    refused 74 '/dev/full' -k 0 --items-out /dev/full
    refused 74 '/dev/full' -k 0 -o /dev/full
    refused 74 '/dev/full' -k 0 --report /dev/full
    printf old >kept.jsonl
    run --separate-stderr ingest -k 0 -o /dev/full
    assert_failure 74
    assert_equal "$(cat kept.jsonl)" old
    rm kept.jsonl
    for i in {1..9999}; do echo "{\"id\":\"x$i\",\"title\":\"a title that takes its place in the pipe\"}"; done >>items.jsonl
    run bash -c 'set -o pipefail; "$1" -q -k 0 --items items.jsonl --interactions events.tsv --items-out - -o out.st | true' - "$BIN/ingest"
    assert_failure 74
    assert_nothing_written
}

@test "the bytes do not depend on --threads" {
    small
    /usr/bin/python3 -c '
import random
random.seed(1)
ids = "abc"
print("user\titem\ttimestamp\trating")
for i in range(20000): print(f"u{random.randrange(900)}\t{random.choice(ids)}\t{random.randrange(50)}\t5")' >events.tsv
    for threads in 1 2; do
        ingest -q --threads $threads --max-items-per-user 20 --report report.json
        sha256sum kept.jsonl out.st report.json >sums.$threads
    done
    cmp sums.1 sums.2
}

@test "killed while it reads, it leaves nothing" {
    small
    mkfifo slow
    mkdir tmp
    TMPDIR=$PWD/tmp "$BIN/ingest" -k 0 --items items.jsonl --interactions slow --items-out kept.jsonl -o out.st --report report.json 3>&- &
    local pid=$!
    exec 9>slow
    cat events.tsv >&9
    sleep 0.2
    kill -9 $pid
    run wait $pid
    exec 9>&-
    assert_nothing_written
    run ls tmp
    assert_output ''
}

@test "the temporary file's folder is TMPDIR" {
    small
    TMPDIR=$PWD/none refused 73 "temporary file $PWD/none/sidmill." -k 0
}

@test "help fits a screen" {
    run "$BIN/ingest" --help
    assert_success
    [ "${#lines[@]}" -le 60 ]
    refute_output --partial nan
}

real() { # real NAME USERS ITEMS INTERACTIONS
    [ -r "$DATA/$1/items.jsonl" ] || skip "NO DATA: $DATA/$1 is not there; set SIDMILL_DATA to check the published counts"
    run --separate-stderr "$BIN/ingest" --items "$DATA/$1/items.jsonl" --interactions "$DATA/$1/interactions.tsv" --kcore 5 \
        --items-out kept.jsonl -o out.st --report report.json
    assert_success
    run /usr/bin/python3 -c 'import json; a = json.load(open("report.json"))["after"]; print(a["users"], a["items"], a["interactions"])'
    assert_output "$2 $3 $4"
    run wc -l <kept.jsonl
    assert_output "$3"
}

@test "beauty has the published counts" {
    real beauty 22363 12101 198502
    cmp kept.jsonl "$DATA/beauty/items.jsonl"
}

@test "sports has the published counts" { real sports 35588 18344 296230; }

@test "ml100k has the published counts, and its pictures are found" {
    real ml100k 943 1349 99287
    run /usr/bin/python3 - <<'PY'
import json, os
images = [r["image"] for r in map(json.loads, open("kept.jsonl", encoding="utf8")) if r.get("image")]
assert len(images) > 1300 and all(os.path.exists(i) for i in images)
PY
    assert_success
}
