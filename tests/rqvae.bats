# rqvae: embeddings in, Semantic IDs out.
# shellcheck disable=SC2154 # stderr is set by run

bats_require_minimum_version 1.5.0

load suite.bash

setup() {
    suite_setup
    PATH=$BIN:$PATH
}

# Python lines that make embeddings and look at SIDs.
py() { python_with quantised; }

quick=(--levels 3 --codes 16 --hidden 24 --latent 8 --epochs 6 --warmup 4 --batch 128 --iterations 10)

@test "codes, suffixes and quantiser, by both methods" {
    py <<< 'embeddings("e.st", heaps(500))'
    for method in rqvae rkmeans; do
        run --separate-stderr rqvae --method "$method" "${quick[@]}" -o s.st < e.st
        assert_success
        assert_output ""
        assert_regex "$stderr" 'relative reconstruction error [0-9.]+; utilisation \(perplexity, Gini\) by level: [0-9.]+ \([0-9.]+, [0-9.]+\), '
        assert_regex "$stderr" 'alone in their bucket before the suffix'
        METHOD=$method py <<'EOF'
import os
t, meta = load("s.st")
rk = os.environ["METHOD"] == "rkmeans"
assert t["codes"].shape == (500, 3) and t["codes"].min() >= 0 and t["codes"].max() < 16
assert t["codebook"].shape == (3, 16, 16 if rk else 8) and t["code_offset"].shape == (3, 16)
assert rk or (t["encoder.0.weight"].shape == (24, 16) and t["encoder.1.weight"].shape == (8, 24) and t["decoder.1.weight"].shape == (16, 24))
assert prefix_free(full(t)) and names(t) == ["i%d" % i for i in range(500)]
config = json.loads(meta["config"])
assert meta["schema"] == "sids/1" and config["levels"] == 3 and config["codes"] == 16 and config["max-suffix"] == 128
assert "input.embeddings" in meta and "threads" not in config
EOF
    done
}

@test "codes are the nearest of the stored quantiser, except where items were spread" {
    py <<< 'embeddings("e.st", heaps(400))'
    rqvae "${quick[@]}" --spread 0 -q -o s.st < e.st
    py <<'EOF'
t, _ = load("s.st")
e, _ = load("e.st")
z = np.maximum(e["text"].astype("f8") @ t["encoder.0.weight"].T + t["encoder.0.bias"], 0) @ t["encoder.1.weight"].T + t["encoder.1.bias"]
for l in range(3):
    d = ((z[:, None] - t["codebook"][l]) ** 2).sum(2) + t["code_offset"][l]
    chosen = d[np.arange(400), t["codes"][:, l]]
    assert (chosen <= d.min(1) + 1e-4).all(), l
    z = z - t["codebook"][l][t["codes"][:, l]]
EOF
}

@test "the same bytes whatever the threads" {
    py <<< 'embeddings("e.st", heaps(500))'
    for method in rqvae rkmeans; do
        rqvae --method $method "${quick[@]}" -q --threads 1 < e.st > one.st
        rqvae --method $method "${quick[@]}" -q --threads 2 < e.st > two.st
        cmp one.st two.st
        rqvae --method $method "${quick[@]}" -q --seed 7 < e.st > other.st
        run cmp -s one.st other.st
        assert_failure
    done
}

@test "fewer items than codes, repeated rows, zero rows, one item" {
    py <<'EOF'
embeddings("few.st", heaps(10))
embeddings("one.st", heaps(1))
embeddings("same.st", np.ones((90, 4)))
embeddings("zero.st", np.zeros((40, 4)))
x = heaps(300)
x[100:140] = x[0]
x[200:220] = 0
embeddings("mixed.st", x)
EOF
    for file in few one same zero mixed; do
        for method in rqvae rkmeans; do
            for spread in 0 1 -1; do
                rqvae --method $method "${quick[@]}" --epochs 2 --warmup 1 --spread $spread -q -o s.st < $file.st
                py <<< 't, _ = load("s.st"); assert prefix_free(full(t)); assert all(np.isfinite(a).all() for a in t.values() if a.dtype.kind == "f")'
            done
        done
    done
}

