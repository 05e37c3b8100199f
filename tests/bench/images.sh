#!/bin/bash
# Speed of what looks at pictures without a model: caption --engine builtin and embed --image builtin, whole programs, from files to
# output. Prints the median images/s of several runs. See README.
#
# tests/bench/images.sh [ITEMS]   without a file: the pictures of a demo catalogue at 256 pixels a side
# From the environment: RUNS (3), THREADS (2), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} threads=${THREADS:-2}
bin=$(realpath "${BUILD:-$root/build}")/bin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 1 ]; then
    items=$1
else
    "$bin/synth" -q --items 1000 --users 10 --image-size 256 -o "$work/demo"
    items=$work/demo/items.jsonl
fi
# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

seconds() { # seconds COMMAND...
    local start=$EPOCHREALTIME
    "$@" 2>"$work/message" || { cat "$work/message" >&2; return 1; }
    awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { print end - start }'
}
for ((run = 1; run <= runs; run++)); do
    seconds "$bin/caption" -q --engine builtin --threads "$threads" -o "$work/captioned" "$items" >>"$work/caption"
    seconds "$bin/embed" -q --text none --image builtin --threads "$threads" -o "$work/embedded" "$items" >>"$work/embed"
done
images=$("$bin/tensor" get "$work/embedded" image_mask | grep -c 1)
for name in caption embed; do
    sort -g "$work/$name" | awk -v name="$name" -v images="$images" -v threads="$threads" \
        '{ s[NR] = $1 } END { t = s[int((NR + 1) / 2)]; printf "%-8s %6.0f images/s (%d images, %d threads)\n", name, images / t, images, threads }'
done
