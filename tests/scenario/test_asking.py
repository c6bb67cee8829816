"""Rules that ask, in real runs: at the terminal, from another one, and where there is nobody."""

import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import harness
from asking import ASKED, QUIET, press, records, wait
from asking import asking, on_terminal  # noqa: F401 (fixtures)

pytestmark = pytest.mark.both


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
    press(t, "s", heard=False)  # no answer to this question
    press(t, "A", heard=False)
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
    assert wait(lambda: list(sockets.glob("[!.]*.sock")))
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
        name = next(folder.glob("[!.]*.sock"))
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


def test_a_dead_sessions_socket_is_removed(start_capsule, asking, run_capsule, who):
    run = start_capsule(["run", *asking(), "--", "sleep", "100"], start_new_session=True)
    sockets = who.home / ".local/state/capsule/run"
    assert wait(lambda: list(sockets.glob("[!.]*.sock")))
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
