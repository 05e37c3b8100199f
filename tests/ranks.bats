#!/usr/bin/env bats
# Tools as several MPI ranks: the same bytes for any number of them, and all end when one does.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
setup() {
    suite_setup
    command -v mpirun >/dev/null || skip "no mpirun here"
    ldd "$BIN/sidgen-train" | grep -q libmpi || skip "built without MPI"
    "$HELPERS/toy.py" .
    # More ranks than processors, root, a container: only memory is shared, and no network asked.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
    export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_oob_tcp_if_include=lo
}

SMALL=(-s sids.st -i interactions.st --dim 16 --layers 1 --heads 2 --ffn 16 --max-items 8 --epochs 2 --batch-tokens 512 --shards 4
    --lr 0.01 --threads 1)
TABLES=(--body timeline --item-vectors --node-vectors --sampled 8 --average 0.9)

train() { "$BIN/sidgen-train" -q "${SMALL[@]}" "$@"; }
ranks() { mpirun -n "$1" "$BIN/sidgen-train" -q "${SMALL[@]}" "${@:2}"; } # ranks R [options]

# same R [options]: the bytes and the log of one.st and one.log.
same() {
    ranks "$@" --log ranks.log -o ranks.st
    cmp one.st ranks.st
    cmp <(untimed one.log) <(untimed ranks.log)
    assert_not_exist ranks.st.ckpt
}

@test "the same bytes for any number of ranks and threads" {
    train --log one.log -o one.st
    for r in 1 2 3 4; do same $r --threads $((1 + r % 2)); done
}

@test "the same bytes where tables learn by the row, and where thoughts are taught" {
    train "${TABLES[@]}" --log one.log -o one.st
    for r in 2 3; do same $r "${TABLES[@]}" --threads $((r - 1)); done
    train --think --shards 5 --log one.log -o one.st
    same 3 --think --shards 5
}

@test "the same bytes where tables are split over ranks" {
    split() { # split R [options]
        train "${@:2}" --log one.log -o one.st
        same "$@" --split-tables
    }
    train "${TABLES[@]}" --item-loss 0.5 --log one.log -o one.st # of samples
    for r in 1 2 3 4; do same $r "${TABLES[@]}" --item-loss 0.5 --split-tables --threads $((1 + r % 2)); done
    split 2 "${TABLES[@]}" --item-loss 0.5 --sampled 0 --vector-dropout 0.3 --validate unseen # by all items
    cp one.st start.st
    split 3 "${TABLES[@]}" --start start.st
    split 3 "${TABLES[@]}" --think --validate all
    split 2 --node-vectors
    split 4 --body timeline --item-vectors --valid-users 0
}

@test "split tables begin with those of a model whose SIDs have grown since" {
    train "${TABLES[@]}" -o start.st
    python_with tensors <<'PY' # an item more, of a free SID that stands before others
import json
t, meta = load("sids.st")
free = next([a, b] for a in range(8) for b in range(8) if [a, b] not in t["codes"].tolist())
t = {k: v.copy() for k, v in t.items()}
t["codes"], t["suffix"] = np.vstack([t["codes"], [free]]).astype("<i4"), np.append(t["suffix"], -1).astype("<i4")
x, about = load("interactions.st")
x = {k: v.copy() for k, v in x.items()}
t["item_ids"] = x["item_ids"] = np.append(t["item_ids"], np.frombuffer(b"new\n", "u1"))
_, model = load("start.st")
save("sids.st", t, {"schema": "sids/1", "config": json.dumps({"codes": 8, "max-suffix": int(t["suffix"].max()) + 1}), "input.sids": model["input.sids"]})
save("interactions.st", x, about)
PY
    train "${TABLES[@]}" --start start.st --log one.log -o one.st
    for r in 2 3; do same $r "${TABLES[@]}" --start start.st --split-tables; done
}

@test "a rank holds its share of tables that are split" {
    [ -z "${SANITIZE:-}" ] || skip "sanitizers keep what was freed"
    "$HELPERS/toy.py" . users=100 items=100000 levels=3 codes=64 random=1
    local large=("${TABLES[@]}" --dim 64 --epochs 1 --valid-users 40)
    # peak OPTIONS: the memory in MB that the largest of two ranks has taken.
    peak() {
        rm -f peaks
        mpirun -n 2 "$HELPERS/peak_memory.py" peaks "$BIN/sidgen-train" -q "${SMALL[@]}" "${large[@]}" "$@" 2>&1
        sort -n peaks | tail -n 1
    }
    local all part tables
    all=$(peak -o all.st)
    part=$(peak --split-tables -o part.st)
    cmp all.st part.st
    tables=$(($(stat -c %s all.st) * 3 / 1000000)) # values, the best and the average; what optimisers keep comes as rows are touched
    [ $part -le $((all - tables * 4 / 10)) ] || fail "$part MB of $all MB, with $tables MB of tables"
}

