"""What Label Studio cannot keep of a trace, and where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.label_config.storable import what_cannot_be_stored


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ({"steps": [{"action": "look"}]}, None),
        ({"steps": [{"action": "the text \\u0000 and \\ud83d"}]}, None),
        ({"steps": [{"action": "\N{GRINNING FACE}"}], "n": 10**40, "f": 1e300}, None),
        (
            {"steps": [{"action": "look"}, {"action": "b\0b"}]},
            "`steps[1].action` holds U+0000, which PostgreSQL cannot store",
        ),
        ({"steps": ["a"], "meta": {"k\0": 1}}, "a key in `meta` holds U+0000, which PostgreSQL cannot store"),
        ({"a\0": 1}, "a key holds U+0000, which PostgreSQL cannot store"),
        (
            {"steps": [{"seen": {"x": ["\udc00"]}}]},
            r"`steps[0].seen.x[0]` holds half of a surrogate pair (\udc00), which cannot be sent as UTF-8",
        ),
    ],
)
def test_what_cannot_be_stored(trace: Any, expected: str | None) -> None:
    assert what_cannot_be_stored(trace) == expected
