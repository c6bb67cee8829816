"""The SDK with the real capsule and the real wall."""

import asyncio
import os
import pathlib
import subprocess
import sys
import textwrap
import time

import pytest

import capsule
import functions_under_test as fut

PYTHON = "/usr/bin/python3"


def test_run_works_and_is_walled(workspace):
    outside = workspace.parent / f"{workspace.name}-outside"
    r = capsule.run(["sh", "-c", f"echo in >f; cat f; echo x >{outside} || echo stopped"],
                    workspace=workspace)
    assert r.stdout == "in\nstopped\n" and r.ok
    assert (workspace / "f").read_text() == "in\n" and not outside.exists()


def test_report_names_session_log_and_layers(workspace):
    r = capsule.run(["true"], workspace=workspace)
    assert len(r.session) == 32 and r.log is not None and r.log.is_file()
    assert r.layers["seccomp"] == "engaged" and r.layers["mount-ns"] == "engaged"


def test_verify_intact_and_altered(workspace, tmp_path):
    r = capsule.run(["true"], workspace=workspace)
    verdict = capsule.verify(r.log)
    assert verdict and verdict.ok and verdict.report
    text = bytearray(r.log.read_bytes())
    text[len(text) // 2] ^= 1
    (tmp_path / "altered.log").write_bytes(text)
    assert not capsule.verify(tmp_path / "altered.log").ok
    with pytest.raises(capsule.CapsuleError):
        capsule.verify(tmp_path / "none.log")


def test_status_input_and_signal(workspace):
    assert capsule.run(["sh", "-c", "exit 7"], workspace=workspace).returncode == 7
    assert capsule.run(["wc", "-c"], workspace=workspace, input=b"x" * 300000).stdout.split() == ["300000"]
    assert capsule.run(["sh", "-c", "kill -KILL $$"], workspace=workspace).returncode == 137


def test_not_found_is_127(workspace):
    r = capsule.run(["no-such-program-anywhere"], workspace=workspace)
    assert r.returncode == 127
    with pytest.raises(capsule.CommandFailed):
        r.check()


def test_mapping_policy(workspace):
    policy = {"version": 1, "extends": "preset:agent", "process": {"env": {"set": {"WORD": "é \"q\""}}}}
    r = capsule.run(["printenv", "WORD"], policy=policy, workspace=workspace)
    assert r.stdout == 'é "q"\n'


def test_bad_policy_is_an_error_with_its_place(workspace):
    with pytest.raises(capsule.CapsuleError, match="did you mean 'filesystem'") as e:
        capsule.run(["true"], policy={"version": 1, "filesytem": {}}, workspace=workspace)
    assert "policy.yaml:" in e.value.message
    assert e.value.where.file.endswith("/policy.yaml") and e.value.where.line == 3


TOOLS = {
    "version": 1,
    "extends": "preset:agent",
    "process": {"commands": {"deny": ["nc ..."]}},
    "tools": {"list": {"argv": "ls -1 ${dir:[a-z]+}", "read": ["${workspace}"]}},
}


def test_tool_argv_must_match(workspace):
    (workspace / "sub").mkdir()
    (workspace / "sub/one").touch()

    @capsule.tool(policy=TOOLS, tool="list", workspace=workspace, parse=lambda r: r.stdout.split())
    def names(folder):
        return ["ls", "-1", folder]

    assert names("sub") == ["one"]
    with pytest.raises(capsule.Denied) as e:
        names("../..")
    assert "list" in str(e.value) and not e.value.denial.retry


def test_denied_command_is_structured(workspace):
    with pytest.raises(capsule.Denied) as e:
        capsule.run(["nc", "-l", "1"], policy=TOOLS, workspace=workspace)
    d = e.value.denial
    assert d.layer == "policy" and d.event == "process.exec"
    assert d.where.file.endswith("/policy.yaml") and d.where.line and d.where.col
    assert str(d).startswith(f"{d.where}: ") and str(d).count("policy.yaml") == 1


def test_session_that_sees_the_state_folder_cannot_forge_the_report(workspace):
    """Even with the whole home folder granted, the SDK's own files are out of reach."""
    home = os.environ["HOME"]
    policy = {"version": 1, "extends": "preset:agent",
              "filesystem": {"home": "host", "write": [home]}}
    r = capsule.run(["sh", "-c", f"ls {home}/.local/state/capsule; echo x >{home}/mine; "
                     f"echo '{{}}' | tee {home}/.local/state/capsule/sdk-*/report.json"],
                    policy=policy, workspace=workspace)
    assert r.report["ran"] is True and "sdk-" not in r.stdout.replace("{}", "")
    assert pathlib.Path(home, "mine").exists()


def test_secrets_stay_outside(workspace):
    env = {**os.environ, "MY_API_KEY": "sk-decoy"}
    r = capsule.run(["env"], env=env, workspace=workspace)
    assert r.ok and "sk-decoy" not in r.stdout


def test_timeout_kills_the_tree(workspace):
    start = time.monotonic()
    with pytest.raises(capsule.Timeout) as e:
        capsule.run(["sh", "-c", "echo begun; (while :; do date >beat; sleep 0.1; done) & sleep 60"],
                    workspace=workspace, timeout=1)
    assert time.monotonic() - start < 6 and e.value.result.stdout == "begun\n"
    beat = (workspace / "beat").stat().st_mtime_ns
    time.sleep(0.4)
    assert (workspace / "beat").stat().st_mtime_ns == beat


def test_arun_in_parallel(workspace):
    async def go():
        return await asyncio.gather(*(capsule.arun(["echo", str(i)], workspace=workspace)
                                      for i in range(4)))

    done = asyncio.run(go())
    assert [r.stdout for r in done] == [f"{i}\n" for i in range(4)]
    assert len({r.session for r in done}) == 4


@pytest.fixture
def behind(workspace):
    """behind(function): the same function with this workspace, and an interpreter that is inside."""
    return lambda f: capsule.function(workspace=workspace, python=PYTHON)(f.inside)


def test_function_behind_the_wall(behind):
    assert behind(fut.echo)({"a": [1, None, "é"]}) == {"a": [1, None, "é"]}
    value, result = behind(fut.noisy).call()
    assert value == 7 and result.stderr == "I print\n" and capsule.verify(result.log).ok


def test_function_cannot_reach_out(behind, workspace):
    secret = pathlib.Path(os.environ["HOME"]) / "secret"
    secret.write_text("decoy")
    with pytest.raises(capsule.RemoteError) as e:
        behind(fut.read)(str(secret))
    assert e.value.type == "FileNotFoundError"
    with pytest.raises(capsule.RemoteError) as e:
        behind(fut.connect)("1.1.1.1", 443)
    assert e.value.errno is not None
    assert behind(fut.write)(str(workspace / "note"), "x") == 1


def test_function_of_a_script(workspace):
    """Everything a user would do, in a script of their own, whose folder is not readable inside."""
    script = pathlib.Path(os.environ["HOME"]) / "script.py"
    script.write_text(textwrap.dedent(f"""
        import os, sys
        import capsule

        @capsule.function(workspace={str(workspace)!r}, python={PYTHON!r})
        def look(path):
            return [os.path.exists(path), sorted(os.listdir("."))]

        if __name__ == "__main__":
            open({str(workspace / "f")!r}, "w").close()
            print(look({str(script)!r}))
    """))
    package = os.path.dirname(os.path.dirname(capsule.__file__))
    done = subprocess.run([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": package},
                          capture_output=True, text=True)
    assert done.stdout == "[False, ['f']]\n", done.stderr
