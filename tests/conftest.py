"""Fixtures for everything that drives the real `capsule` binary.

capsule         path of the binary (a copy that every account can reach)
who             the account of this test: the one that runs pytest, or, with the mark `both`,
                root and an ordinary user in turn
workspace       an empty folder of `who`, outside /tmp; the default cwd of run_capsule
outside         a folder of `who` beside the workspace: what must stay out of reach
ordinary_user   an Account that is not root
run_capsule     run_capsule(args, user=None, cwd=None, env=None, input=None, timeout=30)
                -> subprocess.CompletedProcess with text in stdout and stderr
start_capsule   the same, as a Popen that is killed at the end of the test

    @pytest.mark.both
    def test_x(run_capsule, workspace, who): ...
"""

import os
import shutil
import signal
import subprocess

import pytest

import harness
from harness import Account

# A job in the background of a script is started with these ignored, and so is all that it starts;
# what we test is to hear them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)



def pytest_generate_tests(metafunc):
    if metafunc.definition.get_closest_marker("both") and "who" in metafunc.fixturenames:
        metafunc.parametrize("who", ["root", "user"], indirect=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "both: run as root and as an ordinary user")


@pytest.fixture(scope="session")
def session_dir():
    path = harness.scratch("capsule-t-")
    yield path
    harness.remove(path)


@pytest.fixture(scope="session")
def capsule(session_dir):
    if not harness.BIN.exists():
        pytest.exit(f"{harness.BIN} is not there: run make first, or set CAPSULE_BIN", 3)
    path = session_dir / "bin/capsule"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(harness.BIN, path)
    path.chmod(0o755)
    return path


@pytest.fixture
def place(session_dir, request):
    """A folder of this test alone."""
    path = session_dir / f"{abs(hash(request.node.nodeid)):x}"
    path.mkdir()
    yield path
    harness.remove(path)


def _account(kind, place):
    if kind == "root" and os.geteuid() != 0:
        pytest.skip("needs root: this run is an ordinary user's")
    if kind == "user" and os.geteuid() == 0:
        name, uid, gid = harness.ordinary_ids()
    else:
        name, uid, gid = ("root", 0, 0) if os.geteuid() == 0 else harness.ordinary_ids()
    home = place / f"home-{name}"
    home.mkdir(exist_ok=True)
    os.chown(home, uid, gid)
    return Account(name, uid, gid, home)


@pytest.fixture
def who(request, place):
    return _account(getattr(request, "param", "self"), place)


@pytest.fixture
def ordinary_user(place):
    return _account("user", place)


def _folder(path, account):
    path.mkdir()
    os.chown(path, account.uid, account.gid)
    return path


@pytest.fixture
def workspace(place, who):
    return _folder(place / "ws", who)


@pytest.fixture
def outside(place, who):
    return _folder(place / "outside", who)


@pytest.fixture
def start_capsule(capsule, who, workspace):
    running = []

    def start(args, user=None, cwd=None, env=None, **more):
        account = user or who
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE, "text": True} | more
        proc = subprocess.Popen([str(capsule), *map(str, args)], cwd=cwd or workspace,
                                env=harness.environment(account, env),
                                **harness.as_account(account), **more)
        running.append(proc)
        return proc

    yield start
    for proc in running:
        if proc.poll() is None:
            proc.send_signal(signal.SIGKILL)
        proc.wait()
        for stream in (proc.stdin, proc.stdout, proc.stderr):
            if stream:
                stream.close()


@pytest.fixture
def run_capsule(capsule, who, workspace):
    def run(args, user=None, cwd=None, env=None, input=None, timeout=30, **more):
        account = user or who
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run([str(capsule), *map(str, args)], cwd=cwd or workspace,
                              env=harness.environment(account, env), capture_output=True,
                              text=True, errors="replace", timeout=timeout, **stdin,
                              **harness.as_account(account), **more)

    return run
