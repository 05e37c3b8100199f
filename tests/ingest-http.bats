#!/usr/bin/env bats
# ingest over the network: downloads that are cut, killed, wrong and shared; pictures. The server is tests/helpers/file_server.py.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    bats_load_library bats-file
    BIN=$(cd "${SIDMILL_BIN:-$BATS_TEST_DIRNAME/../build/bin}" && pwd)
    HELPERS=$BATS_TEST_DIRNAME/helpers
    servers=()
    cd "$BATS_TEST_TMPDIR" || return
    unset XDG_CACHE_HOME https_proxy http_proxy all_proxy
    export HOME=$PWD/home NO_PROXY='*'
    mkdir home www
}

teardown() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
}

serve() { # serve [flags]: a server over www; its address in $url, its log in server.log
    rm -f port
    "$HELPERS/file_server.py" --idle 20 --log server.log "$@" www >port 2>server.err 3>&- &
    servers+=($!)
    for _ in $(seq 200); do
        [ -s port ] && break
        sleep 0.05
    done
    [ -s port ] || fail "no server: $(cat server.err)"
    port=$(cat port)
    url=http://127.0.0.1:$port
}

# What the server's log says, by a Python expression over the list `log` of requests in the order of their coming.
log() {
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
log = sorted(map(json.loads, open("server.log")), key=lambda request: request["number"])
print(eval(sys.argv[1]))
PY
}

# A catalogue of five items and two users; with a number, each record that many bytes longer.
catalogue() {
    local i filler
    filler=$(printf "%${1:-0}s" | tr ' ' x)
    for i in a b c d e; do printf '{"id":"%s","title":"thing %s","filler":"%s"}\n' $i $i "$filler"; done >www/items.jsonl
    printf 'user\titem\ttimestamp\n' >www/events.tsv
    for u in u1 u2; do for i in a b c d e; do printf '%s\t%s\t1\n' $u $i; done; done >>www/events.tsv
}

ingest() { "$BIN/ingest" --kcore 2 --items-out kept.jsonl -o out.st --cache cache --retry-wait 0.001 "$@"; }
fetch() { ingest --items "$url/items.jsonl" --interactions www/events.tsv "$@"; }
# In the background, so that $! is the tool itself.
fetch_in_background() {
    exec "$BIN/ingest" --kcore 2 --items-out kept.jsonl -o out.st --cache cache --retry-wait 0.001 \
        --items "$url/items.jsonl" --interactions www/events.tsv "$@" 2>stderr 3>&-
}
sum() { sha256sum "$1" | cut -c 1-64; }
part_size() { cat cache/downloads/*/part 2>/dev/null | wc -c; }

wait_for_part() { # wait_for_part BYTES: until so much has come
    for _ in $(seq 400); do
        [ "$(part_size)" -ge "$1" ] && return
        sleep 0.02
    done
    fail "no $1 bytes came"
}

assert_fetched() {
    run diff www/items.jsonl kept.jsonl
    assert_success
    assert_file_exists out.st
    run find cache -name part
    assert_output ''
}

refused() { # refused CODE MESSAGE [options]
    local code=$1 message=$2
    shift 2
    run --separate-stderr fetch "$@"
    [ "$status" -eq "$code" ] || fail "exit status $status, expected $code: $stderr"
    [[ $stderr == *"$message"* ]] || fail "message: $stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] || fail "more than a line: $stderr"
    assert_file_not_exists kept.jsonl
    assert_file_not_exists out.st
}

# --- Downloads -----------------------------------------------------------------------------------------------------------

@test "both inputs from URLs, asked for once" {
    catalogue 10000
    serve
    for _ in 1 2; do
        run --separate-stderr ingest --items "$url/items.jsonl" --interactions "$url/events.tsv"
        assert_success
        assert_fetched
    done
    run log '[(r["path"], r["status"], r["range"]) for r in log]'
    assert_output "[('/items.jsonl', 200, None), ('/events.tsv', 200, None)]"
    run log '[r["headers"] for r in log][0]'
    assert_output "['accept', 'accept-encoding', 'host', 'user-agent']"
}

@test "the same bytes as from files" {
    catalogue
    serve
    fetch -q
    mv out.st from-url.st
    ingest -q --items www/items.jsonl --interactions www/events.tsv
    run cmp out.st from-url.st
    assert_success
}

@test "the cache is under XDG_CACHE_HOME or the home, and deleting it is enough" {
    catalogue
    serve
    for _ in 1 2; do
        run --separate-stderr "$BIN/ingest" -q --kcore 2 --items "$url/items.jsonl" --interactions www/events.tsv --items-out kept.jsonl -o out.st
        assert_success
        assert_file_exists home/.cache/sidmill/downloads/*/items.jsonl
        rm -r home/.cache/sidmill/downloads/*/
    done
    run log 'len(log)'
    assert_output 2
    XDG_CACHE_HOME=$PWD/xdg "$BIN/ingest" -q --kcore 2 --items "$url/items.jsonl" --interactions www/events.tsv --items-out kept.jsonl -o out.st
    assert_file_exists xdg/sidmill/downloads/*/items.jsonl
    run env -u HOME "$BIN/ingest" -q --kcore 2 --items "$url/items.jsonl" --interactions www/events.tsv --items-out kept.jsonl -o out.st
    assert_failure 64
}

