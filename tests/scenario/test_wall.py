"""The wall on hosts of different kinds, and `capsule doctor`, which says what kind this one is.

Other kinds of host are made here: a user namespace in which no further one may be made, root
without CAP_SYS_ADMIN, a container (a session of our own: its filter refuses namespaces as a
container's does), mounts with flags that an ordinary user may not clear.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess

import pytest

import harness

LAYERS = ["user-ns", "mount-ns", "pid-ns", "net-ns", "ipc-ns", "uts-ns", "cgroup-ns", "root", "cgroup",
          "rlimits", "capabilities", "no-new-privs", "landlock-fs", "landlock-net",
          "landlock-scope", "seccomp", "fds"]


def doctor(done):
    assert done.returncode in (0, 1), done
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    assert [layer["name"] for layer in report["layers"]] == LAYERS
    assert [backend["name"] for backend in report["backends"]] == ["namespaces", "landlock"]
    for layer in report["layers"]:
        assert layer["works"] == (layer["errno"] == 0)
        assert layer["works"] or (layer["error"] and layer["advice"]), layer
    return ({layer["name"]: layer for layer in report["layers"]},
            {backend["name"]: backend for backend in report["backends"]})


def needs_namespaces(run_capsule):
    """Skip where the machine that runs the tests cannot make what the test takes away."""
    _, backends = doctor(run_capsule(["doctor", "--json"]))
    if not backends["namespaces"]["works"]:
        pytest.skip(f"no namespaces here: {backends['namespaces']['error']}")


def as_root():
    if os.geteuid() != 0:
        pytest.skip("only root can make such a host")


@pytest.mark.both
def test_doctor_agrees_with_what_a_session_gets(run_capsule, workspace, who):
    layers, backends = doctor(run_capsule(["doctor", "--json"]))
    ran = run_capsule(["run", "--", "true"])
    assert (ran.returncode == 0) == (backends["namespaces"]["works"] or
                                     backends["landlock"]["works"]), ran
    log = max(who.logs.glob("*.log"), key=lambda path: path.stat().st_mtime)
    genesis = json.loads(log.read_text().splitlines()[0])
    seen = {layer["name"]: layer["state"] for layer in genesis["layers"]}
    assert sorted(seen) == sorted(LAYERS)
    for name, state in seen.items():
        if state == "engaged":
            assert layers[name]["works"], name
        if state == "unavailable" and backends["namespaces"]["works"]:
            assert not layers[name]["works"], name


def test_doctor_for_people(run_capsule):
    done = run_capsule(["doctor"])
    for name in LAYERS:
        assert any(line[5:].startswith(name + " ") for line in done.stdout.splitlines()), name
    assert "a session with namespaces" in done.stdout
    assert done.returncode == (0 if "Sessions can be started" in done.stdout else 1)
    assert run_capsule(["doctor", "--help"]).returncode == 0
    assert run_capsule(["doctor", "--nonsense"]).returncode == 2
    assert run_capsule(["doctor", "extra"]).returncode == 2


def test_no_user_namespaces_left(capsule, ordinary_user, run_capsule, workspace):
    """An ordinary user where user namespaces are forbidden: the second back end takes over."""
    as_root()
    needs_namespaces(run_capsule)
    # A user namespace with the ordinary user's id in it and a limit of its own.
    script = ("echo 0 > /proc/sys/user/max_user_namespaces; "
              f"exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs -- {capsule} "
              "doctor --json")
    done = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", script],
                          capture_output=True, text=True, timeout=60, cwd="/",
                          env=harness.environment(ordinary_user),
                          **harness.as_account(ordinary_user))
    if "max_user_namespaces" in done.stderr:
        pytest.skip("this kernel has no such limit")
    layers, backends = doctor(done)
    assert not layers["user-ns"]["works"]
    assert "max_user_namespaces" in layers["user-ns"]["advice"]
    assert not backends["namespaces"]["works"]
    if layers["landlock-scope"]["works"]:
        assert backends["landlock"]["works"], backends["landlock"]
        states = backends["landlock"]["layers"]
        assert states["mount-ns"] == "unavailable" and states["landlock-fs"] == "engaged"


def test_root_without_sys_admin(capsule, run_capsule, workspace):
    """Root as containers have it: without CAP_SYS_ADMIN it goes the ordinary user's way."""
    as_root()
    needs_namespaces(run_capsule)
    done = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--", capsule, "doctor", "--json"],
                          capture_output=True, text=True, timeout=60)
    layers, backends = doctor(done)
    assert backends["namespaces"]["works"], backends["namespaces"]
    assert layers["user-ns"]["works"]


