#!/usr/bin/env bats
# mine-intent with language models: what they are told, what is taken from them, and what servers that fail cost.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load model_server.bash
setup() { model_setup; }
teardown() { end_servers; }

# A model server whose requests are logged in NAME.log: serve_as NAME [options of model_server.py]
serve_as() {
    : >"$1.log"
    serve --log "$1.log" "${@:2}"
}

# A server that answers every chat with the next of the lines of replies.txt (the last one again and again), and writes the
# request bodies, one a line, to asked.jsonl.
serve_lines() {
    : >asked.jsonl
    start_server /usr/bin/python3 -c '
import http.server, json, sys, threading
lines = [line.rstrip("\n").encode().decode("unicode_escape") for line in open("replies.txt")]
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open("asked.jsonl", "ab") as f: f.write(body + b"\n")
        text = lines.pop(0) if len(lines) > 1 else lines[0]
        reason = "stop"
        if text.startswith("CUT "): text, reason = text[4:], "length"
        raw = json.dumps({"choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}]}).encode()
        self.send_response(200); self.send_header("content-length", str(len(raw))); self.end_headers(); self.wfile.write(raw)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
threading.Timer(20, s.shutdown).start()
s.serve_forever()'
    url=http://127.0.0.1:$port/v1
}

# N items with odd spacing, an unknown key and a number that doubles cannot hold.
catalogue() {
    /usr/bin/python3 -c '
import sys
for i in range(int(sys.argv[1])):
    print("{\"id\":\"i%d\", \"title\": \"Thing %d\",  \"n\":12345678901234567890, \"categories\":[\"c\"]}" % (i, i))' "$1"
}

mine() { "$BIN/mine-intent" --engine http --url "$url" --model m --cache c.db --retry-wait 0.01 "$@"; }

intents() { /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    for i in r.get("intents", []):
        print(" ".join([i["text"], "%g" % i["confidence"]] + [str(i[k]) for k in ("label", "source", "agreement") if k in i]))
    for e in r.get("errors", []): print("!", e["tool"], e["message"])'; }

# What the model answers, given as replies (one a line, the last for ever), for one item; options after.
answering() { # answering REPLIES [options]
    printf '%s\n' "$1" >replies.txt
    shift
    serve_lines
    printf '%s\n' '{"id":"a","title":"Rain jacket","description":"Keeps \"dry\".","caption":"a red jacket","categories":["Coats"]}' >one.jsonl
    run --separate-stderr mine -q --cache none "$@" one.jsonl
    printf '%s\n' "$output" >out.jsonl
    end_servers
}

GOOD='{"descriptors":[{"descriptor":"walks in the rain","confidence":0.9}]}'

@test "one item: what is asked and what is kept" {
    answering '{"descriptors":[{"descriptor":"gift  for hikers","confidence":0.5},{"descriptor":"walks in the rain","confidence":0.9}]}'
    assert_success
    run intents <out.jsonl
    assert_output $'walks in the rain 0.9 m\ngift for hikers 0.5 m'
    run /usr/bin/python3 -c '
import json
r = json.loads(open("asked.jsonl").read())
assert r["model"] == "m" and r["temperature"] == 0 and r["max_tokens"] == 1024, r
system, user = r["messages"]
assert (system["role"], user["role"]) == ("system", "user")
assert json.loads(user["content"]) == {"title": "Rain jacket", "description": "Keeps \"dry\".", "caption": "a red jacket"}
f = r["response_format"]
assert f["type"] == "json_schema" and f["json_schema"]["strict"] is True
s = f["json_schema"]["schema"]
assert s["required"] == ["descriptors"] and s["additionalProperties"] is False
e = s["properties"]["descriptors"]["items"]
assert e["required"] == ["descriptor", "confidence"] and e["additionalProperties"] is False
assert "specific" in system["content"] and "actionable" in system["content"] and "grounded" in system["content"]'
    assert_success
}

@test "a refused reply is asked for again, then the item has an error" {
    answering $'{"descriptors":[]}\n'"$GOOD"
    assert_success
    run intents <out.jsonl
    assert_output 'walks in the rain 0.9 m'
    assert_equal "$(wc -l <asked.jsonl)" 2
    answering '{"descriptors":[{"descriptor":"a","confidence":1.5}]}' --max-retries 5
    assert_failure 69
    assert_equal "$(wc -l <asked.jsonl)" 2 # which say the same
    assert_equal "$(grep -c '"seed":1' asked.jsonl)" 1
    run intents <out.jsonl
    assert_output --partial '! mine-intent a confidence is not in [0, 1]'
    run grep -c '"intents"' out.jsonl
    assert_output 0
    answering 'CUT {"descriptors":[{"descr' --max-retries 0
    run intents <out.jsonl
    assert_output --partial 'cut at --max-tokens'
}

@test "reasoning: steps within the object, or before it where there is no schema" {
    answering '{"reasoning":"It is a jacket. {}","descriptors":[{"descriptor":"walks in the rain","confidence":0.9}]}' --reasoning
    run intents <out.jsonl
    assert_output 'walks in the rain 0.9 m'
    run grep -c 'It is' out.jsonl
    assert_output 0
    run /usr/bin/python3 -c '
import json
r = json.loads(open("asked.jsonl").read())
s = r["response_format"]["json_schema"]["schema"]
assert list(s["properties"]) == ["reasoning", "descriptors"] == s["required"] and r["max_tokens"] == 4096
assert "step by step" in r["messages"][0]["content"]'
    assert_success
    answering "1. A jacket.\\n2. {x}\\n\`\`\`json\\n$GOOD\\n\`\`\`" --reasoning --no-response-format
    run intents <out.jsonl
    assert_output 'walks in the rain 0.9 m'
    run grep -c response_format asked.jsonl
    assert_output 0
    answering "1. A jacket. $GOOD" --no-response-format --max-retries 0
    run intents <out.jsonl
    assert_output --partial '! mine-intent not JSON: expected'
    answering "\`\`\`\\n$GOOD\\n\`\`\`" --no-response-format
    run intents <out.jsonl
    assert_output 'walks in the rain 0.9 m'
}

@test "a prompt of one's own replaces the task, not the form" {
    echo 'Nenne Zwecke.' >p.txt
    answering "$GOOD" --prompt p.txt --max-tokens 7 --temperature 0.5
    assert_success
    run /usr/bin/python3 -c '
import json
r = json.loads(open("asked.jsonl").read())
s = r["messages"][0]["content"]
assert s.startswith("Nenne Zwecke.\n\nAnswer with one JSON object") and "grounded" not in s
assert r["max_tokens"] == 7 and r["temperature"] == 0.5'
    assert_success
    : >empty.txt
    run --separate-stderr mine --prompt empty.txt one.jsonl
    assert_failure 65
    run --separate-stderr mine --prompt missing.txt one.jsonl
    assert_failure 66
}

@test "items without title, description and caption are not asked about" {
    serve_as s
    echo '{"id":"a","categories":["c"]}' >in.jsonl
    run --separate-stderr mine in.jsonl
    assert_success
    assert_output '{"id":"a","categories":["c"],"errors":[{"tool":"mine-intent","message":"no title, description or caption to go by"}]}'
    assert_equal "$(wc -l <s.log)" 0
}

@test "several models: agreement, order, sources; one that fails fails the item" {
    printf '%s\n' '{"descriptors":[{"descriptor":"Gift","confidence":0.5},{"descriptor":"rain walks","confidence":0.9}]}' >replies.txt
    serve_lines
    local first=$url
    printf '%s\n' '{"descriptors":[{"descriptor":" GIFT ","confidence":0.25}]}' >replies.txt
    serve_lines
    echo '{"id":"a","title":"t"}' >in.jsonl
    run --separate-stderr "$BIN/mine-intent" -q --engine http --cache none --url "$first" --model one --url "$url" --model two in.jsonl
    assert_success
    intents <<<"$output" >got
    assert_equal "$(cat got)" $'Gift 0.375 one+two 2\nrain walks 0.9 one 1'
    printf '%s\n' 'no JSON' >replies.txt
    serve_lines
    run --separate-stderr "$BIN/mine-intent" -q --engine http --cache none --max-retries 1 --url "$first" --model one \
        --url "$url" --model three in.jsonl
    assert_failure 69
    intents <<<"$output" >got
    assert_equal "$(cat got)" '! mine-intent three: not JSON: expected a value (2 replies)'
}

@test "judge: one request a descriptor, 0 or 1 and nothing else" {
    echo '{"id":"a","title":"Rain jacket","intents":[{"text":"walks","confidence":0.9,"source":"x","k":[1]},{"text":"gifts"}]}' >in.jsonl
    printf '%s\n' ' 1\n' 'yes' '"1"' '1.0' '0' >replies.txt
    serve_lines
    run --separate-stderr "$BIN/mine-intent" -q --engine none --judge http --url "$url" --model m --cache none --jobs 1 --retry-wait 0.01 in.jsonl
    assert_success
    assert_output '{"id":"a","title":"Rain jacket","intents":[{"text":"walks","confidence":0.9,"label":1,"source":"x","k":[1]},{"text":"gifts","label":0}]}'
    run /usr/bin/python3 -c '
import json
asked = [json.loads(line) for line in open("asked.jsonl")]
assert len(asked) == 5
users = [json.loads(r["messages"][1]["content"]) for r in asked]
assert users[0] == {"evidence": {"title": "Rain jacket"}, "descriptor": "walks"}
assert all(u["descriptor"] == "gifts" for u in users[1:])
assert "response_format" not in asked[0] and asked[0]["max_tokens"] == 16'
    assert_success
}

@test "judge: a label that is missing leaves all unjudged, with an error" {
    echo '{"id":"a","title":"t","intents":[{"text":"walks"},{"text":"gifts"}]}' >in.jsonl
    printf '%s\n' '1' 'maybe' >replies.txt
    serve_lines
    run --separate-stderr "$BIN/mine-intent" -q --engine none --judge http --judge-url "$url" --judge-model j --cache none --jobs 1 \
        --retry-wait 0.01 --max-retries 1 in.jsonl
    assert_failure 69
    assert_output '{"id":"a","title":"t","intents":[{"text":"walks"},{"text":"gifts"}],"errors":[{"tool":"mine-intent","message":"judging \"gifts\": neither 0 nor 1 (2 replies)"}]}'
    serve_as s --chat intents # which a judge must not say
    run --separate-stderr mine -q --judge http --max-retries 1 --max-failures 0.5 in.jsonl
    assert_success
    assert_output --partial '"source":"m"'
    assert_output --partial '"message":"judging'
    refute_output --partial '"label"'
}

@test "mined and judged in one run, by different models" {
    local judge
    serve_as t
    judge=$url
    serve_as s
    catalogue 20 >in.jsonl
    run --separate-stderr mine --judge http --judge-url "$judge" --judge-model j -o out.jsonl in.jsonl
    assert_success
    /usr/bin/python3 -c '
import json
rs = [json.loads(line) for line in open("out.jsonl")]
assert all(i["label"] in (0, 1) for r in rs for i in r["intents"])
n = sum(len(r["intents"]) for r in rs)
assert n == sum(1 for _ in open("t.log")) and sum(1 for _ in open("s.log")) == 20
assert {i["label"] for r in rs for i in r["intents"]} == {0, 1}'
}

@test "wrong usage" {
    local bad
    for bad in '' '--url http://127.0.0.1:1/v1' '--model m' '--url http://127.0.0.1:1 --model m --model m' \
        '--url http://127.0.0.1:1 --url http://127.0.0.1:1 --model m' '--url ftp://x --model m' '--url http://u:p@x/v1 --model m'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$BIN/mine-intent" --engine http --cache none $bad /dev/null
        assert_failure 64
        assert_equal "${#stderr_lines[@]}" 1
    done
    run --separate-stderr "$BIN/mine-intent" --engine none --judge http --cache none /dev/null
    assert_failure 64
    assert_output ''
}

@test "no server, a wrong key: the run ends, without output and without the key" {
    echo '{"id":"a","title":"t"}' >in.jsonl
    url=http://127.0.0.1:1/v1 run --separate-stderr mine --max-retries 1 -o out.jsonl in.jsonl
    assert_failure 69
    assert_not_exists out.jsonl
    serve_as s --key right
    SIDMILL_API_KEY=sk-wrong-4711 run --separate-stderr mine -o out.jsonl in.jsonl
    assert_failure 77
    refute [ -e out.jsonl ]
    [[ $stderr != *4711* ]]
    run grep -c 4711 c.db
    assert_output 0
    SIDMILL_API_KEY=right run --separate-stderr mine -o out.jsonl in.jsonl
    assert_success
}

@test "shards join to the full run; what is cached is not asked again" {
    serve_as s
    catalogue 50 >in.jsonl
    mine -q -o full.jsonl in.jsonl
    for k in 1 2 3; do mine -q --cache other.db --shard $k/3 in.jsonl; done >joined.jsonl
    cmp full.jsonl joined.jsonl
    assert_equal "$(wc -l <s.log)" 100
    run --separate-stderr mine in.jsonl
    assert_output "$(cat full.jsonl)"
    assert_equal "$(wc -l <s.log)" 100
    run --separate-stderr mine --keep full.jsonl
    assert_output "$(cat full.jsonl)"
}

# Every fault there is, at random, on half of the attempts.
FAULTY=(--faults 0.5 --kinds '429,500,503,hang,cut,close,notjson,html,junk,empty,duplicate,nan,shape,content')

@test "faults of every kind change no byte, as long as a good reply comes at last" {
    catalogue 100 >in.jsonl
    serve_as good
    mine -q --judge http --cache none -o clean.jsonl in.jsonl
    serve_as bad "${FAULTY[@]}" --faults-until 3
    run --separate-stderr mine --judge http --jobs 64 --timeout 0.3 --give-up 0 -o out.jsonl in.jsonl
    assert_success
    cmp clean.jsonl out.jsonl
    [[ $(grep -vc '"ok"' bad.log) -gt 60 ]]
}

@test "items that never get a good reply end in errors, and none is lost" {
    catalogue 100 >in.jsonl
    serve_as bad "${FAULTY[@]}" --faults 0.8
    run --separate-stderr mine --jobs 64 --timeout 0.3 --max-retries 2 --give-up 0 --max-failures 1 -o out.jsonl in.jsonl
    assert_success
    /usr/bin/python3 -c '
import json
raw, out = open("in.jsonl").read().splitlines(), open("out.jsonl").read().splitlines()
assert len(raw) == len(out) == 100
done = failed = 0
for a, b in zip(raw, out):
    assert b.startswith(a[:-1])
    r = json.loads(b)
    assert ("intents" in r) != ("errors" in r), b
    done += "intents" in r
    for e in r.get("errors", []): assert set(e) == {"tool", "message"} and e["message"]
    failed += "errors" in r
print(done, failed)
assert done > 10 and failed > 10'
    # the same again asks only for what failed
    serve_as good
    mine -q -o again.jsonl in.jsonl
    assert_equal "$(grep -c '"errors"' again.jsonl)" 0
    assert_equal "$(wc -l <good.log)" "$(grep -c '"errors"' out.jsonl)"
}

@test "killed: what was answered is not asked again, and the bytes are the same" {
    catalogue 150 >in.jsonl
    serve_as good
    mine -q --judge http --cache none -o clean.jsonl in.jsonl
    serve_as stall --stall-after 250 --faults 0.3 --kinds 429,500,cut,notjson
    "$BIN/mine-intent" -q --engine http --judge http --url "$url" --model m --cache c.db --retry-wait 0.01 --jobs 32 -o out.jsonl \
        in.jsonl 3>&- &
    local pid=$!
    until grep -q stall stall.log; do sleep 0.05; done
    sleep 0.5 # whatever the server said has arrived
    kill -9 $pid
    wait $pid || true
    assert_not_exists out.jsonl
    serve_as rest
    mine -q --judge http -o out.jsonl in.jsonl
    cmp clean.jsonl out.jsonl
    /usr/bin/python3 -c '
import json
answered = lambda f: {r["digest"] for r in map(json.loads, open(f)) if r["kind"] == "ok"}
first, second, whole = answered("stall.log"), answered("rest.log"), answered("good.log")
assert len(first) > 80 and not first & second and first | second == whole, (len(first), len(second), len(first & second))'
}

@test "killed at any moment, several times, while the server fails" {
    catalogue 150 >in.jsonl
    serve_as good
    mine -q --cache none -o clean.jsonl in.jsonl
    serve_as bad "${FAULTY[@]}" --faults-until 3 --delay 0.02
    local pause pid
    for pause in 0.1 0.2 0.3; do
        "$BIN/mine-intent" -q --engine http --url "$url" --model m --cache c.db --retry-wait 0.01 --jobs 8 --timeout 0.3 --give-up 0 \
            -o out.jsonl in.jsonl 3>&- &
        pid=$!
        sleep $pause
        kill -9 $pid || true
        wait $pid || true
    done
    mine -q --jobs 8 --timeout 0.3 --give-up 0 -o out.jsonl in.jsonl
    cmp clean.jsonl out.jsonl
    # only what was on its way at a kill can have been answered twice
    [[ $(grep '"ok"' bad.log | sort | uniq -d | wc -l) -le 24 ]]
}