@test "a cut connection costs no byte twice" {
    catalogue 100000
    serve --fault '/items.jsonl=cut:200000*3'
    run --separate-stderr fetch
    assert_success
    assert_fetched
    run log '[(r["status"], r["range"], r["sent"]) for r in log]'
    size=$(stat -c %s www/items.jsonl)
    assert_output "[(200, None, 200000), (206, 'bytes=200000-', 200000), (206, 'bytes=400000-', $((size - 400000)))]"
    run log 'len({r["if_range"] for r in log[1:]})'
    assert_output 1
}

@test "cut more often than --max-retries, as long as something new comes" {
    catalogue 20000
    serve --fault '/items.jsonl=cut:10000'
    run --separate-stderr fetch --max-retries 1
    assert_success
    assert_fetched
    run log 'sum(r["sent"] for r in log)'
    assert_output "$(stat -c %s www/items.jsonl)"
}

@test "kill -9 in the middle: the next run goes on" {
    catalogue 100000
    serve --fault '/items.jsonl=slow:400000*1'
    fetch_in_background &
    pid=$!
    wait_for_part 100000
    kill -9 $pid
    wait $pid || true
    kept=$(part_size)
    [ "$kept" -lt "$(stat -c %s www/items.jsonl)" ]
    run --separate-stderr fetch --items-sha256 "$(sum www/items.jsonl)"
    assert_success
    assert_fetched
    run log '[(r["status"], r["range"], r["sent"]) for r in log if r["status"] == 206]'
    assert_output "[(206, 'bytes=$kept-', $(($(stat -c %s www/items.jsonl) - kept)))]"
}

@test "killed between the last byte and the name: nothing is asked again" {
    catalogue 1000
    serve
    fetch -q
    mv cache/downloads/*/items.jsonl "$(echo cache/downloads/*)/part"
    run --separate-stderr fetch
    assert_success
    assert_fetched
    run log 'len(log)'
    assert_output 1
}

@test "a file that has changed on the server since the cut is fetched from its start" {
    catalogue 10000
    for how in cut:20000*1 noifrange,weaketag noifrange,noetag; do
        rm -rf cache server.log
        case $how in
            cut*) serve --fault "/items.jsonl=$how" --fault '/items.jsonl=changed:{"id":"a"}@2' ;;
            *weak*) serve --fault '/items.jsonl=cut:20000*1' --fault '/items.jsonl=changed@2' --fault '/items.jsonl=noifrange' --fault '/items.jsonl=weaketag' ;;
            *) serve --fault '/items.jsonl=cut:20000*1' --fault '/items.jsonl=changed@2' --fault '/items.jsonl=noifrange' --fault '/items.jsonl=noetag' ;;
        esac
        run --separate-stderr fetch
        # What comes then is another catalogue, or none at all; never a mixture.
        run log '[r["range"] for r in log if r["status"] == 200 and not "cut" in r["faults"]][-1:]'
        [[ $how == cut* ]] && assert_output "['bytes=20000-']" || assert_output '[None]'
        run sum cache/downloads/*/items.jsonl
        assert_output "$(/usr/bin/python3 -c 'import hashlib, sys; b = open("www/items.jsonl", "rb").read()
print(hashlib.sha256(b"{\"id\":\"a\"}" if sys.argv[1].startswith("cut") else bytes((c + 1) % 256 for c in b)).hexdigest())' "$how")"
    done
}

