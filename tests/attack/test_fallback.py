"""The second back end: where user namespaces are forbidden, Landlock and seccomp stand alone.

Forbidden for real: an ordinary user's run below a user namespace in which no further one may be
made, without a single capability.
"""

import json
import os
import shutil
import subprocess

import pytest

import arena
import harness
from arena import NO_CONTROL, PROBES
from test_processes import Bystander

FORBID = ("echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "
          "--ambient-caps=-all --inh-caps=-all -- \"$@\"")
WRAP = ["unshare", "-U", "--map-current-user", "--keep-caps", "sh", "-c", FORBID, "sh"]

# What mounts and namespaces alone stop. Each is known, and fails here when it begins to be stopped.
OPEN = {
    "A11-seen": "the host's process list is in sight (nothing of the processes but that)",
    "A11-task": "as A11-seen",
    "A10-pidfd": "a pidfd can be had; signals by it are stopped, taking descriptors is too",
    "A16-loader": "without a noexec mount ld.so may map what may be read",
    "A16-mmap": "as A16-loader", "A16-mprotect": "as A16-loader",
    "X2-inotify": "Landlock does not see inotify",
    "X6-setuid": "as with namespaces",
}
for _name in ("affinity", "priority", "ioprio"):
    OPEN[f"A10-{_name}"] = "the user's other processes can be slowed down"
for _name in ("C8-chmod", "C8-utimes", "C8-out-chmod", "C8-out-utimes"):
    OPEN[_name] = "Landlock does not see changes of mode and times; compilers, git and tar need them"

PARAMS = {"secret", "outside", "hostlink", "rofile", "rodir", "dir", "xdir", "self", "binary",
          "target"}
# No terminal of one's own can be made here: /dev/ptmx is not granted. Nor is a memfd more than what
# the workspace allows anyway.
LEFT_OUT = ("A9-", "C12-propagation", "X8-", "X10-", "A22-all", "X7-", "A16-memfd")
# The filter alone answers these, as in the first back end.
if not harness.LONG:
    LEFT_OUT += ("A1-", "A2-", "A3-", "A4-", "A5-", "A12-", "A14-", "A20-", "A21-", "A8-")
HERE = [p for p in PROBES.values() if set(p.params) <= PARAMS and not p.id.startswith(LEFT_OUT)]


@pytest.fixture(scope="module")
def forbidding():
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("util-linux's unshare and setpriv are needed to forbid user namespaces")
    _, uid, gid = harness.ordinary_ids()
    account = harness.Account("x", uid, gid, None)
    done = subprocess.run([*WRAP, "unshare", "-U", "true"], capture_output=True, text=True,
                          **harness.as_account(account))
    if "No space left" not in done.stderr:
        pytest.skip(f"user namespaces cannot be forbidden here: {done.stderr.strip()}")


@pytest.fixture
def control_scene(place, ordinary_user):
    return arena.Scene(place / "control", ordinary_user)


def allow(scene):
    """A policy that Landlock alone can enforce: nothing denied or protected inside a grant."""
    scene.policy.write_text("version: 1\nextends: preset:agent\nfilesystem:\n"
                            f"  read: [{scene.place}/ro]\n  write: [{scene.place}/noexec]\n")
    return scene


def run_forbidden(capsule, scene, argv, **more):
    return subprocess.run(
        [*WRAP, capsule, "run", "--policy", scene.policy, "--", *map(str, argv)], cwd=scene.ws,
        env=harness.environment(scene.account), capture_output=True, text=True, timeout=30,
        stdin=subprocess.DEVNULL, **harness.as_account(scene.account), **more)


@pytest.mark.attack("A10")
@pytest.mark.attack("C1")
@pytest.mark.parametrize("probe", HERE, ids=lambda p: p.id)
def test_without_user_namespaces(probe, forbidding, ordinary_user, capsule, once, control_scene):
    def perform(scene, _):
        allow(scene)
        with Bystander(ordinary_user) as one:
            attacks = [(p, {k: one.pid if k == "target" else scene.param(k) for k in p.params})
                       for p in HERE]
            inside = arena.several_inside(capsule, scene, attacks, ["--policy", scene.policy],
                                          prefix=WRAP)
            assert one.proc.poll() is None, "the bystander was killed"
        # Mode and times of two files were changed (C8 above), and nothing else of them.
        state = scene.state()
        for name in ("ro/file", "outside/secret"):
            now, before = state[name], scene.before[name]
            assert (now.mode, now.mtime) != (before.mode, before.mtime)
            assert now._replace(mode=before.mode, mtime=before.mtime) == before
            scene.before[name] = now
        return inside

    report = once("fallback", ordinary_user, perform)[HERE.index(probe)]
    if probe.id in OPEN:
        assert report["result"] == "succeeded", f"this is stopped now, say so: {report}"
        pytest.skip(f"open: {OPEN[probe.id]}")
    control = None
    if not probe.flags & NO_CONTROL:
        with Bystander(ordinary_user) as one:
            control = arena.run_outside(control_scene, probe, {
                k: one.pid if k == "target" else control_scene.param(k) for k in probe.params})
    arena.judge(probe, report, control)


