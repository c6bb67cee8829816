"""Capsule for Python: run tool calls behind the wall, and know what was refused.

Four ways in, all on top of the ``capsule`` program (found as ``binary=``, ``$CAPSULE_BIN``, or
on ``$PATH``):

``run(argv, ...)``
    one process call behind the wall; gives a :class:`Result`.
``arun(argv, ...)``
    the same for asyncio; cancelling the task ends the whole session.
``@tool(policy=..., tool=...)``
    a function that *returns the argv* of a process call; calling it runs that call behind the
    wall and returns its :class:`Result` (or what ``parse=`` makes of it).
``@function(policy=...)``
    a function whose *body* runs in a fresh Python process behind the wall; arguments and result
    travel as JSON.

and ``verify(log)`` asks ``capsule verify`` whether a log is intact.

Nothing that comes back from inside the wall is unpickled, imported or evaluated here: a result
is bytes, or JSON with a size cap.  Standard library only.
"""

from ._errors import CapsuleError, CommandFailed, Denied, Error, RemoteError, Timeout
from ._function import Function, function
from ._result import Denial, Place, Result, Verification
from ._run import arun, find_binary, run, verify
from ._tool import Command, tool

__version__ = "0.1.0"

__all__ = [
    "CapsuleError",
    "Command",
    "CommandFailed",
    "Denial",
    "Denied",
    "Error",
    "Function",
    "Place",
    "RemoteError",
    "Result",
    "Timeout",
    "Verification",
    "arun",
    "find_binary",
    "function",
    "run",
    "tool",
    "verify",
]
