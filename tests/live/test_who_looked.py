"""Who annotated and who looked, as a real Label Studio tells it: members who left, annotations that the Data Manager
made, copies, and data that was changed after it was annotated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user

from .command_line import Person, read_json, read_lines
from .project_api import call, tasks

CONFIG = """<View><Text name="goal" value="$task"/><Text name="act" value="$steps[0].action"/>
<TextArea name="fix" toName="act"/></View>"""


def text(typed: str, **more: Any) -> list[dict[str, Any]]:
    value = {"text": [typed]}
    return [{"id": "fix", "from_name": "fix", "to_name": "act", "type": "textarea", "value": value, **more}]


def project(label_studio: LocalLabelStudio, count: int) -> tuple[int, list[dict[str, Any]]]:
    """A project with tasks whose action is `go(0)`, `go(1)`, …, each with a prediction of it."""
    body = {"title": "Who looked", "label_config": CONFIG, "show_collab_predictions": True, "model_version": "m"}
    number = call(label_studio, "POST", "/api/projects", json=body)["id"]
    imported = [
        {
            "data": {"id": f"t{n}", "task": "Find it", "steps": [{"action": f"go({n})"}]},
            "predictions": [{"model_version": "m", "result": text(f"go({n})")}],
        }
        for n in range(count)
    ]
    call(label_studio, "POST", f"/api/projects/{number}/import", json=imported)
    call(label_studio, "PATCH", f"/api/projects/{number}", json={"model_version": "m"})
    return number, tasks(label_studio, number)


def submit(label_studio: LocalLabelStudio, task: int, result: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Submits as the page does, with the time that was spent."""
    token = more.pop("token", None)
    body = {"result": result, "lead_time": 3.2, **more}
    answer = call(label_studio, "POST", f"/api/tasks/{task}/annotations", json=body, token=token)
    assert isinstance(answer, dict)
    return answer


def test_what_nobody_opened_copies_and_changed_data_are_told_apart(
    label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    number, found = project(label_studio, 4)
    unopened, left_alone, edited, changed = (task["id"] for task in found)
    action = {"selectedItems": {"all": False, "included": [unopened]}, "model_version": "m"}
    path = f"/api/dm/actions?id=predictions_to_annotations&project={number}"
    call(label_studio, "POST", path, json=action)
    shown = [task["predictions"][0]["id"] for task in found]
    submit(label_studio, left_alone, text("go(1)", origin="prediction"), parent_prediction=shown[1])
    first = submit(label_studio, edited, text("go(7)", origin="prediction-changed"), parent_prediction=shown[2])
    submit(label_studio, edited, text("go(7)", origin="prediction-changed"), parent_annotation=first["id"])
    submit(label_studio, changed, text("go(3)", origin="prediction"), parent_prediction=shown[3])
    data = {"id": "t3", "task": "Find it", "steps": [{"action": "stop()"}]}
    call(label_studio, "PATCH", f"/api/tasks/{changed}/", json={"data": data})

    person = Person.at(tmp_path, label_studio)
    counts = person.run("pull", "--project", number, "-o", "out", "--format", "all", "--json").json
    assert [counts[key] for key in ("edited", "unedited", "rejected", "unopened", "copies")] == [2, 2, 1, 1, 1]
    assert counts["rejected_by_reason"] == {"changed_data": 1}
    labels = [(row["trace_id"], row["labels"]) for row in read_lines(tmp_path / "out" / "prm" / "prm.jsonl")]
    assert labels == [("t1", [True]), ("t2", [False])]
    assert len(read_lines(tmp_path / "out" / "trl" / "dpo.jsonl")) == 1

    (tmp_path / "config.xml").write_text(CONFIG)
    export = f"/api/projects/{number}/export?exportType=JSON"
    (tmp_path / "export.json").write_text(json.dumps(call(label_studio, "GET", export)))
    person.run("convert", "export.json", "--config", "config.xml", "-o", "converted", "--format", "all")
    for name in ("trajectory_corrections.json", "rejects.jsonl", "prm/prm.jsonl", "trl/dpo.jsonl"):
        assert (tmp_path / "converted" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_members_who_leave_stay_apart_and_end_nothing(label_studio: LocalLabelStudio, tmp_path: Path) -> None:
    number, (task,) = project(label_studio, 1)
    emails = [f"{name}-of-{number}@example.com" for name in "cd"]
    tokens = [add_user(label_studio, email, "a-password-for-this-test") for email in emails]
    users = [
        submit(label_studio, task["id"], text("go(9)", origin="prediction-changed"), token=token)["completed_by"]
        for token in tokens
    ]
    person = Person.at(tmp_path, label_studio)

    def pull() -> tuple[list[str], str, int]:
        options = ("--annotators", "email", "--format", "corrections", "--format", "trl-dpo")
        ran = person.run("pull", "--project", number, "-o", "out", *options, "--annotators-policy", "agree")
        records = read_json(tmp_path / "out" / "trajectory_corrections.json")["records"]
        rows = read_lines(tmp_path / "out" / "trl" / "dpo.jsonl")
        return [record["annotator"] for record in records], ran.stderr, len(rows)

    assert pull() == (emails, "", 1)
    for user in users:
        call(label_studio, "DELETE", f"/api/organizations/1/memberships/{user}/")
    names, said, rows = pull()
    assert (names, rows) == ([f"user-{user}" for user in users], 1)
    assert said.count("without a known e-mail address") == 1
    call(label_studio, "DELETE", f"/api/users/{users[0]}/")
    names, _, rows = pull()
    # Label Studio forgets who a deleted user was, and the two are two all the same.
    assert names[0] in ("unknown", f"user-{users[0]}")
    assert (names[1], rows) == (f"user-{users[1]}", 1)
