#!/usr/bin/env bats
# recommend: line in, line out; agreement with evaluate; what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

# One set of data and one small model serve all tests.
setup_file() {
    suite_setup_file
    "$HELPERS/evaluate.py" make .
    "$BIN/sidgen-train" -q -s sids.st -i i.st --dim 16 --layers 1 --heads 2 --ffn 32 --epochs 2 --batch-tokens 1024 --shards 8 \
        --warmup 2 --valid-users 0 -o model.st
}

setup() { suite_setup; }

recommend() { "$BIN/recommend" -m model.st -s sids.st "$@"; }

# The ids of a list, without scores.
ids() { tr '\t' '\n' | sed 's/:[^:]*$//' | paste -sd' '; }

@test "lists are those that evaluate makes" {
    "$BIN/evaluate" -q -m model.st -s sids.st -i i.st -k 10 --recs-out lists.st -o m.json
    "$HELPERS/evaluate.py" write_histories i.st test >histories.txt
    recommend <histories.txt >lists.tsv
    run "$HELPERS/evaluate.py" check_lists lists.st lists.tsv
    assert_success
    assert_output '148 lists'
}

@test "unknown ids are named and skipped; blanks of any kind separate" {
    recommend -k 5 < <(printf 'i4 i7 i9\n') >clean.tsv
    run --separate-stderr recommend -k 5 < <(printf '  i4 nobody i7   i9 \r\n')
    assert_success
    assert_output "$(cat clean.tsv)"
    assert_equal "$stderr" "recommend: warning: standard input:1: unknown item 'nobody' skipped"
    run --separate-stderr recommend -k 5 < <(printf 'i1\n\033[31m\377x\n')
    assert_success
    assert_equal "${#lines[@]}" 2
    assert_regex "$stderr" "standard input:2: unknown item '\?\[31m"
}

@test "ids with blanks and commas: between tabs they are what they are" {
    python_with tensors <<'PY'
t, meta = load("sids.st")
old = strings(t["item_ids"])
new = {"i4": "Red shoe", "i7": "a,b", "i9": "Red"}
text = "".join(new.get(i, i) + "\n" for i in old)
t["item_ids"] = np.frombuffer(text.encode(), np.uint8)
save("odd.st", t, meta)
t, meta = load("model.st")
save("odd-model.st", t, {k: v for k, v in meta.items() if not k.startswith("input.")}) # of which SIDs it says nothing
PY
    renamed() { sed 's/Red shoe:/i4:/g; s/a,b:/i7:/g; s/Red:/i9:/g'; }
    odd() { "$BIN/recommend" -m odd-model.st -s odd.st -k 5; }
    printf 'i4 i7 i9\ni4\ni9 i1\ni4 i9\n' | recommend -k 5 >plain.tsv
    printf 'Red shoe\ta,b\tRed\r\nRed shoe\nRed i1\n\tRed shoe\t\tRed\n' | odd | renamed >odd.tsv
    cmp odd.tsv plain.tsv
    run --separate-stderr odd < <(printf 'Red shoe a,b\ni1\tRed shoe i2\n')
    assert_equal "$stderr" "recommend: warning: standard input:1: unknown item 'shoe' skipped
recommend: warning: standard input:2: unknown item 'Red shoe i2' skipped"
}

@test "every line gets a line, the last one without newline too; no input, no output" {
    run recommend -k 2 < <(printf 'i1\n\ni2 i3')
    assert_success
    assert_equal "${#lines[@]}" 3
    for line in "${lines[@]}"; do assert_regex "$line" $'^i[0-9]+:-[0-9.]+\ti[0-9]+:-[0-9.]+$'; done
    run recommend </dev/null
    assert_success
    assert_output ''
}

@test "an empty history: the model's own start, or the popular one" {
    run recommend -k 3 < <(printf '\n')
    assert_success
    assert_output --regexp '^i[0-9]+:-'
    "$BIN/evaluate" -q -i i.st --baseline popular -k 3 --recs-out popular.st -o m.json
    local best
    best=$("$HELPERS/evaluate.py" first_list popular.st)
    run bash -c "printf '\nunknown\ni5\n' | '$BIN/recommend' -m model.st -s sids.st -k 3 -i i.st 2>/dev/null"
    assert_success
    for i in 0 1; do assert_equal "$(echo "${lines[i]}" | ids)" "$best"; done
    assert_equal "${lines[2]}" "$(echo i5 | recommend -k 3)"
}

