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
    for habit in think thinkend unused; do
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

@test "content in parts is one text; a message without content says where the answer is, or why there is none" {
    serve
    caption -q -o captions.jsonl
    with_habit parts
    caption -q -o out.jsonl
    cmp captions.jsonl out.jsonl
    with_habit reasoning
    fails_with 69 'none of 12 items got an answer; the first: no content: all that was said is in reasoning_content' caption -o out.jsonl
    run left caption <out.jsonl
    assert_output $'0\nno content: all that was said is in reasoning_content'
    with_habit refusal
    mine -q -o out.jsonl || true
    run left intents <out.jsonl
    assert_output $'0\nthe model refuses: I will [31m not say.'
    with_habit filter
    caption -q -o out.jsonl || true
    run left caption <out.jsonl
    assert_output $'0\nno answer: the server\'s content filter stopped it (finish_reason content_filter)'
}

@test "an error's own words reach the item, from whatever place" {
    with_habit err200
    fails_with 69 'an error in place of an answer: Rate limit exceeded (6 tries)' caption -o out.jsonl
    run left caption <out.jsonl
    assert_output $'0\nan error in place of an answer: Rate limit exceeded'
    with_habit detail
    fails_with 69 'HTTP 422: body.messages: Input should be a valid string' mine -o out.jsonl
    run left intents <out.jsonl
    assert_output $'0\nHTTP 422: body.messages: Input should be a valid string'
    with_habit err200
    fails_with 69 "no item got a vector; item 1: the reply has no array 'data': Rate limit exceeded" "$BIN/embed" --text http -u "$url" --model m \
        --cache none --retry-wait 0.001 -o out.st cat/items.jsonl
}

@test "a reply that the server's context cut off is not said to be cut at --max-tokens" {
    with_habit context
    mine -q -o out.jsonl || true
    run left intents <out.jsonl
    assert_output $'0\ncut before --max-tokens, where the server\'s context ended (20 prompt and 5 completion tokens)'
    with_habit limit
    mine -q -o out.jsonl || true
    run left intents <out.jsonl
    assert_output $'0\ncut at --max-tokens'
    assert_equal "$(served limit)" 12 # at temperature 0 the same would come back
}

@test "too many failures fail the run, when its output is written" {
    serve --faults 0.3 --kinds 400
    fails_with 69 'items got no answer, more than --max-failures 0.1; the first: HTTP 400: this one I do not like at all' caption --give-up 0 -o out.jsonl
    run left caption <out.jsonl
    assert_line 'HTTP 400: this one I do not like at all'
    caption -q --max-failures 0.8 -o out.jsonl
    ITEMS=60 setup
    : >server.log
    serve --faults 1 --kinds 400
    fails_with 69 'gave up after' mine --jobs 4 --give-up 8 -o out.jsonl
    [ "$(served 400)" -le 12 ]
    assert_equal "$(wc -l <out.jsonl)" 60
    run left intents <out.jsonl
    assert_line 'HTTP 400: this one I do not like at all'
    assert_line --partial 'not asked, after '
}

@test "what every request would be refused for ends the run at once" {
    for kind in model parameter temperature; do
        : >server.log
        with_habit $kind
        fails_with 69 '/chat/completions: HTTP 400: ' caption --jobs 1 -o out.jsonl
        assert_one_line
        assert_equal "$(served $kind)" 1
        assert_not_exists out.jsonl
    done
    [[ $stderr == *'--no-temperature leaves it out' ]]
    serve --refuses temperature
    caption -q --no-temperature -o out.jsonl
    serve --refuses response_format
    fails_with 69 '; --no-response-format leaves it out' mine -o out.jsonl
    mine -q --no-response-format -o out.jsonl
}

@test "max_tokens gives way to max_completion_tokens" {
    serve
    mine -q -o good.jsonl
    serve --needs max_completion_tokens --bodies bodies
    run --separate-stderr mine -o out.jsonl
    assert_success
    [[ $stderr == *'asked with max_completion_tokens from now on, because max_tokens is refused'* ]]
    run left intents <out.jsonl
    assert_output 12
    run grep -c '"max_tokens":.*"max_completion_tokens":\|"max_completion_tokens":.*"max_tokens":' bodies
    assert_output 0
    # Answers are known by what was asked, whatever it was called: a second server has nothing to do.
    mine -q --cache c.db -o out.jsonl
    serve
    before=$(wc -l <server.log)
    mine -q --cache c.db -o again.jsonl
    cmp out.jsonl again.jsonl
    assert_equal "$(wc -l <server.log)" "$before"
}

