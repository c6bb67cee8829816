"""run, arun, Result: the SDK's own behaviour, against a supervisor that does what the test needs."""

import asyncio
import json
import os
import signal
import sys
import threading
import time

import pytest

import capsule


def seen(tmp_path):
    return json.loads((tmp_path / "args").read_text())


@pytest.fixture
def spy(fake, tmp_path, monkeypatch):
    fake()
    monkeypatch.setenv("FAKE_ARGS", str(tmp_path / "args"))
    return lambda: seen(tmp_path)


def test_result_carries_output_status_and_log(fake):
    fake()
    r = capsule.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (r.returncode, r.stdout, r.stderr) == (3, "out\n", "err\n")
    assert not r.ok and not r.truncated and r.duration > 0
    assert str(r.log) == "/nowhere/x.log" and r.session == "0" * 32 and r.denied == ()


def test_options_reach_the_command_line(spy, tmp_path):
    capsule.run(["true", "--", "-x"], workspace=tmp_path, tool="t")
    got = spy()
    assert got["command"] == ["true", "--", "-x"]
    assert got["options"]["--workspace"] == str(tmp_path) == got["cwd"]
    assert got["options"]["--tool"] == "t" and got["options"]["--quiet"] is True


def test_relative_policy_is_the_callers(spy, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/p.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path / "here")
    capsule.run(["true"], policy="p.yaml", workspace=tmp_path)
    assert spy()["options"]["--policy"] == str(tmp_path / "here/p.yaml")


def test_mapping_policy_becomes_a_file_that_goes_away(spy):
    policy = {"version": 1, "name": "é😀", "filesystem": {"read": ["/usr"]}}
    capsule.run(["true"], policy=policy)
    got = spy()
    assert json.loads(got["policy"]) == policy and "😀" in got["policy"]
    assert not os.path.exists(got["options"]["--policy"])
    scratch = os.path.dirname(got["options"]["--report"])
    # In the state folder, which no session ever sees, and gone afterwards.
    assert os.path.dirname(scratch) == os.path.join(os.environ["HOME"], ".local/state/capsule")
    assert not os.path.exists(scratch)


def test_input_larger_than_a_pipe_and_output_the_same(fake):
    fake()
    data = os.urandom(3 << 20)
    r = capsule.run(["cat"], input=data)
    assert r.stdout_bytes == data


def test_command_that_ignores_its_input(fake):
    fake()
    assert capsule.run(["true"], input=b"x" * (4 << 20)).ok


def test_no_input_is_an_empty_one(fake):
    fake()
    assert capsule.run(["cat"], timeout=10).stdout == ""


def test_output_has_a_ceiling(fake):
    fake()
    r = capsule.run(["sh", "-c", "head -c 1000000 /dev/zero; echo end >&2"], max_output=1000)
    assert len(r.stdout_bytes) == 1000 and r.truncated and r.stderr == "end\n" and r.ok


def test_output_of_exactly_the_ceiling_is_whole(fake):
    fake()
    r = capsule.run(["printf", "12345"], max_output=5)
    assert r.stdout == "12345" and not r.truncated


def test_bytes_that_are_not_utf8(fake):
    fake()
    r = capsule.run(["printf", r"a\377b"])
    assert r.stdout_bytes == b"a\xffb" and r.stdout == "a\ufffdb"


@pytest.mark.parametrize("argv, error", [
    ("ls -l", TypeError), (b"ls", TypeError), ([], ValueError), (["a\0b"], ValueError),
    ([b"ls"], TypeError), ([1], TypeError),
])
def test_bad_argv(fake, argv, error):
    fake()
    with pytest.raises(error):
        capsule.run(argv)


def test_check_names_the_command_and_its_last_words(fake):
    fake()
    with pytest.raises(capsule.CommandFailed, match=r"exit status 4: that went wrong") as e:
        capsule.run(["sh", "-c", "echo that went wrong >&2; exit 4"], check=True)
    assert e.value.returncode == 4 and e.value.result.stderr == "that went wrong\n"


def test_signal_is_told_as_shells_do(fake):
    fake()
    r = capsule.run(["sh", "-c", "kill -TERM $$"])
    assert r.returncode == 128 + signal.SIGTERM
    with pytest.raises(capsule.CommandFailed, match="ended by signal 15"):
        r.check()


def test_capsules_own_failure_has_step_and_errno(fake):
    fake("error")
    with pytest.raises(capsule.CapsuleError) as e:
        capsule.run(["true"])
    assert (e.value.step, e.value.errno, e.value.message) == ("landlock", 38, "landlock: not here")


