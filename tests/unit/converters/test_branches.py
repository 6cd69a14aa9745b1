"""Where a branch begins, and what of the corrected trace stands before it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from ls_trajedit.converters.branches import Cut, branch_id, correction_sha256, cut_of
from ls_trajedit.converters.record import (
    Edit,
    Insertion,
    Parent,
    Record,
    RecordedTrace,
    Removal,
    Source,
    StructureChange,
    edit_sums,
)
from ls_trajedit.converters.traces import ChatTraces, PlainTraces, recorded_chat
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.template import parse_template
from tests.support.strategies import json_values

USER = {"role": "user", "content": "How warm is it in Kiel?"}


def said(text: str, *calls: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    tool_calls = [
        {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
        for identity, name, arguments in calls
    ]
    return {"role": "assistant", "content": text, **({"tool_calls": tool_calls} if calls else {}), **more}


def result(identity: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(*messages: dict[str, Any]) -> Trace:
    (trace,) = read_chat({"id": "c1", "messages": list(messages)}, "openai-chat", NO_OPTIONS)
    return trace


def edit(step: int | None, field: str, text: str = "other") -> Edit:
    return Edit(step, field, "", text, 1, 1, "")


def record_of(
    original: RecordedTrace,
    corrected: RecordedTrace,
    edits: tuple[Edit, ...],
    structure: tuple[StructureChange, ...],
    extra: dict[str, Any] | None = None,
) -> Record:
    return Record(
        trace_id="t1",
        annotator="1",
        task="",
        original_trace=original,
        corrected_trace=corrected,
        edits=edits,
        structure=structure,
        **edit_sums(edits, structure),
        source=Source(1, 5, 8, None, None, False, (), (), extra or {}),
    )


def chat_cut(
    original: list[dict[str, Any]],
    corrected: list[dict[str, Any]],
    *,
    edits: tuple[Edit, ...] = (),
    structure: tuple[StructureChange, ...] = (),
) -> Cut | None:
    traces = ChatTraces(chat(*original), chat(*corrected))
    record = record_of(recorded_chat(traces.original), recorded_chat(traces.corrected), edits, structure)
    return cut_of(record, traces, Rendering())


def given(cut: Cut | None) -> list[Any]:
    """What the agent is given, with the arguments of calls as objects."""
    assert cut is not None
    return list(chat_messages(cut.messages))


SEARCH = said("", ("a", "search", {"q": "Kiel"}))
SEARCH_IN_FRENCH = said("", ("a", "search", {"q": "Kiel", "lang": "fr"}))
READ = said("", ("b", "read", {"page": 1}))
SEARCH_AGAIN = said("", ("c", "search", {"q": "Kiel"}))
FOUND, PAGE, DONE = result("a", "a page"), result("b", "18 degrees"), said("It is 18 degrees.")
LONG = [USER, SEARCH, FOUND, READ, PAGE, DONE]


def test_a_corrected_call_ends_the_prefix_without_its_recorded_result() -> None:
    cut = chat_cut(LONG, [USER, SEARCH_IN_FRENCH, FOUND, READ, PAGE, DONE], edits=(edit(0, "tool_calls[0].arguments"),))
    assert given(cut) == [USER, SEARCH_IN_FRENCH]
    assert cut is not None
    assert cut.position == 0
    assert cut.steps is None


def test_a_corrected_text_beside_an_unchanged_call_keeps_the_result_of_the_call() -> None:
    spoken = said("I look it up.", ("a", "search", {"q": "Kiel"}))
    cut = chat_cut(
        [USER, said("Hm.", ("a", "search", {"q": "Kiel"})), FOUND, READ, PAGE, DONE],
        [USER, spoken, FOUND, READ, PAGE, DONE],
        edits=(edit(0, "content"),),
    )
    assert given(cut) == [USER, spoken, FOUND]


def test_of_parallel_calls_only_the_unchanged_one_keeps_its_result() -> None:
    both = said("", ("a", "search", {"q": "Kiel"}), ("b", "read", {"page": 1}))
    changed = said("", ("a", "search", {"q": "Kiel"}), ("b", "read", {"page": 2}))
    cut = chat_cut(
        [USER, both, FOUND, PAGE, DONE],
        [USER, changed, FOUND, PAGE, DONE],
        edits=(edit(0, "tool_calls[1].arguments"),),
    )
    assert given(cut) == [USER, changed, FOUND]


def test_a_corrected_name_makes_another_call() -> None:
    renamed = said("", ("a", "find", {"q": "Kiel"}))
    cut = chat_cut(LONG, [USER, renamed, *LONG[2:]], edits=(edit(0, "tool_calls[0].name"),))
    assert given(cut) == [USER, renamed]


def test_what_users_said_after_a_corrected_act_is_not_true_any_more() -> None:
    cut = chat_cut(
        [USER, said("Where?"), user("In the north."), DONE],
        [USER, said("Which Kiel?"), user("In the north."), DONE],
        edits=(edit(0, "content"),),
    )
    assert given(cut) == [USER, said("Which Kiel?")]


def test_whose_turn_it_is() -> None:
    """Words to which a user answered are followed by what they would say now, and not by the agent."""
    edits = (edit(0, "content"),)
    answered = chat_cut([USER, said("Where?"), user("North.")], [USER, said("Which?"), user("North.")], edits=edits)
    spoke_on = chat_cut([USER, said("Hm."), SEARCH, FOUND], [USER, said("Well."), SEARCH, FOUND], edits=edits)
    called = chat_cut(LONG, [USER, SEARCH_IN_FRENCH, *LONG[2:]], edits=(edit(0, "tool_calls[0].arguments"),))
    before = chat_cut(LONG, LONG[:1] + LONG[3:], structure=(Removal(0, ""),))
    cuts = [answered, spoke_on, called, before]
    assert [cut and cut.is_agents_turn for cut in cuts] == [False, True, True, True]


def test_the_result_of_an_earlier_call_that_came_late_is_kept() -> None:
    original = [USER, SEARCH, said("Wait."), FOUND, user("Well?"), DONE]
    corrected = [USER, SEARCH, said("One moment."), FOUND, user("Well?"), DONE]
    assert given(chat_cut(original, corrected, edits=(edit(1, "content"),))) == [*corrected[:4]]


def test_an_id_that_is_used_again_belongs_to_the_later_call() -> None:
    again = said("", ("a", "read", {"page": 1}))
    original = [USER, SEARCH, FOUND, said("Hm."), again, result("a", "18 degrees"), DONE]
    corrected = [USER, SEARCH, FOUND, said("Well."), again, result("a", "18 degrees"), DONE]
    assert given(chat_cut(original, corrected, edits=(edit(1, "content"),))) == corrected[:4]


def test_the_earliest_corrected_act_counts() -> None:
    edits = (edit(1, "tool_calls[0].arguments"), edit(2, "content"))
    other = said("", ("b", "read", {"page": 2}))
    cut = chat_cut(LONG, [USER, SEARCH, FOUND, other, PAGE, said("It is warm.")], edits=edits)
    assert given(cut) == [USER, SEARCH, FOUND, other]
    assert cut is not None
    assert cut.position == 1


def test_a_corrected_reasoning_makes_nothing_stale() -> None:
    thinking = [USER, {**SEARCH, "reasoning_content": "Hm."}, FOUND, DONE]
    better = [USER, {**SEARCH, "reasoning_content": "I need the page."}, FOUND, DONE]
    assert chat_cut(thinking, better, edits=(edit(0, "reasoning"),)) is None


def test_a_corrected_last_answer_has_nothing_to_go_on_from() -> None:
    assert chat_cut(LONG, [*LONG[:-1], said("18.")], edits=(edit(2, "content"),)) is None


def test_a_corrected_last_call_is_gone_on_from_although_nothing_followed_it() -> None:
    cut = chat_cut([USER, SEARCH], [USER, SEARCH_IN_FRENCH], edits=(edit(0, "tool_calls[0].arguments"),))
    assert given(cut) == [USER, SEARCH_IN_FRENCH]


def inserted(after: int, position: int, *heard: dict[str, Any], calls: bool = True) -> Insertion:
    step: dict[str, Any] = {"content": "Wait."}
    if calls:
        step["tool_calls"] = [{"id": f"i{after + 1:05d}c{position:02d}", "name": "wait", "arguments": {}}]
    return Insertion(after, position, {**step, "heard": list(heard)}, "")


def wait(after: int, position: int) -> dict[str, Any]:
    return said("Wait.", (f"i{after + 1:05d}c{position:02d}", "wait", {}))


def test_an_inserted_call_without_a_result_ends_the_prefix() -> None:
    cut = chat_cut(LONG, [USER, SEARCH, FOUND, wait(0, 0), *LONG[3:]], structure=(inserted(0, 0),))
    assert given(cut) == [USER, SEARCH, FOUND, wait(0, 0)]
    assert cut is not None
    assert cut.position == 1


def test_an_inserted_call_keeps_the_result_that_was_typed() -> None:
    typed = result("i00001c00", "waited")
    corrected = [USER, SEARCH, FOUND, wait(0, 0), typed, *LONG[3:]]
    cut = chat_cut(LONG, corrected, structure=(inserted(0, 0, typed),))
    assert given(cut) == corrected[:5]


def test_inserted_steps_in_a_row_stand_before_the_cut_while_all_is_answered() -> None:
    typed = result("i00001c00", "waited")
    corrected = [USER, SEARCH, FOUND, wait(0, 0), typed, wait(0, 1), *LONG[3:]]
    cut = chat_cut(LONG, corrected, structure=(inserted(0, 0, typed), inserted(0, 1)))
    assert given(cut) == corrected[:6]
    assert cut is not None
    assert cut.position == 2


def test_after_an_unanswered_inserted_call_the_next_inserted_step_is_not_waited_for() -> None:
    corrected = [USER, SEARCH, FOUND, wait(0, 0), wait(0, 1), *LONG[3:]]
    cut = chat_cut(LONG, corrected, structure=(inserted(0, 0), inserted(0, 1)))
    assert given(cut) == corrected[:4]


def test_an_inserted_step_after_a_corrected_text_stands_before_the_cut() -> None:
    spoken = said("I look it up.", ("a", "search", {"q": "Kiel"}))
    corrected = [USER, spoken, FOUND, wait(0, 0), *LONG[3:]]
    cut = chat_cut(LONG, corrected, edits=(edit(0, "content"),), structure=(inserted(0, 0),))
    assert given(cut) == corrected[:4]


def test_an_inserted_first_step_comes_after_what_was_asked() -> None:
    cut = chat_cut(LONG, [USER, wait(-1, 0), *LONG[1:]], structure=(inserted(-1, 0),))
    assert given(cut) == [USER, wait(-1, 0)]
    assert cut is not None
    assert cut.position == 0


def test_an_inserted_text_at_the_end_has_nothing_to_go_on_from() -> None:
    insertion = inserted(2, 0, calls=False)
    assert chat_cut(LONG, [*LONG, said("Wait.")], structure=(insertion,)) is None


def test_an_inserted_text_at_the_end_that_a_user_answers_is_gone_on_from() -> None:
    insertion = inserted(2, 0, user("Why?"), calls=False)
    assert given(chat_cut(LONG, [*LONG, said("Wait."), user("Why?")], structure=(insertion,))) == [
        *LONG,
        said("Wait."),
        user("Why?"),
    ]


def test_after_a_removed_step_it_goes_on_where_the_next_step_stood() -> None:
    cut = chat_cut(LONG, [USER, SEARCH, FOUND, DONE], structure=(Removal(1, ""),))
    assert given(cut) == [USER, SEARCH, FOUND]
    assert cut is not None
    assert cut.position == 0


def test_after_a_removed_step_a_corrected_next_step_stands_before_the_cut() -> None:
    other = said("", ("b", "read", {"page": 2}))
    cut = chat_cut(
        [*LONG[:3], SEARCH_AGAIN, result("c", "a page"), READ, PAGE, DONE],
        [*LONG[:3], other, PAGE, DONE],
        edits=(edit(2, "tool_calls[0].arguments"),),
        structure=(Removal(1, ""),),
    )
    assert given(cut) == [USER, SEARCH, FOUND, other]


def test_what_a_user_answered_to_a_corrected_text_ends_the_prefix_before_the_next_typed_step() -> None:
    asked, other = said("Which Kiel?"), said("Which one?")
    cut = chat_cut(
        [USER, asked, user("The one in Germany."), DONE],
        [USER, other, user("The one in Germany."), said("It is 20 degrees.")],
        edits=(edit(0, "content"), edit(1, "content")),
    )
    assert given(cut) == [USER, other]
    assert cut is not None
    assert cut.position == 0


def test_before_a_removed_first_step_nothing_is_kept_but_what_was_asked() -> None:
    cut = chat_cut(LONG, [USER, READ, PAGE, DONE], structure=(Removal(0, ""),))
    assert given(cut) == [USER]
    assert cut is not None
    assert cut.position == -1


def test_what_users_said_after_a_removed_step_stays() -> None:
    original = [USER, SEARCH, FOUND, said("Where?"), user("In the north."), DONE]
    cut = chat_cut(original, [USER, SEARCH, FOUND, user("In the north."), DONE], structure=(Removal(1, ""),))
    assert given(cut) == [USER, SEARCH, FOUND, user("In the north.")]


def test_after_a_removed_last_answer_the_agent_gives_another() -> None:
    cut = chat_cut(LONG, LONG[:-1], structure=(Removal(2, ""),))
    assert given(cut) == LONG[:-1]
    assert cut is not None
    assert cut.position == 1


def test_a_removed_last_word_after_another_leaves_nothing_to_answer() -> None:
    assert chat_cut([*LONG, said("Bye.")], LONG, structure=(Removal(3, ""),)) is None


def test_a_replacement_goes_on_from_what_was_inserted() -> None:
    corrected = [USER, SEARCH, FOUND, wait(1, 0), DONE]
    cut = chat_cut(LONG, corrected, structure=(Removal(1, ""), inserted(1, 0)))
    assert given(cut) == corrected[:4]


def test_of_what_follows_a_replacement_an_inserted_step_hears_only_what_was_typed() -> None:
    original = [USER, said("Where?"), user("In the north."), DONE]
    corrected = [USER, said("Wait."), user("In the north."), DONE]
    cut = chat_cut(original, corrected, structure=(Removal(0, ""), inserted(0, 0, calls=False)))
    assert given(cut) == [USER, said("Wait.")]


def test_an_edit_of_a_removed_step_does_not_count() -> None:
    cut = chat_cut(
        LONG, [USER, SEARCH, FOUND, DONE], edits=(edit(1, "tool_calls[0].arguments"),), structure=(Removal(1, ""),)
    )
    assert given(cut) == [USER, SEARCH, FOUND]


def test_the_results_of_all_recorded_calls_are_known() -> None:
    cut = chat_cut(LONG, [USER, SEARCH_IN_FRENCH, *LONG[2:]], edits=(edit(0, "tool_calls[0].arguments"),))
    assert cut is not None
    found = [(known.name, known.arguments, known.result.text) for known in cut.results]
    assert found == [("search", {"q": "Kiel"}, "a page"), ("read", {"page": 1}, "18 degrees")]


def plain(*steps: Any, answer: Any = None) -> RecordedTrace:
    final = {} if answer is None else {"final_answer": answer}
    return RecordedTrace({"task": "How warm is it?", "steps": list(steps), **final})


def plain_cut(
    original: RecordedTrace,
    corrected: RecordedTrace,
    *,
    edits: tuple[Edit, ...] = (),
    structure: tuple[StructureChange, ...] = (),
    rendering: Rendering | None = None,
    extra: dict[str, Any] | None = None,
) -> Cut | None:
    record = record_of(original, corrected, edits, structure, extra)
    return cut_of(record, PlainTraces({}, {}), rendering or Rendering())


ASKED = {"role": "user", "content": "How warm is it?"}
LOOK = {"thought": "Look.", "action": "search('Kiel')", "observation": "a page"}
OPEN = {"action": {"name": "read", "arguments": {"page": 1}}, "observation": "18 degrees"}


def test_a_corrected_action_of_the_plain_shape_loses_its_observation() -> None:
    better = {**LOOK, "action": "search('Kiel, today')"}
    cut = plain_cut(plain(LOOK, OPEN), plain(better, OPEN), edits=(edit(0, "action"),))
    assert cut is not None
    assert cut.position == 0
    assert cut.steps == ({"thought": "Look.", "action": "search('Kiel, today')"},)
    assert not cut.is_agents_turn
    assert given(cut) == [
        ASKED,
        {"role": "assistant", "content": "search('Kiel, today')", "reasoning_content": "Look."},
    ]


def test_the_observations_of_steps_before_the_cut_stay() -> None:
    better = {"action": {"name": "read", "arguments": {"page": 2}}, "observation": "18 degrees"}
    cut = plain_cut(plain(LOOK, OPEN), plain(LOOK, better), edits=(edit(1, "action"),))
    assert cut is not None
    assert cut.steps == (LOOK, {"action": {"name": "read", "arguments": {"page": 2}}})
    made = said("", ("call00001", "read", {"page": 2}))
    assert given(cut) == [
        ASKED,
        {"role": "assistant", "content": "search('Kiel')", "reasoning_content": "Look."},
        user("a page"),
        made,
    ]


def test_a_step_that_the_template_writes_as_text_makes_no_call_whose_result_is_known() -> None:
    rendering = Rendering(step=parse_template("{note}\n{action}"))
    step = {"note": "a", "action": OPEN["action"], "observation": "18 degrees"}
    cut = plain_cut(
        plain(step, OPEN), plain({**step, "note": "b"}, OPEN), edits=(edit(0, "note"),), rendering=rendering
    )
    assert cut is not None
    assert cut.steps == ({"note": "b", "action": OPEN["action"]},)
    assert given(cut) == [ASKED, said('b\n{"name":"read","arguments":{"page":1}}')]


def test_a_corrected_final_answer_of_the_plain_shape_is_not_followed() -> None:
    assert plain_cut(plain(LOOK, answer="18"), plain(LOOK, answer="17"), edits=(edit(None, "final_answer"),)) is None


def test_before_a_final_answer_there_is_something_to_go_on_from() -> None:
    better = {**LOOK, "action": "search('Kiel, today')"}
    cut = plain_cut(plain(LOOK, answer="18"), plain(better, answer="18"), edits=(edit(0, "action"),))
    assert cut is not None
    assert cut.steps == ({"thought": "Look.", "action": "search('Kiel, today')"},)


def test_a_removed_step_of_the_plain_shape_takes_its_observation_along() -> None:
    cut = plain_cut(plain(LOOK, OPEN, answer="18"), plain(LOOK, answer="18"), structure=(Removal(1, ""),))
    assert cut is not None
    assert cut.steps == (LOOK,)
    assert cut.position == 0
    assert given(cut)[-1] == user("a page")


def test_an_inserted_step_of_the_plain_shape_keeps_what_it_hears() -> None:
    new = {"action": "wait()", "observation": "waited"}
    cut = plain_cut(plain(LOOK, OPEN), plain(LOOK, new, OPEN), structure=(Insertion(0, 0, new, ""),))
    assert cut is not None
    assert cut.steps == (LOOK, new)


def test_bare_steps_are_what_the_agent_said() -> None:
    cut = plain_cut(plain("look", "open"), plain("search", "open"), edits=(edit(0, "action"),))
    assert cut is not None
    assert cut.steps == ("search",)
    assert cut.is_agents_turn
    assert given(cut) == [ASKED, said("search")]


def test_fields_of_another_name_are_written_by_the_templates() -> None:
    rendering = Rendering(step=parse_template("{tool}({args})"), observation=parse_template("{result}"))
    step = {"tool": "search", "args": "Kiel", "result": "a page", "cost": 3}
    second = {"tool": "read", "args": "1", "result": "18", "cost": 4}
    better = {**second, "args": "2"}
    cut = plain_cut(plain(step, second), plain(step, better), edits=(edit(1, "args"),), rendering=rendering)
    assert cut is not None
    assert cut.steps == (step, {"tool": "read", "args": "2", "cost": 4})
    assert given(cut) == [ASKED, said("search(Kiel)"), user("a page"), said("read(2)")]


def test_a_call_that_stands_as_text_is_a_call_where_that_is_asked_for() -> None:
    first = {"thought": "Look.", "action": "search(q='Kiel')", "observation": "a page"}
    second = {"action": "read(page=1)", "observation": "18"}
    better = {**second, "action": "read(page=2)"}
    cut = plain_cut(
        plain(first, second), plain(first, better), edits=(edit(1, "action"),), rendering=Rendering(as_tool_calls=True)
    )
    assert given(cut) == [
        ASKED,
        said("", ("call00001", "search", {"q": "Kiel"}), reasoning_content="Look."),
        result("call00001", "a page"),
        said("", ("call00002", "read", {"page": 2})),
    ]
    assert cut is not None
    assert cut.steps == (first, {"action": "read(page=2)"})
    assert [(known.name, known.arguments, known.result.text) for known in cut.results] == [
        ("search", {"q": "Kiel"}, "a page"),
        ("read", {"page": 1}, "18"),
    ]


def test_an_action_that_is_neither_text_nor_a_call_is_shown_as_json() -> None:
    click = {"action": {"type": "click", "x": 3}, "observation": "ok"}
    cut = plain_cut(
        plain(click, OPEN), plain(click, {"action": "read", "observation": "?"}), edits=(edit(1, "action"),)
    )
    assert given(cut) == [ASKED, said('{"type":"click","x":3}'), user("ok"), said("read")]


def test_an_only_step_that_is_removed_and_replaced() -> None:
    new = {"action": "wait()"}
    cut = plain_cut(plain(answer="18"), plain(new, answer="18"), structure=(Insertion(-1, 0, new, ""),))
    assert cut is not None
    assert cut.steps == (new,)
    assert cut.position == 0


def test_the_tools_of_a_plain_trace_are_those_that_it_declares() -> None:
    tool = {"type": "function", "function": {"name": "read", "description": "", "parameters": {"type": "object"}}}
    better = {**LOOK, "action": "search('Kiel, today')"}
    cut = plain_cut(plain(LOOK, OPEN), plain(better, OPEN), edits=(edit(0, "action"),), extra={"tools": [tool]})
    assert cut is not None
    assert cut.tools == (tool,)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ((edit(0, "action", "a"),), (edit(0, "action", "a"),), True),
        ((edit(0, "action", "a"),), (edit(0, "action", "b"),), False),
        ((edit(0, "action", "a"),), (edit(1, "action", "a"),), False),
        ((edit(0, "action", "a"),), (edit(None, "action", "a"),), False),
        ((edit(0, "action", "a"),), (edit(0, "thought", "a"),), False),
        ((Removal(0, "why"),), (Removal(0, ""),), True),
        ((Removal(0, ""),), (Removal(1, ""),), False),
        ((Insertion(0, 0, {"a": 1, "b": 2}, "why"),), (Insertion(0, 0, {"b": 2, "a": 1}, ""),), True),
        ((Insertion(0, 0, {"a": 1}, ""),), (Insertion(0, 1, {"a": 1}, ""),), False),
        ((Insertion(0, 0, {"a": 1}, ""),), (Insertion(0, 0, {"a": 1.0}, ""),), False),
    ],
)
def test_a_correction_is_what_is_corrected(first: tuple[Any, ...], second: tuple[Any, ...], is_same: bool) -> None:
    def hashed(changes: tuple[Any, ...]) -> str:
        edits = tuple(change for change in changes if isinstance(change, Edit))
        structure = tuple(change for change in changes if not isinstance(change, Edit))
        return correction_sha256(record_of(plain(LOOK), plain(LOOK), edits, structure))

    assert (hashed(first) == hashed(second)) is is_same


def test_the_id_of_a_branch_names_its_trace_and_its_correction() -> None:
    parent = Parent("t1", 5, 8, 0, "ab")
    assert branch_id(parent).startswith("t1~")
    others = [Parent("t1", 5, 9, 0, "ab"), Parent("t1", 5, 8, 0, "ac"), Parent("t2", 5, 8, 0, "ab")]
    assert len({branch_id(parent), *map(branch_id, others)}) == 4
    assert branch_id(parent) == branch_id(Parent("t1", 6, 8, 3, "ab"))


_KEYS = st.sampled_from(["action", "thought", "observation", "action_input", "role", "type", "note"])
_VALUES = st.one_of(
    json_values(), st.sampled_from(["f(a=1)", '{"name":"f","arguments":{}}', ""]), st.just(OPEN["action"])
)
_STEPS = st.one_of(st.text(max_size=4), st.dictionaries(_KEYS, _VALUES, max_size=5), json_values())
_TEMPLATES = st.sampled_from(["Thought: {thought}\nAction: {action}", "{note}", "{action}({action_input})"])


@any_of(st.lists(_STEPS, min_size=1, max_size=4), _STEPS, st.booleans(), _TEMPLATES)
def test_steps_of_any_shape_have_a_cut_or_none(steps: list[Any], other: Any, as_calls: bool, template: str) -> None:
    rendering = Rendering(as_tool_calls=as_calls, step=parse_template(template))
    last = len(steps) - 1
    corrections: list[tuple[list[Any], tuple[Edit, ...], tuple[StructureChange, ...]]] = [
        ([*steps[:-1], other], (edit(last, "action"),), ()),
        ([*steps, other], (), (Insertion(last, 0, other, ""),)),
        ([other, *steps], (), (Insertion(-1, 0, other, ""),)),
        (steps[1:], (), (Removal(0, ""),)),
    ]
    for corrected, edits, structure in corrections:
        cut = plain_cut(
            plain(*steps, answer="18"),
            plain(*corrected, answer="18"),
            edits=edits,
            structure=structure,
            rendering=rendering,
        )
        if cut is not None:
            assert cut.steps is not None
            assert len(cut.steps) == cut.position + 1
            assert list(cut.steps[:-1]) == corrected[: max(cut.position, 0)]
