"""F8, F9: hostile policy files, and a project's file that asks for more.

F8 through `capsule policy check`: each file must be refused with its position, quickly, and
`capsule run` must start nothing under it. F9 through both: what a clone's capsule.yaml asks for
beyond the user's policy is an error at its line, and nothing runs.
"""

import json
import os
import time

import pytest

HEAD = "version: 1\nextends: preset:agent\n"

BAD = {
    "unknown-key": ("version: 1\nfilesytem: {}\n", "2:1", "did you mean 'filesystem'?"),
    "duplicate-key": ("version: 1\nnetwork: none\nnetwork: host\n", "3:1", "duplicate key"),
    "laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "1:4", "anchors"),
    "alias": ("version: 1\nname: *a\n", "2:7", "aliases"),
    "merge-key": ("version: 1\nlimits: {<<: {pids: 1}}\n", "2:10", "merge keys"),
    "boolean-no": ("version: 1\nnetwork: no\n", "2:10", "one of none, host"),
    "boolean-yes": ("version: 1\nfilesystem:\n  read: [{path: /usr, optional: yes}]\n", "3:33",
                    "write true"),
    "boolean-on": ("version: 1\nname: on\n", "2:7", "boolean to some YAML readers"),
    "tab": ("version: 1\nfilesystem:\n\tread: [/usr]\n", "3:1", "tab in the indentation"),
    "nesting-flow": ("version: 1\nname: " + "[" * 65536, "2:22", "nested more than 16 deep"),
    "nesting-block": ("- " * 65536, "1:33", "nested more than 16 deep"),
    "ten-megabytes": ("version: 1\n" + "# padding\n" * 1_000_000, "", "too large"),
    "nul": ("version: 1\nname: a\0b\n", "2:8", "NUL"),
    "not-utf8": (b"version: 1\nname: \xff\n", "2:7", "not UTF-8"),
    "escape-sequence": (b"version: 1\nname: \x1b]0;x\x07\n", "2:7", "control character"),
    "bidi": ("version: 1\nname: a\u202eb\n", "2:8", "direction of text"),
    "documents": ("version: 1\n---\nnetwork: host\n", "2:1", "second document"),
    "tag": ("version: 1\nname: !!python/object x\n", "2:7", "tags"),
    "list-key": ("version: 1\n[a]: b\n", "2:1", "key must be text"),
    "back-reference": ("version: 1\ntools: {t: {argv: ['${a:(x)\\1}']}}\n", "2:20", "POSIX"),
    "group-escape": ("version: 1\ntools: {t: {argv: ['${a:x)|(y}']}}\n", "2:20", "without its"),
    "huge-repeat": ("version: 1\ntools: {t: {argv: ['${a:((x{999}){999}){999}}']}}\n", "2:20",
                    "too large"),
}


@pytest.fixture
def check(run_capsule, workspace):
    def perform(*args):
        return run_capsule(["policy", "check", *args], cwd=workspace)

    return perform


@pytest.mark.attack("F8")
@pytest.mark.parametrize("name", BAD)
def test_bad_file(name, check, workspace, run_capsule):
    text, where, say = BAD[name]
    path = workspace / "bad.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.monotonic()
    done = check(path)
    assert time.monotonic() - started < 5, "took too long"
    assert done.returncode == 1, done
    place = f"{path}:{where}: error: " if where else f"{path}: error: "
    assert place in done.stderr, done.stderr
    assert say in done.stderr, done.stderr
    assert "\x1b" not in done.stderr and "\u202e" not in done.stderr, "the terminal was reached"
    if where:
        assert "^" in done.stderr.splitlines()[2], "no caret"
    marker = workspace / "ran"
    done = run_capsule(["run", "--policy", path, "--", "touch", marker], cwd=workspace)
    assert done.returncode == 125 and not marker.exists(), done
    data = json.loads(check("--json", path).stdout)
    assert data["ok"] is False and data["problems"][0]["level"] == "error"


@pytest.mark.attack("F8")
def test_special_files(check, workspace):
    fifo = workspace / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, "/dev/zero", workspace, "/proc/self/mem"):
        done = check(path)
        assert done.returncode == 1 and "error" in done.stderr, (path, done)


