"""Rules that ask, in real runs: at the terminal, from another one, and where there is nobody."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import harness
from terminal import Terminal

pytestmark = pytest.mark.both

ASKED = r"capsule asks"
QUIET = 0.8  # longer than a prompt wants no key to be pressed


def policy(more="", timeout="60s", scope="always", rule="on: file.open\n    when: file.activity.name.startsWith(\"secret\")"):
    return (f"version: 1\nextends: preset:agent\n{more}rules:\n  - name: ask-me\n    {rule}\n    action: ask\n"
            f"    reason: Why it is asked.\n    ask: {{ timeout: {timeout}, scope: {scope} }}\n")


@pytest.fixture
def asking(place, workspace, who):
    """asking(...) writes the policy; returns the options that use it."""

    def write(**more):
        path = place / "p.yaml"
        path.write_text(policy(**more))
        path.chmod(0o644)
        return ["--policy", path]

    (workspace / "secret.txt").write_text("the secret\n")
    (workspace / "secret2.txt").write_text("the other\n")
    for path in workspace.iterdir():
        os.chown(path, who.uid, who.gid)
    return write


@pytest.fixture
def on_terminal(capsule, who, workspace):
    made = []

    def start(args, argv=None, **more):
        terminal = Terminal(argv or [capsule, "run", *args], who, workspace, **more)
        made.append(terminal)
        return terminal

    yield start
    for terminal in made:
        terminal.close()


def press(t, key):
    """A key by itself, after the question has stood there for a while."""
    end = time.monotonic() + QUIET
    while time.monotonic() < end:
        t.read(0.05)
    t.type(key)


def wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.05)
    return condition()


def records(who):
    """All records of the account's newest log."""
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    return [json.loads(line) for line in log.read_text().splitlines()]


def questions(run_capsule):
    lines = run_capsule(["asks", "--json"]).stdout.splitlines()
    return [json.loads(line) for line in lines]


# ---- nobody there


def test_headless_is_no(run_capsule, asking, who):
    got = run_capsule(["run", *asking(), "--", "cat", "secret.txt"], start_new_session=True)
    assert got.returncode == 1 and "Permission denied" in got.stderr
    denied = [r for r in records(who) if r["type"] == "event" and r["outcome"]["result"] == "denied"]
    assert denied[0]["decision"]["action"] == "ask" and denied[0]["decision"]["rule"] == "ask-me"
    assert "nobody can be asked" in denied[0]["decision"]["reason"]


def test_headless_may_be_yes(run_capsule, asking):
    got = run_capsule(["run", *asking(more="ask_default: allow\n"), "--", "cat", "secret.txt"],
                      start_new_session=True)
    assert (got.returncode, got.stdout) == (0, "the secret\n")


def test_no_prompt(on_terminal, asking):
    t = on_terminal(["--no-prompt", *asking(), "--", "cat", "secret.txt"])
    assert t.wait() == 1
    assert b"Permission denied" in t.output and b"capsule asks" not in t.output


def test_a_reader_at_the_other_end_of_a_pipe_is_not_disturbed(on_terminal, asking, capsule):
    options = " ".join(map(str, asking()))
    t = on_terminal([], argv=["sh", "-c", f"{capsule} run {options} -- cat secret.txt 2>&1 | cat"])
    assert t.wait() == 0
    assert b"Permission denied" in t.output and b"capsule asks" not in t.output


# ---- at the terminal


