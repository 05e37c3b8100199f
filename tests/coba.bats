# rqvae: neighbours in training histories, repulsion of code vectors, and the loss over pairs.
# shellcheck disable=SC2154 # stderr is set by run

bats_require_minimum_version 1.5.0

load suite.bash

setup() {
    suite_setup
    PATH=$BIN:$PATH
}

# Python lines that make embeddings and histories, and look at SIDs.
py() { python_with quantised; }

quick=(--levels 3 --codes 16 --hidden 24 --latent 8 --epochs 6 --warmup 4 --batch 128 --iterations 10)
all=(--cooccur i.st --uniformity 0.1 --contrast 0.05)

# Embeddings e.st of 400 items, and histories i.st over them.
catalogue() { py <<< 'embeddings("e.st", heaps(400)); histories("i.st", walks(600, 390, 13), 400)'; }

@test "what is quantised is H_align of the training histories' graph" {
    catalogue
    rqvae -m rkmeans "${quick[@]}" --spread 0 --cooccur i.st -q -o default.st < e.st
    rqvae -m rkmeans "${quick[@]}" --spread 0 --cooccur i.st --cooccur-window 2 --cooccur-fade 0.5 --cooccur-least 2 --cooccur-steps 4 \
        --cooccur-restart 0.1 -q -o other.st < e.st
    py <<'EOF'
e, _ = load("e.st")
lists = walks(600, 390, 13)
for path, graph, way in ("default.st", {}, {}), ("other.st", {"window": 2, "fade": 0.5, "least": 2}, {"steps": 4, "restart": 0.1}):
    t, meta = load(path)
    a = neighbours(lists, 400, **graph)
    assert (a.diagonal() == 1).sum() >= 10 # the last items are in no history
    r = aligned(a, e["text"], **way)
    assert np.allclose(r[395], e["text"][395]) and not np.allclose(r[5], e["text"][5], atol=0.01)
    for l in range(3):
        d = ((r[:, None] - t["codebook"][l]) ** 2).sum(2) + t["code_offset"][l]
        assert (d[np.arange(400), t["codes"][:, l]] <= d.min(1) + 1e-3).all(), (path, l)
        r = r - t["codebook"][l][t["codes"][:, l]]
    config = json.loads(meta["config"])
    assert "cooccur" not in config and config["cooccur-steps"] == way.get("steps", 2) and "input.interactions" in meta
EOF
}

@test "neighbours share codes by their vectors, and by the loss over pairs alone" {
    py <<< 'embeddings("e.st", np.random.default_rng(1).normal(size=(400, 64))); histories("i.st", walks(2000, 400), 400)'
    long=("${quick[@]}" --hidden 64 --epochs 60 --lr 0.005 --spread 0 -q)
    rqvae "${long[@]}" -o plain.st < e.st
    rqvae "${long[@]}" --cooccur i.st --cooccur-steps 5 --cooccur-restart 0.1 -o coba.st < e.st
    rqvae "${long[@]}" --cooccur i.st --cooccur-steps 0 --contrast 10 -o pairs.st < e.st
    py <<'EOF'
def together(path):
    c = load(path)[0]["codes"][:, 0].reshape(20, 20) # a group a row
    return np.mean([(row[:, None] == row).mean() for row in c])
plain, coba, pairs = map(together, ("plain.st", "coba.st", "pairs.st"))
assert coba > 3 * plain and pairs > 2 * plain, (plain, coba, pairs)
EOF
}

