#!/bin/bash
# Training speed: sidgen-train, by each matrix backend, beside a PyTorch peer on the same files and the same model, one after the
# other and never two at once. Prints the median tokens/s of several runs and their ratio to the peer's. See README.
#
# tests/bench/train.sh [SIDS INTERACTIONS]   without files: random histories of the size of Amazon Beauty's
# From the environment: RUNS (3), EPOCHS (2), THREADS (2), MODEL (flags that both programs know), BUILD (build),
# SIDMILL_PEER (../shared/peer/torch_generator.py).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} epochs=${EPOCHS:-2} threads=${THREADS:-2}
peer=${SIDMILL_PEER:-$root/../shared/peer/torch_generator.py}
read -ra model <<<"${MODEL:---dim 128 --layers 4 --heads 2 --ffn 320 --max-items 20 --batch-tokens 16384}"
train=$(realpath "${BUILD:-$root/build}")/bin/sidgen-train

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 2 ]; then
    sids=$1 interactions=$2
else
    "$root/tests/helpers/toy.py" "$work" users=22363 items=12101 levels=3 codes=256 random=1
    sids=$work/sids.st interactions=$work/interactions.st
fi

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# One run's tokens/s on standard output; exit status 69 where there is no such backend.
ours() {
    local status=0
    "$train" -q -s "$sids" -i "$interactions" --gemm "$1" --epochs "$epochs" --threads "$threads" --shards 16 --valid-users 0 --log "$work/log" \
        -o /dev/null "${model[@]}" 2>"$work/message" || status=$?
    [ $status -eq 0 ] || { [ $status -eq 69 ] || cat "$work/message" >&2; return $status; }
    sed -n '$s/.*"tokens_per_second":\([0-9]*\)}$/\1/p' "$work/log"
}

peers() {
    /usr/bin/python3 "$peer" --sids "$sids" --interactions "$interactions" --epochs "$epochs" --threads "$threads" --eval-users 1 \
        --eval-every 1000000 "${model[@]}" >"$work/peer" || return
    awk '{ for (i = 1; i < NF; i++) if ($i == "tokens/s") { sum += $(i + 1); n++ } } END { printf "%.0f\n", sum / n }' "$work/peer"
}

names=(f32 bf16)
status=0 # a batch of one token is refused, but not before the backend is found
"$train" -q --gemm bf16 -s "$sids" -i "$interactions" --batch-tokens 1 -o /dev/null 2>"$work/message" || status=$?
[ $status -ne 69 ] || { echo "bf16: SKIPPED: $(cat "$work/message")" >&2; names=(f32); }
if [ -r "$peer" ] && /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    names+=(peer)
else
    echo "peer: SKIPPED: no $peer (SIDMILL_PEER), or no python3-torch" >&2
fi

for ((run = 1; run <= runs; run++)); do
    for name in "${names[@]}"; do
        case $name in
            peer) peers ;;
            *) ours "$name" ;;
        esac >>"$work/$name.rates"
    done
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

echo "tokens/s of training, median of $runs runs of $epochs epochs on $threads threads, ${model[*]}"
for name in "${names[@]}"; do
    printf '%-5s %9.0f' "$name" "$(median "$work/$name.rates")"
    [ ! -e "$work/peer.rates" ] || awk -v a="$(median "$work/$name.rates")" -v b="$(median "$work/peer.rates")" 'BEGIN { printf "  %5.2f x the peer", a / b }'
    printf '  (%s)\n' "$(sort -n "$work/$name.rates" | paste -sd' ')"
done
