"""capsule syscalls: what people are told about the filter, and that a session meets just that."""

import json

import pytest


def lines(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("arch, read", [("x86-64", 0), ("aarch64", 63)])
def test_list_as_json(run_capsule, arch, read):
    calls = {c["name"]: c for c in lines(run_capsule(["syscalls", "--json", "--arch", arch]))}
    assert len(calls) > 300
    assert calls["read"] == {"name": "read", "arch": arch, "number": read, "verdict": "allowed",
                             "text": calls["read"]["text"]}
    assert calls["mount"]["verdict"] == "refused"
    assert calls["clone3"]["text"].startswith("ENOSYS; ")
    assert calls["socket"]["verdict"] == "conditional"
    assert ("open" in calls) == (arch == "x86-64")


def test_rules_are_shown_with_their_place(run_capsule, workspace):
    policy = workspace / "p.yaml"
    policy.write_text("version: 1\nextends: preset:agent\nsyscalls:\n  deny:\n"
                      "    - {name: mprotect, when: [arg2 & PROT_EXEC], errno: EACCES}\n")
    policy.chmod(0o644)
    [call] = lines(run_capsule(["syscalls", "--json", "--policy", policy, "mprotect"]))
    assert call["verdict"] == "conditional"
    assert "p.yaml:5:" in call["text"] and "arg2 & 0x4 == 0x4 EACCES" in call["text"]


def test_a_rule_that_nobody_may_have(run_capsule, workspace):
    policy = workspace / "p.yaml"
    policy.write_text("version: 1\nextends: preset:agent\nsyscalls:\n  allow: [io_uring_setup]\n")
    policy.chmod(0o644)
    done = run_capsule(["syscalls", "--policy", policy])
    assert done.returncode == 2
    assert "p.yaml:4:" in done.stderr and "io_uring_setup" in done.stderr


@pytest.mark.parametrize("args, words", [
    (["mont"], "did you mean 'mount'?"),
    (["--arch", "vax"], "no machine 'vax'"),
    (["--preset", "lax"], "no preset 'lax'"),
    (["--only", "maybe"], "usage:"),
])
def test_mistakes(run_capsule, args, words):
    done = run_capsule(["syscalls", *args])
    assert done.returncode == 2
    assert words in done.stderr
