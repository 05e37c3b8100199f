"""Compares the literal parser with Python's own: literals.py TEST_PROGRAM SEED COUNT.

Random literals as repr() prints them and as people write them, and random damage to them. What both take must be the same
value; what only we refuse must be something that the parser's header says is refused.
"""
import ast
import json
import random
import subprocess
import sys
import warnings

program, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)
warnings.simplefilter("ignore")
alphabet = "abc XYZ 019 '\"\\\n\t\r/<>&{}[](),:;#_-+.\u00e9\u00df\u4e2d\u20ac\U0001f600\x00\x01\x1f\x7f\x85\xa0\u2028\ud83d\ude00\udfff"


def text():
    return "".join(r.choice(alphabet) for _ in range(r.choice([0, 1, 2, 5, 20])))


def number():
    return r.choice([lambda: r.randrange(-9, 10), lambda: r.randrange(-10**30, 10**30), lambda: round(r.uniform(-1000, 1000), 2),
                     lambda: r.uniform(-1, 1) * 10.0 ** r.randrange(-300, 300)])()


def value(depth):
    kind = r.randrange(9 if depth else 5)
    if kind == 0:
        return number()
    if kind == 1:
        return r.choice([True, False, None])
    if kind < 5:
        return text()
    n = r.randrange(4)
    if kind == 5:
        return tuple(value(depth - 1) for _ in range(n))
    if kind == 6:
        return [value(depth - 1) for _ in range(n)]
    # True and 1 are one key to Python, and two to us.
    return {r.choice([text, text, text, lambda: r.randrange(2, 99), lambda: r.choice([True, None])])(): value(depth - 1)
            for _ in range(n)}


def quoted(s):
    """One of the many ways to write a string."""
    quote = r.choice(["'", '"', "'''", '"""'])
    out = ""
    for c in s:
        o = ord(c)
        ways = [f"\\U{o:08x}"] + ([f"\\x{o:02x}"] if o < 256 else []) + ([f"\\u{o:04x}"] if o < 65536 else [])
        ways += [f"\\{o:03o}"] if o < 512 else []
        if c.isprintable() and c not in "'\"\\":
            ways += [c] * 12
        out += r.choice(ways)
    return r.choice(["", "", "u", "U"]) + quote + out + quote


def written(v):
    gap = r.choice(["", "", " ", "\t"])
    if isinstance(v, str):
        cut = r.randrange(len(v) + 1)
        return quoted(v) if r.random() < .7 else quoted(v[:cut]) + gap + quoted(v[cut:])
    if isinstance(v, dict):
        body = [f"{gap}{written(k)}{gap}:{gap}{written(x)}{gap}" for k, x in v.items()]
        return "{" + ",".join(body) + ("," if body and r.random() < .3 else "") + "}"
    if isinstance(v, (list, tuple)):
        body = ",".join(gap + written(x) + gap for x in v)
        comma = "," if len(v) == 1 and isinstance(v, tuple) or (v and r.random() < .3) else ""
        return "(["[isinstance(v, list)] + body + comma + ")]"[isinstance(v, list)]
    if isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**64 and r.random() < .3:
        return ("-" if v < 0 else r.choice(["", "+"])) + r.choice([hex, oct, bin, "{:_}".format])(abs(v))
    return repr(v)


def damaged(s):
    s = list(s)
    for _ in range(r.randrange(1, 3)):
        at = r.randrange(len(s) + 1)
        what = r.randrange(3)
        if what == 0 and at < len(s):
            del s[at]
        elif what == 1:
            s.insert(at, r.choice("'\"\\,:()[]{}-+._0x1eEjJrubfN \x0c#"))
        elif at < len(s):
            s[at] = r.choice("'\"\\,:()[]{}-+._0x1eEjJrub ")
    return "".join(s)


def utf16(v):
    """The value as JSON has it: pairs of surrogates joined, single ones and U+0000 replaced, tuples as lists, keys as strings."""
    if isinstance(v, str):
        return v.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(v, dict):
        return {utf16(k if isinstance(k, str) else json.dumps(k)): utf16(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [utf16(x) for x in v]
    return v


def only_ours(line, why, theirs):
    """A refusal that the header announces."""
    if any(w in why for w in ("nested", "64 bits", "\\N", "complex", "too large", "as key")) or "#" in line:
        return True
    return isinstance(theirs, tuple) or any(isinstance(v, (bytes, set, complex)) or v is ... for v in parts(theirs))


def parts(v):
    """The value and all that it holds."""
    yield v
    for x in [*v.keys(), *v.values()] if isinstance(v, dict) else v if isinstance(v, (list, tuple)) else []:
        yield from parts(x)


lines = []
while len(lines) < count:
    v = value(3)
    line = repr(v) if r.random() < .4 else written(v)
    if r.random() < .4:
        line = damaged(line)
    if "\n" not in line and "\r" not in line and "\0" not in line and not any("\ud800" <= c <= "\udfff" for c in line):
        lines.append(line)
answers = subprocess.run([program, "--convert"], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True,
                         encoding="utf-8", check=True).stdout.split("\n")
assert len(answers) == len(lines) + 1, (len(answers), len(lines))
taken = refused = announced = 0
for line, answer in zip(lines, answers):
    try:
        theirs = ast.literal_eval(line)
        ok = True
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        ok = False
    if answer.startswith("refused: "):
        if ok:
            assert only_ours(line, answer, theirs), f"only Python takes {line!r}: {answer}"
            announced += 1
        else:
            refused += 1
        continue
    assert ok, f"only we take {line!r}: {answer}"
    ours = utf16(json.loads(answer))
    assert ours == utf16(theirs), f"{line!r}\nours   {ours!r}\ntheirs {utf16(theirs)!r}"
    taken += 1
print(f"{taken} alike, {refused} refused by both, {announced} refused by us alone")
assert taken > count / 3 and refused > count / 10 and announced < count / 10
