#!/usr/bin/env bats
# qarm-rl: its rewards rise, its bytes depend on nothing but inputs, options and seed, it survives being killed, it stops where it
# must, and what bad input gets.
# shellcheck disable=SC2016,SC2154 # $0 is for the inner shell; bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    local common=(-q -s sids.st -i interactions.st --dim 32 --layers 2 --heads 2 --kv-heads 1 --ffn 64 --max-items 8 --batch-tokens 512 --shards 4
        --lr 0.01 --warmup 10 --patience 0 --epochs 3)
    "$BIN/sidgen-train" "${common[@]}" -o model.st
    "$BIN/sidgen-train" "${common[@]}" --softmax level -o level.st

    "$HELPERS/quality.py" quality.st
}

setup() { suite_setup; }

INPUT=(-m model.st -s sids.st -i interactions.st --quality quality.st)
# A few steps, with everything on that shapes the result.
SMALL=("${INPUT[@]}" --sampler constrained-sample --shards 4 --prompts-per-step 16 --epochs 0.25 --valid-every 4 --lr 0.001 --warmup 2 --weight-decay 0.01 --average 0.5 --inner-steps 2
    --patience 0)

rl() { "$BIN/qarm-rl" -q "$@"; }

# refused CODE MESSAGE [options]: the exit status, the message in one line, and nothing written.
refused() {
    fails_with "$1" "$2" rl "${INPUT[@]}" --epochs 0.01 -o rl.st "${@:3}"
    assert_one_line
    [[ $stderr == 'qarm-rl: '* ]] || fail "message: $stderr"
    assert_none_written rl.st
}

