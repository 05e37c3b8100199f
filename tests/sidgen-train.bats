#!/usr/bin/env bats
# sidgen-train: it learns what can be learnt, its bytes depend on nothing but inputs, options and seed, it survives being
# killed, and what bad input gets.
# shellcheck disable=SC2016,SC2154 # $0 is for the inner shell; bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

# The smallest model, in no time.
TINY=(-s sids.st -i interactions.st --dim 8 --layers 1 --heads 2 --ffn 8 --epochs 1 --shards 4 --batch-tokens 1024)
# One that learns the ring; everything that shapes the result is on.
SMALL=(-s sids.st -i interactions.st --dim 32 --layers 2 --heads 2 --kv-heads 1 --ffn 64 --dropout 0.05 --max-items 8 --epochs 8
    --batch-tokens 512 --shards 4 --lr 0.01 --warmup 10 --patience 0)

train() { "$BIN/sidgen-train" -q "$@"; }

at_least() { [ "$(/usr/bin/python3 -c 'import sys; print(float(sys.argv[1]) >= float(sys.argv[2]))' "$1" "$2")" = True ] || fail "$1, expected at least $2"; }

# refused CODE MESSAGE [options]: the exit status, the message in one line, and nothing written.
refused() {
    fails_with "$1" "$2" train "${TINY[@]}" -o model.st "${@:3}"
    assert_one_line
    [[ $stderr == 'sidgen-train: '* ]] || fail "message: $stderr"
    assert_none_written model.st
}