@test "no validator: from the start, and the whole counts" {
    catalogue 10000
    serve --fault '/items.jsonl=cut:20000*2' --fault '/items.jsonl=noetag' --fault '/items.jsonl=nodate'
    run --separate-stderr fetch
    assert_success
    assert_fetched
    run log '[(r["status"], r["range"]) for r in log]'
    assert_output "[(200, None), (200, None), (200, None)]"
}

@test "servers that ignore Range, send another range, or none" {
    catalogue 10000
    for fault in norange wrongrange*1 unsatisfiable; do
        rm -rf cache kept.jsonl
        serve --fault '/items.jsonl=cut:20000*1' --fault "/items.jsonl=$fault"
        run --separate-stderr fetch
        assert_success
        assert_fetched
    done
    rm -rf cache kept.jsonl out.st server.log
    serve --fault '/items.jsonl=cut:20000' --fault '/items.jsonl=norange'
    refused 69 'the first 20000 bytes are kept' --max-retries 2
    run log 'len(log)'
    assert_output 6
}

@test "lengths: wrong, unknown, none" {
    catalogue 1000
    serve --fault '/items.jsonl=length:10'
    refused 69 'the next run goes on from there' --max-retries 1
    rm -rf cache
    serve --fault '/items.jsonl=length:10*1'
    run --separate-stderr fetch
    assert_success
    assert_fetched
    rm -rf cache kept.jsonl
    serve --fault '/items.jsonl=chunked'
    fetch -q
    assert_fetched
    rm -rf cache kept.jsonl
    serve --fault '/items.jsonl=chunked' --fault '/items.jsonl=cut:2000*2'
    fetch -q
    assert_fetched
    : >www/items.jsonl
    rm -rf cache kept.jsonl out.st
    refused 65 'holds no item'
}

@test "checksums: right, wrong, of an older download" {
    catalogue 1000
    serve
    fetch -q --items-sha256 "$(sum www/items.jsonl | tr a-f A-F)"
    assert_fetched
    rm -rf cache kept.jsonl out.st
    refused 65 "has the SHA-256 $(sum www/items.jsonl), expected 0000" --items-sha256 "$(printf '%064d' 0)"
    run part_size
    assert_output 0
    fetch -q
    sed -i 's/thing/other/' www/items.jsonl
    run --separate-stderr fetch --items-sha256 "$(sum www/items.jsonl)"
    assert_success
    [[ $stderr == *'is not the file with that checksum; downloaded again'* ]]
    assert_fetched
    rm -f kept.jsonl out.st
    refused 64 'is no SHA-256' --items-sha256 abc
    run --separate-stderr ingest --items www/items.jsonl --interactions www/events.tsv --items-sha256 "$(sum www/items.jsonl)"
    assert_failure 64
}

