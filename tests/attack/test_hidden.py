"""filesystem.hide: stat and readdir agree that nothing is there, whichever way one comes."""

import json
import os
import shutil
import subprocess

import pytest

import harness

RACE = harness.BUILD / "tests/attack/race_probe"
POLICY = """\
version: 1
extends: preset:agent
filesystem: { hide: ['**/.env', '**/hidden', '${workspace}/guard', '${workspace}/bad/file', '${workspace}/folder'] }
"""
FREE = "version: 1\nextends: preset:agent\n"
FILES = {".env": "secret", "plain": "plain", "guard": "secret", "good/file": "plain", "good/hidden": "x",
         "bad/file": "secret", "bad/hidden": "x", "folder/inner": "secret", "only/.env": "secret"}


@pytest.fixture
def hidden(workspace, who, place):
    for name, text in FILES.items():
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text(text)
    (workspace / "folder/up").symlink_to("../plain")
    (workspace / "way").symlink_to("folder")
    (workspace / "d").symlink_to("good")
    (workspace / "e").symlink_to("bad")
    shutil.copy(RACE, workspace / "race")
    (workspace / "race").chmod(0o755)
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)
    policy = place / "policy.yaml"
    policy.write_text(POLICY)
    (place / "free.yaml").write_text(FREE)
    return policy


def inside(run_capsule, policy, code, **kwargs):
    done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", code], **kwargs)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# Every call that takes a path, as errno names. `p` is the path.
CALLS = """
import ctypes, errno, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *a):
    r = libc.syscall(nr, *[ctypes.c_long(x) if isinstance(x, int) else x for x in a])
    if r < 0: raise OSError(ctypes.get_errno(), '')
    return r
room = lambda n=4096: ctypes.create_string_buffer(n)
def how(flags, resolve): return struct.pack('QQQ', flags, 0, resolve)
def unix(p, what):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if what == 'connect' else socket.SOCK_DGRAM)
    with s:
        if what == 'sendmsg': s.sendmsg([b'x'], [], 0, p)
        elif what == 'sendto': s.sendto(b'x', p)
        else: s.connect(p)
at = lambda: os.open('.', os.O_RDONLY)
LOOKS = {
  'stat': lambda p: call(4, p.encode(), room()),
  'lstat': lambda p: call(6, p.encode(), room()),
  'newfstatat': lambda p: call(262, at(), p.encode(), room(), 0),
  'statx': lambda p: call(332, -100, p.encode(), 0, 0x7ff, room()),
  'access': lambda p: call(21, p.encode(), 0),
  'faccessat': lambda p: call(269, -100, p.encode(), 0),
  'faccessat2': lambda p: call(439, -100, p.encode(), 0, 0x200),
  'readlink': lambda p: call(89, p.encode(), room(), 99),
  'readlinkat': lambda p: call(267, -100, p.encode(), room(), 99),
  'chdir': os.chdir,
  'statfs': lambda p: call(137, p.encode(), room()),
  'getxattr': lambda p: call(191, p.encode(), b'user.x', room(), 99),
  'lgetxattr': lambda p: call(192, p.encode(), b'user.x', room(), 99),
  'listxattr': lambda p: call(194, p.encode(), room(), 99),
  'llistxattr': lambda p: call(195, p.encode(), room(), 99),
  'setxattr': lambda p: os.setxattr(p, 'user.x', b'1'),
  'inotify': lambda p: call(254, libc.inotify_init1(0), p.encode(), 0xfff),
  'open': lambda p: os.open(p, os.O_RDONLY),
  'open for writing': lambda p: os.open(p, os.O_WRONLY),
  'O_PATH': lambda p: os.open(p, os.O_PATH),
  'O_PATH nofollow': lambda p: os.open(p, os.O_PATH | os.O_NOFOLLOW),
  'O_TMPFILE': lambda p: os.open(p, os.O_TMPFILE | os.O_RDWR),
  'openat2': lambda p: call(437, -100, p.encode(), how(os.O_RDONLY, 0), 24),
  'openat2 beneath': lambda p: call(437, at(), p.encode(), how(os.O_RDONLY, 8), 24),
  'execve': lambda p: os.execv(p, [p]),
  'truncate': lambda p: os.truncate(p, 0),
  'chmod': lambda p: os.chmod(p, 0o644),
  'chown': lambda p: os.chown(p, -1, -1),
  'utime': lambda p: os.utime(p),
  'unlink': os.unlink,
  'rmdir': os.rmdir,
  'rename': lambda p: os.rename(p, 'elsewhere'),
  'exchange': lambda p: call(316, -100, b'plain', -100, p.encode(), 2),
  'link': lambda p: os.link(p, 'elsewhere'),
  'connect': lambda p: unix(p, 'connect'),
  'sendto': lambda p: unix(p, 'sendto'),
  'sendmsg': lambda p: unix(p, 'sendmsg'),
}
MAKES = {
  'creat': lambda p: os.open(p, os.O_CREAT | os.O_WRONLY),
  'create to read': lambda p: os.open(p, os.O_CREAT | os.O_RDONLY),
  'exclusive': lambda p: os.open(p, os.O_CREAT | os.O_EXCL | os.O_WRONLY),
  'mkdir': os.mkdir,
  'mkfifo': os.mkfifo,
  'mknod': os.mknod,
  'symlink': lambda p: os.symlink('plain', p),
  'link': lambda p: os.link('plain', p),
  'rename': lambda p: os.rename('plain', p),
  'no replace': lambda p: call(316, -100, b'plain', -100, p.encode(), 1),
  'bind': lambda p: socket.socket(socket.AF_UNIX).bind(p),
}
def tell(calls, paths):
    for p in paths:
        for name, f in calls.items():
            try:
                f(p)
                r = 'done'
            except OSError as e:
                r = errno.errorcode[e.errno]
            print(json.dumps([p, name, r]), flush=True)
"""
# With the same errors for a name that is not there, which no pattern of the policy knows.
NAMES = [".env", ".env/", "./.env", "guard", "folder", "folder/", "folder/inner", "folder/..", "folder/../plain",
         "folder/up", "way/.", "way/inner", "way/../plain", "only/.env", "only/../.env", "good/hidden",
         "/proc/self/cwd/.env", "/proc/thread-self/cwd/folder/inner"]


