"""Which steps an annotation removes and inserts: one test for each rule, on plain traces and on conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules, parse_time
from ls_trajedit.converters.formats.atif import corrected_rows
from ls_trajedit.converters.formats.native import native_rows
from ls_trajedit.converters.record import (
    ChatSource,
    Insertion,
    ReasonWithoutEdit,
    Record,
    RejectReason,
    Remark,
    Removal,
    parse_record,
)
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.jsonb import as_jsonb
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from tests.support.chats import ANTHROPIC, OPENAI, SHAREGPT, TOOLS, openai_chat
from tests.support.loop import annotate, choices_result, one_outcome, project_of, text_result

REMOVE = "Remove this step"
AFTER = ("Insert a step after it", "Insert a second step after it", "Insert a third step after it")
BEFORE = ("Insert a step before it", "Insert a second step before it", "Insert a third step before it")

Results = list[dict[str, Any]]

PLAIN: dict[str, Any] = {
    "id": "t1",
    "task": "Find it.",
    "steps": [
        {"thought": "Look.", "action": "ls", "observation": "a.txt"},
        {"thought": "Read.", "action": "cat a.txt", "observation": "42"},
        {"thought": "Tell.", "action": "say 42", "observation": ""},
    ],
    "final_answer": "42",
}


def page(
    *, steps: int = 3, fields: Sequence[str] = ("thought", "action"), heard: Sequence[str] = ("observation",)
) -> str:
    """A page with boxes for three steps after and before each, every one with a reason. A control is called after its
    field, with `_` for each dot."""
    return f"<View>{''.join(card(str(index), fields, heard) for index in range(steps))}</View>"


def card(index: str, fields: Sequence[str], heard: Sequence[str], steps_key: str = "steps") -> str:
    prefix = f"step_{index}"
    words = {field: field.replace(".", "_") for field in (*fields, *heard)}
    parts = [f'<Text name="{prefix}__{word}" value="${steps_key}[{index}].{field}"/>' for field, word in words.items()]
    at = f'toName="{prefix}__{words[fields[0]]}"'
    for field in fields:
        name = f"{prefix}__{words[field]}"
        parts.append(f'<TextArea name="{name}__corrected" toName="{name}"/>')
        parts.append(f'<TextArea name="{name}__reason" toName="{name}"/>')
    choices = "".join(f'<Choice value="{choice}"/>' for choice in (REMOVE, *AFTER, *BEFORE))
    parts.append(f'<Choices name="{prefix}__structure" {at} choice="multiple">{choices}</Choices>')
    parts.append(f'<TextArea name="{prefix}__structure_reason" {at}/>')
    for slot in (f"{kind}_{number}" for kind in ("insert", "before") for number in (1, 2, 3)):
        parts += [f'<TextArea name="{prefix}__{slot}__{word}" {at}/>' for word in words.values()]
        parts.append(f'<TextArea name="{prefix}__{slot}_reason" {at}/>')
    return "".join(parts)


def choose(step: int, *choices: str, at: str = "thought") -> dict[str, Any]:
    return choices_result(f"step_{step}__structure", f"step_{step}__{at}", list(choices))


def typed(step: int, box: str, *texts: str, at: str = "thought") -> dict[str, Any]:
    return text_result(f"step_{step}__{box}", f"step_{step}__{at}", *texts)


def corrected(step: int, field: str, text: str) -> dict[str, Any]:
    return text_result(f"step_{step}__{field}__corrected", f"step_{step}__{field}", text)


def annotated(*results: dict[str, Any], trace: dict[str, Any] = PLAIN, **more: Any) -> Outcome:
    fields = ("thought", "action", "observation")
    data = to_task_data(
        trace, steps_path=("steps",), step_text_key="action", step_fields=[(field,) for field in fields], top_fields=[]
    )
    return one_outcome(page(), data, list(results), **more)


def record_of(outcome: Outcome) -> Record:
    assert isinstance(outcome, Edited), outcome
    # What is written is read back, whatever is in it.
    assert parse_record(parse_json(json_line(outcome.record))) == outcome.record
    return outcome.record


def rejected(outcome: Outcome) -> tuple[RejectReason, str]:
    assert isinstance(outcome, Rejected), outcome
    return outcome.reject.reason, outcome.reject.detail


def steps_of(record: Record) -> list[Any]:
    return record.corrected_trace.steps


def native_of(outcome: Outcome) -> Any:
    """The row in the format in which the trace came."""
    assert isinstance(outcome, Edited)
    (row,) = native_rows(Sample(outcome.record, traces=outcome.traces))
    return row if isinstance(row, Omission) else row.values


# Plain traces


def test_a_step_is_removed() -> None:
    record = record_of(annotated(choose(1, REMOVE)))
    assert record.structure == (Removal(1, ""),)
    assert (record.edits, record.n_edits, record.total_edit_distance) == ((), 1, 0)
    assert record.corrected_trace.value() == {**PLAIN_PARTS, "steps": [PLAIN["steps"][0], PLAIN["steps"][2]]}
    assert record.original_trace.value() == {**PLAIN_PARTS, "steps": PLAIN["steps"]}


PLAIN_PARTS = {"task": "Find it.", "final_answer": "42"}


def test_a_step_is_inserted_with_what_was_typed_and_nothing_else() -> None:
    boxes = [
        typed(0, "insert_1__thought", "Count."),
        typed(0, "insert_1__action", "wc"),
        typed(0, "insert_1__observation"),
    ]
    record = record_of(annotated(choose(0, AFTER[0]), *boxes))
    step = {"thought": "Count.", "action": "wc"}
    assert record.structure == (Insertion(0, 0, step, ""),)
    assert json_line(record.structure[0]) == json_line(
        {"op": "insert", "after": 0, "position": 0, "step": step, "reason": ""}
    )
    assert steps_of(record) == [PLAIN["steps"][0], step, *PLAIN["steps"][1:]]
    assert record.n_edits == 1


def test_what_an_inserted_step_would_hear_is_part_of_it() -> None:
    boxes = [typed(2, "insert_1__observation", "3 a.txt"), typed(2, "insert_1__action", "wc")]
    record = record_of(annotated(choose(2, AFTER[0]), *boxes))
    assert list(steps_of(record)[3].items()) == [("action", "wc"), ("observation", "3 a.txt")]


def test_the_removal_of_an_edited_step_wins_and_the_edit_is_kept() -> None:
    record = record_of(
        annotated(choose(1, REMOVE), corrected(1, "action", "cat b.txt"), corrected(2, "action", "say 43"))
    )
    assert [(edit.step_index, edit.edited_text) for edit in record.edits] == [(1, "cat b.txt"), (2, "say 43")]
    assert steps_of(record) == [PLAIN["steps"][0], {**PLAIN["steps"][2], "action": "say 43"}]
    assert (record.n_edits, record.total_edit_distance) == (3, 2)


def test_a_step_is_replaced() -> None:
    record = record_of(annotated(choose(1, REMOVE, AFTER[0]), typed(1, "insert_1__action", "wc")))
    assert record.structure == (Removal(1, ""), Insertion(1, 0, {"action": "wc"}, ""))
    assert steps_of(record) == [PLAIN["steps"][0], {"action": "wc"}, PLAIN["steps"][2]]


def test_steps_in_one_gap_stand_in_order() -> None:
    """Those after a step first, then those before the next one, each by its number, in whatever order they came."""
    results = [
        typed(1, "before_2__action", "e"),
        typed(1, "before_1__action", "d"),
        choose(1, BEFORE[1], BEFORE[0]),
        *(typed(0, f"insert_{number}__action", text) for number, text in ((3, "c"), (1, "a"), (2, "b"))),
        choose(0, *reversed(AFTER), BEFORE[0]),
        typed(0, "before_1__action", "first"),
    ]
    record = record_of(annotated(*results))
    assert [(change.after, change.position, change.step["action"]) for change in insertions(record)] == [
        (-1, 0, "first"),
        *((0, position, text) for position, text in enumerate("abcde")),
    ]
    actions = [step["action"] for step in steps_of(record)]
    assert actions == ["first", "ls", "a", "b", "c", "d", "e", "cat a.txt", "say 42"]


def insertions(record: Record) -> list[Insertion]:
    return [change for change in record.structure if isinstance(change, Insertion)]


def test_a_gap_may_have_a_second_step_without_a_first() -> None:
    record = record_of(annotated(choose(0, *AFTER[:2]), typed(0, "insert_2__action", "wc")))
    assert record.structure == (Insertion(0, 0, {"action": "wc"}, ""),)


@pytest.mark.parametrize("texts", [None, [], [""], ["  ", "\n"]])
def test_a_chosen_step_without_a_text_is_not_inserted_and_counted(texts: list[str] | None) -> None:
    boxes = [] if texts is None else [typed(0, "insert_1__action", *texts)]
    outcome = annotated(choose(0, AFTER[0]), *boxes)
    assert isinstance(outcome, Unedited)
    assert outcome.empty_insertions == 1
    assert counted(outcome)["empty_insertions"] == 1
    both = annotated(choose(0, AFTER[0]), choose(1, REMOVE), *boxes)
    assert record_of(both).structure == (Removal(1, ""),)
    assert counted(both)["empty_insertions"] == 1


def counted(*outcomes: Outcome) -> dict[str, Any]:
    counts, other = Counts(), Counts()
    for outcome in outcomes:
        other.add(outcome)
    counts.update(other)
    return counts.as_json()


def test_removed_and_inserted_steps_are_counted_where_there_are_any() -> None:
    changed = annotated(choose(0, REMOVE, AFTER[0]), choose(1, REMOVE), typed(0, "insert_1__action", "wc"))
    counts = counted(changed, annotated(choose(2, REMOVE)), annotated(corrected(0, "action", "dir")))
    assert (counts["edited"], counts["removed_steps"], counts["inserted_steps"]) == (3, 3, 1)
    assert counts["edits_by_field"] == {"action": 1}
    assert "empty_insertions" not in counts
    assert not {"removed_steps", "inserted_steps"} & counted(annotated(corrected(0, "action", "dir"))).keys()


@pytest.mark.parametrize(
    ("box", "field"),
    [("insert_1__action", "action"), ("insert_2__thought", "thought"), ("before_1__observation", "observation")],
)
def test_what_was_typed_before_the_choice_was_taken_back_is_a_remark(box: str, field: str) -> None:
    kept = Remark(f"step_0__{box}", 0, field, "taken back")
    record = record_of(annotated(choose(0, AFTER[2]), typed(0, "insert_3__action", "wc"), typed(0, box, "taken back")))
    assert len(record.structure) == 1
    assert record.source.remarks == (kept,)
    alone = annotated(typed(0, box, "taken back"))
    assert isinstance(alone, Unedited)
    assert alone.record.source.remarks == (kept,)


def test_a_step_in_which_the_agent_does_nothing_is_rejected() -> None:
    reason, detail = rejected(annotated(choose(0, AFTER[0]), typed(0, "insert_1__observation", "3 a.txt")))
    assert reason is RejectReason.NOT_A_STEP
    assert detail.startswith("`step_0__structure` (Insert a step after it): ")


def test_a_trace_keeps_at_least_one_step() -> None:
    all_removed = [choose(step, REMOVE) for step in range(3)]
    assert rejected(annotated(*all_removed))[0] is RejectReason.NO_STEPS
    empty = [choose(0, REMOVE, AFTER[0]), *all_removed[1:]]
    assert rejected(annotated(*empty))[0] is RejectReason.NO_STEPS
    record = record_of(annotated(*empty, typed(0, "insert_1__action", "wc")))
    assert steps_of(record) == [{"action": "wc"}]


def test_a_step_that_the_task_lacks_cannot_change_and_what_was_typed_is_a_remark() -> None:
    short = {**PLAIN, "steps": PLAIN["steps"][:2]}
    results = [
        choose(2, REMOVE, AFTER[0]),
        typed(2, "structure_reason", "Too much."),
        typed(2, "insert_1__action", "wc"),
        typed(2, "insert_2__thought", ""),
        typed(2, "insert_1_reason", "Missing."),
    ]
    outcome = annotated(*results, trace=short)
    assert isinstance(outcome, Unedited)
    assert set(outcome.record.source.remarks) == {
        Remark("step_2__structure", 2, "", f"{REMOVE}\n{AFTER[0]}"),
        Remark("step_2__structure_reason", 2, "", "Too much."),
        Remark("step_2__insert_1__action", 2, "action", "wc"),
        Remark("step_2__insert_1_reason", 2, "", "Missing."),
    }
    assert isinstance(annotated(choose(2), trace=short), Unedited)


def test_reasons_belong_to_what_they_explain() -> None:
    results = [
        choose(0, REMOVE, AFTER[1]),
        typed(0, "structure_reason", "Noise.", "Noise.", " ", "Twice."),
        typed(0, "insert_2__action", "wc"),
        typed(0, "insert_2_reason", "Count first."),
    ]
    record = record_of(annotated(*results))
    assert record.structure == (Removal(0, "Noise.\nTwice."), Insertion(0, 0, {"action": "wc"}, "Count first."))
    assert record.source.reasons_without_edit == ()


def test_a_reason_for_a_change_that_was_not_made_is_kept() -> None:
    results = [choose(1, AFTER[0]), typed(1, "structure_reason", "Superfluous?"), typed(1, "insert_1_reason", "Gap?")]
    outcome = annotated(*results)
    assert isinstance(outcome, Unedited)
    expected = (ReasonWithoutEdit(1, "", "Superfluous?"), ReasonWithoutEdit(1, "", "Gap?"))
    assert outcome.record.source.reasons_without_edit == expected


def test_require_reason_is_for_steps_as_for_fields() -> None:
    rules = ReadingRules(require_reason=True)
    removed, inserted = choose(0, REMOVE), [choose(1, AFTER[0]), typed(1, "insert_1__action", "wc")]
    assert rejected(annotated(removed, rules=rules)) == (RejectReason.NO_REASON, "`step_0__structure`")
    with_reason = typed(0, "structure_reason", "Noise.")
    record_of(annotated(removed, with_reason, rules=rules))
    reason, detail = rejected(annotated(removed, with_reason, *inserted, rules=rules))
    assert (reason, detail) == (RejectReason.NO_REASON, "`step_1__structure` (Insert a step after it)")
    record_of(annotated(*inserted, typed(1, "insert_1_reason", "Gap."), rules=rules))
    # Nothing was inserted, so nothing is to be explained.
    assert isinstance(annotated(choose(1, AFTER[0]), rules=rules), Unedited)


def test_texts_are_verbatim() -> None:
    text = "\r\n  a\r\nb\n\tc \u2028\udc80 "
    record = record_of(annotated(choose(0, AFTER[0]), typed(0, "insert_1__action", text)))
    assert steps_of(record)[1] == {"action": text}


def test_a_box_holds_one_text() -> None:
    chosen = choose(0, AFTER[0])
    twice = [typed(0, "insert_1__action", "", "wc", "wc"), typed(0, "insert_1__action", "wc")]
    assert steps_of(record_of(annotated(chosen, *twice)))[1] == {"action": "wc"}
    reason, detail = rejected(annotated(chosen, typed(0, "insert_1__action", "wc", "wc -l")))
    assert (reason, detail) == (RejectReason.SEVERAL_TEXTS, "`step_0__insert_1__action` holds 2 different texts")


@pytest.mark.parametrize("choice", ["Remove", "Insert a fourth step after it", "", "remove this step"])
def test_a_choice_that_the_config_lacks_is_rejected(choice: str) -> None:
    reason, detail = rejected(annotated(choose(0, REMOVE, choice)))
    assert reason is RejectReason.WRONG_SHAPE
    assert f"`{choice}`" in detail


def test_an_insertion_that_the_config_does_not_offer_is_rejected() -> None:
    boxes = ("thought", "action", "observation", "reason")
    config = page(steps=1).replace(f'<Choice value="{AFTER[2]}"/>', "")
    for box in boxes:
        name = f"step_0__insert_3_{'reason' if box == 'reason' else f'_{box}'}"
        config = config.replace(f'<TextArea name="{name}" toName="step_0__thought"/>', "")
    assert "insert_3" not in config
    assert rejected(one_outcome(config, PLAIN, [choose(0, AFTER[2])]))[0] is RejectReason.WRONG_SHAPE


@pytest.mark.parametrize(
    "result",
    [
        {**choose(0, REMOVE), "type": "textarea"},
        {**choose(0, REMOVE), "to_name": "step_1__thought"},
        {**choose(0, REMOVE), "value": {"choices": REMOVE}},
        {**choose(0, REMOVE), "value": {"choices": [1]}},
        {**choose(0, REMOVE), "value": {"choices": [[REMOVE, "x"]]}},
        {**typed(0, "insert_1__action", "x"), "value": {"text": [None]}},
        {**typed(0, "insert_1__action", "x"), "value": {"text": "x"}},
        {**typed(0, "insert_1__action", "x"), "to_name": "step_0__action"},
    ],
)
def test_results_of_another_shape_are_rejected(result: dict[str, Any]) -> None:
    assert rejected(annotated(choose(0, AFTER[0]), result))[0] is RejectReason.WRONG_SHAPE


def test_a_note_on_a_region_and_a_choice_about_one_change_nothing() -> None:
    region = {"id": "g", "from_name": "step_0__structure", "to_name": "step_0__thought", "type": "choices"}
    about = {**region, "value": {"start": 0, "end": 2, "choices": [REMOVE]}}
    noted = {**choose(1, REMOVE), "meta": {"text": ["Sure?"]}}
    record = record_of(annotated(about, noted))
    assert record.structure == (Removal(1, ""),)
    assert record.source.remarks == (Remark("step_1__structure", 1, "thought", "Sure?"),)


# Fields


def test_a_field_that_is_json_in_this_trace_is_json_in_an_inserted_step() -> None:
    trace = {**PLAIN, "steps": [{"thought": "Go.", "action": {"name": "ls", "args": []}, "observation": None}] * 2}
    chosen = choose(0, AFTER[0])
    record = record_of(annotated(chosen, typed(0, "insert_1__action", '{"name":"wc","n":1.0}'), trace=trace))
    assert json_line(steps_of(record)[1]) == b'{"action":{"name":"wc","n":1.0}}'
    for text in ("wc", '{"name": ', "NaN"):
        reason, detail = rejected(annotated(chosen, typed(0, "insert_1__action", text), trace=trace))
        assert reason is RejectReason.NOT_JSON
        assert "`step_0__insert_1__action`" in detail
    # Nobody knows better of a field that the trace has nowhere, or has as a string somewhere.
    record = record_of(annotated(chosen, typed(0, "insert_1__thought", "7"), trace=trace))
    assert steps_of(record)[1] == {"thought": "7"}
    mixed = {**trace, "steps": [*trace["steps"], {"action": "ls"}]}
    boxes = [typed(0, "insert_1__action", "{}"), typed(0, "insert_1__observation", "{}")]
    assert steps_of(record_of(annotated(chosen, *boxes, trace=mixed)))[1] == {"action": "{}", "observation": "{}"}


def test_nested_fields_stand_where_they_stand_in_other_steps() -> None:
    fields = ("args.query", "calls[0].name", "calls[1].name")
    config = page(steps=1, fields=("thought",), heard=())
    boxes = ""
    for field, word in zip(fields, ("query", "one", "two"), strict=True):
        boxes += f'<Text name="step_0__{word}" value="$steps[0].{field}"/>'
        boxes += f'<TextArea name="step_0__{word}__corrected" toName="step_0__{word}"/>'
        boxes += f'<TextArea name="step_0__insert_1__{word}" toName="step_0__thought"/>'
    config = config.replace("</View>", f"{boxes}</View>")
    trace = {"task": "t", "steps": [{"thought": "a", "args": {"query": 1, "n": 2}, "calls": [{"name": "f"}]}]}

    def inserted(**texts: str) -> Outcome:
        results = [typed(0, f"insert_1__{word}", text) for word, text in texts.items()]
        return one_outcome(config, trace, [choose(0, AFTER[0]), *results])

    record = record_of(inserted(query="[1]", one="f", two="g"))
    assert steps_of(record)[1] == {"args": {"query": [1]}, "calls": [{"name": "f"}, {"name": "g"}]}
    assert rejected(inserted(query="SF"))[0] is RejectReason.NOT_JSON
    # The second call of none: in which place would it stand?
    reason, detail = rejected(inserted(two="g"))
    assert reason is RejectReason.UNATTRIBUTED_TEXT
    assert "`step_0__insert_1__two` fills item 2 of a list" in detail


def test_a_bare_step_is_inserted_among_bare_steps() -> None:
    config = page(steps=2, fields=("action",), heard=("observation",))

    def inserted(steps: list[Any], **texts: str) -> Record:
        trace = {"id": "t", "task": "t", "steps": steps}
        data = to_task_data(
            trace, steps_path=("steps",), step_text_key="action", step_fields=[("action",)], top_fields=[]
        )
        results = [typed(0, f"insert_1__{word}", text, at="action") for word, text in texts.items()]
        outcome = one_outcome(config, data, [choose(0, AFTER[0], at="action"), *results])
        record = record_of(outcome)
        assert native_of(outcome) == {**trace, "steps": steps_of(record)}
        return record

    record = inserted(["ls", "cat"], action="wc")
    assert steps_of(record) == ["ls", "wc", "cat"]
    assert record.structure == (Insertion(0, 0, "wc", ""),)
    assert steps_of(inserted(["ls", "cat"], action="wc", observation="3")) == [
        "ls",
        {"action": "wc", "observation": "3"},
        "cat",
    ]
    assert steps_of(inserted(["ls", {"action": "cat"}], action="wc")) == ["ls", {"action": "wc"}, {"action": "cat"}]
    # Numbers as text are text among bare strings.
    assert steps_of(inserted(["1", "2"], action="3")) == ["1", "3", "2"]


def test_a_bare_step_is_one_under_whatever_key_the_task_has_it() -> None:
    """`step_text_key` is an option of push; the config does not say it."""
    data = to_task_data(
        {"task": "t", "steps": ["ls"]}, steps_path=("steps",), step_text_key="say", step_fields=[], top_fields=[]
    )
    config = page(steps=1, fields=("say",), heard=())
    results = [choose(0, AFTER[0], at="say"), typed(0, "insert_1__say", "wc", at="say")]
    assert steps_of(record_of(one_outcome(config, data, results))) == ["ls", "wc"]
    in_list = config.replace("$steps[0].say", "$steps[0]")
    assert steps_of(record_of(one_outcome(in_list, {"task": "t", "steps": ["ls"]}, results))) == ["ls", "wc"]


def test_steps_stand_wherever_the_trace_has_them() -> None:
    trace = {"id": "t", "goal": "Find.", "run": {"log": [{"say": "a"}, {"say": "b"}], "model": "m"}, "answer": "x"}
    config = (
        "<View>"
        '<Text name="goal" value="$goal"/>'
        '<Text name="one" value="$run.log[0].say"/><TextArea name="fix" toName="one"/>'
        '<Choices name="my__structure" toName="one" choice="multiple">'
        f'<Choice value="{REMOVE}"/><Choice value="{AFTER[0]}"/></Choices>'
        '<Text name="my__words" value="$run.log[0].say"/>'
        '<TextArea name="my__insert_1__words" toName="one"/>'
        "</View>"
    )
    results = [
        choices_result("my__structure", "one", [REMOVE, AFTER[0]]),
        text_result("my__insert_1__words", "one", "c"),
    ]
    outcome = one_outcome(config, trace, results)
    record = record_of(outcome)
    assert record.corrected_trace.value() == {"task": "Find.", "steps": [{"say": "c"}, {"say": "b"}]}
    run = {"log": [{"say": "c"}, {"say": "b"}], "model": "m"}
    assert native_of(outcome) == {"id": "t", "goal": "Find.", "run": run, "answer": "x"}


def test_the_keys_of_other_steps_keep_their_order_where_the_database_has_changed_it() -> None:
    """PostgreSQL's jsonb orders keys by their length."""
    trace = {**PLAIN, "steps": [{"thought": "a", "action": {"zeta": 1, "a": 1e25}, "n": -0.0}, PLAIN["steps"][1]]}
    data = to_task_data(
        trace, steps_path=("steps",), step_text_key="action", step_fields=[("thought",), ("action",)], top_fields=[]
    )
    stored = as_jsonb(data)
    results = [choose(0, AFTER[0]), typed(0, "insert_1__action", "wc"), typed(0, "insert_1__thought", "x")]
    outcome = one_outcome(page(), stored, [*results, choose(1, REMOVE)])
    inserted = {"thought": "x", "action": "wc"}
    assert json_line(native_of(outcome)) == json_line({**trace, "steps": [trace["steps"][0], inserted]})


