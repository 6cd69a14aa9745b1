"""Logs of Inspect AI (UK AI Security Institute): one evaluation, with a conversation for each sample and epoch.

A `.json` log is `{"version", "status", "eval", "plan", "results", "stats", "samples"}`. A `.eval` log is a zip of the
same: `header.json` holds everything but the samples (a log that was not finished has `_journal/start.json` alone), each
sample stands in `samples/ID_epoch_N.json`, and what else is in it repeats that. One sample is one source, and reads the
same from either.

Messages are of OpenAI's shape, but a call is `{"id", "function": NAME, "arguments": object}`, a result may carry an
`error` beside its content, and content parts have reasoning and hosted tools of Inspect's own. Pictures may stand under
`attachments` and be named in the message (`attachment://HASH`, in old logs `tc://HASH`). The tools are those that the
model events declare; what else the events say repeats the messages. Facts: UKGovernmentBEIS/inspect_ai
(`model/_chat_message.py`, `_util/content.py`, `log/_condense.py`, `log/_recorders/eval.py`, `tests/log/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Image, Message, Part, Reasoning, Result, Text, Tool, Trace
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    listed,
    role_of,
)
from ls_trajedit.traces.readers.blocks import block_parts, blocks_in
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, HOSTED_CALL, result_parts, turns

__all__ = ["FORMAT", "from_eval_entries"]

_REFERENCES = ("attachment://", "tc://")
_ATTACHMENTS: tuple[FieldPath, ...] = (("attachments",), ("transcript", "content"))


def recognize(source: Any) -> str | None:
    """Whether the source is a sample of a log, or a log."""
    if not isinstance(source, dict):
        return None
    if _is_sample(source):
        return "a sample with `epoch`, `input`, `target` and `messages`"
    if isinstance(source.get("eval"), dict) and "task" in source["eval"] and "version" in source:
        samples = source.get("samples")
        count = len(samples) if isinstance(samples, list) else 0
        return f"a log with `eval` and {count} samples"
    return None


def split(source: Any) -> list[Any]:
    """The samples of a log; anything else is one source already."""
    samples = source.get("samples") if isinstance(source, dict) and not _is_sample(source) else None
    return list(samples) if isinstance(samples, list) and samples else [source]


def from_eval_entries(entries: Mapping[str, bytes]) -> Any:
    """The log that the members of an `.eval` file hold, as a `.json` log has it. Raises ValueError when they are not
    those of an Inspect log."""
    header = next((name for name in ("header.json", "_journal/start.json") if name in entries), None)
    if header is None:
        raise ValueError("neither `header.json` nor `_journal/start.json` is in it, so it is not an Inspect log")
    log = parse_json(entries[header])
    if not isinstance(log, dict):
        raise ValueError(f"`{header}` is not an object")
    names = sorted(name for name in entries if name.startswith("samples/") and name.endswith(".json"))
    samples = [parse_json(entries[name]) for name in names]
    return {**log, "samples": sorted(samples, key=_sample_order)}


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace of the sample."""
    if not _is_sample(source):
        raise ReadError("it is a log without samples; write the log with its samples (`log_samples` of Inspect)")
    left_out: Counter[str] = Counter()
    messages = [
        message
        for number, item in enumerate(source["messages"])
        for message in _messages(item, ("messages", number), source, options, left_out)
    ]
    events = source.get("events") or get_field(source, ("transcript", "events"))
    left_out["events"] = len(events) if isinstance(events, list) else 0
    identity = first_text(source, ("id",))
    return [
        build_trace(
            source,
            FORMAT.name,
            messages,
            options,
            identity=f"{identity}-{source['epoch']}" if identity else None,
            tools=_tools(events, source),
            left_out=left_out,
        )
    ]


def _messages(
    item: Any, place: Place, sample: Mapping[str, Any], options: ReadOptions, left_out: Counter[str]
) -> Iterator[Message]:
    if not isinstance(item, dict):
        raise ReadError(f"{format_place(place)} is not a message")
    role = role_of(item.get("role"), (*place, "role"), options)
    parts = list(_parts(item.get("content"), (*place, "content"), sample, left_out))
    if role == "tool":
        yield from turns(role, [_result(item, parts, place)], options)
        return
    calls = list(_calls(item, place)) if role == "assistant" else []
    yield from turns(role, [*parts, *calls], options)


