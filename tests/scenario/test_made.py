"""Protected names that a session makes: they cannot be prevented, so they are told by name."""

import json

import pytest


def last_record(log, kind):
    return [json.loads(line) for line in log.read_text().splitlines()
            if json.loads(line)["type"] == kind][-1]


@pytest.mark.both
def test_told_by_name(run_capsule, workspace, who, place):
    log = place / f"home-{who.name}" / "made.log"
    (workspace / ".envrc").write_text("was here\n")
    done = run_capsule(["run", "--log", log, "--", "sh", "-c",
                        "mkdir .git; echo ../evil > .git/commondir; ln -s nowhere .mcp.json"])
    assert done.returncode == 0, done.stderr
    made = [str(workspace / ".git/commondir"), str(workspace / ".mcp.json")]
    for path in made:
        assert f"'{path}' was made during the session" in done.stderr
    assert ".envrc" not in done.stderr, "what was there before is protected, not made"
    assert last_record(log, "invocation.end")["made_protected"] == made


def test_silent_when_nothing_was_made(run_capsule, place, who):
    log = place / f"home-{who.name}" / "made.log"
    done = run_capsule(["run", "--log", log, "--", "true"])
    assert done.returncode == 0 and done.stderr == ""
    assert "made_protected" not in last_record(log, "invocation.end")