@test "images take part, and what has none stays without" {
    py <<< 'save("e.st", scenes(400), {"schema": "embeddings/1"}); histories("i.st", walks(600, 400), 400)'
    rqvae -m rkmeans "${quick[@]}" --spread 0 --image-weight 1 --cooccur i.st -q -o s.st < e.st
    py <<'EOF'
t, _ = load("s.st")
e, _ = load("e.st")
has = e["image_mask"][:, None]
a = neighbours(walks(600, 400), 400)
text, image = aligned(a, e["text"]), aligned(a, e["image"] * has) * has
scale = np.sqrt(text.var(0).sum() / image[has[:, 0] == 1].var(0).sum())
assert np.allclose(t["image_scale"], scale, rtol=1e-4)
x = np.concatenate([text, image * scale], 1)
d = ((x[:, None] - t["codebook"][0]) ** 2).sum(2) + t["code_offset"][0]
assert (d[np.arange(400), t["codes"][:, 0]] <= d.min(1) + 1e-3).all()
EOF
}

@test "no steps, no change; the same bytes whatever the threads" {
    catalogue
    rqvae "${quick[@]}" -q -o plain.st < e.st
    rqvae "${quick[@]}" --cooccur i.st --cooccur-steps 0 -q -o still.st < e.st
    py <<< 'a, b = load("plain.st")[0], load("still.st")[0]; assert set(a) == set(b) and all((a[k] == b[k]).all() for k in a)'
    rqvae "${quick[@]}" "${all[@]}" -q --threads 1 --log one.jsonl < e.st > one.st
    rqvae "${quick[@]}" "${all[@]}" -q --threads 2 --log two.jsonl < e.st > two.st
    cmp one.st two.st
    cmp one.jsonl two.jsonl
}

@test "killed at any moment, all losses on, the same command ends with the same bytes" {
    py <<< 'embeddings("e.st", heaps(1500, width=64)); histories("i.st", walks(900, 1500), 1500); histories("j.st", walks(900, 1500, seed=4), 1500)'
    long=(--codes 32 --hidden 64 --latent 8 --epochs 40 --warmup 20 --batch 128 --iterations 5 --checkpoint 1 -q --cooccur i.st --uniformity 0.1
        --contrast 0.05)
    rqvae "${long[@]}" --log whole.jsonl -o whole.st < e.st
    for delay in 0.2 0.5 0.8; do
        rqvae "${long[@]}" --log s.jsonl -o s.st < e.st &
        sleep $delay
        kill -9 $! 2> kill.err || true
        wait $! || true
        assert [ ! -e s.st ] || cmp s.st whole.st
    done
    if [ -e s.st.ckpt/state.st ]; then
        fails_with 65 'checkpoint of another run: "uniformity":0.1, this run has "uniformity":0.2;' rqvae "${long[@]}" --uniformity 0.2 -o s.st < e.st
        fails_with 65 'checkpoint of another run: interactions:' rqvae "${long[@]}" --cooccur j.st -o s.st < e.st
    fi
    rqvae "${long[@]}" --log s.jsonl -o s.st < e.st
    cmp s.st whole.st
    cmp s.jsonl whole.jsonl
    assert_not_exists s.st.ckpt
}

@test "every loss is in the log, and the use of codes in log, metadata and note" {
    catalogue
    run --separate-stderr rqvae "${quick[@]}" "${all[@]}" --spread 0 --log log.jsonl -o s.st < e.st
    assert_success
    assert_regex "$stderr" 'rqvae: [0-9]+ pairs of neighbours among 400 items'
    assert_regex "$stderr" 'utilisation \(perplexity, Gini\) by level: .*; of whole prefixes [0-9.]+ \([0-9.]+, [0-9.]+\)'
    py <<'EOF'
rows = [json.loads(x) for x in open("log.jsonl")]
t, meta = load("s.st")
last = rows.pop()
assert json.loads(meta["report"]) == last
assert all(r["contrast"] > 0 for r in rows)
assert all((r["uniformity"] > 0) == r["quantised"] for r in rows)

def use(n, possible):
    n = np.sort(np.concatenate([n[n > 0], np.zeros(possible - (n > 0).sum())]))
    p = n[n > 0] / n.sum()
    return (n > 0).mean(), np.exp(-(p * np.log(p)).sum()), ((2 * np.arange(1, possible + 1) - possible - 1) * n).sum() / (possible * n.sum())
for l in range(3):
    found = last["utilisation"][l], last["perplexity"][l], last["gini"][l]
    assert np.allclose(found, use(np.bincount(t["codes"][:, l], minlength=16), 16), atol=0.006), (l, found)
whole = use(np.unique(t["codes"], axis=0, return_counts=True)[1], 400)
assert np.allclose([last["prefixes"][k] for k in ("utilisation", "perplexity", "gini")], whole, atol=0.006)
EOF
    rqvae "${quick[@]}" -q --log log.jsonl -o s.st < e.st
    py <<< 'assert not {"contrast", "uniformity"} & set(json.loads(open("log.jsonl").readline()))'
}

