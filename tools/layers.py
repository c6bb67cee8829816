#!/usr/bin/env python3
"""Fails on an include that points up: a folder of src/ may include itself and those before it.

Also checks that every header compiles alone and that no file outgrows its page. Prints one line
per finding and closes with "N passed, N failed, N skipped".
"""
import pathlib
import re
import subprocess
import sys

ORDER = ["base", "codec", "sys", "cel", "event", "sigma", "policy", "engine", "audit", "record", "mediate", "changes", "sandbox",
         "net", "vmm", "trust", "service", "mcp", "cli"]
LINES_MAX = {".h": 200, ".c": 800}
ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def check_includes(path):
    folder = path.relative_to(ROOT / "src").parts[0]
    if folder not in ORDER:
        yield f"{path}: folder '{folder}' has no place in the order of layers"
        return
    for include in INCLUDE.findall(path.read_text()):
        target = include.split("/")[0]
        if "/" not in include and not (ROOT / "build" / include).exists():
            yield f'{path}: "{include}" names no folder'
        elif target in ORDER and ORDER.index(target) > ORDER.index(folder):
            yield f"{path}: includes {include}, which lies above '{folder}'"


def check_size(path):
    lines = path.read_text().count("\n")
    if lines > LINES_MAX[path.suffix]:
        yield f"{path}: {lines} lines, at most {LINES_MAX[path.suffix]}"


def check_alone(path):
    include = path.relative_to(ROOT / "src")
    done = subprocess.run(
        ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-I", str(ROOT / "src"), "-include",
         str(ROOT / "src/base/banned.h"), "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-"],
        input=f'#include "{include}"\n', text=True, capture_output=True)
    if done.returncode != 0:
        yield f"{path}: does not compile alone: {done.stderr.strip().splitlines()[0]}"


def main():
    failed = passed = 0
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        findings = [*check_includes(path), *check_size(path)]
        if path.suffix == ".h":
            findings += check_alone(path)
        for finding in findings:
            print(finding.replace(f"{ROOT}/", ""))
        failed += bool(findings)
        passed += not findings
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
