"""A stream is split into exactly the values that it holds, wherever its reads end."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ls_trajedit.traces import json_stream
from ls_trajedit.traces.json_stream import split_json, split_json_values
from tests.support.strategies import exact, json_values

SPACE = st.sampled_from(["", " ", "\n", "\r\n", "\t \n\n", " \r"])


def split(raw: bytes, chunk: int = 1 << 20) -> list[tuple[int, bytes]]:
    """The values of `raw`, read in chunks of that many bytes."""
    return [(value.line, value.json.raw) for value in split_json(BytesIO(raw), chunk)]


def values(raw: bytes, chunk: int) -> list[str]:
    return [exact(json.loads(value)) for _, value in split(raw, chunk)]


def dumped(draw: st.DrawFn, value: Any) -> str:
    return json.dumps(value, indent=draw(st.sampled_from([None, None, 1])), ensure_ascii=draw(st.booleans()))


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


@st.composite
def arrays(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    """A JSON array laid out in any way, and what is in it."""
    items = draw(st.lists(json_values(), max_size=5))
    spaced = [draw(SPACE) + dumped(draw, item) + draw(SPACE) for item in items]
    return encoded(draw(SPACE) + "[" + (",".join(spaced) or draw(SPACE)) + "]" + draw(SPACE)), items


@given(arrays(), st.integers(1, 12), st.booleans())
def test_an_array_splits_into_its_elements(array: tuple[bytes, list[Any]], chunk: int, mark: bool) -> None:
    raw, items = array
    assert json.loads(raw) == items
    assert values(b"\xef\xbb\xbf" * mark + raw, chunk) == [exact(item) for item in items]


@given(st.lists(json_values().filter(lambda value: not isinstance(value, list)), max_size=5), st.data())
def test_lines_split_into_their_values(items: list[Any], data: st.DataObject) -> None:
    ends = st.sampled_from(["\n", "\r\n", "\n\n", " \n \r\n"])
    text = data.draw(st.sampled_from(["", "\n", " \r\n"]))
    text += "".join(json.dumps(item) + data.draw(ends) for item in items)
    text = text.rstrip() if data.draw(st.booleans()) else text
    assert values(encoded(text), data.draw(st.integers(1, 12))) == [exact(item) for item in items]


@given(arrays(), st.integers(1, 12))
def test_each_element_comes_with_the_line_that_it_starts_in(array: tuple[bytes, list[Any]], chunk: int) -> None:
    raw, items = array
    text, lines, position = raw.decode(), [], raw.decode().index("[") + 1
    decoder = json.JSONDecoder()
    for _ in items:
        while text[position] in " \t\r\n,":
            position += 1
        lines.append(1 + text.count("\n", 0, position))
        _, position = decoder.raw_decode(text, position)
    assert [line for line, _ in split(raw, chunk)] == lines


@st.composite
def lookalikes(draw: st.DrawFn) -> bytes:
    """A JSON array of objects that all begin alike, as do objects and strings inside them."""
    space = draw(st.sampled_from(["", " ", "\n", "\n "]))
    inner = st.fixed_dictionaries({"id": st.integers(0, 12), "annotations": st.lists(st.integers(), max_size=2)})
    text = st.sampled_from(["x", '},{"id":1,"annotations":[', "}},", '\\"},{\\"', "é\ud800", "[{" * 9])
    item = st.fixed_dictionaries(
        {
            "id": st.integers(0, 2**70) | text,
            "annotations": st.lists(inner | text, max_size=4),
            "data": st.lists(inner, max_size=2) | text | inner,
        }
    )
    odd = st.sampled_from([5, "text", [], [{"id": 1}], {}, {"annotations": []}, {"id": {"id": 1}}])
    items = draw(st.lists(item | odd, max_size=8) | st.lists(item, max_size=8))
    dumped = [json.dumps(value, separators=("," + space, ":" + space)) for value in items]
    return encoded("[" + ("," + space).join(dumped) + "]")


def split_slowly(raw: bytes) -> list[tuple[int, bytes]]:
    """The values of `raw`, each found by looking at all of its brackets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_border_after", lambda buffer, start, end: None)
        return split(raw)


@given(lookalikes(), st.integers(1, 300))
def test_what_looks_like_the_border_of_two_elements_is_not_taken_for_one(raw: bytes, chunk: int) -> None:
    assert values(raw, chunk) == [exact(item) for item in json.loads(raw)]
    assert split(raw, chunk) == split_slowly(raw)


@given(lookalikes(), st.data())
def test_an_invalid_array_splits_into_the_same_values_however_their_ends_are_found(
    raw: bytes, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(1, len(raw)))
        stop = min(len(raw), start + data.draw(st.integers(0, 3)))
        raw = raw[:start] + data.draw(st.sampled_from([b"", b'"', b"}", b"]", b",", b"{", b"\\", b"\n"])) + raw[stop:]
    assert whole(split(raw, data.draw(st.integers(1, 300)))) == whole(split_slowly(raw))


