"""run, arun, verify: a ``capsule`` process, its pipes and its deadline.

The supervisor (``capsule run``) is our only child.  Whatever happens here (a deadline, Ctrl-C, a
cancelled task, any exception) ends in killing it, and the session's whole tree dies with it: that
is the wall's promise, not ours.  Output is read by one poll loop into buffers with a ceiling.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union, cast

from ._errors import CapsuleError, Timeout
from ._result import Result, Verification, read_report

PathLike = Union[str, "os.PathLike[str]"]
Policy = Union[PathLike, Mapping[str, Any]]

DEFAULT_MAX_OUTPUT = 64 << 20
GRACE = 2.0  # seconds between SIGTERM and SIGKILL; the same as the policy's wall_time
REPORT_MAX = 16 << 20
CHUNK = 1 << 16
REPORT = "report.json"

# The name of the @tool function that is being asked for its argv, if one is; see _tool.py.
describing: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar("describing", default=None)


def find_binary(binary: Optional[PathLike] = None) -> str:
    """The path of the ``capsule`` program: ``binary``, else ``$CAPSULE_BIN``, else from ``$PATH``.

    Raises CapsuleError with step "find".
    """
    wanted = os.fspath(binary) if binary is not None else os.environ.get("CAPSULE_BIN") or "capsule"
    found = shutil.which(wanted)
    if found is None:
        raise CapsuleError(
            f"cannot find the program '{wanted}': install Capsule, or set CAPSULE_BIN", step="find"
        )
    return os.path.abspath(found)


def run(
    argv: Sequence[PathLike],
    *,
    policy: Optional[Policy] = None,
    workspace: Optional[PathLike] = None,
    tool: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    set_env: Optional[Mapping[str, str]] = None,
    cwd: Optional[PathLike] = None,
    input: Union[str, bytes, None] = None,
    timeout: Optional[float] = None,
    check: bool = False,
    log: Optional[PathLike] = None,
    max_output: int = DEFAULT_MAX_OUTPUT,
    binary: Optional[PathLike] = None,
) -> Result:
    """Run one command behind the wall, wait for its end, return what it did.

    ``argv``        program and arguments; no shell is involved (a plain string is a TypeError).
                    The program is looked up inside the wall.
    ``policy``      a file, "preset:NAME", or a mapping of the same shape as capsule.yaml (which
                    starts from nothing unless it says ``{"extends": "preset:agent"}``, and whose
                    paths are absolute).  None: what ``capsule run`` finds by itself.
    ``workspace``   the folder that ``${workspace}`` means; None: ``cwd``.
    ``tool``        narrow the policy to this entry of its ``tools:``; its argv patterns must match.
    ``env``         the environment the policy chooses from (None: ``os.environ``).  What is not in
                    ``process.env.pass`` or looks like a secret does not reach the command.
    ``set_env``     variables set in the session whatever the policy passes.  They are words of a
                    command line, which other users of the machine can see: no secrets.
    ``cwd``         where the command starts; None: the workspace, else the current directory.
    ``input``       its standard input, str is encoded as UTF-8; None: empty.
    ``timeout``     seconds until the whole session is killed (SIGTERM, 2 s later SIGKILL).
    ``check``       raise when the command's status is not 0.
    ``log``         the audit log's file, which must not exist yet; None: in the state folder.
    ``max_output``  bytes kept of stdout and of stderr; the rest is read and dropped, and
                    ``Result.truncated`` says so.

    Raises CapsuleError (bad policy, layer missing, any failure of Capsule's own: nothing ran),
    Denied (the policy refuses this command), Timeout; with ``check`` also CommandFailed, or Denied
    when denials are on record for a command that failed.
    """
    job = _Job(argv, policy, workspace, tool, env, set_env, cwd, input, timeout, log, max_output, binary)
    result = job.run()
    return result.check() if check else result


async def arun(
    argv: Sequence[PathLike],
    *,
    policy: Optional[Policy] = None,
    workspace: Optional[PathLike] = None,
    tool: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    set_env: Optional[Mapping[str, str]] = None,
    cwd: Optional[PathLike] = None,
    input: Union[str, bytes, None] = None,
    timeout: Optional[float] = None,
    check: bool = False,
    log: Optional[PathLike] = None,
    max_output: int = DEFAULT_MAX_OUTPUT,
    binary: Optional[PathLike] = None,
) -> Result:
    """:func:`run` for asyncio. Cancelling it ends the session before CancelledError goes on."""
    job = _Job(argv, policy, workspace, tool, env, set_env, cwd, input, timeout, log, max_output, binary)
    loop = asyncio.get_running_loop()
    task = loop.run_in_executor(None, job.run)
    try:
        result = await asyncio.shield(task)
    except asyncio.CancelledError:
        job.cancel()
        try:
            await asyncio.shield(task)
        except Exception:  # what the cancelled run says of itself no longer matters
            pass
        raise
    return result.check() if check else result


def verify(
    log: PathLike,
    *,
    checkpoint: Optional[PathLike] = None,
    key: Optional[PathLike] = None,
    binary: Optional[PathLike] = None,
) -> Verification:
    """Ask ``capsule verify`` whether ``log`` is intact.

    ``checkpoint`` is an earlier signed checkpoint that the log must be consistent with, ``key`` the
    public key it must be signed under.  Raises CapsuleError when there is no verdict (a missing
    file, a bad option); an altered log is a verdict, not an exception.
    """
    argv = [find_binary(binary), "verify", "--json"]
    if checkpoint is not None:
        argv += ["--checkpoint", os.fspath(checkpoint)]
    if key is not None:
        argv += ["--key", os.fspath(key)]
    done = subprocess.run([*argv, "--", os.fspath(log)], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 1):
        raise CapsuleError(done.stderr.decode("utf-8", "replace").strip(), step="verify")
    try:
        report = json.loads(done.stdout)
    except ValueError as e:
        raise CapsuleError(f"capsule verify --json wrote no JSON: {e}", step="protocol") from e
    return Verification(done.returncode == 0, report if isinstance(report, dict) else {})


def refuse_inside() -> None:
    """There is no wall within the wall: say so, before anything is looked for."""
    if "capsule_inside" in sys.modules:
        raise RuntimeError(
            "this already runs behind the wall, as part of a @capsule.function: call the plain function "
            "(its .inside); and in a script, put the first call under 'if __name__ == \"__main__\":', "
            "since the script's top level runs again inside"
        )


def _argv_words(argv: Sequence[PathLike]) -> List[str]:
    if isinstance(argv, (str, bytes)):
        raise TypeError("argv is a list of words, not a string: Capsule starts no shell for you")
    words = [os.fspath(a) for a in argv]
    if not words:
        raise ValueError("argv is empty")
    for w in words:
        if not isinstance(w, str):
            raise TypeError(f"argv holds {type(w).__name__}; every word is a str or a path")
        if "\0" in w:
            raise ValueError("argv holds a NUL byte")
    return words


class _Sink:
    """Bytes with a ceiling."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = bytearray()
        self.truncated = False

    def take(self, chunk: bytes) -> None:
        room = self.limit - len(self.data)
        self.data += chunk[:room]
        self.truncated = self.truncated or len(chunk) > room


class _Job:
    """One ``capsule run``: made in the caller's thread, run in any, cancelled from any."""

    def __init__(
        self,
        argv: Sequence[PathLike],
        policy: Optional[Policy],
        workspace: Optional[PathLike],
        tool: Optional[str],
        env: Optional[Mapping[str, str]],
        set_env: Optional[Mapping[str, str]],
        cwd: Optional[PathLike],
        input: Union[str, bytes, None],
        timeout: Optional[float],
        log: Optional[PathLike],
        max_output: int,
        binary: Optional[PathLike],
    ) -> None:
        if max_output < 0:
            raise ValueError("max_output is negative")
        refuse_inside()
        self.argv = _argv_words(argv)
        # A copy: the caller may change its mapping while we run in another thread.
        self.policy = json.loads(json.dumps(dict(policy))) if isinstance(policy, Mapping) else policy
        self.workspace = None if workspace is None else os.path.abspath(os.fspath(workspace))
        self.cwd = self.workspace if cwd is None else os.path.abspath(os.fspath(cwd))
        self.tool = tool
        self.env = None if env is None else dict(env)
        self.set_env = dict(set_env or {})
        self.log = None if log is None else os.path.abspath(os.fspath(log))
        self.input = input.encode() if isinstance(input, str) else (input or b"")
        self.timeout = timeout
        self.max_output = max_output
        self.binary = find_binary(binary)
        self.cancelled = False
        self.process: Optional[subprocess.Popen[bytes]] = None

    def cancel(self) -> None:
        """End the session, from any thread; run() returns within GRACE and a second more."""
        self.cancelled = True
        if self.process is not None:
            self.process.terminate()

    def run(self) -> Result:
        with tempfile.TemporaryDirectory(prefix="sdk-", dir=self._state_dir()) as scratch:
            return self._run(Path(scratch))

    def _state_dir(self) -> Optional[str]:
        """Where the policy and the report lie: in Capsule's own state folder, which it keeps out of
        every session.  A session that may write the host's /tmp must not find them there."""
        env = os.environ if self.env is None else self.env
        state, home = env.get("XDG_STATE_HOME", ""), env.get("HOME", "")
        if not os.path.isabs(state):
            if not os.path.isabs(home):
                return None  # Capsule will say so itself
            state = os.path.join(home, ".local/state")
        path = os.path.join(state, "capsule")
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as e:
            raise CapsuleError(f"cannot make {path}: {e.strerror}", step="places", errno=e.errno) from e
        return path

    def _command(self, scratch: Path) -> List[str]:
        command = [self.binary, "run", "--quiet", "--report", os.fspath(scratch / REPORT)]
        if isinstance(self.policy, dict):
            # YAML takes JSON as it is; not escaped to ASCII, since YAML has no surrogate pairs.
            file = scratch / "policy.yaml"
            file.write_text(json.dumps(self.policy, ensure_ascii=False, indent=2), "utf-8")
            command += ["--policy", os.fspath(file)]
        elif self.policy is not None:
            name = os.fspath(cast(PathLike, self.policy))
            command += ["--policy", name if name.startswith("preset:") else os.path.abspath(name)]
        if self.workspace is not None:
            command += ["--workspace", self.workspace]
        if self.tool is not None:
            command += ["--tool", self.tool]
        if self.log is not None:
            command += ["--log", self.log]
        for name, value in self.set_env.items():
            command += ["--env", f"{name}={value}"]
        return [*command, "--", *self.argv]

    def _start(self, command: List[str]) -> subprocess.Popen[bytes]:
        token = describing.set(None)  # a tool may use another tool: that one starts behind its wall
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.cwd,
                env=self.env,
            )
        except OSError as e:
            raise CapsuleError(f"cannot start {self.binary}: {e}", step="start", errno=e.errno) from e
        finally:
            describing.reset(token)

    def _run(self, scratch: Path) -> Result:
        command = self._command(scratch)
        out, err = _Sink(self.max_output), _Sink(self.max_output)
        started = time.monotonic()
        deadline = None if self.timeout is None else started + self.timeout
        self.process = process = self._start(command)
        try:
            late = self._pump(process, {"out": out, "err": err}, deadline)
        finally:
            if process.returncode is None:
                process.kill()
            status = process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                _close(pipe)
        result = Result(
            argv=tuple(self.argv),
            returncode=status if status >= 0 else 128 - status,
            stdout_bytes=bytes(out.data),
            stderr_bytes=bytes(err.data),
            truncated=out.truncated or err.truncated,
            duration=time.monotonic() - started,
            report=_read_json(scratch / REPORT),
        )
        if late and self.timeout is not None and not self.cancelled:
            raise Timeout(f"no end after {self.timeout:g} s: {self.argv[0]}", self.timeout, result)
        return read_report(result)

    def _pump(
        self, process: subprocess.Popen[bytes], sinks: Dict[str, _Sink], deadline: Optional[float]
    ) -> bool:
        """Move bytes until both outputs end; True when the deadline came first."""
        late, give_up = False, None
        with selectors.DefaultSelector() as selector:
            _add(selector, process.stdout, selectors.EVENT_READ, sinks["out"])
            _add(selector, process.stderr, selectors.EVENT_READ, sinks["err"])
            rest = memoryview(self.input)
            if rest:
                _add(selector, process.stdin, selectors.EVENT_WRITE, None)
            else:
                _close(process.stdin)
            while selector.get_map():
                now = time.monotonic()
                if not late and (self.cancelled or (deadline is not None and now >= deadline)):
                    late, give_up = True, now + GRACE
                    process.terminate()
                elif give_up is not None and now >= give_up:
                    process.kill()
                    break
                if give_up is None and process.poll() is not None:
                    give_up = now + GRACE  # its pipes end with it; never wait on them for ever
                ends = [t for t in (give_up, None if late else deadline) if t is not None]
                wait = min([1.0, *(max(0.0, t - now) for t in ends)])
                for key, _ in selector.select(wait):
                    pipe = cast(IO[bytes], key.fileobj)
                    if key.data is None:
                        rest = _write(pipe, rest)
                        done = not rest
                    else:
                        chunk = _read(pipe)
                        key.data.take(chunk)
                        done = not chunk
                    if done:
                        selector.unregister(pipe)
                        _close(pipe)
        if not late and deadline is not None:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                late = True
        elif not late:
            process.wait()
        return late


