"""LangSmith runs: nested and flat, of LangChain and of wrapped clients."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Text
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.langsmith import FORMAT
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.langsmith import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("langsmith"), ids=lambda file: file.path.stem)
def test_the_langsmith_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("langsmith"), ids=lambda file: file.path.stem)
def test_the_langsmith_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["langsmith"])
def test_any_langsmith_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_langsmith() -> None:
    for value in others("langsmith"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_langsmith_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert FORMAT.gather is None or FORMAT.gather([value]) is None


def _run(name: str, kind: str = "llm", **more: Any) -> dict[str, Any]:
    time = f"2026-01-01T00:00:0{name[-1]}.000000"
    return {"id": name, "run_type": kind, "start_time": time, "inputs": {}, "outputs": None, **more}


_ASKED = {"messages": [{"role": "user", "content": "Go."}]}


def test_places_lead_into_the_child_runs() -> None:
    inner = _run("r2", inputs=_ASKED, outputs={"role": "assistant", "content": "A"})
    source = _run("r0", "chain", child_runs=[_run("r1", "chain", child_runs=[inner])])
    (trace,) = FORMAT.read(source, NO_OPTIONS)
    at = ("child_runs", 0, "child_runs", 0, "outputs", "content")
    assert trace.id == "r0"
    assert trace.messages[1].parts == (Text("A", at),)


def test_flat_runs_are_put_together_by_trace_or_by_their_root() -> None:
    runs = [
        _run("a1", "chain"),
        _run("b1", trace_id="b"),
        _run("a2", parent_run_id="a1"),
        _run("b2", trace_id="b", parent_run_id="b1"),
    ]
    assert FORMAT.gather is not None
    assert FORMAT.split is not None
    assert FORMAT.gather(runs) == [[runs[0], runs[2]], [runs[1], runs[3]]]
    assert FORMAT.split({"runs": runs}) == [[runs[0], runs[2]], [runs[1], runs[3]]]
    assert FORMAT.split({"runs": runs[:1]}) == [{"runs": runs[:1]}]


def test_a_run_of_several_calls_keeps_only_its_own_runs_for_a_side_question() -> None:
    side = _run("r1", inputs={"messages": [{"role": "user", "content": "Title?"}]}, outputs={"text": "T"})
    first = _run("r2", inputs=_ASKED, outputs={"role": "assistant", "content": "A"})
    later = {"messages": [*_ASKED["messages"], first["outputs"], {"role": "user", "content": "On."}]}
    second = _run("r3", inputs=later, outputs={"role": "assistant", "content": "B"})
    main, other = FORMAT.read(_run("r0", "chain", child_runs=[side, first, second]), NO_OPTIONS)
    assert [message.text for message in main.messages] == ["Go.", "A", "On.", "B"]
    assert (other.id, other.parent, other.source) == ("r0-r1", "r0", [{**side, "child_runs": []}])


def test_tools_stand_in_the_request_or_in_the_invocation() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    inside = _run("r1", inputs={**_ASKED, "tools": tools}, outputs={"text": "A"})
    beside = _run("r1", inputs=_ASKED, outputs={"text": "A"}, extra={"invocation_params": {"tools": tools}})
    for source in (inside, beside):
        assert [tool["function"]["name"] for tool in FORMAT.read(source, NO_OPTIONS)[0].tools] == ["f"]


def test_runs_without_a_model_call_are_not_a_trace_of_an_agent() -> None:
    assert FORMAT.recognize(_run("r1", "tool")) is None


def test_a_completion_of_a_transcript_is_an_error() -> None:
    with pytest.raises(ReadError, match=r"inputs\.prompts\[0\] is a conversation written as one text"):
        FORMAT.read(_run("r1", inputs={"prompts": ["Human: Go."]}, outputs={"text": "A"}), NO_OPTIONS)