@pytest.mark.both
def test_inside_a_session_of_our_own(capsule, run_capsule, workspace, who):
    """A session as the host: clone3 answers ENOSYS, clone refuses namespaces, mounts are denied."""
    needs_namespaces(run_capsule)
    inner = workspace / "capsule"
    inner.write_bytes(pathlib.Path(capsule).read_bytes())
    inner.chmod(0o755)
    done = run_capsule(["run", "--", "./capsule", "doctor", "--json"])
    layers, backends = doctor(done)
    assert not backends["namespaces"]["works"]
    for name in ("user-ns", "mount-ns", "pid-ns", "net-ns"):
        assert layers[name]["errno"] == 1, layers[name]
    for name in ("seccomp", "fds", "rlimits", "no-new-privs"):
        assert layers[name]["works"], layers[name]
    # As root only a cgroup could limit the number of processes there, and there is none.
    if layers["landlock-scope"]["works"] and not who.is_root:
        assert backends["landlock"]["works"], backends["landlock"]


def test_locked_mount_flags(run_capsule, ordinary_user, workspace, place):
    """Flags that an ordinary user's namespace may not clear neither fail a start nor go away."""
    as_root()
    point = place / "mounted"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,nosuid,nodev,noexec,noatime", "none", point],
                   check=True)
    try:
        policy = place / "policy.yaml"
        policy.write_text("version: 1\nextends: preset:agent\nfilesystem:\n"
                          f"  write: [{point}]\n  exec: [{point}]\n")
        policy.chmod(0o644)
        done = run_capsule(["run", "--policy", policy, "--", "sh", "-c",
                            f"grep ' {point} ' /proc/self/mountinfo; touch {point}/x"],
                           user=ordinary_user)
    finally:
        subprocess.run(["umount", point], check=True)
    flags = done.stdout.split()[5].split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(flags), done
    assert "Read-only file system" in done.stderr


@pytest.mark.both
def test_mounts_below_a_grant_come_along_restricted(run_capsule, workspace, place, who):
    """A mount of the host's below something granted is as read-only and nosuid as the grant."""
    as_root()
    granted = place / "granted"
    below = granted / "below"
    below.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=777", "none", below], check=True)
    try:
        (below / "file").write_text("from below\n")
        policy = place / "policy.yaml"
        policy.write_text("version: 1\nextends: preset:agent\nfilesystem:\n"
                          f"  read: [{granted}]\n")
        policy.chmod(0o644)
        done = run_capsule(["run", "--policy", policy, "--", "sh", "-c",
                            f"cat {below}/file; touch {below}/x; "
                            f"grep ' {below} ' /proc/self/mountinfo"])
    finally:
        subprocess.run(["umount", below], check=True)
    assert done.stdout.startswith("from below\n"), done
    flags = done.stdout.splitlines()[1].split()[5].split(",")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(flags), done
    assert "Read-only file system" in done.stderr


@pytest.mark.both
def test_many_sessions_at_once(run_capsule, workspace, who):
    """Sessions in one workspace do not see each other, and leave neither mounts nor stubs."""
    (workspace / ".git/hooks").mkdir(parents=True)
    for path in (workspace / ".git", workspace / ".git/hooks"):
        os.chown(path, who.uid, who.gid)
    before = pathlib.Path("/proc/self/mountinfo").read_text()

    def one(i):
        return run_capsule(["run", "--", "sh", "-c",
                            f"echo {i} > /tmp/mine; sleep 0.2; cat /tmp/mine; ls /proc | "
                            "grep -c '^[0-9]'; touch .git/hooks/evil 2>/dev/null && echo EVIL"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(16)))
    for i, done in enumerate(results):
        lines = done.stdout.split()
        assert lines[0] == str(i), done
        assert int(lines[1]) <= 5 and "EVIL" not in lines, done
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before
    assert sorted(p.name for p in workspace.iterdir()) == [".git"]
    assert list((workspace / ".git/hooks").iterdir()) == []


def test_many_grants(run_capsule, workspace, place):
    """Each grant takes a descriptor while the root is built; the soft limit must not matter."""
    folder = place / "many"
    folder.mkdir()
    lines = []
    for i in range(600):
        (folder / f"f{i}").write_text(f"{i}\n")
        lines.append(f"    - {folder}/f{i}\n")
    policy = place / "policy.yaml"
    policy.write_text("version: 1\nextends: preset:agent\nfilesystem:\n  read:\n" + "".join(lines))
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c",
                        f"ulimit -n; cat {folder}/f599; ls {folder} | wc -l"], timeout=60)
    assert done.returncode == 0, done
    assert done.stdout.split()[1:] == ["599", "600"], done