@test "a model learns the ring, and says what it is" {
    "$HELPERS/toy.py" .
    run --separate-stderr train "${SMALL[@]}" -o model.st --log log.jsonl
    assert_success
    assert_output ''
    [ -z "$stderr" ]
    at_least "$(meta model.st validation hr@10)" 0.95
    [ "$(wc -l <log.jsonl)" -eq 8 ]
    run /usr/bin/python3 - <<'PY'
import json, struct
import numpy as np
raw = open("model.st", "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
meta = head.pop("__metadata__")
config, vocab, training, kept = (json.loads(meta[k]) for k in ("config", "vocab", "training", "validation"))
assert meta["schema"] == "model/1" and meta["tool"] == "sidgen-train" and len(meta["input.sids"]) == len(meta["input.interactions"]) == 32
assert config["hidden_size"] == 32 and config["num_key_value_heads"] == 1 and config["head_dim"] == 16 and config["tie_word_embeddings"]
assert vocab["size"] == config["vocab_size"] == 1 + 2 * 8 + vocab["max_suffix"] and vocab["bos"] == config["bos_token_id"] == 0
assert training["softmax"] == "trie" and training["max-items"] == 8 and training["seed"] == 42 and "threads" not in training
shapes = {k: v["shape"] for k, v in head.items()}
layer = "model.layers.1."
assert len(shapes) == 2 + 2 * 9
assert shapes["model.embed_tokens.weight"] == [vocab["size"], 32] and shapes["model.norm.weight"] == [32]
assert shapes[layer + "self_attn.q_proj.weight"] == [32, 32] and shapes[layer + "self_attn.v_proj.weight"] == [16, 32]
assert shapes[layer + "mlp.down_proj.weight"] == [32, 64] and shapes[layer + "post_attention_layernorm.weight"] == [32]
assert np.isfinite(np.frombuffer(raw[8 + n:], "<f4")).all() and len(raw) == 8 + n + 4 * sum(int(np.prod(s)) for s in shapes.values())
log = [json.loads(line) for line in open("log.jsonl")]
assert [e["epoch"] for e in log] == list(range(1, 9)) and len(log[0]["loss_per_level"]) == 3
assert log[-1]["loss_per_item"] < 0.5 * log[0]["loss_per_item"]
best = max(log, key=lambda e: e["ndcg@10"])
assert kept == {"epoch": best["epoch"], "epochs_run": 8, "protocol": "unseen", "hr@10": best["hr@10"], "ndcg@10": best["ndcg@10"], "loss_per_item": best["loss_per_item"]}
PY
    assert_success
}

@test "the level softmax learns too" {
    "$HELPERS/toy.py" .
    train "${SMALL[@]}" --softmax level --epochs 12 -o model.st
    at_least "$(meta model.st validation hr@10)" 0.95
    assert_equal "$(meta model.st training softmax)" level
}

@test "a moving average and label smoothing learn too" {
    "$HELPERS/toy.py" .
    train "${SMALL[@]}" --average 0.9 --label-smoothing 0.1 -o model.st
    at_least "$(meta model.st validation hr@10)" 0.95
}

# One level whose codes are the items, scored by 32 of 200.
SAMPLED=("${SMALL[@]}" --body timeline --depth-ffn 32 --sampled 32)

@test "a sample of the items teaches the ring, and the log says that it was one" {
    "$HELPERS/toy.py" . identity=1 items=200 users=400
    train "${SAMPLED[@]}" --epochs 16 --log log.jsonl -o model.st
    at_least "$(meta model.st validation hr@10)" 0.95
    assert_equal "$(meta model.st training sampled)" 32
    assert_equal "$(grep -c '"sampled":32' log.jsonl)" 16
    train "${SAMPLED[@]}" --epochs 1 --sampled 0 --log full.jsonl -o full.st
    assert_equal "$(grep -c '"sampled":0' full.jsonl)" 1
    shapes() { "$BIN/tensor" ls "$1" | awk '$2 == "F32" { print $1, $3 }'; }
    assert_equal "$(shapes model.st)" "$(shapes full.st)" # how the embedding was trained does not show
    assert_equal "$(meta model.st config)" "$(meta full.st config)"
    train "${SAMPLED[@]}" --epochs 1 --lr 0 --weight-decay 0 --start model.st --sampled 0 -o same.st
    assert_equal "$(weights same.st)" "$(weights model.st)"
}

@test "sampled: the same bytes for any number of threads, others for another seed or sample" {
    "$HELPERS/toy.py" . identity=1 items=200 users=400
    command=("${SAMPLED[@]}" --epochs 2 --average 0.9 --label-smoothing 0.1)
    for t in 1 2 3; do train "${command[@]}" --threads $t --log log$t -o model$t.st; done
    cmp model1.st model2.st
    cmp model1.st model3.st
    cmp <(untimed log1) <(untimed log2)
    for other in '--seed 43' '--sampled 33'; do
        # shellcheck disable=SC2086 # two words
        train "${command[@]}" $other -o other.st
        [ "$(weights model1.st)" != "$(weights other.st)" ]
    done
}

@test "sampled: levels of the flat body, and sets that are too small for a sample" {
    "$HELPERS/toy.py" .
    train "${SMALL[@]}" --softmax level --sampled 4 --epochs 16 -o level.st
    at_least "$(meta level.st validation hr@10)" 0.8
    train "${SMALL[@]}" --sampled 500 -o trie.st
    at_least "$(meta trie.st validation hr@10)" 0.95
    for gemm in f32 bf16; do
        run --separate-stderr train "${SMALL[@]}" --body timeline --sampled 4 --epochs 1 --gemm $gemm -o small.st
        [ "$status" -eq 69 ] || assert_success
    done
}

@test "sampled: killed at any moment and started again, it ends with the same bytes" {
    "$HELPERS/toy.py" . identity=1 items=200 users=400
    command=("${SAMPLED[@]}" --average 0.9 --save-seconds 0 --threads 1)
    train "${command[@]}" --log a.jsonl -o a.st
    killed_often 5 "$BIN/sidgen-train" -q "${command[@]}" --log b.jsonl -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp a.st b.st
    cmp <(untimed a.jsonl) <(untimed b.jsonl)
}

@test "training begins with another model's weights" {
    "$HELPERS/toy.py" .
    train "${SMALL[@]}" --epochs 4 -o half.st
    train "${SMALL[@]}" --epochs 1 --lr 0 --weight-decay 0 --start half.st -o same.st
    assert_equal "$(weights same.st)" "$(weights half.st)"
    train "${SMALL[@]}" --epochs 1 --start half.st -o whole.st
    train "${SMALL[@]}" --epochs 1 -o anew.st
    at_least "$(meta whole.st validation ndcg@10)" "$(meta anew.st validation ndcg@10)"
    [ "$(meta whole.st input.start)" ]
    refused 65 'that model is of another shape (flat, width 32, 2 layers, 2 heads, MLP 64, block a level 0)' --start half.st
    refused 65 'is of schema sids/1, expected model/1' --start sids.st
}

@test "what cannot be learnt is not: no target leaks" {
    "$HELPERS/toy.py" . random=1
    train "${SMALL[@]}" -o model.st
    at_least 0.35 "$(meta model.st validation hr@10)" # 10 of 60 items by chance: 0.17
}

@test "held-out interactions do not reach the weights" {
    "$HELPERS/toy.py" .
    train "${SMALL[@]}" --epochs 2 --valid-users 0 -o a.st
    "$HELPERS/toy.py" . heldout=1
    train "${SMALL[@]}" --epochs 2 --valid-users 0 -o b.st
    assert_equal "$(weights a.st)" "$(weights b.st)"
    [ "$(meta a.st input.interactions)" != "$(meta b.st input.interactions)" ]
}

@test "the same bytes for any number of threads, others for another seed" {
    "$HELPERS/toy.py" .
    for t in 1 2 3; do train "${SMALL[@]}" --epochs 3 --average 0.9 --threads $t --log log$t -o model$t.st; done
    cmp model1.st model2.st
    cmp model1.st model3.st
    cmp <(untimed log1) <(untimed log3)
    train "${SMALL[@]}" --epochs 3 --average 0.9 --seed 43 -o other.st
    [ "$(weights model1.st)" != "$(weights other.st)" ]
}

@test "--examples: an epoch draws so many, others each time, and the same for any number of threads" {
    "$HELPERS/toy.py" .
    for t in 1 2; do train "${SMALL[@]}" --epochs 4 --examples 40 --threads $t --log log$t -o model$t.st; done
    cmp model1.st model2.st
    [ "$(wc -l <log1)" -eq 4 ]
    train "${SMALL[@]}" --epochs 4 -o whole.st
    [ "$(weights model1.st)" != "$(weights whole.st)" ]
    train "${SMALL[@]}" --epochs 4 --examples 1000000 -o all.st
    assert_equal "$(weights all.st)" "$(weights whole.st)"
    train "${SMALL[@]}" --epochs 60 --examples 40 --patience 0 -o long.st
    at_least "$(meta long.st validation hr@10)" 0.95
}

@test "the bf16 backend gives the same bytes for any number of threads" {
    "$HELPERS/toy.py" .
    run --separate-stderr train "${SMALL[@]}" --epochs 2 --gemm bf16 --threads 1 -o a.st
    [ "$status" -ne 69 ] || skip "no oneDNN, or a processor without bf16"
    assert_success
    train "${SMALL[@]}" --epochs 2 --gemm bf16 --threads 2 -o b.st
    cmp a.st b.st
    assert_equal "$(meta a.st gemm)" onednn-bf16
}

@test "standard input and output serve, without a checkpoint" {
    "$HELPERS/toy.py" .
    train "${TINY[@]}" -o a.st
    train "${TINY[@]}" -s - <sids.st >b.st
    train "${TINY[@]}" -o - | cat >c.st
    cmp a.st b.st
    cmp a.st c.st
    run ls
    assert_output $'a.st\nb.st\nc.st\ninteractions.st\nsids.st'
}

@test "early stopping keeps the best epoch" {
    "$HELPERS/toy.py" . random=1
    train "${TINY[@]}" --epochs 50 --patience 2 --log log.jsonl -o model.st
    run /usr/bin/python3 - "$(meta model.st validation epoch)" <<'PY'
import json, sys
ndcg = [json.loads(line)["ndcg@10"] for line in open("log.jsonl")]
best = ndcg.index(max(ndcg)) + 1
assert best == int(sys.argv[1]) and len(ndcg) == best + 2 < 50, (ndcg, sys.argv)
PY
    assert_success
}

@test "validation leaves met items out where histories do not repeat, and says so" {
    "$HELPERS/toy.py" .
    run --separate-stderr "$BIN/sidgen-train" "${TINY[@]}" --epochs 2 --beam 60 --log auto.jsonl -o auto.st
    assert_success
    assert_regex "$stderr" 'validation on 148 cases, met items left out: 0% of the training events repeat'
    assert_regex "$stderr" 'kept epoch [12] of 2: .*, met items left out'
    train "${TINY[@]}" --epochs 2 --beam 60 --validate unseen --log unseen.jsonl -o unseen.st
    cmp <(untimed auto.jsonl) <(untimed unseen.jsonl)
    train "${TINY[@]}" --epochs 2 --beam 60 --validate all --log all.jsonl -o all.st
    assert_equal "$(meta auto.st validation protocol)" unseen
    assert_equal "$(meta all.st validation protocol)" all
    # The same lists: a beam of the whole catalogue has no need to be widened.
    run /usr/bin/python3 - <<'PY'
import json
both, one = ([json.loads(line) for line in open(f)] for f in ("auto.jsonl", "all.jsonl"))
for b, o in zip(both, one, strict=True):
    assert b["protocol"] == "unseen" and o["protocol"] == "all" and "all" not in o
    assert b["all"] == {k: o[k] for k in ("hr@10", "ndcg@10")} and b["hr@10"] > b["all"]["hr@10"], (b, o)
PY
    assert_success
    for protocol in unseen all; do
        run "$BIN/evaluate" -q -m $protocol.st -s sids.st -i interactions.st --split valid --beam 60 --users 2000
        assert_success
        echo "$output" >m.json
        local key=metrics
        [ $protocol = all ] || key=metrics_unseen
        assert_equal "$(/usr/bin/python3 -c "import json; print(round(json.load(open('m.json'))['$key']['ndcg@10'], 6))")" \
            "$(meta $protocol.st validation ndcg@10 | /usr/bin/python3 -c 'print(float(input()))')"
    done
    "$HELPERS/toy.py" . random=1
    run --separate-stderr "$BIN/sidgen-train" "${TINY[@]}" --log log.jsonl -o random.st
    assert_regex "$stderr" 'validation on [0-9]+ cases, all items: [0-9.]+% of the training events repeat'
    assert_equal "$(meta random.st validation protocol)" all
    refused 64 "--validate" --validate seen
}

@test "without validation the last epoch is kept, and no metric is made up" {
    "$HELPERS/toy.py" .
    train "${TINY[@]}" --epochs 3 --valid-users 0 --log log.jsonl -o model.st
    assert_equal "$(meta model.st validation epoch)" 3
    run meta model.st validation
    refute_output --partial hr@10
    run grep -c '"hr@10":null,"ndcg@10":null' log.jsonl
    assert_output 3
}

@test "killed at any moment and started again, it ends with the same bytes" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 12 --average 0.9 --patience 3 --save-seconds 0 --threads 1)
    train "${command[@]}" --log a.jsonl -o a.st
    killed_often 5 "$BIN/sidgen-train" -q "${command[@]}" --log b.jsonl -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp a.st b.st
    cmp <(untimed a.jsonl) <(untimed b.jsonl)
    assert_not_exist b.st.ckpt
}

