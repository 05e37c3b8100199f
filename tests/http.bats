#!/usr/bin/env bats
# The http engines' common ground, by way of embed: good, faulty and hostile servers, the answer cache, kills, the API key.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load model_server.bash
setup() { model_setup; }
teardown() { end_servers; }

embed() { "$BIN/embed" --text http --url "$url" --model m --retry-wait 0.001 "$@"; }
# In the background, so that $! is the tool itself.
embed_in_background() { exec "$BIN/embed" --text http --url "$url" --model m --retry-wait 0.001 "$@" 2>/dev/null 3>&-; }
items() { for ((i = 1; i <= $1; i++)); do echo "{\"id\":\"i$i\",\"title\":\"Thing $i\",\"caption\":\"caption\\nof $i\"}"; done; }
twice() { grep '"kind": "ok"' server.log | sort | uniq -d; }

@test "vectors in the items' order, whatever the order of the reply's data, and of length one" {
    items 10 >items.jsonl
    echo '{"id":"none","price":3}' >>items.jsonl
    serve --dims 6
    run --separate-stderr embed --batch 4 --fields title,caption -o out.st items.jsonl
    assert_success
    [[ $stderr == *"1 of 11 items have nothing to embed"* ]]
    [[ $stderr == *"m: 3 requests, 0 from the cache; 3 sent"*"21 prompt and 0 completion tokens"* ]]
    /usr/bin/python3 - out.st <<'PY'
import json, struct, sys
import numpy as np
from model_server import embedding
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
a, b = head["text"]["data_offsets"]
x = np.frombuffer(raw[8 + n + a:8 + n + b], "<f4").reshape(head["text"]["shape"])
assert x.shape == (11, 6)
for i in range(10):
    v = np.array(embedding(f"Thing {i + 1}\ncaption\nof {i + 1}".encode(), 6))
    assert np.allclose(x[i], v / np.linalg.norm(v), atol=1e-6), i
assert not x[10].any()
config = json.loads(head["__metadata__"]["config"])
assert config["text"] == "http" and config["model"] == "m" and "url" not in config
PY
}

@test "the same bytes again, from the cache, and for any number of jobs" {
    items 50 >items.jsonl
    serve --delay 0.01
    embed --batch 3 --jobs 16 -o a.st items.jsonl
    embed --batch 3 --jobs 1 --cache none -o b.st items.jsonl
    before=$(wc -l <server.log)
    run --separate-stderr embed --batch 3 -o c.st items.jsonl
    assert_success
    [[ $stderr == *"17 requests, 17 from the cache; 0 sent"* ]]
    assert_equal "$(wc -l <server.log)" "$before"
    cmp a.st b.st
    cmp a.st c.st
    assert_exists home/sidmill/answers.db
}

@test "intents by the same model" {
    echo '{"id":"a","title":"A","intents":[{"text":"to sleep"},{"text":"to dream"}]}' >items.jsonl
    echo '{"id":"b","title":"B"}' >>items.jsonl
    serve
    embed --intent -o out.st items.jsonl
    run "$BIN/tensor" ls out.st
    assert_line --regexp 'intent +F32 +\[?2'
}

@test "faults of every kind, in random order: every item answered, the same bytes as without" {
    items 60 >items.jsonl
    serve
    embed --batch 1 --cache none -o good.st items.jsonl
    serve --faults 0.5 --faults-until 4 --kinds 429,500,503,hang,cut,close,notjson,html,junk,empty,duplicate,nan,shape,content
    run --separate-stderr embed --batch 1 --timeout 0.3 --jobs 30 --max-retries 8 -o out.st items.jsonl
    assert_success
    [[ $stderr == *", 0 requests failed"* ]]
    cmp good.st out.st
}

