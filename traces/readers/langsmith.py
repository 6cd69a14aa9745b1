"""Runs of LangSmith: one root run with its `child_runs` in it, or flat runs that name their `parent_run_id`.

A run is `{"id", "trace_id", "parent_run_id", "run_type", "name", "start_time", "inputs", "outputs", "extra"}`. Those of
the type `llm` are model calls. What is odd:

- LangChain's own calls have messages in the constructor form (`lc`), in a list of one list, and `generations` as their
  output; wrapped clients (OpenAI, Anthropic, Gemini) have the body of the request and of the response.
- The tools stand in the request, or in `extra.invocation_params`.

Facts: langchain-ai/langsmith-sdk (`schemas.py`, `js/src/tests/test_data/`), meridianlabs-ai/inspect_scout
(`tests/sources/langsmith_source/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, declared_tools, first_text
from ls_trajedit.traces.readers.model_calls import ModelCall, Span, read_spans, start_key
from ls_trajedit.traces.readers.payloads import prompt_at, said_at

__all__ = ["FORMAT"]

_TOOL_PATHS: tuple[FieldPath, ...] = (
    ("extra", "invocation_params", "tools"),
    ("extra", "invocation_params", "functions"),
    ("extra", "metadata", "tools"),
)
_AGENT_PATHS: tuple[FieldPath, ...] = (("extra", "metadata", "lc_agent_name"), ("metadata", "lc_agent_name"))


def recognize(source: Any) -> str | None:
    """Whether the source is a run, or a list of runs, with a model call in it."""
    runs = [run for run, _, _ in _runs(source)]
    calls = sum(run["run_type"] == "llm" for run in runs)
    return f"{len(runs)} runs, {calls} of them of `run_type` llm" if calls else None


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Flat runs together by their trace; a run that holds its children is a source already."""
    if not values or not all(_is_run(value) for value in values):
        return None
    parents = {value["id"]: value.get("parent_run_id") for value in values}
    traces: dict[str, list[Any]] = {}
    for value in values:
        traces.setdefault(first_text(value, ("trace_id",)) or _root(value["id"], parents), []).append(value)
    return [group[0] if len(group) == 1 else group for group in traces.values()]


def split(source: Any) -> list[Any]:
    """The traces in `{"runs": […]}`; anything else is one source already."""
    runs = source.get("runs") if isinstance(source, dict) and not _is_run(source) else None
    found = gather(runs) if isinstance(runs, list) else None
    return found if found is not None and len(found) > 1 else [source]


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace, then those of the sub-agents and side questions in it."""
    runs = list(_runs(source))
    if not runs:
        raise ReadError("it holds no runs of LangSmith: objects with `id`, `run_type` and `inputs`")
    root = next((run for run, _, parent in runs if parent is None), runs[0][0])
    return read_spans(
        source,
        FORMAT.name,
        [_span(run, place, parent, number, options) for number, (run, place, parent) in enumerate(runs)],
        options,
        identity=first_text(runs[0][0], ("trace_id",)) or root["id"],
        part_of=lambda ids: [{**run, "child_runs": []} for run, _, _ in _runs(source) if run["id"] in ids],
        read=read,
        left_out=Counter(),
    )


def _span(run: dict[str, Any], place: Place, parent: str | None, number: int, options: ReadOptions) -> Span:
    def call(heard: Counter[str], said: Counter[str]) -> ModelCall:
        prompt = prompt_at(run.get("inputs") or None, (*place, "inputs"), options, heard)
        declared = next((tools for path in _TOOL_PATHS if (tools := declared_tools(get_field(run, path)))), ())
        output = said_at(run.get("outputs") or None, (*place, "outputs"), options, said)
        return ModelCall.of(prompt._replace(tools=prompt.tools or declared), output)

    kind = run["run_type"]
    named = first_text(run, *_AGENT_PATHS)
    return Span(
        run["id"],
        parent,
        start_key(run.get("start_time"), number),
        agent=first_text(run, ("name",)) if kind == "agent" else named,
        is_border=kind in ("tool", "agent"),
        read=call if kind == "llm" else None,
    )


def _runs(source: Any) -> Iterator[tuple[dict[str, Any], Place, str | None]]:
    """Every run with its place and the id of the one above."""
    listed = source
    path: Place = ()
    if isinstance(source, dict) and not _is_run(source):
        listed, path = source.get("runs"), ("runs",)
    if isinstance(listed, list):
        if all(_is_run(run) for run in listed):
            for number, run in enumerate(listed):
                yield from _below(run, (*path, number), first_text(run, ("parent_run_id",)))
    elif _is_run(listed):
        yield from _below(listed, (), first_text(listed, ("parent_run_id",)))


def _below(run: dict[str, Any], place: Place, parent: str | None) -> Iterator[tuple[dict[str, Any], Place, str | None]]:
    yield run, place, parent
    children = run.get("child_runs")
    for number, child in enumerate(children if isinstance(children, list) else ()):
        if _is_run(child):
            yield from _below(child, (*place, "child_runs", number), run["id"])


def _is_run(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("run_type"), str)
        and "inputs" in value
    )


def _root(identity: str, parents: dict[str, Any]) -> str:
    seen = {identity}
    while isinstance(above := parents.get(identity), str) and above not in seen:
        seen.add(above)
        identity = above
    return identity


FORMAT = Format("langsmith", "LangSmith runs", recognize, read, gather, split)
