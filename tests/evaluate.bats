#!/usr/bin/env bats
# evaluate: every number against the slow and obvious computation, and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

# One set of data and one small model serve all tests.
setup_file() {
    suite_setup_file
    "$HELPERS/evaluate.py" make .
    for softmax in trie level; do
        "$BIN/sidgen-train" -q -s sids.st -i i.st --dim 16 --layers 1 --heads 2 --ffn 32 --epochs 2 --batch-tokens 1024 --shards 8 \
            --warmup 2 --valid-users 0 --softmax $softmax -o $softmax.st
    done
}

setup() { suite_setup; }

evaluate() { "$BIN/evaluate" "$@"; }

# One value of a JSON file: value FILE KEY KEY ...
value() { /usr/bin/python3 -c 'import json,sys; v=json.load(open(sys.argv[1])); [v:=v[k] for k in sys.argv[2:]]; print(json.dumps(v))' "$@"; }

@test "a model's metrics, coverage and strata agree with its lists" {
    for split in valid test; do
        evaluate -q -m trie.st -s sids.st -i i.st --split $split --recs-out lists.st -o m.json
        run "$HELPERS/evaluate.py" check i.st lists.st m.json $split
        assert_success
    done
    run value m.json invalid_rate
    assert_output null
    run value m.json invalid_rate_note
    assert_output --partial 'trie softmax'
    run value m.json system
    assert_output '"model"'
    run value m.json settings inputs
    assert_output --regexp '"interactions".*"model".*"sids"'
}

@test "a model of the level softmax has an invalid rate" {
    evaluate -q -m level.st -s sids.st -i i.st -o m.json
    run value m.json invalid_rate
    assert_output --regexp '^(0|1|0\.[0-9]+)(\.0)?$'
    run grep -c invalid_rate_note m.json
    assert_output 0
}

@test "popular and cooccur agree with brute force" {
    evaluate -q -i i.st --baseline popular,cooccur --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" check i.st lists.st m.json test
    "$HELPERS/evaluate.py" check_popular i.st lists.st
    for split in valid test; do
        evaluate -q -i i.st --split $split --baseline cooccur --recs-out lists.st -o m.json
        "$HELPERS/evaluate.py" check i.st lists.st m.json $split
        "$HELPERS/evaluate.py" check_cooccur i.st lists.st $split 10 0.3 0.25 0.6
    done
    evaluate -q -i i.st -k 7 --baseline cooccur --cooccur-window 2 --cooccur-back 0 --cooccur-power 0.5 --cooccur-decay 1 \
        --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" check i.st lists.st m.json test
    "$HELPERS/evaluate.py" check_cooccur i.st lists.st test 2 0 0.5 1
    run value m.json metrics hr@10
    assert_output null
    run value m.json coverage@10
    assert_output null
}

@test "metrics without met items are those of the lists without them" {
    # A beam of the whole catalogue lists everything, and so does a long list of a baseline.
    for split in valid test; do
        evaluate -q -m trie.st -s sids.st -i i.st --split $split -b 60 --recs-out lists.st --per-user r.st -o m.json
        "$HELPERS/evaluate.py" check_unseen i.st lists.st m.json $split 10 r.st
        for baseline in popular cooccur; do
            evaluate -q -i i.st --split $split --baseline $baseline -k 40 --recs-out lists.st --per-user r.st -o m.json
            "$HELPERS/evaluate.py" check_unseen i.st lists.st m.json $split 10 r.st
        done
    done
    # Neither the lists' length nor what stands beside the system matters.
    evaluate -q -i i.st --baseline cooccur -k 5 --per-user short.st -o short.json
    evaluate -q -i i.st --baseline cooccur -k 40 -o long.json
    for key in metrics_unseen strata_unseen; do assert_equal "$(value short.json $key)" "$(value long.json $key)"; done
    evaluate -q -m trie.st -s sids.st -i i.st --baseline cooccur -o m.json
    assert_equal "$(value m.json baselines cooccur metrics_unseen)" "$(value long.json metrics_unseen)"
    assert_equal "$(value m.json metrics_unseen hr@20)" null
}

@test "a narrow beam is widened for long histories, and lists stay as long as asked" {
    evaluate -q -m trie.st -s sids.st -i i.st -b 10 -k 7 --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" check i.st lists.st m.json test
    "$HELPERS/evaluate.py" write_histories i.st test >histories.txt
    "$BIN/recommend" -q -m trie.st -s sids.st -b 10 -k 10 --exclude-seen <histories.txt >lists.tsv
    "$HELPERS/evaluate.py" check_excluded i.st lists.tsv m.json test
}

@test "lists from a file offer what the file has" {
    evaluate -q -i i.st --baseline cooccur -k 12 --recs-out lists.st -o m.json
    evaluate -q -i i.st --recs lists.st --per-user r.st -o file.json
    assert_equal "$(value file.json metrics)" "$(value m.json metrics)"
    assert_equal "$(value file.json metrics_unseen hr@10)" null
    local left
    left=$(/usr/bin/python3 - <<'PY'
import evaluate as e
x, r = e.read("i.st"), e.read("lists.st")
print(min(sum(i not in h for i in row) for row, h in zip(r["items"], e.split(x, "test")[1])))
PY
    )
    "$HELPERS/evaluate.py" check_unseen i.st lists.st file.json test "$left" r.st
    # None remains to one user: there is nothing to tell.
    evaluate -q -i i.st --baseline popular -k 1 --recs-out one.st -o m.json
    evaluate -q -i i.st --recs one.st --per-user r.st -o one.json
    assert_equal "$(value one.json metrics_unseen mrr)" null
    run --separate-stderr evaluate --compare --protocol unseen r.st r.st
    assert_failure 65
    assert_equal "${#stderr_lines[@]}" 1
    assert_regex "$stderr" "r.st: no tensor 'rank_unseen'"
}

@test "a target that the history holds counts under one protocol only" {
    /usr/bin/python3 - <<'PY'
import evaluate as e
e.write_interactions("again.st", [[0, 1, 0, 2, 0], [0, 1, 2, 3, 1]], 4)
PY
    evaluate -q -i again.st --baseline popular -k 4 -o m.json
    assert_equal "$(value m.json metrics hr@1)" 0.5
    assert_equal "$(value m.json metrics_unseen hr@10)" 0
}

@test "a baseline's lists may be longer than the beam" {
    evaluate -q -i i.st --baseline popular -k 50 --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" check i.st lists.st m.json test
    run value m.json k
    assert_output 50
    run value m.json users
    assert_output 148
}

@test "baselines stand beside the model with the same numbers as alone" {
    evaluate -q -m trie.st -s sids.st -i i.st --baseline popular,cooccur -o both.json
    evaluate -q -i i.st --baseline cooccur -o alone.json
    run value both.json baselines cooccur metrics
    local beside=$output
    run value alone.json metrics
    assert_output "$beside"
    run value alone.json system
    assert_output '"cooccur"'
    run value both.json baselines popular strata head
    assert_output --partial '"users"'
}

