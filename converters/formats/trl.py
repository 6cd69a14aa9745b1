"""Files for TRL, in `trl/`: supervised fine-tuning, preference pairs, whole preference trajectories, and KTO.

TRL computes its loss on all of a column `completion`, `chosen` or `rejected`. So in every file but the trajectories,
each of these holds one turn of the assistant, and no observation is trained on.

A row of a conversation with images has the shape of TRL's vision data: the content of every message is a list of parts,
and the column `images` holds the addresses in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.chat_turns import has_broken_call, image_urls
from ls_trajedit.converters.training.conversation import Conversation, Trajectory, learnable_trajectory
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import completions, step_pairs
from ls_trajedit.converters.training.turns import Message, trained_characters
from ls_trajedit.traces.json_text import json_line

__all__ = ["FORMATS", "completion_rows", "conversation_rows", "dpo_rows", "kto_rows", "trajectory_rows"]


def conversation_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row of `sft.jsonl` for one record: the corrected trace as a conversation, trained on every turn of the
    assistant.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = conversation_rows(example_sample())
    >>> for message in row.values["messages"]:
    ...     print(message["role"], "|", message["content"].replace("\\n", " / "))
    user | Find the weather in San Francisco.
    assistant | Thought: Look it up. / Action: web_search(query='SF weather')
    user | Observation: (none recorded)
    assistant | Thought: Open it. / Action: open_url(results[0])
    user | Observation: (none recorded)
    assistant | Final Answer: I have not read a forecast yet.

    It has the steps that were inserted, and lacks those that were removed.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Insertion, Removal
    >>> (row,) = conversation_rows(example_restructured(Removal(0, ""), Insertion(1, 0, {"action": "read()"}, "")))
    >>> [message["content"].splitlines()[-1] for message in row.values["messages"][1::2]]
    ['Action: open_url(results[0])', 'Action: read()', 'Final Answer: It is sunny.']
    >>> row.values["step"], row.values["n_edits"], row.values["prefix_stale"]
    (0, 2, True)
    """
    found = learnable_trajectory(sample)
    if isinstance(found, Trajectory):
        values = {
            **_columns_of(messages=found.corrected.messages),
            **_tools_column(sample),
            **sample.whole_columns(found.first, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(values, found.corrected.trained_characters(), is_stale=found.is_stale)
    elif found is not None:
        yield found


def completion_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of `sft_prompt_completion.jsonl` for one record: each edited step, trained on the corrected step alone.

    >>> from ls_trajedit.converters.example import example_sample
    >>> search, answer = completion_rows(example_sample())
    >>> [message["content"] for message in search.values["prompt"]]
    ['Find the weather in San Francisco.']
    >>> [message["content"] for message in search.values["completion"]]
    ["Thought: Look it up.\\nAction: web_search(query='SF weather')"]
    >>> answer.values["step"], answer.values["completion"][0]["content"]
    (2, 'Final Answer: I have not read a forecast yet.')

    A step that was inserted is a row, and one that was removed is none.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Insertion, Removal
    >>> omission, row = completion_rows(example_restructured(Removal(0, ""), Insertion(1, 0, {"action": "read()"}, "")))
    >>> omission.value, row.values["step"], row.values["completion"][0]["content"]
    ('removed', 1, 'Action: read()')
    """
    for found in completions(sample):
        if isinstance(found, Omission):
            yield found
            continue
        values = {
            **_columns_of(prompt=found.prompt, completion=[found.chosen]),
            **_tools_column(sample),
            **sample.columns(found.step, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(values, trained_characters(found.chosen), is_stale=found.is_stale)


def dpo_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of `dpo.jsonl` for one record, for the DPO, reward, ORPO and CPO trainers: a preference pair for each
    edited step, after the task and the corrected steps that precede it.

    >>> from ls_trajedit.converters.example import example_sample
    >>> search, answer = dpo_rows(example_sample())
    >>> search.values["chosen"][0]["content"]
    "Thought: Look it up.\\nAction: web_search(query='SF weather')"
    >>> search.values["rejected"][0]["content"]
    "Thought: Look it up.\\nAction: web_search(queyr='SF weather')"
    >>> answer.values["rejected"], answer.values["prefix_stale"]
    ([{'role': 'assistant', 'content': 'Final Answer: It is sunny.'}], True)
    """
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        values = {
            **_columns_of(prompt=found.prompt, chosen=[found.chosen], rejected=[found.rejected]),
            **_tools_column(sample),
            **sample.columns(found.step, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(values, found.trained_characters(), is_pair=True, is_stale=found.is_stale)


def trajectory_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row of `dpo_trajectory.jsonl` for one record: the whole corrected conversation over the whole original one.

    Both hold the observations. The file is for trainers that mask them, which TRL's do not.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = trajectory_rows(example_sample())
    >>> row.values["prompt"]
    [{'role': 'user', 'content': 'Find the weather in San Francisco.'}]
    >>> [message["role"] for message in row.values["chosen"]]
    ['assistant', 'user', 'assistant', 'user', 'assistant']
    >>> row.values["chosen"][-1]["content"], row.values["rejected"][-1]["content"]
    ('Final Answer: I have not read a forecast yet.', 'Final Answer: It is sunny.')

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Removal
    >>> (row,) = trajectory_rows(example_restructured(Removal(0, "")))
    >>> [[said["content"].splitlines()[-1] for said in row.values[side][::2]] for side in ("chosen", "rejected")]
    ... # doctest: +NORMALIZE_WHITESPACE
    [['Action: open_url(results[0])', 'Final Answer: It is sunny.'],
     ["Action: web_search(queyr='SF weather')", 'Action: open_url(results[0])', 'Final Answer: It is sunny.']]
    """
    if sample.is_accepted:
        return
    found = learnable_trajectory(sample)
    if not isinstance(found, Trajectory):
        if found is not None:
            yield found
        return
    if found.original is None:
        yield Omission.EMPTY
        return
    prompt_length = found.corrected.prompt_length
    if not prompt_length:
        yield Omission.NO_PROMPT
        return
    if sample.record.structure and (reason := _no_trajectory_pair(found.corrected, found.original, sample)) is not None:
        yield reason
        return
    if has_broken_call(found.original.messages):
        yield Omission.BROKEN_CALL
        return
    chosen, rejected = found.corrected.messages[prompt_length:], found.original.messages[prompt_length:]
    values = {
        **_columns_of(prompt=found.corrected.messages[:prompt_length], chosen=chosen, rejected=rejected),
        **_tools_column(sample),
        **sample.whole_columns(found.first, n_edits=found.n_edits, is_stale=found.is_stale),
    }
    trained = found.corrected.trained_characters() + found.original.trained_characters()
    yield TrainingRow(values, trained, is_pair=True, is_stale=found.is_stale)


def kto_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of `kto.jsonl` for one record, two for each edited step: the correction is good, the original is bad.

    >>> from ls_trajedit.converters.example import example_sample
    >>> for row in kto_rows(example_sample()):
    ...     print(row.values["label"], row.values["completion"][0]["content"].splitlines()[-1])
    True Action: web_search(query='SF weather')
    False Action: web_search(queyr='SF weather')
    True Final Answer: I have not read a forecast yet.
    False Final Answer: It is sunny.

    What comes instead of several removed steps is learned once.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Removal
    >>> for row in kto_rows(example_restructured(Removal(0, ""), Removal(1, ""))):
    ...     print(row.values["label"], row.values["completion"][0]["content"].splitlines()[-1])
    True Final Answer: It is sunny.
    False Action: web_search(queyr='SF weather')
    False Action: open_url(results[0])
    """
    taught: set[int] = set()
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        # A step is the right one in several pairs where it comes instead of several removed ones.
        sides = ((found.chosen, True), (found.rejected, False))[found.step in taught :]
        taught.add(found.step)
        for completion, label in sides:
            values = {
                **_columns_of(prompt=found.prompt, completion=[completion]),
                "label": label,
                **_tools_column(sample),
                **sample.columns(found.step, n_edits=found.n_edits, is_stale=found.is_stale),
            }
            yield TrainingRow(values, trained_characters(completion), is_stale=found.is_stale)


def _no_trajectory_pair(corrected: Conversation, original: Conversation, sample: Sample) -> Omission | None:
    """Why a trace of which steps were removed or inserted makes no pair: others spoke after a first step that was
    removed, so that the two have no prompt in common; or steps were replaced by their like."""
    prompt = corrected.messages[: corrected.prompt_length]
    if prompt != original.messages[: original.prompt_length]:
        return Omission.ANSWERS_OTHERS
    said, before = ([turn for turn in side.messages if turn["role"] == "assistant"] for side in (corrected, original))
    is_same = len(said) == len(before) and all(map(sample.are_alike, said, before))
    return Omission.INVISIBLE if is_same else None


def _columns_of(**columns: Sequence[Message]) -> dict[str, Any]:
    """The columns with messages, and the column `images` where there are images in them.

    >>> image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    >>> parts = [image, {"type": "text", "text": "?"}]
    >>> _columns_of(prompt=[{"role": "user", "content": parts}])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'prompt': [{'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': '?'}]}],
     'images': ['https://example.org/a.png']}
    """
    images = [url for messages in columns.values() for url in image_urls(messages)]
    if not images:
        return dict(columns)
    if "chosen" in columns:
        # Both sides share what follows the prompt's images, and TRL looks only into the prompt for them.
        images = image_urls(columns["prompt"])
    seen = {key: [_with_parts(message) for message in messages] for key, messages in columns.items()}
    if "chosen" in columns:
        for key in ("chosen", "rejected"):
            seen[key] = [_without_image_parts(message) for message in seen[key]]
    return {**seen, "images": images}


def _with_parts(message: Message) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, str):
        parts = [{"type": "text", "text": content}] if content else []
    else:
        parts = [{"type": "image"} if part["type"] == "image_url" else part for part in content]
    return {**message, "content": parts}


def _without_image_parts(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "content": [part for part in message["content"] if part["type"] != "image"]}


def _tools_column(sample: Sample) -> dict[str, str]:
    """The column `tools` of a file with tool calls. It is JSON text, because a list of objects of many shapes has no
    column type. Without tools it is `null`: chat templates understand None, but some take an empty list for
    tools."""
    return {"tools": json_line(sample.tools or None).decode()} if sample.has_calls else {}


FORMATS = (
    Format(
        "trl-sft",
        (RowFormat("trl/sft.jsonl", conversation_rows), RowFormat("trl/sft_prompt_completion.jsonl", completion_rows)),
    ),
    Format("trl-dpo", (RowFormat("trl/dpo.jsonl", dpo_rows),)),
    Format("trl-dpo-trajectory", (RowFormat("trl/dpo_trajectory.jsonl", trajectory_rows),)),
    Format("trl-kto", (RowFormat("trl/kto.jsonl", kto_rows),)),
)
