"""filesystem.overlay and `capsule changes`: what is written waits, is looked at, carried over."""

import fcntl
import json
import os
import re
import stat
import subprocess
import time

import pytest

import harness

POLICY = "version: 1\nextends: preset:agent\nfilesystem:\n  overlay: true\n"


def owned(path, who):
    os.chown(path, who.uid, who.gid, follow_symlinks=False)
    return path


@pytest.fixture
def tree(workspace, who):
    """A workspace with something in it."""
    files = {"a.txt": "one\ntwo\nthree\n", "gone.txt": "bye\n", "d/x": "x\n", "d/e/y": "y y\n",
             "moved.txt": "moves\n", "mode.sh": "#!/bin/sh\n", "rewritten": "same\n"}
    for name, text in files.items():
        path = workspace / name
        for folder in reversed(path.relative_to(workspace).parents):
            if not (workspace / folder).exists():
                (workspace / folder).mkdir()
                owned(workspace / folder, who)
        path.write_text(text)
        owned(path, who)
    return workspace


def snapshot(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        st = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", stat.S_IMODE(st.st_mode))
        elif path.is_file():
            found[name] = ("file", stat.S_IMODE(st.st_mode), path.read_bytes())
        else:
            found[name] = ("other", stat.S_IFMT(st.st_mode))
    return found


@pytest.fixture
def overlaid(run_capsule, place, who):
    """overlaid(SCRIPT) -> the run, under a policy with an overlay"""
    policy = place / "overlay.yaml"

    def run(script, *args, policy_text=POLICY, **more):
        policy.write_text(policy_text)
        policy.chmod(0o644)
        return run_capsule(["run", "--policy", policy, *args, "--", "sh", "-c", script], **more)

    return run


@pytest.fixture
def changes(run_capsule):
    """changes("list", ...) -> the object it prints"""

    def call(*args, status=0, **more):
        done = run_capsule(["changes", *args, "--json"], **more)
        assert done.returncode == status, done
        return json.loads(done.stdout)

    return call


def kinds(told):
    return {(c["change"], os.path.basename(c["path"])) for c in told["changes"]}


WORK = """
set -e
echo four >> a.txt
rm gone.txt
mv moved.txt renamed.txt
chmod 755 mode.sh
rm -r d; mkdir d; echo new > d/new
mkdir -p deep/er; echo z > deep/er/z; ln -s z deep/er/link
cat rewritten > /tmp/r; cat /tmp/r > rewritten
cat a.txt d/new deep/er/link
"""


@pytest.mark.both
def test_nothing_reaches_the_host_until_applied(overlaid, changes, run_capsule, tree, who):
    before = snapshot(tree)
    done = overlaid(WORK)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "one\ntwo\nthree\nfour\nnew\nz\n", "inside it is as if it were written"
    assert snapshot(tree) == before
    lines = [line for line in done.stderr.splitlines() if "wait" in line]
    assert len(lines) == 1 and "capsule changes list" in lines[0]

    told = changes("list")
    assert kinds(told) == {
        ("changed", "a.txt"), ("deleted", "gone.txt"), ("renamed", "renamed.txt"),
        ("changed", "mode.sh"), ("deleted", "x"), ("deleted", "e"), ("deleted", "y"),
        ("created", "new"), ("created", "deep"), ("created", "er"), ("created", "z"),
        ("created", "link")}
    assert not any("rewritten" in c["path"] for c in told["changes"]), "the same bytes are no change"
    renamed = next(c for c in told["changes"] if c["change"] == "renamed")
    assert renamed["from"] == str(tree / "moved.txt")
    assert re.search(r"\b12 changes? wait", lines[0]) and told["held"] == 0

    done = run_capsule(["changes", "apply"])
    assert done.returncode == 0, done
    after = snapshot(tree)
    assert after["a.txt"] == ("file", 0o644, b"one\ntwo\nthree\nfour\n")
    assert after["mode.sh"][1] == 0o755
    assert after["renamed.txt"][2] == b"moves\n" and after["deep/er/link"] == ("link", "z")
    assert set(after) == {"a.txt", "mode.sh", "renamed.txt", "rewritten", "d", "d/new", "deep",
                          "deep/er", "deep/er/z", "deep/er/link"}
    for path in tree.rglob("*"):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (who.uid, who.gid)
    assert changes("list")["sessions"] == [], "the session's folder went with the last change"
    assert not list((who.home / ".local/state/capsule/changes").iterdir())


@pytest.mark.both
def test_a_second_session_sees_what_was_applied(overlaid, run_capsule, tree):
    assert overlaid("echo 1 > n").returncode == 0
    assert run_capsule(["changes", "apply"]).returncode == 0
    done = overlaid("cat n; echo 2 >> n")
    assert done.stdout == "1\n" and (tree / "n").read_text() == "1\n"
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "n").read_text() == "1\n2\n"