@test "the popular start is evaluate's popular baseline, item by item, whatever k" {
    for k in 1 7 60; do
        "$BIN/evaluate" -q -i i.st --baseline popular -k $k --recs-out popular.st -o m.json
        run recommend -k $k --beam 60 -i i.st < <(printf '\n')
        assert_success
        assert_equal "$(echo "$output" | ids)" "$("$HELPERS/evaluate.py" first_list popular.st)"
    done
}

@test "answers arrive while the writer keeps the pipe open" {
    coproc ASKED { "$BIN/recommend" -m model.st -s sids.st -k 3; }
    local in=${ASKED[1]} pid=$ASKED_PID out first second third
    exec {out}<&"${ASKED[0]}" # a copy: the shell closes its own when the process ends
    echo 'i1 i2' >&"$in"
    read -r -t 10 first <&"$out"
    printf 'i3\ni4\nhalf a' >&"$in"
    read -r -t 10 second <&"$out"
    read -r -t 10 third <&"$out"
    assert_equal "$first" "$(echo 'i1 i2' | recommend -k 3)"
    assert_equal "$second" "$(echo i3 | recommend -k 3)"
    assert_equal "$third" "$(echo i4 | recommend -k 3)"
    eval "exec $in>&-"
    read -r -t 10 third <&"$out"
    assert_regex "$third" '^i[0-9]+:'
    exec {out}<&-
    wait "$pid"
}

@test "many lines: batches change nothing" {
    for i in {1..1000}; do echo "i$((i % 59)) i$((i * 7 % 59))"; done >many.txt
    recommend -k 4 <many.txt >many.tsv
    assert_equal "$(wc -l <many.tsv)" 1000
    recommend -k 4 --threads 1 <many.txt | cmp - many.tsv
    assert_equal "$(sed -n 777p many.tsv)" "$(sed -n 777p many.txt | recommend -k 4)"
    recommend -k 4 -o file.tsv <many.txt
    cmp file.tsv many.tsv
}

@test "--exclude-seen leaves k others wherever there are k" {
    seq -f 'i%g' 0 59 >all.txt
    head -45 all.txt | paste -sd' ' >seen.txt
    run recommend -k 10 --beam 10 --exclude-seen <seen.txt
    assert_success
    assert_equal "$(echo "$output" | tr '\t' '\n' | wc -l)" 10
    for id in $(echo "$output" | ids); do
        run grep -qw "$id" seen.txt
        assert_failure
    done
    head -57 all.txt | paste -sd' ' >seen.txt # three are left
    run recommend -k 10 --beam 10 --exclude-seen <seen.txt
    assert_equal "$(echo "$output" | ids | wc -w)" 3
    paste -sd' ' <all.txt >seen.txt # none is left
    run recommend -k 10 --exclude-seen <seen.txt
    assert_success
    assert_output ''
    # Where nothing seen is in the beam, the option changes nothing; neighbours in a batch never matter.
    recommend -k 3 --exclude-seen < <(printf 'i1 i2\n') >one.tsv
    recommend -k 3 --exclude-seen < <(cat all.txt; printf 'i1 i2\n') | tail -1 | cmp - one.tsv
}

@test "--exclude-seen answers from a beam that the met items do not narrow" {
    seq -f 'i%g' 0 29 | paste -sd' ' >seen.txt
    recommend -k 10 --beam 10 --exclude-seen <seen.txt | ids | tr ' ' '\n' >unseen.txt
    recommend -k 40 --beam 40 <seen.txt | ids | tr ' ' '\n' | grep -vwFf <(tr ' ' '\n' <seen.txt) | head -10 | cmp - unseen.txt
    # Whatever the neighbours, and for any number of threads.
    { cat seen.txt; for i in {1..300}; do echo "i$((i % 59)) i$((i * 7 % 59))"; done; } >many.txt
    recommend -k 10 --beam 10 --exclude-seen --threads 1 <many.txt >one.tsv
    recommend -k 10 --beam 10 --exclude-seen --threads 2 <many.txt | cmp - one.tsv
    assert_equal "$(head -1 one.tsv | ids | tr ' ' '\n')" "$(cat unseen.txt)"
    assert_equal "$(sed -n 200p one.tsv)" "$(sed -n 200p many.txt | recommend -k 10 --beam 10 --exclude-seen)"
}

