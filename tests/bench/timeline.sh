#!/bin/bash
# Training speed of a timeline with item and node vectors, sidgen-train beside a PyTorch prototype of the same sizes on the same files,
# in turn and never two at once; then evaluate's. Prints medians of several runs. See README.
#
# tests/bench/timeline.sh [SIDS INTERACTIONS]   without files: Amazon Beauty, with SIDs made by rqvae --method rkmeans
# From the environment: DIMS (64 128), RUNS (3), EPOCHS (2), THREADS (2), USERS (0: all; of evaluate), BUILD (build),
# PEER (../shared/peer: the folder of torch_timeline.py), SIDMILL_DATA (../shared/data: that of beauty/).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} epochs=${EPOCHS:-2} threads=${THREADS:-2} users=${USERS:-0}
peer=${PEER:-$root/../shared/peer}/torch_timeline.py
data=${SIDMILL_DATA:-$root/../shared/data}/beauty
read -ra dims <<<"${DIMS:-64 128}"
bin=$(realpath "${BUILD:-$root/build}")/bin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 2 ]; then
    sids=$1 interactions=$2
elif [ -r "$data/items.jsonl" ]; then
    sids=$work/sids.st interactions=$work/interactions.st
    "$bin/ingest" -q --items "$data/items.jsonl" --interactions "$data/interactions.tsv" --items-out "$work/items.jsonl" -o "$interactions"
    "$bin/embed" -q --fields title,description:0.5,categories "$work/items.jsonl" | "$bin/rqvae" -q --method rkmeans -o "$sids"
else
    echo "timeline: SKIPPED: no $data (SIDMILL_DATA), and no files given" >&2
    exit 0
fi
names=(ours)
if [ -r "$peer" ] && /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    names+=(peer)
else
    echo "peer: SKIPPED: no $peer (PEER), or no python3-torch" >&2
fi

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# A log's tokens/s are of input rows; targets are as many, but for what later windows of long histories only read.
targets_a_row=$("$bin/tensor" get "$interactions" user_offsets | awk -v most=50 '
    NR > 1 && $1 - last >= 3 {
        n = $1 - last - 2; targets += n; rows += n
        if (n > most) rows += most / 2 * int((n - most - 1) / (most / 2) + 1)
    }
    { last = $1 } END { print targets / rows }')

# Both have 8 d^2 weights in a layer's MLP and 4 d^2 in a level's block: two products there, three here.
ours() { # ours DIM
    "$bin/sidgen-train" -q -s "$sids" -i "$interactions" --body timeline --item-vectors --node-vectors --learned-positions --gemm f32 \
        --dim "$1" --layers 2 --heads 2 --ffn $((($1 * 8 / 3 + 7) / 8 * 8)) --depth-ffn $((($1 * 4 / 3 + 7) / 8 * 8)) --max-items 50 \
        --batch-tokens 2048 --dropout 0.3 --depth-dropout 0.2 --weight-decay 0 --clip 5 --lr 0.002 --epochs "$epochs" \
        --threads "$threads" --valid-users 0 --log "$work/log" -o "$work/model-$1.st" || return
    sed -n '$s/.*"tokens_per_second":\([0-9]*\)}$/\1/p' "$work/log" | awk -v share="$targets_a_row" '{ printf "%.0f\n", $1 * share }'
}

# After its epochs the peer goes on to its own test, for which nobody waits: it ends where what it prints is no longer read.
peers() { # peers DIM
    { /usr/bin/python3 "$peer" --sids "$sids" --interactions "$interactions" --dim "$1" --layers 2 --heads 2 --batch 256 --max-items 50 \
        --epochs "$epochs" --every 1000000 --users 1 --threads "$threads" 2>"$work/message" || true; } | head -n $((epochs + 1)) |
        awk '{ for (i = 1; i < NF; i++) if ($i == "targets/s") { sum += $(i + 1); n++ } }
            END { if (!n) exit 1; printf "%.0f\n", sum / n }' || { cat "$work/message" >&2; return 1; }
}

for ((run = 1; run <= runs; run++)); do
    for dim in "${dims[@]}"; do
        for name in "${names[@]}"; do
            case $name in
                peer) peers "$dim" ;;
                *) ours "$dim" ;;
            esac >>"$work/$name-$dim.rates"
        done
        "$bin/evaluate" -m "$work/model-$dim.st" -s "$sids" -i "$interactions" --beam 20 --users "$users" --gemm f32 --threads "$threads" \
            -o "$work/metrics" 2>"$work/message" || { cat "$work/message" >&2; exit 1; }
        sed -n 's/.* users in .*, \([0-9]*\) a second.*/\1/p' "$work/message" >>"$work/evaluate-$dim.rates"
    done
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

echo "targets/s of training and users/s of evaluate at beam 20, median of $runs runs of $epochs epochs on $threads threads, f32"
for dim in "${dims[@]}"; do
    for name in "${names[@]}" evaluate; do
        rates=$work/$name-$dim.rates
        printf 'd %-4s %-9s %9.0f' "$dim" "$name" "$(median "$rates")"
        [ "$name" != ours ] || [ ! -e "$work/peer-$dim.rates" ] ||
            awk -v a="$(median "$rates")" -v b="$(median "$work/peer-$dim.rates")" 'BEGIN { printf "  %5.2f x the peer", a / b }'
        printf '  (%s)\n' "$(sort -n "$rates" | paste -sd' ')"
    done
done
