#!/bin/bash
# MB/s of tokenize train and encode, by processor time on one thread, over texts of one's own or those of the catalogues. See README.
#
# tests/bench/tokenize.sh [FILE...]   text, a line each (default: the items.jsonl under SIDMILL_DATA, as lines)
# From the environment: TOKENIZERS (those that check-peers has brought, and one trained here), RUNS (3), BUILD (build).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${BUILD:-$root/build}")
tokenize=$build/bin/tokenize
data=$(realpath -m "${SIDMILL_DATA:-$root/../shared/data}")
[ $# -gt 0 ] || set -- "$data"/*/items.jsonl
[ -e "$1" ] || { echo "tokenize.sh: SKIPPED: no $1"; exit 0; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "$@" >"$work/text"
: >"$work/empty"

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# The least processor seconds and the most memory, in MB, of some runs of a command.
measure() {
    /usr/bin/python3 - "${RUNS:-3}" "$@" <<'PY'
import os, subprocess, sys
seconds, memory = [], 0
for _ in range(int(sys.argv[1])):
    p = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    if status: sys.exit(f"{sys.argv[2:]}: {status}")
    seconds.append(used.ru_utime + used.ru_stime)
    memory = max(memory, used.ru_maxrss / 1024)
print(f"{min(seconds):.3f} {memory:.0f}")
PY
}

size=$(stat -c %s "$work/text")
report() { # report WHAT SECONDS MEMORY [SECONDS BEFORE]
    awk -v what="$1" -v s="$2" -v m="$3" -v b="${4:-0}" -v n="$size" \
        'BEGIN { printf "%-44s %8.1f MB %7.2f s %7.1f MB/s %6d MB peak\n", what, n / 1e6, s - b, n / 1e6 / (s - b), m }'
}

read -r seconds memory < <(measure "$tokenize" train -q --form lines --threads 1 "$work/text" -o "$work/own.json")
report "train --vocab 8192" "$seconds" "$memory"
default=("$work/own.json")
for file in "$build"/peers/{qwen3,llama3,gpt4o}.json; do [ ! -e "$file" ] || default+=("$file"); done
read -ra tokenizers <<<"${TOKENIZERS:-${default[*]}}"
for file in "${tokenizers[@]}"; do
    read -r before _ < <(measure "$tokenize" encode -t "$file" --threads 1 "$work/empty")
    read -r seconds memory < <(measure "$tokenize" encode -t "$file" --threads 1 "$work/text")
    report "encode -t $(basename "$file"), read in $before s" "$seconds" "$memory" "$before"
done
