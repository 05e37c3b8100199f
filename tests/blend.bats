#!/usr/bin/env bats
# blend: what it gathers, the weights it fits, the mixture in evaluate and recommend, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

# One set of data, embeddings and one small model serve all tests; two mixtures, with the model and without.
setup_file() {
    suite_setup_file
    "$HELPERS/evaluate.py" make .
    python_with tensors <<'PY'
rng = np.random.default_rng(5)
save("e.st", {"text": rng.normal(size=(60, 8)).astype("f4"), "item_ids": ids(f"i{i}" for i in range(60))}, {"schema": "embeddings/1"})
save("other.st", {"text": rng.normal(size=(60, 8)).astype("f4"), "item_ids": ids(f"i{i}" for i in reversed(range(60)))}, {"schema": "embeddings/1"})
PY
    for seed in 1 2; do
        "$BIN/sidgen-train" -q -s sids.st -i i.st --dim 16 --layers 1 --heads 2 --ffn 32 --epochs 2 --batch-tokens 1024 --shards 8 \
            --warmup 2 --valid-users 0 --seed $seed -o model$seed.st
    done
    "$BIN/blend" -q -i i.st -e e.st -o alone.st
    "$BIN/blend" -q -i i.st -e e.st -m model1.st -s sids.st -o both.st
}

setup() { suite_setup; }

blend() { "$BIN/blend" "$@"; }

# One value of a JSON file: value FILE KEY KEY ...
value() { /usr/bin/python3 -c 'import json,sys; v=json.load(open(sys.argv[1])); [v:=v[int(k) if isinstance(v,list) else k] for k in sys.argv[2:]]; print(json.dumps(v))' "$@"; }

@test "the file: rows of the items, weights that add up to 1, what it was made from" {
    run with_tensors both.st <<'PY'
assert meta["schema"] == "blend/1" and meta["protocol"] in ("all", "unseen")
parts = meta["parts"].split(",")
assert parts[0] == "generator" and parts[-1] == "popular"
assert t["weights"].shape == (7, len(parts)) and np.allclose(t["weights"].sum(1), 1, atol=1e-9)
assert t["groups"][0] == 0 and (np.diff(t["groups"]) > 0).all() and 1 < len(t["groups"]) <= 8
assert t["factors"].shape == (len(t["groups"]), len(parts)) and (t["factors"] > 0).all() and (t["factors"] != 1).any()
assert t["powers"].shape == (1 + len(parts),) and (t["powers"] != 0).any()
assert t["bins"][0] == 0 and len(t["bins"]) == 7 and (np.diff(t["bins"]) > 0).all() and len(ids) == 60
for name in "cooccur", "neighbours":
    o, i, w = (t[f"{name}.{x}"] for x in ("offsets", "item", "weight"))
    assert o[0] == 0 and o[-1] == len(i) == len(w) and (np.diff(o) >= 0).all() and (w >= 0).all()
    for r in range(60): assert (np.diff(i[o[r]:o[r + 1]]) > 0).all()
assert np.allclose([t["neighbours.weight"][a:b].sum() for a, b in zip(t["neighbours.offsets"], t["neighbours.offsets"][1:])], 1, atol=1e-6)
for role in "interactions", "embeddings", "model", "sids": assert len(meta[f"input.{role}"]) == 32
import json
assert json.loads(meta["report"])["schema"] == "blend-report/1"
PY
    assert_success
}

@test "the same bytes whatever the threads, and again" {
    for threads in 1 2; do
        blend -q -i i.st -e e.st -m model1.st -s sids.st --threads $threads -o "$threads.st"
        cmp both.st $threads.st
        for tool in alone both; do
            local model=()
            [ $tool = both ] && model=(-m model1.st -s sids.st)
            "$BIN/evaluate" -q --blend $tool.st "${model[@]}" -i i.st --threads $threads --recs-out $tool$threads.st -o $tool$threads.json
        done
    done
    cmp alone1.st alone2.st
    cmp both1.st both2.st
}

@test "tensor knows the schema" {
    run "$BIN/tensor" verify both.st alone.st
    assert_success
    assert_line 'both.st: ok (blend/1)'
}

