#!/usr/bin/python3
"""embed --text llm:DIR against PyTorch, from texts to vectors, on random weights: small decoders of every family in every form that a
folder may have. Prints TAP; the binaries are in SIDMILL_BIN (build/bin)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy as np
import torch
from reference import read_safetensors, tap
from reference.decoder import hidden, read_folder
from reference.tap import BIN

HERE = pathlib.Path(__file__).resolve().parent
torch.set_default_dtype(torch.float32)
WORDS = "oil of argan for dry hair, a lantern that shines at night; 12 brushes éclat ñandú 日本 soap and rose water".split()
LLAMA3 = '{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}'
FOLDERS = [("Llama", "family=llama"), ("Llama 3.1's rope", f"family=llama set.rope_scaling={LLAMA3}"),
           ("Mistral, a window beyond the texts", "family=mistral set.sliding_window=600"), ("Qwen2", "family=qwen2"), ("Qwen3", "family=qwen3"),
           ("F16 in three files", "family=qwen2 dtype=F16 shards=3"), ("BF16", "family=qwen3 dtype=BF16"),
           ("tied, saved without a head", "family=qwen3 prefix= tied=yes"), ("one key-value head", "family=llama kv=1"),
           ("heads wider than the model", "family=qwen3 head_dim=24 heads=6 kv=3"), ("wide", "family=qwen2 hidden=256 wide=704 layers=4 heads=8 head_dim=32")]


def run(*command, **options):
    p = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if p.returncode:
        sys.exit(f"Bail out! {command[0]}: {p.stderr}")
    return p.stdout


def make_items(rng):
    titles = [" ".join(rng.choice(WORDS, int(n))) for n in rng.integers(1, 30, 40)]
    with open("items.jsonl", "w") as f:
        for i, title in enumerate(titles):
            f.write(json.dumps({"id": f"i{i}", "title": title, "description": f"item {i}"}) + "\n")
    return [f"{title}\nitem {i}" for i, title in enumerate(titles)]


def frame_tokenizer():
    """A tokenizer with a token behind every text, as Qwen3-Embedding's has."""
    t = json.loads(pathlib.Path("plain.json").read_text())
    last = 1 + max([*t["model"]["vocab"].values(), *(a["id"] for a in t["added_tokens"])])
    t["added_tokens"].append({"id": last, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True})
    t["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|end|>", "type_id": 0}}],
         "pair": [], "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [last], "tokens": ["<|end|>"]}}}]}
    return json.dumps(t), last


def token_ids(texts):
    lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    out = run(BIN / "tokenize", "encode", "--tokenizer", "plain.json", "--form", "json", input=lines)
    return [json.loads(line)["ids"] for line in out.splitlines()]


def main():
    rng = np.random.default_rng(3)
    texts = make_items(rng)
    run(BIN / "tokenize", "train", "-q", "--vocab", "330", "-o", "plain.json", "items.jsonl")
    framed, end = frame_tokenizer()
    pathlib.Path("llm").mkdir()
    for name, flags in FOLDERS:
        for old in pathlib.Path("llm").iterdir():
            old.unlink()
        run(HERE.parent / "helpers" / "llm_folder.py", "llm", *flags.split())
        pathlib.Path("llm", "tokenizer.json").write_text(framed)
        weights, config = read_folder("llm")
        for pool, options in ("last", []), ("mean", ["--pool", "mean"]), ("last, instructed", ["--instruction", "find what goes with it"]):
            run(BIN / "embed", "-q", "--text", "llm:llm", "--cache", "none", "--fields", "title,description", *options, "-o", "out.st", "items.jsonl")
            found = read_safetensors("out.st")[0]["text"]
            before = "Instruct: find what goes with it\nQuery:" if "instructed" in pool else ""
            with torch.inference_mode():
                states = [hidden(weights, config, ids + [end]) for ids in token_ids([before + t for t in texts])]
                pooled = torch.stack([s.mean(0) if pool == "mean" else s[-1] for s in states]).numpy()
            expected = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
            off = float(np.abs(found - expected).max())
            tap.check(off < 1e-5, f"{name}, {pool}", f"off by {off:.1e}")
    tap.done()


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    main()
