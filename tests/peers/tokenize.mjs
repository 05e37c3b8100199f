// What Hugging Face's tokenizers gives, in the form of tokenize(1); the package is looked for in the working folder.
//
//   node tokenize.mjs encode tokenizer.json < texts.jsonl     {"ids": [...]} a line of {"text": "..."}
//   node tokenize.mjs train tokenizer.json TEXT OUT           the same pre-tokenizer, trained with the library's defaults
import { createRequire } from "node:module";
import readline from "node:readline";

const { Tokenizer } = createRequire(process.cwd() + "/")("@anush008/tokenizers");
const [command, path, text, out] = process.argv.slice(2);
const tokenizer = Tokenizer.fromFile(path);

if (command === "train") {
    tokenizer.train([text]);
    tokenizer.save(out);
} else {
    for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        const encoded = await tokenizer.encode(JSON.parse(line).text, null, { addSpecialTokens: false });
        process.stdout.write(`{"ids": [${encoded.getIds().join(",")}]}\n`);
    }
}