@test "pieces that do not fit are noticed by the checksum and fetched again whole" {
    catalogue 10000
    serve --fault '/items.jsonl=cut:20000*1' --fault '/items.jsonl=status:500@2*1'
    refused 69 'HTTP 500; the first 20000 bytes are kept' --max-retries 0
    part=$(echo cache/downloads/*/part)
    printf y | dd of="$part" bs=1 seek=10000 conv=notrunc status=none
    run --separate-stderr fetch --items-sha256 "$(sum www/items.jsonl)"
    assert_success
    [[ $stderr == *'the pieces do not fit'* ]]
    assert_fetched
}

@test "--refresh asks again" {
    catalogue
    serve
    fetch -q
    sed -i 's/thing/other/' www/items.jsonl
    fetch -q
    run diff -q www/items.jsonl kept.jsonl
    assert_failure
    fetch -q --refresh
    assert_fetched
    run log 'len(log)'
    assert_output 2
}

@test "two at once: one downloads, both have it" {
    catalogue 100000
    serve --fault '/items.jsonl=slow:600000'
    fetch_in_background &
    pid=$!
    wait_for_part 1
    run --separate-stderr ingest --items "$url/items.jsonl" --interactions www/events.tsv --items-out kept2.jsonl -o out2.st
    assert_success
    [[ $stderr == *'waiting for another process that downloads'* ]]
    wait $pid
    assert_fetched
    run cmp out.st out2.st
    assert_success
    run log 'len(log)'
    assert_output 1
}

@test "what a server refuses, and what may get better" {
    catalogue
    serve --fault '/forbidden=status:403' --fault '/broken=status:500' --fault '/items.jsonl=status:429,1*1' --fault '/items.jsonl=status:503@2*1'
    good=$url
    url=$good/forbidden refused 66 '/forbidden/items.jsonl: HTTP 404'
    run --separate-stderr ingest --items "$url/forbidden" --interactions www/events.tsv
    assert_failure 66
    [[ $stderr == *'/forbidden: HTTP 403' ]]
    run --separate-stderr ingest --items "$url/broken" --interactions www/events.tsv --max-retries 2
    assert_failure 69
    [[ $stderr == *'/broken: HTTP 500' ]]
    run log 'sum(r["path"] == "/broken" for r in log)'
    assert_output 3
    url=http://127.0.0.1:1 refused 69 "Couldn't connect to server" --max-retries 1
    url=http://nowhere.invalid refused 69 "Couldn't resolve host name" --max-retries 0
    fetch -q
    assert_fetched
    run log '[r["status"] for r in log][-3:]'
    assert_output '[429, 503, 200]'
    run log 'log[-2]["at"] - log[-3]["at"] >= 1'
    assert_output True
}

@test "redirects are followed, five of them, never from https to http" {
    catalogue
    serve --fault '/1=redirect:/2' --fault '/2=redirect:http://localhost:{port}/3,301' --fault '/3=redirect:4,307' --fault '/4=redirect:/5,308' \
        --fault '/5=redirect:/items.jsonl,303' --fault '/0=redirect:/1' --fault '/loop=redirect:/loop' --fault '/file=redirect:file:///etc/passwd'
    run --separate-stderr ingest --items "$url/1" --interactions www/events.tsv
    assert_success
    assert_fetched
    rm kept.jsonl out.st
    for path in 0 loop; do
        run --separate-stderr ingest --items "$url/$path" --interactions www/events.tsv
        assert_failure 66
        [[ $stderr == *'more than 5 redirects' ]]
    done
    run --separate-stderr ingest --items "$url/file" --interactions www/events.tsv
    assert_failure 66
    [[ $stderr == *'redirected from http to file' ]]

    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out crt.pem -days 2 -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
    cat key.pem crt.pem >both.pem
    plain=$port
    serve --certificate both.pem --fault "/down=redirect:http://127.0.0.1:$plain/items.jsonl" --fault '/same=redirect:/items.jsonl'
    run --separate-stderr ingest --items "https://127.0.0.1:$port/same" --interactions www/events.tsv
    assert_failure 69
    export SSL_CERT_FILE=$PWD/crt.pem
    run --separate-stderr ingest --items "https://127.0.0.1:$port/down" --interactions www/events.tsv
    assert_failure 66
    [[ $stderr == *'redirected from https to http' ]]
    run --separate-stderr ingest --items "https://127.0.0.1:$port/same" --interactions www/events.tsv
    assert_success
    assert_fetched
}

@test "a download that stands still is cut and goes on" {
    catalogue 20000
    serve --fault '/items.jsonl=hang:30000*1'
    run --separate-stderr fetch --timeout 1
    assert_success
    assert_fetched
    run log '[r["range"] for r in log if r["status"] == 206]'
    assert_output "['bytes=30000-']"
}

@test "names from URLs do no harm" {
    catalogue
    serve --fault '/..%2fx=redirect:/items.jsonl' --fault '/=redirect:/items.jsonl' --fault '/part=redirect:/items.jsonl'
    for path in '/..%2fx' '/' '/part' '/items.jsonl?a=b/../../c' '/items.jsonl#x/y'; do
        run --separate-stderr ingest --items "$url$path" --interactions www/events.tsv
        assert_success
    done
    run bash -c 'ls cache/downloads/*/ | grep -v -e ^cache -e "^$" | sort -u'
    assert_output $'_.._2fx\n_part\nabout.json\nfile\nitems.jsonl\nlock'
}

@test "a cache that cannot be" {
    catalogue
    serve
    : >file
    refused 73 'file/downloads' --cache file
}

@test "unknown inputs in the wrong roles" {
    catalogue
    serve
    run --separate-stderr ingest --items "$url/items.jsonl" --interactions "$url/items.jsonl"
    assert_failure 64
    [[ $stderr == *'are the same file' ]]
}

# --- Pictures ------------------------------------------------------------------------------------------------------------

# Pictures of five kinds and things that are none, by name; numbered JPEGs where a number is given.
pictures() {
    /usr/bin/python3 - "${1:-0}" <<'PY'
import random, sys
tail = random.Random(1).randbytes(200)
heads = {"p.jpg": b"\xff\xd8\xff\xe0", "p.png": b"\x89PNG\r\n\x1a\n", "p.gif": b"GIF89a", "p.webp": b"RIFF\xd4\0\0\0WEBPVP8 ",
         "p.bmp": b"BM\xda\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "page.jpg": b"<!DOCTYPE html><html>", "bm.bmp": b"BM is how this text begins, ",
         "small.gif": None, "empty.jpg": b"", "p.pdf": b"%PDF-1.4"}
for name, head in heads.items():
    with open("www/" + name, "wb") as f:
        f.write(b"GIF89a" + b"\0" * 30 if head is None else head and head + tail)
for i in range(int(sys.argv[1])):
    with open(f"www/n{i}.jpg", "wb") as f:
        f.write(b"\xff\xd8\xff\xe0" + b"%08d" % i + tail)
PY
}

# Records with the image_urls given, and two users who met them all: items.jsonl, events.tsv.
records() {
    local i=0
    : >items.jsonl
    printf 'user\titem\ttimestamp\n' >events.tsv
    for u; do
        printf '{"id":"i%s","n":1.10%s}\n' $i "${u:+,\"image_url\":\"$u\"}" >>items.jsonl
        printf 'u1\ti%s\t1\nu2\ti%s\t1\nu1\ti%s\t2\n' $i $i $i >>events.tsv
        i=$((i + 1))
    done
}

numbered() { # numbered N: so many different pictures
    local i urls=()
    pictures "$1"
    for ((i = 0; i < $1; i++)); do urls+=("$url/n$i.jpg"); done
    records "${urls[@]}"
}

illustrate() {
    "$BIN/ingest" --kcore 2 --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st --images images \
        --retry-wait 0.001 --report report.json "$@"
}
# In the background, so that $! is the tool itself.
illustrate_in_background() {
    exec "$BIN/ingest" --kcore 2 --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st --images images \
        --retry-wait 0.001 "$@" 2>stderr 3>&-
}

# What the records say, by a Python expression over `items`, `report`, and `bytes_of` a record's picture.
kept() {
    /usr/bin/python3 - "$1" <<'PY'
import json, os, sys
items = [json.loads(line) for line in open("kept.jsonl")]
report = json.load(open("report.json"))
bytes_of = lambda item: open(item["image"], "rb").read()
why = lambda item: [e["message"] for e in item.get("errors", []) if e["tool"] == "ingest"]
print(eval(sys.argv[1], globals()))
PY
}

@test "pictures of five kinds, by content" {
    pictures
    serve
    records "$url/p.jpg" "$url/p.png" "$url/p.gif" "$url/p.webp" "$url/p.bmp" "" "$url/p.jpg" "$url/p.jpg?again" " $url/p.jp%67 "
    run --separate-stderr illustrate
    assert_success
    run kept 'all(bytes_of(items[i]) == open("www/p." + kind, "rb").read() and items[i]["image"].endswith("." + kind)
        for i, kind in enumerate(["jpg", "png", "gif", "webp", "bmp"]))'
    assert_output True
    run kept 'items[5], len({items[i]["image"] for i in (0, 6, 7, 8)}), any("errors" in i for i in items), report["pictures"]'
    assert_output "({'id': 'i5', 'n': 1.1}, 1, False, {'fetched': 5, 'shared': 3, 'no_image_url': 1})"
    run kept '__import__("hashlib").sha256(bytes_of(items[0])).hexdigest()[:32] in items[0]["image"]'
    assert_output True
    run head -n 1 kept.jsonl
    assert_output "{\"id\":\"i0\",\"n\":1.10,\"image_url\":\"$url/p.jpg\",\"image\":\"$(kept 'items[0]["image"]')\"}"
    run log 'len(log), len({r["path"] + r["host"] for r in log})'
    assert_output '(7, 6)'
    run find images -name '*.part'
    assert_output ''
}

