#!/usr/bin/env bats
# Tasks with texts beside recommendation: they are learnt, their bytes depend on nothing but inputs, options and seed, every one of them can
# be asked and is judged, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

TEXTS=(--items items.jsonl --tokenizer tokenizer.json)
ROOM=(--shards 2 --batch-tokens 256)
ALL=(--tasks 1-8 "${TEXTS[@]}" "${ROOM[@]}")
LEARN=(--epochs 60 --lr 0.005 --dropout 0 --valid-users 0) # the last weights: the best at task 1 may be early ones, which know few texts

# The toy's items, each with texts of its own words; item i7 has but a title, i8 none.
make_items() {
    /usr/bin/python3 - <<'PY'
import json
colours = ["red", "green", "blue", "grey", "pink", "black"]
things = ["cup", "lamp", "chair", "coat", "book", "drum", "fork", "glove", "hat", "iron"]
with open("items.jsonl", "w") as f:
    for i in range(60):
        item = {"id": f"i{i}", "title": f"{colours[i % 6]} {things[i // 6]}"}
        if i == 8:
            del item["title"]
        if i not in (7, 8):
            item |= {"description": f"a {things[i // 6]}, as good as any", "caption": f"painted {colours[i % 6]}, shaped as a {things[i // 6]}"}
            item["intents"] = [{"text": f"those who love {colours[i % 6]}"}]
        f.write(json.dumps(item) + "\n")
PY
    "$BIN/tokenize" train -q --fields title,description,caption,intents --vocab 400 items.jsonl -o tokenizer.json
}

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    make_items
    train "${ALL[@]}" "${LEARN[@]}" --log log.jsonl -o model.st
    "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 8 --layers 1 --ffn 8 --epochs 1 -o plain.st
}

setup() {
    suite_setup
    cp "$BATS_FILE_TMPDIR"/{items.jsonl,tokenizer.json,log.jsonl} .
}

# A model's HR@10 at task 1.
hits() { "$BIN/evaluate" -q -m "$1" -s sids.st -i interactions.st | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["metrics"]["hr@10"])'; }

say() { "$BIN/recommend" -m model.st -s sids.st "$@"; }

@test "all tasks are learnt, told apart in the log, and the model knows its texts" {
    at_least "$(hits model.st)" 0.95
    assert_equal "$(wc -l <log.jsonl)" 60
    run /usr/bin/python3 - <<'PY'
import json
from tensors import load
first, *_, last = [json.loads(l)["tasks"] for l in open("log.jsonl")]
assert list(last) == [str(t) for t in range(1, 9)]
for t in last: assert last[t]["loss"] < first[t]["loss"] and last[t]["accuracy"] > first[t]["accuracy"] and last[t]["tokens"] == first[t]["tokens"] > 0, t
for t in "45678": assert last[t]["accuracy"] > 0.8, (t, last[t])
t, meta = load("model.st")
vocab, config, training = (json.loads(meta[k]) for k in ("vocab", "config", "training"))
tokens = len(json.load(open("tokenizer.json"))["model"]["vocab"])
assert bytes(t["tokenizer"]) == open("tokenizer.json", "rb").read() and vocab["text"] == tokens and vocab["text_tokens"] == 64
assert vocab["first_text"] == vocab["end"] + 1 == vocab["first_marker"] + 10 and vocab["size"] == vocab["first_text"] + tokens == config["vocab_size"]
assert t["model.embed_tokens.weight"].shape == (vocab["size"], 32) and training["tasks"] == "1-8"
PY
    assert_success
}

