"""Rules that ask, for the tests of asking and of attacks on it: policies, terminals, keys, records."""

import json
import os
import sys
import time

import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tests/scenario"))
from terminal import Terminal  # noqa: E402

ASKED = r"capsule asks"
QUIET = 0.8  # longer than a prompt wants no key to be pressed


def policy(more="", timeout="60s", scope="always", rule="on: file.open\n    when: file.activity.name.startsWith(\"secret\")"):
    return (f"version: 1\nextends: preset:agent\n{more}rules:\n  - name: ask-me\n    {rule}\n    action: ask\n"
            f"    reason: Why it is asked.\n    ask: {{ timeout: {timeout}, scope: {scope} }}\n")


@pytest.fixture
def asking(place, workspace, who):
    """asking(...) writes the policy; returns the options that use it."""

    def write(**more):
        path = place / "p.yaml"
        path.write_text(policy(**more))
        path.chmod(0o644)
        return ["--policy", path]

    (workspace / "secret.txt").write_text("the secret\n")
    (workspace / "secret2.txt").write_text("the other\n")
    for path in workspace.iterdir():
        os.chown(path, who.uid, who.gid)
    return write


@pytest.fixture
def on_terminal(capsule, who, workspace):
    made = []

    def start(args, argv=None, **more):
        terminal = Terminal(argv or [capsule, "run", *args], who, workspace, **more)
        made.append(terminal)
        return terminal

    yield start
    for terminal in made:
        terminal.close()


def press(t, key, heard=True):
    """
    A key by itself, when the question stands there and nothing has been drawn for a while. Once more when
    nothing came of it, as on a machine that was too slow; not where nothing is to come (@heard False).
    """
    for _ in range(5 if heard else 1):
        while t.read(QUIET):
            pass
        t.type(key)
        if not heard or t.read(0.5):
            return


def wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.05)
    return condition()


def records(who):
    """All records of the account's newest log."""
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    return [json.loads(line) for line in log.read_text().splitlines()]


def questions(run_capsule):
    lines = run_capsule(["asks", "--json"]).stdout.splitlines()
    return [json.loads(line) for line in lines]