@test "members, headers and a query of one's own; secrets stay secret" {
    serve --bodies bodies --headers headers
    printf 'api-key: geheim-4711-0815\n\nX-Team: shoes and hats\n' >headers.txt
    url="$url/?api-version=2&key=verborgen-1234"
    caption --body '{"top_p":0.25,"max_tokens":7,"chat_template_kwargs":{"enable_thinking":false}}' --headers headers.txt --cache c.db -o out.jsonl 2>messages
    /usr/bin/python3 - <<'PY'
import json
for line in open("bodies"):
    body = json.loads(line)
    assert body["top_p"] == 0.25 and body["max_tokens"] == 7 and body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["stream"] is False and line.count('"max_tokens"') == 1
for line in open("headers"):
    head = json.loads(line)
    assert head["api-key"] == "geheim-4711-0815" and head["x-team"] == "shoes and hats"
    assert head["path"] == "/v1/chat/completions?api-version=2&key=verborgen-1234" and "gzip" in head["accept-encoding"]
PY
    run grep -lE 'geheim-4711|verborgen' messages out.jsonl c.db
    assert_output ''
    serve --status 403
    url="$url?key=verborgen-1234"
    fails_with 77 '/v1/chat/completions: HTTP 403: no:' caption --headers headers.txt -o out2.jsonl
    [[ $stderr != *verborgen* ]]
    for bad in '{"model":"x"}' '{"stream":true}' '[1]' 'top_p=1' ''; do fails_with 64 '--body: ' caption --body "$bad"; done
    printf 'no header\n' >bad.txt
    fails_with 65 'bad.txt:1: not a header, expected Name: value' caption --headers bad.txt
    printf 'X-A: b\nHost: elsewhere\n' >bad.txt
    fails_with 65 'bad.txt:2: Host is not to be set' caption --headers bad.txt
    fails_with 66 'none.txt' caption --headers none.txt
}

@test "streams, packed replies and redirects" {
    serve
    caption -q -o good.jsonl
    for kind in sse ended ended2 gzip deflate; do
        with_habit $kind
        caption -q --max-retries 0 -o out.jsonl
        cmp good.jsonl out.jsonl
    done
    with_habit bomb
    caption -q --max-retries 0 --jobs 2 -o out.jsonl || true
    run left caption <out.jsonl
    assert_line 'the reply is longer than 4194304 bytes'
    with_habit redirect
    fails_with 69 'HTTP 308, a redirect to http://127.0.0.1:1/v2/chat...' caption -o none.jsonl
    [[ $stderr != *hidden* ]]
}

@test "what will not fit or is not supported is sent once, and what was too large not in the next run either" {
    for kind in 501 picture large; do
        : >server.log
        with_habit $kind
        caption -q --cache c.db --give-up 0 -o out.jsonl || true
        assert_equal "$(served $kind)" 12
    done
    before=$(wc -l <server.log)
    fails_with 69 'too large to process' caption -q --cache c.db -o out.jsonl
    assert_equal "$(wc -l <server.log)" "$before"
    run left caption <out.jsonl
    assert_line --partial 'increase the physical batch size (so it was before; --ask-again sends it again)'
    serve
    caption -q --cache c.db --ask-again -o out.jsonl
    run left caption <out.jsonl
    assert_output 12
}

@test "a server with few threads is not held up by connections that nobody needs" {
    serve --pool 3 --delay 0.05
    run --separate-stderr caption --jobs 12 --timeout 5 --max-retries 0 -o out.jsonl
    assert_success
    run left caption <out.jsonl
    assert_output 12
}

@test "equal requests under way are not said to come from the cache" {
    for i in 1 2 3 4; do echo "{\"id\":\"i$i\",\"title\":\"Cup\"}"; done >cat/items.jsonl
    serve --delay 0.1
    run --separate-stderr "$BIN/mine-intent" --engine http -u "$url" --model m --cache none -o out.jsonl cat/items.jsonl
    [[ $stderr == *"4 requests, 0 from the cache, 3 equal to others under way; 1 sent"* ]] || fail "$stderr"
}
