#!/usr/bin/env bats
# embed: vectors that mean something, the same bytes every time, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

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

refused() { # refused CODE MESSAGE [options], items on standard input
    fails_with "$1" "$2" embed -o out.st "${@:3}"
    assert_one_line
    assert_none_written out.st
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
    refused 64 "--text bert: expected lsa, llm:DIR, http or none" --text bert items.jsonl
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

@test "nearest: ids with commas and blanks, between tabs" {
    printf '%s\n' '{"id":"a,b","title":"Rose perfume"}' '{"id":"a","title":"Rose perfume spray"}' '{"id":"red hat","title":"Wool hat"}' \
        '{"id":"b","title":"Hat of wool"}' >items.jsonl
    embed -q -o out.st items.jsonl
    asked() { embed --nearest "$1" -k 1 -e out.st items.jsonl | awk -F'\t' '$2 == 0 { print $1 }' | paste -sd'|'; }
    run asked $'a,b\tred hat'
    assert_output 'a,b|red hat'
    run asked 'a,b' # an id as it stands
    assert_output 'a,b'
    run asked 'b,a'
    assert_output 'b|a'
    run asked $'a\t'
    assert_output 'a'
    run --separate-stderr embed --nearest $'a, b\tb' -e out.st items.jsonl
    assert_failure 65
    assert_equal "$stderr" "embed: out.st: no item 'a, b', which --nearest names"
    run --separate-stderr embed --nearest '' -e out.st items.jsonl
    assert_failure 64
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

# A catalogue with pictures: 12 that can be read, of three looks, and items without, or with one that cannot be used.
pictures() {
    python_with pictures <<'PY'
os.makedirs("img", exist_ok=True)
with open("pictures.jsonl", "w") as f:
    for i in range(4):
        png(f"img/r{i}.png", drawn(40 + i, 50, lambda x, y: (200 + 10 * i, (x * y) % 20, 30)))
        png(f"img/b{i}.png", drawn(64, 48 + i, lambda x, y: (20, 30 * i, 120 + y)))
        png(f"img/s{i}.png", drawn(150, 100, lambda x, y: (250, 250, 240) if (x + i) // 5 % 2 else (10, 10, 20 * i)))
        for k in "rbs":
            word = {"r": "red scarf", "b": "blue vase", "s": "striped shirt"}[k]
            f.write(json.dumps({"id": f"{k}{i}", "title": f"{word} {i}", "image": f"img/{k}{i}.png",
                                "intents": [{"text": "warm gift"}] if k == "r" else None}) + "\n")
    f.write('{"id":"none","title":"no picture"}\n')
PY
}

# Adds items whose pictures cannot be used.
bad_pictures() {
    head -c 60 img/s1.png >img/cut.png
    echo 'this is no picture' >img/text.jpg
    : >img/empty.png
    mkfifo img/pipe.png
    python_with pictures <<'PY'
open("img/bomb.png", "wb").write(head(100000, 100000, 6) + chunk(b"IDAT", zlib.compress(bytes(1000000))) + chunk(b"IEND", b""))
PY
    for p in cut.png text.jpg empty.png pipe.png bomb.png missing.png .; do
        echo "{\"id\":\"bad $p\",\"title\":\"odd $p\",\"image\":\"img/$p\"}"
    done >>pictures.jsonl
}

@test "images: alike lie near, rows of length one, masks" {
    pictures
    run --separate-stderr embed --text none --image builtin -o out.st pictures.jsonl
    assert_success
    [[ $stderr == *"1 of 13 items name no image"* ]] || fail "$stderr"
    run with_tensors out.st <<'PY'
x = t["image"]
assert "text" not in t and x.shape == (13, 128) and x.dtype == np.float32, t.keys()
assert t["image_mask"].tolist() == [1] * 12 + [0]
assert np.allclose(np.linalg.norm(x, axis=1), t["image_mask"], atol=1e-5)
looks = np.array([i[0] for i in ids[:12]])
s = x[:12] @ x[:12].T - 2 * np.eye(12)
assert (looks[s.argmax(1)] == looks).all(), s
assert meta["schema"] == "embeddings/1" and json.loads(meta["config"])["image"] == "builtin"
assert len(meta["input.images"]) == 32 and meta["fitted.items"] == meta["input.items"]
PY
    assert_success
    embed --nearest s1 -k 3 --tensor image -e out.st pictures.jsonl >near
    run cut -f 4 near
    [[ ${lines[1]} == s? && ${lines[2]} == s? && ${lines[3]} == s? ]] || fail "$output"
}

@test "images: the same bytes for any number of threads, and wherever the paths start" {
    pictures
    embed -q --image builtin --threads 1 -o one.st pictures.jsonl
    embed -q --image builtin --threads 2 -o two.st <pictures.jsonl
    cmp one.st two.st
    mkdir elsewhere
    cp pictures.jsonl elsewhere
    embed -q --image builtin --image-root . -o three.st elsewhere/pictures.jsonl
    cmp one.st three.st
    run --separate-stderr embed -q --image builtin -o four.st elsewhere/pictures.jsonl
    assert_success
    [[ $stderr == *"12 of 12 images could not be used"* ]] || fail "$stderr"
    run with_tensors four.st <<<'assert not t["image"].any() and not t["image_mask"].any()'
    assert_success
}

@test "images that cannot be used cost one item each, and are named and counted" {
    pictures
    bad_pictures
    run --separate-stderr timeout 60 "$BIN/embed" -q --image builtin -o out.st pictures.jsonl
    assert_success
    [[ $stderr == *"item 'bad cut.png': no image vector: the image is damaged"* ]] || fail "$stderr"
    [[ $stderr == *"item 'bad text.jpg': no image vector: not a JPEG, PNG, GIF"* ]] || fail "$stderr"
    [[ $stderr == *"7 of 19 images could not be used: their items get a row of zeros, masked"* ]] || fail "$stderr"
    [ "$(grep -c 'no image vector' <<<"$stderr")" -eq 3 ] || fail "$stderr"
    run with_tensors out.st <<'PY'
assert t["image_mask"].tolist() == [1] * 12 + [0] * 8
assert not t["image"][12:].any() and t["text"].shape[0] == 20
PY
    assert_success
    embed -q --image builtin --threads 2 -o two.st pictures.jsonl 2>/dev/null
    embed -q --image builtin --threads 1 -o one.st pictures.jsonl 2>/dev/null
    cmp one.st two.st
}

@test "images: one alone, tiny ones and long ones" {
    pictures
    head -n 1 pictures.jsonl >one.jsonl
    embed -q --text none --image builtin -o one.st one.jsonl
    run with_tensors one.st <<<'assert t["image_mask"].tolist() == [1] and not t["image"].any()'
    assert_success
    /usr/bin/python3 - <<'PY'
import json
sizes = [(1, 1), (1, 3000), (3000, 1), (2, 2), (97, 95), (7, 9)]
with open("sizes.jsonl", "w") as f:
    for w, h in sizes:
        open(f"{w}x{h}.bmp", "wb").write(b"BM" + (54 + (w * 3 + 3) // 4 * 4 * h).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
            + (40).to_bytes(4, "little") + w.to_bytes(4, "little") + h.to_bytes(4, "little") + b"\1\0\x18\0" + bytes(24)
            + bytes((17 * i * i) % 251 for i in range((w * 3 + 3) // 4 * 4 * h)))
        f.write(json.dumps({"id": f"{w}x{h}", "image": f"{w}x{h}.bmp"}) + "\n")
PY
    run --separate-stderr embed --text none --image builtin -o sizes.st sizes.jsonl
    assert_success
    run with_tensors sizes.st <<<'assert t["image_mask"].all() and np.allclose(np.linalg.norm(t["image"], axis=1), 1, atol=1e-4)'
    assert_success
}

@test "images against principal components by numpy" {
    pictures
    embed -q --text none --image builtin --image-dim 5 --image-exponent 1 -o low.st pictures.jsonl
    embed -q --text none --image builtin --image-dim 5 --image-exponent 0 -o white.st pictures.jsonl
    embed -q --text none --image builtin --image-dim 5 --fit-only -o fit.st pictures.jsonl
    run python_with tensors <<'PY'
fit, low, white = load("fit.st")[0], load("low.st")[0]["image"][:12], load("white.st")[0]["image"][:12]
v, s = fit["image.components"], fit["image.deviation"]
assert v.shape == (778, 5) and np.allclose(v.T @ v, np.eye(5), atol=1e-5) and (np.diff(s) <= 0).all() and s[-1] > 0
back = white / s ** 0 * s          # the same directions, stretched as exponent 1 has them
back /= np.linalg.norm(back, axis=1, keepdims=True)
assert np.allclose(back, low, atol=1e-4), np.abs(back - low).max()
PY
    assert_success
}

@test "a fit embeds the same items to the same bytes, in pieces too" {
    pictures
    options="--image builtin --intent --dim 8 --image-dim 6 --exponent 0.3 --fields title,intents:0.5"
    # shellcheck disable=SC2086
    {
        embed -q $options -o whole.st pictures.jsonl
        embed -q $options --fit-only -o fit.st pictures.jsonl
        embed -q $options --fit fit.st -o given.st pictures.jsonl
    }
    embed -q --fit fit.st -o again.st pictures.jsonl
    cmp whole.st again.st
    cmp whole.st given.st
    head -n 5 pictures.jsonl | embed -q --fit fit.st >head.st
    tail -n +6 pictures.jsonl | embed -q --fit fit.st >tail.st
    "$BIN/tensor" join -o joined.st head.st tail.st
    for name in text intent image image_mask item_ids; do
        "$BIN/tensor" get whole.st $name >a
        "$BIN/tensor" get joined.st $name >b
        cmp a b
    done
    run "$BIN/tensor" verify fit.st
    assert_success
    run with_tensors head.st <<'PY'
assert meta["fitted.items"] != meta["input.items"] and json.loads(meta["config"])["dim"] == 8
has = [i[0] == "r" for i in ids]
assert np.allclose(np.linalg.norm(t["intent"], axis=1), has, atol=1e-5)
PY
    assert_success
    embed -q --fit fit.st --image none -o text.st pictures.jsonl
    run with_tensors text.st <<<'assert "image" not in t and "intent" in t'
    assert_success
    echo '{"id":"new","title":"zebra striped scarf 1"}' | embed -q --fit fit.st -o new.st 2>/dev/null
    run with_tensors new.st <<<'assert np.isclose(np.linalg.norm(t["text"]), 1, atol=1e-5) and t["image_mask"].tolist() == [0]'
    assert_success
}

@test "a fit is used with the options it was made with" {
    pictures
    embed -q --dim 4 --fit-only -o fit.st pictures.jsonl
    refused 64 "--dim: fit.st was made with 4" --fit fit.st --dim 5 pictures.jsonl
    refused 64 "--dim: fit.st was made with 4" --fit fit.st --dim 256 pictures.jsonl
    refused 64 "--fields: fit.st was made with \"title" --fit fit.st --fields title pictures.jsonl
    refused 64 "expected one of them" --fit fit.st --fit-only pictures.jsonl
    refused 65 "metadata 'image'" --fit fit.st --image builtin pictures.jsonl
    refused 66 "nowhere.st" --fit nowhere.st pictures.jsonl
    refused 65 "is of schema embeddings/1, expected evidence-fit/1" --fit <(embed -q --dim 4 pictures.jsonl) pictures.jsonl
    refused 64 "--text none without --image" --text none pictures.jsonl
    refused 64 "--intent needs a text engine" --text none --image builtin --intent pictures.jsonl
    refused 64 "--image photo: expected builtin, clip:DIR or none" --image photo pictures.jsonl
    refused 64 "expected a folder after the colon" --image clip: pictures.jsonl
    refused 64 "nothing is fitted" --fit-only --text none --image clip:x pictures.jsonl
}

# Rewrites fit.st as bad.st: python code changes t (arrays by name) and meta.
spoil() {
    with_tensors fit.st <<PY
t = {k: v.copy() for k, v in t.items()}
$1
save("bad.st", t, meta)
PY
    refused 65 "$2" --fit bad.st pictures.jsonl
}

# Items of ten kinds, told by their titles and not by their descriptions, and histories within a kind but for their held-out ends;
# every tenth item has no title, every seventh no description. kinds [LENGTH of histories] [other items' ids]
kinds() {
    python_with tensors "$@" <<'PY'
import sys
rng = np.random.default_rng(1)
words = ["%s%s" % (a, b) for a in ("ro", "ka", "li", "mu", "te") for b in ("sten", "bard")]
with open("items.jsonl", "w") as f:
    for i in range(200):
        item = {"id": f"i{i}", "title": f"thing {words[i % 10]}", "description": "about " + words[rng.integers(10)][::-1]}
        if i % 10 == i // 20: del item["title"]
        if i % 7 == 2: del item["description"]
        f.write(json.dumps(item) + "\n")
length, letter = int((sys.argv[1:] or [7])[0]), (sys.argv[2:] or ["i"])[0]
kind = np.arange(300)[:, None] % 10 + (np.arange(length) >= length - 2)
events = (kind % 10 + 10 * rng.integers(0, 20, (300, length))).astype("i4")
save("x.st", {"user_offsets": np.arange(301) * length, "item_index": events.ravel(), "user_ids": ids([f"u{u}" for u in range(300)]),
              "item_ids": ids([f"{letter}{i}" for i in range(200)])}, {"schema": "interactions/1"})
PY
}

@test "--fit-weights: what tells the next item counts, noise does not; rows are those of the weights" {
    kinds
    run --separate-stderr embed --dim 16 --fields title,description --fit-weights x.st --log log.jsonl -o w.st items.jsonl
    assert_success
    assert_regex "$stderr" "embed: weights: title 1, description 0; what comes next in a history stands at [0-9.]+ among 513, with the weights given at [0-9.]+"
    embed -q --dim 16 --fields title -o title.st items.jsonl 2>/dev/null
    run with_tensors w.st <<'PY'
assert json.loads(meta["config"])["fields"] == "title" and meta["weights"] == "title 1, description 0"
assert len(meta["input.interactions"]) == 32 and "image_weight" not in meta
assert (t["text"] == load("title.st")[0]["text"]).all()
log = [json.loads(x) for x in open("log.jsonl")]
last = next(x for x in log if "weights" in x)
assert last["place"] < last["place_given"] < last["among"] == 513, last
assert all(x["gain"] > (3 * x["error"] if x["to"] > x["from"] else 0) for x in log if x.get("taken"))
PY
    assert_success
    embed -q --dim 16 --fields description,title:0.01 --fit-weights x.st -o swapped.st items.jsonl 2>/dev/null
    [ "$(meta swapped.st weights)" = "description 0, title 1" ]
}

@test "--fit-weights: the same bytes for any number of threads, kept with a fit" {
    kinds
    for threads in 1 2 5; do embed -q --threads $threads --dim 16 --fields title,description --fit-weights x.st items.jsonl >$threads.st 2>/dev/null; done
    cmp 1.st 2.st
    cmp 1.st 5.st
    embed -q --dim 16 --fields title,description --fit-weights x.st --fit-only -o fit.st items.jsonl
    embed -q --fit fit.st -o fitted.st items.jsonl 2>/dev/null
    run with_tensors fitted.st <<'PY'
whole, about = load("1.st")
assert (t["text"] == whole["text"]).all()
assert meta["weights"] == about["weights"] == load("fit.st")[1]["weights"] and meta["config"] == about["config"]
PY
    assert_success
}

@test "--fit-weights: images that say nothing weigh nothing, others pass their weight on" {
    kinds
    python_with pictures <<'PY'
import json
rng = np.random.default_rng(2)
records = [json.loads(x) for x in open("items.jsonl")]
for name, colour in (("noise", lambda i: rng.integers(0, 255, 3)), ("tells", lambda i: [(25 * (i % 10) + 60 * c) % 256 for c in range(3)])):
    with open(f"{name}.jsonl", "w") as f:
        for i, r in enumerate(records):
            picture = np.zeros((12, 12, 3), "u1") + np.array(colour(i), "u1") + rng.integers(0, 8, (12, 12, 3)).astype("u1")
            if i % 13: png(f"{name}{i}.png", picture)
            f.write(json.dumps(r | ({"image": f"{name}{i}.png"} if i % 13 else {})) + "\n")
PY
    for name in noise tells; do
        embed -q --dim 16 --image builtin --fields description --fit-weights x.st -o $name.st $name.jsonl 2>/dev/null
    done
    [ "$(meta noise.st image_weight)" = 0 ]
    [ "$(meta tells.st image_weight)" != 0 ]
}

@test "--fit-weights: what does not fit is refused" {
    kinds
    fields=(--fields "title,description")
    refused 64 "--fit-weights goes with --text lsa" --text none --image builtin --fit-weights x.st <items.jsonl
    refused 64 "expected one of them" --fit x.st --fit-weights x.st <items.jsonl
    refused 66 "gone.st" "${fields[@]}" --fit-weights gone.st <items.jsonl
    head -n 20 items.jsonl >few.jsonl
    refused 65 x.st "${fields[@]}" --fit-weights x.st <few.jsonl
    head -c 900 x.st >cut.st
    refused 65 cut.st "${fields[@]}" --fit-weights cut.st <items.jsonl
    : >empty.st
    refused 65 empty.st "${fields[@]}" --fit-weights empty.st <items.jsonl
    embed -q "${fields[@]}" -o e.st items.jsonl 2>/dev/null
    refused 65 e.st "${fields[@]}" --fit-weights e.st <items.jsonl
    kinds 7 j
    refused 65 x.st "${fields[@]}" --fit-weights x.st <items.jsonl
    kinds 3 # a training history of one item
    refused 65 "x.st: 0 users in whose training history one item follows another, expected 4 or more" "${fields[@]}" --fit-weights x.st <items.jsonl
}

@test "damaged and hostile fits are refused" {
    pictures
    embed -q --dim 4 --image builtin --image-dim 4 --fit-only -o fit.st pictures.jsonl
    for n in 0 7 100 3000; do
        head -c $n fit.st >bad.st
        refused 65 "bad.st" --fit bad.st pictures.jsonl
    done
    spoil 'del t["text.idf"]' "no tensor 'text.idf'"
    spoil 't["text.idf"] = t["text.idf"][1:]' "tensor 'text.idf': found"
    spoil 't["text.idf"][2] = 1e30' "tensor 'text.idf': row 2 holds"
    spoil 't["text.idf"][2] = np.nan' "row 2 holds NaN"
    spoil 't["text.vectors"][1, 1] = 7' "tensor 'text.vectors': row 1 holds 7"
    spoil 't["text.hash"][3] = t["text.hash"][0]' "expected distinct hashes"
    spoil 't["text.kind"][0] = 2' "expected distinct hashes"
    spoil 't["text.singular"] = t["text.singular"][::-1].copy()' "tensor 'text.singular': row 1"
    spoil 't["text.singular"][0] = np.inf' "tensor 'text.singular': row 0"
    spoil 't["text.singular"] = np.ones(9); t["text.vectors"] = np.zeros((len(t["text.idf"]), 9), np.float32)' "at most dim, 4"
    spoil 'del meta["text"]' "no metadata 'text'"
    spoil 'meta["text"] = "[1]"' "expected a JSON object"
    spoil 'meta["text"] = meta["text"].replace("\"words\":2", "\"words\":99")' "words is missing or out of range"
    spoil 'meta["text"] = meta["text"].replace("\"char_min\":3", "\"char_min\":9")' "char_min is missing or out of range"
    spoil 'del meta["config"]' "metadata 'config'"
    spoil 'meta["config"] = "{}"' "metadata 'config': no 'text'"
    spoil 'meta["config"] = meta["config"].replace("\"seed\":42", "\"seed\":-1")' "'seed' has a value that --seed does not take"
    spoil 'meta["config"] = meta["config"].replace("\"image\":\"builtin\"", "\"image\":\"x\"")' "'image' has a value"
    spoil 't["image.mean"] = t["image.mean"][1:]' "tensor 'image.mean': found"
    spoil 't["image.mean"][0] = 1e30' "tensor 'image.mean': row 0"
    spoil 't["image.components"][0, 0] = 2' "tensor 'image.components': row 0 holds 2"
    spoil 't["image.components"] = t["image.components"][:, 1:].copy()' "tensor 'image.components': found"
    spoil 't["image.deviation"][1] = -1' "tensor 'image.deviation': row 1"
    spoil 't["image.deviation"] = np.zeros(0); t["image.components"] = np.zeros((778, 0), np.float32)' "image.deviation"
    spoil 'meta["image"] = "{}"' "metadata 'image'"
}

@test "CLIP: any number of threads, heads of the file, and where the folder lies, do not change a vector" {
    pictures
    "$HELPERS/clip_folder.py" tower
    "$HELPERS/clip_folder.py" deeper/tower
    embed -q --text none --image clip:tower --threads 1 -o one.st pictures.jsonl
    embed -q --text none --image clip:deeper/tower --threads 2 -o two.st pictures.jsonl
    cmp one.st two.st
    head -n 4 pictures.jsonl | embed -q --text none --image clip:tower -o head.st
    cp head.st three.st
    run with_tensors one.st <<'PY'
whole, mask, config = t["image"], t["image_mask"], meta["config"]
assert mask.tolist() == [1] * 12 + [0] and np.allclose(np.linalg.norm(whole, axis=1), mask, atol=1e-5)
assert json.loads(config)["image"] == "clip" and "tower" not in json.dumps(meta) and len(meta["input.clip"]) == 32
assert "fitted.items" not in meta
whole[:4].tofile("a")
PY
    assert_success
    with_tensors head.st <<<'t["image"].tofile("b")'
    cmp a b
    embed -q --fit-only --image clip:tower --dim 4 -o fit.st pictures.jsonl
    embed -q --fit fit.st --image clip:tower -o again.st pictures.jsonl
    embed -q --image clip:tower --dim 4 -o plain.st pictures.jsonl
    cmp again.st plain.st
    refused 64 "fit.st goes with --image clip:DIR" --fit fit.st pictures.jsonl
    refused 66 "nowhere" --image clip:nowhere pictures.jsonl
}

@test "the manual page's examples run as written" {
    pictures
    for i in $(seq 40); do echo "{\"id\":\"i$i\",\"title\":\"soap bar $((i % 5)) of kind $((i % 3))\",\"image\":\"img/r$((i % 4)).png\"}"; done >items.jsonl
    cat pictures.jsonl >>items.jsonl
    python_with tensors <<'PY'
item = [json.loads(x)["id"] for x in open("items.jsonl")]
save("interactions.st", {"user_offsets": np.arange(11) * 5, "item_index": np.arange(50, dtype="i4") * 7 % len(item),
                         "user_ids": ids("abcdefghij"), "item_ids": ids(item)}, {"schema": "interactions/1"})
PY
    "$HELPERS/llm_folder.py" Qwen3-Embedding-0.6B
    "$BIN/tokenize" train -q --vocab 300 -o Qwen3-Embedding-0.6B/tokenizer.json items.jsonl
    mandoc -Tascii -O width=200 "$BATS_TEST_DIRNAME/../man/embed.1" | sed -n 's/.\x08//g; /^EXAMPLES/,/^SEE/s/^ *\$ //p' >commands
    [ "$(wc -l <commands)" -ge 8 ]
    XDG_CACHE_HOME=$PWD PATH=$BIN:$PATH run bash -e -o pipefail commands
    assert_success
    assert_file_exist llm.st
    assert_file_exist joined.st
    assert_file_exist sids.st
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