@test "anyone's lists: the same numbers, whatever the order of users and items" {
    evaluate -q -m trie.st -s sids.st -i i.st --recs-out lists.st --per-user a.st -o m.json
    "$HELPERS/evaluate.py" shuffle lists.st other.st
    run --separate-stderr evaluate -i i.st --recs other.st --per-user b.st -o o.json
    assert_success
    assert_regex "$stderr" '1 of 61 items are not in the interactions'
    "$HELPERS/evaluate.py" check i.st other.st o.json test
    run value m.json metrics
    local own=$output
    run value o.json metrics
    assert_output "$own"
    run evaluate -q --compare a.st b.st
    assert_output --partial '"difference": 0,'
    evaluate -q -i i.st --recs other.st -k 5 -o five.json
    run value five.json metrics hr@10
    assert_output null
    run value five.json metrics hr@5
    assert_output "$(value m.json metrics hr@5)"
}

# The lists of lists.st as text, in a form: as_text FORM [SHUFFLED]. Scores fall from list to list as they do in one.
as_text() {
    /usr/bin/python3 - "$@" <<'PY'
import random, sys, evaluate as e
form, r = sys.argv[1], e.read("lists.st")
random.seed(1)
for u, row in zip(r["user_ids"], r["items"]):
    places = [(p, r["item_ids"][i]) for p, i in enumerate(row, 1) if i >= 0]
    if len(sys.argv) > 2: random.shuffle(places)
    lines = {"rank": [f"{u}\t{i}\t{p}" for p, i in places], "score": [f"{u}\t{i}\t{1 / p:.6g}" for p, i in places],
             "order": [f"{u}\t{i}" for p, i in places], "trec": [f"{u} Q0 {i}  {p} {-(p // 3)} tag" for p, i in places],
             "tabs": [f"{u}\tQ0\t{i}\t{p}\t{9 - p}e-1\ttag" for p, i in places],
             "wide": [u + "".join(f"\t{i}:{-p}" for p, i in places)]}[form]
    print("\n".join(lines))
PY
}

@test "lists as text give the numbers of recs/1" {
    evaluate -q -i i.st --baseline cooccur -k 12 --recs-out lists.st -o own.json
    evaluate -q -i i.st --recs lists.st --per-user own.st -o m.json
    for form in rank score order trec tabs wide; do
        as_text $form >lists
        evaluate -q -i i.st --recs lists --per-user r.st -o t.json
        for key in metrics metrics_unseen strata coverage@10 k lists; do assert_equal "$(value t.json $key)" "$(value m.json $key)"; done
        "$HELPERS/evaluate.py" same_tensors own.st r.st
    done
    assert_equal "$(value m.json lists)" '{"users": 148, "duplicates": 0, "unknown": 0, "short": 0, "missing": 0, "unused": 0}'
    # The lines of a list in any order, where values are told to be ranks or scores, or a header tells.
    for form in trec rank score; do
        as_text $form shuffled >lists
        local options=()
        [ $form = trec ] || options=(--recs-values "$form")
        evaluate -q -i i.st --recs lists "${options[@]}" --per-user r.st -o t.json
        "$HELPERS/evaluate.py" same_tensors own.st r.st
        [ $form = trec ] || { { printf 'user_id\titem_id\t%s\n' $form; cat lists; } >named; evaluate -q -i i.st --recs named --per-user r.st -o t.json; }
        "$HELPERS/evaluate.py" same_tensors own.st r.st
    done
    # The users' lines apart, from a file or a pipe, and together from a pipe.
    for form in trec rank score order; do
        as_text $form >together
        awk -v n=12 '{ print (NR - 1) % n, NR, $0 }' together | sort -k1,1n -k2,2n | cut -d' ' -f3- >lists
        for recs in lists <(cat lists) <(cat together); do
            evaluate -q -i i.st --recs "$recs" --per-user r.st -o t.json
            "$HELPERS/evaluate.py" same_tensors own.st r.st
        done
    done
    # Packed, from a pipe, named, with a byte order mark and other line ends.
    as_text trec >lists
    gzip -kf lists
    evaluate -q -i i.st --recs lists.gz --recs-format trec -o t.json
    assert_equal "$(value t.json metrics)" "$(value m.json metrics)"
    assert_regex "$(value t.json settings inputs recs)" '^"[0-9a-f]{32}"$'
    { printf '\xef\xbb\xbf'; as_text rank | sed 's/$/\r/'; echo; } | evaluate -q -i i.st --recs - -o t.json
    assert_equal "$(value t.json metrics)" "$(value m.json metrics)"
    evaluate -q -i i.st --recs - <lists.st -o t.json
    assert_equal "$(value t.json metrics)" "$(value m.json metrics)"
    evaluate -q -i i.st --recs <(cat lists.st) --recs-format st -o t.json
    assert_equal "$(value t.json metrics)" "$(value m.json metrics)"
    for recs in <(as_text wide; printf 'x\ny\n') <(printf 'x\n'; as_text wide); do # users with empty lists
        evaluate -q -i i.st --recs "$recs" --recs-format wide --per-user r.st -o t.json
        "$HELPERS/evaluate.py" same_tensors own.st r.st
    done
    as_text wide | cut -f 1-3 | evaluate -q -i i.st --recs - --recs-format wide -o t.json
    assert_equal "$(value t.json k)" 2
}

@test "what recommend prints is lists of others" {
    "$HELPERS/evaluate.py" write_histories i.st test >histories.txt
    "$BIN/recommend" -q -m trie.st -s sids.st -k 10 <histories.txt >lists.tsv
    "$BIN/tensor" get i.st user_ids | tail -n +3 | paste - lists.tsv >wide
    evaluate -q -m trie.st -s sids.st -i i.st -k 10 -o m.json
    evaluate -q -i i.st --recs wide -o t.json
    assert_equal "$(value t.json metrics)" "$(value m.json metrics)"
}

