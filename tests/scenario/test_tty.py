"""`capsule run` on a terminal: keys, jobs, sizes, full-screen programs, and what is filtered."""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time

import pytest

import harness
from terminal import Terminal

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def reports(place):
    """Reports go beside the workspace: in it the session could replace them."""
    place.chmod(0o777)


@pytest.fixture
def on_terminal(capsule, who, workspace):
    made = []

    def start(args, **more):
        terminal = Terminal([capsule, "run", *args], who, workspace, **more)
        made.append(terminal)
        return terminal

    yield start
    for terminal in made:
        terminal.close()


@pytest.fixture
def shell(capsule, who, workspace):
    """An interactive shell of the user's, in which $C is the capsule binary."""
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], who, workspace,
                        env={"C": str(capsule)})
    terminal.expect("prompt> ")
    yield terminal
    terminal.close()


# ---- a terminal of its own


def test_it_is_a_terminal(on_terminal):
    t = on_terminal(["--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo yes"])
    t.expect("yes\r\n")
    assert t.wait() == 0


def test_it_is_not_the_hosts(on_terminal):
    t = on_terminal(["--", "sh", "-c", "stat -L -c 'inside:%t:%T:%i:' /proc/self/fd/0; "
                     "(echo through >/dev/tty) && echo has-tty"])
    found = t.expect(rb"inside:(\w+):(\w+):(\d+):")
    number = struct.unpack("I", fcntl.ioctl(t.fd, 0x80045430, b"\0" * 4))[0]  # TIOCGPTN
    assert int(found[1], 16) == os.major(os.stat(f"/dev/pts/{number}").st_rdev)
    assert int(found[2], 16) != number
    t.expect("through")
    t.expect("has-tty")
    assert t.wait() == 0


def test_exit_status(on_terminal):
    assert on_terminal(["--", "sh", "-c", "exit 42"]).wait() == 42


def test_keys_arrive_and_are_echoed_once(on_terminal):
    t = on_terminal(["--", "sh", "-c", "read line; echo got:$line"])
    time.sleep(0.3)
    t.type("hello\r")
    t.expect("got:hello")
    assert t.wait() == 0
    assert t.output.count(b"hello") == 2  # the echo and the answer


def test_ctrl_d_is_the_end(on_terminal):
    t = on_terminal(["--", "sh", "-c", "cat; echo ended"])
    t.type("x\r")
    t.expect("x\r\nx\r\n")
    t.type("\x04")
    t.expect("ended")
    assert t.wait() == 0


def test_much_output_arrives(on_terminal):
    t = on_terminal(["--", "seq", "200000"])
    assert t.wait(60) == 0
    lines = t.output.split(b"\r\n")
    assert lines[:200000] == [str(i).encode() for i in range(1, 200001)]


def test_much_input_arrives(on_terminal):
    t = on_terminal(["--", "sh", "-c", "stty raw -echo; echo go; head -c 200000 | md5sum"])
    t.expect("go")
    data = os.urandom(150000).hex().encode()[:200000]
    sent = 0
    while sent < len(data):
        sent += os.write(t.fd, data[sent:sent + 4096])
        t.read(0)
    t.expect(hashlib.md5(data).hexdigest(), 30)
    assert t.wait() == 0


# ---- settings


def test_modes_are_put_back(on_terminal):
    t = on_terminal(["--", "sh", "-c", "echo ready; stty -echo; read x"])
    t.expect("ready")
    assert t.is_raw()
    t.type("\r")
    t.wait()
    assert not t.is_raw()


@pytest.mark.parametrize("sig", ["TERM", "HUP", "INT", "QUIT", "SEGV"])
def test_modes_are_put_back_after_signals(shell, who, sig):
    before = shell.modes()
    shell.type("$C run -- sh -c 'echo re''ady; exec sleep 100'; echo status:$?\r")
    shell.expect("ready")
    assert wait(shell.is_raw)
    os.kill(child_of(shell.pid), getattr(signal, "SIG" + sig))
    shell.expect(r"status:\d+")
    shell.expect("prompt> ")
    # bash sets its own modes at the prompt; what matters is that it did not start from raw ones
    shell.type("stty -a\r")
    shell.expect(r"[^-]isig")
    shell.type("exit\r")
    shell.wait()
    assert before


def wait(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


def child_of(pid):
    found = []
    assert wait(lambda: found.extend(
        map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())) or found)
    return found[0]


def test_size_and_resize(on_terminal):
    t = on_terminal(["--", "bash", "-c", "trap 'echo now:$(stty size):' WINCH; echo first:$(stty size):; "
                     "while :; do sleep 0.05; done"], rows=33, cols=99)
    t.expect("first:33 99:")
    t.resize(44, 111)
    t.expect("now:44 111:")
    t.type("\x03")
    assert t.wait() == 130


