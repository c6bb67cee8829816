"""C3, C4, C5, C6: what later runs unsandboxed - git's hooks and settings, agents' and editors'.

Under the built-in policy, in a real repository. What does not exist when a session starts can only
be refused by the supervisor; until that is in the product, those cases are marked as open here and
in docs/ATTACKS-COVERED.md, and fail this file when they begin to be stopped.
"""

import os
import subprocess

import pytest

import arena
import harness
from arena import PROBES

FILES = [".git/config", ".mcp.json", ".envrc"]
FOLDERS = [".git/hooks", ".claude", ".codex", ".gemini", ".cursor", ".vscode", ".idea", ".husky"]
ON_FILE = [p for p in PROBES.values() if p.params == ("protected",)]
ON_FOLDER = [p for p in PROBES.values() if p.params == ("pdir",)]
OPEN = "open until the supervisor: a name that is not there yet cannot be covered by a mount"
TOLD = "was made during the session"  # what cannot be prevented is at least said


@pytest.fixture
def repository(scene):
    """The scene's workspace as a git repository with every protected name in it."""
    ws = scene.ws
    git(ws, scene.account, "init", "-q")
    for name in FILES[1:]:
        (ws / name).write_text("kept\n")
    for name in FOLDERS:
        (ws / name).mkdir(exist_ok=True)
        (ws / name / "existing").write_text("kept\n")
    subprocess.run(["chown", "-R", f"{scene.account.uid}:{scene.account.gid}", ws], check=True)
    return ws


def git(cwd, account, *args, **more):
    return subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args], cwd=cwd, check=True,
        capture_output=True, text=True, env=harness.environment(account),
        **harness.as_account(account), **more)


def states(ws) -> dict:
    seen = {}
    for name in FILES:
        st = (ws / name).lstat()
        seen[name] = ((ws / name).read_text(), st.st_mode, st.st_ino, st.st_nlink)
    for name in FOLDERS:
        seen[name] = (sorted(os.listdir(ws / name)), (ws / name).lstat().st_ino,
                      (ws / name / "existing").read_text())
    return seen


def several(run_capsule, scene, probes, key, value):
    """Many attacks on one name in one session; every one of them is judged."""
    script = "".join(f"'{scene.probe}' {p.id} '{key}={value}'\n" for p in probes)
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    lines = [l for l in done.stdout.splitlines() if l.startswith('{"attempted"')]
    assert len(lines) == len(probes), f"not all were attempted: {done.stdout}{done.stderr}"
    for probe, line in zip(probes, lines):
        arena.judge(probe, arena.json.loads(line), None)


@pytest.mark.both
@pytest.mark.attack("C3")
@pytest.mark.attack("C5")
@pytest.mark.attack("C6")
@pytest.mark.parametrize("name", FILES)
def test_file(name, repository, scene, run_capsule):
    before = states(repository)
    several(run_capsule, scene, ON_FILE, "protected", scene.ws / name)
    assert states(repository) == before


@pytest.mark.both
@pytest.mark.attack("C3")
@pytest.mark.attack("C5")
@pytest.mark.attack("C6")
@pytest.mark.parametrize("name", FOLDERS)
def test_folder(name, repository, scene, run_capsule):
    before = states(repository)
    several(run_capsule, scene, ON_FOLDER, "pdir", scene.ws / name)
    assert states(repository) == before


@pytest.mark.both
@pytest.mark.attack("C4")
def test_rename_an_ancestor(repository, scene, run_capsule):
    """mv .git g; cp -r g .git: the copy would be unprotected and found by the next git."""
    before = states(repository)
    several(run_capsule, scene, [PROBES["C6-ancestor"], PROBES["C6-ancestor-exchange"]], "ancestor",
            scene.ws / ".git")
    script = ("mv .git g && echo MOVED; rm -rf .git; cp -r g .git 2>/dev/null;"
              "mkdir e; mv -T --exchange .git e 2>/dev/null; echo evil > .git/hooks/post-commit;"
              "echo '[core] fsmonitor = touch EVIL' >> .git/config; echo tried")
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    assert "tried" in done.stdout and "MOVED" not in done.stdout
    assert states(repository) == before