@test "collapse and crowded buckets are told" {
    py <<< 'embeddings("same.st", np.ones((90, 4)))'
    run --separate-stderr rqvae -m rkmeans "${quick[@]}" -q -o s.st < same.st
    assert_success
    assert_regex "$stderr" 'warning: codebook collapse: level 1 uses 1 of 16 codes'
    assert_regex "$stderr" 'warning: [0-9]+ items share all their codes'
    run --separate-stderr rqvae -m rkmeans "${quick[@]}" --spread 0 --max-suffix 50 -o none.st < same.st
    assert_failure 65
    assert_regex "$stderr" '90 items have the same embedding, but only 50 of them can have Semantic IDs without --spread; raise --max-suffix'
    assert_not_exists none.st
}

@test "what no training can change is told before it" {
    py <<< 'embeddings("same.st", np.ones((90, 4))); embeddings("e.st", heaps(60))'
    early() { # early MESSAGE FILE options: known before the first epoch
        run --separate-stderr rqvae "${@:3}" --log early.jsonl -o none.st < "$2"
        assert_failure 65
        assert_regex "$stderr" "$1"
        assert_not_exists early.jsonl
        assert_not_exists none.st.ckpt
    }
    early '90 items have the same embedding, but only 48 of them can have Semantic IDs; raise' same.st --codes 16 --max-suffix 3
    early '60 items, but 2 levels of 4 codes and 3 suffixes make only 48 Semantic IDs; raise' e.st --codes 4 --levels 2 --max-suffix 3
    early '60 items, but 2 levels of 4 codes and 0 suffixes make only 16 Semantic IDs; raise' e.st --codes 4 --levels 2 --max-suffix 0
    early '60 items, but 3 levels of 16 codes and 0 suffixes make only 0 Semantic IDs; raise' e.st --codes 16 --suffix always --max-suffix 0
}

@test "too few suffixes are told after the training, which is not done again" {
    py <<< 'x = np.repeat(heaps(30), 4, axis=0); x += 1e-4 * np.random.default_rng(1).normal(size=x.shape); embeddings("e.st", x)'
    few=(--codes 16 --levels 2 --hidden 8 --latent 4 --epochs 5 --warmup 2 --spread 0)
    run --separate-stderr rqvae "${few[@]}" --max-suffix 1 -q --log s.jsonl -o s.st < e.st
    assert_failure 65
    assert_regex "$stderr" 'items share one Semantic ID, but only 1 suffixes are reserved; raise --max-suffix to [0-9]+ or change --spread, for which the training is kept'
    assert_not_exists s.st
    most=$(grep -o 'max-suffix to [0-9]*' <<< "$stderr" | grep -o '[0-9]*$')
    run --separate-stderr rqvae "${few[@]}" --max-suffix "$((most - 1))" -q -o s.st < e.st
    assert_failure 65
    run --separate-stderr rqvae "${few[@]}" --max-suffix "$most" --suffix always --seed 1 -o s.st < e.st
    assert_failure 65
    assert_regex "$stderr" 'checkpoint of another run: "seed":42'
    run --separate-stderr rqvae "${few[@]}" --max-suffix "$most" --suffix always --log s.jsonl -o s.st < e.st
    assert_success
    assert_regex "$stderr" 'going on from s.st.ckpt: epoch 8, step 0'
    rqvae "${few[@]}" --max-suffix "$most" --suffix always -q --log whole.jsonl -o whole.st < e.st
    cmp s.st whole.st
    cmp s.jsonl whole.jsonl
    assert_not_exists s.st.ckpt
}

@test "--sample fits the quantiser to some of the items, and codes all" {
    py <<< 'embeddings("e.st", heaps(500))'
    for method in rqvae rkmeans; do
        rqvae -m $method "${quick[@]}" -q -o whole.st < e.st
        run --separate-stderr rqvae -m $method "${quick[@]}" --sample 200 -o s.st < e.st
        assert_success
        assert_regex "$stderr" 'fitted to 200 of 500 items'
        rqvae -m $method "${quick[@]}" --sample 200 --threads 2 -q -o again.st < e.st
        cmp s.st again.st
        py <<'EOF'
t, _ = load("s.st")
whole, _ = load("whole.st")
assert t["codes"].shape == (500, 3) and prefix_free(full(t)) and (t["codebook"] != whole["codebook"]).any()
EOF
        rqvae -m $method "${quick[@]}" --sample 500 -q -o all.st < e.st
        py <<< 'a, _ = load("all.st"); w, _ = load("whole.st"); assert all((a[k] == w[k]).all() for k in w)'
    done
    fails_with 64 '--sample with --contrast' rqvae "${quick[@]}" --sample 200 --cooccur none.st --contrast 1 -q -o s.st < e.st
}

