"""Line ends on their way through a browser's textarea.

A textarea that somebody typed into returns every `\\r\\n` and every lone `\\r` as `\\n` (HTML standard, "API value" of
a textarea); one that nobody touched returns its text byte for byte. So a difference in line ends alone is not an edit,
and an edit gets the original's line ends back.
"""

from __future__ import annotations

import re
from collections import Counter

from ls_trajedit.converters.annotations.matching_lines import matching_lines

__all__ = ["fold_newlines", "restore_newlines", "same_but_newlines"]

_NEWLINE = re.compile(r"\r\n|\r|\n")


def fold_newlines(text: str) -> str:
    """`text` with `\\n` for each `\\r\\n` and each `\\r`."""
    return _NEWLINE.sub("\n", text) if "\r" in text else text


def same_but_newlines(a: str, b: str) -> bool:
    """Whether the two texts are equal, or differ only in `\\r\\n`, `\\r` and `\\n` standing for each other."""
    return a == b or fold_newlines(a) == fold_newlines(b)


def restore_newlines(original: str, edited: str) -> str:
    """`edited` with the line ends of `original`: each line that both have keeps its own, a new line gets the one that
    the original uses most.

    Nothing changes when the original has only `\\n`, or when `edited` holds a `\\r` and so never went through a
    textarea.

    >>> restore_newlines("a\\r\\nb\\r\\n", "a\\nB\\n")
    'a\\r\\nB\\r\\n'
    """
    if "\r" not in original or "\r" in edited or "\n" not in edited:
        return edited
    ends: list[str] = _NEWLINE.findall(original)
    counted = Counter(ends)
    usual = max(counted, key=lambda end: counted[end])
    lines = edited.split("\n")
    if len(counted) == 1:
        return usual.join(lines)
    restored = [usual] * len(lines)
    for old, new in matching_lines(_NEWLINE.split(original), lines):
        # The last line of the original has no end.
        if old < len(ends):
            restored[new] = ends[old]
    return "".join(line + end for line, end in zip(lines, [*restored[:-1], ""], strict=True))