@test "ranks without shards have nothing to do, which is said once" {
    train --shards 1 --log one.log -o one.st
    run --separate-stderr ranks 3 --shards 1 -o ranks.st
    assert_success
    assert_equal "$stderr" 'sidgen-train: warning: more ranks (3) than shards (1): the others have nothing to train on'
    cmp one.st ranks.st
}

# alike "OUTPUT ..." TOOL [options]: the files that a tool writes are the same by 1 rank, by 3 of 2 threads, and by 4 of one.
alike() {
    local files=$1 tool=$2 file r
    "$BIN/$tool" -q "${@:3}" <input
    for file in $files; do mv "$file" "one.$file"; done
    for r in 3 4; do
        mpirun -n $r "$BIN/$tool" -q "${@:3}" --threads $((1 + r % 2)) <input
        for file in $files; do cmp <(untimed "one.$file") <(untimed "$file"); done
    done
}

@test "policy training: the same bytes, drawn or by beams, with several updates a step" {
    train -o model.st
    : >input
    local rl=(-m model.st -s sids.st -i interactions.st --reward list --shards 4 --prompts-per-step 40 --epochs 0.5 --valid-every 4 --lr 0.001 --inner-steps 2
        --log log.jsonl -o rl.st)
    alike 'rl.st log.jsonl' qarm-rl "${rl[@]}" --sampler constrained-sample
    alike 'rl.st log.jsonl' qarm-rl "${rl[@]}" --sampler constrained-beam
    assert_not_exist rl.st.ckpt
}

@test "quantisers: the same bytes, of what all read from the first one's standard input" {
    python_with quantised <<<'embeddings("input", heaps(700))'
    alike 'codes.st log.jsonl' rqvae --levels 3 --codes 16 --latent 8 --hidden 24 --epochs 5 --warmup 3 --batch 512 --shards 5 --log log.jsonl -o codes.st
    alike codes.st rqvae --method rkmeans --levels 3 --codes 16 -o codes.st
}

@test "embeddings: the same bytes by terms, and by a decoder whose vectors are kept" {
    for i in $(seq 400); do echo "{\"id\": \"i$i\", \"title\": \"lamp $((i % 7)) of glass $i\", \"description\": \"for gardens $((i * i % 31))\"}"; done >items.jsonl
    cp items.jsonl input # what comes by standard input
    alike e.st embed --image none --dim 16 --fields title,description -o e.st
    "$HELPERS/llm_folder.py" llm family=qwen2
    "$BIN/tokenize" train -q --vocab 300 -o llm/tokenizer.json items.jsonl
    alike e.st embed --image none --text llm:llm --cache none --fields title,description -o e.st
    alike e.st embed --image none --text llm:llm --cache cache --fields title,description -o e.st
    fails_with 64 "one process's" mpirun -n 2 "$BIN/embed" --image builtin --fields title -o e.st items.jsonl
}

# Makes users enough that every rank has some to ask.
many_users() {
    /usr/bin/python3 - <<'PY'
import numpy as np
from tensors import load, save
t, meta = load("interactions.st")
users, times = len(t["user_offsets"]) - 1, 40
t = dict(t)
ends = np.concatenate([t["user_offsets"][1:] + i * t["user_offsets"][-1] for i in range(times)])
t["user_offsets"] = np.concatenate([[0], ends]).astype("<i8")
for key, value in t.items():
    if key in ("item_index", "timestamp"):
        t[key] = np.tile(value, times)
t["user_ids"] = np.frombuffer("".join(f"u{i}\n" for i in range(users * times)).encode(), "u1")
save("interactions.st", t, meta)
PY
    : >input
}

@test "mixtures, and evaluation of both: the same bytes of weights, metrics, ranks and lists" {
    many_users
    train -o model.st
    alike 'blend.st report.json' blend -m model.st -s sids.st -i interactions.st --users 5000 --even 0.05 --report report.json -o blend.st
    alike 'm.json users.st lists.st' evaluate -m model.st -s sids.st -i interactions.st --baseline popular,cooccur --per-user users.st --recs-out lists.st -o m.json
    alike 'm.json users.st' evaluate -m model.st -s sids.st --blend blend.st -i interactions.st --per-user users.st -o m.json
}

