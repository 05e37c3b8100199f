#!/usr/bin/env bats
# The timeline body: one row an item, vectors of items and nodes. It learns, its bytes depend on nothing but inputs, options
# and seed, every tool downstream works with it, SIDs may grow, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    train "${TIMELINE[@]}" -o model.st
}

setup() { suite_setup; }

@test "every kind of timeline learns the ring" {
    at_least "$(meta model.st validation hr@10)" 0.95
    kinds=('' --item-vectors --node-vectors '--learned-positions --item-vectors' '--softmax level'
        '--item-vectors --item-loss 0.5' '--item-vectors --item-loss 0.5 --sampled 16')
    for kind in "${kinds[@]}"; do
        # shellcheck disable=SC2086 # some kinds are two options, one is none
        train --body timeline --depth-ffn 32 $kind -o other.st
        at_least "$(meta other.st validation hr@10)" 0.9
    done
}

@test "the model file says what it is" {
    run /usr/bin/python3 - <<'PY'
import json
from tensors import load
t, meta = load("model.st")
config, training = json.loads(meta["config"]), json.loads(meta["training"])
sids, _ = load("sids.st")
levels = sids["codes"].shape[1] + 1
assert config["architectures"] == ["SidmillForCausalLM"] and config["depth_levels"] == levels and config["depth_size"] == 32
assert config["max_position_embeddings"] == 1 + 8 and training["body"] == "timeline" and training["item-vectors"] is True
assert t["model.item_vectors.weight"].shape == (60, 32) and config["item_vectors"] == 60
nodes = config["node_vectors"]
assert t["model.node_vectors.weight"].shape == (nodes, 32) and t["node_parent"].shape == t["node_token"].shape == (nodes,)
for level in range(levels):
    assert t[f"model.depth.{level}.gate_proj.weight"].shape == (32, 32) and t[f"model.depth.{level}.norm.weight"].shape == (32,)
# the root's children have no vectors of their own
assert not t["model.node_vectors.weight"][t["node_parent"] == 0].any() and t["model.node_vectors.weight"].any()
PY
    assert_success
}

@test "the same bytes for any number of threads, others for another seed" {
    all=("${TIMELINE[@]}" --item-dropout 0.1 --vector-dropout 0.2 --depth-dropout 0.1 --average 0.9 --epochs 3
        --item-loss 0.5 --sampled 16 --label-smoothing 0.1)
    for t in 1 2 3; do train "${all[@]}" --threads $t --log log$t -o model$t.st; done
    cmp model1.st model2.st
    cmp model1.st model3.st
    cmp <(untimed log1) <(untimed log3)
    train "${all[@]}" --seed 43 -o other.st
    [ "$(weights model1.st)" != "$(weights other.st)" ]
    for t in 1 2; do "$BIN/evaluate" -q -m model.st -s sids.st -i interactions.st --threads $t --recs-out recs$t.st -o m$t.json; done
    cmp recs1.st recs2.st
}

@test "the last epochs settle, without dropout and label smoothing" {
    rough=(--dropout 0.3 --depth-dropout 0.2 --label-smoothing 0.2 --item-dropout 0.1)
    train "${TIMELINE[@]}" --epochs 3 "${rough[@]}" --settle 0 --log a -o a.st
    train "${TIMELINE[@]}" --epochs 3 "${rough[@]}" --settle 1 --log b -o b.st
    train "${TIMELINE[@]}" --epochs 3 "${rough[@]}" --settle 3 --log c -o c.st
    train "${TIMELINE[@]}" --epochs 3 --item-dropout 0.1 --dropout 0 --depth-dropout 0 --label-smoothing 0 --settle 0 --log d -o d.st
    cmp <(untimed a | head -2) <(untimed b | head -2)
    [ "$(untimed a | tail -1)" != "$(untimed b | tail -1)" ]
    cmp <(untimed c) <(untimed d)
    assert_equal "$(weights c.st)" "$(weights d.st)"
}

@test "killed at any moment and started again, it ends with the same bytes" {
    command=("${TIMELINE[@]}" --epochs 40 --settle 20 --label-smoothing 0.1 --average 0.9 --save-seconds 0 --threads 1 --item-loss 0.5)
    train "${command[@]}" --log a.jsonl -o a.st
    killed_often 5 "$BIN/sidgen-train" -q "${SMALL[@]}" "${command[@]}" --log b.jsonl -o b.st
    [ "$kills" -ge 2 ] || fail "killed only $kills times"
    cmp a.st b.st
    cmp <(untimed a.jsonl) <(untimed b.jsonl)
    assert_equal "$(grep -c '"item_loss":[0-9]' a.jsonl)" "$(grep -c . a.jsonl)"
}

@test "training begins with another timeline, tables and all; not with a flat model" {
    train "${TIMELINE[@]}" --epochs 1 --lr 0 --weight-decay 0 --start model.st -o same.st
    assert_equal "$(weights same.st)" "$(weights model.st)"
    fails_with 65 'that model is of another shape' train --epochs 1 --start model.st -o flat.st
    train --epochs 1 -o flat.st
    fails_with 65 'that model is of another shape (flat, width 32, 2 layers, 2 heads' train "${TIMELINE[@]}" --epochs 1 --start flat.st -o no.st
    fails_with 65 'of another shape (timeline, width 32, 2 layers, 2 heads, MLP 64, block a level 32, item vectors, node vectors)' \
        train "${TIMELINE[@]}" --heads 1 --head-dim 32 --kv-heads 1 --epochs 1 --start model.st -o no.st
    assert_none_written no.st
}

