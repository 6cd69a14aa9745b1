"""Two rounds in a browser: a step is removed, one inserted and one corrected, an agent goes on from there, and what it
did then is corrected as well. Every row is derived by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from .command_line import Person, read_json, read_lines, write_traces
from .editor_page import editor, open_task, submit, type_instead, visible_cards, visible_editors
from .project_api import tasks

# An agent with real tools: it makes every call of what it is given, and answers those that have no result. Then it
# looks up what the user asked for.
AGENT = """
import json, sys

request = json.load(sys.stdin)
store, new = {}, []

def run(call):
    name, arguments = call["function"]["name"], call["function"]["arguments"]
    if name == "put":
        store[arguments["key"]] = arguments["value"]
        return "stored"
    return store.get(arguments["key"], "nothing there")

def answer(call):
    new.append({"role": "tool", "tool_call_id": call["id"], "content": run(call)})

answered = {message["tool_call_id"] for message in request["messages"] if message["role"] == "tool"}
for message in request["messages"]:
    for call in message.get("tool_calls", []):
        if call["id"] in answered:
            run(call)
        else:
            answer(call)
look = {"id": "look", "type": "function", "function": {"name": "get", "arguments": {"key": "ann"}}}
new.append({"role": "assistant", "content": "", "tool_calls": [look]})
answer(look)
new.append({"role": "assistant", "content": "It is " + new[-1]["content"] + "!"})
print(json.dumps({"messages": new}))
"""


def call(identity: str, name: str, **arguments: str) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def makes(made: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [made]}


def result(identity: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": text}


SYSTEM = {"role": "system", "content": "You keep a phone book."}
USER = {"role": "user", "content": "Ann has 555-0100. Write it down and read it back."}
LOOK_FIRST = makes(call("c1", "get", key="ann"))
WRONG = makes(call("c2", "put", key="ann", value="555-0010"))
RIGHT = makes(call("c2", "put", key="ann", value="555-0100"))
DONE = {"role": "assistant", "content": "Done."}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in keys},
                "required": keys,
                "additionalProperties": False,
            },
        },
    }
    for name, description, keys in (("get", "Reads.", ["key"]), ("put", "Writes.", ["key", "value"]))
]
TRACE = {
    "id": "book",
    "tools": TOOLS,
    "messages": [SYSTEM, USER, LOOK_FIRST, result("c1", "nothing there"), WRONG, result("c2", "stored"), DONE],
}
# The id of a call in an inserted step: `i`, one more than the step it follows, `c`, its place in the gap.
INSERTED = makes(call("i00002c00", "get", key="ann"))
LOOK = makes(call("look", "get", key="ann"))
SAID = {"role": "assistant", "content": "It is 555-0100!"}
BETTER = {"role": "assistant", "content": "Ann has 555-0100."}

FORMATS = ("corrections", "trl-sft", "trl-dpo", "trl-kto", "prm")
ASKED = [SYSTEM, USER]
STORED, FOUND = result("c2", "stored"), result("look", "555-0100")
CONTINUED = [*ASKED, RIGHT, STORED, LOOK, FOUND]


def row(trace: str, annotator: str, step: int, n_edits: int, *, stale: bool, **columns: Any) -> dict[str, Any]:
    """A row with its columns on where it comes from."""
    origin = {"trace_id": trace, "annotator": annotator, "step": step, "n_edits": n_edits, "prefix_stale": stale}
    return {**columns, **origin}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, with the tools, which are JSON there, checked and taken out."""
    found = read_lines(path)
    for line in found:
        if "tools" in line:
            assert json.loads(line.pop("tools")) == TOOLS
    return found


def tick(page: Page, step: int, choice: str) -> None:
    """Ticks a choice of the step, counted from 0."""
    page.locator(f'input[name="{choice}"]').nth(step).check()


