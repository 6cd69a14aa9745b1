"""`continue` with a real Label Studio: a trace goes on from a corrected step, with an agent that has real tools."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.label_config.branch_data import SUPERSEDED
from ls_trajedit.label_config.branch_note import branch_of

from .command_line import Person, read_lines, write_traces
from .project_api import annotate, annotations_of, call, project_of, tasks, text_result

# A store of keys and values. Whatever was called before is called again, so that the store is what it was then.
AGENT = """
import json, sys

store = {"a": "5", "b": "7"}

def run(call):
    name, given = call["function"]["name"], call["function"]["arguments"]
    if name == "put":
        store[given["key"]] = given["value"]
        return "ok"
    return store.get(given["key"], "nothing")

asked = json.load(sys.stdin)
answered = {message["tool_call_id"] for message in asked["messages"] if message["role"] == "tool"}
new, found = [], {}
for message in asked["messages"]:
    for call in message.get("tool_calls", []):
        result = found[call["function"]["arguments"]["key"]] = run(call)
        if call["id"] not in answered:
            new.append({"role": "tool", "tool_call_id": call["id"], "content": result})
total = sum(int(value) for value in found.values() if value.isdigit())
put = {"id": "p", "type": "function", "function": {"name": "put", "arguments": {"key": "c", "value": str(total)}}}
new.append({"role": "assistant", "content": "", "tool_calls": [put]})
new.append({"role": "tool", "tool_call_id": "p", "content": run(put)})
new.append({"role": "assistant", "content": f"c is {store['c']}."})
json.dump({"messages": new}, sys.stdout)
"""


def calling(identity: str, name: str, **arguments: str) -> dict[str, Any]:
    call = {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def result(identity: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


ASKED = {"role": "user", "content": "Put the sum of a and b into c."}
GOT_A = [calling("g1", "get", key="a"), result("g1", "5")]
CHAT = {
    "id": "sum-1",
    "messages": [
        ASKED,
        *GOT_A,
        calling("g2", "get", key="x"),
        result("g2", "nothing"),
        calling("p1", "put", key="c", value="5"),
        result("p1", "ok"),
        said("c is 5."),
    ],
}


def arguments_of(step: int, **arguments: str) -> dict[str, Any]:
    control = f"step_{step}__call_0__arguments"
    return text_result(f"{control}__corrected", control, json.dumps(arguments))


def person_with(agent: str, folder: Path, label_studio: LocalLabelStudio) -> Person:
    (folder / "agent.py").write_text(agent, encoding="utf-8")
    return Person.at(folder, label_studio)


def continue_(person: Person, project: int, *arguments: str) -> Any:
    agent = f"{sys.executable} agent.py"
    return person.run("continue", "--project", project, "-o", "data", "--agent", agent, "--json", *arguments).json


def test_a_conversation_goes_on_from_a_corrected_call_and_again_from_another_one(
    label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    person = person_with(AGENT, tmp_path, label_studio)
    project = person.push(write_traces(person.folder / "traces.jsonl", [CHAT]), "--title", "Sums")
    (parent,) = tasks(label_studio, project)
    annotation = annotate(label_studio, parent["id"], [arguments_of(1, key="b")], lead_time=5)

    # A dry run asks nobody.
    (request,) = person.run("continue", "--project", project, "--dry-run", "--json").json["requests"]
    assert request["messages"] == [ASKED, *GOT_A, calling("g2", "get", key="b")]
    assert len(tasks(label_studio, project)) == 1

    made = continue_(person, project)["made"]
    assert made == [request["id"]]
    _, branch = tasks(label_studio, project)
    note = branch_of(branch["data"])
    assert note is not None
    assert (note.parent.task_id, note.parent.annotation_id, note.parent.step, note.round) == (
        parent["id"],
        annotation["id"],
        1,
        2,
    )
    put, last = branch["data"]["steps"]
    assert (put["title"], last["title"]) == ("Step 3", "Step 4")
    assert json.loads(put["tool_calls"][0]["arguments"]) == {"key": "c", "value": "12"}
    assert (put["tool_calls"][0]["result"], last["content"]) == ("ok", "c is 12.")
    assert put["before"][0]["text"] == ASKED["content"]
    assert put["before"][-1]["text"] == "7"
    # The page shows what came before, and the boxes of the new steps are filled.
    shown = project_of(label_studio, project)["label_config"]
    assert f"$steps[0].before[{len(put['before']) - 1}].text" in shown
    (prediction,) = branch["predictions"]
    filled = {item["from_name"]: item["value"].get("text") for item in prediction["result"]}
    assert filled["step_1__content__corrected"] == ["c is 12."]

    again = continue_(person, project)
    assert (again["made"], again["already_there"]) == ([], 1)
    assert len(tasks(label_studio, project)) == 2

    annotate(
        label_studio,
        branch["id"],
        [text_result("step_1__content__corrected", "step_1__content", "c is 12 now.")],
        lead_time=5,
    )
    person.run("pull", "--project", project, "-o", "data", "--format", "trl-dpo")
    of_parent, of_branch = read_lines(person.folder / "data" / "trl" / "dpo.jsonl")
    before = [ASKED, *GOT_A]
    assert of_parent["prompt"] == before
    assert (of_parent["chosen"], of_parent["rejected"]) == (
        [calling("g2", "get", key="b")],
        [calling("g2", "get", key="x")],
    )
    assert of_branch["prompt"] == [
        *before,
        calling("g2", "get", key="b"),
        result("g2", "7"),
        calling("p", "put", key="c", value="12"),
        result("p", "ok"),
    ]
    assert (of_branch["chosen"], of_branch["rejected"]) == ([said("c is 12 now.")], [said("c is 12.")])
    assert (of_branch["trace_id"], of_branch["prefix_stale"]) == (made[0], False)

    # The correction changes: another branch, and the old one keeps all that it has.
    call(
        label_studio,
        "PATCH",
        f"/api/annotations/{annotation['id']}/",
        json={"result": [arguments_of(1, key="c")], "lead_time": 9},
    )
    kept = annotations_of(label_studio, branch["id"])
    third = continue_(person, project)
    assert (len(third["made"]), third["superseded"]) == (1, 1)
    _, old, new = tasks(label_studio, project)
    note = old["data"]["ls_trajedit"]["branch"]
    assert (note.pop("superseded"), note.pop("notice")) == (True, SUPERSEDED)
    assert old["data"] == branch["data"]
    assert annotations_of(label_studio, branch["id"]) == kept
    assert [each["id"] for each in old["predictions"]] == [prediction["id"]]
    assert (old["total_annotations"], old["is_labeled"]) == (1, True)
    assert new["data"]["steps"][-1]["content"] == "c is 5."
    assert continue_(person, project)["already_there"] == 1

    person.run("pull", "--project", project, "-o", "data", "--format", "trl-dpo")
    (only,) = read_lines(person.folder / "data" / "trl" / "dpo.jsonl")
    assert only["chosen"] == [calling("g2", "get", key="c")]
    person.run("verify", "data")


PLAIN = {
    "id": "sum-2",
    "task": "Add 5 and 7.",
    "steps": [
        {"thought": "Add them.", "action": "add(5, 8)", "observation": "13"},
        {"thought": "Tell.", "action": "say('13')", "observation": "thanks"},
    ],
    "final_answer": "13",
}
PLAIN_AGENT = """
import json, sys
json.load(sys.stdin)
print(json.dumps({"messages": [
    {"role": "user", "content": "12"},
    {"role": "assistant", "content": "say('12')", "reasoning_content": "Tell."},
    {"role": "user", "content": "thanks"},
    {"role": "assistant", "content": "12"},
]}))
"""


def test_steps_without_roles_go_on_below_the_steps_that_are_locked(
    label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    person = person_with(PLAIN_AGENT, tmp_path, label_studio)
    project = person.push(write_traces(person.folder / "traces.jsonl", [PLAIN]), "--title", "Plain sums")
    (parent,) = tasks(label_studio, project)
    annotate(
        label_studio,
        parent["id"],
        [text_result("step_0__action__corrected", "step_0__action", "add(5, 7)")],
        lead_time=5,
    )

    assert len(continue_(person, project)["made"]) == 1
    assert continue_(person, project)["made"] == []

    _, branch = tasks(label_studio, project)
    assert [step["action"] for step in branch["data"]["steps"]] == ["say('12')"]
    assert branch["data"]["final_answer"] == "12"
    assert json.loads(branch["data"]["ls_trajedit"]["branch"]["locked"]) == [
        {"thought": "Add them.", "action": "add(5, 7)", "observation": "12"}
    ]
    assert "$ls_trajedit.branch.shown" in project_of(label_studio, project)["label_config"]
    assert len(branch["predictions"]) == 1
    # A push of the same traces changes nothing: the branch is known as a trace of its own.
    pushed = person.run("push", "traces.jsonl", "--project", project, "--json").json
    assert (pushed["imported"], pushed["already_there"]) == (0, 1)
    assert len(tasks(label_studio, project)) == 2