def test_a_repeater_has_its_controls_for_each_step() -> None:
    inside = card("{{idx}}", ("thought", "action"), ("observation",))
    config = f'<View><Repeater on="$steps" indexFlag="{{{{idx}}}}">{inside}</Repeater></View>'
    results = [choose(2, REMOVE, BEFORE[0]), choose(0, AFTER[0]), typed(2, "before_1__action", "wc")]
    record = record_of(one_outcome(config, PLAIN, [*results, typed(0, "insert_1__action", "dir")]))
    assert record.structure == (
        Insertion(0, 0, {"action": "dir"}, ""),
        Insertion(1, 0, {"action": "wc"}, ""),
        Removal(2, ""),
    )
    assert [step["action"] for step in steps_of(record)] == ["ls", "dir", "cat a.txt", "wc"]
    beyond = one_outcome(config, PLAIN, [choose(7, REMOVE)])
    assert isinstance(beyond, Unedited)
    assert beyond.record.source.remarks == (Remark("step_7__structure", 7, "", REMOVE),)


def test_a_config_without_these_controls_means_what_it_meant() -> None:
    """Choices of that name that offer something else score the step, and a TextArea beside its editor is an error."""
    config = (
        '<View><Text name="step_0__thought" value="$steps[0].thought"/>'
        '<TextArea name="fix" toName="step_0__thought"/>'
        '<Choices name="step_0__structure" toName="step_0__thought"><Choice value="good"/></Choices></View>'
    )
    outcome = one_outcome(config, PLAIN, [choose(0, "good")])
    assert isinstance(outcome, Unedited)
    (label,) = outcome.record.source.step_labels
    assert (label.name, label.choices) == ("step_0__structure", ("good",))


