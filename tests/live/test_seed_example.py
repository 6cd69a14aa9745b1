"""The example that the project starts from, corrected in a browser: one typo, one answer, three files."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from .command_line import Person, read_json, read_lines, write_traces
from .editor_page import correct, editor, open_task, shown, submit, type_instead
from .project_api import tasks

SEED = {
    "id": "traj_001",
    "task_description": "Find the weather in San Francisco.",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
        {"thought": "Open it.", "action": "open_url(results[0])"},
    ],
    "final_answer": "It is sunny.",
}
UNTOUCHED = {
    "id": "traj_002",
    "task_description": "How much is 6 times 7?",
    "steps": [{"thought": "Calculate.", "action": "calculate('6 * 7')"}],
    "final_answer": "42",
}
ORIGINAL = {
    "task": "Find the weather in San Francisco.",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
        {"thought": "Open it.", "action": "open_url(results[0])"},
    ],
    "final_answer": "It is sunny.",
}
CORRECTED = {
    "task": "Find the weather in San Francisco.",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(query='SF weather')"},
        {"thought": "Open it.", "action": "open_url(results[0])"},
    ],
    "final_answer": "It is sunny, 18 degrees.",
}
# "yr" against "ry" is two letters; ", 18 degrees" is twelve more, in two words more beside "sunny," for "sunny.".
EDITS = [
    {
        "step_index": 0,
        "field": "action",
        "original_text": "web_search(queyr='SF weather')",
        "edited_text": "web_search(query='SF weather')",
        "edit_distance_chars": 2,
        "edit_distance_words": 1,
        "reason": "",
    },
    {
        "step_index": None,
        "field": "final_answer",
        "original_text": "It is sunny.",
        "edited_text": "It is sunny, 18 degrees.",
        "edit_distance_chars": 12,
        "edit_distance_words": 3,
        "reason": "",
    },
]


def test_a_typo_and_an_answer_corrected_in_the_browser_become_one_record_and_one_line_of_each_file(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "trajedit.yaml").write_text("edit_final_answer: true\n")
    write_traces(tmp_path / "traces.jsonl", [SEED, UNTOUCHED])
    project = person.push("traces.jsonl", "--title", "Seed example")
    first, second = (task["id"] for task in tasks(label_studio, project))

    open_task(page, project, first)
    for text in ("Find the weather in San Francisco.", "Step 1", "Look it up.", "Step 2", "Open it.", "Final answer"):
        expect(shown(page, text)).to_be_visible()
    for control, original in (
        ("step_0__action__corrected", "web_search(queyr='SF weather')"),
        ("step_1__action__corrected", "open_url(results[0])"),
        ("final_answer__corrected", "It is sunny."),
    ):
        expect(shown(page, original).and_(page.locator("span"))).to_be_visible()
        expect(editor(page, control)).to_have_value(original)
    correct(page, "step_0__action__corrected", "yr", "ry")
    type_instead(page, "final_answer__corrected", "It is sunny, 18 degrees.")
    submitted = submit(page)

    open_task(page, project, second)
    expect(editor(page, "step_0__action__corrected")).to_have_value("calculate('6 * 7')")
    submit(page)

    summary = person.run("pull", "--project", project, "-o", "data").stdout.splitlines()
    assert summary[:3] == ["2 tasks, 2 annotations", "  edited          1", "  unedited        1"]
    assert summary[summary.index("edits by field") :][:3] == [
        "edits by field",
        "  action        1",
        "  final_answer  1",
    ]

    corrections = read_json(tmp_path / "data" / "trajectory_corrections.json")
    assert {key: corrections[key] for key in ("n_total", "n_edited", "n_unedited")} == {
        "n_total": 2,
        "n_edited": 1,
        "n_unedited": 1,
    }
    edited, unedited = corrections["records"]
    assert list(edited)[:8] == [
        "trace_id",
        "annotator",
        "task",
        "original_trace",
        "corrected_trace",
        "edits",
        "n_edits",
        "total_edit_distance",
    ]
    assert edited["trace_id"] == "traj_001"
    assert edited["annotator"] == str(submitted["completed_by"])
    assert edited["task"] == "Find the weather in San Francisco."
    assert edited["original_trace"] == ORIGINAL
    assert edited["corrected_trace"] == CORRECTED
    assert edited["edits"] == EDITS
    assert (edited["n_edits"], edited["total_edit_distance"]) == (2, 14)
    assert (unedited["trace_id"], unedited["edits"]) == ("traj_002", [])
    assert unedited["original_trace"] == unedited["corrected_trace"]

    prompt = "Find the weather in San Francisco."
    assert read_lines(tmp_path / "data" / "trajectory_sft.jsonl") == [
        {"prompt": prompt, "completion": CORRECTED, "trace_id": "traj_001"}
    ]
    assert read_lines(tmp_path / "data" / "trajectory_dpo.jsonl") == [
        {"prompt": prompt, "chosen": CORRECTED, "rejected": ORIGINAL, "trace_id": "traj_001"}
    ]
    assert read_lines(tmp_path / "data" / "rejects.jsonl") == []