@test "--assign: new items keep their own vectors, or take part by histories that hold them" {
    py <<'EOF'
x = heaps(400, count=400)
x[390:392] = -x[[5, 7]] # as unlike as can be what they will be met with
embeddings("old.st", x[:390])
embeddings("new.st", x[390:], start=390)
embeddings("all.st", x)
histories("i.st", walks(600, 390, 13), 390)
histories("grown.st", walks(600, 390, 13) + [[390, 5, 0, 0], [391, 7, 0, 0]] * 30, 400)
EOF
    rqvae -m rkmeans "${quick[@]}" --spread 0 --cooccur i.st --cooccur-steps 3 --cooccur-restart 0.1 -q -o s.st < old.st
    run --separate-stderr rqvae --assign s.st -o alone.st < new.st
    assert_success
    assert_regex "$stderr" '390 SIDs kept, 10 added'
    rqvae --assign s.st --cooccur grown.st -q -o met.st < all.st
    py <<'EOF'
old, meta = load("s.st")
e, _ = load("all.st")
a = neighbours(walks(600, 390, 13) + [[390, 5, 0, 0], [391, 7, 0, 0]] * 30, 400)
def first(x):
    return (((x[390:, None] - old["codebook"][0]) ** 2).sum(2) + old["code_offset"][0]).argmin(1).tolist()
own, met = first(e["text"]), first(aligned(a, e["text"], 3, 0.1))
assert own != met and own[2:] == met[2:]
for path, wanted in ("alone.st", own), ("met.st", met):
    new, new_meta = load(path)
    assert (new["codes"][:390] == old["codes"]).all() and new["codes"][390:, 0].tolist() == wanted, path
    assert new_meta["config"] == meta["config"] and ("input.interactions" in new_meta) == (path == "met.st")
EOF
    rqvae --assign met.st --cooccur grown.st -q -o again.st < all.st # what was added remembers, too
    py <<< 'a, b = load("met.st")[0], load("again.st")[0]; assert all((a[k] == b[k]).all() for k in a)'
    fails_with 65 'grown.st: item_ids differ from those of standard input' rqvae --assign s.st --cooccur grown.st -o none.st < new.st
    assert_one_line
    rqvae -m rkmeans "${quick[@]}" -q -o plain.st < old.st
    fails_with 65 'plain.st: made of items that took no part in their neighbours' rqvae --assign plain.st --cooccur grown.st -o none.st < all.st
    assert_one_line
    fails_with 64 '--assign takes how SIDs are made from its file' rqvae --assign s.st --cooccur grown.st --cooccur-steps 1 < all.st
    py <<'EOF'
t, meta = load("s.st")
for name, value in ("window", 0), ("restart", "much"), ("steps", 1e300):
    config = dict(json.loads(meta["config"]), **{"cooccur-" + name: value})
    save(name + ".st", t, {"schema": "sids/1", "config": json.dumps(config)})
save("older.st", t, {"schema": "sids/1", "config": "{}"})
EOF
    for name in window restart steps; do
        fails_with 65 "cooccur-$name" rqvae --assign $name.st --cooccur grown.st -o none.st < all.st
        assert_one_line
    done
    fails_with 65 cooccur-window rqvae --assign older.st --cooccur grown.st -o none.st < all.st
    assert_none_written none.st
}

