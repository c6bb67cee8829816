"""A policy that changes while a session runs under it: what takes effect, what is refused, what is told."""
import json
import os
import subprocess

import pytest

BASE = "version: 1\nextends: preset:agent\n"


class Session:
    """A shell inside that does one line at a time and says what became of it."""

    LOOP = 'while read -r line; do if eval "$line" >/dev/null 2>&1; then echo yes; else echo no; fi; done'

    def __init__(self, start_capsule, workspace, policy, log, command=("sh", "-c", LOOP)):
        self.policy, self.log = policy, log
        self.proc = start_capsule(["run", "--policy", policy, "--log", log, "--", *command],
                                  cwd=workspace, stdin=subprocess.PIPE)
        assert self.can("true")

    def can(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()
        answer = self.proc.stdout.readline().strip()
        assert answer in ("yes", "no"), answer
        return answer == "yes"

    def write(self, text):
        """As an editor does: a new file, renamed over the old one. Returns what was said of it."""
        new = self.policy.with_suffix(".new")
        new.write_text(BASE + text)
        new.rename(self.policy)
        return self.said()

    def said(self):
        line = self.proc.stderr.readline()
        while line and "policy" not in line:  # a mistake's own line and caret come first
            line = self.proc.stderr.readline()
        return line

    def end(self):
        out, err = self.proc.communicate(timeout=20)
        return err

    def events(self):
        records = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [r for r in records if r.get("event", {}).get("type") == "policy.reload"]


@pytest.fixture
def session(start_capsule, workspace, outside, who):
    for name in ("a", "x.pem", "keep"):
        (workspace / name).write_text(name)
        os.chown(workspace / name, who.uid, who.gid)
    (workspace / "within").mkdir()
    os.chown(workspace / "within", who.uid, who.gid)
    policy = outside / "p.yaml"

    def make(text=""):
        policy.write_text(BASE + text)
        return Session(start_capsule, workspace, policy, outside / "log")

    return make


def test_tightened_at_the_next_call(session):
    s = session()
    assert s.can("cat x.pem") and s.can("echo > y.pem")
    assert "tightened: filesystem taken: deny **/*.pem" in s.write("filesystem: { deny: ['**/*.pem'] }\n")
    assert not s.can("cat x.pem") and not s.can("echo > z.pem") and s.can("cat a")
    assert not s.can("mv a a.pem") and not s.can("ln a a.pem")
    assert "loosened" in s.write("")
    assert s.can("cat x.pem")
    s.end()
    loaded = s.events()
    assert [e["event"]["policy"]["activity"]["result"] for e in loaded] == ["loaded"] * 2
    first, second = (e["event"]["policy"]["activity"] for e in loaded)
    assert first["digest"] == second["previous_digest"] and first["previous_digest"] == second["digest"]
    assert loaded[0]["changes"][0]["where"].endswith("p.yaml:3:22")


@pytest.mark.both
def test_a_denial_that_no_mount_holds(session):
    """A file that was there at the start, denied by name later: there is no mount for it."""
    s = session()
    assert s.can("cat keep")
    s.write("filesystem: { deny: ['${workspace}/keep'], protect: ['${workspace}/a'] }\n")
    assert not s.can("cat keep") and s.can("cat a") and not s.can("echo > a") and not s.can("rm a")
    s.end()


@pytest.mark.parametrize("text,say", [
    ("filesystem: { dney: [/x] }\n", "p.yaml:3:15: unknown key 'dney'"),
    ("network: host\n", "p.yaml:3:10: network: host, was none: needs a restart"),
    ("filesystem: { read: [/var/log] }\n",
     "p.yaml:3:22: the wall was not built with read /var/log: needs a restart"),
    ("limits: { pids: 4000000 }\n", "p.yaml:3:17: limits.pids: 4000000, was "),
    ("syscalls: compat\n", "syscalls.preset: compat, was default: needs a restart"),
    ("process: { env: { pass: [NEW_ONE] } }\n", "process.env.pass: passed: NEW_ONE: needs a restart"),
    ("filesystem: { home: host }\n", "filesystem.home: host, was private: needs a restart"),
])
def test_beyond_the_wall_nothing_changes(text, say, session):
    s = session("filesystem: { deny: ['**/*.pem'] }\n")
    said = s.write(text)
    assert "policy not reloaded, the one before stays: " in said and say in said, said
    assert not s.can("cat x.pem") and s.can("cat a")
    s.end()
    (event,) = s.events()
    assert event["outcome"]["result"] == "failed"
    assert say in event["event"]["policy"]["activity"]["message"]


def test_a_mount_cannot_be_taken_back(session):
    s = session("filesystem: { deny: ['${workspace}/keep'] }\n")
    assert "a mount holds what is no longer taken: " in s.write("")
    assert not s.can("cat keep")
    s.end()


def test_within_is_granted_when_a_reload_says_so(session, outside):
    target = outside / "grown"
    target.mkdir()
    target.chmod(0o777)
    within = f"reload: {{ within: {{ write: ['{target}'] }} }}\n"
    s = session(within)
    assert not s.can(f"ls {target}") and not s.can(f"echo > {target}/x")
    assert "loosened: filesystem granted: write" in s.write(
        within + f"filesystem: {{ write: ['{target}'] }}\n")
    assert s.can(f"echo > {target}/x") and s.can(f"ls {target}")
    s.write(within)
    assert not s.can(f"cat {target}/x")
    s.end()


def test_no_reload_where_the_policy_says_so(session):
    s = session("reload: false\n")
    new = s.policy.with_suffix(".new")
    new.write_text(BASE + "filesystem: { deny: ['**/*.pem'] }\n")
    new.rename(s.policy)
    assert s.can("sleep 1; cat x.pem")
    s.end()
    assert s.events() == []


def test_what_is_held_open_is_told_and_revoked(session):
    s = session()
    assert s.can("exec 3<keep")
    s.write("filesystem: { deny: ['**/keep'] }\n")
    line = s.proc.stderr.readline()
    assert "has '" in line and "keep' open, which 'filesystem.deny[" in line and "ended" not in line
    assert s.can("cat <&3") and not s.can("cat keep")
    s.write("reload: { revoke: true }\nfilesystem: { deny: ['**/keep'] }\n")
    assert s.proc.wait(timeout=20) == 137
    assert "forbids: ended" in s.proc.stderr.read()


CONNECTED = """
import socket, sys
server = socket.socket(FAMILY)
server.bind((HOST, 0))
server.listen()
here = socket.create_connection(server.getsockname()[:2])
there, _ = server.accept()
open("port", "w").write(str(server.getsockname()[1]))
for line in sys.stdin:
    try:
        here.sendall(b"x")
        arrived = there.recv(1) == b"x"
    except OSError:
        arrived = False
    print("yes" if arrived else "no", flush=True)
"""


@pytest.mark.parametrize("family, host", [("socket.AF_INET", "127.0.0.1"), ("socket.AF_INET6", "::1")])
def test_connections_are_told_and_shut_down(start_capsule, workspace, outside, family, host):
    rule = 'rules: [{{ name: not-there, on: net.connect, when: "tcp.port == {}", action: block }}]\n'
    policy = outside / "p.yaml"
    policy.write_text(BASE + rule.format(1))  # so that the calls are trapped from the start
    code = CONNECTED.replace("FAMILY", family).replace("HOST", repr(host))
    s = Session(start_capsule, workspace, policy, outside / "log", ("python3", "-c", code))
    port = int((workspace / "port").read_text())
    s.write(rule.format(port))
    line = s.proc.stderr.readline()
    assert f"is connected to tcp {host} port {port}, which 'not-there' now forbids" in line, line
    assert "ended" not in line and s.can("go on")
    s.write("reload: { revoke: true }\n" + rule.format(port))
    assert "now forbids: the connection is ended" in s.proc.stderr.readline()
    assert not s.can("go on")
    s.proc.stdin.close()
    assert s.proc.wait(timeout=20) == 0, "the process itself lives on"


def test_the_session_cannot_change_its_own_policy(start_capsule, workspace, outside, who):
    policy = workspace / "own.yaml"
    policy.write_text(BASE)
    os.chown(policy, who.uid, who.gid)
    s = Session(start_capsule, workspace, policy, outside / "log")
    for attempt in ("echo >> own.yaml", "mv own.yaml o", "echo > n; mv n own.yaml", "rm own.yaml"):
        assert not s.can(attempt), attempt
    # nor after the host has replaced it, and with it the mount that covered it
    s.write("filesystem: { deny: ['**/*.pem'] }\n")
    for attempt in ("echo >> own.yaml", "mv own.yaml o", "echo > n; mv n own.yaml", "rm own.yaml"):
        assert not s.can(attempt), attempt
    s.end()


@pytest.mark.both
def test_on_demand(session, run_capsule):
    """`capsule reload` says what became of it, and a mistake leaves all as it was."""
    one = session("reload: { watch: false }\n")
    assert one.can("cat x.pem")
    while not one.log.exists():  # it is named, and the socket there, when the start is through
        assert one.can("sleep 0.01")
    sid = json.loads(one.log.read_text().splitlines()[0])["session"]
    done = run_capsule(["reload", sid[:8]])
    assert done.returncode == 0 and done.stdout.startswith("nothing changed"), done
    one.policy.write_text(BASE + "reload: { watch: false }\nfilesystem: { deny: ['**/*.pem'] }\n")
    done = run_capsule(["reload", sid[:8]])
    assert done.returncode == 0 and done.stdout.startswith("reloaded, policy "), done
    assert not one.can("cat x.pem") and one.can("cat a")
    one.policy.write_text(BASE + "nonsense: 1\n")
    done = run_capsule(["reload"])
    assert done.returncode == 1 and "unknown key 'nonsense'" in done.stderr, done
    assert not one.can("cat x.pem") and one.can("cat a")
    one.end()
