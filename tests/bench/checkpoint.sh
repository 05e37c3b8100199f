#!/bin/bash
# How long training stands still for a checkpoint, against the state's size, where a few rows of it change with every step and where all of
# it does; how long it takes to write while everything waits; and the steps while it is written beside them. See README.
#
# tests/bench/checkpoint.sh [GIGABYTES...]   0.1 and 1 unless given
# From the environment: THREADS (2), KINDS ('table dense'), TMPDIR (/tmp), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
bench=$(realpath "${BUILD:-$root/build}")/bench/bench_checkpoint
[ $# -gt 0 ] || set -- 0.1 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

printf '%-5s %6s %9s %11s %9s %12s %9s %10s %8s\n' kind GB 'pause, s' 'at once, s' 'step, s' 'beside, s' 'first, s' 'changed GB' 'lost, s'
read -ra kinds <<<"${KINDS:-table dense}"
for kind in "${kinds[@]}"; do
    for size; do "$bench" "$kind" "$size" "${THREADS:-2}" "$work/ckpt"; done
done
