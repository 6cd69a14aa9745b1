"""The editor and the live diff in Firefox, from the page to a row: plain steps, and a chat.

What is tested in detail is tested in Chromium; here is what a browser could do otherwise: Style rules, boxes, typing,
the diff, submitting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.live_diff.script import live_diff_script

from .command_line import Person, read_json, read_lines, write_traces
from .conftest import logged_in
from .editor_page import correct, editor, open_task, shown, submit, visible_cards, visible_editors
from .live_diff_page import changes, counts, diff_shown, edited_count, missing, nothing_shows, reset_button
from .project_api import tasks

ACTION = "step_0__action__corrected"
THOUGHT = "step_0__thought__corrected"
REASON = "step_0__action__reason"
LONG = {
    "id": "long",
    "task": "What is the weather?",
    "steps": [{"thought": "Look it up.", "action": "search()"}, {"thought": "Done.", "action": "stop()"}],
    "final_answer": "Sunny.",
}
SHORT = {
    "id": "short",
    "task": "What is the weather?",
    "steps": [{"thought": "Look it up.", "action": "web_search(queyr='SF \U0001f327')\r\nstop()"}],
}

ARGUMENTS = "step_0__call_0__arguments__corrected"
ANSWER = "step_1__content__corrected"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "forecast",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def forecast(identity: str, arguments: Any) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": "forecast", "arguments": arguments}}


LONG_CHAT = {
    "id": "long",
    "tools": TOOLS,
    "messages": [
        {"role": "system", "content": "You are a forecaster."},
        {"role": "user", "content": "Rome or Oslo?"},
        {
            "role": "assistant",
            "content": "Both.",
            "tool_calls": [forecast("call_a", '{"city": "Rome"}'), forecast("call_b", '{"city": "Oslo"}')],
        },
        {"role": "tool", "tool_call_id": "call_a", "content": "sun"},
        {"role": "tool", "tool_call_id": "call_b", "content": "snow"},
        {"role": "assistant", "content": "Rome."},
        {"role": "user", "content": "Thanks."},
        {"role": "assistant", "content": "Bye."},
    ],
}
SHORT_CHAT = {
    "id": "short",
    "tools": TOOLS,
    "messages": [
        {"role": "user", "content": "How is Rome?"},
        {"role": "assistant", "content": "", "tool_calls": [forecast("call_c", '{"city": "Rom"}')]},
        {"role": "tool", "tool_call_id": "call_c", "content": "no such city: Rom"},
        {"role": "assistant", "content": "It is sunny."},
    ],
}


@pytest.fixture(scope="module")
def page(firefox: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of Firefox, logged in, that has the live diff."""
    with logged_in(firefox, label_studio.url, label_studio.username, label_studio.password) as opened:
        opened.add_init_script(live_diff_script())
        yield opened


def pushed(label_studio: LocalLabelStudio, person: Person, *traces: dict[str, Any]) -> tuple[int, dict[str, int]]:
    """The number of a project with these traces, and its tasks by trace."""
    write_traces(person.folder / "traces.jsonl", traces)
    number = person.push("traces.jsonl", "--title", "In Firefox")
    return number, {task["data"]["id"]: task["id"] for task in tasks(label_studio, number)}


def test_it_reaches_nothing_outside(firefox: Browser) -> None:
    with firefox.new_context() as context, pytest.raises(Error, match="NS_ERROR_PROXY_CONNECTION_REFUSED"):
        context.new_page().goto("http://192.0.2.1/")