@test "the policy learns, and says what it is" {
    run --separate-stderr rl "${INPUT[@]}" --sampler constrained-sample --epochs 3 --lr 0.002 --valid-every 15 --prompts-per-step 32 --log log.jsonl -o rl.st
    assert_success
    assert_output ''
    [ -z "$stderr" ]
    run /usr/bin/python3 - <<'PY'
import json, struct
import numpy as np
def read(name):
    raw = open(name, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    return head.pop("__metadata__"), head, raw[8 + n:]
meta, head, data = read("rl.st")
start, start_head, start_data = read("model.st")
assert meta["schema"] == "model/1" and meta["tool"] == "qarm-rl" and head == start_head and data != start_data
assert np.isfinite(np.frombuffer(data, "<f4")).all()
for key in "config", "vocab", "training", "input.sids", "input.interactions":
    assert meta[key] == start[key], key
assert len(meta["input.model"]) == len(meta["input.quality"]) == 32
options, kept = json.loads(meta["policy_training"]), json.loads(meta["validation"])
assert options["reward"] == "gated" and options["group"] == 8 and options["kl"] == 0.001 and "threads" not in options
log = [json.loads(line) for line in open("log.jsonl")]
assert [e["step"] for e in log][:3] == [0, 15, 30] and log[0]["prompts"] == 0 and log[1]["prompts"] == 15 * 32
assert log[-2]["reward_terms"]["exact"] > 1.2 * log[1]["reward_terms"]["exact"] and log[-2]["reward"] > 1.2 * log[1]["reward"], log
for e in log[1:]:
    t = e["reward_terms"]
    assert set(t) == {"exact", "valid", "lcp", "quality", "rank", "list", "grade"} and abs(sum(t.values()) - e["reward"]) < 1e-5
    assert abs(t["valid"] - 0.1) < 1e-6 and 0 <= t["lcp"] <= 0.3 and 0 <= t["quality"] <= 0.5 * t["exact"] + 1e-6 and t["rank"] == t["list"] == t["grade"] == 0
    assert 0 <= e["groups_equal_share"] <= 1 and abs(e["groups_equal_share"] * e["prompts"] - e["groups_equal"]) < 1e-2
    assert e["kl"] >= 0 and e["entropy"] > 0 and e["clipped"] == 0
best = max(log, key=lambda e: e["ndcg@10"])
assert kept["step"] == best["step"] and kept["ndcg@10"] == best["ndcg@10"] > kept["start_ndcg@10"] == log[0]["ndcg@10"], kept
PY
    assert_success
    run --separate-stderr "$BIN/evaluate" -q -m rl.st -s sids.st -i interactions.st --split valid
    assert_success
    assert_equal "$(meta rl.st validation protocol)" unseen
    assert_equal "$(jq -n --argjson m "$output" '$m.metrics_unseen["ndcg@10"] * 1000000 | round')" "$(meta rl.st validation ndcg@10 | /usr/bin/python3 -c 'print(round(float(input()) * 1000000))')"
}

@test "validation counts all items where it is told to" {
    rl "${SMALL[@]}" --validate all --beam 60 --log log.jsonl -o rl.st
    assert_equal "$(meta rl.st validation protocol)" all
    run "$BIN/evaluate" -q -m rl.st -s sids.st -i interactions.st --split valid --beam 60
    assert_equal "$(jq -n --argjson m "$output" '$m.metrics["ndcg@10"] * 1000000 | round')" "$(meta rl.st validation ndcg@10 | /usr/bin/python3 -c 'print(round(float(input()) * 1000000))')"
    assert_equal "$(jq -r .protocol log.jsonl | sort -u)" all
}

@test "every reward and sampler learns" {
    for reward in exact exact+valid+lcp ungated suppress rank; do
        rl "${INPUT[@]}" --sampler constrained-sample --prompts-per-step 64 --reward $reward --epochs 3 --lr 0.002 --valid-every 16 --patience 0 --log log.jsonl -o rl.st
        run /usr/bin/python3 - $reward <<'PY'
import json, sys
log = [json.loads(line) for line in open("log.jsonl")]
used = {t for t, v in log[-1]["reward_terms"].items() if v}
shaped = {"exact", "valid", "lcp"}
assert used == {"exact": {"exact"}, "exact+valid+lcp": shaped, "ungated": shaped | {"quality"}, "suppress": {"exact", "quality"}, "rank": {"exact", "rank"}}[sys.argv[1]], used
if sys.argv[1] != "ungated": # which pays for good items that nobody asked for
    assert max(e["ndcg@10"] for e in log) > log[0]["ndcg@10"] + 0.01, log
PY
        assert_success
    done
    rl "${INPUT[@]}" --prompts-per-step 64 --sampler constrained-beam --reward rank --epochs 1 --lr 0.002 --valid-every 1000 -o rl.st
    [ "$(meta rl.st validation step)" -gt 0 ]
}

@test "preferences, a supervised term, lists, grades and perturbed prompts: each learns, and shapes the result" {
    kinds=('--reward list --advantages centred' '--reward graded' '--prompts perturbed --reward exact' '--sft-weight 0.5 --reward exact'
        '--objective sdpo --kl 1' '--objective sdpo-rank --kl 1' '--objective sdpo --sft-weight 0.2 --prompts perturbed')
    for kind in "${kinds[@]}"; do
        # shellcheck disable=SC2086 # words
        "$BIN/qarm-rl" -q -m model.st -s sids.st -i interactions.st --epochs 2 --prompts-per-step 64 --valid-every 16 --lr 0.002 $kind --log log.jsonl -o rl.st
        run /usr/bin/python3 - <<'PY'
import json
lines = [json.loads(line) for line in open("log.jsonl")]
first, last = lines[0], lines[-1]
best = max(line["ndcg@10"] for line in lines)
assert best > first["ndcg@10"] + 0.02, (first["ndcg@10"], best)
assert abs(sum(last["reward_terms"].values()) - last["reward"]) < 1e-5
PY
        assert_success
    done
    few=(-m model.st -s sids.st -i interactions.st --epochs 0.25 --prompts-per-step 32 --valid-users 0 --reward exact)
    [ "$(rl "${few[@]}" | weights /dev/stdin)" = "$(rl "${few[@]}" | weights /dev/stdin)" ]
    perturbed=("${few[@]}" --prompts perturbed)
    rl "${perturbed[@]}" -o all.st
    for other in '--cut-history 0' '--drop-items 0' '--swap-items 0' '--advantages centred' '--sft-weight 0.1'; do
        # shellcheck disable=SC2086 # words
        rl "${perturbed[@]}" $other -o other.st
        [ "$(weights all.st)" != "$(weights other.st)" ] || fail "$other changed nothing"
    done
    for t in 1 2 3; do rl "${perturbed[@]}" --sft-weight 0.1 --threads $t -o t$t.st; done
    cmp t1.st t2.st
    cmp t1.st t3.st
    for t in 1 2; do rl "${few[@]:0:8}" --prompts-per-step 32 --valid-users 0 --objective sdpo-rank --threads $t -o s$t.st; done
    cmp s1.st s2.st
}

@test "free candidates need the level softmax; what is no item earns no validity" {
    rl "${INPUT[@]}" -m level.st --sampler free --temperature 1.5 --epochs 2 --lr 0.002 --valid-every 20 --prompts-per-step 32 --log log.jsonl -o rl.st
    run /usr/bin/python3 - <<'PY'
import json
log = [json.loads(line) for line in open("log.jsonl")]
assert 0 < log[1]["reward_terms"]["valid"] < 0.099 and log[-1]["reward_terms"]["valid"] > log[1]["reward_terms"]["valid"], log
PY
    assert_success
    rm rl.st
    refused 64 'model.st was trained with --softmax trie' --sampler free
}

@test "a model that does not get better keeps the supervised weights" {
    rl "${SMALL[@]}" --lr 0 --average 0 --weight-decay 0 -o rl.st
    assert_equal "$(weights rl.st)" "$(weights model.st)"
    assert_equal "$(meta rl.st validation step)" 0
}

@test "the same bytes for any number of threads, others for another seed" {
    for t in 1 2 3; do rl "${SMALL[@]}" --threads $t --log log$t -o rl$t.st --valid-users 0; done
    cmp rl1.st rl2.st
    cmp rl1.st rl3.st
    cmp <(untimed log1) <(untimed log3)
    rl "${SMALL[@]}" --seed 43 --valid-users 0 -o other.st
    [ "$(weights rl1.st)" != "$(weights other.st)" ]
    for t in 1 2; do rl "${SMALL[@]}" --sampler constrained-beam --threads $t --valid-users 0 -o beam$t.st; done
    cmp beam1.st beam2.st
}

@test "killed at any moment and started again, it ends with the same bytes" {
    command=("${SMALL[@]}" --epochs 1 --save-seconds 0 --threads 1)
    rl "${command[@]}" --log a.jsonl -o a.st
    killed_often 3 "$BIN/qarm-rl" -q "${command[@]}" --log b.jsonl -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp a.st b.st
    cmp <(untimed a.jsonl) <(untimed b.jsonl)
    assert_not_exist b.st.ckpt
}

@test "a checkpoint of other options or inputs is refused, and so is a damaged one" {
    command=("${SMALL[@]}" --epochs 50 --save-seconds 0 --threads 1 -o rl.st)
    "$BIN/qarm-rl" -q "${command[@]}" &
    pid=$!
    while [ ! -e rl.st.ckpt/state.st ]; do sleep 0.01; done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    check() { # check MESSAGE options
        local message=$1
        shift
        run --separate-stderr rl "${command[@]}" "$@"
        assert_equal "$status" 65
        [[ $stderr == *"rl.st.ckpt/state.st: checkpoint of another run: $message"*"remove it to start anew" ]] || fail "$stderr"
        assert_not_exist rl.st
    }
    check '"alpha":0.5, this run has "alpha":0.7;' --alpha 0.7
    check '"group":8, this run has "group":4;' --group 4
    "$HELPERS/quality.py" quality.st seed=2
    check 'quality:'
    cp "$BATS_FILE_TMPDIR/quality.st" .
    cp rl.st.ckpt/state.st good
    for at in 0.3 0.5 0.999; do
        /usr/bin/python3 -c 'import sys; b=bytearray(open("good","rb").read()); b[int(len(b) * float(sys.argv[1]))] ^= 1; open("rl.st.ckpt/state.st","wb").write(b)' $at
        run --separate-stderr rl "${command[@]}"
        assert_equal "$status" 65
    done
}

@test "it stops where KL or entropy leaves its bounds, or patience ends" {
    rl "${SMALL[@]}" --epochs 20 --lr 0.05 --max-kl 0.05 --kl 0 -o rl.st
    assert_equal "$(meta rl.st validation ended_by)" kl
    rl "${SMALL[@]}" --epochs 20 --lr 0.01 --min-entropy 0.95 --max-kl 0 -o rl.st
    assert_equal "$(meta rl.st validation ended_by)" entropy
    rl "${SMALL[@]}" --epochs 20 --lr 0 --patience 3 -o rl.st
    assert_equal "$(meta rl.st validation ended_by)" patience
    assert_equal "$(meta rl.st validation steps_run)" 12
    rl "${SMALL[@]}" -o rl.st
    assert_equal "$(meta rl.st validation ended_by)" epochs
}

@test "held-out interactions do not reach the weights" {
    rl "${SMALL[@]}" --valid-users 0 -o a.st
    mkdir other
    "$HELPERS/toy.py" other heldout=1
    run cmp -s interactions.st other/interactions.st
    assert_failure
    rl "${SMALL[@]}" --valid-users 0 -i other/interactions.st -o b.st
    assert_equal "$(weights a.st)" "$(weights b.st)"
}

@test "prompts held back from supervised training" {
    refused 64 'model.st has been trained on everything; train with --hold-back' --prompts held-back
    train() { "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 16 --layers 1 --ffn 16 --epochs 2 --batch-tokens 512 --shards 4 --valid-users 0 "$@"; }
    train -o all.st
    train --hold-back 0.5 -o half.st
    train --hold-back 1 -o none.st
    [ "$(weights all.st)" != "$(weights half.st)" ]
    # nothing held back reaches the weights: other items in those places change nothing
    /usr/bin/python3 - <<'PY'
import json, struct
import numpy as np
raw = bytearray(open("interactions.st", "rb").read())
n = 8 + struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:n])
at = {k: [n + o for o in head[k]["data_offsets"]] for k in ("item_index", "user_offsets")}
offsets = np.frombuffer(raw[slice(*at["user_offsets"])], "<i8")
events = np.frombuffer(raw[slice(*at["item_index"])], "<i4").copy()
for first, end in zip(offsets, offsets[1:]):
    if end - first >= 4:
        events[end - 3] = (events[end - 3] + 5) % 60
raw[slice(*at["item_index"])] = events.tobytes()
open("changed.st", "wb").write(raw)
PY
    train --hold-back 1 -i changed.st -o same.st
    assert_equal "$(weights none.st)" "$(weights same.st)"
    for model in half none; do
        rl -m $model.st -s sids.st -i interactions.st --reward rank --prompts held-back --prompts-per-step 8 --epochs 1 --valid-users 0 --log log.jsonl -o rl.st
        eval "$model=$(/usr/bin/python3 -c 'import json; print(sum(json.loads(l)["prompts"] for l in open("log.jsonl")))')"
    done
    [ "$half" -gt $((none * 3 / 10)) ] && [ "$half" -lt $((none * 7 / 10)) ] || fail "$half of $none"
}

