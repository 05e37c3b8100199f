#!/bin/bash
# What rqvae --cooccur costs: time and peak memory of the graph of items and of propagation over it, as a whole program beside the same
# without them. See README.
#
# tests/bench/graph.sh [ITEMSxEVENTS...]   (default: 100000x2000000 1000000x20000000)
# From the environment: WIDTH of the vectors (64), FLAGS of rqvae's, THREADS (0: one a processor), TMPDIR, BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
rqvae=$(realpath "${BUILD:-$root/build}")/bin/rqvae
[ $# -gt 0 ] || set -- 100000x2000000 1000000x20000000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Histories of 20 events by a power law over the items, drawn without any order: next to no pair is met twice, so that the graph is as
# large as so many events can make it. And random vectors.
make_data() { # make_data ITEMS EVENTS
    PYTHONPATH=$root/tests/helpers /usr/bin/python3 - "$@" "${WIDTH:-64}" "$work" <<'PY'
import sys
from tensors import *
items, events, width = map(int, sys.argv[1:4])
rng = np.random.default_rng(1)
names = ids(["i%d" % i for i in range(items)])
save(sys.argv[4] + "/e.st", {"text": rng.normal(size=(items, width)).astype("f4"), "item_ids": names}, {"schema": "embeddings/1"})
save(sys.argv[4] + "/i.st", {"user_offsets": np.arange(0, events + 1, 20), "item_index": (items * rng.random(events) ** 3).astype("i4"),
     "user_ids": ids(["u%d" % u for u in range(events // 20)]), "item_ids": names}, {"schema": "interactions/1"})
PY
}

# Wall seconds, peak memory in MB, and pairs of neighbours; the quantiser does as little as it can.
measure() { # measure [OPTION...]
    /usr/bin/python3 - "$rqvae" -m rkmeans -l 1 -k 1 --iterations 1 --spread 0 --max-suffix 1048576 --threads "${THREADS:-0}" "$@" "$work" <<'PY'
import re, resource, subprocess, sys, time
began = time.time()
p = subprocess.run(sys.argv[1:-1] + ["-o", sys.argv[-1] + "/s.st"], stdin=open(sys.argv[-1] + "/e.st"), stderr=subprocess.PIPE, text=True)
if p.returncode:
    sys.exit(p.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
pairs = re.search(r"(\d+) pairs of neighbours", p.stderr)
print(f"{time.time() - began:.1f} {used.ru_utime + used.ru_stime:.1f} {used.ru_maxrss / 1024:.0f} {pairs[1] if pairs else '-'}")
PY
}

printf '%9s %10s %12s %27s %27s\n' '' '' '' 'without --cooccur' 'with it'
printf '%9s %10s %12s %9s %9s %7s %9s %9s %7s\n' items events pairs seconds processor MB seconds processor MB
for shape; do
    make_data "${shape%x*}" "${shape#*x}"
    read -r s0 p0 m0 _ < <(measure)
    # shellcheck disable=SC2086
    read -r s p m pairs < <(measure --cooccur "$work/i.st" ${FLAGS:-})
    printf '%9s %10s %12s %9s %9s %7s %9s %9s %7s\n' "${shape%x*}" "${shape#*x}" "$pairs" "$s0" "$p0" "$m0" "$s" "$p" "$m"
done