@test "replies with missing, extra, repeated, uneven, huge, zero or textual vectors are refused" {
    items 3 >items.jsonl
    for kind in missing extra repeated width text huge zero; do
        serve --faults 1 --faults-until 1 --kinds $kind
        run --separate-stderr embed --cache none -o $kind.st items.jsonl
        assert_success
        [[ $stderr == *"1 replies refused"* ]] || fail "$kind: $stderr"
    done
    for kind in extra repeated width text huge zero; do cmp missing.st $kind.st; done
}

@test "an item that the server does not take costs that item; all of them, the run" {
    items 6 >items.jsonl
    serve --faults 0.4 --kinds 400 --seed 3
    run --separate-stderr embed --batch 2 --max-failures 0.9 -o out.st items.jsonl
    assert_success
    [[ $stderr == *"items got no vector, their rows are zero; first item "*"HTTP 400: this one I do not like at all"* ]]
    serve --faults 1 --kinds 400
    run --separate-stderr embed --cache none -q -o none.st items.jsonl
    assert_failure 69
    assert_equal "$stderr" "embed: text: no item got a vector; item 1: HTTP 400: this one I do not like at all"
    assert_not_exists none.st
}

@test "killed and started again, no answered request is sent twice" {
    items 200 >items.jsonl
    serve --stall-after 70
    embed_in_background --batch 1 --jobs 8 -o out.st items.jsonl &
    pid=$!
    for _ in $(seq 200); do
        [ "$(served stall)" -eq 8 ] && break # all answers have come, and nothing more will
        sleep 0.05
    done
    assert_equal "$(served ok) $(served stall)" "70 8"
    kill -9 $pid
    wait $pid || true
    assert_not_exists out.st
    serve
    embed --batch 1 --jobs 8 -o out.st items.jsonl
    assert_equal "$(served ok)" 200
    assert_equal "$(twice)" ""
    embed --batch 1 --cache none -o fresh.st items.jsonl
    cmp out.st fresh.st
}

@test "killed at any moment, only what was in flight is sent again" {
    items 300 >items.jsonl
    serve --delay 0.01
    for pause in 0.15 0.2 0.3; do
        embed_in_background --batch 1 --jobs 8 -o out.st items.jsonl &
        pid=$!
        sleep $pause
        kill -9 $pid 2>/dev/null || true
        wait $pid || true
    done
    embed --batch 1 --jobs 8 -o out.st items.jsonl
    [ "$(served ok)" -ge 300 ]
    [ "$(served ok)" -le 324 ] || fail "$(served ok) requests for 300 items and 3 kills with 8 in flight"
}

@test "two processes share a cache" {
    items 100 >items.jsonl
    serve --delay 0.005
    embed --batch 1 --jobs 4 -o a.st items.jsonl &
    first=$!
    embed --batch 1 --jobs 4 -o b.st items.jsonl
    wait $first
    cmp a.st b.st
    run --separate-stderr embed --batch 1 -o c.st items.jsonl
    [[ $stderr == *"100 from the cache; 0 sent"* ]]
}

@test "a cache that is something else, damaged, or cannot be made" {
    items 2 >items.jsonl
    serve
    yes 'no database' | head -c 8192 >text.db
    run --separate-stderr embed --cache text.db -o out.st items.jsonl
    assert_failure 65
    assert_regex "$stderr" '^embed: text.db: not an answer cache, or damaged .*$'
    /usr/bin/python3 -c 'import sqlite3; sqlite3.connect("other.db").execute("create table t(a)")'
    run --separate-stderr embed --cache other.db -o out.st items.jsonl
    assert_failure 65
    [[ $stderr == *"other.db: a database, but not an answer cache"* ]]
    run --separate-stderr embed --cache no/such/folder.db -o out.st items.jsonl
    assert_failure 73
    [[ $stderr == *"no/such/folder.db"* ]]
    assert_not_exists out.st
    assert_not_exists server.log || assert_equal "$(wc -l <server.log)" 0
}