@test "--titles: an item a line, for people" {
    printf '%s\n' '{"id":"i3","title":"Tea\tpot"}' '{"id":"i6","title":"Cup"}' '{"id":"elsewhere","title":"x"}' >items.jsonl
    run recommend -k 60 --beam 60 --titles items.jsonl < <(echo i1)
    assert_success
    assert_equal "${#lines[@]}" 60
    assert_line --regexp $'^-[0-9.]+\ti3\tTea pot$'
    assert_line --regexp $'^-[0-9.]+\ti6\tCup$'
    assert_line --regexp $'^-[0-9.]+\ti7\t$'
}

# Items of two brands and nested categories: odd ones are red, every fifth is a cup.
make_items() {
    local i colour kind
    for i in {0..59}; do
        colour=$((i % 2)) kind=$((i % 5))
        echo "{\"id\":\"i$i\",\"title\":\"T$i\",\"brand\":\"B $((i % 3))\",\"colour\":[\"$([ $colour = 1 ] && echo red || echo blue)\"],\"size\":$kind.50,\"categories\":[\"All\",\"$([ $kind = 0 ] && echo Cup || echo Pot)\"],\"nested\":[[\"x\",[\"n$kind\"]]],\"new\":$([ $kind = 1 ] && echo true || echo false)}"
    done >items.jsonl
}

# The ids of those that the lines of a file, PATTERN, let pass.
passing() { grep -E "$1" items.jsonl | sed 's/^{"id":"\([^"]*\)".*/\1/'; }

@test "--filter: the whole ranking without what does not pass, and k items from a narrow beam" {
    make_items
    printf 'i4 i7 i9\ni1\n\n' >histories.txt
    recommend -k 60 --beam 60 <histories.txt >whole.tsv
    check() { # check PATTERN FILTER...
        passing "$1" >passing.txt
        recommend -k 60 --beam 60 --items items.jsonl "${@:2}" <histories.txt >held.tsv
        for line in 1 2 3; do
            sed -n ${line}p whole.tsv | tr '\t' '\n' | while IFS=: read -r id score; do
                ! grep -qx "$id" passing.txt || echo "$id:$score"
            done | paste -s | cmp - <(sed -n ${line}p held.tsv)
        done
        recommend -k 3 --beam 3 --items items.jsonl "${@:2}" <histories.txt >narrow.tsv
        local most
        most=$(wc -l <passing.txt)
        for line in 1 2 3; do
            sed -n ${line}p narrow.tsv | ids | tr ' ' '\n' >ids.txt
            [ "$(wc -w <ids.txt)" -eq $((most < 3 ? most : 3)) ] || fail "$2: $(cat narrow.tsv)"
            run grep -vxFf passing.txt ids.txt
            assert_output "$([ "$most" -gt 0 ] || cat ids.txt)"
        done
    }
    check '"brand":"B 1"' -f 'brand=B 1'
    check 'red' -f colour=red
    check 'B 0.*red|B 2.*red' -f 'brand=B 0' -f colour=red -f 'brand=B 2'
    check 'Cup' --filter category=Cup
    check 'Cup' --filter categories=Cup
    check '"n3"' -f nested=n3
    check '"size":2.50' -f size=2.5
    check '"new":true' -f new=true
    check 'B 2.*blue.*Cup' -f 'brand=B 2' -f colour=blue -f category=Cup
    check '"id":"none"' -f brand=none
    check '"id":"none"' -f nokey=1
    check 'All' -f category=All
}

@test "--filter with titles, unseen items alone, and popularity" {
    make_items
    run --separate-stderr recommend -k 4 -t items.jsonl -f colour=red -x < <(echo 'i1 i3 i5 i7 i9 i11')
    assert_success
    assert_equal "${#lines[@]}" 4
    for line in "${lines[@]}"; do assert_regex "$line" $'\ti[0-9]*[13579]\tT[0-9]*[13579]$'; done
    refute_output --regexp $'\ti(1|3|5|7|9|11)\t'
    "$BIN/evaluate" -q -i i.st --baseline popular -k 60 --recs-out popular.st -o m.json
    "$HELPERS/evaluate.py" first_list popular.st | tr ' ' '\n' | grep '[13579]$' | head -5 >popular.txt
    recommend -k 5 -i i.st --items items.jsonl -f colour=red <<<'' | ids | tr ' ' '\n' | cmp - popular.txt
}

