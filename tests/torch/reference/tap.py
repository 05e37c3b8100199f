"""What the comparisons with PyTorch share: the programs, and results as TAP."""
import os
import pathlib
import subprocess
import sys

BIN = pathlib.Path(os.environ.get("SIDMILL_BIN", pathlib.Path(__file__).resolve().parents[3] / "build" / "bin")).resolve()
results = []


def check(good, name, said=""):
    results.append(bool(good))
    print(f"{'' if good else 'not '}ok {len(results)} - {name}{f' # {said}' if said else ''}", flush=True)


def run(tool, *args, stdin=""):
    """What a program of ours prints; its failure ends the script."""
    p = subprocess.run([BIN / tool, *map(str, args)], capture_output=True, text=True, input=stdin)
    if p.returncode:
        sys.exit(f"Bail out! {tool}: {p.stderr}")
    return p.stdout


def done():
    print(f"1..{len(results)}")
    sys.exit(not all(results))
