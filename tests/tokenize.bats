#!/usr/bin/env bats
# tokenize: texts come back as they were, files are those of Hugging Face, and what is malformed is named.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

setup_file() {
    suite_setup_file
    # A catalogue, hard texts, and tokenizers trained on it.
    /usr/bin/python3 - <<'PY'
import json, random
rng = random.Random(1)
words = "low lower lowest new newer newest wide wider widest don't SHAMPOO café 日本語 1234 50ml -".split()
words += ["".join(rng.choices(["ka", "ri", "mo", "set", "lu"], k=3)) for _ in range(100)]
with open("items.jsonl", "w") as f:
    for i in range(400):
        title, rest = (" ".join(rng.choices(words, k=k)) for k in (4, 30))
        f.write(json.dumps({"id": "i%d" % i, "title": title, "description": rest + ".", "categories": ["a b", "c"]}) + "\n")
hard = ["", " ", "a", "👩‍👩‍👧‍👦 🇩🇪 1️⃣", "日本語 ไทย हिन्दी 한국어", "עברית \u202eالعربية\u202c", "e\u0301 a\u0323\u0307 \u0301", "\u0000 nul \u0001\u007f\u0085\ufeff",
        " " * 1000 + "x", "\t\t \n\n \r\n\r", "a\r\nb", "x" * 5000, "don't DON'T it\u2019s 's", "12345678901234567890", "\U0010ffff\ue000\u2028\u200b",
        "<|end|>", "a<|end|><|end|>b<|end", "\u00a0\u3000x", "ﬁ Å ½ Ⅷ ٣", "\\\"\\u0041"]
with open("hard.jsonl", "w") as f:
    for t in hard: f.write(json.dumps({"text": t}) + "\n")
PY
    "$BIN/tokenize" train -q items.jsonl --vocab 400 --special '<|end|>' --special '<pad>' -o t.json
    for pattern in gpt2 qwen2 gpt4o '[a-z]+|\s+|[^a-z\s]+'; do
        "$BIN/tokenize" train -q items.jsonl --vocab 400 --pattern "$pattern" --special '<|end|>' -o "t-${pattern:0:5}.json"
    done
}

setup() {
    suite_setup
    local file
    for file in items.jsonl hard.jsonl; do ln -s "$BATS_FILE_TMPDIR/$file" .; done
    cp "$BATS_FILE_TMPDIR"/t*.json .
}

tokenize() { "$BIN/tokenize" "$@"; }

refused() { # refused CODE MESSAGE ARGUMENTS...: one line, and no output
    rm -f out
    fails_with "$1" "$2" "$BIN/tokenize" "${@:3}" -o out
    assert_one_line
    [[ $stderr == tokenize* ]] || fail "$stderr"
    assert_none_written out
}

# A tokenizer's file with something changed: change OUT < lines of Python that change `t`.
change() {
    { echo 'import json; t = json.load(open("t.json")); m = t["model"]'; cat; echo "json.dump(t, open('$1', 'w'))"; } >change.py
    /usr/bin/python3 change.py
}

ids() { tokenize encode -t "$1" "${@:2}" | sed 's/.*"ids": //; s/}$//'; }

@test "training writes a file of Hugging Face's form, of the size asked for" {
    run --separate-stderr tokenize train items.jsonl --vocab 400 --special '<|end|>' --special '<pad>' -o own.json
    assert_success
    assert_regex "$stderr" '^tokenize: 400 tokens by 142 merges, of [0-9]+ different words in 400 texts, 0\.1 MB$'
    cmp own.json t.json
    /usr/bin/python3 - <<'PY'
import json
t = json.load(open("t.json"))
m = t["model"]
assert m["type"] == "BPE" and m["ignore_merges"] is False and t["normalizer"] is None and t["decoder"]["type"] == "ByteLevel"
assert [a["content"] for a in t["added_tokens"]] == ["<|end|>", "<pad>"] and [a["id"] for a in t["added_tokens"]] == [398, 399]
assert all(a["special"] for a in t["added_tokens"])
assert sorted(m["vocab"].values()) == list(range(398)) and len(m["merges"]) == 142
for n, merge in enumerate(m["merges"]):
    a, b = merge.split(" ")
    assert m["vocab"][a + b] == 256 + n and m["vocab"][a] < 256 + n and m["vocab"][b] < 256 + n
assert list(m["vocab"])[:3] == ["!", '"', "#"] and m["vocab"]["Ġ"] == 220 and "Ġlowest" in m["vocab"]
PY
}