def test_plain_steps_from_the_page_to_a_row(label_studio: LocalLabelStudio, page: Page, tmp_path: Path) -> None:
    person = Person.at(tmp_path, label_studio)
    options = "editable_fields: [thought, action]\nedit_final_answer: true\nrequire_reason_on_edit: true\n"
    (tmp_path / "trajedit.yaml").write_text(options, encoding="utf-8")
    number, found = pushed(label_studio, person, LONG, SHORT)

    open_task(page, number, found["short"])
    assert visible_cards(page) == ["Step 1"]
    assert visible_editors(page) == [THOUGHT, "step_0__thought__reason", ACTION, REASON]
    expect(editor(page, ACTION)).to_have_value("web_search(queyr='SF \U0001f327')\nstop()")
    expect(nothing_shows(page)).to_have_count(0)

    correct(page, ACTION, "queyr", "query")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    assert diff_shown(page, ACTION).startswith("web_search(que[-yr-]{+ry+}='SF \U0001f327')")
    expect(changes(page, ACTION).get_by_text("edited", exact=True)).to_be_visible()
    expect(changes(page, ACTION).locator("ins")).to_have_css("text-decoration-line", "underline")
    expect(changes(page, ACTION).locator("del")).to_have_css("text-decoration-line", "line-through")
    expect(missing(page, ACTION)).to_have_text("The reason is missing.")

    correct(page, THOUGHT, "it up", "it\nup")
    expect(changes(page, THOUGHT)).to_be_visible()
    assert diff_shown(page, THOUGHT) == "Look it[-·-]{+↵\n+}up."
    expect(edited_count(page)).to_have_text("2 fields edited, 2 reasons missing")
    reset_button(page, "Step 1, thought").click()
    expect(editor(page, THOUGHT)).to_have_value("Look it up.")
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")

    editor(page, REASON).click()
    page.keyboard.type("A typo.")
    expect(missing(page, ACTION)).to_be_hidden()
    submit(page)

    person.run("pull", "--project", number)
    corrected = {
        "task": "What is the weather?",
        "steps": [{"thought": "Look it up.", "action": "web_search(query='SF \U0001f327')\r\nstop()"}],
    }
    (record,) = read_json(tmp_path / "data" / "trajectory_corrections.json")["records"]
    assert record["corrected_trace"] == corrected
    told = ("step_index", "field", "edit_distance_chars", "edit_distance_words", "reason")
    assert [[edit[key] for key in told] for edit in record["edits"]] == [[0, "action", 2, 1, "A typo."]]
    (row,) = read_lines(tmp_path / "data" / "trajectory_dpo.jsonl")
    assert (row["trace_id"], row["chosen"]) == ("short", corrected)
    assert row["rejected"] == {"task": SHORT["task"], "steps": SHORT["steps"]}


def test_a_chat_from_the_page_to_a_row(label_studio: LocalLabelStudio, page: Page, tmp_path: Path) -> None:
    person = Person.at(tmp_path, label_studio)
    number, found = pushed(label_studio, person, LONG_CHAT, SHORT_CHAT)

    open_task(page, number, found["short"])
    assert visible_cards(page) == ["Step 1", "Step 2"]
    assert visible_editors(page) == [ARGUMENTS, ANSWER]
    for text in ("How is Rome?", "no such city: Rom"):
        expect(shown(page, text).first).to_be_visible()

    correct(page, ARGUMENTS, "city", "town")
    expect(missing(page, ARGUMENTS)).to_contain_text("`forecast` has no `town`")
    reset_button(page, "Step 1, forecast, arguments").click()
    expect(changes(page, ARGUMENTS)).to_have_count(0)

    correct(page, ARGUMENTS, '"Rom"', '"Rome"')
    expect(counts(page, ARGUMENTS)).to_have_text("1 word, 1 character changed")
    assert diff_shown(page, ARGUMENTS) == '{\n  "city": "Rom{+e+}"\n}'
    expect(edited_count(page)).to_have_text("1 field edited")
    submit(page)

    person.run("pull", "--project", number, "--format", "trl-dpo")
    (row,) = read_lines(tmp_path / "data" / "trl" / "dpo.jsonl")
    assert row["prompt"] == [{"role": "user", "content": "How is Rome?"}]
    for side, city in (("chosen", "Rome"), ("rejected", "Rom")):
        said = {"role": "assistant", "content": "", "tool_calls": [forecast("call_c", {"city": city})]}
        assert row[side] == [said], side
    assert (row["trace_id"], row["step"], row["n_edits"]) == ("short", 0, 1)
