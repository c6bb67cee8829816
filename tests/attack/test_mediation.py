"""B and C, where the supervisor decides: rules on files, programs and sockets, attacked from inside."""

import json
import shutil
import subprocess

import pytest

import harness

RACE = harness.BUILD / "tests/attack/race_probe"
TOLD = harness.BUILD / "tests/attack/race_told"

POLICY = """\
version: 1
extends: preset:agent
rules:
  - { name: guarded, on: "file.*", action: block, reason: "nobody reads that",
      when: "file.activity.name in ['guard', 'gmade', 'gkept', '.env'] || file.activity.path.under('${ws}/bad')
        || file.activity.path.endsWith('/worse/file')" }
  - { name: program, on: process.exec, action: block, when: "process.activity.executable.endsWith('/guard')" }
  - { name: argument, on: process.exec, action: block, when: "'evil' in process.activity.argv" }
  - { name: environment, on: process.exec, action: block, when: "'EVIL' in process.activity.env_names" }
  - { name: port, on: net.connect, action: block, when: "tcp.port == 4002 || udp.port == 4002" }
  - { name: own_port, on: net.bind, action: block, when: "udp.port == 4004" }
"""
# What only forbids change: reading it is the kernel's affair.
CHANGES = """\
version: 1
extends: preset:agent
filesystem: { protect: ["**/*.pem"] }
"""
FREE = "version: 1\nextends: preset:agent\n"


@pytest.fixture
def guarded(workspace, who, place):
    """A workspace with things in it that the policy guards, and the policy."""
    files = {"kept.pem": "kept", "plain": "plain", "guard": "secret", "kept": "kept", "gkept": "kept", ".env": "secret",
             "good/file": "plain", "bad/file": "secret", "worse/file": "secret"}
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


RACES = {
    "B1": ["open", "create", "rename", "link", "unlink", "source", "flags", "dirfd", "cwd"],
    "B2": ["connect", "sendto", "sendmsg", "sendmmsg", "exchange", "exchange-msg", "bind"],
    "B3": ["exec", "argv", "env", "peer"],
    "C2": ["component"],
}
KINDS = {kind: attack for attack, kinds in RACES.items() for kind in kinds}