def _add(
    selector: selectors.BaseSelector, pipe: Optional[IO[bytes]], events: int, sink: Optional[_Sink]
) -> None:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    selector.register(pipe, events, sink)


def _read(pipe: IO[bytes]) -> bytes:
    return os.read(pipe.fileno(), CHUNK)


def _write(pipe: IO[bytes], rest: memoryview) -> memoryview:
    try:
        return rest[os.write(pipe.fileno(), rest[:CHUNK]) :]
    except BrokenPipeError:  # the command does not want all of its input: its own business
        return rest[:0]


def _close(pipe: Optional[IO[bytes]]) -> None:
    if pipe is not None and not pipe.closed:
        try:
            pipe.close()
        except BrokenPipeError:
            pass


def _read_json(path: Path) -> Dict[str, Any]:
    """The report, or {} when there is none: the supervisor was killed before it wrote it."""
    try:
        with open(path, "rb") as f:
            text = f.read(REPORT_MAX + 1)
    except FileNotFoundError:
        return {}
    if not text:
        return {}
    if len(text) > REPORT_MAX:
        raise CapsuleError(f"the report is larger than {REPORT_MAX} bytes", step="protocol")
    try:
        report = json.loads(text)
    except ValueError as e:
        raise CapsuleError(f"the report is not JSON: {e}", step="protocol") from e
    if not isinstance(report, dict):
        raise CapsuleError("the report is not a JSON object", step="protocol")
    return report
