"""Tasks and annotations that no editor of ours makes: each is counted somewhere, and none stops the others."""

from __future__ import annotations

from typing import Any

import pytest

from .hostile_label_studio import corrected
from .puller import Puller


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody whose project has one good annotation, in the first task."""
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("good"))
    return puller


RESULTS: dict[str, tuple[Any, str]] = {
    "an unknown control": ([corrected("x", "nobody")], "unknown_control"),
    "a result of a wrong type": ([{**corrected("x"), "type": "choices"}], "wrong_shape"),
    "a result that is a number": ([7], "wrong_shape"),
    "a text that is a number": ([{**corrected("x"), "value": {"text": 7}}], "wrong_shape"),
    "a value that is null": ([{**corrected("x"), "value": None}], "wrong_shape"),
    "results that are an object": ({"text": "x"}, "wrong_shape"),
    "results that are null": (None, "wrong_shape"),
    "10,000 texts for one field": ([corrected(f"{n}") for n in range(10_000)], "several_texts"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_an_annotation_that_cannot_be_read_is_rejected_and_kept_and_counted(puller: Puller, case: str) -> None:
    results, reason = RESULTS[case]
    task = puller.label_studio.add_task()
    annotation = puller.label_studio.annotate(task)
    puller.label_studio.change_annotation(task, 0, result=results)
    ran = puller.pull("--json", "--max-rejects", "1")
    assert ran.exit_code == 0
    counts = ran.json()
    assert (counts["edited"], counts["rejected"], counts["rejected_by_reason"]) == (1, 1, {reason: 1})
    (reject,) = puller.read("rejects.jsonl")
    assert (reject["task_id"], reject["annotation_id"], reject["reason"]) == (task, annotation, reason)
    assert reject["result"] == results
    assert puller.completions() == ["good"]

    puller.label_studio.pass_time()
    strict = puller.pull("--strict")
    assert strict.exit_code == 5
    assert strict.out.startswith("up to date")
    assert f"1 annotation rejected (--strict): {puller.folder / 'rejects.jsonl'} says which and why" in strict.err


def test_10_000_results_that_say_the_same_are_one_edit(puller: Puller) -> None:
    puller.label_studio.annotate(puller.label_studio.add_task(), *[corrected("same")] * 10_000)
    assert puller.pull().exit_code == 0
    assert puller.completions() == ["good", "same"]


@pytest.mark.parametrize("data", [None, [], 7, "text", {}, {"steps": None}, {"steps": {"0": {}}}])
def test_a_task_that_holds_no_trace_has_its_annotation_rejected(puller: Puller, data: Any) -> None:
    task = puller.label_studio.add_task()
    puller.label_studio.tasks[task]["data"] = data
    puller.label_studio.annotate(task, corrected("x"))
    counts = puller.pull("--json").json()
    assert (counts["tasks"], counts["edited"], counts["rejected"]) == (2, 1, 1)
    assert puller.completions() == ["good"]


@pytest.mark.parametrize("annotation", [None, 7, "text", []])
def test_what_is_among_the_annotations_and_is_not_one_is_rejected(puller: Puller, annotation: Any) -> None:
    puller.label_studio.tasks[puller.label_studio.add_task()]["annotations"].append(annotation)
    counts = puller.pull("--json").json()
    assert (counts["edited"], counts["rejected"]) == (1, 1)


def test_annotations_without_ids_of_their_own_are_all_there(puller: Puller) -> None:
    task = puller.label_studio.add_task()
    for text in ("one", "two"):
        puller.label_studio.annotate(task, corrected(text), id=None)
    for _ in range(2):
        assert puller.pull("--full").exit_code == 0
        assert sorted(puller.completions()) == ["good", "one", "two"]


def test_text_and_numbers_of_every_kind_come_through_the_state(puller: Puller) -> None:
    odd = '\u2028 \x85 \u0000 "\\ </script> 💥 é e\u0301 \ud800'
    number = 123456789012345678901234567890
    task = puller.label_studio.add_task({"id": "t", "steps": [{"action": "x", "number": number}], "deep": [[[]]]})
    puller.label_studio.annotate(task, corrected(odd))
    assert puller.pull().exit_code == 0
    assert puller.completions() == ["good", odd]
    assert f'"number":{number}'.encode() in (puller.folder / "trajectory_sft.jsonl").read_bytes()
    before = puller.outputs()
    puller.label_studio.pass_time()
    puller.pull("--annotators", "hash")
    puller.pull()
    assert puller.outputs() == before


def test_a_task_of_50_mb_is_read_like_any_other_and_the_pages_get_shorter(puller: Puller) -> None:
    large = puller.label_studio.add_task()
    puller.label_studio.tasks[large]["data"]["recording"] = "x" * 50_000_000
    puller.label_studio.annotate(large, corrected("large"))
    for number in range(3):
        puller.label_studio.annotate(puller.label_studio.add_task(), corrected(f"small {number}"))
    ran = puller.pull("--json")
    assert ran.exit_code == 0
    assert ran.json()["tasks"] == 5
    assert puller.completions() == ["good", "large", *(f"small {number}" for number in range(3))]
