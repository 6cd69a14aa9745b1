"""`continue` against a Label Studio in memory: which branches come into being, and that none does twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from ls_trajedit.label_config.branch_data import SUPERSEDED
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import restore_trace
from ls_trajedit.output.folder import lock_branches, lock_folder
from ls_trajedit.push import prediction_version
from ls_trajedit.traces.options_file import parse_options
from tests.support.http_service import serve

from .continuer import OPTIONS, Continuer, fix, plain_config, trace, use_chats
from .hostile_label_studio import CONFIG, PROJECT, corrected
from .puller import Puller
from .reply import Reply, json_reply, own_error


@pytest.fixture
def continuer(puller: Puller) -> Continuer:
    return Continuer(puller)


def test_a_corrected_step_is_gone_on_from_and_what_follows_is_a_task(continuer: Continuer) -> None:
    task = continuer.add("t1", "look better")
    annotation = continuer.studio.tasks[task]["annotations"][0]["id"]

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    (asked,) = continuer.asked()
    assert asked["id"].startswith("t1~")
    assert asked["messages"] == [
        {"role": "user", "content": "Find it."},
        {"role": "assistant", "content": "look better"},
    ]
    assert asked["step"] == 1
    ((number, branch),) = continuer.branches().items()
    assert branch.round == 2
    assert (branch.parent.trace_id, branch.parent.task_id, branch.parent.annotation_id, branch.parent.step) == (
        "t1",
        task,
        annotation,
        0,
    )
    assert asked["metadata"]["parent"] == vars(branch.parent)
    restored = restore_trace(continuer.data(number))
    assert restored["id"] == asked["id"]
    assert restored["steps"] == [
        {"action": "look better", "observation": "heard look better"},
        {"action": "then this"},
    ]
    assert ran.json()["made"] == [asked["id"]]
    assert (ran.json()["failed"], ran.json()["already_there"], ran.json()["left"]) == ({}, 0, 0)


def test_a_branch_may_end_at_a_call_that_nobody_executed(continuer: Continuer) -> None:
    continuer.agent(
        """
        call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": {}}}
        print(json.dumps({"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}))
        """
    )
    continuer.add("t1")
    assert continuer.run("--json").json()["endings"] == {"unexecuted_call": 1}
    continuer.add("t2")
    ran = continuer.run()
    assert ran.exit_code == 0
    assert ran.out.splitlines()[1:] == ["  continued      1", "    up to a call  1", "  already there  1"]


def test_the_same_command_again_asks_nobody_and_imports_nothing(continuer: Continuer) -> None:
    continuer.add()
    assert continuer.run().exit_code == 0
    before = dict(continuer.studio.tasks)

    ran = continuer.run("--json")

    assert ran.exit_code == 0
    assert len(continuer.asked()) == 1
    assert continuer.studio.tasks == before
    assert not {"import", "task", "change"} & set(ran.asked)
    assert (ran.json()["made"], ran.json()["already_there"]) == ([], 1)


def test_a_changed_correction_is_continued_anew_and_the_old_branch_is_superseded(continuer: Continuer) -> None:
    task = continuer.add()
    assert continuer.run().exit_code == 0
    ((old, _),) = continuer.branches().items()
    before = json.loads(json.dumps(continuer.data(old)))
    continuer.studio.annotate(old, fix("by somebody"))
    annotations = continuer.studio.tasks[old]["annotations"]
    continuer.studio.change_annotation(task, 0, result=[fix("look much better")])

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    assert [asked["messages"][-1]["content"] for asked in continuer.asked()].count("look much better") == 1
    branches = continuer.branches()
    assert len(branches) == 2
    assert branches[old].superseded
    (new,) = branches.keys() - {old}
    assert not branches[new].superseded
    assert branches[new].parent.annotation_id == branches[old].parent.annotation_id
    assert branches[new].parent.sha256 != branches[old].parent.sha256
    # Nothing but the note has changed.
    after = continuer.data(old)
    note = after["ls_trajedit"]["branch"]
    assert (note.pop("superseded"), note.pop("notice")) == (True, SUPERSEDED)
    assert after == before
    assert continuer.studio.tasks[old]["annotations"] == annotations
    assert (ran.json()["superseded"], len(ran.json()["made"])) == (1, 1)


def test_a_correction_that_is_as_it_was_again_has_its_old_branch_back(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    ((old, _),) = continuer.branches().items()
    continuer.studio.change_annotation(task, 0, result=[fix("other")])
    continuer.run()
    continuer.studio.change_annotation(task, 0, result=[fix("look better")])

    ran = continuer.run("--json")

    branches = continuer.branches()
    assert len(branches) == 2
    assert {number: branch.superseded for number, branch in branches.items()} == {
        old: False,
        max(branches): True,
    }
    assert (ran.json()["made"], ran.json()["restored"], ran.json()["superseded"]) == ([], 1, 1)
    assert not {"task", "import"} & set(continuer.run().asked)


@pytest.mark.parametrize("how", ["deleted", "reverted", "skipped"])
def test_a_correction_that_nobody_makes_any_more_supersedes_its_branch(continuer: Continuer, how: str) -> None:
    task = continuer.add()
    continuer.run()
    match how:
        case "deleted":
            continuer.studio.delete_annotation(task, 0)
        case "reverted":
            continuer.studio.change_annotation(task, 0, result=[fix("look")])
        case _:
            continuer.studio.change_annotation(task, 0, was_cancelled=True)

    ran = continuer.run("--json")

    assert ran.exit_code == 0
    assert [branch.superseded for branch in continuer.branches().values()] == [True]
    assert (ran.json()["superseded"], ran.json()["made"]) == (1, [])
    assert not {"task", "import"} & set(continuer.run().asked)


@pytest.mark.parametrize("rule", [("--ground-truth", "only"), ("--since", "2030-01-01")])
def test_what_the_rules_leave_out_is_neither_continued_nor_superseded(
    continuer: Continuer, rule: tuple[str, str]
) -> None:
    continuer.add("t1")
    continuer.run()
    continuer.add("t2")

    ran = continuer.run("--json", *rule)

    assert (ran.json()["made"], ran.json()["superseded"]) == ([], 0)
    assert len(continuer.branches()) == 1


def test_an_annotation_that_cannot_be_read_supersedes_nothing(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    continuer.studio.change_annotation(task, 0, result=[fix("a"), {"nonsense": True}])

    assert continuer.run("--json").json()["superseded"] == 0


def test_an_annotation_that_is_hidden_from_this_token_supersedes_nothing(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    continuer.studio.delete_annotation(task, 0)
    # Label Studio counts it and does not show it.
    continuer.studio.tasks[task]["total_annotations"] = 1

    ran = continuer.run("--json")

    assert ran.json()["superseded"] == 0
    assert not [branch for branch in continuer.branches().values() if branch.superseded]


def test_a_branch_of_another_project_is_left_alone(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    ((number, _),) = continuer.branches().items()
    moved = continuer.data(number)
    continuer.studio.delete_task(task)
    continuer.studio.delete_task(number)
    continuer.add("t9", None)
    brought = continuer.studio.add_task(moved)

    ran = continuer.run("--json")

    assert ran.json()["superseded"] == 0
    assert not continuer.branches()[brought].superseded


def test_each_annotator_has_a_branch(continuer: Continuer) -> None:
    task = continuer.add("t1", "look better")
    continuer.studio.annotate(task, fix("look better"), completed_by=2)
    continuer.studio.annotate(task, fix("look elsewhere"), completed_by=3)

    assert len(continuer.run("--json").json()["made"]) == 3


def test_what_makes_nothing_stale_is_not_continued(continuer: Continuer) -> None:
    task = continuer.add("t1", None)
    continuer.studio.annotate(task)
    continuer.studio.annotate(task, fix("look"))
    continuer.studio.annotate(task, fix("skipped"), was_cancelled=True)

    ran = continuer.run("--json")

    assert ran.json()["made"] == []
    assert continuer.asked() == []


def test_conversations_are_continued_and_the_config_shows_what_came_before(continuer: Continuer) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "get", "arguments": {"key": "x"}}}
    source = {
        "id": "c1",
        "messages": [
            {"role": "user", "content": "What is x?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "assistant", "content": "It is 1."},
        ],
    }
    task = use_chats(continuer, source)
    controls = {editor.control for editor in read_config(continuer.studio.label_config).fixed.editors}
    arguments = fix('{"key": "y"}') | {
        "from_name": "step_0__call_0__arguments__corrected",
        "to_name": "step_0__call_0__arguments",
    }
    continuer.studio.annotate(task, arguments)
    continuer.agent(
        """
        call = asked["messages"][-1]["tool_calls"][0]
        print(json.dumps({"messages": [
            {"role": "tool", "tool_call_id": call["id"], "content": "2"},
            {"role": "assistant", "content": "It is 2."},
        ]}))
        """
    )

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    (asked,) = continuer.asked()
    assert asked["messages"][-1]["tool_calls"][0]["function"] == {"name": "get", "arguments": {"key": "y"}}
    ((number, branch),) = continuer.branches().items()
    data = continuer.data(number)
    assert [step["content"] for step in data["steps"]] == ["It is 2."]
    assert data["steps"][0]["title"] == "Step 2"
    assert data["steps"][0]["before"][0]["text"] == "What is x?"
    assert branch.parent.step == 0
    after = continuer.studio.label_config
    assert controls <= {editor.control for editor in read_config(after).fixed.editors}
    shown = len(data["steps"][0]["before"])
    assert f"$steps[0].before[{shown - 1}].text" in after
    assert not {"import", "change", "task"} & set(continuer.run().asked)


def test_a_model_goes_on_with_the_results_that_were_recorded(continuer: Continuer, tmp_path: Path) -> None:
    """The first call is corrected to be the second one, whose result is known. The model makes the first one, whose
    result is known as well, and then one that nobody executes."""

    def call(identity: str, key: str) -> dict[str, Any]:
        function = {"name": "get", "arguments": json.dumps({"key": key})}
        return {"role": "assistant", "content": None, "tool_calls": [{"id": identity, "function": function}]}

    source = {
        "id": "c1",
        "messages": [
            {"role": "user", "content": "Which is 7?"},
            call("a", "x"),
            {"role": "tool", "tool_call_id": "a", "content": "5"},
            call("b", "y"),
            {"role": "tool", "tool_call_id": "b", "content": "7"},
            {"role": "assistant", "content": "It is x."},
        ],
    }
    task = use_chats(continuer, source)
    arguments = fix('{"key": "y"}') | {
        "from_name": "step_0__call_0__arguments__corrected",
        "to_name": "step_0__call_0__arguments",
    }
    continuer.studio.annotate(task, arguments)
    turns = [call("a", "x"), call("a", "z")]

    def answer(request: Request, body: bytes) -> JSONResponse:
        return JSONResponse({"choices": [{"message": turns.pop(0), "finish_reason": "tool_calls"}]})

    with serve(answer) as endpoint:
        given = ["continue", "--project", str(PROJECT), "-o", str(tmp_path / "out"), "--json"]
        ran = continuer.puller.run(*given, "--model", f"{endpoint.url}/v1", "--model-name", "m")

    assert ran.exit_code == 0, ran.err
    assert ran.json()["endings"] == {"unexecuted_call": 1}
    sent = [json.loads(seen.body)["messages"] for seen in endpoint.seen]
    assert [[message["content"] for message in messages if message["role"] == "tool"] for messages in sent] == [
        ["7"],
        ["7", "5"],
    ]
    (number,) = continuer.branches()
    steps = continuer.data(number)["steps"]
    assert [[called["arguments"] for called in step["tool_calls"]] for step in steps] == [
        ['{\n  "key": "x"\n}'],
        ['{\n  "key": "z"\n}'],
    ]


def test_only_so_many_are_continued_and_the_next_run_continues_the_rest(continuer: Continuer) -> None:
    for number in range(5):
        continuer.add(f"t{number}")

    first = continuer.run("--json", "--limit", "2").json()
    second = continuer.run("--json", "--limit", "2").json()
    third = continuer.run("--json").json()

    assert (len(first["made"]), first["left"]) == (2, 3)
    assert (len(second["made"]), second["left"], second["already_there"]) == (2, 1, 2)
    assert (len(third["made"]), third["left"], third["already_there"]) == (1, 0, 4)
    assert [identity.split("~")[0] for identity in first["made"] + second["made"] + third["made"]] == [
        "t0",
        "t1",
        "t2",
        "t3",
        "t4",
    ]


def test_what_failed_does_not_take_the_turn_of_everything_else(continuer: Continuer) -> None:
    for number in range(3):
        continuer.add(f"t{number}", f"look {number}")
    continuer.agent(
        """
        if asked["messages"][-1]["content"] == "look 0":
            sys.exit(3)
        print(json.dumps({"messages": [{"role": "assistant", "content": "done"}]}))
        """
    )

    runs = [continuer.run("--json", "--limit", "1", "--max-failures", "1").json() for _ in range(4)]

    assert [(len(run["made"]), run["failed"], run["left"]) for run in runs] == [
        (0, {"exit_code": 1}, 2),
        (1, {}, 2),
        (1, {}, 1),
        (0, {"exit_code": 1}, 0),
    ]


def test_a_dry_run_says_what_would_be_asked_and_changes_nothing(continuer: Continuer) -> None:
    task = continuer.add("t1")
    continuer.run()
    continuer.studio.change_annotation(task, 0, result=[fix("look again")])
    before = json.dumps(continuer.studio.tasks, default=str)
    arguments = ["continue", "--project", "12", "-o", str(continuer.puller.folder), "--dry-run"]

    ran = continuer.puller.run(*arguments, "--json")

    assert ran.exit_code == 0, ran.err
    (request,) = ran.json()["requests"]
    assert request["messages"][-1] == {"role": "assistant", "content": "look again"}
    assert (ran.json()["superseded"], ran.json()["left"]) == (1, 0)
    text = continuer.puller.run(*arguments)
    assert text.out.splitlines()[0] == f"{request['id']}: 2 messages before step 2, 0 tools"
    assert json.dumps(continuer.studio.tasks, default=str) == before
    assert not {"import", "task", "change"} & {*ran.asked, *text.asked}
    assert len(continuer.asked()) == 1


def test_a_branch_that_fails_costs_nothing_else(continuer: Continuer) -> None:
    for number in range(3):
        continuer.add(f"t{number}", f"look {number}")
    continuer.agent(
        """
        text = asked["messages"][-1]["content"]
        if text == "look 1":
            print("what I think", file=sys.stderr)
            sys.exit(3)
        print(json.dumps({"messages": [{"role": "assistant", "content": "done"}]}))
        """
    )

    ran = continuer.run("--json")

    assert ran.exit_code == 5
    found = ran.json()
    assert [identity.split("~")[0] for identity in found["made"]] == ["t0", "t2"]
    assert found["failed"] == {"exit_code": 1}
    (failure,) = found["failures"]
    assert failure["id"].startswith("t1~")
    assert failure["id"] in ran.err
    assert "1 correction not continued; the next run asks the agent again" in ran.err
    assert "what I think" in Path(failure["log"]).read_text(encoding="utf-8")

    continuer.agent('print(json.dumps({"messages": [{"role": "assistant", "content": "done"}]}))')
    again = continuer.run("--json")
    assert again.exit_code == 0
    assert [identity.split("~")[0] for identity in again.json()["made"]] == ["t1"]


def test_so_many_failures_may_be_allowed(continuer: Continuer) -> None:
    continuer.add()
    continuer.agent("sys.exit(1)")

    assert continuer.run("--max-failures", "1").exit_code == 0
    assert continuer.run().exit_code == 5


def test_an_answer_that_cannot_be_a_task_is_a_failure(continuer: Continuer) -> None:
    continuer.add()
    continuer.agent(
        """
        print("two at a time", file=sys.stderr)
        call = lambda n: {"id": n, "type": "function", "function": {"name": "a", "arguments": {}}}
        print(json.dumps({"messages": [{"role": "assistant", "content": "", "tool_calls": [call("x"), call("y")]}]}))
        """
    )

    ran = continuer.run("--json")

    assert ran.json()["failed"] == {"no_task": 1}
    (failure,) = ran.json()["failures"]
    assert "2 calls" in failure["detail"]
    log = Path(failure["log"]).read_text(encoding="utf-8").splitlines()
    assert log == ["two at a time", f"[ls-trajedit] failed (no_task): {failure['detail']}"]


def test_the_project_is_looked_at_right_before_an_import(continuer: Continuer) -> None:
    continuer.add()
    assert continuer.run().exit_code == 0
    ((number, _),) = continuer.branches().items()
    data = continuer.data(number)
    continuer.studio.delete_task(number)
    # Another process imports the branch while the agent is at work.
    continuer.studio.meanwhile(lambda: continuer.studio.add_task(data), "one")

    ran = continuer.run("--json")

    assert ran.exit_code == 0
    assert len(continuer.asked()) == 2
    assert (ran.json()["made"], ran.json()["changed_meanwhile"]) == ([], 1)
    assert len(continuer.branches()) == 1


def test_a_correction_that_changes_before_its_turn_comes_is_left_for_the_next_run(continuer: Continuer) -> None:
    continuer.add("t1")
    task = continuer.add("t2")
    # While the first one is asked about.
    continuer.studio.meanwhile(lambda: continuer.studio.change_annotation(task, 0, result=[fix("changed")]), "one")

    ran = continuer.run("--json")

    assert ran.exit_code == 0
    assert (len(ran.json()["made"]), ran.json()["changed_meanwhile"]) == (1, 1)
    assert len(continuer.run("--json").json()["made"]) == 1
    assert not [branch for branch in continuer.branches().values() if branch.superseded]


def test_a_large_task_is_a_failure_of_its_branch(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.add("t2")
    continuer.studio.misbehave(lambda _: Reply(413, b"<html>too large</html>"), "import")

    ran = continuer.run("--json")

    assert (ran.json()["failed"], len(ran.json()["made"])) == ({"too_large": 1}, 1)
    assert ran.exit_code == 5


def test_what_label_studio_does_not_take_is_a_failure_of_its_branch(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.add("t2")
    continuer.studio.misbehave(lambda _: own_error(400, "Validation error"), "import")

    ran = continuer.run("--json")

    assert (ran.json()["failed"], len(ran.json()["made"])) == ({"not_imported": 1}, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_ends_the_run(continuer: Continuer, status: int) -> None:
    continuer.add("t1")
    continuer.add("t2")
    continuer.studio.misbehave(lambda _: own_error(status, "no"), "import", times=2)

    ran = continuer.run()

    assert ran.exit_code == 3
    assert ran.asked.count("import") == 1


def test_an_import_of_which_nobody_knows_what_became_is_not_repeated(continuer: Continuer) -> None:
    continuer.add()
    continuer.studio.misbehave(lambda _: Reply(502, b"<html></html>"), "import")

    ran = continuer.run()

    assert ran.exit_code == 4
    assert "Run the command again: it imports nothing that is in the project" in ran.err
    assert ran.asked.count("import") == 1
    # It was carried out all the same.
    assert len(continuer.branches()) == 1
    assert continuer.run("--json").json()["already_there"] == 1
    assert len(continuer.branches()) == 1


def test_imports_that_label_studio_works_off_are_waited_for(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.add("t2")
    continuer.studio.misbehave(lambda _: json_reply({"import": 7}, 201), "import", times=2)

    ran = continuer.run("--json", "--max-wait", "1")

    assert ran.exit_code == 0, ran.err
    assert len(ran.json()["made"]) == len(continuer.branches()) == 2


def test_a_wrong_token_ends_the_run_before_an_agent_is_asked(
    continuer: Continuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    continuer.add()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "f" * 40)

    assert continuer.run().exit_code == 3
    assert continuer.asked() == []


def test_a_server_that_is_down_ends_the_run(continuer: Continuer) -> None:
    ran = continuer.run("--url", "http://127.0.0.1:9", "--max-wait", "0")

    assert ran.exit_code == 4
    assert continuer.asked() == []


def test_a_missing_project_is_said(continuer: Continuer) -> None:
    continuer.studio.has_project = False

    ran = continuer.run()

    assert ran.exit_code == 3
    assert "there is no project 12" in ran.err


def test_without_an_agent_nothing_is_asked(continuer: Continuer) -> None:
    ran = continuer.puller.run("continue", "--project", "12", "-o", str(continuer.puller.folder))

    assert ran.exit_code == 2
    assert ran.asked == []


def test_a_config_that_push_did_not_make_is_refused_before_an_agent_is_asked(continuer: Continuer) -> None:
    task = continuer.add("t1", None)
    continuer.studio.label_config = CONFIG
    continuer.studio.annotate(task, corrected("look better"))

    ran = continuer.run()

    assert ran.exit_code == 3, ran.err
    assert "`better`" in ran.err
    assert continuer.asked() == []
    assert continuer.studio.label_config == CONFIG


def test_tasks_are_prefilled_as_the_others_of_the_project_are(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.run()
    ((first, _),) = continuer.branches().items()
    assert continuer.studio.tasks[first]["predictions"] == []

    continuer.studio.model_version = prediction_version(continuer.studio.label_config)
    continuer.add("t2")
    continuer.run()
    second = max(continuer.branches())
    (prediction,) = continuer.studio.tasks[second]["predictions"]
    assert prediction["model_version"] == continuer.studio.model_version
    texts = {result["from_name"]: result["value"].get("text") for result in prediction["result"]}
    assert texts["step_0__action__corrected"] == ["then this"]


def test_the_folder_of_a_pull_stays_as_it_is(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.studio.pass_time()
    assert continuer.puller.pull().exit_code == 0
    before = continuer.puller.outputs()
    continuer.studio.pass_time()
    continuer.add("t2")

    ran = continuer.run("--json")

    assert len(ran.json()["made"]) == 2
    # Only what has changed since the pull was read.
    assert "changed" in ran.asked
    assert "tasks" not in ran.asked
    assert continuer.puller.outputs() == before
    assert continuer.puller.run("verify", str(continuer.puller.folder)).exit_code == 0
    assert continuer.puller.pull("--check").exit_code == 1
    assert continuer.puller.pull().exit_code == 0
    assert continuer.puller.pull("--check").exit_code == 0


def test_without_a_pull_nothing_is_left_in_the_folder_but_ours(continuer: Continuer) -> None:
    continuer.add("t1")
    assert continuer.run().exit_code == 0
    assert continuer.puller.outputs() == {}
    continuer.studio.pass_time()
    assert continuer.puller.pull().exit_code == 0


def test_two_runs_at_a_time_use_one_folder_in_turn(continuer: Continuer) -> None:
    continuer.add("t1")
    with lock_branches(continuer.puller.folder):
        ran = continuer.run()
        assert ran.exit_code == 3
        assert "another `ls-trajedit continue` is running there" in ran.err
        # A pull may go on.
        assert continuer.puller.pull().exit_code == 0
    with lock_folder(continuer.puller.folder):
        assert continuer.run().exit_code == 3
    assert continuer.asked() == []


def test_no_agent_gets_the_token(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.agent(
        """
        import os
        # Each file that is there afterwards is looked through for the token.
        open("seen.txt", "w").write(f"{dict(os.environ)} {sys.argv}")
        print(dict(os.environ), file=sys.stderr)
        print(json.dumps({"messages": [{"role": "assistant", "content": "done"}]}))
        """
    )

    assert continuer.run().exit_code == 0


def test_a_correction_of_a_branch_makes_a_branch_of_the_next_round(continuer: Continuer) -> None:
    continuer.add()
    continuer.run()
    ((second, _),) = continuer.branches().items()
    continuer.agent(
        """
        print(json.dumps({"messages": [{"role": "user", "content": "yes"}, {"role": "assistant", "content": "last"}]}))
        """
    )
    continuer.studio.tasks[second]["data"]["steps"].append({"action": "more", "observation": "ok"})
    continuer.correct(second, "then that")

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    (third,) = continuer.branches().keys() - {second}
    branch = continuer.branches()[third]
    assert (branch.round, branch.parent.task_id, branch.parent.step) == (3, second, 1)
    assert restore_trace(continuer.data(third))["steps"] == [
        {"action": "look better", "observation": "heard look better"},
        {"action": "then that", "observation": "yes"},
        {"action": "last"},
    ]


def test_what_continues_a_superseded_branch_is_superseded_with_it(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    ((second, _),) = continuer.branches().items()
    continuer.studio.tasks[second]["data"]["steps"].append({"action": "more", "observation": "ok"})
    continuer.correct(second, "then that")
    continuer.run()
    (third,) = continuer.branches().keys() - {second}
    continuer.studio.change_annotation(task, 0, result=[fix("look")])

    ran = continuer.run("--json")

    assert ran.json()["superseded"] == 2
    assert continuer.branches()[third].superseded
    # Nobody goes on from a correction of a branch that is superseded.
    continuer.correct(second, "and another")
    assert continuer.run("--json").json()["made"] == []


def test_an_answer_that_is_only_the_final_answer_has_no_new_step(continuer: Continuer) -> None:
    number = continuer.studio.add_task({**trace("t1"), "final_answer": "none"})
    continuer.studio.label_config = plain_config(
        parse_options(OPTIONS, "trajedit.yaml"), {**trace("t1"), "final_answer": "none"}
    )
    continuer.correct(number, "look better")
    continuer.agent(
        """
        print(json.dumps({"messages": [{"role": "user", "content": "it"}, {"role": "assistant", "content": "It."}]}))
        """
    )

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    ((branch, _),) = continuer.branches().items()
    assert continuer.data(branch)["steps"] == []
    assert restore_trace(continuer.data(branch)) == {
        "id": ran.json()["made"][0],
        "task_description": "Find it.",
        "steps": [{"action": "look better", "observation": "it"}],
        "final_answer": "It.",
    }
    assert continuer.puller.pull().exit_code == 0


def test_conversations_that_push_did_not_bring_are_counted_and_not_continued(continuer: Continuer) -> None:
    messages = [
        {"role": "user", "content": "What is x?"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Yes."},
    ]
    continuer.studio.label_config = (
        '<View><Text name="a" value="$messages[1].content"/><TextArea name="better" toName="a"/></View>'
    )
    task = continuer.studio.add_task({"id": "c1", "messages": messages})
    continuer.studio.annotate(task, corrected("Two.", "better", "a"))

    ran = continuer.run()

    assert ran.exit_code == 0, ran.err
    assert "1 correction of conversations that `push` did not bring into the project" in ran.err
    assert continuer.run("--json").json()["not_pushed"] == 1
    assert continuer.asked() == []


def test_what_an_action_of_the_data_manager_made_supersedes_and_continues_nothing(continuer: Continuer) -> None:
    task = continuer.add()
    continuer.run()
    fields = {"lead_time": None, "parent_annotation": 99, "last_action": None}
    continuer.studio.change_annotation(task, 0, **fields)

    ran = continuer.run("--json")

    assert (ran.json()["superseded"], ran.json()["made"]) == (0, [])


def test_a_damaged_state_is_left_for_the_next_pull(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.studio.pass_time()
    continuer.puller.pull()
    state = continuer.puller.folder / ".ls-trajedit" / "state.sqlite"
    state.write_bytes(b"not a database")

    assert len(continuer.run("--json").json()["made"]) == 1
    assert state.read_bytes() == b"not a database"
    ran = continuer.puller.pull()
    assert ran.exit_code == 0
    assert "damaged" in ran.err


def test_the_state_of_another_project_is_not_used(continuer: Continuer) -> None:
    continuer.add("t1")
    continuer.studio.pass_time()
    assert continuer.puller.pull(project=PROJECT + 1).exit_code == 0

    ran = continuer.run("--json")

    assert len(ran.json()["made"]) == 1
    assert "tasks" in ran.asked
    assert continuer.puller.pull("--check", project=PROJECT + 1).exit_code in (0, 1)


def test_the_backend_fills_the_boxes_where_it_does_so_for_other_tasks(continuer: Continuer) -> None:
    continuer.studio.model_version = "ls-trajedit"
    continuer.add("t1")

    assert continuer.run().exit_code == 0

    ((branch, _),) = continuer.branches().items()
    assert continuer.studio.tasks[branch]["predictions"] == []
    assert continuer.studio.model_version == "ls-trajedit"


def test_a_running_import_is_waited_for_before_anything_is_read(continuer: Continuer) -> None:
    continuer.add("t1")
    running = json_reply({"count": 1, "results": [{"id": 7, "status": "created"}]})
    continuer.studio.misbehave(lambda _: running, "imports", times=50)

    ran = continuer.run("--max-wait", "0")

    assert ran.exit_code == 4
    assert "import 7" in ran.err
    assert continuer.asked() == []


def choice(step: int, *choices: str) -> dict[str, object]:
    """The result of the choices that remove a step, or insert one beside it."""
    return {
        "from_name": f"step_{step}__structure",
        "to_name": f"step_{step}__action",
        "type": "choices",
        "value": {"choices": list(choices)},
    }


@pytest.fixture
def restructuring(continuer: Continuer) -> Continuer:
    """Somebody whose project lets steps be removed and inserted."""
    options = f"{OPTIONS}allow_remove: true\nallow_insert: 1\n"
    continuer.studio.label_config = plain_config(parse_options(options, "trajedit.yaml"), trace("t"))
    return continuer


def test_a_trace_goes_on_where_a_removed_step_stood(restructuring: Continuer) -> None:
    task = restructuring.add("t1", None)
    restructuring.studio.annotate(task, choice(0, "Remove this step"))
    restructuring.agent('print(json.dumps({"messages": [{"role": "assistant", "content": "better"}]}))')

    ran = restructuring.run("--json")

    assert ran.exit_code == 0, ran.err
    (asked,) = restructuring.asked()
    assert (asked["messages"], asked["step"]) == ([{"role": "user", "content": "Find it."}], 0)
    ((branch, note),) = restructuring.branches().items()
    assert note.parent.step == -1
    assert restore_trace(restructuring.data(branch))["steps"] == [{"action": "better"}]
    assert restructuring.run("--json").json()["already_there"] == 1


def test_a_trace_goes_on_after_an_inserted_step(restructuring: Continuer) -> None:
    task = restructuring.add("t1", None)
    box = corrected("wait", "step_0__insert_1__action", "step_0__action")
    restructuring.studio.annotate(task, choice(0, "Insert a step after it"), box)

    ran = restructuring.run("--json")

    assert ran.exit_code == 0, ran.err
    (asked,) = restructuring.asked()
    assert [message["content"] for message in asked["messages"]] == ["Find it.", "look", "nothing", "wait"]
    ((branch, note),) = restructuring.branches().items()
    assert note.parent.step == 1
    assert restore_trace(restructuring.data(branch))["steps"] == [
        {"action": "look", "observation": "nothing"},
        {"action": "wait", "observation": "heard wait"},
        {"action": "then this"},
    ]
    # Another text in the box is another correction.
    other = corrected("wait longer", "step_0__insert_1__action", "step_0__action")
    restructuring.studio.change_annotation(task, 0, result=[choice(0, "Insert a step after it"), other])
    again = restructuring.run("--json").json()
    assert (len(again["made"]), again["superseded"]) == (1, 1)


def test_a_branch_of_a_conversation_is_continued_and_its_steps_go_on_counting(continuer: Continuer) -> None:
    def call(identity: str, key: str) -> dict[str, object]:
        made = {"id": identity, "type": "function", "function": {"name": "get", "arguments": {"key": key}}}
        return {"role": "assistant", "content": "", "tool_calls": [made]}

    def fixed(key: str) -> dict[str, object]:
        control = "step_0__call_0__arguments"
        return corrected(json.dumps({"key": key}), f"{control}__corrected", control)

    first = [{"role": "user", "content": "What is x?"}, call("a", "x")]
    heard = {"role": "tool", "tool_call_id": "a", "content": "1"}
    task = use_chats(continuer, {"id": "c1", "messages": [*first, heard, {"role": "assistant", "content": "It is 1."}]})
    continuer.studio.annotate(task, fixed("y"))
    continuer.agent(
        """
        call = asked["messages"][-1]["tool_calls"][0]
        made = {"id": "b", "type": "function", "function": {"name": "get", "arguments": {"key": "z"}}}
        print(json.dumps({"messages": [
            {"role": "tool", "tool_call_id": call["id"], "content": "nothing"},
            {"role": "assistant", "content": "", "tool_calls": [made]},
            {"role": "tool", "tool_call_id": "b", "content": "3"},
            {"role": "assistant", "content": "It is 3."},
        ]}))
        """
    )
    assert continuer.run().exit_code == 0
    ((second, _),) = continuer.branches().items()
    continuer.studio.annotate(second, fixed("w"))

    ran = continuer.run("--json")

    assert ran.exit_code == 0, ran.err
    (third,) = continuer.branches().keys() - {second}
    (asked,) = [asked for asked in continuer.asked() if asked["id"] == ran.json()["made"][0]]
    assert asked["messages"] == [
        first[0],
        call("a", "y"),
        {"role": "tool", "tool_call_id": "a", "content": "nothing"},
        call("b", "w"),
    ]
    assert asked["metadata"]["round"] == 3
    assert asked["id"].startswith(continuer.data(second)["id"] + "~")
    titles = [step["title"] for number in (task, second, third) for step in continuer.data(number)["steps"]]
    assert titles == ["Step 1", "Step 2", "Step 2", "Step 3", "Step 3", "Step 4"]


def test_boxes_of_a_new_kind_are_filled_in_every_task(continuer: Continuer) -> None:
    messages = [
        {"role": "user", "content": "What is x?"},
        {"role": "assistant", "content": "Which x?"},
        {"role": "user", "content": "Any."},
        {"role": "assistant", "content": "It is 1."},
    ]
    task = use_chats(continuer, {"id": "c1", "messages": messages})
    before = continuer.studio.model_version = prediction_version(continuer.studio.label_config)
    continuer.studio.annotate(task, corrected("Say which.", "step_0__content__corrected", "step_0__content"))
    continuer.agent(
        """
        call = {"id": "a", "type": "function", "function": {"name": "get", "arguments": {}}}
        said = {"role": "assistant", "content": "", "tool_calls": [call]}
        print(json.dumps({"messages": [{"role": "user", "content": "Mine."}, said]}))
        """
    )

    ran = continuer.run()

    assert ran.exit_code == 0, ran.err
    ((branch, _),) = continuer.branches().items()
    after = continuer.studio.model_version
    assert after == prediction_version(continuer.studio.label_config) != before
    assert ran.asked.index("change") < ran.asked.index("predictions") < ran.asked.index("import")
    (prediction,) = continuer.studio.tasks[branch]["predictions"]
    assert prediction["model_version"] == after
    texts = {result["from_name"]: result["value"]["text"] for result in prediction["result"]}
    assert texts["step_0__call_0__arguments__corrected"] == ["{}"]
