#!/usr/bin/env bats
# sidgen-train --base: new tokens and low-rank pairs on decoders with random weights, or all of their weights (--full); the model that comes out
# is one for every tool, and what is wrong with a base, or with what is said beside it, is refused. tests/torch/base.py compares with PyTorch.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

WHOLE=(--full -s sids.st -i interactions.st --max-items 6 --batch-tokens 512 --shards 2 --lr 0.01 --warmup 10 --patience 0 --valid-users 40)
SHORT=(-s sids.st -i interactions.st --max-items 6 --batch-tokens 512 --shards 2 --lr 0.01 --warmup 10 --patience 0 --valid-users 40 --lora-rank 4)

# A folder of a decoder, its weights as tests/helpers/llm_folder.py is told.
decoder() { # decoder DIR [name=value ...]
    "$HELPERS/llm_folder.py" "$@"
    cp "$BATS_FILE_TMPDIR/plain.json" "$1/tokenizer.json"
}

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    /usr/bin/python3 - <<'PY'
import json
colours, things = ["red", "green", "blue", "grey", "pink", "black"], ["cup", "lamp", "chair", "coat", "book", "drum", "fork", "glove", "hat", "iron"]
with open("items.jsonl", "w") as f:
    for i in range(60):
        f.write(json.dumps({"id": f"i{i}", "title": f"{colours[i % 6]} {things[i // 6]}"}) + "\n")
PY
    "$BIN/tokenize" train -q --vocab 320 -o plain.json items.jsonl
    decoder base family=qwen2 tied=yes
    "$BIN/sidgen-train" -q "${SHORT[@]}" --base base --epochs 10 --log log.jsonl -o model.st
}

setup() {
    suite_setup
    cp -r "$BATS_FILE_TMPDIR"/{items.jsonl,log.jsonl,plain.json,base} .
}

on() { "$BIN/sidgen-train" -q "${SHORT[@]}" --base "$@"; } # on DIR [options]
hits() { "$BIN/evaluate" -q -m "$1" -s sids.st -i interactions.st | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["metrics"]["hr@10"])'; }

refused() { # refused CODE MESSAGE DIR [options]
    fails_with "$1" "$2" on "${@:3}" -o out.st
    assert_one_line
    assert_none_written out.st
}

unread() { # unread CODE MESSAGE: of model.st
    fails_with "$1" "$2" "$BIN/evaluate" -q -m "${3:-model.st}" -s sids.st -i interactions.st
    assert_one_line
}

@test "it learns, recommends, and is verified; what trains is all that the file has" {
    run /usr/bin/python3 - <<'PY'
import json
from tensors import load
log = [json.loads(l)["loss_per_item"] for l in open("log.jsonl")]
assert log[-1] < 0.5 * log[0], log
t, meta = load("model.st")
assert all(".lora_" in name or name == "model.embed_tokens.new.weight" for name in t), list(t)
assert len(t) == 1 + 2 * 2 * 7 and t["model.layers.1.self_attn.k_proj.lora_B.weight"].shape == (16, 4)
vocab, base, config = (json.loads(meta[key]) for key in ("vocab", "base", "config"))
assert t["model.embed_tokens.new.weight"].shape == (vocab["first_text"], 32) and config["vocab_size"] == vocab["size"]
assert base["folder"] == "base" and len(base["digest"]) == 32 == len(meta["input.base"])
assert base["lora"] == {"rank": 4, "alpha": 32, "targets": "q,k,v,o,gate,up,down"} and config["model_type"] == "qwen2"
assert meta["templates"].startswith("next: ") and meta["templates"].count("{input}") == 8
assert "dim" not in json.loads(meta["training"])
PY
    assert_success
    at_least "$(hits model.st)" 0.9
    run "$BIN/tensor" verify model.st
    assert_output 'model.st: ok (model/1)'
    run "$BIN/recommend" -q -m model.st -s sids.st -k 2 <<<'i1 i2 i3'
    assert_success
    [[ $output =~ ^i[0-9]+:-[0-9.]+[[:blank:]]i[0-9]+:-[0-9.]+$ ]] || fail "$output"
}

