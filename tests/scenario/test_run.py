"""`capsule run` as a program among programs: statuses, pipes, signals, time, environment, report."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import harness

pytestmark = pytest.mark.both

OPEN = "version: 1\nextends: preset:agent\n"


@pytest.fixture(autouse=True)
def reports(place):
    """Reports go beside the workspace: in it the session could replace them."""
    place.chmod(0o777)


def policy(workspace, text, name="p.yaml"):
    path = workspace.parent / name
    path.write_text(OPEN + text)
    path.chmod(0o644)
    return path


def report_of(path):
    return json.loads(pathlib.Path(path).read_text())


def processes_with(marker):
    """Pids of processes on the host whose command line holds @marker as a word."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if marker.encode() in words:
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def unique_sleep():
    """A duration for sleep(1) that no other process on this machine has."""
    return f"{3000 + os.getpid() % 1000}.{time.monotonic_ns() % 10**9:09d}"


# ---- statuses


@pytest.mark.parametrize("script,status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255),
    ("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139),
])
def test_status_is_the_commands(run_capsule, script, status):
    assert run_capsule(["run", "--", "sh", "-c", script]).returncode == status


def test_not_found_is_127(run_capsule):
    done = run_capsule(["run", "--", "no-such-program-here"])
    assert done.returncode == 127
    assert "no-such-program-here" in done.stderr


def test_not_executable_is_126(run_capsule, workspace):
    (workspace / "plain").write_text("echo no\n")
    done = run_capsule(["run", "--", "./plain"])
    assert done.returncode == 126
    assert "plain" in done.stderr


@pytest.mark.parametrize("args", [
    [], ["--no-such-option", "--", "true"], ["--timeout", "soon", "--", "true"],
    ["--timeout", "0", "--", "true"], ["--network", "lan", "--", "true"], ["--env", "X", "--", "true"],
    ["--", ""],
])
def test_usage_is_2(run_capsule, args):
    done = run_capsule(["run", *args])
    assert done.returncode == 2
    assert done.stderr.strip()
    assert done.stdout == ""


def test_failure_is_125_and_says_where(run_capsule, who):
    done = run_capsule(["run", "--policy", "/no/such/policy.yaml", "--", "true"])
    assert done.returncode == 125
    assert "/no/such/policy.yaml" in done.stderr
    assert not who.logs.exists()


def test_options_end_at_the_command(run_capsule):
    assert run_capsule(["run", "echo", "--policy", "x"]).stdout == "--policy x\n"


def test_help(run_capsule):
    done = run_capsule(["run", "--help"])
    assert done.returncode == 0
    assert "--report" in done.stdout


# ---- streams


@pytest.mark.parametrize("extra", ["", "audit: {stdio: digest}\n", "limits: {output: 100MB}\n"])
def test_pipes_carry_everything_both_ways(run_capsule, workspace, extra):
    data = "".join(f"line {i}\n" for i in range(300_000))
    given = policy(workspace, extra)
    done = run_capsule(["run", "--policy", given, "--", "python3", "-c",
                        "import sys\nfor l in sys.stdin: sys.stdout.write(l); sys.stderr.write(l)"],
                       input=data)
    assert done.returncode == 0
    assert done.stdout == data
    assert done.stderr == data


def test_stdin_ends(run_capsule):
    assert run_capsule(["run", "--", "wc", "-c"], input="").stdout.strip() == "0"


@pytest.mark.parametrize("extra", ["", "audit: {stdio: digest}\n"])
def test_reader_that_leaves_ends_the_writer(capsule, who, workspace, extra):
    given = policy(workspace, extra)
    done = subprocess.run(["bash", "-c", '"$@" | head -n 1; echo ${PIPESTATUS[0]}', "-", capsule,
                           "run", "--policy", given, "--", "yes"], cwd=workspace, text=True,
                          capture_output=True, timeout=20, env=harness.environment(who),
                          **harness.as_account(who))
    assert done.stdout.split() == ["y", "141"], done.stderr


def test_closed_descriptors_stay_closed(capsule, who, workspace):
    done = subprocess.run(["sh", "-c", 'exec "$0" run --quiet -- sh -c "$1" <&- >&-', capsule,
                           "echo x; echo $? >&2; read y; echo $? >&2"],
                          cwd=workspace, text=True, capture_output=True, timeout=20,
                          env=harness.environment(who), **harness.as_account(who))
    numbers = [line for line in done.stderr.split("\n") if line.isdigit()]
    assert len(numbers) == 2 and "0" not in numbers, done.stderr


