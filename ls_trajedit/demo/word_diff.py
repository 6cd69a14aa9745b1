"""Corrections on one line of a terminal each: removed text is in `[-…-]`, added text in `{+…+}`."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ls_trajedit.converters.formats.interchange import CORRECTIONS_FILE as CORRECTIONS

__all__ = ["first_diffs", "word_diff"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_CONTEXT = 24
_ALIKE = 0.7
_MOST_PAIRS = 250_000


def first_diffs(folder: Path, count: int) -> Iterator[str]:
    """A line for each of the first `count` edits in the corrections file in `folder`."""
    records = json.loads((folder / CORRECTIONS).read_text(encoding="utf-8"))["records"]
    edits = ((record, edit) for record in records for edit in record["edits"])
    for record, edit in islice(edits, count):
        place = "final answer" if edit["step_index"] is None else f"step {edit['step_index'] + 1} {edit['field']}"
        yield f"{record['trace_id']}, {place}: {word_diff(edit['original_text'], edit['edited_text'])}"


def word_diff(original: str, edited: str) -> str:
    """The difference between two texts by words, with a little of the text around it.

    >>> word_diff("web_search(queyr='SF')", "web_search(query='SF')")
    "web_search([-queyr-]{+query+}='SF')"
    """
    old, new = _TOKEN.findall(original), _TOKEN.findall(edited)
    parts = []
    # In two texts with little in common, the scraps that they share would only confuse.
    blocks: list[tuple[str, int, int, int, int]] = [("replace", 0, len(old), 0, len(new))]
    # Long texts, which take long to compare, do not fit into a line in any case.
    if len(old) * len(new) <= _MOST_PAIRS:
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        if matcher.ratio() >= _ALIKE:
            blocks = list(matcher.get_opcodes())
    for number, (kind, old_from, old_to, new_from, new_to) in enumerate(blocks):
        removed, added = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if kind != "equal":
            removed, added = _both_ends(removed), _both_ends(added)
            parts.append((f"[-{removed}-]" if removed else "") + (f"{{+{added}+}}" if added else ""))
        elif number == 0:
            parts.append(_end(removed))
        elif number == len(blocks) - 1:
            parts.append(_start(removed))
        else:
            parts.append(_both_ends(removed))
    return "".join(parts).replace("\r", "").replace("\n", "⏎")


def _start(text: str) -> str:
    return text if len(text) <= _CONTEXT else text[:_CONTEXT] + "…"


def _end(text: str) -> str:
    return text if len(text) <= _CONTEXT else "…" + text[-_CONTEXT:]


def _both_ends(text: str) -> str:
    return text if len(text) <= 2 * _CONTEXT else f"{text[:_CONTEXT]}…{text[-_CONTEXT:]}"
