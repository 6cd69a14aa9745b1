"""Sources with something in them that does not belong there, and what a reader may do with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format
from tests.support.strategies import json_values

__all__ = ["check_damaged", "damaged"]

_Path = tuple[str | int, ...]


@st.composite
def damaged(draw: st.DrawFn, sources: st.SearchStrategy[Any]) -> Any:
    """A source in which up to three values, anywhere, are others."""
    source = draw(sources)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(_paths(source))))
        source = _replaced(source, path, draw(json_values()))
    return source


def check_damaged(format_: Format, source: Any, options: ReadOptions = NO_OPTIONS) -> None:
    """No reader fails on it but with an error for a person."""
    if format_.recognize(source) is not None:
        with suppress(ReadError):
            format_.read(source, options)


def _paths(value: Any, path: _Path = ()) -> Iterator[_Path]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


def _replaced(value: Any, path: _Path, new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy
