"""Other names of a denied, protected or hidden file that were there before the session began."""

import os
import subprocess

import pytest

POLICY = """\
version: 1
extends: preset:agent
reload: false
audit: { record: invocations }
filesystem:
  deny: ['${workspace}/denied', '${workspace}/single']
  protect: ['${workspace}/kept']
  hide: ['${workspace}/hid']
"""
WAYS = {
    "read": "cat other-denied",
    "second": "cat sub/other-denied",
    "by link": "ln -s other-denied l; cat l",
    "linked again": "ln other-denied more; cat more",
    "moved": "mv other-denied more; cat more",
    "write": "echo x >> other-kept",
    "cut off": ": > other-kept",
    "mode": "chmod 777 other-kept",
    "mode by descriptor": "python3 -c 'import os; os.fchmod(os.open(\"other-kept\", os.O_RDONLY), 0o777)'",
    "times": "touch -d 2000-01-01 other-kept",
    "run": "sh other-denied",
    "hidden": "cat other-hid",
    "hidden, told of": "stat other-hid",
    "hidden, removed": "rm other-hid",
}


@pytest.fixture
def linked(workspace, who, place):
    (workspace / "sub").mkdir()
    for name in ("denied", "kept", "hid"):
        (workspace / name).write_text(f"secret {name}\n")
        (workspace / name).chmod(0o644)
        for other in (f"other-{name}", f"sub/other-{name}"):
            os.link(workspace / name, workspace / other)
    (workspace / "single").write_text("secret single\n")
    (workspace / "plain").write_text("plain\n")
    os.link(workspace / "plain", workspace / "other-plain")
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)
    policy = place / "policy.yaml"
    policy.write_text(POLICY)
    return policy


@pytest.mark.both
@pytest.mark.attack("B5")
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_other_names(way, hidden, linked, run_capsule, workspace):
    if not hidden:
        if way.startswith("hidden"):
            pytest.skip("nothing is hidden")
        linked.write_text(POLICY.replace("  hide: ['${workspace}/hid']\n", ""))
    before = os.stat(workspace / "kept")
    done = run_capsule(["run", "--policy", linked, "--", "sh", "-c", f"echo ran; {WAYS[way]}"])
    assert done.stdout == "ran\n" and done.returncode != 0, done
    assert (workspace / "kept").read_text() == "secret kept\n" and (workspace / "other-hid").exists()
    after = os.stat(workspace / "kept")
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)


@pytest.mark.both
def test_listed_and_what_stays(linked, run_capsule, workspace):
    script = "ls; ls sub; cat other-plain other-kept; echo y > plain; cat other-plain; cat single"
    done = run_capsule(["run", "--policy", linked, "--", "sh", "-c", script])
    assert done.stdout.split("\n") == ["denied", "kept", "other-denied", "other-kept", "other-plain", "plain", "single",
                                       "sub", "other-denied", "other-kept", "plain", "secret kept", "y", ""], done


@pytest.mark.both
def test_one_name_costs_nothing(linked, run_capsule, workspace):
    """A file that has no other name is the mount's to hold."""
    linked.write_text(POLICY.replace("  hide: ['${workspace}/hid']\n", "").replace("'${workspace}/denied', ", "")
                      .replace("/kept", "/single").replace("extends: preset:agent\n", "")
                      .replace("filesystem:\n", "filesystem:\n  write: ['${workspace}']\n  exec: [/usr]\n"))
    traps = run_capsule(["policy", "explain", "--traps", "--policy", linked]).stdout
    assert traps.startswith("0 of"), traps
