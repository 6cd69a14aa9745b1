"""Which steps an annotation removes and inserts: one test for each rule, on plain traces and on conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ls_trajedit.converters.annotations.convert_task import Edited, Outcome, Rejected, Unedited
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.native import native_rows
from ls_trajedit.converters.record import (
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
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.traces.json_text import json_line, parse_json
from tests.support.loop import choices_result, one_outcome, text_result

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


@pytest.mark.parametrize("box", ["insert_1__action", "insert_2__thought", "before_1__observation"])
def test_a_text_for_a_step_that_is_not_chosen_is_not_passed_over(box: str) -> None:
    others = [choose(0, AFTER[2]), typed(0, "insert_3__action", "wc")]
    reason, detail = rejected(annotated(*others, typed(0, box, "lost")))
    assert reason is RejectReason.UNATTRIBUTED_TEXT
    assert f"`step_0__{box}` holds a text, and `Insert a" in detail
    assert rejected(annotated(typed(0, box, "lost")))[0] is RejectReason.UNATTRIBUTED_TEXT


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
        Remark("step_2__structure", 2, "", REMOVE),
        Remark("step_2__structure", 2, "", AFTER[0]),
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