# Stops the copy of process $1 that writes its checkpoint, at the first that is caught at it: $writer.
stop_writer() {
    writer=
    while kill -0 "$1"; do
        read -r writer _ <"/proc/$1/task/$1/children" || true # no newline ends it
        [ -z "$writer" ] || kill -STOP "$writer" 2>/dev/null || true
        ! grep -qs '^State:[[:space:]]*T' "/proc/${writer:-none}/status" || return 0 # it may have ended
    done
    fail "no writer"
}

is_gone() { ! grep -qs '^State:[[:space:]]*[RSDT]' "/proc/$1/status"; } # a zombie where nobody waits for orphans

@test "killed while a copy of it writes the checkpoint: it has trained on, both end, and it ends with the same bytes" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 40 --threads 1)
    train "${command[@]}" --log a.jsonl -o a.st
    "$BIN/sidgen-train" -q "${command[@]}" --save-seconds 0 --log b.jsonl -o b.st &
    local pid=$! lines
    while [ ! -s b.jsonl ]; do sleep 0.01; done
    stop_writer $pid
    lines=$(wc -l <b.jsonl)
    while [ "$(wc -l <b.jsonl)" -le $((lines + 1)) ]; do sleep 0.01; done
    kill -9 $pid
    wait $pid || true
    kill -CONT "$writer" 2>/dev/null || true # it may not have come to the line by which it ends with the other
    for ((i = 0; i < 100; i++)); do ! is_gone "$writer" || break; sleep 0.05; done
    is_gone "$writer" || fail "the writer goes on"
    touch b.st.ckpt/state.st.AbCdEf # what it may have left
    train "${command[@]}" --log b.jsonl -o b.st
    cmp a.st b.st
    cmp <(untimed a.jsonl) <(untimed b.jsonl)
    assert_not_exist b.st.ckpt
}