@test "nothing of a list is passed over in silence" {
    /usr/bin/python3 - <<'PY'
import evaluate as e
e.write_interactions("few.st", [[0, 1, 2], [3, 4, 5], [6, 7, 8], [1, 2, 3], [0, 1]], 10)
PY
    printf 'u0\ti5\nu0\ti9\nu0\ti5\nu0\ti2\nu1\todd\nu1\ti5\nu3\ti2\nu3\ti2\nu3\ti3\nu4\ti3\nzz\ti3\n' >lists
    run --separate-stderr evaluate -i few.st --recs lists -o m.json
    assert_failure 65
    assert_regex "$stderr" "lists: no list for 1 of the 4 users, the first 'u2'"
    run --separate-stderr evaluate -i few.st --recs lists --missing-lists empty --per-user r.st -o m.json
    assert_success
    assert_equal "$(value m.json lists)" '{"users": 4, "duplicates": 2, "unknown": 1, "short": 2, "missing": 1, "unused": 2}'
    assert_regex "$stderr" '1 of 5 items are not in the interactions'
    assert_regex "$stderr" 'warning: lists: 2 places repeat an item of their list'
    assert_regex "$stderr" 'warning: lists: no list for 1 of the 4 users: counted as empty'
    assert_regex "$stderr" '2 of 3 lists have fewer than 4 places'
    assert_regex "$stderr" '2 lists are not asked for'
    # A repeat keeps its place; where met items are left out, all places of one go.
    run /usr/bin/python3 -c 'import evaluate as e; r = e.read("r.st"); print(r["rank"], r["rank_unseen"])'
    assert_output '[4 2 0 3] [4 2 0 1]'
    assert_equal "$(value m.json metrics hr@1)" 0
    evaluate -q -i few.st --recs lists --missing-lists empty -k 2 -o m.json
    assert_equal "$(value m.json lists short)" 0
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
lists = lambda a: {"items": np.array(a), "user_ids": ["u0", "u1", "u2", "u3"][:len(a)], "item_ids": [f"i{i}" for i in range(10)]}
e.write("same.st", lists([[5, 9, 5, 2], [4, 5, -1, -1], [-1] * 4, [2, 2, 3, -1]]), {"schema": "recs/1"})
e.write("behind.st", lists([[5, -1, 5, 2]] * 4), {"schema": "recs/1"})
e.write("below.st", lists([[5, -3, -1, -1]] * 4), {"schema": "recs/1"})
e.write("huge.st", lists([[2 ** 40, -1, -1, -1]] * 4), {"schema": "recs/1"})
PY
    evaluate -q -i few.st --recs same.st --per-user r.st -o m.json # I64
    assert_equal "$(value m.json lists)" '{"users": 4, "duplicates": 2, "unknown": 0, "short": 3, "missing": 0, "unused": 0}'
    run /usr/bin/python3 -c 'import evaluate as e; r = e.read("r.st"); print(r["rank"], r["rank_unseen"])'
    assert_output '[4 2 0 3] [4 1 0 1]'
    for f in behind below huge; do
        run --separate-stderr evaluate -q -i few.st --recs $f.st -o m2.json
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_not_exists m2.json
    done
    run --separate-stderr "$BIN/tensor" verify behind.st
    assert_failure 65
    assert_equal "$stderr" 'tensor: behind.st: items: row 0 names item 5 behind its end (-1)'
    evaluate -q -i i.st --baseline popular -o own.json
    run value own.json lists
    assert_failure
}

@test "lists as text that are malformed" {
    local bad message options
    while IFS='|' read -r bad message options; do
        # shellcheck disable=SC2059 # a format
        printf "$bad" >bad
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate -q -i i.st --recs bad $options -o m.json
        assert_failure 65
        [ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
        [[ $stderr == "evaluate: $message"* ]] || fail "message: $stderr, expected $message"
        assert_not_exists m.json
    done <<'CASES'
|bad: is empty, expected lists
\n\n|bad: is empty, expected lists
user\titem\trank\n|bad: is empty, expected lists
u1\n|bad:1: neither recs/1 nor
a b c\n|bad:1: neither recs/1 nor
u1\ti1\ti2\ti3\n|bad:1: neither recs/1 nor
u1\ti1\t1\nu1\ti2\n|bad:2: 2 columns, expected 3 as in the first line
u1\ti1\nu1\ti2\t3\n|bad:2: 3 columns, expected 2
u1\ti1\t1\nu1\ti2\tx\n|bad:2: rank or score 'x', expected a number
u1\ti1\t1\nu1\ti2\tnan\n|bad:2: rank or score 'nan', expected a number
u1\ti1\t1\nu1\ti2\t\n|bad:2: rank or score '', expected a number
u1\ti1\t1\n\ti2\t1\n|bad:2: no user, expected an id
u1\ti1\t1\nu1\t\t2\n|bad:2: no item, expected an id
u1\ti1\t1\nu2\ti1\t1\nu1\ti2\t3\n|bad:1: user 'u1': its third column neither counts
u1\ti1:3\ti2:2\ti3:1\nu2\ti1:1\nu1\ti4:0\n|bad:3: a second list of user 'u1', expected one
u1\ti1\t1\nu1\ti2\t3\n|bad:1: user 'u1': its third column neither counts 1, 2, 3 ... nor falls
u1\ti1\t0\nu1\ti2\t1\n|bad:1: user 'u1': its third column neither counts
u1\ti1\t1\nu1\ti2\t2\nu2\ti1\t2\nu2\ti2\t1\n|bad:3: user 'u2': its third column does not count 1, 2, 3
u1\ti1\t2\nu1\ti2\t1\nu2\ti1\t1\nu2\ti2\t2\n|bad:3: user 'u2': its third column neither counts
u1\ti1\t1\nu1\ti2\t3\n|bad:1: user 'u1': its ranks are not 1, 2, 3|--recs-values rank
u1\ti1\t1\nu1\ti2\t1\n|bad:1: user 'u1': its ranks are not 1, 2, 3|--recs-values rank
u1\ti1\t1.5\n|bad:1: user 'u1': its ranks are not 1, 2, 3|--recs-values rank
u1\ti1\n|bad:1: 2 columns, expected a rank as the third|--recs-values rank
item\tuser\tscore\n|bad:1: columns item, user; expected user, item
u1\ti1\tx\n|bad:1: rank or score 'x', expected a number
u1\ti1:1\ti2:0\ti3:0\nu1\ti4:-1\n|bad:2: a second list of user 'u1', expected one
u1 Q0 i1 1 0.5 t\nu1 Q0 i2 2 0.4\n|bad:2: 5 words, expected 6
u1 Q0 i1 1 0.5 t\nu1 Q0 i2 2 0.4 t t\n|bad:2: 7 words, expected 6
u1 Q0 i1 first 0.5 t\n|bad:1: rank 'first', expected a whole number
u1 Q0 i1 1 high t\n|bad:1: score 'high', expected a number
u1\ti1:1\ti2:0.5\ti3\n|bad:1: item 'i3', expected id:score
u1\ti1:1\ti2:0.5\t:0\n|bad:1: no item, expected an id
u1\ti1:1\ti2:2\ti3:0\n|bad:1: user 'u1': its scores rise
u1\ti1\n|bad:1: 2 words, expected 6|--recs-format trec
\xff\ti1\n|bad:1: not valid UTF-8
u1\ti1\0\n|bad:1: not valid UTF-8
u1\ti1\n|bad: ends after 6 bytes, expected a safetensors file|--recs-format st
CASES
    run --separate-stderr evaluate -q -i i.st --recs i.st -o m.json
    assert_failure 65
    evaluate -q -i i.st --baseline popular --recs-out lists.st -o own.json
    run --separate-stderr evaluate -q -i i.st --recs <(printf 'u1\ti1:1\ti2:2\ti3:0\n') -o m.json # a pipe
    assert_failure 65
    assert_regex "$stderr" "user 'u1': its scores rise"
    head -c 2000 lists.st >cut.st
    run --separate-stderr evaluate -q -i i.st --recs cut.st -o m.json
    assert_failure 65
    assert_equal "${#stderr_lines[@]}" 1
    for wrong in '--recs-values rank --recs x --recs-format trec' '--recs-format st --baseline popular' '--missing-lists empty --baseline popular'; do
        echo 'u1 Q0 i1 1 1 t' >x
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate -q -i i.st $wrong
        assert_failure 64
        assert_equal "${#stderr_lines[@]}" 1
    done
    run --separate-stderr evaluate -q -i i.st --recs absent
    assert_failure 66
}

@test "a ranker and its lists from a file: the same answers, ranks and metrics" {
    local ask=(-i i.st --users 90 --seed 4)
    for name in popular cooccur model; do
        local system=(--baseline "$name")
        [ $name = model ] && system=(-m trie.st -s sids.st)
        evaluate -q "${ask[@]}" "${system[@]}" --per-user own.st --recs-out lists.st -o own.json
        evaluate -q "${ask[@]}" --recs lists.st --per-user file.st -o file.json
        assert_equal "$(value own.json system)" "\"$name\""
        assert_equal "$(value file.json system)" '"recs"'
        for key in users skipped_users k metrics coverage@10 strata; do
            assert_equal "$(value file.json $key)" "$(value own.json $key)"
        done
        run "$HELPERS/evaluate.py" same_tensors own.st file.st
        assert_success
    done
}

@test "a target that training never saw is a miss of the tail" {
    /usr/bin/python3 - <<'PY'
import evaluate as e
e.write_interactions("one.st", [[0, 1, 0, 2, 3]], 4)
PY
    evaluate -q -i one.st --baseline popular -k 3 -o m.json
    run value m.json strata tail
    assert_output --regexp '"users": 1, "hr@1": 0,'
    evaluate -q -i one.st --baseline popular -k 4 --per-user r.st -o m.json
    run /usr/bin/python3 -c 'import evaluate as e; print(e.read("r.st")["rank"])'
    assert_output '[4]'
}

@test "per-user ranks give the metrics" {
    evaluate -q -m trie.st -s sids.st -i i.st --per-user r.st -o m.json
    run /usr/bin/python3 - <<'PY'
import json
import evaluate as e
r, m = e.read("r.st"), json.load(open("m.json"))
e.same(m["metrics"], e.metrics(list(r["rank"]), 20), "ranks")
assert r["meta"]["schema"] == "ranks/1" and r["meta"]["split"] == "test" and r["meta"]["k"] == "20", r["meta"]
assert len(r["user_ids"]) == len(r["rank"]) == 148 and r["user_ids"][0] == "u2"
PY
    assert_success
}

@test "a sample of users is fixed by the seed and shared by the splits" {
    for split in valid test; do
        evaluate -q -i i.st --baseline popular --users 20 --seed 7 --split $split --per-user $split.st -o $split.json
    done
    evaluate -q -i i.st --baseline popular --users 20 --seed 8 --per-user other.st -o other.json
    run value test.json users
    assert_output 20
    run /usr/bin/python3 - <<'PY'
import evaluate as e
a, b, c = (e.read(f + ".st")["user_ids"] for f in ("valid", "test", "other"))
assert a == b and a != c and len(set(a)) == 20
PY
    assert_success
    evaluate -q -i i.st --baseline popular --users 100000 -o all.json
    run value all.json users
    assert_output 148
}

@test "threads do not change a byte" {
    for threads in 1 2; do
        evaluate -q -m trie.st -s sids.st -i i.st --baseline popular,cooccur --threads $threads --per-user r$threads.st --recs-out l$threads.st -o m$threads.json
        evaluate -q --compare --threads $threads r1.st r1.st -o c$threads.json
    done
    cmp r1.st r2.st && cmp l1.st l2.st && cmp m1.json m2.json && cmp c1.json c2.json
}

@test "comparison: means, interval, t and p as computed apart" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
rng = np.random.default_rng(5)
for name, p, k in (("a1", 0.3, 20), ("a2", 0.31, 20), ("b1", 0.36, 20), ("b2", 0.37, 20), ("b3", 0.35, 12)):
    e.write_ranks(name + ".st", np.where(rng.random(900) < p, rng.integers(1, k + 1, 900), 0), k)
PY
    run --separate-stderr evaluate --compare a1.st,a2.st b1.st,b2.st -o c.json
    assert_success
    assert_regex "$stderr" 'hr@20'
    "$HELPERS/evaluate.py" check_comparison c.json a1.st,a2.st b1.st,b2.st
    run value c.json seeds
    assert_output '[2, 2]'
    evaluate -q --compare a1.st b1.st,b2.st,b3.st -o c.json # the shortest list decides: no cut beyond 12
    "$HELPERS/evaluate.py" check_comparison c.json a1.st b1.st,b2.st,b3.st
    run evaluate --show c.json
    assert_success
    assert_output --regexp 'ndcg@10 +0\.[0-9]{4} +0\.[0-9]{4} +[+-]0\.[0-9]{4}  \[[+-]0\.[0-9]{4}, [+-]0\.[0-9]{4}\]'
}

