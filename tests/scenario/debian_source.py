"""Source packages of the Debian archive, kept under build/sources between runs.

apt-get does the fetching and checks the archive's signature, with lists and settings of its own
folder: nothing of the machine's configuration is touched and no root is needed.
"""

import os
import subprocess

import pytest

import harness

STORE = harness.ROOT / "build/sources"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def _codename():
    with open("/etc/os-release") as f:
        values = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)
    return values.get("ID"), values.get("VERSION_CODENAME")


def _apt(*words):
    options = {"Dir::Etc::SourceList": STORE / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
               "Dir::State::Lists": STORE / "lists", "Dir::Cache": STORE / "cache",
               "APT::Sandbox::User": "root", "Acquire::Languages": "none",
               "Acquire::http::Timeout": "20", "Acquire::Retries": "1"}
    flags = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    return subprocess.run(["apt-get", "-qq", *flags, *words], cwd=STORE, text=True, timeout=180,
                          stdin=subprocess.DEVNULL, capture_output=True)


def orig_tar(name):
    """The upstream tar file of source package `name`; skips the test when it cannot be had."""
    found = sorted(STORE.glob(f"{name}_*.orig.tar.*"))
    if found:
        return found[-1]
    distribution, codename = _codename()
    if distribution != "debian" or not os.path.exists(KEYRING):
        pytest.skip(f"source packages are fetched from Debian's archive only, this is {distribution}")
    for folder in ("lists/partial", "cache"):
        (STORE / folder).mkdir(parents=True, exist_ok=True)
    (STORE / "sources.list").write_text(
        f"deb-src [signed-by={KEYRING}] http://deb.debian.org/debian {codename} main\n")
    for words in (["update"], ["source", "--download-only", name]):
        done = _apt(*words)
        if done.returncode != 0:
            pytest.skip(f"cannot fetch source package {name}: {done.stderr.strip()[-300:]}")
    return sorted(STORE.glob(f"{name}_*.orig.tar.*"))[-1]
