"""Several annotators on one task: whose edits count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.record import Insertion
from ls_trajedit.converters.traces import ChatTraces
from ls_trajedit.converters.training.annotators_policy import Chosen, KeyedRecord, choose_records
from ls_trajedit.converters.training.rules import TrainingRules
from tests.support.chats import OPENAI
from tests.support.samples import EditOf, Structure, chat_outcome, hand_made_outcome, outcome_of

ALL, LATEST, AGREE = (TrainingRules(annotators_policy=policy) for policy in ("all", "latest", "agree"))
STEPS: list[Any] = [{"thought": "a", "action": "f()"}, "look", {"action": "h()", "args": {"q": "x", "n": 1}}]


def keyed(
    number: int, annotator: str, *edits: EditOf, updated_at: str | None = None, person: str | None = None
) -> KeyedRecord:
    outcome = outcome_of(STEPS, *edits, answer="no", annotator=annotator, updated_at=updated_at, annotation_id=number)
    return KeyedRecord(outcome.key, outcome.record, person=person)


def edits_of(chosen: Chosen) -> list[tuple[Any, str, str]]:
    (item,) = chosen.records
    return [(edit.step_index, edit.field, edit.edited_text) for edit in item.record.edits]


def test_all_are_taken_as_they_are() -> None:
    records = [keyed(1, "a", (0, "action", "F()")), keyed(2, "b")]
    assert choose_records(records, ALL) == Chosen(records, 0, 0)
    assert choose_records([], AGREE) == choose_records([], LATEST) == Chosen()


def test_the_latest_is_the_one_that_was_changed_last() -> None:
    old = keyed(9, "a", (0, "action", "F()"), (0, "thought", "A"), updated_at="2026-11-22T12:00:00Z")
    new = keyed(2, "b", (0, "action", "G()"), updated_at="2026-11-22T14:00:00+01:00")
    none = keyed(10, "c", updated_at=None)
    assert choose_records([new, old, none], LATEST) == Chosen([new], 2, 2)
    same = keyed(3, "c", updated_at="2026-11-22T13:00:00Z")
    assert choose_records([new, same], LATEST) == Chosen([same], 1, 1)


def test_agreed_edits_are_those_that_two_annotators_made_in_the_same_way() -> None:
    first = keyed(1, "bob", (0, "action", "F()"), (1, "action", "search"), (None, "final_answer", "yes"))
    second = keyed(2, "ann", (0, "thought", "A"), (0, "action", "F()"), (2, "args.q", "y"))
    third = keyed(3, "cy", (1, "action", "search"), (2, "args.q", "z"))
    chosen = choose_records([first, second, third], AGREE)
    assert edits_of(chosen) == [(0, "action", "F()"), (1, "action", "search")]
    (item,) = chosen.records
    assert item.key == (5, 1)
    assert item.record.annotator == "ann+bob+cy"
    assert item.record.corrected_trace.value() == {
        "task": "Do it.",
        "steps": [{"thought": "a", "action": "F()"}, "search", STEPS[2]],
        "final_answer": "no",
    }
    assert (item.record.n_edits, item.record.total_edit_distance) == (2, 1 + 6)
    assert item.disputed == {0, 2, 3}
    assert chosen.edits_left_out == 4
    assert chosen.annotations_left_out == 0


def test_a_corrected_value_that_is_not_a_string_comes_back_as_a_value() -> None:
    edits: list[EditOf] = [(2, "args.n", 2), (None, "final_answer", "yes")]
    (item,) = choose_records([keyed(1, "a", *edits), keyed(2, "b", *edits)], AGREE).records
    assert item.record.corrected_trace.steps[2] == {"action": "h()", "args": {"q": "x", "n": 2}}
    assert item.record.corrected_trace.value()["final_answer"] == "yes"
    assert [edit.step_index for edit in item.record.edits] == [2, None]


def test_more_votes_win_and_a_tie_drops_the_edit() -> None:
    edits = ["x", "x", "y", "y", "y"]
    three_to_two = [keyed(n, str(n), (0, "action", text)) for n, text in enumerate(edits)]
    assert edits_of(choose_records(three_to_two, AGREE)) == [(0, "action", "y")]
    tie = choose_records(three_to_two[:4], AGREE)
    assert edits_of(tie) == []
    assert (tie.records[0].record.annotator, tie.edits_left_out) == ("0+1+2+3", 4)
    assert tie.records[0].record.corrected_trace == tie.records[0].record.original_trace


def test_one_annotator_agrees_with_nobody() -> None:
    twice = [keyed(1, "a", (0, "action", "F()")), keyed(2, "a", (0, "action", "F()"))]
    assert choose_records(twice, AGREE) == Chosen([], 2, 2)
    assert choose_records([keyed(1, "a")], AGREE) == Chosen([], 1, 0)


def test_two_of_whom_nothing_is_known_are_two() -> None:
    twice = [keyed(1, "unknown", (0, "action", "F()")), keyed(2, "unknown", (0, "action", "F()"))]
    chosen = choose_records(twice, AGREE)
    assert edits_of(chosen) == [(0, "action", "F()")]
    assert chosen.records[0].record.annotator == "unknown+unknown"


def test_people_vote_and_not_their_names() -> None:
    one_name = [
        keyed(1, "a@x", (0, "action", "F()"), person="5"),
        keyed(2, "a@x", (0, "action", "F()"), person="6"),
    ]
    assert edits_of(choose_records(one_name, AGREE)) == [(0, "action", "F()")]
    one_person = [
        keyed(1, "a@x", (0, "action", "F()"), person="5"),
        keyed(2, "user-5", (0, "action", "F()"), person="5"),
    ]
    assert choose_records(one_person, AGREE) == Chosen([], 2, 2)


def test_two_who_left_a_task_alone_agree_on_it() -> None:
    chosen = choose_records([keyed(1, "a"), keyed(2, "b")], AGREE)
    assert edits_of(chosen) == []
    assert (chosen.records[0].record.annotator, chosen.records[0].disputed) == ("a+b", frozenset())


LEARN = TrainingRules(annotators_policy="agree", edge_whitespace="learn")


def typed(number: int, path: str, text: str) -> KeyedRecord:
    """The record of an annotator who typed this text into the box of that field."""
    trace = {
        "id": "t1",
        "task": "Do it.",
        "steps": [{"thought": "a", "action": "f()", "args": {"q": "x", "n": 1}}],
        "final_answer": {"a": 1},
    }
    outcome = hand_made_outcome(trace, {path: text}, annotation_id=number, annotator=str(number))
    assert isinstance(outcome, Edited)
    return KeyedRecord(outcome.key, outcome.record)


@pytest.mark.parametrize(
    ("path", "one", "other", "agree", "agree_where_white_space_is_learned"),
    [
        # JSON is the same value in any layout, and in any order of its keys, which PostgreSQL does not keep.
        ("steps[0].args", '{"q": "y", "n": 1}', '{"q":"y","n":1}', True, True),
        ("steps[0].args", '{"q": "y", "n": 1}', '{\n  "n": 1,\n  "q": "y"\n}\n', True, True),
        ("final_answer", "[1, 2]", "[1,2]", True, True),
        ("final_answer", "1e2", "100.0", True, True),
        ("final_answer", "null", " null ", True, True),
        ("final_answer", '"\\u0061"', '"a"', True, True),
        # Other values are other corrections.
        ("steps[0].args", '{"q": "y", "n": 1}', '{"q": "y", "n": 1.0}', False, False),
        ("final_answer", "1", "1.0", False, False),
        ("final_answer", "1", "true", False, False),
        ("final_answer", "[1, 2]", "[2, 1]", False, False),
        ("final_answer", '"1"', "1", False, False),
        # Line ends and white space at the ends of a text.
        ("steps[0].action", "g()\nh()", "g()\r\nh()", True, True),
        ("steps[0].action", "g()", "g()\n", True, False),
        ("steps[0].action", "g()", " g()\u00a0", True, False),
        ("final_answer", '"yes"', '"yes "', True, False),
        ("steps[0].action", "g( )", "g()", False, False),
        ("steps[0].action", "g()", "G()", False, False),
    ],
)
def test_two_agree_when_they_mean_the_same(
    path: str, one: str, other: str, agree: bool, agree_where_white_space_is_learned: bool
) -> None:
    for rules, expected in ((AGREE, agree), (LEARN, agree_where_white_space_is_learned)):
        for first, second in ((one, other), (other, one)):
            chosen = choose_records([typed(1, path, first), typed(2, path, second)], rules)
            # What comes out is what the first of them typed.
            assert [text for _, _, text in edits_of(chosen)] == ([first] if expected else [])
            assert chosen.edits_left_out == (0 if expected else 2)


# Removed and inserted steps


ACTIONS: list[Any] = [{"action": name} for name in "abcd"]


def changed(number: int, *edits: EditOf, removed: Sequence[int] = (), inserted: Any = None) -> KeyedRecord:
    structure = Structure(removed, inserted or {})
    outcome = outcome_of(ACTIONS, *edits, answer="no", annotator=str(number), annotation_id=number, structure=structure)
    return KeyedRecord(outcome.key, outcome.record, traces=outcome.traces)


def joined(*records: KeyedRecord, rules: TrainingRules = AGREE) -> tuple[list[Any], set[int], int]:
    """The steps of the joined record, those that are disputed, and how many changes are left out."""
    chosen = choose_records(records, rules)
    (item,) = chosen.records
    return item.record.corrected_trace.steps, set(item.disputed), chosen.edits_left_out


X, Y, Z = {"action": "x"}, {"action": "y"}, {"action": "z"}
STEP_A, STEP_B, STEP_C, STEP_D = ACTIONS


def test_two_agree_on_what_they_remove() -> None:
    steps, disputed, left_out = joined(changed(1, removed=[1]), changed(2, removed=[1, 2]))
    assert (steps, disputed, left_out) == ([STEP_A, STEP_C, STEP_D], {2}, 1)
    one = joined(changed(1, removed=[1]), changed(2))
    assert one == (ACTIONS, {1}, 1)


def test_two_agree_on_what_they_insert_at_the_same_place() -> None:
    both = [changed(1, inserted={0: [X]}), changed(2, inserted={0: [{"action": "x\r\n"}]})]
    assert joined(*both) == ([STEP_A, X, STEP_B, STEP_C, STEP_D], set(), 0)
    (item,) = choose_records(both, AGREE).records
    assert item.record.structure == (Insertion(0, 0, X, ""),)
    assert (item.record.n_edits, item.record.annotator) == (1, "1+2")
    assert joined(*both, rules=LEARN)[0] == ACTIONS
    # Who inserts something else says of the next step that it came too early, and nobody knows who is right.
    assert joined(changed(1, inserted={0: [X]}), changed(2, inserted={0: [Y]})) == (ACTIONS, {1}, 2)
    assert joined(changed(1, inserted={0: [X]}), changed(2, inserted={1: [X]})) == (ACTIONS, {1, 2}, 2)
    assert joined(changed(1, removed=[1], inserted={0: [X]}), changed(2, removed=[1], inserted={0: [Y]})) == (
        [STEP_A, STEP_C, STEP_D],
        {2},
        2,
    )
    assert joined(changed(1, inserted={3: [X]}), changed(2)) == (ACTIONS, {4}, 1)


def test_a_second_step_in_a_gap_is_agreed_on_only_after_the_same_first_one() -> None:
    one, two = changed(1, inserted={0: [X, Y]}), changed(2, inserted={0: [Y]})
    assert joined(one, two) == (ACTIONS, {1}, 3)
    one, two = changed(1, inserted={0: [X, Y]}), changed(2, inserted={0: [STEP_A, Y]})
    assert joined(one, two) == (ACTIONS, {1}, 4)
    one, two = changed(1, inserted={0: [X, Y]}), changed(2, inserted={0: [X]})
    assert joined(one, two) == ([STEP_A, X, STEP_B, STEP_C, STEP_D], {1}, 1)


def test_an_inserted_step_is_agreed_on_only_after_what_its_annotators_have_before_it() -> None:
    # More say Z, and nobody says that Y comes after that.
    three = [changed(number, inserted={0: [Z]}) for number in (3, 4, 5)]
    two = [changed(number, inserted={0: [X, Y]}) for number in (1, 2)]
    assert joined(*two, *three) == ([STEP_A, Z, STEP_B, STEP_C, STEP_D], {1}, 4)
    # As many say Z as X, and nobody says that Y comes without one.
    assert joined(*two, *three[:2]) == (ACTIONS, {1}, 6)


def test_an_inserted_step_in_the_place_of_a_removed_one_is_not_one_after_it() -> None:
    after = partial(changed, inserted={1: [X]})
    instead = partial(changed, removed=[1], inserted={1: [X]})
    remove = partial(changed, removed=[1])
    removed = [STEP_A, STEP_C, STEP_D]
    # Two want B and then X, two are for no B: nobody is for X in the place of B.
    assert joined(after(1), after(2), remove(3), remove(4)) == (removed, {2}, 2)
    # One wants each of the three.
    assert joined(after(1), instead(2), remove(3)) == (removed, {2}, 2)
    assert joined(after(1), instead(2)) == (ACTIONS, {1, 2}, 3)
    assert joined(after(1), after(2), instead(3)) == ([STEP_A, STEP_B, X, STEP_C, STEP_D], {1, 2}, 2)
    assert joined(instead(1), instead(2), after(3)) == ([STEP_A, X, STEP_C, STEP_D], {2}, 1)
    # X is wanted in the place of B, and as many want B rewritten as removed.
    rewrite = [changed(number, (1, "action", "B")) for number in (3, 4)]
    assert joined(instead(1), instead(2), *rewrite) == (ACTIONS, {1, 2}, 6)


def test_what_each_of_several_removes_does_not_add_up_to_every_step() -> None:
    # Each step is removed by two of the three, and each of them keeps one.
    three = [[0, 1, 2], [1, 2, 3], [0, 3]]
    assert joined(*(changed(number, removed=removed) for number, removed in enumerate(three))) == (
        ACTIONS,
        {0, 1, 2, 3},
        8,
    )
    # Here something is left.
    inserted: Any = [{-1: [X]}, {-1: [X]}, {}]
    both = zip(three, inserted, strict=True)
    with_inserted = (changed(number, removed=one, inserted=other) for number, (one, other) in enumerate(both))
    assert joined(*with_inserted) == ([X], set(), 0)


def test_a_step_is_not_both_removed_and_edited() -> None:
    edit = (1, "action", "B")
    remove, rewrite = (lambda n: changed(n, removed=[1])), (lambda n: changed(n, edit))
    corrected = [STEP_A, {"action": "B"}, STEP_C, STEP_D]
    assert joined(remove(1), remove(2), rewrite(3), rewrite(4)) == (ACTIONS, {1}, 4)
    assert joined(remove(1), remove(2), remove(5), rewrite(3), rewrite(4)) == ([STEP_A, STEP_C, STEP_D], {1}, 2)
    assert joined(remove(1), remove(2), rewrite(3), rewrite(4), rewrite(5)) == (corrected, {1}, 2)
    # Who removes a step does not vote for what they typed in it before.
    both = [changed(1, edit, removed=[1]), changed(2, edit)]
    assert joined(*both) == (ACTIONS, {1}, 2)
    assert joined(changed(1, edit, removed=[1]), changed(2, edit, removed=[1])) == ([STEP_A, STEP_C, STEP_D], set(), 0)


def test_edits_behind_removed_and_inserted_steps_stay_where_they_belong() -> None:
    one = changed(1, (2, "action", "C"), (3, "action", "D"), removed=[0], inserted={1: [X]})
    two = changed(2, (2, "action", "C"), (3, "action", "E"), inserted={1: [X]})
    steps, disputed, left_out = joined(one, two)
    assert steps == [STEP_A, STEP_B, X, {"action": "C"}, STEP_D]
    assert (disputed, left_out) == ({0, 3}, 3)
    one, two = (changed(number, (2, "action", "C"), removed=[0], inserted={1: [X]}) for number in (1, 2))
    assert joined(one, two) == ([STEP_B, X, {"action": "C"}, STEP_D], set(), 0)


def test_two_agree_on_the_steps_of_a_conversation() -> None:
    def of(number: int, structure: Structure, corrections: dict[str, str]) -> KeyedRecord:
        outcome = chat_outcome(OPENAI, corrections, structure=structure, annotation_id=number, annotator=str(number))
        assert isinstance(outcome, Edited)
        return KeyedRecord(outcome.key, outcome.record, traces=outcome.traces)

    inserted = {1: [{"content": "Wait.", "name": "find_flights", "arguments": '{"to": "BGO"}', "heard": "none"}]}
    one = of(1, Structure([0], inserted), {"steps[2].content": "None."})
    two = of(2, Structure([], inserted), {"steps[2].content": "None.", "steps[0].content": "When?"})
    (item,) = choose_records([one, two], AGREE).records
    assert isinstance(item.traces, ChatTraces)
    said = [message.text for message in item.traces.corrected.messages if message.role == "assistant"]
    assert said == ["Which day?", "I look.", "Wait.", "None."]
    assert [step.get("content") for step in item.record.corrected_trace.steps] == said
    assert item.record.corrected_trace.steps[2]["heard"][0]["content"] == "none"
    assert item.disputed == {0}


def test_who_removes_a_step_calls_it_wrong() -> None:
    outcomes = [
        outcome_of(ACTIONS, annotator="1", annotation_id=1, structure=Structure([1])),
        outcome_of(ACTIONS, annotator="2", annotation_id=2, labels={(1, "correctness"): ["incorrect"]}),
    ]
    records = [KeyedRecord(outcome.key, outcome.record, traces=outcome.traces) for outcome in outcomes]
    (item,) = choose_records(records, AGREE).records
    assert (item.disputed, item.verdicts) == (set(), {1: "wrong"})