# Who chose and typed it


def annotations_of(*annotations: dict[str, Any], rules: ReadingRules | None = None, **task: Any) -> list[Outcome]:
    whole = {"id": 5, "project": 1, "data": PLAIN, "annotations": list(annotations), **task}
    return list(convert_task(whole, read_config(page()), rules or ReadingRules()))


def test_each_annotator_changes_the_steps_of_one_record() -> None:
    removed, inserted = annotations_of(
        {"id": 1, "completed_by": 3, "result": [choose(0, REMOVE)]},
        {"id": 2, "completed_by": 4, "result": [choose(0, AFTER[0]), typed(0, "insert_1__action", "wc")]},
    )
    assert record_of(removed).structure == (Removal(0, ""),)
    assert record_of(inserted).structure == (Insertion(0, 0, {"action": "wc"}, ""),)


@pytest.mark.parametrize(("text", "is_copy"), [("wc", True), ("wc -l", False)])
def test_a_copy_has_the_same_structure(text: str, is_copy: bool) -> None:
    results = [choose(0, AFTER[0]), typed(0, "insert_1__action", "wc")]
    changed = [choose(0, AFTER[0]), typed(0, "insert_1__action", text)]
    first = {"id": 1, "completed_by": 3, "result": results}
    _, copy = annotations_of(first, {**first, "id": 2, "parent_annotation": 1, "result": changed})
    assert record_of(copy).source.copy_of == (1 if is_copy else None)
    without = {**first, "id": 2, "parent_annotation": 1, "result": []}
    _, copy = annotations_of(first, without)
    assert isinstance(copy, Unedited)
    assert copy.record.source.copy_of is None