@test "a checkpoint that cannot be written ends the training, though a copy of it writes" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 40 --save-seconds 0 -o model.st)
    fails_with 74 'model.st.ckpt/state.st: write failed: File too large' \
        bash -c "trap '' XFSZ; ulimit -f 40; exec \"\$@\"" full "$BIN/sidgen-train" -q "${command[@]}"
    assert_one_line
    assert_none_written model.st.ckpt/state.st
    assert_not_exist model.st

    "$BIN/sidgen-train" -q "${command[@]}" 2>message &
    local pid=$! status=0
    stop_writer $pid
    rm -r model.st.ckpt
    touch model.st.ckpt
    kill -CONT "$writer"
    wait $pid || status=$?
    assert_equal $status 73
    assert_equal "$(cat message)" 'sidgen-train: model.st.ckpt/state.st: Not a directory'
    assert_not_exist model.st
}

# Leaves model.st.ckpt/ of a run killed somewhere in its middle.
interrupt() {
    "$BIN/sidgen-train" -q "$@" &
    local pid=$!
    while [ ! -e model.st.ckpt/state.st ]; do sleep 0.01; done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    assert_exist model.st.ckpt/state.st
}

@test "a checkpoint of other options, inputs or backend is refused" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 40 --save-seconds 0 --threads 1 --gemm f32 -o model.st)
    interrupt "${command[@]}"
    before=$(sha256sum model.st.ckpt/state.st)
    check() { # check MESSAGE options
        local message=$1
        shift
        run --separate-stderr train "${command[@]}" "$@"
        assert_equal "$status" 65
        [[ $stderr == *"model.st.ckpt/state.st: checkpoint of another run: $message"*"remove it to start anew" ]] || fail "$stderr"
        assert_equal "$(sha256sum model.st.ckpt/state.st)" "$before"
        assert_not_exist model.st
    }
    check '"lr":0.01, this run has "lr":0.1;' --lr 0.1
    check '"seed":42, this run has "seed":7;' --seed 7
    check '"softmax":"trie", this run has "softmax":"level";' --softmax level
    check '"sampled":0, this run has "sampled":7;' --sampled 7
    mkdir other
    "$HELPERS/toy.py" other random=1
    check 'interactions:' -i other/interactions.st
    run --separate-stderr train "${command[@]}" --gemm bf16
    [ "$status" -eq 69 ] || check 'openblas-f32, this run has onednn-bf16;' --gemm bf16
    # threads, log and the time between checkpoints are no part of the result
    train "${command[@]}" --epochs 40 --threads 2 --log log.jsonl --save-seconds 30
    assert_exist model.st
    assert_not_exist model.st.ckpt
}