def race_seconds(kind, who):
    """Of each attack at least 20 s in all, as root; of each of its kinds so in a long run."""
    if harness.LONG:
        return 20
    return -(-20 // len(RACES[KINDS[kind]])) if who.is_root else 1


@pytest.mark.attack("B1")
@pytest.mark.attack("B2")
@pytest.mark.attack("B3")
@pytest.mark.attack("C2")
@pytest.mark.both
@pytest.mark.parametrize("kind", KINDS)
def test_races(kind, guarded, run_capsule, workspace, who, place):
    if kind == "exec":
        shutil.copy(TOLD, workspace / "guard")
        (workspace / "guard").chmod(0o755)
    # Outside, and under a policy without the rules, it is won: else it would prove nothing.
    if who.is_root:
        free = place / "free.yaml"
        free.write_text(FREE)
        control = race(run_capsule(["run", "--policy", free, "--", "./race", kind, 1], timeout=60))
        assert control["won"] > 0, control
        for name in ("gmade", "plaim", "linked"):
            (workspace / name).unlink(missing_ok=True)
        (workspace / "gkept").write_text("kept")
        (workspace / "kept.pem").write_text("kept")
    if kind == "flags":
        guarded.write_text(CHANGES)
    seconds = race_seconds(kind, who)
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
        return ["python3", "-c", f"{PRELUDE}\nprint('ran', flush=True)\nprint({text[4:]})"]
    return ["sh", "-c", f"echo ran; {text}"]


def ran(done):
    """It was attempted."""
    assert done.stdout.startswith("ran\n"), done
    return done


@pytest.mark.attack("B4")
@pytest.mark.attack("B5")
@pytest.mark.attack("B7")
@pytest.mark.both
@pytest.mark.parametrize("way", READS)
def test_ways_to_a_guarded_file(way, guarded, run_capsule, workspace):
    before = (workspace / ".env").read_text()
    done = ran(run_capsule(["run", "--policy", guarded, "--", *script(READS[way])]))
    assert "secret" not in done.stdout, done.stdout
    assert done.returncode != 0, done.stdout
    assert (workspace / ".env").read_text() == before
    # and without the rule it is a way
    clean(workspace)
    free = guarded.with_name("free.yaml")
    free.write_text(FREE)
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
    run = lambda policy: ran(run_capsule(["run", "--policy", policy, "--", *script(MAKES[way])]))
    done = run(guarded)
    assert not (workspace / "new/.env").is_symlink() and not (workspace / "new/.env").exists(), done
    clean(workspace)
    free = guarded.with_name("free.yaml")
    free.write_text(FREE)
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


# What only the time of a call shows: a session must not be able to hold up the supervisor.
STALLS = {
    "a tracer that lets an exec wait": """
r, w = os.pipe(); r2, w2 = os.pipe()
if os.fork() == 0:
    def other():
        os.write(w, str(threading.get_native_id()).encode())
        time.sleep(100)
    threading.Thread(target=other, daemon=True).start()
    os.read(r2, 1)
    os.execv('./goodp', ['x'])
assert libc.ptrace(0x4206, int(os.read(r, 20)), 0, 0x40) == 0  # SEIZE: its end is ours to see
os.write(w2, b'x')
time.sleep(0.5)
""",
    "a connection that is told to wait after all": """
listener = socket.socket(socket.AF_UNIX); listener.bind('l.sock'); listener.listen(0)
full = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for s in full:
    s.setblocking(False)
    try: s.connect('l.sock')
    except BlockingIOError: pass
if os.fork() == 0:
    os.execv('./race', ['race', 'wait', '5'])
time.sleep(1)
""",
}


@pytest.mark.both
@pytest.mark.attack("B11")
@pytest.mark.parametrize("way", STALLS)
def test_nobody_holds_up_the_supervisor(way, guarded, run_capsule):
    code = PRELUDE + "import socket, threading, time\n" + STALLS[way] + """
start = time.monotonic()
open('plain').read()
print('%.1f' % (time.monotonic() - start))
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code], timeout=60)
    assert done.returncode == 0 and float(done.stdout) < 8, done


@pytest.mark.both
@pytest.mark.attack("B2")
def test_streams_of_threads_are_whole(guarded, run_capsule):
    """What threads send on streams is sent on their behalf: whole, with its descriptors, at its pace."""
    code = """
import array, os, socket, threading, time
threading.Thread(target=lambda: time.sleep(100), daemon=True).start()
a, b = socket.socketpair()
r, w = os.pipe()
a.sendmsg([b'hi'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w]))])
data, extra, _, _ = b.recvmsg(10, 100)
os.write(array.array('i', extra[0][2])[0], b'through')
print(data, os.read(r, 10))
got = bytearray()
def reader():
    while len(got) < 5000000:
        got.extend(b.recv(65536))
t = threading.Thread(target=reader); t.start()
text = bytes(range(250)) * 20000
sent = 0
while sent < len(text):
    sent += a.sendmsg([text[sent:sent + 1500000]])
t.join()
print(got == text)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
print(a.sendmsg([b'one']), b.recv(10))
a.setblocking(False)
try:
    while True: a.sendmsg([b'x' * 1000])
except BlockingIOError: print('full')
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.splitlines() == ["b'hi' b'through'", "True", "3 b'one'", "full"], done


@pytest.mark.both
@pytest.mark.attack("B2")
def test_descriptors_are_shared_by_threads_only(guarded, run_capsule):
    """A process that shares another's descriptors could exchange them in the middle of its calls."""
    code = PRELUDE + """
r = libc.syscall(56, 0x400 | 17, 0, 0, 0, 0)
if r == 0: os._exit(0)
print(r, ctypes.get_errno())
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.split() == ["-1", "1"], done


@pytest.mark.both
@pytest.mark.attack("B2")
@pytest.mark.attack("B8")
def test_addresses_of_any_length(guarded, run_capsule):
    """A Unix address may be longer than there is room for a path in it."""
    code = PRELUDE + """
import errno
a = struct.pack('H', 1) + b'a' * 126
said = []
for kind in (1, 2):
    s = libc.socket(1, kind, 0)
    for call in (libc.connect, libc.bind):
        for n in (0, 1, 2, 3, 109, 110, 111, 128, 129, 2**31, -1):
            r = call(s, a, ctypes.c_uint(n))
            said.append(errno.errorcode[ctypes.get_errno()] if r < 0 else n)
    for n in (111, 128, 129):
        said.append(errno.errorcode[ctypes.get_errno()]
                    if libc.sendto(s, b'x', 1, 0, a, ctypes.c_uint(n)) < 0 else n)