@test "--suffix always gives every item one" {
    py <<< 'embeddings("e.st", heaps(500))'
    rqvae -m rkmeans "${quick[@]}" --suffix always -q -o s.st < e.st
    py <<< 't, _ = load("s.st"); assert t["suffix"].min() == 0 and prefix_free(full(t))'
}

@test "--assign keeps every SID and gives new items free ones" {
    py <<'EOF'
x = heaps(420)
embeddings("old.st", x[:300])
embeddings("all.st", np.concatenate([x[300:], x[:50], x[250:300]]), item=["i%d" % i for i in list(range(300, 420)) + list(range(50))] + ["again%d" % i for i in range(50)])
EOF
    for method in rqvae rkmeans; do
        for suffix in collide always; do
            rqvae --method $method "${quick[@]}" --suffix $suffix --spread 0 -q -o old-sids.st < old.st
            run --separate-stderr rqvae --assign old-sids.st -o new-sids.st < all.st
            assert_success
            assert_regex "$stderr" '300 SIDs kept, 170 added'
            py <<'EOF'
old, old_meta = load("old-sids.st")
new, new_meta = load("new-sids.st")
assert (new["codes"][:300] == old["codes"]).all() and (new["suffix"][:300] == old["suffix"]).all()
assert names(new) == names(old) + ["i%d" % i for i in range(300, 420)] + ["again%d" % i for i in range(50)]
assert prefix_free(full(new))
assert new_meta["config"] == old_meta["config"] and "input.sids" in new_meta
assert (new["codebook"] == old["codebook"]).all()
EOF
            rqvae --assign new-sids.st -q < all.st > again.st # nothing new: nothing changes
            py <<< 'a, _ = load("new-sids.st"); b, _ = load("again.st"); assert all((a[k] == b[k]).all() for k in a)'
        done
    done
}

@test "a new item alone keeps its nearest codes; a collision takes the next free last code" {
    py <<'EOF'
embeddings("old.st", heaps(60, count=60))
embeddings("twin.st", heaps(60, count=60)[7:8], item=["twin"])
EOF
    rqvae -m rkmeans "${quick[@]}" -q -o s.st < old.st
    rqvae --assign s.st -q < twin.st > n.st
    py <<'EOF'
s, _ = load("s.st")
n, _ = load("n.st")
e, _ = load("old.st")
assert full(s)[7] == tuple(s["codes"][7])
r = e["text"][7].astype("f8")
for l in range(2):
    r = r - s["codebook"][l][s["codes"][7, l]]
d = ((r - s["codebook"][2]) ** 2).sum(1) + s["code_offset"][2]
free = [k for k in np.argsort(d) if tuple(s["codes"][7, :2]) + (k,) not in set(map(tuple, s["codes"].tolist()))]
assert n["codes"][60].tolist() == s["codes"][7, :2].tolist() + [free[0]], (n["codes"][60], free[:3])
EOF
}

@test "--assign refuses what does not fit" {
    py <<'EOF'
embeddings("e.st", heaps(50))
embeddings("wide.st", heaps(50, width=17))
save("bare.st", {"codes": np.zeros((1, 3), "i4"), "suffix": np.full(1, -1, "i4"), "item_ids": ids(["a"])}, {"schema": "sids/1"})
EOF
    rqvae -m rkmeans "${quick[@]}" -q -o s.st < e.st
    run --separate-stderr rqvae --assign s.st < wide.st
    assert_failure 65
    assert_regex "$stderr" 'text: 17 dimensions, expected the 16 that s.st was made from'
    run --separate-stderr rqvae --assign bare.st < e.st
    assert_failure 65
    assert_regex "$stderr" "bare.st: no tensor 'codebook'"
    run --separate-stderr rqvae --assign s.st --levels 2 < e.st
    assert_failure 64
    run --separate-stderr rqvae --assign missing.st < e.st
    assert_failure 66
    run --separate-stderr rqvae --assign e.st < e.st
    assert_failure 65
}

