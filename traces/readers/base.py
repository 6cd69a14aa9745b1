"""What a reader is, and what all of them share: roles, errors, where messages are, and how calls find their results."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field
from ls_trajedit.traces.json_text import json_indented, parse_json
from ls_trajedit.traces.model import Call, Message, Part, Result, Role, Tool, Trace
from ls_trajedit.traces.places import JSON_TEXT, Place, format_place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions

__all__ = [
    "Format",
    "arguments_at",
    "build_trace",
    "content_id",
    "declared_tools",
    "first_text",
    "is_recording",
    "is_role",
    "known_role",
    "listed",
    "message_lists",
    "role_of",
]

KNOWN_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
    "environment": "tool",
}
"""What formats call the four roles, in lower case."""


# Keys that together say what a source is: Langfuse, LangSmith, OpenTelemetry, MLflow, Inspect.
_RECORDINGS: tuple[frozenset[str], ...] = (
    frozenset({"observations"}),
    frozenset({"traceId", "type", "parentObservationId"}),
    frozenset({"trace_id", "type", "parent_observation_id"}),
    frozenset({"run_type"}),
    frozenset({"resourceSpans"}),
    frozenset({"resource_spans"}),
    frozenset({"spans"}),
    frozenset({"info", "data"}),
    frozenset({"eval", "samples"}),
    frozenset({"epoch", "input", "target", "messages"}),
)
_ATTRIBUTES = ("gen_ai.", "llm.", "openinference.", "mlflow.")


@dataclass(frozen=True)
class Format:
    """One format of traces.

    `recognize` says in a few words why a source (a JSON value: one trace, with its sub-agents) is of this format, or
    None when it is not. `read` gives its trace, then those of its sub-agents; it raises ReadError. Where one trace is
    spread over several values of a file (events, spans, bare messages), `gather` puts the values together into sources,
    or says None when they are not of this format. Where one value holds several traces (a log with samples), `split`
    makes a source of each.
    """

    name: str
    title: str
    recognize: Callable[[Any], str | None]
    read: Callable[[Any, ReadOptions], list[Trace]]
    gather: Callable[[Sequence[Any]], list[Any] | None] | None = None
    split: Callable[[Any], list[Any]] | None = None


def known_role(word: Any) -> Role | None:
    """The role that `word` is a common name of."""
    return KNOWN_ROLES.get(word.lower()) if isinstance(word, str) else None


def role_of(word: Any, place: Place, options: ReadOptions) -> Role:
    """The role that stands at `place` in the source. Raises ReadError for one that neither we nor the options know."""
    role = options.roles.get(word) if isinstance(word, str) else None
    found = role or known_role(word)
    if found is None:
        raise ReadError(
            f"`{word}` at {format_place(place)} is not a role that is known here; "
            f"say who that is in trajedit.yaml, such as `roles: {{user: [{word}]}}`"
        )
    return found


def is_role(word: Any, options: ReadOptions = NO_OPTIONS) -> bool:
    """Whether `word` names a role."""
    return isinstance(word, str) and (word in options.roles or word.lower() in KNOWN_ROLES)


def message_lists(source: Any, options: ReadOptions = NO_OPTIONS) -> Iterator[tuple[FieldPath, list[Any]]]:
    """Every list of objects in the source that could be its messages, with its path: the source itself, what stands
    under its keys, and one object below. With `messages_key` in the options, that one alone. A recording of model
    calls has none: there each call has messages of its own."""
    if options.messages_key is not None:
        found = get_field(source, options.messages_key)
        if isinstance(found, list):
            yield options.messages_key, found
        return
    if is_recording(source):
        return
    if _is_list_of_objects(source):
        yield (), source
    elif isinstance(source, dict):
        for key, value in source.items():
            if _is_list_of_objects(value):
                yield (key,), value
        for key, value in source.items():
            if isinstance(value, dict):
                for inner, item in value.items():
                    if _is_list_of_objects(item):
                        yield (key, inner), item


def is_recording(source: Any) -> bool:
    """Whether the source is a recording of model calls, or a log of samples: spans, observations, runs. Their readers
    know how the messages in it belong together."""
    if not isinstance(source, dict):
        return False
    if any(keys <= source.keys() for keys in _RECORDINGS):
        return True
    attributes = source.get("attributes")
    return any(key.startswith(_ATTRIBUTES) for keys in (source, attributes) if isinstance(keys, dict) for key in keys)


def first_text(source: Any, *paths: FieldPath) -> str | None:
    """The first string or whole number that stands at one of the paths, as text."""
    for path in paths:
        value = get_field(source, path)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def listed(value: Any, place: Place) -> list[Any]:
    """The list that stands at `place`; an empty one where there is none. Raises ReadError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ReadError(f"what stands at {format_place(place)} is not a list")
    return value


