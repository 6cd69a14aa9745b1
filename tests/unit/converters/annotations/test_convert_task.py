"""Every annotation of a task becomes exactly one of: edited, unedited, rejected, skipped, excluded."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Skipped, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.record import Reject, RejectReason
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config import schema as schema_module
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.json_text import json_line
from tests.support.loop import text_result
from tests.support.strategies import json_values, texts

CONFIG = """<View><Text name="t" value="$task"/>
<Text name="a" value="$steps[0].action"/><TextArea name="fix" toName="a"/><TextArea name="fix__reason" toName="a"/>
<Choices name="ok" toName="a"><Choice value="yes"/></Choices>
<Text name="b" value="$steps[1].action"/><TextArea name="fix_b" toName="b"/></View>"""
SCHEMA = read_config(CONFIG)
REPEATED = read_config(
    """<View><Repeater on="$steps"><Text name="a{{idx}}" value="$steps[{{idx}}].action"/>
    <TextArea name="fix{{idx}}" toName="a{{idx}}"/></Repeater></View>"""
)
DATA = {"id": "tr", "task": "t", "steps": [{"action": "go"}]}


def outcomes(*annotations: Any, rules: ReadingRules | None = None, **task: Any) -> list[Outcome]:
    whole = {"id": 5, "project": 1, "data": DATA, "annotations": list(annotations), **task}
    return list(convert_task(whole, SCHEMA, rules or ReadingRules()))


def annotation(number: int, *results: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "completed_by": 3, "result": list(results), **more}


EDIT = text_result("fix", "a", "went")
SAME = text_result("fix", "a", "go")
BROKEN = text_result("nowhere", "a", "x")


def test_each_annotators_annotation_is_a_record_of_its_own() -> None:
    first, second = outcomes(annotation(8, EDIT, completed_by=3), annotation(9, SAME, completed_by=4))
    assert isinstance(first, Edited)
    assert (first.key, first.record.annotator) == ((5, 8), "3")
    assert isinstance(second, Unedited)
    assert (second.key, second.record.annotator) == ((5, 9), "4")
    assert first.record.corrected_trace.steps == [{"action": "went"}]
    assert second.record.corrected_trace.steps == [{"action": "go"}]


def test_annotations_come_in_the_order_of_their_ids() -> None:
    assert [outcome.key for outcome in outcomes(annotation(9), annotation(2), annotation(30))] == [
        (5, 2),
        (5, 9),
        (5, 30),
    ]


def test_a_skipped_annotation_is_not_read_whatever_is_in_it() -> None:
    for results in ([], [EDIT], [BROKEN]):
        assert outcomes(annotation(8, *results, was_cancelled=True)) == [Skipped((5, 8), "3")]


def test_an_annotation_that_the_rules_leave_out_is_excluded_and_counted() -> None:
    assert outcomes(annotation(8, EDIT), rules=ReadingRules(ground_truth="only")) == [Excluded((5, 8), "3")]
    rules = ReadingRules(since=datetime(2026, 1, 1, tzinfo=timezone.utc))
    found = outcomes(annotation(8, EDIT, updated_at="2025-12-31"), annotation(9, EDIT), rules=rules)
    assert [type(outcome) for outcome in found] == [Excluded, Rejected]


def test_a_rejected_annotation_is_kept_with_all_that_is_needed_to_find_it() -> None:
    reject = Reject(
        task_id=5,
        annotation_id=8,
        annotator="3",
        reason=RejectReason.UNKNOWN_CONTROL,
        detail="`nowhere`",
        result=[EDIT, BROKEN],
    )
    assert outcomes(annotation(8, EDIT, BROKEN)) == [Rejected((5, 8), reject)]


def test_an_edit_without_a_reason_is_rejected_only_when_reasons_are_asked_for() -> None:
    reason = text_result("fix__reason", "a", "because")
    blank = text_result("fix__reason", "a", " ")
    asked = ReadingRules(require_reason=True)
    kinds = [
        type(outcome)
        for outcome in outcomes(
            annotation(1, EDIT, reason),
            annotation(2, EDIT),
            annotation(3, EDIT, blank),
            annotation(4, SAME),
            rules=asked,
        )
    ]
    assert kinds == [Edited, Rejected, Rejected, Unedited]
    (outcome,) = outcomes(annotation(2, EDIT), rules=asked)
    assert isinstance(outcome, Rejected)
    assert (outcome.reject.reason, outcome.reject.detail) == (RejectReason.NO_REASON, "`fix`")
    (outcome,) = outcomes(annotation(2, EDIT))
    assert isinstance(outcome, Edited)


@pytest.mark.parametrize("junk", [None, 5, "x", [], [EDIT], {}])
def test_what_is_not_an_annotation_is_rejected_and_not_lost(junk: Any) -> None:
    (outcome,) = outcomes(junk)
    assert isinstance(outcome, Rejected)
    assert outcome.reject.annotator == "unknown"


@pytest.mark.parametrize("odd", [["x"], {"x": 1}])
@pytest.mark.parametrize("key", ["type", "to_name"])
def test_a_result_with_a_list_or_an_object_for_a_name_is_rejected(key: str, odd: Any) -> None:
    (outcome,) = outcomes(annotation(2, {**EDIT, key: odd}))
    assert isinstance(outcome, Rejected)
    assert outcome.reject.reason is RejectReason.WRONG_SHAPE


@pytest.mark.parametrize("odd", [["prediction"], {"prediction": 1}])
def test_an_origin_that_is_not_a_word_says_nothing(odd: Any) -> None:
    (outcome,) = outcomes(annotation(2, {**EDIT, "origin": odd}))
    assert isinstance(outcome, Edited)


@pytest.mark.parametrize("annotations", [None, 5, {}, "x"])
def test_a_task_without_a_list_of_annotations_has_none(annotations: Any) -> None:
    assert list(convert_task({"id": 5, "data": DATA, "annotations": annotations}, SCHEMA, ReadingRules())) == []
    assert list(convert_task({}, SCHEMA, ReadingRules())) == []


def test_a_task_that_holds_no_trace_rejects_what_was_annotated_and_counts_what_was_skipped() -> None:
    found = outcomes(annotation(1, EDIT), annotation(2, was_cancelled=True), data={"text": "x"})
    assert [type(outcome) for outcome in found] == [Rejected, Skipped]


def test_an_address_that_is_not_known_ends_nothing() -> None:
    (found,) = outcomes(annotation(1, EDIT), rules=ReadingRules(annotators="email"))
    assert isinstance(found, Edited)
    assert (found.record.annotator, found.person) == ("user-3", "3")


def test_an_id_that_no_database_would_give_sorts_first() -> None:
    found = outcomes({**annotation(0), "id": 2**70}, annotation(3), {**annotation(0), "id": "x"})
    assert [outcome.key for outcome in found] == [(5, 0), (5, 0), (5, 3)]


def test_a_repeater_costs_what_an_annotation_names_and_not_its_controls_times_the_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = "".join(
        f'<Text name="t{n}_{{{{idx}}}}" value="$steps[{{{{idx}}}}].f{n}"/>'
        f'<TextArea name="b{n}_{{{{idx}}}}" toName="t{n}_{{{{idx}}}}"/>'
        for n in range(20)
    )
    schema = read_config(f'<View><Repeater on="$steps">{pairs}</Repeater></View>')
    made: list[int] = []
    resolve = schema_module.resolve_controls
    monkeypatch.setattr(
        schema_module, "resolve_controls", lambda tags, key: made.append(len(tags)) or resolve(tags, key)
    )

    def result(step: int, text: str) -> dict[str, Any]:
        name = f"b3_{step}"
        return {"from_name": name, "to_name": f"t3_{step}", "type": "textarea", "value": {"text": [text]}}

    data = {"task": "t", "steps": [{"f3": "a"}] * 300_000}
    annotations = [
        {"id": 1, "result": [result(299_999, "b"), result(7, "a")]},
        {"id": 2, "result": [result(299_999, "c"), result(300_000, "there is no such step")]},
    ]
    first, second = convert_task({"id": 1, "data": data, "annotations": annotations}, schema, ReadingRules())
    assert isinstance(first, Edited)
    assert isinstance(second, Edited)
    assert [(edit.step_index, edit.edited_text) for edit in first.record.edits] == [(299_999, "b")]
    assert [(edit.step_index, edit.edited_text) for edit in second.record.edits] == [(299_999, "c")]
    assert [remark.text for remark in second.record.source.remarks] == ["there is no such step"]
    # The 40 controls of each step that is named, once.
    assert made == [40, 40, 40]


# Results that are nearly right, with something else in one place.
NAMES = st.sampled_from(["fix", "fix__reason", "fix_b", "ok", "t", "a", "fix0", "a0"])


@st.composite
def junk_results(draw: st.DrawFn) -> Any:
    result: dict[str, Any] = {
        "from_name": draw(NAMES),
        "to_name": draw(st.sampled_from(["a", "b", "a0"])),
        "type": draw(st.sampled_from(["textarea", "choices"])),
        "value": draw(
            st.sampled_from([{"text": ["go"]}, {"text": ["went", "gone"]}, {"choices": ["yes"]}, {"text": []}])
        ),
    }
    if draw(st.booleans()):
        result[draw(st.sampled_from([*result, "origin", "id", "meta", "item_index"]))] = draw(json_values())
    return result


JUNK_NOTES = st.dictionaries(
    st.sampled_from(["json", "replaced", "absent", "bare_steps"]),
    json_values() | st.lists(st.sampled_from(["task", "steps", "steps[0].action", "id"]), max_size=2),
    max_size=3,
)
JUNK_DATA = st.fixed_dictionaries(
    {},
    optional={
        "steps": st.lists(st.fixed_dictionaries({}, optional={"action": json_values()}) | json_values(), max_size=3)
        | json_values(),
        "id": json_values(),
        "task": json_values(),
        "final_answer": json_values(),
        "ls_trajedit": JUNK_NOTES | json_values(),
    },
)
JUNK_ANNOTATIONS = json_values() | st.fixed_dictionaries(
    {"result": st.lists(junk_results() | json_values(), max_size=3) | json_values()},
    optional={
        "id": st.integers() | json_values(),
        "completed_by": st.integers() | st.fixed_dictionaries({"id": json_values()}) | json_values(),
        "was_cancelled": json_values(),
        "ground_truth": json_values(),
        "updated_at": texts() | json_values() | st.datetimes().map(str),
        "lead_time": json_values(),
        "parent_prediction": json_values(),
        "parent_annotation": json_values(),
        "last_action": json_values(),
        "reviews": json_values() | st.lists(st.fixed_dictionaries({"accepted": json_values()}), max_size=2),
    },
)
RULES = st.builds(
    ReadingRules,
    annotators=st.sampled_from(["id", "hash"]),
    ground_truth=st.sampled_from(["include", "only", "exclude"]),
    since=st.none() | st.datetimes(timezones=st.just(timezone.utc)),
    require_reason=st.booleans(),
)


@given(
    st.just(DATA) | JUNK_DATA | json_values(),
    st.lists(JUNK_ANNOTATIONS, max_size=4),
    RULES,
    st.sampled_from([SCHEMA, REPEATED]),
)
def test_no_annotation_stops_the_run_or_gets_lost_whatever_is_in_it(
    data: Any, annotations: list[Any], rules: ReadingRules, schema: Any
) -> None:
    task = {"id": 5, "project": 1, "data": data, "annotations": annotations}
    found = list(convert_task(task, schema, rules))
    assert len(found) == len(annotations)
    counts = Counts()
    for outcome in found:
        counts.add(outcome)
        if isinstance(outcome, Edited | Unedited):
            for format_ in FORMATS.values():
                rows = [row for file in format_.files for row in file.rows(Sample(outcome.record))]
                if not format_.is_for_training:
                    assert bool(rows) == (isinstance(outcome, Edited) or format_.name == "corrections")
                for row in rows:
                    if isinstance(row, TrainingRow):
                        json_line(row.values)
        if isinstance(outcome, Rejected):
            assert outcome.reject.detail
            json_line(outcome.reject)
    counted = counts.as_json()
    assert counted["annotations"] == len(annotations)
    assert sum(counted["rejected_by_reason"].values()) == counted["rejected"]
    assert sum(sum(kinds.values()) for kinds in counted["by_annotator"].values()) == len(annotations)