def test_once_is_once(on_terminal, asking, who):
    t = on_terminal([*asking(), "--", "sh", "-c", "cat secret.txt; cat secret.txt; echo end"])
    t.expect(ASKED)
    t.expect(r"open for reading")
    t.expect(r"/ws/secret.txt")
    t.expect(r"ask-me")
    press(t, "a")
    t.expect(r"the secret")
    t.expect(ASKED)
    press(t, "d")
    t.expect(r"Permission denied")
    t.expect("end")
    assert t.wait() == 0
    assert not t.is_raw()
    got = [r for r in records(who) if r["type"].startswith("ask.")]
    assert [r["type"] for r in got] == ["ask.opened", "ask.answered"] * 2
    assert got[0]["ask"]["object"].endswith("/ws/secret.txt")
    assert got[0]["ask"]["ancestors"][0]["name"] == "cat"
    assert got[1]["ask"] | {"pid": 0} == {"id": 1, "answer": "allow", "scope": "once", "narrow": True,
                                          "by": "terminal", "pid": 0, "uid": who.uid}
    assert got[3]["ask"]["answer"] == "deny"
    events = [r for r in records(who) if r["type"] == "event" and r["decision"]["action"] == "ask"]
    assert [r["outcome"]["result"] for r in events] == ["done", "denied"]
    assert "a person said no" in events[1]["decision"]["reason"]


def test_for_the_session(on_terminal, asking):
    t = on_terminal([*asking(), "--", "sh", "-c",
                     "cat secret.txt; cat secret.txt; cat secret2.txt; echo end"])
    t.expect(ASKED)
    press(t, "s")
    t.expect("the secret\r\nthe secret")  # and another object is another question:
    t.expect("secret2")
    press(t, "D")
    t.expect("Permission denied")
    t.expect("end")
    assert t.wait() == 0


def test_the_wider_choice(on_terminal, asking):
    t = on_terminal([*asking(), "--", "sh", "-c", "cat secret.txt; cat secret2.txt; echo end"])
    t.expect(r"\[w\] or for: every name in /")
    press(t, "w")
    t.expect(r"\[w\] now for: every name in /")
    press(t, "s")
    t.expect("the secret\r\nthe other\r\nend")
    assert t.wait() == 0


def test_always(on_terminal, asking, who, run_capsule, workspace):
    options = asking()
    grants = who.home / ".config/capsule/grants.yaml"
    t = on_terminal([*options, "--", "cat", "secret.txt"])
    t.expect(r"\[A\] adds to your grants")
    press(t, "A")
    t.expect("the secret")
    assert t.wait() == 0
    assert grants.stat().st_mode & 0o7777 == 0o600
    text = grants.read_text()
    assert "action: allow" in text and "asked by rule 'ask-me'" in text
    assert f'file.activity.path == \\"{workspace}/secret.txt\\"' in text
    # from now on nobody is asked, and only that object is meant
    got = run_capsule(["run", *options, "--", "cat", "secret.txt"], start_new_session=True)
    assert (got.returncode, got.stdout) == (0, "the secret\n"), got.stderr
    got = run_capsule(["run", *options, "--", "cat", "secret2.txt"], start_new_session=True)
    assert got.returncode == 1
    got = run_capsule(["run", *options, "--", "sh", "-c", "echo x >secret.txt"], start_new_session=True)
    assert got.returncode != 0  # reading was granted
    # not in another workspace
    got = run_capsule(["run", *options, "--workspace", workspace.parent, "--", "cat", "secret.txt"],
                      start_new_session=True)
    assert got.returncode == 1
    # taken back by hand
    grants.write_text("version: 1\nrules: []\n")
    got = run_capsule(["run", *options, "--", "cat", "secret.txt"], start_new_session=True)
    assert got.returncode == 1


def test_scope_is_the_rules(on_terminal, asking):
    t = on_terminal([*asking(scope="once"), "--", "cat", "secret.txt"])
    t.expect(r"allow once")
    press(t, "s")  # no answer to this question
    press(t, "A")
    assert not t.ended() and b"for this session" not in t.output and b"always" not in t.output
    press(t, "a")
    t.expect("the secret")
    assert t.wait() == 0


def test_it_expires(on_terminal, asking, who):
    t = on_terminal([*asking(timeout="1500ms"), "--", "cat", "secret.txt"])
    t.expect(ASKED)
    t.expect("Permission denied", 30)
    assert t.wait() == 1
    assert [r["ask"] for r in records(who) if r["type"] == "ask.answered"] == \
        [{"id": 1, "answer": "expired"}]