@pytest.mark.both
@pytest.mark.attack("B5")
@pytest.mark.attack("B7")
def test_no_call_finds_it(hidden, run_capsule, workspace):
    code = f"{CALLS}\ntell(LOOKS, {NAMES!r})"
    ways = {"openat2": "ENOSYS", "openat2 beneath": "ENOSYS"}  # over links and "..": not there at all
    rows = inside(run_capsule, hidden, code)
    assert len(rows) == len(NAMES) * 37, len(rows)
    for path, name, result in rows:
        also = {"ENOENT", ways.get(name, "ENOENT")}
        if name == "openat2 beneath" and path.startswith("/"):
            also.add("EXDEV")
        if path.endswith(("..", "/.")) and name in ("rmdir", "unlink", "rename", "exchange"):
            also |= {"EINVAL", "EISDIR", "EBUSY", "ENOTEMPTY"}
        assert result in also, (path, name, result)
    assert (workspace / ".env").read_text() == (workspace / "guard").read_text() == "secret"
    # and without the line they are found
    free = inside(run_capsule, hidden.with_name("free.yaml"), f"{CALLS}\ntell({{'stat': LOOKS['stat']}}, {NAMES!r})")
    assert {r for p, _, r in free if p != ".env/"} == {"done"}, free


@pytest.mark.both
@pytest.mark.attack("B6")
def test_the_answer_is_the_same_where_nothing_is(hidden, run_capsule, workspace):
    """Names that are hidden, one of which is there: no call tells which."""
    code = f"{CALLS}\ntell(LOOKS, ['.env', 'good/.env'])\ntell(MAKES, ['.env', 'good/.env', 'guard', 'bad/.env'])"
    by_path = {}
    for path, name, result in inside(run_capsule, hidden, code):
        by_path.setdefault(path, []).append((name, result))
    assert by_path[".env"] == by_path["good/.env"]
    assert by_path["guard"] == by_path["bad/.env"]
    assert {r for _, r in by_path["guard"]} == {"EACCES"}, by_path["guard"]
    assert not (workspace / "good/.env").exists() and (workspace / ".env").read_text() == "secret"


