"""Every kind of file with traces in it, and every kind of invalid trace."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import options_from
from ls_trajedit.traces.read import ChatTrace, InvalidTrace, Item, StepTrace, TraceCheck, read_file, trace_identity
from tests.support.strategies import Case, cases, exact

GOOD = '{"id": "a", "steps": ["go"]}'


def read(text: str | bytes, stem: str = "", **options: Any) -> list[Item]:
    raw = text.encode() if isinstance(text, str) else text
    return checked(raw, options_from(options, "x"), stem)


def checked(raw: bytes, options: Options, stem: str = "") -> list[Item]:
    return list(TraceCheck(options).check(read_file(BytesIO(raw), options, stem).items))


def chats(text: str, stem: str = "", **options: Any) -> list[ChatTrace]:
    return [item for item in read(text, stem, **options) if isinstance(item, ChatTrace)]


def invalid(text: str | bytes, **options: Any) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in read(text, **options) if isinstance(item, InvalidTrace)]


@given(cases())
def test_traces_are_read_as_they_are_whether_in_lines_or_in_an_array(case: Case) -> None:
    if len({str(trace_identity(trace, case.options.id_path)) for trace in case.traces}) < len(case.traces):
        case = Case(case.options, case.traces[:1])
    lines = "\n".join(json.dumps(trace) for trace in case.traces)
    array = json.dumps(case.traces, indent=1)
    for text in (lines, lines + "\r\n", array, "\ufeff" + array):
        found = checked(text.encode(), case.options)
        assert [exact(item.data) for item in found if isinstance(item, StepTrace)] == [exact(t) for t in case.traces]


def test_a_trace_without_an_id_is_the_same_one_whatever_database_it_comes_from() -> None:
    file = {"task": "t", "steps": [{"thought": "t", "action": {"q": 1e22, "n": -0.0, "b": 2**70, "x": 1.0}}]}
    stored = {"task": "t", "steps": [{"action": {"b": 2**70, "n": 0.0, "q": 10**22, "x": 1.0}, "thought": "t"}]}
    assert trace_identity(file, ("id",)) == trace_identity(stored, ("id",))
    others: list[Any] = [
        {**file, "task": "u"},
        {**file, "steps": [{"thought": "t", "action": {"q": 1e22, "n": -0.0, "b": 2**70, "x": 1}}]},
        {**file, "id": "t"},
    ]
    assert len({trace_identity(trace, ("id",)) for trace in [file, *others]}) == 4
    same = json.dumps(file) + "\n" + json.dumps(stored)
    assert invalid(same) == [(2, "the same trace, without `id`, is already in line 1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "a", ', "not JSON: "),
        ("id,steps", "not JSON: "),
        ('{"steps": [NaN]}', "not JSON: NaN is not JSON"),
        ('{"steps": ["a"], "n": 1e400}', "not JSON: 1e400 is larger than any double"),
        ("[" * 2000, "not JSON: "),
        ('"a string"', "a trace is an object, this is a string"),
        ("5", "a trace is an object, this is a number"),
        ("null", "a trace is an object, this is null"),
        ("true", "a trace is an object, this is true or false"),
        ('{"id": "b"}', "no steps: the trace has no `steps`"),
        ('{"id": "b", "step": ["go"]}', "no steps: the trace has no `steps`; did you mean `step`?"),
        ('{"id": "b", "steps": []}', "no steps: `steps` is empty"),
        ('{"id": "b", "steps": {"0": "go"}}', "`steps` is an object, not a list"),
        ('{"id": "b", "steps": null}', "`steps` is null, not a list"),
        ('{"id": "b", "steps": "go"}', "`steps` is a string, not a list"),
        ('{"id": "b", "steps": 5}', "`steps` is a number, not a list"),
        ('{"id": "b", "steps": ["go", 5]}', "step 2 is a number, neither an object nor a string"),
        ('{"id": "b", "steps": [null]}', "step 1 is null, neither an object nor a string"),
        ('{"id": "b", "steps": [["go"]]}', "step 1 is a list, neither an object nor a string"),
        ('{"id": {}, "steps": ["go"]}', "`id` is an object, neither a string nor a whole number"),
        ('{"id": [], "steps": ["go"]}', "`id` is a list, neither a string nor a whole number"),
        ('{"id": 1.5, "steps": ["go"]}', "`id` is a number, neither a string nor a whole number"),
        ('{"id": true, "steps": ["go"]}', "`id` is true or false, neither a string nor a whole number"),
        ('{"id": "", "steps": ["go"]}', "`id` is an empty string, neither a string nor a whole number"),
        (
            '{"id": "b", "steps": ["go"], "ls_trajedit": {}}',
            "the key `ls_trajedit` is reserved for ls-trajedit; rename it",
        ),
        (GOOD, "`id` 'a' is already in line 2"),
    ],
)
def test_an_invalid_line_is_reported_with_its_number_and_the_others_are_read(line: str, reason: str) -> None:
    for end in ("\n", "\r\n"):
        found = read(end + GOOD + end + line + end + '{"id": "c", "steps": ["go"]}')
        (problem,) = [item for item in found if isinstance(item, InvalidTrace)]
        assert problem.line == 3
        assert problem.reason.startswith(reason)
        if not reason.endswith(": "):
            assert problem.reason == reason
        assert [item.data["id"] for item in found if isinstance(item, StepTrace)] == ["a", "c"]


def test_an_invalid_element_of_an_array_is_reported_with_the_line_that_it_starts_in() -> None:
    text = f'[\n  {GOOD},\n  {{\n    "id": "b",\n    "steps": 5\n  }},\n  7\n]'
    assert invalid(text) == [
        (3, "`steps` is a number, not a list"),
        (7, "a trace is an object, this is a number"),
    ]


def test_an_array_that_was_cut_off_is_reported_where_it_breaks_off() -> None:
    found = read(f'[{GOOD},\n{{"id": "b", "ste')
    assert [item.data["id"] for item in found if isinstance(item, StepTrace)] == ["a"]
    assert [(item.line, item.reason[:9]) for item in found if isinstance(item, InvalidTrace)] == [(2, "not JSON:")]


def test_a_file_in_another_encoding_is_reported_line_by_line() -> None:
    raw = (GOOD + '\n{"id": "é", "steps": ["go"]}').encode("latin-1")
    assert invalid(raw) == [(2, "not JSON: not UTF-8 (byte 8)")]


def test_utf_16_is_an_error_for_the_whole_file() -> None:
    with pytest.raises(ValueError, match="UTF-16"):
        read(GOOD.encode("utf-16"))


def test_an_id_is_the_same_as_a_string_and_as_a_number() -> None:
    assert invalid('{"id": 7, "steps": ["a"]}\n{"id": "7", "steps": ["b"]}') == [(2, "`id` '7' is already in line 1")]


def test_without_ids_only_an_equal_trace_is_a_duplicate() -> None:
    text = '{"steps": ["a"]}\n{"steps": ["b"]}\n{"id": null, "steps": ["a"]}\n{"steps":["a"]}'
    assert invalid(text) == [(4, "the same trace, without `id`, is already in line 1")]


def test_id_and_steps_can_be_nested_in_the_trace() -> None:
    text = '{"meta": {"id": 1}, "run": {"turns": ["go"]}}\n{"meta": {"id": 1}, "run": {"turns": ["stop"]}}'
    assert invalid(text, id_key="meta.id", steps_key="run.turns") == [(2, "`meta.id` '1' is already in line 1")]


def test_an_invalid_trace_does_not_occupy_its_id() -> None:
    assert invalid('{"id": "a", "steps": []}\n' + GOOD) == [(1, "no steps: `steps` is empty")]


def test_big_integers_and_halves_of_surrogate_pairs_survive() -> None:
    (item,) = read(r'{"id": 36893488147419103232, "steps": [{"action": "\udc80", "n": [18446744073709551617]}]}')
    assert item == StepTrace(1, {"id": 2**65, "steps": [{"action": "\udc80", "n": [2**64 + 1]}]})


def test_objects_are_read_whatever_they_hold() -> None:
    found = read_file(BytesIO(b'{"a": 1}\n[1]\n{}'), Options())
    assert found.items == [
        StepTrace(1, {"a": 1}),
        InvalidTrace(2, "a trace is an object, this is a list"),
        StepTrace(3, {}),
    ]


# Chats.

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def test_a_chat_is_read_whether_it_is_the_file_or_in_lines_or_in_an_array_or_message_by_message() -> None:
    one = {"id": "a", "messages": CHAT}
    for text in (json.dumps(one), json.dumps(one, indent=2), json.dumps([one]), json.dumps(one) + "\n"):
        (chat,) = chats(text)
        assert (chat.trace.id, chat.trace.format, len(chat.trace.steps)) == ("a", "openai-chat", 1)
    for text in (json.dumps(CHAT), "\n".join(map(json.dumps, CHAT))):
        (chat,) = chats(text, "my-run")
        assert (chat.trace.id, chat.trace.task) == ("my-run", "Hi")


def test_chats_without_an_id_get_one_of_their_content_whatever_the_order_of_keys() -> None:
    one, other = {"messages": CHAT, "n": 1}, {"n": 1, "messages": CHAT}
    (first, second) = chats(f"{json.dumps(one)}\n{json.dumps({**one, 'n': 2})}", "name")
    (again,) = chats(json.dumps(other))
    assert first.trace.id == again.trace.id
    assert first.trace.id != second.trace.id


def test_copies_of_a_chat_are_read_once_and_another_chat_with_its_id_is_invalid() -> None:
    one, other = {"id": "a", "messages": CHAT}, {"id": "a", "messages": [*CHAT, *CHAT]}
    check = TraceCheck(Options())
    lines = "\n".join(map(json.dumps, (one, one, other)))
    found = list(check.check(read_file(BytesIO(lines.encode()), Options()).items, "x.jsonl"))
    assert [type(item) for item in found] == [ChatTrace, InvalidTrace]
    assert check.copies == 1
    assert isinstance(found[1], InvalidTrace)
    assert found[1].reason.startswith("another trace with the id 'a' is already in line 1; `id_key` in trajedit.yaml")
    later = list(check.check(read_file(BytesIO(json.dumps(other).encode()), Options()).items, "y.jsonl"))
    assert isinstance(later[0], InvalidTrace)
    assert "already in x.jsonl:1;" in later[0].reason


def test_several_keys_can_tell_chats_apart() -> None:
    text = "\n".join(json.dumps({"task_id": 7, "trial": trial, "traj": CHAT}) for trial in (0, 1))
    assert [chat.trace.id for chat in chats(text, id_key=["task_id", "trial"])] == ["7-0", "7-1"]


def test_a_list_with_several_speakers_that_no_format_has_is_refused() -> None:
    steps = [{"type": "thinking", "note": "a"}, {"type": "doing", "note": "b"}]
    ((line, reason),) = invalid(json.dumps({"id": "a", "steps": steps}))
    assert line == 1
    assert reason == (
        "its `steps` have several speakers (`type` is `thinking`, `doing`), so they are not the agent's steps alone, "
        "and no format that is known here has this shape; `from` and `roles` in trajedit.yaml settle it"
    )


def test_steps_of_the_plain_shape_stay_so_whatever_else_the_trace_holds() -> None:
    trace = {"id": "a", "steps": [{"thought": "x", "action": "y"}], "messages": CHAT}
    assert read(json.dumps(trace)) == [StepTrace(1, trace)]
    turns = {"id": "a", "turns": [{"content": "y"}], "messages": CHAT}
    assert read(json.dumps(turns), steps_key="turns") == [StepTrace(1, turns)]
    assert len(chats(json.dumps(turns))) == 1
    assert len(chats(json.dumps({**turns, "steps": "none"}))) == 1


def test_from_chooses_the_format() -> None:
    text = json.dumps({"id": "a", "messages": CHAT})
    assert len(chats(text, **{"from": "openai-chat"})) == 1
    assert invalid(text, **{"from": "steps"}) == [(1, "no steps: the trace has no `steps`")]
    assert invalid(text, **{"from": "atif"}) != []


def test_a_chat_in_which_the_agent_never_speaks_is_invalid() -> None:
    assert invalid(json.dumps({"id": "a", "messages": CHAT[:1]})) == [
        (1, "the agent never speaks in it, so there is nothing to correct")
    ]


def test_a_format_is_told_with_the_reason() -> None:
    read_chat_file = read_file(BytesIO(json.dumps({"traj": CHAT}).encode()), Options())
    assert read_chat_file.formats == {"openai-chat": "a list `traj` of messages with `role` and `content`"}