@test "products, keys and values of 16 bits: near what floats give, whatever --threads says" {
    list() { "$BIN/recommend" -q -m model.st -s sids.st -k 1 --gemm "$@" <<<$'i1 i2 i3\ni9 i8\ni40 i41 i42 i43'; }
    run --separate-stderr list bf16 --threads 1
    [ "$status" -ne 69 ] || skip "no oneDNN, or a processor without bf16"
    assert_success
    echo "$output" >bf16.tsv
    list bf16 --threads 2 | cmp - bf16.tsv
    list f32 >f32.tsv
    run /usr/bin/python3 - <<'PY'
best = [[line.split(":") for line in open(name)] for name in ("f32.tsv", "bf16.tsv")]
assert len(best[0]) == 3 and [i for i, _ in best[0]] == [i for i, _ in best[1]], best
off = max(abs(float(a) - float(b)) for (_, a), (_, b) in zip(*best))
assert 0 < off < 0.2, off
PY
    assert_success
}

@test "every family, heads of their own or not, 16 bits, shards: all learn" {
    local name
    decoder llama family=llama dtype=BF16 shards=2
    decoder mistral family=mistral dtype=F16 tied=yes prefix=
    decoder qwen3 family=qwen3
    for name in llama mistral qwen3; do
        on $name --epochs 3 --log $name.jsonl -o $name.st
        run /usr/bin/python3 -c 'import json, sys; l = [json.loads(x)["loss_per_item"] for x in open(sys.argv[1])]; assert l[2] < 0.7 * l[0], l' $name.jsonl
        assert_success
        run "$BIN/tensor" verify $name.st
        assert_success
    done
    run "$BIN/tensor" ls qwen3.st
    [[ $output == *lm_head.new.weight* ]] || fail "$output"
}

@test "the same bytes whatever --threads says, and for a folder elsewhere but for its name" {
    on base --epochs 2 --threads 1 -o a.st
    on base --epochs 2 --threads 2 -o b.st
    cmp a.st b.st
    mv base moved
    on moved --epochs 2 -o c.st
    [ "$(weights a.st)" = "$(weights c.st)" ]
    assert_equal "$(meta c.st base folder)" moved
}

@test "killed at any moment and started again, it ends with the same bytes; checkpoints hold what trains" {
    decoder big family=qwen3 hidden=64 head_dim=16 wide=128 layers=3 vocab=4000
    command=("${SHORT[@]}" --base big --epochs 6 --save-seconds 0 --threads 1)
    "$BIN/sidgen-train" -q "${command[@]}" -o a.st
    killed_often 4 "$BIN/sidgen-train" -q "${command[@]}" -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp a.st b.st
    "$BIN/sidgen-train" -q "${command[@]}" --epochs 400 -o c.st &
    local pid=$!
    while [ ! -e c.st.ckpt/state.st ]; do sleep 0.01; done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    [ "$(stat -c %s c.st.ckpt/state.st)" -lt $((6 * $(stat -c %s a.st))) ]
    fails_with 65 'checkpoint of another run: base:' "$BIN/sidgen-train" -q "${command[@]}" --base base --epochs 400 -o c.st
}

@test "tasks with texts are asked in words, and answered in the base's own tokens" {
    on base --tasks 1,4,5 --items items.jsonl --epochs 45 --lr 0.005 --lora-rank 16 --valid-users 0 -o texts.st
    run "$BIN/evaluate" -q -m texts.st -s sids.st -i interactions.st --tasks 1,4,5 --items items.jsonl
    assert_success
    run /usr/bin/python3 -c 'import json, sys; t = json.loads(sys.argv[1])["tasks"]; assert t["4"]["trained"]["hr@10"] > 0.7 and t["5"]["trained"]["exact"] > 0.5, t' "$output"
    assert_success
    run "$BIN/recommend" -q -m texts.st -s sids.st --task 4 -k 1 <<<'red cup'
    assert_success
    run "$BIN/explain" -q -m texts.st -s sids.st -i items.jsonl --say i3
    assert_success
    fails_with 65 'has not learnt task 6' "$BIN/recommend" -q -m texts.st -s sids.st --task 6 <<<'red'
    run meta texts.st training tasks
    assert_output 1,4,5
    run ! "$BIN/tensor" get texts.st tokenizer
    on base --tasks 1,5 --items items.jsonl --sampled 30 --epochs 1 -o sampled.st
    refused 64 '--tokenizer: --base says that' base --tasks 1,4 --items items.jsonl --tokenizer base/tokenizer.json
    refused 64 '--items is missing' base --tasks 1,4
}

