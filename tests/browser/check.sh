#!/bin/bash
# The page in a headless Chromium, driven by playwright-core, which npm has, as it has axe-core: a report of made-up data, and the explorer
# that serve gives, with and without a token. Arguments: PACKAGE:PROBE... needed, as for scripts/deps. Installs npm's packages into
# BUILD/browser. Where there is no browser, or npm does not bring them, nothing is opened, which is said loudly.
#
# From the environment: BUILD (build).
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath -m "${BUILD:-$root/build}")
packages=$build/browser
servers=()

skipped() { echo "check-browser: NOTHING OPENED: $*" >&2; exit 0; }

cleanup()
{
    [ ${#servers[@]} -eq 0 ] || kill "${servers[@]}"
    rm -rf "$work"
}

# Starts a server; prints its port.
serve() # serve NAME OPTION...
{
    "$build/bin/serve" -l 127.0.0.1:0 "${@:2}" 2> "$1.err" &
    servers+=($!)
    for _ in $(seq 400); do
        grep -q listening "$1.err" && break
        sleep 0.02
    done
    port=$(sed -n 's|.*listening on http://127.0.0.1:||p' "$1.err")
    [ -n "$port" ] || { cat "$1.err" >&2; exit 1; }
}

"$root/scripts/deps" ensure "$@" || skipped "missing $*"
mkdir -p "$packages" || exit 1
npm install --silent --no-fund --no-audit --prefix "$packages" playwright-core@1.65.1 axe-core@4.14.1 > "$packages/log" 2>&1 ||
    skipped "npm does not install the packages: see $packages/log"

work=$(mktemp -d) || exit 1
trap cleanup EXIT
cd "$work" || exit 1
{ /usr/bin/python3 "$here/toy.py" . && "$build/helpers/page" toy report.json catalogue.json > report.html; } || exit 1

PYTHONPATH=$root/tests/helpers "$root/tests/helpers/evaluate.py" make . || exit 1
"$build/bin/sidgen-train" -q -s sids.st -i i.st --dim 16 --heads 2 --ffn 32 --batch-tokens 1024 --shards 8 --warmup 2 --valid-users 0 \
    --layers 1 --epochs 2 -o model.st || exit 1
"$build/bin/blend" -q -i i.st -m model.st -s sids.st -o both.st || exit 1
"$build/bin/blend" -q -i i.st -o alone.st || exit 1
for i in {0..59}; do
    echo "{\"id\":\"i$i\",\"title\":\"Tea pot <b>$i</b>\",\"brand\":\"B$((i % 3))\",\"categories\":[\"All\",\"$((i % 2))\"]}"
done > items.jsonl
echo sesame > token
serve open -m model.st -s sids.st --blend both.st --items items.jsonl
open=$port
serve closed -m model.st -s sids.st --items items.jsonl --token-file token
closed=$port
serve alone --blend alone.st
node "$here/browse.mjs" "$(command -v chromium)" "$packages" "$work/report.html" "$open" "$closed" "$port"