@test "standard output serves, without a checkpoint" {
    rl "${SMALL[@]}" --valid-users 0 -o a.st
    rl "${SMALL[@]}" --valid-users 0 | cat >b.st
    cmp a.st b.st
}

@test "rewards without quality need no file" {
    rl -m model.st -s sids.st -i interactions.st --reward rank --epochs 0.05 -o rl.st
    assert_exist rl.st
    run --separate-stderr rl -m model.st -s sids.st -i interactions.st -o none.st
    assert_equal "$status" 64
    [[ $stderr == *'--reward gated needs --quality FILE'* ]] || fail "$stderr"
}

@test "wrong usage" {
    refused 64 '--reward needs --objective grpo' --objective sdpo --reward exact
    refused 64 '--advantages needs --objective grpo' --objective sdpo-rank --advantages centred
    refused 64 '--clip needs --objective grpo' --objective sdpo --clip 0.1
    refused 64 '--quality needs --objective grpo' --objective sdpo
    fails_with 64 '--kl 0: --objective sdpo then learns nothing' rl "${INPUT[@]:0:6}" --objective sdpo --kl 0 -o rl.st
    refused 64 '--gamma needs --reward graded' --gamma 0.5
    refused 64 '--gamma 1.5: out of range' --reward graded --gamma 1.5
    refused 64 '--drop-items needs --prompts perturbed' --drop-items 0.5
    refused 64 '--cut-history needs --prompts perturbed' --prompts last --cut-history 0.5
    refused 64 '--swap-items needs --prompts perturbed' --swap-items 0.5
    refused 64 'expected one of grpo, sdpo, sdpo-rank' --objective dpo
    refused 64 '--group 1: out of range' --group 1
    refused 64 'expected one of exact, exact+valid+lcp, ungated, gated, suppress, rank' --reward all
    refused 64 'expected one of constrained-sample, constrained-beam, free' --sampler beam
    refused 64 '--temperature 0: out of range' --temperature 0
    refused 64 'there are only 60 distinct candidates' --sampler constrained-beam --group 61
    refused 64 "unexpected operand 'more'" more
    run --separate-stderr rl -s sids.st -o rl.st
    assert_equal "$status" 64
    [[ $stderr == *'--model, --sids and --interactions are required'* ]]
}