# ---- Ctrl-C, Ctrl-Z


def test_ctrl_c_goes_to_the_session(on_terminal):
    t = on_terminal(["--", "bash", "-c", "trap 'echo caught; exit 5' INT; echo ready; "
                     "while :; do sleep 0.05; done"])
    t.expect("ready")
    t.type("\x03")
    t.expect("caught")
    assert t.wait() == 5


def test_ctrl_c_ends_what_does_not_catch_it(on_terminal):
    t = on_terminal(["--", "sh", "-c", "echo ready; exec sleep 100"])
    t.expect("ready")
    t.type("\x03")
    assert t.wait() == 130


def test_ctrl_z_and_fg(shell):
    shell.type("$C run -- sh -c 'echo re''ady; read x; echo go''t:$x'\r")
    shell.expect("ready")
    assert wait(shell.is_raw)
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect("prompt> ")
    shell.type("echo out''side\r")
    shell.expect("outside")
    shell.type("fg\r")
    assert wait(shell.is_raw)
    shell.type("again\r")
    shell.expect("got:again")
    shell.expect("prompt> ")


def test_ctrl_z_bg_fg_ctrl_c(shell):
    shell.type("$C run -- sh -c 'echo re''ady; exec sleep 100'\r")
    shell.expect("ready")
    assert wait(shell.is_raw)
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.type("bg\r")
    shell.expect("prompt> ")
    shell.type("jobs\r")
    shell.expect("Running")
    shell.expect("prompt> ")
    shell.type("fg\r")
    assert wait(shell.is_raw)
    shell.type("\x03")
    shell.expect("prompt> ")
    shell.type("echo st:$?\r")
    shell.expect("st:130")


def test_in_the_background(shell):
    shell.type("$C run -- sh -c 'echo from-th''e-background' & wait; echo wai''ted\r")
    shell.expect("from-the-background")
    shell.expect("waited")
    assert shell.expect("prompt> ")


def test_reading_in_the_background_stops(shell):
    shell.type("$C run -- sh -c 'read x; echo go''t:$x' &\r")
    shell.expect("prompt> ")
    time.sleep(1)
    shell.type("\r")
    shell.expect("Stopped")
    shell.type("fg\r")
    time.sleep(0.5)
    shell.type("typed\r")
    shell.expect("got:typed")


def test_a_shell_inside_has_jobs(shell):
    shell.type("PS1='in''side> ' $C run --env 'PS1=inside> ' -- bash --norc --noprofile -i\r")
    shell.expect("inside> ")
    assert b"no job control" not in shell.output
    shell.type("sleep 100\r")
    time.sleep(0.5)
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect("inside> ")
    shell.type("fg\r")
    time.sleep(0.3)
    shell.type("\x03")
    shell.expect("inside> ")
    shell.type("exit 3\r")
    shell.expect("prompt> ")
    shell.type("echo st:$?\r")
    shell.expect("st:3")


def test_a_terminal_that_is_not_the_controlling_one(capsule, who, workspace):
    master, slave = os.openpty()
    proc = subprocess.Popen([capsule, "run", "--", "sh", "-c", "read x; echo got:$x"], stdin=slave,
                            stdout=slave, stderr=slave, cwd=workspace, start_new_session=True,
                            env=harness.environment(who), **harness.as_account(who))
    os.close(slave)
    os.write(master, b"hello\n")
    assert proc.wait(10) == 0
    assert b"got:hello" in os.read(master, 4096)
    os.close(master)


# ---- pipelines


def test_pager_after_a_pipe_keeps_the_keyboard(shell):
    shell.type("$C run -- seq 500 | less\r")
    shell.expect("\n23")
    shell.type("G")
    shell.expect("500")
    shell.type("q")
    shell.expect("prompt> ")
    shell.type("echo fi''ne\r")
    shell.expect("fine")


def test_pager_inside_reads_the_terminal(shell):
    shell.type("seq 500 | $C run -- less\r")
    shell.expect("\n23")
    shell.type("G")
    shell.expect("500")
    shell.type("q")
    shell.expect("prompt> ")
    shell.type("stty -a\r")
    shell.expect("[^-]icanon")


def test_stdin_terminal_stdout_file(shell, workspace):
    shell.type("$C run -- sh -c 'read x; echo $x' > out.txt; echo do''ne\r")
    time.sleep(1)
    shell.type("words\r")
    shell.expect("done")
    assert (workspace / "out.txt").read_text() == "words\n"


