"""A request's JSON means the same however it is read, and a refusal is one line that a person can read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.backend.requests import BadRequestError, PredictRequest, parse_request, reason_phrase
from ls_trajedit.traces.json_text import parse_json
from tests.support.strategies import exact, json_values


def tasks_of(body: bytes) -> list[Any]:
    return parse_request(PredictRequest, body).tasks


@given(st.lists(json_values(), max_size=3), st.booleans())
def test_every_value_is_kept(tasks: list[Any], ascii_only: bool) -> None:
    text = json.dumps({"tasks": tasks, "label_config": ""}, ensure_ascii=ascii_only)
    assert exact(tasks_of(text.encode("utf-8", "backslashreplace"))) == exact(tasks)


@pytest.mark.parametrize(
    "digits",
    [
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "1" + "0" * 300,
        "1" + "0" * 400,
        "1e18",
        "1e19",
        "-1e300",
        "0.1",
    ],
)
@pytest.mark.parametrize("around", ["[{}]", '[[{{"a": [0.5, {}]}}]]', "[0.5, null, [[]], {}]"])
def test_every_number_is_kept(digits: str, around: str) -> None:
    tasks = around.format(digits)
    assert exact(tasks_of(f'{{"tasks": {tasks}, "label_config": ""}}'.encode())) == exact(json.loads(tasks))


@pytest.mark.parametrize("depth", [90, 98, 99, 100, 101, 102, 490, 498, 499, 500, 501, 502, 1000, 1100, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_same_depth_is_refused_as_in_other_json(depth: int, opening: str, closing: str) -> None:
    body = f'{{"label_config": "", "tasks": [{opening * depth}1{closing * depth}]}}'.encode()
    try:
        expected = parse_json(body)
    except ValueError as error:
        with pytest.raises(BadRequestError, match=f"^the body is not JSON: {error}$"):
            tasks_of(body)
    else:
        assert repr(tasks_of(body)) == repr(expected["tasks"])


@pytest.mark.parametrize(
    ("message", "phrase"),
    [
        ("no steps", "no steps"),
        ('add <TextArea toName="x"/> to <View>, </View>', 'add TextArea toName="x" to View, View'),
        ("a\r\nSet-Cookie: b\tc", "a Set-Cookie: b c"),
        ("señor \x00\x7f\u2028", "se?or ?"),
        ("x" * 500, "x" * 397 + "..."),
    ],
)
def test_a_reason_is_one_line_of_plain_text(message: str, phrase: str) -> None:
    assert reason_phrase(message) == phrase


@given(st.text())
def test_no_reason_can_leave_the_status_line(message: str) -> None:
    phrase = reason_phrase(message)
    assert len(phrase) <= 400
    assert all(" " <= character <= "~" and character not in "<>" for character in phrase)