@test "the same bytes for any number of threads, and after kills" {
    command=("${ALL[@]}" --epochs 4 --node-vectors --label-smoothing 0.1 --hold-items 0.2)
    for t in 1 2 3; do train "${command[@]}" --threads $t --log log$t -o model$t.st; done
    cmp model1.st model2.st
    cmp model1.st model3.st
    cmp <(untimed log1) <(untimed log3)
    killed_often 3 "$BIN/sidgen-train" -q "${SMALL[@]}" "${command[@]}" --save-seconds 0 --threads 1 --log b.jsonl -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp model1.st b.st
    cmp <(untimed log1) <(untimed b.jsonl)
    for t in 1 2; do "$BIN/evaluate" -q --tasks all --items items.jsonl -m model.st -s sids.st -i interactions.st --threads $t -o m$t.json; done
    cmp m1.json m2.json
}

@test "a task alone, and weights" {
    train --tasks 4,5:2 "${TEXTS[@]}" "${ROOM[@]}" --epochs 2 --log a -o a.st
    train --tasks 4,5 "${TEXTS[@]}" "${ROOM[@]}" --epochs 2 --log b -o b.st
    [ "$(weights a.st)" != "$(weights b.st)" ]
    run grep -c '"tasks":{"4":{[^}]*},"5":{[^}]*}},"hr@10":null' a
    assert_output 2
    train --tasks 1:1 --epochs 1 -o a.st
    train --epochs 1 -o b.st
    assert_equal "$(weights a.st)" "$(weights b.st)"
}

@test "every task is asked with what it reads" {
    run --separate-stderr say --task 4 -k 1 < <(printf 'blue lamp\n\nred cup\r\n')
    assert_success
    [[ ${lines[0]} == i8:* || ${lines[0]} == i* ]]
    assert_equal "$(say --task 4 -k 9 --beam 9 --filter caption='painted red, shaped as a drum' --filter caption='painted grey, shaped as a lamp' \
        --items items.jsonl <<<'green lamp' | tr '\t' '\n' | cut -d: -f1 | sort | paste -sd ' ')" 'i30 i9'
    assert_equal "$(say --task 4 -k 1 < <(printf 'green lamp\n\nred cup\r\n') | cut -d: -f1 | tr '\n' ' ')" 'i7  i0 '
    assert_equal "$(printf 'green lamp\n' | say --task 4 -k 3 -t items.jsonl | head -1 | cut -f2,3)" $'i7\tgreen lamp'
    assert_equal "$(printf 'painted grey, shaped as a cup' | say --task 7 -k 1 | cut -d: -f1)" i3
    assert_equal "$(printf 'i0 i4\ni3\n\n' | say --task 5 -b 2 | cut -f2 | tr '\n' ' ')" 'pink cup grey cup  '
    assert_equal "$(printf 'painted grey, shaped as a cup\n' | say --task 8 -b 1 | cut -f2)" 'grey cup'
    run --separate-stderr say --task 2 -k 3 <<<$'red cup\tgreen cup\tblue cup'
    assert_success
    [ "$(tr '\t' '\n' <<<"$output" | wc -l)" -eq 3 ]
    assert_equal "$(printf 'i0 i1 i2\n' | say --task 3 -b 4 | wc -l)" 1
    assert_equal "$(printf 'i0 i1 i2\n' | say --task 1)" "$(printf 'i0 i1 i2\n' | say)"
    run --separate-stderr say --task 3 -b 1 <<<'i0 nothing i1'
    assert_success
    [[ $stderr == *"unknown item 'nothing' skipped"* ]]
}