@test "files that are missing, foreign, truncated, or contradict each other" {
    refused 66 'none.st' -m none.st
    refused 65 'is of schema sids/1, expected model/1' -m sids.st
    refused 65 'is of schema model/1, expected quality/1' --quality model.st
    "$HELPERS/quality.py" q.st break=ids
    refused 65 'q.st: item_ids differ from those of sids.st, expected the same items in the same order' --quality q.st
    "$HELPERS/quality.py" q.st break=range
    refused 65 "q.st: tensor 'quality': row 3: 1.5, expected 0 to 1" --quality q.st
    "$HELPERS/quality.py" q.st break=nan
    refused 65 "q.st: tensor 'quality': row 3" --quality q.st
    "$HELPERS/quality.py" q.st break=mask
    refused 65 "q.st: tensor 'quality_mask': row 3: 7, expected 0 or 1" --quality q.st
    mkdir other
    "$HELPERS/toy.py" other seed=2
    refused 65 'trained with other SIDs' -s other/sids.st
    "$HELPERS/toy.py" other break=ids
    refused 65 'other/interactions.st: item_ids differ from those of sids.st' -i other/interactions.st
    "$HELPERS/toy.py" other break=empty
    refused 65 'no user has 4 interactions or more' -i other/interactions.st
    for name in model quality; do
        size=$(stat -c %s $name.st)
        for cut in 0 7 50 $((size / 2)) $((size - 1)); do
            head -c "$cut" $name.st >cut.st
            refused 65 'cut.st: ' "--$name" cut.st
        done
    done
}

