"""What Label Studio cannot be sent, or cannot keep, of a trace.

U+0000 is refused whatever the database is, which cannot be seen from outside: PostgreSQL keeps it neither in text nor
in jsonb, and one such trace fails the whole import with a 500 that does not say why. Half of a surrogate pair, which a
model that was cut off may leave, does not exist in UTF-8.
"""

from __future__ import annotations

import re
from typing import Any

from ls_trajedit.traces.field_path import format_path, walk
from ls_trajedit.traces.json_text import json_line

__all__ = ["what_cannot_be_stored"]

_NUL = "\0"
_HALF = re.compile("[\ud800-\udfff]")


def what_cannot_be_stored(trace: Any) -> str | None:
    """What in the trace, and where, Label Studio cannot be sent or cannot keep; None when it takes all of it.

    >>> what_cannot_be_stored({"steps": [{"action": "look", "seen": "a\\0b"}]})
    '`steps[0].seen` holds U+0000, which PostgreSQL cannot store'
    """
    raw = json_line(trace)
    # Nothing else is escaped in this way; whether the text itself holds a backslash, the walk shows.
    if rb"\u0000" not in raw and rb"\ud" not in raw:
        return None
    for path, value in walk(trace):
        if isinstance(value, dict):
            for key in value:
                if (what := _what_is_wrong(key)) is not None:
                    return f"a key in `{format_path(path)}` holds {what}" if path else f"a key holds {what}"
        elif isinstance(value, str) and (what := _what_is_wrong(value)) is not None:
            return f"`{format_path(path)}` holds {what}"
    return None


def _what_is_wrong(text: str) -> str | None:
    if _NUL in text:
        return "U+0000, which PostgreSQL cannot store"
    if half := _HALF.search(text):
        shown = half[0].encode("ascii", "backslashreplace").decode()
        return f"half of a surrogate pair ({shown}), which cannot be sent as UTF-8"
    return None
