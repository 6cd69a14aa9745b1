"""Conversations from a file to a training row: five formats, through Label Studio and a browser.

Beside each file in `chats/` stand, as `.rows.json`, the rows that its corrections make. They were written by hand: the
recorded messages with the correction in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from .command_line import Person, read_json, read_lines
from .editor_page import correct, open_task, shown, submit, type_instead, visible_editors
from .project_api import call, tasks

CHATS = Path(__file__).parent / "chats"


@dataclass(frozen=True)
class Chat:
    """A file with a conversation; which boxes its page must show and no other; some of what the page must show beside
    them; and what a person corrects: in which box, what is wrong, and what is right."""

    file: str
    traces: tuple[str, ...]
    boxes: tuple[str, ...]
    seen: tuple[str, ...]
    corrections: tuple[tuple[str, str, str], ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = read_json(CHATS / f"{self.file.partition('.')[0]}.rows.json")
        return found


FORMATS = (
    Chat(
        "openai.json",
        traces=("weather-1",),
        boxes=("step_0__call_0__arguments", "step_0__call_1__arguments", "step_1__content", "step_2__content"),
        seen=("Is it warmer in Oslo or in Rome?", "no such city: Rom", "Please try again."),
        corrections=(
            ("step_0__call_1__arguments", '"Rom"', '"Rome"'),
            ("step_2__content", "i think", "I think"),
        ),
    ),
    Chat(
        "anthropic.json",
        traces=("papers-1",),
        boxes=("step_0__content", "step_0__call_0__arguments", "step_1__content"),
        seen=("Five papers will do.", "nothing found", "Only from this year, please."),
        corrections=(("step_0__call_0__arguments", "lerning", "learning"),),
    ),
    Chat(
        "atif.json",
        traces=("files-1",),
        boxes=("step_0__content", "step_0__call_0__arguments", "step_0__call_1__arguments", "step_1__content"),
        seen=("Both at once.", "one two"),
        corrections=(("step_1__content", "three", "two"),),
    ),
    Chat(
        "claude_code.jsonl",
        traces=("0b5e8c1a-session", "0b5e8c1a-session-a17"),
        boxes=("step_0__content", "step_0__call_0__arguments", "step_1__call_0__arguments", "step_2__content"),
        seen=("ERROR: file or directory not found: test", "They are in tests."),
        corrections=(("step_0__call_0__arguments", "-q test", "-q tests"),),
    ),
    Chat(
        "otel.json",
        traces=("5b8efff798038103d269b633813fc60c",),
        boxes=("step_0__call_0__arguments", "step_1__content"),
        seen=("Convert 10 euros to crowns.", "2510 CZK"),
        corrections=(("step_0__call_0__arguments", "100", "10"),),
    ),
)

# Written by hand: a box for what the user said, one for the arguments of a call, and two for texts of the assistant.
CONFIG = """\
<View>
  <Text name="asked" value="$messages[1].content"/>
  <TextArea name="asked_better" toName="asked" rows="3"/>
  <Text name="called" value="$messages[2].tool_calls[1].function.arguments"/>
  <TextArea name="called_better" toName="called" rows="3"/>
  <Text name="said" value="$messages[5].content"/>
  <TextArea name="said_better" toName="said" rows="3"/>
  <Text name="answered" value="$messages[7].content"/>
  <TextArea name="answered_better" toName="answered" rows="3"/>
</View>
"""


def pushed(label_studio: LocalLabelStudio, folder: Path, chat: Chat) -> tuple[Person, int, dict[str, int]]:
    """Somebody with that file in their folder, the project into which they pushed it, and its tasks by trace."""
    person = Person.at(folder, label_studio)
    (folder / chat.file).write_bytes((CHATS / chat.file).read_bytes())
    person.run("init", chat.file)
    number = person.push(chat.file, "--title", f"Chats: {chat.file}")
    return person, number, {task["data"]["id"]: task["id"] for task in tasks(label_studio, number)}


def pulled(person: Person, project: int) -> list[dict[str, Any]]:
    """The rows of `trl/dpo.jsonl`, with the tools as JSON values."""
    person.run("pull", "--project", project, "--format", "trl-dpo")
    rows = read_lines(person.folder / "data" / "trl" / "dpo.jsonl")
    return [{**row, "tools": json.loads(row["tools"])} for row in rows]


def by(annotator: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "annotator": str(annotator)} for row in rows]


@pytest.mark.parametrize("chat", FORMATS, ids=lambda chat: chat.file)
def test_the_rows_of_a_corrected_conversation_are_what_was_recorded_with_the_correction_in_it(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path, chat: Chat
) -> None:
    person, project, found = pushed(label_studio, tmp_path, chat)
    assert tuple(found) == chat.traces

    open_task(page, project, found[chat.traces[0]])
    boxes = [name.removesuffix("__corrected") for name in visible_editors(page) if name.endswith("__corrected")]
    assert tuple(boxes) == chat.boxes
    for text in chat.seen:
        expect(shown(page, text).first).to_be_visible()
    for box, wrong, right in chat.corrections:
        correct(page, f"{box}__corrected", wrong, right)
    saved = submit(page)

    assert pulled(person, project) == by(saved["completed_by"], chat.rows)


def test_arguments_that_are_no_longer_json_are_rejected(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    person, project, found = pushed(label_studio, tmp_path, FORMATS[0])
    open_task(page, project, found["weather-1"])
    correct(page, "step_0__call_1__arguments__corrected", '"Rom"', '"Rome')
    saved = submit(page)

    refused = person.run("pull", "--project", project, "--format", "trl-dpo", "--strict", status=5)
    assert "1 annotation rejected (--strict)" in refused.stderr
    (reject,) = read_lines(tmp_path / "data" / "rejects.jsonl")
    assert (reject["annotation_id"], reject["reason"]) == (saved["id"], "not_json")
    assert "`step_0__call_1__arguments__corrected`" in reject["detail"]
    assert read_lines(tmp_path / "data" / "trl" / "dpo.jsonl") == []


def test_a_project_made_by_hand_over_recorded_messages_gives_the_same_rows_and_learns_nothing_from_the_user(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    chat = FORMATS[0]
    ((recorded,), person) = read_json(CHATS / chat.file), Person.at(tmp_path, label_studio)
    project = call(label_studio, "POST", "/api/projects", json={"title": "Raw messages", "label_config": CONFIG})["id"]
    task = call(label_studio, "POST", "/api/tasks", json={"project": project, "data": recorded})["id"]

    open_task(page, project, task)
    for box, text in (
        ("asked_better", "Is it warmer in Oslo or in Rome today?"),
        ("called_better", '{"city":"Rome","unit":"celsius"}'),
        ("answered_better", "Rome is warmer, I think."),
    ):
        type_instead(page, box, text)
    saved = submit(page)

    assert pulled(person, project) == by(saved["completed_by"], chat.rows)
    assert person.run("pull", "--project", project, "--json").json["not_the_agents"] == 1
