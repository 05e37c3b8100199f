#!/bin/bash
# Candidates/s of qarm-rl: drawn, rewarded and trained on, over the prompts of all training histories. See README.
#
# tests/bench/policy.sh [MODEL SIDS INTERACTIONS]   without files: a timeline of d 128 over random histories of the size of Beauty's
# From the environment: RUNS (3), THREADS (2), GROUP (16), STEPS (24, of 512 prompts), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} threads=${THREADS:-2} group=${GROUP:-16} steps=${STEPS:-24}
bin=$(realpath "${BUILD:-$root/build}")/bin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 3 ]; then
    model=$1 sids=$2 interactions=$3
else
    "$root/tests/helpers/toy.py" "$work" users=22363 items=12101 levels=3 codes=256 random=1
    model=$work/model.st sids=$work/sids.st interactions=$work/interactions.st
    "$bin/sidgen-train" -q -s "$sids" -i "$interactions" --body timeline --item-vectors --node-vectors --epochs 1 --valid-users 0 -o "$model"
fi

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# A reward by which many groups have something to say; no KL is so small that training goes on after the first line of the log.
for ((run = 0; run < runs; run++)); do
    timeout 600 "$bin/qarm-rl" -q -m "$model" -s "$sids" -i "$interactions" --reward exact+valid+lcp --group "$group" --prompts-per-step 512 \
        --valid-users 0 --valid-every "$steps" --epochs 1000 --patience 0 --threads "$threads" --log "$work/log" --max-kl 1e-9 -o "$work/rl.st"
    sed -n '$s/.*"candidates_per_second":\([0-9]*\)}$/\1/p' "$work/log"
done | sort -n > "$work/rates"
awk '{ v[NR] = $1 } END { printf "%.0f candidates/s, group '"$group"', '"$threads"' threads (%s)\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, said }' \
    said="$(paste -sd' ' "$work/rates")" "$work/rates"
