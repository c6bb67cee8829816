"""capsule why, and what the records of denied calls say: what was tried, by whom, by which rule, what would help."""
import json
import os

import pytest

POLICY = """version: 1
extends: preset:agent
filesystem: { deny: ["**/*.pem"] }
rules:
  - { name: no-nobody, on: "file.*", action: block, when: "file.activity.name == 'nobody'", reason: "nobody is nobody" }
  - { name: slow, on: file.create, action: throttle, when: "file.activity.name.startsWith('t')", throttle: { rate: 1/h } }
  - { name: asked, on: file.create, action: ask, when: "file.activity.name == 'q'" }
"""
SCRIPT = "cat x.pem; echo > nobody; echo > t1; echo > t2; echo > q; true"


@pytest.fixture
def denied(run_capsule, workspace, outside, who):
    """The records of the four denials, in their order; the log's path."""
    (workspace / "x.pem").write_text("k")
    os.chown(workspace / "x.pem", who.uid, who.gid)
    policy, log = outside / "p.yaml", outside / "log"
    policy.write_text(POLICY)
    done = run_capsule(["run", "--policy", policy, "--log", log, "--no-prompt", "--", "sh", "-c", SCRIPT])
    assert done.returncode == 0, done
    assert f"capsule: 4 calls were denied: 'capsule why --last-denied {log}' says why\n" in done.stderr, done.stderr
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [r for r in records if r.get("outcome", {}).get("result") == "denied"], log


@pytest.mark.both
def test_records_say_why(denied, workspace):
    records, _ = denied
    denials = [r["denial"] for r in records]
    assert [d["rule"] for d in denials] == ["filesystem.deny[14]", "no-nobody", "slow", "asked"]
    assert [d["tried"] for d in denials] == ["open for reading", "create", "create", "create"]
    assert [d["object"] for d in denials] == [str(workspace / n) for n in ("x.pem", "nobody", "t2", "q")]
    assert [d["retry"] for d in denials] == [False, False, True, True]
    assert 0 < denials[2]["retry_after_ms"] <= 3600 * 1000 and "retry_after_ms" not in denials[3]
    for denial, line, words in zip(denials, (3, 5, 6, 7), ("take the entry of 'filesystem.deny'", "'priority' below 100",
                                                           "the rate is set", "capsule answer")):
        assert f"p.yaml:{line}:" in denial["where"] and denial["where"] in denial["fix"], denial
        assert words in denial["fix"] and denial["layer"] == "supervisor"
    assert denials[1]["reason"] == "nobody is nobody"


@pytest.mark.both
def test_why(denied, run_capsule, workspace):
    records, log = denied
    done = run_capsule(["why", log, str(records[0]["seq"])])
    assert done.returncode == 0 and done.stdout.startswith(f"denied: open for reading {workspace}/x.pem\n"), done
    assert "/cat (" in done.stdout and ", started by" in done.stdout
    assert "filesystem.deny[14]" in done.stdout and "does not help" in done.stdout
    done = run_capsule(["why", "--last-denied", log])
    assert done.stdout.startswith(f"denied: create {workspace}/q\n") and "capsule answer" in done.stdout
    told = json.loads(run_capsule(["why", "--json", "--last-denied", log]).stdout)
    assert told["record"] == records[-1] and told["processes"][0]["executable"].endswith("sh")


def test_why_of_what_was_allowed(denied, run_capsule):
    records, log = denied
    allowed = next(r for r in map(json.loads, log.read_text().splitlines())
                   if r["type"] == "event" and r["outcome"]["result"] == "done")
    done = run_capsule(["why", log, str(allowed["seq"])])
    assert done.returncode == 0 and done.stdout.startswith("done: ") and "fix" not in done.stdout


def test_the_end_of_a_run_says_so(run_capsule, workspace, outside):
    """One line, with words that work; none with --quiet, and none where nothing was denied."""
    policy = outside / "p.yaml"
    policy.write_text(POLICY)
    one = ["--policy", policy, "--no-prompt", "--", "sh", "-c", "echo > nobody; true"]
    done = run_capsule(["run", *one])
    line = next(x for x in done.stderr.splitlines() if "denied" in x and x.startswith("capsule: "))
    words = line.split("'")[1].split()
    assert line.startswith("capsule: 1 call was denied: ") and words[:3] == ["capsule", "why", "--last-denied"]
    assert run_capsule(words[1:]).stdout.startswith(f"denied: create {workspace}/nobody\n")
    assert "capsule: " not in run_capsule(["run", "--quiet", *one]).stderr
    assert "denied" not in run_capsule(["run", "--policy", policy, "--", "true"]).stderr


def test_what_there_is_nothing_to_say_of(run_capsule, workspace, outside):
    run_capsule(["run", "--log", outside / "log", "--", "true"])
    for args, words in ((["--last-denied"], "no denial is recorded"), (["0"], "is no event"), (["99999"], "no record 99999")):
        done = run_capsule(["why", *([args[0]] if args[0][0] == "-" else []), outside / "log",
                            *([] if args[0][0] == "-" else args)])
        assert done.returncode == 1 and words in done.stderr, done
    for args in ([], ["x"], ["a", "b", "1"], ["--last-denied", "a", "b"]):
        assert run_capsule(["why", *args]).returncode == 2


def test_hostile_names_do_not_act(run_capsule, workspace, outside, who):
    """A name with an escape sequence, a log with odd records: shown inert, or passed over."""
    policy, log = outside / "p.yaml", outside / "log"
    policy.write_text(POLICY)
    name = "\x1b[2J\u202e.pem"
    (workspace / name).write_text("k")
    os.chown(workspace / name, who.uid, who.gid)
    run_capsule(["run", "--policy", policy, "--log", log, "--no-prompt", "--", "sh", "-c", "cat *.pem; true"])
    done = run_capsule(["why", "--last-denied", log])
    assert done.returncode == 0 and "\\x1b[2J" in done.stdout and "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    lines = log.read_text().splitlines()
    odd = outside / "odd"
    odd.write_text("\n".join([*lines, "{", '{"seq":1}', "x" * 5000, ""]))
    assert run_capsule(["why", "--last-denied", odd]).returncode == 0
