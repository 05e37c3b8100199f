#!/bin/bash
# MB/s of a download into the cache beside curl's, and pictures/s of ingest --images, from a file server on this machine. See README.
#
# tests/bench/fetch.sh     from the environment: MB (500), PICTURES (5000), KB (20 each), JOBS ("8 32"), BUILD (build)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(realpath "${BUILD:-$root/build}")/bin
server=$root/tests/helpers/file_server.py
work=$(mktemp -d)
trap 'kill "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT
# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"
cd "$work"
mkdir www

/usr/bin/python3 - "${MB:-500}" "${PICTURES:-5000}" "${KB:-20}" <<'PY'
import random, sys
mb, pictures, kb = map(int, sys.argv[1:])
draw = random.Random(1)
with open("www/items.jsonl", "wb") as f:
    f.write(b'{"id":"i0"}\n')
    for _ in range(mb):
        f.write(b" " * 999_999 + b"\n")
with open("records.jsonl", "w") as items, open("events.tsv", "w") as events:
    events.write("user\titem\ttimestamp\n")
    for i in range(pictures):
        with open(f"www/{i}.jpg", "wb") as f:
            f.write(b"\xff\xd8\xff\xe0" + draw.randbytes(kb * 1000))
        items.write('{"id":"i%d","image_url":"http://127.0.0.1:PORT/%d.jpg"}\n' % (i, i))
        events.write(f"u\ti{i}\t{i}\n")
    events.write("u\ti0\t0\nu\ti0\t1\nu\ti0\t2\n")
PY
"$server" --idle 120 www > port &
pid=$!
until [ -s port ]; do sleep 0.1; done
url=http://127.0.0.1:$(cat port)
sed -i "s/PORT/$(cat port)/" records.jsonl

seconds() { # seconds COMMAND...: how long it takes
    local start=$EPOCHREALTIME
    "$@" > /dev/null
    echo "$start $EPOCHREALTIME" | awk '{printf "%.2f", $2 - $1}'
}
rate() { awk -v n="$1" -v s="$2" 'BEGIN {printf "%.0f", n / s}'; }
ingest() { "$bin/ingest" -q --kcore 0 --items-out kept.jsonl -o out.st --cache cache "$@"; }

curl -so /dev/null "$url/items.jsonl" # the server has read it
s=$(seconds curl -so copy "$url/items.jsonl"); rm copy
echo "curl to a file:          $(rate "${MB:-500}" "$s") MB/s"
first=$(seconds ingest --items "$url/items.jsonl" --interactions events.tsv)
again=$(seconds ingest --items "$url/items.jsonl" --interactions events.tsv)
s=$(awk -v a="$first" -v b="$again" 'BEGIN {print a - b}')
echo "ingest, download alone:  $(rate "${MB:-500}" "$s") MB/s (the run less one with the file in the cache)"
for jobs in ${JOBS:-8 32}; do
    rm -rf images
    s=$(seconds ingest --items records.jsonl --interactions events.tsv --images images --jobs "$jobs" --per-host "$jobs")
    echo "ingest --images, $jobs jobs: $(rate "${PICTURES:-5000}" "$s") pictures/s"
done
s=$(seconds ingest --items records.jsonl --interactions events.tsv --images images)
echo "the same again:          $s s for ${PICTURES:-5000} pictures that are there"
