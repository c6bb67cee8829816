#!/usr/bin/env python3
"""Runs everything that `make test` promises and closes with "N passed, N failed, N skipped".

    tests/run.py [--only STEP[,STEP]] [--fuzz-seconds N] [--list]

Each step is a function that returns a Count; a step that cannot run at all counts as one failure.
Steps print what failed, and what was skipped and why, as they go.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFORMANCE = ROOT.parent / "shared" / "conformance"
BUILD = ROOT / "build"
PYTHON = "/usr/bin/python3"
CLOSING = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)


def run(command, *, env=None, timeout=1200, quiet=True):
    """The completed process; its output (stdout and stderr together) is text."""
    full = dict(os.environ, **(env or {}))
    try:
        return subprocess.run([str(word) for word in command], cwd=ROOT, env=full, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as late:
        out = late.stdout or ""
        out = out.decode(errors="replace") if isinstance(out, bytes) else out
        return subprocess.CompletedProcess(command, 124, out + f"\ntimed out after {timeout} s\n")


def one(done, what):
    """A command as one test."""
    if done.returncode == 0:
        return Count(passed=1)
    print(f"FAILED: {what}\n" + "\n".join(done.stdout.splitlines()[-60:]))
    return Count(failed=1)


def build_tree(folder, *, compiler, options=()):
    if not (folder / "build.ninja").exists():
        if folder.exists():
            shutil.rmtree(folder)
        cxx = compiler.replace("clang", "clang++").replace("gcc", "g++")
        done = run(["meson", "setup", folder, *options], env={"CC": compiler, "CXX": cxx})
    else:  # made before the packages of the tests were there, perhaps
        done = run(["meson", "configure", "--clearcache", *options, folder])
    if done.returncode != 0:
        return one(done, f"meson setup {folder.name}")
    return one(run(["ninja", "-C", folder]), f"build with {compiler} in {folder.name}")


def step_build():
    """gcc and clang, warnings as errors"""
    return (build_tree(BUILD, compiler="gcc", options=["-Dtests=enabled"]) +
            build_tree(ROOT / "build-clang", compiler="clang-14"))


def step_format():
    """clang-format-14 has nothing to change"""
    files = subprocess.run(["git", "ls-files", "*.c", "*.cc", "*.h"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split()
    return one(run(["clang-format-14", "--dry-run", "--Werror", *files]), "clang-format")


def step_layers():
    """no include points up; headers compile alone"""
    return closing(run([PYTHON, "tools/layers.py"]), "layers")


def closing(done, what):
    """A program that closes with the plain line."""
    found = CLOSING.findall(done.stdout)
    if not found:
        print(f"FAILED: {what} printed no closing line (exit {done.returncode})\n{done.stdout[-3000:]}")
        return Count(failed=1)
    passed, failed, skipped = found[-1]
    count = Count(int(passed), int(failed), int(skipped or 0))
    if done.returncode != 0 and count.failed == 0:
        count.failed = 1
    if count.failed:
        print(f"FAILED: {what}\n{done.stdout[-3000:]}")
    return count


def cmocka(program, env=None):
    done = run([program], env=env, timeout=600)
    total = Count(passed=len(re.findall(r"^\[       OK \]", done.stdout, re.M)),
                  failed=len(re.findall(r"^\[  FAILED  \] (?!\d)", done.stdout, re.M)),
                  skipped=len(re.findall(r"^\[  SKIPPED \] (?!\d)", done.stdout, re.M)))
    # each failure and skip is listed twice: where it happened and at the end
    total.failed = (total.failed + 1) // 2
    total.skipped = (total.skipped + 1) // 2
    if done.returncode != 0:
        print(f"FAILED: {program.name} (exit {done.returncode})\n{done.stdout[-4000:]}")
        total.failed = max(total.failed, 1)
    elif total.passed + total.skipped == 0:
        print(f"FAILED: {program.name} ran no test\n{done.stdout[-2000:]}")
        total.failed = 1
    return total


def unit_programs(folder):
    return sorted(p for p in (folder / "tests/unit").glob("test_*") if p.is_file() and
                  os.access(p, os.X_OK))


def step_unit():
    """cmocka, one program per library"""
    return sum((cmocka(p) for p in unit_programs(BUILD)), Count())


def build_sanitized():
    """One tree for sanitized unit tests and fuzz targets: clang, address and undefined behaviour."""
    return build_tree(ROOT / "build-fuzz", compiler="clang-14", options=[
        "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Dbuildtype=debugoptimized",
        "-Db_lundef=false"])


def step_sanitize():
    """the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"""
    built = build_sanitized()
    if built.failed:
        return built
    env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
           "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    return sum((cmocka(p, env) for p in unit_programs(ROOT / "build-fuzz")), built)


def step_conformance():
    """data that this project did not write"""
    total = Count()
    for kind in ("blake3", "merkle", "cel"):
        folder = CONFORMANCE / kind
        if not folder.is_dir():
            print(f"skipped: {kind} conformance: {folder.relative_to(ROOT.parent)} is not there")
            total.skipped += 1
            continue
        total += closing(run([BUILD / f"tests/{kind}_conformance", folder]), f"{kind} conformance")
    return total


def pytest(*paths, env=None, timeout=1500, options=()):
    report = BUILD / ("pytest-" + re.sub(r"\W+", "-", str(paths[0])) + ".xml")
    report.unlink(missing_ok=True)
    done = run([PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
                *options, f"--junitxml={report}", *paths],
               env={"CAPSULE_BIN": str(BUILD / "src/cli/capsule"), "PYTHONDONTWRITEBYTECODE": "1",
                    **(env or {})}, timeout=timeout)
    total = Count()
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            failed = int(suite.get("failures")) + int(suite.get("errors"))
            skipped = int(suite.get("skipped"))
            total += Count(int(suite.get("tests")) - failed - skipped, failed, skipped)
    for line in done.stdout.splitlines():
        if line.startswith("SKIPPED"):
            print(line)
    if done.returncode != 0:
        print(f"FAILED: pytest {' '.join(map(str, paths))} (exit {done.returncode})\n"
              f"{done.stdout[-8000:]}")
        total.failed = max(total.failed, 1)
    return total


def step_scenario():
    """the real binaries driven as a person would"""
    return pytest("tests/scenario")


def step_attack():
    """attacks from inside the wall, on both processors"""
    return pytest("tests/attack", options=["-n", "2"])


def step_python():
    """the Python SDK"""
    return pytest("sdk/python/tests", env={"PYTHONPATH": str(ROOT / "sdk/python")})


def step_fuzz():
    """every decoder of hostile bytes, the given time in all"""
    folder = ROOT / "build-fuzz"
    built = build_sanitized()
    if built.failed:
        return built
    targets = sorted(p for p in (folder / "tests/fuzz").glob("fuzz_*") if p.is_file())
    total = built
    if not targets:
        print("FAILED: no fuzz target was built")
        return total + Count(failed=1)
    each = max(1, ARGS.fuzz_seconds // len(targets))
    for target in targets:
        name = target.name.removeprefix("fuzz_")
        grown = folder / "corpus" / name
        grown.mkdir(parents=True, exist_ok=True)
        corpus = ROOT / "tests/fuzz/corpus" / name
        total += one(run([target, f"-max_total_time={each}", "-timeout=10", "-rss_limit_mb=2048",
                          "-print_final_stats=1", f"-artifact_prefix={folder}/", grown,
                          *([corpus] if corpus.is_dir() else [])], timeout=each + 120,
                         env={"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}),
                     f"fuzz {name}")
    return total


STEPS = {name.removeprefix("step_"): function for name, function in list(globals().items())
         if name.startswith("step_")}
ORDER = ["build", "format", "layers", "unit", "conformance", "scenario", "attack", "python",
         "sanitize", "fuzz"]


def main():
    # Ignored in a script's background job, and then in all that it starts: tests send and expect it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    total = Count()
    for name in ARGS.only.split(",") if ARGS.only else ORDER:
        step = STEPS[name]
        print(f"== {name}: {step.__doc__}", flush=True)
        start = time.monotonic()
        count = step()
        total += count
        print(f"   {count.passed} passed, {count.failed} failed, {count.skipped} skipped "
              f"in {time.monotonic() - start:.0f} s", flush=True)
        if name == "build" and count.failed:
            break
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="steps, comma-separated: " + ", ".join(ORDER))
    parser.add_argument("--fuzz-seconds", type=int, default=60)
    ARGS = parser.parse_args()
    sys.exit(main())