@test "templates of one's own; a prompt that goes on behind the history is one for every item" {
    printf '%s\n' '# ours' '' 'next: Bought so far:\n{input}\nBought next: \\' >asked.txt
    on base --template asked.txt --epochs 6 -o asked.st
    at_least "$(hits asked.st)" 0.6
    run meta asked.st templates
    assert_equal "${lines[0]}" 'next: Bought so far:\n{input}\nBought next: \\'
    assert_equal "${lines[3]}" 'title-item: The title of an item:\n{input}\nThe item:\n'
    run "$BIN/sidgen-train" --template sidmill
    assert_success
    assert_equal "${#lines[@]}" 8
    assert_equal "$("$BIN/sidgen-train" --template asked.txt)" "$(meta asked.st templates)"
    on base --epochs 6 -o plain.st
    [ "$(weights asked.st)" != "$(weights plain.st)" ]
    wrong() { # wrong MESSAGE TEXT
        printf '%b' "$2" >wrong.txt
        refused 65 "$1" base --template wrong.txt
    }
    wrong "wrong.txt:2: expected a task's name and a colon" 'next: {input}a\nnext one: {input}\n'
    wrong 'wrong.txt:1: expected {input} once' 'next: Bought\n'
    wrong 'wrong.txt:1: expected {input} once' 'next: {input}{input}\n'
    wrong 'wrong.txt:3: task "next": some wordings end with {input}, and some go on behind it' 'next: a{input}\nnext: b{input}\nnext: c{input}d\n'
    wrong 'wrong.txt:1: a backslash before' 'next: a\\t{input}\n'
    wrong 'wrong.txt: is not text in UTF-8' 'next: \xff{input}\n'
    wrong 'template of task "next": expected some text around {input}' 'next: {input}\n'
    refused 66 missing.txt base --template missing.txt
    refused 64 'may take' base --template <(printf 'next: %05000d{input}\n' 7)
    : >empty.txt
    on base --template empty.txt --epochs 6 -o empty.st
    [ "$(weights empty.st)" = "$(weights plain.st)" ]
}

@test "what papers ask, in several wordings: each is learnt, and the same ones by any threads" {
    local name
    sed -i 's/}$/, "description": "for the house", "intents": [{"text": "to give away"}]}/' items.jsonl
    for name in minionerec lcrec; do
        "$BIN/sidgen-train" --template $name >$name.txt
        on base --template $name --tasks 2-6 --items items.jsonl --batch-tokens 2048 --epochs 1 --valid-users 0 --threads 1 -o a.st
        on base --template $name.txt --tasks 2-6 --items items.jsonl --batch-tokens 2048 --epochs 1 --valid-users 0 --threads 2 -o b.st
        cmp a.st b.st
        assert_equal "$(meta a.st templates)" "$(cat $name.txt)"
    done
    assert_equal "$(grep -c '^next: ' lcrec.txt) $(grep -c '^next: ' minionerec.txt)" '8 1'
    assert_equal "$(grep -c '### Input:' minionerec.txt)" 8
    assert_equal "$("$BIN/sidgen-train" --template sidmill)" "$(meta model.st templates)"
    printf 'title-item: %s{input}\n' 'Called ' 'Named: ' >two.txt
    on base --template two.txt --tasks 4 --items items.jsonl --epochs 120 --lr 0.005 --lora-rank 16 --valid-users 0 -o two.st
    run "$BIN/evaluate" -q -m two.st -s sids.st -i interactions.st --tasks 4 --items items.jsonl
    assert_success
    run /usr/bin/python3 -c 'import json, sys; t = json.loads(sys.argv[1])["tasks"]; assert t["4"]["trained"]["hr@10"] > 0.7, t' "$output"
    assert_success
    echo 'next: {input}x' >lcrec
    run "$BIN/sidgen-train" --template ./lcrec
    assert_equal "${lines[0]}" 'next: {input}x'
}