def test_the_command_itself_is_asked_about(on_terminal, asking, run_capsule):
    options = asking(rule="on: process.exec\n    when: process.activity.executable.endsWith('/id')")
    t = on_terminal([*options, "--", "id", "-u"])
    t.expect("execute")
    t.expect("id -u")
    press(t, "a")
    t.expect(r"\d+\r\n")
    assert t.wait() == 0
    t = on_terminal([*options, "--", "id", "-u"])
    t.expect(ASKED)
    press(t, "d")
    assert t.wait() == 126
    got = run_capsule(["run", *options, "--", "id", "-u"], start_new_session=True)
    assert got.returncode == 126


def test_the_start_may_time_out(on_terminal, asking):
    options = asking(rule="on: process.exec")
    t = on_terminal(["--timeout", "2s", *options, "--", "true"])
    t.expect(ASKED)
    assert t.wait(20) != 0
    assert not t.is_raw()


def test_a_program_inside(on_terminal, asking):
    options = asking(rule="on: process.exec\n    when: process.activity.executable.endsWith('/id')")
    t = on_terminal([*options, "--", "sh", "-c", "id 'a b' 2>/dev/null; id -u; echo end:$?"])
    t.expect(r"id 'a b'")
    press(t, "d")
    t.expect("id -u")
    press(t, "a")
    t.expect(r"end:0")
    assert t.wait() == 0


# ---- what must not answer


def test_typed_ahead_answers_nothing(on_terminal, asking, run_capsule):
    script = "echo ready; sleep 1; cat secret.txt; echo end:$?; read x; echo got:$x"
    t = on_terminal([*asking(), "--", "sh", "-c", script])
    t.expect("ready")
    t.type("aaa\r")
    t.expect(ASKED)
    for _ in range(10):  # and whoever types on types for the session
        t.type("a")
        time.sleep(0.05)
    time.sleep(1)
    assert len(questions(run_capsule)) == 1
    press(t, "d")
    t.expect("end:1")
    t.type("\r")
    t.expect("got:aaa")
    assert t.wait() == 0


def test_a_paste_answers_nothing(on_terminal, asking, run_capsule):
    t = on_terminal([*asking(), "--", "cat", "secret.txt"])
    t.expect(ASKED)
    press(t, "allow")
    press(t, "\x1b[M a!")
    press(t, "\x1b[200~a\x1b[201~")
    press(t, "\r")
    press(t, "\x1b")
    assert len(questions(run_capsule)) == 1
    press(t, "\x03")  # Ctrl-C is no
    t.expect("Permission denied")
    assert t.wait() == 1


def test_an_answer_goes_to_one_question(on_terminal, asking):
    """The next question wants an answer of its own, whatever was pressed just before it came."""
    t = on_terminal([*asking(), "--", "sh", "-c",
                     "(cat secret.txt; echo one:$?) & (cat secret2.txt; echo two:$?) & wait; echo end"])
    t.expect("question 1 of 2", 15)
    press(t, "a")
    time.sleep(0.1)
    t.type("a")
    t.expect("question 1 of 1")
    press(t, "d")
    t.expect("end")
    assert t.wait() == 0
    assert sorted(re.findall(rb"(?:one|two):(\d)", t.output)) == [b"0", b"1"]


def test_the_session_cannot_draw_over_it(on_terminal, asking):
    script = ("(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do printf 'SPAM'; sleep .1; done) & "
              "sleep .3; cat secret.txt; wait")
    t = on_terminal([*asking(), "--", "sh", "-c", script])
    t.expect(ASKED)
    at = len(t.output)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        t.read(0.05)
    assert b"SPAM" not in t.output[at:]
    press(t, "a")
    t.expect("the secret")
    assert t.wait() == 0
    assert t.output.count(b"SPAM") == 15  # and nothing is lost


