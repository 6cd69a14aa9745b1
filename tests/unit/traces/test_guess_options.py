"""What `init` makes of traces that it has never seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.traces.errors import TraceError
from ls_trajedit.traces.guess_options import (
    chat_options_yaml,
    guess_chat_options,
    guess_options,
    options_yaml,
)
from ls_trajedit.traces.model import Call, Message, Reasoning, Text, Trace
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.read import StepTrace, TraceCheck
from ls_trajedit.traces.shape import check_options, shape_of


def guessed(*traces: dict[str, Any]) -> dict[str, Any]:
    """The guesses that differ from the defaults."""
    # Steps can be removed, and one can be inserted into each gap, whatever the traces are.
    default = Options(allow_remove=True, allow_insert=1)
    options = vars(guess_options(traces, "t.jsonl"))
    return {key: value for key, value in options.items() if value != getattr(default, key) and key != "given"}


@pytest.mark.parametrize(
    ("trace", "options"),
    [
        ({"id": "a", "task_description": "t", "steps": [{"action": "x"}], "final_answer": "y"}, {}),
        (
            {"uuid": "a", "question": "q", "messages": [{"role": "user", "content": "x"}], "answer": "y"},
            {
                "id_key": "uuid",
                "task_key": "question",
                "steps_key": "messages",
                "step_text_key": "content",
                "editable_fields": ["content"],
                "final_answer_key": "answer",
            },
        ),
        ({"task_id": 7, "trajectory": ["one", "two"]}, {"id_key": "task_id", "steps_key": "trajectory"}),
        (
            {"run": {"turns": [{"command": "ls", "output": "x"}]}},
            {"steps_key": "run.turns", "step_text_key": "command", "editable_fields": ["command"]},
        ),
        ({"tags": ["a", "b"], "steps": [{"action": "x"}]}, {}),
        (
            {"moves": [{"move": "e4", "n": 1}, {"move": "e5"}]},
            {"steps_key": "moves", "step_text_key": "move", "editable_fields": ["move"]},
        ),
        ({"steps": [{"odd key": "x", "action": "y"}]}, {}),
        ({"steps": [], "turns": [{"action": "x"}]}, {"steps_key": "turns"}),
    ],
)
def test_keys_are_recognised_by_what_people_call_them(trace: dict[str, Any], options: dict[str, Any]) -> None:
    assert guessed(trace) == options


def test_a_known_name_in_one_trace_wins_over_any_other_in_many() -> None:
    assert guessed({"parts": ["a"]}, {"parts": ["a"]}, {"parts": ["a"], "turns": ["b"]}) == {"steps_key": "turns"}


@pytest.mark.parametrize(
    "trace",
    [
        {},
        {"id": "a", "text": "b"},
        {"steps": [1, 2]},
        {"steps": []},
        {"odd key": ["a"]},
        {"a.b": ["x"]},
        {"a[0]": ["x"]},
    ],
)
def test_traces_without_a_list_of_steps_are_an_error_that_lists_their_keys(trace: dict[str, Any]) -> None:
    with pytest.raises(TraceError) as error:
        guess_options([trace], "t.jsonl")
    keys = ", ".join(trace) or "none"
    assert str(error.value) == f"t.jsonl: no key of the traces holds a list of objects or strings (keys: {keys})"


KEYS = st.sampled_from(
    [
        "steps",
        "action",
        "id",
        "no",
        "on",
        "null",
        "404",
        "1_0",
        "0x1F",
        "1e3",
        "y",
        "true",
        "task",
        "text",
        "a.b",
        "é",
        "x[0]",
        "_",
        "result",
    ]
)
TRACES = st.dictionaries(
    KEYS,
    st.text(max_size=3)
    | st.integers()
    | st.lists(st.dictionaries(KEYS, st.text(max_size=3) | st.integers(), max_size=4), max_size=2)
    | st.dictionaries(
        KEYS, st.lists(st.dictionaries(KEYS, st.text(max_size=3), min_size=1), min_size=1, max_size=2), max_size=2
    ),
    max_size=5,
)


@given(st.lists(TRACES, min_size=1, max_size=3))
def test_the_file_that_is_written_reads_back_as_what_was_guessed(traces: list[dict[str, Any]]) -> None:
    try:
        options = guess_options(traces, "t")
    except TraceError:
        return
    whole = [
        i.data
        for i in TraceCheck(options).check([StepTrace(n, t) for n, t in enumerate(traces)])
        if isinstance(i, StepTrace)
    ]
    shape = shape_of(whole, options)
    read = parse_options(options_yaml(options, shape), "trajedit.yaml")
    assert read == replace(options, edit_final_answer=shape.has_final_answer)


def test_the_file_that_is_written_fits_the_traces_and_says_what_else_they_have() -> None:
    traces: list[dict[str, Any]] = [
        {"turns": [{"thought": "a", "tool_call": "b", "n": 1, "odd key": "c"}], "answer": "d"}
    ]
    options = guess_options(traces, "t")
    shape = shape_of(traces, options)
    text = options_yaml(options, shape)
    assert "The steps have: thought, tool_call, n" in text
    read = parse_options(text, "trajedit.yaml")
    assert (read.editable_fields, read.final_answer_key, read.edit_final_answer) == (["tool_call"], "answer", True)
    check_options(read, shape, "t")


# Chats.


def chat(*parts: Any, format_: str = "openai-chat", agent: str | None = None) -> Trace:
    said = (Message("user", (Text("Hi"),)), Message("assistant", parts, agent=agent))
    return Trace("a", "Hi", said, format=format_)


@pytest.mark.parametrize(
    ("traces", "fields"),
    [
        ([chat(Text("x"))], ["content", "tool_calls[*].arguments"]),
        ([chat(Reasoning("x"), Text("y"))], ["content", "tool_calls[*].arguments"]),
        ([chat(Reasoning("x"), Call("f", {}))], ["content", "tool_calls[*].arguments"]),
        ([chat(Reasoning("x"))], ["reasoning", "content", "tool_calls[*].arguments"]),
    ],
)
def test_text_and_arguments_of_chats_are_corrected_and_reasoning_where_there_is_nothing_else(
    traces: list[Trace], fields: list[str]
) -> None:
    options = guess_chat_options(traces)
    assert (options.editable_fields, options.from_) == (fields, "openai-chat")


def test_the_format_is_chosen_when_all_chats_are_of_one() -> None:
    assert guess_chat_options([chat(Text("x")), chat(Text("x"), format_="atif")]).from_ is None


def test_the_file_that_is_written_for_chats_reads_back_as_what_was_guessed_and_names_the_speakers() -> None:
    traces = [chat(Text("x"), agent="planner"), chat(Text("x"), agent="web\nsurfer")]
    traces[1] = Trace("b", "", (*traces[0].messages, *traces[1].messages), format="openai-chat")
    for several in ([traces[0]], traces):
        options = guess_chat_options(several)
        assert parse_options(chat_options_yaml(options, several), "trajedit.yaml") == options
    assert "The speakers: planner, web surfer\n# agent: NAME" in chat_options_yaml(options, traces)
    assert "The speakers" not in chat_options_yaml(options, traces[:1])
