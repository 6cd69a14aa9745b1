"""What of an answer gets in, and how much of it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import httpx
import pytest

from ls_trajedit.label_studio import answers
from ls_trajedit.label_studio.answers import LOCATION, AnswerTransport, LargeAnswerError, is_count

MIB = 1 << 20


class Stream(httpx.SyncByteStream):
    """A body in parts, of which `read` are asked for."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.read = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.read += len(part)
            yield part

    def close(self) -> None:
        self.is_closed = True


def client(stream: Stream, status: int = 200, **headers: str) -> httpx.Client:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=named, stream=stream)

    return httpx.Client(transport=AnswerTransport(httpx.MockTransport(answer)))


def got(stream: Stream, path: str = "/api/projects/", status: int = 200, **headers: str) -> httpx.Response:
    return client(stream, status, **headers).get(f"http://ls.test{path}")


def in_parts(content: bytes, size: int = 65_536) -> Stream:
    return Stream(content[start : start + size] for start in range(0, len(content), size))


def zeros(mebibytes: int) -> Iterator[bytes]:
    return (bytes(MIB) for _ in range(mebibytes))


def packed(mebibytes: int) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(pack.compress(part) for part in zeros(mebibytes)) + pack.flush()


def test_a_body_comes_as_it_was_packed_or_not() -> None:
    body = b'{"a": "\xc3\xa9"}' * 50_000
    assert got(in_parts(body)).content == body
    for encoding in ("gzip", "x-gzip", "GZIP", "identity, gzip"):
        assert got(in_parts(gzip.compress(body)), Content_Encoding=encoding).content == body
    assert got(in_parts(body), Content_Encoding="identity").content == body
    assert got(in_parts(b""), Content_Encoding="gzip").content == b""


@pytest.mark.parametrize(("path", "limit"), [("/api/tasks/", 256), ("/team/api/tasks/", 256), ("/api/users/", 32)])
def test_a_body_has_an_end_where_its_kind_has_one(path: str, limit: int) -> None:
    assert len(got(Stream(zeros(limit)), path).content) == limit * MIB
    stream = Stream(zeros(limit + 50))
    with pytest.raises(LargeAnswerError, match=f"more than {limit} MiB"):
        got(stream, path)
    assert (stream.read, stream.is_closed) == ((limit + 1) * MIB, True)


def test_so_has_what_is_unpacked_from_little() -> None:
    bomb = packed(1_200)
    assert len(bomb) < 1_300_000
    stream = in_parts(bomb)
    with pytest.raises(LargeAnswerError, match="more than 32 MiB"):
        got(stream, Content_Encoding="gzip")
    assert stream.read == 65_536


def test_never_is_more_unpacked_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 KiB hold 64 MiB: the decoder of httpx has them in memory before anybody can look."""
    largest = 0
    unpack = answers._Unpacker.decompress

    def note(self: answers._Unpacker, data: bytes, most: int) -> bytes:
        nonlocal largest
        part = unpack(self, data, most)
        largest = max(largest, len(part))
        return part

    monkeypatch.setattr(answers._Unpacker, "decompress", note)
    with pytest.raises(LargeAnswerError):
        got(in_parts(packed(1_200)), Content_Encoding="gzip")
    assert largest == 32 * MIB + 1


def test_what_comes_after_a_packed_body_counts_too() -> None:
    def parts() -> Iterator[bytes]:
        yield gzip.compress(b"{}")
        yield from zeros(50)

    with pytest.raises(LargeAnswerError):
        got(Stream(parts()), Content_Encoding="gzip")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip, identity, gzip", "deflate", "br", "zstd", "aes128gcm"])
def test_what_is_packed_as_nobody_asked_is_not_unpacked(encoding: str) -> None:
    with pytest.raises(httpx.DecodingError, match="packed in a way that was not asked for"):
        got(in_parts(gzip.compress(gzip.compress(b"{}"))), Content_Encoding=encoding)


CUT_OFF, CHANGED = gzip.compress(b"{}" * 100, mtime=0)[:-9], gzip.compress(b"{}", mtime=0)[:-4] + b"0000"


@pytest.mark.parametrize("content", [CUT_OFF, b"not packed", CHANGED])
def test_what_cannot_be_unpacked_as_a_whole_is_no_answer(content: bytes) -> None:
    with pytest.raises(httpx.DecodingError):
        got(in_parts(content), Content_Encoding="gzip")


@pytest.mark.parametrize("charset", ["foo", "rot13", "zlib_codec", "utf-16", "undefined", "latin-1"])
def test_a_text_is_utf_8_whatever_the_server_calls_it(charset: str) -> None:
    assert got(in_parts(b'"\xc3\xa9\xff"'), Content_Type=f"text/html; charset={charset}").text == '"é\ufffd"'


def test_only_the_headers_that_mean_something_get_in() -> None:
    answer = got(
        in_parts(b"{}"),
        Date="Sun, 22 Nov 2026 12:00:00 GMT",
        Retry_After="9" * 400,
        Set_Cookie="a=b",
        X_RateLimit_Reset="9" * 400,
        Retry_After_Ms="9",
        Location="http://elsewhere.test/",
    )
    assert dict(answer.headers) == {
        "date": "Sun, 22 Nov 2026 12:00:00 GMT",
        "retry-after": "100000000",
        "content-length": "2",
    }
    assert LOCATION not in answer.extensions


@pytest.mark.parametrize("location", ["http://[::1", "http://elsewhere.test/", ""])
def test_where_a_redirect_leads_is_handed_on_and_not_parsed(location: str) -> None:
    answer = got(in_parts(b""), status=302, Location=location)
    assert (answer.status_code, answer.extensions[LOCATION]) == (302, location)
    assert answer.next_request is None


@pytest.mark.parametrize("value", [0, 7, (1 << 63) - 1])
def test_a_count_is_what_a_database_holds(value: int) -> None:
    assert is_count(value)


@pytest.mark.parametrize("value", [-1, 1 << 63, True, 1.0, "7", None, [], float("inf")])
def test_anything_else_is_not_a_count(value: object) -> None:
    assert not is_count(value)
