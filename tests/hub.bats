#!/usr/bin/env bats
# Generators as folders of language models, and back: what is in them, that our own reader of such folders takes them, and what cannot go.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    train --epochs 2 -o model.st
    for i in $(seq 0 59); do echo "{\"id\": \"i$i\", \"title\": \"lamp $i\"}"; done >items.jsonl
    "$BIN/tokenize" train -q --vocab 320 -o plain.json items.jsonl
    on_base base qwen2 tied=yes -- on.st
    on_base half llama dtype=BF16 prefix= shards=2 -- half.st
}

# on_base DIR FAMILY [name=value ...] -- MODEL: a generator on a decoder of random weights.
on_base() {
    local folder=$1 family=$2 flags=()
    shift 2
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    "$HELPERS/llm_folder.py" "$folder" family="$family" "${flags[@]}"
    cp plain.json "$folder/tokenizer.json"
    "$BIN/sidgen-train" -q -s sids.st -i interactions.st --max-items 6 --batch-tokens 512 --shards 2 --lr 0.01 --warmup 10 --patience 0 --valid-users 0 \
        --epochs 2 --lora-rank 4 --lora-alpha 6 --base "$folder" -o "$2"
}

setup() {
    suite_setup
    cp -r "$BATS_FILE_TMPDIR"/{items.jsonl,base,half} .
}

back() { "$BIN/hub" import -s sids.st --max-items 6 --softmax trie "$@"; }
measured() { "$BIN/evaluate" -q -m "$1" -s sids.st -i interactions.st | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["metrics"])'; }

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
    "$BIN/tokenize" train -q --vocab 270 --special '<a_3>' items.jsonl -o tokenizer.json
    train --epochs 1 --tasks 1,4 --items items.jsonl --tokenizer tokenizer.json --shards 2 --batch-tokens 256 -o texts.st
    fails_with 65 'has a token "<a_3>" already' take texts.st
    assert_one_line
}

@test "a generator on a base: what the base's folder says stays, pairs become part of the matrices, and new rows stand behind the tokenizer's" {
    take on.st
    run ls folder
    assert_output --partial templates.txt
    grep -q 'next: What a customer bought' folder/templates.txt
    /usr/bin/python3 - <<'PY'
import json
import numpy as np
from tensors import load
theirs, config = json.load(open("base/config.json")), json.load(open("folder/config.json"))
assert {k: v for k, v in theirs.items() if k not in ("vocab_size", "torch_dtype")}.items() <= config.items()
base, mine, whole = (load(f)[0] for f in ("base/model.safetensors", "on.st", "folder/model.safetensors"))
a, b = (mine[f"model.layers.1.mlp.up_proj.lora_{x}.weight"] for x in "AB")
name = "model.layers.1.mlp.up_proj.weight"
assert np.allclose(whole[name], base[name] + 6 / 4 * b @ a, atol=1e-6) and not np.allclose(whole[name], base[name], atol=1e-4)
assert set(whole) == set(base)
new = mine["model.embed_tokens.new.weight"]
first = max(t["id"] for t in json.load(open("folder/tokenizer.json"))["added_tokens"]) + 1 - len(new)
rows = whole["model.embed_tokens.weight"]
assert np.array_equal(rows[first:first + len(new)], new) and np.array_equal(rows[:first], base["model.embed_tokens.weight"][:first])
assert config["vocab_size"] == len(rows) >= first + len(new)
PY
}

@test "a folder comes back as a generator that says the same, whole and as an adapter, of 16 bits and saved without a head" {
    for model in on half; do
        take $model.st
        take $model.st --adapter --dtype f32 -o adapter
        back folder -o whole.st
        back adapter -o adapter.st
        /usr/bin/python3 - $model.st <<'PY'
import sys
import numpy as np
from tensors import load
(mine, meta), (back, meta2) = load(sys.argv[1]), load("adapter.st")
assert set(mine) == set(back) and all(np.array_equal(mine[k], back[k]) for k in mine if "lora" in k)
assert meta["base"] == meta2["base"]
PY
        [ $model = half ] || assert_equal "$(measured whole.st)" "$(measured on.st)"
        assert_equal "$(measured adapter.st)" "$(measured $model.st)"
    done
}

