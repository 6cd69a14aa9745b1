"""Files for LLaMA-Factory, in `llamafactory/`: conversations, ranked pairs, and the `dataset_info.json` naming both.

Actions are always text: LLaMA-Factory's turn for a tool call has no place for the thought before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow, no_rows
from ls_trajedit.converters.training.conversation import Trajectory, trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.split import split_file_name
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.turns import Message
from ls_trajedit.traces.json_text import json_indented

__all__ = ["FORMATS", "dataset_info", "preference_rows", "sharegpt_rows"]

_SPEAKERS = {"user": "human", "assistant": "gpt"}
_SFT = "llamafactory/sft.json"
_DPO = "llamafactory/dpo.json"

# `from` is a keyword of Python, so this type cannot be written as a class.
_Turn = TypedDict("_Turn", {"from": str, "value": str})


def sharegpt_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row of `sft.json` for one record: the corrected trace as a conversation.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = sharegpt_rows(example_sample())
    >>> row.values["conversations"][0]
    {'from': 'human', 'value': 'Find the weather in San Francisco.'}
    >>> [turn["from"] for turn in row.values["conversations"]]
    ['human', 'gpt', 'human', 'gpt', 'human', 'gpt']
    """
    found = trajectory_of(sample.as_text)
    if isinstance(found, Trajectory):
        values = {
            "conversations": [_turn(message) for message in found.corrected.messages],
            **sample.columns(found.steps[0], n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(values, found.corrected.trained_characters(), is_stale=found.is_stale)
    elif found is not None:
        yield found


def preference_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of `dpo.json` for one record: a preference pair for each edited step.

    >>> from ls_trajedit.converters.example import example_sample
    >>> search, _ = preference_rows(example_sample())
    >>> search.values["conversations"]
    [{'from': 'human', 'value': 'Find the weather in San Francisco.'}]
    >>> search.values["rejected"]
    {'from': 'gpt', 'value': "Thought: Look it up.\\nAction: web_search(queyr='SF weather')"}
    """
    for found in step_pairs(sample.as_text):
        if isinstance(found, Omission):
            yield found
            continue
        values = {
            "conversations": [_turn(message) for message in found.prompt],
            "chosen": _turn(found.chosen),
            "rejected": _turn(found.rejected),
            **sample.columns(found.step, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(values, found.trained_characters(), is_pair=True, is_stale=found.is_stale)


def dataset_info(splits: Sequence[str]) -> dict[str, Any]:
    """The contents of `dataset_info.json`: under a name for each file, how LLaMA-Factory reads it.

    >>> list(dataset_info([])), list(dataset_info(["train", "test"]))[:2]
    (['trajedit_sft', 'trajedit_dpo'], ['trajedit_sft_train', 'trajedit_sft_test'])
    """
    ranked = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
    entries: dict[str, tuple[str, dict[str, Any]]] = {
        "trajedit_sft": (_SFT, {"columns": {"messages": "conversations"}}),
        "trajedit_dpo": (_DPO, {"ranking": True, "columns": ranked}),
    }
    info = {}
    for name, (file, entry) in entries.items():
        files = {f"{name}_{split}": split_file_name(file, split) for split in splits} or {name: file}
        for full_name, path in files.items():
            info[full_name] = {"file_name": path.rpartition("/")[2], "formatting": "sharegpt", **entry}
    return info


def _turn(message: Message) -> _Turn:
    return {"from": _SPEAKERS[message["role"]], "value": message["content"]}


def _array_tail(counts: Counts, splits: Sequence[str]) -> bytes:
    return b"\n]\n"


def _info_tail(counts: Counts, splits: Sequence[str]) -> bytes:
    return json_indented(dataset_info(splits)).encode() + b"\n"


FORMATS = (
    Format(
        "llamafactory",
        (
            RowFormat(_SFT, sharegpt_rows, head=b"[\n", separator=b",\n", tail=_array_tail),
            RowFormat(_DPO, preference_rows, head=b"[\n", separator=b",\n", tail=_array_tail),
            RowFormat("llamafactory/dataset_info.json", no_rows, tail=_info_tail, has_splits=False),
        ),
    ),
)
