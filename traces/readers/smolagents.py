"""The memory of smolagents' agents: `agent.memory.get_full_steps()`, or a `RunResult` with such `steps`.

A step is a task (`task`), a system prompt (`system_prompt`), a plan (`plan`), an action (`step_number`, `model_output`,
`tool_calls`, `observations`, `error`, `action_output`) or a final answer (`output`).

What is odd:
- A code agent writes code in its text. The `python_interpreter` call beside that, and `code_action`, are smolagents'
  own parse of it, so the text alone is what the model said, and what came back is heard as a user's message, which is
  how smolagents tells the model. The same goes for calls that a model without function calling wrote as JSON in its
  text.
- The observations of several calls are one text, which cannot be divided among them: it is heard as a user's message.
- Without a step for it, the system prompt is the first of `model_input_messages`.
- `action_output` and the final answer repeat what is elsewhere.

Facts: `src/smolagents/memory.py` and `agents.py` of huggingface/smolagents.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path
from ls_trajedit.traces.model import Call, Image, Message, Other, Result, Text, Trace
from ls_trajedit.traces.places import Place, Under, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    listed,
    message_lists,
)
from ls_trajedit.traces.readers.openai_chat import content_parts

__all__ = ["FORMAT", "is_action_step", "read", "recognize"]

_ACTION_KEYS: Final = ("model_output", "code_action", "tool_calls", "observations", "action_output")
_FINAL: Final = "final answers"
_Step = Mapping[str, Any]


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds memory steps, one of them an action."""
    found = next(_found(source, ReadOptions()), None)
    if found is None:
        return None
    what = "memory steps with `step_number` and `model_output`, `code_action` or `tool_calls`"
    return f"a list `{format_path(found[0])}` of {what}" if found[0] else f"a list of {what}"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, steps = next(_found(source, options), (None, None))
    if path is None or steps is None:
        raise ReadError("it holds no list of smolagents' memory steps; `messages_key` names it")
    holder = source if isinstance(source, dict) else {}
    left_out: Counter[str] = Counter()
    in_text = any(_writes_its_calls(step) for step in steps)
    messages = [m for n, step in enumerate(steps) for m in _messages(step, (*path, n), left_out, in_text)]
    return [
        build_trace(
            source,
            FORMAT.name,
            [*_system(holder, steps, path), *messages],
            options,
            identity=first_text(holder, ("id",), ("run_id",), ("task_id",)),
            tools=declared_tools(holder.get("tools")),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare steps, one a line or in one array, are one run."""
    return [list(values)] if len(values) > 1 and _are_steps(values) else None


def is_action_step(item: Any) -> bool:
    """Whether the value is an action step."""
    return isinstance(item, dict) and "step_number" in item and sum(key in item for key in _ACTION_KEYS) > 1


def _are_steps(items: Sequence[Any]) -> bool:
    return any(is_action_step(item) for item in items) and all(
        is_action_step(item) or _kind(item) is not None for item in items
    )


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_steps(items):
            yield path, items


def _kind(step: Any) -> str | None:
    if not isinstance(step, dict) or "role" in step or "type" in step:
        return None
    if "step_number" in step:
        return "action"
    return next((key for key in ("task", "system_prompt", "plan", "output") if key in step), None)


def _system(holder: Mapping[str, Any], steps: Sequence[_Step], path: FieldPath) -> Iterator[Message]:
    if any(_kind(step) == "system_prompt" for step in steps):
        return
    recorded = holder.get("system_prompt")
    if isinstance(recorded, dict) and isinstance(text := recorded.get("system_prompt"), str) and text:
        yield Message("system", (Text(text, ("system_prompt", "system_prompt")),))
        return
    if isinstance(recorded, str) and recorded:
        yield Message("system", (Text(recorded, ("system_prompt",)),))
        return
    for number, step in enumerate(steps):
        given = step.get("model_input_messages")
        if isinstance(given, list) and given and isinstance(given[0], dict):
            if given[0].get("role") == "system":
                at = (*path, number, "model_input_messages", 0, "content")
                yield Message("system", tuple(content_parts(given[0].get("content"), at)))
            return


def _messages(step: _Step, place: Place, left_out: Counter[str], in_text: bool) -> Iterator[Message]:
    match _kind(step):
        case "task":
            images = step.get("task_images")
            shown = (
                _image(image, (*place, "task_images", number))
                for number, image in enumerate(images if isinstance(images, list) else ())
            )
            yield Message("user", (*_text(step, "task", place), *shown))
        case "system_prompt":
            yield Message("system", tuple(_text(step, "system_prompt", place)))
        case "plan":
            yield Message("assistant", tuple(_text(step, "plan", place)))
        case "output":
            left_out[_FINAL] += 1
        case _:
            yield from _action(step, place, in_text)


def _action(step: _Step, place: Place, in_text: bool) -> Iterator[Message]:
    said = tuple(content_parts(step.get("model_output"), (*place, "model_output")))
    is_copy = bool(_output_text(step)) and (in_text or isinstance(step.get("code_action"), str))
    calls = () if is_copy else tuple(_calls(step, place))
    if said or calls:
        yield Message("assistant", (*said, *calls))
    heard = (*_text(step, "observations", place), *_pictures(step, place), *_error(step, place))
    if not heard and not step.get("is_final_answer") and step.get("action_output") is not None:
        output, at = step["action_output"], (*place, "action_output")
        heard = (Text(output, at) if isinstance(output, str) else Other(output, at),)
    if heard and len(calls) == 1:
        yield Message("tool", (Result(heard, calls[0].id, place=place),))
    elif heard:
        yield Message("user", heard)


def _output_text(step: _Step) -> str:
    return "".join(p.text for p in content_parts(step.get("model_output"), ()) if isinstance(p, Text)).strip()


def _writes_its_calls(step: _Step) -> bool:
    """Whether the model wrote the calls of the step as JSON in its text, from which smolagents parsed them."""
    text = _output_text(step)
    names = [
        json.dumps(name)
        for call in listed(step.get("tool_calls"), ("tool_calls",))
        if (name := _named(call)) is not None
    ]
    return bool(names) and all(name in text for name in names) and '"arguments"' in text


def _named(call: Any) -> str | None:
    return first_text(call, ("function", "name"), ("name",))


def _calls(step: _Step, place: Place) -> Iterator[Call]:
    if isinstance(code := step.get("code_action"), str) and code:
        call_id = first_text(step, ("tool_calls", 0, "id")) or ""
        yield Call("python_interpreter", {"code": code}, call_id, None, (*place, "code_action", Under("code")))
        return
    for number, call in enumerate(listed(step.get("tool_calls"), (*place, "tool_calls"))):
        at: Place = (*place, "tool_calls", number)
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ReadError(f"the call at {format_place(at)} names no tool")
        at_function = (*at, "function") if "function" in call else at
        arguments, arguments_place = arguments_at(function.get("arguments"), (*at_function, "arguments"))
        yield Call(
            function["name"], arguments, first_text(call, ("id",)) or "", (*at_function, "name"), arguments_place
        )


def _error(step: _Step, place: Place) -> Iterator[Text | Other]:
    error, at = step.get("error"), (*place, "error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        yield Text(error["message"], (*at, "message"))
    elif isinstance(error, str) and error:
        yield Text(error, at)
    elif error is not None and error != "":
        yield Other(error, at)


def _pictures(step: _Step, place: Place) -> Iterator[Image | Other]:
    images = step.get("observations_images")
    for number, image in enumerate(images if isinstance(images, list) else ()):
        yield _image(image, (*place, "observations_images", number))


def _image(image: Any, place: Place) -> Image | Other:
    if isinstance(image, str) and image.startswith(("data:image/", "http://", "https://")):
        return Image(image, place)
    return Other(image, place)


def _text(step: _Step, key: str, place: Place) -> Iterator[Text | Other]:
    value = step.get(key)
    if not isinstance(value, str | None):
        yield Other(value, (*place, key))
    elif value:
        yield Text(value, (*place, key))


FORMAT = Format("smolagents", "smolagents' memory steps", recognize, read, gather)
