"""JSON goes in and out without changing a value."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.json_text import JsonPart, RawJson, json_indented, json_line, parse_json, same_json
from tests.support.strategies import exact, json_values


@given(json_values())
def test_what_is_written_is_read_back_as_the_same_value(value: Any) -> None:
    assert exact(parse_json(json_line(value))) == exact(value)
    assert exact(parse_json(json_indented(value).encode())) == exact(value)


@given(json_values())
def test_a_line_is_one_line_for_every_reader(value: Any) -> None:
    text = json_line(value).decode()
    assert text.splitlines() == [text]


@given(json_values())
def test_it_reads_what_the_standard_library_reads(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=1)):
        assert exact(parse_json(text.encode())) == exact(value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, -(2**64), 2**70, 12345678901234567890123, 10**4000])
def test_an_integer_beyond_64_bits_stays_an_integer(value: int) -> None:
    assert parse_json(str(value).encode()) == value
    assert json_line({"n": value}) == b'{"n":%d}' % value


def test_a_float_keeps_its_type_and_its_sign() -> None:
    for text in ("1.0", "-0.0", "1e22", "5e-324", "1.7976931348623157e308", "0.1"):
        value = parse_json(text.encode())
        assert isinstance(value, float)
        assert str(value) == str(float(text))
        assert str(parse_json(json_line(value))) == str(float(text))


def test_half_of_a_surrogate_pair_survives_as_its_escape() -> None:
    value = parse_json(rb'{"a\udc00": "x\ud800y"}')
    assert value == {"a\udc00": "x\ud800y"}
    assert json_line(value) == rb'{"a\udc00":"x\ud800y"}'
    assert json_indented(value) == '{\n  "a\\udc00": "x\\ud800y"\n}'


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse_json(rb'"\ud83d\ude00"') == "😀"
    assert json_line("😀") == '"😀"'.encode()


def test_line_separators_are_escaped_and_nothing_else_beyond_ascii() -> None:
    assert json_line("é\u0085\u2028\u2029\u05d0\u200f") == "é\\u0085\\u2028\\u2029\u05d0\u200f".join('""').encode()
    assert json_line("\ud800\u2028") == rb'"\ud800\u2028"'


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a": -Infinity}', "1e400", "[-1e400]"])
def test_a_number_that_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not JSON|larger than any double"):
        parse_json(text.encode())


@pytest.mark.parametrize(
    "raw", [b"", b" ", b"{", b"[1,]", b'{"a":1,}', b"01", b"'a'", b"1 2", b'"\n"', b"\xff", b'"\xed\xa0\x80"']
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(raw)


def test_bytes_that_are_not_utf_8_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"not UTF-8 \(byte 2\)"):
        parse_json(b'"a\xe9"')


@pytest.mark.parametrize("depth", [501, 900, 1023, 1100, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_to_be_written_again_is_refused(depth: int, opening: str, closing: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json((opening * depth + "1" + closing * depth).encode())


def test_what_is_nested_deeply_but_not_too_deeply_is_read_written_and_compared() -> None:
    value = parse_json(b"[" * 500 + b"]" * 500)
    assert json_line(value) == b"[" * 500 + b"]" * 500
    assert parse_json(json_indented(value).encode()) == value
    assert same_json(value, value)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert parse_json(b"[" + b",".join([b"[{}]"] * 1000) + b"]") == [[{}]] * 1000
    assert parse_json(b'"' + b"[" * 1000 + b'"') == "[" * 1000


def test_indented_json_is_what_an_editor_shows() -> None:
    assert json_indented({"b": [1, 2.5, None], "a": "é"}) == (
        '{\n  "b": [\n    1,\n    2.5,\n    null\n  ],\n  "a": "é"\n}'
    )
    assert (json_indented([]), json_indented({}), json_indented(True), json_indented("x")) == (
        "[]",
        "{}",
        "true",
        '"x"',
    )
    assert json_indented([2**64]) == "[\n  18446744073709551616\n]"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (0, False, False),
        (0.0, -0.0, False),
        (None, 0, False),
        ("1", 1, False),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": {"x": 1, "y": [True]}}, {"a": {"y": [True], "x": 1}}, True),
        ("é", "e\u0301", False),
        (2**64, float(2**64), False),
    ],
)
def test_two_values_are_the_same_json_only_when_their_types_are_too(a: Any, b: Any, same: bool) -> None:
    assert same_json(a, b) is same
    assert same_json([a], [b]) is same


@given(json_values(), json_values())
def test_a_part_is_written_like_its_value(inner: Any, outer: Any) -> None:
    part = JsonPart(inner)
    for _ in range(2):
        assert json_line([outer, {"a": part}]) == json_line([outer, {"a": inner}])


@given(json_values())
def test_parsed_text_gives_the_same_value_as_text_that_was_not_parsed(value: Any) -> None:
    parsed, fresh = RawJson(json.dumps(value).encode()), RawJson(json.dumps(value).encode())
    parsed.parse()
    assert exact(parsed.value()) == exact(fresh.value()) == exact(value)
    assert exact(parsed.value()) == exact(value)


@pytest.mark.parametrize("raw", [b"{", b"NaN", b"[1e400]", b"\xff"])
def test_text_that_is_not_json_fails_when_it_is_parsed_and_when_its_value_is_asked_for(raw: bytes) -> None:
    text = RawJson(raw)
    for ask in (text.parse, text.value):
        with pytest.raises(ValueError, match=r"."):
            ask()


def test_parsed_text_is_still_checked_for_depth() -> None:
    text = RawJson(b"[" * 501 + b"]" * 501)
    text.parse()
    with pytest.raises(ValueError, match="nested too deeply"):
        text.value()


def test_only_the_text_goes_to_another_process() -> None:
    text = RawJson(b"[1" + b" " * 1000 + b"]")
    plain = len(pickle.dumps(text))
    text.parse()
    assert len(pickle.dumps(text)) == plain
    assert pickle.loads(pickle.dumps(text)).value() == [1]