@pytest.mark.both
def test_no_changes_leave_nothing(overlaid, tree, who, changes):
    done = overlaid("cat a.txt > /tmp/x")
    assert (done.returncode, done.stderr) == (0, "")
    assert changes("list")["sessions"] == []
    assert not list((who.home / ".local/state/capsule/changes").iterdir())


@pytest.mark.both
def test_diff_can_be_applied_by_patch(overlaid, run_capsule, tree, place, who):
    text = "".join(f"line {i}\n" for i in range(400))
    (tree / "long").write_text(text)
    owned(tree / "long", who)
    done = overlaid("sed -i -e 10d -e '200s/$/ more/' -e '390i extra' long; printf end >> a.txt")
    assert done.returncode == 0, done.stderr
    diff = run_capsule(["changes", "diff"]).stdout
    assert "\\ No newline at end of file" in diff and diff.count("@@ -") == 4
    copy = place / "copy"
    copy.mkdir()
    for name in ("long", "a.txt"):
        (copy / name).write_bytes((tree / name).read_bytes())
    patched = subprocess.run(["patch", "-p1"], cwd=copy, input=diff, text=True, capture_output=True)
    assert patched.returncode == 0, patched
    assert run_capsule(["changes", "apply"]).returncode == 0
    for name in ("long", "a.txt"):
        assert (copy / name).read_bytes() == (tree / name).read_bytes()


@pytest.mark.both
def test_diff_names_and_binaries(overlaid, run_capsule, tree, changes):
    name = "odd\n\x1b[31mname"
    assert overlaid(f"printf 'a\\0b' > bin; printf x > \"$(printf 'odd\\n\\033[31mname')\"").returncode == 0
    done = run_capsule(["changes", "diff"])
    assert "\x1b" not in done.stdout and "Binary files differ" in done.stdout
    assert '"b/odd\\012\\033[31mname"' in done.stdout
    assert "\x1b" not in run_capsule(["changes", "list"]).stdout
    assert name in {os.path.basename(c["path"]) for c in changes("list")["changes"]}


@pytest.mark.both
def test_changed_on_the_host_meanwhile(overlaid, run_capsule, tree, changes):
    assert overlaid("echo mine >> a.txt; rm gone.txt; echo mine > fresh; rm -r d").returncode == 0
    time.sleep(0.02)
    for name in ("a.txt", "gone.txt", "fresh"):
        (tree / name).write_text("theirs\n")
    (tree / "d/later").write_text("theirs\n")
    told = changes("list")
    held = {os.path.basename(c["path"]) for c in told["changes"] if c.get("held") == "conflict"}
    assert held == {"a.txt", "gone.txt", "fresh", "later"}
    result = changes("apply", status=1)
    left = {os.path.basename(c["path"]) for c in result["changes"] if c["outcome"] == "left"}
    assert left == held | {"d"}, "a folder with something left in it stays"
    assert all((tree / n).read_text() == "theirs\n" for n in ("a.txt", "gone.txt", "fresh", "d/later"))
    assert not (tree / "d/x").exists()
    assert run_capsule(["changes", "apply", "--force"]).returncode == 0
    assert (tree / "a.txt").read_text().endswith("mine\n") and not (tree / "gone.txt").exists()
    assert (tree / "fresh").read_text() == "mine\n" and not (tree / "d").exists()


@pytest.mark.both
def test_removed_on_the_host_meanwhile(overlaid, changes, tree):
    assert overlaid("echo mine >> d/x").returncode == 0
    time.sleep(0.02)
    (tree / "d/x").unlink()
    assert [c["held"] for c in changes("list")["changes"]] == ["conflict"]
    changes("apply", status=1)
    assert not (tree / "d/x").exists()