@test "a resumed run goes on with its own log only; another file is begun anew" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 12 --threads 1 -o model.st)
    train "${command[@]}" --log whole.jsonl
    while [ ! -d model.st.ckpt ]; do # again if it ended before it was killed
        rm -f model.st own.jsonl
        "$BIN/sidgen-train" -q "${command[@]}" --log own.jsonl &
        local pid=$!
        # two lines: a checkpoint knows of the first
        while [ "$(cat own.jsonl 2>/dev/null | wc -l)" -lt 2 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    cp -r model.st.ckpt kept
    cp own.jsonl moved.jsonl
    run --separate-stderr train "${command[@]}" --log moved.jsonl # by its bytes, whatever its name
    assert_success
    [ -z "$stderr" ] || fail "$stderr"
    cmp <(untimed whole.jsonl) <(untimed moved.jsonl)

    cp -r kept model.st.ckpt
    seq 10000 >foreign.txt
    run --separate-stderr train "${command[@]}" --log foreign.txt
    assert_success
    assert_equal "$stderr" 'sidgen-train: warning: foreign.txt: not the log that the checkpoint goes with; begun anew'
    [ "$(wc -l <foreign.txt)" -ge 1 ]
    cmp <(untimed foreign.txt) <(untimed whole.jsonl | tail -n "$(wc -l <foreign.txt)")
}

