#!/bin/bash
# How time and memory of every stage grow with the catalogue: one chain from synth's items to lists, at 1, 10 and 100 times a size. See README.
#
# tests/bench/growth.sh [SIZE...]   items, and users with 20 events each (default: 10000 100000 1000000)
# From the environment: SAMPLE of items that space and codebooks are fitted to (20000), EXAMPLES trained on and ASK histories asked (20000),
# LEVELS of 256 codes (4), DIM of embeddings (128), MINE: most items for mine-intent (1000000), TRAIN_FLAGS (--body timeline --gemm auto), THREADS
# (0: one a processor), KEEP: a folder whose files and figures are used again, TMPDIR, BUILD (build).
# shellcheck disable=SC2086 # options are words
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$(realpath "${BUILD:-$root/build}")/bin:$PATH
[ $# -gt 0 ] || set -- 10000 100000 1000000

work=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# What runs, by stage; in the folder of a size.
synth_all() { synth -q -n "$size" -u "$size" --mean-length 20 --no-images $threads -o .; }
ingest_all() { ingest -q --items items.jsonl --interactions interactions.tsv --items-out in.jsonl -o interactions.st; }
mine_all() { mine-intent -q --judge builtin $threads -o mined.jsonl < in.jsonl; }
fit_some() { shuf -n "$sample" --random-source=items.jsonl in.jsonl | embed -q --dim "${DIM:-128}" --fit-only $threads -o fit.st; }
embed_all() { embed -q --fit fit.st $threads -o embeddings.st in.jsonl; }
quantise() { rqvae -q --levels "${LEVELS:-4}" --sample "$sample" --max-suffix 4096 $threads -o sids.st < embeddings.st; }
learn() { sidgen-train -q -s sids.st -i interactions.st --epochs 1 --examples "$examples" --valid-users 0 --log train.jsonl $train $threads -o model.st; }
# The histories of some users, as lines: interactions.tsv has them user by user, in time.
ask() { awk -F'\t' -v n="$asked" 'NR > 1 { if ($1 != u) { if (u != "" && k++ < n) print s; u = $1; s = $2 } else s = s " " $2 } k >= n { exit }' interactions.tsv > histories.txt; }
answer() { recommend -q -m model.st -s sids.st $threads -o lists.tsv < "$1" 2> skipped; }

# Runs a stage, unless its figures are there from another time: seconds, processor seconds, MB.
stage() { # stage NAME FUNCTION [ARGUMENT]
    [ -s "took.$1" ] || /usr/bin/time -o "took.$1" -f '%e %U %S %M' bash -euo pipefail -c '"$@"' - "${@:2}"
    awk -v size="$size" -v name="$1" '{ printf "%10d %-11s %10.1f %10.1f %8.0f\n", size, name, $1, $2 + $3, $4 / 1024 }' "took.$1" | tee -a "$work/table"
}

export sample="${SAMPLE:-20000}" examples="${EXAMPLES:-20000}" asked="${ASK:-20000}" size
export threads="--threads ${THREADS:-0}" train="${TRAIN_FLAGS:---body timeline --gemm auto}"
export -f synth_all ingest_all mine_all fit_some embed_all quantise learn answer
: > "$work/table"
printf '%10s %-11s %10s %10s %8s\n' items stage seconds processor MB
for size; do
    mkdir -p "$work/$size"
    cd "$work/$size"
    stage synth synth_all
    stage ingest ingest_all
    [ "$size" -gt "${MINE:-1000000}" ] || stage mine-intent mine_all
    stage fit fit_some
    stage embed embed_all
    stage rqvae quantise
    stage train learn
    [ -s histories.txt ] || ask
    stage start answer /dev/null
    stage recommend answer histories.txt
    awk -v size="$size" -v asked="$(wc -l < histories.txt)" -v rate="$(sed -n '$s/.*"tokens_per_second":\([0-9]*\)}$/\1/p' train.jsonl)" '
        FNR == 1 { s[++n] = $1 } END { printf "%10d %d windows\47 items/s in training; %.0f users/s by recommend, once started\n", size, rate, asked / (s[2] - s[1]) }
        ' took.start took.recommend
done

# A stage's exponents: of processor time and of memory, from each size to the next.
awk '{ t[$2, $1] = $4; m[$2, $1] = $5; if (!seen[$2]++) name[++names] = $2; if (!met[$1]++) size[++sizes] = $1 }
     END {
         printf "\n%-11s", "exponents"
         for (s = 2; s <= sizes; s++) printf "  %10d to %10d", size[s - 1], size[s]
         print ""
         for (n = 1; n <= names; n++) {
             printf "%-11s", name[n]
             for (s = 2; s <= sizes; s++) {
                 by = log(size[s] / size[s - 1])
                 a = t[name[n], size[s - 1]]; b = t[name[n], size[s]]; c = m[name[n], size[s - 1]]; d = m[name[n], size[s]]
                 printf "  %s", sprintf("time %5s, memory %5s", a > 0.2 && b > 0 ? sprintf("%.2f", log(b / a) / by) : "-", sprintf("%.2f", log(d / c) / by))
             }
             print ""
         }
     }' "$work/table"
