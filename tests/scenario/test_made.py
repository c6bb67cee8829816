"""Protected names that are not there yet: nobody makes them, and the log says who tried."""

import json
import os

import pytest

NESTED = """version: 1
extends: preset:agent
filesystem:
  protect: ["**/.git/hooks", "**/.git/config"]
"""


def last_record(log, kind):
    return [json.loads(line) for line in log.read_text().splitlines()
            if json.loads(line)["type"] == kind][-1]


@pytest.mark.both
def test_refused_by_name(run_capsule, workspace, who, place):
    log = place / f"home-{who.name}" / "made.log"
    (workspace / ".envrc").write_text("was here\n")
    done = run_capsule(["run", "--log", log, "--", "sh", "-c",
                        "mkdir .git; echo ../evil > .git/commondir; ln -s nowhere .mcp.json"])
    assert done.returncode != 0
    tried = [str(workspace / ".git/commondir"), str(workspace / ".mcp.json")]
    for path in tried:
        assert not os.path.lexists(path)
    denied = [record for record in map(json.loads, log.read_text().splitlines())
              if record["type"] == "event" and record["outcome"]["result"] == "denied"]
    assert [d["event"]["file"]["activity"]["path"] for d in denied] == tried
    assert all(d["decision"]["rule"].startswith("filesystem.protect[") for d in denied)
    assert "made_protected" not in last_record(log, "invocation.end")


@pytest.mark.both
def test_git_makes_its_own(run_capsule, workspace):
    """Repositories can be made and given remotes; what would run a program cannot get into them."""
    done = run_capsule(["run", "--", "sh", "-ec",
                        "git init -q; git remote add origin https://example.org/a.git; "
                        "git config user.name Somebody"])
    assert done.returncode == 0, done
    config = (workspace / ".git/config").read_text()
    assert "example.org" in config and "Somebody" in config
    # now it is there, and a session that starts finds it covered
    assert run_capsule(["run", "--", "git", "config", "user.name", "Other"]).returncode != 0
    script = ("git init -q sub; cd sub; for key in core.fsmonitor core.hooksPath alias.x "
              "filter.a.clean core.sshCommand include.path; do git config $key '!evil'; done; "
              "cp ../evil .git/hooks/pre-commit; cat .git/config")
    (workspace / "evil").write_text("#!/bin/sh\n")
    (workspace / "p.yaml").write_text(NESTED)
    done = run_capsule(["run", "--policy", "p.yaml", "--", "sh", "-c", script])
    assert "evil" not in done.stdout and "repositoryformatversion" in done.stdout, done
    assert not (workspace / "sub/.git/hooks/pre-commit").exists()


def test_silent_when_nothing_was_made(run_capsule, place, who):
    log = place / f"home-{who.name}" / "made.log"
    done = run_capsule(["run", "--log", log, "--", "true"])
    assert done.returncode == 0 and done.stderr == ""
    assert "made_protected" not in last_record(log, "invocation.end")