@test "a damaged checkpoint is refused" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 40 --save-seconds 0 --threads 1 -o model.st)
    interrupt "${command[@]}"
    cp model.st.ckpt/state.st good
    size=$(stat -c %s good)
    for cut in 0 5 100 2000 $((size / 2)) $((size - 1)); do
        head -c $cut good >model.st.ckpt/state.st
        run --separate-stderr train "${command[@]}"
        assert_equal "$status" 65
        [[ $stderr == 'sidgen-train: model.st.ckpt/state.st: '* ]] || fail "$stderr"
    done
    for at in $((size - 3)) $((size / 2)) $((size / 3)); do
        /usr/bin/python3 -c 'import sys; b=bytearray(open("good","rb").read()); b[int(sys.argv[1])] ^= 1; open("model.st.ckpt/state.st","wb").write(b)' $at
        run --separate-stderr train "${command[@]}"
        assert_equal "$status" 65
        [[ $stderr == *'the checkpoint is damaged; remove it to start anew' ]] || fail "$stderr"
    done
    cp sids.st model.st.ckpt/state.st
    run --separate-stderr train "${command[@]}"
    assert_equal "$status" 65
    [[ $stderr == *'is of schema sids/1, expected checkpoint/2' ]] || fail "$stderr"
}

@test "what a killed save left goes with the checkpoint, what is not ours stays" {
    "$HELPERS/toy.py" .
    mkdir model.st.ckpt
    touch model.st.ckpt/state.st.Xy12Zw
    train "${TINY[@]}" -o model.st
    assert_not_exist model.st.ckpt
    mkdir model.st.ckpt
    touch model.st.ckpt/mine
    train "${TINY[@]}" -o model.st
    run ls model.st.ckpt
    assert_output mine
}

@test "SIGTERM leaves the checkpoint and nothing half-written" {
    "$HELPERS/toy.py" .
    "$BIN/sidgen-train" -q "${SMALL[@]}" --epochs 400 --save-seconds 0 --threads 1 -o model.st &
    pid=$!
    while [ ! -e model.st.ckpt/state.st ]; do sleep 0.01; done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    assert_equal $status 143
    run ls . model.st.ckpt
    assert_output $'.:\ninteractions.st\nmodel.st.ckpt\nsids.st\n\nmodel.st.ckpt:\nstate.st'
}

@test "an interrupted run has saved the step at hand, and ends with the same bytes" {
    "$HELPERS/toy.py" .
    command=("${SMALL[@]}" --epochs 60 --save-seconds 1000 --threads 1 -o model.st --log log.jsonl)
    "$BIN/sidgen-train" "${command[@]}" 2>stderr &
    pid=$!
    until [ "$(cat log.jsonl 2>/dev/null | wc -l)" -ge 3 ]; do sleep 0.01; done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    assert_equal $status 143
    assert_regex "$(tail -n 1 stderr)" '^sidgen-train: interrupted; the same command goes on from model.st.ckpt$'
    run --separate-stderr "$BIN/sidgen-train" "${command[@]}"
    assert_success
    assert_regex "$stderr" 'going on from model.st.ckpt: epoch [0-9]+, step [0-9]+'
    mv model.st resumed.st
    train "${command[@]}" -o model.st
    cmp resumed.st model.st
}

