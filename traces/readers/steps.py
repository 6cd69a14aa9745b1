"""Steps without roles: `{"task_description", "steps": [{"thought", "action", "observation"}], "final_answer"}`, the
shape that this tool began with, and Potato's `conversation` of `speaker` and `text`.

`thought` is reasoning, `action` a call where it is one, else text; `observation` is what was heard after it: the call's
result, else a user's message. An action is a call when it is an object with a name and arguments, or the JSON of one,
or a tool's name beside `action_input`, which may be one text. The final answer is the last thing that the agent says.
What else a step holds is kept as it is.

Potato's speakers are roles, with the kind of a turn in brackets: `Agent (Thought)`, `Agent (Action)`, `Environment`,
`User`. An error or a result of the agent's is what it heard. Thoughts and the action (or the words) after them are one
turn. The action is text, so what the environment says after it is heard as a user's message.

Any list of steps is read, whatever its key. But where the items say who speaks (`role`, `from`, `type`, `source`,
`speaker`, `author`, `agent`, `sender`, with more than one value), it is a chat of some kind, and this reader leaves it
alone.

Facts: davidjurgens/potato (`potato/trace_converter`, its `agent_trace` display), and the docs of this tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Message, Other, Part, Reasoning, Result, Role, Text, Trace
from ls_trajedit.traces.places import JSON_TEXT, Place, Under, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    is_role,
    message_lists,
    role_of,
)
from ls_trajedit.traces.readers.openhands import is_event
from ls_trajedit.traces.readers.smolagents import is_action_step
from ls_trajedit.traces.readers.swe_agent import is_swe_agent_step

__all__ = ["ARGUMENT_KEYS", "FORMATS", "NAME_KEYS", "THOUGHT_KEYS"]

_SPEAKERS: Final = ("role", "from", "type", "source", "speaker", "author", "agent", "sender")
THOUGHT_KEYS: Final = ("thought", "reasoning")
_STEP_KEYS: Final = frozenset({"thought", "action", "observation"})
_TASKS: Final = ("task_description", "task", "text", "question", "instruction", "goal")
_ANSWER: Final = "final_answer"
_IDS: Final = (("id",), ("trace_id",), ("session_id",), ("task_id",))
NAME_KEYS: Final = ("name", "tool", "tool_name", "function")
ARGUMENT_KEYS: Final = ("arguments", "args", "parameters", "input", "tool_input", "action_input")
_INPUT: Final = "input"
_KIND: Final = re.compile(r"^(.*?)\s*\(([^()]*)\)\s*$")
# The search takes the square of this; nobody has a longer name.
_LONGEST_SPEAKER: Final = 200
_THOUGHT_KINDS: Final = frozenset({"thought", "thinking", "reasoning"})
_HEARD_KINDS: Final = frozenset({"error", "observation", "result", "output"})
_SAID_KINDS: Final = frozenset({"action", "tool call", "response", "message", "answer", "final answer"})


def recognize_steps(source: Any) -> str | None:
    """Whether the source has a list of steps: objects with thought, action or observation that do not say who speaks,
    or under `steps` strings."""
    found = next(_found_steps(source, ReadOptions()), None)
    if found is None:
        return None
    what = "steps with `thought`, `action` or `observation`" if isinstance(found[1][0], dict) else "strings"
    return f"a list `{format_path(found[0])}` of {what}" if found[0] else f"a list of {what}"


def read_steps(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, steps = next(_found_steps(source, options), (None, None))
    if path is None or steps is None:
        raise ReadError("it holds no list of steps with `thought`, `action` or `observation`; `messages_key` names it")
    holder = source if isinstance(source, dict) else {}
    messages = [message for number, step in enumerate(steps) for message in _step(step, (*path, number))]
    return [
        build_trace(
            source,
            "steps",
            [*_task(holder, path), *messages, *_answer(holder)],
            options,
            identity=first_text(holder, *_IDS),
            tools=declared_tools(holder.get("tools")),
        )
    ]


def gather_steps(values: Sequence[Any]) -> list[Any] | None:
    """Bare steps, one a line or in one array, are one trace."""
    return [list(values)] if len(values) > 1 and _are_steps(values) else None


def _found_steps(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    steps = source.get("steps") if isinstance(source, dict) else None
    if options.messages_key is None and isinstance(steps, list) and steps and all(isinstance(s, str) for s in steps):
        yield ("steps",), steps
        return
    lists = list(message_lists(source, options))
    # Where there are several lists, `steps` is the one.
    for path, items in sorted(lists, key=lambda found: found[0] != ("steps",)):
        if _are_steps(items):
            yield path, items


def _are_steps(items: Sequence[Any]) -> bool:
    return (
        bool(items)
        and all(isinstance(item, dict) for item in items)
        and any(not _STEP_KEYS.isdisjoint(item) for item in items)
        and not any(_says_who(items, key) for key in _SPEAKERS)
        and not any(map(_is_of_another, items))
    )


def _says_who(items: Sequence[dict[str, Any]], key: str) -> bool:
    values = {str(item[key]) for item in items if key in item}
    return len(values) > 1


def _is_of_another(item: dict[str, Any]) -> bool:
    return (
        is_event(item)
        or is_swe_agent_step(item)
        or is_action_step(item)
        or {"step_id", "source", "message"} <= item.keys()
        or "role" in item
        or "content" in item
    )


def _task(holder: Mapping[str, Any], path: FieldPath) -> Iterator[Message]:
    for key in _TASKS:
        if path != (key,) and isinstance(text := holder.get(key), str) and text:
            yield Message("user", (Text(text, (key,)),))
            return


def _answer(holder: Mapping[str, Any]) -> Iterator[Message]:
    answer = holder.get(_ANSWER)
    if isinstance(answer, str):
        if answer:
            yield Message("assistant", (Text(answer, (_ANSWER,)),))
    elif answer is not None:
        yield Message("assistant", (Other(answer, (_ANSWER,)),))


def _step(step: Any, place: Place) -> Iterator[Message]:
    if not isinstance(step, dict):
        yield Message("assistant", (Text(step, place),) if isinstance(step, str) else (Other(step, place),))
        return
    thought = next((key for key in THOUGHT_KEYS if isinstance(step.get(key), str)), None)
    parts: list[Part] = [Reasoning(step[thought], (*place, thought))] if thought and step[thought] else []
    action, used = _action(step, place)
    parts += action
    known = {thought, "observation", *used}
    parts += [Other(value, (*place, key)) for key, value in step.items() if key not in known and value is not None]
    yield Message("assistant", tuple(parts))
    yield from _observation(step, place, has_call=any(isinstance(part, Call) for part in action))


def _action(step: dict[str, Any], place: Place) -> tuple[list[Part], set[str]]:
    """What the agent did in a step, and the keys that say it."""
    action, at = step.get("action"), (*place, "action")
    if isinstance(action, str) and action and "action_input" in step:
        return [_with_input(action, step["action_input"], at, (*place, "action_input"))], {"action", "action_input"}
    if isinstance(action, dict):
        return [_call(action, at) or Other(action, at)], {"action"}
    if isinstance(action, str):
        call = _call(_parsed(action), (*at, JSON_TEXT))
        return ([call] if call else [Text(action, at)] if action else []), {"action"}
    return ([] if action is None else [Other(action, at)]), {"action"}


def _with_input(name: str, value: Any, name_place: Place, place: Place) -> Call | Text:
    if name.lower() == "final answer" and isinstance(value, str):
        return Text(value, place)
    arguments, at = arguments_at(value, place)
    # A tool that takes one text, as it is, gets no JSON.
    if isinstance(arguments, str):
        arguments, at = {_INPUT: arguments}, (*place, Under(_INPUT))
    return Call(name, arguments, "", name_place, at)


def _call(value: Any, place: Place) -> Call | None:
    """The call in an object with a name and arguments, also as `{"function": {"name", "arguments"}}`."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        inner = _call(value["function"], (*place, "function"))
        return inner and Call(
            inner.name, inner.arguments, first_text(value, ("id",)) or "", inner.name_place, inner.arguments_place
        )
    name = next((key for key in NAME_KEYS if isinstance(value.get(key), str)), None)
    key = next((key for key in ARGUMENT_KEYS if isinstance(value.get(key), dict | str)), None)
    if name is None or key is None:
        return None
    arguments, at = arguments_at(value[key], (*place, key))
    return Call(value[name], arguments, first_text(value, ("id",)) or "", (*place, name), at)


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def _observation(step: dict[str, Any], place: Place, *, has_call: bool) -> Iterator[Message]:
    heard, at = step.get("observation"), (*place, "observation")
    if heard is None:
        return
    content: tuple[Text | Other, ...] = (Text(heard, at),) if isinstance(heard, str) else (Other(heard, at),)
    if has_call:
        yield Message("tool", (Result(content if heard != "" else (), place=at),))
    elif heard != "":
        yield Message("user", content)