def arguments_at(value: Any, place: Place) -> tuple[Any, Place]:
    """The arguments of a call and their place, recorded as an object or as JSON text. Text that is not JSON, or not an
    object, stays text: that is what the model wrote."""
    if value is None:
        return {}, place
    if not isinstance(value, str):
        return value, place
    if not value.strip():
        return {}, (*place, JSON_TEXT)
    try:
        parsed = parse_json(value.encode("utf-8", "backslashreplace"))
    except ValueError:
        return value, place
    return (parsed, (*place, JSON_TEXT)) if isinstance(parsed, dict) else (value, place)


def declared_tools(value: Any) -> tuple[Tool, ...]:
    """The tools in a list of declarations (or its JSON text): OpenAI's with or without the `function` around,
    Anthropic's (`input_schema`), Gemini's (`function_declarations`), Bedrock's (`toolSpec`) and MCP's (`inputSchema`).
    What is not a function is left out."""
    if isinstance(value, str):
        try:
            value = parse_json(value.encode("utf-8", "backslashreplace"))
        except ValueError:
            return ()
    if isinstance(value, dict):
        value = value.get("tools", [value])
    return tuple(tool for item in value for tool in _tools_of(item)) if isinstance(value, list) else ()


def content_id(source: Any) -> str:
    """An id for a source without one: the same for the same content, whatever the order of its keys."""
    text = json.dumps(source, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_trace(
    source: Any,
    format_: str,
    messages: Iterable[Message],
    options: ReadOptions,
    *,
    identity: str | None = None,
    task: str | None = None,
    tools: Iterable[Tool] = (),
    agent: str | None = None,
    parent: str | None = None,
    left_out: Mapping[str, int] | None = None,
    prompts: Mapping[int, Sequence[Message]] | None = None,
) -> Trace:
    """The trace of these messages.

    Calls without an id get one, results without a `call_id` are those of the first call of that name that has none
    yet, and the task is the first user message where nothing says it. The id is what the options name, else
    `identity`, else empty. Raises ReadError for a result without its call.
    """
    linked = _linked(list(messages))
    # A row holds a prompt and a message of the trace, and each call in it needs an id of its own.
    made = {call.id for message in linked for call in message.calls}
    said = task if task is not None else _first_user_text(linked)
    if options.task_key is not None:
        value = get_field(source, options.task_key)
        if value is not MISSING and value is not None:
            said = value if isinstance(value, str) else json_indented(value)
    return Trace(
        id=_chosen_id(source, options) or identity or "",
        task=said,
        messages=tuple(linked),
        tools=tuple(tools),
        format=format_,
        source=source,
        agent=agent,
        parent=parent,
        left_out={kind: count for kind, count in (left_out or {}).items() if count},
        prompts={step: tuple(_linked(list(prompt), avoid=made)) for step, prompt in (prompts or {}).items()},
    )


def _chosen_id(source: Any, options: ReadOptions) -> str | None:
    parts = [first_text(source, path) for path in options.id_keys]
    return "-".join(part for part in parts if part) or None


def _first_user_text(messages: Sequence[Message]) -> str:
    asked = (text for message in messages if message.role == "user" and (text := message.text.strip()))
    start = next((n for n, m in enumerate(messages) if m.role == "assistant" and not m.given), len(messages))
    # A demonstration comes first and is not the task. What was copied from an earlier trace may be all there is of it.
    own = (text for m in messages[:start] if m.role == "user" and not m.given and (text := m.text.strip()))
    return next(own, None) or next(asked, "")


def _linked(messages: list[Message], avoid: Collection[str] = ()) -> list[Message]:
    """The messages, in which each call has an id and each result that of its call. No id that is made up here is one of
    those to `avoid`."""
    recorded = {part.id for message in messages for part in message.calls if part.id}.union(avoid)
    ids = (identity for number in range(1, 1 << 30) if (identity := f"call{number:05d}") not in recorded)
    named = {part.call_id for message in messages for part in message.parts if isinstance(part, Result)}
    calls = _OpenCalls(named)
    unnamed = _unnamed_results(messages)
    made: set[str] = set()
    paired: dict[int, Call] = {}
    linked = []
    for number, message in enumerate(messages):
        if unnamed[number] and number not in paired and unnamed[number] == calls.waiting:
            paired |= _pairs(messages, number, calls.latest())
        if message.calls:
            calls.next_turn()
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, Call):
                part = part if part.id else replace(part, id=next(ids))
                calls.add(part)
                made.add(part.id)
            elif isinstance(part, Result):
                known = paired.get(number)
                part = _with_call(replace(part, call_id=known.id) if known else part, calls, made)
            parts.append(part)
        linked.append(replace(message, parts=tuple(parts)))
    return linked