print(len(said), *sorted(set(map(str, said))))
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.returncode == 0 and done.stdout.startswith("50 "), done


@pytest.mark.attack("B3")
@pytest.mark.both
def test_more_arguments_than_are_read(guarded, run_capsule, workspace):
    """What lies behind the part that is looked at is not what a rule was asked about."""
    code = """
import subprocess
def run(argv, env):
    try: return subprocess.run(argv, executable='./tell', env=env).returncode
    except PermissionError: return 'refused'
many = {f'V{i}': 'x' for i in range(600)}
print(run(['x'], {}), run(['x'], many | {'EVIL': '1'}), run(['x'] * 600 + ['evil'], {}),
      run(['x', 'evil'], {}), run(['x'], {'EVIL': ''}), run(['x'], {'V': 'x' * 100000, 'EVIL': ''}))
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.split() == ["0"] + ["refused"] * 5, done


@pytest.mark.attack("A17")
@pytest.mark.both
def test_who_calls_is_who_calls_now(guarded, run_capsule, workspace):
    """A rule for one program, and another that it becomes where nobody looks at execs."""
    guarded.write_text(FREE + """\
audit: { record: invocations }
reload: false
rules:
  - { name: only, on: "file.open", action: block,
      when: "file.activity.name == '.env' && !common.process.executable.endsWith('/perl')" }
""")
    text = "open(F, '<', '.env') and print 'perl '; exec 'cat', '.env'"
    done = run_capsule(["run", "--policy", guarded, "--", "perl", "-e", f"$| = 1; {text}"])
    assert done.stdout == "perl " and "Permission denied" in done.stderr, done


@pytest.mark.both
@pytest.mark.attack("B7")
def test_path_descriptors(guarded, run_capsule):
    """O_PATH names a thing and opens nothing: it is had where reading is, and leads no further."""
    code = PRELUDE + """
def openat2_path(name):
    how = struct.pack('QQQ', os.O_PATH, 0, 0)
    fd = libc.syscall(437, -100, name.encode(), how, len(how))
    if fd < 0: raise OSError(ctypes.get_errno(), 'openat2')
    return fd
def tried(f):
    try: return f()
    except OSError as e: return e.errno
fd = os.open('plain', os.O_PATH)
folder = os.open('good', os.O_PATH | os.O_DIRECTORY)
print(open(f'/proc/self/fd/{fd}').read(), os.read(os.open('file', os.O_RDONLY, dir_fd=folder), 9).decode(),
      os.fstat(openat2_path('good')).st_ino == os.fstat(folder).st_ino,
      tried(lambda: os.open('.env', os.O_PATH)), tried(lambda: openat2_path('.env')),
      tried(lambda: os.open('file', os.O_RDONLY, dir_fd=os.open('worse', os.O_PATH))))
"""
    done = run_capsule(["run", "--policy", guarded, "--", "python3", "-c", code])
    assert done.stdout.split() == ["plain", "plain", "True", "13", "13", "13"], done


@pytest.mark.attack("D9")
@pytest.mark.both
def test_mapped_addresses_are_what_they_map(run_capsule, place):
    """A socket of IPv6 speaks IPv4 to ::ffff:127.0.0.1: a rule on the one address holds for the other."""
    policy = place / "mapped.yaml"
    policy.write_text("""\
version: 1
extends: preset:agent
rules:
  - { name: by_address, on: net.connect, action: block, when: "cidr('127.0.0.0/9').containsIP(ip.address)" }
  - { name: by_text, on: net.connect, action: block, when: "ip.value == '127.128.0.1'" }
  - { name: by_class, on: net.connect, action: block, when: "tcp.port == 4006 && ip.class == 'loopback'" }
""")
    code = """
import errno, socket
listener = socket.create_server(('::', 4005), family=socket.AF_INET6, dualstack_ipv6=True)
other = socket.create_server(('::', 4006), family=socket.AF_INET6, dualstack_ipv6=True)
for host, port in (('::ffff:127.0.0.1', 4005), ('::ffff:127.128.0.1', 4005), ('::ffff:127.200.0.1', 4006),
                   ('::ffff:127.200.0.1', 4005)):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try: s.connect((host, port)); print('through')
    except OSError as e: print(errno.errorcode[e.errno])
"""
    done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", code])
    assert done.stdout.split() == ["EACCES"] * 3 + ["through"], done
