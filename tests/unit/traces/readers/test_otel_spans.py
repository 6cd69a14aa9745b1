"""OpenTelemetry spans: OTLP JSON, flat and bare attributes, both conventions and their past."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Image, Other, Reasoning, Text
from ls_trajedit.traces.places import JSON_TEXT
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format
from ls_trajedit.traces.readers.otel_spans import FORMATS
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.otel_spans import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files

_BY_NAME = {format_.name: format_ for format_ in FORMATS}
_GENAI, _OPENINFERENCE = _BY_NAME["otel-genai"], _BY_NAME["openinference"]
_FILES = trace_files("otel-genai", "openinference")


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.name)
def test_the_span_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, _BY_NAME[file.format]) == file.expected()


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.name)
def test_the_span_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, _BY_NAME[file.format]):
        assert [format_.name for format_ in FORMATS if format_.recognize(source)] == [file.format]
        check_round_trip(_BY_NAME[file.format], source)


@given(SOURCES["otel-genai"])
def test_any_source_of_genai_spans_comes_back_and_takes_corrections(source: Any) -> None:
    assert _GENAI.recognize(source)
    check_round_trip(_GENAI, source)


@given(SOURCES["openinference"])
def test_any_source_of_openinference_spans_comes_back_and_takes_corrections(source: Any) -> None:
    assert _OPENINFERENCE.recognize(source)
    check_round_trip(_OPENINFERENCE, source)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_nothing_else_is_spans(format_: Format) -> None:
    for value in others(format_.name):
        assert format_.recognize(value) is None, value


@given(json_values())
def test_spans_are_recognised_in_no_other_json_and_nothing_is_raised(value: Any) -> None:
    for format_ in FORMATS:
        assert format_.recognize(value) is None
        assert format_.gather is not None
        assert format_.gather([value]) is None


@pytest.mark.parametrize(
    "value",
    [
        {"resourceSpans": 1},
        {"resourceSpans": [1, {"scopeSpans": 2}, {"scopeSpans": [3, {"spans": 4}, {"spans": [5]}]}]},
        {"spans": [{"name": 1, "attributes": [1, {"key": 2}, {"key": "gen_ai.prompt", "value": {}}], "id": "x"}]},
        {"gen_ai.prompt": None},
        {"gen_ai.operation.name": "chat"},
    ],
)
def test_broken_spans_are_not_recognised(value: Any) -> None:
    assert [format_.recognize(value) for format_ in FORMATS] == [None, None]


def _span(name: str, attributes: Any, parent: str | None = None, **more: Any) -> dict[str, Any]:
    ids = {"trace_id": "t", "span_id": name, "parent_span_id": parent, "start_time_unix_nano": int(name[-1])}
    return {"name": f"span {name}", **ids, "attributes": attributes, **more}


def _otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"a": 1}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def _otlp_span(name: str, trace: str, **attributes: Any) -> dict[str, Any]:
    listed = [{"key": key.replace("__", "."), "value": value} for key, value in attributes.items()]
    return {"traceId": trace, "spanId": name, "name": name, "startTimeUnixNano": name[-1], "attributes": listed}


def _chat(asked: str = "Go.", said: str = "A") -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": asked}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": said}]}]),
    }


def _texts(trace: Any) -> list[str]:
    return [message.text for message in trace.messages]


def test_a_place_leads_through_typed_values() -> None:
    parts = [
        {"type": "text", "content": "A"},
        {"type": "tool_call", "name": "f", "arguments": {"n": 1}},
        {"type": "tool_call", "name": "g", "arguments": '{"n": 1}'},
        {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
        {"type": "odd", "x": 1},
    ]
    typed = _typed([{"role": "assistant", "parts": parts}])
    source = _otlp(_otlp_span("s1", "t", gen_ai__output__messages=typed))
    (trace,) = _GENAI.read(source, NO_OPTIONS)
    at = ("resourceSpans", 0, "scopeSpans", 0, "spans", 0, "attributes", 0, "value", "arrayValue", "values", 0)
    at = (*at, "kvlistValue", "values", 1, "value", "arrayValue", "values")

    def key(part: int, number: int) -> Any:
        return (*at, part, "kvlistValue", "values", number, "value", "stringValue")

    assert trace.messages[0].parts == (
        Text("A", key(0, 1)),
        # An object is a list of keys there, so nothing could be written back.
        Call("f", {"n": 1}, "call00001", key(1, 1), None),
        Call("g", {"n": 1}, "call00002", key(2, 1), (*key(2, 2), JSON_TEXT)),
        Image("https://example.com/a.png", key(3, 2)),
        Other({"type": "odd", "x": 1}, None),
    )


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case list():
            return {"arrayValue": {"values": [_typed(item) for item in value]}}
        case _:
            return {"kvlistValue": {"values": [{"key": key, "value": _typed(item)} for key, item in value.items()]}}


def test_batches_are_put_together_and_told_apart_by_trace() -> None:
    spans = {name: _otlp_span(name, name[0], gen_ai__prompt={"stringValue": "x"}) for name in ("a1", "a2", "b3")}
    first, second = _otlp(spans["a1"], spans["b3"]), _otlp(spans["a2"])
    assert _GENAI.gather is not None
    assert _GENAI.split is not None
    one, two = _GENAI.gather([first, second])  # type: ignore[misc]
    assert one == {"resourceSpans": [*_otlp(spans["a1"])["resourceSpans"], *second["resourceSpans"]]}
    assert two == _otlp(spans["b3"])
    assert _GENAI.split(first) == [_otlp(spans["a1"]), _otlp(spans["b3"])]
    assert _GENAI.split(second) == [second]


def test_bare_spans_are_put_together_by_trace_and_those_without_one_stand_alone() -> None:
    spans = [_span("s1", _chat()), {**_span("s2", _chat()), "trace_id": "u"}, _span("s3", _chat())]
    assert _GENAI.gather is not None
    assert _GENAI.gather(spans) == [[spans[0], spans[2]], [spans[1]]]
    assert _GENAI.gather([_chat(), _chat()]) == [[_chat()], [_chat()]]


def test_only_model_calls_take_steps() -> None:
    spans = [
        _span("s1", {**_chat("Go.", "All of it."), "gen_ai.operation.name": "invoke_agent"}),
        _span("s2", _chat("Go.", "A"), "s1"),
        _span("s3", {"gen_ai.operation.name": "embeddings", "gen_ai.prompt": "x"}, "s1"),
        _span("s4", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}, "s1"),
    ]
    (trace,) = _GENAI.read(spans, NO_OPTIONS)
    assert (_texts(trace), trace.agent) == (["Go.", "A"], "span s1")
    assert trace.left_out == {"spans that are not model calls": 3}


def test_the_work_of_an_agent_counts_where_no_model_call_in_it_was_recorded() -> None:
    (trace,) = _GENAI.read([_span("s1", {**_chat(), "gen_ai.operation.name": "invoke_agent"})], NO_OPTIONS)
    assert _texts(trace) == ["Go.", "A"]


def test_an_agent_of_another_name_inside_is_a_sub_agent() -> None:
    agent = {"gen_ai.operation.name": "invoke_agent"}
    spans = [
        _span("s1", {**agent, "gen_ai.agent.name": "lead"}),
        _span("s2", _chat("Go.", "A"), "s1"),
        _span("s3", {**agent, "gen_ai.agent.name": "expert"}, "s1"),
        _span("s4", _chat("Why?", "B"), "s3"),
    ]
    main, sub = _GENAI.read({"spans": spans}, NO_OPTIONS)
    assert (main.agent, sub.agent, sub.id, sub.parent) == ("lead", "expert", "t-s4", "t")
    assert sub.source == {"spans": [spans[0], spans[2], spans[3]]}
    (chosen,) = _GENAI.read(spans, ReadOptions(agent="expert"))
    assert _texts(chosen) == ["Why?", "B"]


def test_of_several_choices_the_first_is_the_turn() -> None:
    choices = [{"role": "assistant", "parts": [{"type": "text", "content": text}]} for text in "ab"]
    (trace,) = _GENAI.read([_span("s1", {**_chat(), "gen_ai.output.messages": json.dumps(choices)})], NO_OPTIONS)
    assert _texts(trace) == ["Go.", "a"]
    assert trace.left_out == {"further answers to one prompt": 1}


def test_the_ai_sdks_spans_keep_the_answer_in_pieces() -> None:
    attributes = {
        "ai.prompt.messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": "Go."}]}]),
        "ai.response.reasoning": "Hm.",
        "ai.response.text": "A",
        "ai.response.toolCalls": json.dumps([{"toolCallId": "1", "toolName": "f", "input": '{"n":1}'}]),
        "gen_ai.system": "openai",
    }
    (trace,) = _GENAI.read([_span("s1", attributes)], NO_OPTIONS)
    at = (0, "attributes")
    assert trace.messages[1].parts == (
        Reasoning("Hm.", (*at, "ai.response.reasoning")),
        Text("A", (*at, "ai.response.text")),
        Call(
            "f",
            {"n": 1},
            "1",
            (*at, "ai.response.toolCalls", JSON_TEXT, 0, "toolName"),
            (*at, "ai.response.toolCalls", JSON_TEXT, 0, "input", JSON_TEXT),
        ),
    )


def test_an_event_may_hold_all_that_a_span_would() -> None:
    event = {"name": "gen_ai.client.inference.operation.details", "attributes": _chat()}
    (trace,) = _GENAI.read([_span("s1", {"gen_ai.operation.name": "chat"}, events=[event])], NO_OPTIONS)
    assert trace.messages[1].parts[0].place[:5] == (0, "events", 0, "attributes", "gen_ai.output.messages")


def test_a_span_with_either_convention_is_openinferences() -> None:
    both = [_span("s1", {"openinference.span.kind": "AGENT"}), _span("s2", _chat(), "s1")]
    assert [bool(format_.recognize(both)) for format_ in FORMATS] == [False, True]
    assert _texts(_OPENINFERENCE.read(both, NO_OPTIONS)[0]) == ["Go.", "A"]


def test_flattened_keys_are_the_places_of_openinference() -> None:
    keys = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Go.",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.10.message_content.text": "last",
        "llm.output_messages.0.message.contents.2.message_content.text": "first ",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "",
    }
    (trace,) = _OPENINFERENCE.read([_span("s1", keys)], NO_OPTIONS)
    at = "llm.output_messages.0.message"
    call = f"{at}.tool_calls.0.tool_call.function"
    assert trace.messages[1].parts == (
        Text("first ", (0, "attributes", f"{at}.contents.2.message_content.text")),
        Text("last", (0, "attributes", f"{at}.contents.10.message_content.text")),
        Call(
            "f",
            {},
            "call00001",
            (0, "attributes", f"{call}.name"),
            (0, "attributes", f"{call}.arguments", JSON_TEXT),
        ),
    )


def test_the_completions_api_has_prompts_and_choices() -> None:
    keys = {
        "openinference.span.kind": "LLM",
        "llm.prompts.0.prompt.text": "Go.",
        "llm.choices.0.completion.text": "A",
    }
    assert _texts(_OPENINFERENCE.read([_span("s1", keys)], NO_OPTIONS)[0]) == ["Go.", "A"]


def test_what_cannot_be_read_is_named() -> None:
    keys = {"gen_ai.prompt.0.role": "owner", "gen_ai.prompt.0.content": "Go.", "gen_ai.completion.0.content": "A"}
    with pytest.raises(ReadError, match=r"`owner` at \[0\]\.attributes\.gen_ai\.prompt\.0\.role is not a role"):
        _GENAI.read([_span("s1", keys)], NO_OPTIONS)
    assert _GENAI.read([_span("s1", keys)], ReadOptions(roles={"owner": "user"}))
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "9", "response": "x"}]}
    keys = {**_chat(), "gen_ai.input.messages": json.dumps([result])}
    with pytest.raises(ReadError, match=r"answers the call `9`, which is not in the trace before it"):
        _GENAI.read([_span("s1", keys)], NO_OPTIONS)
    with pytest.raises(ReadError, match="no model call"):
        _OPENINFERENCE.read([_span("s1", {"openinference.span.kind": "CHAIN"})], NO_OPTIONS)
