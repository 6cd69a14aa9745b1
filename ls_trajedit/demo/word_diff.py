"""A correction on one line of a terminal: what went is in `[-…-]`, what came is in `{+…+}`."""

from __future__ import annotations

import difflib
import re

__all__ = ["word_diff"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_CONTEXT = 24
_ALIKE = 0.7


def word_diff(original: str, edited: str) -> str:
    """The difference between two texts by words, with a little of what surrounds it.

    >>> word_diff("web_search(queyr='SF')", "web_search(query='SF')")
    "web_search([-queyr-]{+query+}='SF')"
    """
    old, new = _TOKEN.findall(original), _TOKEN.findall(edited)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    parts = []
    # Of two texts with little in common, the scraps that they share would only confuse.
    blocks = matcher.get_opcodes() if matcher.ratio() >= _ALIKE else [("replace", 0, len(old), 0, len(new))]
    for number, (kind, old_from, old_to, new_from, new_to) in enumerate(blocks):
        gone, came = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if kind == "equal":
            parts.append(_shortened(gone, is_first=number == 0, is_last=number == len(blocks) - 1))
        else:
            gone, came = (_shortened(text, is_first=False, is_last=False) for text in (gone, came))
            parts.append((f"[-{gone}-]" if gone else "") + (f"{{+{came}+}}" if came else ""))
    return "".join(parts).replace("\r", "").replace("\n", "⏎")


def _shortened(text: str, is_first: bool, is_last: bool) -> str:
    if is_first:
        return text if len(text) <= _CONTEXT else "…" + text[-_CONTEXT:]
    if is_last:
        return text if len(text) <= _CONTEXT else text[:_CONTEXT] + "…"
    return text if len(text) <= 2 * _CONTEXT else f"{text[:_CONTEXT]}…{text[-_CONTEXT:]}"
