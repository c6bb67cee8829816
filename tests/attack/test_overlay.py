"""C1, C3, C14: what a session leaves in its layer, against `capsule changes` on the host."""

import ctypes
import json
import os
import stat
import threading
import time

import pytest

POLICY = "version: 1\nextends: preset:agent\nfilesystem:\n  overlay: true\n"
SECRET = "the-secret-of-outside\n"


@pytest.fixture
def overlaid(run_capsule, place):
    policy = place / "overlay.yaml"

    def run(script, **more):
        policy.write_text(POLICY)
        policy.chmod(0o644)
        done = run_capsule(["run", "--policy", policy, "--", "sh", "-c", script], **more)
        assert "RAN" in done.stdout, done
        return done

    return run


@pytest.fixture
def victim(outside, who):
    """A file beside the workspace that nothing may reach."""
    path = outside / "victim"
    path.write_text(SECRET)
    os.chown(path, who.uid, who.gid)
    yield path
    assert path.read_text() == SECRET and sorted(os.listdir(outside)) == ["victim"]


def upper(who):
    found = list((who.home / ".local/state/capsule/changes").glob("*/0/upper"))
    assert len(found) == 1
    return found[0]


def told(done):
    return {os.path.basename(c["path"]): c for c in json.loads(done.stdout)["changes"]}


@pytest.mark.both
@pytest.mark.attack("C1")
def test_links_are_not_followed(overlaid, run_capsule, workspace, victim, outside):
    """Links in the layer: to read a secret into the diff, to write through on the host."""
    overlaid(f"ln -s {victim} leak; ln -s {outside} dir; ln -s ../outside/victim up; "
             f"ln -s /proc/self/environ env; echo RAN")
    diff = run_capsule(["changes", "diff"])
    assert SECRET.strip() not in diff.stdout and "HOME=" not in diff.stdout
    assert str(victim) in diff.stdout, "the link itself is shown"
    done = run_capsule(["changes", "apply", "--json"])
    assert done.returncode == 1
    assert all(c["outcome"] == "left" for c in told(done).values())
    assert os.listdir(workspace) == []


@pytest.mark.both
@pytest.mark.attack("C1")
@pytest.mark.parametrize("where", ["folder", "file", "above"])
def test_link_on_the_host_in_the_way(where, overlaid, run_capsule, workspace, victim, outside, who):
    """Another session puts a link where ours is to be carried over."""
    (workspace / "d").mkdir()
    os.chown(workspace / "d", who.uid, who.gid)
    overlaid("mkdir -p d/e; echo evil > d/e/victim; echo evil > d/victim; echo RAN")
    if where == "folder":
        (workspace / "d").rename(workspace / "old")
        (workspace / "d").symlink_to(outside)
    elif where == "above":
        (workspace / "d/e").symlink_to(outside)
    else:
        (workspace / "d/victim").symlink_to(victim)
    for force in ([], ["--force"]):
        run_capsule(["changes", "apply", "--keep", *force])
    assert victim.read_text() == SECRET
    if where == "file":
        assert not (workspace / "d/victim").is_symlink(), "forced: the link is replaced, not followed"


@pytest.mark.both
@pytest.mark.attack("C1")
def test_workspace_becomes_a_link(overlaid, run_capsule, workspace, victim, outside, place):
    overlaid("echo evil > victim; echo RAN")
    workspace.rename(place / "away")
    workspace.symlink_to(outside)
    done = run_capsule(["changes", "apply", "--force"], cwd=place)
    workspace.unlink()
    (place / "away").rename(workspace)
    assert done.returncode != 0 and victim.read_text() == SECRET


@pytest.mark.attack("C1")
@pytest.mark.both
def test_race_for_the_folder(overlaid, run_capsule, workspace, victim, outside, who):
    """A folder and a link trade places while changes are carried over into it."""
    d = workspace / "d"
    d.mkdir()
    os.chown(d, who.uid, who.gid)
    overlaid("for i in $(seq 300); do echo evil > d/f$i; done; echo evil > d/victim; echo RAN")
    (workspace / "link").symlink_to(outside)
    stop = threading.Event()
    swaps = [0]

    libc = ctypes.CDLL(None, use_errno=True)

    def swap():
        names = os.fsencode(d), os.fsencode(workspace / "link")
        while not stop.is_set():
            assert libc.renameat2(-100, names[0], -100, names[1], 2) == 0, ctypes.get_errno()
            swaps[0] += 1

    thread = threading.Thread(target=swap)
    thread.start()
    end = time.monotonic() + 3
    try:
        while time.monotonic() < end:
            run_capsule(["changes", "apply", "--force", "--keep"])
    finally:
        stop.set()
        thread.join()
    assert swaps[0] > 100, "the race was not run"
    assert victim.read_text() == SECRET and os.listdir(outside) == ["victim"]