@test "the API key reaches the server, and nothing else" {
    key=sk-test-4711-0815-geheim
    items 4 >items.jsonl
    export SIDMILL_API_KEY=$key OPENAI_API_KEY=another
    serve --key $key
    embed --batch 1 --log log.jsonl --cache cache.db -o good.st items.jsonl 2>messages
    serve --status 400
    embed --cache cache2.db -o bad.st items.jsonl 2>>messages && fail "expected a failure"
    for code in 401 403 404 500; do
        serve --status $code
        run --separate-stderr embed --max-retries 0 --give-up 1 -o bad.st items.jsonl
        assert_failure
        [[ $stderr == *"HTTP $code: no: Bearer ****"* ]] || fail "$stderr"
        echo "$stderr" >>messages
    done
    serve --faults 1 --kinds echo
    embed --max-retries 0 --cache cache3.db -o bad.st items.jsonl 2>>messages || true
    run grep -rF $key --exclude=server.log .
    assert_failure 1
    unset SIDMILL_API_KEY
    serve --key another
    embed --cache none -o good2.st items.jsonl
    SIDMILL_API_KEY=$'two\nlines' run --separate-stderr embed -o out.st items.jsonl
    assert_failure 64
    assert_equal "$stderr" "embed: \$SIDMILL_API_KEY: holds a blank or a character that is not plain ASCII"
}

@test "servers with which no run can go on" {
    items 3 >items.jsonl
    serve --key wanted
    run --separate-stderr embed -o out.st items.jsonl
    assert_failure 77
    [[ ${stderr_lines[0]} == *"/embeddings: HTTP 401: "*"no API key in \$SIDMILL_API_KEY or \$OPENAI_API_KEY" ]]
    serve --status 302
    run --separate-stderr embed -o out.st items.jsonl
    assert_failure 69
    serve --status 503
    run --separate-stderr embed --batch 1 --max-retries 1 --jobs 1 --give-up 2 -o out.st items.jsonl
    assert_failure 69
    [[ ${stderr_lines[0]} == *"no item got a vector; item 1: HTTP 503: no: (2 tries)" ]] || fail "$stderr"
    assert_equal "$(served 503)" 4
    url=http://127.0.0.1:1/v1
    run --separate-stderr embed --max-retries 2 -o out.st items.jsonl
    assert_failure 69
    [[ $stderr == *"http://127.0.0.1:1/v1/embeddings: Couldn't connect to server"* ]]
    assert_equal "${#stderr_lines[@]}" 1
    assert_not_exists out.st
}

