"""Finds where an element of an array ends without looking at every bracket and every string before it.

The elements of an array mostly begin alike: with the same keys, after the same white space. So the next place that
looks like the border between the two elements before is taken for the end of this one, if the text up to it is a JSON
object. It then is the end for certain, because no JSON object is the beginning of another: where its brackets close,
it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ls_trajedit.traces.json_text import RawJson

__all__ = ["ElementBoundary", "boundary_at"]

_SPACE = rb"[ \t\r\n]*"
_STRING = rb'"[^"\\]{0,99}"'
_SCALAR = rb'(?:"[^"\\]*"|[-+.\w]+)'
# The end of one object, and another up to its second key; the value of the first is most likely an id.
_BOUNDARY = re.compile(
    rb"(\}%(s)s,%(s)s)(\{%(s)s%(string)s%(s)s:)(?:(%(s)s)%(scalar)s(%(s)s,%(s)s%(string)s%(s)s:))?"
    % {b"s": _SPACE, b"string": _STRING, b"scalar": _SCALAR}
)
# An element that is so many times as long as the one before, and that many lookalikes inside one element, are left to
# whoever can find its end in another way.
_LONGER = 16
_LOOKALIKES = 4


@dataclass
class ElementBoundary:
    """What stands between two elements: `between` is from the last bracket to the next one, `opening` the beginning
    of the next element up to its first value, `further` what follows there. `reach` is how far to look for it."""

    between: bytes
    opening: bytes
    further: re.Pattern[bytes]
    reach: int

    def next_element(self, buffer: bytes, start: int) -> tuple[RawJson, int] | None:
        """The element at `start`, and where the one behind it begins; or None when that is not easily found."""
        border = self.between + self.opening
        stop = start + self.reach
        position = start
        for _ in range(_LOOKALIKES):
            while (found := buffer.find(border, position, stop)) >= 0:
                position = found + len(border)
                if self.further.match(buffer, position):
                    break
            else:
                return None
            element = RawJson(buffer[start : found + 1])
            try:
                element.parse()
            except ValueError:
                continue
            self.reach = _reach(len(element.raw))
            return element, found + len(self.between)
        return None


def boundary_at(buffer: bytes, start: int, end: int) -> ElementBoundary | None:
    """The boundary behind the element from `start` to `end`, or None where there is none to learn from."""
    match = _BOUNDARY.match(buffer, end - 1)
    if match is None:
        return None
    between, opening, space, second = match.groups(default=b"")
    further = re.escape(space) + _SCALAR + re.escape(second) if second else b""
    return ElementBoundary(between, opening, re.compile(further), _reach(end - start))


def _reach(length: int) -> int:
    return _LONGER * length + 4096
