"""B6, C6, C7: what changes a file without opening it to write, where the supervisor decides."""

import os
import subprocess

import pytest

from test_mediation import CHANGES, FREE, PRELUDE, guarded  # noqa: F401 (a fixture)

# By name and by a descriptor that was opened to read: each must leave the file as it is.
WAYS = {
    "truncate": "os.truncate(F, 0)",
    "chmod": "os.chmod(F, 0o755)",
    "fchmodat": "os.chmod(F, 0o755, dir_fd=os.open('.', os.O_RDONLY))",
    "fchmodat2": "check(libc.syscall(452, -100, F.encode(), 0o755, 0x100))",
    "utime": "check(libc.utime(F.encode(), None))",
    "utimes": "check(libc.utimes(F.encode(), None))",
    "futimesat": "check(libc.syscall(261, -100, F.encode(), None))",
    "utimensat": "os.utime(F, (1, 2))",
    "touch": "subprocess.run(['touch', F], check=True)",
    "chown": "os.chown(F, os.getuid(), os.getgid())",
    "lchown": "os.lchown(F, os.getuid(), os.getgid())",
    "fchownat": "os.chown(F, os.getuid(), -1, dir_fd=os.open('.', os.O_RDONLY))",
    "setxattr": "os.setxattr(F, 'user.x', b'1')",
    "lsetxattr": "os.setxattr(F, 'user.x', b'1', follow_symlinks=False)",
    "removexattr": "os.removexattr(F, 'user.kept')",
    "lremovexattr": "os.removexattr(F, 'user.kept', follow_symlinks=False)",
    "over a link": "(os.symlink(F, 'innocent'), os.chmod('innocent', 0o755))",
    "over the root": "os.chmod(f'/proc/self/root{os.getcwd()}/{F}', 0o755)",
}
BY_DESCRIPTOR = {
    "fchmod": "os.chmod(os.open(F, 0), 0o755)",
    "chmod over the descriptor": "os.chmod(f'/proc/self/fd/{os.open(F, 0)}', 0o755)",
    "fchmodat2 empty": "check(libc.syscall(452, os.open(F, 0), b'', 0o755, 0x1000))",
    "futimens": "os.utime(os.open(F, 0), (1, 2))",
    "futimes": "check(libc.syscall(261, os.open(F, 0), None, None))",
    "fchown": "os.chown(os.open(F, 0), os.getuid(), os.getgid())",
    "fchownat empty": "check(libc.fchownat(os.open(F, 0), b'', os.getuid(), -1, 0x1000))",
    "fsetxattr": "os.setxattr(os.open(F, 0), 'user.x', b'1')",
    "fremovexattr": "os.removexattr(os.open(F, 0), 'user.kept')",
    "by O_PATH": "os.chmod(f'/proc/self/fd/{os.open(F, os.O_PATH)}', 0o755)",
}
CODE = PRELUDE + """
import subprocess
def check(r):
    if r < 0: raise OSError(ctypes.get_errno(), 'call')
print('ran', flush=True)
F = %r
%s
"""


def state(path):
    """All that could have changed; chown to oneself shows in the time of the change."""
    st = path.stat()
    return (path.read_bytes(), st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_ctime_ns,
            {n: os.getxattr(path, n) for n in os.listxattr(path)})


def attempt(way, name, policy, run_capsule, workspace):
    path = workspace / name
    os.setxattr(path, "user.kept", b"1")
    before = state(path)
    done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", CODE % (name, way)])
    assert done.stdout.startswith("ran\n"), done
    return done, before, state(path)


def held(way, name, policy, run_capsule, workspace):
    done, before, after = attempt(way, name, policy, run_capsule, workspace)
    assert after == before, done
    assert "Permission" in done.stderr, done
    (workspace / "innocent").unlink(missing_ok=True)
    free = policy.with_name("free.yaml")
    free.write_text(FREE)
    done, before, after = attempt(way, name, free, run_capsule, workspace)
    if done.returncode and "Function not implemented" in done.stderr:
        pytest.skip("this kernel does not have the call")
    assert done.returncode == 0 and after != before, done


@pytest.mark.both
@pytest.mark.attack("B6")
@pytest.mark.attack("C7")
@pytest.mark.parametrize("way", WAYS)
def test_denied(way, guarded, run_capsule, workspace):
    held(WAYS[way], ".env", guarded, run_capsule, workspace)


@pytest.mark.both
@pytest.mark.attack("C6")
@pytest.mark.attack("C7")
@pytest.mark.parametrize("way", WAYS | BY_DESCRIPTOR)
def test_protected(way, guarded, run_capsule, workspace):
    """It may be read: so a descriptor is had, by which nothing may be changed either."""
    guarded.write_text(CHANGES)
    held((WAYS | BY_DESCRIPTOR)[way], "kept.pem", guarded, run_capsule, workspace)


@pytest.mark.both
@pytest.mark.attack("C7")
def test_calls_that_may_grow(guarded, run_capsule):
    """setxattrat, removexattrat, file_setattr: not there for a session that has such rules."""
    guarded.write_text(CHANGES)
    code = PRELUDE + """
value = ctypes.create_string_buffer(b'1')
args = struct.pack('QII', ctypes.addressof(value), 1, 0)
for nr, words in ((463, (-100, b'kept.pem', 0, b'user.x', args, 16)), (466, (-100, b'kept.pem', 0, b'user.kept')),
                  (469, (-100, b'kept.pem', bytes(32), 32, 0))):
    ctypes.set_errno(0)
    print(libc.syscall(nr, *words), ctypes.get_errno())
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.splitlines() == ["-1 38"] * 3, done


@pytest.mark.both
def test_all_else_is_as_without_rules(guarded, run_capsule, workspace):
    """A tree with modes, times, links and attributes is copied whole by the usual programs."""
    guarded.write_text(CHANGES)
    script = """
set -e
mkdir t; echo x > t/a; chmod 751 t/a; touch -d 2001-02-03 t/a; ln -s a t/l; touch -h -d 2002-03-04 t/l
mkdir t/d; chmod 705 t/d; touch -d 2003-04-05 t/d
cp -a t u; tar cf - t | (mkdir v; tar xpf - -C v)
truncate -s 3 u/a; chown "$(id -u):$(id -g)" u/a; chown -h "$(id -u)" u/l; chgrp "$(id -g)" u/d
for n in u v/t; do (cd $n; stat -c '%n %f %s' a; stat -c '%n %f %Y' l d); done
"""
    with_rules = run_capsule(["run", "--policy", guarded, "--", "sh", "-c", script])
    subprocess.run(["rm", "-rf", *(workspace / n for n in "tuv")], check=True)
    guarded.write_text(FREE)
    without = run_capsule(["run", "--policy", guarded, "--", "sh", "-c", script])
    assert with_rules.returncode == 0 and with_rules.stdout.count("\n") == 6, with_rules
    # a link's and a folder's times are copied, and stay
    assert with_rules.stdout == without.stdout
