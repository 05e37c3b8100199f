// The ids that a package of Hugging Face's or a descendant of it gives texts: node tokenize.mjs PACKAGE tokenizer.json < texts.jsonl
// A line of input is {"text": "..."}, one of output {"ids": [...]}, as tokenize(1) writes it.
import fs from "node:fs";
import { createRequire } from "node:module";
import readline from "node:readline";

const [name, path] = process.argv.slice(2);
const peer = createRequire(process.cwd() + "/")(name);
const json = JSON.parse(fs.readFileSync(path, "utf8"));
const config = { tokenizer_class: "PreTrainedTokenizer", clean_up_tokenization_spaces: false };
const tokenizer = peer.TokenizerLoader
    ? peer.TokenizerLoader.fromPreTrained({ tokenizerJSON: json, tokenizerConfig: config })
    : new peer.Tokenizer(json, config);
const ids = (text) => {
    const encoded = tokenizer.encode(text, { add_special_tokens: false });
    return Array.isArray(encoded) ? encoded : encoded.ids;
};

for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    process.stdout.write(`{"ids": [${ids(JSON.parse(line).text).join(",")}]}\n`);
}