def test_same_file_stays_one_stream(capsule, who, workspace):
    given = policy(workspace, "audit: {stdio: digest}\n")
    script = "for i in 1 2 3 4 5 6 7 8; do echo o$i; echo e$i >&2; done"
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&1', "-", capsule, "run", "--policy", given,
                           "--report", "../r.json", "--", "sh", "-c", script], cwd=workspace, text=True,
                          capture_output=True, timeout=20, env=harness.environment(who),
                          **harness.as_account(who))
    assert done.stdout.split() == [f"{c}{i}" for i in range(1, 9) for c in "oe"]
    assert report_of(workspace.parent / "r.json")["output"]["bytes"] == 48


def test_digests(run_capsule, workspace):
    given = policy(workspace, "audit: {stdio: digest}\n")
    run_capsule(["run", "--policy", given, "--report", "../r.json", "--", "printf", "abc"])
    got = report_of(workspace.parent / "r.json")
    assert got["stdout"] == {
        "bytes": 3, "blake3": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"}
    assert got["stderr"] == {
        "bytes": 0, "blake3": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}


def test_output_limit(run_capsule, workspace):
    given = policy(workspace, "limits: {output: 1000B}\n")
    began = time.monotonic()
    done = run_capsule(["run", "--policy", given, "--report", "../r.json", "--", "sh", "-c",
                        "trap '' TERM; yes 123456789; sleep 30"])
    assert len(done.stdout) == 1000
    assert "limits.output" in done.stderr
    assert done.returncode in (137, 141, 143)
    assert time.monotonic() - began < 15
    assert {"limit": "output", "hits": 1} in report_of(workspace.parent / "r.json")["limits"]


def test_output_below_the_limit(run_capsule, workspace):
    given = policy(workspace, "limits: {output: 1000B}\n")
    done = run_capsule(["run", "--policy", given, "--", "head", "-c", "1000", "/dev/zero"])
    assert done.returncode == 0
    assert len(done.stdout) == 1000
    assert done.stderr == ""


def test_a_directory_is_no_stdin(capsule, who, workspace):
    done = subprocess.run(["sh", "-c", 'exec "$0" run -- true </', capsule], cwd=workspace, text=True,
                          capture_output=True, env=harness.environment(who), timeout=20,
                          **harness.as_account(who))
    assert done.returncode == 125
    assert "directory" in done.stderr


# ---- signals and time

LOOP = "echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_reach_the_command(start_capsule, name):
    proc = start_capsule(["run", "--", "bash", "-c", f"trap 'echo got; exit 33' {name}; {LOOP}"])
    assert proc.stdout.readline() == "ready\n"
    proc.send_signal(getattr(signal, "SIG" + name))
    assert proc.stdout.readline() == "got\n"
    assert proc.wait(10) == 33


def test_unhandled_signal_ends_it(start_capsule):
    proc = start_capsule(["run", "--", "sh", "-c", LOOP])
    assert proc.stdout.readline() == "ready\n"
    proc.terminate()
    assert proc.wait(10) == 143


def test_nohup_stays(start_capsule):
    proc = start_capsule(["run", "--", "sh", "-c", LOOP],
                         preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert proc.stdout.readline() == "ready\n"
    proc.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert proc.poll() is None


def test_stop_and_continue(start_capsule):
    # No shell that forks: a child stopped between vfork and exec leaves its parent unstoppable.
    # A group of its own, as a shell gives it: in an orphaned one the kernel ignores SIGTSTP.
    proc = start_capsule(["run", "--", "python3", "-uc",
                          "import time\nwhile True: print('x'); time.sleep(0.05)"],
                         process_group=0)
    stat = pathlib.Path(f"/proc/{proc.pid}/stat")

    def state():
        return stat.read_text().rsplit(")", 1)[1].split()[0]

    assert proc.stdout.readline() == "x\n"
    proc.send_signal(signal.SIGTSTP)
    assert wait_for(lambda: state() == "T")
    proc.send_signal(signal.SIGCONT)
    assert wait_for(lambda: state() != "T")
    time.sleep(0.2)
    proc.terminate()
    assert proc.wait(10) == 143
    assert proc.stdout.read().count("x") >= 2


def test_timeout(run_capsule, workspace):
    began = time.monotonic()
    done = run_capsule(["run", "--timeout", "300ms", "--report", "../r.json", "--", "sleep", "60"])
    assert done.returncode == 143
    assert time.monotonic() - began < 5
    assert "limits.wall_time" in done.stderr
    got = report_of(workspace.parent / "r.json")
    assert got["limits"] == [{"limit": "wall_time", "hits": 1}]
    assert got["signal"] == 15


def test_timeout_kills_who_does_not_listen(run_capsule):
    began = time.monotonic()
    done = run_capsule(["run", "--timeout", "300ms", "--", "bash", "-c",
                        "trap '' TERM; while :; do sleep 0.1; done"])
    assert done.returncode == 137
    assert 2 <= time.monotonic() - began < 8


def test_timeout_only_shortens(run_capsule, workspace):
    given = policy(workspace, "limits: {wall_time: 300ms}\n")
    done = run_capsule(["run", "--policy", given, "--timeout", "1h", "--", "sleep", "60"])
    assert done.returncode == 143


# ---- the tree


def test_background_children_do_not_outlive(run_capsule):
    mark = unique_sleep()
    done = run_capsule(["run", "--", "sh", "-c",
                        f"setsid sleep {mark} >/dev/null 2>&1 & sleep 0.1; ps ax | grep -c {mark}"])
    assert int(done.stdout) >= 2, done.stderr  # it was there
    assert wait_for(lambda: not processes_with(mark))


def test_a_background_child_holds_no_pipe_open(run_capsule):
    began = time.monotonic()
    done = run_capsule(["run", "--", "sh", "-c", f"sleep {unique_sleep()} & echo done"])
    assert done.stdout == "done\n"
    assert time.monotonic() - began < 10


def test_nothing_survives_kill_9(start_capsule):
    mark = unique_sleep()
    proc = start_capsule(["run", "--", "sh", "-c",
                          f"trap '' HUP TERM INT; setsid sleep {mark} & echo ready; sleep {mark}"])
    assert proc.stdout.readline() == "ready\n"
    assert wait_for(lambda: len(processes_with(mark)) >= 2)
    proc.kill()
    assert wait_for(lambda: not processes_with(mark))


# ---- environment, policy, tools


def test_environment(run_capsule):
    env = {"GITHUB_TOKEN": "ghp_0123456789abcdefghij0123456789abcdef", "AWS_PROFILE": "x",
           "SSH_AUTH_SOCK": "/run/agent"}
    done = run_capsule(["run", "--env", "MINE=two words", "--", "env"], env=env)
    names = {line.split("=")[0] for line in done.stdout.splitlines()}
    assert not names & set(env)
    assert "PATH" in names
    assert "MINE=two words" in done.stdout.splitlines()


def test_env_option_replaces_the_policys(run_capsule, workspace):
    given = policy(workspace, "process: {env: {set: {A: policy}}}\n")
    done = run_capsule(["run", "--policy", given, "--env", "A=mine", "--", "sh", "-c",
                        "env | grep ^A="])
    assert done.stdout == "A=mine\n"


def test_tool(run_capsule, workspace):
    given = policy(workspace, "tools:\n  say:\n    argv: 'echo ${what:[a-z]+}'\n")
    done = run_capsule(["run", "--policy", given, "--tool", "say", "--", "echo", "hi"])
    assert done.stdout == "hi\n", done.stderr
    done = run_capsule(["run", "--policy", given, "--tool", "say", "--report", "../r.json", "--",
                        "echo", "HI"])
    assert done.returncode == 125 and done.stdout == ""
    row = report_of(workspace.parent / "r.json")["denied"][0]
    assert row["layer"] == "policy"
    assert row["where"] == {"file": str(given), "line": 4, "col": 3}
    done = run_capsule(["run", "--policy", given, "--tool", "sya", "--", "echo", "hi"])
    assert done.returncode == 125 and "say" in done.stderr


def test_denied_command(run_capsule, workspace):
    given = policy(workspace, "process: {commands: {deny: ['rm ...']}}\n")
    done = run_capsule(["run", "--policy", given, "--report", "../r.json", "--", "rm", "x"])
    assert done.returncode == 125
    assert "p.yaml:3" in done.stderr
    report = report_of(workspace.parent / "r.json")
    row = report["denied"][0]
    assert (row["event"], row["object"], row["layer"]) == ("process.exec", "rm", "policy")
    assert row["where"] == {"file": str(given), "line": 3, "col": 29} == report["error"]["where"]


@pytest.mark.parametrize("text, at", [
    ("version: 1\nfilesytem: {}\n", (2, 1)),
    ("version: 1\nextends: not-there.yaml\n", (2, 10)),
    ("version: 1\nname: a\n\tb: c\n", (3, 1)),
])
def test_a_mistake_is_told_once(run_capsule, workspace, text, at):
    """With its line and a caret below the place; and as data in the report."""
    given = workspace.parent / "p.yaml"
    given.write_text(text)
    done = run_capsule(["run", "--policy", given, "--report", "../r.json", "--", "true"])
    assert done.returncode == 125
    head, line, caret = done.stderr.splitlines()
    assert head.startswith(f"{given}:{at[0]}:{at[1]}: error: ")
    assert line.split("| ")[1] == text.splitlines()[at[0] - 1]
    assert caret.index("^") == caret.index("|") + 1 + at[1]
    where = {"file": str(given), "line": at[0], "col": at[1]}
    assert report_of(workspace.parent / "r.json")["error"]["where"] == where


def test_several_mistakes_are_each_told_once(run_capsule, workspace):
    given = workspace.parent / "p.yaml"
    given.write_text("version: 1\nfilesytem: {}\nnetwork: nnone\n")
    done = run_capsule(["run", "--quiet", "--policy", given, "--", "true"])
    assert done.returncode == 125
    assert done.stderr.count("filesytem") == 2  # in the message, and the line itself
    assert done.stderr.count("error: ") == 2 and done.stderr.count("nnone") == 2


def test_a_policy_that_is_not_there_is_told_once(run_capsule, workspace):
    done = run_capsule(["run", "--policy", "no.yaml", "--report", "../r.json", "--", "true"])
    assert done.returncode == 125 and done.stderr.count("no.yaml") == 1
    assert report_of(workspace.parent / "r.json")["error"]["where"] == {"file": "no.yaml"}


def test_best_effort_is_recorded(run_capsule, workspace):
    done = run_capsule(["run", "--best-effort", "--report", "../r.json", "--", "true"])
    assert done.returncode == 0
    states = {row["name"]: row["state"] for row in report_of(workspace.parent / "r.json")["layers"]}
    assert states["seccomp"] == states["no-new-privs"] == "engaged"


def test_home_is_no_implicit_workspace(run_capsule, who):
    done = run_capsule(["run", "--", "true"], cwd=who.home)
    assert done.returncode == 125
    assert "--workspace" in done.stderr
    assert run_capsule(["run", "--", "true"], cwd="/").returncode == 125


def test_network_option_narrows(run_capsule, workspace):
    given = policy(workspace, "network: host\n")
    inside = run_capsule(["run", "--policy", given, "--network", "none", "--", "cat",
                          "/proc/net/dev"])
    assert [line.split(":")[0].strip() for line in inside.stdout.splitlines()[2:]] == ["lo"]


# ---- log and report


def test_log_of_a_run(run_capsule, who, workspace):
    secret = "hunter2-hunter2-hunter2"
    done = run_capsule(["run", "--report", "../r.json", "--", "echo", secret],
                       env={"MY_PASSWORD": secret})
    assert done.stdout == secret + "\n"
    got = report_of(workspace.parent / "r.json")
    log = pathlib.Path(got["log"])
    assert log.parent == who.logs
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert secret not in text
    records = [json.loads(line) for line in text.splitlines()]
    kinds = [r["type"] for r in records if r["type"] not in ("checkpoint", "event")]
    assert kinds == ["genesis", "invocation.start", "invocation.end", "session.end"]
    events = [r["event"] for r in records if r["type"] == "event"]
    assert events[0]["type"] == "process.exec"
    assert events[0]["process"]["activity"]["argv"][0] == "echo"
    first = records[0]
    assert first["command"][0] == "echo"
    assert first["host"]["kernel"] == os.uname().release
    assert len(first["capsule"]["blake3"]) == 64
    assert {row["name"]: row["state"] for row in first["layers"]}["seccomp"] == "engaged"
    end = next(r for r in records if r["type"] == "invocation.end")
    assert end["exit"] == 0 and end["usage"]["max_rss_kib"] > 0
    assert got["session"] == first["session"]
    assert run_capsule(["verify", log]).returncode == 0
    changed = workspace / "changed.log"
    changed.write_text(text.replace('"exit":0', '"exit":1'))
    assert run_capsule(["verify", changed]).returncode == 1


def test_failed_exec_is_in_the_log(run_capsule, workspace):
    run_capsule(["run", "--report", "../r.json", "--", "no-such-program-here"])
    got = report_of(workspace.parent / "r.json")
    assert got["exit"] == 127 and got["error"]["step"] == "exec" and got["ran"] is False
    records = [json.loads(line) for line in pathlib.Path(got["log"]).read_text().splitlines()]
    failed = next(r for r in records if r["type"] == "session.failed")
    assert failed["exit"] == 127
    assert run_capsule(["verify", got["log"]]).returncode == 0


def test_log_where_the_session_writes_is_refused(run_capsule, workspace, outside):
    (workspace / "d").mkdir()
    (outside / "link").symlink_to(workspace / "d")
    for path in workspace / "x.log", outside / "link/x.log", "x.log":
        done = run_capsule(["run", "--log", path, "--", "true"])
        assert done.returncode == 125
        assert "outside" in done.stderr
    done = run_capsule(["run", "--log", outside / "x.log", "--", "true"])
    assert done.returncode == 0
    assert (outside / "x.log").exists()


def test_no_log_no_run(run_capsule, workspace, outside):
    (outside / "x.log").write_text("there already")
    done = run_capsule(["run", "--log", outside / "x.log", "--", "touch", "ran"])
    assert done.returncode == 125
    assert not (workspace / "ran").exists()
    assert (outside / "x.log").read_text() == "there already"


def test_own_keys_are_out_of_reach(run_capsule, workspace, who):
    run_capsule(["run", "--", "true"])
    keys = who.home / ".config/capsule"
    assert list(keys.iterdir())
    (who.home / "plain.txt").write_text("plain\n")
    (who.home / "plain.txt").chmod(0o644)
    given = policy(workspace, f"filesystem: {{home: host, read: ['{who.home}']}}\n")
    done = run_capsule(["run", "--policy", given, "--", "sh", "-c",
                        f"cat {who.home}/plain.txt; cat {keys}/* {who.logs}/*"])
    assert done.stdout == "plain\n", done.stderr  # the home folder is there, the keys are not
    assert done.returncode != 0


def test_report_is_not_written_through_a_link(run_capsule, workspace, outside):
    (workspace.parent / "r.json").symlink_to(outside / "victim")
    assert run_capsule(["run", "--report", "../r.json", "--", "true"]).returncode == 125
    assert not (outside / "victim").exists()


def test_report_where_the_session_writes_is_refused(run_capsule, workspace):
    done = run_capsule(["run", "--report", "r.json", "--", "touch", "ran"])
    assert done.returncode == 125 and "outside" in done.stderr
    assert not (workspace / "ran").exists()


def test_filter_kill_is_told(run_capsule, workspace):
    given = policy(workspace, "syscalls: {deny: [{name: mkdirat, action: kill}, "
                              "{name: mkdir, action: kill}]}\n")
    done = run_capsule(["run", "--policy", given, "--report", "../r.json", "--", "mkdir", "d"])
    assert done.returncode == 128 + signal.SIGSYS
    assert "SIGSYS" in done.stderr
    assert report_of(workspace.parent / "r.json")["denied"][0]["layer"] == "seccomp"


def test_quiet(run_capsule):
    assert run_capsule(["run", "--quiet", "--timeout", "200ms", "--", "sleep", "9"]).stderr == ""


MASKS = """
import os, threading
def make(name):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir(name + ".d")
    os.mknod(name + ".p", 0o010666)
    return [oct(os.lstat(name + end).st_mode & 0o777) for end in ("", ".d", ".p")]
said = []
for i, mask in enumerate((0o022, 0, 0o077, 0, 0o027)):
    os.umask(mask)
    said.append(make(f"a{i}"))
    said.append(make(f"b{i}"))
def other():
    os.umask(0)
thread = threading.Thread(target=other)
os.umask(0o077)
said.append(make("c"))
thread.start(), thread.join()
said.append(make("d"))
os.umask(0o007)
if os.fork() == 0:
    os.umask(0o070)
    os._exit(0)
os.wait()
said.append(make("e"))
print(said)
"""


@pytest.mark.both
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_files_are_made_with_the_sessions_own_umask(run_capsule, workspace, outside, mask):
    """Made by the supervisor, whose own is of no account; as it would be outside."""
    (workspace / "m.py").write_text(MASKS)
    policy = outside / "p.yaml"
    policy.write_text("version: 1\nextends: preset:agent\n")
    before = os.umask(mask)
    try:
        inside = run_capsule(["run", "--policy", policy, "--", "python3", "m.py"])
    finally:
        os.umask(before)
    host = outside / "host"
    host.mkdir()
    other = subprocess.run(["python3", str(workspace / "m.py")], cwd=host, capture_output=True, text=True)
    assert inside.returncode == 0 and other.returncode == 0, inside
    assert inside.stdout == other.stdout
