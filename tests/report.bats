#!/usr/bin/env bats
# report: every figure against the files that it comes from, and what bad input gets. How the page looks and works in a browser is
# another suite's.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

# One set of data and results of baselines serve all tests; nothing is trained.
setup_file() {
    suite_setup_file
    "$HELPERS/evaluate.py" make .
    "$HELPERS/report.py" make .
    for seed in 1 2; do
        mkdir r-$seed
        "$BIN/evaluate" -q -i i.st --baseline cooccur,popular --cooccur-window $seed -k 30 --per-user r-$seed/per-user.st -o r-$seed/metrics.json
    done
    "$BIN/blend" -q -i i.st --embeddings e.st -o blend.st
    "$BIN/recommend" -q --blend blend.st -i i.st --unfold --users 5 -k 6 >users.jsonl
}

setup() {
    suite_setup
    cp -r "$BATS_FILE_TMPDIR"/{r-1,r-2,items.jsonl,users.jsonl} .
}

report() { "$BIN/report" "$@"; }
check() { "$HELPERS/report.py" "check_$1" "${@:2}"; }

@test "figures are those of evaluate --show; parts and baselines follow, each once" {
    report --json r-1/metrics.json other=r-2/metrics.json >r.json
    "$BIN/evaluate" --show --format tsv r-1/metrics.json other=r-2/metrics.json >shown.tsv
    run check shown r.json shown.tsv
    assert_output --regexp '^[0-9]{2,} figures$'
    run jq -c '.results.systems | map([.name, .baseline, .users, .split])' r.json
    assert_output '[["r-1",false,148,"test"],["other",false,148,"test"],["popular",true,148,"test"]]'
    run jq -c '[.schema, .title, .version != null, .results.means, .curves, .stages, .manual, .codebook]' r.json
    assert_output '["report/1","r-1, other",true,[],[],[],null,null]'
}