def test_one_and_true_are_two_inserted_values() -> None:
    data = {**PLAIN, "steps": [{"thought": "Go.", "action": {"n": 1}}]}
    first = {"id": 1, "completed_by": 3, "result": [choose(0, AFTER[0]), typed(0, "insert_1__action", '{"n": 1}')]}
    second = [choose(0, AFTER[0]), typed(0, "insert_1__action", '{"n": true}')]
    _, copy = annotations_of(first, {**first, "id": 2, "parent_annotation": 1, "result": second}, data=data)
    assert record_of(copy).source.copy_of is None


def test_what_an_action_made_and_nobody_opened_changes_nothing() -> None:
    (outcome,) = annotations_of(
        {
            "id": 1,
            "completed_by": 3,
            "lead_time": None,
            "parent_prediction": 9,
            "result": [{**choose(0, REMOVE), "origin": "prediction"}],
        }
    )
    assert isinstance(outcome, Unedited)
    assert outcome.record.source.unopened


def predicted(*results: dict[str, Any], model: str = "my-model") -> dict[str, Any]:
    """The prediction of which an annotation in an export says that it was shown."""
    return {"id": 9, "model_version": model, "result": list(results)}


PROPOSED = [choose(0, AFTER[0]), typed(0, "insert_1__thought", "Count."), typed(0, "insert_1__action", "wc")]