def test_reports_are_off_while_it_stands(on_terminal, asking):
    t = on_terminal([*asking(), "--", "sh", "-c",
                     "printf '\\033[?1003h\\033[?2004h\\033[?25l'; cat secret.txt; echo end"])
    t.expect(ASKED)
    before = t.output.split(b"capsule asks")[0]
    assert b"\x1b[?1003l" in before and b"\x1b[?2004l" in before
    press(t, "a")
    t.expect("end")
    after = t.output[t.output.rindex(b"\x1b[?1049l"):]
    assert b"\x1b[?1003h" in after and b"\x1b[?2004h" in after and b"\x1b[?25l" in after
    t.wait()


NAMES = {
    "newline": ("secret\n[a] allow", "secret\\n[a] allow"),
    "ANSI": ("secret\x1b[2J\x1b[H", "secret\\x1b[2J\\x1b[H"),
    "OSC": ("secret\x1b]0;x\x07", "secret\\x1b]0;x\\a"),
    "bidi": ("secret\u202etxt.exe", "secret\\u{202e}txt.exe"),
    "C1": ("secret\x9b2J", "secret\\u{9b}2J"),
    "zero width": ("secret\u200b.txt", "secret\\u{200b}.txt"),
    "backslash": ("secret\\x1b", "secret\\\\x1b"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_inert(on_terminal, asking, workspace, who, name, run_capsule):
    raw, shown = NAMES[name]
    path = workspace / raw
    path.write_text("x")
    os.chown(path, who.uid, who.gid)
    t = on_terminal([*asking(), "--", "cat", raw], cols=200)
    t.expect(ASKED)
    t.expect(re.escape(shown))
    assert raw.encode() not in t.output or raw == shown
    listed = run_capsule(["asks"]).stdout
    assert shown in listed and (raw not in listed)
    press(t, "A")
    assert t.wait() == 0
    again = run_capsule(["run", "--policy", workspace.parent / "p.yaml", "--", "cat", raw],
                        start_new_session=True)
    assert (again.returncode, again.stdout) == (0, "x"), again.stderr  # the grant means that name


def test_names_that_look_alike_are_not_asked_about(on_terminal, asking, workspace):
    (workspace / os.fsdecode(b"secret\xff")).write_text("x")
    t = on_terminal([*asking(), "--", "sh", "-c", "cat secret?; echo end"])
    t.expect("end")
    assert b"capsule asks" not in t.output and b"Permission denied" in t.output
    t.wait()


def test_long_names_are_cut_and_shown_whole(on_terminal, asking, workspace, who):
    deep = workspace
    for part in "xyz":
        deep = deep / (part * 200)
        deep.mkdir()
        os.chown(deep, who.uid, who.gid)
    path = deep / "secret-at-the-end"
    path.write_text("deep\n")
    os.chown(path, who.uid, who.gid)
    t = on_terminal([*asking(), "--", "cat", path.relative_to(workspace)])
    t.expect(rf"\u2026\({len(str(path))} bytes\)\u2026 \S*secret-at-the-end".encode().replace(
        b"\\u2026", "\u2026".encode()))
    press(t, "?")
    t.expect("y" * 70)
    t.expect("secret-at-the-end")
    press(t, "a")
    t.expect("deep")
    assert t.wait() == 0


# ---- other ways to answer


def test_from_another_terminal(on_terminal, asking, run_capsule):
    t = on_terminal([*asking(), "--", "sh", "-c", "cat secret.txt; cat secret.txt; cat secret2.txt; echo end"])
    t.expect(ASKED)
    text = run_capsule(["asks"]).stdout
    assert "open for reading" in text and "ask-me" in text and "capsule answer 1 allow|deny" in text
    assert run_capsule(["answer", "2", "allow"]).returncode == 1
    got = run_capsule(["answer", "1", "allow", "--session"])
    assert (got.returncode, got.stdout) == (0, "allowed: session\n")
    t.expect("the secret\r\nthe secret")
    t.expect(ASKED)
    assert run_capsule(["answer", "2", "deny"]).stdout == "denied: once\n"
    t.expect("end")
    assert t.wait() == 0
    assert run_capsule(["asks"]).stdout == "nothing is asked\n"
    assert run_capsule(["answer", "3", "allow"]).returncode == 1


def test_while_somebody_watches_a_session_without_a_terminal_asks(start_capsule, asking, run_capsule, who):
    run = start_capsule(["run", *asking(), "--", "sh", "-c", "echo ready; read x; exec cat secret.txt"],
                        stdin=subprocess.PIPE, start_new_session=True)
    assert run.stdout.readline() == "ready\n"
    watch = start_capsule(["asks", "--watch", "--json"], start_new_session=True)
    sockets = who.home / ".local/state/capsule/run"
    assert wait(lambda: list(sockets.glob("*.sock")))
    status = control(who)
    assert wait(lambda: status.ask({"do": "status"})["ok"])
    time.sleep(1)  # it looks for new sessions twice a second
    run.stdin.write("go\n")
    run.stdin.flush()
    opened = json.loads(watch.stdout.readline())
    assert opened["opened"]["object"].endswith("/secret.txt")
    got = run_capsule(["answer", "1", "allow", "--always", opened["session"][:8]])
    assert got.stdout == "allowed: always\n"
    closed = json.loads(watch.stdout.readline())["closed"]
    assert closed["by"] == "control" and closed["uid"] == who.uid
    assert run.stdout.read() == "the secret\n"
    assert run.wait(10) == 0
    assert wait(lambda: not list(sockets.iterdir()))


class control:
    """A client of the control socket of the account's only session."""

    def __init__(self, who, hello=True):
        folder = who.home / ".local/state/capsule/run"
        name = next(folder.glob("*.sock"))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        fd = os.open(folder, os.O_RDONLY)
        self.socket.connect(f"/proc/self/fd/{fd}/{name.name}")
        os.close(fd)
        self.file = self.socket.makefile("rw")
        if hello:
            self.ask({"do": "hello", "version": 1, "key": name.with_suffix(".key").read_text()})

    def ask(self, request):
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()
        return json.loads(self.file.readline())


def test_the_socket_cannot_be_reached_from_inside(on_terminal, asking, who, workspace):
    """Not even by its path, nor is the key to be read."""
    run = who.home / ".local/state/capsule/run"
    (workspace / "try.py").write_text(
        "import glob, os, socket, sys, time\n"
        "time.sleep(1)\n"
        f"run = {str(run)!r}\n"
        "print('seen:%d' % len(glob.glob(run + '/*')))\n"
        "try:\n"
        "    s = socket.socket(socket.AF_UNIX); os.chdir(run); s.connect(sys.argv[1] + '.sock'); print('IN')\n"
        "except OSError as e: print('out:', e.errno)\n"
        "try: open(run + '/' + sys.argv[1] + '.key'); print('IN')\n"
        "except OSError as e: print('out:', e.errno)\n")
    # the home folder is readable: only that these folders are Capsule's own keeps them out
    t = on_terminal([*asking(more=f"filesystem: {{ home: host, read: [{who.home}] }}\n"), "--", "sh", "-c",
                     "echo ready; read id; exec python3 try.py $id"])
    t.expect("ready")
    assert wait(lambda: list(run.glob("*.sock")))
    t.type(next(run.glob("*.sock")).stem + "\r")
    t.expect("seen:0")
    t.expect(r"out: \d+")
    t.expect(r"out: \d+")
    assert b"IN\r" not in t.output
    assert t.wait() == 0


def test_a_dead_sessions_socket_is_removed(start_capsule, asking, run_capsule, who):
    run = start_capsule(["run", *asking(), "--", "sleep", "100"], start_new_session=True)
    sockets = who.home / ".local/state/capsule/run"
    assert wait(lambda: list(sockets.glob("*.sock")))
    run.kill()
    run.wait()
    assert len(list(sockets.iterdir())) == 2
    assert run_capsule(["answer", "1", "allow"]).returncode == 1
    assert not list(sockets.iterdir())


# ---- calls that go, and many of them


def test_a_killed_caller_takes_its_question_with_it(on_terminal, asking, who, run_capsule):
    t = on_terminal([*asking(), "--", "sh", "-c", "timeout -s KILL 1 cat secret.txt; echo gone; sleep 1; echo end"])
    t.expect(ASKED)
    t.expect("gone", 20)
    t.expect("end")
    assert t.wait() == 0
    assert [r["ask"] for r in records(who) if r["type"] == "ask.answered"] == \
        [{"id": 1, "answer": "gone"}]


def test_the_end_of_the_session_takes_the_question_off_the_screen(on_terminal, asking):
    t = on_terminal(["--timeout", "2s", *asking(), "--", "cat", "secret.txt"])
    t.expect(ASKED)
    assert t.wait(20) != 0
    assert t.output.rindex(b"\x1b[?1049l") > t.output.rindex(b"capsule asks")
    assert b"\x1b[?25h" in t.output[t.output.rindex(b"\x1b[?1049l"):]
    assert not t.is_raw()


def test_a_flood_is_bounded(on_terminal, asking, workspace, who):
    for i in range(300):
        (workspace / f"secret-{i}").touch()
        os.chown(workspace / f"secret-{i}", who.uid, who.gid)
    script = "for i in $(seq 0 299); do cat secret-$i 2>/dev/null & done; wait; echo all done"
    t = on_terminal([*asking(timeout="4s"), "--", "sh", "-c", script])
    t.expect(ASKED)
    t.expect("all done", 60)
    assert t.wait() == 0
    got = records(who)
    opened = [r for r in got if r["type"] == "ask.opened"]
    denied = [r for r in got if r["type"] == "event" and r["outcome"]["result"] == "denied"]
    assert 32 <= len(opened) < 100
    assert len(denied) == 300
    assert sum("too many" in r["decision"]["reason"] for r in denied) == 300 - len(opened)


def test_identical_questions_are_one(on_terminal, asking, who):
    t = on_terminal([*asking(), "--", "sh", "-c", "for i in 1 2 3 4; do cat secret.txt & done; wait; echo end"])
    t.expect(ASKED)
    press(t, "a")
    t.expect("end", 15)
    assert t.wait() == 0
    assert len([r for r in records(who) if r["type"] == "ask.opened"]) == 1
    assert t.output.count(b"the secret") == 4


# ---- terminals of other kinds


def test_without_a_terminal_of_its_own(on_terminal, asking, capsule, workspace):
    """All its descriptors go elsewhere, but it is the foreground job of a terminal: that is asked."""
    options = " ".join(map(str, asking()))
    t = on_terminal([], argv=["sh", "-c",
                              f"{capsule} run {options} -- cat secret.txt </dev/null >out 2>&1; cat out; read x"])
    t.expect(ASKED)
    assert t.is_raw()
    press(t, "a")
    t.expect("the secret")
    assert not t.is_raw()
    t.type("\r")
    assert t.wait() == 0


def test_output_to_a_file(on_terminal, asking, capsule):
    """A terminal on stdin and stderr alone, of which the session has not the keyboard."""
    options = " ".join(map(str, asking()))
    t = on_terminal([], argv=["sh", "-c", f"{capsule} run {options} -- cat secret.txt >out; cat out; read x"])
    t.expect(ASKED)
    press(t, "a")
    t.expect("the secret")
    assert not t.is_raw()
    t.type("\r")
    assert t.wait() == 0


class Tmux:
    def __init__(self, who, workspace, command, width=90, height=26):
        self.base = ["tmux", "-f", "/dev/null", "-S", str(who.home / "tmux.sock")]
        self.more = {"env": harness.environment(who, {"TERM": "xterm-256color"}), "cwd": workspace,
                     "text": True, "timeout": 20, **harness.as_account(who)}
        self.do("new-session", "-d", "-x", str(width), "-y", str(height), command)

    def do(self, *args):
        return subprocess.run([*self.base, *args], capture_output=True, **self.more).stdout

    def screen(self):
        return self.do("capture-pane", "-p")

    def press(self, key):
        time.sleep(QUIET)
        self.do("send-keys", key)


SCREEN = """\
 capsule asks                                                  question 1 of 1, N s left

  open for reading
    {ws}/secret{n}.txt

  [a] allow once   [s] for this session   [A] always
  [d] deny   [D] for this session   [?] all of it
  [w] or for: every name in {ws}

  by       1 capsule-init > N sh > N cat
  rule     ask-me {policy}:4:11
  why      Why it is asked.

  [A] adds to your grants:
    - name: always-N
      on: file.open
"""


def test_in_tmux(capsule, who, workspace, asking, place):
    """A person allows once, allows for the session, denies, lets it expire: screen by screen."""
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    options = " ".join(map(str, asking(timeout="6s")))
    script = "echo begin; for n in x x x 2 2; do sleep 1.2; cat secret${n%x}.txt; done; echo end; read x"
    tmux = Tmux(who, workspace, f"printf 'before\\nit\\n'; {capsule} run {options} -- sh -c '{script}'")
    shown = SCREEN.format(ws=workspace, n="{n}", policy=place / "p.yaml")

    def asked(n=""):
        text = tmux.screen()
        text = re.sub(r"\d+ s left", "N s left", text)
        text = re.sub(r"> \d+ ", "> N ", text)
        text = re.sub(r"always-[0-9a-f]+", "always-N", text)
        text = re.sub(r"^( capsule asks) +(question)", r"\1" + " " * 50 + r"\2", text)
        return text.startswith(shown.replace("{n}", n))

    def session():
        return tmux.screen().strip().splitlines()

    begin = ["before", "it", "begin"]
    try:
        assert wait(asked), tmux.screen()
        tmux.press("a")  # once
        assert wait(lambda: session() == begin + ["the secret"]), tmux.screen()
        assert wait(asked), tmux.screen()
        tmux.press("s")  # for the session: the third is not asked about
        assert wait(lambda: session()[:6] == begin + ["the secret"] * 3) or asked("2"), tmux.screen()
        assert wait(lambda: asked("2")), tmux.screen()
        tmux.press("d")
        refused = "cat: secret2.txt: Permission denied"
        assert wait(lambda: session() == begin + ["the secret"] * 3 + [refused]), tmux.screen()
        assert wait(lambda: asked("2")), tmux.screen()
        # nobody answers
        assert wait(lambda: session() == begin + ["the secret"] * 3 + [refused] * 2 + ["end"], 30), \
            tmux.screen()
    finally:
        tmux.do("kill-server")


def test_over_a_full_screen_program(capsule, who, workspace, asking):
    """One on the alternate screen itself draws its own again."""
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    options = " ".join(map(str, asking()))
    (workspace / "n").write_text("".join(f"line {i}\n" for i in range(1, 100)))
    os.chown(workspace / "n", who.uid, who.gid)
    tmux = Tmux(who, workspace, f"{capsule} run {options} -- sh -c '(sleep 1; cat secret.txt >got) & less n'")
    try:
        assert wait(lambda: "capsule asks" in tmux.screen()), tmux.screen()
        tmux.do("resize-window", "-x", "70", "-y", "20")
        tmux.press("a")
        assert wait(lambda: tmux.screen().startswith("line 1\nline 2\n")), tmux.screen()
        assert wait(lambda: "line 19\n" in tmux.screen()), tmux.screen()
        assert (workspace / "got").read_text() == "the secret\n"
        tmux.do("send-keys", "q")
    finally:
        tmux.do("kill-server")
