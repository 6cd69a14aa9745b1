"""A conversation as the `data` of a Label Studio task, and back.

Whatever format a trace came in, its task data has one form, so that one labeling config fits all of them:

    {"id", "task", "system",
     "steps": [{"title",                                      "Step 1", with the agent's name where it has one
                "before": [{"who", "text", "images"?}],       what was heard before the agent spoke
                "reasoning"?, "content"?,                      what it thought and said; further ones are `content_2`, …
                "tool_calls"?: [{"name", "arguments", "result"?, "images"?}],
                "images"?}],
     "after": [{"who", "text"}],
     "ls_trajedit": {"format", "source", "trace", "read", "json", "tools"}}

`arguments` is indented JSON, or the text that the model wrote where that is not an object. The source stands under the
reserved key as JSON text, because PostgreSQL's jsonb keeps neither the order of keys nor numbers such as 1e25. So do
the tools that the trace declares: the page checks corrected calls against them.

Tasks that somebody imported as they were recorded (`$messages[3].content`) are read too: there the path of an editor is
the place of a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ls_trajedit.label_config.task_data import NotesError, check_notes
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import RESERVED_KEY, FieldPath, format_path, get_field, parse_path, set_field
from ls_trajedit.traces.json_text import json_indented, json_line, parse_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.speaker_keys import speakers_key

if TYPE_CHECKING:
    from ls_trajedit.traces.places import Place

__all__ = [
    "Chat",
    "Correction",
    "Target",
    "chat_data",
    "chat_fields",
    "chat_of",
    "heard_text",
    "is_chat_data",
    "written_trace",
]

Kind = Literal["reasoning", "content", "name", "arguments"]


@dataclass(frozen=True)
class Target:
    """What an editor corrects: a part of a message, both by their numbers in the trace.

    `step` is the number of the agent's step, None for what somebody else said. `field` is what the part is called
    inside the step (`content`, `tool_calls[0].arguments`), and `inside` the rest of the editor's path where that leads
    into the arguments of a call.
    """

    message: int
    part: int
    kind: Kind
    step: int | None
    field: str
    inside: FieldPath = ()


@dataclass(frozen=True)
class Correction:
    """A target and what is to stand there."""

    target: Target
    value: Any


@dataclass(frozen=True)
class Chat:
    """The conversation in a task. `targets` are the paths that an editor may point at. Where the task's data is the
    conversation as it was recorded, `recorded_as` says how it was read."""

    trace: Trace
    targets: Mapping[FieldPath, Target]
    recorded_as: ReadOptions | None = None

    def target(self, path: FieldPath) -> Target | None:
        """What an editor at `path` of the task's data corrects, or None when nothing that can be corrected is there."""
        for length in range(len(path), 0, -1):
            found = self.targets.get(path[:length])
            if found is not None:
                inside = path[length:]
                if inside and found.kind == "arguments":
                    return replace(found, inside=inside)
                return None if inside else found
        return None

    def value(self, target: Target) -> Any:
        """What the trace has there: a string, or the arguments of a call."""
        part = self.trace.messages[target.message].parts[target.part]
        match part, target.kind:
            case ((Text(text) | Reasoning(text)), _):
                return text
            case Call(), "name":
                return part.name
            case Call(), _:
                return get_field(part.arguments, target.inside)
        raise AssertionError(f"{target} is not a target of this trace")

    def corrected(self, corrections: list[Correction]) -> Trace:
        """The trace after these corrections, its source included. Raises ValueError when a value does not fit the
        source."""
        parts: dict[tuple[int, int], Part] = {}
        places: dict[Place, Any] = {}
        for correction in corrections:
            at = (correction.target.message, correction.target.part)
            old = parts.get(at) or self.trace.messages[at[0]].parts[at[1]]
            parts[at] = _corrected_part(old, correction)
            place, value = _place_and_value(old, parts[at], correction.target.kind)
            if place is not None:
                places[place] = value
        # All of it is for conversations alone.
        from ls_trajedit.traces.atif import exact_atif
        from ls_trajedit.traces.places import correct_source
        from ls_trajedit.traces.readers.atif import is_exact

        trace = self.trace.with_parts(parts)
        if is_exact(self.trace.source):
            # It was made of the trace, so it is made again: a part may stand in it at several places.
            return replace(trace, source=exact_atif(trace))
        return replace(trace, source=correct_source(self.trace.source, places))

    def read_again(self, data: Mapping[str, Any]) -> Trace:
        """The conversation in other data of the same task, recorded as this one was. Raises ReadError."""
        return _read_chat(dict(data), self.trace.format, self.recorded_as or ReadOptions())[0]

    def step_at(self, path: FieldPath) -> int | None:
        """The number of the agent's step that was recorded at `path` of the task's data, such as `messages[3]`; of the
        first one where there are several."""
        return min(self.steps_at(path), default=None)

    def steps_at(self, path: FieldPath) -> frozenset[int]:
        """The numbers of all steps of the agent of which something was recorded at `path` of the task's data."""
        return frozenset(self._steps_at.get(path, ()))

    @cached_property
    def _steps_at(self) -> Mapping[FieldPath, set[int]]:
        found: dict[FieldPath, set[int]] = {}
        for place, target in self.targets.items():
            if target.step is not None:
                for length in range(len(place) + 1):
                    found.setdefault(place[:length], set()).add(target.step)
        return found

    @cached_property
    def step_of(self) -> Mapping[int, int]:
        """For each message of the agent, the number of its step."""
        return {step.position: number for number, step in enumerate(self.trace.steps)}