def test_an_inserted_step_that_only_a_model_wrote_is_nobodys() -> None:
    untouched = [{**result, "origin": "prediction"} for result in PROPOSED]
    more = {"parent_prediction": 9, "lead_time": 3.0}
    for annotation in (
        annotated(*untouched, **more),
        annotated(*PROPOSED, prediction=predicted(*PROPOSED), **more),
    ):
        reason, detail = rejected(annotation)
        assert reason is RejectReason.CHANGED_DATA
        assert detail.startswith("`step_0__insert_1__thought` holds what a prediction put there")
    accept = ReadingRules(untouched="accept")
    assert insertions(record_of(annotated(*untouched, **more, rules=accept)))
    changed = [PROPOSED[0], typed(0, "insert_1__thought", "Count!"), typed(0, "insert_1__action", "wc -l")]
    assert insertions(record_of(annotated(*changed, prediction=predicted(*PROPOSED), **more)))
    # Boxes that our own prediction opened were empty.
    ours = predicted(typed(0, "insert_1__thought", ""), typed(0, "insert_1__action", ""), model="ls-trajedit 1")
    assert insertions(record_of(annotated(*PROPOSED, prediction=ours, **more)))


def test_a_removal_that_only_a_model_chose_is_nobodys() -> None:
    more = {"parent_prediction": 9, "lead_time": 3.0}
    chosen = choose(0, REMOVE)
    untouched = {**chosen, "origin": "prediction"}
    for annotation in (annotated(untouched, **more), annotated(chosen, prediction=predicted(chosen), **more)):
        reason, detail = rejected(annotation)
        assert reason is RejectReason.CHANGED_DATA
        assert detail.startswith("`step_0__structure` holds what a prediction put there")
    accept = ReadingRules(untouched="accept")
    assert record_of(annotated(untouched, **more, rules=accept)).structure == (Removal(0, ""),)
    other = predicted(choose(0, AFTER[0]), typed(1, "insert_1__action", ""))
    assert record_of(annotated(chosen, prediction=other, **more)).structure == (Removal(0, ""),)
    assert record_of(annotated({**chosen, "origin": "manual"}, **more)).structure == (Removal(0, ""),)


