"""libcapsule-cel as somebody else uses it: installed, found by pkg-config, the README's example built."""

import os
import re
import shutil
import subprocess

import pytest

import harness

ROOT = harness.ROOT
BUILD = harness.BIN.resolve().parents[2]


@pytest.fixture
def installed(place):
    """A folder with the library below usr/, or a skip that says what is missing."""
    if not (BUILD / "build.ninja").exists():
        pytest.skip(f"{BUILD} is no build tree")
    for tool in ("meson", "pkg-config", "cc"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--tags", "devel"],
                          env={**os.environ, "DESTDIR": str(place)}, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def pkg_config(installed, *args):
    found = next(installed.rglob("capsule-cel.pc"))
    prefix = re.search(r"^prefix=(.*)$", found.read_text(), re.M).group(1)
    done = subprocess.run(
        ["pkg-config", f"--define-variable=prefix={installed}{prefix}", *args, "capsule-cel"],
        env={**os.environ, "PKG_CONFIG_PATH": str(found.parent)}, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_readme_example(installed):
    example = re.search(r"```c\n(.*?)```", (ROOT / "src/cel/README.md").read_text(), re.S).group(1)
    source = installed / "app.c"
    source.write_text(example)
    done = subprocess.run(["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror",
                           *pkg_config(installed, "--cflags"), str(source), "-o",
                           str(installed / "app"), *pkg_config(installed, "--libs", "--static")],
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([str(installed / "app")], text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "true\n", "")


def test_headers_stand_alone(installed):
    include = next(installed.rglob("cel/cel.h")).parent
    for header in sorted(include.glob("*.h")):
        done = subprocess.run(["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                               "-include", f"cel/{header.name}", "-x", "c", "/dev/null",
                               *pkg_config(installed, "--cflags")], text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