@test "wrong filters" {
    make_items
    fails_with 64 'needs --items' recommend -f a=b </dev/null
    fails_with 64 'expected KEY=VALUE' recommend --items items.jsonl -f brand </dev/null
    fails_with 64 'expected KEY=VALUE' recommend --items items.jsonl -f =brand </dev/null
    fails_with 64 'exclude each other' recommend --items items.jsonl -t items.jsonl -f a=b </dev/null
    fails_with 66 'missing.jsonl' recommend --items missing.jsonl -f a=b </dev/null
    echo '{"id":' >broken.jsonl
    fails_with 65 'broken.jsonl:1' recommend --items broken.jsonl -f a=b </dev/null
    run --separate-stderr recommend --items items.jsonl -f brand=none < <(echo i1)
    assert_success
    assert_output ''
    assert_equal "$stderr" 'recommend: warning: items.jsonl: no item passes the filters'
}

# What --unfold says of histories, against the lists without it and against itself: check_unfolded LISTS < lines
check_unfolded() {
    /usr/bin/python3 - "$1" unfolded.txt <<'PY'
import json, math, sys
for list_, line in zip(*(open(f) for f in sys.argv[1:]), strict=True):
    a = json.loads(line)
    assert "\t".join(f"{i['id']}:{i['score']:.6g}" for i in a["items"]) == list_.rstrip("\n"), (list_, line)
    levels = a["levels"]
    whole = lambda p: "item" in p
    for depth, level in enumerate(levels):
        assert [p["logp"] for p in level] == sorted((p["logp"] for p in level), reverse=True)
        for p in level:
            assert len(p["codes"]) == depth + 1 or whole(p) and len(p["codes"]) <= depth
            if depth:
                before = [q for q in levels[depth - 1] if q["codes"] == p["codes"][:len(q["codes"])]]
                assert len(before) == 1 and before[0]["logp"] >= p["logp"], (p, before)
    assert all(map(whole, levels[-1])) and not all(map(whole, levels[-2]))
    found = {p["item"]: p["logp"] for p in levels[-1]}
    listed = a["model"] if "model" in a else a["items"]
    assert all(found[i["id"]] == i["score"] for i in listed)
    for i in a["items"] if "power" in a else []:
        assert abs(a["power"] * math.log(sum(i["parts"].values())) + i.get("votes", 0) - i["score"]) < 1e-4, i
        assert len(i["parts"]) > 1 and all(x > 0 for x in i["parts"].values())
PY
}

@test "--unfold: the same lists, and how the beam and the mixture came to them" {
    make_items
    "$BIN/blend" -q -i i.st -m model.st -s sids.st -o both.st
    "$BIN/sidgen-train" -q -s sids.st -i i.st --dim 16 --layers 1 --heads 2 --ffn 32 --epochs 1 --batch-tokens 1024 --shards 8 \
        --warmup 2 --valid-users 0 --body timeline --item-vectors -o timeline.st
    for i in {1..50}; do echo "i$i i$((i * 7 % 59)) i$((i * i % 59))"; done >histories.txt
    check() { # check MODEL OPTION...
        "$BIN/recommend" -s sids.st -k 4 -b 6 -m "$@" <histories.txt >lists.tsv
        "$BIN/recommend" -s sids.st -k 4 -b 6 -m "$@" --unfold <histories.txt >unfolded.txt
        check_unfolded lists.tsv
    }
    check model.st
    check timeline.st --threads 2
    check model.st -x
    check model.st --items items.jsonl -f colour=red -x
    check model.st --blend both.st
    check model.st --blend both.st -x --items items.jsonl -f colour=red
    run --separate-stderr recommend -k 2 --unfold -t items.jsonl < <(printf 'i4 nobody\n')
    assert_output --regexp '^\{"items":\[\{"id":"i[0-9]*","score":-[0-9.]*,"title":"T[0-9]*"\}.*\],"unknown":1,"levels":\['
    # Popularity has no story; a mixture without a model has no levels.
    run recommend -k 2 --unfold -i i.st < <(echo)
    assert_output --regexp '^\{"items":\[[^[]*\],"unknown":0\}$'
    "$BIN/blend" -q -i i.st -o alone.st
    run "$BIN/recommend" --blend alone.st -k 2 --unfold < <(printf 'i4\n\n')
    assert_line --index 0 --regexp '"parts":\{"cooccur":[^[]*"power":[0-9.]*\}$'
    assert_line --index 1 --regexp '"parts":\{"popular":[0-9.]*\}\}\],"unknown":0,"power":1\}$'
    fails_with 64 '--unfold' recommend --task 4 --unfold </dev/null
}

