"""What the scenario and attack tests share: accounts, places, and runs of the real binary.

Every run gets a HOME of its own (so state, logs and keys never touch the developer's), a
workspace outside /tmp (the default policy has a private /tmp), and a small fixed environment.
"""

import dataclasses
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("CAPSULE_BIN", ROOT / "build/src/cli/capsule")).absolute()
BUILD = pathlib.Path(os.environ.get("CAPSULE_BUILD", BIN.parent.parent.parent))
LONG = os.environ.get("CAPSULE_TEST_LONG") == "1"
ORDINARY = "capsule-test"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclasses.dataclass(frozen=True)
class Account:
    """Somebody to run as. `home` is a fresh folder of this test, not the account's real one."""

    name: str
    uid: int
    gid: int
    home: pathlib.Path

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    @property
    def logs(self) -> pathlib.Path:
        """Where `capsule run` leaves its logs for this account."""
        return self.home / ".local/state/capsule/sessions"


def ordinary_ids() -> tuple[str, int, int]:
    """Name, uid and gid of an ordinary user; made on first use when we are root."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return entry.pw_name, entry.pw_uid, entry.pw_gid
    for attempt in range(2):
        try:
            entry = pwd.getpwnam(ORDINARY)
            return entry.pw_name, entry.pw_uid, entry.pw_gid
        except KeyError:
            # Another run may be making the same user: look again whatever this says.
            subprocess.run(["/usr/sbin/useradd", "--create-home", "--shell", "/bin/sh", ORDINARY],
                           stderr=subprocess.PIPE, check=bool(attempt))
    raise RuntimeError(f"cannot make the user {ORDINARY}")


def as_account(account: Account) -> dict:
    """Keyword arguments that make subprocess start something as that account."""
    if os.geteuid() != 0 or account.is_root:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def environment(account: Account, extra: dict | None = None) -> dict:
    env = {"PATH": PATH, "HOME": str(account.home), "USER": account.name, "LOGNAME": account.name,
           "LANG": "C.UTF-8", "SHELL": "/bin/sh"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(extra or {})
    return {k: v for k, v in env.items() if v is not None}


def scratch(prefix: str) -> pathlib.Path:
    """A world-traversable folder outside /tmp; the caller removes it."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/var/tmp"))
    path.chmod(0o755)
    return path


def remove(path: pathlib.Path) -> None:
    def again(func, name, _info):
        os.chmod(os.path.dirname(name), 0o700)
        if not os.path.islink(name):
            os.chmod(name, 0o700)
        func(name)

    shutil.rmtree(path, onerror=again)