@test "every position that a long history is read at is trained" {
    train --body timeline --learned-positions --max-items 4 --epochs 1 --valid-users 0 -o moved.st
    train --body timeline --learned-positions --max-items 4 --epochs 1 --valid-users 0 --lr 0 -o still.st
    run /usr/bin/python3 - <<'PY'
from tensors import load
moved, still = (load(name)[0]["model.positions.weight"] for name in ("moved.st", "still.st"))
assert len(moved) == 5 and (moved != still).any(axis=1).all()
PY
    assert_success
}

@test "held-out interactions do not reach the weights" {
    train "${TIMELINE[@]}" --epochs 2 --valid-users 0 -o a.st
    mkdir other
    "$HELPERS/toy.py" other heldout=1
    train "${TIMELINE[@]}" --epochs 2 --valid-users 0 -i other/interactions.st -o b.st
    assert_equal "$(weights a.st)" "$(weights b.st)"
}

@test "recommend gives evaluate's lists; an empty history has the model's own start" {
    "$BIN/evaluate" -q -m model.st -s sids.st -i interactions.st -k 10 --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" write_histories interactions.st test >histories.txt
    "$BIN/recommend" -m model.st -s sids.st <histories.txt >lists.tsv
    run "$HELPERS/evaluate.py" check_lists lists.st lists.tsv
    assert_success
    run "$BIN/recommend" -m model.st -s sids.st <<<''
    assert_success
    [ "$(wc -w <<<"$output")" -eq 10 ]
}

@test "the policy is trained from it, by every sampler, with the same bytes for any number of threads" {
    "$HELPERS/quality.py" quality.st
    rl=("$BIN/qarm-rl" -q -m model.st -s sids.st -i interactions.st --quality quality.st --shards 4 --prompts-per-step 16 --epochs 0.5 --valid-users 0 --lr 0.002 --warmup 2)
    for sampler in constrained-beam constrained-sample; do
        for t in 1 2; do "${rl[@]}" --sampler $sampler --threads $t -o rl$t.st; done
        cmp rl1.st rl2.st
        [ "$(weights rl1.st)" != "$(weights model.st)" ]
    done
    train --body timeline --softmax level --epochs 3 -o level.st
    "${rl[@]}" -m level.st --sampler free -o rl.st
    "$BIN/evaluate" -q -m rl.st -s sids.st -i interactions.st -o m.json
}

@test "SIDs that have grown: old items keep their vectors, new ones are reached by their codes" {
    grow
    printf 'i1 i2 i3\ni1 new\n' >histories.txt
    "$BIN/recommend" -m model.st -s sids.st -k 60 -b 60 <histories.txt >old.tsv 2>old.err
    "$BIN/recommend" -m model.st -s grown.st -k 61 -b 61 <histories.txt >new.tsv
    run /usr/bin/python3 - <<'PY'
import math
def lists(name): return [dict(x.rsplit(":", 1) for x in line.split("\t")) for line in open(name).read().splitlines()]
old, new = lists("old.tsv"), lists("new.tsv")
assert set(new[0]) == set(old[0]) | {"new"} and len(new[1]) == 61
assert abs(sum(math.exp(float(s)) for s in new[0].values()) - 1) < 1e-3
# what is not near the new item's codes is hardly moved
same = sum(abs(float(new[0][i]) - float(old[0][i])) < 1e-3 for i in old[0])
assert same > 30, same
PY
    assert_success
}

@test "wrong usage" {
    for option in --item-vectors --learned-positions '--item-dropout=0.1'; do
        fails_with 64 '--item-vectors, --learned-positions and --item-dropout need --body timeline' train "$option" -o no.st
    done
    for option in --depth-ffn=16 --depth-dropout=0.1; do
        fails_with 64 '--depth-ffn and --depth-dropout need --body timeline' train "$option" -o no.st
    done
    fails_with 64 '--vector-dropout needs --item-vectors or --node-vectors' train --body timeline --vector-dropout 0.1 -o no.st
    fails_with 64 '--item-loss needs --item-vectors' train --body timeline --item-loss 1 -o no.st
    fails_with 64 '--node-vectors need --softmax trie' train --node-vectors --softmax level -o no.st
    fails_with 64 'expected one of flat, timeline' train --body tree -o no.st
    assert_none_written no.st
}

@test "models that contradict their SIDs or themselves" {
    refused() { # refused EXPRESSION MESSAGE
        changed "$1"
        for tool in "recommend -m broken.st -s sids.st" "evaluate -q -m broken.st -s sids.st -i interactions.st"; do
            # shellcheck disable=SC2086 # words of a command
            run --separate-stderr "$BIN/"$tool <<<'i1'
            assert_equal "$status" 65
            [[ $stderr == *"$2"* ]] || fail "$stderr"
            assert_one_line
        done
    }
    refused 't["node_token"][5] = t["node_token"][6]' 'its node vectors are of another trie'
    refused 't["node_parent"][9] = 10**9' 'its node vectors are of another trie'
    refused 't["node_parent"][0] = 0' 'its node vectors are of another trie'
    refused 'del t["node_parent"]' "node_parent"
    refused 't["model.node_vectors.weight"] = t["model.node_vectors.weight"][:-1]' 'model.node_vectors.weight'
    refused 'set_json("training", body="flat")' "is not the body that the model's shape says (timeline)"
    refused 'set_json("config", depth_levels=2)' 'a block for each of 2 levels, expected 3'
    refused 'set_json("config", item_vectors=10**12)' 'a table has more rows'
    refused 'set_json("training", softmax="level")' "node vectors without the trie's softmax"
    refused 'set_json("config", item_vectors=59); t["model.item_vectors.weight"] = t["model.item_vectors.weight"][:59]' 'vectors of 59 items, but there are 60'
    refused 'set_json("config", item_vectors=61)' 'model.item_vectors.weight'
    refused 't["model.item_vectors.weight"][3, 4] = float("nan")' 'model.item_vectors.weight'
}