@pytest.mark.both
@pytest.mark.attack("B6")
def test_listings(hidden, run_capsule, workspace, who):
    many = workspace / "many"
    many.mkdir()
    for i in range(300):
        (many / f"seen{i}").touch()
    for i in range(300):  # by themselves they are more than a piece
        (many / f"d{i}").mkdir()
        (many / f"d{i}/hidden").touch()
    full = workspace / "full"
    full.mkdir()
    for i in range(700):
        (full / f"{i:0200}.gone").touch()
    (full / "stays").touch()
    subprocess.run(["chown", "-R", f"{who.uid}:{who.gid}", str(many), str(full)], check=True)
    hidden.write_text(POLICY.replace("'**/.env'", "'**/.env', '**/*.gone'"))
    code = """
import ctypes, json, os, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.lseek.restype = ctypes.c_int64
def read(fd, size, nr=217):
    room = ctypes.create_string_buffer(size)
    n = libc.syscall(nr, fd, room, size)
    names, at = [], 0
    while at < n:
        ino, off, length = struct.unpack_from('QqH', room.raw, at)
        start = at + (19 if nr == 217 else 18)
        names.append((room.raw[start:room.raw.index(b'\\0', start)].decode(), off))
        at += length
    return n, names
def everything(path, size, nr=217):
    fd, names = os.open(path, os.O_RDONLY), []
    while True:
        n, some = read(fd, size, nr)
        if n <= 0: break
        names += [name for name, _ in some]
    os.close(fd)
    return sorted(names)
for path in ('.', 'good', 'only', 'many'):
    print(json.dumps(everything(path, 32768)))
small, big, old = everything('many', 280), everything('many', 1 << 20), everything('many', 400, 78)
print(json.dumps(small == big == old and len(set(big)) == len(big) == 602))
print(json.dumps(everything('full', 300)))          # hundreds of empty pieces before the one that stays
fd = os.open('many', os.O_RDONLY)                   # telldir, seekdir
n, first = read(fd, 2000)
n, second = read(fd, 2000)
libc.lseek(fd, ctypes.c_int64(first[-1][1]), 0)
print(json.dumps(read(fd, 2000)[1] == second))
here = libc.lseek(fd, ctypes.c_int64(0), 1)         # what could not be written was not read
print(json.dumps([libc.syscall(217, fd, ctypes.c_void_p(8), 2000), ctypes.get_errno(), libc.lseek(fd, ctypes.c_int64(0), 1) == here]))
print(json.dumps([libc.syscall(217, fd, ctypes.create_string_buffer(8), 8), ctypes.get_errno()]))
print(json.dumps([libc.syscall(217, 0, ctypes.create_string_buffer(99), 99), ctypes.get_errno()]))
"""
    rows = inside(run_capsule, hidden, code)
    assert rows[0] == sorted([".", "..", "plain", "good", "bad", "only", "way", "d", "e", "race", "many", "full"])
    assert rows[1] == [".", "..", "file"] and rows[2] == [".", ".."]
    assert len(rows[3]) == 602 and rows[4] is True
    assert rows[5] == [".", "..", "stays"]
    assert rows[6] is True
    assert rows[7] == [-1, 14, True] and rows[8] == [-1, 22] and rows[9] == [-1, 20]


