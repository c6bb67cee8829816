"""A program's loader (PT_INTERP): the kernel opens and runs it, with no call of its own."""

import os
import shutil
import subprocess

import pytest

import harness

FREE = "version: 1\nextends: preset:agent\n"


def with_loader(source, target, loader):
    """The program, naming that loader in place of its own."""
    own = b"/lib64/ld-linux-x86-64.so.2"
    image = open(source, "rb").read()
    assert image.count(own + b"\0") == 1
    target.write_bytes(image.replace(own, loader.encode().ljust(len(own), b"\0")))
    target.chmod(0o755)


@pytest.fixture
def programs(workspace, who, place):
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    for name in ("guard", "good/file", "bad/file"):
        (workspace / name).parent.mkdir(exist_ok=True)
        shutil.copy(loader, workspace / name)
        (workspace / name).chmod(0o755)
    (workspace / "text").write_text("no loader" * 99)
    (workspace / "text").chmod(0o755)
    (workspace / "d").symlink_to("good")
    (workspace / "e").symlink_to("bad")
    with_loader("/bin/true", workspace / "prog", "./guard")
    with_loader("/bin/true", workspace / "link", "e/file")
    with_loader("/bin/true", workspace / "reads", "./text")
    with_loader("/bin/true", workspace / "nothing", "./there")
    with_loader("/bin/cat", workspace / "show", "d/file")
    (workspace / "script").write_text("#!./prog\n")
    (workspace / "script").chmod(0o755)
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)

    def policy(kind):
        path = place / "policy.yaml"
        path.write_text(FREE + (f"filesystem: {{ {kind}: ['**/guard', '**/bad/file', '**/text', '**/[t]here'] }}\n"
                                if kind else ""))
        return path

    return policy


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="of that machine's loader")
@pytest.mark.both
@pytest.mark.attack("A16")
@pytest.mark.parametrize("kind", ["deny", "hide"])
def test_not_as_a_loader(kind, programs, run_capsule):
    code = """
import os, errno
for name in ('prog', 'link', 'script', 'reads', 'nothing'):
    try:
        print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn('./' + name, [name], {}), 0)[1]))
    except OSError as e:
        print(errno.errorcode[e.errno])
"""
    run = lambda kind: run_capsule(["run", "--policy", programs(kind), "--", "python3", "-c", code]).stdout.split()
    assert run("") == ["0", "0", "0", "ELIBBAD", "ENOENT"]
    error = {"deny": "EACCES", "hide": "ENOENT"}[kind]
    assert run(kind) == [error] * 4 + ["ENOENT"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="of that machine's loader")
@pytest.mark.both
@pytest.mark.attack("B1")
@pytest.mark.parametrize("way", ["link", "write"])
@pytest.mark.parametrize("kind", ["deny", "hide"])
def test_races(kind, way, programs, run_capsule, who, workspace):
    code = """
import ctypes, os, subprocess, sys, time
libc = ctypes.CDLL(None)
image = open('show', 'rb').read()
at, pid = image.index(b'd/file'), os.fork()
while pid == 0:  # exchanged by name, or in the program itself
    for name in (b'e/file', b'd/file'):
        if sys.argv[2] == 'link':
            libc.renameat2(-100, b'd', -100, b'e', 2)
            continue
        try:
            fd = os.open('show', os.O_WRONLY)
            os.pwrite(fd, name, at)
            os.close(fd)
        except OSError:
            pass
count = [0, 0, 0]
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        done = subprocess.run(['./show', '/proc/self/maps'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        out = done.stdout.decode() if done.returncode == 0 else ''
    except OSError:
        out = ''
    count[2 if '/bad/file' in out else 0 if '/good/file' in out else 1] += 1
os.kill(pid, 9)
print(*count)
"""
    def race(kind, seconds):
        done = run_capsule(["run", "--policy", programs(kind), "--", "python3", "-c", code, seconds, way], timeout=seconds + 60)
        assert done.returncode == 0, done.stderr
        return [int(n) for n in done.stdout.split()]

    assert race("", 2)[2] > 0
    if not (workspace / "d/file").samefile(workspace / "good/file"):
        (workspace / "d").unlink()
        (workspace / "e").unlink()
        (workspace / "d").symlink_to("good")
        (workspace / "e").symlink_to("bad")
    with_loader("/bin/cat", workspace / "show", "d/file")
    good, refused, won = race(kind, 20 if harness.LONG else 5 if who.is_root else 2)
    print(kind, way, good, refused, won)
    assert won == 0 and good > 0 and refused > 0
