#!/usr/bin/env python3
"""Holds the TOML reader against Python's tomllib: the same documents are read, to the same values,
and the same are refused. usage: toml_oracle.py TOML_DUMP [ROUNDS]"""

import datetime
import json
import math
import pathlib
import random
import subprocess
import sys

try:
    import tomllib
except ImportError:
    print("skipped: this Python has no tomllib (it came with 3.11)")
    sys.exit(77)

# what a text file cannot hold; the rest is in data/toml, documents between lines of ----
VALID_BYTES = [b"", b"\n", b"\r\n", b"a = 1\r\n[b]\r\nc = 2", b'a = """x\r\ny"""\r\n', b"a = '\t'",
               b'a = "\\u0000"', b"#\ttab", b"[a]\n" + b"".join(b"k%d=%d\n" % (i, i) for i in range(3000)),
               b"a = [" + b"1," * 20000 + b"]", b"".join(b"[[r]]\nid=%d\n" % i for i in range(3000))]
INVALID_BYTES = [b"a = 1\rb = 2", b"a = '\x00'", b"# \x01", b"a = '\x7f'", b"\xff", b"a = '\xed\xa0\x80'",
                 b"# \xc0\x80", b"a = '\x1b'", b"# bad \r x", b'a = """x\ry"""', b"\x0ca=1", b"a\x0b=1",
                 b'a = "\n"', b"a = '\r\n'", b"\xef\xbb", b"a = 9223372036854775808", b"a = -9223372036854775809",
                 b"a = 0x8000000000000000"]


def shape(v):
    """What toml_dump prints for a value of tomllib's."""
    if isinstance(v, dict):
        return {k: shape(x) for k, x in v.items()}
    if isinstance(v, list):
        return ["array"] + [shape(x) for x in v]
    if isinstance(v, bool):
        return ["bool", v]
    if isinstance(v, int):
        return ["integer", v]
    if isinstance(v, float):
        return ["float", v]
    if isinstance(v, str):
        return ["string", v]
    if isinstance(v, datetime.datetime):
        return ["datetime" if v.tzinfo else "datetime-local", v]
    return ["date-local" if isinstance(v, datetime.date) else "time-local", v]


def same(ours, theirs):
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[k], theirs[k]) for k in ours)
    if ours[0] != theirs[0] or len(ours) != len(theirs):
        return False
    if ours[0] == "array":
        return all(map(same, ours[1:], theirs[1:]))
    if ours[0] == "float":
        a, b = float(ours[1]), theirs[1]
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if ours[0] in ("integer", "bool", "string"):
        return ours[1] == theirs[1]
    return tomllib.loads("x = " + ours[1])["x"] == theirs[1]


def theirs(doc):
    """The tree, or None when tomllib refuses it."""
    try:
        tree = shape(tomllib.loads(doc.decode()))
    except (ValueError, RecursionError):  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        return None

    def fits(v):  # tomllib reads whole numbers of any size; the specification asks for 64 bits
        if isinstance(v, dict):
            return all(map(fits, v.values()))
        if v[0] == "array":
            return all(map(fits, v[1:]))
        return v[0] != "integer" or -2**63 <= v[1] < 2**63
    return tree if fits(tree) else None


def dump(exe, docs):
    fed = b"".join(b"%d\n%b" % (len(d), d) for d in docs)
    out = subprocess.run([exe], input=fed, capture_output=True, timeout=120)
    assert out.returncode == 0, out.stderr
    lines = out.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(docs), (len(lines), len(docs))
    return lines


def mutate(rng, docs):
    doc = bytearray(rng.choice(docs))
    other = rng.choice(docs)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(doc))
        n = rng.randint(0, 3)
        if rng.random() < 0.3 and other:
            start = rng.randrange(len(other))
            doc[at:at] = other[start:start + rng.randint(1, 30)]
        else:
            doc[at:at + n] = rng.choice([b"", b'"', b"'", b"[", b"]", b"{", b"}", b".", b"=", b"\n", b"\\", b"_", b"0",
                                         b"1", b"e", b"-", b"+", b":", b"T", b" ", b",", b"#", b"a", b"\r\n", b'"""', b"'''"])
    return bytes(doc)


def expected_difference(doc):
    """Where reading more than tomllib is right: leap seconds, the year 0."""
    return b":60" in doc or b"0000-" in doc


def main():
    exe, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    data = pathlib.Path(__file__).parent / "data/toml"
    valid = (data / "valid.txt").read_bytes().split(b"----\n") + VALID_BYTES
    invalid = (data / "invalid.txt").read_bytes().split(b"----\n") + INVALID_BYTES
    for doc in valid:
        assert theirs(doc) is not None, f"tomllib refuses {doc[:200]!r}"
    for doc in invalid:
        assert theirs(doc) is None, f"tomllib reads {doc[:200]!r}"
    rng = random.Random(20261122)
    docs = valid + invalid + [mutate(rng, valid[:24]) for _ in range(rounds)]
    read = refused = wrong = 0
    for doc, line in zip(docs, dump(exe, docs)):
        tree = theirs(doc)
        if line.startswith("!") != (tree is None):
            if expected_difference(doc) and tree is None:
                continue
        elif tree is None:
            refused += 1
            continue
        elif same(json.loads(line), tree):
            read += 1
            continue
        wrong += 1
        if wrong <= 10:
            print(f"DIFFERS {doc[:400]!r}\n  ours   {line[:400]}\n  theirs {tree!r:.400}")
    print(f"{read} read alike, {refused} refused alike, {wrong} differ")
    return wrong > 0


sys.exit(main())
