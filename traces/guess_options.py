"""Guesses the options from traces: which key holds the steps, and what the rest is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import yaml

from ls_trajedit.traces.errors import TraceError
from ls_trajedit.traces.field_path import FieldPath, format_path, get_field, is_showable_key
from ls_trajedit.traces.model import Call, Reasoning, Text, Trace
from ls_trajedit.traces.options import CHAT_FIELDS, DEFAULT_CHAT_FIELDS, Options
from ls_trajedit.traces.options_file import options_from
from ls_trajedit.traces.shape import TraceShape

__all__ = ["chat_options_yaml", "guess_chat_options", "guess_options", "options_yaml"]

_Key = TypeVar("_Key", str, FieldPath)

# Common names for these keys, the likeliest first.
_STEPS = ("steps", "trajectory", "turns", "messages", "trace", "events", "history", "actions")
_NEVER_STEPS = ("id", "task_description", "final_answer")
_STEP_TEXTS = ("action", "content", "tool_call", "command", "code", "text", "output", "response", "message")
_IDS = ("id", "trace_id", "task_id", "instance_id", "uuid", "session_id", "run_id")
_TASKS = ("task_description", "task", "text", "question", "instruction", "prompt", "query", "goal", "input")
_STRUCTURE = {"allow_remove": True, "allow_insert": 1}
_ANSWERS = ("final_answer", "answer", "final_response", "response", "result", "output")


def guess_options(traces: Sequence[Mapping[str, Any]], name: str) -> Options:
    """The options that fit `traces`. Raises TraceError when no key of the traces in `name` holds a list of steps."""
    steps_path = _best_path(_step_lists(traces))
    if steps_path is None:
        keys = ", ".join(dict.fromkeys(key for trace in traces for key in trace)) or "none"
        raise TraceError(f"{name}: no key of the traces holds a list of objects or strings (keys: {keys})")
    lists = [found for trace in traces if isinstance(found := get_field(trace, steps_path), list)]
    steps = [step for found in lists for step in found]
    objects = [step for step in steps if isinstance(step, dict)]
    held = (key for step in objects for key, value in step.items() if value is not None)
    text_key = _known(held, _STEP_TEXTS) or _most_frequent(_text_keys(objects))
    taken = steps_path[0]
    top = [key for key in _text_keys(traces) if key != taken]
    ids = [key for trace in traces for key, value in trace.items() if isinstance(value, str | int) and key != taken]
    guessed = {
        "steps_key": format_path(steps_path),
        "step_text_key": text_key or "action",
        "id_key": _known(ids, _IDS),
        "task_key": _known(top, _TASKS),
        "final_answer_key": _known(top, _ANSWERS),
    }
    return options_from({key: value for key, value in guessed.items() if value is not None} | _STRUCTURE, name)


def guess_chat_options(traces: Sequence[Trace]) -> Options:
    """The options that fit these chats: their format, when they are all of one, and what can be corrected. That is
    text and the arguments of calls; reasoning only where the agent says nothing else."""
    formats = list(dict.fromkeys(trace.format for trace in traces))
    said = {type(part) for trace in traces for step in trace.steps for part in step.message.parts}
    fields = (
        DEFAULT_CHAT_FIELDS if said & {Text, Call} or Reasoning not in said else ("reasoning", *DEFAULT_CHAT_FIELDS)
    )
    guessed: dict[str, Any] = {"editable_fields": list(fields), **_STRUCTURE}
    if len(formats) == 1:
        guessed["from"] = formats[0]
    return options_from(guessed, "the traces")


def options_yaml(options: Options, shape: TraceShape) -> str:
    """`options` as the text of `trajedit.yaml`, with comments on what the traces have."""
    fields = ", ".join(key for key in shape.step_keys if is_showable_key(key))
    answer = str(shape.has_final_answer).lower()
    return f"""\
# Options of ls-trajedit: docs/options.md explains every one.