@test "a table on standard error and the same as a report" {
    run --separate-stderr blend -i i.st -e e.st --report r.json -o b.st
    assert_success
    assert_regex "$stderr" 'mixture +0\.[0-9]{4} +0\.[0-9]{4}'
    assert_equal "$(value r.json users)" 148
    assert_equal "$(value r.json bins 0 from)" 0
    for part in cooccur neighbours cooccur-neighbours neighbours-cooccur popular; do
        run value r.json parts $part hr@10
        assert_output --regexp '^[01]'
    done
    assert_equal "$(meta b.st report)" "$(cat r.json)"
}

@test "--list 0: weights alone, by which all that came is likeliest" {
    blend -q -i i.st -e e.st -m model1.st -s sids.st --list 0 --report r.json -o b.st
    run with_tensors b.st <<'PY'
assert t["groups"].tolist() == [0] and (t["factors"] == 1).all() and t["powers"].tolist() == [1] + [0] * (len(t["powers"]) - 1)
PY
    assert_success
    blend -q -i i.st -e e.st -m model1.st -s sids.st --groups 1 -o b.st
    run with_tensors b.st <<'PY'
assert len(t["groups"]) == 1 and (t["factors"] == 1).all() and (t["powers"] != 0).any()
PY
    assert_success
}

@test "a file without groups and powers is a mixture" {
    change alone.st <<<'del t["groups"], t["factors"], t["powers"]'
    mv bad.st plain.st
    change alone.st <<<'t["groups"] = t["groups"][:1].copy(); t["factors"] = np.ones((1, t["factors"].shape[1])); t["powers"] = np.eye(len(t["powers"]))[0].copy()'
    for file in plain bad; do "$BIN/recommend" --blend $file.st <<<'i1 i2' >$file.txt; done
    cmp plain.txt bad.txt
}

@test "popularity alone does without embeddings; repeats are a part where histories repeat" {
    blend -q -i i.st --protocol unseen -o u.st
    assert_equal "$(meta u.st parts)" 'cooccur,popular'
    blend -q -i i.st --protocol all -o a.st
    assert_equal "$(meta a.st parts)" 'cooccur,repeat,popular'
}

@test "evaluate: the mixture, and every part alone as by itself" {
    "$BIN/evaluate" -q --blend both.st -m model1.st -s sids.st -i i.st --baseline popular,cooccur --recs-out lists.st --per-user r.st -o m.json
    "$HELPERS/evaluate.py" check i.st lists.st m.json test
    assert_equal "$(value m.json system)" '"blend"'
    "$BIN/evaluate" -q -m model1.st -s sids.st -i i.st -o model.json
    for key in metrics metrics_unseen strata coverage@10; do
        assert_equal "$(value m.json parts generator $key)" "$(value model.json $key)"
    done
    for part in cooccur neighbours cooccur-neighbours neighbours-cooccur popular; do value m.json parts $part metrics hr@10; done
    run value m.json blend bins 0 weights generator
    assert_output --regexp '^0\.'
    run value m.json settings inputs blend
    assert_success
    run "$BIN/evaluate" --show mine=m.json
    assert_line --index 0 --regexp 'mine +part generator +part cooccur .*popular'
}

@test "evaluate: scores of a sum of parts are probabilities, others are not" {
    local ask=(-q -m model1.st -s sids.st -i i.st)
    blend -q -i i.st -e e.st -m model1.st -s sids.st --list 0 -o sum.st
    "$BIN/evaluate" "${ask[@]}" --blend sum.st --recs-out lists.st -o m.json
    /usr/bin/python3 - <<'PY'
import json, evaluate as e
x, r, m = e.read("i.st"), e.read("lists.st"), json.load(open("m.json"))
e.check_calibration(m["calibration"], r["items"].tolist(), r["scores"], e.split(x, "test")[2])
PY
    run value m.json calibration_note
    assert_failure
    "$BIN/evaluate" "${ask[@]}" --blend both.st -o m.json
    assert_equal "$(value m.json calibration)" null
    assert_equal "$(value m.json calibration_note)" '"scored with factors, powers, a favour or evenness: exp(score) is no probability"'
    for option in --even --favour; do
        blend -q -i i.st -e e.st -m model1.st -s sids.st --list 0 $option 0.3 -o moved.st
        "$BIN/evaluate" "${ask[@]}" --blend moved.st -o moved.json
        assert_equal "$(value moved.json calibration)" null
    done
    "$BIN/evaluate" "${ask[@]}" -o model.json
    assert_equal "$(value m.json parts generator calibration)" "$(value model.json calibration)"
    assert_not_equal "$(value m.json parts popular calibration)" null
}

