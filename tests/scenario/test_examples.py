"""The policies in examples/: free of errors and warnings, and doing what their comments say."""

import os
import shutil

import pytest

import harness

EXAMPLES = sorted((harness.ROOT / "examples").glob("*.yaml"))


@pytest.fixture
def policy(place):
    """policy(name) -> a copy that every account can read."""

    def copy(name):
        path = place / name
        shutil.copy(harness.ROOT / "examples" / name, path)
        path.chmod(0o644)
        return path

    return copy


def put(workspace, who, name, text):
    (workspace / name).write_text(text)
    os.chown(workspace / name, who.uid, who.gid)


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("name", [e.name for e in EXAMPLES])
def test_policy_check_has_nothing_to_say(run_capsule, policy, name):
    done = run_capsule(["policy", "check", policy(name)])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "warning" not in done.stdout.lower()


@pytest.mark.both
def test_agent(run_capsule, policy, workspace, who):
    put(workspace, who, ".env", "KEY=1\n")
    put(workspace, who, "LICENSE", "mine\n")
    done = run_capsule(["run", "--quiet", "--policy", policy("agent.yaml"), "--", "sh", "-c",
                        "cat .env || echo no env; echo x >>LICENSE || echo kept; "
                        "echo $CI $MY_PROJECT_NAME $OTHER; echo x >new && cat new"],
                       env={"MY_PROJECT_NAME": "p", "OTHER": "o"})
    assert done.stdout.split("\n") == ["no env", "kept", "1 p", "x", ""], done.stderr
    assert (workspace / "LICENSE").read_text() == "mine\n"


@pytest.mark.both
def test_tools(run_capsule, policy, workspace, who):
    put(workspace, who, "b.txt", "2\n1\n")
    put(workspace, who, "w.py", "open('made', 'w').write('x'); print('script ran')")
    file = policy("tools.yaml")

    def tool(name, *argv):
        return run_capsule(["run", "--quiet", "--policy", file, "--tool", name, "--", *argv])

    done = tool("sort-file", "sort", "-o", "a.txt", "b.txt")
    assert done.returncode == 0, done.stderr
    assert (workspace / "a.txt").read_text() == "1\n2\n"
    done = tool("sort-file", "sort", "-o", "../a.txt", "b.txt")
    assert done.returncode == 125 and "sort-file" in done.stderr
    assert not (workspace.parent / "a.txt").exists()
    done = tool("script", "python3", "w.py", "and", "more")
    assert done.stdout == "script ran\n", done.stderr
    # git-log may only look: the same session without a write grant cannot even touch .git.
    done = run_capsule(["run", "--quiet", "--policy", file, "--", "sh", "-c",
                        "git init -q . && git -c user.name=A -c user.email=a@b commit -q --allow-empty -m c1"])
    assert done.returncode == 0, done.stderr
    done = tool("git-log", "git", "log", "--oneline", "-3")
    assert done.stdout.endswith(" c1\n"), done.stderr
    assert tool("git-log", "git", "log", "--oneline", "--output=x").returncode == 125
    assert tool("no-such", "true").returncode == 125


@pytest.mark.both
def test_ci(run_capsule, policy, workspace, who):
    put(workspace, who, "Makefile", "all:\n\t@gcc -o p p.c && ./p\n\t@test -e /etc/hosts || echo no hosts\n")
    put(workspace, who, "p.c", '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n')
    file = policy("ci.yaml")

    def ci(*argv, options=()):
        return run_capsule(["run", "--quiet", "--policy", file, *options, "--", *argv])

    done = ci("make", "-j2")
    if not who.is_root and done.returncode == 125:
        # No cgroup for this user, and the policy wants limits that only a cgroup keeps.
        assert "cgroup" in done.stderr
        done = ci("make", "-j2", options=["--best-effort"])
    assert done.stdout == "built\nno hosts\n", done.stderr
    done = ci("gcc", "--version", options=["--best-effort"])
    assert done.returncode == 125 and "Free Software" not in done.stdout


def test_rules(run_capsule, place):
    """The demonstration: its tests pass, and cover every rule."""
    folder = place / "rules"
    shutil.copytree(harness.ROOT / "examples/rules", folder)
    done = run_capsule(["rules", "test", "--coverage", "100", folder / "policy.test.yaml"])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "0 failed" in done.stdout
    done = run_capsule(["rules", "backtest", "--rules", folder / "policy.yaml", folder / "events.jsonl"])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "5 events" in done.stdout and "block by rule 'keys-stay-unread'" in done.stdout
