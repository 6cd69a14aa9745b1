"""Parts: what workers read of the sources, each a part at a time.

Small objects are a part together, and each larger source is one alone. A large file of JSON lines that is not packed is
several: a part has the lines that begin in its stretch of bytes. Nothing else can be taken apart without being read
from its start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ls_trajedit.convert.passed_over import PassedOver, readable_tasks
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.chunk import RawTask, parsed_task
from ls_trajedit.storage.address import Address, explain_storage_failures, file_system
from ls_trajedit.traces.errors import DataError, NotAnnotationsError, UsageError
from ls_trajedit.traces.json_text import RawJson

__all__ = ["Part", "part_tasks", "parts_of"]

# What a source with a size that nobody knows is counted as, and what any object costs to fetch.
_LEAST_BYTES = 1 << 14
_PIECE = 8 << 20
_LONGEST_FIRST_LINE = 16 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Stretch:
    """The bytes of a file from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Part:
    """The `sources` whole or, with a `stretch`, the lines of the only one of them that begin there. A part can be sent
    to a worker process."""

    sources: tuple[Source, ...]
    stretch: Stretch | None = None


def parts_of(sources: Iterable[Source], *, alone_bytes: int, part_bytes: int) -> Iterator[Part]:
    """The parts of the sources, in their order. A source with at least `alone_bytes` is a part of its own; what is
    smaller comes together until it has `part_bytes`, and JSON lines with more than twice as many are taken apart.

    Raises UsageError for standard input and pipes, which no other process can open, and for a file that cannot be
    opened; and what `explain_storage_failures` raises.
    """
    together: list[Source] = []
    size = 0
    for source in sources:
        if not isinstance(source.place, Address) and not source.is_local_file:
            raise UsageError(
                f"{source.name}: cannot be read by --engine ray, whose workers open each source themselves; name a file"
            )
        if source.size is None or source.size >= min(alone_bytes, part_bytes):
            if together:
                yield Part(tuple(together))
            together, size = [], 0
            yield from _alone(source, part_bytes)
            continue
        together.append(source)
        size += max(source.size, _LEAST_BYTES)
        if size >= part_bytes:
            yield Part(tuple(together))
            together, size = [], 0
    if together:
        yield Part(tuple(together))


def _alone(source: Source, part_bytes: int) -> Iterator[Part]:
    if source.size is None or source.size <= 2 * part_bytes or not _is_json_lines(source):
        yield Part((source,))
        return
    for start in range(0, source.size, part_bytes):
        yield Part((source,), Stretch(start, min(start + part_bytes, source.size)))


def _is_json_lines(source: Source) -> bool:
    """Whether the first line of a source is a task, so that it is not packed and each line is a value of its own."""
    head = b""
    while b"\n" not in head.strip():
        more = _read(source, len(head), len(head) + _PIECE)
        if not more or len(head) > _LONGEST_FIRST_LINE:
            return False
        head += more
    line = head.removeprefix(_BYTE_ORDER_MARK).strip().partition(b"\n")[0]
    try:
        parsed_task(RawTask(source.name, RawJson(line)))
    except DataError:
        return False
    return line.startswith(b"{")


def part_tasks(part: Part, passed_over: PassedOver, temporary: Path, *, skip_invalid: bool) -> Iterator[RawTask]:
    """The tasks in a part. Sources that are passed over are noted, as by `readable_tasks`, which see. Of a stretch that
    is noted, some tasks may have come already: nothing of its source is to be used then, whatever part it is in."""
    if part.stretch is None:
        yield from readable_tasks(part.sources, passed_over, temporary, skip_invalid=skip_invalid)
        return
    (source,) = part.sources
    try:
        yield from _lines(source, part.stretch)
    except DataError as error:
        # There is a task in its first line, so it is not something else entirely.
        if not skip_invalid:
            raise DataError(str(error)) if isinstance(error, NotAnnotationsError) else error from None
        passed_over.unreadable.append(str(error))


def _lines(source: Source, stretch: Stretch) -> Iterator[RawTask]:
    """The tasks in the lines that begin in the stretch."""
    for number, line in enumerate(_raw_lines(source, stretch)):
        stripped = (line if stretch.start or number else line.removeprefix(_BYTE_ORDER_MARK)).strip()
        if not stripped:
            continue
        task = RawTask(source.name, RawJson(stripped))
        try:
            parsed_task(task)
        except DataError:
            # Lines are counted only now that there is something to say of one.
            place = f"{source.name}:{_lines_before(source, stretch.start) + number + 1}"
            parsed_task(task._replace(place=place))
            raise
        yield task


def _raw_lines(source: Source, stretch: Stretch) -> Iterator[bytes]:
    """The lines that begin in the stretch, the last one whole, without their ends."""
    position = max(stretch.start - 1, 0)
    # Before the first line that begins here is the end of the one before.
    is_before = bool(stretch.start)
    rest = b""
    while position < stretch.end:
        piece = _read(source, position, min(position + _PIECE, stretch.end))
        if not piece:
            raise DataError(f"{source.name}: changed while it was read; run the command again")
        position += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        if is_before and lines:
            lines, is_before = lines[1:], False
        yield from lines
    if is_before:
        return
    while rest and (piece := _read(source, position, position + _PIECE)):
        line, found, _ = piece.partition(b"\n")
        rest, position = rest + line, position + len(piece)
        if found:
            break
    if rest:
        yield rest


def _lines_before(source: Source, start: int) -> int:
    """How many lines of the source begin before `start`."""
    if not start:
        return 0
    count = 1
    for position in range(0, start - 1, _PIECE):
        count += _read(source, position, min(position + _PIECE, start - 1)).count(b"\n")
    return count


def _read(source: Source, start: int, end: int) -> bytes:
    """The bytes of a source from `start` to before `end`, fewer where it ends before."""
    if source.size is not None and start >= source.size:
        # A server refuses to be asked for what comes after the end.
        return b""
    if isinstance(source.place, Address):
        with explain_storage_failures(source.place):
            found: bytes = file_system(source.place).cat_file(source.place.url, start=start, end=end)
        return found
    assert source.place is not None
    try:
        with source.place.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
    except OSError as error:
        raise UsageError(f"{source.name}: cannot be read: {error.strerror}") from None
