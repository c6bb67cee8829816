"""E11, C14: whoever is killed, and whenever, nothing of the session stays, and the log tells it."""

import json
import os
import secrets
import signal
import subprocess
import time

import pytest

import arena
import harness
from arena import PROBES
from test_processes import descendants

# A tree that does what it can to stay: a double fork, new sessions, every signal ignored.
STAY = """
import os, signal, sys, time
def deaf():
    for s in range(1, 65):
        try: signal.signal(s, signal.SIG_IGN)
        except (OSError, ValueError): pass
deaf()
for kind in range(3):
    if os.fork() == 0:
        os.setsid()
        if kind and os.fork():
            os._exit(0)
        if kind == 2:
            for fd in range(3): os.close(fd)
        time.sleep(60)
        os._exit(0)
time.sleep(0.1)
print('up', flush=True)
time.sleep(60)
"""


def alive(mark: str) -> list[int]:
    """Processes on this machine with @mark in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                text = f.read()
            with open(f"/proc/{pid}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if mark.encode() in text and state != "Z":
            found.append(int(pid))
    return found


def gone(mark: str, seconds: float = 3) -> bool:
    end = time.monotonic() + seconds
    while alive(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def staying(start_capsule):
    """A session with such a tree: (the supervisor, a mark on every process, pids)."""
    mark = secrets.token_hex(8)
    proc = start_capsule(["run", "--", "python3", "-c", STAY, mark])
    assert proc.stdout.readline() == "up\n", proc.stderr.read()
    assert len(alive(mark)) >= 5, "the tree is not what it was meant to be"
    yield proc, mark, descendants(proc.pid)
    for pid in alive(mark):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.both
@pytest.mark.attack("E11")
def test_kill_the_supervisor(staying):
    proc, mark, _ = staying
    proc.kill()
    proc.wait()
    assert gone(mark), f"outlived the supervisor: {alive(mark)}"


@pytest.mark.both
@pytest.mark.attack("E11")
def test_kill_init(staying):
    """Init is the supervisor's child; the run ends, as one that failed, and says so."""
    proc, mark, pids = staying
    os.kill(pids[0], signal.SIGKILL)
    assert proc.wait(10) != 0
    assert gone(mark)


@pytest.mark.both
@pytest.mark.attack("E11")
def test_kill_the_command(staying):
    """The command's end is the session's end: what it left behind goes with it."""
    proc, mark, _ = staying
    python = [p for p in alive(mark) if p != proc.pid]
    command = min(python)
    os.kill(command, signal.SIGKILL)
    assert proc.wait(10) == 128 + signal.SIGKILL
    assert gone(mark)


@pytest.mark.both
@pytest.mark.attack("E11")
def test_command_ends_by_itself(run_capsule):
    mark = secrets.token_hex(8)
    script = STAY.replace("time.sleep(60)\n\"", "").rsplit("time.sleep(60)", 1)[0] + "os._exit(7)\n"
    done = run_capsule(["run", "--", "python3", "-c", script, mark])
    assert (done.returncode, done.stdout) == (7, "up\n"), done.stderr
    assert gone(mark)


@pytest.mark.both
@pytest.mark.attack("E11")
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_to_the_supervisor(start_capsule, sig):
    """Forwarded to the command; its default action ends the run with 128 + N."""
    mark = secrets.token_hex(8)
    proc = start_capsule(["run", "--", "sh", "-c", "echo up; exec sleep 60", mark])
    assert proc.stdout.readline() == "up\n"
    proc.send_signal(sig)
    assert proc.wait(10) == 128 + sig
    assert gone(mark)


@pytest.mark.attack("E11")
@pytest.mark.attack("F3")
def test_kill_at_any_moment(start_capsule, capsule, run_capsule, who):
    """kill -9 from the first microsecond on: no process stays, no log that looks whole is not."""
    rounds = 200 if harness.LONG else 40
    marks = []
    for i in range(rounds):
        mark = secrets.token_hex(8)
        marks.append(mark)
        proc = start_capsule(["run", "--", "sh", "-c", "echo up; sleep 60", mark])
        time.sleep(0.0004 * (i % 40))
        proc.kill()
        proc.wait()
    for mark in marks:
        assert gone(mark), alive(mark)
    logs = sorted(who.logs.glob("*.log"))
    for log in logs:
        done = run_capsule(["verify", "--json", log])
        assert done.returncode in (0, 1), done.stderr
        told = json.loads(done.stdout)
        # A log that was cut off by the kill says so; it is never taken for a whole one.
        assert done.returncode == 1 or "complete" in done.stdout or told, told


@pytest.mark.both
@pytest.mark.attack("X10")
def test_survivor(run_capsule, scene):
    """The same in C, and deaf from the first instruction on."""
    done = run_capsule(["run", "--", scene.probe, "X10-survivor", "seconds=61"], cwd=scene.ws)
    assert arena.parse(done)["attempted"]
    assert gone("X10-survivor")


@pytest.mark.both
@pytest.mark.attack("E11")
def test_stop_the_supervisor(staying):
    """SIGSTOP of the supervisor from outside: the session may go on, but it cannot get out."""
    proc, mark, _ = staying
    proc.send_signal(signal.SIGSTOP)
    time.sleep(0.05)
    proc.send_signal(signal.SIGCONT)
    proc.kill()
    proc.wait()
    assert gone(mark)
