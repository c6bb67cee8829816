"""@function: the body of a Python function runs in a fresh Python process behind the wall.

What crosses the wall: in, one JSON object with the function's name, its arguments, the host's
``sys.path``, and the sources of the function's module and of this package (so neither needs a
grant); out, one JSON object, capped, never anything that would have to be unpickled.  Other
modules that the function imports are found by ``sys.path`` as far as the policy lets them be read.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import os
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, List, Mapping, Optional, Tuple, TypeVar, cast

from . import _inside
from ._errors import CapsuleError, RemoteError
from ._result import Result
from ._run import DEFAULT_MAX_OUTPUT, PathLike, Policy, arun, refuse_inside, run

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")

R = TypeVar("R")

DEFAULT_MAX_RESULT = 1 << 20
MAX_DIGITS = 4300  # of an integer in a result: converting more takes quadratic time
MAIN = "__capsule_main__"  # the name under which a script's functions are found inside
BOOT = "import json,sys;c=json.load(sys.stdin.buffer);exec(c['boot'],g:={'__name__':'capsule_inside'});g['main'](c)"


class Function(Generic[P, R]):
    """A function whose calls run behind the wall; made by :func:`function`.

    Calling it gives the value (for an ``async def``: an awaitable of it).  :meth:`call` gives the
    value and the :class:`Result` with log, layers and what was printed.  ``inside`` is the plain
    function, for tests that want it without the wall.
    """

    def __init__(self, inside: Callable[P, R], options: Dict[str, Any], max_result: int, python: str) -> None:
        self.inside = inside
        self.options = options
        self.max_result = max_result
        self.python = python
        functools.update_wrapper(cast(Any, self), inside)

    @property
    def __capsule_inside__(self) -> Callable[P, R]:
        return self.inside

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if inspect.iscoroutinefunction(self.inside):
            return cast(R, self._acall(args, kwargs))
        return self.call(*args, **kwargs)[0]

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Tuple[R, Result]:
        """Run it and wait, also when it is an ``async def``; the value and the Result."""
        argv, input = self._request(args, kwargs)
        result = run(argv, input=input, **self.options)
        return self._value(result), result

    async def _acall(self, args: Any, kwargs: Any) -> R:
        argv, input = self._request(args, kwargs)
        return self._value(await arun(argv, input=input, **self.options))

    def _request(self, args: Any, kwargs: Any) -> Tuple[List[str], bytes]:
        refuse_inside()
        _inside.plain(list(args), "args")
        _inside.plain(dict(kwargs), "kwargs")
        module, sources = _sources_of(self.inside)
        name = self.inside.__qualname__
        call = {
            "boot": _text(Path(_inside.__file__)),
            "module": module,
            "qualname": name,
            "path": [os.path.abspath(p) for p in sys.path if isinstance(p, str)],
            "sources": sources,
            "args": args,
            "kwargs": kwargs,
        }
        # -I: nothing from the environment; the last word is there for whoever reads the log.
        return [self.python, "-I", "-B", "-c", BOOT, f"{module}:{name}"], json.dumps(call).encode()

    def _value(self, result: Result) -> R:
        name = self.inside.__qualname__
        if len(result.stdout_bytes) > self.max_result or result.truncated:
            raise CapsuleError(
                f"{name}: the result is larger than {self.max_result} bytes", "protocol", result=result
            )
        if not result.stdout_bytes:
            result.check()
            raise CapsuleError(f"{name}: ended without a result", "protocol", result=result)
        answer = _parse(name, result)
        error = answer.get("error")
        if error is None:
            return cast(R, answer.get("value"))
        if not isinstance(error, dict):
            raise CapsuleError(f"{name}: a malformed answer from inside", "protocol", result=result)
        raise _remote(name, error, result)


def function(
    *,
    policy: Optional[Policy] = None,
    workspace: Optional[PathLike] = None,
    env: Optional[Mapping[str, str]] = None,
    set_env: Optional[Mapping[str, str]] = None,
    cwd: Optional[PathLike] = None,
    timeout: Optional[float] = None,
    python: Optional[PathLike] = None,
    max_result: int = DEFAULT_MAX_RESULT,
    max_output: int = DEFAULT_MAX_OUTPUT,
    binary: Optional[PathLike] = None,
) -> Callable[[Callable[P, R]], Function[P, R]]:
    """Run the body of a function in a fresh Python process behind the wall.

    ::

        @capsule.function(policy="capsule.yaml")
        def count_lines(path: str) -> int:
            with open(path) as f:
                return sum(1 for _ in f)

        count_lines("README.md")

    Arguments and result are JSON: None, bool, int, finite float, str, list, dict with str keys (a
    tuple arrives as a list); anything else is a TypeError before anything runs.  The function
    stands at the top level of a module or script (or in a class there, without ``self``): it is
    found by name inside, so its globals have the values the module's source gives them, and what
    the caller changed since is not seen.  In a script, the first call belongs under ``if __name__ ==
    "__main__":``, as the script's top level runs again inside.  What it prints goes to ``Result.stderr``.

    ``python``      the interpreter, which must be readable and executable inside; None: this one.
    ``max_result``  bytes of JSON accepted back.

    The other parameters are those of :func:`capsule.run`.  Raises what run raises; RemoteError when
    the function raises inside; CommandFailed when the interpreter itself ends badly there.
    """
    options = {
        "policy": policy,
        "workspace": workspace,
        "env": env,
        "set_env": set_env,
        "cwd": cwd,
        "timeout": timeout,
        "max_output": max(max_output, max_result + 1),
        "binary": binary,
    }
    interpreter = os.fspath(python) if python is not None else sys.executable

    def decorate(inside: Callable[P, R]) -> Function[P, R]:
        if not isinstance(inside, types.FunctionType):
            raise TypeError("@capsule.function(...) decorates a plain function, with parentheses")
        if "<" in inside.__qualname__:
            raise TypeError(
                f"{inside.__qualname__}: a lambda or a function made inside a function has no name to "
                "find it by behind the wall; move it to the top level of its module"
            )
        return Function(inside, options, max_result, interpreter)

    return decorate


def _sources_of(inside: Callable[..., Any]) -> Tuple[str, Dict[str, Dict[str, Any]]]:
    """The name to import inside, and every source that travels: {name: {text, file, package}}."""
    sources: Dict[str, Dict[str, Any]] = {}
    for part in sorted(Path(__file__).parent.glob("*.py")):
        name = "capsule" if part.stem == "__init__" else f"capsule.{part.stem}"
        sources[name] = {"text": _text(part), "file": os.fspath(part), "package": part.stem == "__init__"}
    name = inside.__module__
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == "__main__":
        if not file:
            raise CapsuleError("a function typed at the prompt has no source file to send", "function")
        sources[MAIN] = {"text": _text(Path(file)), "file": os.path.abspath(file), "package": False}
        return MAIN, sources
    # The module and the packages it sits in; each that has a source.
    words = name.split(".")
    for i in range(1, len(words) + 1):
        part_name = ".".join(words[:i])
        part_file = getattr(sys.modules.get(part_name), "__file__", None)
        if part_name not in sources and part_file and part_file.endswith(".py"):
            sources[part_name] = {
                "text": _text(Path(part_file)),
                "file": os.path.abspath(part_file),
                "package": os.path.basename(part_file) == "__init__.py",
            }
    return name, sources


@functools.lru_cache(maxsize=256)
def _read_text(path: Path, mtime_ns: int) -> str:
    return path.read_text("utf-8")


def _text(path: Path) -> str:
    return _read_text(path, path.stat().st_mtime_ns)


def _digits(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number out of range")
    return value


def _parse(name: str, result: Result) -> Dict[str, Any]:
    """The answer; its writer is hostile."""
    try:
        answer = json.loads(
            result.stdout_bytes, parse_int=_digits, parse_constant=_constant, parse_float=_float
        )
    except (ValueError, RecursionError) as e:
        raise CapsuleError(f"{name}: the answer from inside is not JSON: {e}", "protocol", result=result) from None
    if not isinstance(answer, dict) or not ({"value", "error"} & answer.keys()):
        raise CapsuleError(f"{name}: a malformed answer from inside", "protocol", result=result)
    return answer


def _remote(name: str, error: Mapping[str, Any], result: Result) -> RemoteError:
    kind = str(error.get("type", "Exception"))[:200]
    message = str(error.get("message", ""))[:10000]
    number = error.get("errno")
    return RemoteError(
        f"{name}: {kind}: {message}",
        kind,
        str(error.get("traceback", "")),
        number if isinstance(number, int) else None,
        result,
    )
