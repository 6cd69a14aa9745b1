"""Files for LLaMA-Factory, in `llamafactory/`: conversations, ranked pairs, and the `dataset_info.json` naming both.

Actions are always text: LLaMA-Factory's turn for a tool call has no place for the thought before it. A conversation
keeps its calls where it fits LLaMA-Factory's order: calls without text or reasoning beside them, one result for each,
and turns that strictly alternate. Elsewhere they are text, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import Format, RowFormat, Rows, TrainingRow, no_rows
from ls_trajedit.converters.training.conversation import Trajectory, learnable_trajectory
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.split import split_file_name
from ls_trajedit.converters.training.step_pairs import StepPair, step_pairs
from ls_trajedit.converters.training.turns import Message, MessageCall, text_of
from ls_trajedit.traces.json_text import json_indented, json_line

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
    found = learnable_trajectory(sample)
    turns = _turns_with_calls(found.corrected.messages, sample) if isinstance(found, Trajectory) else None
    if turns is None:
        found = learnable_trajectory(sample.as_text)
    if isinstance(found, Trajectory):
        values = {
            "conversations": [_turn(message) for message in found.corrected.messages] if turns is None else turns,
            **_columns_of_chats(sample, has_calls=turns is not None),
            **sample.whole_columns(found.first, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(
            values,
            found.corrected.trained_characters(),
            is_stale=found.is_stale,
            images_left_out=sample.images,
        )
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
    pairs = list(step_pairs(sample.as_text))
    with_calls = list(step_pairs(sample)) if sample.is_recorded else pairs
    by_step = {(pair.step, pair.rejected_step): pair for pair in with_calls if isinstance(pair, StepPair)}
    for found in pairs:
        if isinstance(found, Omission):
            yield found
            continue
        recorded = by_step.get((found.step, found.rejected_step))
        turns = None if recorded is None else _pair_with_calls(recorded, sample)
        conversation, chosen, rejected = turns or (
            [_turn(message) for message in found.prompt],
            _turn(found.chosen),
            _turn(found.rejected),
        )
        values = {
            "conversations": conversation,
            "chosen": chosen,
            "rejected": rejected,
            **_columns_of_chats(sample, has_calls=turns is not None),
            **sample.columns(found.step, n_edits=found.n_edits, is_stale=found.is_stale),
        }
        yield TrainingRow(
            values,
            found.trained_characters(),
            is_pair=True,
            is_stale=found.is_stale,
            images_left_out=sample.images,
        )


def dataset_info(splits: Sequence[str], *, with_chats: bool = False, are_sharded: bool = False) -> dict[str, Any]:
    """The contents of `dataset_info.json`: under a name for each file, how LLaMA-Factory reads it. Only the rows of
    conversations have the columns `system` and `tools`. A `file_name` may be that of a folder, of which LLaMA-Factory
    reads every file (`_load_single_dataset` in its `data/loader.py`): that of the shards.

    >>> list(dataset_info([])), list(dataset_info(["train", "test"]))[:2]
    (['trajedit_sft', 'trajedit_dpo'], ['trajedit_sft_train', 'trajedit_sft_test'])
    """
    more = {"system": "system", "tools": "tools"} if with_chats else {}
    ranked = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", **more}
    entries: dict[str, tuple[str, dict[str, Any]]] = {
        "trajedit_sft": (_SFT, {"columns": {"messages": "conversations", **more}}),
        "trajedit_dpo": (_DPO, {"ranking": True, "columns": ranked}),
    }
    info = {}
    for name, (file, entry) in entries.items():
        files = {f"{name}_{split}": split_file_name(file, split) for split in splits} or {name: file}
        for full_name, path in files.items():
            file_name = path.rpartition("/")[2]
            file_name = file_name.rpartition(".")[0] if are_sharded else file_name
            info[full_name] = {"file_name": file_name, "formatting": "sharegpt", **entry}
    return info


def _turn(message: Message) -> _Turn:
    return {"from": _SPEAKERS[message["role"]], "value": text_of(message)}


def _columns_of_chats(sample: Sample, *, has_calls: bool) -> dict[str, str]:
    """The system prompt of a conversation and, where its calls are calls, its tools as JSON text."""
    if sample.chat is None:
        return {}
    tools = [tool["function"] for tool in sample.tools] if has_calls else []
    return {"system": sample.as_text.system, "tools": json_line(tools).decode() if tools else ""}


def _pair_with_calls(pair: StepPair, sample: Sample) -> tuple[list[_Turn], _Turn, _Turn] | None:
    """The conversation and both sides with calls as calls, or None where one of them does not fit."""
    chosen = _turns_with_calls([*pair.prompt, pair.chosen], sample)
    rejected = _turns_with_calls([*pair.prompt, pair.rejected], sample)
    return None if chosen is None or rejected is None else (chosen[:-1], chosen[-1], rejected[-1])


def _turns_with_calls(messages: Sequence[Message], sample: Sample) -> list[_Turn] | None:
    """The turns of a conversation with its calls as calls; None where it is not one, or does not fit the order that
    LLaMA-Factory wants: somebody else, the agent, somebody else, and so on, the system prompt aside."""
    if not sample.is_recorded:
        return None
    start = next((number for number, message in enumerate(messages) if message["role"] != "system"), len(messages))
    turns = []
    for number, message in enumerate(messages[start:]):
        turn = _recorded_turn(message)
        if turn is None or (number % 2 == 1) != (message["role"] == "assistant"):
            return None
        turns.append(turn)
    return turns


def _recorded_turn(message: Message) -> _Turn | None:
    match message["role"]:
        case "user":
            return _turn(message)
        case "tool":
            return {"from": "observation", "value": text_of(message)}
        case "assistant":
            calls = message.get("tool_calls", [])
            if len(calls) > 1 or (calls and text_of(message)) or "reasoning_content" in message:
                return None
            return {"from": "function_call", "value": _call_json(calls[0])} if calls else _turn(message)
    return None


def _call_json(call: MessageCall) -> str:
    return json_line({"name": call["function"]["name"], "arguments": call["function"]["arguments"]}).decode()


def _array_tail(counts: Counts, splits: Sequence[str], are_sharded: bool) -> bytes:
    return b"\n]\n"


def _info_tail(counts: Counts, splits: Sequence[str], are_sharded: bool) -> bytes:
    info = dataset_info(splits, with_chats=counts.chats > 0, are_sharded=are_sharded)
    return json_indented(info).encode() + b"\n"


def _array_of(file: str, rows: Rows) -> RowFormat:
    # LLaMA-Factory reads a file, or all files in a folder.
    return RowFormat(file, rows, head=b"[\n", separator=b",\n", tail=_array_tail, shards_in_folder=True)


FORMATS = (
    Format(
        "llamafactory",
        (
            _array_of(_SFT, sharegpt_rows),
            _array_of(_DPO, preference_rows),
            RowFormat("llamafactory/dataset_info.json", no_rows, tail=_info_tail, has_splits=False),
        ),
    ),
)
