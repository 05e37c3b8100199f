#!/bin/bash
# Training with texts: sidgen-train --tasks 4,5 (title to SID, SID to title) beside a PyTorch twin (tasks_peer.py) on the same sequences and
# the same model, one after the other. Prints the median tokens/s of both and their ratio. See README.
#
# tests/bench/tasks.sh SIDS INTERACTIONS ITEMS
# From the environment: RUNS (3), THREADS (2), STEPS (30) of the twin, MODEL (flags), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} threads=${THREADS:-2} steps=${STEPS:-30} bin=$(realpath "${BUILD:-$root/build}")/bin
read -ra model <<<"${MODEL:---dim 192 --layers 4 --ffn 512}"
[ $# -eq 3 ] || { echo "usage: tests/bench/tasks.sh SIDS INTERACTIONS ITEMS" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"
"$bin/tokenize" train -q --fields title,description --vocab 8192 "$3" -o "$work/tokenizer.json"

ours() {
    "$bin/sidgen-train" -q -s "$1" -i "$2" --tasks 4,5 --items "$3" --tokenizer "$work/tokenizer.json" --gemm f32 --epochs 1 --threads "$threads" \
        --log "$work/log" -o "$work/model.st" "${model[@]}"
    sed -n '$s/.*"tokens_per_second":\([0-9]*\)}$/\1/p' "$work/log"
}

for ((run = 0; run < runs; run++)); do
    ours "$@" >>"$work/ours"
    /usr/bin/python3 "$root/tests/bench/tasks_peer.py" "$work/model.st" "$1" "$3" "$bin/tokenize" "$threads" "$steps" >>"$work/peer"
done
for name in ours peer; do sort -n "$work/$name" | awk -v name=$name '{ x[NR] = $1 } END { printf "%s: %d tokens/s (%d to %d)\n", name, x[int((NR + 1) / 2)], x[1], x[NR] }'; done
paste <(sort -n "$work/ours") <(sort -n "$work/peer") | awk '{ a[NR] = $1; b[NR] = $2 } END { m = int((NR + 1) / 2); printf "ratio of the medians: %.2f\n", a[m] / b[m] }'