@test "comparison by popularity of the held-out item, where the files tell and agree" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
rng = np.random.default_rng(6)
strata = rng.choice(2, 2000) * 2 # nothing in the middle
for name, p in (("a", 0.3), ("b1", 0.36), ("b2", 0.37), ("other", 0.3)):
    e.write_ranks(name + ".st", np.where(rng.random(2000) < p + strata / 20, rng.integers(1, 21, 2000), 0), 20, strata=strata if name != "other" else strata[::-1])
e.write_ranks("odd.st", [1, 2], 20, strata=[0, -1])
PY
    run --separate-stderr evaluate --compare a.st b1.st,b2.st -o c.json
    assert_success
    assert_regex "$stderr" 'by popularity of the held-out item'
    assert_regex "$stderr" 'tail +0\.[0-9]{4} +0\.[0-9]{4} +[+-]0\.[0-9]{4}'
    "$HELPERS/evaluate.py" check_comparison c.json a.st b1.st,b2.st
    assert_equal "$(jq -c '.strata | keys' c.json)" '["head","tail"]'
    evaluate -q --compare a.st other.st -o c.json
    "$HELPERS/evaluate.py" check_comparison c.json a.st other.st
    assert_equal "$(jq .strata c.json)" null
    run --separate-stderr evaluate --compare odd.st odd.st
    assert_failure 65
    assert_regex "$stderr" "tensor 'stratum': row 1: -1, expected 0 to 2"
}

@test "comparison and ablation without met items" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
rng = np.random.default_rng(6)
draw = lambda p, k: np.where(rng.random(2000) < p, rng.integers(1, k + 1, 2000), 0)
for name, p, k in (("a", 0.3, 10), ("b", 0.36, 10), ("c", 0.33, 6)):
    e.write_ranks(name + ".st", draw(p, 20), 20, unseen=draw(p, k), k_unseen=k)
e.write_ranks("old.st", draw(0.3, 20), 20)
PY
    for protocol in all unseen; do
        run --separate-stderr evaluate --compare --protocol $protocol a.st b.st -o $protocol.json
        assert_success
        assert_regex "${stderr_lines[0]}" "^$protocol +A +B "
        "$HELPERS/evaluate.py" check_comparison $protocol.json a.st b.st $protocol
        run --separate-stderr evaluate --ablation --protocol $protocol a=a.st b=b.st -o t.json
        assert_success
        assert_regex "${stderr_lines[0]}" "^$protocol +seeds "
        assert_equal "$(value t.json protocol)" "\"$protocol\""
        run evaluate --show t.json
        assert_line --index 1 --regexp "^$protocol +seeds "
    done
    evaluate -q --compare a.st b.st -o default.json
    cmp default.json all.json
    evaluate -q --compare --protocol unseen a.st c.st -o c.json # the shorter lists decide
    "$HELPERS/evaluate.py" check_comparison c.json a.st c.st unseen
    evaluate -q --compare a.st old.st -o old.json
    for operands in '--compare a.st old.st' '--ablation a.st old.st'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate $operands --protocol unseen -o none.json
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_regex "$stderr" "^evaluate: old.st: no tensor 'rank_unseen'"
        assert_not_exists none.json
    done
    sed -i 's/"protocol": "all",//' all.json # as it was before protocols were told
    run evaluate --show all.json
    assert_line --index 1 --regexp '^all +A '
}

