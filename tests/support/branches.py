"""A corrected trace and the branch that continues it, of the plain shape and as a conversation, as tasks of a project.

The agent was to store under `a` what stands there, and read another key first. Somebody corrected that call, and the
agent went on from there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branches import branch_id, correction_sha256
from ls_trajedit.converters.traces import ChatTraces, PlainTraces
from ls_trajedit.label_config.branch_data import chat_branch_data, plain_branch_data
from ls_trajedit.label_config.branch_note import Branch, Parent
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.label_config.write_config import shown_fields, step_fields, write_config
from ls_trajedit.traces.model import Call, Message, Reasoning, Result, Text
from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.shape import shape_of
from tests.support.loop import choices_result, text_result

__all__ = [
    "CHAT_CONFIG",
    "CHAT_FIX",
    "NEW",
    "OPTIONS",
    "PLAIN_CONFIG",
    "PLAIN_FIX",
    "PLAIN_SHAPE",
    "annotation",
    "branch_of_chat",
    "branch_of_plain",
    "chat_parent",
    "correction_of",
    "labelled",
    "plain_parent",
    "typed",
]

OPTIONS = Options(editable_fields=["thought", "action"], step_labels=StepLabels(correctness=["right", "wrong"]))
_TRACE: dict[str, Any] = {
    "id": "t1",
    "task_description": "Double a.",
    "steps": [
        {"thought": "Look.", "action": "get(key='b')", "observation": "1"},
        {"thought": "Store.", "action": "put(key='a', value=2)", "observation": "ok"},
    ],
    "final_answer": "It is 2.",
}
_SHAPE = shape_of([_TRACE], OPTIONS)
PLAIN_SHAPE = replace(_SHAPE, has_branches=True)
PLAIN_CONFIG = write_config(OPTIONS, PLAIN_SHAPE)

_CHAT: dict[str, Any] = {
    "id": "c1",
    "messages": [
        {"role": "user", "content": "Double a."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "k1", "type": "function", "function": {"name": "get", "arguments": '{"key": "b"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "k1", "content": "1"},
        {"role": "assistant", "content": "It is 2."},
    ],
}

NEW = (
    Message("tool", (Result((Text("7"),), "k1"),)),
    Message("assistant", (Reasoning("Twice."), Call("put", {"key": "a", "value": 15}, "k2"))),
    Message("tool", (Result((Text("ok"),), "k2"),)),
    Message("assistant", (Text("It is 15."),)),
)
"""What the agent did after the corrected call."""

PLAIN_FIX = "get(key='a')"
CHAT_FIX = '{"key": "a"}'


def typed(name: str, text: str) -> dict[str, Any]:
    """The result of the editor on the Text of this name."""
    return text_result(f"{name}__corrected", name, text)


def labelled(name: str, choice: str) -> dict[str, Any]:
    """The result of the label on the Text of this name."""
    return choices_result(f"{name}__correctness", name, [choice])


def annotation(number: int, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An annotation that somebody has opened."""
    return {"id": number, "completed_by": 3, "result": list(results), "updated_at": "2026-11-20T10:00:00Z", **more}


def plain_parent(*annotations: dict[str, Any], task: int = 5) -> dict[str, Any]:
    """The task of the trace that was pushed; by default it has the annotation 8, which corrects the first action."""
    data = to_task_data(
        _TRACE,
        steps_path=OPTIONS.steps_path,
        step_text_key=OPTIONS.step_text_key,
        step_fields=[field.path for field in step_fields(OPTIONS, _SHAPE)],
        top_fields=shown_fields(OPTIONS, _SHAPE),
    )
    given = annotations or (annotation(8, typed("step_0__action", PLAIN_FIX)),)
    return {"id": task, "project": 1, "data": data, "annotations": list(given)}


def chat_parent(*annotations: dict[str, Any], task: int = 5) -> dict[str, Any]:
    """The task of the conversation that was pushed; by default it has the annotation 8, which corrects the first
    call."""
    data = chat_data(read_chat(_CHAT, "openai-chat", NO_OPTIONS)[0], NO_OPTIONS)
    given = annotations or (annotation(8, typed("step_0__call_0__arguments", CHAT_FIX)),)
    return {"id": task, "project": 1, "data": data, "annotations": list(given)}


def correction_of(task: dict[str, Any], config: str, step: int) -> tuple[Edited, Branch]:
    """What the first annotation of a task corrects, and what continues it after that step."""
    outcome = next(convert_task(task, read_config(config), ReadingRules()))
    assert isinstance(outcome, Edited | Unedited), outcome
    source = outcome.record.source
    parent = Parent(
        outcome.record.trace_id, source.task_id, source.annotation_id, step, correction_sha256(outcome.record)
    )
    round_ = 2 if source.branch is None else source.branch.round + 1
    return outcome, Branch(parent, round_)  # type: ignore[return-value] # whatever is continued counts as corrected


def branch_of_plain(
    parent: dict[str, Any], *annotations: dict[str, Any], task: int = 6, new: tuple[Message, ...] = NEW, keep: int = 1
) -> dict[str, Any]:
    """The task of the branch that continues the first annotation of `parent` after `keep` steps."""
    outcome, branch = correction_of(parent, PLAIN_CONFIG, keep - 1)
    assert isinstance(outcome.traces, PlainTraces)
    steps = [dict(step) for step in outcome.traces.corrected["steps"][:keep]]
    steps[-1].pop("observation", None)
    schema = read_config(PLAIN_CONFIG)
    data = plain_branch_data(branch_id(branch.parent), outcome.traces.corrected, steps, new, branch, schema)
    return _task(task, data, annotations)


def branch_of_chat(
    parent: dict[str, Any], *annotations: dict[str, Any], task: int = 6, new: tuple[Message, ...] = NEW
) -> dict[str, Any]:
    """The task of the branch that continues the first annotation of `parent` after the first step."""
    outcome, branch = correction_of(parent, CHAT_CONFIG, 0)
    assert isinstance(outcome.traces, ChatTraces)
    corrected = outcome.traces.corrected
    kept = corrected.messages[: corrected.steps[0].position + 1]
    data = chat_branch_data(branch_id(branch.parent), corrected, kept, new, branch, first_step=2)
    return _task(task, data, annotations)


def _task(number: int, data: dict[str, Any], annotations: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {
        "id": number,
        "project": 1,
        "data": json.loads(json.dumps(data)),
        "annotations": [dict(item) for item in annotations],
    }


CHAT_CONFIG = write_chat_config(
    Options(max_steps=3, editable_fields=["reasoning", "content", "tool_calls[*].arguments"]),
    replace(chat_shape([chat_parent()["data"]]), has_branches=True),
)
