"""B11, B14, F13: forging, answering, flooding and reaching the questions that a person is asked."""

import os
import re
import subprocess
import time

import pytest

import arena
import harness
import test_fallback
from asking import ASKED, press, questions, records, wait
from asking import asking, on_terminal  # noqa: F401 (fixtures)
from test_fallback import forbidding  # noqa: F401

pytestmark = pytest.mark.both


@pytest.mark.attack("B14")
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


@pytest.mark.attack("B14")
def test_a_paste_answers_nothing(on_terminal, asking, run_capsule):
    t = on_terminal([*asking(), "--", "cat", "secret.txt"])
    t.expect(ASKED)
    press(t, "allow", heard=False)
    press(t, "\x1b[M a!", heard=False)
    press(t, "\x1b[200~a\x1b[201~", heard=False)
    press(t, "\r", heard=False)
    press(t, "\x1b", heard=False)
    assert len(questions(run_capsule)) == 1
    press(t, "\x03")  # Ctrl-C is no
    t.expect("Permission denied")
    assert t.wait() == 1


@pytest.mark.attack("B14")
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


@pytest.mark.attack("B14")
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


@pytest.mark.attack("B14")
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


@pytest.mark.attack("B14")
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


@pytest.mark.attack("B14")
def test_names_that_look_alike_are_not_asked_about(on_terminal, asking, workspace):
    (workspace / os.fsdecode(b"secret\xff")).write_text("x")
    t = on_terminal([*asking(), "--", "sh", "-c", "cat secret?; echo end"])
    t.expect("end")
    assert b"capsule asks" not in t.output and b"Permission denied" in t.output
    t.wait()


@pytest.mark.attack("F13")
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
    assert wait(lambda: list(run.glob("[!.]*.sock")))
    t.type(next(run.glob("[!.]*.sock")).stem + "\r")
    t.expect("seen:0")
    t.expect(r"out: \d+")
    t.expect(r"out: \d+")
    assert b"IN\r" not in t.output
    assert t.wait() == 0


@pytest.mark.attack("B11")
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


INSIDE = """
import os, socket, sys
run = sys.argv[1]
print('ready', flush=True)
name = sys.stdin.readline().strip()
for how in (run + '/' + name + '.sock', name + '.sock'):
    try:
        s = socket.socket(socket.AF_UNIX)
        if not how.startswith(run):
            os.chdir(run)
        s.connect(how)
        s.sendall(b'{"do":"status"}\\n{"do":"answer","id":1,"allow":true}\\n')
        print('said:', s.makefile().readline().strip())
    except OSError as e:
        print('out:', e.errno)
try:
    print('key:', open(run + '/' + name + '.key').read())
except OSError as e:
    print('no key:', e.errno)
"""


@pytest.mark.attack("F13")
def test_the_socket_without_a_root_of_ones_own(forbidding, place, ordinary_user, capsule):
    """There nothing but the filter and Landlock is in between, and the uid is the same."""
    scene = test_fallback.allow(arena.Scene(place / "inside", ordinary_user))
    run = ordinary_user.home / ".local/state/capsule/run"
    proc = subprocess.Popen(
        [*test_fallback.WRAP, capsule, "run", "--policy", scene.policy, "--", "python3", "-c", INSIDE, run],
        cwd=scene.ws, env=harness.environment(ordinary_user), text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **harness.as_account(ordinary_user))
    try:
        assert proc.stdout.readline() == "ready\n"
        found = wait(lambda: list(run.glob("[!.]*.sock")))
        assert found
        out = proc.communicate(found[0].stem + "\n", timeout=30)[0]
    finally:
        proc.kill()
        proc.wait()
    assert proc.returncode == 0, out
    assert len(re.findall(r"^out: \d+$|^said: .*a greeting comes first.*$", out, re.M)) == 2, out
    assert re.search(r"^no key: \d+$", out, re.M), out
    assert found[0].stem not in out and "'ok': true" not in out