@test "training counts what it says: the first merges by hand" {
    printf 'aab\naab\nab\nab\nab\n' | tokenize train -q --form lines --vocab 258 >small.json
    assert_equal "$(jq -c .model.merges small.json)" '["a b","a ab"]'
    printf 'aab\naab\nab\nab\nab\n' | tokenize train -q --form lines --vocab 300 --min-count 3 >small.json
    assert_equal "$(jq -c .model.merges small.json)" '["a b"]'
    assert_equal "$(printf 'aab\nb\n\naaab\n' | ids small.json)" '[64,256]
[65]
[]
[64,64,256]'
}

@test "the same bytes whatever --threads, and whatever order the texts have" {
    tokenize train -q items.jsonl --vocab 400 --special '<|end|>' --special '<pad>' --threads 1 | cmp - t.json
    tokenize train -q items.jsonl --vocab 400 --special '<|end|>' --special '<pad>' --threads 3 | cmp - t.json
    tac items.jsonl | tokenize train -q --vocab 400 --special '<|end|>' --special '<pad>' | cmp - t.json
    for _ in $(seq 30); do cat items.jsonl; done >many.jsonl
    tokenize encode -t t.json --form items many.jsonl --threads 1 >one
    tokenize encode -t t.json --form items many.jsonl --threads 3 | cmp - one
    assert_equal "$(wc -l <one)" 12000
}

@test "texts come back as they were: hard ones, by every pattern" {
    local file
    jq -c . hard.jsonl >expected
    for file in t*.json; do
        tokenize encode -t "$file" --form json hard.jsonl >ids
        assert_equal "$(wc -l <ids)" "$(wc -l <hard.jsonl)"
        tokenize decode -t "$file" --form json ids | jq -c . | cmp - expected
    done
}

@test "files, lines and items come back" {
    /usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(b"caf\xc3\xa9\r\n \0 \n\n<|end|>x")' >raw
    tokenize encode -t t.json --form whole raw raw >ids
    assert_equal "$(wc -l <ids)" 2
    tokenize decode -t t.json --form whole <ids | cmp - <(cat raw raw)
    printf 'one two\n\nthree\n' >lines
    tokenize encode -t t.json lines | tokenize decode -t t.json | cmp - lines
    gzip -k lines
    tokenize encode -t t.json lines.gz | tokenize decode -t t.json | cmp - lines
    tokenize encode -t t.json --form items --fields title,categories items.jsonl | tokenize decode -t t.json --form json >back
    assert_equal "$(head -n 1 back | jq -r .id)" i0
    assert_equal "$(head -n 1 back | jq -r .text)" "$(head -n 1 items.jsonl | jq -r '.title + "\n" + (.categories | join(", "))')"
}

@test "NFC is asked for, and then what comes back is in it" {
    tokenize train -q items.jsonl --vocab 400 --normalise nfc --special '<|end|>' -o nfc.json
    tokenize encode -t nfc.json --form json hard.jsonl | tokenize decode -t nfc.json --form json >back
    /usr/bin/python3 - <<'PY'
import json, unicodedata
for a, b in zip(open("hard.jsonl"), open("back")):
    assert json.loads(b)["text"] == unicodedata.normalize("NFC", json.loads(a)["text"]), (a, b)
PY
}

