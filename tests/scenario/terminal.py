"""A terminal for tests: a pty of which the test is the emulator, with a program on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import harness


def set_size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Terminal:
    """Starts @argv as @account on a terminal of its own, as session leader and foreground job."""

    def __init__(self, argv, account, cwd, env=None, rows=24, cols=80):
        self.output = b""
        self.seen = 0  # of output, by expect()
        self.status = None
        environ = harness.environment(account, {"TERM": "xterm-256color", "PS1": "prompt> ",
                                                "HISTFILE": "/dev/null"} | (env or {}))
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                set_size(0, rows, cols)  # before the program can look
                if os.geteuid() == 0 and not account.is_root:
                    os.setgroups([])
                    os.setgid(account.gid)
                    os.setuid(account.uid)
                os.chdir(cwd)
                os.execvpe(str(argv[0]), [str(a) for a in argv], environ)
            finally:
                os._exit(99)

    def resize(self, rows, cols):
        set_size(self.fd, rows, cols)

    def type(self, text):
        os.write(self.fd, text.encode() if isinstance(text, str) else text)

    def read(self, seconds):
        """What arrives within @seconds, or b"" (at the end as well)."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.output += data
        return data

    def expect(self, pattern, seconds=10):
        """Wait for a match of @pattern in what came after the last one."""
        end = time.monotonic() + seconds
        wanted = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
        while True:
            found = wanted.search(self.output, self.seen)
            if found:
                self.seen = found.end()
                return found
            left = end - time.monotonic()
            if left <= 0 or (not self.read(left) and self.ended()):
                found = wanted.search(self.output, self.seen)
                if found:
                    self.seen = found.end()
                    return found
                raise AssertionError(f"{pattern!r} not in {self.output[self.seen:][-2000:]!r}")

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, seconds=10):
        """Exit status; reads meanwhile, as a terminal does."""
        end = time.monotonic() + seconds
        while not self.ended():
            assert time.monotonic() < end, f"still running: {self.output[-2000:]!r}"
            self.read(0.05)
        while self.read(0.05):
            pass
        return self.status

    def modes(self):
        """(input, output, local) flags of the terminal's settings."""
        got = termios.tcgetattr(self.fd)
        return got[0], got[1], got[3]

    def is_raw(self):
        return not self.modes()[2] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def close(self):
        if not self.ended():
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self.pid, 0)
            self.status = -9
        os.close(self.fd)
