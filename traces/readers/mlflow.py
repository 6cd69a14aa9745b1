"""Traces of MLflow: `{"info": {…}, "data": {"spans": […]}}`, as `Trace.to_json` writes them, or the spans alone.

Each attribute of a span is JSON text: `mlflow.spanType` (`"CHAT_MODEL"` and `"LLM"` are model calls),
`mlflow.spanInputs` and `mlflow.spanOutputs` (what the client library was called with and gave, in any API's shape),
`mlflow.chat.messages` (both as OpenAI chat messages, the answer last) and `mlflow.chat.tools`. The messages of
`mlflow.chat.messages` are read where the inputs have no shape that is known. Spans that came in over OpenTelemetry have
`gen_ai.*` attributes instead. The schema changed three times: ids stand in `context` or beside it. Facts: mlflow/mlflow
(`mlflow/entities/span.py`, `mlflow/tracing/constant.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Other, Tool, Trace
from ls_trajedit.traces.places import JSON_TEXT, Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, declared_tools, first_text
from ls_trajedit.traces.readers.model_calls import ModelCall, Span, read_spans, start_key
from ls_trajedit.traces.readers.otel_spans import spans_of
from ls_trajedit.traces.readers.payloads import Payload, prompt_at, said_at
from ls_trajedit.traces.readers.spans import Attribute, RawSpan, find_spans, gather_spans, part_of_spans, split_spans

__all__ = ["FORMAT"]

_MODEL_CALLS = ("CHAT_MODEL", "LLM")


def recognize(source: Any) -> str | None:
    """Whether the source is a trace of MLflow's, or a list of its spans."""
    spans = find_spans(source)
    own = sum(any(key.startswith("mlflow.") for key in span.attributes) for span in spans)
    has_info = isinstance(source, dict) and isinstance(source.get("info"), dict)
    if not spans or not (own or has_info):
        return None
    return f"{'`info` and ' if has_info else ''}{len(spans)} spans, {own} of them with attributes `mlflow.*`"


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare spans together by their trace."""
    found = gather_spans(values)
    return found if found is not None and any(recognize(source) for source in found) else None


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace, then those of the sub-agents and side questions in it."""
    raw = find_spans(source)
    if not raw:
        raise ReadError("it holds no spans under `data.spans`")
    spans = spans_of(raw, options)
    info = source.get("info") if isinstance(source, dict) else None
    return read_spans(
        source,
        FORMAT.name,
        [_span(item, span, options) for item, span in zip(raw, spans, strict=True)],
        options,
        identity=first_text(info, ("trace_id",), ("request_id",)) or next((s.trace for s in raw if s.trace), None),
        part_of=lambda ids: part_of_spans(source, ids),
        read=read,
        left_out=Counter(),
    )


def _span(raw: RawSpan, span: Span, options: ReadOptions) -> Span:
    """The span; what its attributes say of `gen_ai.*` counts where MLflow itself does not say what it is."""
    kind = _kind(raw)
    if kind is None:
        return span

    def call(heard: Counter[str], said: Counter[str]) -> ModelCall:
        return _model_call(raw, options, heard, said)

    return Span(
        raw.identity,
        raw.parent,
        start_key(raw.start, raw.number),
        agent=raw.name if kind == "AGENT" else span.agent,
        is_border=kind in ("AGENT", "TOOL") or span.is_border,
        read=call if kind in _MODEL_CALLS else span.read,
    )


def _kind(raw: RawSpan) -> str | None:
    """The type of a span: JSON text of a string, or the string."""
    found = raw.attributes.text("mlflow.spanType")
    return found.strip('"') if found else None


def _model_call(raw: RawSpan, options: ReadOptions, heard: Counter[str], said: Counter[str]) -> ModelCall:
    inputs = raw.attributes.get("mlflow.spanInputs") or Attribute(raw.data.get("inputs"), (*raw.place, "inputs"))
    outputs = raw.attributes.get("mlflow.spanOutputs") or Attribute(raw.data.get("outputs"), (*raw.place, "outputs"))
    chat = _chat(raw, options, heard)
    try:
        prompt = prompt_at(*_opened(inputs), options, heard)
    except ReadError:
        if not chat.messages:
            raise
        prompt = Payload()
    if not prompt.messages and chat.messages:
        spoken = chat.messages[-1].role == "assistant"
        prompt = prompt._replace(messages=chat.messages[:-1] if spoken else chat.messages)
    answer = said_at(*_opened(outputs), options, said)
    read = [part for message in answer.messages for part in message.parts if not isinstance(part, Other)]
    if not read and chat.messages and chat.messages[-1].role == "assistant":
        answer = answer._replace(messages=chat.messages[-1:])
    return ModelCall.of(prompt._replace(tools=_tools(raw) or prompt.tools), answer)


def _opened(attribute: Attribute) -> tuple[Any, Place]:
    """The value of an attribute and its place: all that MLflow itself writes is JSON text."""
    value = attribute.value
    if isinstance(value, str):
        try:
            return parse_json(value.encode("utf-8", "backslashreplace")), (*attribute.place, JSON_TEXT)
        except ValueError:
            pass
    return value, attribute.place


def _chat(raw: RawSpan, options: ReadOptions, left_out: Counter[str]) -> Payload:
    found = raw.attributes.get("mlflow.chat.messages")
    return Payload() if found is None else prompt_at(found.value, found.place, options, left_out)


def _tools(raw: RawSpan) -> tuple[Tool, ...]:
    found = raw.attributes.get("mlflow.chat.tools")
    return () if found is None else declared_tools(found.value)


FORMAT = Format("mlflow", "MLflow traces", recognize, read, gather, split_spans)
