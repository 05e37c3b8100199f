# rqvae: images, joint embeddings and intents in Semantic IDs.
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

@test "images are fused: e_mm = W_f [e_text ; W_v v] goes in, [e_text ; v] comes out" {
    py <<< 'save("e.st", scenes(400), {"schema": "embeddings/1"})'
    run --separate-stderr rqvae "${quick[@]}" --epochs 30 --warmup 20 --lr 0.003 --spread 0 --fusion-dim 20 --intent-weight 0.5 --log log.jsonl -o s.st < e.st
    assert_success
    assert_regex "$stderr" 'text 16 and image 10, which 320 of 400 items have, fused to 20 dimensions'
    assert_regex "$stderr" 'intents 6 dimensions, which 363 of 400 items have'
    assert_regex "$stderr" 'relative reconstruction error [0-9.]+ \(text [0-9.]+, image [0-9.]+, intents [0-9.]+\)'
    py <<'EOF'
s, meta = load("s.st")
t, _ = load("e.st")
assert s["fusion.visual.weight"].shape == (16, 10) and s["fusion.weight"].shape == (20, 32) and s["intent.1.weight"].shape == (6, 24)
assert json.loads(meta["config"])["fusion-dim"] == 20
has = t["image_mask"] == 1
scale = np.sqrt(t["text"].var(0).sum() / t["image"][has].var(0).sum())
assert np.allclose(s["image_scale"], scale, rtol=1e-5)

z, zq = latents(t, s), 0
for l in range(3):
    d = ((z[:, None] - s["codebook"][l]) ** 2).sum(2) + s["code_offset"][l]
    assert (d[np.arange(400), s["codes"][:, l]] <= d.min(1) + 1e-3).all(), l
    z = z - s["codebook"][l][s["codes"][:, l]]
    zq = zq + s["codebook"][l][s["codes"][:, l]].astype("f8")
x, back, intents = rows(t, s), layers(s, "decoder", zq), layers(s, "intent", zq)
mask = np.ones(x.shape)
mask[:, 16:] = has[:, None]
said = t["intent"].any(1)
error = {"error": (mask * (back - x) ** 2).sum() / (x ** 2).sum(), "error_text": ((back - x)[:, :16] ** 2).sum() / (x[:, :16] ** 2).sum(),
         "error_image": (mask * (back - x) ** 2)[:, 16:].sum() / (x[:, 16:] ** 2).sum(),
         "error_intent": ((intents - t["intent"])[said] ** 2).sum() / (t["intent"] ** 2).sum()}
log = [json.loads(line) for line in open("log.jsonl")]
for key, value in error.items():
    assert abs(log[-1][key] - value) < 1e-4, (key, value, log[-1][key])
    assert value < 0.75, (key, value)
assert log[0]["image"] > log[-2]["image"] and log[0]["intent"] > log[-2]["intent"]
EOF
}

@test "--no-image, a file without images and one whose items have none give the same SIDs" {
    py <<'EOF'
t = scenes(300)
save("all.st", t, {"schema": "embeddings/1"})
save("text.st", {k: t[k] for k in ("text", "item_ids")}, {"schema": "embeddings/1"})
save("none.st", dict(t, image_mask=t["image_mask"] * np.uint8(0)), {"schema": "embeddings/1"})
EOF
    for method in rqvae rkmeans; do
        rqvae -m $method "${quick[@]}" -q --no-image -o all-s.st < all.st
        rqvae -m $method "${quick[@]}" -q -o text-s.st < text.st
        rqvae -m $method "${quick[@]}" -q -o none-s.st < none.st
        py <<'EOF'
a, b, c = (load(x + "-s.st")[0] for x in ("all", "text", "none"))
assert a.keys() == b.keys() == c.keys() and "image_scale" not in a
assert all((a[k] == b[k]).all() and (a[k] == c[k]).all() for k in a)
EOF
    done
}

