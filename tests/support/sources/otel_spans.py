"""Sources of OpenTelemetry spans: OTLP JSON, flat dictionaries and bare attributes, in every way in which the two
conventions record a model call."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn
from tests.support.sources.recorded_calls import RecordedCall, as_openai, as_parts, recorded_calls, unanswered

__all__ = ["SOURCES"]

Attributes = dict[str, Any]


@st.composite
def _genai(draw: st.DrawFn) -> Any:
    write = draw(st.sampled_from([_messages, _older, _flattened]))
    spans = [_span("root", None, 0, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"})]
    for number, call in enumerate(draw(recorded_calls()), start=1):
        attributes = {"gen_ai.operation.name": "chat", **write(draw, call)}
        spans.append(_span(f"s{number}", "root", number, attributes))
    return draw(st.sampled_from([_otlp, _flat, list]))(draw(st.permutations(spans)))


@st.composite
def _openinference(draw: st.DrawFn) -> Any:
    is_nested = draw(st.booleans())
    spans = [_span("root", None, 0, {"openinference.span.kind": "AGENT", "input.value": "x"})]
    for number, call in enumerate(draw(recorded_calls()), start=1):
        given = [{"role": "system", "content": call.system}, *as_openai(draw, call.before)]
        said = as_openai(draw, [unanswered(call.turn)])
        found = {"input_messages": [_wrapped(item) for item in given], "output_messages": [_wrapped(m) for m in said]}
        kind: Attributes = {"openinference": {"span": {"kind": "LLM"}}, "llm": found}
        attributes = kind if is_nested else dict(_keys("", kind))
        spans.append(_span(f"s{number}", "root", number, attributes))
    return draw(st.sampled_from([_flat, list] if is_nested else [_otlp, _flat, list]))(spans)


def _messages(draw: st.DrawFn, call: RecordedCall) -> Attributes:
    attributes = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": call.system}]),
        "gen_ai.input.messages": as_parts(draw, call.before),
        "gen_ai.output.messages": as_parts(draw, [unanswered(call.turn)]),
    }
    if draw(st.booleans()):
        return attributes
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}


def _older(draw: st.DrawFn, call: RecordedCall) -> Attributes:
    given = [{"role": "system", "content": call.system}, *as_openai(draw, call.before)]
    said = as_openai(draw, [unanswered(call.turn)])[0]
    return {"gen_ai.prompt": json.dumps(given), "gen_ai.completion": json.dumps(said)}


def _flattened(draw: st.DrawFn, call: RecordedCall) -> Attributes:
    given = [{"role": "system", "content": call.system}, *_plain(draw, call.before)]
    said = _plain(draw, [unanswered(call.turn)])
    return {
        **dict(_keys("gen_ai.prompt.", {str(n): item for n, item in enumerate(given)})),
        **dict(_keys("gen_ai.completion.", {str(n): item for n, item in enumerate(said)})),
    }


def _plain(draw: st.DrawFn, said: list[Ask | Turn]) -> list[dict[str, Any]]:
    """Messages with the calls as Traceloop writes them, and without the reasoning, which it does not record."""
    messages = as_openai(draw, said)
    for message in messages:
        message.pop("reasoning_content", None)
        if "tool_calls" in message:
            calls = message["tool_calls"]
            message["tool_calls"] = [{"id": call["id"], **call["function"]} for call in calls]
    return messages


def _wrapped(message: dict[str, Any]) -> dict[str, Any]:
    """A message of OpenAI's as OpenInference has it."""
    held = {key: value for key, value in message.items() if key != "tool_calls"}
    thought = held.pop("reasoning_content", None)
    if thought is not None:
        reasoning = {"message_content": {"type": "reasoning", "text": thought}}
        held["contents"] = [reasoning, {"message_content": {"type": "text", "text": held.pop("content")}}]
    if "tool_calls" in message:
        calls = [{"tool_call": {"id": call["id"], "function": call["function"]}} for call in message["tool_calls"]]
        held["tool_calls"] = calls
    return {"message": held}


def _keys(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """The flattened keys of a value."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _keys(f"{prefix}{key}.", item)]
    if isinstance(value, list):
        return [found for n, item in enumerate(value) for found in _keys(f"{prefix}{n}.", item)]
    return [(prefix.removesuffix("."), value)]


def _span(name: str, parent: str | None, second: int, attributes: Attributes) -> dict[str, Any]:
    return {
        "name": name,
        "context": {"trace_id": "t1", "span_id": name},
        "parent_id": parent,
        "start_time": f"2026-01-01T00:00:0{second}+00:00",
        "attributes": attributes,
        "events": [],
    }


def _flat(spans: list[dict[str, Any]]) -> Any:
    return {"spans": [*spans]}


def _otlp(spans: list[dict[str, Any]]) -> Any:
    written = [
        {
            "traceId": "t1",
            "spanId": span["name"],
            "parentSpanId": span["parent_id"] or "",
            "name": span["name"],
            "startTimeUnixNano": str(ord(span["start_time"][18])),
            "attributes": [{"key": key, "value": _typed(value)} for key, value in span["attributes"].items()],
        }
        for span in spans
    ]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": written}]}]}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case list():
            return {"arrayValue": {"values": [_typed(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": key, "value": _typed(item)} for key, item in value.items()]}}
        case _:
            return {}


SOURCES = {"otel-genai": _genai(), "openinference": _openinference()}
