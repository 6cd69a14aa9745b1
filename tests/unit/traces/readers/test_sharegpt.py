"""ShareGPT conversations: calls as turns and as tags."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Reasoning
from ls_trajedit.traces.places import JSON_TEXT, Span
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.sharegpt import FORMAT
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.sharegpt import SOURCES
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("sharegpt"), ids=lambda file: file.path.stem)
def test_the_sharegpt_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("sharegpt"), ids=lambda file: file.path.stem)
def test_the_sharegpt_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["sharegpt"])
def test_any_sharegpt_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_sharegpt() -> None:
    for value in others("sharegpt"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["sharegpt"]))
def test_a_damaged_sharegpt_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source)


def _read(*turns: tuple[str, str], options: ReadOptions = NO_OPTIONS, **fields: Any) -> Any:
    said = [{"from": speaker, "value": value} for speaker, value in turns]
    return FORMAT.read({"conversations": said, **fields}, options)[0]


def test_a_call_stands_in_the_json_of_its_turn() -> None:
    trace = _read(("human", "x"), ("function_call", '{"name": "f", "arguments": {}}'))
    (call,) = trace.messages[1].calls
    assert call.arguments_place == ("conversations", 1, "value", JSON_TEXT, "arguments")
    (first, second) = _read(("human", "x"), ("function_call", '[{"name": "f"}, {"name": "g"}]')).messages[1].calls
    assert (first.name_place, first.arguments_place) == (("conversations", 1, "value", JSON_TEXT, 0, "name"), None)
    assert (second.id, second.arguments) == ("call00002", {})


def test_thinking_in_tags_is_reasoning() -> None:
    trace = _read(("human", "x"), ("gpt", "<think>\nSo.\n</think>\n\nYes."))
    assert trace.messages[1].parts[0] == Reasoning("So.", ("conversations", 1, "value", Span(8, 11)))
    assert trace.messages[1].text == "Yes."


def test_empty_thinking_is_none() -> None:
    (text,) = _read(("human", "x"), ("gpt", "<think>\n\n</think>\n\nYes.")).messages[1].parts
    assert text.text == "Yes."


def test_one_observation_after_several_calls_is_that_of_the_first() -> None:
    trace = _read(("human", "x"), ("function_call", '[{"name": "f"}, {"name": "g"}]'), ("observation", "both"))
    assert [message.parts[0].call_id for message in trace.messages if message.role == "tool"] == ["call00001"]


def test_a_function_call_that_is_not_one_stays_text_and_its_observation_is_an_orphan() -> None:
    said = (("human", "x"), ("function_call", "f(1)"), ("observation", "y"))
    with pytest.raises(ReadError, match=r"the result at conversations\[2\].value answers a call"):
        _read(*said)
    trace = _read(*said, options=ReadOptions(roles={"observation": "user"}))
    assert [(m.role, m.text) for m in trace.messages] == [("user", "x"), ("assistant", "f(1)"), ("user", "y")]


def test_unknown_speakers_are_an_error_that_the_options_settle() -> None:
    said = (("narrator", "x"), ("gpt", "y"))
    with pytest.raises(ReadError, match=r"`narrator` at conversations\[0\].from"):
        _read(*said)
    assert _read(*said, options=ReadOptions(roles={"narrator": "system"})).messages[0].role == "system"


def test_a_pair_for_preference_training_is_not_a_trace() -> None:
    turn = {"from": "gpt", "value": "x"}
    with pytest.raises(ReadError, match="not a trace"):
        _read(("human", "x"), chosen=turn, rejected=turn)


def test_the_key_of_the_speaker_can_be_another() -> None:
    source = [{"who": "human", "value": "x"}, {"who": "gpt", "value": "y"}]
    assert FORMAT.recognize(source) is None
    (trace,) = FORMAT.read(source, ReadOptions(role_key="who"))
    assert [message.role for message in trace.messages] == ["user", "assistant"]


def test_pictures_belong_to_their_marks() -> None:
    trace = _read(("human", "<image>a"), ("gpt", "b"), ("human", "<image>"), images=["1.png", "2.png", "3.png"])
    assert [message.parts[-1].url for message in trace.messages if message.role == "user"] == ["1.png", "2.png"]