@test "evaluate without a model: the lists of the sources alone" {
    run --separate-stderr "$BIN/evaluate" --blend alone.st -i i.st --split valid -k 30 --recs-out lists.st -o m.json
    assert_success
    "$HELPERS/evaluate.py" check i.st lists.st m.json valid
    for part in blend cooccur neighbours popular; do assert_regex "$stderr" "evaluate: $part, valid, 148 users: hr@10"; done
    run value m.json invalid_rate_note
    assert_output --partial 'no model'
}

@test "recommend's filters hold a mixture, with a model and without" {
    for i in {0..59}; do echo "{\"id\":\"i$i\",\"brand\":\"$((i % 4))\"}"; done >items.jsonl
    for tool in alone both; do
        local model=()
        [ $tool = alone ] || model=(-m model1.st -s sids.st)
        "$BIN/recommend" --blend $tool.st "${model[@]}" -k 60 --beam 60 < <(printf 'i4 i5 i6\n\n') >whole.tsv
        "$BIN/recommend" --blend $tool.st "${model[@]}" -k 60 --beam 60 --items items.jsonl -f brand=3 -f brand=1 \
            < <(printf 'i4 i5 i6\n\n') >held.tsv
        for line in 1 2; do
            sed -n ${line}p whole.tsv | tr '\t' '\n' | grep '[13579]:' >expected.txt
            sed -n ${line}p held.tsv | tr '\t' '\n' >found.txt
            assert [ -s expected.txt ]
            cmp <(cut -d: -f1 found.txt) <(cut -d: -f1 expected.txt)
            paste -d: found.txt expected.txt | awk -F: '($2 - $4) ^ 2 > 1e-9 { exit 1 }'
        done
        "$BIN/recommend" --blend $tool.st "${model[@]}" -k 5 --beam 5 --items items.jsonl -f brand=2 <<<'i4 i5 i6' >narrow.tsv
        assert_equal "$(tr '\t' '\n' <narrow.tsv | grep -c .)" 5
    done
}

@test "recommend gives evaluate's lists, with a model and without; empty histories the popular ones" {
    "$HELPERS/evaluate.py" write_histories i.st test >histories.txt
    for tool in alone both; do
        local model=()
        [ $tool = both ] && model=(-m model1.st -s sids.st)
        "$BIN/evaluate" -q --blend $tool.st "${model[@]}" -i i.st -k 10 --beam 60 --recs-out lists.st -o m.json
        "$BIN/recommend" --blend $tool.st "${model[@]}" -k 10 --beam 60 <histories.txt >lists.tsv
        run "$HELPERS/evaluate.py" check_lists lists.st lists.tsv
        assert_success
        assert_output '148 lists'
        "$BIN/evaluate" -q -i i.st --baseline popular -k 7 --recs-out popular.st -o m.json
        run "$BIN/recommend" --blend $tool.st "${model[@]}" -k 7 < <(printf '\n')
        assert_equal "$(echo "$output" | tr '\t' '\n' | sed 's/:[^:]*$//' | paste -sd' ')" "$("$HELPERS/evaluate.py" first_list popular.st)"
    done
    run "$BIN/recommend" --blend alone.st -k 5 -x < <(printf 'i4 i5 i6\n')
    assert_success
    refute_output --regexp '(^|\t)i[456]:'
    assert_equal "$(echo "$output" | tr '\t' '\n' | wc -l)" 5
}

# Changes a file: change FILE < lines that change the tensors t and the metadata meta.
change() {
    { echo 'import sys; t, meta = load(sys.argv[1]); t = {k: v.copy() for k, v in t.items()}'; cat; echo 'save("bad.st", t, meta)'; } | python_with tensors "$1"
}

refused() { # refused MESSAGE: by both tools that read it, one line
    fails_with 65 "$1" "$BIN/evaluate" --blend bad.st -i i.st -o m.json
    assert_one_line
    fails_with 65 "$1" "$BIN/recommend" --blend bad.st </dev/null
    assert_one_line
    assert_none_written m.json
}

