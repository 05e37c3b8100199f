#!/bin/bash
# Speed and memory of recommend on a pretrained decoder beside PyTorch's with a key-value cache, on the same random weights, one after the
# other and never two at once: histories of 20 items of 3 codes, beams of 20. Prints the median users/s of several runs, their ratio to
# PyTorch's, the time that a run takes before its first user, and its memory. See README.
#
# From the environment: RUNS (3), USERS (64), ITEMS (20, of a history), BEAM (20), THREADS (2), BATCH (PyTorch's, 8), LAYERS (24), SHAPE
# (Qwen2.5-0.5B; name=value pairs of tests/helpers/llm_folder.py), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} users=${USERS:-64} items=${ITEMS:-20} beam=${BEAM:-20} threads=${THREADS:-2} batch=${BATCH:-8}
read -ra shape <<<"${SHAPE:-family=qwen2 hidden=896 wide=4864 layers=${LAYERS:-24} heads=14 kv=2 head_dim=64 vocab=151936 dtype=BF16 tied=yes}"
bin=$(realpath "${BUILD:-$root/build}")/bin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$root/tests/helpers/llm_folder.py" llm "${shape[@]}"
# 10,000 items, whose codes are random, and histories of them.
/usr/bin/python3 - "$root" "$users" "$items" <<'PY'
import random, sys
sys.path.insert(0, sys.argv[1] + "/tests/helpers")
import json
import numpy as np
from tensors import save
rng = np.random.default_rng(1)
codes = np.unique(rng.integers(0, 256, (10000, 3)), axis=0).astype("<i4")
n = len(codes)
save("sids.st", {"codes": codes, "suffix": np.full(n, -1, "<i4"), "item_ids": np.frombuffer("".join(f"i{i}\n" for i in range(n)).encode(), "u1")},
     {"schema": "sids/1", "config": json.dumps({"codes": 256, "max-suffix": 0})})
random.seed(1)
with open("histories.txt", "w") as f:
    for _ in range(int(sys.argv[2])):
        print(*(f"i{random.randrange(n)}" for _ in range(int(sys.argv[3]))), file=f)
with open("items.jsonl", "w") as f:
    print('{"id": "i0", "title": "What a customer bought, the oldest first:"}', file=f)
PY
"$bin/tokenize" train -q --vocab 256 -o llm/tokenizer.json items.jsonl
# A folder whose tokenizer spells the codes comes in as a generator.
/usr/bin/python3 - <<'PY'
import json
t = json.load(open("llm/tokenizer.json"))
first = 1 + max(t["model"]["vocab"].values())
t["added_tokens"] += [{"id": first + 256 * l + c, "content": f"<{chr(97 + l)}_{c}>", "single_word": False, "lstrip": False, "rstrip": False,
                       "normalized": False, "special": False} for l in range(3) for c in range(256)]
json.dump(t, open("llm/tokenizer.json", "w"))
PY
"$bin/hub" import -q -s sids.st --max-items "$items" --softmax trie llm -o model.st

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Seconds and KiB of a run over the first so many users; exit status 69 where there is no such backend.
ours() { # ours BACKEND USERS
    /usr/bin/time -f '%e %M' -o time "$bin/recommend" -q -m model.st -s sids.st -k "$beam" -b "$beam" --gemm "$1" --threads "$threads" \
        < <(head -n "$2" histories.txt) >"lists.$1" 2>message || return
    cat time
}
peer() { OMP_NUM_THREADS=$threads /usr/bin/python3 "$root/tests/bench/llm_decode_peer.py" "$root" "$beam" "$threads" "$batch"; }

names=(f32 bf16)
status=0
ours bf16 1 >/dev/null || status=$?
[ $status -ne 69 ] || { echo "bf16: SKIPPED: $(cat message)" >&2; names=(f32); }
peers=(peer)
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "PyTorch: SKIPPED: no python3-torch" >&2; peers=(); }

for ((run = 1; run <= runs; run++)); do
    for name in "${names[@]}"; do
        read -r first _ < <(ours "$name" 1)
        read -r all memory < <(ours "$name" "$users")
        awk -v users="$users" -v first="$first" -v all="$all" -v memory="$memory" \
            'BEGIN { print (users - 1) / (all - first), memory / 1024, first }' >>"figures.$name"
    done
    for name in "${peers[@]}"; do peer >>"figures.$name"; done
done

median() { cut -d' ' -f"$2" "figures.$1" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
echo "users/s, medians of $runs runs of $users users, $items items each, beam $beam, $threads threads, ${shape[*]}"
for name in "${names[@]}" "${peers[@]}"; do
    printf '%-5s %8.2f users/s  %6.0f MB  %5.1f s before the first' "$name" "$(median "$name" 1)" "$(median "$name" 2)" "$(median "$name" 3)"
    [ ${#peers[@]} -eq 0 ] || [ "$name" = peer ] || awk -v a="$(median "$name" 1)" -v b="$(median peer 1)" -v m="$(median "$name" 2)" -v n="$(median peer 2)" \
        'BEGIN { printf "   %.2f x PyTorch, %.2f x its memory", a / b, m / n }'
    echo
done
[ ${#peers[@]} -eq 0 ] || /usr/bin/python3 - <<'PY'
ours, theirs = ([{p.rsplit(":", 1)[0] for p in line.split()[:10]} for line in open(f)] for f in ("lists.f32", "lists.peer"))
print(f"of the first 10 items, {sum(len(a & b) for a, b in zip(ours, theirs)) / (10 * len(ours)):.3f} are PyTorch's")
PY