@test "identity: the code is the item, whatever file names the items" {
    "$HELPERS/toy.py" .
    py <<< 'embeddings("e.st", heaps(60), item=names(load("interactions.st")[0]))'
    run --separate-stderr rqvae -m identity --log log.jsonl -o s.st < interactions.st
    assert_success
    assert_regex "$stderr" '^rqvae: 60 items; utilisation \(perplexity, Gini\) by level: 1.000 \(60.0, 0.00\); of whole prefixes 1.000'
    rqvae -m identity -q --threads 1 < interactions.st > one.st
    cmp s.st one.st
    rqvae -m identity -q --threads 2 --levels 4 --codes 7 --suffix always --max-suffix 9 < e.st > from-embeddings.st
    py <<'EOF'
for path in "s.st", "from-embeddings.st":
    t, meta = load(path)
    assert set(t) == {"codes", "suffix", "item_ids"} and t["codes"].tolist() == [[i] for i in range(60)] and (t["suffix"] == -1).all()
    config = json.loads(meta["config"])
    assert (config["method"], config["levels"], config["codes"], config["max-suffix"]) == ("identity", 1, 60, 0)
    assert names(t) == names(load("interactions.st")[0]) and "input.items" in meta
log = [json.loads(x) for x in open("log.jsonl")]
assert log == [{"items": 60, "utilisation": [1], "perplexity": [60], "gini": [0], "prefixes": {"utilisation": 1, "perplexity": 60, "gini": 0}, "alone": 1, "moved": 0, "buckets": 60, "largest": 1}]
EOF
    tensor verify s.st
    sidgen-train -s s.st -i interactions.st --dim 32 --heads 2 --ffn 64 --layers 1 --epochs 20 --batch-tokens 512 --lr 0.01 \
        --patience 0 -q -o m.st
    evaluate --model m.st --sids s.st --interactions interactions.st -q --split valid > metrics.json
    py <<< 'assert json.load(open("metrics.json"))["metrics"]["hr@10"] > 0.9' # the ring is learnt
}

@test "identity: what it does not have is refused" {
    py <<< 'embeddings("e.st", heaps(20)); embeddings("none.st", np.zeros((0, 4))); save("lonely.st", {"text": heaps(3)}, {})'
    for file in none lonely; do
        fails_with 65 item_ids rqvae -m identity -o s.st < $file.st
        assert_one_line
    done
    assert_none_written s.st
    rqvae -m identity -q -o s.st < e.st
    fails_with 65 "s.st: made by --method identity, whose codes are the items" rqvae --assign s.st -o new.st < e.st
    assert_none_written new.st
}

@test "wrong input is refused, naming what is wrong" {
    py <<'EOF'
x = heaps(20)
x[13, 2] = np.nan
embeddings("nan.st", x)
embeddings("twice.st", heaps(3), item=["a", "b", "a"])
embeddings("none.st", np.zeros((0, 4)))
save("lonely.st", {"text": heaps(3)}, {"schema": "embeddings/1"})
save("short.st", {"text": heaps(3), "item_ids": ids(["a", "b"])}, {"schema": "embeddings/1"})
save("flat.st", {"text": heaps(3)[0], "item_ids": ids(["a"])}, {"schema": "embeddings/1"})
save("foreign.st", {"text": heaps(3), "item_ids": ids(["a", "b", "c"])}, {"schema": "recs/1"})
embeddings("e.st", heaps(50))
EOF
    run --separate-stderr rqvae -o s.st < nan.st
    assert_failure 65
    assert_regex "$stderr" 'row 13'
    run --separate-stderr rqvae -o s.st < twice.st
    assert_failure 65
    assert_regex "$stderr" 'item_ids.*row 2: id "a" was there before'
    for file in none lonely short flat foreign; do
        run --separate-stderr rqvae -o s.st < $file.st
        assert_failure 65
        assert_equal "$(wc -l <<< "$stderr")" 1
    done
    head -c 900 e.st > cut.st
    : > empty.st
    for file in cut empty; do
        run --separate-stderr rqvae -o s.st < $file.st
        assert_failure 65
    done
    run --separate-stderr rqvae --tensor image -o s.st < e.st
    assert_failure 65
    assert_regex "$stderr" 'image'
    assert_not_exists s.st
    assert_not_exists s.st.ckpt
}

@test "wrong options" {
    for args in "--levels 0" "--codes x" "--hidden 3,,4" "--hidden 0" "--method pq" "extra" "--nonsense" "--beta -1"; do
        # shellcheck disable=SC2086
        run --separate-stderr rqvae $args < /dev/null
        assert_failure 64
        assert_equal "$(wc -l <<< "$stderr")" 1
    done
    run rqvae --help
    assert_success
    assert_line --partial "--assign"
}