def chat_data(trace: Trace, options: ReadOptions, number: int = 0, *, first_step: int = 1) -> dict[str, Any]:
    """The task data of `trace`, which is the one of that `number` among those that its reader gives for the source. The
    title of its first step calls that `first_step`."""
    steps = [_step_data(trace, index, first_step) for index in range(len(trace.steps))]
    notes: dict[str, Any] = {"format": trace.format, "source": json_line(trace.source).decode(), "trace": number}
    read = _options_json(options)
    if read:
        notes["read"] = read
    if trace.parent:
        notes["parent"] = trace.parent
    if trace.tools:
        notes["tools"] = json_line(list(trace.tools)).decode()
    notes["json"] = [
        format_path(path) for path, target in _normal_targets(trace).items() if _is_json_target(trace, target)
    ]
    system = "\n\n".join(message.text for message in trace.before if message.role == "system")
    return {
        "id": trace.id,
        "task": trace.task,
        "system": system,
        "steps": steps,
        "after": [_heard(message) for message in _unanswering(trace, len(trace.steps))],
        RESERVED_KEY: notes,
    }


def is_chat_data(data: Mapping[str, Any]) -> bool:
    """Whether `chat_data` wrote this. Raises NotesError when something else stands under the reserved key than `push`
    writes there."""
    check_notes(data)
    notes = data.get(RESERVED_KEY)
    return isinstance(notes, dict) and isinstance(notes.get("source"), str)


def chat_of(data: Mapping[str, Any], steps_path: FieldPath, options: ReadOptions | None = None) -> Chat | None:
    """The conversation in a task's data: what `chat_data` wrote, or a trace as it was recorded, whose list stands at
    `steps_path`. None when it is a trace of the plain shape, whose steps are all the agent's.

    Raises ReadError when there are several speakers and no format that we know, or more than one, has this shape, and
    when something else stands under the reserved key than `push` writes there.
    """
    try:
        if is_chat_data(data):
            return _written_chat(data)
    except NotesError as error:
        raise ReadError(str(error)) from None
    items = get_field(data, steps_path)
    if not isinstance(items, list) or speakers_key(items) is None:
        return None
    read = options or ReadOptions()
    trace = _read_chat(dict(data), read.format or _recognized(data), read)[0]
    return Chat(trace, _raw_targets(trace), read)


def chat_fields(trace: Trace) -> dict[tuple[int | None, str], Target]:
    """What can be corrected in the agent's steps, under the step's number and the name that records use."""
    return {(target.step, target.field): target for target in _normal_targets(trace).values()}


def heard_text(message: Message) -> str:
    """What a message says, as a person reads it; what is neither text nor image as JSON."""
    if message.role == "tool":
        return "\n".join(_result_text(part) for part in message.parts if isinstance(part, Result))
    return "\n".join(text for part in message.parts if (text := _part_text(part)))


def _read_chat(source: Any, format_: str, options: ReadOptions) -> list[Trace]:
    # With all readers, which a task of the plain shape does not need.
    from ls_trajedit.traces.read import read_chat

    return read_chat(source, format_, options)


def _recognized(data: Mapping[str, Any]) -> str:
    from ls_trajedit.traces.readers.registry import recognize

    found = recognize(dict(data))
    if len(found) != 1:
        names = " or ".join(f"`{each.format.name}`" for each in found)
        raise ReadError(f"it could be {names}; say which with `from`" if found else "its speakers cannot be told apart")
    return found[0].format.name


