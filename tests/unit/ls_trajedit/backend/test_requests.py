"""A request's JSON means the same, however it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.backend.refusal import BadRequestError
from ls_trajedit.backend.requests import PredictRequest, parse_request
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
def test_the_same_depth_is_refused_as_everywhere(depth: int, opening: str, closing: str) -> None:
    body = f'{{"label_config": "", "tasks": [{opening * depth}1{closing * depth}]}}'.encode()
    try:
        expected = parse_json(body)
    except ValueError as error:
        with pytest.raises(BadRequestError, match=f"^the body is not JSON: {error}$"):
            tasks_of(body)
    else:
        assert repr(tasks_of(body)) == repr(expected["tasks"])
