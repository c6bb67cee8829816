"""B and C, where the supervisor decides: rules on files, programs and sockets, attacked from inside."""

import json
import shutil
import subprocess

import pytest

import harness

SECONDS = 20 if harness.LONG else 4
RACE = harness.BUILD / "tests/attack/race_probe"
TOLD = harness.BUILD / "tests/attack/race_told"

POLICY = """\
version: 1
extends: preset:agent
rules:
  - { name: guarded, on: "file.*", action: block, reason: "nobody reads that",
      when: "file.activity.name in ['guard', 'gmade', 'gkept', '.env'] || file.activity.path.under('${ws}/bad')" }
  - { name: program, on: process.exec, action: block, when: "process.activity.executable.endsWith('/guard')" }
  - { name: argument, on: process.exec, action: block, when: "'evil' in process.activity.argv" }
  - { name: port, on: net.connect, action: block, when: "tcp.port == 4002" }
"""


@pytest.fixture
def guarded(workspace, who, place):
    """A workspace with things in it that the policy guards, and the policy."""
    files = {"plain": "plain", "guard": "secret", "kept": "kept", "gkept": "kept", ".env": "secret",
             "good/file": "plain", "bad/file": "secret"}
    for name, text in files.items():
        path = workspace / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for name, source in {"race": RACE, "goodp": TOLD, "tell": TOLD}.items():
        shutil.copy(source, workspace / name)
        (workspace / name).chmod(0o755)
    (workspace / "d").symlink_to("good")
    (workspace / "e").symlink_to("bad")
    policy = place / "policy.yaml"
    policy.write_text(POLICY.replace("${ws}", str(workspace)))
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)
    return policy


def race(done):
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["attempts"] > 0, got
    return got


RACES = ["open", "create", "rename", "link", "unlink", "component", "exec", "argv", "connect"]
IDS = {"open": "B1", "component": "C2", "connect": "B2", "exec": "B3", "argv": "B3"}


@pytest.mark.attack("B1")
@pytest.mark.attack("B2")
@pytest.mark.attack("B3")
@pytest.mark.attack("C2")
@pytest.mark.both
@pytest.mark.parametrize("kind", RACES)
def test_races(kind, guarded, run_capsule, workspace, who, place):
    if kind == "exec":
        shutil.copy(TOLD, workspace / "guard")
        (workspace / "guard").chmod(0o755)
    # Outside, and under a policy without the rules, it is won: else it would prove nothing.
    free = place / "free.yaml"
    free.write_text("version: 1\nextends: preset:agent\n")
    control = race(run_capsule(["run", "--policy", free, "--", "./race", kind, 1], timeout=60))
    assert control["won"] > 0, control
    for name in ("gmade", "plaim"):
        (workspace / name).unlink(missing_ok=True)
    (workspace / "gkept").write_text("kept")
    seconds = SECONDS if who.is_root else max(1, SECONDS // 4)
    got = race(run_capsule(["run", "--policy", guarded, "--", "./race", kind, seconds],
                           timeout=seconds + 60))
    print(kind, got)
    assert got["won"] == 0, got
    assert got["good"] > 0, got
    assert got["refused"] > 0, got


# Each way to the guarded file, in the shell's words or Python's; "secret" in the output is a success.
READS = {
    "by name": "cat .env",
    "relative": "cd good && cat ../.env",
    "absolute": 'cat "$PWD/.env"',
    "symlink": "ln -s .env innocent && cat innocent",
    "chain": "ln -s .env a1 && ln -s a1 a2 && ln -s a2 a3 && cat a3",
    "folder link": "ln -s . here && cat here/.env",
    "dirfd": "py: os.read(os.open('.env', os.O_RDONLY, dir_fd=os.open('.', os.O_PATH)), 99)",
    "fchdir": "py: (os.fchdir(os.open('good', os.O_RDONLY)), open('../.env').read())",
    "proc cwd": "cat /proc/self/cwd/.env",
    "proc root": 'cat "/proc/self/root$PWD/.env"',
    "thread cwd": "cat /proc/thread-self/cwd/.env",
    "dev fd": "py: open('/dev/fd/%d/.env' % os.open('.', os.O_PATH)).read()",
    "O_PATH then proc": "py: open('/proc/self/fd/%d' % os.open('.env', os.O_PATH)).read()",
    "openat2": "py: openat2('.env', 0)",
    "openat2 beneath": "py: openat2('.env', 8)",
    "openat2 in root": "py: openat2('/.env', 16)",
    "hard link": "ln .env other && cat other",
    "rename": "mv .env other && cat other",
    "exchange": "py: (renameat2('plain', '.env', 2), open('plain').read())",
    "rename away, folder": "mkdir k && mv .env k/x && cat k/x",
    "copy": "cp .env other && cat other",
    "read and write": "py: open('.env', 'r+').read()",
    "append": "echo more >> .env",
    "truncate": ": > .env",
    "double slash": "cat .//.env",
    "dot dot": "cat good/../.env",
    "exec it": "sh .env",
}
PRELUDE = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def renameat2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags): raise OSError(ctypes.get_errno(), 'x')
def linkat(a, b):
    if libc.linkat(-100, a.encode(), -100, b.encode(), 0x400): raise OSError(ctypes.get_errno(), 'x')
