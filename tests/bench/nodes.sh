#!/bin/bash
# What node vectors cost as a catalogue grows: processor time of a training step and peak memory, with and without them, over the same
# number of equally long histories of random items with random SIDs. Time should follow the children that a target's path has, memory
# the nodes. See README.
#
# tests/bench/nodes.sh [ITEMSxCODES...]   (default: 10000x256 100000x256 1000000x256 1000000x1024), on three levels
# From the environment: RUNS (3), DIM (64), EPOCHS (3: steps are timed over all but one), USERS (11680: 40 steps an epoch), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3} dim=${DIM:-64} epochs=${EPOCHS:-3} users=${USERS:-11680}
train=$(realpath "${BUILD:-$root/build}")/bin/sidgen-train
[ $# -gt 0 ] || set -- 10000x256 100000x256 1000000x256 1000000x1024

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Trains on one thread for so many epochs; prints processor seconds and peak memory in MB.
measure() { # measure EPOCHS [OPTION]
    /usr/bin/python3 - "$train" -q -s "$work/sids.st" -i "$work/interactions.st" --body timeline --dim "$dim" --layers 2 --ffn 176 \
        --depth-ffn 88 --max-items 20 --batch-tokens 2048 --gemm f32 --threads 1 --valid-users 0 --log "$work/log" -o /dev/null \
        --epochs "$@" <<'PY'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss / 1024:.0f}")
sys.exit(status)
PY
}

# The number of nodes, and the mean number of children along an item's path, the root's not counted: no vectors are theirs.
count_nodes() {
    /usr/bin/python3 - "$work/sids.st" <<'PY'
import json, struct, sys
import numpy as np
raw = open(sys.argv[1], "rb").read()
size, = struct.unpack("<Q", raw[:8])
head = json.loads(raw[8:8 + size])
codes, suffix = (np.frombuffer(raw[8 + size:][slice(*head[n]["data_offsets"])], "<i4").reshape(head[n]["shape"]) for n in ("codes", "suffix"))
path, nodes, children = np.zeros(len(codes), np.int64), 1, 0
for level, code in enumerate([*codes.T, suffix]):
    parent, (_, path) = path, np.unique(path * (1 << 20) + code + 1, return_inverse=True)
    has = code >= 0
    distinct = np.unique(np.stack([parent, path])[:, has], axis=1)
    of = np.bincount(distinct[0], minlength=parent.max() + 1)
    nodes += distinct.shape[1]
    children += of[parent[has]].sum() / len(codes) if level else 0
print(nodes, f"{children:.1f}")
PY
}

# The same, RUNS times: the least of the seconds, as other programs only ever add to them.
least() {
    local run
    for ((run = 0; run < runs; run++)); do measure "$@"; done | sort -g | head -n 1
}

updates() { sed -n '$s/.*"updates":\([0-9]*\),.*/\1/p' "$work/log"; }

echo "training steps of 2048 rows, d $dim, one thread, least of $runs runs; MB are 2^20 bytes; tables: node vectors and AdamW's moments"
echo "                                        ms/step            peak memory, MB"
printf '%9s %6s %9s %9s %9s %9s %9s %9s %11s\n' items codes nodes children without with without with 'tables, MB'
for shape; do
    items=${shape%x*} codes=${shape#*x}
    "$root/tests/helpers/toy.py" "$work" items="$items" codes="$codes" levels=3 users="$users" length=9 random=1
    read -r nodes children < <(count_nodes)
    rm -f "$work/times" "$work/peaks"
    for option in '' --node-vectors; do
        read -r begin _ < <(least 1 $option)
        skipped=$(updates)
        read -r end peak < <(least "$epochs" $option)
        awk -v t="$begin $end" -v n="$(($(updates) - skipped))" 'BEGIN { split(t, s, " "); printf "%9.1f ", 1000 * (s[2] - s[1]) / n }' >>"$work/times"
        printf '%9s ' "$peak" >>"$work/peaks"
    done
    printf '%9s %6s %9s %9s %s%s%11.0f\n' "$items" "$codes" "$nodes" "$children" "$(<"$work/times")" "$(<"$work/peaks")" \
        "$(awk -v n="$nodes" -v d="$dim" 'BEGIN { print n * (12 * d + 4) / 2 ^ 20 }')"
done