def test_policy_refusal_is_structured(fake):
    fake("denied")
    with pytest.raises(capsule.Denied) as e:
        capsule.run(["nc", "-l"])
    d = e.value.denial
    assert (d.event, d.object, d.layer, d.rule, d.where, d.retry) == (
        "process.exec", "nc", "policy", "process.commands.deny",
        capsule.Place("capsule.yaml", 3, 5), False)
    assert str(d) == "capsule.yaml:3:5: the policy denies this command"
    assert d.raw["layer_detail"] == 1


@pytest.mark.parametrize("mode", ["garbage", "list"])
def test_malformed_report_is_an_error(fake, mode):
    fake(mode)
    with pytest.raises(capsule.CapsuleError, match="report is not") as e:
        capsule.run(["true"])
    assert e.value.step == "protocol"


def test_status_125_without_a_report_is_capsules(fake):
    fake("no-report")
    with pytest.raises(capsule.CapsuleError, match="no wall today"):
        capsule.run(["sh", "-c", "echo capsule: no wall today >&2; exit 125"])


def test_status_125_of_the_command_itself_is_its_own(fake):
    fake()
    assert capsule.run(["sh", "-c", "exit 125"]).returncode == 125


def test_missing_program(monkeypatch):
    monkeypatch.setenv("CAPSULE_BIN", "/nowhere/capsule")
    with pytest.raises(capsule.CapsuleError, match="cannot find the program '/nowhere/capsule'") as e:
        capsule.run(["true"])
    assert e.value.step == "find"


def test_timeout_ends_it_and_keeps_what_was_written(fake):
    fake()
    start = time.monotonic()
    with pytest.raises(capsule.Timeout) as e:
        capsule.run(["sh", "-c", "echo so far; exec sleep 30"], timeout=0.5)
    assert time.monotonic() - start < 6
    assert e.value.timeout == 0.5 and e.value.result.stdout == "so far\n"
    assert isinstance(e.value, TimeoutError)


def test_timeout_when_the_supervisor_ignores_sigterm(fake):
    fake("hang")
    start = time.monotonic()
    with pytest.raises(capsule.Timeout):
        capsule.run(["true"], timeout=0.5)
    assert 2 < time.monotonic() - start < 8


def test_environment_is_the_one_given(fake):
    fake()
    env = {"PATH": os.environ["PATH"], "FAKE": "run", "ONLY": "this"}
    r = capsule.run(["env"], env=env)
    assert "ONLY=this" in r.stdout.splitlines() and "HOME=" not in r.stdout


def test_state_folder_that_cannot_be_made(fake, tmp_path, monkeypatch):
    fake()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file/below"))
    with pytest.raises(capsule.CapsuleError) as e:
        capsule.run(["true"])
    assert e.value.step == "places"


def test_variables_set_in_the_session(fake):
    fake()
    r = capsule.run(["sh", "-c", 'echo "$A|$B"'], set_env={"A": "x=y", "B": "two words"})
    assert r.stdout == "x=y|two words\n"


def test_preset_and_log_are_passed_on(spy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    capsule.run(["true"], policy="preset:strict", log="my.log")
    got = spy()["options"]
    assert got["--policy"] == "preset:strict" and got["--log"] == str(tmp_path / "my.log")


def test_command_that_is_not_there_is_a_result(fake):
    fake()
    r = capsule.run(["no-such-program-anywhere"])
    assert r.returncode == 127
    with pytest.raises(capsule.CommandFailed):
        r.check()


def test_runs_in_threads_side_by_side(fake):
    fake()
    got = {}
    threads = [threading.Thread(target=lambda i=i: got.update({i: capsule.run(["echo", str(i)]).stdout}))
               for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == {i: f"{i}\n" for i in range(8)}


def test_arun(fake):
    fake()

    async def both():
        return await asyncio.gather(capsule.arun(["echo", "a"]), capsule.arun(["echo", "b"]))

    a, b = asyncio.run(both())
    assert (a.stdout, b.stdout) == ("a\n", "b\n")


def test_cancelling_ends_the_session(fake, tmp_path):
    fake()

    async def go():
        task = asyncio.create_task(
            capsule.arun(["sh", "-c", f"echo $PPID > {tmp_path}/pid; exec sleep 30"]))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    start = time.monotonic()
    asyncio.run(go())
    assert time.monotonic() - start < 8
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_exception_in_the_caller_leaves_nothing_running(fake, tmp_path):
    """Ctrl-C in the main thread: KeyboardInterrupt comes out, the supervisor is gone."""
    fake()
    pid = tmp_path / "pid"

    def press():
        while not pid.exists() or not pid.read_text().strip():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        capsule.run(["sh", "-c", f"echo $PPID > {pid}; exec sleep 30"])
    presser.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_package_needs_nothing_but_the_standard_library():
    """Import it with site-packages switched off."""
    here = os.path.dirname(os.path.dirname(capsule.__file__))
    import subprocess
    code = f"import sys; sys.path.insert(0, {here!r}); import capsule; print(capsule.run.__name__)"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout == "run\n", done.stderr