@test "what is there is not asked for again, and the bytes are the same" {
    pictures
    serve --fault '/gone.jpg=status:410' --fault '/broken.jpg=status:500'
    records "$url/p.jpg" "$url/p.png" "$url/none.jpg" "$url/gone.jpg" "$url/broken.jpg"
    illustrate -q --max-retries 0
    cp kept.jsonl first.jsonl
    run --separate-stderr illustrate --max-retries 0
    assert_success
    [[ $stderr == *'2 pictures could not be had in an earlier run and were not asked for again; --retry-failed does that'* ]]
    run cmp kept.jsonl first.jsonl
    assert_success
    run log '[r["path"] for r in log][5:]'
    assert_output "['/broken.jpg']"
    run kept 'report["pictures"]'
    assert_output "{'already_there': 2, 'failed_not_found': 2, 'failed_gave_up': 1}"
    cp www/p.gif www/none.jpg
    illustrate -q --max-retries 0 --retry-failed
    run log 'sorted(r["path"] for r in log[6:])'
    assert_output "['/broken.jpg', '/gone.jpg', '/none.jpg']"
    run kept 'report["pictures"], items[2]["image"][-4:]'
    assert_output "({'already_there': 2, 'fetched': 1, 'failed_not_found': 1, 'failed_gave_up': 1}, '.gif')"
    # A picture that was lost or damaged is fetched again.
    rm images/*/*.jpg
    printf x >>"$(ls images/*/*.png)"
    illustrate -q --max-retries 0
    run kept 'report["pictures"]["fetched"], bytes_of(items[0]) == open("www/p.jpg", "rb").read(), bytes_of(items[1]) == open("www/p.png", "rb").read()'
    assert_output '(2, True, True)'
}

