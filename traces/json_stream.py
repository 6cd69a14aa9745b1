"""Splits a stream into the JSON values that it holds, one in memory at a time.

A stream is either a JSON array (what Label Studio exports) or JSON lines; its first character tells which. Or it is one
object, or several one after the other, each over many lines; then the first line alone is not JSON.
A value that is not JSON is passed on as it is, for the caller to report by its line.

The elements of an array mostly begin alike: with the same keys, after the same white space. So the next place that
looks like the border between the previous two elements is taken for the end of this one, if the text up to there is a
JSON object. Then it certainly is the end, because no JSON object is the beginning of another: where its brackets
close, it ends. This saves looking at every bracket and every string.

Not ijson: its C backends read a lone surrogate as `?`, and it cannot go on after an invalid element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from ls_trajedit.traces.json_text import RawJson

__all__ = ["ByteStream", "RawValue", "split_json", "split_json_values"]

_CHUNK_SIZE = 1 << 20
_QUOTE = ord('"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_SCALAR_END = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[,\]]|"', re.DOTALL)
# A whole string, a bracket, or the opening quote of a string whose end is not in the buffer yet.
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|"', re.DOTALL)

_SPACE = rb"[ \t\r\n]*"
_STRING = rb'"[^"\\]{0,99}"'
_TEXT = rb'"[^"\\]*"'
_NUMBER = rb"[-+.\w]+"
# The end of one object, and the next one up to its second key; the value of the first is most likely an id.
_BORDER = re.compile(
    rb"(\}%(s)s,%(s)s)(\{%(s)s%(string)s%(s)s:)(?:(%(s)s)(%(text)s|%(number)s)(%(s)s,%(s)s%(string)s%(s)s:))?"
    % {b"s": _SPACE, b"string": _STRING, b"text": _TEXT, b"number": _NUMBER}
)
# The search for a border is given up, and brackets are counted instead, when an element is this many times as long as
# the previous one, or holds this many lookalikes.
_LONGER = 16
_LOOKALIKES = 4


class ByteStream(Protocol):
    """What can be read: a binary file, for instance."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that are left when it is negative; none at the end."""


class RawValue(NamedTuple):
    """One value of the stream: the line that it starts in, counted from 1, and its text."""

    line: int
    json: RawJson


def split_json(stream: ByteStream, chunk_size: int = _CHUNK_SIZE) -> Iterator[RawValue]:
    """The values of `stream`, which is read about `chunk_size` bytes at a time, in order. Blank lines are skipped.

    In an array, everything from a place where the array itself is invalid (cut off, no comma, text after its end) is
    yielded as one last value, which is not JSON. Raises ValueError for UTF-16, and whatever reading `stream` raises.
    """
    head, start = _head(stream, chunk_size)
    if head[start : start + 1] == b"[":
        return _split_array(stream, chunk_size, head, start + 1)
    return _split_lines(stream, chunk_size, head)


def split_json_values(stream: ByteStream, chunk_size: int = _CHUNK_SIZE) -> Iterator[RawValue]:
    """What `split_json` returns, except that the values may also be objects over many lines, if the first one is."""
    head, start = _head(stream, chunk_size)
    if head[start : start + 1] == b"[":
        return _split_array(stream, chunk_size, head, start + 1)
    while (end := head.find(b"\n", start)) < 0 and (chunk := stream.read(max(chunk_size, len(head)))):
        head += chunk
    if end >= 0 and head[start : start + 1] == b"{" and not _is_json(head[start:end]):
        return _split_values(stream, chunk_size, head, start)
    return _split_lines(stream, chunk_size, head)


def _head(stream: ByteStream, chunk_size: int) -> tuple[bytes, int]:
    """What was read at first, and where in it the first value starts."""
    head = stream.read(max(chunk_size, len(_BYTE_ORDER_MARK)))
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError("the file is UTF-16; save it as UTF-8")
    head = head.removeprefix(_BYTE_ORDER_MARK)
    while (start := _NOT_SPACE.search(head)) is None and (chunk := stream.read(max(chunk_size, len(head)))):
        head += chunk
    return head, len(head) if start is None else start.start()


def _is_json(raw: bytes) -> bool:
    try:
        RawJson(raw).parse()
    except ValueError:
        return False
    return True


def _split_lines(stream: ByteStream, chunk_size: int, head: bytes) -> Iterator[RawValue]:
    number = 0
    rest = head
    while True:
        *lines, rest = rest.split(b"\n")
        for line in lines:
            number += 1
            if stripped := line.strip():
                yield RawValue(number, RawJson(stripped))
        chunk = stream.read(max(chunk_size, len(rest)))
        if not chunk:
            break
        rest += chunk
    if stripped := rest.strip():
        yield RawValue(number + 1, RawJson(stripped))


