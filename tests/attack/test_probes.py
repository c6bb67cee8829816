"""Every attack of the table that needs nothing but files, as root and as an ordinary user.

Those without parameters run under the default policy; those that aim at a file, under a policy
that grants, denies and protects just that. What needs listeners, terminals, other processes or
limits is in the other files of this folder.
"""

import pytest

import arena
from arena import HOST_NET, NO_CONTROL, PROBES

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
AIMED = [p for p in HERE if p.params and p.id not in STRICT]


def judge(probe, report, control):
    if probe.id in OPEN:
        assert report["result"] == "succeeded", f"this is stopped now, say so: {report}"
        pytest.skip(f"open: {OPEN[probe.id]}")
    arena.judge(probe, report, control)


@pytest.mark.both
@pytest.mark.parametrize("probe", ALONE, ids=lambda p: p.id)
def test_attack(probe, who, once, capsule):
    attacks = [(p, {}) for p in ALONE]
    inside, outside = once("alone", who, lambda scene, control: (
        arena.several_inside(capsule, scene, attacks), arena.several_outside(control, attacks)))
    judge(probe, inside[ALONE.index(probe)], outside[ALONE.index(probe)])


@pytest.mark.both
@pytest.mark.parametrize("probe", NETWORKED, ids=lambda p: p.id)
def test_attack_with_the_hosts_network(probe, who, once, capsule):
    """Without a network namespace only the system call filter is left to refuse these."""
    attacks = [(p, {}) for p in NETWORKED]
    inside, outside = once("network", who, lambda scene, control: (
        arena.several_inside(capsule, scene, attacks, ["--network", "host"]),
        arena.several_outside(control, attacks)))
    judge(probe, inside[NETWORKED.index(probe)], outside[NETWORKED.index(probe)])


def aimed(scene, probes):
    return [(p, {key: scene.param(key) for key in p.params}) for p in probes]


@pytest.mark.both
@pytest.mark.parametrize("probe", AIMED, ids=lambda p: p.id)
def test_attack_on_files(probe, who, once, capsule, control_scene):
    inside = once("files", who, lambda scene, _: arena.several_inside(
        capsule, scene, aimed(scene, AIMED), ["--policy", scene.policy]))
    control = None
    if not probe.flags & NO_CONTROL:
        control = arena.run_outside(control_scene, *aimed(control_scene, [probe])[0])
    judge(probe, inside[AIMED.index(probe)], control)


@pytest.mark.both
@pytest.mark.parametrize("probe", ALONE + AIMED, ids=lambda p: p.id)
def test_attack_through_the_supervisor(probe, who, once, capsule):
    """All calls that can be decided are done on behalf: that lends nobody what the wall took away."""
    probes = ALONE + AIMED
    inside = once("live", who, lambda scene, _: arena.several_inside(
        capsule, scene, aimed(scene, probes), ["--policy", scene.live]))
    report = inside[probes.index(probe)]
    assert report["attempted"], report
    if probe.id not in OPEN:
        assert report["result"] != "succeeded", f"THE ATTACK SUCCEEDED: {probe.id}: {report}"
    assert report["result"] not in ("unable", "hung"), report


@pytest.mark.both
@pytest.mark.parametrize("probe", sorted(STRICT))
def test_attack_where_nothing_is_both_written_and_executed(probe, scene, attack, control_scene):
    probe = PROBES[probe]
    control = arena.run_outside(control_scene, *aimed(control_scene, [probe])[0])
    report = attack(probe, policy=scene.strict, params=aimed(scene, [probe])[0][1],
                    cwd=scene.place / "noexec")
    judge(probe, report, control)


def test_every_probe_has_a_test():
    """A probe that nothing runs would look like a covered attack."""
    import pathlib
    here = pathlib.Path(__file__).parent
    tests = "".join(p.read_text() for p in here.glob("test_*.py") if p.name != "test_probes.py")
    missing = [p.id for p in PROBES.values()
               if p not in HERE and p.params != ("target",) and f'"{p.id}"' not in tests]
    assert not missing
