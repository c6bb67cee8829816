"""A10, A11, A22, A23: processes and shared memory outside are out of sight and out of reach."""

import ctypes
import os
import secrets
import subprocess

import pytest

import arena
import harness
from arena import PROBES

TARGETED = [p for p in PROBES.values() if p.params == ("target",)]


class Bystander:
    """A process outside, of the same user, with the session's own rights over it otherwise."""

    def __init__(self, account):
        self.proc = subprocess.Popen(["sleep", "100"], start_new_session=True,
                                     **harness.as_account(account))
        self.pid = self.proc.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        state = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()[0]
        self.proc.kill()
        self.proc.wait()
        assert state in "SR", f"the bystander was left in state {state}"


@pytest.fixture
def bystander(who):
    with Bystander(who) as one:
        yield one.proc


@pytest.mark.both
@pytest.mark.attack("A10")
@pytest.mark.attack("A11")
@pytest.mark.attack("A22")
@pytest.mark.parametrize("probe", TARGETED, ids=lambda p: p.id)
def test_bystander(probe, who, once, capsule):
    def perform(scene, control):
        with Bystander(who) as one:
            attacks = [(p, {"target": one.pid}) for p in TARGETED]
            inside = arena.several_inside(capsule, scene, attacks)
            assert one.proc.poll() is None, "the bystander was killed"
            return inside, arena.several_outside(control, attacks)

    inside, outside = once("bystander", who, perform)
    arena.judge(probe, inside[TARGETED.index(probe)], outside[TARGETED.index(probe)])


@pytest.mark.both
@pytest.mark.attack("A10")
@pytest.mark.attack("A11")
@pytest.mark.attack("A22")
@pytest.mark.attack("F6")
@pytest.mark.parametrize("probe", TARGETED, ids=lambda p: p.id)
def test_supervisor(probe, who, once, capsule):
    """The same against the process that holds the policy and writes the log."""

    def perform(scene, _):
        # The shell's number becomes the supervisor's; the probes read it from stdin.
        attacks = [(p, {"target": "-"}) for p in TARGETED]
        lines = f'for i in {" ".join("x" * len(TARGETED))}; do echo $$; done > pids; exec "$@" < pids'
        return arena.several_inside(capsule, scene, attacks, prefix=["sh", "-c", lines, "sh"])

    inside = once("supervisor", who, perform)
    arena.judge(probe, inside[TARGETED.index(probe)], None)


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