def test_time_and_reviews_leave_out_as_of_any_annotation() -> None:
    since = ReadingRules(since=parse_time("2026-11-22"))
    reviewed = {"reviews": [{"accepted": False, "created_at": "2026-11-21"}]}
    (old, new) = annotations_of(
        {"id": 1, "updated_at": "2026-11-21T00:00:00Z", "result": [choose(0, REMOVE)]},
        {"id": 2, "updated_at": "2026-11-22T00:00:00Z", "result": [choose(0, REMOVE)]},
        rules=since,
    )
    assert isinstance(old, Excluded)
    assert record_of(new).structure == (Removal(0, ""),)
    assert isinstance(annotated(choose(0, REMOVE), **reviewed), Excluded)
    kept = annotated(choose(0, REMOVE), **reviewed, rules=ReadingRules(reviewed="any"))
    assert record_of(kept).source.review == "rejected"


# Conversations

CHAT_BOXES = ("reasoning", "content", "call_0__name", "call_0__arguments", "heard")


def chat_page() -> str:
    """A page of OPENAI as push makes one: step 1 has a call, and no step a recorded reasoning."""
    parts = []
    for step in range(3):
        name = f"step_{step}__content"
        parts += [f'<Text name="{name}" value="$steps[{step}].content"/>', f'<TextArea name="{name}__corrected" ']
        parts.append(f'toName="{name}"/>')
        if step == 1:
            for part in ("name", "arguments"):
                call = f"step_1__call_0__{part}"
                parts.append(f'<Text name="{call}" value="$steps[1].tool_calls[0].{part}"/>')
                parts.append(f'<TextArea name="{call}__corrected" toName="{call}"/>')
        choices = "".join(f'<Choice value="{choice}"/>' for choice in (REMOVE, *AFTER, *BEFORE))
        parts.append(f'<Choices name="step_{step}__structure" toName="{name}" choice="multiple">{choices}</Choices>')
        for kind in ("insert", "before"):
            parts += [
                f'<TextArea name="step_{step}__{kind}_{number}__{word}" toName="{name}"/>'
                for number in (1, 2, 3)
                for word in CHAT_BOXES
            ]
    return f"<View>{''.join(parts)}</View>"


def chat_annotated(*results: dict[str, Any], source: dict[str, Any] = OPENAI, **more: Any) -> Outcome:
    data = chat_data(read_chat(source, "openai-chat", NO_OPTIONS)[0], NO_OPTIONS)
    return one_outcome(chat_page(), data, list(results), **more)


def chosen(step: int, *choices: str) -> dict[str, Any]:
    return choose(step, *choices, at="content")


def told(step: int, slot: str, **texts: str) -> Results:
    """What was typed into boxes of a slot, by their words."""
    return [typed(step, f"{slot}__{word}", text, at="content") for word, text in texts.items()]


def chat_steps(outcome: Outcome) -> list[Any]:
    return record_of(outcome).corrected_trace.steps


def test_a_step_of_a_conversation_is_removed_with_the_results_of_its_calls() -> None:
    outcome = chat_annotated(chosen(1, REMOVE))
    record = record_of(outcome)
    assert record.structure == (Removal(1, ""),)
    original = record.original_trace.value()
    assert record.corrected_trace.value() == {**original, "steps": [original["steps"][0], original["steps"][2]]}
    assert original["steps"][0]["heard"] == [{"role": "user", "content": "Friday."}]
    assert native_of(outcome) is Omission.RESTRUCTURED


def test_an_inserted_call_has_an_id_and_the_result_that_was_typed() -> None:
    texts = {"reasoning": "Book.", "content": "I book.", "call_0__name": "book", "call_0__arguments": '{"n":1.0}'}
    outcome = chat_annotated(chosen(2, BEFORE[0]), *told(2, "before_1", **texts, heard="Booked."))
    step = {
        "reasoning": "Book.",
        "content": "I book.",
        "tool_calls": [{"id": "i00002c00", "name": "book", "arguments": {"n": 1.0}}],
        "heard": [{"role": "tool", "content": "Booked.", "tool_call_id": "i00002c00"}],
    }
    assert record_of(outcome).structure == (Insertion(1, 0, step, ""),)
    assert json_line(chat_steps(outcome)[2]) == json_line(step)
    assert len(chat_steps(outcome)) == 4


def test_what_is_heard_without_a_call_is_said_by_the_user() -> None:
    outcome = chat_annotated(chosen(0, BEFORE[0]), *told(0, "before_1", content="Hello.", heard="Hi."))
    expected = {"content": "Hello.", "heard": [{"role": "user", "content": "Hi."}]}
    assert record_of(outcome).structure == (Insertion(-1, 0, expected, ""),)
    assert chat_steps(outcome)[0] == expected


def test_a_call_without_arguments_has_none() -> None:
    outcome = chat_annotated(chosen(0, AFTER[0]), *told(0, "insert_1", call_0__name="list", call_0__arguments=" "))
    assert chat_steps(outcome)[1] == {
        "tool_calls": [{"id": "i00001c00", "name": "list", "arguments": {}}],
        "heard": [],
    }


@pytest.mark.parametrize("text", ["{to: OSL}", "[1]", '"OSL"', "null", "1", "{"])
def test_arguments_of_an_inserted_call_are_an_object(text: str) -> None:
    reason, detail = rejected(
        chat_annotated(chosen(0, AFTER[0]), *told(0, "insert_1", call_0__name="f", call_0__arguments=text))
    )
    assert reason is RejectReason.NOT_JSON
    assert "`step_0__insert_1__call_0__arguments` holds the arguments of a call" in detail


@pytest.mark.parametrize(
    "texts",
    [{"call_0__arguments": "{}"}, {"content": "I look.", "call_0__arguments": "{}"}, {"heard": "Hi."}],
)
def test_a_step_of_a_conversation_in_which_the_agent_does_nothing_is_rejected(texts: dict[str, str]) -> None:
    assert rejected(chat_annotated(chosen(0, AFTER[0]), *told(0, "insert_1", **texts)))[0] is RejectReason.NOT_A_STEP