@pytest.mark.attack("F8")
def test_several_at_once(check, workspace):
    path = workspace / "bad.yaml"
    path.write_text("version: 1\nnmae: x\nnetwork: maybe\nlimits: {pids: -1}\n")
    done = check(path)
    assert done.returncode == 1 and done.stderr.count(": error: ") == 3, done.stderr


WIDER = {
    "read-outside": ("filesystem: {read: [/var]}\n", "3:21"),
    "write-home": ("filesystem: {write: ['${home}']}\n", "3:22"),
    "ssh": ("filesystem: {read: ['~/.ssh']}\n", "3:21"),
    "dotdot": ("filesystem: {write: ['${workspace}/..']}\n", "3:22"),
    "link": ("filesystem: {read: ['${workspace}/link']}\n", "3:21"),
    "link-below": ("filesystem: {write: ['${workspace}/link/x']}\n", "3:22"),
    "home-host": ("filesystem: {home: host}\n", "3:20"),
    "network": ("network: host\n", "3:10"),
    "pids": ("limits: {pids: 100000}\n", "3:16"),
    "syscalls": ("syscalls: compat\n", "3:11"),
    "ptrace": ("syscalls: {allow: [{name: ptrace}]}\n", "3:27"),
    "token": ("process: {env: {pass: [GITHUB_TOKEN]}}\n", "3:24"),
    "all-env": ("process: {env: {pass: ['*']}}\n", "3:24"),
    "uid": ("process: {uid: 0}\n", "3:16"),
    "best-effort": ("require: []\n", "3:10"),
    "log": ("audit: {path: '${workspace}/x.log'}\n", "3:15"),
    "fsync": ("audit: {fsync: never}\n", "3:16"),
}


@pytest.fixture
def project(workspace, outside):
    (outside / "x").write_text("secret")
    (workspace / "link").symlink_to(outside)
    return workspace


@pytest.mark.both
@pytest.mark.attack("F9")
@pytest.mark.parametrize("name", WIDER)
def test_project_asks_for_more(name, who, check, project, run_capsule):
    body, where = WIDER[name]
    (project / "capsule.yaml").write_text(HEAD + body)
    done = check()
    assert done.returncode == 1, done
    assert f"capsule.yaml:{where}: error: a project's file may only tighten" in done.stderr
    assert "--policy" in done.stderr and "policy.yaml" in done.stderr, "the two ways out"
    marker = project / "ran"
    done = run_capsule(["run", "--", "touch", marker], cwd=project)
    assert done.returncode == 125 and not marker.exists(), done


@pytest.mark.both
@pytest.mark.attack("F9")
@pytest.mark.parametrize("extends", ["preset:online", "preset:build", "../outside.yaml",
                                     "/etc/passwd", "link/outside.yaml"])
def test_project_extends_something_looser(extends, who, check, project):
    (project / "capsule.yaml").write_text(f"version: 1\nextends: {extends}\n")
    done = check()
    assert done.returncode == 1 and "capsule.yaml:2:10: error: " in done.stderr, done


@pytest.mark.both
@pytest.mark.attack("F9")
def test_project_may_tighten(who, check, project, run_capsule):
    (project / "capsule.yaml").write_text(HEAD + "limits: {pids: 50}\n"
                                          "filesystem: {deny: ['${workspace}/secret']}\n")
    (project / "secret").write_text("x")
    done = check()
    assert done.returncode == 0, done.stderr
    done = run_capsule(["run", "--", "cat", "secret"], cwd=project)
    assert done.returncode not in (0, 125) and "x" not in done.stdout, done


@pytest.mark.both
@pytest.mark.attack("F9")
def test_project_file_is_a_link(who, check, project, outside):
    """A capsule.yaml that leads to the user's own looser file is not that file's word."""
    (outside / "loose.yaml").write_text(HEAD + "network: host\n")
    (project / "capsule.yaml").symlink_to(outside / "loose.yaml")
    done = check()
    assert done.returncode == 1 and "symlink" in done.stderr, done