@test "failures are records, not stops" {
    pictures
    serve --fault '/forbidden.jpg=status:403' --fault '/broken.jpg=status:500' --fault '/p.png=type:text/html; charset=x' \
        --fault '/p.gif=cut:50' --fault '/p.webp=gzip' --fault '/loop.jpg=redirect:{path}' --fault '/p.bmp=close'
    records "$url/none.jpg" "$url/forbidden.jpg" "$url/broken.jpg" "$url/page.jpg" "$url/p.png" "$url/small.gif" "$url/empty.jpg" "$url/p.gif" \
        "$url/p.webp" "$url/loop.jpg" "ftp://127.0.0.1/p.jpg" "http://127.0.0.1:1/p.jpg" "http://nowhere.invalid/p.jpg" "p.jpg" "$url/p.bmp" \
        "http://" "$url/p.pdf" "$url/bm.bmp" "http://a b/p.jpg"
    run --separate-stderr illustrate --max-retries 1
    assert_success
    run kept '"\n".join(why(i)[0] for i in items)'
    assert_output "image_url: HTTP 404
image_url: HTTP 403
image_url: HTTP 500
image_url: neither JPEG, PNG, GIF, WebP nor BMP
image_url: text/html, expected a picture
image_url: smaller than 100 bytes
image_url: smaller than 100 bytes
image_url: Transferred a partial file
image_url: neither JPEG, PNG, GIF, WebP nor BMP
image_url: more than 5 redirects
image_url: not an http or https URL
image_url: Couldn't connect to server
image_url: Couldn't resolve host name
image_url: not an http or https URL
image_url: Server returned nothing (no headers, no data)
image_url: URL using bad/illegal format or missing URL
image_url: application/pdf, expected a picture
image_url: neither JPEG, PNG, GIF, WebP nor BMP
image_url: URL using bad/illegal format or missing URL"
    run kept 'any("image" in i for i in items), sum(report["pictures"].values())'
    assert_output '(False, 19)'
    run log 'sum(r["path"] == "/broken.jpg" for r in log)'
    assert_output 2
    run find images -name '*.part' -o -name '*.jpg'
    assert_output ''
}