@test "split tables need tables, and are whole in one process" {
    "$HELPERS/toy.py" .
    fails_with 64 '--split-tables needs --item-vectors or --node-vectors' train "${TINY[@]}" -o model.st --split-tables
    fails_with 64 '--split-tables needs --item-vectors or --node-vectors' train "${TINY[@]}" -o model.st --split-tables --body timeline
    assert_none_written model.st
    train "${TINY[@]}" -o whole.st --node-vectors
    train "${TINY[@]}" -o split.st --node-vectors --split-tables
    cmp whole.st split.st
}

@test "an old model stays until the new one is whole" {
    "$HELPERS/toy.py" .
    echo old >model.st
    run --separate-stderr train "${TINY[@]}" -o model.st --batch-tokens 8
    assert_failure
    assert_equal "$(cat model.st)" old
    train "${TINY[@]}" -o model.st
    assert_equal "$(meta model.st schema)" model/1
}

@test "help fits a screen" {
    run train --help
    assert_success
    [ "${#lines[@]}" -ge 24 ] && [ "${#lines[@]}" -le 78 ]
    for line in "${lines[@]}"; do [ "${#line}" -le 100 ] || fail "too wide: $line"; done
    for word in --softmax --max-items --patience --save-seconds --gemm --seed; do [[ $output == *"$word "* ]] || fail "no $word"; done
}

@test "the manual page has every option with its default" {
    train --help >help
    run /usr/bin/python3 - "$BATS_TEST_DIRNAME/../man/sidgen-train.1" <<'PY'
import re, sys
page = open(sys.argv[1]).read()
items = {m[1]: m[2] for m in re.finditer(r"^\.It Fl (?:. , )?-(\S+)[^\n]*\n(.*?)(?=^\.It |^\.El)", page, re.M | re.S)}
for name, default in re.findall(r"^ +(?:-., )?--(\S+) .*?(?:\[(\S+)\])?$", open("help").read(), re.M):
    assert name in items, f"--{name} is missing"
    assert not default or re.search(rf"The default is {re.escape(default)}[.:]\s", items[name]), f"--{name}: the default is {default}"
PY
    assert_success
}

@test "wrong usage" {
    "$HELPERS/toy.py" .
    refused 64 "unknown option '--depth'" --depth 3
    refused 64 '--layers 0: out of range' --layers 0
    refused 64 '--lr x: expected a number' --lr x
    refused 64 '--sampled -1: out of range' --sampled -1
    refused 64 '--sampled 2000000: out of range' --sampled 2000000
    refused 64 '--lr nan: expected a number' --lr nan
    refused 64 'expected one of trie, level' --softmax all
    refused 64 "unexpected operand 'more'" more
    refused 64 'does not divide' --heads 3
    refused 64 'cannot share' --dim 12 --heads 3 --kv-heads 2
    refused 64 'odd' --head-dim 3
    refused 64 '--batch-tokens 64 over 4 shards leaves 16 rows a shard, but a history of --max-items 20 may take 61' --batch-tokens 64
    refused 64 '--beam 9: out of range, expected 10' --beam 9
    run --separate-stderr train -s sids.st -o model.st
    assert_equal "$status" 64
    [[ $stderr == *'--sids and --interactions are required'* ]]
}

@test "missing, empty and foreign files" {
    "$HELPERS/toy.py" .
    refused 66 'none.st' -s none.st
    : >empty
    refused 65 'empty: is empty' -s empty
    refused 65 'empty: is empty' -i empty
    refused 65 'is of schema interactions/1, expected sids/1' -s interactions.st
    refused 65 'is of schema sids/1, expected interactions/1' -i sids.st
    head -c 4000 /dev/urandom >noise
    refused 65 'noise: ' -s noise
    refused 65 'noise: ' -i noise
    refused 66 '' -s .
}

