"""process.activity.digest: a rule pins what a program holds, whatever it is called and however it is changed."""

import json
import os
import shutil
import subprocess

import pytest

import harness

RULE = """\
version: 1
extends: preset:agent
rules:
  - {{ name: pinned, on: process.exec, action: block, reason: "not the tool that was reviewed",
      when: "process.activity.executable.startsWith('{ws}/tool') && process.activity.digest != '{digest}'" }}
"""


@pytest.fixture
def tool(workspace, who, place, run_capsule):
    """`tool` is true, `evil` is false, of the same length; the rule wants what `tool` holds."""
    for name, source in {"tool": "/bin/true", "good": "/bin/true", "evil": "/bin/false"}.items():
        shutil.copy(source, workspace / name)
    size = max((workspace / name).stat().st_size for name in ("tool", "evil"))
    for name in ("tool", "good", "evil"):
        os.truncate(workspace / name, size)
        (workspace / name).chmod(0o755)
    for name, interpreter in {"tool.sh": "/bin/sh"}.items():
        (workspace / name).write_text(f"#!{interpreter}\nexit 0\n")
        (workspace / name).chmod(0o755)
    subprocess.run(["chown", "-hR", f"{who.uid}:{who.gid}", str(workspace)], check=True)

    def policy(program):
        path = place / "policy.yaml"
        path.write_text(RULE.format(ws=workspace, digest="0" * 64))
        run_capsule(["run", "--policy", path, "--", f"./{program}"])
        digest = denied(who)[-1]["event"]["process"]["activity"]["digest"]
        path.write_text(RULE.format(ws=workspace, digest=digest))
        return path

    return policy


def denied(who):
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    return [r for r in map(json.loads, log.read_text().splitlines())
            if r["type"] == "event" and r["outcome"]["result"] == "denied"]


# exit status 0 or 1: it ran, and was the good one or the other; 126: it was refused
CHANGES = {
    "none": ("./tool", 0),
    "copied over": ("cp evil tool; ./tool", 126),
    "moved over": ("mv evil tool; ./tool", 126),
    "one byte": ("printf x >> tool; ./tool", 126),
    "and back": ("cp evil tool; cp good tool; ./tool", 0),
    "times put back": ("touch -r tool t; cp evil tool; touch -r t tool; ./tool", 126),
    "link": ("cp evil tool2; ln -s tool2 l; ./l", 126),
    "interpreter": ("cp evil tool2; printf '#!%s/tool2\\n' $PWD > s; chmod +x s; ./s", 126),
    "mapped": ("""python3 -c "
import mmap
f = open('tool', 'r+b'); m = mmap.mmap(f.fileno(), 0); f.close()
m[:] = open('evil', 'rb').read(); m.close()
"; ./tool""", 126),
}


@pytest.mark.both
@pytest.mark.attack("A17")
@pytest.mark.attack("B3")
@pytest.mark.parametrize("change", CHANGES)
def test_pinned(change, tool, run_capsule, who):
    script, status = CHANGES[change]
    done = run_capsule(["run", "--policy", tool("tool"), "--", "sh", "-c", f"./tool || exit 99; {script}"])
    assert done.returncode == status, done
    assert ("pinned" in {r["decision"].get("rule") for r in denied(who)}) == (status == 126)


@pytest.mark.both
def test_the_digest_is_blake3(tool, run_capsule, who, workspace):
    """Known answers, and only where a rule asks."""
    empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    (workspace / "tool.sh").write_text("")
    assert empty in tool("tool.sh").read_text()
    run_capsule(["run", "--", "true"])
    log = max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)
    assert '"process.exec"' in log.read_text() and '"digest":"' not in "".join(
        line for line in log.read_text().splitlines() if '"process.exec"' in line)


@pytest.mark.both
def test_scripts_are_pinned(tool, run_capsule):
    policy = tool("tool.sh")
    assert run_capsule(["run", "--policy", policy, "--", "sh", "-c", "./tool.sh"]).returncode == 0
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c", "echo 'exit 1' > tool.sh; ./tool.sh"])
    assert done.returncode != 1 and done.returncode != 0, done
    changed = "printf '#!/bin/sh\\nexit 1\\n' > tool.sh; ./tool.sh"
    assert run_capsule(["run", "--policy", policy, "--", "sh", "-c", changed]).returncode == 126


@pytest.mark.both
def test_what_cannot_be_told_is_refused(tool, run_capsule, who, workspace):
    policy = tool("tool")
    script = "truncate -s 257M big; chmod +x big; ./big; echo $?; cp good x; chmod 111 x; ./x; echo $?"
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c", script])
    assert done.stdout.split()[0] == "126", done
    assert "larger than 256 MiB" in denied(who)[0]["decision"]["reason"]
    # nobody reads that, not even on its user's behalf
    assert done.stdout.split()[1] == "126" and "cannot be read" in denied(who)[1]["decision"]["reason"], done


RACE = """
import json, os, subprocess, sys, time
way, seconds = sys.argv[1], float(sys.argv[2])
good, evil = open('good', 'rb').read(), open('evil', 'rb').read()
pid = os.fork()
if pid == 0:
    os.rename('tool', 'a'); os.link('a', 'tool')
    open('b', 'wb').write(evil); os.chmod('b', 0o755)
    while True:
        if way == 'rename':
            os.link('b', 't'); os.rename('t', 'tool'); os.link('a', 't'); os.rename('t', 'tool')
        else:
            try:
                fd = os.open('tool', os.O_WRONLY)
            except OSError:
                continue
            os.pwrite(fd, evil, 0); os.close(fd)
            try:
                fd = os.open('tool', os.O_WRONLY)
            except OSError:
                continue
            os.pwrite(fd, good, 0); os.close(fd)
count = {'good': 0, 'refused': 0, 'won': 0}
end = time.monotonic() + seconds
while time.monotonic() < end:
    try:
        r = subprocess.call(['./tool'])
    except OSError:
        r = -1
    count['good' if r == 0 else 'won' if r == 1 else 'refused'] += 1
os.kill(pid, 9)
print(json.dumps(count))
"""


@pytest.mark.both
@pytest.mark.attack("B3")
@pytest.mark.parametrize("way", ["rename", "write"])
def test_races(way, tool, run_capsule, who, workspace, place):
    policy = tool("tool")
    free = place / "free.yaml"
    free.write_text("version: 1\nextends: preset:agent\n")

    def race(policy, seconds):
        done = run_capsule(["run", "--policy", policy, "--", "python3", "-c", RACE, way, seconds],
                           timeout=seconds + 60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert race(free, 2)["won"] > 0
    for name in ("a", "b", "t"):
        (workspace / name).unlink(missing_ok=True)
    (workspace / "tool").unlink()
    shutil.copy(workspace / "good", workspace / "tool")
    os.chown(workspace / "tool", who.uid, who.gid)
    got = race(policy, 20 if harness.LONG else 5 if who.is_root else 2)
    print(way, got)
    assert got["won"] == 0 and got["good"] > 0 and got["refused"] > 0, got
