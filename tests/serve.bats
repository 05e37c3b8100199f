#!/usr/bin/env bats
# serve: every page; answers that are recommend's; filters; limits; signals; and what no client should send.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash

setup_file() {
    suite_setup_file
    "$HELPERS/evaluate.py" make .
    train() { "$BIN/sidgen-train" -q -s sids.st -i i.st --dim 16 --heads 2 --ffn 32 --batch-tokens 1024 --shards 8 --warmup 2 --valid-users 0 "$@"; }
    train --layers 1 --epochs 2 -o model.st
    train --layers 1 --epochs 1 --body timeline --item-vectors -o timeline.st
    "$BIN/blend" -q -i i.st -m model.st -s sids.st -o both.st
    for i in {0..59}; do
        echo "{\"id\":\"i$i\",\"title\":\"Tea \\\"$i\\\"\",\"brand\":\"B$((i % 3))\",\"size\":$((i % 5)).0,\"categories\":[\"All\",\"$((i % 2))\"]}"
    done >items.jsonl
    for i in {1..200}; do echo "i$((i % 59)) i$((i * 7 % 59)) i$((i * i % 59))"; done >histories.txt
}

setup() {
    suite_setup
    cp "$BATS_FILE_TMPDIR"/{items.jsonl,histories.txt} .
    HTTP=$BIN/../helpers/http
}

teardown() { end_servers; }

# Starts it on a port of its own: sets port and server.
serve() { # serve OPTION...
    : >serve.err
    "$BIN/serve" -s sids.st -l 127.0.0.1:0 "$@" 2>serve.err 3>&- </dev/null &
    server=$!
    servers+=("$server")
    for _ in $(seq 400); do
        grep -q listening serve.err && break
        kill -0 "$server" 2>/dev/null || fail "no server: $(cat serve.err)"
        sleep 0.02
    done
    port=$(sed -n 's|.*listening on http://127.0.0.1:||p' serve.err)
}