@test "certificates are verified" {
    command -v openssl >/dev/null || skip "no openssl command"
    items 2 >items.jsonl
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
        -keyout key.pem -out cert.pem 2>/dev/null
    cat key.pem cert.pem >both.pem
    serve --certificate both.pem
    url=https${url#http}
    run --separate-stderr embed -o out.st items.jsonl
    assert_failure 69
    assert_equal "$stderr" "embed: $url/embeddings: SSL peer certificate or SSH remote key was not OK"
    SSL_CERT_FILE=cert.pem embed -o out.st items.jsonl
    url=${url/127.0.0.1/localhost} # not in the certificate
    SSL_CERT_FILE=cert.pem run --separate-stderr embed --cache none -o out2.st items.jsonl
    assert_failure 69
}

@test "wrong addresses and missing options" {
    items 1 >items.jsonl
    for url in '' ftp://x/v1 'http://user:secret@127.0.0.1/v1' 'http://127.0.0.1/v1#secret' 'not an address'; do
        run --separate-stderr embed -o out.st items.jsonl
        assert_failure 64
        [[ $stderr == "embed: --url: "* && $stderr != *secret* ]] || fail "$stderr"
    done
    run --separate-stderr "$BIN/embed" --text http --url http://127.0.0.1/v1 -o out.st items.jsonl
    assert_failure 64
    assert_equal "$stderr" "embed: --model: expected the model's name on the server"
}

@test "a fit of what is not text needs no server" {
    items 1 >items.jsonl
    run --separate-stderr "$BIN/embed" --text http --fit-only -o fit.st items.jsonl
    assert_failure 64
    assert_equal "$stderr" "embed: --fit-only: of --text http and --image none nothing is fitted"
}

# Items with pictures of the kinds that are sent as they are, encoded anew, or not at all.
pictures() {
    python_with pictures <<'PY'
def bmp(w, h):
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + 4 * w * h, 0, 0, 54, 40, w, h, 1, 32, 0, 4 * w * h, 0, 0, 0, 0) + bytes(range(200)) * (4 * w * h // 200)
png("small.png", flat((200, 30, 30), 8, 8))
png("wide.png", flat((30, 30, 200), 20, 300))
open("x.bmp", "wb").write(bmp(10, 10))
open("secret.txt", "w").write("root:x:0:0")
items = [{"id": "a", "title": "A", "image": "small.png"}, {"id": "b", "title": "B", "image": "wide.png"}, {"id": "c", "title": "C", "image": "x.bmp"},
         {"id": "d", "title": "D", "image": "secret.txt"}, {"id": "e", "image": "missing.png"}, {"id": "f", "title": "F"},
         {"id": "g", "image": "small.png"}, {"id": "h"}]
open("items.jsonl", "w").writelines(json.dumps(i) + "\n" for i in items)
PY
}

@test "image and text as one: pictures that are pictures, text where there is none" {
    pictures
    serve --dims 5 --bodies bodies
    run --separate-stderr "$BIN/embed" --text none --joint http --max-side 64 --url "$url" --model m -o out.st items.jsonl
    assert_success
    [[ $stderr == *"joint: 2 of 6 images could not be used; the first, item 4's: "* ]] || fail "$stderr"
    [[ $stderr == *"joint: 1 of 8 items got no vector, their rows are zero; first item 5: "* ]] || fail "$stderr"
    [[ $stderr == *"joint: 1 of 8 items have nothing to embed"* ]] || fail "$stderr"
    /usr/bin/python3 - out.st <<'PY'
import base64, json, struct, sys
import numpy as np
from model_server import embedding
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
a, b = head["joint"]["data_offsets"]
x = np.frombuffer(raw[8 + n + a:8 + n + b], "<f4").reshape(head["joint"]["shape"])
assert x.shape == (8, 5) and "text" not in head
bodies = [json.loads(line) for line in open("bodies")]
assert len(bodies) == 6
by_text = {}
for body in bodies:
    assert set(body) == {"model", "messages", "encoding_format"} and len(body["messages"]) == 1
    parts = body["messages"][0]["content"]
    text = "".join(p["text"] for p in parts if p["type"] == "text")
    url = "".join(p["image_url"]["url"] for p in parts if p["type"] == "image_url")
    by_text[text] = (url, embedding(json.dumps(body["messages"]).encode(), 5))
small = "data:image/png;base64," + base64.b64encode(open("small.png", "rb").read()).decode()
assert by_text["A"][0] == small and by_text[""][0] == small and by_text["F"][0] == "" and by_text["D"][0] == ""
for text in "BC":
    assert by_text[text][0].startswith("data:image/jpeg;base64,/9j/")
jpeg = base64.b64decode(by_text["B"][0].split(",")[1])
assert b"\x00\x04\x00\x40\x03" in jpeg  # 4 x 64 pixels of 3 components
for row, text in ((0, "A"), (1, "B"), (2, "C"), (3, "D"), (5, "F"), (6, "")):
    v = np.array(by_text[text][1])
    assert np.allclose(x[row], v / np.linalg.norm(v), atol=1e-6), text
assert not x[[4, 7]].any()
PY
    "$BIN/embed" --text none --joint http --max-side 64 --url http://127.0.0.1:1 --model m -q -o again.st items.jsonl
    cmp out.st again.st
}
