"""Sources in which one thing is not what it should be, as files that were cut, edited or written by another version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from ls_trajedit.traces.field_path import FieldPath, drop_field, set_field
from tests.support.strategies import json_values

__all__ = ["broken"]

_ODD = st.sampled_from([None, "", "text", 0, [], {}, [[]], [{}], {"type": []}, {"type": "text"}, True])


@st.composite
def broken(draw: st.DrawFn, sources: st.SearchStrategy[Any]) -> Any:
    """A source with another value, or none, somewhere in it."""
    source = draw(sources)
    path = draw(st.sampled_from(list(_paths(source, ()))))
    if path and isinstance(path[-1], str) and draw(st.booleans()):
        return drop_field(source, path)
    return set_field(source, path, draw(_ODD | json_values()))


def _paths(value: Any, path: FieldPath) -> Iterator[FieldPath]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))