@test "an earlier error of ingest goes, others' stay, and an image that is there is not touched" {
    pictures
    serve
    records "$url/p.jpg" "$url/none.jpg" "$url/p.jpg" "$url/p.png" ""
    cp www/p.gif own.gif
    sed -i -e '1s/}$/,"errors":[{"tool":"ingest","message":"old"}]}/' -e '2s/}$/,"errors":[{"tool":"x","n":1.10},{"tool":"ingest"}]}/' \
        -e '3s/}$/,"image":"own.gif","errors":[{"tool":"ingest"}]}/' -e '4s/}$/,"image":"lost.gif"}/' -e '5s/}$/,"image":"lost.gif"}/' items.jsonl
    illustrate -q
    run kept '[i.get("errors") for i in items]'
    assert_output "[None, [{'tool': 'x', 'n': 1.1}, {'tool': 'ingest', 'message': 'image_url: HTTP 404'}], None, None, None]"
    run kept '[i.get("image", "none")[-4:] for i in items], items[2]["image"], items[4]["image"]'
    assert_output "(['.jpg', 'none', '.gif', '.png', '.gif'], 'own.gif', 'lost.gif')"
    run grep -c '"n":1.10' kept.jsonl
    assert_output 5
}

@test "limits of size, and they may change between runs" {
    pictures 1
    head -c 5000 /dev/zero >>www/n0.jpg
    serve --fault '/n0.jpg=chunked@2'
    records "$url/n0.jpg" "$url/p.gif"
    illustrate -q --max-bytes 1000
    run kept '[why(i) for i in items]'
    assert_output "[['image_url: larger than 1000 bytes'], []]"
    illustrate -q --max-bytes 2000
    run kept '[why(i) for i in items]'
    assert_output "[['image_url: larger than 2000 bytes'], []]"
    run log 'len(log)'
    assert_output 2
    illustrate -q --max-bytes 2000 --retry-failed
    run kept '[why(i) for i in items]'
    assert_output "[['image_url: larger than 2000 bytes'], []]"
    illustrate -q
    run kept 'len(bytes_of(items[0]))'
    assert_output 5212
    illustrate -q --min-bytes 1000
    run kept '["image" in i for i in items], why(items[1])'
    assert_output "([True, False], ['image_url: smaller than 1000 bytes'])"
    run log 'len(log)'
    assert_output 4
    run --separate-stderr illustrate --min-bytes 10 --max-bytes 9
    assert_failure 64
}

@test "servers that are busy, redirect, or stand still" {
    pictures
    serve --fault '/p.jpg=status:429,1*1' --fault '/p.png=status:500*2' --fault '/moved.gif=redirect:http://localhost:{port}/p.gif' \
        --fault '/p.webp=hang:40*1' --fault '/p.bmp=cut:40*1' --hang 3
    records "$url/p.jpg" "$url/p.png" "$url/moved.gif" "$url/p.webp" "$url/p.bmp"
    run --separate-stderr illustrate --timeout 1
    assert_success
    run kept 'report["pictures"]'
    assert_output "{'fetched': 5}"
}

@test "kill -9 in the middle: what has arrived is not asked for again" {
    serve --fault '/*=delay:0.02'
    numbered 300
    illustrate_in_background --jobs 4 --per-host 4 &
    pid=$!
    for _ in $(seq 400); do
        [ "$(grep -c . images/index.tsv 2>/dev/null)" -ge 60 ] && break
        sleep 0.02
    done
    kill -9 $pid
    wait $pid || true
    assert_file_not_exists kept.jsonl
    arrived=$(grep -c ^file images/index.tsv)
    [ "$arrived" -ge 60 ] && [ "$arrived" -lt 300 ] || fail "$arrived arrived"
    sleep 0.2
    asked=$(log 'len(log)')
    [ "$asked" -le $((arrived + 4)) ] || fail "$asked asked, $arrived arrived"
    printf 'file\t00/0' >>images/index.tsv # a line that was cut
    run --separate-stderr illustrate
    assert_success
    run log 'len(log)'
    assert_output $((asked + 300 - arrived))
    run kept 'all(bytes_of(item) == open(f"www/n{i}.jpg", "rb").read() for i, item in enumerate(items)), report["pictures"]'
    assert_output "(True, {'already_there': $arrived, 'fetched': $((300 - arrived))})"
}

