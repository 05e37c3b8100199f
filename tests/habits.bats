#!/usr/bin/env bats
# Habits of real chat servers, and what caption and mine-intent make of them: the answer, or an error that says what came instead.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load model_server.bash
setup() {
    model_setup
    "$BIN/synth" --items "${ITEMS:-12}" --users 10 --seed 3 -q -o cat
}
teardown() { end_servers; }

caption() { "$BIN/caption" --engine http --url "$url" --model m --cache none --retry-wait 0.001 "$@" cat/items.jsonl; }
mine() { "$BIN/mine-intent" --engine http --judge http --url "$url" --model m --cache none --retry-wait 0.001 "$@" cat/items.jsonl; }

# A server all of whose replies have a habit.
with_habit() { serve --faults 1 --kinds "$@"; }

# What a run left: for each item without the key, its error's message; each message once, and how often the key is there.
left() { # left KEY < records
    /usr/bin/python3 -c '
import json, re, sys
items = [json.loads(line) for line in sys.stdin]
print(sum(sys.argv[1] in i for i in items))
for line in sorted({re.sub(r"^images/[^:]*: |\"[^\"]*\": | \([0-9]+ \w+\)$", "", e["message"]) for i in items for e in i.get("errors", [])}): print(line)' "$1"
}

@test "reasoning before the answer, with or without its opening tag, is left out" {
    serve
    caption -q -o captions.jsonl
    mine -q -o mined.jsonl
    for habit in think thinkend; do
        with_habit $habit
        caption -q -o out.jsonl
        cmp captions.jsonl out.jsonl
        mine -q -o out.jsonl
        cmp mined.jsonl out.jsonl
    done
}

@test "reasoning that the token limit cut off is no answer" {
    with_habit thinkcut
    caption -q -o captions.jsonl || true
    mine -q -o mined.jsonl || true
    run left caption <captions.jsonl
    assert_output $'0\nreasoning that does not end, and no answer; cut at --max-tokens'
    run left intents <mined.jsonl
    assert_output $'0\nreasoning that does not end, and no answer; cut at --max-tokens'
    with_habit thoughtcut
    caption -q -o captions.jsonl || true
    mine -q -o mined.jsonl || true
    run left caption <captions.jsonl
    assert_output $'0\ncut at --max-tokens'
    run left intents <mined.jsonl
    assert_output $'0\ncut at --max-tokens'
}