@test "ranks, targets, and the start from another model" {
    on base --lora-rank 0 --epochs 2 -o rows.st
    run "$BIN/tensor" ls rows.st
    [[ $output != *lora_A* && $output == *embed_tokens.new* ]] || fail "$output"
    on base --lora-targets v,down --epochs 1 -o some.st
    run /usr/bin/python3 -c 'from tensors import load; t, _ = load("some.st"); assert len(t) == 1 + 2 * 2 * 2 and all("v_proj" in n or "down_proj" in n or ".new." in n for n in t)'
    assert_success
    on base --start model.st --epochs 1 --log more.jsonl -o more.st
    run /usr/bin/python3 -c 'import json; a, b = (json.loads(open(f).readline())["loss_per_item"] for f in ("log.jsonl", "more.jsonl")); assert b < 0.7 * a, (a, b)'
    assert_success
    decoder other family=qwen2 tied=yes seed=2
    refused 65 '--start: that model stands on another base' other --start model.st
    refused 65 'of another shape' base --lora-rank 5 --start model.st
    "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 8 --layers 1 --ffn 8 --epochs 1 -o plain.st
    refused 65 '--start: that model stands on no base: leave out --base' base --start plain.st
    fails_with 65 '--start: that model stands on a base: give it as --base' "$BIN/sidgen-train" -q -s sids.st -i interactions.st --start model.st -o out.st
}

@test "reward learning goes on from such a model; the base is one for policy and reference" {
    run "$BIN/qarm-rl" -q -m model.st -s sids.st -i interactions.st --reward exact --group 4 --epochs 0.3 --valid-users 0 -o rl.st
    assert_success
    assert_equal "$(meta rl.st base)" "$(meta model.st base)"
    [ "$(weights rl.st)" != "$(weights model.st)" ]
    at_least "$(hits rl.st)" 0.8
}

full() { "$BIN/sidgen-train" -q "${WHOLE[@]}" --base "$@"; } # full DIR [options]

@test "all of a base's weights train, into a model that needs the base no more" {
    full base --tasks 1,4,5 --items items.jsonl --valid-users 0 --epochs 20 --lr 0.005 -o full.st
    cp base/model.safetensors began.safetensors
    rm -r base
    run /usr/bin/python3 - <<'PY'
import json
import numpy as np
from tensors import load
(t, meta), (base, _) = load("full.st"), load("began.safetensors")
assert set(t) == set(base) | {"tokenizer"}, set(t) ^ set(base)
vocab, name = json.loads(meta["vocab"]), "model.embed_tokens.weight"
assert t[name].shape == (vocab["size"], 32) and bytes(t["tokenizer"]) == open("plain.json", "rb").read()
assert all(np.abs(t[k] - base[k]).max() > 1e-4 for k in base if k != name), "some stand still"
assert "base" not in meta and meta["templates"].startswith("next: ") and len(meta["input.base"]) == 32
assert json.loads(meta["training"])["full"] and json.loads(meta["config"])["model_type"] == "qwen2"
PY
    assert_success
    run "$BIN/tensor" verify full.st
    assert_output 'full.st: ok (model/1)'
    run "$BIN/evaluate" -q -m full.st -s sids.st -i interactions.st --tasks 1,4,5 --items items.jsonl
    assert_success
    run /usr/bin/python3 -c 'import json, sys; t = json.loads(sys.argv[1])["tasks"]; assert t["4"]["trained"]["hr@10"] > 0.7 and t["5"]["trained"]["exact"] > 0.5, t' "$output"
    assert_success
    at_least "$(hits full.st)" 0.9
    run "$BIN/explain" -q -m full.st -s sids.st -i items.jsonl --say i3
    assert_success
    run "$BIN/recommend" -q -m full.st -s sids.st -k 2 <<<'i1 i2 i3'
    assert_success
    "$BIN/qarm-rl" -q -m full.st -s sids.st -i interactions.st --reward exact --group 4 --epochs 0.3 --valid-users 0 -o rl.st
    assert_equal "$(meta rl.st templates)" "$(meta full.st templates)"
    [ "$(weights rl.st)" != "$(weights full.st)" ]
    at_least "$(hits rl.st)" 0.8
}

