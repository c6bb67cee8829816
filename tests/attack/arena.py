"""Where attacks take place: the table of probes, scenes made of files, and how a run is judged.

An attack is performed by `attack_probe` (tests/attack/probes): outside first, as the same user in
a scene of its own, to see that it works on this machine at all; then inside `capsule run`. It must
have been attempted, must not succeed, and must be answered as the wall answers it.
"""

import collections
import dataclasses
import json
import os
import pathlib
import signal
import subprocess

import pytest

import harness

PROBE = harness.BUILD / "tests/attack/attack_probe"
NO_CONTROL, OWN_MOUNTS, HOST_NET = 1, 2, 4


@dataclasses.dataclass(frozen=True)
class Probe:
    id: str
    what: str
    want: tuple
    params: tuple
    flags: int

    @property
    def attack(self) -> str:
        return self.id.split("-")[0]


def _probes() -> dict:
    out = subprocess.run([PROBE, "--list"], capture_output=True, text=True, check=True).stdout
    rows = map(json.loads, out.splitlines())
    return {r["id"]: Probe(r["id"], r["what"], tuple(r["want"].split()),
                           tuple(r["params"].split()), r["flags"]) for r in rows}


PROBES = _probes()

SECRET = "the-secret-of-outside"
DENIED = "what-the-policy-denies"
GRANTED = "may-be-read"
POLICY = """\
version: 1
name: attack
extends: preset:agent
filesystem:
  read: [{place}/ro]
  write: [{place}/noexec]
  protect: [{ws}/keep/deep/file, {ws}/keep/pdir]
  deny: [{ws}/private.txt, {ws}/private, {ws}/denied-program]
network: {network}
"""

# The same, with rules that stop nothing of what is tried, but could stop each kind of call: so the
# supervisor does it all on the session's behalf, and must not be better at it than the session is.
LIVE = POLICY + """\
rules:
  - {{ name: files, on: "file.*", action: block, when: "file.activity.name == 'nobody-tries-this'" }}
  - {{ name: programs, on: "process.*", action: block, when: "process.activity.executable == '/nobody'" }}
  - {{ name: sockets, on: "net.*", action: block, when: "tcp.port == 4 || udp.port == 4" }}
"""


# Nothing may be both written and executed; then a file in memory may not be executed either.
STRICT = """\
version: 1
name: attack
filesystem:
  exec: [/usr, /bin, /lib, {{path: /lib64, optional: true}}, {ws}/.probe]
  read: [/etc]
  write: [{place}/noexec]
process:
  env: {{pass: [PATH, HOME]}}
network: none
"""


Seen = collections.namedtuple("Seen", "text mode uid gid ino mtime links attributes")


class Scene:
    """A folder tree with everything in it that the file attacks aim at.

    place/ws            the workspace (writable, executable)
    place/outside       granted by nobody; place/outside/secret
    place/ro            may be read: place/ro/file
    place/noexec        may be written, not executed from
    place/policy.yaml   the policy that says so
    """

    def __init__(self, place: pathlib.Path, account: harness.Account, network: str = "none"):
        self.place, self.account = place, account
        self.ws, self.outside = place / "ws", place / "outside"
        place.mkdir(exist_ok=True)
        for folder in ("ws/keep/deep", "ws/keep/pdir", "ws/private", "ws/x", "ws/.probe", "outside",
                       "ro", "noexec"):
            (place / folder).mkdir(parents=True, exist_ok=True)
        self.kept = {
            "ws/keep/deep/file": "protected\n", "ws/keep/pdir/existing": "protected\n",
            "ws/private.txt": DENIED, "ws/private/inner": DENIED, "outside/secret": SECRET,
            "ro/file": GRANTED,
        }
        for name, text in self.kept.items():
            (place / name).write_text(text)
        os.setxattr(place / "ws/private.txt", "user.secret", b"secret")
        (self.ws / "hostlink").symlink_to(self.outside / "secret")
        os.link(self.account.home.parent.parent / "bin/attack_probe", self.probe)
        program = self.ws / "denied-program"
        program.write_text("#!/bin/sh\nexit 42\n")
        program.chmod(0o755)
        self.policy = place / "policy.yaml"
        self.policy.write_text(POLICY.format(place=place, ws=self.ws, network=network))
        self.live = place / "live.yaml"
        self.live.write_text(LIVE.format(place=place, ws=self.ws, network=network))
        self.strict = place / "strict.yaml"
        self.strict.write_text(STRICT.format(place=place, ws=self.ws))
        for folder, names, files in os.walk(place):
            for name in [".", *names, *files]:
                path = os.path.join(folder, name)
                if not os.path.samefile(path, self.probe) if os.path.exists(path) else True:
                    os.chown(path, account.uid, account.gid, follow_symlinks=False)
        self.before = self.state()

    @staticmethod
    def home(place: pathlib.Path, account: harness.Account) -> pathlib.Path:
        """A home folder for @account in @place."""
        path = place / "home"
        path.mkdir()
        os.chown(path, account.uid, account.gid)
        return path

    @property
    def probe(self) -> pathlib.Path:
        return self.ws / ".probe/attack_probe"

    def state(self) -> dict:
        """What no attack may change: contents, modes, times and attributes."""
        seen = {"outside": sorted(os.listdir(self.outside)), "ro": sorted(os.listdir(self.place / "ro"))}
        for folder in ("ws/keep", "ws/keep/deep", "ws/keep/pdir", "ws/private"):
            seen[folder] = sorted(os.listdir(self.place / folder))
        for name in self.kept:
            path = self.place / name
            st = path.lstat()
            seen[name] = Seen(path.read_text(), oct(st.st_mode), st.st_uid, st.st_gid, st.st_ino,
                              st.st_mtime_ns, st.st_nlink, sorted(os.listxattr(path)))
        return seen

    def check(self) -> None:
        assert self.state() == self.before, "the attack left a trace on the host"

    def param(self, key: str) -> str:
        ws = self.ws
        values = {
            "secret": self.outside / "secret", "outside": self.outside,
            "hostlink": ws / "hostlink", "protected": ws / "keep/deep/file",
            "pdir": ws / "keep/pdir", "ancestor": ws / "keep", "denied": ws / "private.txt",
            "forbidden": ws / "denied-program", "ddir": ws / "private", "mask": ws / "private", "rofile": self.place / "ro/file",
            "rodir": self.place / "ro", "dir": self.place / "noexec", "xdir": ws / "x",
            "self": self.probe, "binary": self.account.home.parent.parent / "bin/capsule",
            "ino": (ws / "private.txt").stat().st_ino, "seconds": 20 if harness.LONG else 5,
        }
        return str(values[key])


