"""The files for trainers: what the seed's example becomes in each, and what holds for any trace."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.example import example_record
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.template import parse_template
from tests.support.samples import TEXT, TOOLS, EditOf, record_of, sample_of
from tests.support.strategies import exact

TASK = "Find the weather in San Francisco."
RIGHT = "Thought: Look it up.\nAction: web_search(query='SF weather')"
WRONG = "Thought: Look it up.\nAction: web_search(queyr='SF weather')"
OPEN = "Thought: Open it.\nAction: open_url(results[0])"
ANSWER = "Final Answer: I have not read a forecast yet."
GUESS = "Final Answer: It is sunny."
NONE = "Observation: (none recorded)"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def rows(file: str, sample: Sample) -> list[Any]:
    """What the file holds for a sample: the values of rows, and the reasons of what is left out."""
    (found,) = [one for format_ in FORMATS.values() for one in format_.files if one.file == file]
    return [row.values if isinstance(row, TrainingRow) else row.value for row in found.rows(sample)]


def columns(step: int, n_edits: int, stale: bool) -> dict[str, Any]:
    return {"trace_id": "traj_001", "annotator": "2", "step": step, "n_edits": n_edits, "prefix_stale": stale}


BEFORE_ANSWER = [user(TASK), said(RIGHT), user(NONE), said(OPEN), user(NONE)]

SEED_ROWS: dict[str, list[dict[str, Any]]] = {
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


@pytest.mark.parametrize("file", SEED_ROWS)
def test_the_seeds_example_becomes_these_rows(file: str) -> None:
    assert exact(rows(file, Sample(example_record()))) == exact(SEED_ROWS[file])


def test_every_training_file_is_expected_above() -> None:
    files = [file.file for format_ in FORMATS.values() if format_.is_for_training for file in format_.files]
    assert list(SEED_ROWS) == files


def test_what_a_row_counts_is_what_is_learned() -> None:
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
                    for row in file.rows(Sample(example_record()))
                    if isinstance(row, TrainingRow)
                ]
                assert found == wanted[file.file]


CALL = {"id": "call_0_0", "type": "function"}
SEARCH = {
    "name": "web_search",
    "description": "",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def test_with_tools_the_action_is_a_call_and_the_tools_are_told() -> None:
    sample = Sample(example_record(), TOOLS)
    right = {**CALL, "function": {"name": "web_search", "arguments": {"query": "SF weather"}}}
    wrong = {**CALL, "function": {"name": "web_search", "arguments": {"queyr": "SF weather"}}}
    assert [row["tools"] for row in rows("trl/dpo.jsonl", sample_of(["a"], (0, "action", "b"), rendering=TOOLS))] == [
        "null"
    ]
    first, second = rows("trl/dpo.jsonl", sample)
    assert first["chosen"] == [said("Thought: Look it up.", tool_calls=[right])]
    assert first["rejected"] == [said("Thought: Look it up.", tool_calls=[wrong])]
    assert json.loads(first["tools"]) == [{"type": "function", "function": SEARCH}]
    assert second["prompt"] == [
        user(TASK),
        said("Thought: Look it up.", tool_calls=[right]),
        {"role": "tool", "tool_call_id": "call_0_0", "name": "web_search", "content": "(none recorded)"},
        said(OPEN),
        user(NONE),
    ]


def test_openai_takes_arguments_as_text_names_without_dots_and_calls_with_an_answer() -> None:
    steps = [{"action": "web.search(q='é')", "observation": "found"}, {"thought": "hm"}]
    first, second = rows(
        "openai/dpo.jsonl", sample_of(steps, (0, "action", "web.find(q='é')"), (1, "thought", "so"), rendering=TOOLS)
    )
    call = {**CALL, "function": {"name": "web_find", "arguments": '{"q":"é"}'}}
    assert first["preferred_output"] == [said("", tool_calls=[call])]
    assert first["input"]["parallel_tool_calls"] is False
    assert [tool["function"]["name"] for tool in first["input"]["tools"]] == ["web_find", "web_search"]
    assert second["input"]["messages"] == [
        user("Do it."),
        said("", tool_calls=[call]),
        {"role": "tool", "tool_call_id": "call_0_0", "content": "found"},
    ]
    several = [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]
    (row,) = rows("openai/sft.jsonl", sample_of([{"action": "x"}], (0, "action", several), rendering=TOOLS))
    assert row["parallel_tool_calls"] is True
    (plain,) = rows("openai/sft.jsonl", sample_of([{"action": "x"}], (0, "action", "y"), rendering=TOOLS))
    assert set(plain) == {"messages"}


def test_a_conversation_in_which_the_corrected_turn_is_gone_has_nothing_to_weigh() -> None:
    rendering = Rendering(parse_template("{action}"))
    sample = sample_of(["go", "stop"], (0, "action", ""), rendering=rendering)
    assert rows("openai/sft.jsonl", sample) == ["empty"]
    (row,) = rows("trl/sft.jsonl", sample)
    assert row["messages"] == [user("Do it."), said("stop")]


@pytest.mark.parametrize("file", ["prm/prm.jsonl", "llamafactory/sft.json", "llamafactory/dpo.json"])
def test_formats_with_no_place_for_calls_are_text_with_tools_as_well(file: str) -> None:
    assert rows(file, Sample(example_record(), TOOLS)) == rows(file, Sample(example_record()))


STEPS = [{"thought": "a", "action": "f()"}, {}, {"thought": "b", "observation": "1"}]


def test_an_unedited_trace_is_right_in_every_step_or_left_out() -> None:
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, answer="done"))
    assert (row["completions"], row["labels"]) == (
        ["Thought: a\nAction: f()", "Thought: b", "Final Answer: done"],
        [True, True, True],
    )
    assert (row["step"], row["n_edits"]) == (-1, 0)
    exclude = TrainingRules(prm_unedited="exclude")
    assert rows("prm/prm.jsonl", sample_of(STEPS, rules=exclude)) == ["unedited"]
    noise = TrainingRules(prm_unedited="exclude", min_edit_chars=5)
    assert rows("prm/prm.jsonl", sample_of(STEPS, (0, "thought", "A"), rules=noise)) == ["unedited"]
    (kept,) = rows("prm/prm.jsonl", sample_of(STEPS, (0, "thought", "A"), rules=TrainingRules(min_edit_chars=5)))
    assert kept["labels"] == [True, True]
    for file in ("trl/sft.jsonl", "trl/dpo.jsonl", "trl/kto.jsonl", "openai/sft.jsonl", "llamafactory/sft.json"):
        assert rows(file, sample_of(STEPS)) == []


def test_a_step_whose_edit_does_not_show_counts_as_right() -> None:
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, (2, "observation", "2"), (2, "thought", "B")))
    assert row["labels"] == [True, False]
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, (2, "observation", "2")))
    assert (row["labels"], row["step"], row["n_edits"]) == ([True, True], -1, 0)


def test_a_trace_that_says_nothing_has_no_steps_to_judge() -> None:
    assert rows("prm/prm.jsonl", sample_of([{}, {"observation": "x"}])) == ["empty"]


def test_a_step_that_annotators_disagree_on_is_neither_right_nor_wrong() -> None:
    record = record_of(STEPS, (0, "thought", "A"))
    assert rows("prm/prm.jsonl", Sample(record, disputed=frozenset({2}))) == ["disputed"]
    assert len(rows("prm/prm.jsonl", Sample(record, disputed=frozenset({0})))) == 1


# What holds for any trace and any edits.

_TEXTS = st.sampled_from(
    [
        *("", " ", "null", "7", "2024-01-01", "a\r\nb", "a\u2028b", "\udc80", "é", "😀", "{x}", "f(x=1)", "f( x=1 )"),
        *("g('x')", '{"name": "f", "arguments": {"x": 1}}', "a\nAction: b", "Observation: x"),
    ]
) | st.text(max_size=3)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _TEXTS, _TEXTS, st.sampled_from([None, 0, 1.5, True, [], {"name": "f", "arguments": {}}])
)


@st.composite
def samples(draw: st.DrawFn, rendering: Rendering | None = None) -> Sample:
    """A trace with steps of all shapes, and edits of some of its texts."""
    steps: list[Any] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 5)) == 0:
            steps.append(draw(_TEXTS))
            continue
        step = {
            key: draw(_VALUES) for key in draw(st.sets(st.sampled_from(["thought", "action", "observation", "note"])))
        }
        if draw(st.booleans()):
            step["args"] = {"query": draw(_VALUES)}
        steps.append(step)
    answer = draw(st.none() | _TEXTS)
    places: list[tuple[int | None, str]] = [] if answer is None else [(None, "final_answer")]
    for index, step in enumerate(steps):
        if isinstance(step, str):
            places.append((index, "action"))
        else:
            places += [(index, key) for key in step if key != "args" and step[key] is not None]
            places += [(index, "args.query")] if step.get("args", {}).get("query") is not None else []
    edits: list[EditOf] = []
    for place in draw(st.lists(st.sampled_from(places), unique=True)) if places else []:
        edits.append((*place, draw(_TEXTS)))
    edits.sort(key=lambda edit: (edit[0] is None, edit[0] or 0))
    record = record_of(steps, *[e for e in edits if _changes(steps, answer, e)], answer=answer, task=draw(_TEXTS))
    return Sample(record, rendering or draw(st.sampled_from([TEXT, TOOLS])))


def _changes(steps: list[Any], answer: Any, edit: EditOf) -> bool:
    """Whether the edit is one: an annotation that leaves a text as it is has none."""
    index, field, value = edit
    if index is None:
        return bool(value != answer)
    step = steps[index]
    if isinstance(step, str):
        return bool(value != step)
    return bool((step["args"]["query"] if field == "args.query" else step[field]) != value)


@given(samples())
def test_every_edited_step_is_in_exactly_one_row_or_counted(sample: Sample) -> None:
    found = rows("trl/dpo.jsonl", sample)
    edited = {
        len(sample.record["original_trace"]["steps"]) if edit["step_index"] is None else edit["step_index"]
        for edit in sample.record["edits"]
    }
    written = [row["step"] for row in found if isinstance(row, dict)]
    left_out = [row for row in found if isinstance(row, str)]
    assert len(found) == len(edited)
    assert set(written) <= edited
    assert len(set(written)) == len(written)
    assert set(left_out) <= {Omission.INVISIBLE.value, Omission.EMPTY.value}
    assert sum(row["n_edits"] for row in found if isinstance(row, dict)) <= sample.record["n_edits"]


@given(samples())
def test_steps_that_differ_are_written_differently_or_counted(sample: Sample) -> None:
    for row in rows("trl/dpo.jsonl", sample):
        if isinstance(row, dict):
            assert row["chosen"] != row["rejected"]
    invisible = rows("trl/dpo.jsonl", sample).count(Omission.INVISIBLE.value)
    same = [step for step in sample.edits if sample.corrected[step].said == sample.original[step].said]
    assert invisible == len(same)


@given(samples())
def test_a_prompt_goes_on_where_the_chosen_step_before_ended(sample: Sample) -> None:
    found = [row for row in rows("trl/dpo.jsonl", sample) if isinstance(row, dict)]
    for row, following in itertools.pairwise(found):
        before = [*row["prompt"], *row["chosen"]]
        assert following["prompt"][: len(before)] == before


@given(samples())
def test_user_and_assistant_alternate_and_a_side_is_one_turn(sample: Sample) -> None:
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


@given(samples(TEXT))
def test_an_observation_is_nothing_to_be_learned(sample: Sample) -> None:
    """Each step's observation is marked, and the mark is looked for in all that is learned."""
    marked = {**sample.record}
    for name in ("original_trace", "corrected_trace"):
        steps = [
            {**step, "observation": "MARK"} if isinstance(step, dict) else step for step in sample.record[name]["steps"]
        ]
        marked[name] = {**sample.record[name], "steps": steps}
    marked["edits"] = [edit for edit in sample.record["edits"] if edit["field"] != "observation"]
    sample = Sample(marked)
    learned = [
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
    assert "MARK" not in repr(learned)


@given(samples())
def test_every_line_is_utf_8_and_every_text_is_one(sample: Sample) -> None:
    for format_ in FORMATS.values():
        for file in format_.files if format_.is_for_training else ():
            for row in file.rows(sample):
                if isinstance(row, TrainingRow):
                    line = json_line(row.values)
                    assert json.loads(line) == row.values
                    assert "\\ud" not in line.decode().replace("\\\\", "")


@given(samples())
def test_line_for_line_the_preference_files_hold_the_same_pairs(sample: Sample) -> None:
    ours, theirs = rows("trl/dpo.jsonl", sample), rows("openai/dpo.jsonl", sample)
    assert [isinstance(row, dict) for row in ours] == [isinstance(row, dict) for row in theirs]
    assert [row for row in ours if isinstance(row, str)] == [row for row in theirs if isinstance(row, str)]