@test "in full: every family, equal bytes for any threads, killed or not, by samples, and from such a start" {
    decoder llama family=llama dtype=BF16 shards=2 prefix=
    decoder qwen3 family=qwen3
    full llama --epochs 3 -o a.st --threads 1
    full llama --epochs 3 -o b.st --threads 2
    cmp a.st b.st
    local command=("${WHOLE[@]}" --base qwen3 --epochs 6 --save-seconds 0 --threads 1)
    "$BIN/sidgen-train" -q "${command[@]}" -o a.st
    killed_often 3 "$BIN/sidgen-train" -q "${command[@]}" -o b.st
    cmp a.st b.st
    full qwen3 --sampled 30 --epochs 1 --tasks 1,5 --items items.jsonl -o sampled.st
    full qwen3 --start a.st --epochs 1 --log more.jsonl -o more.st
    run /usr/bin/python3 -c 'import json; assert json.loads(open("more.jsonl").readline())["loss_per_item"] < 1.5'
    assert_success
    run --separate-stderr "$BIN/sidgen-train" "${WHOLE[@]}" --base base --epochs 1 -o noted.st
    assert_success
    [[ $stderr == *' weights train in '*' GiB: 16 bytes each for values and AdamW'*', 8 for gradients of 2 shards'* ]] || fail "$stderr"
}

@test "in full: what is not to be said beside it, other starts, and files with something wrong" {
    whole() { refused "$1" "$2" "${@:3}" --lora-rank 4; }
    whole 64 '--full trains all of the base' base --full
    fails_with 64 '--full needs --base' "$BIN/sidgen-train" -q -s sids.st -i interactions.st --full -o out.st
    full base --epochs 1 -o full.st
    wrong() { # wrong MESSAGE [options]
        fails_with 65 "$1" "$BIN/sidgen-train" -q "${WHOLE[@]:1}" "${@:2}" -o out.st
        assert_one_line
    }
    wrong '--start: that model stands on a base: leave out --full' --full --base base --start model.st
    wrong '--start: that model stands on no base: leave out --base' --base base --start full.st
    wrong '--start: that model has stood on a base: give it as --base, with --full' --start full.st
    decoder other family=qwen2 tied=yes set.rope_theta=20000
    wrong 'of another shape' --full --base other --start full.st
    "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 8 --layers 1 --ffn 8 --epochs 1 -o plain.st
    wrong '--start: that model has never stood on a base: leave out --base' --full --base base --start plain.st
    cp full.st model.st
    broken() { # broken MESSAGE EXPRESSION
        changed "$2"
        unread 65 "$1" broken.st
    }
    broken "no tensor 'tokenizer'" 'del t["tokenizer"]'
    broken 'its tokenizer has 307 tokens, its vocabulary 306' 'set_json("vocab", text=306, size=337); set_json("config", vocab_size=337); t["model.embed_tokens.weight"] = t["model.embed_tokens.weight"][:-1]'
    broken "no tensor 'lm_head.weight'" 'set_json("config", tie_word_embeddings=False)'
    broken 'expected {input} once' 'meta["templates"] = "next: a{input}\nnext: a"'
    broken "no tensor 'model.layers.0.self_attn.q_proj.bias'" 'del t["model.layers.0.self_attn.q_proj.bias"]'
}

