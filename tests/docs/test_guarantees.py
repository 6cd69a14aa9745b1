"""Each promise of docs/guarantees.md names a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from .pages import ROOT, read_page

PROMISES = re.findall(r"^- (.*(?:\n  .*)*)$", read_page("docs/guarantees.md"), re.MULTILINE)


def test_the_kinds_of_promises_are_numbered() -> None:
    headings = re.findall(r"^## (\d+)\. ", read_page("docs/guarantees.md"), re.MULTILINE)
    assert len(headings) >= 8
    assert headings == [str(number) for number in range(1, len(headings) + 1)]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[:40])
def test_a_promise_names_a_test_that_exists(promise: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
    assert named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path} lacks {name}"