@pytest.mark.both
def test_guarded_names_must_be_named(overlaid, run_capsule, changes, tree, who):
    policy = POLICY + "  protect: [{ path: '${workspace}/hooks', optional: true }]\n" \
        "  deny: ['**/*.pem']\n"
    (tree / "key.pem").write_text("secret\n")
    owned(tree / "key.pem", who)
    done = overlaid("cat key.pem; mkdir hooks && echo x > hooks/post; echo y > plain; rm key.pem",
                    policy_text=policy)
    assert "secret" not in done.stdout
    told = changes("list")
    # what the supervisor already refused inside is not there; what is there is held
    for c in told["changes"]:
        assert c["path"].endswith("/plain") or c.get("held") == "guarded", c
    assert not any("key.pem" in c["path"] for c in told["changes"])
    changes("apply", status=1 if told["held"] else 0)
    assert (tree / "plain").exists() and not (tree / "hooks").exists()


@pytest.mark.both
def test_only_and_also(overlaid, run_capsule, changes, tree, outside):
    assert overlaid(f"mkdir -p n/m; echo 1 > n/m/f; echo 2 > n/g; ln -s {outside} out; "
                    "ln -s ../up up; ln -s d/x in; echo 3 >> a.txt").returncode == 0
    told = changes("list")
    assert {os.path.basename(c["path"]) for c in told["changes"] if c.get("held") == "outward"} == \
        {"out", "up"}
    result = changes("apply", "--only", "n/m/f")
    assert result["applied"] == 3 and (tree / "n/m/f").exists() and not (tree / "n/g").exists()
    changes("apply", "--also", str(tree / "out"), status=1)
    assert os.readlink(tree / "out") == str(outside) and not os.path.lexists(tree / "up")
    assert os.readlink(tree / "in") == "d/x" and (tree / "a.txt").read_text().endswith("3\n")
    assert changes("apply", "--only", "up")["applied"] == 1
    assert os.readlink(tree / "up") == "../up"


@pytest.mark.both
def test_discard_and_several_sessions(overlaid, run_capsule, changes, tree):
    for i in range(3):
        assert overlaid(f"echo {i} > f{i}").returncode == 0
    sessions = changes("list")["sessions"]
    assert [s["created"] for s in sessions] == [1, 1, 1]
    done = run_capsule(["changes", "apply"])
    assert done.returncode == 2 and "say which" in done.stderr
    assert run_capsule(["changes", "apply", sessions[1]["session"][:10]]).returncode == 0
    assert (tree / "f1").exists() and not (tree / "f0").exists()
    assert run_capsule(["changes", "discard", sessions[0]["session"]]).returncode == 0
    assert run_capsule(["changes", "discard", "--all"]).returncode == 0
    assert changes("list")["sessions"] == []
    assert not (tree / "f0").exists() and not (tree / "f2").exists()
    assert run_capsule(["changes", "discard"]).returncode == 2
    assert run_capsule(["changes", "list", "0123"]).returncode == 2
    assert run_capsule(["changes"]).returncode == 2


@pytest.mark.both
def test_apply_killed(overlaid, start_capsule, run_capsule, tree, who):
    """Each file is the old one or the new one, at whatever moment; the next apply does the rest."""
    for i in range(60):
        (tree / f"f{i}").write_text("old\n")
        owned(tree / f"f{i}", who)
    assert overlaid("for f in f*; do head -c 2000000 /dev/zero | tr '\\0' n > $f; done").returncode == 0
    killed = 0
    for i in range(12):
        proc = start_capsule(["changes", "apply", "--keep"])
        time.sleep(0.004 * i)
        killed += proc.poll() is None
        proc.kill()
        proc.wait()
        sizes = {(tree / f"f{k}").stat().st_size for k in range(60)}
        assert sizes <= {4, 2000000}, sizes
    assert killed > 2, "it was never caught in the middle"
    # what was put there by a killed one is no conflict: it is the same
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert {(tree / f"f{k}").read_bytes() for k in range(60)} == {b"n" * 2000000}


