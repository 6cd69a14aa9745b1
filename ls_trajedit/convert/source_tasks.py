"""The tasks in a source: of a project's export, a snapshot, or target storage."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.chunk import RawTask, parsed_task
from ls_trajedit.input_streams import InputStream, open_packed
from ls_trajedit.storage.address import Address, explain_storage_failures, file_system
from ls_trajedit.traces.errors import DataError, NotAnnotationsError, ServerError, UsageError
from ls_trajedit.traces.json_stream import ByteStream, split_json_values

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["tasks_in", "tasks_in_each"]

# Objects up to this size are fetched whole, so many at once.
_SMALL = 1 << 20
_AT_ONCE = 32
_BLOCK = 8 << 20
_HEAD = 1 << 16
# How an array of objects or an object begins, or an array of nothing. Anything else is not from Label Studio.
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:[{\]]|\Z)|\{\s*(?:[\"}]|\Z))")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def tasks_in(source: Source) -> Iterator[RawTask]:
    """The tasks in a source, in their order, one in memory at a time; each is one that `parsed_task` takes.

    Raises DataError, with the source and the line, when something in it cannot be read; NotAnnotationsError before the
    first task, when it is whole and holds nothing that Label Studio exports; UsageError when a file that was named
    cannot be opened; and what `explain_storage_failures` raises.
    """
    return next(tasks for _, tasks in tasks_in_each([source]))


def tasks_in_each(sources: Iterable[Source]) -> Iterator[tuple[Source, Iterator[RawTask]]]:
    """Each source with what `tasks_in` returns for it, to be used up or left before the next. Small objects at an
    address are fetched ahead, several at once."""
    for source, fetched in _fetched_ahead(sources):
        yield source, _tasks_of(source, fetched)


def _fetched_ahead(sources: Iterable[Source]) -> Iterator[tuple[Source, Future[bytes] | None]]:
    """Each source, and its bytes as soon as they are there, if it is a small object at an address."""
    waiting: deque[tuple[Source, Future[bytes] | None]] = deque()
    try:
        for source in sources:
            waiting.append((source, _fetch(source)))
            if len(waiting) > _AT_ONCE:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for _, fetched in waiting:
            if fetched is not None:
                fetched.cancel()


def _fetch(source: Source) -> Future[bytes] | None:
    if not isinstance(source.place, Address) or source.size is None or source.size > _SMALL:
        return None
    files = file_system(source.place)
    if not files.async_impl:
        return None
    import asyncio

    # In the thread in which fsspec does all of its work. It ends with the process, whatever it waits for.
    return asyncio.run_coroutine_threadsafe(files._cat_file(source.place.url), files.loop)


def _tasks_of(source: Source, fetched: Future[bytes] | None) -> Iterator[RawTask]:
    with _opened(source, fetched) as raw:
        stream = InputStream(raw, source.name)
        if stream.is_zip:
            raise NotAnnotationsError(f"{source.name}: is a zip; unpack it first")
        yield from _tasks(stream, source.name)


@contextmanager
def _opened(source: Source, fetched: Future[bytes] | None) -> Iterator[BinaryIO]:
    if not isinstance(source.place, Address):
        try:
            with open_packed(source.place) as file:
                yield file
        except UsageError as error:
            raise DataError(str(error)) if source.is_found else error from None
    elif fetched is not None:
        with explain_storage_failures(source.place):
            content = fetched.result()
        yield io.BytesIO(content)
    else:
        files = file_system(source.place)
        # A block of the web is a request that its server may answer with all there is.
        options = {"block_size": 0} if source.place.is_of_web else {"block_size": _BLOCK, "cache_type": "readahead"}
        with explain_storage_failures(source.place):
            file = files.open(source.place.url, "rb", **options)
        try:
            yield cast(BinaryIO, io.BufferedReader(_Remote(file, source.place), _HEAD))
        finally:
            file.close()


class _Remote(io.RawIOBase):
    """A file at an address, whose failures are explained."""

    def __init__(self, file: Any, address: Address) -> None:
        super().__init__()
        self._file = file
        self._address = address
        self._position = 0
        self._is_read = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._is_read:
            return 0
        with explain_storage_failures(self._address):
            found: bytes = self._file.read(len(buffer))
        self._position += len(found)
        self._is_read = not found
        size = getattr(self._file, "size", None)
        if not found and size is not None and self._position < size:
            raise ServerError(f"{self._address}: the transfer broke off after {self._position} of {size} bytes")
        buffer[: len(found)] = found
        return len(found)


def _tasks(stream: InputStream, name: str) -> Iterator[RawTask]:
    head = _head(stream, name)
    not_a_task: NotAnnotationsError | None = None
    has_tasks = False
    try:
        for value in split_json_values(_Begun(head, stream)):
            task = RawTask(f"{name}:{value.line}", value.json)
            # So that whoever converts the task need not parse it again.
            with suppress(ValueError):
                value.json.parse()
            try:
                parsed_task(task)
            except NotAnnotationsError as error:
                not_a_task = not_a_task or error
            else:
                has_tasks = True
            if not_a_task is None:
                yield task
            elif has_tasks:
                raise DataError(str(not_a_task))
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    if not_a_task is not None:
        raise not_a_task


def _head(stream: InputStream, name: str) -> bytes:
    """The beginning of the stream. Raises NotAnnotationsError when it is not that of anything from Label Studio."""
    head = stream.read(_HEAD)
    while not head.removeprefix(_BYTE_ORDER_MARK).strip():
        more = stream.read(_HEAD)
        if not more:
            raise NotAnnotationsError(
                f"{name}: is empty, and even an export without tasks is `[]`. No file was changed; export the project "
                "again"
            )
        head += more
    if not _BEGINNING.match(head) and head[:2] not in _UTF_16:
        what = "not a task with a list of `annotations`" if head.lstrip()[:1] in (b"[", b"{") else "not JSON"
        raise NotAnnotationsError(
            f"{name}:1: {what}: export the project from Label Studio as JSON (not JSON-MIN or CSV)"
        )
    return head


class _Begun:
    """A stream of which a first part was read already."""

    def __init__(self, first: bytes, rest: ByteStream) -> None:
        self._first = first
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        """As of any stream, except that what was read already comes first, on its own."""
        if size < 0:
            first, self._first = self._first, b""
            return first + self._rest.read()
        part, self._first = self._first[:size], self._first[size:]
        return part or self._rest.read(size)
