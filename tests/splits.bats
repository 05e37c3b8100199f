#!/usr/bin/env bats
# The order of equal times, the split that ingest decides and all others obey, and items that training never sees.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

items() { for id; do printf '{"id": "%s", "title": "thing %s"}\n' "$id" "$id"; done >items.jsonl; }

events() { # events USER:ITEM@TIME...
    printf 'user\titem\ttimestamp\n' >events.tsv
    printf '%s\n' "$@" | sed 's/[:@]/\t/g' >>events.tsv
}

ingest() { "$BIN/ingest" --kcore 0 --items items.jsonl --interactions events.tsv --items-out kept.jsonl --report report.json -o out.st "$@"; }
histories() { "$HELPERS/histories.py" out.st "$@"; }

# Prints what a Python expression says of the report r.
report() { /usr/bin/python3 -c 'import json, sys; r = json.load(open("report.json")); print(eval(sys.argv[1]))' "$1"; }

refused() { # refused CODE MESSAGE [options]
    fails_with "$1" "$2" ingest "${@:3}"
    [[ ${stderr_lines[-1]} == 'ingest: '* ]] || fail "message: $stderr"
    assert_none_written kept.jsonl out.st report.json cold.jsonl cold.st
}

# Twenty users with ten items each, one a second, all at once.
many() {
    items $(seq 1 40)
    local u i list=()
    for u in $(seq 1 20); do for i in $(seq 0 9); do list+=("u$u:$(((u * 7 + i * 13 + i * i) % 40 + 1))@$((i * 100 + u))"); done; done
    events "${list[@]}"
}

@test "equal times: as in the file, by id, or shuffled by seed" {
    items 10 9 b a
    events u:b@5 u:10@7 u:9@7 u:a@7 u:b@7 v:9@1 v:10@1 u:9@9 u:10@9
    ingest
    run histories
    assert_line 'u b@5 10@7 9@7 a@7 b@7 9@9 10@9'
    assert_line 'v 9@1 10@1'
    ingest --ties id
    run histories
    assert_line 'u b@5 9@7 10@7 a@7 b@7 9@9 10@9'
    assert_equal "$(meta out.st config ties)" id
    ingest --ties shuffle --seed 1
    histories >one
    ingest --ties shuffle --seed 1 --threads 1
    histories | diff one -
    for seed in 2 3 4 5; do ingest --ties shuffle --seed $seed; histories; done >others
    [ "$(sort -u one others | grep -c '^u')" -ge 3 ] || fail "$(cat one others)"
    run grep -c '^u b@5 [^ ]*@7 [^ ]*@7 [^ ]*@7 [^ ]*@7 [^ ]*@9 [^ ]*@9$' one others
    assert_output --partial one:1
    assert_output --partial others:4
    rm kept.jsonl out.st report.json
    refused 64 'expected one of file, shuffle, id' --ties best
}

@test "the report says what order tells" {
    items 10 9 b a
    events u:9@1 u:10@1 u:a@1 u:b@2 u:a@2 v:9@1 v:10@2 v:a@3
    run --separate-stderr ingest
    assert_equal "$(report 'r["ties"]')" \
        "{'order': 'file', 'times': 'seconds', 'neighbours': 6, 'ascending': 0.8333333333333334, 'tied': 3, 'tied_ascending': 0.6666666666666666, 'test_tied': 0.5}"
    [[ $stderr == *'50.0% of neighbours in a history have one time (--ties file); in the source 66.7% of those ascend by item id'* ]]
    [[ $stderr == *"50.0% of the test's items have the time of the event before"* ]]
    ingest --ties shuffle
    assert_equal "$(report 'r["ties"]["tied_ascending"], r["ties"]["order"]')" "(0.6666666666666666, 'shuffle')"

    printf 'user\titem\torder\nu\t9\t1\nu\t10\t2\nu\ta\t3\nu\t9\t4\n' >events.tsv
    run --separate-stderr ingest
    [[ $stderr == *'gives an order, no times: events of one time cannot be seen; 66.7% of neighbours ascend by item id'* ]]
    assert_equal "$(report 'r["ties"]["times"], "tied" in r["ties"]')" "('order', False)"
    assert_equal "$(meta out.st times)" order
    rm kept.jsonl out.st report.json
    refused 65 'no times, only an order' --split time
}

