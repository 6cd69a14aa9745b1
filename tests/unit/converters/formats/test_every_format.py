"""Every training file: what the example becomes in it, and what holds for any trace."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.example import example_sample
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import json_line
from tests.support.rows import rows, said, user
from tests.support.samples import TEXT, TOOLS, samples
from tests.support.strategies import exact

TASK = "Find the weather in San Francisco."
RIGHT = "Thought: Look it up.\nAction: web_search(query='SF weather')"
WRONG = "Thought: Look it up.\nAction: web_search(queyr='SF weather')"
OPEN = "Thought: Open it.\nAction: open_url(results[0])"
ANSWER = "Final Answer: I have not read a forecast yet."
GUESS = "Final Answer: It is sunny."
NONE = "Observation: (none recorded)"


def columns(step: int, n_edits: int, stale: bool) -> dict[str, Any]:
    return {"trace_id": "traj_001", "annotator": "2", "step": step, "n_edits": n_edits, "prefix_stale": stale}


BEFORE_ANSWER = [user(TASK), said(RIGHT), user(NONE), said(OPEN), user(NONE)]

EXAMPLE_ROWS: dict[str, list[dict[str, Any]]] = {
    "trl/sft.jsonl": [{"messages": [*BEFORE_ANSWER, said(ANSWER)], **columns(0, 2, True)}],
    "trl/sft_prompt_completion.jsonl": [
        {"prompt": [user(TASK)], "completion": [said(RIGHT)], **columns(0, 1, False)},
        {"prompt": BEFORE_ANSWER, "completion": [said(ANSWER)], **columns(2, 1, True)},
    ],
    "trl/dpo.jsonl": [
        {"prompt": [user(TASK)], "chosen": [said(RIGHT)], "rejected": [said(WRONG)], **columns(0, 1, False)},
        {"prompt": BEFORE_ANSWER, "chosen": [said(ANSWER)], "rejected": [said(GUESS)], **columns(2, 1, True)},
    ],
    "trl/dpo_trajectory.jsonl": [
        {
            "prompt": [user(TASK)],
            "chosen": [said(RIGHT), user(NONE), said(OPEN), user(NONE), said(ANSWER)],
            "rejected": [said(WRONG), user(NONE), said(OPEN), user(NONE), said(GUESS)],
            **columns(0, 2, True),
        }
    ],
    "trl/kto.jsonl": [
        {"prompt": [user(TASK)], "completion": [said(RIGHT)], "label": True, **columns(0, 1, False)},
        {"prompt": [user(TASK)], "completion": [said(WRONG)], "label": False, **columns(0, 1, False)},
        {"prompt": BEFORE_ANSWER, "completion": [said(ANSWER)], "label": True, **columns(2, 1, True)},
        {"prompt": BEFORE_ANSWER, "completion": [said(GUESS)], "label": False, **columns(2, 1, True)},
    ],
    "prm/prm.jsonl": [
        {
            "prompt": TASK + "\n",
            "completions": [WRONG, OPEN, GUESS],
            "labels": [False, True, False],
            **columns(0, 2, False),
        }
    ],
    "openai/sft.jsonl": [
        {
            "messages": [
                user(TASK),
                said(RIGHT, weight=1),
                user(NONE),
                said(OPEN, weight=0),
                user(NONE),
                said(ANSWER, weight=1),
            ]
        }
    ],
    "openai/dpo.jsonl": [
        {
            "input": {"messages": [user(TASK)]},
            "preferred_output": [said(RIGHT)],
            "non_preferred_output": [said(WRONG)],
        },
        {
            "input": {"messages": BEFORE_ANSWER},
            "preferred_output": [said(ANSWER)],
            "non_preferred_output": [said(GUESS)],
        },
    ],
    "llamafactory/sft.json": [
        {
            "conversations": [
                {"from": "human", "value": TASK},
                {"from": "gpt", "value": RIGHT},
                {"from": "human", "value": NONE},
                {"from": "gpt", "value": OPEN},
                {"from": "human", "value": NONE},
                {"from": "gpt", "value": ANSWER},
            ],
            **columns(0, 2, True),
        }
    ],
    "llamafactory/dpo.json": [
        {
            "conversations": [{"from": "human", "value": TASK}],
            "chosen": {"from": "gpt", "value": RIGHT},
            "rejected": {"from": "gpt", "value": WRONG},
            **columns(0, 1, False),
        },
        {
            "conversations": [
                {"from": "human", "value": TASK},
                {"from": "gpt", "value": RIGHT},
                {"from": "human", "value": NONE},
                {"from": "gpt", "value": OPEN},
                {"from": "human", "value": NONE},
            ],
            "chosen": {"from": "gpt", "value": ANSWER},
            "rejected": {"from": "gpt", "value": GUESS},
            **columns(2, 1, True),
        },
    ],
    "llamafactory/dataset_info.json": [],
}


@pytest.mark.parametrize("file", EXAMPLE_ROWS)
def test_the_example_becomes_these_rows(file: str) -> None:
    assert exact(rows(file, example_sample())) == exact(EXAMPLE_ROWS[file])


def test_every_training_file_is_expected_above() -> None:
    files = [file.file for format_ in FORMATS.values() if format_.is_for_training for file in format_.files]
    assert list(EXAMPLE_ROWS) == files


def test_a_row_counts_the_characters_that_a_model_is_trained_on() -> None:
    wanted = {
        "trl/sft.jsonl": [(len(RIGHT + OPEN + ANSWER), False, True)],
        "trl/sft_prompt_completion.jsonl": [(len(RIGHT), False, False), (len(ANSWER), False, True)],
        "trl/dpo.jsonl": [(len(RIGHT + WRONG), True, False), (len(ANSWER + GUESS), True, True)],
        "openai/sft.jsonl": [(len(RIGHT + ANSWER), False, True)],
        "prm/prm.jsonl": [(len(WRONG + OPEN + GUESS), False, False)],
    }
    for format_ in FORMATS.values():
        for file in format_.files:
            if file.file in wanted:
                found = [
                    (row.trained_characters, row.is_pair, row.is_stale)
                    for row in file.rows(example_sample())
                    if isinstance(row, TrainingRow)
                ]
                assert found == wanted[file.file]


@pytest.mark.parametrize("file", ["prm/prm.jsonl", "llamafactory/sft.json", "llamafactory/dpo.json"])
def test_formats_with_no_place_for_calls_are_text_even_with_tools(file: str) -> None:
    assert rows(file, example_sample(TOOLS)) == rows(file, example_sample())


# What holds for any trace and any edits.


@given(samples())
def test_every_edited_step_is_in_exactly_one_row_or_counted(sample: Sample) -> None:
    found = rows("trl/dpo.jsonl", sample)
    edited = {
        len(sample.record.original_trace.steps) if edit.step_index is None else edit.step_index
        for edit in sample.record.edits
    }
    written = [row["step"] for row in found if isinstance(row, dict)]
    left_out = [row for row in found if isinstance(row, str)]
    assert len(found) == len(edited)
    assert set(written) <= edited
    assert len(set(written)) == len(written)
    assert set(left_out) <= {Omission.INVISIBLE.value, Omission.EMPTY.value}
    assert sum(row["n_edits"] for row in found if isinstance(row, dict)) <= sample.record.n_edits


@given(samples())
def test_steps_that_differ_are_written_differently_or_counted(sample: Sample) -> None:
    for row in rows("trl/dpo.jsonl", sample):
        if isinstance(row, dict):
            assert row["chosen"] != row["rejected"]
    invisible = rows("trl/dpo.jsonl", sample).count(Omission.INVISIBLE.value)
    same = [step for step in sample.edits if sample.corrected[step].said == sample.original[step].said]
    assert invisible == len(same)


@given(samples())
def test_a_prompt_continues_where_the_chosen_step_before_it_ended(sample: Sample) -> None:
    found = [row for row in rows("trl/dpo.jsonl", sample) if isinstance(row, dict)]
    for row, following in itertools.pairwise(found):
        before = [*row["prompt"], *row["chosen"]]
        assert following["prompt"][: len(before)] == before


@given(samples())
def test_user_and_assistant_alternate_and_chosen_and_rejected_are_one_turn_each(sample: Sample) -> None:
    for row in rows("trl/dpo.jsonl", sample):
        if isinstance(row, dict):
            assert [message["role"] for message in (*row["chosen"], *row["rejected"])] == ["assistant", "assistant"]
            assert _alternates(row["prompt"])
            assert row["prompt"][-1]["role"] in ("user", "tool")
    for row in rows("trl/sft.jsonl", sample):
        if isinstance(row, dict):
            assert _alternates(row["messages"])
            assert row["messages"][-1]["role"] == "assistant"
    for row in rows("llamafactory/sft.json", sample):
        if isinstance(row, dict):
            speakers = [turn["from"] for turn in row["conversations"]]
            assert speakers == ["human", "gpt"] * (len(speakers) // 2)


def _alternates(messages: list[Any]) -> bool:
    """The user begins; an assistant's calls are answered one by one by tools, and anything else by the user."""
    expected = ["user"]
    for message in messages:
        if message["role"] != expected.pop(0):
            return False
        if message["role"] == "assistant":
            expected = ["tool"] * len(message.get("tool_calls", ())) or ["user"]
        elif not expected:
            expected = ["assistant"]
    return True


