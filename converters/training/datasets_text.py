"""Text that comes out of the `datasets` library as it went in.

The library types a JSON column by its contents: where every string in a column is an ISO date or time, all become
timestamps. And it refuses a whole file because of one lone surrogate, for which UTF-8 has no bytes.
"""

from __future__ import annotations

import re

__all__ = ["is_time", "loadable", "well_formed"]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[+-][\d:]+)?)?", re.ASCII)


def loadable(text: str) -> str:
    """`text`, well formed and, if it is an ISO date or time and nothing else, with a space at the end.

    >>> loadable("2024-01-01"), loadable("On 2024-01-01")
    ('2024-01-01 ', 'On 2024-01-01')
    """
    return text + " " if is_time(text) else well_formed(text)


def is_time(text: str) -> bool:
    """Whether the text is an ISO date or time and nothing else, so that the library may take it for one."""
    return _TIME.fullmatch(text) is not None


def well_formed(text: str) -> str:
    """`text` with U+FFFD in place of each lone surrogate."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
