"""What a run gives back, and how the report of ``capsule run`` becomes it.

The report is written by the supervisor, outside the wall, so its shape is ours; the strings in it
(paths, arguments) are the session's.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from ._errors import CapsuleError, CommandFailed, Denied

FAILED = 125  # exit status: Capsule itself
NOT_STARTED = (126, 127)  # the command cannot be executed, is not there: as shells say it
USAGE = 2


@dataclass(frozen=True)
class Place:
    """Where a policy file says something; as text "capsule.yaml:12:9".

    ``file``         as it was named or found, or "preset:NAME"
    ``line``, ``col``  from 1; both 0: the file as a whole
    """

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}" if self.line else self.file


@dataclass(frozen=True)
class Denial:
    """One thing that was tried and refused.

    ``event``   what kind: "process.exec", "syscall", "file.open" ...
    ``object``  the path, host or command it was about, as text
    ``layer``   who refused: "policy", "seccomp", "landlock-fs" ...; "" if not said
    ``rule``    the policy's rule, e.g. "process.commands.deny"; "" if none
    ``where``   the line that says so, a :class:`Place`; None if none does
    ``reason``  one sentence for a person
    ``retry``   whether trying the same again can ever help
    ``raw``     the report's own object
    """

    event: str
    object: str
    layer: str
    rule: str
    where: Optional[Place]
    reason: str
    retry: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def __str__(self) -> str:
        text = self.reason or f"{self.event} {self.object}".strip()
        place = f"{self.where}: " if self.where else ""
        return text if text.startswith(place) else place + text


@dataclass(frozen=True)
class Result:
    """One finished run.

    ``argv``          the command, as it was given
    ``returncode``    the command's own; 128+N when signal N ended it
    ``stdout_bytes``, ``stderr_bytes``   what it wrote, each up to ``max_output``
    ``truncated``     some output was dropped
    ``duration``      seconds from start to end, Capsule's own share included
    ``report``        the report of ``capsule run`` (docs/RUN.md), {} when it was killed
    """

    argv: Tuple[str, ...]
    returncode: int
    stdout_bytes: bytes = field(repr=False)
    stderr_bytes: bytes = field(repr=False)
    truncated: bool = False
    duration: float = 0.0
    report: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def stdout(self) -> str:
        """Standard output as UTF-8; what is not becomes U+FFFD."""
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        """Standard error as UTF-8; what is not becomes U+FFFD."""
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        return self.returncode == 0

    @property
    def log(self) -> Optional[Path]:
        """The session's audit log, for :func:`capsule.verify`."""
        path = self.report.get("log")
        return Path(path) if isinstance(path, str) and path else None

    @property
    def session(self) -> str:
        """The session's id, 32 hex digits; "" if none was made."""
        return _text(self.report, "session")

    @property
    def signal(self) -> Optional[int]:
        """The signal that ended the command itself, or None."""
        number = self.report.get("signal")
        return number if isinstance(number, int) else None

    @property
    def layers(self) -> Dict[str, str]:
        """The layer manifest: name -> "engaged", "unavailable" or "not-requested"."""
        rows = self.report.get("layers")
        if not isinstance(rows, list):
            return {}
        return {_text(r, "name"): _text(r, "state") for r in rows if isinstance(r, dict)}

    @property
    def denied(self) -> Tuple[Denial, ...]:
        """Every denial on record, in the order they happened."""
        rows = self.report.get("denied")
        return tuple(_denial(r) for r in rows if isinstance(r, dict)) if isinstance(rows, list) else ()

    def check(self) -> Result:
        """This result if its status is 0; else raises Denied (denials on record) or CommandFailed."""
        if self.returncode == 0:
            return self
        message = f"{shlex.join(self.argv)}: {_ending(self.returncode)}"
        tail = self.stderr.strip().splitlines()[-1:]
        if self.denied:
            raise Denied(f"{message}: {self.denied[0]}", self.denied, self)
        raise CommandFailed(": ".join([message, *tail]), self)


@dataclass(frozen=True)
class Verification:
    """The verdict of ``capsule verify``: ``ok``, and its report as ``capsule verify --json`` wrote it."""

    ok: bool
    report: Mapping[str, Any]

    def __bool__(self) -> bool:
        return self.ok


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _number(row: Mapping[str, Any], key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) else 0


def _place(row: Mapping[str, Any]) -> Optional[Place]:
    where = row.get("where")
    if not isinstance(where, dict) or not _text(where, "file"):
        return None
    return Place(_text(where, "file"), _number(where, "line"), _number(where, "col"))


def _denial(row: Mapping[str, Any]) -> Denial:
    return Denial(
        event=_text(row, "event"),
        object=_text(row, "object"),
        layer=_text(row, "layer"),
        rule=_text(row, "rule"),
        where=_place(row),
        reason=_text(row, "reason"),
        retry=bool(row.get("retry", False)),
        raw=row,
    )


def _ending(status: int) -> str:
    return f"ended by signal {status - 128}" if 128 < status < 192 else f"exit status {status}"


def read_report(result: Result) -> Result:
    """Give @result back, or raise what its report says about Capsule's own part."""
    error = result.report.get("error")
    if isinstance(error, dict) and result.returncode not in NOT_STARTED:
        message = _text(error, "message") or result.stderr.strip()
        if result.denied:
            raise Denied(message, result.denied, result)
        number = _number(error, "errno") or None
        raise CapsuleError(message, _text(error, "step"), number, result, _place(error))
    if not result.report and result.returncode in (FAILED, USAGE):
        raise CapsuleError(result.stderr.strip() or f"capsule ended with {result.returncode}", result=result)
    return result