def openat2(path, resolve):
    how = struct.pack('QQQ', os.O_RDONLY, 0, resolve)
    fd = libc.syscall(437, os.open('.', os.O_PATH), path.encode(), how, len(how))
    if fd < 0: raise OSError(ctypes.get_errno(), 'openat2')
    return os.read(fd, 99)
"""


def clean(workspace):
    """Without what an attempt made on its way."""
    for name in ("innocent", "a1", "a2", "a3", "here", "k", "other", "y", "z"):
        path = workspace / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)


def script(text):
    if text.startswith("py: "):
        return ["python3", "-c", f"{PRELUDE}\nprint({text[4:]})"]
    return ["sh", "-c", text]


@pytest.mark.attack("B4")
@pytest.mark.attack("B5")
@pytest.mark.attack("B7")
@pytest.mark.both
@pytest.mark.parametrize("way", READS)
def test_ways_to_a_guarded_file(way, guarded, run_capsule, workspace):
    before = (workspace / ".env").read_text()
    done = run_capsule(["run", "--policy", guarded, "--", *script(READS[way])])
    assert "secret" not in done.stdout, done.stdout
    assert done.returncode != 0, done.stdout
    assert (workspace / ".env").read_text() == before
    # and without the rule it is a way
    clean(workspace)
    free = guarded.with_name("free.yaml")
    free.write_text("version: 1\nextends: preset:agent\n")
    control = run_capsule(["run", "--policy", free, "--", *script(READS[way])])
    changed = not (workspace / ".env").exists() or (workspace / ".env").read_text() != before
    assert "secret" in control.stdout or changed or way == "exec it", control


MAKES = {
    "create": "echo x > new/.env",
    "exclusive": "py: os.open('new/.env', os.O_CREAT | os.O_EXCL | os.O_WRONLY)",
    "rename": "echo x > y && mv y new/.env",
    "exchange": "py: (open('y', 'w'), renameat2('y', 'kept', 2), renameat2('kept', 'new/.env', 0))",
    "link": "ln kept new/.env",
    "symlink": "ln -s kept new/.env",
    "mkdir": "mkdir new/.env",
    "mkfifo": "mkfifo new/.env",
    "mknod": "py: os.mknod('new/.env')",
    "tmpfile": "py: linkat('/proc/self/fd/%d' % os.open('.', os.O_TMPFILE | os.O_RDWR), 'new/.env')",
    "through a link": "ln -s new/.env z && echo x > z",
    "dirfd": "py: os.open('.env', os.O_CREAT | os.O_WRONLY, dir_fd=os.open('new', os.O_PATH))",
    "proc fd": "py: open('/proc/self/fd/%d/.env' % os.open('new', os.O_PATH), 'w')",
    "tar": "tar xf t.tar -C new",
    "git": "git -C new checkout -q -- . 2>&1",
}


@pytest.mark.attack("B6")
@pytest.mark.attack("C6")
@pytest.mark.both
@pytest.mark.parametrize("way", MAKES)
def test_guarded_names_made_later(way, guarded, run_capsule, workspace, who):
    (workspace / "new").mkdir()
    if way == "tar":
        subprocess.run(["tar", "cf", "t.tar", ".env"], cwd=workspace, check=True)
    if way == "git":
        for words in (["init", "-q"], ["add", ".env"], ["-c", "user.name=a", "-c", "user.email=a@b",
                                                        "commit", "-qm", "x"]):
            if words[0] == "add":
                (workspace / "new/.env").write_text("x")
            subprocess.run(["git", "-C", str(workspace / "new"), *words], check=True)
        (workspace / "new/.env").unlink()
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)
    run = lambda policy: run_capsule(["run", "--policy", policy, "--", *script(MAKES[way])])
    done = run(guarded)
    assert not (workspace / "new/.env").is_symlink() and not (workspace / "new/.env").exists(), done
    clean(workspace)
    free = guarded.with_name("free.yaml")
    free.write_text("version: 1\nextends: preset:agent\n")
    control = run(free)
    assert (workspace / "new/.env").is_symlink() or (workspace / "new/.env").exists(), control


@pytest.mark.both
def test_denials_are_in_the_log(guarded, run_capsule, who, workspace):
    run_capsule(["run", "--policy", guarded, "--", "cat", ".env"])
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    denied = [r for r in map(json.loads, log.read_text().splitlines())
              if r["type"] == "event" and r["outcome"]["result"] == "denied"]
    assert len(denied) == 1, denied
    (one,) = denied
    assert one["event"]["type"] == "file.open"
    assert one["event"]["file"]["activity"]["path"] == str(workspace / ".env")
    assert one["event"]["common"]["process"]["executable"].endswith("/cat")
    assert one["decision"] | {"where": ""} == {
        "action": "block", "rule": "guarded", "where": "", "reason": "nobody reads that"}
    assert one["decision"]["where"].startswith(f"{guarded}:4:")
    assert one["outcome"]["errno"] == "EACCES"
    assert run_capsule(["verify", log]).returncode == 0


@pytest.mark.both
@pytest.mark.attack("B2")
@pytest.mark.attack("B8")
def test_unreadable_arguments(guarded, run_capsule):
    """What cannot be read is an error of the call, never a call that goes through."""
    code = PRELUDE + """