# Each metric again from what recommend answers.
@test "evaluate counts what recommend answers" {
    "$BIN/evaluate" -q --tasks 4-8 --items items.jsonl -m model.st -s sids.st -i interactions.st -o m.json
    /usr/bin/python3 -c 'import json
for l in open("items.jsonl"):
    i = json.loads(l)
    if "title" in i: print(i["title"])' | say --task 4 -k 10 >four
    seq 0 59 | sed 's/^/i/' | say --task 5 -b 4 >five
    run /usr/bin/python3 - <<'PY'
import json
from collections import Counter
m = json.load(open("m.json"))["tasks"]
items = [json.loads(l) for l in open("items.jsonl")]
titled = [i for i in items if "title" in i]
assert list(m) == list("45678") and all("held" not in x for x in m.values())
assert [m[t]["trained"]["n"] for t in "45678"] == [59, 59, 58, 58, 58]
lists = [[x.split(":")[0] for x in l.split("\t")] for l in open("four").read().splitlines()]
assert abs(m["4"]["trained"]["hr@1"] - sum(l[0] == i["id"] for l, i in zip(lists, titled)) / 59) < 1e-12
assert abs(m["4"]["trained"]["hr@10"] - sum(i["id"] in l for l, i in zip(lists, titled)) / 59) < 1e-12 and m["4"]["trained"]["hr@1"] > 0.9
told = [l.split("\t")[1] for l in open("five").read().splitlines()]
pairs = [(t, i["title"]) for t, i in zip(told, items) if "title" in i]
def f1(a, b):
    a, b = a.split(), b.split()
    return 2 * sum((Counter(a) & Counter(b)).values()) / (len(a) + len(b))
real = {i["title"] for i in titled}
x = m["5"]["trained"]
assert abs(x["exact"] - sum(a == b for a, b in pairs) / 59) < 1e-12 and x["exact"] > 0.9
assert abs(x["f1"] - sum(f1(a, b) for a, b in pairs) / 59) < 1e-12 and abs(x["of_an_item"] - sum(a in real for a, _ in pairs) / 59) < 1e-12
PY
    assert_success
}

@test "items held out learn recommendation alone, and are told apart" {
    train "${ALL[@]}" "${LEARN[@]}" --hold-items 0.3 --log held.jsonl -o held.st
    "$BIN/evaluate" -q --tasks all --items items.jsonl -m held.st -s sids.st -i interactions.st -o m.json
    run /usr/bin/python3 - <<'PY'
import json
m = json.load(open("m.json"))["tasks"]
assert list(m) == list("2345678")
trained, held = m["4"]["trained"], m["4"]["held"]
assert trained["n"] + held["n"] == 59 and 8 <= held["n"] <= 28 and trained["hr@1"] > held["hr@1"] + 0.2, m["4"]
assert m["5"]["trained"]["exact"] > m["5"]["held"]["exact"]
assert m["2"]["trained"]["n"] + m["2"]["held"]["n"] == 148
PY
    assert_success
    at_least "$(hits held.st)" 0.9
}

@test "policy training keeps the texts" {
    "$BIN/qarm-rl" -q -m model.st -s sids.st -i interactions.st --reward exact --epochs 1 --group 4 --prompts-per-step 64 --lr 1e-5 --valid-users 20 -o rl.st
    assert_equal "$(printf 'green lamp\n' | "$BIN/recommend" -m rl.st -s sids.st --task 4 -k 1 | cut -d: -f1)" i7
}

@test "explain asks the model for titles" {
    run --separate-stderr "$BIN/explain" -s sids.st -i items.jsonl -m model.st --say i7
    assert_success
    assert_line --regexp '^the model says green lamp \(log p -[0-9.]+\)$'
    code=$(/usr/bin/python3 -c 'from tensors import load; print(load("sids.st")[0]["codes"][7][0])')
    run --separate-stderr "$BIN/explain" -s sids.st -i items.jsonl -m model.st --say --json i7 "$code"
    assert_success
    assert_equal "${#lines[@]}" 2
    [[ ${lines[0]} == *'"said":{"title":"green lamp","log_p":-'*'}}' && ${lines[1]} == *'"said":{"title":"'* ]]
}