def recognize_potato(source: Any) -> str | None:
    """Whether some list in the source holds turns with `speaker` and `text` whose speakers are roles."""
    found = next(_found_turns(source, ReadOptions()), None)
    if found is None:
        return None
    return (
        f"a list `{format_path(found[0])}` of turns with `speaker` and `text`" if found[0] else "turns with `speaker`"
    )


def read_potato(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, turns = next(_found_turns(source, options), (None, None))
    if path is None or turns is None:
        raise ReadError("it holds no list of turns with `speaker` and `text`; `messages_key` names it")
    holder = source if isinstance(source, dict) else {}
    messages = list(_turns(turns, path, options))
    has_user = any(message.role == "user" for message in messages[:1])
    return [
        build_trace(
            source,
            "potato",
            [*(() if has_user else _task(holder, path)), *messages],
            options,
            identity=first_text(holder, *_IDS),
        )
    ]


def gather_potato(values: Sequence[Any]) -> list[Any] | None:
    """Bare turns, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_turns(values, ReadOptions()) else None


def _found_turns(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_turns(items, options):
            yield path, items


def _are_turns(items: Sequence[Any], options: ReadOptions) -> bool:
    return bool(items) and all(
        isinstance(item, dict)
        and isinstance(item.get("text"), str)
        and isinstance(item.get("speaker"), str)
        and "role" not in item
        and is_role(_speaker(item["speaker"], options)[0], options)
        for item in items
    )


def _speaker(word: str, options: ReadOptions) -> tuple[str, str | None]:
    """The role's name and the kind of the turn, in small letters."""
    found = None if word in options.roles or len(word) > _LONGEST_SPEAKER else _KIND.match(word)
    return (word, None) if found is None else (found[1], found[2].lower())


def _turns(turns: Sequence[Any], path: FieldPath, options: ReadOptions) -> Iterator[Message]:
    thoughts: list[Part] = []
    for number, turn in enumerate(turns):
        at, text = (*path, number), turn["text"]
        word, kind = _speaker(turn["speaker"], options)
        role: Role = role_of(word, (*at, "speaker"), options)
        place: Place = (*at, "text")
        if role == "assistant" and kind in _THOUGHT_KINDS:
            thoughts += [Reasoning(text, place)] if text else []
            continue
        said = (Text(text, place),) if text else ()
        if role == "assistant" and kind in _HEARD_KINDS:
            role = "user"
        elif role == "assistant":
            if kind is not None and kind not in _SAID_KINDS:
                raise ReadError(
                    f"`{turn['speaker']}` at {format_place((*at, 'speaker'))} is not a speaker that is known here; say "
                    f"who that is in trajedit.yaml, such as `roles: {{assistant: [{turn['speaker']}]}}`"
                )
            yield Message(role, (*thoughts, *said))
            thoughts = []
            continue
        if thoughts:
            yield Message("assistant", tuple(thoughts))
            thoughts = []
        yield Message("user" if role == "tool" else role, said)
    if thoughts:
        yield Message("assistant", tuple(thoughts))


FORMATS = (
    Format("steps", "steps with thought, action and observation", recognize_steps, read_steps, gather_steps),
    Format("potato", "Potato's conversations", recognize_potato, read_potato, gather_potato),
)
