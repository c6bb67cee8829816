"""C14: nothing can be used up beyond its limit, and nothing is writable that nobody granted."""

import os
import subprocess
import time

import pytest

import arena
import harness
from arena import PROBES

LIMITS = """\
version: 1
name: limits
extends: preset:agent
limits:
  disk: 16MiB
  file_size: 8MiB
  pids: 40
  open_files: 64
"""


@pytest.fixture
def limited(place):
    path = place / "limits.yaml"
    path.write_text(LIMITS)
    return path


@pytest.mark.both
@pytest.mark.attack("C14")
@pytest.mark.parametrize("where", ["/tmp", "home", "/dev/shm"])
def test_disk(where, limited, attack, who):
    """Private file systems live in memory: without a limit they are a way to use that up."""
    where = str(who.home) if where == "home" else where
    arena.judge(PROBES["C14-disk"],
                attack(PROBES["C14-disk"], policy=limited, params={"dir": where, "mib": 17}), None)


@pytest.mark.both
@pytest.mark.attack("C14")
@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_inodes(where, limited, attack):
    """Empty files take memory too; at a kibibyte each, 16 MiB hold no more than these."""
    arena.judge(PROBES["C14-inodes"], attack(PROBES["C14-inodes"], policy=limited,
                                             params={"dir": where, "most": 40000}), None)


@pytest.mark.both
@pytest.mark.attack("C14")
@pytest.mark.parametrize("probe,params", [
    ("C14-file", {"dir": ".", "mib": 8}), ("C14-sparse", {"mib": 8}),
    ("C14-files", {"limit": 64}), ("C14-pids", {"limit": 40}), ("C14-raise-fsize", {"limited": 1}),
    ("C14-raise-files", {}),
], ids=lambda v: v if isinstance(v, str) else "")
def test_limit(probe, params, limited, attack, control_scene):
    control = None
    if PROBES[probe].flags & arena.NO_CONTROL == 0:
        control = arena.run_outside(control_scene, PROBES[probe], params)
    arena.judge(PROBES[probe], attack(PROBES[probe], policy=limited, params=params), control)


@pytest.mark.both
@pytest.mark.attack("C14")
def test_pids_by_default(attack, run_capsule):
    """The built-in policy has a limit of its own; the machine stays usable beside it."""
    probe = PROBES["C14-pids"]
    began = time.monotonic()
    report = attack(probe, params={"limit": 4096})
    arena.judge(probe, report, None)
    assert time.monotonic() - began < 20


@pytest.mark.both
@pytest.mark.attack("C14")
@pytest.mark.attack("E11")
def test_memory(place, attack, scene, run_capsule):
    """Memory pressure kills the session's process, not the run, nor anything outside."""
    policy = place / "memory.yaml"
    policy.write_text("version: 1\nname: m\nextends: preset:agent\nlimits:\n  memory: 64MiB\n")
    probe = PROBES["C14-memory"]
    done = run_capsule(["run", "--policy", policy, "--", scene.probe, probe.id, "mib=64"],
                       cwd=scene.ws)
    if done.returncode == 125:
        pytest.skip(f"no memory limit to be had here, and the run was refused: {done.stderr}")
    if done.returncode == 128 + 9:
        return  # the driver was the one that the kernel chose
    arena.judge(probe, arena.parse(done), None)


@pytest.mark.both
@pytest.mark.attack("C14")
@pytest.mark.attack("F4")
def test_output(place, run_capsule):
    policy = place / "output.yaml"
    policy.write_text("version: 1\nname: o\nextends: preset:agent\nlimits:\n  output: 1MiB\n")
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c",
                        "head -c 3000000 /dev/zero | tr '\\0' x; echo END"])
    assert len(done.stdout) <= (1 << 20) + 65536
    assert "x" in done.stdout and "END" not in done.stdout


@pytest.mark.both
@pytest.mark.attack("C14")
def test_wall_time(place, run_capsule):
    """Deaf to SIGTERM: SIGKILL follows."""
    policy = place / "time.yaml"
    policy.write_text("version: 1\nname: t\nextends: preset:agent\nlimits:\n  wall_time: 300ms\n")
    if run_capsule(["policy", "check", "--policy", policy]).returncode != 0:
        policy.write_text(policy.read_text().replace("300ms", "1s"))
    began = time.monotonic()
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c",
                        "trap '' TERM INT HUP; echo up; while :; do sleep 1; done"])
    assert done.stdout == "up\n", done.stderr
    assert 0.2 < time.monotonic() - began < 6
    assert done.returncode != 0


@pytest.mark.both
@pytest.mark.attack("C14")
def test_deep_tree(run_capsule, workspace, who):
    """
    A tree too deep for a path: it ends where no rule could be asked about a name any more, the next
    session starts all the same, and it can be removed.
    """
    script = ("import os\n"
              "try:\n"
              "    for i in range(400):\n"
              "        os.mkdir('d' * 200); os.chdir('d' * 200)\n"
              "except OSError as e:\n"
              "    print(e.errno, i >= 15)\n")
    assert run_capsule(["run", "--", "python3", "-c", script]).stdout == "36 True\n"
    done = run_capsule(["run", "--", "echo", "again"])
    assert (done.returncode, done.stdout) == (0, "again\n"), done.stderr
    subprocess.run(["rm", "-rf", workspace / ("d" * 200)], check=True)
    assert not os.listdir(workspace)