@test "bytes that are a part of a character come out as they are, or as U+FFFD in JSON" {
    echo '{"ids": [156]}' >part
    tokenize decode -t t.json --form whole part | od -An -tx1 | grep -q '^ e0$'
    assert_equal "$(tokenize decode -t t.json --form json part | jq -r .text)" "$(printf '\xef\xbf\xbd')"
    echo '{"id": {"a": [1]}, "ids": []}' | tokenize decode -t t.json --form json >none
    assert_equal "$(cat none)" '{"id": {"a": [1]}, "text": ""}'
}

@test "both forms of merges, files without type, packed files and sequences are read alike" {
    local expected file
    expected=$(ids t.json --form json hard.jsonl)
    change pairs.json <<<'m["merges"] = [x.split(" ") for x in m["merges"]]'
    change bare.json <<<'del m["type"], t["decoder"], t["post_processor"]; m["dropout"] = 0.0; m["end_of_word_suffix"] = ""'
    change shuffled.json <<<'m["vocab"] = dict(sorted(m["vocab"].items())); t["normalizer"] = {"type": "Sequence", "normalizers": []}'
    change removed.json <<<'s = t["pre_tokenizer"]["pretokenizers"][0]; s["behavior"] = "Removed"; s["invert"] = True'
    change bos.json <<<'t["post_processor"] = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<pad>", "type_id": 0}}]}'
    gzip -c t.json >packed.json
    for file in pairs bare shuffled removed bos packed; do assert_equal "$(ids $file.json --form json hard.jsonl)" "$expected"; done
}

@test "GPT-2's pattern is ByteLevel's own; a blank may be put before; several patterns follow each other" {
    local expected
    expected=$(ids t-gpt2.json --form json hard.jsonl)
    cp t-gpt2.json t.json
    change own.json <<<'t["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False}'
    assert_equal "$(ids own.json --form json hard.jsonl)" "$expected"
    change prefix.json <<<'t["pre_tokenizer"] = {"type": "ByteLevel"}'
    assert_equal "$(echo low | tokenize encode -t prefix.json | tokenize decode -t prefix.json)" " low"
    assert_equal "$(echo ' low' | tokenize encode -t prefix.json | tokenize decode -t prefix.json)" " low"
    change digits.json <<<'t["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False}]}'
    assert_equal "$(tokenize show -t digits.json 1234 | cut -f2 | paste -sd' ')" '"1" "2" "3" "4"'
    change literal.json <<<'t["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "w."}, "behavior": "Isolated", "invert": False}, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]}'
    assert_equal "$(ids literal.json <<<low)" "$(ids own.json <<<low)"
}

@test "ignore_merges takes words whole" {
    change whole.json <<<'m["ignore_merges"] = True; m["vocab"]["xyz"] = 400'
    change merged.json <<<'m["vocab"]["xyz"] = 400'
    assert_equal "$(ids whole.json <<<xyz)" '[400]'
    assert_equal "$(ids merged.json <<<xyz)" '[87,88,89]'
}

@test "added tokens: the longest, special or not, in normalised text where they say so" {
    change more.json <<'PY'
t["normalizer"] = {"type": "NFC"}
t["added_tokens"] += [{"id": 400 + i, "content": c, "special": False, "normalized": n} for i, (c, n) in enumerate([("<|end|>>", False), ("\u00e9!", True), ("e\u0301?", False)])]
PY
    printf '<|end|>><|end|>' | tokenize show -t more.json "$(cat)" | cut -f1 | paste -sd' ' >got
    assert_equal "$(cat got)" "400 398"
    assert_equal "$(printf 'e\xcc\x81!' | ids more.json)" '[401]'
    assert_equal "$(printf 'e\xcc\x81?' | ids more.json)" '[402]'
    change far.json <<<'t["added_tokens"][1]["id"] = 5000'
    assert_equal "$(ids far.json <<<'<pad>')" '[5000]'
    tokenize show -t far.json | grep -q '^tokens      400, ids below 5001$'
    echo '{"ids": [4000]}' >none
    refused 65 "none:1: 4000 is no token's id" decode -t far.json none
}

