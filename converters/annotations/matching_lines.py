"""Which lines of a text are which lines of its correction.

The fewest changed, new and removed lines say it best, and finding them costs the square of their number. So they are
looked for as long as they are few; where more was changed, lines that occur once in both texts say where the others
belong. Either way it takes time in proportion to the lines. The live diff's script does the same (`matchingLines` in
`diff.js`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["matching_lines"]

# A changed line costs less than a removed and an inserted one, so that it is taken for the one in whose place it is;
# two changed lines cost more than those, so that a line stays the same where it can.
_CHANGED, _MOVED = 3, 2
_MOST, _MOST_BETWEEN = 200, 40

_Pairs = list[tuple[int, int]]
_Furthest = Mapping[int, int]


def matching_lines(old: Sequence[str], new: Sequence[str]) -> _Pairs:
    """The equal lines of the two texts that stand for each other, as pairs of rising positions.

    >>> matching_lines(["a", "b", "a", "c"], ["a", "B", "a", "new", "c"])
    [(0, 0), (2, 2), (3, 4)]
    """
    # Numbers, because comparing long lines again and again takes long.
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(line, len(numbers)) for line in old]
    b = [numbers.setdefault(line, len(numbers)) for line in new]
    return _matching(a, b, _MOST)


def _matching(a: list[int], b: list[int], most: int) -> _Pairs:
    start, tail = _common_start(a, b), 0
    shorter = min(len(a), len(b)) - start
    while tail < shorter and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    middle = a[start : len(a) - tail], b[start : len(b) - tail]
    inner = _by_edits(*middle, most)
    if inner is None:
        inner = _around_anchors(*middle) if most > _MOST_BETWEEN else _by_position(*middle)
    return [
        *((i, i) for i in range(start)),
        *((start + i, start + j) for i, j in inner),
        *((len(a) - i, len(b) - i) for i in range(tail, 0, -1)),
    ]


def _common_start(a: list[int], b: list[int]) -> int:
    shorter = min(len(a), len(b))
    return next((i for i in range(shorter) if a[i] != b[i]), shorter)


def _by_edits(a: list[int], b: list[int], most: int) -> _Pairs | None:
    """The lines that stay when changing, inserting and removing lines costs as little as possible; None when that is
    more than `most`. Ukkonen's way: how far along each diagonal of the table one gets at a cost of 0, 1, 2, …"""
    goal = len(b) - len(a)
    reached: list[_Furthest] = []
    for cost in range(most + 1):
        now: dict[int, int] = {}
        for diagonal in range(-(cost // _MOVED), cost // _MOVED + 1):
            row = max((row for row, _, _ in _ways(reached, diagonal, len(a), len(b))), default=-1)
            if row < 0:
                continue
            while row < len(a) and row + diagonal < len(b) and a[row] == b[row + diagonal]:
                row += 1
            now[diagonal] = row
        reached.append(now)
        if now.get(goal) == len(a):
            return _pairs_along(reached, len(a), len(b))
    return None


def _ways(reached: Sequence[_Furthest], diagonal: int, rows: int, columns: int) -> Iterator[tuple[int, int, int]]:
    """The rows that one more edit leads to on a diagonal at the next cost, each with what the edit costs and the
    diagonal that it comes from: by a changed line, a removed one, an inserted one."""
    if not reached:
        yield 0, 0, 0
        return
    for cost, source, further in (_CHANGED, diagonal, 1), (_MOVED, diagonal + 1, 1), (_MOVED, diagonal - 1, 0):
        if cost <= len(reached) and source in (before := reached[-cost]):
            row = before[source] + further
            if row <= rows and row + diagonal <= columns:
                yield row, cost, source


def _pairs_along(reached: list[_Furthest], rows: int, columns: int) -> _Pairs:
    pairs: _Pairs = []
    row, diagonal, spent = rows, columns - rows, len(reached) - 1
    while True:
        # Of equally good ways the first.
        begin, cost, source = max(_ways(reached[:spent], diagonal, rows, columns), key=lambda way: way[0])
        pairs.extend((i, i + diagonal) for i in range(row - 1, begin - 1, -1))
        if not spent:
            return pairs[::-1]
        row, diagonal, spent = begin - (source >= diagonal), source, spent - cost


def _around_anchors(a: list[int], b: list[int]) -> _Pairs:
    """Lines that occur once in both texts and in the same order, and what a few edits find between them."""
    pairs: _Pairs = []
    done_a, done_b = 0, 0
    for i, j in [*_rising(_once_in_both(a, b)), (len(a), len(b))]:
        between = _matching(a[done_a:i], b[done_b:j], _MOST_BETWEEN)
        pairs.extend((done_a + k, done_b + m) for k, m in between)
        if i < len(a):
            pairs.append((i, j))
        done_a, done_b = i + 1, j + 1
    return pairs


def _once_in_both(a: list[int], b: list[int]) -> _Pairs:
    places_in_a, places_in_b = _single_places(a), _single_places(b)
    return [(i, places_in_b[line]) for line, i in places_in_a.items() if line in places_in_b]


def _single_places(lines: list[int]) -> dict[int, int]:
    """Where each line is that occurs once, in order."""
    first: dict[int, int] = {}
    repeated = set()
    for place, line in enumerate(lines):
        if line in first:
            repeated.add(line)
        else:
            first[line] = place
    return {line: place for line, place in first.items() if line not in repeated}


def _rising(pairs: _Pairs) -> _Pairs:
    """The longest series of the pairs in which the second numbers rise, as the first ones do."""
    ends: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(last, second)
        previous.append(ends[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        last[length : length + 1] = [second]
    found: _Pairs = []
    number = ends[-1] if ends else -1
    while number >= 0:
        found.append(pairs[number])
        number = previous[number]
    return found[::-1]


def _by_position(a: list[int], b: list[int]) -> _Pairs:
    """Where so many lines were changed that nothing says what is what: as many lines as before are the same lines."""
    return [(i, i) for i in range(len(a)) if a[i] == b[i]] if len(a) == len(b) else []
