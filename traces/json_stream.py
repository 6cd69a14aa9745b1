"""Splits a stream into the JSON values that it holds, one in memory at a time.

A stream is a JSON array (what Label Studio exports) or JSON lines; which of the two, its first character says.
A value that is not JSON is handed on as it stands, for the caller to report by its line.

Not ijson: its C backends read a lone surrogate as `?`, and it cannot go on after a broken element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ls_trajedit.traces.element_boundary import ElementBoundary, boundary_at
from ls_trajedit.traces.json_text import RawJson

__all__ = ["RawValue", "split_json"]

_CHUNK = 1 << 20
_QUOTE = ord('"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_SCALAR_END = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[,\]]|"', re.DOTALL)
# A whole string, a bracket, or the opening quote of a string whose end is not here yet.
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|"', re.DOTALL)


class RawValue(NamedTuple):
    """One value of the stream: the line that it starts in, counted from 1, and its text."""

    line: int
    json: RawJson


def split_json(stream: BinaryIO) -> Iterator[RawValue]:
    """The values of `stream` in order. Blank lines are passed over.

    In an array, what follows a place where the array itself is broken (cut off, no comma, text after its end) comes
    as one last value, which is not JSON. Raises ValueError for UTF-16, and what reading `stream` raises.
    """
    head = stream.read(max(_CHUNK, len(_BYTE_ORDER_MARK)))
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError("the file is UTF-16; save it as UTF-8")
    head = head.removeprefix(_BYTE_ORDER_MARK)
    while (start := _NOT_SPACE.search(head)) is None and (chunk := stream.read(max(_CHUNK, len(head)))):
        head += chunk
    if start is not None and start.group() == b"[":
        return _split_array(stream, head, start.end())
    return _split_lines(stream, head)


def _split_lines(stream: BinaryIO, head: bytes) -> Iterator[RawValue]:
    number = 0
    rest = head
    while True:
        *lines, rest = rest.split(b"\n")
        for line in lines:
            number += 1
            if stripped := line.strip():
                yield RawValue(number, RawJson(stripped))
        chunk = stream.read(max(_CHUNK, len(rest)))
        if not chunk:
            break
        rest += chunk
    if stripped := rest.strip():
        yield RawValue(number + 1, RawJson(stripped))


def _split_array(stream: BinaryIO, buffer: bytes, position: int) -> Iterator[RawValue]:
    line = 1 + buffer.count(b"\n", 0, position)
    boundary: ElementBoundary | None = None
    first = True
    while True:
        buffer, position, line = _skip_space(stream, buffer, position, line)
        if first and buffer[position : position + 1] == b"]":
            break
        if boundary is not None:
            if len(buffer) - position < boundary.reach:
                buffer, position = buffer[position:] + stream.read(max(_CHUNK, boundary.reach)), 0
            found = boundary.next_element(buffer, position)
            if found is not None:
                yield RawValue(line, found[0])
                line += _count_lines(buffer, position, found[1])
                position = found[1]
                continue
        buffer, position, end = _element_end(stream, buffer, position)
        raw, start_line = buffer[position:end].rstrip(), line
        boundary = boundary_at(buffer, position, end)
        line += _count_lines(buffer, position, end)
        buffer, position, line = _skip_space(stream, buffer, end, line)
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
    buffer, position, line = _skip_space(stream, buffer, position + 1, line)
    if position < len(buffer):
        yield RawValue(line, RawJson(buffer[position:] + b" (after the end of the array)"))


def _skip_space(stream: BinaryIO, buffer: bytes, position: int, line: int) -> tuple[bytes, int, int]:
    """Buffer, position and line of the next character that is not white space, or of the stream's end."""
    while True:
        found = _NOT_SPACE.search(buffer, position)
        if found is not None:
            return buffer, found.start(), line + buffer.count(b"\n", position, found.start())
        line += buffer.count(b"\n", position)
        buffer, position = stream.read(_CHUNK), 0
        if not buffer:
            return buffer, position, line


def _count_lines(buffer: bytes, start: int, end: int) -> int:
    # Mostly there is no line end within an element, and to look for the first takes a tenth of counting them.
    first = buffer.find(b"\n", start, end)
    return 0 if first < 0 else buffer.count(b"\n", first, end)


def _element_end(stream: BinaryIO, buffer: bytes, start: int) -> tuple[bytes, int, int]:
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
        chunk = stream.read(max(_CHUNK, len(buffer) - start))
        if not chunk:
            return buffer, start, len(buffer)
        buffer, position, start = buffer[start:] + chunk, position - start, 0