@pytest.mark.both
@pytest.mark.attack("C1")
def test_what_is_no_file(overlaid, run_capsule, workspace, victim, who):
    """FIFOs and sockets block nobody; what a session cannot make is put there by us."""
    overlaid("mkfifo fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")' "
             "|| true; echo 1 > suid; chmod 6755 suid; echo RAN")
    if os.geteuid() == 0:
        os.mknod(upper(who) / "disk", stat.S_IFBLK | 0o666, os.makedev(7, 0))
        os.mknod(upper(who) / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    diff = run_capsule(["changes", "diff"], timeout=20)
    assert diff.returncode == 0
    done = run_capsule(["changes", "apply", "--force", "--json"], timeout=20)
    result = told(done)
    assert done.returncode == 1 and os.listdir(workspace) == ["suid"]
    assert stat.S_IMODE((workspace / "suid").stat().st_mode) == 0o755
    assert result["fifo"]["held"] == "special" and result["suid"]["set_id"]
    assert {"fifo"} | ({"disk", "null"} if os.geteuid() == 0 else set()) <= set(result)
    # naming them does not help
    run_capsule(["changes", "apply", "--only", "fifo", "--also", str(workspace / "fifo")])
    assert not (workspace / "fifo").exists()
    assert run_capsule(["changes", "discard"]).returncode == 0


@pytest.mark.both
@pytest.mark.attack("C1")
def test_marks_of_the_layer_cannot_be_made(overlaid, run_capsule, workspace, who):
    """A forged whiteout or opaque mark would make `apply` remove what the session never touched."""
    (workspace / "keep").mkdir()
    os.chown(workspace / "keep", who.uid, who.gid)
    (workspace / "keep/precious").write_text("x")
    done = overlaid("""python3 - <<'P'
import os
os.mkdir('n')
open('keep/new', 'w').close()
for name in ('user.overlay.opaque', 'user.overlay.whiteout', 'trusted.overlay.opaque'):
    for path in ('keep', 'n', 'keep/new'):
        try:
            os.setxattr(path, name, b'y')
        except OSError as error:
            print(error.errno)
try:
    os.mknod('keep/precious2', 0o020000, os.makedev(0, 0))
    print('WHITEOUT')
except OSError as error:
    print(error.errno)
P
echo RAN""")
    assert "WHITEOUT" not in done.stdout
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (workspace / "keep/precious").read_text() == "x"
    assert not (workspace / "keep/precious2").exists()


@pytest.mark.both
@pytest.mark.attack("C3")
def test_no_program_runs_on_the_layer(overlaid, run_capsule, workspace, who, place):
    """git's settings, attributes and hooks in the layer: nothing of ours runs a program."""
    proof = place / "proof"
    overlaid(f"""git init -q r 2>/dev/null || mkdir -p r/.git; cd r
cat > .git/config <<'X'
[core]
    fsmonitor = "touch {proof}"
    pager = "touch {proof}"
[diff "x"]
    textconv = touch {proof}
X
echo '* diff=x' > .gitattributes
printf '#!/bin/sh\\ntouch {proof}\\n' > diff; cp diff git; cp diff patch; chmod 755 diff git patch
echo RAN""")
    env = {"PATH": f"{workspace}/r:{upper(who)}/r:/usr/bin:/bin", "PAGER": f"touch {proof}"}
    for verb in ("list", "diff", "apply", "list"):
        run_capsule(["changes", verb], env=env)
    assert not proof.exists()


@pytest.mark.both
@pytest.mark.attack("C14")
def test_depth_and_names(overlaid, run_capsule, workspace, who):
    """Deeper than we go, and any byte in a name: told, and removed."""
    overlaid("""python3 - <<'P'
import os
for i in range(1500):
    os.mkdir('d')
    os.chdir('d')
open('bottom', 'w').close()
P
for i in 1 27 155 254 255; do printf x > "$(printf "n\\\\$(printf %03o $i)")"; done; echo RAN""")
    done = run_capsule(["changes", "list", "--json"])
    assert done.returncode == 0, done.stderr
    assert len([c for c in json.loads(done.stdout)["changes"] if c["type"] == "file"]) == 5
    deep = [c for c in json.loads(done.stdout)["changes"] if c.get("held") == "deep"]
    assert len(deep) == 1
    assert run_capsule(["changes", "apply"]).returncode == 1
    assert run_capsule(["changes", "discard"]).returncode == 0
    assert not list((who.home / ".local/state/capsule/changes").iterdir())


@pytest.mark.both
@pytest.mark.attack("C14")
def test_many_files(overlaid, run_capsule, workspace):
    """A hundred thousand: told in bounded memory."""
    overlaid("""python3 - <<'P'
for i in range(100000):
    open(f'f{i}', 'w').close()
P
echo RAN""", timeout=120)
    done = run_capsule(["changes", "list", "--json"], timeout=60)
    assert json.loads(done.stdout)["created"] == 100000
    assert run_capsule(["changes", "discard"], timeout=60).returncode == 0


@pytest.mark.both
@pytest.mark.attack("C1")
def test_the_layer_is_out_of_reach(overlaid, run_capsule, workspace, who):
    """Neither the layer nor the host's folder below it has a name inside."""
    state = who.home / ".local/state"
    done = overlaid(f"ls -la {state}/capsule 2>&1; find / -name upper -path '*changes*' 2>/dev/null; "
                    f"grep ' / / \\| overlay ' /proc/self/mountinfo; echo 1 > f; echo RAN")
    assert str(state) not in done.stdout.split("ls:")[-1].split("\n", 1)[-1]
    assert not (workspace / "f").exists()