def test_what_an_agent_does_after_a_correction_is_corrected_in_the_next_round(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    write_traces(tmp_path / "traces.jsonl", [TRACE])
    person.run("init", "traces.jsonl")
    (tmp_path / "agent.py").write_text(AGENT, encoding="utf-8")
    project = person.push("traces.jsonl", "--options", "trajedit.yaml", "--title", "Two rounds")
    (task,) = (task["id"] for task in tasks(label_studio, project))

    open_task(page, project, task)
    tick(page, 0, "Remove this step")
    type_instead(page, "step_1__call_0__arguments__corrected", json.dumps({"key": "ann", "value": "555-0100"}))
    tick(page, 1, "Insert a step after it")
    type_instead(page, "step_1__insert_1__call_0__name", "get")
    type_instead(page, "step_1__insert_1__call_0__arguments", json.dumps({"key": "ann"}))
    annotator = str(submit(page)["completed_by"])

    pull = ["pull", "--project", project, "-o", "data", *(part for name in FORMATS for part in ("--format", name))]
    person.run(*pull)
    folder = tmp_path / "data"
    (record,) = read_json(folder / "trajectory_corrections.json")["records"]
    assert record["structure"] == [
        {"op": "remove", "step_index": 0, "reason": ""},
        {
            "op": "insert",
            "after": 1,
            "position": 0,
            "step": {"tool_calls": [{"id": "i00002c00", "name": "get", "arguments": {"key": "ann"}}], "heard": []},
            "reason": "",
        },
    ]
    assert record["n_edits"] == 3
    pairs = [
        row("book", annotator, 0, 1, stale=False, prompt=ASKED, chosen=[RIGHT], rejected=[LOOK_FIRST]),
        row("book", annotator, 0, 1, stale=False, prompt=ASKED, chosen=[RIGHT], rejected=[WRONG]),
        row("book", annotator, 1, 1, stale=True, prompt=[*ASKED, RIGHT, STORED], chosen=[INSERTED], rejected=[DONE]),
    ]
    assert rows(folder / "trl" / "dpo.jsonl") == pairs
    conversation = [*ASKED, RIGHT, STORED, INSERTED, DONE]
    assert rows(folder / "trl" / "sft.jsonl") == [row("book", annotator, 0, 3, stale=True, messages=conversation)]
    assert rows(folder / "trl" / "sft_prompt_completion.jsonl") == [
        row("book", annotator, 0, 1, stale=False, prompt=ASKED, completion=[RIGHT]),
        row("book", annotator, 1, 1, stale=True, prompt=[*ASKED, RIGHT, STORED], completion=[INSERTED]),
    ]
    assert [(line["label"], line["completion"]) for line in rows(folder / "trl" / "kto.jsonl")] == [
        (True, [RIGHT]),
        (False, [LOOK_FIRST]),
        (False, [WRONG]),
        (True, [INSERTED]),
        (False, [DONE]),
    ]
    assert [line["labels"] for line in read_lines(folder / "prm" / "prm.jsonl")] == [[False, False, False]]

    go_on = ["continue", "--project", project, "-o", "data", "--agent", f"{sys.executable} agent.py"]
    person.run(*go_on)
    person.run(*go_on)
    (branch,) = (found["id"] for found in tasks(label_studio, project) if found["id"] != task)

    open_task(page, project, branch)
    expect(page.locator(".trajedit-heard").filter(has_text="555-0100").first).to_be_visible()
    assert visible_cards(page) == ["Step 2", "Step 3"]
    assert visible_editors(page) == ["step_0__call_0__arguments__corrected", "step_1__content__corrected"]
    expect(editor(page, "step_1__content__corrected")).to_have_value("It is 555-0100!")
    type_instead(page, "step_1__content__corrected", "Ann has 555-0100.")
    submit(page)

    person.run(*pull)
    parent, continued = read_json(folder / "trajectory_corrections.json")["records"]
    assert "branch" not in parent["source"]
    assert continued["source"]["branch"]["round"] == 2
    assert continued["source"]["branch"]["parent"]["annotation_id"] == parent["source"]["annotation_id"]
    name = continued["trace_id"]
    assert name.startswith("book~")
    # What came before is part of the prompt of a conversation, so its steps are the new ones.
    better = row(name, annotator, 1, 1, stale=False, prompt=CONTINUED, chosen=[BETTER], rejected=[SAID])
    assert rows(folder / "trl" / "dpo.jsonl") == [
        {**pairs[0], "regenerated": False},
        {**pairs[1], "regenerated": False},
        {**pairs[2], "regenerated": True},
        {**better, "regenerated": False},
    ]
    whole = row(name, annotator, 1, 1, stale=False, messages=[*CONTINUED, BETTER])
    assert rows(folder / "trl" / "sft.jsonl") == [
        {**row("book", annotator, 0, 3, stale=True, messages=conversation), "regenerated": True},
        {**whole, "regenerated": False},
    ]

    person.run(*pull, "--stale", "exclude")
    assert rows(folder / "trl" / "dpo.jsonl") == [
        {**pairs[0], "regenerated": False},
        {**pairs[1], "regenerated": False},
        {**better, "regenerated": False},
    ]
    # What follows the corrected call was done anew, so nothing that is stale is left in the row of the parent.
    kept = row("book", annotator, 0, 2, stale=False, messages=[*ASKED, RIGHT])
    assert rows(folder / "trl" / "sft.jsonl") == [{**kept, "regenerated": True}, {**whole, "regenerated": False}]