def _parts(content: Any, place: Place, sample: Mapping[str, Any], left_out: Counter[str]) -> Iterator[Part]:
    if not isinstance(content, list):
        yield from blocks_in(content, place, left_out)
        return
    for number, part in enumerate(content):
        at = (*place, number)
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "tool_use":
            left_out[HOSTED_CALL] += 1
        elif kind == "reasoning":
            yield from _reasoning(part, at, left_out)
        elif kind == "image" and isinstance(part.get("image"), str):
            yield _image(part["image"], (*at, "image"), sample)
        else:
            yield from block_parts(part, at, left_out)


def _reasoning(part: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Part]:
    """The text of a reasoning; where that is encrypted (`redacted`), its summary."""
    keys = ("summary",) if part.get("redacted") else ("reasoning", "summary")
    key = next((key for key in keys if isinstance(part.get(key), str) and part[key]), None)
    if key is None:
        left_out[EMPTY_REASONING] += 1
    else:
        yield Reasoning(part[key], (*place, key))


def _image(url: str, place: Place, sample: Mapping[str, Any]) -> Image:
    found = _attachment(url, sample)
    return Image(url, place) if found is None else Image(*found)


def _attachment(reference: str, sample: Mapping[str, Any]) -> tuple[str, Place] | None:
    """The text that a reference names, and its place; None when it is not a reference."""
    prefix = next((prefix for prefix in _REFERENCES if reference.startswith(prefix)), None)
    if prefix is not None:
        for path in _ATTACHMENTS:
            known = get_field(sample, (*path, reference.removeprefix(prefix)))
            if isinstance(known, str):
                return known, (*path, reference.removeprefix(prefix))
    return None


def _attached(value: Any, sample: Mapping[str, Any]) -> Any:
    """The value with the texts that it only refers to."""
    match value:
        case str():
            found = _attachment(value, sample)
            return value if found is None else found[0]
        case list():
            return [_attached(item, sample) for item in value]
        case dict():
            return {key: _attached(item, sample) for key, item in value.items()}
        case _:
            return value


def _result(item: dict[str, Any], parts: list[Part], place: Place) -> Result:
    """What a tool said. The message of its error is part of that where the content does not repeat it."""
    heard = list(result_parts(parts))
    said = "\n".join(part.text for part in heard if isinstance(part, Text))
    for path in (("error", "message"), ("tool_error",)):
        error = get_field(item, path)
        if isinstance(error, str) and error and error not in said:
            heard.append(Text(error, (*place, *path)))
            break
    name = item.get("function")
    call_id = item.get("tool_call_id")
    return Result(
        tuple(heard), call_id if isinstance(call_id, str) else "", name if isinstance(name, str) else None, place
    )


def _calls(item: dict[str, Any], place: Place) -> Iterator[Call]:
    for number, call in enumerate(listed(item.get("tool_calls") or None, (*place, "tool_calls"))):
        at = (*place, "tool_calls", number)
        if not isinstance(call, dict) or not isinstance(call.get("function"), str):
            raise ReadError(f"the call at {format_place(at)} names no function")
        arguments, arguments_place = arguments_at(call.get("arguments"), (*at, "arguments"))
        identity = call.get("id")
        known = identity if isinstance(identity, str) else ""
        yield Call(call["function"], arguments, known, (*at, "function"), arguments_place)


def _tools(events: Any, sample: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools that the model was offered at any time, each as it was declared first."""
    found: dict[str, Tool] = {}
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and event.get("event") == "model":
            for tool in declared_tools(_attached(event.get("tools"), sample)):
                found.setdefault(tool["function"]["name"], tool)
    return tuple(found.values())


def _is_sample(source: Any) -> bool:
    return (
        isinstance(source, dict)
        and isinstance(source.get("epoch"), int)
        and isinstance(source.get("messages"), list)
        and {"id", "input", "target"} <= source.keys()
    )


def _sample_order(sample: Any) -> tuple[Any, ...]:
    """As Inspect sorts them: by epoch, then by id, numbers by their value."""
    if not _is_sample(sample):
        raise ValueError("a member under `samples/` is not a sample")
    return sample["epoch"], str(sample["id"]).zfill(20)


FORMAT = Format("inspect", "Inspect AI logs", recognize, read, split=split)
