#!/usr/bin/env bats
# ingest --images: pictures from servers that are busy, wrong, slow or gone. The server is tests/helpers/file_server.py.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines, http_server.bash BIN, port and url

bats_require_minimum_version 1.5.0

load http_server.bash
setup() { http_setup; }
teardown() { end_servers; }

# Pictures of seven kinds and things that are none, by name; numbered JPEGs where a number is given.
pictures() {
    /usr/bin/python3 - "${1:-0}" <<'PY'
import random, sys
tail = random.Random(1).randbytes(200)
heads = {"p.jpg": b"\xff\xd8\xff\xe0", "p.png": b"\x89PNG\r\n\x1a\n", "p.gif": b"GIF89a", "p.webp": b"RIFF\xd4\0\0\0WEBPVP8 ",
         "p.avif": b"\0\0\0\x1cftypavif\0\0\0\0", "p.tif": b"II*\0\x08\0\0\0",
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

@test "pictures of seven kinds, by content" {
    pictures
    serve
    records "$url/p.jpg" "$url/p.png" "$url/p.gif" "$url/p.webp" "$url/p.bmp" "" "$url/p.jpg" "$url/p.jpg?again" " $url/p.jp%67 " "$url/p.avif" "$url/p.tif"
    run --separate-stderr illustrate
    assert_success
    run kept 'all(bytes_of(items[i]) == open("www/p." + kind, "rb").read() and items[i]["image"].endswith("." + kind)
        for i, kind in [*enumerate(["jpg", "png", "gif", "webp", "bmp"]), (9, "avif"), (10, "tif")])'
    assert_output True
    run kept 'items[5], len({items[i]["image"] for i in (0, 6, 7, 8)}), any("errors" in i for i in items), report["pictures"]'
    assert_output "({'id': 'i5', 'n': 1.1}, 1, False, {'fetched': 7, 'shared': 3, 'no_image_url': 1})"
    run kept '__import__("hashlib").sha256(bytes_of(items[0])).hexdigest()[:32] in items[0]["image"]'
    assert_output True
    run head -n 1 kept.jsonl
    assert_output "{\"id\":\"i0\",\"n\":1.10,\"image_url\":\"$url/p.jpg\",\"image\":\"$(kept 'items[0]["image"]')\"}"
    run log 'len(log), len({r["path"] + r["host"] for r in log})'
    assert_output '(9, 8)'
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
image_url: neither JPEG, PNG, GIF, WebP, BMP, AVIF nor TIFF
image_url: text/html, expected a picture
image_url: smaller than 100 bytes
image_url: smaller than 100 bytes
image_url: Transferred a partial file
image_url: neither JPEG, PNG, GIF, WebP, BMP, AVIF nor TIFF
image_url: more than 5 redirects
image_url: not an http or https URL
image_url: Couldn't connect to server
image_url: Couldn't resolve host name
image_url: not an http or https URL
image_url: Server returned nothing (no headers, no data)
image_url: URL using bad/illegal format or missing URL
image_url: application/pdf, expected a picture
image_url: neither JPEG, PNG, GIF, WebP, BMP, AVIF nor TIFF
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
    mkdir folder.gif
    sed -i -e '1s/}$/,"errors":[{"tool":"ingest","message":"old"}]}/' -e '2s/}$/,"errors":[{"tool":"x","n":1.10},{"tool":"ingest"}]}/' \
        -e '3s/}$/,"image":"own.gif","errors":[{"tool":"ingest"}]}/' -e '4s/}$/,"image":"folder.gif"}/' -e '5s/}$/,"image":"lost.gif"}/' items.jsonl
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
    run --separate-stderr illustrate --images ''
    assert_failure 64
    [[ $stderr == *'--images is empty, expected a folder' ]]
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
        [ "$(cat images/index.tsv 2>/dev/null | wc -l)" -ge 60 ] && break
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
    # one whose bytes were kept, but not yet its line, is fetched again and found there: shared
    run kept 'all(bytes_of(item) == open(f"www/n{i}.jpg", "rb").read() for i, item in enumerate(items))'
    assert_output True
    run kept '[sum(report["pictures"].get(name, 0) for name in names) for names in (["already_there"], ["fetched", "shared"])]'
    assert_output "[$arrived, $((300 - arrived))]"
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

@test "a host that is gone costs a few pictures' patience, not all of them" {
    serve --fault '/broken/*=status:500'
    local urls=() i
    pictures 50
    for ((i = 0; i < 50; i++)); do urls+=("http://127.0.0.1:1/$i.jpg" "$url/n$i.jpg"); done
    records "${urls[@]}"
    illustrate -q --max-retries 1
    run kept 'report["pictures"]'
    assert_output "{'fetched': 50, 'failed_no_server': 50}"
    run kept 'sorted({m for i in items for m in why(i)})'
    assert_output '["image_url: Couldn'"'"'t connect to server", '"'image_url: not asked for after 20 failures of its host']"
    run kept 'sum("20 failures" in m for i in items for m in why(i)) >= 20'
    assert_output True
    urls=()
    for ((i = 0; i < 50; i++)); do urls+=("$url/broken/$i.jpg"); done
    records "${urls[@]}"
    rm server.log
    serve --fault '/broken/*=status:500'
    sed -i "s/:[0-9]*\/broken/:$port\/broken/" items.jsonl
    illustrate -q --max-retries 0
    run log '20 <= len(log) < 50'
    assert_output True
}

@test "pages that say no are not read to their end" {
    pictures
    serve --fault '/none.jpg=page:50000000' --fault '/gone.jpg=status:410' --fault '/gone.jpg=page:50000000' --fault '/gone.jpg=chunked'
    records "$url/none.jpg" "$url/gone.jpg" "$url/p.jpg"
    illustrate -q
    run kept '[why(i) for i in items]'
    assert_output "[['image_url: HTTP 404'], ['image_url: HTTP 410'], []]"
    run log 'len(log), max(r["sent"] for r in log) < 20000000'
    assert_output '(3, True)'
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

@test "no space for them" {
    pictures 1
    head -c 300000 /dev/zero >>www/n0.jpg
    serve
    records "$url/p.jpg" "$url/n0.jpg"
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 200; exec "$@"' - \
        "$BIN/ingest" --kcore 2 --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st --images images --jobs 1
    assert_failure 74
    [[ $stderr == *'.jpg.part: File too large' ]]
    assert_file_not_exists kept.jsonl
    run --separate-stderr illustrate
    assert_success
    run kept '[len(bytes_of(i)) for i in items], sum(report["pictures"].values())'
    assert_output '([204, 300212], 2)'
}

@test "the posters of ml100k by way of a server" {
    local data=$DATA/ml100k
    [ -d "$data/posters" ] || skip "NO DATA: $data/posters is not there; set SIDMILL_DATA"
    rmdir www
    ln -s "$data" www
    serve
    sed "s|\"image\": \"posters/|\"image_url\": \"$url/posters/|" www/items.jsonl >items.jsonl
    run --separate-stderr "$BIN/ingest" -q --kcore 5 --items items.jsonl --interactions www/interactions.tsv --items-out kept.jsonl -o out.st \
        --images images --report report.json
    assert_success
    run kept 'len(items), report["after"]["users"], report["after"]["interactions"], report["pictures"]["fetched"] > 1300'
    assert_output '(1349, 943, 99287, True)'
    run kept 'all(bytes_of(i) == open("www/" + i["image_url"].split("/", 3)[3], "rb").read() for i in items if "image_url" in i)'
    assert_output True
}
