"""What can go wrong, and who says so.

::

    Error
    ├── CapsuleError    Capsule itself failed, or refused its own input: nothing ran
    ├── Denied          the policy refused the call, or the call failed with denials on record
    ├── CommandFailed   the command ran and ended with a status other than 0
    ├── Timeout         the SDK's own deadline passed; the session is gone
    └── RemoteError     a function behind the wall raised
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

if TYPE_CHECKING:
    from ._result import Denial, Place, Result


class Error(Exception):
    """The base of everything that this package raises on purpose.

    ``result`` is the :class:`Result` as far as it got, or None when nothing was started.
    """

    def __init__(self, message: str, result: Optional[Result] = None) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


class CapsuleError(Error):
    """Capsule could not do its own part (its exit status 125, or 2 for a bad policy or option).

    ``step``   where: "policy", "landlock", "find" (the program is missing), "protocol" ...; "" if unknown
    ``errno``  the number of the errno as an int, or None
    ``where``  the line of the policy file that is to blame, a :class:`Place`, or None
    """

    def __init__(
        self,
        message: str,
        step: str = "",
        errno: Optional[int] = None,
        result: Optional[Result] = None,
        where: Optional[Place] = None,
    ) -> None:
        super().__init__(message, result)
        self.step = step
        self.errno = errno
        self.where = where


class Denied(Error):
    """The policy said no.

    ``denials`` holds at least one :class:`Denial`, the first is the one in the message.
    """

    def __init__(
        self, message: str, denials: Tuple[Denial, ...], result: Optional[Result] = None
    ) -> None:
        super().__init__(message, result)
        self.denials = denials

    @property
    def denial(self) -> Denial:
        """The first denial."""
        return self.denials[0]


class CommandFailed(Error):
    """The command's own failure: ``returncode`` as shells tell it (128+N: ended by signal N)."""

    result: Result

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message, result)
        self.returncode = result.returncode


class Timeout(Error, TimeoutError):
    """``timeout`` seconds passed. Every process of the session has been killed.

    ``result`` holds what was written until then.
    """

    def __init__(self, message: str, timeout: float, result: Optional[Result] = None) -> None:
        super().__init__(message, result)
        self.timeout = timeout


class RemoteError(Error):
    """A function behind the wall raised an exception, described here by text alone.

    ``type``       its class, e.g. "PermissionError" or "package.module.Name"
    ``errno``      for an OSError, else None
    ``traceback``  the text Python would have printed; written by untrusted code: show it, do not parse it
    """

    def __init__(
        self,
        message: str,
        type: str,
        traceback: str,
        errno: Optional[int] = None,
        result: Optional[Result] = None,
    ) -> None:
        super().__init__(message, result)
        self.type = type
        self.traceback = traceback
        self.errno = errno