@test "a generator that has taken its base's weights over is whole by itself, and comes back with the templates it was asked by" {
    for folder in base half; do
        "$BIN/sidgen-train" -q -s sids.st -i interactions.st --max-items 6 --batch-tokens 512 --shards 2 --lr 0.01 --valid-users 0 --epochs 2 --full \
            --base $folder --template <(printf 'next: Bought {input} and then\n') -o full.st
        mv $folder elsewhere
        take full.st
        grep -q '^next: Bought {input} and then$' folder/templates.txt
        run grep -E -o '"(bos|eos)_token(_id)?":.*' folder/config.json folder/tokenizer_config.json
        assert_output --partial '"bos_token_id":	null'
        [[ $output != *history* ]] || fail "$output"
        back folder --template folder/templates.txt -o back.st
        assert_equal "$(measured back.st)" "$(measured full.st)"
        fails_with 65 'stands on no base, and has no adapter' take full.st --adapter
        rm -r folder elsewhere
    done
}

@test "a generator of codes alone comes back as well: a folder is a base" {
    take
    back folder --max-items 8 -o back.st --template <(printf 'next: <|history|>{input}\n')
    assert_equal "$(measured back.st)" "$(measured model.st)"
}

@test "an adapter lies beside its base, wherever that is" {
    take on.st --adapter
    mv base elsewhere
    fails_with 66 base back folder -o back.st
    back --base elsewhere folder -o back.st
    assert_equal "$(measured back.st)" "$(SIDMILL_BASE=elsewhere measured on.st)"
    fails_with 64 'no adapter_config.json' back --base elsewhere elsewhere -o back.st
}

# says EXPRESSION: changes the adapter's config c, or its tensors t.
says() {
    take on.st --adapter -o adapter
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
import numpy as np
from tensors import load, save
c = json.load(open("adapter/adapter_config.json"))
t, meta = load("adapter/adapter_model.safetensors")
t = dict(t)
exec(sys.argv[1])
json.dump(c, open("adapter/adapter_config.json", "w"))
save("adapter/adapter_model.safetensors", t, meta)
PY
}

refused() { # refused EXPRESSION MESSAGE
    says "$1"
    fails_with 65 "$2" back adapter -o back.st
}

@test "adapters that are another thing, or half of one, are refused by name" {
    local some=base_model.model.model.layers.1.mlp.up_proj.lora_A.weight
    refused 'c["use_dora"] = True' '"use_dora" asks for what is not supported'
    refused 'c["rank_pattern"] = {"q_proj": 2}' '"rank_pattern" asks'
    refused 'c["peft_type"] = "PREFIX_TUNING"' 'expected "LORA"'
    refused 'del c["r"]' '"r" must be a number'
    refused "del t['$some']" 'pairs that not every layer has'
    refused "t['$some'] = t['$some'][:2]" "$some"
    refused "t['$some'] = t['$some'] * np.nan" "$some"
    refused "t['base_model.model.model.norm.weight'] = np.ones(32, '<f4')" 'not part of an adapter'
    says 'c["use_rslora"], c["lora_alpha"] = True, 3'
    back adapter -o back.st
    [[ $(meta back.st base) == *'"alpha":6,'* ]]
}

@test "a folder whose tokenizer does not spell the Semantic IDs is refused" {
    fails_with 65 'has no token <' back base -o back.st
    assert_one_line
    fails_with 66 'nowhere' back nowhere -o back.st
    fails_with 65 'stands on no base' take model.st --adapter
}

@test "bad command lines and inputs: one line, the right exit code" {
    fails_with 64 'expected a command' "$BIN/hub"
    fails_with 64 "unknown command 'sell'" "$BIN/hub" sell
    fails_with 64 'no --model' "$BIN/hub" export -s sids.st -o folder
    fails_with 64 'no --sids' "$BIN/hub" export -m model.st -o folder
    fails_with 64 'no --output' "$BIN/hub" export -m model.st -s sids.st
    fails_with 64 'dtype' "$BIN/hub" export -m model.st -s sids.st -o folder --dtype f8
    fails_with 64 'expected one folder' "$BIN/hub" import -s sids.st
    fails_with 64 'no --sids' "$BIN/hub" import folder
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