def _split_values(stream: ByteStream, chunk_size: int, buffer: bytes, position: int) -> Iterator[RawValue]:
    line = 1 + buffer.count(b"\n", 0, position)
    while position < len(buffer):
        if buffer[position : position + 1] != b"{":
            yield RawValue(line, RawJson(buffer[position:] + stream.read() + b" (after an object)"))
            return
        buffer, position, end = _element_end(stream, chunk_size, buffer, position)
        yield RawValue(line, RawJson(buffer[position:end]))
        line += _count_lines(buffer, position, end)
        buffer, position, line = _skip_space(stream, chunk_size, buffer, end, line)


def _split_array(stream: ByteStream, chunk_size: int, buffer: bytes, position: int) -> Iterator[RawValue]:
    line = 1 + buffer.count(b"\n", 0, position)
    border: _Border | None = None
    first = True
    while True:
        buffer, position, line = _skip_space(stream, chunk_size, buffer, position, line)
        if first and buffer[position : position + 1] == b"]":
            break
        if border is not None:
            if len(buffer) - position < border.reach:
                buffer, position = buffer[position:] + stream.read(max(chunk_size, border.reach)), 0
            found = border.next_element(buffer, position)
            if found is not None:
                yield RawValue(line, found[0])
                line += _count_lines(buffer, position, found[1])
                position = found[1]
                continue
        buffer, position, end = _element_end(stream, chunk_size, buffer, position)
        raw, start_line = buffer[position:end].rstrip(), line
        border = _border_after(buffer, position, end)
        line += _count_lines(buffer, position, end)
        buffer, position, line = _skip_space(stream, chunk_size, buffer, end, line)
        separator = buffer[position : position + 1]
        if separator not in (b",", b"]"):
            rest = buffer[position:] + stream.read()
            yield RawValue(start_line, RawJson(raw + b" " + rest + b" (the array breaks off)"))
            return
        yield RawValue(start_line, RawJson(raw))
        first = False
        if separator == b"]":
            break
        position += 1
    buffer, position, line = _skip_space(stream, chunk_size, buffer, position + 1, line)
    if position < len(buffer):
        rest = buffer[position:] + stream.read()
        yield RawValue(line, RawJson(rest + b" (after the end of the array)"))


@dataclass
class _Border:
    """The text between two elements: `pattern` runs from the closing bracket of one up to the second key of the next,
    `length` is how long it is up to the opening bracket, and `reach` how far to look for it."""

    pattern: re.Pattern[bytes]
    length: int
    reach: int

    def next_element(self, buffer: bytes, start: int) -> tuple[RawJson, int] | None:
        """The element at `start` and the position of the one after it, or None when they are not easily found."""
        for found in islice(self.pattern.finditer(buffer, start, start + self.reach), _LOOKALIKES):
            element = RawJson(buffer[start : found.start() + 1])
            try:
                element.parse()
            except ValueError:
                continue
            self.reach = _reach(len(element.raw))
            return element, found.start() + self.length
        return None


def _border_after(buffer: bytes, start: int, end: int) -> _Border | None:
    """The border after the element from `start` to `end`, or None when the text there has another form."""
    match = _BORDER.match(buffer, end - 1)
    if match is None:
        return None
    between, opening, space, first, second = match.groups(default=b"")
    further = re.escape(space) + (_TEXT if first.startswith(b'"') else _NUMBER) + re.escape(second) if second else b""
    return _Border(re.compile(re.escape(between + opening) + further), len(between), _reach(end - start))


def _reach(length: int) -> int:
    return _LONGER * length + 4096


def _skip_space(stream: ByteStream, chunk_size: int, buffer: bytes, position: int, line: int) -> tuple[bytes, int, int]:
    """Buffer, position and line of the next character that is not white space, or of the stream's end."""
    while True:
        found = _NOT_SPACE.search(buffer, position)
        if found is not None:
            return buffer, found.start(), line + buffer.count(b"\n", position, found.start())
        line += buffer.count(b"\n", position)
        buffer, position = stream.read(chunk_size), 0
        if not buffer:
            return buffer, position, line


def _count_lines(buffer: bytes, start: int, end: int) -> int:
    # Elements mostly have no line end inside, and looking for the first takes a tenth of the time of counting them.
    first = buffer.find(b"\n", start, end)
    return 0 if first < 0 else buffer.count(b"\n", first, end)


def _element_end(stream: ByteStream, chunk_size: int, buffer: bytes, start: int) -> tuple[bytes, int, int]:
    """The buffer, longer by what had to be read, and in it the start and the end of the element at `start`."""
    opened = buffer[start : start + 1] in (b"{", b"[")
    tokens = _BRACKETS if opened else _SCALAR_END
    depth = 0
    position = start
    while True:
        for token in tokens.finditer(buffer, position):
            character = buffer[token.start()]
            if character == _QUOTE:
                if token.end() - token.start() == 1:
                    position = token.start()
                    break
            elif not opened:
                return buffer, start, token.start()
            elif character in b"{[":
                depth += 1
            else:
                depth -= 1
                if depth == 0:
                    return buffer, start, token.end()
            position = token.end()
        else:
            position = len(buffer)
        chunk = stream.read(max(chunk_size, len(buffer) - start))
        if not chunk:
            return buffer, start, len(buffer)
        buffer, position, start = buffer[start:] + chunk, position - start, 0
