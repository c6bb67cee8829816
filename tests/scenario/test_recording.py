"""`audit.record: all`: every system call of the session and of nobody else, with its result.

As root the kernel records (where it may: `capsule doctor` says so), as an ordinary user ptrace does.
"""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness

pytestmark = pytest.mark.both

MAKER = harness.BUILD / "tests/tools/call_maker"
POLICY = ('version: 1\nextends: preset:agent\nfilesystem:\n  exec: ["${workspace}"]\n'
          "audit: {record: all}\n")


@pytest.fixture
def maker(workspace, who):
    """The program, where a session may execute it."""
    path = workspace / "call_maker"
    shutil.copy(MAKER, path)
    path.chmod(0o755)
    return path


@pytest.fixture
def policy(place):
    place.chmod(0o777)
    path = place / "all.yaml"
    path.write_text(POLICY)
    path.chmod(0o644)
    return path


@pytest.fixture
def start(start_capsule, place, policy):
    def start(*command, **more):
        return start_capsule(["run", "--policy", policy, "--log", place / "log", "--", *command],
                             **more)

    return start


class Log:
    def __init__(self, path, ended=True):
        self.lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.calls = [line for line in self.lines if line["type"] == "syscall"]
        self.gap = sum(line["count"] for line in self.lines if line["type"] == "gap")
        self.end = next((line for line in self.lines if line["type"] == "syscall.end"), None)
        assert self.end or not ended
        self.by = self.lines[0]["recording"]["by"]

    def named(self, name):
        return [call for call in self.calls if call["call"] == name]

    def one(self, name, **args):
        found = [call for call in self.named(name)
                 if all(call["args"].get(key) == value for key, value in args.items())]
        assert len(found) == 1, (name, args, found)
        return found[0]


@pytest.fixture
def record(start, place, run_capsule, who):
    """record(COMMAND, ...) -> the log of a finished run, verified."""
    def record(*command, status=0):
        proc = start(*command)
        out, err = proc.communicate(timeout=120)
        assert proc.returncode == status, err
        verified = run_capsule(["verify", place / "log"])
        assert verified.returncode == 0, verified.stdout
        log = Log(place / "log")
        log.out, log.err = out, err
        assert len(log.calls) == log.end["recorded"]
        assert log.gap == log.end["lost"]
        return log

    return record


def expected_means(who, run_capsule):
    if not who.is_root:
        return "ptrace"
    doctor = json.loads(run_capsule(["doctor", "--json"]).stdout)
    return "ebpf" if doctor["recording"]["ebpf"] else "ptrace"


# ---- that it is all of it

STRACE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)")
RESULT = re.compile(r" = (-?\w+)(?: (E\w+))?[^=]*$")


def strace(program, *args, cwd, who):
    """Per process (in the order of their first call) the calls that strace saw: (name, errno or result)."""
    out = cwd / "strace.out"
    subprocess.run(["strace", "-f", "-o", out, program, *args], cwd=cwd, check=True,
                   env=harness.environment(who), **harness.as_account(who))
    threads = collections.OrderedDict()
    for line in out.read_text().splitlines():
        found = STRACE.match(line)
        if not found or line.endswith("<unfinished ...>") and found[2] not in ("exit", "exit_group"):
            continue
        result = RESULT.search(found[3])
        threads.setdefault(found[1], []).append(
            (found[2], result[2] or result[1] if result else "?"))
    out.unlink()
    return list(threads.values())


def ours(log):
    threads = collections.OrderedDict()
    for call in log.calls:
        result = call.get("errno") or call.get("result", "?")
        threads.setdefault(call.get("tid", call["pid"]), []).append((call["call"], str(result)))
    return list(threads.values())


# results that are addresses or numbers of processes differ from run to run
VARIES = {"brk", "mmap", "mremap", "clone", "clone3", "vfork", "fork", "wait4", "set_tid_address", "getpid",
          "getppid", "gettid", "getpgid", "getrandom"}


def comparable(threads):
    """
    What must be the same in both, without what a signal or a lock may repeat. clone3 is not there in
    a session: the C library goes on with clone.
    """
    return sorted([("clone" if name == "clone3" else name, "" if name in VARIES else result)
                   for name, result in thread if name not in ("futex", "restart_syscall")
                   and (name, result) != ("clone3", "ENOSYS")] for thread in threads)


def test_every_call_with_its_result(record, maker, workspace, who):
    work = workspace / "work"
    work.mkdir()
    os.chown(work, who.uid, who.gid)
    log = record(maker, "mix", work)
    theirs = strace(maker, "mix", work, cwd=workspace, who=who)
    for mine, other in zip(comparable(ours(log)), comparable(theirs), strict=True):
        assert mine == other
    assert log.gap == 0


