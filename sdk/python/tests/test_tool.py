"""@tool and @function against the stand-in: what they send, accept and refuse."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap

import pytest

import capsule
import functions_under_test as fut


@capsule.tool()
def say(*words: str):
    return ["echo", *words]


def test_tool_runs_what_the_function_returns(fake):
    fake()
    r = say("a", "b")
    assert isinstance(r, capsule.Result) and r.stdout == "a b\n"
    assert say.__name__ == "say"


def test_tool_parse_makes_the_value(fake):
    fake()

    @capsule.tool(parse=lambda r: [int(w) for w in r.stdout.split()])
    def numbers(n):
        return ["seq", str(n)]

    assert numbers(3) == [1, 2, 3]


def test_tool_passes_policy_and_name(fake, tmp_path, monkeypatch):
    fake()
    monkeypatch.setenv("FAKE_ARGS", str(tmp_path / "args"))

    @capsule.tool(policy={"version": 1}, tool="speak", workspace=tmp_path)
    def speak():
        return ["true"]

    speak()
    got = json.loads((tmp_path / "args").read_text())
    assert got["options"]["--tool"] == "speak" and json.loads(got["policy"]) == {"version": 1}


def test_tool_checks_by_default(fake):
    fake()

    @capsule.tool()
    def fail():
        return ["false"]

    @capsule.tool(check=False)
    def fail_quietly():
        return ["false"]

    with pytest.raises(capsule.CommandFailed):
        fail()
    assert fail_quietly().returncode == 1


def test_tool_with_command(fake, tmp_path):
    fake()

    @capsule.tool()
    def shout(text):
        return capsule.Command(["sh", "-c", "pwd; cat"], input=text, cwd=tmp_path)

    assert shout("hey").stdout == f"{tmp_path}\nhey"


def test_tool_as_a_method(fake):
    fake()

    class Box:
        word = "inside"

        @capsule.tool()
        def tell(self):
            return ["echo", self.word]

    assert Box().tell().stdout == "inside\n"


def test_async_tool(fake):
    fake()

    @capsule.tool()
    async def later(word):
        await asyncio.sleep(0)
        return ["echo", word]

    assert asyncio.run(later("x")).stdout == "x\n"


@pytest.mark.parametrize("value", ["ls -l", 3, None, [1], b"ls"])
def test_tool_that_returns_no_argv(fake, value):
    fake()

    @capsule.tool()
    def odd():
        return value

    with pytest.raises(TypeError, match="returns the argv"):
        odd()


@pytest.mark.parametrize("start", [
    lambda: subprocess.run(["true"]), lambda: os.system("true"), lambda: os.fork(),
    lambda: os.posix_spawn("/bin/true", ["true"], {}), lambda: os.execv("/bin/true", ["true"]),
], ids=["subprocess", "system", "fork", "posix_spawn", "exec"])
def test_tool_must_not_start_a_process_on_the_host(fake, start):
    fake()

    @capsule.tool()
    def sly():
        start()
        return ["true"]

    with pytest.raises(RuntimeError, match="must not start one itself"):
        sly()
    assert subprocess.run(["true"]).returncode == 0  # everyone else still may


def test_tool_may_use_another_tool(fake):
    fake()

    @capsule.tool()
    def twice():
        return ["echo", say("x").stdout.strip() * 2]

    assert twice().stdout == "xx\n"


def test_function_runs_elsewhere(fake):
    fake()
    assert fut.pid() != os.getpid()


def test_function_arguments_and_result(fake):
    fake()
    value = {"a": [1, 2.5, None, True, "é\u2028"], "big": 2**200}
    assert fut.echo(value) == value
    assert fut.add(1, b=2) == 3
    assert fut.Group.member("x") == "member x"


def test_function_gives_the_result_too(fake):
    fake()
    value, result = fut.noisy.call()
    assert value == 7 and result.stderr == "I print\n"
    assert result.argv[-1] == "functions_under_test:noisy"


def test_function_inside_is_the_plain_one():
    assert fut.add.inside(1, 2) == 3 and fut.add.__name__ == "add"


def test_async_function(fake):
    fake()
    assert asyncio.run(fut.later(5)) == 5


def test_function_that_raises(fake):
    fake()
    with pytest.raises(capsule.RemoteError, match="fail: ValueError: not that") as e:
        fut.fail()
    assert e.value.type == "ValueError" and 'raise ValueError("not that")' in e.value.traceback
    with pytest.raises(capsule.RemoteError) as e:
        fut.no_file()
    assert e.value.type == "FileNotFoundError" and e.value.errno == 2


def test_function_that_ends_its_interpreter(fake):
    fake()
    with pytest.raises(capsule.CommandFailed, match="exit status 9"):
        fut.leave(9)
    with pytest.raises(capsule.CapsuleError, match="without a result"):
        fut.leave(0)


@pytest.mark.parametrize("value", [object(), {1: 2}, float("nan"), float("inf"), b"x", {1}],
                         ids=["object", "int-key", "nan", "inf", "bytes", "set"])
def test_arguments_that_json_would_lose(fake, value):
    fake()
    with pytest.raises(TypeError, match=r"args\[0\]"):
        fut.echo(value)


def test_result_that_json_would_lose(fake):
    fake()
    with pytest.raises(capsule.RemoteError, match="result is a set"):
        fut.gives_set()


def test_result_larger_than_allowed(fake):
    fake()
    with pytest.raises(capsule.CapsuleError, match="larger than 1000 bytes"):
        fut.large(2000)
    assert len(fut.large(500)) == 500


@pytest.mark.parametrize("answer", [
    b"{", b"[]", b"7", b'{"other": 1}', b'{"error": 3}', b'{"value": NaN}', b'{"value": 1e999}',
    b'{"value": ' + b"[" * 100000 + b"]" * 100000 + b"}", b'{"value": ' + b"9" * 100000 + b"}",
    b"\x80\x04\x95\x00", b'{"value": 1}{"value": 2}', b"\xff\xfe",
], ids=range(12))
def test_hostile_answers(fake, answer):
    """Code inside may write anything in place of the answer."""
    fake()
    with pytest.raises(capsule.CapsuleError) as e:
        fut.forge(answer.decode("latin-1"))
    assert e.value.step == "protocol"


def test_pickle_in_the_answer_is_text(fake, tmp_path):
    fake()
    import base64
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    fut.echo(base64.b64encode(pickle.dumps(Bomb())).decode())
    with pytest.raises(capsule.CapsuleError):
        fut.forge(pickle.dumps(Bomb()).decode("latin-1"))
    assert not (tmp_path / "boom").exists()


def test_no_wall_within_the_wall(fake):
    fake()
    with pytest.raises(capsule.RemoteError, match="already runs behind the wall"):
        fut.calls_another()
    assert fut.calls_plain() == 3


def test_local_function_is_refused():
    with pytest.raises(TypeError, match="no name to find it by"):

        @capsule.function()
        def local():
            return 1


def test_function_of_a_script(fake, tmp_path):
    """In a script run as __main__, whose main block must not run again inside."""
    fake()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent("""
        import os
        import capsule

        LIMIT = 40

        @capsule.function()
        def where():
            return [__name__, LIMIT + 2, os.getpid()]

        if __name__ == "__main__":
            name, number, pid = where()
            print(name, number, pid != os.getpid())
    """))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env={
        **os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(capsule.__file__))})
    assert done.stdout == "__capsule_main__ 42 True\n", done.stderr
