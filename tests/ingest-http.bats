#!/usr/bin/env bats
# ingest from URLs: downloads that are cut, killed, wrong and shared. The server is tests/helpers/file_server.py.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines, http_server.bash BIN, port and url

bats_require_minimum_version 1.5.0

load http_server.bash
setup() { http_setup; }
teardown() { end_servers; }

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
        --items "$url/items.jsonl" --interactions www/events.tsv 2>stderr 3>&-
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
    fails_with "$1" "$2" fetch "${@:3}"
    assert_one_line
    assert_file_not_exists kept.jsonl
    assert_file_not_exists out.st
}

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
    rm -r cache kept.jsonl out.st
    serve --fault '/items.jsonl=cut:20000*2' --fault '/items.jsonl=noetag' --fault '/items.jsonl=nodate'
    refused 69 'neither a strong ETag nor a Last-Modified, so that the next run starts over' --max-retries 0
    run part_size
    assert_output 0
    run --separate-stderr fetch
    assert_success
    assert_fetched
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

@test "an ETag without quotes is none, and a range need not say how long the whole is" {
    catalogue 10000
    for fault in plainetag nototal; do
        rm -rf cache kept.jsonl server.log
        serve --fault '/items.jsonl=cut:20000*1' --fault "/items.jsonl=$fault"
        run --separate-stderr fetch
        assert_success
        assert_fetched
        run log '[(r["status"], r["range"]) for r in log]'
        assert_output "[(200, None), (206, 'bytes=20000-')]"
    done
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

@test "a wrong checksum ends it, also where no connection brings the whole file" {
    catalogue 10000
    serve --fault '/items.jsonl=cut:20000'
    run --separate-stderr timeout 10 "$BIN/ingest" --items "$url/items.jsonl" --interactions www/events.tsv --items-out kept.jsonl \
        -o out.st --cache cache --retry-wait 0.001 --items-sha256 "$(printf '%064d' 0)"
    assert_failure 65
    [[ ${stderr_lines[0]} == *'the pieces do not fit; downloaded again' ]]
    [[ ${stderr_lines[1]} == *'has the SHA-256 '* ]]
    run log 'sum(r["range"] is None for r in log)'
    assert_output 2
}

@test "--refresh leaves what is there until it has the other" {
    catalogue 10000
    serve --fault '/items.jsonl=cut:20000@2*1' --fault '/items.jsonl=status:500@3*1' --fault '/items.jsonl=status:500@5'
    fetch -q
    cp www/items.jsonl old.jsonl
    sed -i 's/thing/other/' www/items.jsonl
    rm kept.jsonl out.st
    refused 69 'HTTP 500; the first 20000 bytes are kept' --refresh --max-retries 0
    run cmp old.jsonl cache/downloads/*/items.jsonl
    assert_success
    # What was begun is ended, though nobody asks for it again.
    fetch -q
    assert_fetched
    run log 'log[-1]["range"]'
    assert_output 'bytes=20000-'
    rm kept.jsonl out.st
    refused 69 'HTTP 500' --refresh --max-retries 0
    fetch -q
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

@test "names of files move no cursor in messages" {
    name=$'www/a\nb\e[2J\xc2\x9b1m.jsonl'
    catalogue
    echo '{' >"$name"
    run --separate-stderr ingest --items "$name" --interactions www/events.tsv
    assert_failure 65
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *'ingest: www/a b [2J  1m.jsonl:1: '* ]] || fail "$stderr"
}

@test "a URL's password is sent, neither shown nor stored" {
    catalogue
    serve --fault '/items.jsonl=cut:100*1' --fault '/items.jsonl=status:500@2*1'
    safe=$url
    url=http://me:sec%40ret@127.0.0.1:$port
    refused 69 "ingest: $safe/items.jsonl: HTTP 500" --max-retries 0
    fetch -q
    assert_fetched
    run log '["authorization" in r["headers"] for r in log]'
    assert_output '[True, True, True]'
    run grep -r sec cache
    assert_output ''
    run grep -rF "\"$safe/items.jsonl\"" cache
    assert_success
    rm kept.jsonl out.st
    url=$url/none refused 66 "ingest: $safe/none/items.jsonl: HTTP 404"
}

@test "a cache that cannot be" {
    catalogue
    serve
    : >file
    refused 73 'file/downloads' --cache file
    refused 64 '--cache is empty' --cache ''
}

@test "unknown inputs in the wrong roles" {
    catalogue
    serve
    run --separate-stderr ingest --items "$url/items.jsonl" --interactions "$url/items.jsonl"
    assert_failure 64
    [[ $stderr == *'are the same file' ]]
}

@test "packed on the way, though nobody asked" {
    catalogue 1000
    serve --fault '/items.jsonl=gzip'
    run --separate-stderr fetch
    assert_success
    assert_fetched
}

@test "no space for it" {
    catalogue 100000
    serve
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 200; exec "$@"' - \
        "$BIN/ingest" --kcore 2 --items-out kept.jsonl -o out.st --cache cache --items "$url/items.jsonl" --interactions www/events.tsv
    assert_failure 74
    [[ $stderr == *'/part: File too large' ]]
    assert_file_not_exists kept.jsonl
    run --separate-stderr fetch
    assert_success
    assert_fetched
    run log 'log[1]["range"] is not None'
    assert_output True
}
