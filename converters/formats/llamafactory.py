"""`llamafactory/`: conversations and ranked pairs for LLaMA-Factory, with the `dataset_info.json` that names them.

Always text: its turn for a tool call has no place for the thought before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.split import split_file_name
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.trajectory import Trajectory, trajectory_of
from ls_trajedit.converters.training.turns import Message, trained_characters
from ls_trajedit.traces.json_text import json_indented

__all__ = ["FORMAT", "dataset_info", "preference_rows", "sharegpt_rows"]

_SPEAKERS = {"user": "human", "assistant": "gpt"}
_SFT = "llamafactory/sft.json"
_DPO = "llamafactory/dpo.json"


def sharegpt_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for one record, for supervised fine-tuning.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = sharegpt_rows(example_sample())
    >>> row.values["conversations"][0]
    {'from': 'human', 'value': 'Find the weather in San Francisco.'}
    >>> [turn["from"] for turn in row.values["conversations"]]
    ['human', 'gpt', 'human', 'gpt', 'human', 'gpt']
    """
    found = trajectory_of(sample.as_text)
    if isinstance(found, Trajectory):
        messages = found.corrected.messages
        yield TrainingRow(
            {
                "conversations": [_turn(message) for message in messages],
                **sample.columns(found.steps[0], found.n_edits, found.is_stale),
            },
            sum(trained_characters(message) for message in messages if message["role"] == "assistant"),
            is_stale=found.is_stale,
        )
    elif found is not None:
        yield found


def preference_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows for one record, for preference training.

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
        pair, rejected = found
        values = {
            "conversations": [_turn(message) for message in pair.prompt],
            "chosen": _turn(pair.chosen),
            "rejected": _turn(rejected),
            **sample.columns(pair.step, pair.n_edits, pair.is_stale),
        }
        learned = trained_characters(pair.chosen) + trained_characters(rejected)
        yield TrainingRow(values, learned, is_pair=True, is_stale=pair.is_stale)


def dataset_info(sides: Sequence[str]) -> dict[str, Any]:
    """What `dataset_info.json` says: under a name for each file, how LLaMA-Factory reads it.

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
        files = {f"{name}_{side}": split_file_name(file, side) for side in sides} or {name: file}
        for full_name, path in files.items():
            info[full_name] = {"file_name": path.rpartition("/")[2], "formatting": "sharegpt", **entry}
    return info


def _turn(message: Message) -> dict[str, str]:
    return {"from": _SPEAKERS[message["role"]], "value": message["content"]}


def _no_rows(sample: Sample) -> Iterator[TrainingRow]:
    return iter(())


def _array_tail(counts: Counts, sides: Sequence[str]) -> bytes:
    return b"\n]\n"


def _info_tail(counts: Counts, sides: Sequence[str]) -> bytes:
    return json_indented(dataset_info(sides)).encode() + b"\n"


FORMAT = Format(
    "llamafactory",
    (
        RowFormat(_SFT, sharegpt_rows, head=b"[\n", separator=b",\n", tail=_array_tail),
        RowFormat(_DPO, preference_rows, head=b"[\n", separator=b",\n", tail=_array_tail),
        RowFormat("llamafactory/dataset_info.json", _no_rows, tail=_info_tail, has_splits=False),
    ),
)