@pytest.mark.both
def test_report_log_and_ledger(overlaid, run_capsule, tree, place, who):
    report = who.home / "report.json"
    done = overlaid("echo 1 > n", "--report", report)
    told = json.loads(report.read_text())
    assert told["changes"] == {"created": 1, "changed": 0, "deleted": 0, "renamed": 0, "held": 0}
    end = [json.loads(line) for line in open(told["log"]) if '"type":"invocation.end"' in line]
    assert end[0]["changes"]["created"] == 1
    assert run_capsule(["changes", "apply"]).returncode == 0
    ledger = (who.home / ".local/state/capsule/ledger").read_text()
    entry = [json.loads(line) for line in ledger.splitlines() if '"type":"changes.apply"' in line]
    assert entry[0]["session"] == told["session"] and (entry[0]["done"], entry[0]["left"]) == (1, 0)
    assert run_capsule(["ledger", "verify"]).returncode == 0
    assert run_capsule(["verify", told["log"]]).returncode == 0


@pytest.mark.both
def test_while_it_runs(overlaid, start_capsule, run_capsule, changes, tree, place):
    policy = place / "overlay.yaml"
    policy.write_text(POLICY)
    proc = start_capsule(["run", "--policy", policy, "--", "sh", "-c",
                          "echo 1 > n; echo up; read x; echo 2 > m"], stdin=subprocess.PIPE)
    assert proc.stdout.readline() == "up\n"
    assert changes("list")["running"] is True
    for verb in ("apply", "discard"):
        done = run_capsule(["changes", verb])
        assert done.returncode == 2 and "still running" in done.stderr, done
    proc.stdin.write("\n")
    proc.stdin.flush()
    assert proc.wait(20) == 0
    assert changes("list")["running"] is False
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "n").exists() and (tree / "m").exists()


@pytest.mark.both
def test_supervisor_killed(start_capsule, run_capsule, changes, tree, place):
    """What was written until then waits, and can be had."""
    policy = place / "overlay.yaml"
    policy.write_text(POLICY)
    proc = start_capsule(["run", "--policy", policy, "--", "sh", "-c",
                          "echo 1 > n; echo up; sleep 60"])
    assert proc.stdout.readline() == "up\n"
    proc.kill()
    proc.wait()
    for _ in range(100):
        told = changes("list")
        if not told["running"]:
            break
        time.sleep(0.05)
    assert kinds(told) == {("created", "n")} and not told["running"]
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "n").read_text() == "1\n"