class _OpenCalls:
    """The calls that have no result yet, in order. `waiting` is how many of them are of the latest turn with calls and
    have no id among those of results."""

    def __init__(self, named: Collection[str]) -> None:
        self._named = named
        self._calls: dict[int, Call] = {}
        self._count = 0
        self._first_of_turn = 0
        # Numbers of calls; those of calls that have got their result are passed over when they come to the front.
        self._by_id: dict[str, list[int]] = {}
        self._by_name: dict[str | None, deque[int]] = {None: deque()}
        self.waiting = 0

    def next_turn(self) -> None:
        """From now on, calls are of the next turn."""
        self._first_of_turn, self.waiting = self._count, 0

    def add(self, call: Call) -> None:
        """Adds a call."""
        self._calls[self._count] = call
        self._by_id.setdefault(call.id, []).append(self._count)
        self._by_name[None].append(self._count)
        self._by_name.setdefault(call.name, deque()).append(self._count)
        self.waiting += call.id not in self._named
        self._count += 1

    def latest(self) -> list[Call]:
        """The calls that are `waiting`."""
        numbers = range(self._first_of_turn, self._count)
        return [call for n in numbers if (call := self._calls.get(n)) is not None and call.id not in self._named]

    def close(self, identity: str) -> None:
        """The calls with this id have got their result."""
        for number in self._by_id.pop(identity, ()):
            self._close(number)

    def take(self, name: str | None) -> Call | None:
        """The first call of this name, or of any name for None, which has its result with that; None for none."""
        numbers = self._by_name.get(name, deque())
        while numbers:
            if (call := self._close(numbers.popleft())) is not None:
                return call
        return None

    def _close(self, number: int) -> Call | None:
        call = self._calls.pop(number, None)
        if call is not None and number >= self._first_of_turn:
            self.waiting -= call.id not in self._named
        return call


def _unnamed_results(messages: Sequence[Message]) -> list[int]:
    """For each message whose result does not say whose it is, how many such results there are from it on, until
    somebody says something; 0 for any other message."""
    counts = []
    count = 0
    for message in reversed(messages):
        count = 0 if message.role != "tool" else count + (_unnamed_result(message) is not None)
        counts.append(count if _unnamed_result(message) is not None else 0)
    return counts[::-1]


def _unnamed_result(message: Message) -> Result | None:
    """The result in the message, if it does not say whose it is by an id."""
    part = message.parts[0] if message.role == "tool" and message.parts else None
    return part if isinstance(part, Result) and not part.call_id else None


def _pairs(messages: Sequence[Message], start: int, calls: Sequence[Call]) -> dict[int, Call]:
    """The calls of the results from `start` on, where each of the calls has one there: those of the same name, and
    where a name fits none, in order. (A result keeps its name when the call's is corrected.)"""
    results: dict[int, Result] = {}
    for number in range(start, len(messages)):
        if messages[number].role != "tool":
            break
        if (result := _unnamed_result(messages[number])) is not None:
            results[number] = result
    if len(results) != len(calls):
        return {}
    left = dict(enumerate(calls))
    found: dict[int, Call] = {}
    for position, (number, result) in enumerate(results.items()):
        if result.name in (None, left[position].name):
            found[number] = left.pop(position)
    by_name: dict[str | None, deque[int]] = {}
    for position, call in left.items():
        by_name.setdefault(call.name, deque()).append(position)
    for number, result in results.items():
        if number not in found and (same := by_name.get(result.name)):
            found[number] = left.pop(same.popleft())
    for number, call in zip(sorted(results.keys() - found.keys()), left.values(), strict=True):
        found[number] = call
    return found


def _with_call(result: Result, calls: _OpenCalls, made: set[str]) -> Result:
    if result.call_id:
        if result.call_id not in made:
            raise _orphan(result, f"the call `{result.call_id}`")
        calls.close(result.call_id)
        return result
    call = calls.take(result.name)
    if call is None:
        raise _orphan(result, f"a call of `{result.name}`" if result.name else "a call")
    return replace(result, call_id=call.id)


def _orphan(result: Result, what: str) -> ReadError:
    where = f" at {format_place(result.place)}" if result.place else ""
    return ReadError(
        f"the result{where} answers {what}, which is not in the trace before it; where results are simply what the "
        "agent hears, say so in trajedit.yaml with `roles: {user: [tool]}`"
    )


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _tools_of(item: Any) -> Iterator[Tool]:
    if not isinstance(item, dict):
        return
    for key in ("function_declarations", "functionDeclarations"):
        if isinstance(item.get(key), list):
            for inner in item[key]:
                yield from _tools_of(inner)
            return
    spec = item.get("function", item.get("toolSpec", item))
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
        return
    schema = next(
        (spec[key] for key in ("parameters", "input_schema", "inputSchema", "args_schema") if key in spec), None
    )
    if isinstance(schema, dict) and isinstance(schema.get("json"), dict):
        schema = schema["json"]
    function: dict[str, Any] = {"name": spec["name"], "description": spec.get("description") or ""}
    if isinstance(schema, dict):
        function["parameters"] = schema
    if "strict" in spec:
        function["strict"] = spec["strict"]
    yield {"type": "function", "function": function}
