"""In which key the items of a list name who speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["SPEAKER_KEYS", "speakers_key"]

SPEAKER_KEYS = ("role", "from", "type", "source", "speaker", "author")
"""Keys by which people say whose turn it is. Items that differ in one of them are not all the agent's."""

_SPEAKER_KEYS = frozenset(SPEAKER_KEYS)


def speakers_key(items: Sequence[Any]) -> str | None:
    """The key in which the items name more than one speaker, if there is one: such items are not all the agent's."""
    # This is asked of every task, and most steps have none of the keys.
    named = [item for item in items if isinstance(item, dict) and not _SPEAKER_KEYS.isdisjoint(item)]
    for key in SPEAKER_KEYS if named else ():
        words = {item[key] for item in named if isinstance(item.get(key), str)}
        if len(words) > 1:
            return key
    return None