def written_trace(data: Mapping[str, Any]) -> tuple[Trace, int, ReadOptions]:
    """The trace in data that `chat_data` wrote, its number among those of its source, and how it was read. Raises
    ReadError when it is not there any more."""
    notes = data[RESERVED_KEY]
    try:
        source = parse_json(notes["source"].encode("utf-8", "surrogatepass"))
        read = _options_of(notes.get("read") or {})
        number = int(notes.get("trace", 0))
        trace = _read_chat(source, str(notes.get("format")), read)[number]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ReadError(f"its `{RESERVED_KEY}` does not hold the trace that was pushed ({error})") from None
    trace = replace(trace, id=str(data.get("id", trace.id)), parent=notes.get("parent", trace.parent))
    return trace, number, read


def _written_chat(data: Mapping[str, Any]) -> Chat:
    trace, _, _ = written_trace(data)
    return Chat(trace, _normal_targets(trace))


def _step_data(trace: Trace, index: int, first_step: int) -> dict[str, Any]:
    step = trace.steps[index]
    title = f"Step {first_step + index}" + (f" · {step.message.agent}" if step.message.agent else "")
    data: dict[str, Any] = {"title": title, "before": [_heard(message) for message in _unanswering(trace, index)]}
    results: dict[str, list[Message]] = {}
    for message in step.heard:
        for part in message.parts:
            if isinstance(part, Result):
                results.setdefault(part.call_id, []).append(message)
    calls: list[dict[str, Any]] = []
    names: dict[str, int] = {}
    for part in step.message.parts:
        match part:
            case Text(text):
                data[_numbered("content", names)] = text
            case Reasoning(text):
                data[_numbered("reasoning", names)] = text
            case Call():
                calls.append(_call_data(part, results.get(part.id, [])))
            case Other(value):
                data[_numbered("other", names)] = json_indented(value)
            case _:
                pass
    if calls:
        data["tool_calls"] = calls
    if images := _images(step.message.parts):
        data["images"] = images
    return data


def _call_data(call: Call, answers: list[Message]) -> dict[str, Any]:
    data: dict[str, Any] = {"name": call.name, "arguments": _arguments_text(call.arguments)}
    if answers:
        data["result"] = "\n".join(heard_text(answer) for answer in answers)
        if images := [url for answer in answers for url in _images(answer.parts)]:
            data["images"] = images
    return data


def _arguments_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json_indented(arguments)


def _unanswering(trace: Trace, index: int) -> list[Message]:
    """What was heard before the step of that number (all that came after the last one, for the number after the last
    step), without the system prompts before the first step and without the results of the calls just made."""
    if index == 0:
        return [message for message in trace.before if message.role != "system"]
    before = trace.steps[index - 1]
    own = {call.id for call in before.message.calls}
    return [
        message
        for message in before.heard
        if not any(isinstance(part, Result) and part.call_id in own for part in message.parts)
    ]


def _heard(message: Message) -> dict[str, Any]:
    result = next((part for part in message.parts if isinstance(part, Result)), None)
    who = message.agent or message.name or message.role
    if result is not None:
        who = f"tool {result.name}" if result.name else "tool"
    heard: dict[str, Any] = {
        "who": who,
        "text": _given_text(message) if message.role == "assistant" else heard_text(message),
    }
    if images := _images(message.parts):
        heard["images"] = images
    return heard


def _given_text(message: Message) -> str:
    """What the agent did before its first step here, as a person reads it."""
    said: list[str] = []
    for part in message.parts:
        match part:
            case Reasoning(text):
                said.append(text)
            case Call():
                arguments = part.arguments if isinstance(part.arguments, str) else json_line(part.arguments).decode()
                said.append(f"{part.name}({arguments})")
            case _:
                said.append(_part_text(part))
    return "\n".join(text for text in said if text)


def _images(parts: tuple[Part, ...]) -> list[str]:
    found = []
    for part in parts:
        if isinstance(part, Image):
            found.append(part.url)
        elif isinstance(part, Result):
            found.extend(inner.url for inner in part.content if isinstance(inner, Image))
    return found


def _part_text(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Image():
            return "(image)"
        case Other(value):
            return json_indented(value)
        case _:
            return ""


def _result_text(result: Result) -> str:
    return "\n".join(text for part in result.content if (text := _part_text(part)))


def _numbered(name: str, counts: dict[str, int]) -> str:
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name}_{counts[name]}"


