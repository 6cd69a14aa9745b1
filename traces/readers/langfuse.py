"""Traces of Langfuse with their observations: `{"trace": {…}, "observations": […]}`, one trace as its API gives it
(with `observations` in it), or bare observations.

An observation is `{"id", "traceId"?, "type", "parentObservationId", "startTime", "name", "input", "output", …}`. Those
of type `GENERATION` are model calls. What is odd:

- Input and output are what the instrumentation gave, in any API's shape, as JSON or as JSON text; an OpenAI response
  has the instructions and the tools in its output, LangChain's handler writes each declared tool as a message of the
  role `tool`.
- Exports to a blob store write the keys in snake case.
- A generation inside a generation (the Vercel AI SDK, two instrumentations) is the same call twice: the inner counts.
- An observation of type `AGENT` names an agent; the work of an agent inside another's is a sub-agent's.

Facts: langfuse/langfuse (`worker/src/__tests__/chatml/framework-traces/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, first_text
from ls_trajedit.traces.readers.model_calls import ModelCall, Span, read_spans, start_key
from ls_trajedit.traces.readers.payloads import prompt_at, said_at

__all__ = ["FORMAT"]

# Compared with `==`, as a type may be any JSON value.
_TYPES = (
    "GENERATION",
    "SPAN",
    "EVENT",
    "AGENT",
    "TOOL",
    "CHAIN",
    "RETRIEVER",
    "EVALUATOR",
    "EMBEDDING",
    "GUARDRAIL",
)
_PATHS: tuple[FieldPath, ...] = (("observations",), ("trace", "observations"), ())


def recognize(source: Any) -> str | None:
    """Whether observations stand in the source, one of them a generation."""
    observations = _found(source)[1]
    generations = sum(item["type"] == "GENERATION" for item in observations)
    if not generations:
        return None
    return f"{len(observations)} observations, {generations} of them of type `GENERATION`"


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare observations together by their trace."""
    if not values or not all(_is_observation(item) for item in values):
        return None
    traces: dict[Any, list[Any]] = {}
    for item in values:
        traces.setdefault(item.get("traceId", item.get("trace_id")), []).append(item)
    return list(traces.values())


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace, then those of the sub-agents and side questions in it."""
    path, observations = _found(source)
    if not observations:
        raise ReadError("it holds no observations of Langfuse")
    holder = source if isinstance(source, dict) else observations[0]
    return read_spans(
        source,
        FORMAT.name,
        [_span(item, (*path, number), number, options) for number, item in enumerate(observations)],
        options,
        identity=first_text(holder, ("trace", "id"), ("traceId",), ("trace_id",)) or first_text(source, ("id",)),
        part_of=lambda ids: _part(source, path, ids),
        read=read,
        left_out=Counter(),
    )


def _span(item: dict[str, Any], place: Place, number: int, options: ReadOptions) -> Span:
    def call(heard: Counter[str], said: Counter[str]) -> ModelCall:
        return ModelCall.of(
            prompt_at(item.get("input"), (*place, "input"), options, heard),
            said_at(item.get("output"), (*place, "output"), options, said),
        )

    kind = item["type"]
    return Span(
        item["id"],
        first_text(item, ("parentObservationId",), ("parent_observation_id",)),
        start_key(item.get("startTime", item.get("start_time")), number),
        agent=first_text(item, ("name",)) if kind == "AGENT" else None,
        is_border=kind in ("AGENT", "TOOL"),
        read=call if kind == "GENERATION" else None,
    )


def _found(source: Any) -> tuple[FieldPath, list[dict[str, Any]]]:
    for path in _PATHS:
        value = get_field(source, path)
        if isinstance(value, list) and value and all(_is_observation(item) for item in value):
            return path, value
    return (), []


def _is_observation(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("id"), str)
        and item.get("type") in _TYPES
        and {"input", "output"} <= item.keys()
        and ("startTime" in item or "start_time" in item)
    )


def _part(source: Any, path: FieldPath, ids: frozenset[str]) -> Any:
    """The source with only these observations."""
    match path:
        case ():
            return [item for item in source if item["id"] in ids]
        case (key,):
            return {**source, key: [item for item in source[key] if item["id"] in ids]}
        case _:
            inner = source["trace"]
            return {**source, "trace": {**inner, "observations": _part(inner, ("observations",), ids)["observations"]}}


FORMAT = Format("langfuse", "Langfuse traces with observations", recognize, read, gather)
