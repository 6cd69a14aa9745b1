"""Each format is told from all others: every fixture, and every random source, is of one format."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.support.sources
from ls_trajedit.traces.read_options import STEPS
from ls_trajedit.traces.readers.registry import FORMATS, recognize
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files

MODULES = [module.name for module in pkgutil.iter_modules(tests.support.sources.__path__)]
SOURCES: dict[str, st.SearchStrategy[Any]] = {
    name: strategy
    for module in MODULES
    for name, strategy in getattr(importlib.import_module(f"tests.support.sources.{module}"), "SOURCES", {}).items()
}


def sources_in(file: TraceFile) -> list[Any]:
    """The sources in a fixture, as its own reader finds them."""
    format_ = FORMATS[file.format]
    values = file.values()
    gathered = format_.gather(values) if format_.gather else None
    if gathered is not None:
        return gathered
    return [source for value in values for source in (format_.split(value) if format_.split else [value])]


def formats_of(source: Any) -> list[str]:
    return [found.format.name for found in recognize(source)]


def test_every_format_has_fixtures_and_random_sources() -> None:
    assert {file.format for file in trace_files()} == set(FORMATS)
    assert set(SOURCES) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_one_plain_fixture_and_at_least_three_odd_ones(name: str) -> None:
    assert len(trace_files(name)) >= 4


@pytest.mark.parametrize("file", trace_files(), ids=lambda file: file.name)
def test_a_fixture_is_of_its_own_format_alone(file: TraceFile) -> None:
    for source in sources_in(file):
        assert formats_of(source) == ([] if file.format == STEPS else [file.format])


@pytest.mark.parametrize("file", trace_files(), ids=lambda file: file.name)
def test_no_other_format_gathers_the_values_of_a_fixture(file: TraceFile) -> None:
    values = file.values()
    gathering = [name for name, format_ in FORMATS.items() if format_.gather and format_.gather(values) is not None]
    assert set(gathering) <= {file.format}


@pytest.mark.parametrize("name", sorted(SOURCES))
@given(data=st.data())
def test_a_random_source_is_of_its_own_format_alone(name: str, data: st.DataObject) -> None:
    source = data.draw(SOURCES[name])
    assert formats_of(source) == ([] if name == STEPS else [name])


@given(json_values())
def test_whatever_json_comes_no_reader_fails_to_look_at_it(value: Any) -> None:
    formats_of(value)
    for format_ in FORMATS.values():
        if format_.gather:
            format_.gather([value, value])