@test "--users: histories and held-out items as evaluate has them, each user once" {
    for split in valid test; do
        "$BIN/evaluate" -q -m model.st -s sids.st -i i.st --split $split --users 9 --seed 5 -k 7 --recs-out lists.st --per-user ranks.st -o m.json
        recommend -i i.st --unfold --users 9 --seed 5 --split $split -k 7 >users.jsonl
        /usr/bin/python3 - $split <<'PY'
import json, sys
import evaluate as e
from tensors import load, strings
x, lists = load("i.st")[0], load("lists.st")[0]
ids, user_ids, at = strings(x["item_ids"]), strings(x["user_ids"]), x["user_offsets"]
users = [json.loads(line) for line in open("users.jsonl")]
assert [u["user"] for u in users] == strings(lists["user_ids"]) and len(users) == 9
for u, row in zip(users, lists["items"]):
    i = user_ids.index(u["user"])
    events = [ids[j] for j in x["item_index"][at[i]:at[i + 1]]]
    last = len(events) - (1 if sys.argv[1] == "test" else 2)
    assert u["history"] == events[:last] and u["target"] == events[last]
    assert [j["id"] for j in u["items"]] == [ids[j] for j in row] and u["levels"]
PY
    done
    run --separate-stderr recommend -i i.st --unfold --users 0 -k 1
    assert_equal "${#lines[@]}" 148
    fails_with 64 '--users needs' recommend -i i.st --users 3
    fails_with 64 '--users needs' recommend --unfold --users 3
    fails_with 64 '--split goes with' recommend --split test </dev/null
}

@test "wrong options and files" {
    for wrong in '-k 30' '--beam 5' '-k 0' 'extra' '--beams 3'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr recommend $wrong </dev/null
        assert_failure 64
        assert_equal "${#stderr_lines[@]}" 1
    done
    run --separate-stderr "$BIN/recommend" -m model.st </dev/null
    assert_failure 64
    run --separate-stderr "$BIN/recommend" -m missing.st -s sids.st </dev/null
    assert_failure 66
    run --separate-stderr "$BIN/recommend" -m sids.st -s sids.st </dev/null
    assert_failure 65
    run --separate-stderr "$BIN/recommend" -m model.st -s model.st </dev/null
    assert_failure 65
    head -c 500 model.st >cut.st
    run --separate-stderr "$BIN/recommend" -m cut.st -s sids.st </dev/null
    assert_failure 65
    "$HELPERS/evaluate.py" write_other other.st
    run --separate-stderr recommend -i other.st </dev/null
    assert_failure 65
    assert_regex "$stderr" 'item_ids differ from those of'
}

@test "a full disk, a closed pipe" {
    run --separate-stderr bash -c "echo i1 | '$BIN/recommend' -m model.st -s sids.st >/dev/full"
    assert_failure 74
    run --separate-stderr "$HELPERS/evaluate.py" into_closed_pipe "$BIN/recommend" -m model.st -s sids.st < <(echo i1)
    assert_failure 74
    run --separate-stderr recommend -o nowhere/x.tsv < <(echo i1)
    assert_failure 73
}

@test "a model whose config has an impossible shape" {
    for change in num_key_value_heads=3 head_dim=7 head_dim=5000 num_hidden_layers=0 hidden_size=1e9 vocab_size=1 num_attention_heads=0.5; do
        "$HELPERS/evaluate.py" change_config model.st odd.st "$change"
        run --separate-stderr "$BIN/recommend" -m odd.st -s sids.st </dev/null
        assert_failure 65
        assert_equal "${#stderr_lines[@]}" 1
        assert_regex "$stderr" '^recommend: odd.st: model config: '
    done
}
