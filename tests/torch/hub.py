#!/usr/bin/python3
"""hub export against PyTorch: what a generator makes of prompts, by the folder alone, its tokenizer included; of one on a base also by the
base and the adapter. Prints TAP; the binaries are in SIDMILL_BIN (build/bin)."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "helpers"))
import tensors
import torch
import torch.nn.functional as F
from reference import tap
from reference.clip import read_tensors
from reference.decoder import hidden, read_folder
from reference.tap import run

torch.set_default_dtype(torch.float32)
SHAPE = "--dim 32 --layers 2 --heads 2 --kv-heads 1 --ffn 48 --dropout 0 --max-items 8 --batch-tokens 256 --shards 2 --lr 0.01 --warmup 5 --patience 0".split()


def check(name, off, most):
    tap.check(off <= most, name, f"off by {off:.1e}")


def encode(text):
    return json.loads(run("tokenize", "encode", "--form", "json", "-t", "folder/tokenizer.json", stdin=json.dumps({"text": text}) + "\n"))["ids"]


class Folder:
    """A folder's model, asked by texts."""

    def __init__(self, base=None):
        self.weights, self.config = read_folder(base or "folder")
        self.weights = {k if k.startswith(("model.", "lm_head.")) else "model." + k: v.float() for k, v in self.weights.items()}
        if base:
            self.add_adapter()
        self.output = self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"])

    def add_adapter(self):
        """Takes the pairs into their matrices, and the tables in place of the base's, as PEFT does."""
        config = json.load(open("folder/adapter_config.json"))
        adapter = {k.removeprefix("base_model.model."): v.float() for k, v in read_tensors("folder/adapter_model.safetensors").items()}
        for name, value in adapter.items():
            if name.endswith("lora_A.weight"):
                to = name.replace("lora_A.", "")
                self.weights[to] = self.weights[to] + config["lora_alpha"] / config["r"] * adapter[name.replace("lora_A", "lora_B")] @ value
            elif "lora_" not in name:
                self.weights[name] = value

    def log_p(self, prompt, answer, allowed):
        """The log-probability of an answer's tokens, each among those that `allowed` gives for the tokens before it."""
        ids, start = prompt + answer, len(prompt)
        with torch.inference_mode():
            states = hidden(self.weights, self.config, ids)[start - 1:-1]
            total = 0
            for i, token in enumerate(answer):
                among = allowed(tuple(answer[:i]))
                logits = F.linear(states[i], self.output[among])
                total += float(logits.log_softmax(-1)[among.index(token)])
        return total


def sid_texts():
    """The SIDs of all items, as the folder's tokenizer spells them."""
    t, meta = tensors.load("sids.st")
    levels = t["codes"].shape[1]
    ids = bytes(t["item_ids"]).decode().split()
    return {name: "".join(f"<{chr(97 + l)}_{c}>" for l, c in enumerate(codes)) + (f"<{chr(97 + levels)}_{s}>" if s >= 0 else "")
            for name, codes, s in zip(ids, t["codes"].tolist(), t["suffix"].tolist())}


def next_items(folder, sids, before="<|history|>"):
    """The largest difference in the scores of items after histories."""
    items, off = list(sids), 0
    answers = {name: encode(text) for name, text in sids.items()}
    children = {}
    for answer in answers.values():
        for i, token in enumerate(answer):
            children.setdefault(tuple(answer[:i]), set()).add(token)
    for n in 1, 3, 8:
        history = items[n:2 * n]
        line = run("recommend", "-q", "-m", "model.st", "-s", "sids.st", "-k", 20, "-b", 40, stdin=" ".join(history) + "\n").split()
        prompt = encode(before + "".join(sids[i] for i in history))
        for found in line:
            name, score = found.rsplit(":", 1)
            off = max(off, abs(float(score) - folder.log_p(prompt, answers[name], lambda prefix: sorted(children[prefix]))))
    return off


def titles(folder, sids, texts):
    """The same of the titles that the model tells of items; any token of the texts may follow, and the end."""
    end, off = encode("<|end|>"), 0
    among = list(range(texts)) + end
    for name in list(sids)[:6]:
        told = json.loads(run("explain", "-q", "-j", "-s", "sids.st", "-i", "items.jsonl", "-m", "model.st", "--say", name))
        prompt = encode(f"<|task_5|>{sids[name]}<|answer|>")
        off = max(off, abs(told["said"]["log_p"] - folder.log_p(prompt, encode(told["said"]["title"]) + end, lambda prefix: among)))
    return off


def make_texts(sids):
    words = "red green blue lamp chair of wood and glass for the garden".split()
    with open("items.jsonl", "w") as f:
        for i, name in enumerate(sids):
            f.write(json.dumps({"id": name, "title": " ".join(words[(i * k + k) % len(words)] for k in (1, 3, 5))}) + "\n")
    run("tokenize", "train", "-q", "--vocab", 300, "items.jsonl", "-o", "tokenizer.json")
    return 300


def export(*options):
    run("sidgen-train", "-q", "-s", "sids.st", "-i", "interactions.st", *SHAPE, "-o", "model.st", *options)
    run("hub", "export", "-m", "model.st", "-s", "sids.st", "-o", "folder")
    return Folder()


def on_base(*options):
    run("sidgen-train", "-q", "-s", "sids.st", "-i", "interactions.st", "--base", "base", "--max-items", 8, "--batch-tokens", 512, "--shards", 2, "--lr", 0.01,
        "--epochs", 2, "--patience", 0, "-o", "model.st", *options)


def main():
    subprocess.run([HERE.parent / "helpers" / "toy.py", "."], check=True)
    sids = sid_texts()
    check("recommendations of a model of codes", next_items(export("--epochs", 4), sids), 1e-4)
    run("hub", "export", "-m", "model.st", "-s", "sids.st", "--dtype", "bf16", "-o", "folder")
    check("the same as BF16", next_items(Folder(), sids), 0.1)
    texts = make_texts(sids)
    folder = export("--epochs", 20, "--valid-users", 0, "--tasks", "1,4,5", "--items", "items.jsonl", "--tokenizer", "tokenizer.json")
    check("recommendations of a model with texts", next_items(folder, sids), 1e-4)
    check("titles that it tells", titles(folder, sids, texts), 1e-4)
    asked = "What a customer bought, the oldest first:\n"
    for family, flags in ("qwen2", ["tied=yes"]), ("llama", ["prefix="]), ("qwen3", ["shards=2"]):
        subprocess.run([HERE.parent / "helpers" / "llm_folder.py", "base", f"family={family}", *flags], check=True)
        pathlib.Path("base/tokenizer.json").write_text(pathlib.Path("tokenizer.json").read_text())
        on_base("--lora-rank", 4)
        for form, adapter in ("whole", []), ("adapter", ["--adapter"]):
            shutil.rmtree("folder")
            run("hub", "export", "-m", "model.st", "-s", "sids.st", "-o", "folder", *adapter)
            check(f"recommendations on {family}, {form}", next_items(Folder("base" if adapter else None), sids, asked), 1e-4)
        on_base("--full")
        shutil.rmtree("base")
        shutil.rmtree("folder")
        run("hub", "export", "-m", "model.st", "-s", "sids.st", "-o", "folder")
        check(f"recommendations of {family} in full, without the base", next_items(Folder(), sids, asked), 1e-4)
    tap.done()


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    main()