@test "the image's weight comes with the embeddings, unless it is given; of nothing, there is no image" {
    py <<'EOF'
t = scenes(300)
for weight in "0.25", "0", "-1", "1e7", "much", "":
    save("w%s.st" % weight, t, {"schema": "embeddings/1", "image_weight": weight})
save("plain.st", t, {"schema": "embeddings/1"})
EOF
    for method in rqvae rkmeans; do
        rqvae -m $method "${quick[@]}" -q -o fitted.sids < w0.25.st
        rqvae -m $method "${quick[@]}" -q --image-weight 0.25 -o asked.sids < plain.st
        rqvae -m $method "${quick[@]}" -q --image-weight 0.5 -o other.sids < w0.25.st
        rqvae -m $method "${quick[@]}" -q -o default.sids < plain.st
        rqvae -m $method "${quick[@]}" -q -o nothing.sids < w0.st
        rqvae -m $method "${quick[@]}" -q --no-image -o without.sids < plain.st
        py <<'EOF'
for a, b in (("fitted", "asked"), ("other", "default"), ("nothing", "without")):
    (x, p), (y, q) = load(a + ".sids"), load(b + ".sids")
    assert x.keys() == y.keys() and all((x[k] == y[k]).all() for k in x), a
assert json.loads(load("fitted.sids")[1]["config"])["image-weight"] == 0.25
EOF
    done
    for weight in -1 1e7 much ""; do
        run --separate-stderr rqvae "${quick[@]}" -o s.st < "w$weight.st"
        assert_failure 65
        assert_regex "$stderr" "^rqvae: .*metadata 'image_weight' is '$weight', expected a number from 0 to 1000000$"
        assert_not_exists s.st
    done
}

@test "rkmeans takes text and weighted image side by side" {
    py <<< 'save("e.st", scenes(300), {"schema": "embeddings/1"})'
    rqvae -m rkmeans "${quick[@]}" --image-weight 0.25 --spread 0 -q -o s.st < e.st
    py <<'EOF'
s, _ = load("s.st")
t, _ = load("e.st")
assert s["codebook"].shape == (3, 16, 26) and "fusion.weight" not in s
scale = np.sqrt(0.25 * t["text"].var(0).sum() / t["image"][t["image_mask"] == 1].var(0).sum())
assert np.allclose(s["image_scale"], scale, rtol=1e-5)
r = rows(t, s)
d = ((r[:, None] - s["codebook"][0]) ** 2).sum(2) + s["code_offset"][0]
assert (d[np.arange(300), s["codes"][:, 0]] <= d.min(1) + 1e-4).all()
EOF
    run --separate-stderr rqvae -m rkmeans --intent-weight 1 < e.st
    assert_failure 64
    assert_regex "$stderr" 'intent-weight with --method rkmeans'
}

@test "fused SIDs: equal bytes for 1 and 2 threads, and new items with and without image" {
    py <<'EOF'
t = scenes(420)
def part(keep):
    return dict({k: t[k][keep] for k in ("text", "image", "image_mask", "intent")}, item_ids=ids(["i%d" % i for i in np.arange(420)[keep]]))
old, new = part(slice(0, 300)), part(slice(280, 420))
bare = part(slice(280, 420))
del bare["image"], bare["image_mask"], bare["intent"]
for name, x in (("old", old), ("new", new), ("bare", bare), ("thin", dict(new, image=np.ascontiguousarray(new["image"][:, :9])))):
    save(name + ".st", x, {"schema": "embeddings/1"})
EOF
    for args in "-m rqvae --intent-weight 0.3" "-m rkmeans"; do
        # shellcheck disable=SC2086
        rqvae $args "${quick[@]}" -q --threads 1 -o one.st < old.st
        # shellcheck disable=SC2086
        rqvae $args "${quick[@]}" -q --threads 2 -o two.st < old.st
        cmp one.st two.st
        for file in new bare; do
            run --separate-stderr rqvae --assign one.st -o $file-s.st < $file.st
            assert_success
            assert_regex "$stderr" '300 SIDs kept, 120 added'
        done
        py <<'EOF'
s, _ = load("one.st")
for file in "new", "bare":
    n, _ = load(file + "-s.st")
    t, _ = load(file + ".st")
    assert (n["codes"][:300] == s["codes"]).all() and prefix_free(full(n)) and all((n[k] == s[k]).all() for k in s if "weight" in k or k == "image_scale")
    if file == "bare":
        t = dict(t, image=np.zeros((140, 10)), image_mask=np.zeros(140))
    z = latents(t, s)[20:]
    d = ((z[:, None] - s["codebook"][0]) ** 2).sum(2) + s["code_offset"][0]
    near = d[np.arange(120), n["codes"][300:, 0]] <= d.min(1) + 1e-3
    assert near.mean() > 0.95, near.mean() # all but those that a full bucket sent away
a, b = load("new-s.st")[0], load("bare-s.st")[0]
assert (a["codes"] != b["codes"]).any()
EOF
        run --separate-stderr rqvae --assign one.st < thin.st
        assert_failure 65
        assert_regex "$stderr" 'image: 9 dimensions, expected the 10 that one.st was made from'
    done
}