def outcome(report: dict) -> str:
    """One word: "succeeded", "unable", "hung", an errno's name, "killed" (SIGSYS), a signal's."""
    if report["result"] == "killed":
        number = report["signal"]
        return "killed" if number == signal.SIGSYS else signal.Signals(number).name
    return report["errno"] if report["result"] == "blocked" else report["result"]


def reports(done) -> list:
    """What the probes reported, in the order in which they were run."""
    return [json.loads(line) for line in done.stdout.splitlines()
            if line.startswith('{"attempted"')]


def parse(done) -> dict:
    found = reports(done)
    assert len(found) == 1, (f"no report from the probe: the attack was not attempted\n"
                             f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return found[0]


def words(attacks: list) -> list:
    """Arguments of attack_probe for [(probe, params), ...]."""
    return ["--several", *(" ".join([p.id, *(f"{k}={v}" for k, v in params.items())])
                           for p, params in attacks)]


def start(account: harness.Account, argv: list, cwd, **more):
    more = {"stdin": subprocess.DEVNULL} | more if "input" not in more else more
    return subprocess.run([str(a) for a in argv], cwd=cwd, env=harness.environment(account),
                          capture_output=True, text=True, errors="replace", timeout=120,
                          start_new_session=True, **harness.as_account(account), **more)


def several_inside(capsule, scene: "Scene", attacks: list, options=(), cwd=None, prefix=(),
                   **more) -> list:
    """
    Many attacks in one session, each in a process of its own; a report for each, in order. None of
    them changes anything as long as the wall holds, and the test judges every one of them.
    """
    done = start(scene.account, [*prefix, capsule, "run", *options, "--", scene.probe,
                                 *words(attacks)], cwd or scene.ws, **more)
    found = reports(done)
    assert [r["id"] for r in found] == [p.id for p, _ in attacks], (
        f"not all were attempted: {len(found)} of {len(attacks)}\nexit {done.returncode}\n"
        f"{done.stderr[-2000:]}")
    return found


# An ordinary user has all capabilities in a user namespace of his own; so the attacks that need
# one are within his reach on a host that allows that.
OWN_USER = ["unshare", "-U", "--map-root-user", "-m", "-n", "--propagation", "private"]


def run_outside(scene: Scene, probe: Probe, params: dict) -> dict:
    """The control: the same attack by the same user without the wall."""
    argv = [scene.probe, *words([(probe, params)])]
    if probe.flags & OWN_MOUNTS and scene.account.is_root:
        argv = ["unshare", "-m", "--propagation", "private", *argv]
    report = parse(start(scene.account, argv, scene.ws))
    if report["result"] == "blocked" and not scene.account.is_root:
        second = reports(start(scene.account, [*OWN_USER, *argv], scene.ws))
        if second and second[0]["result"] == "succeeded":
            return second[0]
    return report


def several_outside(scene: Scene, attacks: list) -> list:
    """The controls of many attacks, in order; None for those that have none."""
    shared = [(p, a) for p, a in attacks if not p.flags & (NO_CONTROL | OWN_MOUNTS)]
    found = reports(start(scene.account, [scene.probe, *words(shared)], scene.ws))
    assert len(found) == len(shared), "the controls did not all report"
    again = [] if scene.account.is_root else [
        n for n, report in enumerate(found) if report["result"] == "blocked"]
    if again:
        second = reports(start(scene.account, [*OWN_USER, scene.probe,
                                               *words([shared[n] for n in again])], scene.ws))
        for n, report in zip(again, second):
            if report["result"] == "succeeded":
                found[n] = report
    rest = iter(found)
    return [None if p.flags & NO_CONTROL else run_outside(scene, p, a) if p.flags & OWN_MOUNTS
            else next(rest) for p, a in attacks]


def judge(probe: Probe, inside: dict, control: dict | None) -> None:
    """Passes, fails, or skips: out of reach here whatever the wall does."""
    told = f"{probe.id} ({probe.what}): {inside['detail']}"
    result = outcome(inside)
    assert inside["attempted"], f"never attempted: {told}"
    assert inside["result"] != "succeeded", f"THE ATTACK SUCCEEDED: {told}"
    assert inside["result"] not in ("unable", "hung"), f"{inside['result']}: {told}"
    assert result in probe.want, f"answered {result}, the wall answers {probe.want}: {told}"
    if control and control["result"] != "succeeded" and outcome(control) == result:
        pytest.skip(f"out of reach here without the wall too ({result}: {control['detail']})")
