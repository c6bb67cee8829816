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


@pytest.mark.both
@pytest.mark.parametrize("probe", HERE, ids=lambda p: p.id)
def test_attack(probe, scene, attack, request):
    params = {key: scene.param(key) for key in probe.params}
    control = None
    if not probe.flags & NO_CONTROL:
        other = request.getfixturevalue("control_scene")
        control = arena.run_outside(other, probe, {key: other.param(key) for key in probe.params})
    policy = scene.policy if probe.params else None
    policy = scene.strict if probe.id in STRICT else policy
    cwd = scene.place / "noexec" if probe.id in STRICT else None
    report = attack(probe, policy=policy, params=params, cwd=cwd)
    if probe.id in OPEN:
        assert report["result"] == "succeeded", f"this is stopped now, say so: {report}"
        pytest.skip(f"open: {OPEN[probe.id]}")
    arena.judge(probe, report, control)


@pytest.mark.both
@pytest.mark.parametrize("probe", NETWORKED, ids=lambda p: p.id)
def test_attack_with_the_hosts_network(probe, place, who, attack, scene, control_scene):
    """Without a network namespace only the system call filter is left to refuse these."""
    policy = place / "network.yaml"
    policy.write_text(scene.policy.read_text().replace("network: none", "network: host"))
    control = arena.run_outside(control_scene, probe, {})
    arena.judge(probe, attack(probe, policy=policy), control)


def test_every_probe_has_a_test():
    """A probe that nothing runs would look like a covered attack."""
    import pathlib
    here = pathlib.Path(__file__).parent
    tests = "".join(p.read_text() for p in here.glob("test_*.py") if p.name != "test_probes.py")
    missing = [p.id for p in PROBES.values()
               if p not in HERE and p.params != ("target",) and f'"{p.id}"' not in tests]
    assert not missing
