"""A10, A11, A22, A23: processes and shared memory outside are out of sight and out of reach."""

import ctypes
import os
import secrets
import subprocess

import pytest

import arena
import harness
from arena import NO_CONTROL, PROBES

TARGETED = [p for p in PROBES.values() if p.params == ("target",)]


@pytest.fixture
def bystander(who):
    """A process outside, of the same user, with the session's own rights over it otherwise."""
    proc = subprocess.Popen(["sleep", "100"], start_new_session=True, **harness.as_account(who))
    yield proc
    state = open(f"/proc/{proc.pid}/stat").read().rsplit(")", 1)[1].split()[0]
    proc.kill()
    proc.wait()
    assert state in "SR", f"the bystander was left in state {state}"


@pytest.mark.both
@pytest.mark.attack("A10")
@pytest.mark.attack("A11")
@pytest.mark.attack("A22")
@pytest.mark.parametrize("probe", TARGETED, ids=lambda p: p.id)
def test_bystander(probe, bystander, attack, control_scene):
    params = {"target": bystander.pid}
    control = None
    if not probe.flags & NO_CONTROL:
        control = arena.run_outside(control_scene, probe, params)
    arena.judge(probe, attack(probe, params=params), control)


@pytest.mark.both
@pytest.mark.attack("A10")
@pytest.mark.attack("A11")
@pytest.mark.attack("A22")
@pytest.mark.attack("F6")
@pytest.mark.parametrize("probe", TARGETED, ids=lambda p: p.id)
def test_supervisor(probe, start_capsule, scene):
    """The same against the process that holds the policy and writes the log."""
    proc = start_capsule(["run", "--", scene.probe, probe.id, "target=-"], cwd=scene.ws,
                         stdin=subprocess.PIPE)
    out, err = proc.communicate(f"{proc.pid}\n", timeout=30)
    report = arena.parse(subprocess.CompletedProcess([], proc.returncode, out, err))
    assert proc.returncode == 0, err
    arena.judge(probe, report, None)


@pytest.mark.both
@pytest.mark.attack("A22")
def test_signal_to_everybody(bystander, attack, start_capsule, scene):
    """kill(-1) inside reaches the session alone: nobody outside, and no other session."""
    other = start_capsule(["run", "--", "sh", "-c", "echo up; sleep 20"], cwd=scene.ws)
    assert other.stdout.readline() == "up\n", other.stderr.read()
    report = attack(PROBES["A22-all"])
    assert report["attempted"] and report["result"] == "blocked", report
    assert bystander.poll() is None and other.poll() is None


@pytest.mark.both
@pytest.mark.attack("A10")
def test_sibling_session(start_capsule, attack, scene):
    """Two sessions of one user in one workspace do not see each other."""
    other = start_capsule(["run", "--", "sh", "-c", "echo up; exec sleep 20"], cwd=scene.ws)
    assert other.stdout.readline() == "up\n", other.stderr.read()
    victims = [pid for pid in descendants(other.pid)]
    assert victims, "the other session has no processes"
    for pid in victims:
        for probe in ("A10-seize", "A11-seen", "A22-zero"):
            arena.judge(PROBES[probe], attack(PROBES[probe], params={"target": pid}), None)
    assert other.poll() is None


def descendants(pid: int) -> list[int]:
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        try:
            children = open(f"/proc/{parent}/task/{parent}/children").read().split()
        except FileNotFoundError:
            continue
        found += map(int, children)
        todo += map(int, children)
    return found


class Ipc:
    """System V and POSIX objects of the host, open to everybody."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.key = secrets.randbelow(1 << 30) + 1
        self.queue = f"/capsule-t-{self.key}"
        self.file = f"/dev/shm/capsule-t-{self.key}"
        old = os.umask(0)
        create = 0o1000 | 0o666
        self.shm = self.libc.shmget(self.key, 4096, create)
        self.sem = self.libc.semget(self.key, 1, create)
        self.msg = self.libc.msgget(self.key, create)
        self.mq = self.libc.mq_open(self.queue.encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
        with open(self.file, "w") as f:
            f.write("x")
        os.umask(old)

    def close(self):
        self.libc.shmctl(self.shm, 0, None)
        self.libc.semctl(self.sem, 0, 0)
        self.libc.msgctl(self.msg, 0, None)
        self.libc.mq_unlink(self.queue.encode())
        os.unlink(self.file)


@pytest.fixture(scope="module")
def ipc():
    made = Ipc()
    yield made
    made.close()


@pytest.mark.both
@pytest.mark.attack("A23")
@pytest.mark.parametrize("probe", ["A23-shm", "A23-sem", "A23-msg", "A23-mq", "A23-devshm"])
def test_shared_with_the_host(probe, ipc, attack, control_scene, place):
    probe = PROBES[probe]
    params = {key: getattr(ipc, key) for key in probe.params}
    arena.judge(probe, attack(probe, params=params),
                arena.run_outside(control_scene, probe, params))


@pytest.mark.both
@pytest.mark.attack("A11")
def test_environment_of_outside_is_nowhere(run_capsule):
    """init is made from the supervisor: nothing of its memory may show (F6, A11)."""
    mark = secrets.token_hex(16)
    script = "cat /proc/*/environ /proc/*/cmdline /proc/1/* 2>/dev/null; echo done"
    done = run_capsule(["run", "--", "sh", "-c", script], env={"MY_API_TOKEN": mark, "Y": mark})
    assert "done" in done.stdout, done.stderr
    assert mark not in done.stdout