# Where a trace keeps what.
id_key: {_scalar(options.id_keys[0])}
task_key: {_scalar(options.task_key)}
steps_key: {_scalar(options.steps_key)}
step_text_key: {_scalar(options.step_text_key)}
final_answer_key: {_scalar(options.final_answer_key)}

# What annotators may rewrite. The steps have: {fields}
editable_fields: [{_scalars(options.editable_fields)}]
edit_final_answer: {answer}

# How they work.
{_flags(options)}
layout: {options.layout}

{_STEP_LABELS}"""


def chat_options_yaml(options: Options, traces: Sequence[Trace]) -> str:
    """The text of `trajedit.yaml` for these chats."""
    speakers = dict.fromkeys(name for trace in traces for name in _speakers(trace))
    format_ = f"from: {options.from_}" if options.from_ else "# from: FORMAT"
    names = f" The speakers: {', '.join(speakers)}" if speakers else ""
    return f"""\
# Options of ls-trajedit: docs/options.md explains every one.

# How the traces were recorded. `ls-trajedit traces FILE` shows what is made of them.
{format_}

# Whose turns are corrected, where several agents speak.{names}
# agent: NAME

# Who is meant by words for speakers that ls-trajedit does not know.
# roles:
#   user: [customer]
#   assistant: [planner]

# What annotators may rewrite. Steps of a chat have: {", ".join(CHAT_FIELDS)}
editable_fields: [{_scalars(options.editable_fields)}]

# How they work.
{_flags(options)}

{_STEP_LABELS}"""


_STEP_LABELS = """\
# Scoring beside editing; remove the # to have it.
# step_labels:
#   correctness: [correct, incorrect, unsure]
#   error_types: [wrong tool, wrong argument, wrong reasoning]
"""


def _speakers(trace: Trace) -> Iterator[str]:
    names = [trace.agent, *(message.agent for message in trace.messages)]
    different = list(dict.fromkeys(" ".join(name.split()) for name in names if name))
    if len(different) > 1:
        yield from different


def _flags(options: Options) -> str:
    return "\n".join(
        f"{name}: {str(getattr(options, name)).lower()}"
        for name in ("show_diff", "show_edit_distance", "allow_reset", "require_reason_on_edit", *_STRUCTURE)
    )


def _scalars(texts: Iterable[str]) -> str:
    return ", ".join(f'"{text}"' if "[" in text else _scalar(text) for text in texts)


def _scalar(text: str) -> str:
    """`text` as YAML, in quotes where it would be read as something else (`no`, `404`)."""
    return text if yaml.safe_load(text) == text else f'"{text}"'


def _step_lists(traces: Iterable[Mapping[str, Any]]) -> Iterator[FieldPath]:
    """The path of everything that could be a list of steps, at the top level of a trace or one object below."""
    for trace in traces:
        for key, value in trace.items():
            nested = value.items() if isinstance(value, dict) else ()
            for path, found in (((key,), value), *(((key, inner), item) for inner, item in nested)):
                is_list = isinstance(found, list) and bool(found)
                if not is_list or key in _NEVER_STEPS or not all(map(is_showable_key, path)):
                    continue
                if all(isinstance(step, dict | str) for step in found):
                    yield path


def _text_keys(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for item in objects:
        yield from (key for key, value in item.items() if isinstance(value, str) and is_showable_key(key))


def _best_path(found: Iterable[FieldPath]) -> FieldPath | None:
    """The path with the likeliest name for a list of steps or, without such a name, the most frequent."""
    paths = list(found)
    at_the_top = _known((path[0] for path in paths if len(path) == 1), _STEPS)
    if at_the_top is not None:
        return (at_the_top,)
    named = next((path for path in paths if path[-1] in _STEPS), None)
    return named or _most_frequent(paths)


def _most_frequent(found: Iterable[_Key]) -> _Key | None:
    counts = Counter(found)
    return max(counts, key=lambda key: counts[key], default=None)


def _known(found: Iterable[str | int], names: Sequence[str]) -> str | None:
    keys = set(found)
    return next((name for name in names if name in keys), None)
