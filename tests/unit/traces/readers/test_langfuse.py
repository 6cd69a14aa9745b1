"""Langfuse traces: generations in any order and any shape, agents, failed calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Text
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.langfuse import FORMAT
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.langfuse import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("langfuse"), ids=lambda file: file.path.stem)
def test_the_langfuse_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("langfuse"), ids=lambda file: file.path.stem)
def test_the_langfuse_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["langfuse"])
def test_any_langfuse_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_langfuse() -> None:
    for value in others("langfuse"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_langfuse_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert FORMAT.gather is None or FORMAT.gather([value]) is None


def _observation(identity: str, kind: str = "GENERATION", **more: Any) -> dict[str, Any]:
    time = f"2026-01-01T00:00:0{identity[-1]}Z"
    return {"id": identity, "type": kind, "startTime": time, "input": None, "output": None, **more}


_ASKED = [{"role": "user", "content": "Go."}]


def test_a_correction_goes_to_the_generation_that_said_it() -> None:
    later = [*_ASKED, {"role": "assistant", "content": "A"}, {"role": "user", "content": "On."}]
    source = {
        "trace": {"id": "t"},
        "observations": [
            _observation("g2", input=later, output={"role": "assistant", "content": "B"}),
            _observation("g1", input=_ASKED, output={"role": "assistant", "content": "A"}),
        ],
    }
    (trace,) = FORMAT.read(source, NO_OPTIONS)
    assert [message.parts for message in trace.messages] == [
        (Text("Go.", ("observations", 1, "input", 0, "content")),),
        (Text("A", ("observations", 1, "output", "content")),),
        (Text("On.", ("observations", 0, "input", 2, "content")),),
        (Text("B", ("observations", 0, "output", "content")),),
    ]


def test_a_trace_may_hold_its_observations_itself() -> None:
    observations = [_observation("g1", input=_ASKED, output="A")]
    for source in ({"id": "t", "observations": observations}, {"trace": {"id": "t", "observations": observations}}):
        assert FORMAT.read(source, NO_OPTIONS)[0].id == "t"


def test_bare_observations_are_put_together_by_trace() -> None:
    one = [_observation(name, traceId="t", input=_ASKED, output="A") for name in ("g1", "g3")]
    two = _observation("g2", input=_ASKED, output="A")
    two = {**{key: value for key, value in two.items() if key != "startTime"}, "start_time": "x", "trace_id": "u"}
    assert FORMAT.gather is not None
    assert FORMAT.gather([one[0], two, one[1]]) == [one, [two]]
    assert [FORMAT.read(source, NO_OPTIONS)[0].id for source in (one, [two])] == ["t", "u"]


def test_a_sub_agents_trace_holds_its_own_observations() -> None:
    source = {
        "trace": {"id": "t", "scores": []},
        "observations": [
            _observation("a0", "AGENT", name="lead"),
            _observation("g1", parentObservationId="a0", input=_ASKED, output="A"),
            _observation("a2", "AGENT", name="expert", parentObservationId="a0"),
            _observation("g3", parentObservationId="a2", input="Why?", output="B"),
        ],
    }
    main, sub = FORMAT.read(source, NO_OPTIONS)
    assert (main.agent, sub.agent, sub.id, sub.parent) == ("lead", "expert", "t-g3", "t")
    kept = [source["observations"][n] for n in (0, 2, 3)]
    assert sub.source == {"trace": {"id": "t", "scores": []}, "observations": kept}
    assert sub.messages[1].parts == (Text("B", ("observations", 2, "output")),)
    (chosen,) = FORMAT.read(source, ReadOptions(agent="expert"))
    assert (chosen.source, chosen.messages[1].text) == (source, "B")


def test_a_prompt_that_cannot_be_read_is_an_error_that_names_the_observation() -> None:
    source = {"trace": {"id": "t"}, "observations": [_observation("g1", input={"args": ["x"]}, output="A")]}
    with pytest.raises(ReadError, match=r"the prompt at observations\[0\]\.input has no shape that is known here"):
        FORMAT.read(source, NO_OPTIONS)
    source = {"trace": {"id": "t"}, "observations": [_observation("g1", input="system: x\nuser: y", output="A")]}
    with pytest.raises(ReadError, match="a conversation written as one text"):
        FORMAT.read(source, NO_OPTIONS)


def test_observations_without_a_generation_are_not_a_trace_of_an_agent() -> None:
    assert FORMAT.recognize({"trace": {"id": "t"}, "observations": [_observation("s1", "SPAN")]}) is None
