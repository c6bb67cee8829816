"""A9, X8: the terminal that a session was started on."""

import fcntl
import os
import select
import subprocess
import termios
import time

import pytest

import arena
import harness
from arena import PROBES


class Terminal:
    """A terminal of ours, with the command as the leader of its session."""

    def __init__(self, argv, account, cwd, stdin=True, env=None):
        self.master, slave = os.openpty()
        if not account.is_root:
            os.fchown(slave, account.uid, account.gid)

        def lead():
            # stdin may not be the terminal; it is the controlling terminal all the same.
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.slave = slave
        self.proc = subprocess.Popen(
            argv, cwd=cwd, stdin=slave if stdin else subprocess.DEVNULL, stdout=slave, stderr=slave,
            pass_fds=[], preexec_fn=lead, env=harness.environment(account, env),
            **harness.as_account(account))
        self.seen = b""

    def finish(self, timeout=20) -> str:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if ready:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    break
            elif self.proc.poll() is not None:
                break
        return self.seen.decode(errors="replace")

    def pending_input(self) -> bytes:
        """What waits to be read from the terminal: nobody typed anything."""
        mode = termios.tcgetattr(self.slave)
        mode[3] &= ~termios.ICANON
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)
        os.set_blocking(self.slave, False)
        try:
            return os.read(self.slave, 4096)
        except BlockingIOError:
            return b""

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def terminal(who, scene):
    made = []

    def make(argv, **more):
        made.append(Terminal([str(a) for a in argv], who, scene.ws, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _report(terminal_seen):
    line = [l for l in terminal_seen.splitlines() if '{"attempted"' in l]
    assert line, f"no report: the attack was not attempted\n{terminal_seen}"
    return arena.parse(subprocess.CompletedProcess([], 0, line[0].strip() + "\n", ""))


@pytest.mark.both
@pytest.mark.attack("A9")
@pytest.mark.parametrize("stdin", [True, False], ids=["stdin-tty", "stdin-null"])
def test_inject_into_the_terminal(terminal, scene, capsule, stdin, control_scene):
    """CVE-2017-5226: what a session pushes into the terminal, the user's shell would execute."""
    probe = PROBES["A9-host"]
    control = terminal([control_scene.probe, probe.id], stdin=stdin)
    control_report = _report(control.finish())
    inside = terminal([capsule, "run", "--", scene.probe, probe.id], stdin=stdin)
    report = _report(inside.finish())
    assert b"INJECTED" not in inside.pending_input()
    wanted = {"EPERM"} if stdin else {"EPERM", "ENOTTY"}
    assert arena.outcome(report) in wanted, report
    arena.judge(PROBES["A9-host"] if stdin else
                arena.dataclasses.replace(probe, want=tuple(wanted)), report, control_report)


@pytest.mark.both
@pytest.mark.attack("A9")
@pytest.mark.parametrize("fd", [0, 1, 2])
def test_inject_by_descriptor(terminal, scene, capsule, fd):
    """A terminal that came as stdout or stderr alone is still the user's terminal."""
    script = ("import fcntl, termios\n"
              "try:\n"
              f"    [fcntl.ioctl({fd}, termios.TIOCSTI, c.encode()) for c in 'touch INJECTED\\n']\n"
              "    print('SUCCEEDED')\n"
              "except OSError as e: print('STOPPED', e.errno)\n")
    inside = terminal([capsule, "run", "--", "python3", "-c", script], stdin=fd == 0)
    seen = inside.finish()
    assert "STOPPED" in seen, seen
    assert b"INJECTED" not in inside.pending_input()


@pytest.mark.both
@pytest.mark.attack("X8")
@pytest.mark.parametrize("probe", ["X8-steal", "X8-foreground"])
@pytest.mark.parametrize("stdin", [True, False], ids=["stdin-tty", "stdin-null"])
def test_take_the_terminal(terminal, scene, capsule, probe, stdin):
    """
    Whatever happens to the session's own terminal, the user's stays the user's: a shell that comes
    back from the run still is in the foreground of it.
    """
    script = '"$@"; echo; echo FRONT $(cut -d" " -f5,8 /proc/$$/stat)'
    inside = terminal(["sh", "-c", script, "sh", capsule, "run", "--", scene.probe, probe],
                      stdin=stdin)
    seen = inside.finish()
    assert _report(seen)["attempted"]
    pgrp, foreground = seen.split("FRONT ")[1].split()[:2]
    assert pgrp == foreground == str(inside.proc.pid)


@pytest.mark.both
@pytest.mark.attack("X8")
def test_answers_of_the_terminal_are_not_provoked(terminal, capsule):
    """Sequences that make a terminal type: title report, DECRQSS, answerback, OSC queries."""
    attacks = [r"\033[21t", r"\033[20t", r"\033P$qm\033\\", r"\005", r"\033]52;c;?\007",
               r"\033]50;?\007", r"\033]4;1;?\007"]
    script = "printf 'BEGIN'; printf '%b' \"$1\"; printf 'END\\n'"
    inside = terminal([capsule, "run", "--", "sh", "-c", script, "sh", "".join(attacks)])
    seen = inside.finish()
    assert "BEGIN" in seen and "END" in seen, seen
    for bad in ("\033[21t", "\033[20t", "\033P$q", "\005", "\033]52;c;?", "\033]50;?"):
        assert bad not in seen, f"{bad!r} reached the terminal"


@pytest.mark.both
@pytest.mark.attack("X8")
def test_modes_of_the_terminal_come_back(terminal, capsule):
    inside = terminal([capsule, "run", "--", "sh", "-c", "stty raw -echo; kill -9 $$"])
    before = termios.tcgetattr(inside.slave)
    inside.finish()
    inside.proc.wait(10)
    assert termios.tcgetattr(inside.slave)[:4] == before[:4]