@test "no host gets more at once, or sooner, than it should; one that is slow holds up no other" {
    serve --fault '/*=delay:0.03'
    numbered 60
    illustrate -q --jobs 64 --per-host 3
    run log 'max(r["under_way"] for r in log), len(log)'
    assert_output '(3, 60)'
    sed -i '1~2s/127.0.0.1/localhost/' items.jsonl
    rm -r images server.log
    serve --fault '/*=delay:0.03'
    sed -i "s/:[0-9]*\/n/:$port\/n/" items.jsonl
    illustrate -q --jobs 8 --per-host 2
    run log '{h.split(":")[0]: max(r["under_way"] for r in log if r["host"] == h) for h in sorted({r["host"] for r in log})}'
    assert_output "{'127.0.0.1': 2, 'localhost': 2}"
    rm -r images server.log
    serve
    sed -i "s/:[0-9]*\/n/:$port\/n/; 21,\$d" items.jsonl
    illustrate -q --host-interval 0.05
    run log '[max(at) - min(at) > 0.4 for h in sorted({r["host"] for r in log}) for at in [[r["at"] for r in log if r["host"] == h]]]'
    assert_output '[True, True]'
}

@test "--require-image: items whose picture did not arrive go, and the k-core is done again" {
    pictures
    serve
    records "$url/p.jpg" "$url/p.png" "$url/p.gif" "$url/none.jpg" "" "$url/p.webp"
    printf 'u3\ti3\t1\nu3\ti0\t1\n' >>events.tsv
    illustrate -q --require-image
    run kept '[i["id"] for i in items], all("image" in i for i in items)'
    assert_output "(['i0', 'i1', 'i2', 'i5'], True)"
    run "$BIN/tensor" get --text out.st user_ids
    refute_output --partial u3
}

@test "paths of pictures lead from the records' folder" {
    pictures
    serve
    records "$url/p.jpg"
    printf 'u1\ti0\t3\n' >>events.tsv
    mkdir -p a/b 'pic tures"'
    illustrate -q --items-out a/b/kept.jsonl --images 'pic tures"/x'
    assert_file_exists "a/b/$(/usr/bin/python3 -c 'import json; print(json.load(open("a/b/kept.jsonl"))["image"])')"
    : >file
    run --separate-stderr illustrate --images file
    assert_failure 73
    run --separate-stderr illustrate --images file/x
    assert_failure 73
}

@test "two at once fill one folder in turn" {
    serve --fault '/*=delay:0.02'
    numbered 40
    illustrate_in_background --jobs 2 &
    pid=$!
    for _ in $(seq 200); do
        [ -s images/index.tsv ] && break
        sleep 0.02
    done
    run --separate-stderr illustrate --items-out kept2.jsonl -o out2.st
    assert_success
    [[ $stderr == *'waiting for another process that fetches pictures'* ]]
    wait $pid
    run cmp kept.jsonl kept2.jsonl
    assert_success
    run log 'len(log)'
    assert_output 40
}

@test "an index that somebody has spoilt" {
    pictures
    serve
    records "$url/p.jpg" "$url/p.png"
    illustrate -q
    printf 'file\t../../etc/passwd\t3\t%s\nfile\t\t\t\n\0\n\xff\xfe\tx\nfailed\tno_such_reason\t0\t%s\twhy\nfile\tzz/zz.jpg\t-1\t%s\n' \
        "$url/p.jpg" "$url/p.png" "$url/p.jpg" >>images/index.tsv
    run --separate-stderr illustrate
    assert_success
    run kept '[bytes_of(i)[:4] for i in items]'
    assert_output "[b'\xff\xd8\xff\xe0', b'\x89PNG']"
    rm images/index.tsv
    mkdir images/index.tsv
    run --separate-stderr illustrate
    assert_failure 73
}
