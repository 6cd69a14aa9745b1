"""Agreement between annotators of one task, against pairs counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ls_trajedit.converters.record import Edit
from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.agreement import Agreement
from ls_trajedit.report.figures import Figures, count_figures
from ls_trajedit.report.records import AnnotatedTrace, read_records
from tests.support.loop import text_result
from tests.support.report_folder import edit, inserted, record, removed, write_folder

Run = Callable[..., Any]

A = (0, "action")
B = (1, "action")
FINAL = (None, "final_answer")


def annotated(annotator: str, texts: dict[tuple[int | None, str], str]) -> AnnotatedTrace:
    """An annotation that edited these places to these texts."""
    edits = tuple(Edit(step, field, "x", text, 1, 1, "") for (step, field), text in texts.items())
    return AnnotatedTrace("tr", "Do it.", 1, None, annotator, range(2), edits, texts, ())


def agreement_of(*tasks: list[AnnotatedTrace]) -> Agreement:
    agreement = Agreement()
    for task in tasks:
        agreement.add_task(task)
    return agreement


def test_one_annotator_alone_makes_no_pair_however_often_they_annotated() -> None:
    alone = [annotated("ana", {A: "1"}), annotated("ana", {A: "2"})]
    assert agreement_of([annotated("ana", {A: "1"})], alone, []) == Agreement()


def test_two_annotators_make_a_pair() -> None:
    # Both edited; not the same fields; A by both, B by one; A to another text.
    pair = [annotated("ana", {A: "1", B: "2"}), annotated("ben", {A: "3"})]
    assert agreement_of(pair) == Agreement(1, 1, 1, 0, either_edited=2, both_edited=1, same_text=0)


def test_three_annotators_make_three_pairs() -> None:
    # ana-ben: same fields, same text. ana-cleo and ben-cleo: one edited and the other did not.
    three = [annotated("ana", {FINAL: "1"}), annotated("ben", {FINAL: "1"}), annotated("cleo", {})]
    assert agreement_of(three) == Agreement(1, 3, 1, 1, either_edited=3, both_edited=1, same_text=1)


def test_nobody_edited_anything_is_agreement_on_no_fields() -> None:
    assert agreement_of([annotated("ana", {}), annotated("ben", {})]) == Agreement(1, 1, 1, 1)


def test_two_annotations_by_the_same_annotator_are_not_a_pair_beside_another() -> None:
    # Pairs: each of ana's two with ben's. ben edited A as ana's first did; her second edited nothing.
    task = [annotated("ana", {A: "1"}), annotated("ana", {}), annotated("ben", {A: "1"})]
    assert agreement_of(task) == Agreement(1, 2, 1, 1, either_edited=2, both_edited=1, same_text=1)


def test_tasks_add_up() -> None:
    same = [annotated("ana", {A: "1"}), annotated("ben", {A: "1"})]
    other = [annotated("ana", {A: "1"}), annotated("cleo", {B: "1"})]
    assert agreement_of(same, other) == Agreement(2, 2, 2, 1, either_edited=3, both_edited=1, same_text=1)


def test_removed_and_inserted_steps_are_places_that_annotators_agree_on(restructured: Figures) -> None:
    # Ana edits step 3, ben step 2; both remove step 2 and insert the same after step 1; ben inserts two more.
    expected = Agreement(1, 1, 1, 0, either_edited=6, both_edited=2, same_text=2)
    assert restructured.agreement == expected


def test_a_correction_is_compared_where_it_stands_in_the_corrected_trace(tmp_path: Path) -> None:
    # The same JSON in another layout: only the value in the corrected trace says that it is the same.
    steps: list[dict[str, Any]] = [{"action": "ls"}, {"action": "ls"}, {"args": {"n": 1}}]
    fixed = {"args": {"n": 2}}
    records = [
        record(
            1,
            "ana",
            edit(2, "args", '{"n": 1}', '{"n": 2}'),
            annotation=11,
            steps=steps,
            structure=[removed(1)],
            corrected=[steps[0], fixed],
        ),
        record(
            1,
            "ben",
            edit(2, "args", '{"n": 1}', '{"n":2}'),
            annotation=12,
            steps=steps,
            structure=[inserted(1, {"action": "pwd"}), inserted(1, {"action": "id"}, 1)],
            corrected=[*steps[:2], {"action": "pwd"}, {"action": "id"}, fixed],
        ),
    ]
    folder = write_folder(tmp_path, records)
    agreement = count_figures(read_records(folder, read_manifest(folder))).agreement
    assert (agreement.both_edited, agreement.same_text) == (1, 1)


def test_other_steps_in_one_gap_are_not_the_same(tmp_path: Path) -> None:
    records = [
        record(1, name, annotation=number, structure=[inserted(0, {"action": action})])
        for number, (name, action) in enumerate([("ana", "ls"), ("ben", "ls -l")], 1)
    ]
    folder = write_folder(tmp_path, records)
    agreement = count_figures(read_records(folder, read_manifest(folder))).agreement
    assert agreement == Agreement(1, 1, 1, 1, either_edited=1, both_edited=1, same_text=0)


def test_who_wrote_the_same_json_or_the_same_words_wrote_the_same(run: Run, tmp_path: Path) -> None:
    args = {"steps[0].args": ('{"q": "y", "n": 1}', '{"n":1,"q":"y"}')}
    text = {"steps[0].action": ("g()\nh()", "g()\r\nh()\n")}
    other = {"final_answer": ("1", "1.0")}
    config = "".join(
        f'<Text name="o{number}" value="${path}"/><TextArea name="c{number}" toName="o{number}"/>'
        for number, path in enumerate([*args, *text, *other])
    )
    (tmp_path / "config.xml").write_text(f"<View>{config}</View>", encoding="utf-8")
    typed = [*args.values(), *text.values(), *other.values()]
    annotations = [
        {
            "id": who + 1,
            "completed_by": who,
            "result": [text_result(f"c{number}", f"o{number}", texts[who]) for number, texts in enumerate(typed)],
        }
        for who in (0, 1)
    ]
    data = {"id": "t", "task": "Do.", "steps": [{"action": "f()", "args": {"q": "x", "n": 1}}], "final_answer": 0}
    task = {"id": 1, "project": 1, "data": data, "annotations": annotations}
    (tmp_path / "export.json").write_text(json.dumps([task]), encoding="utf-8")
    for options, same in ((["--format", "corrections"], 2), (["--format", "all", "--edge-whitespace", "learn"], 1)):
        assert run("convert", "export.json", "--config", "config.xml", *options).exit_code == 0
        manifest = read_manifest(tmp_path / "data")
        agreement = count_figures(read_records(tmp_path / "data", manifest)).agreement
        assert (agreement.both_edited, agreement.same_text) == (3, same)