def test_arguments_are_decoded(record, maker, workspace, who, run_capsule):
    log = record(maker, "mix", workspace)
    assert log.by == expected_means(who, run_capsule)
    assert log.calls[0]["call"] == "execve"
    assert log.calls[0]["args"]["path"] == str(maker)
    made = log.one("openat", path="a file")
    assert made["args"]["flags"] == "O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC"
    assert made["args"]["mode"] == "0640"
    assert made["args"]["dirfd"] == "AT_FDCWD"
    fd = made["result"]
    assert log.one("write", fd=fd)["result"] == 12
    assert log.one("lseek", fd=fd)["args"]["whence"] == "SEEK_SET"
    assert log.one("rename", path="a file")["args"]["newpath"] == "another file"
    assert log.one("symlink", path="a link")["args"]["target"] == "another file"
    missing = log.one("openat", path="not there")
    assert (missing["result"], missing["errno"]) == (-2, "ENOENT")
    assert log.one("access", path="/nowhere at all")["args"]["mode"] == "R_OK|X_OK"
    assert log.one("mkdir")["args"] == {"path": "a folder", "mode": "0750"}
    sock = log.one("socket")
    assert sock["args"] == {"family": "AF_UNIX", "type": "SOCK_STREAM|SOCK_CLOEXEC", "protocol": 0}
    to = log.one("connect")
    assert to["args"]["addr"] == {"family": "AF_UNIX", "path": "no such socket"}
    assert to["errno"] == "ENOENT"
    # a thread has a number of its own; a forked process another pid
    assert log.one("getpriority")["tid"] != log.one("getpriority")["pid"]
    child = {call["pid"] for call in log.named("getppid")}
    assert len(child) == 1 and child != {log.calls[0]["pid"]}
    assert [call["args"]["status"] for call in log.named("exit_group")
            if call["pid"] in child] == [7]
    assert "result" not in log.named("exit_group")[0]


def test_forks_race_and_nobody_is_missed(record, maker, who, start_capsule, place, policy):
    """A neighbour, and one in a session of his own, make calls all the while: none of them is in the log."""
    neighbour = subprocess.Popen([maker, "idle"], **harness.as_account(who))
    other = start_capsule(["run", "--policy", policy, "--log", place / "other", "--", maker, "idle"])
    harness_wait(lambda: (place / "other").exists())
    try:
        depth, width, n = (5, 3, 20) if who.is_root else (3, 3, 20)
        log = record(maker, "tree", depth, width, n)
    finally:
        neighbour.kill()
        neighbour.wait()
        other.terminate()
        other.communicate(timeout=30)
    assert Log(place / "other", ended=False).named("getpgid")
    processes = sum(width ** level for level in range(depth + 1))
    # nobody outside is in it
    assert not log.named("getpgid")
    each = collections.Counter(call["pid"] for call in log.named("getppid"))
    assert len(log.named("getppid")) + log.gap >= processes * n
    if log.gap == 0:
        assert len(each) == processes
        assert set(each.values()) == {n}
        assert len(log.named("exit_group")) == processes


def test_a_program_that_cannot_be_executed(start, place, workspace):
    (workspace / "nothing").write_text("")
    proc = start(workspace / "nothing")
    proc.communicate(timeout=30)
    assert proc.returncode == 126
    log = Log(place / "log")
    assert log.calls[0]["call"] == "execve" and log.calls[0]["errno"] == "EACCES"


# ---- that what is missing is counted