@test "ranks without met items must fit" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
e.write_ranks("a.st", [1, 0, 3], 20, unseen=[1, 0, 2])
e.write_ranks("beyond.st", [1, 0, 3], 20, unseen=[1, 0, 11])
e.write_ranks("below.st", [1, 0, 3], 20, unseen=[1, 0, -1])
e.write_ranks("fewer.st", [1, 0, 3], 20, unseen=[1, 0])
for name, k in (("zero", "0"), ("word", "ten"), ("empty", "")):
    e.write_ranks(name + ".st", [1, 0, 3], 20, unseen=[1, 0, 2], k_unseen=k)
r = e.read("a.st")
meta = r.pop("meta")
e.write("kind.st", {**r, "rank_unseen": np.zeros(3, np.float32)}, meta)
PY
    for f in beyond below fewer zero word empty kind; do
        run --separate-stderr evaluate -q --compare --protocol unseen a.st $f.st -o c.json
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_not_exists c.json
    done
    evaluate -q --compare a.st a.st -o c.json
    head -c 60 a.st >cut.st
    run --separate-stderr evaluate --compare --protocol unseen cut.st a.st
    assert_failure 65
    run --separate-stderr evaluate --compare --protocol seen a.st a.st
    assert_failure 64
}

@test "comparison: users, splits and ranks must fit" {
    /usr/bin/python3 - <<'PY'
import evaluate as e
e.write_ranks("a.st", [1, 0, 3], 20)
e.write_ranks("fewer.st", [1, 0], 20)
e.write_ranks("others.st", [1, 0, 3], 20, prefix="v")
e.write_ranks("valid.st", [1, 0, 3], 20, "valid")
e.write_ranks("beyond.st", [1, 0, 30], 20)
e.write_ranks("none.st", [], 20)
PY
    run --separate-stderr evaluate --compare a.st fewer.st
    assert_failure 65
    assert_equal "$stderr" 'evaluate: a.st has 3 users and 3 cases, fewer.st has 2 and 2: expected the same users'
    run --separate-stderr evaluate --compare a.st others.st
    assert_failure 65
    assert_equal "$stderr" "evaluate: row 0 is user 'u0' in a.st and 'v0' in others.st: expected the same users in the same order"
    run --separate-stderr evaluate --compare a.st,a.st valid.st
    assert_failure 65
    assert_regex "$stderr" 'a.st is of split test, valid.st of split valid'
    run --separate-stderr evaluate --compare a.st beyond.st
    assert_failure 65
    assert_regex "$stderr" 'beyond.st: rank: row 2 is 30, expected 0 to 20'
    run --separate-stderr evaluate --compare none.st none.st
    assert_failure 65
    run --separate-stderr evaluate --compare a.st
    assert_failure 64
    run --separate-stderr evaluate --compare a.st i.st
    assert_failure 65
    assert_regex "$stderr" 'ranks/1'
    run --separate-stderr evaluate --compare a.st missing.st
    assert_failure 66
}

@test "ablation: every row against the first, as --compare has it, with the SIDs' statistics" {
    for seed in 1 2; do
        evaluate -q -m trie.st -s sids.st -i i.st --users 100 --seed 1 --beam 20 --per-user a$seed.st -o a$seed.json
        evaluate -q -m level.st -s sids.st -i i.st --users 100 --seed 1 --beam 20 --per-user b$seed.st -o b$seed.json
    done
    evaluate -q -i i.st --baseline popular --users 100 --seed 1 --per-user p.st -o p.json
    run --separate-stderr evaluate --ablation 'one=a1.st,a2.st' '+ two=b1.st,b2.st' ./p.st -o t.json
    assert_success
    assert_regex "${stderr_lines[1]}" '^one +2 +[01]\.[0-9]{3} +[01]\.[0-9]{3} +0\.[0-9]{4} +0\.[0-9]{4} *$'
    assert_regex "${stderr_lines[2]}" '^\+ two +2 .* [+-]0\.[0-9]{4}  \[[+-]0\.[0-9]{4}, [+-]0\.[0-9]{4}\]'
    assert_regex "${stderr_lines[3]}" '^\./p\.st +1 +- +- '
    evaluate -q --compare a1.st,a2.st b1.st,b2.st -o c.json
    /usr/bin/python3 - <<'PY'
import json
c, t, m = (json.load(open(f)) for f in ("c.json", "t.json", "a1.json"))
row = t["rows"][1]
for name, value in c["metrics"].items():
    assert row["metrics"][name]["difference"] == value["difference"] and row["metrics"][name]["interval"] == value["interval"], name
    assert row["metrics"][name]["mean"] == value["b"] and row["metrics"][name]["mean_seeds"] == value["b_seeds"], name
first = t["rows"][0]
assert first["metrics"]["hr@10"]["interval"] == [0, 0]
assert abs(first["sids"]["alone"] - m["sids"]["alone"]) < 1e-6
used = m["sids"]["utilisation"]
assert abs(first["sids"]["utilisation"] - sum(used) / len(used)) < 1e-6
assert t["rows"][2]["sids"] == {"alone": None, "utilisation": None}
PY
    run evaluate --show t.json
    assert_success
    assert_line --index 2 --regexp '^one '
    run --separate-stderr evaluate --ablation
    assert_failure 64
    run --separate-stderr evaluate --ablation --compare a1.st b1.st
    assert_failure 64
    run --separate-stderr evaluate --ablation a=a1.st,
    assert_failure 66
}

@test "results side by side" {
    evaluate -q -m trie.st -s sids.st -i i.st --baseline popular -o metrics.json
    mkdir run-1
    evaluate -q -i i.st --baseline popular --users 30 -k 10 -o run-1/metrics.json
    run evaluate --show ours=metrics.json run-1/metrics.json
    assert_success
    assert_line --index 0 --regexp '^all items +ours +run-1 +popular$'
    assert_line --regexp '^unseen hr@10 +0\.[0-9]{4} +0\.[0-9]{4} +0\.[0-9]{4}$'
    assert_line --regexp '^unseen ndcg@10 +0\.[0-9]{4} '
    assert_line --index 1 --regexp '^users +148 +30 +148$'
    assert_line --regexp '^hr@20 +0\.[0-9]{4} +- +0\.[0-9]{4}$'
    assert_line --regexp '^tail hr@10 '
    echo '{"a":1}' >bad.json
    run --separate-stderr evaluate --show bad.json
    assert_failure 65
    echo '[1' >bad.json
    run --separate-stderr evaluate --show bad.json
    assert_failure 65
    : >bad.json
    run --separate-stderr evaluate --show bad.json
    assert_failure 65
    echo '{"metrics":{},"parts":[{"metrics":{}}],"baselines":{"b":{"metrics":[1]}}}' >odd.json
    run evaluate --show odd.json
    assert_output --regexp '^all items +odd +b$'
    run --separate-stderr evaluate --show
    assert_failure 64
    run --separate-stderr evaluate --show missing.json
    assert_failure 66
}

