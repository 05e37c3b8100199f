#!/usr/bin/env bats
# embed --text llm:DIR: vectors of a decoder with random weights, whatever form its folder has, and folders with something wrong.
# tests/torch/backbones.py compares them with PyTorch's.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

setup_file() {
    suite_setup_file
    /usr/bin/python3 - <<'PY'
import json
words = "oil of argan for dry hair and a lantern that shines at night with twelve brushes".split()
with open("items.jsonl", "w") as f:
    for i in range(40):
        text = " ".join(words[(i * j + j) % len(words)] for j in range(1 + i % 17 * 6))
        f.write(json.dumps({"id": f"i{i}", "title": "" if i == 7 else text}) + "\n")
PY
    "$BIN/tokenize" train -q --vocab 300 -o plain.json items.jsonl
}

setup() {
    suite_setup
    cp "$BATS_FILE_TMPDIR/items.jsonl" .
}

# A folder of a decoder, its weights as tests/helpers/llm_folder.py is told.
decoder() { # decoder DIR [name=value ...]
    "$HELPERS/llm_folder.py" "$@"
    cp "$BATS_FILE_TMPDIR/plain.json" "$1/tokenizer.json"
}

embed() { "$BIN/embed" --cache none --fields title "$@"; }
tensors_of() { embed -q --text "llm:$1" -o "$1.st" "${@:2}" items.jsonl && weights "$1.st"; }

refused() { # refused CODE MESSAGE
    fails_with "$1" "$2" embed -q --text llm:bad -o out.st items.jsonl
    assert_one_line
    assert_none_written out.st
}

broken() { # broken CODE MESSAGE [name=value ...]
    rm -rf bad
    decoder bad "${@:3}"
    refused "$1" "$2"
}

@test "rows of length one where there is a text" {
    decoder llm
    run --separate-stderr embed --text llm:llm --text-tokens 20 -o out.st items.jsonl
    assert_success
    [[ $stderr == *"texts were cut after 20 tokens"* ]]
    run with_tensors out.st <<'PY'
x = t["text"]
assert x.shape == (40, 32) and np.abs((x * x).sum(1) - (np.arange(40) != 7)).max() < 1e-5
assert np.abs(x @ x.T - np.eye(40)).max() > 0.01
assert set(t) == {"text", "item_ids"} and meta["gemm"] and len(meta["input.llm"]) == 32
PY
    assert_success
    run meta out.st config text
    assert_output llm
}

@test "products of 16 bits from matrices as they lie in the file" {
    decoder llm dtype=BF16 hidden=64 wide=96 heads=4 head_dim=16
    embed -q --text llm:llm --gemm f32 -o f32.st items.jsonl
    run --separate-stderr embed -q --text llm:llm --gemm bf16 -o out.st items.jsonl
    [ "$status" -ne 69 ] || skip "no bf16 here"
    assert_success
    run with_tensors out.st <<'PY'
x, y = t["text"], load("f32.st")[0]["text"]
d = np.abs(x - y).max()
assert 0 < d < 0.05, d
PY
    assert_success
}

@test "the same bytes whatever --threads says, from shards, and without the head" {
    decoder one
    decoder shards shards=3
    decoder bare prefix= tied=yes
    run tensors_of one --threads 1
    for again in "shards --threads 2" "bare --threads 3"; do
        # shellcheck disable=SC2086 # a folder and its options
        [ "$(tensors_of $again)" = "$output" ]
    done
}

@test "16 bits are read as they lie, and pools and instructions count" {
    decoder full family=qwen2
    decoder half family=qwen2 dtype=F16
    decoder brain family=qwen2 dtype=BF16
    for name in full half brain; do tensors_of $name >/dev/null; done
    embed -q --text llm:full --pool mean -o mean.st items.jsonl
    embed -q --text llm:full --instruction 'what goes with it' -o told.st items.jsonl
    run python_with tensors <<'PY'
full, half, brain, mean, told = (load(name + ".st")[0]["text"] for name in ("full", "half", "brain", "mean", "told"))
assert np.abs(full - half).max() < 0.01 < np.abs(full - mean).max()
assert np.abs(full - brain).max() < 0.08 and np.abs(full - told).max() > 0.1
PY
    assert_success
}

@test "a run that was killed goes on with what it has, to the same bytes" {
    decoder llm layers=6 hidden=128 wide=512 heads=4 head_dim=32
    /usr/bin/python3 -c 'for i in range(600): print("{\"id\": \"n%d\", \"title\": \"%s\"}" % (i, "argan oil " * (1 + i % 40)))' >many.jsonl
    "$BIN/embed" -q --text llm:llm --cache none --fields title -o whole.st many.jsonl
    killed_often 4 "$BIN/embed" -q --text llm:llm --cache kept.db --fields title -o again.st many.jsonl
    ((kills > 0))
    [ "$(weights whole.st)" = "$(weights again.st)" ]
}