@pytest.mark.attack("E11")
def test_kill_the_supervisor(forbidding, place, ordinary_user, capsule):
    import secrets
    import test_kill
    mark = secrets.token_hex(8)
    scene = allow(arena.Scene(place / "inside", ordinary_user))
    proc = subprocess.Popen(
        [*WRAP, capsule, "run", "--policy", scene.policy, "--", "python3", "-c", test_kill.STAY,
         mark], cwd=scene.ws, env=harness.environment(ordinary_user), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, **harness.as_account(ordinary_user))
    try:
        assert proc.stdout.readline() == "up\n", proc.stderr.read()
        # unshare and sh have exec'd: the process that we started is the supervisor itself.
        assert open(f"/proc/{proc.pid}/comm").read() == "capsule\n"
        proc.kill()
        proc.wait()
        assert test_kill.gone(mark), test_kill.alive(mark)
    finally:
        for pid in test_kill.alive(mark):
            os.kill(pid, 9)
        proc.communicate()


@pytest.mark.attack("C3")
@pytest.mark.parametrize("rule", ["protect: ['${workspace}/keep']", "deny: ['${workspace}/private']"])
def test_what_cannot_be_had_is_refused(rule, forbidding, place, ordinary_user, capsule):
    """Landlock has no way to say "but not this": the run is refused, and says why."""
    scene = allow(arena.Scene(place / "inside", ordinary_user))
    scene.policy.write_text(f"version: 1\nextends: preset:agent\nfilesystem: {{{rule}}}\n")
    done = run_forbidden(capsule, scene, ["touch", "RAN"])
    assert done.returncode == 125 and not (scene.ws / "RAN").exists()
    assert "namespace" in done.stderr, done.stderr


@pytest.mark.attack("C1")
@pytest.mark.parametrize("require", ["", "require: []\n"], ids=["strict", "best-effort"])
def test_no_overlay_no_run(require, forbidding, place, ordinary_user, capsule):
    """What is to be kept aside never reaches the host instead, best effort or not."""
    scene = allow(arena.Scene(place / "inside", ordinary_user))
    scene.policy.write_text(f"version: 1\nextends: preset:agent\n{require}filesystem: {{overlay: true}}\n")
    done = run_forbidden(capsule, scene, ["touch", "RAN"])
    assert done.returncode == 125 and not (scene.ws / "RAN").exists()
    assert "overlay" in done.stderr or "mount-ns" in done.stderr, done.stderr


# All of them change modes, times, owners or attributes on the way.
TOOLS = {
    "cp": "mkdir -p d/e && echo a > d/e/f && cp -p d/e/f g && cp -rp d h && cp -a d i && cmp i/e/f g",
    "tar": "mkdir -p d/e && ln -s e d/l && tar cf t.tar d && mkdir y && tar xpf t.tar -C y && test -L y/d/l",
    "install": "echo a > f && install -m 755 f g && test -x g && sed -i s/a/b/ g && grep -q b g",
    "git": "git init -q g && cd g && echo a > f && git add f && git -c user.name=a -c user.email=a@b "
           "commit -qm a && git gc -q && git clone -q . ../h && cmp f ../h/f",
    "gcc": "echo 'int main(void) { return 0; }' > m.c && gcc -o m m.c && ./m && strip m && ./m",
    "python": "mkdir d && python3 -c 'import shutil; shutil.copytree(\"d\", \"e\")' && "
              "python3 -m venv --without-pip v && v/bin/python3 -c ''",
}


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_what_is_refused_breaks_no_tool(name, forbidding, place, ordinary_user, capsule):
    if name in ("git", "gcc") and not shutil.which(name):
        pytest.skip(f"no {name} here")
    scene = allow(arena.Scene(place / "inside", ordinary_user))
    done = run_forbidden(capsule, scene, ["sh", "-ec", TOOLS[name]])
    assert done.returncode == 0, done.stderr
    assert "not permitted" not in done.stderr and "not supported" not in done.stderr


def test_the_manifest_says_what_landlock_does_not_see(forbidding, place, ordinary_user, capsule):
    scene = allow(arena.Scene(place / "inside", ordinary_user))
    report = scene.place / "report.json"
    done = subprocess.run(
        [*WRAP, capsule, "run", "--policy", scene.policy, "--report", report, "--", "true"],
        cwd=scene.ws, env=harness.environment(ordinary_user), capture_output=True, text=True,
        timeout=30, **harness.as_account(ordinary_user))
    assert done.returncode == 0, done.stderr
    layers = {layer["name"]: layer for layer in json.loads(report.read_text())["layers"]}
    assert layers["mount-ns"]["state"] == "unavailable"
    assert "modes and times" in layers["landlock-fs"]["detail"]


def test_a_policy_cannot_allow_what_would_reach_other_files(forbidding, place, ordinary_user, capsule):
    scene = arena.Scene(place / "inside", ordinary_user)
    scene.policy.write_text("version: 1\nextends: preset:agent\nsyscalls: {allow: [chown]}\n")
    done = run_forbidden(capsule, scene, ["touch", "RAN"])
    assert done.returncode == 125 and not (scene.ws / "RAN").exists()
    assert ":3:20: 'chown' cannot be allowed without a mount namespace" in done.stderr