@test "a split by time: every event after a cut is a case" {
    items a b c d
    events u:a@1 u:b@2 u:c@5 u:d@6 u:a@9 u:b@9 v:c@9 v:d@9 w:a@1 x:b@5 x:a@6 x:c@8
    ingest --split time --split-at 5,9
    run histories --phases
    assert_output - <<<'u a:0 b:0 c:1 d:1 a:2 b:2
v c:2 d:2
w a:0
x b:1 a:1 c:1'
    assert_equal "$(report 'r["split"]')" \
        "{'kind': 'time', 'cuts': [5, 9], 'train': 3, 'valid': {'cases': 4, 'users': 2}, 'test': {'cases': 3, 'users': 2}}"
    assert_equal "$(meta out.st schema)" interactions/2
    run --separate-stderr "$BIN/evaluate" -i out.st --baseline popular -k 4 --per-user ranks.st --recs-out recs.st -o m.json
    [[ $stderr == *'popular, test, 3 cases: '* ]] || fail "$stderr"
    with_tensors ranks.st <<'PY'
assert t["case_offsets"].tolist() == [0, 2, 3] and t["place"].tolist() == [4, 5, 1] and len(t["rank"]) == 3
PY
    run "$BIN/tensor" verify ranks.st recs.st out.st
    assert_success
    run grep -E '"(users|cases|skipped_users)"' m.json
    assert_line --partial '"cases": 3'
    # Read again, each list answers its case; as text, one answers all cases of its user.
    "$BIN/evaluate" -q -i out.st --recs recs.st --per-user again.st -o again.json
    cmp <("$BIN/tensor" get ranks.st rank) <("$BIN/tensor" get again.st rank)
    assert_equal "$(jq -c .lists again.json)" '{"users":2,"duplicates":0,"unknown":0,"short":0,"missing":0,"unused":0}'
    printf 'u\ta\nu\tb\nw\ta\n' >lists.tsv
    "$BIN/evaluate" -q -i out.st --recs lists.tsv --missing-lists empty --per-user again.st -o again.json
    assert_equal "$("$BIN/tensor" get again.st rank | paste -sd ' ')" '1 2 0'
    assert_equal "$(jq -c .lists again.json)" '{"users":2,"duplicates":0,"unknown":0,"short":0,"missing":1,"unused":1}'
    with_tensors recs.st <<'PY'
t["place"] = t["place"][::-1].copy()
save("turned.st", t, meta)
t["place"] = t["place"][::-1].copy(); t["case_offsets"] = t["case_offsets"] + 1
save("shifted.st", t, meta)
PY
    for f in turned shifted; do
        run "$BIN/evaluate" -q -i out.st --recs $f.st -o bad.json
        assert_failure 65
    done
    "$BIN/evaluate" -q -i out.st --baseline popular -k 4 --split valid --users 1 -o m.json
}

@test "cuts may be shares, dates, and lie between equal times" {
    many
    ingest --split time --split-at 0.5,0.75
    # The 100th of 200 times begins the sixth hundred; the 150th lies within the eighth.
    assert_equal "$(report 'r["split"]["cuts"], r["split"]["train"]')" "([501, 711], 100)"
    ingest --split time --split-at 1970-01-01T00:01:41Z,1970-01-01T00:15:00Z
    assert_equal "$(report 'r["split"]["cuts"]')" '[101, 900]'
    items a b
    events u:a@1 u:b@1 v:a@1 v:b@1 u:a@1000000000000 u:b@1000000000001
    rm kept.jsonl out.st report.json
    refused 65 'leaves nothing to train on' --split time --split-at 0.5,0.9
    ingest --split time --split-at 0.7,0.9
    assert_equal "$(report 'r["split"]["cuts"], r["split"]["train"]')" '([1000000000000, 1000000000001], 4)'
}

@test "cuts that are none, and splits that leave nothing, are refused" {
    many
    refused 64 'expected two shares' --split time --split-at 0.9,0.8
    refused 64 'expected two shares' --split time --split-at 0.5
    refused 64 'expected two shares' --split time --split-at 0.5,0.6,0.7
    refused 64 'expected two shares' --split time --split-at 10,5
    refused 64 'expected two shares' --split time --split-at 2014-13-01,2014-14-01
    refused 64 'expected two shares of the users' --split user --split-at 5,10
    refused 64 'goes with --split time and' --split-at 0.5,0.6
    refused 65 'leaves nothing to train on' --split time --split-at 0,1
    refused 65 'nothing for the test' --split time --split-at 5000,6000
    refused 65 'nothing left to split' --since 2001-01-01
}

@test "a split by user: whole histories to train on, the last item of others to predict" {
    many
    ingest --split user --split-at 0.6,0.8
    histories --phases >h
    assert_equal "$(grep -cv ':[123]' h)" 12
    assert_equal "$(grep -cE '^u[0-9]+( [0-9]+:3){9} [0-9]+:1$' h)" 4
    assert_equal "$(grep -cE '^u[0-9]+( [0-9]+:3){9} [0-9]+:2$' h)" 4
    ingest --split user --split-at 0.6,0.8 --seed 7
    histories --phases | diff -q h - && fail "the seed counts for nothing"
    "$BIN/evaluate" -q -i out.st --baseline popular,cooccur -o m.json
    run grep -E '"users": 4,' m.json
    assert_success
}