@test "intents are embedded alone as well, and nothing is fitted" {
    decoder llm
    sed 's/"title"/"intents": [{"text": "to shine"}], "title"/' items.jsonl >with.jsonl
    embed -q --text llm:llm --image none --intent -o out.st with.jsonl
    run with_tensors out.st <<<'assert t["intent"].shape == t["text"].shape and np.abs(t["intent"] - t["intent"][0]).max() < 1e-5'
    assert_success
    fails_with 64 'of --text llm and --image none nothing is fitted' embed --text llm:llm --fit-only items.jsonl
    fails_with 64 '--fit-weights goes with --text lsa' embed --text llm:llm --fit-weights x.st items.jsonl
    fails_with 64 'expected a folder after the colon' embed --text llm: items.jsonl
    fails_with 64 'expected lsa, llm:DIR, http or none' embed --text llm items.jsonl
    fails_with 64 'the model has positions for 1024' embed --text llm:llm --text-tokens 1025 items.jsonl
}

@test "folders with something wrong are refused in one line" {
    mkdir bad
    refused 66 'bad/config.json'
    broken 66 'no model.safetensors and no model.safetensors.index.json; pytorch_model.bin, a program in disguise' break=pickle
    broken 65 'holds NaN' break=nan
    broken 65 'found F32 [47,32], expected a float type [48,32]' break=shape
    broken 65 "no tensor 'model.layers.0.mlp.up_proj.weight'" break=missing
    broken 65 "no tensor 'model.layers.0.mlp.up_proj.weight'" break=missing shards=2
    broken 66 'model-00002-of-00002.safetensors' break=shard shards=2
    broken 65 "weight_map: tensor 'model.layers.0.mlp.up_proj.weight' is there twice" break=twice shards=2
    broken 65 "no decoder's weights" prefix=decoder.
    broken 65 'has ids up to 299, and the embedding 200 rows' vocab=200
    decoder bad
    truncate -s -10 bad/model.safetensors
    refused 65 'bad/model.safetensors'
    rm bad/tokenizer.json
    decoder bad
    rm bad/tokenizer.json
    refused 66 'bad/tokenizer.json'
}

@test "what changes the computation and is not supported is refused by name" {
    local key
    broken 65 '"model_type" is "gemma2", expected llama, mistral, qwen2 or qwen3' 'set.model_type="gemma2"'
    broken 65 '"hidden_act" must be "silu"' 'set.hidden_act="gelu"'
    broken 65 '"rope_scaling" of type "yarn", expected llama3' 'set.rope_scaling={"rope_type":"yarn","factor":4.0}'
    broken 65 '"rope_scaling": factors out of range' \
        'set.rope_scaling={"rope_type":"llama3","factor":8.0,"low_freq_factor":4.0,"high_freq_factor":1.0,"original_max_position_embeddings":64}'
    for key in attention_bias=true mlp_bias=true 'quantization_config={"bits":4}' num_local_experts=8 clip_qkv=8 partial_rotary_factor=0.5; do
        broken 65 "\"${key%%=*}\" asks for what this transformer has not" "set.$key"
    done
    broken 65 'the heads cannot share' kv=3
    broken 65 '"hidden_size" must be a number' 'set.hidden_size="32"'
    broken 64 'the model has positions for 300' family=mistral set.sliding_window=300
}

@test "a post-processor's tokens stand around every text, or are refused" {
    decoder llm
    tensors_of llm >plain
    /usr/bin/python3 - llm/tokenizer.json <<'PY'
import json, sys
t = json.load(open(sys.argv[1]))
t["post_processor"] = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "!"}}],
                       "special_tokens": {"!": {"id": "!", "ids": [t["model"]["vocab"]["!"]]}}}
json.dump(t, open(sys.argv[1], "w"))
PY
    tensors_of llm >framed
    run ! cmp -s plain framed
    decoder bad
    sed -i 's/"post_processor": {[^}]*}/"post_processor": {"type": "RobertaProcessing"}/' bad/tokenizer.json
    refused 65 'post_processor: "RobertaProcessing" is not supported'
}

@test "texts that normalisation lengthens fit where they go" {
    decoder llm
    /usr/bin/python3 -c 'for i in range(5): print("{\"id\": \"i%d\", \"title\": \"%s\"}" % (i, "\u0958" * 100))' >items.jsonl
    "$BIN/tokenize" train -q --vocab 256 --normalise nfc -o llm/tokenizer.json items.jsonl
    embed -q --text llm:llm --text-tokens 600 -o out.st items.jsonl
    run with_tensors out.st <<<'assert t["text"].shape == (5, 32) and np.abs(t["text"] - t["text"][0]).max() < 1e-5'
    assert_success
}