@test "a full disk and an output that cannot be created" {
    for path in sids.st/rl.st none/rl.st .; do
        run --separate-stderr rl "${SMALL[@]}" --epochs 10000 -o $path
        assert_equal "$status" 73
        [[ $stderr == "qarm-rl: $path: "* ]] || fail "$stderr"
    done
    [ -e /dev/full ] || skip "no /dev/full"
    run --separate-stderr rl "${SMALL[@]}" --valid-users 0 -o /dev/full
    assert_equal "$status" 74
    [[ $stderr == 'qarm-rl: /dev/full: write failed'* ]]
}

@test "help fits a screen, and the manual page has every option with its default" {
    run rl --help
    assert_success
    [ "${#lines[@]}" -le 60 ]
    for line in "${lines[@]}"; do [ "${#line}" -le 100 ] || fail "too wide: $line"; done
    rl --help >help
    run /usr/bin/python3 - "$BATS_TEST_DIRNAME/../man/qarm-rl.1" <<'PY'
import re, sys
page = open(sys.argv[1]).read()
items = {m[1]: m[2] for m in re.finditer(r"^\.It Fl (?:. , )?-(\S+)[^\n]*\n(.*?)(?=^\.It |^\.El)", page, re.M | re.S)}
for name, default in re.findall(r"^ +(?:-., )?--(\S+) .*?(?:\[(\S+)\])?$", open("help").read(), re.M):
    assert name in items, f"--{name} is missing"
    assert not default or re.search(rf"The default is {re.escape(default)}[.:,]\s", items[name]), f"--{name}: the default is {default}"
PY
    assert_success
}
