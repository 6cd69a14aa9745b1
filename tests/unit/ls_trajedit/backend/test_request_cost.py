"""What a request costs follows from what its answer needs, whatever is in it."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.backend.answers import answer_predict
from ls_trajedit.backend.requests import MOST_VALUES, PredictRequest, TooLargeRequestError, parse_request
from ls_trajedit.label_config import schema as schema_module
from ls_trajedit.label_config.controls import Controls, Tag
from ls_trajedit.label_config.schema import MOST_CONTROLS
from ls_trajedit.traces.json_text import json_indented


def repeating(fields: int, flag: str) -> str:
    """A config with a Repeater that no other test has read."""
    pairs = "".join(
        f'<Text name="t{n}_{flag}" value="$steps[{flag}].f{n}"/><TextArea name="b{n}_{flag}" toName="t{n}_{flag}"/>'
        for n in range(fields)
    )
    return f'<View><Repeater on="$steps" indexFlag="{flag}">{pairs}</Repeater></View>'


steps_of_all_kinds = st.lists(
    st.sampled_from(
        [0, None, "", "text", [], {}, {"other": 1}, {"f0": "a"}, {"f1": {"deep": [1]}}, {"f0": "a", "f1": 2}]
    ),
    max_size=30,
)


@given(st.integers(1, 4), st.lists(steps_of_all_kinds, max_size=6), st.uuids())
def test_controls_are_made_once_for_each_step_that_holds_something(
    fields: int, tasks: list[list[Any]], flag: Any
) -> None:
    made: list[int] = []

    def counted(tags: list[Tag], key: str) -> Controls:
        made.append(len(tags))
        return resolve(tags, key)

    resolve = schema_module.resolve_controls
    body = {"label_config": repeating(fields, f"({flag})"), "tasks": [{"data": {"steps": steps}} for steps in tasks]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_module, "resolve_controls", counted)
        answer = json.loads(answer_predict(json.dumps(body).encode()).content)
    # And once to know whether the cards are about their own steps.
    needed = {index for steps in tasks for index, step in enumerate(steps) if step} | {7}
    assert len(made) <= len(needed)
    assert set(made) <= {2 * fields}
    boxes = [
        [
            f"b{n}_{i}"
            for i, step in enumerate(steps)
            for n in range(fields)
            if isinstance(step, dict) and f"f{n}" in step
        ]
        for steps in tasks
    ]
    assert [[result["from_name"] for result in one["result"]] for one in answer["results"]] == boxes


@given(st.integers(1, 200), st.integers(1, 400), st.integers(0, 5))
def test_over_the_limit_nothing_is_made(fields: int, beyond: int, position: int) -> None:
    most = MOST_CONTROLS // (2 * fields)
    tasks: list[Any] = [{"data": {"steps": [{"f0": "a"}]}}] * 5
    tasks.insert(position, {"id": 12, "data": {"steps": [0] * (most + beyond)}})
    body = json.dumps({"label_config": repeating(fields, "{{idx}}"), "tasks": tasks}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ls_trajedit.label_config.predict.editor_text", pytest.fail)
        patch.setattr(schema_module.Schema, "_step_controls", pytest.fail)
        with pytest.raises(
            TooLargeRequestError, match=rf"^task 12 \(number {position + 1}\): {most + beyond} steps with"
        ):
            answer_predict(body)


def test_the_request_that_took_2_gigabytes_is_refused_in_little_memory() -> None:
    """72 kB: tasks of many different numbers of steps, and a Repeater with a few controls."""
    tasks = [{"data": {"steps": [0] * steps}} for steps in range(1_000, 1_030)]
    body = json.dumps({"label_config": repeating(50, "{{idx}}"), "tasks": tasks}, separators=(",", ":")).encode()
    assert 60_000 < len(body) < 80_000
    assert peak_of(body) < 20_000_000


def test_tasks_of_many_lengths_that_are_allowed_share_what_is_made() -> None:
    tasks = [{"data": {"steps": [{"f0": "a"}] * steps}} for steps in range(300, 400)]
    body = json.dumps({"label_config": repeating(50, "{{idx}}"), "tasks": tasks}).encode()
    assert peak_of(body) < 150_000_000


def test_what_a_field_is_indented_by_is_bounded() -> None:
    """Nested 200 deep, each number of two bytes would get 400 spaces, so 1 MB would be 200 MB."""
    field = json.loads("[" * 200 + ",".join(["0"] * 50_000) + "]" * 200)
    body = json.dumps(
        {"label_config": repeating(1, "{{idx}}"), "tasks": [{"data": {"steps": [{"f0": field}]}}]}
    ).encode()
    answer = json.loads(answer_predict(body).content)
    (text,) = answer["results"][0]["result"][0]["value"]["text"]
    assert json.loads(text) == field
    assert len(text) < 110_000
    small = {"query": ["a", {"b": 1}]}
    assert json_indented(small) == json.dumps(small, indent=2)


@pytest.mark.parametrize(
    ("inside", "values"),
    [
        ("0,", MOST_VALUES - 3),
        ("[],", MOST_VALUES // 2 - 2),
        ('"a,[{",', MOST_VALUES - 3),
        ('"\\\\",', MOST_VALUES - 3),
    ],
)
def test_values_are_counted_outside_of_strings(inside: str, values: int) -> None:
    """By the commas and opening brackets: three of them are around the tasks."""
    body = ('{"label_config":"","tasks":[' + inside * values + "0]}").encode()
    assert len(parse_request(PredictRequest, body).tasks) == values + 1
    with pytest.raises(TooLargeRequestError, match="more than 3000000 JSON values"):
        parse_request(PredictRequest, body.replace(b"[", b"[" + inside.encode() * 3, 1))


def peak_of(body: bytes) -> int:
    tracemalloc.start()
    try:
        with suppress(TooLargeRequestError):
            answer_predict(body)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
