"""All that an annotation of a branch says is counted along the whole trace, and reaches nothing that is locked."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.outcome import Edited, Rejected, Unedited
from ls_trajedit.converters.record import Insertion, ReasonWithoutEdit, Record, RejectReason, Remark, Removal, StepLabel
from tests.support.branches import branch_of_plain, plain_parent
from tests.support.loop import choices_result, one_outcome, text_result

FIELD = """<Text name="{n}" value="$steps[{i}].{f}"/><TextArea name="{n}__corrected" toName="{n}"/>
<TextArea name="{n}__reason" toName="{n}"/>"""
CONFIG = (
    "<View>"
    + "".join(FIELD.format(n=f"step_{i}__{f}", i=i, f=f) for i in (0, 1) for f in ("thought", "action"))
    + """<Choices name="step_0__correctness" toName="step_0__action"><Choice value="wrong"/></Choices>
    <Choices name="step_0__structure" toName="step_0__action" choice="multiple">
      <Choice value="Remove this step"/><Choice value="Insert a step after it"/>
      <Choice value="Insert a step before it"/>
    </Choices>
    <TextArea name="step_0__insert_1__action" toName="step_0__action"/>
    <TextArea name="step_0__before_1__action" toName="step_0__action"/>
    </View>"""
)
LOCKED = {"thought": "Look.", "action": "get(key='a')", "observation": "7"}
NEW = {"thought": "Twice.", "action": "put(key='a', value=15)", "observation": "ok"}


def record_with(*results: dict[str, Any]) -> Record:
    data = branch_of_plain(plain_parent())["data"]
    outcome = one_outcome(CONFIG, data, list(results))
    assert isinstance(outcome, Edited | Unedited), outcome
    return outcome.record


def test_an_edit_counts_from_the_start_of_the_whole_trace() -> None:
    record = record_with(text_result("step_0__thought__corrected", "step_0__thought", "Store."))
    assert [(edit.step_index, edit.field, edit.edited_text) for edit in record.edits] == [(1, "thought", "Store.")]
    assert record.original_trace.steps == [LOCKED, NEW]
    assert record.corrected_trace.steps == [LOCKED, {**NEW, "thought": "Store."}]


def test_labels_reasons_and_remarks_count_so_too() -> None:
    record = record_with(
        choices_result("step_0__correctness", "step_0__action", ["wrong"]),
        text_result("step_0__action__reason", "step_0__action", "Odd."),
        text_result("step_1__action__corrected", "step_1__action", "For a step that is not there."),
    )
    assert record.edits == ()
    assert record.source.step_labels == (StepLabel(1, "correctness", ("wrong",)),)
    assert record.source.reasons_without_edit == (ReasonWithoutEdit(1, "action", "Odd."),)
    assert record.source.remarks == (Remark("step_1__action__corrected", 2, "action", "For a step that is not there."),)


def test_a_text_for_what_is_locked_rejects_the_annotation() -> None:
    config = """<View><Text name="new" value="$steps[0].action"/><TextArea name="fix" toName="new"/>
        <Text name="old" value="$ls_trajedit.branch.locked"/><TextArea name="bad" toName="old"/></View>"""
    data = branch_of_plain(plain_parent())["data"]
    outcome = one_outcome(config, data, [text_result("bad", "old", "[]")])
    assert isinstance(outcome, Rejected)
    assert outcome.reject.reason == RejectReason.UNATTRIBUTED_TEXT


def test_every_new_step_may_be_removed_because_the_locked_ones_are_left() -> None:
    record = record_with(choices_result("step_0__structure", "step_0__action", ["Remove this step"]))
    assert record.structure == (Removal(1, ""),)
    assert record.corrected_trace.steps == [LOCKED]


def test_steps_are_inserted_behind_the_locked_ones() -> None:
    record = record_with(
        choices_result("step_0__structure", "step_0__action", ["Insert a step before it", "Insert a step after it"]),
        text_result("step_0__before_1__action", "step_0__action", "first"),
        text_result("step_0__insert_1__action", "step_0__action", "last"),
    )
    assert record.structure == (Insertion(0, 0, {"action": "first"}, ""), Insertion(1, 0, {"action": "last"}, ""))
    assert record.corrected_trace.steps == [LOCKED, {"action": "first"}, NEW, {"action": "last"}]