def whole(found: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """`found`, without how much was read of what follows the array."""
    mark = b" (after the end of the array)"
    return [(line, mark if value.endswith(mark) else value) for line, value in found]


def test_every_element_but_the_first_of_an_export_is_parsed_while_it_is_split() -> None:
    """This makes `convert` fast: reading the value later does not parse the text again."""
    raw = json.dumps([{"id": n, "annotations": [{"id": 1}, {"id": 2}], "data": {}} for n in range(5)]).encode()
    found = [value.json for value in split_json(BytesIO(raw))]
    for json_text in found[1:-1]:
        json_text.raw = b"gone"
        assert json_text.value()["annotations"] == [{"id": 1}, {"id": 2}]


@given(st.binary(max_size=40), st.integers(1, 5))
@example(b"[1]xyz", 1)
def test_no_bytes_make_it_fail_or_read_differently_in_other_chunks(raw: bytes, chunk: int) -> None:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = b"[" + raw
    assert split(raw, chunk) == split(raw)


@given(st.text(alphabet='[]{},:"\\ \n1a', max_size=25), st.integers(1, 5))
def test_no_brackets_or_quotes_make_an_invalid_array_look_whole(text: str, chunk: int) -> None:
    raw = "[" + text
    found = split(raw.encode(), chunk)
    try:
        items = json.loads(raw)
    except ValueError:
        assert any(not is_json(value) for _, value in found)
    else:
        assert [json.loads(value) for _, value in found] == items


def is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def test_lines_are_counted_over_blank_ones_and_windows_line_ends() -> None:
    assert split(b'\r\n{"a": 1}\r\n\r\n{"b": 2}\n{"c": 3}') == [(2, b'{"a": 1}'), (4, b'{"b": 2}'), (5, b'{"c": 3}')]


def test_lines_are_counted_in_an_array_over_several_lines() -> None:
    raw = b'[\n  {\n    "a": 1\n  },\n\n  {"b": "]"}\n,"x"]\n'
    assert split(raw, 3) == [(2, b'{\n    "a": 1\n  }'), (6, b'{"b": "]"}'), (7, b'"x"')]


@pytest.mark.parametrize("raw", [b"", b"\n \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"[]", b" \n[ \n]\n"])
def test_a_stream_without_values_has_none(raw: bytes) -> None:
    for chunk in (1, 2, 1 << 20):
        assert split(raw, chunk) == []


def test_white_space_longer_than_a_chunk_does_not_hide_an_array() -> None:
    assert split(b"\n" * 50 + b'[{"a":\n1}, 2]', 8) == [(51, b'{"a":\n1}'), (52, b"2")]


@pytest.mark.parametrize(
    ("raw", "whole", "invalid_line"),
    [
        (b'[{"a": 1},\n{"b": 2}', [b'{"a": 1}'], 2),
        (b'[{"a": 1},\n{"b": ', [b'{"a": 1}'], 2),
        (b'[{"a": 1},\n', [b'{"a": 1}'], 2),
        (b'[{"a": 1}\n{"b": 2}]', [], 1),
        (b'[{"a": 1},\n{"b": "]}', [b'{"a": 1}'], 2),
        (b'[{"a": 1}]\n\nmore', [b'{"a": 1}'], 3),
        (b'[{"a": 1}]\n[]', [b'{"a": 1}'], 2),
        (b'[{"a": 1},\n]', [b'{"a": 1}'], 2),
        (b'[\n,{"a": 1}]', [], 2),
        (b"[", [], 1),
    ],
)
def test_an_invalid_array_gives_its_valid_elements_and_then_the_invalid_rest_with_its_line(
    raw: bytes, whole: list[bytes], invalid_line: int
) -> None:
    for chunk in (1, 4, 1 << 20):
        found = split(raw, chunk)
        assert [value for _, value in found[: len(whole)]] == whole
        line, value = found[len(whole)]
        assert (line, is_json(value)) == (invalid_line, False)


def test_after_an_invalid_element_an_array_goes_on() -> None:
    assert split(b'[{"a": nope},\n{"b": 2}]') == [(1, b'{"a": nope}'), (2, b'{"b": 2}')]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_by_name_when_the_file_says_so(encoding: str) -> None:
    mark = b"" if encoding == "utf-16" else "\ufeff".encode(encoding)
    with pytest.raises(ValueError, match="UTF-16; save it as UTF-8"):
        split(mark + '{"a": 1}'.encode(encoding))


def test_one_long_value_over_many_chunks_is_one_value() -> None:
    text = json.dumps(["x" * 5000, {"a": ['"' * 300, "\\" * 300]}])
    assert values(text.encode(), 7) == [exact(item) for item in json.loads(text)]


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{\n  "a": {"b": "}"}\n}', [(1, '{\n  "a": {"b": "}"}\n}')]),
        ('\n\n{\n"a": 1}\n\n{"b":\n2}\n', [(3, '{\n"a": 1}'), (6, '{"b":\n2}')]),
        ('{\n"a": 1}{"b": 2}', [(1, '{\n"a": 1}'), (2, '{"b": 2}')]),
        ('{"a": 1}\n{"b": 2}\n', [(1, '{"a": 1}'), (2, '{"b": 2}')]),
        ('[{"a": 1},\n{"b": 2}]', [(1, '{"a": 1}'), (2, '{"b": 2}')]),
        ('{"a": 1}', [(1, '{"a": 1}')]),
        # What is broken stays broken: a line, an object that is cut off, what comes after one.
        ('{"a": }\n{"b": 2}\n', [(1, '{"a": }'), (2, '{"b": 2}')]),
        ('{\n"a": 1,', [(1, '{\n"a": 1,')]),
        ('{\n"a": 1}, {"b": 2}', [(1, '{\n"a": 1}'), (2, ', {"b": 2} (after an object)')]),
        ("", []),
    ],
)
def test_objects_over_many_lines_are_values_too(text: str, values: list[tuple[int, str]], chunk_size: int) -> None:
    found = split_json_values(BytesIO(text.encode()), chunk_size)
    assert [(value.line, value.json.raw.decode()) for value in found] == values