@pytest.mark.both
@pytest.mark.attack("C3")
def test_git_on_the_host_runs_nothing_of_the_sessions(repository, scene, run_capsule):
    """Every lever on the user's next `git status` and `git commit` that we know of."""
    script = r"""
        hook() { printf '#!/bin/sh\ntouch %s/EVIL\n' "$PWD" > "$1" && chmod +x "$1"; }
        for h in post-commit pre-commit post-checkout fsmonitor-watchman; do hook .git/hooks/$h; done
        git config core.fsmonitor "touch $PWD/EVIL"
        git config core.hooksPath evil
        git config filter.x.clean "touch $PWD/EVIL"
        git config include.path ../evil.config
        printf '[core]\n\tfsmonitor = touch %s/EVIL\n' "$PWD" > evil.config
        printf '[core]\n\tfsmonitor = touch %s/EVIL\n' "$PWD" > .git/config.worktree
        mkdir -p evil .git/info
        hook evil/post-commit
        echo '* filter=x' > .gitattributes
        echo '* filter=x' > .git/info/attributes
        echo tried
    """
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    assert "tried" in done.stdout, done.stderr
    (scene.ws / "new").write_text("x")
    git(scene.ws, scene.account, "status")
    git(scene.ws, scene.account, "add", "new", "evil.config")
    git(scene.ws, scene.account, "commit", "-qm", "x")
    assert not (scene.ws / "EVIL").exists(), "the user's own git ran the session's program"


@pytest.mark.both
@pytest.mark.attack("C4")
def test_commondir(repository, scene, run_capsule):
    """.git/commondir, when there is one, tells git to take hooks and config from elsewhere."""
    script = r"""
        mkdir -p evil/hooks evil/objects evil/refs
        printf '[core]\n\trepositoryformatversion = 0\n\tfsmonitor = touch %s/EVIL; false\n' "$PWD" > evil/config
        echo ../evil > .git/commondir
        echo tried
    """
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    assert "tried" in done.stdout, done.stderr
    env = harness.environment(scene.account)
    subprocess.run(["git", "status"], cwd=scene.ws, env=env, capture_output=True,
                   **harness.as_account(scene.account))
    assert not (scene.ws / ".git/commondir").exists() and TOLD not in done.stderr
    assert not (scene.ws / "EVIL").exists(), "the user's own git ran the session's program"


@pytest.mark.attack("C4")
def test_submodule(repository, scene, run_capsule):
    """A submodule's hooks and settings lie in .git/modules: their names are a glob."""
    modules = scene.ws / ".git/modules/sub/hooks"
    modules.mkdir(parents=True)
    run_capsule(["run", "--", "sh", "-c", "echo evil > .git/modules/sub/hooks/post-checkout"],
                cwd=scene.ws)
    assert (modules / "post-checkout").exists(), "stopped now: move it among the covered ones"
    pytest.skip("open until the supervisor: submodules' folders can only be named by a glob; until "
                "then a policy may protect each by its name")


LATER = {
    "C4": [
        ("a repository of its own", "git init -q nested && echo evil > nested/.git/hooks/post-commit",
         "nested/.git/hooks/post-commit"),
        ("the first repository here", "rm -rf .g; git init -q .g && mv .g/.git g2 && "
         "echo evil > g2/hooks/post-commit", "g2/hooks/post-commit"),
        ("a worktree's gitfile", "mkdir w && echo 'gitdir: ../evil' > w/.git", "w/.git"),
    ],
    "C5": [
        ("agent settings in a folder below", "mkdir -p sub/.claude && echo '{}' > sub/.claude/s.json",
         "sub/.claude/s.json"),
        ("settings that were not there", "echo '{}' > .windsurfrules", ".windsurfrules"),
        ("a Makefile", "echo 'all: ; evil' > Makefile", "Makefile"),
    ],
}


@pytest.mark.attack("C4")
@pytest.mark.attack("C5")
@pytest.mark.parametrize("attack_id,what,script,path", [
    pytest.param(a, *case, id=f"{a}-{case[0]}") for a in LATER for case in LATER[a]])
def test_made_later_is_open(attack_id, what, script, path, repository, scene, run_capsule):
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    assert (scene.ws / path).exists(), (
        f"{attack_id}, {what}: this is stopped now ({done.stderr}); move it among the covered ones")
    pytest.skip(f"{what}: {OPEN}")