def test_a_flood_leaves_a_gap_that_adds_up(start, record, maker, place, workspace, run_capsule, who):
    """The supervisor is stopped while the session goes on: the ring fills, and the rest is counted."""
    if expected_means(who, run_capsule) != "ebpf":
        pytest.skip("ptrace waits for its reader: there is nothing that could be lost")
    calls = {}
    for n in (1000, 600000):
        proc = start(maker, "flood", n, 2, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert proc.stdout.readline() == "ready\n"
        if n > 1000:
            proc.send_signal(signal.SIGSTOP)
        proc.stdin.write("\n")
        proc.stdin.flush()
        assert proc.stdout.readline() == "done\n"
        proc.send_signal(signal.SIGCONT)
        proc.communicate(timeout=120)
        assert proc.returncode == 0
        assert run_capsule(["verify", place / "log"]).returncode == 0
        log = Log(place / "log")
        assert len(log.calls) == log.end["recorded"]
        assert log.gap == log.end["lost"]
        assert (log.gap > 0) == (n > 1000)
        # futexes come as the threads happen to meet
        calls[n] = len(log.calls) - len(log.named("futex")) + log.gap - 2 * n
        assert len(log.named("getppid")) + log.gap >= 2 * n
        (place / "log").unlink()
    assert abs(calls[600000] - calls[1000]) <= 4


# ---- that nothing in there gets the better of it


def test_stops_storms_and_execs(record, maker):
    log = record(maker, "hostile")
    assert log.out == "survived\n"
    if log.gap:
        pytest.skip("the machine was too busy to record all of it, and the log says so")
    assert len(log.one("getpgid", pid=4712)) > 0
    assert log.one("getpgid", pid=4713)["pid"] != log.calls[0]["pid"]
    stops = [call for call in log.named("kill") if call["args"]["signal"] == "SIGSTOP"]
    assert len(stops) == 301
    # exec by a thread that was not the first
    assert len([call for call in log.named("execve") if call.get("result") == 0]) == 2


def test_killed_in_the_middle(start, place, maker, run_capsule, who):
    """The supervisor dies: so does everybody else, and what was written stays good."""
    proc = start(maker, "idle")
    harness_wait(lambda: (place / "log").exists() and (place / "log").stat().st_size > 100000)
    proc.kill()
    proc.wait(timeout=10)
    harness_wait(lambda: not processes_of(str(maker)))
    assert not processes_of(str(maker))
    verified = run_capsule(["verify", place / "log"])
    assert verified.returncode == 0, verified.stdout


def harness_wait(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    assert condition()


def processes_of(program):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as line:
                    words = line.read().split(b"\0")
            except OSError:
                continue
            if words[0] == program.encode():
                found.append(int(entry))
    return found


# ---- that the rest still works

RULES = """rules:
  - { name: program, on: process.exec, action: block, when: "process.activity.executable.endsWith('/guard')" }
"""


def test_rules_about_programs(record, maker, policy, workspace):
    """Where a rule may say no the supervisor follows each exec: now as the tracer that it is already."""
    policy.write_text(POLICY + RULES)
    shutil.copy(maker, workspace / "guard")
    (workspace / "script").write_text(f"#!{maker} leaf\n")
    (workspace / "script").chmod(0o755)
    log = record("sh", "-c", "for i in 1 2 3 4 5; do ./call_maker leaf & done; wait; ./script; "
                             "./guard leaf; [ $? = 126 ] && ./call_maker hostile", status=0)
    assert log.out == "survived\n"
    refused = [call for call in log.named("execve") if call.get("errno") == "EACCES"]
    assert log.gap or [call["args"]["path"] for call in refused] == ["./guard"]
    done = [call["args"]["path"] for call in log.named("execve") if call.get("result") == 0]
    assert log.gap or (done.count("./call_maker") == 7 and done.count("./script") == 1)


def test_a_stopped_command_stops(start, maker, place):
    """Ctrl-Z and fg: who traces must not keep a job from being stopped, nor from going on."""
    # a job of ours, as a shell makes it: the kernel stops no group that has nobody to continue it
    proc = start("sh", "-c", "echo ready; kill -STOP $$; echo went on", stdin=subprocess.PIPE,
                 process_group=0)
    assert proc.stdout.readline() == "ready\n"
    harness_wait(lambda: open(f"/proc/{proc.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
    proc.send_signal(signal.SIGCONT)
    out, _ = proc.communicate(timeout=30)
    assert out == "went on\n" and proc.returncode == 0
    stop = Log(place / "log").named("kill")[0]
    assert stop["args"]["signal"] == "SIGSTOP" and stop["result"] == 0


def test_signals_arrive(start, maker):
    proc = start("sh", "-c", "trap 'echo heard; exit 4' USR1; echo ready; while :; do sleep 0.05; done")
    assert proc.stdout.readline() == "ready\n"
    proc.send_signal(signal.SIGUSR1)
    out, _ = proc.communicate(timeout=30)
    assert (out, proc.returncode) == ("heard\n", 4)


def test_secrets_are_taken_out(start, maker, place, workspace):
    proc = start("sh", "-c", ": > ./sesame-open-4711", env={"API_TOKEN": "sesame-open-4711"})
    proc.communicate(timeout=30)
    text = (place / "log").read_text()
    assert "sesame-open-4711" not in text
    assert any(call["args"].get("path") == "./[redacted]" for call in Log(place / "log").named("openat"))


def test_without_namespaces(capsule, who, maker, place, policy, run_capsule):
    """The second back end, an ordinary user's: no pid namespace, and the numbers are the host's."""
    if who.is_root:
        pytest.skip("an ordinary user's")
    policy.write_text("version: 1\nfilesystem:\n  exec: [/usr, /bin, /lib, /lib64, '${workspace}']\n"
                      "  write: ['${workspace}']\nrequire: []\naudit: {record: all}\n")
    forbid = ("echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "
              '--ambient-caps=-all --inh-caps=-all -- "$@"')
    done = subprocess.run(["unshare", "-U", "--map-current-user", "--keep-caps", "sh", "-c", forbid, "sh",
                           capsule, "run", "--policy", policy, "--log", place / "log", "--", maker, "mix",
                           "."], cwd=maker.parent, env=harness.environment(who), capture_output=True,
                          text=True, timeout=60, **harness.as_account(who))
    if not (place / "log").exists():
        pytest.skip(f"no second back end here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    log = Log(place / "log")
    assert log.one("rename", path="a file")["result"] == 0
    assert len({call["pid"] for call in log.named("getppid")}) == 1


# ---- that it says what it does


def test_the_first_record_says_how(record, maker, who, run_capsule):
    log = record(maker, "leaf")
    how = log.lines[0]["recording"]
    assert how["level"] == "all"
    if how["by"] == "ptrace":
        assert how["not_ebpf"]
        assert "ptrace" in log.err and "debugger" in log.err
    else:
        assert "not_ebpf" not in how and log.err == ""
