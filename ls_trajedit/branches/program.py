"""Programs: one JSON object on their standard input, one on their standard output, the rest into the branch's log.

A program runs in a session of its own. When it ends, or is to end, it is killed with everything that it started: the
processes of its group and, on Linux, those that have left the group too, which a variable in their environment shows.
"""

from __future__ import annotations

import os
import secrets
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.answers import ending_of, messages_in, quoted, read_messages
from ls_trajedit.branches.attempts import attempt
from ls_trajedit.branches.log import MOST_LOGGED, BranchLog
from ls_trajedit.branches.stop import Stop
from ls_trajedit.redaction import find_secret
from ls_trajedit.traces.errors import SetupError, UsageError

__all__ = ["MARK_VARIABLE", "Program", "ProgramAgent", "find_program"]

MARK_VARIABLE = "LS_TRAJEDIT_PROGRAM"
"""The environment variable by which a program's processes are found."""

_MOST_BYTES = 32 << 20
_CHUNK = 1 << 16
# Between two looks at whether a program has ended while something that it started holds its pipes open.
_POLL_SECONDS = 0.02
_SECONDS_TO_DIE = 5
# More than a pipe holds; there is no end to what a process that could not be killed may write.
_MOST_LEFT_IN_PIPES = 4 << 20
_PROC = Path("/proc")
_MOST_SWEEPS = 20

# What holds credentials of ours. A program has its own ways to get at those that it needs.
_OUR_VARIABLES = ("LABEL_STUDIO_API_KEY", "LABEL_STUDIO_HEADERS", "BASIC_AUTH_PASS")


