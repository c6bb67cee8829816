"""A18, X4, X6, C12: programs, devices and mounts that root left within reach."""

import os
import struct
import subprocess

import pytest

import arena
import harness
from arena import PROBES

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can prepare this attack")


@needs_root
@pytest.mark.attack("A18")
@pytest.mark.parametrize("kind", ["setuid", "setgid", "capabilities"])
def test_privileged_program(kind, place, ordinary_user, capsule):
    """A program of root's in the workspace itself; and no_new_privs is not all that stops it."""
    reports = []
    for name in ("control", "inside"):
        scene = arena.Scene(place / name, ordinary_user)
        program = scene.ws / "privileged"
        program.write_bytes(scene.probe.read_bytes())
        os.chown(program, 0, 0)
        program.chmod({"setuid": 0o4755, "setgid": 0o2755}.get(kind, 0o755))
        if kind == "capabilities":
            os.setxattr(program, "security.capability",
                        struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0))
        probe = PROBES["A18-program"]
        if name == "control":
            reports.append(arena.run_outside(scene, probe, {"program": program}))
        else:
            done = subprocess.run(
                [capsule, "run", "--", scene.probe, probe.id, f"program={program}"], cwd=scene.ws,
                capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                env=harness.environment(ordinary_user), **harness.as_account(ordinary_user))
            reports.append(arena.parse(done))
    assert reports[0]["result"] == "succeeded", reports[0]
    arena.judge(probe, reports[1], reports[0])


@pytest.mark.both
@pytest.mark.attack("A18")
@pytest.mark.parametrize("program", ["/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount"])
def test_setuid_program_of_the_system(program, run_capsule):
    if not os.path.exists(program) or not os.stat(program).st_mode & 0o4000:
        pytest.skip("no such setuid program here")
    script = f"grep NoNewPrivs /proc/self/status; find {program} -perm -4000; findmnt -no OPTIONS -T {program}"
    done = run_capsule(["run", "--", "sh", "-c", script])
    assert "NoNewPrivs:\t1" in done.stdout
    assert "nosuid" in done.stdout, done.stdout


@needs_root
@pytest.mark.both
@pytest.mark.attack("X4")
@pytest.mark.parametrize("kind", ["char", "block"])
def test_device_node_that_was_there(kind, scene, control_scene, attack):
    probe = PROBES["X4-there"]
    reports = []
    for where in (control_scene, scene):
        node = where.ws / "node"
        device = os.makedev(1, 5) if kind == "char" else os.stat("/").st_dev
        os.mknod(node, 0o666 | (0o020000 if kind == "char" else 0o060000), device)
        os.chmod(node, 0o666)
        reports.append(arena.run_outside(where, probe, {"node": node}) if where is control_scene
                       else attack(probe, params={"node": node}))
    arena.judge(probe, reports[1], reports[0])


@needs_root
@pytest.mark.attack("C12")
@pytest.mark.parametrize("mode", ["shared", "slave", "private"])
def test_mounts_do_not_propagate(mode, capsule, scene, control_scene):
    """A host whose mounts are all shared, as systemd makes them."""
    wrap = ["unshare", "-m", "--propagation", mode]
    probe = PROBES["C12-propagation"]
    env = harness.environment(scene.account)
    done = subprocess.run([*wrap, capsule, "run", "--", scene.probe, probe.id], cwd=scene.ws,
                          capture_output=True, text=True, env=env, timeout=30)
    control = None
    if mode == "shared":
        control = arena.parse(subprocess.run([*wrap, scene.probe, probe.id], capture_output=True,
                                             text=True, env=env))
        assert control["result"] == "succeeded"
    arena.judge(probe, arena.parse(done), control)
    # Nor may anything of the session's stay behind in the namespace that it was started from.
    done = subprocess.run([*wrap, "sh", "-c", f"cat /proc/self/mountinfo > before; '{capsule}' run "
                           "-- true; cut -d' ' -f4- /proc/self/mountinfo > after;"
                           "cut -d' ' -f4- before | cmp - after && echo same"], cwd=scene.ws,
                          capture_output=True, text=True, env=env)
    assert done.stdout == "same\n", done.stdout + done.stderr


@pytest.mark.both
@pytest.mark.attack("C12")
def test_covers_stay_on_what_they_cover(scene, run_capsule):
    """Everything that a root without capabilities may still try with the tools of the system."""
    script = f"""
        umount '{scene.ws}/private'; umount -l '{scene.ws}/private'; mount -o remount,rw /usr
        mount --bind '{scene.ws}/x' '{scene.ws}/private'; mount --move '{scene.ws}/private' /tmp
        unshare -rm umount '{scene.ws}/private'; nsenter -t 1 -m true && echo ENTERED
        unshare -Ur true && echo UNSHARED
        cat '{scene.ws}/private/inner' '{scene.ws}/private.txt'; touch /usr/attack && echo WROTE
        echo tried
    """
    done = run_capsule(["run", "--policy", scene.policy, "--", "sh", "-c", script], cwd=scene.ws)
    assert done.stdout == "tried\n", done.stdout
