"""Model calls become turns: what continues what, what was heard, and which prompt was really given."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Message, Reasoning, Result, Text, Trace
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.model_calls import ModelCall, Span, read_spans, start_key


def _user(text: str) -> Message:
    return Message("user", (Text(text),))


def _system(text: str) -> Message:
    return Message("system", (Text(text),))


def _agent(text: str, *calls: str) -> Message:
    return Message("assistant", (Text(text), *(Call("f", {}, known) for known in calls)))


def _result(known: str, text: str) -> Message:
    return Message("tool", (Result((Text(text),), known),))


def _span(name: str, prompt: list[Message], *said: Message, **more: Any) -> Span:
    fields = {key: more.pop(key) for key in ("follows", "conversation", "tools") if key in more}
    call = ModelCall(tuple(prompt), said, **fields)
    defaults = {"parent": None, "start": (0, 0, int(name[1:]))}
    return Span(name, **{**defaults, **more}, read=lambda heard, said: call)


def _read(*spans: Span, options: ReadOptions = NO_OPTIONS) -> list[Trace]:
    def read(source: Any, options: ReadOptions) -> list[Trace]:
        left_out: Counter[str] = Counter()
        known = [span for span in spans if span.identity in source]

        def part_of(ids: frozenset[str]) -> Any:
            return sorted(ids)

        return read_spans(source, "x", known, options, identity="t", part_of=part_of, read=read, left_out=left_out)

    return read([span.identity for span in spans], options)


def _told(trace: Trace) -> list[str]:
    texts = []
    for message in trace.messages:
        result = message.parts[0]
        text = result.text if isinstance(result, Result) else message.text
        texts.append(f"{message.role[0]}{'*' if message.given else ''} {text}")
    return texts


def test_each_call_adds_what_is_new_in_its_prompt_and_what_it_said() -> None:
    first, second = _agent("A", "1"), _agent("B")
    (trace,) = _read(
        _span("s2", [_system("S"), _user("Q"), first, _result("1", "R")], second),
        _span("s1", [_system("S"), _user("Q")], first),
    )
    assert _told(trace) == ["s S", "u Q", "a A", "t R", "a B"]
    assert trace.prompts == {}
    assert len(trace.steps) == 2


def test_turns_that_no_call_said_are_given_and_not_steps() -> None:
    (trace,) = _read(_span("s1", [_user("Q"), _agent("Old"), _user("P")], _agent("New")))
    assert _told(trace) == ["u Q", "a* Old", "u P", "a New"]
    assert [step.message.text for step in trace.steps] == ["New"]


def test_a_prompt_in_other_words_is_kept_for_its_step() -> None:
    cut = [_user("Summary."), _agent("A", "1"), _result("1", "R")]
    (trace,) = _read(
        _span("s1", [_user("Q")], _agent("A", "1")), _span("s2", cut, _agent("B")), _span("s3", cut, _agent("C"))
    )
    assert _told(trace) == ["u Q", "a A", "u Summary.", "t R", "a B", "a C"]
    assert {step: [m.text for m in prompt if m.role != "tool"] for step, prompt in trace.prompts.items()} == {
        1: ["Summary.", "A"],
        2: ["Summary.", "A"],
    }


def test_a_prompt_that_leaves_out_the_reasoning_is_the_same_conversation_and_another_prompt() -> None:
    thought = Message("assistant", (Reasoning("Hm."), Text("A")))
    (trace,) = _read(
        _span("s1", [_user("Q")], thought), _span("s2", [_user("Q"), _agent("A"), _user("P")], _agent("B"))
    )
    assert _told(trace) == ["u Q", "a A", "u P", "a B"]
    assert [message.parts for message in trace.prompts[1]] == [(Text("Q"),), (Text("A"),), (Text("P"),)]


def test_a_corrected_turn_is_still_the_turn_that_later_prompts_repeat() -> None:
    (trace,) = _read(
        _span("s1", [_user("Q")], _agent("Corrected")), _span("s2", [_user("Q"), _agent("A"), _user("P")], _agent("B"))
    )
    assert _told(trace) == ["u Q", "a Corrected", "u P", "a B"]


def test_a_prompt_with_only_the_results_follows_the_calls() -> None:
    (trace,) = _read(_span("s1", [_user("Q")], _agent("A", "1")), _span("s2", [_result("1", "R")], _agent("B")))
    assert _told(trace) == ["u Q", "a A", "t R", "a B"]
    assert trace.prompts == {}


def test_a_prompt_that_the_provider_completes_follows_the_latest_turn() -> None:
    (trace,) = _read(
        _span("s1", [_system("S"), _user("Yes")], _agent("A")),
        _span("s2", [_system("S"), _user("Yes")], _agent("B"), follows=True),
    )
    assert _told(trace) == ["s S", "u Yes", "a A", "u Yes", "a B"]


def test_calls_of_one_conversation_may_record_only_what_is_new() -> None:
    (trace,) = _read(
        _span("s1", [_user("Q")], _agent("A"), conversation="c"),
        _span("s2", [_user("P")], _agent("B"), conversation="c"),
    )
    assert _told(trace) == ["u Q", "a A", "u P", "a B"]
    assert trace.prompts == {}


def test_another_question_is_a_trace_of_its_own_and_the_longest_is_the_main_one() -> None:
    main, side = _read(
        _span("s1", [_user("Name it.")], _agent("Title")),
        _span("s2", [_user("Q")], _agent("A", "1")),
        _span("s3", [_user("Q"), _agent("A", "1"), _result("1", "R")], _agent("B")),
    )
    assert (main.id, _told(main)) == ("t", ["u Q", "a A", "t R", "a B"])
    assert (side.id, side.parent, side.source, _told(side)) == ("t-s1", "t", ["s1"], ["u Name it.", "a Title"])


def test_the_same_question_under_another_system_prompt_is_another_conversation() -> None:
    traces = _read(
        _span("s1", [_system("Route."), _user("Q")], _agent("A")),
        _span("s2", [_system("Answer."), _user("Q")], _agent("B")),
    )
    assert [_told(trace)[-1] for trace in traces] == ["a B", "a A"]


def test_a_system_prompt_that_changes_stays_in_its_conversation() -> None:
    (trace,) = _read(
        _span("s1", [_system("10:00"), _user("Q")], _agent("A")),
        _span("s2", [_system("10:01"), _user("Q"), _agent("A"), _user("P")], _agent("B")),
    )
    assert _told(trace) == ["s 10:00", "u Q", "a A", "s 10:01", "u P", "a B"]
    assert [message.text for message in trace.prompts[1]] == ["10:01", "Q", "A", "P"]


def test_two_answers_to_one_prompt_are_two_turns_each_with_its_prompt() -> None:
    (trace,) = _read(_span("s1", [_user("Q")], _agent("A")), _span("s2", [_user("Q")], _agent("B")))
    assert _told(trace) == ["u Q", "a A", "a B"]
    assert [message.text for message in trace.prompts[1]] == ["Q"]


def test_a_call_without_an_output_is_counted_and_its_prompt_is_heard() -> None:
    (trace,) = _read(
        _span("s1", [_user("Q")]),
        _span("s2", [_user("Q")], _agent("A")),
        _span("s3", [_user("Q"), _agent("A"), _user("P")]),
    )
    assert _told(trace) == ["u Q", "a A", "u P"]
    assert trace.left_out == {"model calls without an output": 2}


def test_a_call_inside_a_call_counts_once_unless_a_tool_is_between() -> None:
    outer = _span("s1", [_user("Q")], _agent("A"))
    (trace,) = _read(outer, _span("s2", [_user("Q")], _agent("A"), parent="s1"))
    assert _told(trace) == ["u Q", "a A"]
    assert trace.left_out == {"model calls that only wrap others": 1}
    tool = Span("t1", "s1", (0, 0, 2), is_border=True)
    main, below = _read(outer, tool, _span("s3", [_user("Look.")], _agent("B"), parent="t1"))
    assert (_told(main), main.left_out) == (["u Q", "a A"], {"spans that are not model calls": 1})
    assert (_told(below), below.parent) == (["u Look.", "a B"], "t")


def _agents() -> list[Span]:
    lead = Span("r0", None, (0, 0, 0), agent="lead", is_border=True)
    expert = Span("r2", "r0", (0, 0, 2), agent="expert", is_border=True)
    return [
        lead,
        _span("s1", [_user("Q")], _agent("A", "1"), parent="r0"),
        expert,
        _span("s3", [_user("Why?")], _agent("Because."), parent="r2"),
        _span("s4", [_user("Why?"), _agent("Because."), _user("So?")], _agent("So."), parent="r2"),
        _span("s5", [_user("Q"), _agent("A", "1"), _result("1", "R")], _agent("B"), parent="r0"),
    ]


def test_the_work_of_an_agent_inside_anothers_is_a_trace_of_its_own() -> None:
    main, sub = _read(*_agents())
    assert (main.agent, main.parent, _told(main)) == ("lead", None, ["u Q", "a A", "t R", "a B"])
    assert (sub.agent, sub.parent, _told(sub)) == ("expert", "t", ["u Why?", "a Because.", "u So?", "a So."])
    assert sub.source == ["r0", "r2", "s3", "s4"]
    assert {message.agent for message in (*main.messages, *sub.messages)} == {None}


def test_the_options_say_whose_turns_are_the_steps() -> None:
    (trace,) = _read(*_agents(), options=ReadOptions(agent="expert"))
    assert (trace.id, trace.agent, _told(trace)[-1]) == ("t", "expert", "a So.")
    assert trace.left_out == {"spans that are not model calls": 2, "model calls of other agents": 2}
    with pytest.raises(ReadError, match="`agent: nobody` names nobody who speaks in it; there is `expert`, `lead`"):
        _read(*_agents(), options=ReadOptions(agent="nobody"))


def _handed_over() -> list[Span]:
    return [
        _span("s1", [_user("Q")], _agent("To the expert.", "1"), agent="lead"),
        _span("s2", [_user("Q"), _agent("To the expert.", "1"), _result("1", "ok")], _agent("B"), agent="expert"),
    ]


def test_agents_that_hand_over_share_a_conversation() -> None:
    (trace,) = _read(*_handed_over())
    assert [(message.text, message.agent) for message in trace.messages if message.role == "assistant"] == [
        ("To the expert.", "lead"),
        ("B", "expert"),
    ]


def test_an_agent_that_the_options_name_hears_the_others() -> None:
    (trace,) = _read(*_handed_over(), options=ReadOptions(agent="expert"))
    assert [message.role for message in trace.messages] == ["user", "user", "user", "assistant"]
    assert trace.messages[1].text.startswith("lead: To the expert.")


def test_tools_are_those_of_all_calls_each_as_first_declared() -> None:
    def tool(name: str, text: str) -> dict[str, Any]:
        return {"type": "function", "function": {"name": name, "description": text}}

    (trace,) = _read(
        _span("s1", [_user("Q")], _agent("A"), tools=(tool("f", "1"),)),
        _span("s2", [_user("Q"), _agent("A"), _user("P")], _agent("B"), tools=(tool("f", "2"), tool("g", "3"))),
    )
    assert [tool["function"]["description"] for tool in trace.tools] == ["1", "3"]


def test_without_a_model_call_there_is_nothing_to_read() -> None:
    with pytest.raises(ReadError, match="no model call"):
        _read(Span("s1", None, (0, 0, 1)))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z"),
        ("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.75+00:00"),
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:01Z"),
        ("2026-01-01 00:00:00", "2026-01-01T00:00:01"),
        (9, "10"),
        (1.5, 2),
        ("2026-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:00Z", "yesterday"),
        (1, "2026-99-01T00:00:00Z"),
    ],
)
def test_spans_are_sorted_by_time_however_it_is_written(earlier: Any, later: Any) -> None:
    assert start_key(earlier, 1) < start_key(later, 0)