def test_ctrl_c_in_a_pipeline(shell):
    shell.type("$C run -- sh -c 'echo re''ady >&2; exec sleep 100' | cat\r")
    shell.expect("ready")
    shell.type("\x03")
    shell.expect("prompt> ")
    shell.type("echo st:${PIPESTATUS[0]}\r")
    shell.expect("st:")


# ---- full screen


def test_vi(on_terminal, workspace):
    t = on_terminal(["--", "vi", "-u", "NONE", "-n", "file.txt"])
    t.expect("file.txt")
    t.type("ihello from vi\x1b:wq\r")
    assert t.wait() == 0
    assert (workspace / "file.txt").read_text() == "hello from vi\n"
    assert not t.is_raw()


def test_in_tmux(capsule, who, workspace, place):
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    socket = who.home / "tmux.sock"
    base = ["tmux", "-f", "/dev/null", "-S", str(socket)]
    more = {"env": harness.environment(who, {"TERM": "xterm-256color"}), "cwd": workspace,
            "text": True, "timeout": 20, **harness.as_account(who)}

    def tmux(*args):
        return subprocess.run([*base, *args], capture_output=True, **more).stdout

    def screen():
        return tmux("capture-pane", "-p")

    tmux("new-session", "-d", "-x", "80", "-y", "24",
         f"{capsule} run -- sh -c 'seq 300 > n; less n; echo le''ft; read x'")
    try:
        assert wait(lambda: "\n23\n" in screen())
        tmux("resize-window", "-x", "60", "-y", "12")
        assert wait(lambda: "\n11\n" in screen() and "\n13\n" not in screen())
        tmux("send-keys", "G")
        assert wait(lambda: "\n300\n" in screen())
        tmux("send-keys", "q")
        assert wait(lambda: "left" in screen())
    finally:
        tmux("kill-server")


# ---- what is filtered


QUERIES = {
    "DA1": "\\033[c", "DA2": "\\033[>c", "DECID": "\\033Z", "DSR": "\\033[5n", "CPR": "\\033[6n",
    "DECXCPR": "\\033[?6n", "ENQ": "\\005", "title": "\\033[21t", "size": "\\033[18t",
    "DECRQSS": "\\033P$qm\\033\\\\", "XTGETTCAP": "\\033P+q544e\\033\\\\",
    "foreground": "\\033]10;?\\007", "palette": "\\033]4;1;?\\007",
    "clipboard read": "\\033]52;c;?\\007", "clipboard write": "\\033]52;c;cm0gLXJm\\007",
    "font": "\\033]50;?\\007", "version": "\\033[>q", "C1": "\\302\\2336n", "raw C1": "\\2336n",
    "keys": "\\033P1;1|17/726d\\033\\\\", "leave UTF-8": "\\033%%@",
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_do_not_reach_the_terminal(on_terminal, name):
    t = on_terminal(["--", "sh", "-c", f"printf 'before{QUERIES[name]}after'"])
    assert t.wait() == 0
    text = t.output
    assert b"\x1b" not in text and b"\x05" not in text and b"\x9b" not in text, text
    assert b"before" in text and b"after" in text


def test_drawing_passes(on_terminal):
    t = on_terminal(["--", "sh", "-c", "printf '\\033[1;31mred\\033[0m \\033]0;title\\007 \\303\\251'"])
    assert t.wait() == 0
    assert t.output == b"\x1b[1;31mred\x1b[0m \x1b]0;title\x1b\\ \xc3\xa9"


def test_cursor_position_is_answered_inside(on_terminal):
    script = ("stty raw -echo min 0 time 20; printf '\\033[6n\\033[c'; "
              "dd bs=64 count=1 2>/dev/null | od -An -c")
    t = on_terminal(["--", "sh", "-c", script], rows=30)
    t.expect(r"033\s+\[\s+3\s+0\s+;\s+1\s+R\s+033\s+\[\s+\?\s+6\s+2")
    t.wait()
    assert b"\x1b[6n" not in t.output


def test_what_was_left_on_is_switched_off(on_terminal):
    t = on_terminal(["--", "sh", "-c", "printf '\\033[?1003h\\033[?25l\\033[?2004h\\033[?1049h'; "
                     "kill -9 $$"])
    assert t.wait() == 137
    tail = t.output.split(b"\x1b[?1049h")[1]
    for sequence in b"\x1b[?1003l", b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1049l":
        assert sequence in tail


def test_dropped_sequences_are_counted(on_terminal, workspace):
    t = on_terminal(["--report", "../r.json", "--", "sh", "-c", "printf 'x\\033[6n\\033[21t'"])
    assert t.wait() == 0
    got = json.loads((workspace.parent / "r.json").read_text())
    assert got["terminal_dropped"] == 2
    assert got["terminal"]["bytes"] >= 10