@test "intervals over users, and over the mean of seeds" {
    report --json cooccur-1=r-1/metrics.json cooccur-2=r-2/metrics.json >r.json
    run check intervals r.json systems cooccur-1 r-1/per-user.st
    assert_output '23 intervals'
    run check intervals r.json means cooccur r-1/per-user.st r-2/per-user.st
    assert_output '23 intervals'
    run jq -c '.results.means | map([.name, .of])' r.json
    assert_output '[["cooccur",["cooccur-1","cooccur-2"]]]'
    # Ranks that stand elsewhere are found by label; without any there are no intervals.
    mkdir elsewhere
    mv r-1/per-user.st elsewhere/ranks.st
    report --json cooccur-1=r-1/metrics.json --per-user cooccur-1=elsewhere/ranks.st >moved.json
    assert_equal "$(jq -c '.results.systems[0]' moved.json)" "$(jq -c '.results.systems[0]' r.json)"
    run jq -c '.results.systems[0].intervals' <(report --json r-1/metrics.json)
    assert_output null
    # Of users with several cases as well.
    printf 'user\titem\ttimestamp\n' >events.tsv
    for user in a b c d e f; do
        for t in {1..9}; do printf '%s\t%s\t%s\n' $user $(((t * t + ${#user}) % 7)) "$t"; done
    done >>events.tsv
    for item in {0..6}; do echo "{\"id\":\"$item\"}"; done >seven.jsonl
    "$BIN/ingest" -q --items seven.jsonl --interactions events.tsv --split time --split-at 0.4,0.6 -k 0 --items-out /dev/null -o time.st
    "$BIN/evaluate" -q -i time.st --baseline popular --per-user per-user.st -o many.json
    [ "$(jq .cases many.json)" -gt "$(jq .users many.json)" ] || fail 'one case a user'
    report --json many.json >r.json
    run check intervals r.json systems many per-user.st
    assert_output --regexp '^[0-9]+ intervals$'
}

@test "comparisons and ablations among the operands; what others have published" {
    "$BIN/evaluate" -q --ablation a=r-1/per-user.st b=r-2/per-user.st --bootstrap 100 -o ablation.json 2>/dev/null
    "$BIN/evaluate" -q --compare r-1/per-user.st r-2/per-user.st --bootstrap 100 -o comparison.json 2>/dev/null
    report --json r-1/metrics.json ablation.json two=comparison.json >r.json
    run jq -c '.results.tables | map([.name, .schema])' r.json
    assert_output '[["ablation","ablation/1"],["two","comparison/1"]]'
    assert_equal "$(jq -c '.results.tables[0] | del(.name)' r.json)" "$(jq -c . ablation.json)"
    printf 'dataset\tsplit\tmask\tmetric\tsystem\tvalue\tusers\tsource\n' >p.tsv
    for row in 'toy\ttest\tyes\thr@10\tA\t0.5\t148\tp. 1' 'toy\ttest\tunknown\thr@5\tB\t0.25\t\tp. 2' 'toy\ttest\tno\thr@5\tC\t0.1\t99\tp' \
        'toy\tvalid\tno\thr@5\tD\t0.1\t\tp' 'other\ttest\tno\thr@5\tE\t0.1\t\tp'; do printf '%b\n' "$row" >>p.tsv; done
    run jq -c '.results.published' <(report -q --json r-1/metrics.json --published p.tsv --dataset toy)
    assert_output '[{"system":"A","protocol":"metrics_unseen","metric":"hr@10","value":0.5,"source":"p. 1"},{"system":"B","protocol":"?","metric":"hr@5","value":0.25,"source":"p. 2"}]'
}

@test "the catalogue: codes, records, popularity, nearest items" {
    report --json -s sids.st -i i.st --embeddings e.st --items items.jsonl >r.json
    check codebook r.json sids.st
    run check catalogue r.json sids.st e.st
    assert_output '60 items'
    run jq -sc '.[0].catalogue, (.[1] | [.titles[3], .titles[55], .brands[0], .categories[2], .categories[55], .intents[0], .captions[0], has("pictures"), .levels])' r.json
    assert_line '{"items":60,"of":60,"users":0}'
    assert_line '["Item i3 </script><b>&",null,"B",["a","i2"],[],["meant","right"],null,false,2]'
    run check popularity r.json i.st
    assert_success
    # Any of the files is enough for a catalogue.
    for files in '-s sids.st' '-i i.st' '--embeddings e.st' '--items items.jsonl'; do
        # shellcheck disable=SC2086
        report --json $files >one.json
        assert_equal "$(jq -sc '.[1] | [.ids[0], (.ids | length) >= 50]' one.json)" '["i0",true]'
    done
    # An item in several files is told of by the first.
    echo '{"id":"i0","title":"first"}' >first.jsonl
    run jq -sc '.[1].titles[:2]' <(report --json --items first.jsonl --items items.jsonl)
    assert_output '["first","Item i1 </script><b>&"]'
}

@test "a sample: the items of users, then others, always the same" {
    report --json -s sids.st --embeddings e.st --users users.jsonl --max-items 45 >r.json
    run check catalogue r.json sids.st e.st
    assert_output '45 items'
    run jq -sc '.[1] as $c | $c.users | map(.history + [.target] + (.items | map(.id))) | add - $c.ids' r.json
    assert_output '[]'
    cmp r.json <(report --json --threads 1 -s sids.st --embeddings e.st --users users.jsonl --max-items 45)
    run cmp r.json <(report --json -s sids.st --embeddings e.st --users users.jsonl --max-items 45 --seed 7)
    assert_failure
    run jq -sc '.[0].catalogue' <(report --json -s sids.st --users users.jsonl --max-items 3)
    assert_output '{"items":3,"of":60,"users":5}'
}

@test "users: histories as evaluate has them, and where the held-out item stands" {
    run jq -sc '.[1].users | length, (.[0] | keys_unsorted)' <(report --json -i i.st --users users.jsonl)
    assert_output $'5\n["user","history","target","items","unknown","power","k","rank"]'
    "$BIN/evaluate" -q -i i.st --blend blend.st -k 6 --per-user ranks.st -o m.json
    report --json -i i.st --users users.jsonl >r.json
    /usr/bin/python3 - <<'PY'
import json
import evaluate as e
from tensors import load, strings
t = load("ranks.st")[0]
rank = dict(zip(strings(t["user_ids"]), t["rank"].tolist()))
for u in json.loads(open("r.json").readlines()[1])["users"]:
    assert u["k"] == 6 and (u["rank"] or 0) == rank[u["user"]], u
PY
}

@test "stages: what was made, from what, and how it went" {
    mkdir -p w/one-0123456789ab w/two-ba9876543210 w/three-000000000000.part
    printf 'one --x "a b" -o @/1\nfile s.sh sha256 00\n' >w/one-0123456789ab/args
    echo 'two < one-0123456789ab/1 --not three-000000000000' >w/two-ba9876543210/args
    echo 'three two-ba9876543210/2 ../one-0123456789ab/1' >w/three-000000000000.part/args
    echo 57 >w/two-ba9876543210/seconds
    echo 2048 >w/two-ba9876543210/memory
    for i in {1..1500}; do echo "{\"epoch\":$i}"; done >w/two-ba9876543210/log.jsonl
    echo '{"a":1}' >mine.jsonl
    local stages=(--stage w/one-0123456789ab --stage w/two-ba9876543210/ --stage w/three-000000000000 --stage w/four-0123456789ab)
    report --json "${stages[@]}" --log mine.jsonl --log named=mine.jsonl >r.json
    run jq -c '.stages[] | [.name, .stage, .state, .seconds, .memory_kib, .command, .inputs]' r.json
    assert_line --index 0 '["one-0123456789ab","one","made",null,null,"one --x \"a b\" -o @/1",[]]'
    assert_line --index 1 '["two-ba9876543210","two","made",57,2048,"two < one-0123456789ab/1 --not three-000000000000",["one-0123456789ab"]]'
    assert_line --index 2 '["three-000000000000","three","begun",null,null,"three two-ba9876543210/2 ../one-0123456789ab/1",["two-ba9876543210"]]'
    assert_line --index 3 '["four-0123456789ab","four","to do",null,null,"",[]]'
    run jq -c '.curves | map([.name, .stage, (.lines | length), .lines[0], .lines[-1]])' r.json
    assert_output '[["mine","mine",1,{"a":1},{"a":1}],["named","named",1,{"a":1},{"a":1}],["two-ba9876543210","two",1000,{"epoch":1},{"epoch":1500}]]'
    echo many >w/two-ba9876543210/memory
    fails_with 65 'w/two-ba9876543210/memory: expected a whole number' report "${stages[@]}" -o out.html
    echo '{"epoch":' >>w/two-ba9876543210/log.jsonl
    fails_with 65 'w/two-ba9876543210/log.jsonl:1501: not a JSON object' report "${stages[@]}" -o out.html
    assert_one_line
    assert_none_written out.html
}

@test "pictures, small; what is no picture is none" {
    "$BIN/synth" -q --items 10 --users 6 --seed 1 -o shop
    echo no >"$(jq -r '"shop/" + .image' shop/items.jsonl | tail -n 1)"
    run --separate-stderr report --json --items shop/items.jsonl --pictures
    assert_success
    assert_equal "$stderr" 'report: warning: 1 pictures could not be used'
    run jq -sr '.[1].pictures[0], .[1].pictures[9]' <<<"$output"
    assert_line --index 1 null
    head -n 1 <<<"$output" | sed 's/^data:image.jpeg;base64,//' | base64 -d >p.jpg
    run od -An -tx1 -N3 p.jpg
    assert_output ' ff d8 ff'
    mkdir elsewhere
    cp shop/items.jsonl elsewhere
    run jq -sc '.[1].pictures | map(. != null) | unique, length, .[9]' <(report -q --json --items elsewhere/items.jsonl --pictures --image-root shop)
    assert_output $'[false,true]\n10\nfalse'
}

@test "the page: one file, whatever titles say; the way to the manual" {
    local title=$'</title><script>alert(1)</script>\377'
    report r-1/metrics.json -s sids.st --items items.jsonl --title "$title" -o page.html
    run grep -c 'alert(1)</script>' page.html
    assert_output 0
    run grep -c '</script><b>' page.html
    assert_output 0
    assert_equal "$(sed -n 's|.*id="report">\(.*\)</script>.*|\1|p' page.html | head -n 1 | jq -r .title)" '</title><script>alert(1)</script> '
    mkdir -p there/html deep/er
    report r-1/metrics.json --json --manual there/html -o deep/er/r.json
    assert_equal "$(jq -r .manual deep/er/r.json)" ../../there/html
    assert_equal "$(report r-1/metrics.json --json --manual https://example.org/man | jq -r .manual)" https://example.org/man
    fails_with 66 'nowhere: no such folder' report r-1/metrics.json --manual nowhere -o out.html
    assert_none_written out.html
}

# Refused with one line that says why, and nothing written: refused CODE MESSAGE ARGUMENTS
refused() {
    fails_with "$1" "$2" report "${@:3}" -o out.html
    assert_one_line
    assert_none_written out.html
}

@test "what is wrong, or does not agree, is refused" {
    refused 64 'nothing to show'
    refused 64 '--published and --dataset' r-1/metrics.json --dataset toy
    refused 64 '--users needs' --users users.jsonl r-1/metrics.json
    refused 64 '--pictures and --image-root need --items' -s sids.st --pictures
    refused 66 absent.json absent.json
    refused 66 absent absent/metrics.json
    head -c 900 r-1/metrics.json >cut.json
    refused 65 'cut.json: not a JSON object' cut.json
    refused 65 'sids.st: not a JSON object' sids.st
    echo '{"metrics":3}' >odd.json
    refused 65 'odd.json: no "metrics" object' odd.json
    echo '{"metrics":{"hr@1":1,"hr@x":2},"metrics_unseen":[1],"parts":[[1],{"metrics":[2]}]}' >odd.json
    run jq -e '.results.systems | length' <(report --json a-1=odd.json a-2=odd.json)
    assert_success
    run jq .title,.results.systems[0].name <(report --json $'a\377=odd.json')
    assert_output $'"a "\n"a "'
    refused 65 'expected sids/1' -s i.st
    refused 65 'expected interactions' -i sids.st
    cp r-2/per-user.st r-1/per-user.st
    refused 65 'r-1/per-user.st: ' r-1/metrics.json
    refused 65 'expected ranks/1' --per-user a=sids.st a=r-2/metrics.json
    mkdir toy
    "$HELPERS/toy.py" toy items=50
    refused 65 interactions.st -s sids.st -i toy/interactions.st
    refused 65 e.st -i toy/interactions.st --embeddings e.st
    echo '{"id":"stranger"}' >others.jsonl
    refused 65 'others.jsonl: tells of no item' -i i.st --items others.jsonl
    refused 65 'users.jsonl:1' --items others.jsonl --users users.jsonl
    echo '{"id":' >>items.jsonl
    refused 65 items.jsonl:51 -i i.st --items items.jsonl
}

@test "lines of users that are wrong" {
    local good='"user":"u","history":["i1"],"target":"i2","items":[{"id":"i2"}]' bad
    echo "{$good}" >u.jsonl
    assert_equal "$(report --json -s sids.st --users u.jsonl | jq -sc '.[1].users')" '[{"user":"u","history":["i1"],"target":"i2","items":[{"id":"i2"}],"k":1,"rank":1}]'
    for bad in '{' '[]' "{$good" '{}' "{${good/\"u\"/3}}" "{${good/\[\"i1\"\]/\"i1\"}}" "{${good/i1/nobody}}" "{${good/\"i2\"/\"nobody\"}}" \
        "{${good/\{\"id\":\"i2\"\}/4}}" "{${good/\"items\"/\"other\"}}"; do
        printf '%s\n%s\n' "{$good}" "$bad" >u.jsonl
        refused 65 u.jsonl:2: -s sids.st --users u.jsonl
    done
}
