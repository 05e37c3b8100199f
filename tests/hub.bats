#!/usr/bin/env bats
# Generators as folders of language models: what is in them, that our own reader of such folders takes them, and what cannot go.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    train --epochs 2 -o model.st
}

setup() { suite_setup; }

take() { "$BIN/hub" export -m "${1:-model.st}" -s sids.st -o folder "${@:2}"; }
ids() { "$BIN/tokenize" encode -t folder/tokenizer.json <<<"$1"; }

@test "a folder has what readers of Hugging Face's want: config, weights, tokenizer, how to generate" {
    take
    run ls folder
    assert_output $'config.json\ngeneration_config.json\nmodel.safetensors\ntokenizer.json\ntokenizer_config.json'
    /usr/bin/python3 - <<'PY'
import json
import numpy as np
from tensors import load
config, how, words = (json.load(open(f"folder/{f}.json")) for f in ("config", "generation_config", "tokenizer_config"))
t, meta = load("folder/model.safetensors")
ours, _ = load("model.st")
assert meta["format"] == "pt" and config["architectures"] == ["LlamaForCausalLM"] and config["torch_dtype"] == "float32"
rows = t["model.embed_tokens.weight"]
assert rows.shape == (config["vocab_size"], config["hidden_size"])
assert not rows[:256].any() and np.array_equal(rows[256:], ours["model.embed_tokens.weight"])
assert set(t) == {k for k in ours if k.startswith("model.")}
assert all(np.array_equal(t[k], ours[k]) for k in t if k != "model.embed_tokens.weight")
assert how["max_new_tokens"] == 3 and how["bos_token_id"] == config["bos_token_id"] == 256 and words["bos_token"] == "<|history|>"
PY
}

@test "the tokenizer spells Semantic IDs, the suffix as one more level, and any other text by its bytes" {
    take
    run ids '<|history|><a_0><b_7><c_0>'
    assert_output '{"ids": [256,257,272,273]}'
    run ids 'a<a_99>'
    assert_output '{"ids": [64,27,64,62,24,24,29]}'
    run "$BIN/tokenize" decode -t folder/tokenizer.json <<<'{"ids": [257, 272]}'
    assert_output '<a_0><b_7>'
}

@test "the folder opens as a pretrained backbone" {
    take
    echo '{"id": "x", "title": "<|history|><a_1><b_2>"}' | "$BIN/embed" -q --text llm:folder --cache none --text-tokens 20 --fields title -o x.st
    run "$BIN/tensor" ls -b x.st
    assert_output --partial 'text'
}

@test "BF16 halves the weights, and a folder that is there is written anew" {
    take
    local whole
    whole=$(stat -c %s folder/model.safetensors)
    take model.st --dtype bf16
    [ "$(stat -c %s folder/model.safetensors)" -lt $((whole * 55 / 100)) ]
    grep -q bfloat16 folder/config.json
    take
    [ "$(stat -c %s folder/model.safetensors)" -eq "$whole" ]
}

@test "the tokens of a model with texts stand behind its tokenizer's, as do their vectors" {
    for i in $(seq 0 59); do echo "{\"id\": \"i$i\", \"title\": \"lamp $i\"}"; done >items.jsonl
    "$BIN/tokenize" train -q --vocab 270 items.jsonl -o tokenizer.json
    train --epochs 1 --tasks 1,4 --items items.jsonl --tokenizer tokenizer.json --shards 2 --batch-tokens 256 -o texts.st
    take texts.st
    local size
    size=$("$BIN/tokenize" encode -t folder/tokenizer.json <<<'<|history|>' | tr -dc 0-9)
    run "$BIN/tokenize" encode -t folder/tokenizer.json <<<'<|task_4|>lamp 3<|answer|><a_0><|end|>'
    local plain
    plain=$("$BIN/tokenize" encode -t tokenizer.json <<<'lamp 3' | tr -dc 0-9,)
    assert_output --partial ",$plain,"
    SIZE=$size /usr/bin/python3 - <<'PY'
import json, os
import numpy as np
from tensors import load
n = int(os.environ["SIZE"])
mine, meta = load("texts.st")
rows, first = mine["model.embed_tokens.weight"], json.loads(meta["vocab"])["first_text"]
theirs = load("folder/model.safetensors")[0]["model.embed_tokens.weight"]
assert np.array_equal(theirs, np.vstack([rows[first:], rows[:first]])) and len(rows) - first == n
assert json.load(open("folder/config.json"))["eos_token_id"] == len(theirs) - 1
PY
}

@test "what is no Llama stays: a timeline, thoughts, vectors of nodes" {
    local kind
    for kind in "--body timeline" --think --node-vectors; do
        # shellcheck disable=SC2086 # words
        train --epochs 1 $kind -o other.st
        fails_with 65 'which is no Llama' take other.st
        assert_one_line
        assert_none_written folder
    done
}

@test "a token of the texts' own tokenizer that is spelled as a code is refused" {
    for i in $(seq 0 59); do echo "{\"id\": \"i$i\", \"title\": \"lamp $i\"}"; done >items.jsonl
    "$BIN/tokenize" train -q --vocab 270 --special '<a_3>' items.jsonl -o tokenizer.json
    train --epochs 1 --tasks 1,4 --items items.jsonl --tokenizer tokenizer.json --shards 2 --batch-tokens 256 -o texts.st
    fails_with 65 'has a token "<a_3>" already' take texts.st
    assert_one_line
}

@test "bad command lines and inputs: one line, the right exit code" {
    fails_with 64 'expected a command' "$BIN/hub"
    fails_with 64 "unknown command 'sell'" "$BIN/hub" sell
    fails_with 64 'no --model' "$BIN/hub" export -s sids.st -o folder
    fails_with 64 'no --sids' "$BIN/hub" export -m model.st -o folder
    fails_with 64 'no --output' "$BIN/hub" export -m model.st -s sids.st
    fails_with 64 'dtype' "$BIN/hub" export -m model.st -s sids.st -o folder --dtype f8
    fails_with 66 'missing.st' take missing.st
    fails_with 65 '' take sids.st
    head -c 1000 model.st >cut.st
    fails_with 65 'cut.st' take cut.st
    : >empty.st
    fails_with 65 'empty.st' take empty.st
    assert_none_written folder
    : >file
    fails_with 73 'file' "$BIN/hub" export -m model.st -s sids.st -o file
}
