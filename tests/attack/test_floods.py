"""B9, B11, B12: more calls than the supervisor can hold, and its end in the midst of them."""

import pathlib
import random
import secrets
import subprocess
import sys
import time

import pytest

import harness
import test_kill
from test_mediation import guarded  # noqa: F401 (a fixture)

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "scenario"))
import test_kill9  # noqa: E402

MANY = """
import os, sys, threading, time
threading.stack_size(65536)
TURNS = int(sys.argv[1])
got = []
def hold():
    try:
        os.close(os.open('fifo', os.O_RDONLY))
        said = 0
    except OSError as e:
        said = e.errno
    got.append(said)
def one(n):
    threads = [threading.Thread(target=hold, daemon=True) for _ in range(n)]
    for t in threads: t.start()
    seen, since = 0, time.monotonic()
    while len(got) < n and time.monotonic() - since < 5:  # until nobody is answered any more
        if seen != len(got):
            seen, since = len(got), time.monotonic()
        time.sleep(0.05)
"""


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


@pytest.mark.both
@pytest.mark.attack("B11")
def test_ten_thousand_held_calls(guarded, start_capsule, workspace):
    """Each thread makes a call that has to wait; 64 may, the rest is told so, and nothing is kept of it."""
    code = MANY + """
os.mkfifo('fifo')
calls = 0
print('ready', flush=True)
while calls < TURNS:
    pid = os.fork()
    if pid == 0:
        one(250)
        print(len(got) if set(got) <= {11} else 'odd', flush=True)
        os.read(0, 1)  # those that wait go on waiting
        os._exit(0)
    calls += 250
os.close(os.open('plain', os.O_RDONLY))
print('served', flush=True)
sys.stdin.read()
"""
    guarded.write_text(guarded.read_text() + "limits: { pids: 12000 }\n")
    proc = start_capsule(["run", "--policy", guarded, "--", "python3", "-c", code, "10000"], stdin=subprocess.PIPE)
    first = proc.stdout.readline()
    assert first == "ready\n", (first, proc.stderr.read())
    before, told = resident(proc.pid), []
    served = False
    for line in proc.stdout:
        served |= line == "served\n"
        assert line.strip().isdigit() or line == "served\n", line
        told += [int(line)] if line.strip().isdigit() else []
        if len(told) == 40 and served:
            break
    after = resident(proc.pid)
    assert sum(told) == 10000 - 64, told  # 64 wait, all others were answered
    assert after - before < 8192, (before, after)
    proc.stdin.close()
    proc.kill()
    proc.wait()


@pytest.mark.both
@pytest.mark.attack("B11")
def test_fork_bomb_with_traps(guarded, start_capsule, workspace, run_capsule):
    """Processes without end, each with calls that are decided: it ends when it is told to."""
    mark = secrets.token_hex(8)
    bomb = "b() { cat plain plain > /dev/null; cat .env 2> /dev/null; b & b & }; b; echo up; sleep 60; : " + mark
    guarded.write_text(guarded.read_text() + "limits: { pids: 200 }\n")
    proc = start_capsule(["run", "--policy", guarded, "--", "sh", "-c", bomb],
                         stderr=subprocess.DEVNULL)
    assert proc.stdout.readline() == "up\n"
    time.sleep(2)
    before = resident(proc.pid)
    time.sleep(1)
    assert resident(proc.pid) - before < 4096
    # another session has its turn meanwhile
    assert run_capsule(["run", "--", "true"]).returncode == 0
    proc.terminate()
    proc.wait(timeout=20)
    assert test_kill.gone(mark)


@pytest.mark.both
@pytest.mark.attack("B9")
def test_killed_at_two_hundred_moments(guarded, start_capsule, workspace, who, capsule):
    """
    kill -9 of the supervisor while threads race it with calls that it forbids: nothing of the tree
    survives, no held call goes through, and the log verifies to its last checkpoint.
    """
    rng = random.Random(20261201)
    kinds = {"rename": "gmade", "create": "gmade", "link": "gmade", "unlink": None}
    busy = 0
    for i in range(200 if who.is_root else 20):
        kind = list(kinds)[i % len(kinds)]
        mark = secrets.token_hex(8)
        before = set(who.logs.glob("*.log"))
        proc = start_capsule(["run", "--quiet", "--policy", guarded, "--", "./race", kind, "60", mark],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.12))
        proc.kill()
        proc.wait()
        assert test_kill.gone(mark), test_kill.alive(mark)
        assert not (workspace / "gmade").exists(), f"moment {i}: a held call went through"
        assert (workspace / "gkept").exists(), f"moment {i}: a held call went through"
        for log in set(who.logs.glob("*.log")) - before:
            records, _tail, _torn, _verdict = test_kill9.check_log(capsule, who, log)
            busy += records > 10
            log.unlink()
    assert busy > (60 if who.is_root else 4), f"only {busy} were at work when they were killed"


@pytest.mark.both
@pytest.mark.attack("B12")
def test_descriptors_that_are_handed_over(guarded, run_capsule):
    """Each has the next free number, O_CLOEXEC as it was asked for, and the flags of the open."""
    code = """
import fcntl, os
before = set(map(int, os.listdir('/proc/self/fd')))
lowest = [n for n in range(100) if n not in before - {max(before)}]
plain = [os.fstat(n).st_ino for n in (0, 1, 2)]
got = [os.open('plain', f) for f in (os.O_RDONLY, os.O_RDWR | os.O_APPEND, os.O_WRONLY | os.O_NONBLOCK)]
print(got == lowest[:3], [os.fstat(n).st_ino for n in (0, 1, 2)] == plain)
print([fcntl.fcntl(fd, fcntl.F_GETFD) for fd in got])
print([fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK) for fd in got]
      == [os.O_RDONLY, os.O_RDWR | os.O_APPEND, os.O_WRONLY | os.O_NONBLOCK])
import ctypes
libc = ctypes.CDLL(None)
kept = libc.open(b'plain', os.O_RDONLY)  # without O_CLOEXEC
print(fcntl.fcntl(kept, fcntl.F_GETFD), kept == lowest[3])
import sys; sys.stdout.flush()
os.execvp('sh', ['sh', '-c', f'test -e /proc/self/fd/{kept} && ! test -e /proc/self/fd/{got[0]} && echo whole'])
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.splitlines() == ["True True", "[1, 1, 1]", "True", "0 True", "whole"], done


@pytest.mark.both
@pytest.mark.attack("B12")
def test_no_more_descriptors_than_the_session_may_have(guarded, run_capsule):
    code = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
got = []
try:
    while True: got.append(os.open('plain', os.O_RDONLY))
except OSError as e:
    print(e.errno, max(got) < 20)
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.split() == ["24", "True"], done
