"""What is remembered of the files that runs put into an output folder."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.output.private import parse_written, written_json


def test_what_is_written_is_read_back() -> None:
    written = {"trl/dpo.jsonl": frozenset(["b", "a"]), "a.jsonl": frozenset(["c"])}
    assert written_json(written) == {"files": {"a.jsonl": ["c"], "trl/dpo.jsonl": ["a", "b"]}}
    assert parse_written(written_json(written)) == written
    assert parse_written({"files": {}, "placed": "more than folders have"}) == {}


@pytest.mark.parametrize(
    "value", [None, [], {}, {"files": []}, {"files": {"../a": ["b"]}}, {"files": {"manifest.json": ["b"]}}]
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing: the caller knows the place
        parse_written(value)
