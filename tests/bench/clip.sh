#!/bin/bash
# Speed of CLIP's vision tower beside PyTorch's on the same random weights and pictures, one after the other and never two at once.
# Prints the median pictures/s of several runs, their ratio, and how far the outputs lie apart. See README.
#
# From the environment: RUNS (5), PICTURES (128), THREADS (2), BATCH (PyTorch's, 8: the best of 8 to 64), SHAPE (ViT-B/32; name=value pairs of
# tests/helpers/clip_folder.py), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-5} pictures=${PICTURES:-128} threads=${THREADS:-2} batch=${BATCH:-8}
read -ra shape <<<"${SHAPE:-hidden=768 wide=3072 layers=12 heads=12 image=224 patch=32}"
bench=$(realpath "${BUILD:-$root/build}")/bench/bench_clip

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/tests/helpers/clip_folder.py" "$work/tower" kind=vision "${shape[@]}"
side=$(sed -n 's/.*"image_size": \([0-9]*\).*/\1/p' "$work/tower/config.json")
/usr/bin/python3 -c 'import sys, numpy as np
np.random.default_rng(0).integers(0, 256, int(sys.argv[1]) * int(sys.argv[2]) ** 2 * 3, np.uint8).tofile(sys.argv[3])' "$pictures" "$side" "$work/crops"

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"
# OpenBLAS does not know every processor; sidmill names the kernels itself, and PyTorch should not be worse off.
if grep -q avx512vl /proc/cpuinfo; then export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}; fi

# One run's rate on standard output; exit status 69 where there is no such backend.
ours() { "$bench" "$work/tower" "$work/crops" "$work/pooled-$1" "$threads" "$1" 1 2>"$work/message"; }
peer() { OMP_NUM_THREADS=$threads /usr/bin/python3 "$root/tests/bench/clip_peer.py" "$work/tower" "$work/crops" "$threads" "$batch" "$@"; }

names=(f32 bf16)
status=0
ours bf16 >/dev/null || status=$?
[ $status -ne 69 ] || { echo "bf16: SKIPPED: $(cat "$work/message")" >&2; names=(f32); }
peers=(peer)
/usr/bin/python3 -c 'import torch, PIL' 2>/dev/null || { echo "PyTorch: SKIPPED: no python3-torch or python3-pil" >&2; peers=(); }

for ((run = 1; run <= runs; run++)); do
    for name in "${names[@]}"; do ours "$name" >>"$work/$name.rates"; done
    [ ${#peers[@]} -eq 0 ] || peer "${names[@]/#/$work/pooled-}" >"$work/peer"
    [ ${#peers[@]} -eq 0 ] || cut -d' ' -f1 "$work/peer" >>"$work/peer.rates"
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

echo "pictures/s of the tower, median of $runs runs of $pictures pictures on $threads threads, ${shape[*]}"
for name in "${names[@]}" "${peers[@]}"; do
    printf '%-5s %9.2f' "$name" "$(median "$work/$name.rates")"
    [ ! -e "$work/peer.rates" ] || awk -v a="$(median "$work/$name.rates")" -v b="$(median "$work/peer.rates")" 'BEGIN { printf "  %5.2f x PyTorch", a / b }'
    printf '  (%s)\n' "$(sort -n "$work/$name.rates" | paste -sd' ')"
done
[ ${#peers[@]} -eq 0 ] || echo "largest difference from PyTorch: ${names[*]}: $(cut -d' ' -f2- "$work/peer")"
