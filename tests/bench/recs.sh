#!/bin/bash
# Time and peak memory of evaluate over other people's lists, at several sizes, as recs/1 and as text. See README.
#
# tests/bench/recs.sh [USERSxPLACES...]   (default: 100000x100 1000000x20 1000000x100)
# From the environment: ITEMS (100000), FORMS (st; also tsv, trec), BUILD (build), TMPDIR (/tmp): a million lists of 100 take 0.4 GB as
# recs/1, 1.9 GB as tsv and 2.7 GB as trec, and 0.4 GB of temporary files where they are text.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(realpath "${BUILD:-$root/build}")/bin
items=${ITEMS:-100000}
read -ra forms <<<"${FORMS:-st}"
[ $# -gt 0 ] || set -- 100000x100 1000000x20 1000000x100

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Histories of five random items, and a list of random items a user, in the order of users.
make_files() { # make_files USERS PLACES
    PYTHONPATH=$root/tests/helpers /usr/bin/python3 - "$1" "$2" "$items" "$work" <<'PY'
import sys
import numpy as np
from tensors import save
users, places, items = map(int, sys.argv[1:4])
rng = np.random.default_rng(1)
names = lambda letter, n: np.frombuffer("".join(f"{letter}{i}\n" for i in range(n)).encode(), "u1")
ids = {"user_ids": names("u", users), "item_ids": names("i", items)}
save(sys.argv[4] + "/interactions.st", {"user_offsets": np.arange(0, 5 * users + 1, 5), "item_index": rng.integers(0, items, 5 * users, dtype="i4"),
     **ids}, {"schema": "interactions/1"})
save(sys.argv[4] + "/st", {"items": rng.integers(0, items, (users, places), dtype="i4"), **ids}, {"schema": "recs/1"})
PY
}

as_text() { # as_text FORM
    "$bin/tensor" get "$work/st" items | awk -v form="$1" -F'\t' '{
        for (i = 1; i <= NF; i++)
            if (form == "tsv") print "u" NR - 1 "\ti" $i "\t" i
            else print "u" NR - 1, "Q0", "i" $i, i, 1 / i, "run" }'
}

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

echo "evaluate --recs on $(getconf _NPROCESSORS_ONLN) processors, $items items; peak memory in MB of 2^20 bytes"
printf '%-5s %9s %7s %9s %9s %9s %11s\n' form users places seconds 'cpu, s' 'peak, MB' 'B/place'
for size; do
    users=${size%x*} places=${size#*x}
    make_files "$users" "$places"
    for form in "${forms[@]}"; do
        [ "$form" = st ] || as_text "$form" >"$work/$form"
        cat "$work/interactions.st" "$work/$form" >/dev/null # in memory, as far as they fit
        read -r seconds cpu peak < <(measure "$bin/evaluate" -q --recs "$work/$form" -i "$work/interactions.st" -o "$work/metrics" 2>/dev/null)
        awk -v f="$form" -v u="$users" -v k="$places" -v s="$seconds" -v c="$cpu" -v p="$peak" \
            'BEGIN { printf "%-5s %9d %7d %9.2f %9.2f %9d %11.1f\n", f, u, k, s, c, p, p * 2 ^ 20 / (u * k) }'
        [ "$form" = st ] || rm "$work/$form"
    done
done