@dataclass(frozen=True)
class Program:
    """A program that can be run: its command line, the first word being the path of a file, and the variables that it
    does not get beside those that hold credentials of ours."""

    command: tuple[str, ...]
    hidden: tuple[str, ...] = ()

    def run(self, sent: bytes, timeout: float, log: BranchLog, stop: Stop) -> bytes:
        """What the program writes to its standard output when it gets `sent` on its standard input. What it writes to
        its standard error goes to the log. No process that it started is left.

        Raises BranchFailed when it cannot be started, ends with another code than 0, has not ended after `timeout`
        seconds, or writes more than 32 MiB; and Stopped when the run stops.
        """
        mark = secrets.token_hex(16)
        environment = {**_environment(self.hidden), MARK_VARIABLE: mark}
        selector: selectors.BaseSelector | None = None
        try:
            # The first to fail when too many files are open: then nothing was started yet.
            selector = selectors.DefaultSelector()
            process = subprocess.Popen(  # noqa: S603 - the program that the user named, and no shell
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            if selector is not None:
                selector.close()
            raise BranchFailed("not_started", f"the program cannot be started: {error.strerror}") from None
        exchange = _Exchange(process, sent, selector)
        try:
            with stop.ending(lambda: _kill(process, mark)):
                is_done = exchange.run(time.monotonic() + timeout)
        finally:
            # While the process has not been waited for, its number is that of no other.
            _kill(process, mark)
            exchange.finish()
            log.write(exchange.errors.kept())
        if exchange.is_too_much:
            raise BranchFailed("too_much", f"the program wrote more than {_MOST_BYTES >> 20} MiB and was killed")
        if not is_done:
            raise BranchFailed(
                "timeout", f"the program had not ended after {timeout:g} s and was killed", is_transient=True
            )
        if process.returncode:
            raise BranchFailed(
                "exit_code", f"the program {_how(process.returncode)}{exchange.errors.last_words()}", is_transient=True
            )
        return bytes(exchange.output)


@dataclass(frozen=True)
class ProgramAgent:
    """An agent that is a program."""

    program: Program
    timeout: float
    retries: int

    def __call__(self, request: AgentRequest, log: BranchLog, stop: Stop) -> Continuation:
        """What the program says that follows. Raises what an agent raises."""
        sent = request.as_json() + b"\n"
        raw = attempt(lambda: self.program.run(sent, self.timeout, log, stop), self.retries, log, stop)
        messages = read_messages(request.messages, messages_in(raw, "what the program wrote"))
        return Continuation(messages, ending_of(messages))


def find_program(option: str, command: str, hidden: Sequence[str] = ()) -> Program:
    """The program that a command line names, split as a shell splits it. Raises UsageError, which names the `option`,
    when it names no program that is there, and SetupError where programs cannot be run."""
    if os.name != "posix":
        # A program and all that it started cannot be killed there in one go.
        raise SetupError(f"{option} needs Linux or macOS; on Windows, run it in WSL, or give --agent-url")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{option}: a shell could not split this into words ({error}); look at the quotes") from None
    if not words:
        raise UsageError(f"{option}: it is empty; give the command that runs the program")
    found = shutil.which(words[0])
    if found is None:
        raise UsageError(
            f"{option}: there is no program {quoted(words[0])}; give its path, or the command that runs it"
        )
    return Program((str(Path(found).absolute()), *words[1:]), tuple(hidden))


class _Errors:
    """What a program writes to its standard error: the beginning and the end of it."""

    def __init__(self) -> None:
        self._begin = bytearray()
        self._end = bytearray()
        self._left_out = 0

    def add(self, chunk: bytes) -> None:
        room = MOST_LOGGED - len(self._begin)
        self._begin += chunk[:room]
        self._end += chunk[room:]
        if (extra := len(self._end) - MOST_LOGGED) > 0:
            del self._end[:extra]
            self._left_out += extra

    def kept(self) -> bytes:
        if not self._left_out:
            return bytes(self._begin + self._end)
        return bytes(self._begin) + b"\n[ls-trajedit] %d bytes left out\n" % self._left_out + bytes(self._end)

    def last_words(self) -> str:
        """The last line, for a message."""
        lines = (self._end or self._begin)[-4_000:].decode("utf-8", "backslashreplace").rstrip().splitlines()
        return f"; it said: {quoted(lines[-1])}" if lines else ""


class _Exchange:
    """What is said to a process and what it says, until it ends."""

    def __init__(self, process: subprocess.Popen[bytes], sent: bytes, selector: selectors.BaseSelector) -> None:
        self.output = bytearray()
        self.errors = _Errors()
        self._process = process
        self._to_send = memoryview(sent)
        self._selector = selector
        self._stdin, self._stdout, self._stderr = (
            cast(BinaryIO, pipe) for pipe in (process.stdin, process.stdout, process.stderr)
        )
        self._selector.register(self._stdin, selectors.EVENT_WRITE)
        for pipe in (self._stdout, self._stderr):
            self._selector.register(pipe, selectors.EVENT_READ)
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)

    @property
    def is_too_much(self) -> bool:
        return len(self.output) > _MOST_BYTES

    def run(self, deadline: float) -> bool:
        """Returns when the process has ended, has written too much, or at the deadline; whether it has ended."""
        while not self.is_too_much:
            if _has_ended(self._process):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._exchange(min(left, _POLL_SECONDS))
        return False

    def finish(self) -> None:
        """Takes what the process wrote before it was killed, and closes the pipes, whoever still holds their other
        ends."""
        with suppress(subprocess.TimeoutExpired):
            # What runs as another user, as under sudo, cannot be killed; it is left without pipes.
            self._process.wait(_SECONDS_TO_DIE)
        self._close(self._stdin)
        for _ in range(_MOST_LEFT_IN_PIPES // _CHUNK):
            if self.is_too_much or not self._exchange(0):
                break
        for pipe in (self._stdout, self._stderr):
            self._close(pipe)
        self._selector.close()

    def _exchange(self, seconds: float) -> bool:
        """Sends and takes what can be sent and taken within the time; whether there was anything."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.fileobj is self._stdin:
                self._send()
            else:
                self._receive(cast(BinaryIO, key.fileobj))
        return bool(ready)

    def _send(self) -> None:
        try:
            sent = os.write(self._stdin.fileno(), self._to_send[:_CHUNK])
        except BlockingIOError:
            return
        except OSError:
            # It does not want to read the rest.
            sent = len(self._to_send)
        self._to_send = self._to_send[sent:]
        if not self._to_send:
            self._close(self._stdin)

    def _receive(self, pipe: BinaryIO) -> None:
        try:
            chunk = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._close(pipe)
        elif pipe is self._stdout:
            self.output += chunk
        else:
            self.errors.add(chunk)

    def _close(self, pipe: BinaryIO) -> None:
        if not pipe.closed:
            self._selector.unregister(pipe)
            pipe.close()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended. Where it need not be waited for to know that, it keeps its number until it is."""
    if not hasattr(os, "waitid"):  # on macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kills the process and everything that it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    marked = f"{MARK_VARIABLE}={mark}".encode()
    for _ in range(_MOST_SWEEPS):
        found = list(_with_environment(marked))
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _with_environment(line: bytes) -> Iterator[int]:
    """The processes of this user that were started with this in their environment; none where that cannot be seen."""
    if not _PROC.is_dir():
        return
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                if line in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)


def _environment(hidden: Sequence[str]) -> Mapping[str, str]:
    """Our environment without credentials of ours, by name or because a token stands in the value."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in (*_OUR_VARIABLES, *hidden) and not find_secret(value.encode("utf-8", "surrogateescape"))
    }


def _how(code: int) -> str:
    if code > 0:
        return f"ended with the exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by the signal {-code}"