@test "a joint embedding in the place of the fusion, and beside the text" {
    py <<'EOF'
t = dict(scenes(200), joint=heaps(200, 7, seed=9))
save("e.st", t, {"schema": "embeddings/1"})
del t["joint"]
save("lone.st", t, {"schema": "embeddings/1"})
EOF
    rqvae "${quick[@]}" -q --tensor joint -o joint.st < e.st
    rqvae "${quick[@]}" -q --tensor text,joint -o both.st < e.st
    rqvae "${quick[@]}" -q --tensor image -o image.st < e.st
    py <<'EOF'
a, b, c = (load(x + ".st")[0] for x in ("joint", "both", "image"))
assert a["encoder.0.weight"].shape == (24, 7) and "fusion.weight" not in a
assert b["fusion.visual.weight"].shape == (23, 10) and b["fusion.weight"].shape == (23, 46) and b["decoder.1.weight"].shape == (33, 24)
assert c["encoder.0.weight"].shape == (24, 10) and "fusion.weight" not in c
EOF
    rqvae --assign both.st -q < e.st > again.st
    run --separate-stderr rqvae --assign both.st < lone.st
    assert_failure 65
    assert_regex "$stderr" "joint"
    run --separate-stderr rqvae --tensor text, < e.st
    assert_failure 64
    assert_regex "$stderr" 'an empty name in the list of tensors'
}

@test "wrong images, intents and fusions are refused" {
    py <<'EOF'
t = scenes(50)
def bad(name, **other):
    save(name + ".st", {k: v for k, v in dict(t, **other).items() if v is not None}, {"schema": "embeddings/1"})
bad("rows", image=t["image"][:49])
bad("nan", image=np.where(np.arange(10) == 3, np.float32("nan"), t["image"]).astype("f4"))
bad("mask", image_mask=t["image_mask"] * np.uint8(2))
bad("short", image_mask=t["image_mask"][:49])
bad("lonely", image=None)
bad("none", intent=None)
bad("many", intent=t["intent"][:49])
bad("e")
EOF
    for case in rows:image nan:image mask:image_mask short:image_mask lonely:image_mask none:intent many:intent; do
        run --separate-stderr rqvae "${quick[@]}" --intent-weight 1 -o s.st < ${case%:*}.st
        assert_failure 65
        assert_regex "$stderr" "${case#*:}"
        assert_equal "$(wc -l <<< "$stderr")" 1
        assert_not_exists s.st
    done
    rqvae "${quick[@]}" -q --intent-weight 1 -o s.st < e.st
    py <<'EOF'
s, meta = load("s.st")
def bad(name, **other):
    save("bad-" + name + ".st", {k: v for k, v in dict(s, **other).items() if v is not None}, meta)
bad("scale", image_scale=s["image_scale"][:9])
bad("fuse", **{"fusion.weight": s["fusion.weight"][:, :30]})
bad("visual", **{"fusion.visual.weight": None})
bad("decoder", **{"decoder.1.weight": s["decoder.1.weight"][:20], "decoder.1.bias": s["decoder.1.bias"][:20]})
bad("intent", **{"intent.0.weight": s["intent.0.weight"][:, :5]})
EOF
    for name in scale fuse visual decoder intent; do
        run --separate-stderr rqvae --assign bad-$name.st -o s2.st < e.st
        assert_failure 65
        assert_regex "$stderr" "bad-$name.st: "
        assert_equal "$(wc -l <<< "$stderr")" 1
    done
}

@test "fused training that was killed ends with the same bytes" {
    py <<< 'save("e.st", scenes(1500), {"schema": "embeddings/1"})'
    long=(--codes 32 --hidden 64 --latent 8 --epochs 40 --warmup 20 --batch 128 --iterations 5 --checkpoint 1 --intent-weight 0.5 -q)
    rqvae "${long[@]}" -o whole.st < e.st
    rqvae "${long[@]}" -o s.st < e.st &
    pid=$!
    for _ in $(seq 200); do
        [ -e s.st.ckpt/state.st ] && break
        sleep 0.02
    done
    kill -9 $pid 2> kill.err || true
    wait $pid || true
    rqvae "${long[@]}" -o s.st < e.st
    cmp s.st whole.st
    assert_not_exists s.st.ckpt
}
