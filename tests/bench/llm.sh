#!/bin/bash
# Speed and memory of embed --text llm:DIR beside PyTorch's on the same random weights, one after the other and never two at once. Prints
# the median tokens/s of several runs, their ratio to PyTorch's, the time that a run takes before its first token, and its memory. See README.
#
# From the environment: RUNS (3), TEXTS (64), TOKENS (128, of each), THREADS (2), BATCH (PyTorch's, 8), SHAPE (Qwen2.5-0.5B; name=value pairs
# of tests/helpers/llm_folder.py), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} texts=${TEXTS:-64} tokens=${TOKENS:-128} threads=${THREADS:-2} batch=${BATCH:-8}
read -ra shape <<<"${SHAPE:-family=qwen2 hidden=896 wide=4864 layers=24 heads=14 kv=2 head_dim=64 vocab=151936 dtype=BF16 tied=yes}"
bin=$(realpath "${BUILD:-$root/build}")/bin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/tests/helpers/llm_folder.py" "$work/llm" "${shape[@]}"
# Texts of letters, one token each, more of them than are read.
/usr/bin/python3 -c 'import sys, random
random.seed(1)
for i in range(int(sys.argv[1])): print("{\"id\": \"%d\", \"title\": \"%s\"}" % (i, "".join(random.choice("abcdefgh") for _ in range(int(sys.argv[2])))))' \
    "$texts" "$((tokens + 1))" >"$work/items.jsonl"
"$bin/tokenize" train -q --vocab 256 -o "$work/llm/tokenizer.json" "$work/items.jsonl"

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Seconds and KiB of a run over the first so many texts; exit status 69 where there is no such backend.
ours() { # ours BACKEND TEXTS
    head -n "$2" "$work/items.jsonl" >"$work/some.jsonl"
    /usr/bin/time -f '%e %M' -o "$work/time" "$bin/embed" -q --text "llm:$work/llm" --gemm "$1" --cache none --fields title --text-tokens "$tokens" \
        --threads "$threads" -o /dev/null "$work/some.jsonl" 2>"$work/message" || return
    cat "$work/time"
}
peer() { OMP_NUM_THREADS=$threads /usr/bin/python3 "$root/tests/bench/llm_peer.py" "$work/llm" "$texts" "$tokens" "$threads" "$batch"; }

names=(f32 bf16)
status=0
ours bf16 1 >/dev/null || status=$?
[ $status -ne 69 ] || { echo "bf16: SKIPPED: $(cat "$work/message")" >&2; names=(f32); }
peers=(peer)
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "PyTorch: SKIPPED: no python3-torch" >&2; peers=(); }

for ((run = 1; run <= runs; run++)); do
    for name in "${names[@]}"; do
        read -r start _ < <(ours "$name" 1)
        read -r whole memory < <(ours "$name" "$texts")
        echo "$start" >>"$work/$name.start"
        echo "$memory" >>"$work/$name.memory"
        awk -v a="$start" -v b="$whole" -v n="$(((texts - 1) * tokens))" 'BEGIN { printf "%.1f\n", n / (b - a) }' >>"$work/$name.rates"
    done
    [ ${#peers[@]} -eq 0 ] || peer >>"$work/peer.rates"
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

echo "tokens/s, median of $runs runs of $texts texts of $tokens tokens on $threads threads, ${shape[*]}"
for name in "${names[@]}" "${peers[@]}"; do
    printf '%-5s %9.1f' "$name" "$(median "$work/$name.rates")"
    [ ! -e "$work/peer.rates" ] || awk -v a="$(median "$work/$name.rates")" -v b="$(median "$work/peer.rates")" 'BEGIN { printf "  %5.2f x PyTorch", a / b }'
    [ "$name" = peer ] || printf '  first text after %s s, %d MB' "$(median "$work/$name.start")" "$(($(median "$work/$name.memory") / 1024))"
    printf '  (%s)\n' "$(sort -n "$work/$name.rates" | paste -sd' ')"
done
