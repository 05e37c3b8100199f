#!/bin/bash
# Requests/s and latency of serve under 64 connections, beside evaluate's users/s on the same files. See README.
#
# tests/bench/serve.sh MODEL SIDS INTERACTIONS [--blend FILE]
# From the environment: SECONDS_LONG (20), CONNECTIONS (64), BEAM (20), K (10), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(realpath "${BUILD:-$root/build}")/bin
command -v wrk >/dev/null || { echo "serve.sh: SKIPPED: no wrk (Debian's package wrk)"; exit 0; }
[ $# -ge 3 ] || { echo "serve.sh: SKIPPED: no files; usage: serve.sh MODEL SIDS INTERACTIONS [--blend FILE]"; exit 0; }
model=$1 sids=$2 interactions=$3
shift 3
beam=${BEAM:-20} k=${K:-10}

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# The test histories, a request each, in an order of no meaning.
PYTHONPATH=$root/tests/helpers /usr/bin/python3 - "$interactions" "$k" >"$work/bodies" <<'PY'
import json, random, sys
from tensors import load, strings
t = load(sys.argv[1])[0]
ids, offsets, items = strings(t["item_ids"]), t["user_offsets"], t["item_index"]
bodies = [json.dumps({"history": [ids[i] for i in items[a:b - 1]], "k": int(sys.argv[2])}) for a, b in zip(offsets, offsets[1:]) if b - a > 2]
random.Random(1).shuffle(bodies)
print("\n".join(bodies))
PY
cat >"$work/bodies.lua" <<'LUA'
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
request = function() at = at % #bodies + 1; return wrk.format("POST", "/recommend", nil, bodies[at]) end
LUA

"$bin/serve" -m "$model" -s "$sids" -b "$beam" -l 127.0.0.1:0 "$@" 2>"$work/err" &
server=$!
for _ in $(seq 600); do grep -q listening "$work/err" && break; sleep 0.1; done
url=$(sed -n 's/.*listening on //p' "$work/err")
memory() { awk '/VmRSS/ { printf "%.0f MB", $2 / 1024 }' "/proc/$server/status"; }
BODIES=$work/bodies wrk -t1 -c"${CONNECTIONS:-64}" -d2s -s "$work/bodies.lua" "$url" >/dev/null # what is made once
before=$(memory)
BODIES=$work/bodies wrk -t1 -c"${CONNECTIONS:-64}" -d"${SECONDS_LONG:-20}s" --latency -s "$work/bodies.lua" "$url" >"$work/wrk"
echo "serve: $(awk '/Requests\/sec/ { r = $2 } $1 == "99%" { p = $2 } $1 == "50%" { h = $2 } END { print r " requests/s, half within " h ", p99 " p }' "$work/wrk");" \
    "$(grep -E 'Non-2xx|Socket errors' "$work/wrk" || echo 'no error'); memory $before, then $(memory)"
kill "$server" && wait "$server"
server=

users=$(wc -l <"$work/bodies")
start=$(date +%s.%N)
"$bin/evaluate" -q -m "$model" -s "$sids" -i "$interactions" -b "$beam" "$@" -o "$work/metrics.json" 2>/dev/null
awk -v s="$start" -v e="$(date +%s.%N)" -v n="$users" 'BEGIN { printf "evaluate: %.0f users/s as a whole program\n", n / (e - s) }'