@given(samples(TEXT, observation="MARK"))
def test_no_observation_is_trained_on(sample: Sample) -> None:
    """Every step has observed a mark, which must not be in anything that a model is trained on."""
    trained = [
        *(row["completion"] for row in rows("trl/sft_prompt_completion.jsonl", sample) if isinstance(row, dict)),
        *(row["chosen"] + row["rejected"] for row in rows("trl/dpo.jsonl", sample) if isinstance(row, dict)),
        *(row["completion"] for row in rows("trl/kto.jsonl", sample) if isinstance(row, dict)),
        *(row["completions"] for row in rows("prm/prm.jsonl", sample) if isinstance(row, dict)),
        *(row["preferred_output"] for row in rows("openai/dpo.jsonl", sample) if isinstance(row, dict)),
        *(
            [message for message in row["messages"] if message.get("weight")]
            for row in rows("openai/sft.jsonl", sample)
            if isinstance(row, dict)
        ),
        *([row["chosen"], row["rejected"]] for row in rows("llamafactory/dpo.json", sample) if isinstance(row, dict)),
        *(
            [turn for turn in row["conversations"] if turn["from"] == "gpt"]
            for row in rows("llamafactory/sft.json", sample)
            if isinstance(row, dict)
        ),
    ]
    assert "MARK" not in repr(trained)


@given(samples())
def test_every_line_is_utf_8_and_holds_no_lone_surrogate(sample: Sample) -> None:
    for format_ in FORMATS.values():
        for file in format_.files if format_.is_for_training else ():
            for row in file.rows(sample):
                if isinstance(row, TrainingRow):
                    line = json_line(row.values)
                    assert json.loads(line) == row.values
                    assert "\\ud" not in line.decode().replace("\\\\", "")