@test "an even mixture takes off by an item's training events, fitted or taken over" {
    blend -q -i i.st -e e.st --even 0.3 -o even.st
    blend -q -i i.st -e e.st --fitted alone.st --even 0.3 -o taken.st
    for name in alone even taken; do "$BIN/recommend" --blend $name.st -k 60 < <(printf 'i4 i5 i6\n') >$name.tsv; done
    cmp even.tsv taken.tsv
    run with_tensors even.st <<'PY'
def scores(name): return {x.rsplit(":", 1)[0]: float(x.rsplit(":", 1)[1]) for x in open(name).read().strip().split("\t")}
before, after = scores("alone.tsv"), scores("even.tsv")
events = dict(zip(ids, t["popularity"]))
assert len(before) > 20 and before.keys() == after.keys()
for i in before: assert abs(before[i] - after[i] - 0.3 * np.log1p(events[i])) < 1e-4 * (1 + abs(before[i])), i
PY
    assert_success
    change even.st <<<'t["even"][0] = -1'
    refused "tensor 'even'"
}

@test "a line's answer depends on no other line" {
    "$HELPERS/evaluate.py" write_histories i.st test >all.txt
    head -n 40 all.txt >histories.txt
    for options in '--blend both.st -m model1.st -s sids.st -x' '--blend alone.st -x' '--blend both.st -m model1.st -s sids.st'; do
        # shellcheck disable=SC2086 # several options
        "$BIN/recommend" $options <histories.txt >together.tsv
        # shellcheck disable=SC2086
        while read -r line; do "$BIN/recommend" $options <<<"$line"; done <histories.txt >apart.tsv
        cmp together.tsv apart.tsv
    done
}

@test "bad files are refused with one line" {
    change alone.st <<<'t["weights"][1] *= 1.01'
    refused 'weights that do not sum to 1'
    change alone.st <<<'t["weights"][0, :2] += [2, -2]'
    refused 'weights that do not sum to 1'
    change alone.st <<<'t["weights"][0, 0] = np.nan'
    refused 'NaN'
    change alone.st <<<'t["weights"] = t["weights"][:, 1:].copy()'
    refused "tensor 'weights'"
    change alone.st <<<'t["cooccur.item"][3] = 60'
    refused "tensor 'cooccur.item'"
    change alone.st <<<'t["cooccur.item"][0] = -1'
    refused "tensor 'cooccur.item'"
    change alone.st <<<'t["neighbours.weight"][0] = -1'
    refused "tensor 'neighbours.weight'"
    change alone.st <<<'t["cooccur.weight"] = t["cooccur.weight"][1:].copy()'
    refused "tensor 'cooccur.weight'"
    change alone.st <<<'t["cooccur.offsets"][7] = 2**62'
    refused "tensor 'cooccur.offsets'"
    change alone.st <<<'t["cooccur.offsets"][-1] += 1'
    refused "tensor 'cooccur.offsets'"
    change alone.st <<<'del t["neighbours.offsets"]'
    refused "no tensor 'neighbours.offsets'"
    change alone.st <<<'t = {k: v for k, v in t.items() if not k.startswith("neighbours")}'
    refused "'neighbours' is no part"
    change alone.st <<<'t["popularity"][2] = -1'
    refused "tensor 'popularity'"
    change alone.st <<<'t["bins"][1] = 0'
    refused "tensor 'bins'"
    change alone.st <<<'t["bins"] = np.arange(99, dtype="f4"); t["weights"] = np.ones((99, 6)) / 6'
    refused "tensor 'bins'"
    change alone.st <<<'t["groups"][1] = 0'
    refused "tensor 'groups'"
    change alone.st <<<'t["groups"] = np.arange(99); t["factors"] = np.ones((99, 5))'
    refused "tensor 'groups'"
    change alone.st <<<'t["powers"][1] = -1e9'
    refused "tensor 'powers'"
    change alone.st <<<'del t["powers"]'
    refused "no tensor 'powers'"
    change alone.st <<<'t["factors"][0, 0] = -1'
    refused "tensor 'factors'"
    change alone.st <<<'t["factors"] = t["factors"][:, 1:].copy()'
    refused "tensor 'factors'"
    change alone.st <<<'t["powers"] = t["powers"][1:].copy()'
    refused "tensor 'powers'"
    change alone.st <<<'t["powers"][0] = np.inf'
    refused 'infinity'
    change alone.st <<<'meta["parts"] += ",popular"'
    refused "metadata 'parts'"
    change alone.st <<<'meta["protocol"] = "some"'
    refused "metadata 'protocol'"
    change alone.st <<<'meta["config"] = "[]"'
    refused "metadata 'config'"
    change alone.st <<<'meta["config"] = meta["config"].replace("\"hops\":", "\"hops\":1e300,\"x\":")'
    refused "metadata 'config'"
    change alone.st <<<'meta["config"] = meta["config"].replace("\"hops\":", "\"hops\":0.5,\"x\":")'
    refused 'expected a whole number'
    change alone.st <<<'t["popularity"] = t["popularity"].copy(); t["popularity"][3] = 2**62'
    refused "tensor 'popularity'"
    change alone.st <<<'meta["schema"] = "sids/1"'
    refused 'is of schema sids/1'
}

