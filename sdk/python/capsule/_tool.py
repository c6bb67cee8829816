"""@tool: a function that says which process to run; the call runs it behind the wall."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Awaitable,
    Callable,
    Dict,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
    cast,
    overload,
)

from ._result import Result
from ._run import DEFAULT_MAX_OUTPUT, PathLike, Policy, arun, describing, run

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Protocol

    P = ParamSpec("P")
    T_co = TypeVar("T_co", covariant=True)

    class _Decorator(Protocol[T_co]):
        @overload
        def __call__(self, function: Callable[P, Awaitable[Call]]) -> Callable[P, Awaitable[T_co]]: ...
        @overload
        def __call__(self, function: Callable[P, Call]) -> Callable[P, T_co]: ...


T = TypeVar("T")


@dataclass(frozen=True)
class Command:
    """A process call, for a @tool function that needs to say more than an argv.

    The fields mean what :func:`capsule.run`'s parameters of the same names mean; None leaves the
    decorator's choice.
    """

    argv: Sequence[PathLike]
    input: Union[str, bytes, None] = None
    cwd: Optional[PathLike] = None
    env: Optional[Mapping[str, str]] = None
    set_env: Optional[Mapping[str, str]] = None
    workspace: Optional[PathLike] = None
    timeout: Optional[float] = None


Call = Union[Command, Sequence[PathLike]]

# A tool function runs on the host and only describes a process.  One that starts it itself would
# start it outside the wall and nobody would notice, so while such a function runs, starting a
# process from it is refused.
_STARTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
)
_hooked = False


def _refuse_start(event: str, args: Tuple[Any, ...]) -> None:
    if event in _STARTS and describing.get() is not None:
        raise RuntimeError(
            f"{describing.get()} is a @capsule.tool: it returns the argv of the process, which is "
            "then run behind the wall; it must not start one itself (on the host). To run the "
            "function's own body behind the wall, use @capsule.function"
        )


@overload
def tool(
    *,
    policy: Optional[Policy] = ...,
    tool: Optional[str] = ...,
    workspace: Optional[PathLike] = ...,
    env: Optional[Mapping[str, str]] = ...,
    set_env: Optional[Mapping[str, str]] = ...,
    cwd: Optional[PathLike] = ...,
    timeout: Optional[float] = ...,
    check: bool = ...,
    max_output: int = ...,
    binary: Optional[PathLike] = ...,
) -> _Decorator[Result]: ...
@overload
def tool(
    *,
    parse: Callable[[Result], T],
    policy: Optional[Policy] = ...,
    tool: Optional[str] = ...,
    workspace: Optional[PathLike] = ...,
    env: Optional[Mapping[str, str]] = ...,
    set_env: Optional[Mapping[str, str]] = ...,
    cwd: Optional[PathLike] = ...,
    timeout: Optional[float] = ...,
    check: bool = ...,
    max_output: int = ...,
    binary: Optional[PathLike] = ...,
) -> _Decorator[T]: ...
def tool(
    *,
    parse: Optional[Callable[[Result], Any]] = None,
    policy: Optional[Policy] = None,
    tool: Optional[str] = None,
    workspace: Optional[PathLike] = None,
    env: Optional[Mapping[str, str]] = None,
    set_env: Optional[Mapping[str, str]] = None,
    cwd: Optional[PathLike] = None,
    timeout: Optional[float] = None,
    check: bool = True,
    max_output: int = DEFAULT_MAX_OUTPUT,
    binary: Optional[PathLike] = None,
) -> Any:
    """Make a tool of a function that returns an argv (a list of words) or a :class:`Command`.

    ::

        @capsule.tool(policy="capsule.yaml", tool="git-log", parse=lambda r: r.stdout.splitlines())
        def git_log(count: int) -> list:
            return ["git", "log", "--oneline", f"-{count}"]

        git_log(3)      # ["4004d2d Mark cut error text", ...], run behind the wall

    The decorated function has the same parameters and gives the :class:`Result`, or what ``parse``
    makes of it.  An ``async def`` function stays one.  Its body runs here, on the host, to build
    the argv; starting a process from it raises RuntimeError.

    The other parameters are those of :func:`capsule.run`, except that ``check`` is True unless
    said otherwise.  Raises what run raises; TypeError when the function returns something else.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise TypeError("write @capsule.tool(...), with parentheses")
        name = getattr(function, "__qualname__", repr(function))

        def arguments(call: Any) -> Tuple[Sequence[PathLike], Dict[str, Any]]:
            command = call if isinstance(call, Command) else _command_of(name, call)
            return command.argv, {
                "policy": policy,
                "tool": tool,
                "workspace": command.workspace if command.workspace is not None else workspace,
                "env": command.env if command.env is not None else env,
                "set_env": command.set_env if command.set_env is not None else set_env,
                "cwd": command.cwd if command.cwd is not None else cwd,
                "timeout": command.timeout if command.timeout is not None else timeout,
                "input": command.input,
                "check": check,
                "max_output": max_output,
                "binary": binary,
            }

        def describe(args: Any, kwargs: Any) -> Any:
            _hook()
            token = describing.set(name)
            try:
                return function(*args, **kwargs)
            finally:
                describing.reset(token)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def acall(*args: Any, **kwargs: Any) -> Any:
                _hook()
                token = describing.set(name)
                try:
                    call = await cast(Any, function)(*args, **kwargs)
                finally:
                    describing.reset(token)
                argv, options = arguments(call)
                result = await arun(argv, **options)
                return result if parse is None else parse(result)

            return acall

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            argv, options = arguments(describe(args, kwargs))
            result = run(argv, **options)
            return result if parse is None else parse(result)

        return call

    return decorate


def _hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_refuse_start)


def _command_of(name: str, call: Any) -> Command:
    if isinstance(call, (list, tuple)) and all(isinstance(w, (str, os.PathLike)) for w in call):
        return Command(call)
    raise TypeError(
        f"{name} returned {type(call).__name__}: a @capsule.tool returns the argv to run (a list of "
        "words) or a capsule.Command; to run the body itself behind the wall, use @capsule.function"
    )
