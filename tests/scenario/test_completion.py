"""bash completion, asked the way bash asks it."""

import os
import subprocess

import pytest

import harness

SCRIPT = harness.ROOT / "share/completions/capsule"


@pytest.fixture
def complete(capsule, workspace):
    """complete("run", "--po") -> what bash would offer for the last word."""

    def ask(*words):
        done = subprocess.run(
            ["bash", "--norc", "-c",
             'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _capsule; '
             'printf "%s\\n" "${COMPREPLY[@]}"', "bash", SCRIPT, capsule, *words],
            cwd=workspace, text=True, capture_output=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        return [word for word in done.stdout.split("\n") if word]

    return ask


def verbs_of(run_capsule):
    text = run_capsule(["--help"]).stdout
    return [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]


def test_every_verb(complete, run_capsule):
    verbs = verbs_of(run_capsule)
    assert {"run", "verify", "policy", "version"} <= set(verbs)
    assert set(verbs) <= set(complete(""))
    assert complete("verif") == ["verify"]


def test_options_of_a_verb(complete):
    offered = complete("run", "--")
    assert {"--policy", "--workspace", "--tool", "--report", "--quiet"} <= set(offered)
    assert complete("run", "--works") == ["--workspace"]
    assert "--json" in complete("verify", "--")


def test_second_words(complete):
    assert {"check", "show", "schema"} <= set(complete("policy", ""))
    assert complete("policy", "sch") == ["schema"]
    assert "--json" in complete("log", "show", "--")


def test_files_folders_and_commands(complete, workspace):
    (workspace / "folder").mkdir()
    (workspace / "p.yaml").touch()
    assert complete("run", "--workspace", "") == ["folder"]
    assert set(complete("run", "--policy", "")) == {"folder", "p.yaml"}
    assert "sha256sum" in complete("run", "--quiet", "--", "sha256su")
    assert complete("run", "--", "cat", "p") == ["p.yaml"]