@pytest.mark.attack("C5")
@pytest.mark.attack("C6")
@pytest.mark.parametrize("name", [".mcp.json", ".envrc", ".vscode", ".claude", ".git"])
def test_protected_name_made_later(name, scene, run_capsule):
    """Made, linked, moved there: what is protected is so before it exists."""
    script = (f"echo evil > later; mkdir -p d/hooks; echo evil > d/hooks/x; echo tried;"
              f"ln later {name}; ln -s later {name}; mv -T later {name}; mv -T d {name};"
              f"mv -T --exchange d {name}; echo evil > {name}; mkfifo {name}; true")
    done = run_capsule(["run", "--", "sh", "-c", script], cwd=scene.ws)
    made = scene.ws / name
    assert "tried" in done.stdout
    assert not os.path.lexists(made), done.stderr
    assert (scene.ws / "later").exists() and (scene.ws / "d").exists()


@pytest.mark.both
@pytest.mark.attack("C1")
@pytest.mark.attack("C6")
@pytest.mark.parametrize("name", [".envrc", ".mcp.json", ".vscode", ".claude", ".git", ".husky"])
@pytest.mark.parametrize("target", ["secret", "folder"])
def test_protected_name_is_a_symlink_to_outside(name, target, scene, run_capsule):
    """
    Somebody left a symlink under a protected name (a session cannot); the wall of the next one would
    mount what it points to, and so hand over what nobody granted.
    """
    to = scene.outside / "secret" if target == "secret" else scene.outside
    done = run_capsule(["run", "--", "ln", "-s", str(to), name], cwd=scene.ws)
    assert done.returncode != 0 and not (scene.ws / name).is_symlink(), done.stderr
    (scene.ws / name).symlink_to(to)
    if name == ".git":  # .git/hooks and .git/config are what is protected
        (scene.outside / "hooks").mkdir()
        (scene.outside / "config").write_text(arena.SECRET)
        scene.before = scene.state()
    look = (f"cat {name} {name}/secret {name}/config '{to}' '{scene.outside}/secret' 2>/dev/null;"
            f"ls -R {name}/ 2>/dev/null; echo x > {name}/new; echo looked")
    done = run_capsule(["run", "--", "sh", "-c", look], cwd=scene.ws)
    if done.returncode == 125:
        assert name in done.stderr, done.stderr  # refused, and says at which name
        return
    assert "looked" in done.stdout, done.stderr
    assert arena.SECRET not in done.stdout and "secret" not in done.stdout


@pytest.mark.both
@pytest.mark.attack("C1")
def test_workspace_is_a_symlink(scene, run_capsule, place):
    """The folder that the user names may be a symlink; what is granted is where it points."""
    (place / "alias").symlink_to(scene.ws)
    done = run_capsule(["run", "--workspace", place / "alias", "--", "sh", "-c",
                        f"cat '{scene.outside}/secret'; echo x > made; echo looked"], cwd=scene.ws)
    assert arena.SECRET not in done.stdout and arena.DENIED not in done.stdout
    assert (scene.ws / "made").exists() or done.returncode == 125, done.stderr


@pytest.mark.both
@pytest.mark.attack("X16")
@pytest.mark.parametrize("kind", ["protect", "deny"])
def test_replaced_on_the_host(kind, scene, start_capsule):
    """
    The kernel takes a mount away when its mount point is renamed over in another namespace. `git
    config` and most editors do that to the files that matter, while a session may be waiting.
    """
    name = "keep/deep/file" if kind == "protect" else "private.txt"
    action = f"echo evil >> {name}" if kind == "protect" else f"cat {name}"
    script = f"echo up; read go; {action} 2>/dev/null && echo SUCCEEDED; echo tried"
    proc = start_capsule(["run", "--policy", scene.policy, "--", "sh", "-c", script], cwd=scene.ws,
                         stdin=subprocess.PIPE)
    assert proc.stdout.readline() == "up\n", proc.stderr.read()
    new = scene.ws / "new"
    new.write_text(arena.SECRET)
    os.chown(new, scene.account.uid, scene.account.gid)
    new.rename(scene.ws / name)
    out, _ = proc.communicate("go\n", timeout=20)
    scene.before = scene.state()
    assert "tried" in out
    assert "SUCCEEDED" in out, "this is stopped now: move it among the covered ones"
    pytest.skip("open until the supervisor: the host replaced a covered file by renaming another "
                "over it, and the kernel took the cover away")
