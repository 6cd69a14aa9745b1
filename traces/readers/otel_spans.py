"""Agent traces as OpenTelemetry spans, by either convention for model calls.

- `otel-genai`: OpenTelemetry's GenAI semantic conventions (`gen_ai.*`), as OTLP JSON or flat attributes.
- `openinference`: OpenInference (`llm.input_messages.0.message.role`, flat or nested), as Phoenix and Arize have it.

A recording with spans of both is OpenInference's: its spans name their kind. MLflow's own spans are another format.
`spans.py` says in which shapes spans come, `span_calls.py` how they record a model call, `model_calls.py` how calls
become turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format
from ls_trajedit.traces.readers.model_calls import Span, read_spans
from ls_trajedit.traces.readers.span_calls import is_genai_call, is_openinference, span_of
from ls_trajedit.traces.readers.spans import RawSpan, find_spans, gather_spans, part_of_spans, split_spans

__all__ = ["FORMATS", "spans_of"]


def spans_of(raw: Sequence[RawSpan], options: ReadOptions) -> list[Span]:
    """The spans; where the work of an agent was recorded and no model call in it, that work counts as one."""
    spans = [span_of(item, options) for item in raw]
    by_id = {span.identity: span for span in spans}
    covered: set[str] = set()
    for span in spans:
        above: Span | None = span if span.read is not None else None
        while above is not None and above.identity not in covered:
            covered.add(above.identity)
            above = by_id.get(above.parent or "")
    agents = [
        item
        for item in raw
        if item.identity not in covered
        and item.attributes.text("gen_ai.operation.name") == "invoke_agent"
        and is_genai_call(item)
    ]
    for item in agents:
        spans[item.number] = span_of(item, options, is_agent_call=True)
    return spans


def _recognize_openinference(source: Any) -> str | None:
    spans = _spans(source)
    named = sum(is_openinference(span) for span in spans)
    reason = f"{len(spans)} spans, {named} of them OpenInference's (`openinference.span.kind`, `llm.*`)"
    return reason if named else None


def _recognize_genai(source: Any) -> str | None:
    spans = _spans(source)
    if any(is_openinference(span) for span in spans):
        return None
    calls = sum(is_genai_call(span) for span in spans)
    return f"{len(spans)} spans, {calls} of them with messages under `gen_ai.*`" if calls else None


def _spans(source: Any) -> list[RawSpan]:
    spans = [] if isinstance(source, dict) and {"info", "data"} <= source.keys() else find_spans(source)
    return [] if any(key.startswith("mlflow.") for span in spans for key in span.attributes) else spans


def _format(name: str, title: str, recognize: Callable[[Any], str | None]) -> Format:
    def read(source: Any, options: ReadOptions) -> list[Trace]:
        raw = find_spans(source)
        if not raw:
            raise ReadError("it holds no spans: OTLP JSON, or objects with `name`, `attributes` and the span's id")
        return read_spans(
            source,
            name,
            spans_of(raw, options),
            options,
            identity=next((span.trace for span in raw if span.trace), None),
            part_of=lambda ids: part_of_spans(source, ids),
            read=read,
            left_out=Counter(),
        )

    def gather(values: Sequence[Any]) -> list[Any] | None:
        found = gather_spans(values)
        return found if found is not None and any(recognize(source) for source in found) else None

    def split(source: Any) -> list[Any]:
        return split_spans(source)

    return Format(name, title, recognize, read, gather, split)


FORMATS = (
    _format("otel-genai", "OpenTelemetry GenAI spans", _recognize_genai),
    _format("openinference", "OpenInference spans", _recognize_openinference),
)