@test "histories that do not fit are refused, naming what is wrong" {
    catalogue
    py <<'EOF'
lists = walks(600, 390, 13)
histories("others.st", lists, 400, ["j%d" % i for i in range(400)])
histories("fewer.st", lists, 399)
histories("short.st", [h[:2] for h in lists], 400)
histories("same.st", [[3, 3, 3, 3, 3]] * 20, 400)
histories("none.st", [], 400)
t, _ = load("i.st")
for name, change in ("beyond", {"item_index": t["item_index"] + 300}), ("below", {"item_index": t["item_index"] - 9}), \
        ("wild", {"user_offsets": t["user_offsets"][::-1].copy()}), ("lacking", {"item_index": None}):
    save(name + ".st", {k: v for k, v in dict(t, **change).items() if v is not None}, {"schema": "interactions/1"})
open("cut.st", "wb").write(open("i.st", "rb").read()[:3000])
open("empty.st", "wb")
EOF
    for name in others fewer; do
        fails_with 65 "$name.st: item_ids differ from those of standard input" rqvae "${quick[@]}" --cooccur $name.st -o s.st < e.st
        assert_one_line
    done
    for name in short same none; do
        fails_with 65 "$name.st: no two items stand within 5 events of each other" rqvae "${quick[@]}" --cooccur $name.st -o s.st < e.st
        assert_one_line
    done
    fails_with 65 "at least 1000 times" rqvae "${quick[@]}" --cooccur i.st --cooccur-least 1000 -o s.st < e.st
    for name in beyond below wild lacking cut empty e; do
        fails_with 65 $name.st rqvae "${quick[@]}" --cooccur $name.st -o s.st < e.st
        assert_one_line
    done
    fails_with 66 nowhere.st rqvae "${quick[@]}" --cooccur nowhere.st -o s.st < e.st
    assert_none_written s.st
}

@test "wrong options" {
    catalogue
    for args in "--cooccur-window 0" "--cooccur-window x" "--cooccur-restart 0" "--cooccur-restart 2" "--cooccur-steps -1" "--cooccur-least 0" \
        "--cooccur-fade -1" "--uniformity -1" "--uniformity-margin 0" "--contrast nan"; do
        # shellcheck disable=SC2086
        fails_with 64 '' rqvae --cooccur i.st $args < e.st
        assert_one_line
    done
    for name in window fade least steps restart; do fails_with 64 "--cooccur-$name without --cooccur" rqvae --cooccur-$name 1 < e.st; done
    fails_with 64 "--contrast without --cooccur" rqvae --contrast 1 < e.st
    fails_with 64 "--uniformity without --method rqvae" rqvae -m rkmeans --uniformity 1 < e.st
    fails_with 64 "--contrast without --method rqvae" rqvae -m rkmeans --cooccur i.st --contrast 1 < e.st
    fails_with 64 "--cooccur with --method identity" rqvae -m identity --cooccur i.st < e.st
}

@test "few items, items alike, and one code a level" {
    py <<'EOF'
for n in 2, 5, 40:
    embeddings("e%d.st" % n, heaps(n))
    embeddings("z%d.st" % n, np.zeros((n, 4)))
    histories("i%d.st" % n, [[0, 1, 0, 0]] * 9 + walks(9, n, 1), n)
EOF
    for n in 2 5 40; do
        for file in e z; do
            for codes in 1 16; do
                rqvae "${quick[@]}" --codes $codes --cooccur i$n.st --uniformity 1 --contrast 1 -q -o s.st < $file$n.st 2> warned
                py <<< 't, _ = load("s.st"); assert prefix_free(full(t)); assert all(np.isfinite(a).all() for a in t.values() if a.dtype.kind == "f")'
            done
        done
    done
}