@test "show: a text's tokens, the file, all tokens, and bytes a token" {
    assert_equal "$(tokenize show -t t.json '<|end|>"' '!a')" "398	\"<|end|>\"	special
1	\"\\\"\"
0	\"!\"
64	\"a\""
    run tokenize show -t t.json
    assert_line 'tokens      400, ids below 400'
    assert_line 'merges      142'
    assert_line 'pattern     llama3'
    assert_line 'added       2, 2 of them special'
    assert_equal "$(tokenize show -t t.json --all | wc -l)" 400
    tokenize show -t t.json --all | grep -qxF '255	"\xad"'
    run tokenize show -t t.json --form items -m items.jsonl
    assert_line --regexp '^measured    400 texts, [0-9]+ bytes, [0-9]+ tokens: [2-9]\.[0-9]{3} bytes a token; '
}

@test "malformed files are refused by name" {
    local code message
    while IFS='~' read -r code message; do
        echo "$code" | change bad.json
        refused 65 "bad.json: $message" encode -t bad.json items.jsonl
    done <<'CASES'
del t["model"]~no model
t["model"] = []~no model
m["type"] = "Unigram"~model.type: "Unigram" is not supported, expected BPE
del m["vocab"]~model.vocab: expected an object
m["vocab"] = []~model.vocab: expected an object
del m["merges"]~model.merges: expected an array
m["merges"] = {}~model.merges: expected an array
m["merges"][3] = "a"~model.merges[3]: "a", expected two tokens
m["merges"][3] = "a b c"~model.merges[3]: "a b c", expected two tokens
m["merges"][3] = " a"~model.merges[3]: " a", expected two tokens
m["merges"][3] = ["a"]~model.merges[3]: expected two tokens
m["merges"][3] = ["a", "b", "c"]~model.merges[3]: more than two tokens
m["merges"][3] = ["a", ""]~model.merges[3]: a token of 0 bytes
m["merges"][3] = 7~model.merges[3]: expected a string
m["merges"][3] = "q z"~model.merges[3]: "qz" is not in the vocabulary
m["merges"][3] = "日 z"~model.merges[3]: "日" is not in the vocabulary
m["vocab"]["a"] = m["vocab"]["b"]~model.vocab: id 65 is there twice
m["vocab"]["a"] = -1~model.vocab: id of "a", expected a number from 0 to 4194303
m["vocab"]["a"] = 4194304~model.vocab: id of "a", expected
m["vocab"]["a"] = 1.5~model.vocab: id of "a", expected
m["vocab"]["a"] = "1"~model.vocab: id of "a", expected
m["vocab"][""] = 400~model.vocab: a token of 0 bytes
m["vocab"]["x" * 600000] = 400~model.vocab: a token of more than 65536 bytes
m["vocab"]["x" * 140000] = 400~model.vocab: a token of 140000 bytes
m["vocab"].pop("!"), m["merges"].clear()~model.vocab: no token for byte 0x21, "!"
m["dropout"] = 0.1~model.dropout: 0.1 is not supported
m["continuing_subword_prefix"] = "##"~model.continuing_subword_prefix: "##" is not supported
m["end_of_word_suffix"] = "</w>"~model.end_of_word_suffix: "</w>" is not supported
m["ignore_merges"] = 1~model.ignore_merges: expected true or false
t["truncation"] = {"max_length": 5}~truncation: {"max_length": 5} is not supported
t["padding"] = {}~padding: {} is not supported
t["normalizer"] = {"type": "Lowercase"}~normalizer: Lowercase is not supported
t["normalizer"] = "NFC"~normalizer: expected an object
t["normalizer"] = {"type": "Sequence"}~normalizer.normalizers: expected an array
t["pre_tokenizer"] = None~pre_tokenizer: no ByteLevel
t["pre_tokenizer"] = {"type": "Whitespace"}~pre_tokenizer: Whitespace is not supported
t["pre_tokenizer"] = {"type": "Metaspace"}~pre_tokenizer: Metaspace is not supported
t["pre_tokenizer"] = {"type": "Digits"}~pre_tokenizer: no ByteLevel
t["pre_tokenizer"]["pretokenizers"].reverse()~pre_tokenizer: Split behind ByteLevel is not supported
t["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True~pre_tokenizer: ByteLevel with add_prefix_space behind another
t["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "MergedWithNext"~pre_tokenizer: Split with behavior MergedWithNext is not supported
t["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed"~pre_tokenizer: Split with behavior Removed is not supported
t["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {}~pre_tokenizer.pattern: expected a string
t["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": "(a"}~pre_tokenizer: pattern: no regular expression: missing closing parenthesis
t["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": "a*"}~pre_tokenizer: pattern: may match nothing
t["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": r"\p{Han}+"}~pre_tokenizer: pattern: '\p{Han}+' is not supported
t["pre_tokenizer"]["pretokenizers"] *= 9~pre_tokenizer: Split behind ByteLevel
t["pre_tokenizer"]["pretokenizers"] = t["pre_tokenizer"]["pretokenizers"][:1] * 9~pre_tokenizer: more than 8 patterns
t["decoder"] = {"type": "WordPiece"}~decoder: WordPiece is not supported
t["added_tokens"] = {}~added_tokens: expected an array
t["added_tokens"] = [7]~added_tokens: expected objects
t["added_tokens"][0]["content"] = ""~added_tokens: content: a token of 0 bytes
t["added_tokens"][0]["id"] = 64~added_tokens: id 64 is there twice
t["added_tokens"][0]["content"] = "a"~added_tokens: "a" has id 398, and 64 in the vocabulary
t["added_tokens"][1]["content"] = "<|end|>"~added_tokens: "<|end|>" is there twice
t["added_tokens"][0]["lstrip"] = True~added_tokens: lstrip of "<|end|>" is not supported
t["added_tokens"][0]["single_word"] = True~added_tokens: single_word of "<|end|>" is not supported
t["added_tokens"][0].update(content="é", id=m["vocab"]["é"])~added_tokens: "é" spells other bytes
t = []~not an object
CASES
    : >bad.json
    refused 65 'bad.json: is empty' encode -t bad.json items.jsonl
    head -c 3000 t.json >bad.json
    refused 65 'bad.json:' encode -t bad.json items.jsonl
    printf '{"model": "\xff"}' >bad.json
    refused 65 'not valid UTF-8' encode -t bad.json items.jsonl
    sed 's/"vocab": {/&"a": 64,/' t.json >bad.json
    refused 65 'bad.json: model.vocab: "a" is there twice' encode -t bad.json items.jsonl
    refused 66 'absent.json' encode -t absent.json items.jsonl
}

@test "a pattern that leaves text out, or does not come to an end, stops with one line" {
    change part.json <<<'s = t["pre_tokenizer"]["pretokenizers"][0]; s.update(behavior="Removed", invert=True, pattern={"Regex": "[a-z ]+"})'
    assert_equal "$(echo 'low est' | tokenize encode -t part.json | tokenize decode -t part.json)" "low est"
    refused 65 "part.json: pre_tokenizer: the pattern does not match '12', which the file would drop" encode -t part.json <(echo 'low12')
    change slow.json <<<'t["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": "(?:a|aa|a.)+[bc]"}'
    head -c 400 /dev/zero | tr '\0' a >as
    refused 65 'slow.json: pre_tokenizer: the pattern gives up on a text' encode -t slow.json --form whole as
}

@test "malformed texts and ids are named by line" {
    printf 'good\nb\xffd\n' >bad
    refused 65 'bad:2: not valid UTF-8' encode -t t.json bad
    refused 65 'bad: not valid UTF-8' encode -t t.json --form whole bad
    refused 65 'bad:2: not valid UTF-8' train --form lines bad
    refused 65 'bad:1: not JSON' encode -t t.json --form json bad
    echo '{"text": 7}' >bad
    refused 65 'bad:1: no string "text"' encode -t t.json --form json bad
    printf '{"id": "a", "title": "x\\u0000y"}\n' >bad
    refused 65 'bad:1: not JSON at column 30: \u0000 is not accepted' encode -t t.json --form items bad
    for wrong in '[1]' '{}' '{"ids": 1}' '{"ids": [-1]}' '{"ids": [1.5]}' '{"ids": ["1"]}' '{"ids": [400]}' '{"ids": [99999999999999999999]}' '{"ids": [1'; do
        printf '{"ids": [1]}\n%s\n' "$wrong" >bad
        refused 65 'bad:2: ' decode -t t.json bad
    done
    : >empty
    refused 65 'no text to train on' train empty
    assert_equal "$(tokenize encode -t t.json empty)" ''
    assert_equal "$(tokenize encode -t t.json --form whole empty)" '{"ids": []}'
    assert_equal "$(tokenize decode -t t.json empty)" ''
}

@test "wrong usage" {
    refused 64 'expected 256 for the bytes, and 1 for --special' train items.jsonl --vocab 256 --special x
    refused 64 '--vocab 255: out of range' train items.jsonl --vocab 255
    refused 64 '--special x: is given twice' train items.jsonl --special x --special x
    refused 64 '--special: expected 1 to' train items.jsonl --special ''
    refused 64 '--pattern: no regular expression' train items.jsonl --pattern '(x'
    refused 64 '--fields goes with --form items' train items.jsonl --form lines --fields title
    refused 64 '--fields: title has a weight' train items.jsonl --fields title:2
    refused 64 "--fields: unknown field 'x'" train items.jsonl --fields x
    refused 64 'no --tokenizer' encode items.jsonl
    refused 64 "unexpected 'y'" decode -t t.json x y
    refused 64 'expected one of' decode -t t.json --form items
    fails_with 64 'expected a command' "$BIN/tokenize"
    fails_with 64 "unknown command 'x'" "$BIN/tokenize" x
    refused 66 'absent' encode -t t.json absent
    fails_with 73 'nowhere' "$BIN/tokenize" train items.jsonl -o nowhere/t.json
    fails_with 74 '/dev/full' "$BIN/tokenize" encode -t t.json items.jsonl -o /dev/full
}

@test "help fits a screen, and the manual page has every option with its default" {
    local command
    for command in '' train encode decode show; do
        run tokenize ${command:+"$command"} --help
        assert_success
        [ "${#lines[@]}" -le 24 ]
        for line in "${lines[@]}"; do [ "${#line}" -le 110 ] || fail "too wide: $line"; done
        tokenize ${command:+"$command"} --help >help
        run /usr/bin/python3 - "$BATS_TEST_DIRNAME/../man/tokenize.1" "$command" <<'PY'
import re, sys
page = open(sys.argv[1]).read().split(".Ss tokenize " + sys.argv[2])[-1].split(".Ss ")[0] if sys.argv[2] else ""
items = {m[1]: m[2] for m in re.finditer(r"^\.It Fl (?:. , )?-(\S+)[^\n]*\n(.*?)(?=^\.It |^\.El)", page, re.M | re.S)}
for name, default in re.findall(r"^ +(?:-., )?--(\S+)[^\n]*?(?:\n {20,}[^\n]*?)?(?:\[(\S+)\])?$", open("help").read(), re.M):
    assert name in items or name in ("help", "version", "quiet", "output", "threads", "tokenizer"), f"--{name} is missing"
    assert not default or name == "threads" or re.search(rf"The default is {re.escape(default)}[.:]\s", items[name]), f"--{name}: the default is {default}"
PY
        assert_success
    done
}

@test "--version names the tool" {
    run tokenize --version
    assert_output --partial 'tokenize (sidmill)'
}

@test "real catalogues: every title and description comes back" {
    [ -d "$DATA" ] || skip "no $DATA"
    local set
    for set in beauty ml100k; do
        tokenize train -q "$DATA/$set/items.jsonl" --vocab 2000 -o "$set.json"
        tokenize encode -t "$set.json" "$DATA/$set/items.jsonl" | tokenize decode -t "$set.json" | cmp - "$DATA/$set/items.jsonl"
    done
}