def test_all_steps_of_a_conversation_are_removed() -> None:
    results = [chosen(step, REMOVE) for step in range(3)]
    assert rejected(chat_annotated(*results))[0] is RejectReason.NO_STEPS
    replaced = chat_annotated(*results, chosen(1, AFTER[0]), *told(1, "insert_1", content="Sold out."))
    # Where step 1 stood: after Friday, which answered step 0.
    record = record_of(replaced)
    assert record.corrected_trace.value()["before"][2:] == [{"role": "user", "content": "Friday."}]
    assert steps_of(record) == [{"content": "Sold out.", "heard": []}]


def test_edits_and_structure_of_a_conversation_go_together() -> None:
    name, arguments = "step_1__call_0__name", "step_1__call_0__arguments"
    results = [
        chosen(0, REMOVE),
        corrected(0, "content", "When?"),
        text_result(f"{name}__corrected", name, "find_trains"),
        text_result(f"{arguments}__corrected", arguments, '{"to": 7}'),
        chosen(1, AFTER[0]),
        *told(1, "insert_1", call_0__name="find_flights", call_0__arguments='{"too": "OSL"}'),
    ]
    outcome = chat_annotated(*results)
    record = record_of(outcome)
    assert [(edit.step_index, edit.field) for edit in record.edits] == [
        (0, "content"),
        (1, "tool_calls[0].name"),
        (1, "tool_calls[0].arguments"),
    ]
    assert record.n_edits == 5
    calls = [call["name"] for step in steps_of(record) for call in step.get("tool_calls", ())]
    assert calls == ["find_trains", "find_flights", "find_flights"]
    assert isinstance(record.source, ChatSource)
    # The edited call is in the first step that is left, the inserted one in the second.
    assert [(call.step_index, call.call, call.name, call.fit) for call in record.source.checked_calls] == [
        (0, 0, "find_trains", "undeclared"),
        (1, 0, "find_flights", "unknown_parameter"),
    ]
    assert record.source.checked_calls[0].detail.startswith("step 2, `find_trains`: ")
    assert record.source.checked_calls[1].detail.startswith("a step inserted after step 2, `find_flights`: ")
    assert isinstance(outcome, Edited)
    (atif,) = corrected_rows(Sample(outcome.record, traces=outcome.traces))
    (read,) = read_chat(parse_json(json_line(atif.values)), "atif", NO_OPTIONS)
    assert [[call.name for call in step.message.calls] for step in read.steps] == [
        ["find_trains", "find_flights"],
        ["find_flights"],
        [],
    ]


def test_strict_tools_reject_an_inserted_call_that_does_not_fit_and_none_that_was_removed() -> None:
    strict = ReadingRules(strict_tools=True)

    def inserted(arguments: str) -> Outcome:
        results = told(0, "before_1", call_0__name="find_flights", call_0__arguments=arguments)
        return chat_annotated(chosen(0, BEFORE[0]), *results, rules=strict)

    reason, detail = rejected(inserted("{}"))
    assert reason is RejectReason.TOOL_MISMATCH
    assert detail.startswith("a step inserted before step 1, `find_flights`: ")
    record = record_of(inserted('{"to": "OSL"}'))
    assert isinstance(record.source, ChatSource)
    assert [(call.step_index, call.fit) for call in record.source.checked_calls] == [(0, "valid")]
    name = "step_1__call_0__name"
    edit = text_result(f"{name}__corrected", name, "find_trains")
    assert rejected(chat_annotated(edit, rules=strict))[0] is RejectReason.TOOL_MISMATCH
    gone = record_of(chat_annotated(edit, chosen(1, REMOVE), rules=strict))
    assert isinstance(gone.source, ChatSource)
    assert gone.source.checked_calls == ()


def test_a_step_that_only_the_data_has_is_not_the_agents() -> None:
    """Somebody has added it to the data after the push."""
    data = chat_data(read_chat(OPENAI, "openai-chat", NO_OPTIONS)[0], NO_OPTIONS)
    longer = {**data, "steps": [*data["steps"][:2], {**data["steps"][2]}, {"content": "More."}]}
    config = chat_page().replace("step_2__", "step_3__").replace("$steps[2]", "$steps[3]")
    reason, detail = rejected(one_outcome(config, longer, [chosen(3, REMOVE)]))
    assert reason is RejectReason.UNREADABLE
    assert "`steps[3]`" in detail


def raw_page(shown: dict[int, str], key: str = "messages", **words: str) -> str:
    """A page for a conversation that somebody imported as it was recorded: for each message in `shown` a Text with a
    field of it, and the controls; `words` are further boxes, each with the field of the message that its tag shows."""
    parts = []
    choices = "".join(f'<Choice value="{choice}"/>' for choice in (REMOVE, *AFTER, *BEFORE))
    for number, field in shown.items():
        parts.append(f'<Text name="m{number}__said" value="${key}[{number}].{field}"/>')
        parts.append(f'<TextArea name="m{number}__fix" toName="m{number}__said"/>')
        parts.append(
            f'<Choices name="m{number}__structure" toName="m{number}__said" choice="multiple">{choices}</Choices>'
        )
        parts.append(f'<TextArea name="m{number}__structure_reason" toName="m{number}__said"/>')
        for word, shown_field in words.items():
            parts.append(f'<Text name="m{number}__{word}" value="${key}[{number}].{shown_field}"/>')
        for word in ("said", *words, "reasoning", "call_0__arguments", "heard"):
            parts += [f'<TextArea name="m{number}__{slot}__{word}" toName="m{number}__said"/>' for slot in SLOTS]
    return f"<View>{''.join(parts)}</View>"


SLOTS = ("insert_1", "insert_2", "before_1")


def raw_annotated(config: str, source: dict[str, Any], at: int, choices: list[str], **typed_: str) -> Outcome:
    """`typed_` are texts by the end of their control's name."""
    results = [choices_result(f"m{at}__structure", f"m{at}__said", choices)]
    results += [text_result(f"m{at}__{box}", f"m{at}__said", text) for box, text in typed_.items()]
    return one_outcome(config, source, results)


