"""`capsule learn`: the proposal lets the same command pass, another that reads ~/.ssh fail."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

MARK = "the-key-of-the-user"


@pytest.fixture
def home(who):
    """A home folder with what nobody may have."""
    for name, text in {".ssh/id_ed25519": MARK, ".aws/credentials": MARK, ".config/tool/conf": "set\n",
                       ".gitconfig": "[user]\n\tname = x\n\temail = x@y\n"}.items():
        path = who.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in who.home.rglob("*"):
        os.chown(path, who.uid, who.gid)
    return who.home


def give(folder, who):
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, who.uid, who.gid, follow_symlinks=False)


@pytest.fixture
def project(workspace, who):
    """Sources, tests and a repository."""
    (workspace / "src").mkdir()
    (workspace / "src/main.c").write_text('#include "part.h"\nint main(void) { return part(); }\n')
    (workspace / "src/part.h").write_text("int part(void);\n")
    (workspace / "src/part.c").write_text('#include "part.h"\nint part(void) { return 0; }\n')
    (workspace / "Makefile").write_text(
        "prog: build/main.o build/part.o\n\tcc -o $@ $^\n\t./prog\n"
        "build/%.o: src/%.c\n\tmkdir -p build\n\tcc -c -o $@ $<\n")
    (workspace / "tests").mkdir()
    (workspace / "tests/test_it.py").write_text(
        "import pathlib\ndef test_it(tmp_path):\n    (tmp_path / 'x').write_text('1')\n"
        "    assert pathlib.Path('src/main.c').read_text()\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(workspace), "GIT_CONFIG_NOSYSTEM": "1"}
    for args in (["init", "-q", "origin"], ["-C", "origin", "-c", "user.name=x", "-c", "user.email=x@y",
                                            "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *args], cwd=workspace, env=env, check=True)
    give(workspace, who)
    return workspace


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def events(log):
    for line in open(log):
        record = json.loads(line)
        if record["type"] == "event":
            yield record


def seen_paths(log):
    """Every path that an event of the log names."""
    found = set()
    for record in events(log):
        event = record["event"]
        activity = event.get("file", event.get("process", {})).get("activity", {})
        found |= {activity.get(k) for k in ("path", "new_path", "executable")} - {None}
    return found


COMMANDS = {
    "clone": (["git", "clone", "-q", "origin", "copy"], "git"),
    "pytest": (["python3", "-m", "pytest", "-q", "tests"], "pytest"),
    "build": (["make", "-s"], "make"),
}


def newest_log(who):
    return max(who.logs.glob("*.log"), key=lambda p: p.stat().st_mtime)


@pytest.mark.both
@pytest.mark.parametrize("name", COMMANDS)
def test_learnt_policy(name, run_capsule, project, who, home, place):
    command, needs = COMMANDS[name]
    probe = ["/usr/bin/python3", "-c", "import pytest"] if needs == "pytest" else \
        ["sh", "-c", f"command -v {needs}"]
    if subprocess.run(probe, capture_output=True, env={"PATH": "/usr/bin:/bin"}).returncode:
        pytest.skip(f"{needs} is not installed for the system")
    before = tree(project)
    policy = home / "learned.yaml"
    done = run_capsule(["learn", "-o", policy, "--", *command], timeout=120)
    assert done.returncode == 0, done
    assert tree(project) == before, "what it wrote while it was watched is gone"
    log = newest_log(who)
    assert run_capsule(["verify", log]).returncode == 0

    # the same passes, for real
    done = run_capsule(["run", "--policy", policy, "--", *command], timeout=120)
    assert done.returncode == 0, done
    made = {"clone": "copy/.git/HEAD", "build": "prog", "pytest": "src"}[name]
    assert (project / made).exists()

    # another does not
    for path in (".ssh/id_ed25519", ".aws/credentials", ".config/tool/conf"):
        done = run_capsule(["run", "--policy", policy, "--", "cat", str(home / path)])
        assert done.returncode != 0 and MARK not in done.stdout, path
    done = run_capsule(["run", "--policy", policy, "--", "sh", "-c", f"ls -A {home}/.ssh"])
    assert done.returncode != 0, done

    # no line covers more than was seen, but for what it says itself
    text = policy.read_text()
    learned = yaml.safe_load(text)["filesystem"] if "\nfilesystem:" in text else {}
    paths = seen_paths(log)
    for kind, lines in learned.items():
        for line in lines:
            path = line.replace("${workspace}", str(project)).replace("~", str(home))
            said = re.search(r"# (.*)\n    - " + re.escape(json.dumps(line)), text).group(1)
            if kind == "deny":
                continue
            assert not path.startswith(f"{home}/.ssh") and path not in (str(home), "/", "/etc")
            if said.endswith(("made, removed or changed", "were made in it", "of its entries")):
                assert any(p.startswith(path + "/") for p in paths), (path, said)
            else:
                assert path in paths, (path, said)


@pytest.mark.both
def test_secrets_are_not_shown_nor_proposed(run_capsule, project, who, home):
    (project / ".env").write_text(MARK)
    give(project, who)
    done = run_capsule(["learn", "--", "sh", "-c",
                        "cat ~/.ssh/id_ed25519 ~/.aws/credentials ~/.config/tool/conf .env; "
                        "cat /etc/shadow; ls ~/.ssh; echo x > made; true"])
    assert done.returncode == 0, done.stderr
    said = done.stdout
    proposal = yaml.safe_load(said[said.index("# Proposed"):])
    assert proposal["filesystem"] == {"read": ["~/.config/tool/conf"], "write": ["${workspace}"],
                                      "deny": ["${workspace}/.env"]}
    assert said.count(MARK) == 1, "the project's own .env, which it may have while it is watched"
    assert "Looks like a secret" in said and "/etc/shadow" in said
    assert not (project / "made").exists()


@pytest.mark.both
def test_home_private(run_capsule, project, home):
    done = run_capsule(["learn", "--home", "private", "--", "sh", "-c", "cat ~/.config/tool/conf; true"])
    assert done.returncode == 0 and "set\n" not in done.stdout
    assert "filesystem:" not in done.stdout


@pytest.mark.both
def test_merge(run_capsule, project, home, who, place):
    policy = home / "mine.yaml"
    policy.write_text("# my policy\nversion: 1\nextends: preset:readonly\nfilesystem:\n  write:\n"
                      "    - ${workspace}/tests   # these\nlimits: { pids: 100 }\n")
    give(home, who)
    done = run_capsule(["learn", "--merge", policy, "--", "sh", "-c",
                        "cat ~/.config/tool/conf; echo 1 > src/new; echo 2 > tests/new"])
    assert done.returncode == 0, done
    diff = done.stdout[done.stdout.index("---"):]
    assert policy.read_text().count("\n") == 7, "the policy itself is left alone"
    patched = subprocess.run(["patch", "-s", "-o", place / "out.yaml", policy], input=diff, text=True,
                             capture_output=True)
    assert patched.returncode == 0, (patched, diff)
    merged = yaml.safe_load((place / "out.yaml").read_text())["filesystem"]
    assert merged == {"write": ["${workspace}/tests", "${workspace}/src"],
                      "read": ["~/.config/tool/conf"]}
    assert "# these" in (place / "out.yaml").read_text()
    policy.write_text((place / "out.yaml").read_text())
    log = newest_log(who)
    done = run_capsule(["learn", "--merge", policy, "--from", log])
    assert (done.returncode, done.stdout) == (0, "") and "already" in done.stderr


@pytest.mark.both
def test_json(run_capsule, project, home):
    done = run_capsule(["learn", "--json", "--", "sh", "-c", "cat ~/.config/tool/conf >/dev/null; >n"])
    told = json.loads(done.stdout)
    assert [(x["kind"], x["path"], bool(x["rule"])) for x in told["lines"]] == [
        ("read", f"{home}/.config/tool/conf", False), ("write", str(project), True)]
    assert told["extends"] == "preset:readonly" and not told["network"] and told["events"] > 3


@pytest.mark.both
def test_command_line(run_capsule, project, home):
    out = home / "p.yaml"
    out.write_text("mine")
    os.chmod(out, 0o644)
    done = run_capsule(["learn", "-o", out, "--", "true"])
    assert done.returncode == 125 and out.read_text() == "mine"
    assert run_capsule(["learn"]).returncode == 2
    assert run_capsule(["learn", "--from", "x", "--", "true"]).returncode == 2
    assert run_capsule(["learn", "--home", "some", "--", "true"]).returncode == 125
    assert run_capsule(["learn", "--from", "/nowhere"]).returncode == 125
    assert run_capsule(["learn", "--", "sh", "-c", "exit 7"]).returncode == 7
    assert run_capsule(["learn", "--extends", "preset:none", "--", "true"]).returncode == 125
    assert not [p for p in os.listdir("/tmp") if p.startswith("capsule-learn-")]
