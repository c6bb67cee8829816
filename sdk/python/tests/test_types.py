"""What a type checker sees: the package under --strict, and what decorated functions become."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent

USER = '''
import capsule

@capsule.tool(policy="p.yaml", tool="t")
def log(count: int) -> list[str]:
    return ["git", "log", f"-{count}"]

@capsule.tool(parse=lambda r: len(r.stdout))
def size(name: str) -> capsule.Command:
    return capsule.Command(["cat", name])

@capsule.tool()
async def later(word: str) -> list[str]:
    return ["echo", word]

@capsule.function(timeout=3)
def lines(path: str, *, most: int = 3) -> list[str]:
    return []

reveal_type(log(3))
reveal_type(size("x"))
reveal_type(later("x"))
reveal_type(lines("x", most=2))
reveal_type(lines.call("x")[1])
log("three")
lines("x", least=2)

@capsule.tool()
def no_argv() -> int:
    return 3
'''


@pytest.fixture
def mypy(tmp_path):
    if shutil.which("mypy", path="/usr/bin:/bin") is None:
        pytest.skip("mypy is not installed (make deps)")

    def check(*args, cwd):
        return subprocess.run(["/usr/bin/mypy", "--cache-dir", str(tmp_path / "cache"), *args], cwd=cwd,
                              env={**os.environ, "MYPYPATH": str(PACKAGE), "NO_COLOR": "1"},
                              capture_output=True, text=True)

    return check


def test_package_is_strict(mypy):
    done = mypy(cwd=PACKAGE)  # settings in pyproject.toml
    assert done.returncode == 0, done.stdout + done.stderr


def test_decorated_functions_keep_their_types(mypy, tmp_path):
    (tmp_path / "user.py").write_text(USER)
    done = mypy("--strict", "user.py", cwd=tmp_path)
    shown = re.findall(r'Revealed type is "([^"]+)"', done.stdout)
    assert [re.sub(r"[a-z._]*\.(?=[A-Z])", "", t) for t in shown] == [
        "Result", "builtins.int", "Awaitable[Result]", "builtins.list[builtins.str]", "Result"], done.stdout
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 3, done.stdout
    assert 'incompatible type "str"; expected "int"' in errors[0]
    assert "least" in errors[1]
    assert "no_argv" in done.stdout or "int" in errors[2]
