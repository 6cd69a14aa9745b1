"""Steps without roles, and Potato's conversations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Other, Text
from ls_trajedit.traces.places import JSON_TEXT, Under
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.steps import FORMATS
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.steps import SOURCES
from tests.support.trace_files import TraceFile, trace_files

STEPS, POTATO = FORMATS


@pytest.mark.parametrize("file", trace_files("steps"), ids=lambda file: file.path.stem)
def test_the_steps_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, STEPS) == file.expected()


@pytest.mark.parametrize("file", trace_files("steps"), ids=lambda file: file.path.stem)
def test_the_steps_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, STEPS):
        assert STEPS.recognize(source)
        check_round_trip(STEPS, source)


@given(SOURCES["steps"])
def test_any_steps_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert STEPS.recognize(source)
    check_round_trip(STEPS, source)


def test_nothing_else_is_steps() -> None:
    for value in others("steps"):
        assert STEPS.recognize(value) is None, value


@given(damaged(SOURCES["steps"]))
def test_a_damaged_steps_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(STEPS, source)


@pytest.mark.parametrize("file", trace_files("potato"), ids=lambda file: file.path.stem)
def test_the_potato_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, POTATO) == file.expected()


@pytest.mark.parametrize("file", trace_files("potato"), ids=lambda file: file.path.stem)
def test_the_potato_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, POTATO):
        assert POTATO.recognize(source)
        check_round_trip(POTATO, source)


@given(SOURCES["potato"])
def test_any_potato_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert POTATO.recognize(source)
    check_round_trip(POTATO, source)


def test_nothing_else_is_potato() -> None:
    for value in others("potato"):
        assert POTATO.recognize(value) is None, value


@given(damaged(SOURCES["potato"]))
def test_a_damaged_potato_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(POTATO, source)


def _step(**step: Any) -> Any:
    return STEPS.read({"steps": [step]}, NO_OPTIONS)[0].messages


def test_a_call_is_told_by_its_shape() -> None:
    at = ("steps", 0, "action")
    (named,) = _step(action={"name": "f", "arguments": {"a": 1}})[0].parts
    assert named == Call("f", {"a": 1}, "call00001", (*at, "name"), (*at, "arguments"))
    (written,) = _step(action='{"tool": "f", "args": {"a": 1}}')[0].parts
    assert written == Call("f", {"a": 1}, "call00001", (*at, JSON_TEXT, "tool"), (*at, JSON_TEXT, "args"))
    (beside,) = _step(action="f", action_input="a")[0].parts
    assert beside == Call("f", {"input": "a"}, "call00001", at, ("steps", 0, "action_input", Under("input")))


@pytest.mark.parametrize("action", ["f(a=1)", "{broken", '{"a": 1}', '["f"]', '"f"', "name"])
def test_any_other_text_is_text(action: str) -> None:
    assert _step(action=action)[0].parts == (Text(action, ("steps", 0, "action")),)


def test_an_object_that_is_not_a_call_is_kept() -> None:
    assert _step(action={"click": 1})[0].parts == (Other({"click": 1}, ("steps", 0, "action")),)


def test_what_else_a_step_holds_is_kept() -> None:
    assert _step(action="x", score=3)[0].parts[1] == Other(3, ("steps", 0, "score"))


def test_the_observation_is_the_calls_result_or_heard() -> None:
    assert [m.role for m in _step(action={"name": "f", "args": {}}, observation="y")] == ["assistant", "tool"]
    assert [m.role for m in _step(action="f()", observation="y")] == ["assistant", "user"]
    assert [m.role for m in _step(action="f()", observation="")] == ["assistant"]


@pytest.mark.parametrize("key", ["role", "from", "type", "source", "speaker", "author", "agent", "sender"])
def test_items_that_say_who_speaks_are_left_to_others(key: str) -> None:
    said = [{key: "a", "action": "x"}, {key: "b", "observation": "y"}]
    assert STEPS.recognize({"steps": said}) is None
    alike = [{**item, key: "a"} for item in said]
    assert bool(STEPS.recognize({"steps": alike})) is (key != "role")


def test_where_there_are_several_lists_the_steps_are_meant() -> None:
    source = {"plan": [{"action": "later"}], "steps": [{"action": "now"}]}
    assert STEPS.read(source, NO_OPTIONS)[0].messages[0].text == "now"
    assert STEPS.read(source, ReadOptions(messages_key=("plan",)))[0].messages[0].text == "later"


def test_a_source_without_steps_is_an_error() -> None:
    for format_ in FORMATS:
        with pytest.raises(ReadError, match="`messages_key` names it"):
            format_.read({"steps": [{"x": 1}]}, NO_OPTIONS)


def _said(*turns: tuple[str, str], options: ReadOptions = NO_OPTIONS) -> Any:
    said = [{"speaker": speaker, "text": text} for speaker, text in turns]
    return POTATO.read({"conversation": said}, options)[0].messages


def test_a_thought_and_the_action_after_it_are_one_turn() -> None:
    messages = _said(("Agent (Thought)", "a"), ("Agent (Action)", "b"), ("Agent (Action)", "c"))
    assert [len(message.parts) for message in messages] == [2, 1]


def test_a_kind_that_nobody_knows_is_an_error_that_the_options_settle() -> None:
    turns = (("User", "x"), ("Agent (Channel 0)", "y"))
    with pytest.raises(ReadError, match=r"`Agent \(Channel 0\)` at conversation\[1\].speaker"):
        _said(*turns)
    messages = _said(*turns, options=ReadOptions(roles={"Agent (Channel 0)": "assistant"}))
    assert [message.role for message in messages] == ["user", "assistant"]


def test_speakers_with_names_are_not_potatos() -> None:
    assert POTATO.recognize([{"speaker": "Ann", "text": "x"}, {"speaker": "User", "text": "y"}]) is None