import mmap, errno
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 0, 0x22, -1, 0)
def answer(r): return errno.errorcode.get(ctypes.get_errno(), '?') if r < 0 else 'done'
S = lambda nr, *a: answer(libc.syscall(nr, *[ctypes.c_void_p(x) if x > 2**31 else ctypes.c_long(x) for x in a]))
s = libc.socket(2, 1, 0)
print(S(257, -100, page, 0, 0), S(42, s, page, 16), S(59, page, page, 0), S(82, page, page),
      S(437, -100, page, page, 24), S(42, s, page, 1), S(42, s, page, 4096), S(257, -100, 0, 0, 0))
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.split() == ["EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT", "EINVAL",
                                   "EINVAL", "EFAULT"], done


@pytest.mark.both
@pytest.mark.attack("B10")
def test_callers_killed_while_they_wait(guarded, run_capsule):
    """Hundreds of processes die in the middle of trapped calls; the rest go on, and the log is whole."""
    code = """
import os, signal, time
for turn in range(150):
    pid = os.fork()
    if pid == 0:
        while True:
            os.close(os.open('plain', os.O_RDONLY))
    time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print(open('plain').read())
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code], timeout=60)
    assert done.stdout.strip() == "plain", done


@pytest.mark.both
def test_a_fifo_waits_for_its_other_end(guarded, run_capsule, workspace, who):
    done = run_capsule(["run", "--policy", guarded, "--", "sh", "-c",
                        "mkfifo f && (sleep 0.3; echo through > f) & sleep 0.1; cat f; wait"])
    assert done.stdout == "through\n", done


@pytest.mark.attack("B11")
@pytest.mark.both
def test_many_fifos_are_bounded(guarded, run_capsule):
    """One more than can wait at once is refused; killing those who wait frees their places."""
    code = """
import os, signal, subprocess, time
os.mkfifo('f')
waiting = [subprocess.Popen(['cat', 'f']) for _ in range(64)]
time.sleep(1)
try:
    os.open('f', os.O_WRONLY | os.O_NONBLOCK) if False else os.open('f', os.O_RDONLY)
    print('opened')
except OSError as e:
    print(e.errno)
for p in waiting: p.kill(); p.wait()
time.sleep(1.5)
subprocess.Popen(['sh', '-c', 'sleep 0.2; echo again > f'])
print(open('f').read())
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code], timeout=60)
    assert done.stdout.split() == ["11", "again"], done


@pytest.mark.both
@pytest.mark.attack("B9")
def test_the_supervisor_dies_with_calls_waiting(guarded, start_capsule, workspace):
    """Killed at different moments under load: nothing of the tree is left, and nothing went through."""
    import secrets
    import time

    import test_kill
    for moment in range(10):
        mark = secrets.token_hex(8)
        code = ("import os, sys\nprint('up', flush=True)\nwhile True:\n"
                "    os.close(os.open('plain', os.O_RDONLY))\n"
                "    try: os.rename('kept', '.env')\n    except OSError: pass\n")
        proc = start_capsule(["run", "--policy", guarded, "--", "python3", "-c", code, mark])
        assert proc.stdout.readline() == "up\n"
        time.sleep(moment * 0.003)
        proc.kill()
        proc.wait()
        assert test_kill.gone(mark), test_kill.alive(mark)
        assert (workspace / ".env").read_text() == "secret" and (workspace / "kept").exists()