# killed R [options]: as R ranks, of which one is killed once there is a checkpoint; all end, and no model is there.
killed() {
    mpirun -n "$1" "$BIN/sidgen-train" -q "${SMALL[@]}" "${@:2}" --log ranks.log -o ranks.st 2>/dev/null &
    local launcher=$! status=0 ranks
    while [ ! -e ranks.st.ckpt/state.st ]; do sleep 0.02; done
    read -ra ranks </proc/$launcher/task/$launcher/children || true # no newline ends it
    kill -9 "${ranks[1]}"
    SECONDS=0
    wait $launcher || status=$?
    [ $status -ne 0 ]
    [ $SECONDS -le 6 ] || fail "they ended after $SECONDS s"
    assert_equal "${#ranks[@]}" "$1"
    sleep 0.2 # they have been killed, which takes a moment
    for pid in "${ranks[@]}"; do # a zombie where nobody waits for orphans
        ! grep -qs '^State:[[:space:]]*[RSD]' "/proc/$pid/status" || fail "rank $pid goes on"
    done
    assert_not_exist ranks.st
    assert_exist ranks.st.ckpt/state.st
}

@test "a rank that is killed ends all, and the same command goes on as any number of them" {
    long=("${TABLES[@]}" --epochs 40 --patience 0)
    train "${long[@]}" --log one.log -o - >one.st # without checkpoints
    killed 3 "${long[@]}"
    same 2 "${long[@]}"
}

@test "with split tables likewise, and each goes on from the other's state" {
    long=("${TABLES[@]}" --epochs 40 --patience 0)
    train "${long[@]}" --log one.log -o - >one.st
    killed 3 "${long[@]}" --split-tables --save-seconds 0
    cp -r ranks.st.ckpt kept.ckpt
    same 2 "${long[@]}" --split-tables
    mv kept.ckpt ranks.st.ckpt
    "$BIN/sidgen-train" -q "${SMALL[@]}" "${long[@]}" --log ranks.log -o ranks.st
    cmp one.st ranks.st
    rm ranks.st
    killed 2 "${long[@]}"
    same 4 "${long[@]}" --split-tables
}

@test "ranks with split tables that are told to stop save, and go on" {
    long=("${TABLES[@]}" --epochs 150 --patience 0 --save-seconds 1000) # a launcher takes a second to pass a signal on
    train "${long[@]}" --log one.log -o - >one.st
    mpirun -n 3 "$BIN/sidgen-train" "${SMALL[@]}" "${long[@]}" --split-tables --log ranks.log -o ranks.st 2>stopped &
    local launcher=$! status=0
    while [ ! -e ranks.st.ckpt/state.st ]; do sleep 0.02; done
    kill -TERM $launcher
    SECONDS=0
    wait $launcher || status=$?
    [ $status -ne 0 ] && [ $SECONDS -le 6 ]
    grep -q 'interrupted; the same command goes on from ranks.st.ckpt' stopped
    assert_not_exist ranks.st
    same 2 "${long[@]}" --split-tables
}

@test "what one process refuses, ranks refuse in one line" {
    refused() { # refused CODE MESSAGE [options]
        fails_with "$1" "$2" ranks 2 -o model.st "${@:3}"
        assert_equal "$(grep -c '^sidgen-train: ' <<<"$stderr")" 1
        assert_none_written model.st
    }
    refused 64 'raise --batch-tokens or lower --shards' --shards 100
    refused 66 'nowhere.st: No such file' -i nowhere.st
    # found by the first rank's copy that writes the checkpoint, which is no rank
    mkdir out
    touch out/model.st.ckpt
    fails_with 73 'out/model.st.ckpt/state.st: Not a directory' ranks 2 --save-seconds 0 --epochs 40 -o out/model.st
    assert_equal "$(grep -c '^sidgen-train: ' <<<"$stderr")" 1
    assert_not_exist out/model.st
}

@test "a program for one process, and ranks that cannot find each other, end before they write" {
    run --separate-stderr mpirun -n 2 "$BIN/recommend" -m model.st -s sids.st
    assert_equal "$status" 69
    assert_regex "$stderr" 'recommend: one of 2 processes that cannot work together'
    SLURM_STEP_NUM_TASKS=2 fails_with 69 'one of 2 processes that cannot work together' train -o model.st
    assert_none_written model.st
}

@test "no other program loads MPI's library" {
    for program in "$BIN"/*; do
        case ${program##*/} in embed | rqvae | sidgen-train | qarm-rl | blend | evaluate) continue ;; esac
        ! ldd "$program" | grep -q libmpi || fail "$program does"
    done
}
