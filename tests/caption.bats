#!/usr/bin/env bats
# caption: what it says of pictures, that records pass unharmed, and what hostile files cost.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load model_server.bash
setup() { model_setup; }
teardown() { end_servers; }

caption() { "$BIN/caption" "$@"; }

draw() { python_with pictures; } # draw < script

# red.png: a red square with plain surface on white; stripes.png: navy with level cream stripes on grey; tiny.png: one pixel.
pictures() {
    draw <<'PY'
a = flat((250, 250, 250)); a[15:45, 15:45] = (200, 30, 40); png("red.png", a)
a = flat((130, 130, 130)); a[10:50, 10:50] = (24, 34, 78)
a[10:50][np.arange(40) % 8 < 4, 10:50] = (245, 238, 216); png("stripes.png", a)
a = flat((130, 185, 230), 60, 90); a[36:] = (60, 150, 60); png("field.png", a)
png("tiny.png", flat((0, 0, 0), 1, 1))
PY
}

# The captions, or the first error's message after "! ", one a line.
said() {
    /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    print(r["caption"] if "caption" in r else "! " + r["errors"][0]["message"] if r.get("errors") else "-")'
}

# Each picture named, as a catalogue.
named() { for f; do printf '{"id":"%s","image":"%s"}\n' "$f" "$f"; done; }

@test "captions name colours, background, pattern, layout" {
    pictures
    run --separate-stderr said < <(named red.png stripes.png field.png tiny.png | caption)
    assert_success
    want="object in red, vivid, with a plain surface, with much space around it, against a plain white background; a square"
    [[ ${lines[0]} = "A compact, "*"$want picture of "* ]] || fail "${lines[0]}"
    [[ ${lines[1]} = *"navy blue and cream"*"horizontal stripes"*"plain grey background"* ||
        ${lines[1]} = *"cream and navy blue"*"horizontal stripes"*"plain grey background"* ]] || fail "${lines[1]}"
    [[ ${lines[2]} = *"sky blue"*"green"*"landscape picture"* ]] || fail "${lines[2]}"
    [[ ${lines[3]} = *"plain black background"* ]] || fail "${lines[3]}"
}

@test "records keep their order and bytes" {
    pictures
    cat >items.jsonl <<'JSONL'
{"id":"a",  "n": 12345678901234567890, "image" : "red.png", "x":[1.10,"\u00e9"]}
{"id": "b", "title": "no picture"}
{"image": "gone.png", "id": "c"}
JSONL
    run --separate-stderr caption items.jsonl
    assert_success
    want='{"id":"a",  "n": 12345678901234567890, "image" : "red.png", "x":[1.10,"\u00e9"],"caption":"A '
    [[ ${lines[0]} = "$want"*'."}' ]] || fail "${lines[0]}"
    assert_equal "${lines[1]}" '{"id": "b", "title": "no picture"}'
    want='{"image": "gone.png", "id": "c", "errors": [{"tool":"caption","message":"gone.png: '
    [[ ${lines[2]} = "$want"*'No such file or directory"}]}' ]] || fail "${lines[2]}"
    assert_equal "$stderr" "caption: 3 items: 1 were given a caption, 0 had one, 1 failed, 1 had nothing to go by"
}

@test "labels are cleaned, ordered, and stand before the picture's sentence" {
    pictures
    cat >items.jsonl <<'JSONL'
{"id":"a","image_labels":["Tool "," Hand  Tool","tool","","ＡＸＥ"]}
{"id":"b","image_labels":["Box"],"image":"red.png"}
{"id":"c","image_labels":[],"title":"x"}
{"id":"d","image_labels":["Cup"],"image":"gone.png"}
JSONL
    caption -q items.jsonl >out.jsonl
    run said <out.jsonl
    assert_line -n 0 "In the picture: axe, hand tool, tool."
    assert_line -n 1 --partial "In the picture: box. A "
    assert_line -n 2 "-"
    assert_line -n 3 "In the picture: cup."
    run grep -c '"errors"' out.jsonl
    assert_output 1
}

