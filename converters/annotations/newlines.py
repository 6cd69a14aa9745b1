"""Line ends on their way through a browser's textarea.

A textarea that somebody typed into returns every `\\r\\n` and every lone `\\r` as `\\n` (HTML standard, "API value" of
a textarea); one that nobody touched returns its text byte for byte. So a difference in line ends alone is not an edit,
and an edit gets the original's line ends back.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter

__all__ = ["restore_newlines", "same_but_newlines"]

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")


def same_but_newlines(a: str, b: str) -> bool:
    """Whether the two texts are equal, or differ only in `\\r\\n`, `\\r` and `\\n` standing for each other."""
    return a == b or (("\r" in a or "\r" in b) and _NEWLINE.sub("\n", a) == _NEWLINE.sub("\n", b))


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
    ends: Counter[str] = Counter(_NEWLINE.findall(original))
    usual = max(ends, key=lambda end: ends[end])
    lines = edited.split("\n")
    if len(ends) == 1:
        return usual.join(lines)
    old = [(match.group(1), match.group(2)) for match in _LINE.finditer(original)]
    restored = [usual] * len(lines)
    matcher = difflib.SequenceMatcher(None, [text for text, _ in old], lines, autojunk=False)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            restored[block.b + offset] = old[block.a + offset][1] or usual
    return "".join(line + end for line, end in zip(lines, [*restored[:-1], ""], strict=True))
