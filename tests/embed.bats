#!/usr/bin/env bats
# embed: vectors that mean something, the same bytes every time, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    bats_load_library bats-file
    BIN=$(cd "${SIDMILL_BIN:-$BATS_TEST_DIRNAME/../build/bin}" && pwd)
    DATA=${SIDMILL_DATA:-$BATS_TEST_DIRNAME/../../shared/data}
    [[ $DATA = /* ]] || DATA=$PWD/$DATA
    cd "$BATS_TEST_TMPDIR" || return
}

embed() { "$BIN/embed" "$@"; }

# Two topics; e has no text, f a word of its own.
small() {
    cat >items.jsonl <<'JSONL'
{"id":"p1","title":"Rose perfume spray","categories":["Fragrance","Women's"]}
{"id":"p2","title":"Rose fragrance mist","categories":["Fragrance"]}
{"id":"p3","title":"Perfume spray bottle","intents":[{"text":"smell of roses"}]}
{"id":"h1","title":"Steel claw hammer","description":"A hammer for steel nails"}
{"id":"h2","title":"Claw hammer handle","caption":"a wooden handle"}
{"id":"h3","title":"Steel nails for a hammer"}
{"id":"e","title":null,"price":3}
{"id":"f","title":"qqqq"}
JSONL
}

# Python that has the tensors of FILE as t (arrays), its metadata as meta, and item ids as ids.
with_tensors() { # with_tensors FILE < script
    /usr/bin/python3 -c '
import json, struct, sys
import numpy as np
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
kinds = {"F32": "<f4", "U8": "u1"}
meta = head.pop("__metadata__")
t = {k: np.frombuffer(raw, kinds[v["dtype"]], int(np.prod(v["shape"])), 8 + n + v["data_offsets"][0]).reshape(v["shape"])
     for k, v in head.items()}
ids = t["item_ids"].tobytes().decode().splitlines()
exec(sys.stdin.read())' "$1"
}

refused() { # refused CODE MESSAGE [options], items on standard input
    local code=$1 message=$2
    shift 2
    run --separate-stderr embed -o out.st "$@"
    [ "$status" -eq "$code" ] || fail "exit status $status, expected $code: $stderr"
    [[ $stderr == *"$message"* ]] || fail "message: $stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] || fail "more than one line: $stderr"
    run find . -name 'out.st*'
    assert_output ''
}

@test "rows of length one, in the items' order, with metadata" {
    small
    embed --dim 2 <items.jsonl >out.st 2>/dev/null
    run with_tensors out.st <<'PY'
x = t["text"]
assert x.shape == (8, 2), x.shape
assert ids == "p1 p2 p3 h1 h2 h3 e f".split(), ids
lengths = np.linalg.norm(x, axis=1)
assert np.allclose(lengths, [1, 1, 1, 1, 1, 1, 0, 0], atol=1e-5), lengths
assert meta["tool"] == "embed" and meta["schema"] == "embeddings/1"
config = json.loads(meta["config"])
assert config["dim"] == 2 and config["text"] == "lsa" and config["seed"] == 42 and "threads" not in config
assert len(meta["input.items"]) == 32
x = x[:6] @ x[:6].T
assert x[:3, :3].min() > x[:3, 3:].max() + 0.3, x
PY
    assert_success
}

@test "items without text and without a known term give zero rows and one warning with their numbers" {
    small
    run --separate-stderr embed -q -o out.st items.jsonl
    assert_success
    [ "$stderr" = "embed: warning: zero rows: items without text 1, with text but no term that was kept (see --min-df) 1" ] || fail "$stderr"
}

@test "a width beyond the rank gives zero columns and a note" {
    small
    run --separate-stderr embed --dim 100 -o out.st items.jsonl
    assert_success
    [[ $stderr == *"the texts span "*" dimensions only: columns "*" to 99 are zero"* ]] || fail "$stderr"
    run with_tensors out.st <<'PY'
assert t["text"].shape == (8, 100) and not t["text"][:, 8:].any() and t["text"][:, 0].any()
PY
    assert_success
}

@test "the same bytes for any number of threads, on a pipe and from a file" {
    small
    for i in $(seq 400); do echo "{\"id\":\"x$i\",\"title\":\"thing $((i % 7)) of kind $((i % 11)) and $((i % 13))\"}"; done >>items.jsonl
    embed -q --threads 1 -o one.st items.jsonl 2>/dev/null
    embed -q --threads 2 <items.jsonl 2>/dev/null >two.st
    embed -q --threads 3 -o three.st - <items.jsonl 2>/dev/null
    cmp one.st two.st
    cmp one.st three.st
    embed -q --seed 7 -o other.st items.jsonl 2>/dev/null
    run cmp one.st other.st
    assert_failure
}

@test "fields choose what goes in, with weights" {
    small
    embed -q --fields caption --min-df 1 -o caption.st items.jsonl 2>/dev/null
    run with_tensors caption.st <<'PY'
assert [i for i, row in zip(ids, t["text"]) if row.any()] == ["h2"]
PY
    assert_success
    embed -q --fields intents,description:2 --min-df 1 -o two.st items.jsonl 2>/dev/null
    run with_tensors two.st <<'PY'
assert [i for i, row in zip(ids, t["text"]) if row.any()] == ["p3", "h1"]
assert json.loads(meta["config"])["fields"] == "intents,description:2"
PY
    assert_success
    embed -q --fields title,categories:0.01 -o low.st items.jsonl 2>/dev/null
    embed -q --fields title,categories:100 -o high.st items.jsonl 2>/dev/null
    for f in low high; do
        with_tensors $f.st <<<'print(t["text"][0] @ t["text"][1])'
    done >products
    run awk 'NR==1{low=$1} NR==2{exit !($1 > low + 0.2)}' products
    assert_success
}

@test "wrong options are usage errors" {
    small
    refused 64 "unknown field 'titel', expected title, description" --fields title,titel items.jsonl
    refused 64 "unknown field ''" --fields title, items.jsonl
    refused 64 "'title' is there twice" --fields title,title:2 items.jsonl
    refused 64 "weight 'x' of title" --fields title:x items.jsonl
    refused 64 "weight '0' of title" --fields title:0 items.jsonl
    refused 64 "weight 'nan' of title" --fields title:nan items.jsonl
    refused 64 "--dim 0: out of range" --dim 0 items.jsonl
    refused 64 "--chars 5-3: expected MIN-MAX" --chars 5-3 items.jsonl
    refused 64 "--chars 3: expected MIN-MAX" --chars 3 items.jsonl
    refused 64 "nothing would be counted" --words 0 --chars none items.jsonl
    refused 64 "nothing would be counted" --words 0 --char-weight 0 items.jsonl
    refused 64 "--text bert: expected one of lsa" --text bert items.jsonl
    refused 64 "expected one file of items at most" items.jsonl items.jsonl
    refused 64 "--nearest needs --embeddings" --nearest p1 items.jsonl
    refused 64 "--embeddings goes with --nearest" --embeddings x.st items.jsonl
}

@test "bad items are refused, with file and line" {
    small
    refused 66 "nowhere.jsonl" nowhere.jsonl
    : >empty.jsonl
    refused 65 "empty.jsonl: no items" empty.jsonl
    refused 65 "standard input: no items" </dev/null
    printf '{"id":"a"}\n{"id":"b","title":"\xff"}\n' >bad.jsonl
    refused 65 "bad.jsonl:2: not valid UTF-8" bad.jsonl
    printf '{"id":"a"}\n\n[1]\n' >bad.jsonl
    refused 65 "bad.jsonl:3:" bad.jsonl
    printf '{"id":"a"}\n{"id":"a"}\n' >bad.jsonl
    refused 65 "bad.jsonl:2:" bad.jsonl
    printf '{"id":"a","title":["x"]}\n' >bad.jsonl
    refused 65 "bad.jsonl:1: \"title\"" bad.jsonl
    printf '{"id":"a","title":"x"' >bad.jsonl
    refused 65 "bad.jsonl:1:" bad.jsonl
}

@test "one item, and items that all say the same" {
    echo '{"id":"a","title":"soap"}' >one.jsonl
    embed -q --dim 3 -o one.st one.jsonl 2>/dev/null
    run with_tensors one.st <<<'assert t["text"].shape == (1, 3) and not t["text"].any()'
    assert_success
    embed -q --dim 3 --min-df 1 -o one.st one.jsonl
    run with_tensors one.st <<<'assert np.allclose(np.abs(t["text"]), [[1, 0, 0]])'
    assert_success
    for i in 1 2 3 4 5; do echo "{\"id\":\"$i\",\"title\":\"green soap\"}"; done >same.jsonl
    embed -q --dim 3 -o same.st same.jsonl
    run with_tensors same.st <<<'assert np.allclose(t["text"] @ t["text"].T, 1)'
    assert_success
}

@test "ten megabytes in one title" {
    {
        echo '{"id":"a","title":"soap bar"}'
        printf '{"id":"b","title":"'
        seq 1 1300000 | tr '\n' ' '
        printf '"}\n{"id":"c","title":"'
        head -c 10000000 /dev/zero | tr '\0' x
        printf '"}\n{"id":"d","title":"soap dish"}\n'
    } >long.jsonl
    run --separate-stderr embed -q --dim 4 -o long.st long.jsonl
    assert_success
    run with_tensors long.st <<<'assert t["text"].shape == (4, 4) and np.isfinite(t["text"]).all() and t["text"][0] @ t["text"][3] > 0.5'
    assert_success
}

@test "nearest items come by title" {
    small
    embed -q --dim 4 -o out.st items.jsonl 2>/dev/null
    run --separate-stderr embed --nearest p1,h2 -k 2 --embeddings out.st items.jsonl
    assert_success
    [ "${#lines[@]}" -eq 6 ] || fail "$output"
    [ "${lines[0]}" = $'p1\t0\t1.0000\tp1\tRose perfume spray' ] || fail "${lines[0]}"
    [[ ${lines[1]} == $'p1\t1\t0.'*$'\tp'[23]$'\t'* ]] || fail "${lines[1]}"
    [[ ${lines[2]} == $'p1\t2\t0.'*$'\tp'[23]$'\t'* ]] || fail "${lines[2]}"
    [[ ${lines[4]} == $'h2\t1\t0.'*$'\th'[13]$'\t'* ]] || fail "${lines[4]}"
}

@test "nearest: control characters in titles, items without a record, zero rows, unknown ids" {
    small
    embed -q -o out.st items.jsonl 2>/dev/null
    printf '{"id":"p2","title":"a\\tb\\u001b[31m\\nc"}\n' >other.jsonl
    run --separate-stderr embed --nearest p2 -k 1 -e out.st other.jsonl
    assert_success
    [ "${lines[0]}" = $'p2\t0\t1.0000\tp2\ta b [31m c' ] || fail "${lines[0]}"
    [[ ${lines[1]} == $'p2\t1\t0.'*$'\tp'[13]$'\t' ]] || fail "${lines[1]}"
    run --separate-stderr embed --nearest e -e out.st items.jsonl
    assert_success
    [[ $stderr == *"e: its row is zero"* ]] || fail "$stderr"
    run --separate-stderr embed --nearest p1,zz -e out.st items.jsonl
    [ "$status" -eq 65 ]
    [ "$stderr" = "embed: out.st: no item 'zz', which --nearest names" ] || fail "$stderr"
    run --separate-stderr embed --nearest p1 --tensor image -e out.st items.jsonl
    [ "$status" -eq 65 ]
    head -c 100 out.st >cut.st
    run --separate-stderr embed --nearest p1 -e cut.st items.jsonl
    [ "$status" -eq 65 ]
}

@test "a full disk, a closed pipe, a missing folder" {
    small
    run --separate-stderr bash -c "'$BIN/embed' -q items.jsonl >/dev/full 2>err"
    [ "$status" -eq 74 ]
    # shellcheck disable=SC2016 # expanded by the inner shell
    run --separate-stderr bash -c 'trap "" PIPE; { "$1" -q items.jsonl 2>err; echo $? >code; } | true' - "$BIN/embed"
    [ "$(cat code)" -eq 74 ]
    run --separate-stderr embed -q -o nowhere/out.st items.jsonl
    [ "$status" -eq 73 ]
    run --separate-stderr embed -q -o items.jsonl/out.st items.jsonl
    [ "$status" -eq 73 ]
}

@test "the log tells what was found" {
    small
    embed -q --log log.jsonl -o out.st items.jsonl 2>/dev/null
    run /usr/bin/python3 -c '
import json
(line,) = [json.loads(l) for l in open("log.jsonl")]
assert line["items"] == 8 and line["empty"] == 1 and line["zero"] == 2 and 0 < line["share"] <= 1, line'
    assert_success
}

@test "against a dense SVD of the same matrix" {
    # Words once each, one field, no pruning: numpy can build the matrix on its own.
    /usr/bin/python3 -c '
import random, json
r = random.Random(3)
for i in range(120):
    words = r.sample(["word%d" % (j * j % 61) for j in range(20 + i // 3)], 6)
    print(json.dumps({"id": str(i), "title": " ".join(dict.fromkeys(words))}))' >words.jsonl
    embed -q --fields title --dim 10 --words 1 --chars none --min-df 1 --exponent 1 --power-iterations 8 -o words.st words.jsonl
    run with_tensors words.st <<'PY'
texts = [json.loads(l)["title"].split() for l in open("words.jsonl")]
terms = sorted({w for s in texts for w in s})
count = np.array([[s.count(w) for w in terms] for s in texts])
x = count * (np.log((1 + len(texts)) / (1 + (count > 0).sum(0))) + 1)
x /= np.linalg.norm(x, axis=1, keepdims=True)
u, s, _ = np.linalg.svd(x, full_matrices=False)
y = u[:, :10] * s[:10]
y /= np.linalg.norm(y, axis=1, keepdims=True)
worst = np.abs(y @ y.T - t["text"] @ t["text"].T).max()
assert worst < 1e-3, worst
PY
    assert_success
}

@test "real catalogues: neighbours share their topic" {
    [ -f "$DATA/beauty/items.jsonl" ] || skip "no data at $DATA: set SIDMILL_DATA"
    embed -q -o beauty.st "$DATA/beauty/items.jsonl"
    run with_tensors beauty.st <<PY
leaf = np.array([(json.loads(l).get("categories") or [""])[-1] for l in open("$DATA/beauty/items.jsonl")])
x = t["text"]
assert len(x) == len(leaf) == 12101
s = x[::50] @ x.T
s[np.arange(len(s)), np.arange(0, len(x), 50)] = -1
nearest = np.argsort(-s, axis=1)[:, :10]
share = (leaf[nearest] == leaf[::50, None]).mean()
chance = np.mean([(leaf == l).mean() for l in leaf[::50]])
assert share > 0.5 and share > 10 * chance, (share, chance)
PY
    assert_success
}