@test "a caption is kept, unless --overwrite; errors go when a run succeeds" {
    pictures
    printf '%s\n' '{"id":"a","image":"red.png","caption":"mine"}' >items.jsonl
    caption items.jsonl | cmp - items.jsonl
    run said < <(caption --overwrite items.jsonl)
    assert_line --partial "in red"
    printf '%s\n' '{"id":"a","image":"late.png","errors":[{"tool":"embed","message":"x"}]}' >items.jsonl
    caption items.jsonl >once.jsonl
    caption once.jsonl | cmp - once.jsonl
    cp red.png late.png
    caption once.jsonl >twice.jsonl
    run cat twice.jsonl
    assert_output --partial '"errors":[{"tool":"embed","message":"x"}],"caption":"A '
}

# A picture, red in its upper left quarter and white else, as left.webp, left.avif, left.tif, and turn.tif, which is to be turned to the
# right; and files of these kinds that are no good: bad.txt has their names.
modern() {
    python_with pictures <<'PY'
import base64, zlib
webp = base64.b64decode("UklGRiwAAABXRUJQVlA4TCAAAAAvD8ABAA/wiv8n/7/if/7jAQrSNmDm3/Sfh4j+TwCxPg==")
avif = base64.b64decode("AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADybWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAGxpYmF2aWYAAAAADnBpdG0AAAAA"
    "AAEAAAAeaWxvYwAAAABEAAABAAEAAAABAAABGgAAAD8AAAAoaWluZgAAAAAAAQAAABppbmZlAgAAAAABAABhdjAxQ29sb3IAAAAAamlwcnAAAABLaXBjbwAAABRpc3BlAAAA"
    "AAAAABAAAAAIAAAAEHBpeGkAAAAAAwgICAAAAAxhdjFDgSAAAAAAABNjb2xybmNseAACAAIAAoAAAAAXaXBtYQAAAAAAAAABAAEEAQKDBAAAAEdtZGF0EgAKBTgMv7BIMjQT"
    "wAMMMMQAzVc91Qe5aDugcqxNQKwivNKS3lSdoJQeMWbHeKq7Mj94ZdHy2qR6qc7Gm7Uo")
def tiff(w, h, data, orientation=1, compression=1):
    tags = [(256, 4, w), (257, 4, h), (258, 3, 8), (259, 3, compression), (262, 3, 2), (273, 4, 8), (274, 3, orientation), (277, 3, 3),
            (278, 4, h), (279, 4, len(data))]
    data += b"\0" * (len(data) % 2)
    return (b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) +
            b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4))
pixels = drawn(16, 8, lambda x, y: (200, 20, 20) if x < 8 and y < 4 else (255, 255, 255)).tobytes()
files = {"left.webp": webp, "left.avif": avif, "left.tif": tiff(16, 8, pixels), "turn.tif": tiff(16, 8, pixels, 6)}
bomb = zlib.compress(bytes(1 << 28), 9)
bad = {"cut.webp": webp[:30], "cut.avif": avif[:-20], "cut.tif": files["left.tif"][:60], "vast.tif": tiff(1 << 20, 1 << 20, pixels),
       "short.tif": tiff(7000, 7000, pixels), "bomb.tif": tiff(16, 8, bomb, 1, 8), "noise.webp": webp[:20] + bytes(i * 91 % 256 for i in range(3000)),
       "noise.avif": avif[:32] + bytes(i * 91 % 256 for i in range(3000)), "noise.tif": b"MM\0*\0\0\0\x08" + bytes(i * 91 % 256 for i in range(3000)),
       "vast.webp": webp[:21] + b"\xff\xff\xff\x0f" + webp[25:]}
for name, data in {**files, **bad}.items(): open(name, "wb").write(data)
open("bad.txt", "w").write("\n".join(bad))
PY
    mapfile -t BAD <bad.txt
}