def _targets_of(trace: Trace) -> Iterator[tuple[int, int, Part, str, int | None]]:
    """Each part that can be corrected: message, part, the part itself, its name inside the step, and the step."""
    steps = {step.position: number for number, step in enumerate(trace.steps)}
    for position, message in enumerate(trace.messages):
        names: dict[str, int] = {}
        calls = 0
        for number, part in enumerate(message.parts):
            match part:
                case Text():
                    yield position, number, part, _numbered("content", names), steps.get(position)
                case Reasoning():
                    yield position, number, part, _numbered("reasoning", names), steps.get(position)
                case Call():
                    yield position, number, part, f"tool_calls[{calls}]", steps.get(position)
                    calls += 1
                case _:
                    pass


def _normal_targets(trace: Trace) -> dict[FieldPath, Target]:
    found: dict[FieldPath, Target] = {}
    for message, number, part, name, step in _targets_of(trace):
        if step is None:
            continue
        if isinstance(part, Call):
            for kind in ("name", "arguments"):
                field = f"{name}.{kind}"
                path: FieldPath = ("steps", step, *parse_path(field))
                found[path] = Target(message, number, _kind(kind), step, field)
        else:
            kind = "reasoning" if isinstance(part, Reasoning) else "content"
            found["steps", step, name] = Target(message, number, _kind(kind), step, name)
    return found


def _raw_targets(trace: Trace) -> dict[FieldPath, Target]:
    found: dict[FieldPath, Target] = {}
    for message, number, part, name, step in _targets_of(trace):
        if isinstance(part, Call):
            pairs = (("name", part.name_place), ("arguments", part.arguments_place))
            for kind, place in pairs:
                if place is not None:
                    found[_plain(place)] = Target(message, number, _kind(kind), step, f"{name}.{kind}")
        elif isinstance(part, Text | Reasoning) and part.place is not None:
            kind = "reasoning" if isinstance(part, Reasoning) else "content"
            found[_plain(part.place)] = Target(message, number, _kind(kind), step, name)
    return found


def _plain(place: Place) -> FieldPath:
    """The place as a path that Label Studio can show: up to the first step into a string."""
    path: list[str | int] = []
    for segment in place:
        if not isinstance(segment, str | int):
            break
        path.append(segment)
    return tuple(path)


def _kind(name: str) -> Kind:
    kinds: dict[str, Kind] = {kind: kind for kind in ("reasoning", "content", "name", "arguments")}
    return kinds[name]


def _is_json_target(trace: Trace, target: Target) -> bool:
    part = trace.messages[target.message].parts[target.part]
    return target.kind == "arguments" and isinstance(part, Call) and not isinstance(part.arguments, str)


def _corrected_part(part: Part, correction: Correction) -> Part:
    target, value = correction.target, correction.value
    match part, target.kind:
        case ((Text() | Reasoning()), _):
            return replace(part, text=value)
        case Call(), "name":
            return replace(part, name=value)
        case Call(), _:
            arguments = set_field(part.arguments, target.inside, value) if target.inside else value
            return replace(part, arguments=arguments)
    raise AssertionError(f"{target} is not a target of this trace")


def _place_and_value(old: Part, new: Part, kind: Kind) -> tuple[Place | None, Any]:
    match old, new:
        case Call(), Call():
            if kind == "name":
                return old.name_place, new.name
            # A string that was not JSON stands in the source as that string, and so does what it is corrected to.
            was_text = isinstance(old.arguments, str) and not isinstance(new.arguments, str)
            return old.arguments_place, json_line(new.arguments).decode() if was_text else new.arguments
        case ((Text() | Reasoning()), (Text() | Reasoning())):
            return old.place, new.text
    raise AssertionError("a part stays of its kind")


def _options_json(options: ReadOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.messages_key is not None:
        found["messages_key"] = format_path(options.messages_key)
    if options.role_key is not None:
        found["role_key"] = options.role_key
    if options.roles:
        found["roles"] = dict(options.roles)
    if options.agent is not None:
        found["agent"] = options.agent
    return found


def _options_of(noted: Mapping[str, Any]) -> ReadOptions:
    messages_key = noted.get("messages_key")
    return ReadOptions(
        messages_key=parse_path(messages_key) if isinstance(messages_key, str) else None,
        role_key=noted.get("role_key"),
        roles=noted.get("roles") or {},
        agent=noted.get("agent"),
    )
