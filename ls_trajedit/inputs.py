"""What the command line names as input: files or standard input, packed or not, and the traces in them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import DataError, TraceError, UsageError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import InvalidTrace, Trace, check_traces, read_objects, read_traces

__all__ = ["Input", "LoadedTraces", "load_objects", "load_traces", "read_text"]

_GZIP_MAGIC = b"\x1f\x8b"
_SHOWN_INVALID = 20


@dataclass(frozen=True)
class Input:
    """The file at `path`, or standard input when that is None."""

    path: Path | None

    @classmethod
    def named(cls, path: Path) -> Input:
        """What the command line means by `path`: standard input by `-`."""
        return cls(None if path == Path("-") else path)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path is None else str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked if they are gzip, whatever the name ends in.

        Raises UsageError when the file cannot be opened, DataError when the gzip is damaged or cut off.
        """
        if self.path is None:
            with self._unpacked(sys.stdin.buffer) as stream:
                yield stream
            return
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise UsageError(f"{self.name}: cannot be read: {error.strerror}") from None
        with file, self._unpacked(file) as stream:
            yield stream

    @contextmanager
    def _unpacked(self, raw: BinaryIO) -> Iterator[BinaryIO]:
        buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        try:
            if buffered.peek(2)[:2] == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=buffered) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield cast(BinaryIO, buffered)
        except IsADirectoryError:
            raise UsageError(f"{self.name}: is a folder, not a file") from None
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{self.name}: the gzip is damaged or cut off ({error})") from None


def read_text(path: Path) -> str:
    """The whole of a small UTF-8 text file. Raises UsageError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None


@dataclass(frozen=True)
class LoadedTraces:
    """The traces in the input called `name`, and whatever else is in it."""

    name: str
    traces: list[Trace]
    invalid: list[InvalidTrace]

    def refuse_invalid(self) -> None:
        """Raises TraceError if there are invalid traces, with a line for each of the first twenty."""
        if self.invalid:
            count = len(self.invalid)
            them = "it" if count == 1 else "them"
            advice = f"{count} invalid {plural(count, 'trace')}: fix {them}, or skip {them} with --skip-invalid"
            raise TraceError("\n".join([*self.invalid_lines(), advice]))

    def invalid_lines(self) -> list[str]:
        """Where each of the first twenty invalid traces is, and what is wrong with it."""
        lines = [f"{self.name}:{invalid.line}: {invalid.reason}" for invalid in self.invalid[:_SHOWN_INVALID]]
        if len(self.invalid) > _SHOWN_INVALID:
            lines.append(f"{self.name}: … and {len(self.invalid) - _SHOWN_INVALID} more")
        return lines

    def check(self, options: Options) -> LoadedTraces:
        """These traces, with those that are not traces under `options` among the invalid ones."""
        items: list[Trace | InvalidTrace] = [*self.traces, *self.invalid]
        items.sort(key=lambda item: item.line)
        return _loaded(self.name, check_traces(items, options))

    def check_encoding(self) -> LoadedTraces:
        """These traces, with those that Label Studio cannot be sent among the invalid ones: half of a surrogate pair,
        which a model that was cut off may leave, does not exist in UTF-8."""
        return _loaded(self.name, [*self.invalid, *map(_check_encoding, self.traces)])


def load_traces(source: Input, options: Options) -> LoadedTraces:
    """The traces in `source`, all in memory. Raises TraceError when there is none, not even an invalid one."""
    return _load(source, partial(read_traces, options=options))


def load_objects(source: Input) -> LoadedTraces:
    """Every object in `source`, whether it is a trace or not: for finding out what the traces look like. Raises
    TraceError when there is nothing in it."""
    return _load(source, read_objects)


def _check_encoding(trace: Trace) -> Trace | InvalidTrace:
    try:
        json.dumps(trace.data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.start + 1].encode("ascii", "backslashreplace").decode()
        return InvalidTrace(trace.line, f"it holds half of a surrogate pair ({half}), which cannot be sent as UTF-8")
    return trace


def _load(source: Input, read: Callable[[BinaryIO], Iterable[Trace | InvalidTrace]]) -> LoadedTraces:
    with source.open() as stream:
        try:
            loaded = _loaded(source.name, read(stream))
        except ValueError as error:
            raise TraceError(f"{source.name}: {error}") from None
    if not loaded.traces and not loaded.invalid:
        raise TraceError(f"{source.name}: no traces in it")
    return loaded


def _loaded(name: str, items: Iterable[Trace | InvalidTrace]) -> LoadedTraces:
    traces: list[Trace] = []
    invalid: list[InvalidTrace] = []
    for item in items:
        if isinstance(item, Trace):
            traces.append(item)
        else:
            invalid.append(item)
    return LoadedTraces(name, traces, invalid)