@pytest.mark.both
def test_everything_else_is_as_it_was(hidden, run_capsule, workspace):
    """What is told of names that are not hidden is what the kernel tells."""
    code = """
import json, os, stat
for p in ('/', '/etc/passwd', '.', 'plain', 'd', '/dev/null', '/tmp', '/usr/bin/env', '/proc', '/proc/self', '/proc/self/exe',
          '/proc/self/fd', 'race', os.path.expanduser('~')):
    for f in (os.stat, os.lstat):
        s = f(p)
        same = p.startswith('/proc')
        print(json.dumps([p, s.st_mode, s.st_uid, s.st_gid, same or s.st_size, same or s.st_nlink, s.st_rdev]))
    print(json.dumps([os.access(p, m) for m in (0, 1, 2, 4)] + [os.statvfs(p).f_bsize]))
for p in ('d', '/proc/self/exe', '/proc/self/cwd'):
    print(json.dumps(os.readlink(p)))
print(json.dumps([int(os.readlink('/proc/self')) == os.getpid(), os.path.realpath('d/file'), os.getcwd()]))
os.setxattr('plain', 'user.a', b'value')
print(json.dumps([os.getxattr('plain', 'user.a').decode(), os.listxattr('plain')]))
try: os.listxattr('nothing')
except OSError as e: print(json.dumps(e.errno))
"""
    want = inside(run_capsule, hidden.with_name("free.yaml"), code)
    assert inside(run_capsule, hidden, code) == want
    # programs that look at everything
    script = "git init -q new && cd new && echo x > f && git add . && git status --short && find . -name f && du -s f | cut -f2"
    done = run_capsule(["run", "--policy", hidden, "--", "sh", "-c", script])
    assert done.stdout.splitlines() == ["A  f", "./f", "f"], done


@pytest.mark.both
def test_no_other_way_around(hidden, run_capsule, workspace):
    """Mounts, maps, a folder above it that is moved, a watch, an interpreter."""
    script = f"""
grep -c folder /proc/self/mountinfo
mv ../{workspace.name} ../moved
mv only elsewhere; ls -A elsewhere; cat elsewhere/.env
printf '#!{workspace}/guard\\n' > s; chmod +x s; ./s; echo $?
ln way/inner x; cp -r . /tmp/copy; find /tmp/copy -name .env -o -name guard -o -name inner
"""
    done = run_capsule(["run", "--policy", hidden, "--", "sh", "-c", script])
    lines = done.stdout.splitlines()
    assert lines[0] == "0" and lines[1] in ("126", "127") and len(lines) == 2, done
    assert "secret" not in done.stdout + done.stderr
    code = """
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(0)
print(json.dumps([libc.inotify_add_watch(fd, b'plain', 2) > 0, libc.inotify_add_watch(fd, b'.', 2), ctypes.get_errno()]))
"""
    assert inside(run_capsule, hidden, code) == [[True, -1, 13]]


@pytest.mark.both
def test_it_is_recorded(hidden, run_capsule, workspace, who):
    run_capsule(["run", "--policy", hidden, "--", "sh", "-c", "test -e .env; test -e nothing"])
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    denied = [r for r in map(json.loads, log.read_text().splitlines())
              if r["type"] == "event" and r["outcome"]["result"] == "denied"]
    assert len(denied) == 1, denied
    assert denied[0]["event"]["file"]["activity"]["path"] == str(workspace / ".env")
    assert denied[0]["decision"]["rule"] == "filesystem.hide[0]" and denied[0]["outcome"]["errno"] == "ENOENT"


def test_traps_are_explained(hidden, run_capsule):
    """Nothing of this costs who hides nothing."""
    only = lambda policy: {line.split()[0] for line in run_capsule(
        ["policy", "explain", "--traps", "--policy", policy]).stdout.splitlines() if line.startswith("  ")}
    looks = {"newfstatat", "statx", "getdents64", "readlink", "chdir", "faccessat", "statfs"}
    assert looks <= only(hidden)
    assert not looks & only(hidden.with_name("free.yaml"))


RACES = ["stat", "stat-link", "path-only", "list"]


@pytest.mark.both
@pytest.mark.attack("B1")
@pytest.mark.attack("C2")
@pytest.mark.parametrize("kind", RACES)
def test_races(kind, hidden, run_capsule, who):
    def race(policy, seconds):
        done = run_capsule(["run", "--policy", policy, "--", "./race", kind, seconds], timeout=seconds + 60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    if who.is_root:
        control = race(hidden.with_name("free.yaml"), 1)
        assert control["won"] > 0, control
    got = race(hidden, 20 if harness.LONG else 5 if who.is_root else 1)
    print(kind, got)
    assert got["attempts"] > 0 and got["won"] == 0 and got["good"] > 0, got
    assert kind == "list" or got["refused"] > 0, got
