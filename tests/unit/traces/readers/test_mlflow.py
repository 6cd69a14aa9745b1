"""MLflow traces: attributes in JSON text, chat messages where the inputs say nothing, three schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Text
from ls_trajedit.traces.places import JSON_TEXT
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.mlflow import FORMAT
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.mlflow import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("mlflow"), ids=lambda file: file.path.stem)
def test_the_mlflow_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("mlflow"), ids=lambda file: file.path.stem)
def test_the_mlflow_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["mlflow"])
def test_any_mlflow_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_mlflow() -> None:
    for value in others("mlflow"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_mlflow_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert FORMAT.gather is None or FORMAT.gather([value]) is None


def _span(name: str, kind: str = "LLM", **attributes: Any) -> dict[str, Any]:
    written = {f"mlflow.{key}": json.dumps(value) for key, value in attributes.items()}
    return {
        "name": name,
        "trace_id": "t",
        "span_id": name,
        "parent_span_id": None,
        "start_time_unix_nano": int(name[-1]),
        "attributes": {"mlflow.spanType": json.dumps(kind), **written},
    }


def _trace(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"info": {"trace_id": "tr"}, "data": {"spans": list(spans)}}


_ASKED = {"messages": [{"role": "user", "content": "Go."}]}
_CHAT = {"chat.messages": [{"role": "user", "content": "Go?"}, {"role": "assistant", "content": "Gone."}]}


def test_places_lead_through_the_json_text_of_attributes() -> None:
    (trace,) = FORMAT.read(_trace(_span("s1", spanInputs=_ASKED, spanOutputs="A")), NO_OPTIONS)
    at = ("data", "spans", 0, "attributes")
    assert trace.messages[0].parts == (Text("Go.", (*at, "mlflow.spanInputs", JSON_TEXT, "messages", 0, "content")),)
    assert trace.messages[1].parts == (Text("A", (*at, "mlflow.spanOutputs", JSON_TEXT)),)


def test_the_chat_messages_count_where_inputs_or_outputs_say_nothing() -> None:
    (trace,) = FORMAT.read(_trace(_span("s1", spanInputs={"q": 1}, spanOutputs={"answer": 1}, **_CHAT)), NO_OPTIONS)
    assert [message.text for message in trace.messages] == ["Go?", "Gone."]
    (trace,) = FORMAT.read(_trace(_span("s1", spanInputs=_ASKED, spanOutputs={"text": "A"}, **_CHAT)), NO_OPTIONS)
    assert [message.text for message in trace.messages] == ["Go.", "A"]


def test_inputs_that_nobody_knows_are_an_error() -> None:
    with pytest.raises(ReadError, match=r"the prompt at data\.spans\[0\]\.attributes\.mlflow\.spanInputs has no shape"):
        FORMAT.read(_trace(_span("s1", spanInputs={"q": 1}, spanOutputs="A")), NO_OPTIONS)


def test_the_id_is_that_of_the_info_else_of_the_spans() -> None:
    span = _span("s1", spanInputs=_ASKED, spanOutputs="A")
    assert FORMAT.read(_trace(span), NO_OPTIONS)[0].id == "tr"
    assert FORMAT.read({"info": {"request_id": "r"}, "data": {"spans": [span]}}, NO_OPTIONS)[0].id == "r"
    assert FORMAT.read([span], NO_OPTIONS)[0].id == "t"


def test_bare_spans_are_put_together_by_trace() -> None:
    one, two = _span("s1", spanInputs=_ASKED), {**_span("s2"), "trace_id": "u"}
    assert FORMAT.gather is not None
    assert FORMAT.gather([one, two, one]) == [[one, one], [two]]


def test_declared_tools_stand_in_an_attribute() -> None:
    tools = {"chat.tools": [{"type": "function", "function": {"name": "f"}}]}
    (trace,) = FORMAT.read(_trace(_span("s1", spanInputs=_ASKED, spanOutputs="A", **tools)), NO_OPTIONS)
    assert [tool["function"]["name"] for tool in trace.tools] == ["f"]
