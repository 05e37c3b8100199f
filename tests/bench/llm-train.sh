#!/bin/bash
# Speed and memory of a pretrained decoder's forward and backward beside low-rank pairs, and PyTorch's on the same random weights and the same
# rows, one after the other and never two at once: all activations kept (whole) or made again layer by layer (layers), in f32 and bf16. Prints
# the median tokens/s of several runs by the clock and by processor time, peak memory, and all that over PyTorch's. See README.
#
# From the environment: RUNS (3) of ROUNDS (2) passes each, ROWS (1024, for each thread), SEGMENT (128), RANK (16), THREADS (2), GEMMS (f32 bf16),
# KINDS (whole layers), LAYERS (24), SHAPE (Qwen2.5-0.5B; name=value pairs of tests/helpers/llm_folder.py), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} rounds=${ROUNDS:-2} rows=${ROWS:-1024} segment=${SEGMENT:-128} rank=${RANK:-16} threads=${THREADS:-2}
read -ra gemms <<<"${GEMMS:-f32 bf16}"
read -ra kinds <<<"${KINDS:-whole layers}"
read -ra shape <<<"${SHAPE:-family=qwen2 hidden=896 wide=4864 layers=${LAYERS:-24} heads=14 kv=2 head_dim=64 vocab=151936 dtype=BF16 tied=yes}"
bench=$(realpath "${BUILD:-$root/build}")/bench/bench_llm_train

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/tests/helpers/llm_folder.py" "$work/llm" "${shape[@]}"

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"
echo "OpenBLAS's kernels: ${OPENBLAS_CORETYPE:-its own choice}"

# Rates by the clock and by processor time, then value, gradient and memory; exit status 69 where there is no such backend.
ours() { "$bench" "$work/llm" "$rows" "$segment" "$rank" "$2" "$threads" "$1" "$rounds"; }
peer() {
    OMP_NUM_THREADS=$threads /usr/bin/python3 "$root/tests/bench/llm_train_peer.py" "$work/llm" "$((rows * threads))" "$segment" "$rank" "$2" "$threads" "$1" "$rounds"
}

sides=(ours peer)
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "PyTorch: SKIPPED: no python3-torch" >&2; sides=(ours); }

for ((run = 1; run <= runs; run++)); do
    for gemm in "${gemms[@]}"; do
        for kind in "${kinds[@]}"; do
            for side in "${sides[@]}"; do
                status=0
                "$side" "$gemm" "$kind" >"$work/out" 2>"$work/message" || status=$?
                if [ $status -ne 0 ]; then
                    echo "$side $gemm $kind: SKIPPED: $(tail -n 1 "$work/message")" >&2
                    continue
                fi
                grep -v value "$work/out" >>"$work/$side.$gemm.$kind"
                grep value "$work/out" >"$work/$side.$gemm.$kind.last"
            done
        done
    done
done

median() { cut -d' ' -f"$2" "$1" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
last() { sed -E "s/.*$2 ([^ ]*).*/\1/" "$1.last"; }
over() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

echo "tokens/s by the clock and by processor time, medians of $runs runs of $rounds rounds of $threads x $rows rows in segments of $segment, rank $rank, ${shape[*]}"
for gemm in "${gemms[@]}"; do
    for kind in "${kinds[@]}"; do
        for side in "${sides[@]}"; do
            at=$work/$side.$gemm.$kind by=$work/peer.$gemm.$kind
            [ -e "$at.last" ] || continue
            printf '%-4s %-4s %-6s %8.1f %8.1f  %6d MB' "$side" "$gemm" "$kind" "$(median "$at" 1)" "$(median "$at" 2)" "$(last "$at" memory)"
            if [ "$side" = ours ] && [ -e "$by.last" ]; then
                printf '   %s x and %s x PyTorch, %s x its memory, gradient %s x' "$(over "$(median "$at" 1)" "$(median "$by" 1)")" \
                    "$(over "$(median "$at" 2)" "$(median "$by" 2)")" "$(over "$(last "$at" memory)" "$(last "$by" memory)")" \
                    "$(awk -v a="$(last "$at" gradient)" -v b="$(last "$by" gradient)" 'BEGIN { printf "%.5f", a / b }')"
            fi
            echo
        done
    done
done