def test_a_conversation_as_it_was_recorded_loses_the_agents_step() -> None:
    config = raw_page({1: "content", 4: "content"})
    record = record_of(raw_annotated(config, OPENAI, 4, [REMOVE]))
    assert record.structure == (Removal(1, ""),)
    assert [step["content"] for step in steps_of(record)] == ["Which day?", "SK 1 it is."]
    reason, detail = rejected(raw_annotated(config, OPENAI, 1, [REMOVE]))
    assert reason is RejectReason.UNREADABLE
    assert "`messages[1]`, and that is not a step of the agent" in detail


def test_the_boxes_of_a_recorded_conversation_fill_what_their_tags_show() -> None:
    arguments = "tool_calls[0].function.arguments"
    config = raw_page({2: "content", 7: "content"}, tool="tool_calls[0].function.name", with_=arguments)
    texts = {"insert_1__said": "I look.", "insert_1__tool": "find_flights", "insert_1__with_": '{"to":"OSL"}'}
    record = record_of(raw_annotated(config, OPENAI, 7, [AFTER[0]], **texts, insert_1__heard="SK 2"))
    (change,) = record.structure
    assert change == Insertion(
        2,
        0,
        {
            "content": "I look.",
            "tool_calls": [{"id": "i00003c00", "name": "find_flights", "arguments": {"to": "OSL"}}],
            "heard": [{"role": "tool", "content": "SK 2", "tool_call_id": "i00003c00"}],
        },
        "",
    )
    with_words = raw_annotated(config, OPENAI, 2, [BEFORE[0]], before_1__reasoning="Ask.", before_1__said="Hm.")
    assert insertions(record_of(with_words)) == [
        Insertion(-1, 0, {"reasoning": "Ask.", "content": "Hm.", "heard": []}, "")
    ]


def test_a_box_may_fill_one_argument_of_a_recorded_call() -> None:
    config = raw_page({1: "content[0].text"}, tool="content[1].name", to="content[1].input.to")
    texts = {"insert_1__tool": "find_trains", "insert_1__to": "7"}
    record = record_of(raw_annotated(config, ANTHROPIC, 1, [AFTER[0], REMOVE], **texts))
    call = {"id": "i00001c00", "name": "find_trains", "arguments": {"to": "7"}}
    assert record.structure == (Removal(0, ""), Insertion(0, 0, {"tool_calls": [call], "heard": []}, ""))
    reason, detail = rejected(
        raw_annotated(config, ANTHROPIC, 1, [AFTER[0]], **texts, insert_1__call_0__arguments='{"to": "OSL"}')
    )
    assert reason is RejectReason.UNATTRIBUTED_TEXT
    assert "another box" in detail


def test_a_field_that_no_inserted_step_has_is_not_passed_over() -> None:
    config = raw_page({4: "content"}, second="tool_calls[1].function.name", who="role")
    for box in ("second", "who"):
        reason, detail = rejected(raw_annotated(config, OPENAI, 4, [AFTER[0]], **{f"insert_1__{box}": "x"}))
        assert reason is RejectReason.UNATTRIBUTED_TEXT
        assert f"`m4__insert_1__{box}` fills " in detail


def test_a_call_that_was_recorded_as_text_cannot_be_taken_for_its_arguments() -> None:
    config = raw_page({1: "value", 3: "value"}, key="conversations")
    whole = '{"name": "find_flights", "arguments": {"to": "TRF"}}'
    assert isinstance(raw_annotated(config, SHAREGPT, 1, [AFTER[0]], insert_1__said=whole), Rejected)
    record = record_of(raw_annotated(config, SHAREGPT, 3, [AFTER[0]], insert_1__said="Bye."))
    assert record.structure == (Insertion(1, 0, {"content": "Bye.", "heard": []}, ""),)


def test_a_reason_for_a_recorded_step_is_about_the_agents_step() -> None:
    config = raw_page({4: "content"})
    outcome = raw_annotated(config, OPENAI, 4, [], structure_reason="Too early?")
    assert isinstance(outcome, Unedited)
    assert outcome.record.source.reasons_without_edit == (ReasonWithoutEdit(1, "", "Too early?"),)


def test_an_id_that_is_taken_is_not_given_to_an_inserted_call() -> None:
    """As in the continuation of a conversation into which a call was inserted."""
    taken = {"id": "i00001c00", "type": "function", "function": {"name": "find_flights", "arguments": "{}"}}
    source = openai_chat(
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": "a", "tool_calls": [taken]},
        {"role": "tool", "tool_call_id": "i00001c00", "content": "none"},
        tools=TOOLS,
    )
    boxes = told(0, "insert_1", call_0__name="find_flights", call_0__arguments='{"to": "TRF"}')
    outcome = chat_annotated(chosen(0, AFTER[0]), *boxes, source=source)
    assert chat_steps(outcome)[1]["tool_calls"][0]["id"] == "i00001c10"


# The pages that push makes


def on_our_page(options: Options, trace: dict[str, Any], results: Results) -> Outcome:
    """What becomes of an annotation in which some boxes hold something else than push's prediction put there."""
    project = project_of(options, [trace])
    given = {result["from_name"] for result in results}
    untouched = predict({"data": project.data[0]}, project.config)
    return annotate(project, [*(result for result in untouched if result["from_name"] not in given), *results])


@pytest.mark.parametrize("layout", ["unrolled", "repeater"])
def test_what_is_typed_on_our_page_is_read(layout: Literal["unrolled", "repeater"]) -> None:
    options = Options(
        editable_fields=["thought", "action"],
        allow_remove=True,
        allow_insert=0 if layout == "repeater" else 2,
        require_reason_on_edit=True,
        layout=layout,
    )
    assert isinstance(on_our_page(options, PLAIN, []), Unedited)
    reason = typed(1, "structure_reason", "Noise.")
    record = record_of(on_our_page(options, PLAIN, [choose(1, REMOVE), reason]))
    assert record.structure == (Removal(1, "Noise."),)
    assert record.source.remarks == ()
    if layout == "unrolled":
        boxes = {"thought": "Count.", "action": "wc", "observation": "3"}
        results = [typed(2, f"insert_2__{word}", text) for word, text in boxes.items()]
        record = record_of(on_our_page(options, PLAIN, [choose(2, *AFTER[:2]), *results]))
        assert record.structure == (Insertion(2, 0, boxes, ""),)
        first = [choose(0, BEFORE[0]), typed(0, "before_1__action", "pwd")]
        assert steps_of(record_of(on_our_page(options, PLAIN, first)))[0] == {"action": "pwd"}