@test "outputs that cannot be written" {
    py <<< 'embeddings("e.st", heaps(50))'
    run --separate-stderr bash -c 'rqvae -q -m rkmeans --codes 8 < e.st > /dev/full'
    assert_failure 74
    run --separate-stderr rqvae -m rkmeans --codes 8 -o e.st/s.st < e.st
    assert_failure 73
    run --separate-stderr rqvae --codes 8 -o missing/s.st --log log.jsonl < e.st
    assert_failure 73
    assert_not_exists log.jsonl # found before training
    run --separate-stderr bash -c 'set -o pipefail; rqvae -q -m rkmeans --codes 8 < e.st | true; exit "${PIPESTATUS[0]}"'
    assert_failure
}

@test "killed at any moment, the same command ends with the same bytes" {
    py <<< 'embeddings("e.st", heaps(1500, width=64)); embeddings("f.st", heaps(1500, width=64, seed=2))'
    long=(--codes 32 --hidden 64 --latent 8 --epochs 60 --warmup 20 --batch 128 --iterations 5 --checkpoint 2 -q)
    rqvae "${long[@]}" --log whole.jsonl -o whole.st < e.st
    assert_not_exists whole.st.ckpt
    for delay in 0.15 0.3 0.5; do
        rqvae "${long[@]}" --log s.jsonl -o s.st < e.st &
        sleep $delay
        kill -9 $! 2> kill.err || true
        wait $! || true
        assert [ ! -e s.st ] || cmp s.st whole.st
    done
    rqvae "${long[@]}" --checkpoint 1 --log s.jsonl -o s.st < e.st & # until there is one for certain
    pid=$!
    for _ in $(seq 200); do
        [ -e s.st.ckpt/state.st ] && break
        sleep 0.05
    done
    kill -9 $pid 2> kill.err || true
    wait $pid || true
    if [ -e s.st.ckpt/state.st ]; then
        run --separate-stderr rqvae "${long[@]}" --seed 1 -o s.st < e.st
        assert_failure 65
        assert_regex "$stderr" 'checkpoint of another run: "seed":42, this run has "seed":1;'
        run --separate-stderr rqvae "${long[@]}" -o s.st < f.st
        assert_failure 65
        assert_regex "$stderr" 'checkpoint of another run: embeddings:'
    fi
    mkdir -p s.st.ckpt && touch s.st.ckpt/state.st.AbCdEf # what a kill while saving leaves
    rqvae "${long[@]}" --log s.jsonl -o s.st < e.st
    cmp s.st whole.st
    cmp s.jsonl whole.jsonl
    py <<< 'assert [json.loads(x).get("epoch") for x in open("s.jsonl")] == list(range(1, 81)) + [None]'
    assert_not_exists s.st.ckpt
}

@test "the log holds one object an epoch and the statistics" {
    py <<< 'embeddings("e.st", heaps(300))'
    rqvae "${quick[@]}" -q --log log.jsonl -o s.st < e.st
    py <<'EOF'
rows = [json.loads(x) for x in open("log.jsonl")]
assert [r["epoch"] for r in rows[:-1]] == list(range(1, 11))
assert not rows[3]["quantised"] and rows[4]["quantised"] and len(rows[4]["utilisation"]) == 3
t, _ = load("s.st")
codes = [tuple(c) for c in t["codes"].tolist()]
last = rows[-1]
assert abs(last["alone"] - sum(codes.count(c) == 1 for c in codes) / 300) < 1e-6
assert last["largest"] == max(codes.count(c) for c in codes)
for l in range(3):
    p = np.bincount(t["codes"][:, l], minlength=16) / 300
    assert abs(last["utilisation"][l] - (p > 0).mean()) < 1e-3
    assert abs(last["perplexity"][l] - np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())) < 0.01
EOF
}

@test "small catalogues are trained for as many steps as others" {
    py <<< 'embeddings("e.st", heaps(300)); embeddings("large.st", heaps(6400))'
    for file in e large; do rqvae --hidden 4 --latent 2 --codes 4 --batch 128 --max-suffix 6400 -q --log $file.jsonl -o s.st < $file.st; done
    py <<'EOF'
for name, epochs, warmup in ("e", 467, 150), ("large", 30, 10): # 3 and 50 steps an epoch
    rows = [json.loads(x) for x in open(name + ".jsonl")][:-1]
    assert len(rows) == epochs + warmup and sum(not r["quantised"] for r in rows) == warmup
EOF
}