@test "truncated files are refused wherever they end" {
    local size
    size=$(stat -c %s alone.st)
    for cut in 0 7 8 100 $((size / 2)) $((size - 1)); do
        head -c "$cut" alone.st >bad.st
        refused ''
    done
}

@test "other items, other histories, another model, one too many or too few" {
    "$HELPERS/evaluate.py" make . # the same again
    python_with tensors <<'PY'
t, meta = load("i.st")
save("histories.st", {**t, "item_index": t["item_index"][::-1].copy()}, meta)
save("items.st", {**t, "item_ids": ids(f"i{i}" for i in reversed(range(60)))}, meta)
PY
    fails_with 65 'item_ids differ' "$BIN/evaluate" --blend alone.st -i items.st -o m.json
    assert_one_line
    fails_with 65 'fitted to other interactions' "$BIN/evaluate" --blend alone.st -i histories.st -o m.json
    fails_with 65 'fitted to other interactions' "$BIN/recommend" --blend alone.st -i histories.st <<<''
    assert_one_line
    fails_with 65 'another model' "$BIN/evaluate" --blend both.st -m model2.st -s sids.st -i i.st -o m.json
    assert_one_line
    fails_with 65 'another model' "$BIN/recommend" --blend both.st -m model2.st -s sids.st </dev/null
    fails_with 65 'mixes in a generator' "$BIN/evaluate" --blend both.st -i i.st -o m.json
    assert_one_line
    fails_with 65 'mixes in no generator' "$BIN/evaluate" --blend alone.st -m model1.st -s sids.st -i i.st -o m.json
    assert_one_line
    fails_with 65 'item_ids differ' blend -i i.st -e other.st -o b.st
    assert_one_line
    fails_with 65 'item_ids differ' blend -i items.st -m model1.st -s sids.st -o b.st
    assert_one_line
    assert_none_written m.json b.st
}

@test "wrong usage, and what cannot be written, before anything is read" {
    fails_with 64 '--interactions is missing' blend -o b.st
    fails_with 64 'go together' blend -i i.st -m model1.st -o b.st
    fails_with 64 'unexpected' blend -i i.st b.st
    fails_with 64 'the same file' blend -i i.st --report b.st -o b.st
    fails_with 64 'exclude each other' "$BIN/evaluate" --blend alone.st --recs lists.st -i i.st
    fails_with 64 'or --blend' "$BIN/recommend" </dev/null
    fails_with 66 'nothing.st' blend -i nothing.st -o b.st
    fails_with 73 'no/b.st' blend -i i.st -o no/b.st
    assert_none_written b.st
}

@test "no users, users too short, no items" {
    python_with tensors <<'PY'
def histories(name, offsets, events, items):
    users = len(offsets) - 1
    save(name, {"user_offsets": np.array(offsets, "i8"), "item_index": np.array(events, "i4"), "user_ids": ids(f"u{i}" for i in range(users)),
                "item_ids": ids(f"i{i}" for i in range(items))}, {"schema": "interactions/1"})
histories("none.st", [0], [], 0)
histories("short.st", [0, 2], [0, 1], 2)
histories("one.st", [0, 3], [0, 1, 2], 3)
PY
    for name in none short; do
        fails_with 65 'no user has an item held out for validation' blend -i $name.st -o b.st
        assert_one_line
    done
    assert_none_written b.st
    blend -q -i one.st -o b.st
    run "$BIN/recommend" --blend b.st -k 3 < <(printf 'i0\n')
    assert_success
}

@test "killed on its way it leaves nothing" {
    killed_often 2 blend -q -i i.st -e e.st -m model1.st -s sids.st --report r.json -o k.st
    cmp k.st both.st
    run find . -name 'k.st*' ! -name k.st
    for file in k.st.*; do [ ! -e "$file" ] || [ "$kills" -gt 0 ]; done
}