# One request, over a connection of its own: sets code, head and body.
ask() { # ask METHOD PATH [BODY [HEADER...]]
    local answer header
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    {
        printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' "$1" "$2"
        for header in "${@:4}"; do printf '%s\r\n' "$header"; done
        [ -z "${3-}" ] || printf 'Content-Length: %d\r\n' "$(printf %s "$3" | wc -c)"
        printf '\r\n%s' "${3-}"
    } >&9
    answer=$(cat <&9)
    exec 9>&-
    head=${answer%%$'\r\n\r\n'*}
    body=${answer#*$'\r\n\r\n'}
    code=$(sed -n '1s/^HTTP\/1.1 \([0-9]*\).*/\1/p' <<<"$head")
}

# The same, with what is expected: expect CODE PATTERN METHOD PATH [BODY [HEADER...]]
expect() {
    ask "${@:3}"
    [ "$code" = "$1" ] && [[ $body =~ $2 ]] || fail "$3 $4 ${5-}: $code $body, expected $1 $2"
}

recommend() { "$BIN/recommend" -m model.st -s sids.st "$@"; }

# Lines of ids as requests, with members of an object beside the history.
requests() { sed "s/ /\",\"/g; s/^/{\"history\":[\"/; s/\$/\"]${1:+,$1}}/"; } # requests [MEMBERS]

# Answers without titles as recommend's lines.
as_lines() {
    sed 's/^200 //; s/^{"items":\[//; s/\],"unknown":.*//; s/,"title":"Tea \\"[0-9]*\\""//g; s/{"id":"\([^"]*\)","score":\([^,}]*\)}/\1:\2/g; s/,/\t/g'
}

# Compares lists with those of a file: scores, whose last digit hangs on how many histories are multiplied at once, and
# items, of which few near-ties may have changed places.
same_lists() { # same_lists FILE < lines
    awk -F'\t' '
        NR == FNR { want[FNR] = $0; lines = FNR; next }
        {
            if (split(want[FNR], w) != split($0, g)) wrong++
            for (i in g) {
                split(w[i], a, ":")
                split(g[i], b, ":")
                if ((a[2] - b[2]) ^ 2 > 4e-10) wrong++
                moved += a[1] != b[1]
                all++
            }
        }
        END { exit wrong || moved * 100 > all || !all || FNR != lines }' "$1" - || fail "not the lists of $1"
}

many() { "$HTTP" many "$port" "${1:-32}"; }

@test "answers are recommend's, whatever is answered at once" {
    for model in model timeline; do
        serve -m $model.st
        for k in 1 10 20; do
            "$BIN/recommend" -m $model.st -s sids.st -k $k <histories.txt >expected.tsv
            requests "\"k\":$k" <histories.txt | many | as_lines >found.tsv
            same_lists expected.tsv <found.tsv
        done
        "$BIN/recommend" -m $model.st -s sids.st -k 7 -x <histories.txt >expected.tsv
        # Orders that do not agree, among each other.
        { requests '"k":7,"exclude_seen":true' <histories.txt; requests '"k":3' <histories.txt; } | shuf --random-source=sids.st >mixed.txt
        many 48 <mixed.txt >answers.txt
        paste -d'\n' mixed.txt answers.txt | grep -A1 exclude_seen | grep '^200' | as_lines >found.tsv
        paste -d'\n' mixed.txt answers.txt | grep -A1 '"k":3' | grep -c '^200' | grep -qx 200
        requests '"k":7,"exclude_seen":true' <histories.txt | paste - expected.tsv | sort >by_order.txt
        grep exclude_seen mixed.txt | sort | cmp - <(cut -f1 by_order.txt)
        grep exclude_seen mixed.txt | paste - found.tsv | sort | cut -f2- | same_lists <(cut -f2- by_order.txt)
    done
    serve -m model.st --blend both.st
    recommend --blend both.st <histories.txt >expected.tsv
    requests <histories.txt | many | as_lines | same_lists expected.tsv
}

@test "one history or several; unknown ids are counted; a start for nobody" {
    serve -m model.st -i i.st
    recommend -k 3 -i i.st < <(printf 'i1 i2\n\ni5\n') >expected.tsv
    expect 200 '"unknown":1}$' POST /recommend '{"history":["i1","nobody","i2"],"k":3}'
    as_lines <<<"$body" | same_lists <(sed -n 1p expected.tsv)
    expect 200 '^\{"lists":\[' POST /recommend '{"histories":[["i1","i2"],[],["i5","?","!"]],"k":3}'
    sed 's/^{"lists":\[//; s/\]}$//; s/},{"items/}\n{"items/g' <<<"$body" >lists.txt
    as_lines <lists.txt | same_lists expected.tsv
    assert_equal "$(sed 's/.*"unknown":\([0-9]*\)}.*/\1/' lists.txt | paste -sd' ')" '0 0 2'
    expect 200 '^\{"lists":\[\]\}$' POST /recommend '{"histories":[]}'
}

@test "filters and exclusions hold lists of k items" {
    serve -m model.st --items items.jsonl
    check() { # check JSON OPTION...
        recommend -k 4 --items items.jsonl "${@:2}" <histories.txt >expected.tsv
        requests "\"k\":4,\"filter\":{$1}" <histories.txt | many | as_lines | same_lists expected.tsv
    }
    check '"brand":"B1"' -f brand=B1
    check '"brand":["B1","B2"],"category":"1"' -f brand=B1 -f brand=B2 -f category=1
    check '"categories":["1"],"size":3' -f category=1 -f size=3
    expect 200 '^\{"items":\[\],"unknown":0,"allowed":0\}' POST /recommend '{"history":["i1"],"filter":{"brand":[]}}'
    expect 200 '^\{"items":\[\],"unknown":0,"allowed":0\}' POST /recommend '{"history":["i1"],"filter":{"nokey":"B1"}}'
    expect 200 '"title":"Tea \\"[0-9]*\\""' POST /recommend '{"history":["i1"],"k":1}'
    expect 200 '"allowed":20}$' POST /recommend '{"history":["i1"],"filter":{"brand":"B1"}}'
    expect 200 '"allowed":18}$' POST /recommend '{"history":["i1"],"filter":{"brand":"B1"},"exclude":["i1","i4","i5","?"]}'
    refute_regex "$body" '"i1"|"i4"'
    # All but five are left out: the five come.
    expect 200 '"allowed":5}$' POST /recommend \
        "{\"history\":[\"i1\"],\"exclude\":[$(seq -f '"i%g"' 0 54 | paste -sd,)],\"exclude_seen\":true}"
    assert_equal "$(grep -o '"id":"i5[5-9]"' <<<"$body" | sort | uniq | wc -l)" 5
    # What was asked with a filter is not what is asked without.
    recommend -k 4 <histories.txt >expected.tsv
    requests '"k":4' <histories.txt | many | as_lines | same_lists expected.tsv
    serve -m model.st
    expect 400 'without --items' POST /recommend '{"history":["i1"],"filter":{"brand":"B1"}}'
}

@test "unfold: recommend's, with others in one batch; of one history" {
    local order='{"history":["i4","i7","nobody"],"k":3,"unfold":true,"filter":{"brand":["B1","B2"]}}'
    for files in '-m timeline.st' '-m model.st --blend both.st'; do
        # shellcheck disable=SC2086 # words
        echo 'i4 i7 nobody' | "$BIN/recommend" -q -s sids.st $files -k 3 -t items.jsonl -f brand=B1 -f brand=B2 --unfold 2>/dev/null >expected.json
        # shellcheck disable=SC2086
        serve $files --items items.jsonl
        ask POST /recommend "$order"
        assert_equal "$body" "$(cat expected.json)"
        [[ $body == *'"levels":[[{"codes":['* ]]
        { requests '"k":3' <histories.txt | head -100; for _ in {1..20}; do echo "$order"; done; } | shuf --random-source=sids.st | many 48 | grep levels |
            jq -Rc 'ltrimstr("200 ") | fromjson | [.items[].id]' | uniq -c >unfolded.txt
        assert_regex "$(cat unfolded.txt)" "^ *20 $(jq -c '[.items[].id]' expected.json | sed 's/[][]/\\&/g')\$"
        expect 200 '^[^[]*\[[^[]*\][^[]*$' POST /recommend "${order/true/false}"
    done
    expect 400 'one \\"history\\"' POST /recommend '{"histories":[["i1"]],"unfold":true}'
    expect 400 'true or false' POST /recommend '{"history":["i1"],"unfold":1}'
}

@test "pages: items, codes, health, metrics, what there is" {
    serve -m model.st --items items.jsonl
    expect 200 'POST /recommend' GET /
    assert_regex "$head" 'Content-Type: text/plain'
    expect 200 '<!doctype html>.*</html>' GET / '' 'Accept: text/html,application/xhtml+xml;q=0.9'
    assert_regex "$head" 'Content-Type: text/html'
    assert_regex "$head" 'Content-Security-Policy: '
    assert_regex "$body" 'http-equiv="Content-Security-Policy" content="default-src .none.; script-src .sha256-'
    expect 404 '"error"' GET /nowhere '' 'Accept: text/html'
    expect 200 '^\{"status":"ok","items":60,"levels":2,"unfold":true,"filters":true\}$' GET /health
    expect 200 '^\{"id":"i7","codes":\[[0-9,]+\].*,"record":\{"id":"i7","title":"Tea \\"7\\"","brand":"B1","size":2.0,' GET /items/i7
    expect 200 '"id":"i7"' GET /items/%697
    codes=$(sed 's/.*"codes":\[\([0-9,]*\)\].*/\1/' <<<"$body")
    expect 200 '"id":"i7","codes"' GET "/codes/$codes"
    assert_regex "$body" "^\{\"codes\":\[$codes\],\"items\":\[.*\],\"next\":\[.*\],\"count\":[1-9][0-9]*\}$"
    expect 200 '"count":60\}$' GET /codes/
    assert_regex "$body" '"next":\[\{"code":2,"items":9,"topic":\{"categories":\[\{"text":"0","items":8,"overall":0.5\}\],"brand":\[\{"text":"B2","items":4,"overall":0.333333\}\]\}\}'
    run ! grep -q '"count":60.*"topic"' <<<"$body"
    assert_equal "$(grep -o '"id"' <<<"$body" | wc -l)" 60
    expect 404 '"error":"no such item"' GET /items/nobody
    expect 404 '"error":"no item has these codes"' GET /codes/99999
    for wrong in x '1,' ,1 -1 1,,2 1.5 99999999999999999999 1,2,3,4,5,6,7,8; do expect 400 '"error":"expected codes' GET "/codes/$wrong"; done
    expect 404 '"error"' GET /nowhere
    expect 404 '"error"' GET /item
    expect 405 '"error"' GET /recommend
    assert_regex "$head" 'Allow: POST'
    expect 405 '"error"' POST /health '{}'
    ask HEAD /health
    assert_equal "$code" 200
    refute_regex "$body" items
    requests <histories.txt | many >answers.txt
    expect 200 'sidmill_requests_total\{route="/recommend",status="200"\} 200' GET /metrics
    for line in 'requests_total{route="/items",status="404"} 1' 'recommend_seconds_count 200' 'recommend_seconds_bucket{le="+Inf"} 200' \
        'batch_histories_sum 200' 'in_flight 1' 'waiting_histories 0'; do
        grep -qxF "sidmill_$line" <<<"$body" || fail "no $line in $body"
    done
    serve -m timeline.st
    expect 200 '^\{"id":"i7","codes":\[[0-9,]+\][^{]*\}$' GET /items/i7
}

@test "the codes that follow, and items beside an item, are what the SIDs say" {
    serve -m model.st
    for path in /codes/ /codes/3 /codes/2,1 /items/i7 /items/i11 /items/i19; do
        ask GET $path
        echo "$body"
    done >pages.txt
    run with_tensors sids.st <<'PY'
import json
from collections import Counter
sid = {i: [*map(int, c)] + [int(s)] * (s >= 0) for i, c, s in zip(ids, t["codes"], t["suffix"])}
pages = [json.loads(line) for line in open("pages.txt")]
for p in pages[:3]:
    below = [s for s in sid.values() if s[:len(p["codes"])] == p["codes"]]
    follow = Counter(s[len(p["codes"])] for s in below)
    assert p["next"] == [{"code": c, "items": n} for c, n in sorted(follow.items(), key=lambda x: (-x[1], x[0]))], p
    assert p["count"] == len(below) == sum(follow.values()) > 1
for p in pages[3:]:
    mine = sid[p["id"]]
    twins = [i for i in ids if sid[i][:2] == mine[:2] and i != p["id"]]
    near = [i for i in ids if sid[i][0] == mine[0] and sid[i][:2] != mine[:2]]
    assert sorted(p["same"][:len(twins)]) == sorted(twins) and sorted(p["same"][len(twins):]) == sorted(near), p
assert any(len(sid[p["id"]]) == 3 for p in pages[3:]) and any(len(sid[p["id"]]) == 2 for p in pages[3:])
PY
    assert_success
}

@test "search: words of ids and titles; what is no search" {
    echo '{"id":"i5","title":"Caf\u00e9 STRASSE 1.7 oz"}' >>items.jsonl
    sed -i '/"id":"i5".*Tea/d' items.jsonl
    serve -m model.st --items items.jsonl
    expect 200 '^\{"items":\[\{"id":"i7","codes":\[[0-9,]+\][^{]*,"title":"Tea \\"7\\""\}\],"count":1\}$' GET '/search?q=TEA+7'
    expect 200 '"i1".*"i10".*"i19".*"count":11\}$' GET '/search?q=te%20i1'
    for words in 'cafe%CC%81' 'CAF%C3%89' 'stra%C3%9Fe' '1.7' 'oz+caf%C3%A9' 'i5+oz'; do
        expect 200 '^\{"items":\[\{"id":"i5",.*"count":1\}$' GET "/search?q=$words"
    done
    expect 200 '"count":59\}$' GET '/search?q=tea&limit=3'
    assert_equal "$(grep -o '"id"' <<<"$body" | wc -l)" 3
    expect 200 '"count":59\}$' GET '/search?q=tea'
    assert_equal "$(grep -o '"id"' <<<"$body" | wc -l)" 20
    for words in '' '%20' '...' 'ea' 'tea+coffee' '%F0%9F%98%80'; do
        expect 200 '^\{"items":\[\],"count":0\}$' GET "/search?q=$words"
    done
    for query in '' '?' '?q' '?limit=3' '?q=%FF' '?q=a%00b' '?q=tea%C3' '?q=tea&limit=0' '?q=tea&limit=101' '?q=tea&limit=x' '?q=tea&limit=' \
        "?q=$(printf 'w%d+' {1..33})"; do
        expect 400 '"error"' GET "/search$query"
    done
    expect 405 '"error"' POST '/search?q=tea' '{}'
    (ask GET "/search?q=$(printf 'word%d+' {1..20000})") 2>/dev/null || true # cut off, in the middle of too long a head
    expect 200 'route="/search",status="400"\}' GET /metrics
    serve -m model.st
    expect 200 '^\{"items":\[\{"id":"i7","codes":[^{]*\}\],"count":1\}$' GET '/search?q=I7'
}

@test "what is no order is refused in JSON" {
    serve -m model.st --items items.jsonl
    for order in '' '{' '[]' '1' '"x"' '{}' 'null' '{"history":"i1"}' '{"history":[1]}' '{"history":[["i1"]]}' '{"histories":["i1"]}' \
        '{"histories":{}}' '{"history":["i1"],"histories":[["i1"]]}' '{"history":["i1"],"k":0}' '{"history":["i1"],"k":101}' \
        '{"history":["i1"],"k":1.5}' '{"history":["i1"],"k":"3"}' '{"history":["i1"],"k":-1}' '{"history":["i1"],"k":1e300}' \
        '{"history":["i1"],"exclude":"i1"}' '{"history":["i1"],"exclude":[1]}' '{"history":["i1"],"exclude_seen":1}' \
        '{"history":["i1"],"filter":[]}' '{"history":["i1"],"filter":{"brand":null}}' '{"history":["i1"],"filter":{"brand":[["B1"]]}}' \
        '{"history":["i1"],"filter":{"brand":{"x":"y"}}}' '{"history":["i1"],"filters":{}}' '{"history":["i\u0000"]}' '{"history":["i1"]} x' \
        $'{"history":["\377"]}' '{"history":["\ud800"]}' "$(printf '[%.0s' {1..3000})" '{"history":NaN}' '{"history":["i1"],"k":null}'; do
        expect 400 '^\{"error":".+"\}$' POST /recommend "$order"
        assert_regex "$head" 'Content-Type: application/json'
    done
    expect 400 'at most 64 keys' POST /recommend "{\"history\":[],\"filter\":{$(seq -f '"a%g":1' 65 | paste -sd,)}}"
    expect 200 '"unknown":0' POST /recommend '{"history":["i1"]}'
}

@test "limits: bodies, histories, their items, k, what waits" {
    serve -m model.st --max-body 2000 --max-histories 2 --max-items 3 --max-k 30 --max-waiting 2
    expect 413 'too long' POST /recommend "$(printf ' %.0s' {1..2001})"
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    { printf 'POST /recommend HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'; printf 'bb8\r\n%3000s\r\n0\r\n\r\n' ''; } >&9
    assert_regex "$(cat <&9)" '^HTTP/1.1 413 '
    exec 9>&-
    expect 400 'at most 2' POST /recommend '{"histories":[[],[],[]]}'
    expect 400 'expected at most 3' POST /recommend '{"history":["a","b","c","d"]}'
    expect 200 '"unknown":3' POST /recommend '{"history":["a","b","c"],"k":30}'
    as_lines <<<"$body" | same_lists <(recommend -k 30 -b 30 <<<'')
    expect 400 'from 1 to 30' POST /recommend '{"history":[],"k":31}'
    for i in {1..600}; do echo '{"histories":[["i1"],["i2"]],"k":30}'; done | many 64 | cut -c1-4 | sort | uniq -c >codes.txt
    awk '$2 == 503 { busy = $1 } $2 == 200 { good = $1 } END { exit !(busy > 0 && good > 0 && busy + good == 600) }' codes.txt || fail "$(cat codes.txt)"
}

@test "a request that takes too long is cut, others are served" {
    serve -m model.st --timeout 1
    exec 8<>"/dev/tcp/127.0.0.1/$port" 7<>"/dev/tcp/127.0.0.1/$port"
    printf 'POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{' >&8
    (for _ in {1..40}; do printf ' ' >&8 || break; sleep 0.1; done) 2>/dev/null & # never idle for a second
    local drip=$! start=$SECONDS
    expect 200 '"items"' POST /recommend '{"history":["i1"]}'
    assert_equal "$(timeout 10 cat <&8)$(timeout 10 cat <&7)" ''
    [ $((SECONDS - start)) -le 6 ] || fail 'they were not cut'
    wait $drip || true
    exec 8>&- 7>&-
    expect 200 'route="/recommend",status="broken"} 1' GET /metrics
}

@test "a token: needed where others can ask, compared, from a file or the environment" {
    fails_with 64 'expected --token-file or SIDMILL_TOKEN' "$BIN/serve" -m model.st -s sids.st -l 0.0.0.0:0
    : >empty
    fails_with 65 'expected a token' "$BIN/serve" -m model.st -s sids.st -l 0.0.0.0:0 --token-file empty
    fails_with 66 'missing' "$BIN/serve" -m model.st -s sids.st --token-file missing
    echo 'sesame' >token
    serve -m model.st --token-file token
    for word in '' 'Authorization: Bearer' 'Authorization: Bearer sesam' 'Authorization: Bearer sesame2' 'Authorization: Basic sesame' 'X: sesame'; do
        expect 401 '"error"' POST /recommend '{"history":["i1"]}' ${word:+"$word"}
        assert_regex "$head" 'WWW-Authenticate: Bearer'
    done
    for page in /items/i1 /codes/ /metrics /nowhere; do expect 401 '"error"' GET $page; done
    expect 200 ok GET /health
    expect 200 'doctype' GET / '' 'Accept: text/html'
    expect 200 '"items"' POST /recommend '{"history":["i1"]}' 'Authorization: Bearer sesame'
    SIDMILL_TOKEN=open serve -m model.st -l 0.0.0.0:0 || true
    port=$(sed -n 's|.*listening on http://0.0.0.0:||p' serve.err)
    expect 401 '"error"' GET /metrics
    expect 200 sidmill GET /metrics '' 'Authorization: bearer open'
}

@test "SIGHUP: other files are served without a request lost; bad ones are not" {
    cp model.st served.st
    serve -m served.st --items items.jsonl
    for i in {1..20}; do cat histories.txt; done | requests '"k":3' >orders.txt
    many 16 <orders.txt >answers.txt &
    local asking=$!
    cp timeline.st new.st && mv new.st served.st
    kill -HUP "$server"
    for _ in $(seq 200); do grep -q 'read anew' serve.err && break; sleep 0.05; done
    grep -q 'read anew' serve.err || fail "$(cat serve.err)"
    wait $asking
    assert_equal "$(cut -c1-4 answers.txt | sort | uniq -c | tr -s ' ')" ' 4000 200 '
    for model in model timeline; do "$BIN/recommend" -m $model.st -s sids.st -k 3 <histories.txt >$model.tsv; done
    # Both have answered.
    for _ in {1..20}; do cat model.tsv; done | paste - <(as_lines <answers.txt) | awk -F'\t' '{ split($1, a, ":"); split($4, b, ":"); if ($1 == $4 || (a[2] - b[2]) ^ 2 < 4e-10) old++ } END { print (old > 0) }' | grep -qx 1
    for _ in {1..20}; do cat timeline.tsv; done | paste - <(as_lines <answers.txt) | awk -F'\t' '$1 == $4 { new++ } END { print (new > 0) }' | grep -qx 1
    requests '"k":3' <histories.txt | many | as_lines | same_lists timeline.tsv
    head -c 1000 model.st >new.st && mv new.st served.st
    kill -HUP "$server"
    for _ in $(seq 200); do [ "$(wc -l <serve.err)" -ge 3 ] && break; sleep 0.05; done
    assert_equal "$(wc -l <serve.err)" 3
    assert_regex "$(tail -n 1 serve.err)" '^serve: served.st: '
    requests '"k":3' <histories.txt | many | as_lines | same_lists timeline.tsv
    for _ in $(seq 100); do ask GET /metrics; grep -q 'reloads_total{result="bad"} 1' <<<"$body" && break; sleep 0.05; done
    assert_regex "$body" 'reloads_total\{result="good"\} 1'
    assert_regex "$body" 'reloads_total\{result="bad"\} 1'
}

@test "SIGTERM and SIGINT: what has begun is answered, then it ends with 0" {
    for signal in TERM INT; do
        serve -m model.st
        exec 8<>"/dev/tcp/127.0.0.1/$port"
        printf 'POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{"history"' >&8
        for _ in $(seq 100); do ask GET /metrics; grep -q 'in_flight 2' <<<"$body" && break; sleep 0.02; done
        kill -$signal "$server"
        sleep 0.2
        kill -0 "$server"
        run bash -c "exec 9<>/dev/tcp/127.0.0.1/$port"
        assert_failure
        printf ':["i1"]}' >&8
        run cat <&8
        assert_output --partial 'HTTP/1.1 200 OK'
        assert_output --partial 'Connection: close'
        exec 8>&-
        status=0
        wait "$server" || status=$?
        assert_equal $status 0
    done
}

@test "thousands of hostile requests: none ends it, others are served" {
    serve -m model.st --items items.jsonl --timeout 2 --max-connections 64
    run "$HTTP" fuzz "$port" 3000 1 '{"history":["i1","i2"],"k":3,"filter":{"brand":["B1","B2"]},"exclude":["i4"]}' '{"histories":[["i1"],["i2","i3"]]}'
    assert_success
    assert_output --regexp '^3000 hostile, [0-9]+ of them answered, [0-9]+ served, 0 wrongly'
    expect 200 '"items"' POST /recommend '{"history":["i1"]}'
    kill -TERM "$server"
    status=0
    wait "$server" || status=$?
    assert_equal $status 0
    assert_equal "$(grep -vc listening serve.err)" 0
}

@test "wrong options and files" {
    for wrong in '' '-m model.st' '-m model.st -s sids.st extra' '-m model.st -s sids.st -l 8080' '-m model.st -s sids.st -l 127.0.0.1:' \
        '-m model.st -s sids.st -l 127.0.0.1:x' '-m model.st -s sids.st -l 127.0.0.1:99999999' '-m model.st -s sids.st --max-k 0'; do
        # shellcheck disable=SC2086 # words
        fails_with 64 serve: timeout 20 "$BIN/serve" $wrong
        assert_one_line
    done
    serve -m model.st
    fails_with 69 'Address already in use' "$BIN/serve" -m model.st -s sids.st -l "127.0.0.1:$port"
    fails_with 66 missing.st "$BIN/serve" -m missing.st -s sids.st -l 127.0.0.1:0
    fails_with 65 sids.st "$BIN/serve" -m sids.st -s sids.st -l 127.0.0.1:0
    echo '{"id":' >broken.jsonl
    fails_with 65 'broken.jsonl:1' "$BIN/serve" -m model.st -s sids.st --items broken.jsonl -l 127.0.0.1:0
    fails_with 65 'broken.jsonl:1' "$BIN/serve" -m model.st -s sids.st --items broken.jsonl --check
    run --separate-stderr "$BIN/serve" -m model.st -s sids.st --items items.jsonl --check
    assert_success
    assert_equal "$output$stderr" ''
}
