#!/bin/bash
# What a failing model server costs mine-intent, and what a kill does: ITEMS items mined and judged by a server that goes wrong in
# every way at random, once from beginning to end and once killed KILLS times. Ends with status 1 if an item is lost, if the bytes
# differ from a run without faults, or if more was answered twice than was on its way at a kill. See README.
#
# From the environment: ITEMS (2000), FAULTS (0.5: share of the attempts), KILLS (5), JOBS (64), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
items=${ITEMS:-2000} faults=${FAULTS:-0.5} kills=${KILLS:-5} jobs=${JOBS:-64}
mine=$(realpath "${BUILD:-$root/build}")/bin/mine-intent
kinds=429,500,503,hang,cut,close,notjson,html,junk,empty,duplicate,nan,shape,content

work=$(mktemp -d)
cd "$work"
cleanup() {
    cat ./*.pid 2>/dev/null | while read -r pid; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
for ((i = 0; i < items; i++)); do
    echo "{\"id\":\"i$i\",\"title\":\"Thing $i\",\"description\":\"Made for thing number $i.\"}"
done >items.jsonl

serve() { # serve NAME [options]: a server, its address in $url
    local name=$1
    shift
    : >"$name.log"
    /usr/bin/python3 "$root/tests/helpers/model_server.py" --idle 120 --log "$name.log" "$@" >"$name.port" &
    echo $! >"$name.pid"
    until [ -s "$name.port" ]; do sleep 0.05; done
    url=http://127.0.0.1:$(cat "$name.port")/v1
}

flags=(--engine http --judge http --model m --jobs "$jobs" --timeout 1 --retry-wait 0.05 --max-retries 8 --give-up 0 --max-failures 1)
mine() { "$mine" "${flags[@]}" --url "$url" "$@" items.jsonl; }
answered() { grep -h '"ok"' "$1" || true; }

serve clean
mine -q --cache none -o clean.jsonl

echo "-- faults on a share of $faults of all attempts"
serve fault --faults "$faults" --kinds "$kinds" --retry-after 1
mine --cache fault.db -o fault.jsonl
echo "items out: $(wc -l <fault.jsonl) of $items; the same bytes as without faults: $(comm -12 <(sort clean.jsonl) <(sort fault.jsonl) | wc -l);" \
    "with an error: $(grep -c '"errors"' fault.jsonl || true)"
[ "$(grep -Ec '"intents"|"errors"' fault.jsonl)" -eq "$items" ]

echo "-- killed $kills times"
serve kill --faults "$faults" --kinds "$kinds" --faults-until 4 --delay 0.02
for ((k = 1; k <= kills; k++)); do
    "$mine" -q "${flags[@]}" --url "$url" --cache kill.db -o kill.jsonl items.jsonl &
    pid=$!
    sleep "$((k / 2)).$((k % 2 * 5 + 2))"
    kill -9 $pid 2>/dev/null && echo "killed after $(answered kill.log | wc -l) answers" || echo "had ended before it was killed"
    wait $pid 2>/dev/null || true
done
mine --cache kill.db -o kill.jsonl
cmp clean.jsonl kill.jsonl
twice=$(answered kill.log | sort | uniq -d | wc -l)
echo "the same bytes as without faults and kills; answered: $(answered kill.log | sort -u | wc -l) requests, of them twice: $twice"
[ "$twice" -le $((kills * jobs)) ]
