"""The log of a branch: what its agent wrote to standard error, and how each attempt failed.

Whatever an agent writes may hold a secret, or be meant for the terminal on which somebody reads the log. So each line
is written as the console would print it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ls_trajedit.console import shown
from ls_trajedit.redaction import redact

__all__ = ["MOST_LOGGED", "BranchLog"]

MOST_LOGGED = 50_000
"""So many bytes are kept of the beginning of what an agent wrote, and as many of its end."""

# Attempts are few, but a model may have many turns with tools.
_MOST_BYTES = 4_000_000


class BranchLog:
    """The log of the branch with the id `branch`, in `folder`. Its file, which only its owner can read, appears when
    there is something to write; its name is made of the id's hash, because a trace's id may be anything."""

    def __init__(self, folder: Path, branch: str) -> None:
        name = hashlib.sha256(branch.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self.path = folder / f"{name}.log"
        self._file: int | None = None
        self._size = 0

    def __enter__(self) -> BranchLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def is_written(self) -> bool:
        """Whether there was something to write."""
        return self._size > 0

    def say(self, line: str) -> None:
        """Writes a line of our own."""
        self._write(f"[ls-trajedit] {shown(line)}\n")

    def write(self, raw: bytes) -> None:
        """Writes what an agent wrote to its standard error, which may be any bytes."""
        text = redact(raw.decode("utf-8", "backslashreplace"))
        lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        if text:
            self._write("".join(f"{shown(line)}\n" for line in lines))

    def _write(self, text: str) -> None:
        """Raises OSError when the log cannot be written."""
        raw = text.encode("utf-8", "backslashreplace")
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A new file, whatever had that name: a link would be followed, and a pipe waited for.
            self.path.unlink(missing_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        raw = raw[: _MOST_BYTES - self._size]
        self._size += len(raw)
        os.write(self._file, raw)