# Of bytes alone, the 32 tokens of a title end within its last character.
@test "a character that a title has not room for" {
    /usr/bin/python3 -c 'import json
for i in range(60): print(json.dumps({"id": f"i{i}", "title": "x" + "\u00e9" * 20}))' >accents.jsonl
    "$BIN/tokenize" train -q --vocab 256 --form items --fields title accents.jsonl -o bytes.json
    train --tasks 5 --items accents.jsonl --tokenizer bytes.json "${ROOM[@]}" --epochs 40 -o bytes.st
    "$BIN/explain" -s sids.st -i accents.jsonl -m bytes.st --say --json i7 >said.json
    "$BIN/recommend" -m bytes.st -s sids.st --task 5 -b 2 <<<i7 >said.tsv
    "$BIN/evaluate" -q --tasks 5 --items accents.jsonl -m bytes.st -s sids.st -i interactions.st -o m.json
    run /usr/bin/python3 - <<'PY'
import json
title = "x" + "\u00e9" * 15 + " "
assert json.load(open("said.json", encoding="utf-8"))["said"]["title"] == title
assert open("said.tsv", encoding="utf-8").read().split("\t")[1] == title + "\n"
assert json.load(open("m.json"))["tasks"]["5"]["trained"] == {"n": 60, "exact": 1, "f1": 1, "of_an_item": 1}
PY
    assert_success
    fails_with 64 'needs a --beam of 10 at least' "$BIN/evaluate" -q --beam 9 --tasks 5 --items accents.jsonl -m bytes.st -s sids.st -i interactions.st
}

@test "inputs that come through pipes are digested as files are" {
    train --tasks 4 "${TEXTS[@]}" "${ROOM[@]}" --epochs 1 -o files.st
    train --tasks 4 --items <(cat items.jsonl) --tokenizer <(cat tokenizer.json) "${ROOM[@]}" --epochs 1 -o pipes.st
    cmp files.st pipes.st
    "$BIN/evaluate" -q --tasks 4 --items - -m files.st -s sids.st -i interactions.st -o m.json <items.jsonl
    assert_equal "$(/usr/bin/python3 -c 'import json; print(json.load(open("m.json"))["settings"]["inputs"]["items"])')" "$(meta files.st input.items)"
}

# The same size does not make it the same tokenizer: two of its tokens swap places.
@test "training goes on from a model of the same tokenizer alone" {
    train "${ALL[@]}" --epochs 1 --start model.st -o on.st
    sed 's/"!": 0,/"!": 1,/; s/"\\"": 1,/"\\"": 0,/; s/"!":0,/"!":1,/; s/"\\"":1,/"\\"":0,/' tokenizer.json >other.json
    run ! cmp -s tokenizer.json other.json
    assert_equal "$(wc -c <other.json)" "$(wc -c <tokenizer.json)"
    fails_with 65 'that model has learnt texts: give tasks with texts and the same --tokenizer' \
        train --tasks 1-8 --items items.jsonl --tokenizer other.json "${ROOM[@]}" --start model.st -o no.st
    assert_one_line
    fails_with 65 'that model has learnt texts' train --start model.st -o no.st
    fails_with 65 'that model has learnt no texts' train "${ALL[@]}" --start plain.st -o no.st
    assert_none_written no.st
}

@test "lists of tasks that are none" {
    for list in '' 0 9 1,1 2-1 1-9 4: 4:0 4:x '1,,' 1.5 4:1001 a; do
        fails_with 64 '--tasks' train --tasks "$list" "${TEXTS[@]}" -o no.st
        assert_one_line
    done
    fails_with 64 '--items and --tokenizer are missing' train --tasks 1,4 -o no.st
    fails_with 64 'need --tasks with a task from 2' train "${TEXTS[@]}" -o no.st
    fails_with 64 'needs --body flat' train "${ALL[@]}" --body timeline -o no.st
    fails_with 64 'needs --body flat' train "${ALL[@]}" --think -o no.st
    fails_with 64 'needs task 1 among --tasks' train "${ROOM[@]}" --tasks 4 "${TEXTS[@]}" --valid-users 10 -o no.st
    assert_none_written no.st
}