@test "WebP, AVIF and TIFF, in the confined worker; what is turned says so" {
    modern
    named left.webp left.avif left.tif turn.tif >items.jsonl
    caption -q items.jsonl >out.jsonl
    ! grep -o 'built without lib[a-z]*' out.jsonl >without || skip "$(cat without)"
    run said <out.jsonl
    for i in 0 1 2; do assert_line -n $i --regexp 'white and red.* landscape picture'; done
    assert_line -n 3 --regexp 'white and red.* portrait picture'
    named "${BAD[@]}" left.webp >items.jsonl
    run --separate-stderr caption --threads 2 -o out.jsonl items.jsonl
    assert_success
    run said <out.jsonl
    for i in "${!BAD[@]}"; do
        [[ ${BAD[i]} = @(short|bomb).tif || ${lines[i]} = "! ${BAD[i]}"* ]] || fail "${BAD[i]}: ${lines[i]:0:300}"
    done
    assert_line -n "${#BAD[@]}" --partial 'white and red'
}

hostile() { # one catalogue of everything bad, with a good picture at both ends
    pictures
    draw <<'PY'
import os
whole = open("red.png", "rb").read()
open("cut.png", "wb").write(whole[:len(whole) * 2 // 3])
open("noise.png", "wb").write(b"\x89PNG\r\n\x1a\n" + bytes(i * 37 % 256 for i in range(5000)))
open("noise.jpg", "wb").write(b"\xff\xd8\xff\xe0" + bytes(i * 91 % 256 for i in range(5000)))
open("text.jpg", "w").write("hello\n")
open("empty.jpg", "w").close()
open("claims.png", "wb").write(head(65535, 65535) + chunk(b"IDAT", zlib.compress(b"\0" * 100)))
open("large.png", "wb").write(head(9000, 9000) + chunk(b"IDAT", zlib.compress(b"\0" * 100)))
bomb = zlib.compressobj(9)
bomb = b"".join([bomb.compress(bytes(1 << 20)) for _ in range(200)] + [bomb.flush()])
open("bomb.png", "wb").write(head(8, 8) + chunk(b"IDAT", bomb) + chunk(b"IEND", b""))
# A JPEG whose Huffman table lists 16 * 255 codes.
table = struct.pack(">H", 19 + 4080) + b"\0" + b"\xff" * 16 + bytes(4080)
open("table.jpg", "wb").write(b"\xff\xd8\xff\xc4" + table + b"\xff\xd9")
with open("sparse.png", "wb") as f: f.truncate(40 << 20)
os.symlink("loop.png", "loop.png")
os.symlink("/dev/zero", "endless.png")
os.mkfifo("pipe.png")
os.mkdir("folder.png")
PY
    BAD=(cut.png noise.png noise.jpg text.jpg empty.jpg claims.png large.png bomb.png table.jpg sparse.png loop.png
        endless.png pipe.png folder.png gone.png /dev/zero /proc/self/mem "$(printf 'x%.0s' {1..5000})" red.png/inside)
    named red.png "${BAD[@]}" stripes.png
}

@test "hostile pictures cost their items, not the run" {
    hostile >items.jsonl
    caption --threads 2 items.jsonl >out.jsonl 2>err
    run said <out.jsonl
    [ "${#lines[@]}" -eq $((${#BAD[@]} + 2)) ]
    for i in "${!BAD[@]}"; do
        [[ ${lines[i + 1]} = "! ${BAD[i]:0:100}"* ]] || fail "${BAD[i]}: ${lines[i + 1]:0:300}"
        [[ ${lines[i + 1]} != *worker* ]] || fail "${BAD[i]}: ${lines[i + 1]:0:300}"
    done
    assert_line -n 0 --partial "in red"
    assert_line -n $((${#BAD[@]} + 1)) --partial "stripes"
    assert_regex "$(cat err)" "2 were given a caption, 0 had one, ${#BAD[@]} failed"
    caption --threads 1 -q items.jsonl | cmp - out.jsonl
    for want in "pipe.png: the image is a pipe or device" "folder.png: the image is a folder" \
        "sparse.png: the image file is larger than" "large.png: the image has 9000 x 9000 pixels" "text.jpg: not a JPEG"; do
        grep -qF "$want" out.jsonl || fail "no '$want'"
    done
}

# A progressive JPEG of a few thousand scans, each of which walks over all of its 4096 x 4096 pixels.
@test "a picture that takes too long is given up" {
    pictures
    draw <<'PY'
start = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
start += b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", 4096, 4096) + b"\1\1\x11\0"
start += b"\xff\xc4\0\x14\0" + b"\1" + b"\0" * 15 + b"\0"
scan = lambda pair: b"\xff\xda\0\x08\1\1\0\0\0" + bytes([pair])
open("slow.jpg", "wb").write(start + scan(0x01) + scan(0x10) * 20000 + b"\xff\xd9")
PY
    run said < <(named red.png slow.jpg stripes.png | caption -q --image-seconds 1)
    assert_line -n 0 --partial "in red"
    assert_line -n 1 "! slow.jpg: took more than 1 s of processor time"
    assert_line -n 2 --partial "stripes"
}

@test "limits can be set" {
    pictures
    run said < <(named red.png | caption -q --max-pixels 3599)
    assert_output "! red.png: the image has 60 x 60 pixels, more than 3599"
    run said < <(named red.png | caption -q --max-pixels 3600)
    assert_output --partial "in red"
    run said < <(named red.png | caption -q --max-file 50)
    assert_output "! red.png: the image file is larger than 50 bytes"
}

@test "paths count from the items' folder, the working folder, or --image-root" {
    pictures
    mkdir -p deep/er other
    mv red.png deep/er/
    named er/red.png >deep/items.jsonl
    named ../deep/er/red.png >other/up.jsonl
    named "$PWD/deep/er/red.png" >other/absolute.jsonl
    for args in deep/items.jsonl other/up.jsonl other/absolute.jsonl "--image-root deep deep/items.jsonl"; do
        # shellcheck disable=SC2086 # options and operand
        run said < <(caption -q $args)
        assert_output --partial "in red"
    done
    run said < <(caption -q --image-root deep <deep/items.jsonl)
    assert_output --partial "in red"
    run said < <(caption -q <deep/items.jsonl)
    assert_output --partial "No such file"
    run --separate-stderr caption --image-root nowhere deep/items.jsonl
    assert_equal "$status" 66
    run --separate-stderr caption --image-root deep/items.jsonl deep/items.jsonl
    assert_equal "$status" 66
}

@test "shards join to the whole, from a file and from a pipe; threads do not matter" {
    "$BIN/synth" --items 90 --users 20 --seed 3 -q -o cat
    caption -q --threads 1 cat/items.jsonl >whole.jsonl
    caption -q --threads 2 cat/items.jsonl | cmp - whole.jsonl
    caption -q --threads 2 -o file.jsonl cat/items.jsonl
    cmp file.jsonl whole.jsonl
    for k in 1 2 3 4 5; do caption -q --shard $k/5 cat/items.jsonl; done | cmp - whole.jsonl
    # shellcheck disable=SC2002 # a pipe is the point
    for k in 1 2 3; do cat cat/items.jsonl | caption -q --image-root cat --shard $k/3; done | cmp - whole.jsonl
    for k in 1 2 3; do caption -q --image-root cat --shard $k/3 <cat/items.jsonl; done | cmp - whole.jsonl
    [ "$(grep -c '"caption"' whole.jsonl)" -eq "$(grep -c '"image"' whole.jsonl)" ]
}

@test "wrong usage and unusable files" {
    pictures
    named red.png >items.jsonl
    for args in "--shard 0/3" "--shard 4/3" "--shard x" "--shard 1/2x" "--engine magic" "--max-pixels 0" \
        "--image-seconds 0" "a b"; do
        # shellcheck disable=SC2086 # options
        run --separate-stderr caption $args items.jsonl
        assert_equal "$status" 64
        assert_equal "${#stderr_lines[@]}" 1
    done
    run --separate-stderr caption none.jsonl
    assert_equal "$status" 66
    printf '{"id":"a"}\nnonsense\n' >bad.jsonl
    run --separate-stderr caption -o out.jsonl bad.jsonl
    assert_equal "$status" 65
    assert_equal "${stderr_lines[0]}" "caption: bad.jsonl:2: not JSON at column 1: expected a value"
    assert_not_exist out.jsonl
    run --separate-stderr caption -o no/folder/out.jsonl items.jsonl
    assert_equal "$status" 73
    run --separate-stderr bash -c "'$BIN/caption' items.jsonl >/dev/full"
    assert_equal "$status" 74
    assert_equal "${#stderr_lines[@]}" 1
    run --separate-stderr caption -o /dev/full items.jsonl
    assert_equal "$status" 74
    run caption /dev/null
    assert_success
    seq 3000 | sed 's/.*/{"id":"&","title":"and enough text that a pipe cannot hold it all"}/' >long.jsonl
    run bash -c "'$BIN/caption' -q long.jsonl | head -n 1"
    assert_line -n 0 --partial '"id":"1"'
    run find . -name '*.jsonl.*'
    assert_output ''
}

@test "the workers end with the tool" {
    pictures
    mkfifo in
    caption -q in >out.jsonl &
    tool=$!
    exec 9>in
    named red.png >&9
    sleep 0.5
    children=$(cat "/proc/$tool/task/$tool/children")
    [ -n "$children" ]
    kill -9 "$tool"
    exec 9>&-
    wait "$tool" || true
    for i in {1..50}; do
        alive=
        for p in $children; do
            [ ! -e "/proc/$p" ] || [ "$(cut -d' ' -f3 "/proc/$p/stat" 2>/dev/null)" = Z ] || alive=$p
        done
        [ -z "$alive" ] && break
        sleep 0.1
    done
    [ -z "$alive" ]
}

@test "posters: every one is captioned" {
    [ -d "$DATA/ml100k/posters" ] || skip "no posters in $DATA"
    head -n 200 "$DATA/ml100k/items.jsonl" >items.jsonl
    run --separate-stderr caption --image-root "$DATA/ml100k" -o out.jsonl items.jsonl
    assert_success
    assert_regex "$stderr" "200 items: [0-9]+ were given a caption, 0 had one, 0 failed"
    [ "$(said <out.jsonl | sort -u | wc -l)" -gt 180 ]
}

# The http engine.
ask() { "$BIN/caption" --engine http --url "$url" --model m --retry-wait 0.001 "$@"; }
ask_in_background() { exec "$BIN/caption" --engine http --url "$url" --model m --retry-wait 0.001 "$@" 2>/dev/null 3>&-; }

@test "http: a request for each picture, none without, none a second time" {
    "$BIN/synth" --items 60 --users 20 --seed 3 -q -o cat
    { cat cat/items.jsonl; printf '%s\n' '{"id":"bare","title":"x","image_labels":["Cup"]}'; } >items.jsonl
    pictures=$(grep -c '"image":' items.jsonl)
    serve --chat caption
    run --separate-stderr ask --image-root cat -o a.jsonl items.jsonl
    assert_success
    assert_regex "$stderr" "61 items: $pictures were given a caption"
    assert_equal "$(served ok)" "$pictures"
    run tail -n 1 a.jsonl
    assert_output '{"id":"bare","title":"x","image_labels":["Cup"]}'
    /usr/bin/python3 - <<'PY'
import json
for a, b in zip(open("items.jsonl"), open("a.jsonl"), strict=True):
    old, new = json.loads(a), json.loads(b)
    caption = new.pop("caption", None)
    assert old == new and (caption is not None) == ("image" in old), b
    assert caption is None or caption.startswith("A ") and b.startswith(a.rstrip("\n")[:-1]), b
PY
    run --separate-stderr ask --image-root cat --jobs 3 --threads 1 -o b.jsonl items.jsonl
    assert_success
    assert_equal "$(served ok)" "$pictures"
    cmp a.jsonl b.jsonl
    for k in 1 2 3; do ask -q --image-root cat --shard $k/3 items.jsonl; done | cmp - a.jsonl
    assert_equal "$(served ok)" "$pictures"
    # What shapes the answer makes it another question.
    echo "What is it?" >prompt
    for flag in "--prompt prompt" "--temperature 0.5" "--max-tokens 9" "--model n" "--max-side 32"; do
        before=$(served ok)
        # shellcheck disable=SC2086 # option and value
        run --separate-stderr ask --image-root cat $flag -o c.jsonl items.jsonl
        assert_success
        [ "$(served ok)" -gt "$before" ] || fail "$flag"
    done
}

@test "http: pictures that cannot be decoded are not sent" {
    hostile >items.jsonl
    serve --chat caption
    run --separate-stderr ask items.jsonl
    assert_success
    assert_regex "$stderr" "2 were given a caption, 0 had one, ${#BAD[@]} failed"
    assert_equal "$(wc -l <server.log)" 2
}

@test "http: faults are retried, bad replies refused, and what stays bad costs the item" {
    "$BIN/synth" --items 80 --users 20 --seed 3 -q -o cat
    pictures=$(grep -c '"image":' cat/items.jsonl)
    serve --chat caption --faults 0.6 --faults-until 3 --kinds 429,500,cut,close,notjson,html,junk,empty,duplicate,nan,shape,content
    run --separate-stderr ask -o a.jsonl cat/items.jsonl
    assert_success
    assert_regex "$stderr" "$pictures were given a caption"
    serve --chat caption --faults 1 --faults-until 3 --kinds content
    run --separate-stderr ask --cache none --max-retries 1 --give-up 0 cat/items.jsonl
    assert_failure 69
    assert_regex "$stderr" "0 were given a caption, 0 had one, $pictures failed"
    assert_regex "${lines[0]}" 'errors":\[\{"tool":"caption","message":"images/.*: .*the caption is empty'
    serve --chat caption --faults 1 --kinds 400
    run --separate-stderr ask --cache none --give-up 0 cat/items.jsonl
    assert_failure 69
    assert_regex "$stderr" "$pictures failed"
    assert_regex "${lines[0]}" 'errors":\[\{"tool":"caption","message":"images/'
}

@test "http: killed and started again, no answered request is sent twice" {
    "$BIN/synth" --items 150 --users 20 --seed 3 -q -o cat
    pictures=$(grep -c '"image":' cat/items.jsonl)
    serve --chat caption --delay 0.05
    for _ in 1 2 3; do
        before=$(served ok)
        ask_in_background --jobs 4 -o a.jsonl cat/items.jsonl &
        tool=$!
        for _ in $(seq 100); do
            [ "$(served ok)" -gt $((before + 15)) ] && break
            sleep 0.03
        done
        kill -9 "$tool"
        wait "$tool" || true
        assert_not_exist a.jsonl
    done
    run --separate-stderr ask -o a.jsonl cat/items.jsonl
    assert_success
    # An answer that was on its way when the tool was killed is not an answered request: at most 4 a kill.
    run bash -c "grep '\"kind\": \"ok\"' server.log | sort | uniq -d | wc -l"
    [ "$output" -le 12 ] || fail "$output sent twice"
    [ "$(served ok)" -le $((pictures + 12)) ]
    ask --cache none -q cat/items.jsonl | cmp - a.jsonl
}

@test "http: wrong usage, a wrong key, no server" {
    pictures
    named red.png >items.jsonl
    serve --chat caption --key right
    for args in "--engine http --model m" "--engine http --url $url" "--url $url" "--prompt x" \
        "--engine http --url x --model m"; do
        # shellcheck disable=SC2086 # options
        run --separate-stderr caption $args items.jsonl
        assert_equal "$status" 64
        assert_equal "${#stderr_lines[@]}" 1
    done
    echo " " >blank
    run --separate-stderr ask --prompt blank items.jsonl
    assert_equal "$status" 65
    run --separate-stderr ask --prompt nowhere items.jsonl
    assert_equal "$status" 66
    SIDMILL_API_KEY=secret-wrong run --separate-stderr ask -o out.jsonl items.jsonl
    assert_equal "$status" 77
    refute_regex "$stderr" secret
    assert_not_exist out.jsonl
    SIDMILL_API_KEY=right run --separate-stderr ask -o out.jsonl items.jsonl
    assert_success
    run grep -c '"caption":"A' out.jsonl
    assert_output 1
    url=http://127.0.0.1:1/v1
    run --separate-stderr ask --model other --connect-timeout 2 --max-retries 0 -o no.jsonl items.jsonl
    assert_equal "$status" 69
    assert_not_exist no.jsonl
}
