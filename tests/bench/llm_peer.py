#!/usr/bin/python3
"""PyTorch's side of llm.sh: llm_peer.py DIR TEXTS TOKENS THREADS BATCH prints tokens/s of the decoder in DIR over so many texts."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torch"))
import torch
from reference.decoder import hidden, read_folder

folder, texts, tokens, threads, batch = sys.argv[1], *map(int, sys.argv[2:])
torch.set_default_dtype(torch.float32)
torch.set_num_threads(threads)
weights, config = read_folder(folder)
ids = torch.randint(0, 256, (texts, tokens))
with torch.inference_mode():
    hidden(weights, config, ids[:1])
    begin = time.monotonic()
    for i in range(0, texts, batch):
        hidden(weights, config, ids[i:i + batch])
    print(f"{texts * tokens / (time.monotonic() - begin):.1f}")
