"""What of a server's answers gets in: a whole body of a bounded size, and the few headers that mean something here.

The bodies are UTF-8, as JSON is (RFC 8259), whatever charset a header names: some are names of codecs of Python's that
make no text at all. Cookies stay out: no request needs them, since each has its token.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import TypeGuard

import httpx

from ls_trajedit.label_studio.http_times import retry_after

__all__ = ["ACCEPTED_ENCODING", "LOCATION", "AnswerTransport", "LargeAnswerError", "is_count"]

ACCEPTED_ENCODING = "gzip"
"""In what form a body may come. More would be more to unpack, and twice packed is a trap."""

LOCATION = "ls_trajedit.location"
"""The extension of a response that is a redirect, with where it says that it leads. httpx is not to parse that: for
some texts it raises what it does not declare."""

# Label Studio takes up to 250 MiB of tasks at once, so no task that was imported is larger.
_MOST_BYTES_OF_TASKS = 256 << 20
_MOST_BYTES = 32 << 20
_TASKS = "/api/tasks/"
_REDIRECTS = (301, 302, 303, 307, 308)
# The highest number of Label Studio's database, and of our state's.
_HIGHEST = (1 << 63) - 1


class LargeAnswerError(httpx.TransportError):
    """An answer that is larger than it may be. The message says how large that is."""


def is_count(value: object) -> TypeGuard[int]:
    """Whether this is a number or an id as Label Studio's database gives them."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _HIGHEST


class AnswerTransport(httpx.BaseTransport):
    """Sends requests through `inner`, and returns only answers that are there as a whole.

    Besides what `inner` raises, it raises LargeAnswerError for what is too large, packed or unpacked, and
    httpx.DecodingError for what cannot be unpacked.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, read to its end."""
        with closing(self._inner.handle_request(request)) as answer:
            most = _MOST_BYTES_OF_TASKS if request.url.path.endswith(_TASKS) else _MOST_BYTES
            content = b"".join(_unpacked(answer, most))
        location = answer.headers.get("location") if answer.status_code in _REDIRECTS else None
        return httpx.Response(
            answer.status_code,
            headers=list(_kept_headers(answer.headers)),
            content=content,
            extensions={} if location is None else {LOCATION: location},
            default_encoding="utf-8",
        )

    def close(self) -> None:
        """Closes the connections."""
        self._inner.close()


def _kept_headers(headers: httpx.Headers) -> Iterator[tuple[str, str]]:
    if date := headers.get("date"):
        yield "date", date
    if (seconds := retry_after(headers.get("retry-after", ""))) is not None:
        yield "retry-after", str(seconds)


def _unpacked(answer: httpx.Response, most: int) -> Iterator[bytes]:
    """The parts of the body. Raises LargeAnswerError as soon as there are more than `most` bytes."""
    unpack = _unpacker(answer)
    packed, unpacked = 0, 0
    for chunk in answer.iter_raw():
        packed += len(chunk)
        while chunk:
            if unpack is None:
                part, chunk = chunk, b""
            elif unpack.eof:
                break
            else:
                # Never more than one byte too many: 64 KiB can hold 64 MiB.
                part = unpack.decompress(chunk, most - unpacked + 1)
                chunk = unpack.unconsumed_tail
            unpacked += len(part)
            if unpacked > most:
                break
            yield part
        if packed > most or unpacked > most:
            raise LargeAnswerError(f"more than {most >> 20} MiB")
    if unpack is not None and packed and not unpack.eof:
        raise httpx.DecodingError("the packed body is cut off")


class _Unpacker:
    """Like the object of zlib, which has no public type."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unconsumed_tail(self) -> bytes:
        return self._zlib.unconsumed_tail

    def decompress(self, data: bytes, most: int) -> bytes:
        try:
            return self._zlib.decompress(data, most)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from None


def _unpacker(answer: httpx.Response) -> _Unpacker | None:
    named = [name.strip().lower() for name in answer.headers.get_list("content-encoding", split_commas=True)]
    encodings = [name for name in named if name not in ("", "identity")]
    if not encodings:
        return None
    if encodings not in (["gzip"], ["x-gzip"]):
        raise httpx.DecodingError("it is packed in a way that was not asked for")
    return _Unpacker()