@test "the base is looked for where the model says or SIDMILL_BASE does, and must be the same" {
    run hits model.st
    local before=$output
    mv base moved
    unread 66 'model.st: its base is not at base: say where it is by SIDMILL_BASE'
    SIDMILL_BASE=moved run hits model.st
    assert_output "$before"
    SIDMILL_BASE=nowhere unread 66 'its base is not at nowhere'
    run "$BIN/tensor" verify model.st
    assert_success
    decoder base family=qwen2 tied=yes seed=2
    unread 65 'trained on another base than base (digest'
    rm -r base
    cp -r moved base
    sed -i 's/"rope_theta": 10000.0/"rope_theta": 10001.0/' base/config.json
    unread 65 'trained on another base than base (digest'
}

@test "bases with something wrong are refused in one line" {
    bad() { # bad CODE MESSAGE [name=value ...]
        rm -rf bad
        decoder bad "${@:3}"
        refused "$1" "$2" bad
    }
    refused 66 'nowhere/config.json' nowhere
    bad 66 'pytorch_model.bin, a program in disguise, is not read' break=pickle
    bad 65 'holds NaN' break=nan
    bad 65 'found F32 [47,32], expected a float type [48,32]' break=shape
    bad 66 'model-00002-of-00002.safetensors' break=shard shards=2
    bad 65 'is there twice' break=twice shards=2
    bad 65 'has ids up to' vocab=200
    bad 65 '"model_type" is "gemma2"' 'set.model_type="gemma2"'
    bad 65 'a generator over Semantic IDs, expected a language model' set.item_vectors=5
    bad 64 'may take' set.max_position_embeddings=50
    bad 65 "no tensor 'lm_head.weight'" tied=yes set.tie_word_embeddings=false
}

@test "a model file with something wrong is refused" {
    broken() { # broken MESSAGE EXPRESSION
        changed "$2"
        unread 65 "$1" broken.st
    }
    broken 'metadata "base" must be a JSON object' 'meta["base"] = "[]"'
    broken 'metadata "base": "digest" must be a string' 'set_json("base", digest=1)'
    broken 'metadata "base": "rank" must be a number from 0 to 4096' 'set_json("base", lora={"rank": -1})'
    broken 'metadata "base": "targets" must be a list' 'set_json("base", lora={"rank": 4, "alpha": 1, "targets": "x"})'
    broken 'metadata "templates" is missing' 'del meta["templates"]'
    broken 'expected {input} once' 'meta["templates"] = "next: a{input}\nnext: a"'
    broken 'metadata "vocab": no texts, but a base' 'set_json("vocab", text=0)'
    broken 'trained on SIDs of' 'set_json("vocab", text=5)'
    broken "no tensor 'model.layers.0.self_attn.q_proj.lora_A.weight'" 'del t["model.layers.0.self_attn.q_proj.lora_A.weight"]'
    broken 'found F32 [5,32], expected any type [4,32]' 't["model.layers.0.mlp.up_proj.lora_A.weight"] = np.zeros((5, 32), "<f4")'
    fails_with 65 "no tensor 'model.embed_tokens.new.weight'" "$BIN/tensor" verify <(changed 'del t["model.embed_tokens.new.weight"]'; cat broken.st)
    head -c 3000 model.st >cut.st
    fails_with 65 cut.st "$BIN/evaluate" -q -m cut.st -s sids.st -i interactions.st
}

@test "what a base answers by itself is not to be said, and what needs one needs it" {
    local option
    for option in "--dim 8" "--layers 1" "--heads 2" "--kv-heads 1" "--head-dim 4" "--ffn 8" --item-vectors --node-vectors --learned-positions --think \
        "--depth-ffn 8"; do
        # shellcheck disable=SC2086 # an option and its value
        refused 64 "${option%% *}: --base says that" base $option
    done
    refused 64 '--base needs --body flat' base --body timeline
    refused 64 '--lora-targets q,x: expected some of q,k,v,o,gate,up,down, each once' base --lora-targets q,x
    refused 64 '--lora-rank -1: out of range' base --lora-rank -1
    fails_with 64 '--lora-alpha needs --base' "$BIN/sidgen-train" -q -s sids.st -i interactions.st --lora-alpha 3 -o out.st
    fails_with 64 '--template needs --base' "$BIN/sidgen-train" -q -s sids.st -i interactions.st --template x -o out.st
}
