"""Every attack of the table that needs nothing but files, as root and as an ordinary user.

Those without parameters run under the default policy; those that aim at a file, under a policy
that grants, denies and protects just that. What needs listeners, terminals, other processes or
limits is in the other files of this folder.
"""

import pytest

import arena
from arena import HOST_NET, NO_CONTROL, OWN_MOUNTS, PROBES

FILES = {"secret", "outside", "hostlink", "protected", "pdir", "ancestor", "denied", "forbidden", "ddir", "mask",
         "ino", "rofile", "rodir", "dir", "xdir", "self", "binary"}
ELSEWHERE = {
    "A9-host": "test_terminal.py", "X8-steal": "test_terminal.py", "C9-any": "test_fds.py",
    "X8-foreground": "test_terminal.py", "A22-all": "test_processes.py",
}
HERE = [p for p in PROBES.values() if set(p.params) <= FILES and p.id not in ELSEWHERE]
OPEN = {
    "X6-setuid": "a file's mode may be anything: a filter cannot see the mode that openat2 carries",
}
# Where something may be both written and executed, a file in memory may as well.
STRICT = {"A16-memfd", "A16-memfd-path"}
NETWORKED = [p for p in HERE if p.flags & HOST_NET]


ALONE = [p for p in HERE if not p.params]
AIMED = [p for p in HERE if p.params]


@pytest.fixture(scope="module")
def together(session_dir, capsule):
    """
    together(who, network) -> (reports inside, controls outside), by id: the attacks that need no
    parameters, in one session, each in a process of its own.
    """
    done = {}

    def perform(who, network):
        key = who.uid, network
        if key not in done:
            probes = ALONE if network == "none" else NETWORKED
            place = session_dir / f"together-{who.uid}-{network}"
            place.mkdir()
            account = arena.dataclasses.replace(who, home=arena.Scene.home(place, who))
            scene = arena.Scene(place / "inside", account)
            other = arena.Scene(place / "control", account)
            argv = ["--network", "host"] if network == "host" else []
            inside = arena.subprocess.run(
                [capsule, "run", *argv, "--", scene.probe, "--several", *(p.id for p in probes)],
                cwd=scene.ws, capture_output=True, text=True, errors="replace", timeout=120,
                stdin=arena.subprocess.DEVNULL, env=arena.harness.environment(account),
                **arena.harness.as_account(account))
            controls = [p for p in probes if not p.flags & (NO_CONTROL | OWN_MOUNTS)]
            outside = arena.several_outside(other, controls)
            for probe in probes:
                if probe.flags & OWN_MOUNTS and not probe.flags & NO_CONTROL:
                    outside[probe.id] = arena.run_outside(other, probe, {})
            scene.check()
            done[key] = arena.reports(inside), outside
        return done[key]

    return perform


def judge(probe, report, control):
    if probe.id in OPEN:
        assert report["result"] == "succeeded", f"this is stopped now, say so: {report}"
        pytest.skip(f"open: {OPEN[probe.id]}")
    arena.judge(probe, report, control)


@pytest.mark.both
@pytest.mark.parametrize("probe", ALONE, ids=lambda p: p.id)
def test_attack(probe, who, together):
    inside, outside = together(who, "none")
    assert probe.id in inside, "no report from the probe: the attack was not attempted"
    assert probe.flags & NO_CONTROL or probe.id in outside, "the control did not report"
    judge(probe, inside[probe.id], outside.get(probe.id))


@pytest.mark.both
@pytest.mark.parametrize("probe", NETWORKED, ids=lambda p: p.id)
def test_attack_with_the_hosts_network(probe, who, together):
    """Without a network namespace only the system call filter is left to refuse these."""
    inside, outside = together(who, "host")
    assert probe.id in inside, "no report from the probe: the attack was not attempted"
    judge(probe, inside[probe.id], outside.get(probe.id))


@pytest.mark.both
@pytest.mark.parametrize("probe", AIMED, ids=lambda p: p.id)
def test_attack_on_files(probe, scene, attack, request):
    params = {key: scene.param(key) for key in probe.params}
    control = None
    if not probe.flags & NO_CONTROL:
        other = request.getfixturevalue("control_scene")
        control = arena.run_outside(other, probe, {key: other.param(key) for key in probe.params})
    strict = probe.id in STRICT
    report = attack(probe, policy=scene.strict if strict else scene.policy, params=params,
                    cwd=scene.place / "noexec" if strict else None)
    judge(probe, report, control)


def test_every_probe_has_a_test():
    """A probe that nothing runs would look like a covered attack."""
    import pathlib
    here = pathlib.Path(__file__).parent
    tests = "".join(p.read_text() for p in here.glob("test_*.py") if p.name != "test_probes.py")
    missing = [p.id for p in PROBES.values()
               if p not in HERE and p.params != ("target",) and f'"{p.id}"' not in tests]
    assert not missing
