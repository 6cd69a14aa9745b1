"""Label Studio writes annotations into an S3 bucket (its target storage), and `convert` reads them there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user, run_label_studio
from tests.support.object_store import Bucket, ObjectStore

from .command_line import Person, read_json, write_traces
from .conftest import START_SECONDS
from .editor_page import correct, open_task, submit
from .project_api import annotate, call, tasks, text_result

TRACES = [
    {
        "id": f"trace-{number}",
        "task": f"Task {number}.",
        "steps": [{"thought": "hm", "action": f"serach({number})"}, {"action": "stop()\r\n"}],
        "final_answer": "done",
    }
    for number in range(6)
]
FIRST = ("step_0__action__corrected", "step_0__action")
PASSWORD = "a-password-for-this-test"
# What a pull, a conversion of an export and one of target storage have in common; their manifests say where from.
ROWS = ("trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl", "rejects.jsonl")
FORMATS = ("--format", "trl-dpo", "--format", "trl-sft", "--annotators-policy", "latest")


class Annotated:
    """A project whose annotations go to a bucket, and whoever works in it."""

    def __init__(self, label_studio: LocalLabelStudio, store: ObjectStore, folder: Path) -> None:
        self.label_studio = label_studio
        self.store = store
        self.bucket: Bucket = store.new_bucket()
        self.person = Person.at(folder, label_studio)
        write_traces(folder / "traces.jsonl", TRACES)
        self.project = self.person.push("traces.jsonl", "--title", "Target storage")
        self.tasks = [task["id"] for task in tasks(label_studio, self.project)]
        self.second = add_user(label_studio, f"second-of-{self.bucket.name}@example.com", PASSWORD)
        storage = {"project": self.project, "title": "Bucket", "bucket": self.bucket.name, "prefix": "annotations"}
        body = {**storage, "can_delete_objects": True, **store.target_storage}
        self.storage: int = self.call("POST", "/api/storages/export/s3", json=body)["id"]

    def call(self, method: str, path: str, **options: Any) -> Any:
        return call(self.label_studio, method, path, **options)

    def annotate(self, task: int, *results: Mapping[str, Any], **fields: Any) -> int:
        saved = annotate(self.label_studio, self.tasks[task], results, **fields)
        return int(saved["id"])

    def work(self) -> None:
        """Two people correct, skip, leave alone, change their mind and delete."""
        self.annotate(0, text_result(*FIRST, "search(0)"))
        self.annotate(0, text_result(*FIRST, "search('0')"), token=self.second, ground_truth=True)
        self.annotate(1, was_cancelled=True)
        self.annotate(1, text_result(*FIRST, "serach(1)"), token=self.second)
        changed = self.annotate(2, text_result(*FIRST, "first thought"))
        self.call("PATCH", f"/api/annotations/{changed}", json={"result": [text_result(*FIRST, "größer\u2028")]})
        self.annotate(3, text_result("nobody_declared_this", "step_0__action", "x"))
        self.call("POST", f"/api/tasks/{self.tasks[3]}/drafts", json={"result": [text_result(*FIRST, "a draft")]})
        gone = self.annotate(3, text_result(*FIRST, "deleted"), token=self.second)
        self.call("DELETE", f"/api/annotations/{gone}")

    def convert(self, *arguments: str | int, status: int = 0) -> Any:
        """What `convert … --json` says, with the credentials in the environment."""
        given = (*arguments, "--project", self.project, *FORMATS, "--json")
        return self.person.run("convert", *given, status=status, environment=self.store.environment).json

    def verify(self, address: str, status: int = 0) -> str:
        ran = self.person.run("verify", address, status=status, environment=self.store.environment)
        return ran.stdout + ran.stderr


def rows_of_a_pull(annotated: Annotated) -> dict[str, bytes]:
    """What a pull writes, which `convert` of an export of the same project writes too."""
    person = annotated.person
    person.run("pull", "--project", annotated.project, "-o", "pulled", *FORMATS)
    exported = annotated.call("GET", f"/api/projects/{annotated.project}/export", params={"exportType": "JSON"})
    write_traces(person.folder / "export.jsonl", exported)
    annotated.convert("export.jsonl", "-o", "exported")
    found = [rows_in(person.folder / folder) for folder in ("pulled", "exported")]
    assert found[0] == found[1]
    return found[0]


def rows_in(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json*")}
    return {name: raw for name, raw in found.items() if name in ROWS or name.startswith("trl/")}


def rows_at(bucket: Bucket, prefix: str) -> dict[str, bytes]:
    return {name: raw for name, raw in bucket.objects(prefix).items() if name in ROWS or name.startswith("trl/")}


def test_what_people_do_comes_through_a_bucket_to_rows_in_a_bucket(
    label_studio: LocalLabelStudio, object_store: ObjectStore, page: Page, tmp_path: Path
) -> None:
    annotated = Annotated(label_studio, object_store, tmp_path)
    bucket, data = annotated.bucket, f"{annotated.bucket.url}/data"
    annotated.work()
    open_task(page, annotated.project, annotated.tasks[4])
    correct(page, FIRST[0], "serach", "search")
    by_hand = submit(page)["id"]
    assert f"annotations/{by_hand}" in bucket.listed()

    summary = annotated.convert(f"{bucket.url}/annotations", "-o", data)
    assert (summary["edited"], summary["unedited"], summary["skipped"], summary["rejected"]) == (4, 1, 1, 1)
    right = rows_of_a_pull(annotated)
    assert rows_at(bucket, "data/") == right
    assert b"search(4)" in right["trl/dpo.jsonl"]
    annotated.verify(data)

    # A correction that somebody changes is written to the bucket again, under its key.
    result = [text_result(*FIRST, "search(4, deep=True)")]
    annotated.call("PATCH", f"/api/annotations/{by_hand}", json={"result": result})
    annotated.convert(f"{bucket.url}/annotations", "-o", data)
    right = rows_of_a_pull(annotated)
    assert rows_at(bucket, "data/") == right
    assert b"deep=True" in right["trl/dpo.jsonl"]
    annotated.verify(data)

    bucket.put("data/trl/dpo.jsonl", right["trl/dpo.jsonl"] + b"{}\n")
    assert "trl/dpo.jsonl" in annotated.verify(data, status=5)


def test_objects_that_hold_a_task_each(migrated_folder: Path, object_store: ObjectStore, tmp_path: Path) -> None:
    save_tasks = {"FUTURE_SAVE_TASK_TO_STORAGE": "true"}
    with run_label_studio(migrated_folder, extra_env=save_tasks, start_seconds=START_SECONDS) as label_studio:
        annotated = Annotated(label_studio, object_store, tmp_path)
        annotated.work()
        # With one object for a task, deleting an annotation removes that of the others until the storage is synced.
        annotated.call("POST", f"/api/storages/export/s3/{annotated.storage}/sync")
        assert sorted(annotated.bucket.objects("annotations/")) == sorted(
            f"{number}.json" for number in annotated.tasks[:4]
        )
        annotated.convert(f"{annotated.bucket.url}/annotations", "-o", "converted")
        assert rows_in(tmp_path / "converted") == rows_of_a_pull(annotated)
        assert read_json(tmp_path / "converted" / "manifest.json")["counts"]["drafts"] == 1
