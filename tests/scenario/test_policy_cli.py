"""capsule policy and capsule init, as a person or a script uses them."""

import json
import stat
import subprocess

import pytest

HEAD = "version: 1\nextends: preset:agent\n"


@pytest.fixture
def policy(run_capsule, workspace):
    def perform(*args, **more):
        return run_capsule(["policy", *args], cwd=workspace, **more)

    return perform


@pytest.mark.both
def test_init_writes_once(who, run_capsule, workspace, policy):
    done = run_capsule(["init"], cwd=workspace)
    assert done.returncode == 0, done
    path = workspace / "capsule.yaml"
    first = path.read_text()
    assert first.startswith("#") and "extends: preset:agent" in first
    assert not stat.S_IMODE(path.stat().st_mode) & 0o022
    # found in the workspace, it holds as a project's own
    assert policy("check").returncode == 0
    path.write_text("mine")
    done = run_capsule(["init"], cwd=workspace)
    assert done.returncode == 1 and path.read_text() == "mine", done
    target = workspace / "elsewhere"
    (workspace / "dangling").symlink_to(target)
    done = run_capsule(["init", "--output", "dangling"], cwd=workspace)
    assert done.returncode != 0 and not target.exists(), done
    assert run_capsule(["init", "--print"], cwd=workspace).stdout == first
    assert run_capsule(["init", "extra"], cwd=workspace).returncode == 2


def test_show_names_every_line(policy, workspace):
    (workspace / "mine.yaml").write_text(HEAD + "name: mine\nlimits: {memory: 1GiB}\n"
                                         "process: {env: {pass: [MINE]}}\n")
    shown = policy("show", "mine.yaml").stdout
    lines = {line.split("#")[0].strip(): line for line in shown.splitlines()}
    assert "mine.yaml:4:18" in lines["memory: 1073741824"]
    assert "mine.yaml:5:24" in lines["- MINE"]
    assert "preset:agent:" in lines["pids: 4096"]
    assert "preset:agent:" in lines["- PATH"]


@pytest.mark.parametrize("name", ["agent", "build", "online", "readonly", "strict"])
def test_show_is_a_policy_of_the_same_hash(name, policy, workspace):
    plain = policy("show", f"preset:{name}", "--plain").stdout
    data = json.loads(policy("show", f"preset:{name}", "--json").stdout)
    (workspace / "again.yaml").write_text(plain)
    again = json.loads(policy("show", "again.yaml", "--json").stdout)
    assert again["effective"] == data["effective"] and len(data["effective"]) == 64
    try:
        b3sum = subprocess.run(["b3sum", "--no-names"], input=plain.encode(), capture_output=True,
                               check=True)
    except FileNotFoundError:
        pytest.skip("b3sum is not installed")
    assert b3sum.stdout.decode().strip() == data["effective"]


@pytest.mark.both
def test_explain_follows_links(who, policy, workspace, outside):
    (workspace / "link").symlink_to(outside)
    done = policy("explain", "link/x", "src", "~nothing", "/etc/shadow")
    assert done.returncode == 0, done
    assert f"{workspace}/link/x: may be read, changed and executed" in done.stdout
    assert "/etc/shadow: no access: it is denied" in done.stdout
    data = [json.loads(line) for line in
            policy("explain", "--json", "link", "/usr/bin").stdout.splitlines()]
    assert [d["place"] for d in data if d["path"] == str(outside)] == ["absent"]
    assert data[-1]["exec"] and not data[-1]["write"]
    assert "no network" in policy("explain").stdout


def test_diff_as_a_check(policy, workspace):
    (workspace / "a.yaml").write_text(HEAD)
    (workspace / "b.yaml").write_text(HEAD + "network: host\nlimits: {pids: 5}\n")
    assert policy("diff", "a.yaml", "a.yaml").returncode == 0
    done = policy("diff", "a.yaml", "b.yaml")
    assert done.returncode == 1
    assert "loosened   network" in done.stdout and "tightened  limits.pids" in done.stdout
    data = json.loads(policy("diff", "--json", "a.yaml", "b.yaml").stdout)
    assert (data["loosened"], data["tightened"]) == (1, 1)
    assert policy("diff", "a.yaml", "none.yaml").returncode == 125
    assert policy("diff", "a.yaml").returncode == 2


def test_schema_and_presets(policy):
    schema = json.loads(policy("schema").stdout)
    assert schema["additionalProperties"] is False and "filesystem" in schema["properties"]
    names = json.loads(policy("presets", "--json").stdout)
    assert "agent" in names
    for name in names:
        assert policy("presets", name).stdout.startswith("#")
        assert policy("check", f"preset:{name}").returncode == 0
    assert policy("presets", "nope").returncode == 2


OLD = {
    "tools": "tools:\n  log:\n    argv_pattern: '^git log .*$'\n    read: [.]\n    net: false\n",
    "sandbox": "sandbox:\n  read: [/usr/**, '*.c']\n  write: [out]\n  net: [a.org]\n"
               "  syscalls: [ptrace]\n",
    "sdk": '{"read": ["src"], "write": [], "net": true, "timeout": 10, "env": {"A": "no"}}',
}


@pytest.mark.parametrize("shape", OLD)
def test_import(shape, policy, workspace):
    (workspace / "old.yaml").write_text(OLD[shape])
    done = policy("import", "old.yaml")
    assert done.returncode == 0, done
    (workspace / "new.yaml").write_text(done.stdout)
    assert policy("check", "new.yaml").returncode == 0
    if shape == "sandbox":
        assert "a.org" in done.stderr and "*.c" in done.stderr, "what was left out is told"
        assert "network: none" in done.stdout


def test_usage(policy):
    assert policy("--help").returncode == 0
    assert policy().returncode == 2
    done = policy("chekc")
    assert done.returncode == 2 and "did you mean 'check'" in done.stderr
    assert policy("show", "--nope").returncode == 2
    assert policy("check", "nope.yaml").returncode == 1
