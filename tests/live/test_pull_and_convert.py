"""`pull` from a project that knows nothing of ls-trajedit, and `convert` from what Label Studio exports of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user

from .command_line import Finished, Person, read_json, read_lines
from .project_api import annotate, call, text_result

# Written by hand: names of its own, no `__`, the later step first, and a control that has nothing to do with traces.
CONFIG = """\
<View>
  <Header value="Which turn is wrong?"/>
  <Text name="question" value="$question"/>
  <Text name="fourth" value="$turns[3].content"/>
  <TextArea name="better4" toName="fourth"/>
  <TextArea name="better4reason" toName="fourth"/>
  <Text name="second" value="$turns[1].content"/>
  <TextArea name="better2" toName="second"/>
  <Text name="said" value="$answer"/>
  <TextArea name="betterAnswer" toName="said"/>
  <Choices name="mood" toName="question"><Choice value="good"/><Choice value="bad"/></Choices>
</View>
"""
PAPER = {
    "question": "Who wrote it?",
    "turns": [
        {"turn": "plan", "content": "Who wrote it?"},
        {"turn": "call", "content": "serach(author)"},
        {"turn": "note", "content": "Ada"},
        {"turn": "call", "content": "It was Bob."},
    ],
    "answer": "Bob",
    "model": "m-1",
}
SHORT = {
    "question": "When?",
    "turns": [{"turn": "plan", "content": "When?"}, {"turn": "call", "content": "In 1843."}],
    "answer": "1843",
}
PASSWORD = "a-password-for-this-test"
FILES = ("trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl", "rejects.jsonl")


@dataclass(frozen=True)
class Annotated:
    """The project and who annotated it: the owner corrected the first task, and that is ground truth; the second
    annotator corrected the first task otherwise, left the second as it is, typed into the box of a turn that it lacks,
    and skipped it another time."""

    person: Person
    number: int
    paper: int
    short: int
    owner: int
    second: int
    second_email: str
    second_saved: str

    def convert(self, folder: Path, *options: str | int, status: int = 0) -> Finished:
        config = ("--config", "config.xml")
        return self.person.run("convert", "export.json", *config, "-o", folder, *options, status=status)


@pytest.fixture(scope="module")
def annotated(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    person = Person.at(tmp_path_factory.mktemp("shell"), label_studio)
    body = {"title": "By hand", "label_config": CONFIG}
    number = call(label_studio, "POST", "/api/projects", json=body)["id"]
    paper, short = (
        call(label_studio, "POST", "/api/tasks", json={"project": number, "data": data})["id"]
        for data in (PAPER, SHORT)
    )
    email = f"second-of-{number}@example.com"
    token = add_user(label_studio, email, PASSWORD)

    mood = {"from_name": "mood", "to_name": "question", "type": "choices", "value": {"choices": ["bad"]}}
    first = annotate(
        label_studio,
        paper,
        [
            text_result("better4", "fourth", "It was Ada."),
            text_result("better4reason", "fourth", "The tool says so."),
            text_result("better2", "second", "search(author)"),
            text_result("betterAnswer", "said", "Ada"),
            mood,
        ],
        ground_truth=True,
    )
    second = annotate(label_studio, paper, [text_result("betterAnswer", "said", "Ada, not Bob")], token=token)
    annotate(label_studio, short, [text_result("better2", "second", "In 1843.")], token=token)
    annotate(label_studio, short, [text_result("better4", "fourth", "There is no fourth.")], token=token)
    annotate(label_studio, short, [], token=token, was_cancelled=True)

    exported = call(label_studio, "GET", f"/api/projects/{number}/export", params={"exportType": "JSON"})
    (person.folder / "export.json").write_text(json.dumps(exported), encoding="utf-8")
    (person.folder / "config.xml").write_text(CONFIG, encoding="utf-8")
    owner_id, second_id = first["completed_by"], second["completed_by"]
    return Annotated(person, number, paper, short, owner_id, second_id, email, second["updated_at"])


def records(folder: Path) -> list[dict[str, Any]]:
    found = read_json(folder / "trajectory_corrections.json")["records"]
    assert isinstance(found, list)
    return found


def annotators(folder: Path) -> list[str]:
    return [record["annotator"] for record in records(folder)]


def test_a_project_made_by_hand_is_pulled_without_any_local_file(annotated: Annotated, tmp_path: Path) -> None:
    pulled = annotated.person.run("pull", "--project", annotated.number, "-o", tmp_path, "--json").json
    counted = ("tasks", "annotations", "edited", "unedited", "rejected", "skipped", "drafts")
    assert [pulled[key] for key in counted] == [2, 5, 2, 2, 0, 1, 0]
    assert pulled["remarks"] == 1
    assert pulled["edits_by_field"] == {"answer": 2, "content": 2}

    first, second, third, fourth = records(tmp_path)
    assert first["trace_id"] == second["trace_id"] == str(annotated.paper)
    assert third["trace_id"] == str(annotated.short)
    assert first["task"] == "Who wrote it?"
    assert first["original_trace"] == {"task": "Who wrote it?", "steps": PAPER["turns"], "answer": "Bob"}
    assert first["corrected_trace"] == {
        "task": "Who wrote it?",
        "steps": [
            {"turn": "plan", "content": "Who wrote it?"},
            {"turn": "call", "content": "search(author)"},
            {"turn": "note", "content": "Ada"},
            {"turn": "call", "content": "It was Ada."},
        ],
        "answer": "Ada",
    }
    # "serach" against "search" is two letters, "Bob" against "Ada" three.
    told = ["step_index", "field", "edit_distance_chars", "edit_distance_words", "reason"]
    assert [[edit[key] for key in told] for edit in first["edits"]] == [
        [1, "content", 2, 1, ""],
        [3, "content", 3, 1, "The tool says so."],
        [None, "answer", 3, 1, ""],
    ]
    assert first["source"]["extra"] == {"model": "m-1"}
    assert (second["n_edits"], third["n_edits"]) == (1, 0)
    # A text for a turn that the task lacks costs nothing else of the annotation.
    assert fourth["source"]["remarks"] == [
        {"control": "better4", "step_index": 3, "field": "content", "text": "There is no fourth."}
    ]
    assert read_lines(tmp_path / "rejects.jsonl") == []


def test_convert_of_the_export_writes_what_pull_writes(annotated: Annotated, tmp_path: Path) -> None:
    number = annotated.number
    annotated.person.run("pull", "--project", number, "-o", tmp_path / "pulled")
    annotated.convert(tmp_path / "by-config")
    annotated.person.run("convert", "export.json", "--project", number, "-o", tmp_path / "by-project")
    for name in FILES:
        pulled = (tmp_path / "pulled" / name).read_bytes()
        assert (tmp_path / "by-config" / name).read_bytes() == pulled, name
        assert (tmp_path / "by-project" / name).read_bytes() == pulled, name
    manifests = [read_json(tmp_path / folder / "manifest.json") for folder in ("pulled", "by-config", "by-project")]
    assert manifests[0]["counts"] == manifests[1]["counts"] == manifests[2]["counts"]
    assert manifests[0]["host"] == annotated.person.url
    assert manifests[1]["host"] is None


def test_annotators_are_named_as_asked(annotated: Annotated, label_studio: LocalLabelStudio, tmp_path: Path) -> None:
    pull = ("pull", "--project", annotated.number)
    annotated.person.run(*pull, "-o", tmp_path / "email", "--annotators", "email")
    emails = [label_studio.username, *[annotated.second_email] * 3]
    assert annotators(tmp_path / "email") == emails

    annotated.convert(tmp_path / "id")
    assert annotators(tmp_path / "id") == [str(annotated.owner), *[str(annotated.second)] * 3]

    annotated.convert(tmp_path / "hash", "--annotators", "hash")
    hashes = annotators(tmp_path / "hash")
    assert hashes[0] != hashes[1] == hashes[2] == hashes[3]
    told = "".join(path.read_text() for path in (tmp_path / "hash").glob("*.json*"))
    assert annotated.second_email not in told
    assert f'"annotator":"{annotated.second}"' not in told


def test_ground_truth_and_times_choose_what_is_read(annotated: Annotated, tmp_path: Path) -> None:
    saved = annotated.second_saved
    owner, second = str(annotated.owner), str(annotated.second)
    for options, expected, excluded in (
        (("--ground-truth", "only"), [owner], 4),
        (("--ground-truth", "exclude"), [second] * 3, 1),
        (("--until", saved), [owner], 4),
        (("--since", saved), [second] * 3, 1),
        (("--since", saved, "--ground-truth", "only"), [], 5),
    ):
        folder = tmp_path / str(excluded)
        done = annotated.convert(folder, *options)
        assert annotators(folder) == expected, options
        assert f"  excluded        {excluded}\n" in done.stdout
    chosen = ("--ground-truth", "only", "--since", "2020-01-01", "-o", tmp_path / "pulled")
    annotated.person.run("pull", "--project", annotated.number, *chosen)
    assert annotators(tmp_path / "pulled") == [owner]


def test_edits_without_a_reason_are_rejected_on_request_and_strict_says_so(
    annotated: Annotated, tmp_path: Path
) -> None:
    done = annotated.convert(tmp_path, "--require-reason", "--strict", status=5)
    assert "rejected because of\n  an edit without a reason  2\n" in done.stdout
    assert "2 annotations rejected" in done.stderr
    assert [record["n_edits"] for record in records(tmp_path)] == [0, 0]
    first = read_lines(tmp_path / "rejects.jsonl")[0]
    assert first["detail"] == "`better2`, `betterAnswer`"
    assert read_lines(tmp_path / "trajectory_sft.jsonl") == []