@test "no user long enough, and files that do not fit each other" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
e.write_interactions("short.st", [[0, 1], [1]], 2)
e.write_interactions("none.st", [], 2)
e.write_interactions("other.st", [[0, 1, 2]], 60, item_ids=[f"x{i}" for i in range(60)])
lists = lambda a, users, items, t=np.int32: {"items": np.array(a, t), "user_ids": users, "item_ids": items}
e.write("few.st", lists([[0]], ["u2"], ["i0"]), {"schema": "recs/1"})
e.write("range.st", lists([[1]], ["u2"], ["i0"]), {"schema": "recs/1"})
e.write("twice.st", lists([[0], [0]], ["u2", "u2"], ["i0"]), {"schema": "recs/1"})
e.write("type.st", lists([[0]], ["u2"], ["i0"], np.float32), {"schema": "recs/1"})
PY
    for f in short none; do
        run --separate-stderr evaluate -i $f.st --baseline popular -o m.json
        assert_failure 65
        assert_regex "$stderr" 'no user has an item held out for the split'
        assert_not_exists m.json
    done
    run --separate-stderr evaluate -m trie.st -s sids.st -i other.st
    assert_failure 65
    assert_regex "$stderr" 'item_ids differ from those of'
    run --separate-stderr evaluate -i i.st --recs few.st
    assert_failure 65
    assert_regex "$stderr" "few.st: no list for 147 of the 148 users, the first 'u3'"
    run --separate-stderr evaluate -i i.st --recs range.st
    assert_failure 65
    assert_regex "$stderr" 'row 0 names item 1, expected -1 or a row of item_ids \(0 to 0\)'
    for f in twice type i sids; do
        run --separate-stderr evaluate -i i.st --recs $f.st -o m.json
        assert_failure 65
        assert_not_exists m.json
    done
    head -c 100 i.st >cut.st
    : >empty.st
    for f in cut empty; do
        run --separate-stderr evaluate -i $f.st --baseline popular
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
    done
    run --separate-stderr evaluate -i missing.st --baseline popular
    assert_failure 66
}

@test "options that do not go together" {
    run --separate-stderr evaluate -i i.st
    assert_failure 64
    assert_regex "$stderr" 'expected --model, --blend, --recs or --baseline'
    for wrong in '-i i.st -m trie.st' '-i i.st -s sids.st' '-m trie.st -s sids.st' '-i i.st --recs a -m trie.st -s sids.st' \
        '-i i.st --baseline=' '-i i.st --baseline popular,best' '-i i.st --baseline popular,popular' \
        '-i i.st -m trie.st -s sids.st -k 30' \
        '-i i.st --recs l.st --recs-out m.st' '-i i.st --baseline popular extra' '--compare --show a b' '--split train'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate $wrong
        assert_failure 64
        assert_equal "${#stderr_lines[@]}" 1
    done
}

@test "a full disk, a closed pipe, a folder that is not there" {
    run --separate-stderr evaluate -q -i i.st --baseline popular -o /dev/full
    assert_failure 74
    run --separate-stderr bash -c "'$BIN/evaluate' -q -i i.st --baseline popular >/dev/full"
    assert_failure 74
    run --separate-stderr "$HELPERS/evaluate.py" into_closed_pipe "$BIN/evaluate" -q -i i.st --baseline popular
    assert_failure 74
    run --separate-stderr evaluate -q -i i.st --baseline popular -o nowhere/m.json
    assert_failure 73
    run --separate-stderr evaluate -q -i i.st --baseline popular --per-user nowhere/r.st -o m.json
    assert_failure 73
    assert_not_exists m.json
}

@test "outputs appear together or not at all, and the impossible is said first" {
    # before anything is read: the interactions are not there
    for out in '--per-user r.st --recs-out l.st -o nowhere/m.json' '--per-user r.st --recs-out nowhere/l.st -o m.json' \
        '--per-user nowhere/r.st --recs-out l.st -o m.json'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate -i missing.st --baseline popular $out
        assert_failure 73
        assert_regex "$stderr" nowhere/
    done
    # the last of them does not fit: the others do not stay
    run --separate-stderr evaluate -q -i i.st --baseline popular --per-user r.st --recs-out l.st -o /dev/full
    assert_failure 74
    run --separate-stderr evaluate -q -i i.st --baseline popular --per-user r.st --recs-out /dev/full -o m.json
    assert_failure 74
    for f in r.st* l.st* m.json*; do assert_not_exists "$f"; done
    run --separate-stderr evaluate -i i.st --baseline popular --per-user both -o ./both
    assert_failure 64
    assert_equal "$stderr" 'evaluate: --per-user and --output are the same file'
    run --separate-stderr evaluate -i i.st --baseline popular --per-user r.st --recs-out "$PWD/r.st"
    assert_failure 64
    assert_equal "$stderr" 'evaluate: --per-user and --recs-out are the same file'
    run --separate-stderr evaluate -i i.st --baseline popular --recs-out -
    assert_failure 64
    assert_equal "$stderr" 'evaluate: --recs-out and --output are the same file'
}

@test "interactions from a pipe; stdout is the default" {
    evaluate -q -i i.st --baseline popular -o file.json
    run bash -c "cat i.st | '$BIN/evaluate' -q -i - --baseline popular | cmp - file.json"
    assert_success
}

@test "a model whose config has an impossible shape" {
    for change in num_key_value_heads=3 head_dim=7 head_dim=5000 num_hidden_layers=0 hidden_size=1e9 vocab_size=1 num_attention_heads=0.5; do
        "$HELPERS/evaluate.py" change_config trie.st odd.st "$change"
        run --separate-stderr evaluate -q -m odd.st -s sids.st -i i.st -o m.json
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_regex "$stderr" '^evaluate: odd.st: model config: '
    done
}

@test "every number of random lists, to 1e-12, by numpy" {
    "$HELPERS/evaluate.py" random_lists i.st lists.st
    "$HELPERS/evaluate.py" write_embeddings e.st image,text
    for cuts in 1,5,10,20 3 2,7,13,30,31; do
        for spare in 10 4 25; do
            evaluate -q -i i.st --recs lists.st --cuts $cuts --spare $spare --embeddings e.st -s sids.st -o m.json
            "$HELPERS/evaluate.py" check_all i.st lists.st m.json test $cuts $spare e.st sids.st
        done
    done
    run value m.json settings diversity_by
    assert_output '"text"'
    run value m.json settings inputs
    assert_output --regexp '"sids".*"embeddings"'
    evaluate -q -i i.st --recs lists.st -o m.json
    "$HELPERS/evaluate.py" check_all i.st lists.st m.json
    for tensors in joint,image image; do
        "$HELPERS/evaluate.py" write_embeddings e.st $tensors
        evaluate -q -i i.st --recs lists.st --embeddings e.st -o m.json
        "$HELPERS/evaluate.py" check_all i.st lists.st m.json test 1,5,10,20 10 e.st
        assert_equal "$(value m.json settings diversity_by)" "\"${tensors%,*}\""
    done
}