@test "files that contradict themselves or each other" {
    broken() { # broken NAME MESSAGE
        "$HELPERS/toy.py" . break="$1"
        refused 65 "$2"
    }
    broken ids 'interactions.st: item_ids differ from those of sids.st, expected the same items in the same order'
    broken fewer 'interactions.st: item_ids differ from those of sids.st'
    broken range "interactions.st: tensor 'item_index': row 5: 60, expected 0 to 59"
    broken negative "interactions.st: tensor 'item_index': row 5: -1"
    broken offsets "interactions.st: tensor 'user_offsets': row 4"
    broken twin "sids.st: the SID of item 'i0' equals that of item 'i1'"
    broken prefix "sids.st: the SID of item 'i0' begins that of item 'i1'"
    broken code 'sids.st: codes: found code 8, expected codes below 8'
    broken nan "sids.st: tensor 'codes': found F32"
    broken short 'no user has 3 interactions or more'
    broken empty 'no user has 3 interactions or more'
}

@test "truncated files" {
    "$HELPERS/toy.py" .
    for name in sids interactions; do
        size=$(stat -c %s $name.st)
        for cut in 1 7 8 9 50 $((size / 4)) $((size / 2)) $((size - 8)) $((size - 1)); do
            head -c "$cut" $name.st >cut.st
            refused 65 'cut.st: ' "--$name" cut.st
        done
    done
}

@test "bytes changed at random are refused or read, never worse" {
    "$HELPERS/toy.py" . users=20 items=20
    run /usr/bin/python3 - "$BIN/sidgen-train" "${TINY[@]}" -o /dev/null -q <<'PY'
import random, subprocess, sys
command = sys.argv[1:]
for n in range(40):
    for name in "sids", "interactions":
        r, b = random.Random(n), bytearray(open(name + ".st", "rb").read())
        for _ in range(r.choice((1, 1, 4))):
            at = r.randrange(min(len(b), r.choice((8, 400, 1 << 30))))
            b[at] = r.choice((r.randrange(256), b[at] ^ 1 << r.randrange(8), 0, 255))
        open("flipped.st", "wb").write(b)
        p = subprocess.run(command + [f"--{name}", "flipped.st"], capture_output=True, timeout=60)
        if p.returncode not in (0, 64, 65) or (p.returncode != 0) != (p.stderr.count(b"\n") == 1):
            sys.exit(f"{name} {n}: {p.returncode}: {p.stderr.decode()}")
PY
    assert_success
}

@test "a full disk" {
    [ -e /dev/full ] || skip "no /dev/full"
    "$HELPERS/toy.py" .
    run --separate-stderr train "${TINY[@]}" -o /dev/full
    assert_equal "$status" 74
    [[ $stderr == 'sidgen-train: /dev/full: write failed'* ]]
    assert_not_exist /dev/full.ckpt
    run --separate-stderr train "${TINY[@]}" -o model.st --log /dev/full
    assert_equal "$status" 74
    [[ $stderr == 'sidgen-train: /dev/full: write failed'* ]]
    assert_not_exist model.st
    run --separate-stderr bash -c '"$0" "$@" > /dev/full' "$BIN/sidgen-train" "${TINY[@]}"
    assert_equal "$status" 74
}

@test "a closed pipe" {
    "$HELPERS/toy.py" .
    {
        status=0
        train "${TINY[@]}" 2>message || status=$?
        echo $status >status
    } | true
    assert_equal "$(cat status)" 74
    run cat message
    assert_output --partial 'sidgen-train: standard output: write failed'
}

@test "an output that cannot be created is found before training" {
    "$HELPERS/toy.py" .
    for path in sids.st/model.st none/model.st .; do
        run --separate-stderr train "${TINY[@]}" --epochs 100000 --patience 0 -o $path
        assert_equal "$status" 73
        [[ $stderr == "sidgen-train: $path: "* ]] || fail "$stderr"
    done
    run --separate-stderr train "${TINY[@]}" -o model.st --log none/log.jsonl
    assert_equal "$status" 73
    touch model.st.ckpt
    run --separate-stderr train "${TINY[@]}" -o model.st
    assert_equal "$status" 73
    [[ $stderr == 'sidgen-train: model.st.ckpt'* ]] || fail "$stderr"
}

@test "binary output to a terminal is refused before training" {
    command -v script >/dev/null || skip "no script(1)"
    "$HELPERS/toy.py" .
    run script -qec "$BIN/sidgen-train ${TINY[*]} --epochs 100000 --patience 0" /dev/null
    assert_equal "$status" 64
    assert_output --partial 'will not write binary data to a terminal'
}