@test "evidence that no item has, items of others, files that are none" {
    sed 's/"caption": "[^"]*", //' items.jsonl >bare.jsonl
    fails_with 65 'task 7 (caption to item): no item has what it takes' train "${ROOM[@]}" --tasks 7 --items bare.jsonl --tokenizer tokenizer.json -o no.st
    assert_one_line
    sed 's/"id": "i/"id": "x/' items.jsonl >others.jsonl
    fails_with 65 'others.jsonl: none of its items is in the Semantic IDs' train "${ROOM[@]}" --tasks 4 --items others.jsonl --tokenizer tokenizer.json -o no.st
    fails_with 66 'none.jsonl' train "${ROOM[@]}" --tasks 4 --items none.jsonl --tokenizer tokenizer.json -o no.st
    head -c 500 tokenizer.json >cut.json
    fails_with 65 'cut.json' train "${ROOM[@]}" --tasks 4 --items items.jsonl --tokenizer cut.json -o no.st
    : >empty.jsonl
    fails_with 65 'empty.jsonl' train "${ROOM[@]}" --tasks 4 --items empty.jsonl --tokenizer tokenizer.json -o no.st
    fails_with 64 'raise --batch-tokens' train "${ALL[@]}" --text-tokens 512 -o no.st
    assert_none_written no.st
}

@test "models that have not learnt what is asked, and broken ones" {
    for tool in "recommend --task 4" "explain -i items.jsonl --say i7"; do
        # shellcheck disable=SC2086 # words
        fails_with 65 'plain.st: has learnt no task with texts' "$BIN/"$tool -m plain.st -s sids.st </dev/null
        assert_one_line
    done
    fails_with 65 'plain.st: has learnt no task with texts' "$BIN/evaluate" -q --tasks all --items items.jsonl -m plain.st -s sids.st -i interactions.st
    train --tasks 1,4 "${TEXTS[@]}" "${ROOM[@]}" --epochs 1 -o four.st
    fails_with 65 'four.st: has not learnt task 5, item to title' "$BIN/evaluate" -q --tasks 4,5 --items items.jsonl -m four.st -s sids.st -i interactions.st
    fails_with 65 'four.st: has not learnt task 5, item to title' "$BIN/recommend" -m four.st -s sids.st --task 5 </dev/null
    fails_with 65 'four.st: has not learnt task 5, item to title' "$BIN/explain" -m four.st -s sids.st -i items.jsonl --say i7
    train --tasks 4 "${TEXTS[@]}" "${ROOM[@]}" --epochs 1 -o alone.st
    fails_with 65 'alone.st: has not learnt task 1, history to next item' "$BIN/recommend" -m alone.st -s sids.st </dev/null
    fails_with 64 '--task 4 needs --model' say --task 4 --exclude-seen </dev/null
    fails_with 64 'it goes without -k, --filter and --titles' say --task 5 -k 3 </dev/null
    fails_with 64 'it goes without -k, --filter and --titles' say --task 8 -t items.jsonl </dev/null
    fails_with 64 'it goes without -k, --filter and --titles' say --task 5 --filter id=i7 --items items.jsonl </dev/null
    fails_with 64 '--title-beam goes with --tasks' "$BIN/evaluate" -q --title-beam 2 -m model.st -s sids.st -i interactions.st
    fails_with 64 '--cuts goes with lists, not with --tasks' "$BIN/evaluate" -q --tasks all --items items.jsonl --cuts 1,5 -m model.st -s sids.st -i interactions.st
    fails_with 65 'standard input:2: not valid UTF-8' say --task 4 < <(printf 'red\n\xff\n')
    while read -r expression message; do
        changed "$expression"
        fails_with 65 "$message" "$BIN/recommend" -m broken.st -s sids.st --task 4 </dev/null
        assert_one_line
    done <<'E'
del(t["tokenizer"]) tokenizer
t["tokenizer"]=t["tokenizer"][:200] broken.st
set_json("vocab",text=7) trained on SIDs
set_json("vocab",text_tokens=0) "text_tokens" must be
set_json("vocab",text_tokens=5000) do not fit
set_json("training",tasks="1-9") broken.st: its tasks are no list
set_json("training",tasks=None) broken.st: has not learnt task 4
E
}
