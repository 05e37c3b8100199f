#!/usr/bin/python3
"""Texts to compare tokenizers on, as JSON Lines: what is found on this machine, and 5,000 made of what tokenizers find hard.

texts.py MEGABYTES FOLDER...   that much of the folders' files, in stretches of 20 to 5,000 characters, as much of each folder as of others"""
import gzip
import json
import os
import random
import sys

HARD = ["'s", "'S", "'\u017f", "\u017f", "\u0085", "\ufeff", "\u180e", "\v", "'re", "'LL", "'d", " ", "  ", "\t", "\n", "\r\n", "\r", "\u3000", "\u2028", "\u00a0", "\u200b", "\u200d", "\ufe0f",
        "\U0001f469", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "日本語", "ไทย", "हिन्दी", "עברית", "العربية", "한국어", "\u1112\u1161\u11ab",
        "e\u0301", "é", "\u0301", "\u0323\u0307", "q\u0307\u0323", "ﬁ", "Å", "ǅ", "ʰ", "ª", "²", "Ⅷ", "½", "٣٤٥", "12345", "1", "A", "b", "HTTPServer", "camelCase", "straße",
        "ΑΒγ", "Жук", "/", "//", "!", "...", "—", "<", ">", "<|im_start|>", "<|endoftext|>", "<|end", "<|begin_of_text|>", "<think>", "</think>", "|>", "\0", "\x01", "\x7f",
        "\U00020000", "\uac00\u11a8", "_", "a" * 50, " " * 40, "\n" * 5, "ab" * 40, "\u0f73", "\u0344", "\u2126", "\U0001d15e", "\ufb1d"]


def write(text):
    sys.stdout.write(json.dumps({"text": text}) + "\n")


def files(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(path, name)


def read(path):
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
            return f.read().decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return ""


rng = random.Random(1)
for _ in range(5000):
    write("".join(rng.choices(HARD, k=rng.randrange(14))))
share = float(sys.argv[1]) * 1e6 / max(1, len(sys.argv) - 2)
for folder in sys.argv[2:]:
    written = 0
    for path in files(folder):
        text, at = read(path), 0
        while at < len(text) and written < share:
            n = rng.choice((20, 100, 500, 2000, 5000))
            write(text[at:at + n])
            written += len(text[at:at + n].encode())
            at += n
