#!/usr/bin/env bats
# Models that think before each code, timelines (timeline.st) and flat ones (flat.st): they learn, their bytes depend on nothing but inputs,
# options and seed, every tool downstream works with them, explain says what they think, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash
load toy_model.bash

FLAT=(--node-vectors --think --think-ffn 16)
THINK=("${TIMELINE[@]}" --think --think-ffn 16)

# The toy's SIDs with vectors of their codes, as a quantiser has them, and with none: book.st, bare.st.
add_codebook() {
    /usr/bin/python3 - <<'PY'
import numpy as np
from tensors import load, save
t, meta = load("sids.st")
t = dict(t) | {"codebook": np.random.default_rng(3).normal(size=(2, 8, 5)).astype("<f4")}
save("book.st", t, meta)
del t["codebook"]
save("bare.st", t, meta)
PY
}

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    add_codebook
    train "${THINK[@]}" -s book.st --log timeline.jsonl -o timeline.st
    train "${FLAT[@]}" -s book.st --epochs 12 --log flat.jsonl -o flat.st
    train "${TIMELINE[@]}" -o model.st
}

setup() { suite_setup; }

toy_items() { for ((i = 0; i < 60; i++)); do echo "{\"id\":\"i$i\",\"title\":\"thing number $i\"}"; done; }

# with BODY: sets `options` of a model that thinks, whose name is BODY.st.
with() {
    if [ "$1" = flat ]; then options=("${FLAT[@]}"); else options=("${THINK[@]}"); fi
}

@test "every kind of thinking learns the ring" {
    at_least "$(meta timeline.st validation hr@10)" 0.95
    at_least "$(meta flat.st validation hr@10)" 0.9
    kinds=('--body timeline' '--body timeline --think-align 0 --think-guide 0'
        '--body timeline --softmax level --item-vectors --item-loss 0.5 --sampled 4'
        '--epochs 14 --think-targets 0' '--epochs 14 --think-targets 3 --softmax level')
    for kind in "${kinds[@]}"; do
        # shellcheck disable=SC2086 # words
        train --think $kind -o other.st
        at_least "$(meta other.st validation hr@10)" 0.9
    done
}