@test "a generator's calibration, and everything else about it, by numpy" {
    for split in valid test; do
        for softmax in trie level; do
            evaluate -q -m $softmax.st -s sids.st -i i.st -b 30 --split $split --cuts 1,10,30 --spare 10 --recs-out lists.st -o m.json
            # of what remains without met items, lists tell less than the beam knew
            /usr/bin/python3 - $split <<'PY'
import sys, json, evaluate as e
x, r, m = e.read("i.st"), e.read("lists.st"), json.load(open("m.json"))
rows, _, targets, _ = e.split(x, sys.argv[1])
assert r["user_ids"] == [x["user_ids"][u] for u in rows]
e.check_calibration(m["calibration"], r["items"].tolist(), r["scores"], targets)
e.same(m["metrics"], e.metrics([(row + [t]).index(t) + 1 if t in row else 0 for row, t in zip(r["items"].tolist(), targets)], 30, (1, 10, 30)), "metrics", 1e-12)
PY
        done
    done
    evaluate -q -i i.st --baseline popular -o m.json
    assert_equal "$(value m.json calibration)" null # of what gives no probabilities there is none
}

@test "strata: ties in time, and the order that is no time" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
x = e.read("i.st")
meta, lengths = x.pop("meta"), np.diff(x["user_offsets"])
days = np.concatenate([np.arange(n) // 2 for n in lengths])
order = np.concatenate([np.arange(n) for n in lengths])
e.write("days.st", {**x, "timestamp": days}, meta)
e.write("order.st", {**x, "timestamp": order}, meta)
e.write("told-order.st", {**x, "timestamp": days}, {**meta, "times": "order"})
e.write("told-seconds.st", {**x, "timestamp": order}, {**meta, "times": "seconds"})
x.pop("timestamp")
e.write("none.st", x, meta)
PY
    "$HELPERS/evaluate.py" random_lists i.st lists.st
    for f in days told-seconds; do
        evaluate -q -i $f.st --recs lists.st -o m.json
        "$HELPERS/evaluate.py" check_all $f.st lists.st m.json
    done
    evaluate -q -i days.st --recs lists.st -o m.json
    assert [ "$(value m.json strata_tie tie users)" -gt 20 ]
    for f in order told-order none; do
        evaluate -q -i $f.st --recs lists.st -o m.json
        assert_equal "$(value m.json strata_tie)" null
        assert_not_equal "$(value m.json strata_history)" null
    done
    # nobody is in that part
    evaluate -q -i told-seconds.st --baseline popular -o m.json
    assert_equal "$(value m.json strata_tie tie users)" 0
    assert_equal "$(value m.json strata_tie tie metrics hr@10)" null
}

@test "cuts and embeddings that are none" {
    for cuts in 0 '' 5,1 1,1 ten '1,' 100001 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
        for what in '-i i.st --baseline popular' '--compare a.st a.st' '--ablation a.st'; do
            # shellcheck disable=SC2086 # words
            run --separate-stderr evaluate $what --cuts "$cuts"
            assert_failure 64
            assert_equal "$stderr" "evaluate: --cuts '$cuts': expected up to 16 ascending numbers from 1 to 100000 with commas between"
        done
    done
    run --separate-stderr evaluate -i i.st --baseline popular --spare 0
    assert_failure 64
    "$HELPERS/evaluate.py" write_embeddings others.st text 60 x
    "$HELPERS/evaluate.py" write_embeddings fewer.st text 59
    "$HELPERS/evaluate.py" write_embeddings intent.st intent
    run --separate-stderr evaluate -q -i i.st --baseline popular --embeddings others.st -o m.json
    assert_failure 65
    assert_equal "$stderr" 'evaluate: others.st: item_ids differ from those of i.st, expected the same items in the same order'
    for f in fewer intent sids i; do
        run --separate-stderr evaluate -q -i i.st --baseline popular --embeddings $f.st -o m.json
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_not_exists m.json
    done
    run --separate-stderr evaluate -i i.st --baseline popular --embeddings missing.st
    assert_failure 66
    "$HELPERS/evaluate.py" write_other other.st
    run --separate-stderr evaluate -i other.st --baseline popular -s sids.st
    assert_failure 65
}

@test "comparison and ablation at other cuts; Holm's correction over the rows" {
    /usr/bin/python3 - <<'PY'
import evaluate as e, numpy as np
rng = np.random.default_rng(8)
for name, p in (("a", 0.3), ("b", 0.33), ("c", 0.36), ("d", 0.3), ("e", 0.34)):
    e.write_ranks(name + ".st", np.where(rng.random(1500) < p, rng.integers(1, 31, 1500), 0), 30)
PY
    evaluate -q --compare a.st c.st --cuts 3,7,30,50 -o c.json
    "$HELPERS/evaluate.py" check_comparison c.json a.st c.st all 3,7,30,50
    run --separate-stderr evaluate --ablation a.st b.st c.st d.st e.st --cuts 7,30 --bootstrap 2000 -o t.json
    assert_success
    assert_regex "${stderr_lines[0]}" '^all .*  hr@30 .*  ndcg@30 '
    assert_regex "${stderr_lines[3]}" '^c\.st .*\]\*'
    assert_regex "${stderr_lines[6]}" "^\* p < 0.05 after Holm's correction over the rows$"
    "$HELPERS/evaluate.py" check_holm t.json
    run --separate-stderr evaluate --ablation a.st d.st -o t.json
    refute_regex "$stderr" '\*'
    "$HELPERS/evaluate.py" check_holm t.json
    run --separate-stderr evaluate --ablation a.st --cuts 50 -o t.json # no metric but mrr
    assert_success
}

@test "results for a terminal, a program and a paper" {
    echo '{"metrics":{"hr@10":0.25,"ndcg@10":0.125},"users":4}' >a.json
    echo '{"metrics":{"hr@10":0.5},"users":4}' >b.json
    shown() { evaluate --show --format "$1" 'a_b|c=a.json' '50%=b.json'; }
    run shown text
    assert_output "$(printf '%s\n' 'all items            a_b|c       50%' 'users                    4         4' \
        'hr@10               0.2500    0.5000' 'ndcg@10             0.1250         -')"
    run shown tsv
    assert_output "$(printf 'all items\ta_b|c\t50%%\nusers\t4\t4\nhr@10\t0.2500\t0.5000\nndcg@10\t0.1250\t')"
    run shown markdown
    assert_output "$(printf '%s\n' '| all items | a\_b\|c | 50% |' '|:---|---:|---:|' '| users | 4 | 4 |' '| hr@10 | 0.2500 | 0.5000 |' \
        '| ndcg@10 | 0.1250 | - |')"
    run shown latex
    assert_output "$(printf '%s\n' '\begin{tabular}{lrr}' '\hline' 'all items & a\_b\textbar{}c & 50\% \\' '\hline' 'users & 4 & 4 \\' \
        'hr@10 & 0.2500 & 0.5000 \\' 'ndcg@10 & 0.1250 & - \\' '\hline' '\end{tabular}')"
    assert_equal "$(shown json | jq -c '.[0] | [.title, .columns, .rows, .notes]')" \
        '[null,["all items","a_b|c","50%"],[["users",4,4],["hr@10",0.25,0.5],["ndcg@10",0.125,null]],[]]'
    evaluate -q -m trie.st -s sids.st -i i.st --per-user one.st -o m.json
    evaluate -q --ablation one=one.st two=one.st -o t.json
    evaluate -q --compare one.st one.st -o c.json
    assert_equal "$(evaluate --show --format json t.json c.json | jq -c 'map([.title, .columns[1]])')" '[["t","seeds"],["c","A"],["ndcg@10 by popularity of the held-out item","A"]]'
    assert_equal "$(evaluate --show --format tsv t.json | awk -F '\t' 'NR == 3 { print $1, NF }')" 'one 10'
    run --separate-stderr evaluate --show --format pdf a.json
    assert_failure 64
    run --separate-stderr evaluate --format tsv -i i.st --baseline popular
    assert_failure 64
    assert_regex "$stderr" '--format go with --show'
    command -v script >/dev/null || skip "script(1) is missing: the terminal is not tested"
    run script -qec "$BIN/evaluate --show a=a.json" /dev/null
    assert_line --index 0 --partial $'\e[1mall items\e[0m'
    run env NO_COLOR=1 script -qec "$BIN/evaluate --show a=a.json" /dev/null
    refute_output --partial $'\e['
}

@test "what others have published stands under results of the same data, split, users and protocol" {
    evaluate -q -i i.st --baseline popular -o m.json
    {
        printf '# a comment\n\ndataset\tsplit\tmask\tmetric\tsystem\tvalue\tusers\tsource\n'
        printf '%s\ttest\tyes\thr@10\tMasked\t0.1\t148\ttheir log\n' toys
        printf '%s\ttest\tno\thr@10\tOpen\t0.2\t\tits paper\n' toys
        printf '%s\ttest\tno\tndcg@10\tOpen\t0.15\t148\tits paper\n' toys
        printf '%s\ttest\tunknown\thr@10\tSilent\t0.3\t\tits paper\n' toys
        printf '%s\ttest\tno\thr@10\tOthers\t0.4\t149\tits paper\n' toys
        printf '%s\tvalid\tno\thr@10\tValid\t0.5\t\tits paper\n' toys
        printf '%s\ttest\tno\thr@10\tElsewhere\t0.6\t\tits paper\n' games
    } >p.tsv
    run --separate-stderr evaluate --show --published p.tsv --dataset toys ours=m.json
    assert_success
    assert_line --regexp '^toys, all items$'
    assert_line --regexp '^Open +0\.2000 +0\.1500  its paper$'
    assert_line --regexp '^toys, met items left out$'
    assert_line --regexp '^Masked +0\.1000  their log$'
    assert_line --regexp '^Masked '
    assert_equal "$(grep -c '^Silent *? ' <<<"$output")" 2
    assert_equal "$(grep -Ec '^(Masked|Open) ' <<<"$output")" 2
    assert_equal "$(grep -Ec '^(Others|Valid|Elsewhere) ' <<<"$output")" 0
    assert_line --partial '? does not say whether met items were left out: comparable with neither'
    assert_regex "$stderr" 'p.tsv: 1 figures of toys are of another split: not shown'
    assert_regex "$stderr" 'p.tsv: 1 figures of toys are of other users: not shown'
    run --separate-stderr evaluate --show --published p.tsv --dataset shoes m.json
    assert_success
    assert_equal "$stderr" 'evaluate: p.tsv: no figures of shoes'
    # a sample of the users is not what was published
    evaluate -q -i i.st --baseline popular --users 148 -o m.json
    run --separate-stderr evaluate --show --published p.tsv --dataset toys m.json
    assert_success
    refute_output --partial Open
}

@test "published figures that are none" {
    evaluate -q -i i.st --baseline popular -o m.json
    local head='dataset\tsplit\tmask\tmetric\tsystem\tvalue\tsource\n' line
    while IFS='|' read -r line; do
        # shellcheck disable=SC2059 # the lines have escapes
        printf "$head# more\n$line\n" >p.tsv
        run --separate-stderr evaluate --show --published p.tsv --dataset d m.json
        assert_failure 65
        assert_regex "$stderr" '^evaluate: p.tsv:3: '
        assert_equal "${#stderr_lines[@]}" 1
    done <<'END'
d\ttest\tno\thr@10\ts\t0.1
d\ttest\tno\thr@10\ts\t0.1\ta\tb
d\ttest\tperhaps\thr@10\ts\t0.1\ta
d\ttest\tno\thr@0\ts\t0.1\ta
d\ttest\tno\thr\ts\t0.1\ta
d\ttest\tno\tauc@10\ts\t0.1\ta
d\ttest\tno\thr@10\ts\t1.1\ta
d\ttest\tno\thr@10\ts\t0.1x\ta
d\ttest\tno\thr@10\t\t0.1\ta
d\ttest\tno\thr@10\ts\tnan\ta
d\ttest\tno\thr@10\ts\t0.1\t\377
END
    for line in 'dataset\tsplit' 'dataset\tsplit\tmask\tmetric\tsystem\tvalue\tsource\tcolour' \
        'dataset\tdataset\tsplit\tmask\tmetric\tsystem\tvalue\tsource'; do
        # shellcheck disable=SC2059 # the lines have escapes
        printf "$line\n" >p.tsv
        run --separate-stderr evaluate --show --published p.tsv --dataset d m.json
        assert_failure 65
        assert_regex "$stderr" '^evaluate: p.tsv:1: '
    done
    printf 'dataset\tsplit\tmask\tmetric\tsystem\tvalue\tsource\tusers\nd\ttest\tno\tmrr\ts\t0.1\ta\tmany\n' >p.tsv
    run --separate-stderr evaluate --show --published p.tsv --dataset d m.json
    assert_failure 65
    assert_regex "$stderr" "p.tsv:2: users 'many'"
    printf 'dataset\tsplit\tmask\tmetric\tsystem\tvalue\tsource\nd\ttest\tno\tmrr\ts\t0.1\ta\nd\ttest\tno\tmrr\ts\t0.2\tb\n' >p.tsv
    run --separate-stderr evaluate --show --published p.tsv --dataset d m.json
    assert_failure 65
    assert_equal "$stderr" 'evaluate: p.tsv:3: says again what line 2 says'
    : >p.tsv
    run --separate-stderr evaluate --show --published p.tsv --dataset d m.json
    assert_failure 65
    run --separate-stderr evaluate --show --published missing.tsv --dataset d m.json
    assert_failure 66
    for wrong in '--show --published p.tsv m.json' '--show --dataset d m.json' '-i i.st --baseline popular --published p.tsv --dataset d'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr evaluate $wrong
        assert_failure 64
    done
    evaluate -q --show --published "$ROOT/data/published.tsv" --dataset amazon-beauty-2014 m.json >/dev/null # ours is well-formed
}

@test "lists wait in a temporary file only where they are asked for" {
    TMPDIR=/nonexistent run --separate-stderr evaluate -q -i i.st --baseline popular --recs-out kept.st -o m.json
    assert_failure 73
    TMPDIR=/nonexistent evaluate -q -i i.st --baseline popular -o m.json
}
