#!/bin/bash
# Training speed of two MPI ranks of one thread each, over that of one process of two threads, in turn and never two at once.
#
# tests/bench/ranks.sh [SIDS INTERACTIONS]   without files: random histories over a catalogue of the size of Amazon Beauty's
# From the environment: RUNS (3), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-3}
train=$(realpath "${BUILD:-$root/build}")/bin/sidgen-train
if ! command -v mpirun >/dev/null || ! ldd "$train" | grep -q libmpi; then
    echo "ranks: SKIPPED: no mpirun, or built without MPI" >&2
    exit 0
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 2 ]; then
    sids=$1 interactions=$2
else
    "$root/tests/helpers/toy.py" "$work" users=5000 items=12101 levels=3 codes=256 random=1
    sids=$work/sids.st interactions=$work/interactions.st
fi

# rate LAUNCHER... -- FLAGS...: one run's tokens/s.
rate() {
    local launcher=()
    while [ "$1" != -- ]; do launcher+=("$1"); shift; done
    "${launcher[@]}" "$train" -q -s "$sids" -i "$interactions" --epochs 1 --valid-users 0 --log "$work/log" -o /dev/null "${@:2}" >&2
    sed -n '$s/.*"tokens_per_second":\([0-9]*\)}$/\1/p' "$work/log"
}

compare() { # compare NAME FLAGS...
    local run threads ranks
    for ((run = 1; run <= runs; run++)); do
        threads=$(rate -- --threads 2 "${@:2}")
        ranks=$(rate mpirun --oversubscribe --bind-to none -n 2 -- --threads 1 "${@:2}")
        awk -v name="$1" -v t="$threads" -v r="$ranks" -v load="$(cut -d' ' -f1 /proc/loadavg)" \
            'BEGIN { printf "%-22s threads %6d  ranks %6d tokens/s  %.2f x  (load %s)\n", name, t, r, r / t, load }'
    done
}

compare 'flat, 16384 tokens' --dim 128 --layers 4 --heads 2 --ffn 320 --batch-tokens 16384 --shards 16
compare 'flat' --body flat
compare 'timeline with vectors' --body timeline --item-vectors --node-vectors
compare 'timeline, split' --body timeline --item-vectors --node-vectors --split-tables