@test "a model that thinks says so, and its log what the thoughts have learnt" {
    cp "$BATS_FILE_TMPDIR"/*.jsonl .
    train "${THINK[@]}" -s bare.st --epochs 4 --log own.jsonl -o own.st
    train "${THINK[@]}" --epochs 2 --think-align 0 --think-guide 0 --log extra.jsonl -o extra.st
    train "${THINK[@]}" --epochs 2 --think-guide 0 --log aligned.jsonl -o aligned.st
    train "${TIMELINE[@]}" --epochs 1 --log plain.jsonl -o plain.st
    run /usr/bin/python3 - <<'PY'
import json
from tensors import load
t, meta = load("timeline.st")
config, training = json.loads(meta["config"]), json.loads(meta["training"])
assert (config["think_levels"], config["think_size"], config["depth_levels"]) == (2, 16, 3) and training["think"] is True
assert t["model.think.level_vectors.weight"].shape == (2, 32) and t["model.think.level_vectors.weight"].any()
for level in range(2):
    assert t[f"model.think.{level}.gate_proj.weight"].shape == (16, 32) and t[f"model.think.{level}.down_proj.weight"].any()
assert not any("decoder" in name for name in t)
assert t["think.centroids"].shape == (2, 2, 5) and t["think.cluster_of"].shape == (2, 8) and t["think.project"].shape == (2, 5, 32)
assert "think.project" not in load("own.st")[0] and load("own.st")[0]["think.centroids"].shape == (2, 2, 32)
assert not any(name.startswith("think.") for name in load("extra.st")[0])
t, meta = load("flat.st")
config, training = json.loads(meta["config"]), json.loads(meta["training"])
assert (config["think_levels"], config["think_size"], config["depth_levels"]) == (2, 0, 0) and training["think-targets"] == 1
assert t["model.think.level_vectors.weight"].any() and "model.think.0.gate_proj.weight" not in t
def log(name): return [json.loads(line)["think"] for line in open(name)]
for name in "timeline.jsonl", "flat.jsonl", "own.jsonl":
    said = log(name)
    assert all(len(e["align"]) == 2 and e["guide"] > 0 and e["follow"] >= 0 for e in said)
    first, last = said[0], said[-1]
    assert last["guide"] < first["guide"] and sum(last["align"]) < sum(first["align"]), (first, last)
assert log("extra.jsonl") == [None, None] and log("plain.jsonl") == [None]
assert all(e["guide"] is None and e["follow"] is None and len(e["align"]) == 2 for e in log("aligned.jsonl"))
config = json.loads(load("plain.st")[1]["config"])
assert "think_levels" not in config
PY
    assert_success
    [ "$(meta aligned.st training think-follow)" = 0 ]
}

@test "thinking: the same bytes for any number of threads, others for other weights of what teaches" {
    for body in flat timeline; do
        with $body
        all=("${options[@]}" --vector-dropout 0.2 --average 0.9 --epochs 3 --sampled 16)
        if [ $body = timeline ]; then all+=(--item-dropout 0.1 --item-loss 0.5); fi
        for sids in bare.st book.st; do
            for t in 1 2 3; do train "${all[@]}" -s "$sids" --threads $t --log log$t -o model$t.st; done
            cmp model1.st model2.st
            cmp model1.st model3.st
            cmp <(untimed log1) <(untimed log3)
        done
    done
    for other in '--seed 43' '--think-align 0.2' '--think-guide 0.2' '--think-follow 0.2' '--think-temperature 0.2' '--think-clusters 3'; do
        # shellcheck disable=SC2086 # two words
        train "${all[@]}" -s book.st $other -o other.st
        [ "$(weights model1.st)" != "$(weights other.st)" ] || fail "$other changed nothing"
    done
}

@test "thinking: killed at any moment and started again, it ends with the same bytes" {
    for kind in 'timeline bare' 'timeline book' 'flat book'; do
        with "${kind% *}"
        command=("${options[@]}" -s "${kind#* }.st" --epochs 24 --average 0.9 --save-seconds 0 --threads 1)
        rm -f b.st b.jsonl
        train "${command[@]}" --log a.jsonl -o a.st
        killed_often 4 "$BIN/sidgen-train" -q "${SMALL[@]}" "${command[@]}" --log b.jsonl -o b.st
        [ "$kills" -ge 2 ] || fail "killed only $kills times"
        cmp a.st b.st
        cmp <(untimed a.jsonl) <(untimed b.jsonl)
    done
}

@test "thinking: training begins with a model that thinks, not with one that does not, nor the reverse" {
    for body in timeline flat; do
        with $body
        train "${options[@]}" -s book.st --epochs 1 --lr 0 --weight-decay 0 --think-align 0 --start $body.st -o same.st
        /usr/bin/python3 -c 'import sys
from tensors import load
a, b = load(sys.argv[1])[0], load(sys.argv[2])[0]
assert {n for n in a} == {n for n in b if not n.startswith("think.")} and all((a[n] == b[n]).all() for n in a)' same.st $body.st
    done
    fails_with 65 'that model is of another shape (timeline, width 32, 2 layers, 2 heads, MLP 64, block a level 32, item vectors' \
        train "${THINK[@]}" --epochs 1 --start model.st -o no.st
    fails_with 65 'block a level 32, thinking, item vectors' train "${TIMELINE[@]}" -s book.st --epochs 1 --start timeline.st -o no.st
    fails_with 65 'that model is of another shape (flat' train -s book.st --node-vectors --epochs 1 --start flat.st -o no.st
    assert_none_written no.st
}

@test "thinking: evaluate's lists are recommend's, an empty history has one, and beams find what scores say" {
    "$HELPERS/evaluate.py" write_histories interactions.st test >histories.txt
    for body in timeline flat; do
        "$BIN/evaluate" -q -m $body.st -s book.st -i interactions.st -k 10 --recs-out lists.st -o m.json
        "$BIN/recommend" -m $body.st -s book.st <histories.txt >lists.tsv
        run "$HELPERS/evaluate.py" check_lists lists.st lists.tsv
        assert_success
        run "$BIN/recommend" -m $body.st -s book.st -k 60 -b 60 <<<''
        assert_success
        total=$(tr '\t' '\n' <<<"$output" | sed 's/.*://' | awk '{ s += exp($1) } END { print s }')
        at_least "$total" 0.999
        "$BIN/evaluate" -q --exact -m $body.st -s book.st -i interactions.st -b 60 -k 10 --recs-out all.st -o all.json
        "$BIN/evaluate" -q -m $body.st -s book.st -i interactions.st -b 60 -k 10 --recs-out beams.st -o beams.json
        /usr/bin/python3 -c 'from tensors import load
import numpy as np
a, b = load("all.st")[0], load("beams.st")[0]
assert (a["items"] == b["items"]).all() and np.allclose(a["scores"], b["scores"], atol=1e-4)'
    done
}

@test "thinking: the policy is trained, with the same bytes for any number of threads" {
    "$HELPERS/quality.py" quality.st
    for body in timeline flat; do
        rl=("$BIN/qarm-rl" -q -m "$body.st" -s book.st -i interactions.st --quality quality.st --shards 4 --prompts-per-step 16 --epochs 0.5
            --valid-users 0 --lr 0.002 --warmup 2)
        for sampler in constrained-beam constrained-sample; do
            for t in 1 2; do "${rl[@]}" --sampler $sampler --threads $t -o rl$t.st; done
            cmp rl1.st rl2.st
        done
        run /usr/bin/python3 - $body.st <<'PY'
import sys
from tensors import load
before, after = load(sys.argv[1])[0], load("rl1.st")[0]
assert set(before) == set(after)
assert all((before[name] != after[name]).any() for name in before if name.startswith("model.think."))
assert all((before[name] == after[name]).all() for name in before if name.startswith("think."))
PY
        assert_success
        "$BIN/evaluate" -q -m rl1.st -s book.st -i interactions.st -o m.json
    done
}

@test "thinking: SIDs that have grown" {
    grow
    for body in timeline flat; do
        with $body
        train "${options[@]}" --epochs 2 -o small.st
        "$BIN/recommend" -m small.st -s grown.st -k 61 -b 61 <<<'i1 i2 new' >new.tsv
        [ "$(wc -w <new.tsv)" -eq 61 ]
        grep -q 'new:' new.tsv
    done
}

@test "explain --think: the clusters that thoughts are nearest to, with their items" {
    toy_items >items.jsonl
    for body in timeline flat; do
        run "$BIN/explain" -q -s book.st -i items.jsonl -m $body.st --think 'i1 i2' -n 2
        assert_success
        assert_line --index 0 'after 2 items'
        assert_regex "$output" 'the first recommended is'
        assert_regex "$output" 'thought 1, which led to [0-7], of cluster [01]'
        assert_regex "$output" 'thought 2, which led from [0-7] to [0-7],[0-7], of cluster [01]'
        "$BIN/explain" -q -s book.st -i items.jsonl -m $body.st --think 'i1 i2' -n 2 -j i3 >said.json
        "$BIN/recommend" -m $body.st -s book.st -k 1 <<<'i1 i2' >first.tsv
        run /usr/bin/python3 - <<'PY'
import json
import numpy as np
from tensors import load
thoughts, item = map(json.loads, open("said.json"))
assert item["item"]["id"] == "i3" and thoughts["history"] == ["i1", "i2"]
assert open("first.tsv").read().startswith(thoughts["item"]["id"] + ":")
of, codes = load("flat.st")[0]["think.cluster_of"], load("book.st")[0]["codes"]
way = thoughts["item"]["codes"]
for level, t in enumerate(thoughts["thoughts"]):
    assert t["level"] == level + 1 and t["code"] == way[level] and t["own"] == of[level][way[level]]
    assert len(t["clusters"]) == 2 and t["clusters"][0]["cosine"] >= t["clusters"][1]["cosine"]
    behind = (codes[:, :level] == way[:level]).all(1)
    for c in t["clusters"]:
        assert c["codes"] == (of[level] == c["cluster"]).sum()
        assert c["items"] == (behind & (of[level][codes[:, level]] == c["cluster"])).sum()
        assert len(c["shown"]) == min(2, c["items"])
        assert all(of[level][i["codes"][level]] == c["cluster"] and i["codes"][:level] == way[:level] for i in c["shown"])
PY
        assert_success
    done
}

@test "explain --think: empty history, tabs, and what it refuses" {
    toy_items >items.jsonl
    explain() { "$BIN/explain" -q -s book.st -i items.jsonl "$@"; }
    run explain -m flat.st --think ''
    assert_line --index 0 'after 0 items'
    assert_equal "$(explain -m flat.st --think $'i1\ti2')" "$(explain -m flat.st --think 'i1  i2')"
    fails_with 64 "--think: 'i1 i2' is no item of book.st" explain -m flat.st --think $'i1 i2\ti3'
    fails_with 64 "--think: 'nobody' is no item of book.st" explain -m flat.st --think 'i1 nobody'
    fails_with 64 '--model goes with --think and --say' explain --think i1
    fails_with 64 '--model goes with --think and --say' explain -m flat.st
    fails_with 65 'a model that does not think' explain -s sids.st -m model.st --think i1
    train "${THINK[@]}" --epochs 1 --think-align 0 -o extra.st
    fails_with 65 'its thoughts were aligned with no clusters' explain -s sids.st -m extra.st --think i1
}

@test "wrong usage" {
    for option in targets ffn align clusters guide follow temperature; do
        fails_with 64 "--think-$option needs --think" train --body timeline --think-$option 1 -o no.st
    done
    thinks() { fails_with 64 "$1" train "${THINK[@]}" "${@:2}" -o no.st; }
    thinks '--think-clusters 9: a level has only 8 codes' --think-clusters 9
    thinks '--think-clusters -1: out of range' --think-clusters -1
    thinks '--think-align -0.1: out of range' --think-align -0.1
    thinks '--think-guide 101: out of range' --think-guide 101
    thinks '--think-temperature 0: out of range' --think-temperature 0
    thinks '--think-ffn 0: out of range' --think-ffn 0
    thinks '--think-follow needs --think-guide' --think-guide 0 --think-follow 1
    fails_with 64 '--think-targets needs --body flat' train "${THINK[@]}" --think-targets 2 -o no.st
    fails_with 64 '--think-targets -1: out of range' train --think --think-targets -1 -o no.st
    assert_none_written no.st
}

@test "a codebook that holds no numbers" {
    /usr/bin/python3 -c 'from tensors import load, save
t, meta = load("book.st")
t = {k: v.copy() for k, v in t.items()}
t["codebook"][1, 2, 3] = float("inf")
save("bad.st", t, meta)'
    fails_with 65 "tensor 'codebook': row 1 holds infinity" train "${THINK[@]}" -s bad.st -o no.st
    assert_none_written no.st
}

@test "models that think and contradict their SIDs or themselves" {
    cp timeline.st model.st
    refused() { # refused EXPRESSION MESSAGE
        changed "$1"
        fails_with 65 "$2" "$BIN/recommend" -m broken.st -s book.st <<<'i1'
        assert_one_line
    }
    refused 'set_json("config", think_levels=3)' 'the blocks that think do not fit those by level'
    refused 'set_json("config", think_size=0)' 'the blocks that think do not fit those by level'
    refused 'set_json("config", think_size=17)' 'model.think.0.gate_proj.weight'
    refused 'set_json("config", think_size=10**9)' 'the blocks that think do not fit those by level'
    refused 'del t["model.think.level_vectors.weight"]' 'model.think.level_vectors.weight'
    refused 't["think.centroids"] = t["think.centroids"][:, :, :4]' 'think.project'
    refused 't["think.centroids"] = np.zeros((2, 9, 5), "<f4")' "think.centroids: 9 clusters of a level's 8 codes, 5 wide"
    refused 't["think.cluster_of"][1, 7] = 2' "think.cluster_of: a code's cluster is not among the 2"
    refused 't["think.cluster_of"][0, 0] = -1' "think.cluster_of: a code's cluster is not among the 2"
    refused 'del t["think.cluster_of"]' 'think.cluster_of'
    refused 'del t["think.project"]' 'think.centroids: 5 wide, expected 32'
    cp flat.st model.st
    refused 'set_json("config", think_levels=3)' 'model.think.level_vectors.weight'
    refused 'set_json("config", think_size=16)' 'blocks that think, without blocks by level'
    refused 'set_json("config", think_levels=10**9)' 'the blocks that think do not fit those by level'
    refused 'del t["model.think.level_vectors.weight"]' 'model.think.level_vectors.weight'
}