@pytest.mark.both
def test_what_was_never_begun_is_swept(overlaid, tree, who):
    """A supervisor that was killed before its session had a name leaves a folder that nobody knows."""
    changes = who.home / ".local/state/capsule/changes"
    assert overlaid("echo 1 > n").returncode == 0
    (changes / ".new-dead00/0/upper/d").mkdir(parents=True)
    (changes / ".new-held00").mkdir()
    for path in [changes / ".new-held00", *(changes / ".new-dead00").rglob("*"), changes / ".new-dead00"]:
        owned(path, who)
    (changes / ".new-dead00/0/upper/d").chmod(0)
    held = os.open(changes / ".new-held00", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert overlaid("echo 2 > m").returncode == 0
    os.close(held)
    names = [p.name for p in changes.iterdir()]
    assert len(names) == 3 and ".new-held00" in names and ".new-dead00" not in names


@pytest.mark.both
def test_grants_inside_a_layer(overlaid, tree, changes):
    """A nearer grant with other rights is a part of the layer, not of the host."""
    policy = "version: 1\nextends: preset:readonly\nfilesystem:\n  overlay: true\n" \
        "  write: ['${workspace}', '${workspace}/d/x']\n  exec: ['${workspace}/d/e']\n"
    done = overlaid("cp /bin/true d/e/t && d/e/t && echo ran; cp /bin/true ./t; ./t || echo not; "
                    "echo more >> d/x; cat d/x", policy_text=policy)
    assert done.stdout == "ran\nnot\nx\nmore\n", done
    assert (tree / "d/x").read_text() == "x\n" and not (tree / "d/e/t").exists()
    assert {("created", "t"), ("changed", "x")} <= kinds(changes("list"))


@pytest.mark.both
@pytest.mark.parametrize("grant,said", [
    ("{outside}/file", "is a single file"), ("/", "cannot be laid over"),
    ("{place}", "state folder is inside it")])
def test_what_has_no_layer_is_refused(overlaid, tree, outside, place, who, grant, said):
    (outside / "file").write_text("x")
    owned(outside / "file", who)
    base = "name: all" if grant == "/" else "extends: preset:readonly"
    grant = grant.format(outside=outside, place=place)
    text = f"version: 1\n{base}\nfilesystem:\n  overlay: true\n  write: ['{grant}']\n"
    done = overlaid("echo RAN", policy_text=text)
    assert done.returncode == 125 and "RAN" not in done.stdout
    assert said in done.stderr and "overlay.yaml:5:11:" in done.stderr, done.stderr
    changes = who.home / ".local/state/capsule/changes"
    assert not changes.exists() or not list(changes.iterdir())


def test_a_mount_inside_is_refused(overlaid, tree, who):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    (tree / "sub dir").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", tree / "sub dir"], check=True)
    try:
        done = overlaid("echo RAN")
    finally:
        subprocess.run(["umount", tree / "sub dir"], check=True)
    assert done.returncode == 125 and "RAN" not in done.stdout
    assert f"mounted inside it, at '{tree}/sub dir'" in done.stderr


@pytest.mark.both
def test_mode_and_time_of_what_is_applied(overlaid, run_capsule, tree):
    assert overlaid("mkdir ro; echo 1 > ro/f; touch -d @1000000000 ro/f; chmod 400 ro/f; "
                    "chmod 555 ro; mkdir shut; echo 1 > shut/f; chmod 0 shut; "
                    "echo 1 > none; chmod 0 none").returncode == 0
    assert run_capsule(["changes", "apply"]).returncode == 0
    st = os.stat(tree / "ro/f")
    assert stat.S_IMODE(st.st_mode) == 0o400 and st.st_mtime == 1000000000
    assert stat.S_IMODE(os.stat(tree / "ro").st_mode) == 0o555
    assert stat.S_IMODE(os.stat(tree / "shut").st_mode) == 0
    assert stat.S_IMODE(os.stat(tree / "none").st_mode) == 0
    os.chmod(tree / "shut", 0o700)
    assert (tree / "shut/f").read_text() == "1\n"


@pytest.mark.both
def test_types_that_change(overlaid, run_capsule, tree):
    assert overlaid("rm a.txt; mkdir a.txt; echo 1 > a.txt/f; rm -r d; echo file > d; "
                    "rm mode.sh; ln -s rewritten mode.sh").returncode == 0
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "a.txt/f").read_text() == "1\n" and (tree / "d").read_text() == "file\n"
    assert os.readlink(tree / "mode.sh") == "rewritten"


@pytest.mark.both
def test_real_programs(overlaid, run_capsule, tree, changes):
    done = overlaid("git init -q r && cp a.txt r && cd r && git add a.txt && "
                    "git -c user.name=x -c user.email=x@y commit -qm first && git log --oneline | wc -l")
    if done.returncode and "not found" in done.stderr:
        pytest.skip("git is not installed")
    assert done.stdout.strip() == "1", done.stderr
    assert not (tree / "r").exists()
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "r/.git/HEAD").exists()


@pytest.mark.both
def test_hard_links(overlaid, run_capsule, tree, who):
    """One number for both names, or none at all: never two numbers, which git takes for an attack."""
    done = overlaid("echo 1 > new && ln new new2 && stat -c %i%h new new2 | uniq | wc -l; "
                    "ln a.txt b.txt && stat -c %i a.txt b.txt | uniq | wc -l; echo >> a.txt; cat a.txt")
    lines = done.stdout.splitlines()
    assert lines[0] == "1"
    assert lines[1] == "1" or "Invalid cross-device link" in done.stderr, done
    assert run_capsule(["changes", "apply"]).returncode == 0
    assert (tree / "new").read_text() == (tree / "new2").read_text() == "1\n"


@pytest.mark.both
def test_sparse_and_large(overlaid, run_capsule, tree):
    """A hole stays a hole: a file of 64 GiB takes no room."""
    done = overlaid("truncate -s 64G huge; printf end | dd of=huge bs=1 seek=1000000 conv=notrunc 2>&-; "
                    "truncate -s 8M plain")
    assert done.returncode == 0, done.stderr
    # reading 64 GiB of zeros for the digest is not what this is about
    assert run_capsule(["changes", "apply", "--only", "plain"]).returncode == 0
    st = os.stat(tree / "plain")
    assert st.st_size == 8 << 20 and st.st_blocks * 512 < 1 << 20
    diff = run_capsule(["changes", "diff", "--only", "huge"]).stdout
    assert "Too large to be shown" in diff
