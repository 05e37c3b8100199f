#!/bin/bash
# Time, speed and peak memory of ingest at several sizes, of made-up events whose users and items follow power laws (events.c):
# a user has 10 events on average, an item 20. See README.
#
# tests/bench/ingest.sh [MILLIONS...]   (default: 1 10)
# From the environment: FORMATS (neutral amazon2023), FLAGS (--kcore 5), BUILD (build), TMPDIR (/tmp): a million events take 0.06 GB
# there as a table, 0.38 GB as reviews, and 0.04 GB of temporary files.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${BUILD:-$root/build}")
read -ra formats <<<"${FORMATS:-neutral amazon2023}"
read -ra flags <<<"${FLAGS:---kcore 5}"
[ $# -gt 0 ] || set -- 1 10
make -s -C "$root" BUILD="$build" "$build/bin/ingest" "$build/bench/events"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Runs a command; prints its wall-clock seconds, processor seconds and peak memory in MB.
measure() {
    /usr/bin/python3 - "$@" <<'PY'
import resource, subprocess, sys, time
start = time.time()
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.time() - start:.2f} {used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss / 1024:.0f}")
sys.exit(status)
PY
}

echo "ingest ${flags[*]} on $(getconf _NPROCESSORS_ONLN) processors; MB are 10^6 bytes, of the uncompressed input; peak memory in 2^20"
printf '%-11s %9s %10s %9s %9s %8s %11s %9s %10s %10s\n' form million 'input, MB' seconds 'cpu, s' MB/s 'events/s' 'peak, MB' 'B/user' 'kept, %'
for form in "${formats[@]}"; do
    for millions; do
        events=$(awk -v m="$millions" 'BEGIN { printf "%.0f", m * 1e6 }')
        "$build/bench/events" "$form-items" "$events" >"$work/items"
        "$build/bench/events" "$form-events" "$events" >"$work/events"
        cat "$work/items" "$work/events" >/dev/null # both in memory, as far as they fit
        read -r seconds cpu peak < <(measure "$build/bin/ingest" -q --format "$form" --items "$work/items" --interactions "$work/events" "${flags[@]}" \
            --items-out "$work/kept" -o "$work/out" --report "$work/report")
        /usr/bin/python3 - "$form" "$millions" "$(stat -c %s "$work/items")" "$(stat -c %s "$work/events")" "$seconds" "$cpu" "$peak" "$work/report" <<'PY'
import json, sys
form, millions, items, events, seconds, cpu, peak, report = sys.argv[1:]
size, seconds = (int(items) + int(events)) / 1e6, float(seconds)
with open(report, encoding="utf8") as f:
    r = json.load(f)
before, after = r["before"], r["after"]
print(f"{form:11} {millions:>9} {size:10.0f} {seconds:9.2f} {float(cpu):9.2f} {size / seconds:8.0f} {before['interactions'] / seconds:11.0f} {peak:>9}"
      f" {float(peak) * 2**20 / before['users']:10.0f} {100 * after['interactions'] / before['interactions']:10.1f}")
PY
        rm -f "$work"/*
    done
done