@test "cold items: gone from training, there for the test" {
    many
    ingest --cold 0.25 --cold-items cold.jsonl --cold-out cold.st
    with_tensors out.st <<'PY'
from tensors import load, strings
import json
warm, w = t, ids
cold, _ = load("cold.st")
c = strings(cold["item_ids"])
assert c[:len(w)] == w and len(c) > len(w)
names = [json.loads(line)["id"] for line in open("cold.jsonl")]
assert names == c[len(w):] and [json.loads(line)["id"] for line in open("kept.jsonl")] == w
is_cold = cold["item_index"] >= len(w)
assert is_cold.any() and (cold["phase"][is_cold] == 2).all()
assert strings(cold["user_ids"]) == strings(warm["user_ids"])
assert cold["item_index"][~is_cold].tolist() == warm["item_index"].tolist()
assert cold["phase"][~is_cold].tolist() == warm["phase"].tolist()
PY
    run --separate-stderr ingest --cold 0.25 --cold-items cold.jsonl --cold-out cold.st
    [[ $stderr == *' cold items, of which training sees nothing: cold.st'* ]]
    rm kept.jsonl out.st report.json cold.jsonl cold.st
    refused 64 'go together' --cold 0.1
    refused 64 'go together' --cold-items cold.jsonl
    refused 64 'are the same file' --cold 0.1 --cold-items kept.jsonl --cold-out cold.st
    refused 64 'cold' --cold 1
}

# Everything that is trained, with names that do not depend on what was read.
train() { # train INTERACTIONS NAME
    "$BIN/embed" -q --fit-weights "$1" kept.jsonl >"$2-embeddings.st"
    "$BIN/rqvae" -q --codes 8 --levels 2 --hidden 32 --latent 8 --epochs 3 <"$2-embeddings.st" >"$2-sids.st"
    "$BIN/sidgen-train" -q -s "$2-sids.st" -i "$1" --body timeline --item-vectors --dim 16 --ffn 16 --layers 1 --epochs 2 -o "$2-model.st" "${@:3}"
}

# Puts another item into every event of these phases: noise IN OUT PHASE...
noise() {
    /usr/bin/python3 - "$@" <<'PY'
import sys
from tensors import load, save
t, meta = load(sys.argv[1])
t = {k: v.copy() for k, v in t.items()}
items = bytes(t["item_ids"]).count(b"\n")
for e, phase in enumerate(t["phase"]):
    if str(phase) in sys.argv[3:]: t["item_index"][e] = (t["item_index"][e] * 5 + 3) % items
save(sys.argv[2], t, meta)
PY
}

same_tensors() { # same_tensors A B
    local name
    for name in $("$BIN/tensor" ls "$1" | awk '$2 ~ /^(F32|I32|I64|U8)$/ { print $1 }'); do
        cmp <("$BIN/tensor" get "$1" "$name") <("$BIN/tensor" get "$2" "$name") || fail "$name differs"
    done
}

@test "nothing that is trained looks past its part, whatever the split" {
    many
    for split in last time user; do
        ingest -q --split $split
        noise out.st test.st 2
        noise out.st both.st 1 2
        train out.st a
        train test.st b
        for what in embeddings sids model; do same_tensors "a-$what.st" "b-$what.st"; done
        "$BIN/blend" -q -i out.st --embeddings a-embeddings.st -m a-model.st -s a-sids.st -o a-blend.st
        "$BIN/blend" -q -i test.st --embeddings b-embeddings.st -m b-model.st -s b-sids.st -o b-blend.st
        same_tensors a-blend.st b-blend.st
        train out.st c --valid-users 0
        train both.st d --valid-users 0
        for what in embeddings sids model; do same_tensors "c-$what.st" "d-$what.st"; done
    done
}

@test "the model's exact lists beside the beam's" {
    many
    ingest -q
    train out.st a
    "$BIN/evaluate" -q -m a-model.st -s a-sids.st -i out.st --exact --beam 40 -o wide.json
    "$BIN/evaluate" -q -m a-model.st -s a-sids.st -i out.st --exact --beam 40 -o one.json --threads 1
    cmp wide.json one.json
    /usr/bin/python3 - <<'PY'
import json
m = json.load(open("wide.json"))
assert m["exact"]["metrics"] == m["metrics"] and m["exact"]["metrics_unseen"] == m["metrics_unseen"]
assert m["exact"]["beam_lost"] == m["exact"]["beam_only"] == 0
PY
    "$BIN/evaluate" -q -m a-model.st -s a-sids.st -i out.st --exact --beam 10 -o narrow.json
    /usr/bin/python3 - <<'PY'
import json
m, wide = json.load(open("narrow.json")), json.load(open("wide.json"))
assert m["exact"]["metrics"]["hr@10"] == wide["metrics"]["hr@10"]
lost = (m["exact"]["metrics"]["hr@10"] - m["metrics"]["hr@10"]) * m["cases"]
assert abs(lost - m["exact"]["beam_lost"] + m["exact"]["beam_only"]) < 1e-6
PY
    fails_with 64 '--exact goes with --model' "$BIN/evaluate" -i out.st --baseline popular --exact
}
