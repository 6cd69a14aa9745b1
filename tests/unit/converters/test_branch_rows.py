"""What a run makes of branches and of what they continue. The rows are worked out by hand from the traces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.traces.model import Message, Text
from tests.support.branches import (
    CHAT_CONFIG,
    PLAIN_CONFIG,
    annotation,
    branch_of_chat,
    branch_of_plain,
    chat_parent,
    labelled,
    plain_parent,
    typed,
)

NEW_ROUND = (Message("assistant", (Text("It is done."),)),)
TASK = {"role": "user", "content": "Double a."}
LOOK = {"role": "assistant", "content": "Thought: Look.\nAction: get(key='a')"}


class Converted:
    """What `ls-trajedit convert` has written."""

    def __init__(self, folder: Path, out: str) -> None:
        self.folder = folder
        self.out = out
        self.manifest = json.loads((folder / "manifest.json").read_text())

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def left_out(self, name: str) -> dict[str, int]:
        found: dict[str, int] = next(file for file in self.manifest["files"] if file["file"] == name)["left_out"]
        return {reason: count for reason, count in found.items() if count}

    @property
    def records(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = json.loads((self.folder / "trajectory_corrections.json").read_text())["records"]
        return records


Convert = Callable[..., Converted]


@pytest.fixture
def convert(run: Callable[..., Any], tmp_path: Path) -> Convert:
    def converted(*tasks: dict[str, Any], options: tuple[str, ...] = (), config: str = PLAIN_CONFIG) -> Converted:
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        (tmp_path / "config.xml").write_text(config)
        formats = (
            "corrections sft dpo trl-sft trl-dpo trl-dpo-trajectory trl-kto openai-sft openai-dpo prm llamafactory"
        )
        named = [word for name in formats.split() for word in ("--format", name)]
        ran = run("convert", "export.json", "-o", "out", "--config", "config.xml", *named, *options)
        assert ran.exit_code == 0, ran.err
        return Converted(tmp_path / "out", ran.out)

    return converted


def test_without_branches_rows_have_no_column_for_them(convert: Convert) -> None:
    (row,) = convert(plain_parent()).rows("trl/sft.jsonl")
    assert "regenerated" not in row


def test_a_record_of_a_branch_holds_the_whole_trace_and_counts_from_its_start(convert: Convert) -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    converted = convert(parent, branch)
    _, record = converted.records
    locked = {"thought": "Look.", "action": "get(key='a')", "observation": "7"}
    new = {"thought": "Twice.", "action": "put(key='a', value=15)", "observation": "ok"}
    assert record["original_trace"] == {"task": "Double a.", "steps": [locked, new], "final_answer": "It is 15."}
    corrected = {**new, "action": "put(key='a', value=14)"}
    assert record["corrected_trace"]["steps"] == [locked, corrected]
    (edit,) = record["edits"]
    assert (edit["step_index"], edit["field"], edit["edited_text"]) == (1, "action", "put(key='a', value=14)")
    source = record["source"]["branch"]
    assert (source["parent"]["trace_id"], source["parent"]["annotation_id"], source["round"]) == ("t1", 8, 2)
    assert list(source) == ["parent", "round"]
    assert record["trace_id"].startswith("t1~")


def test_rows_of_a_branch_are_not_stale(convert: Convert) -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    converted = convert(parent, branch)
    of_parent, of_branch = converted.rows("trl/dpo.jsonl")
    assert of_branch["prompt"] == [TASK, LOOK, {"role": "user", "content": "Observation: 7"}]
    assert of_branch["chosen"][0]["content"] == "Thought: Twice.\nAction: put(key='a', value=14)"
    assert of_branch["rejected"][0]["content"] == "Thought: Twice.\nAction: put(key='a', value=15)"
    assert (of_branch["step"], of_branch["prefix_stale"], of_branch["regenerated"]) == (1, False, False)
    assert (of_parent["step"], of_parent["prefix_stale"], of_parent["regenerated"]) == (0, False, False)


def test_what_was_regenerated_and_judged_says_so(convert: Convert) -> None:
    parent = plain_parent()
    (row, _) = convert(parent, branch_of_plain(parent, annotation(9))).rows("trl/sft_prompt_completion.jsonl"), None
    whole = convert(parent, branch_of_plain(parent, annotation(9))).rows("trl/sft.jsonl")
    assert [(found["prefix_stale"], found["regenerated"]) for found in whole] == [(True, True)]
    assert [(found["step"], found["regenerated"]) for found in row] == [(0, False)]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([], id="nobody"),
        pytest.param([annotation(9, was_cancelled=True)], id="skipped"),
        pytest.param([annotation(9, lead_time=None, import_id=None, last_action="prediction")], id="an action"),
    ],
)
def test_a_branch_that_nobody_judged_regenerates_nothing(convert: Convert, given: list[dict[str, Any]]) -> None:
    if given and given[0].get("last_action") == "prediction":
        given = [{**given[0], "parent_prediction": 4, "lead_time": None}]
    parent = plain_parent()
    (row,) = convert(parent, branch_of_plain(parent, *given)).rows("trl/sft.jsonl")
    assert (row["prefix_stale"], row["regenerated"]) == (True, False)


def test_exclude_keeps_a_regenerated_trajectory_up_to_where_the_branch_goes_on(convert: Convert) -> None:
    later = annotation(8, typed("step_0__action", "get(key='a')"), typed("step_1__thought", "Store it."))
    parent = plain_parent(later)
    unjudged = convert(parent, branch_of_plain(parent), options=("--stale", "exclude"))
    assert unjudged.rows("trl/sft.jsonl") == []
    assert unjudged.left_out("trl/sft.jsonl") == {"stale": 1}
    assert unjudged.left_out("trl/dpo.jsonl") == {"stale": 1}
    judged = convert(parent, branch_of_plain(parent, annotation(9)), options=("--stale", "exclude"))
    (row,) = judged.rows("trl/sft.jsonl")
    assert row["messages"] == [TASK, LOOK]
    assert (row["step"], row["n_edits"], row["prefix_stale"], row["regenerated"]) == (0, 1, False, True)
    assert [found["step"] for found in judged.rows("trl/dpo.jsonl")] == [0]
    assert judged.left_out("trl/dpo.jsonl") == {"regenerated": 1}


def test_a_branch_of_a_correction_that_has_changed_gives_no_rows(convert: Convert) -> None:
    branch = branch_of_plain(plain_parent(), annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    changed = plain_parent(annotation(8, typed("step_0__action", "get(key='A')")))
    converted = convert(changed, branch)
    assert [record["source"].get("branch", {}).get("superseded") for record in converted.records] == [None, True]
    assert [row["step"] for row in converted.rows("trl/dpo.jsonl")] == [0]
    assert len(converted.rows("trajectory_sft.jsonl")) == len(converted.rows("trajectory_dpo.jsonl")) == 1
    assert converted.manifest["counts"]["superseded"] == 1
    assert "1 annotation of a branch whose correction has changed since" in converted.out
    assert [row["regenerated"] for row in converted.rows("trl/sft.jsonl")] == [False]


@pytest.mark.parametrize(
    "parent",
    [
        pytest.param(plain_parent(annotation(10, typed("step_0__action", "get(key='a')"))), id="another annotation"),
        pytest.param(plain_parent(annotation(8, was_cancelled=True)), id="skipped"),
        pytest.param({**plain_parent(), "annotations": []}, id="deleted"),
        pytest.param(None, id="no task"),
        pytest.param(plain_parent(annotation(8, typed("step_0__nothing", "x"))), id="rejected"),
    ],
)
def test_a_branch_of_a_correction_that_is_gone_gives_no_rows(convert: Convert, parent: dict[str, Any] | None) -> None:
    branch = branch_of_plain(plain_parent(), annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    converted = convert(*([] if parent is None else [parent]), branch)
    assert converted.manifest["counts"]["superseded"] == 1
    assert all(row["trace_id"] == "t1" for row in converted.rows("trl/dpo.jsonl"))


def test_a_branch_without_an_id_gives_no_rows_because_nobody_knows_whether_it_is_superseded(convert: Convert) -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    del branch["id"]
    converted = convert(parent, branch)
    assert converted.manifest["counts"]["superseded"] == 1
    assert [(row["trace_id"], row["regenerated"]) for row in converted.rows("trl/dpo.jsonl")] == [("t1", False)]


def test_a_change_that_shows_only_after_the_cut_is_left_out_as_regenerated(convert: Convert) -> None:
    # White space at the end is nothing that the row shows, and an act all the same.
    later = annotation(8, typed("step_0__action", "get(key='b') "), typed("step_1__thought", "Store it."))
    parent = plain_parent(later)
    converted = convert(parent, branch_of_plain(parent, annotation(9)), options=("--stale", "exclude"))
    assert converted.rows("trl/sft.jsonl") == []
    assert converted.left_out("trl/sft.jsonl") == {"regenerated": 1}


def test_a_branch_of_a_superseded_branch_is_superseded(convert: Convert) -> None:
    parent = plain_parent()
    second = branch_of_plain(parent, annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    third = branch_of_plain(second, annotation(10, typed("step_0__thought", "Fine.")), task=7, new=NEW_ROUND, keep=2)
    as_it_was = convert(parent, second, third)
    assert [record["source"].get("branch", {}).get("round") for record in as_it_was.records] == [None, 2, 3]
    assert "superseded" not in as_it_was.manifest["counts"]
    changed = plain_parent(annotation(8, typed("step_0__action", "get(key='A')")))
    converted = convert(changed, second, third)
    assert converted.manifest["counts"]["superseded"] == 2
    assert [row["trace_id"] for row in converted.rows("trl/dpo.jsonl")] == ["t1"]


def test_a_time_leaves_out_the_correction_and_not_its_branch(convert: Convert) -> None:
    parent = plain_parent()
    later = annotation(9, typed("step_0__action", "put(key='a', value=14)"), updated_at="2026-11-22T10:00:00Z")
    converted = convert(parent, branch_of_plain(parent, later), options=("--since", "2026-11-21"))
    assert converted.manifest["counts"]["excluded"] == 1
    assert [row["step"] for row in converted.rows("trl/dpo.jsonl")] == [1]


def test_accepted_branches_give_sft_rows(convert: Convert) -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, annotation(9))
    without = convert(parent, branch)
    assert [row["trace_id"] for row in without.rows("trl/sft.jsonl")] == ["t1"]
    assert "accepted_branches" not in without.manifest["counts"]
    converted = convert(parent, branch, options=("--accept-branches",))
    _, whole = converted.rows("trl/sft.jsonl")
    assert [message["content"] for message in whole["messages"]] == [
        "Double a.",
        "Thought: Look.\nAction: get(key='a')",
        "Observation: 7",
        "Thought: Twice.\nAction: put(key='a', value=15)",
        "Observation: ok",
        "Final Answer: It is 15.",
    ]
    assert (whole["step"], whole["n_edits"], whole["prefix_stale"], whole["regenerated"]) == (-1, 0, False, False)
    steps = converted.rows("trl/sft_prompt_completion.jsonl")[1:]
    assert [(row["step"], row["completion"][0]["content"].splitlines()[-1]) for row in steps] == [
        (1, "Action: put(key='a', value=15)"),
        (2, "Final Answer: It is 15."),
    ]
    assert [len(row["prompt"]) for row in steps] == [3, 5]
    _, chat = converted.rows("openai/sft.jsonl")
    assert [message.get("weight") for message in chat["messages"]] == [None, 0, None, 1, None, 1]
    assert len(converted.rows("trajectory_sft.jsonl")) == 2
    assert len(json.loads((converted.folder / "llamafactory/sft.json").read_text())) == 2
    for pairs in ("trl/dpo.jsonl", "trl/dpo_trajectory.jsonl", "openai/dpo.jsonl", "trajectory_dpo.jsonl"):
        assert len(converted.rows(pairs)) == 1
    assert converted.manifest["counts"]["accepted_branches"] == 1
    assert converted.manifest["training"]["accept_branches"] is True
    assert "1 trace continued and accepted without a correction" in converted.out


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([annotation(9, typed("step_0__thought", "Store."))], id="edited"),
        pytest.param([annotation(9, labelled("step_0__thought", "wrong"))], id="called wrong"),
        pytest.param([annotation(9), annotation(10, typed("step_0__thought", "Store."))], id="edited by another"),
        pytest.param([annotation(9, was_cancelled=True)], id="skipped"),
        pytest.param([], id="nobody"),
    ],
)
def test_a_branch_in_which_something_is_wrong_is_not_accepted(convert: Convert, given: list[dict[str, Any]]) -> None:
    parent = plain_parent()
    converted = convert(parent, branch_of_plain(parent, *given), options=("--accept-branches",))
    assert "accepted_branches" not in converted.manifest["counts"]
    assert all(row["n_edits"] for row in converted.rows("trl/sft.jsonl"))


def test_a_superseded_branch_is_not_accepted(convert: Convert) -> None:
    branch = branch_of_plain(plain_parent(), annotation(9))
    changed = plain_parent(annotation(8, typed("step_0__action", "get(key='A')")))
    converted = convert(changed, branch, options=("--accept-branches",))
    assert "accepted_branches" not in converted.manifest["counts"]
    assert [row["trace_id"] for row in converted.rows("trl/sft.jsonl")] == ["t1"]


@pytest.mark.parametrize(("policy", "count"), [("all", 1), ("latest", 1), ("agree", 1)])
def test_what_several_people_accept_is_there_once(convert: Convert, policy: str, count: int) -> None:
    parent = plain_parent(
        annotation(8, typed("step_0__action", "get(key='a')")),
        {**annotation(12, typed("step_0__action", "get(key='a')")), "completed_by": 4},
    )
    branch = branch_of_plain(parent, annotation(9), {**annotation(10), "completed_by": 4})
    converted = convert(parent, branch, options=("--accept-branches", "--annotators-policy", policy))
    accepted = [row for row in converted.rows("trl/sft.jsonl") if row["n_edits"] == 0]
    assert len(accepted) == converted.manifest["counts"]["accepted_branches"] == count


def test_one_person_alone_does_not_agree_that_a_branch_is_right(convert: Convert) -> None:
    parent = plain_parent()
    converted = convert(
        parent, branch_of_plain(parent, annotation(9)), options=("--accept-branches", "--annotators-policy", "agree")
    )
    assert "accepted_branches" not in converted.manifest["counts"]


def test_rows_of_a_conversation_that_is_a_branch(convert: Convert) -> None:
    parent = chat_parent()
    branch = branch_of_chat(parent, annotation(9, typed("step_1__content", "It is 14.")))
    converted = convert(parent, branch, config=CHAT_CONFIG)
    of_parent, of_branch = converted.rows("trl/sft_prompt_completion.jsonl")
    call = {"id": "k1", "type": "function", "function": {"name": "get", "arguments": {"key": "a"}}}
    put = {"id": "k2", "type": "function", "function": {"name": "put", "arguments": {"key": "a", "value": 15}}}
    assert of_branch["prompt"] == [
        TASK,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "7", "tool_call_id": "k1"},
        {"role": "assistant", "content": "", "reasoning_content": "Twice.", "tool_calls": [put]},
        {"role": "tool", "content": "ok", "tool_call_id": "k2"},
    ]
    assert of_branch["completion"] == [{"role": "assistant", "content": "It is 14."}]
    assert (of_branch["step"], of_branch["prefix_stale"], of_branch["regenerated"]) == (1, False, False)
    assert of_parent["step"] == 0
    _, record = converted.records
    assert record["source"]["format"] == "atif"
    assert "parent" not in record["source"]["extra"]
    assert record["source"]["branch"]["parent"]["task_id"] == 5
    stale, whole = converted.rows("trl/sft.jsonl")
    assert (stale["prefix_stale"], stale["regenerated"]) == (True, True)
    assert [message["role"] for message in whole["messages"]] == ["user", "assistant", "tool"] * 1 + [
        "assistant",
        "tool",
        "assistant",
    ]


def test_a_conversation_that_is_a_branch_can_be_accepted(convert: Convert) -> None:
    parent = chat_parent()
    converted = convert(
        parent, branch_of_chat(parent, annotation(9)), config=CHAT_CONFIG, options=("--accept-branches",)
    )
    steps = converted.rows("trl/sft_prompt_completion.jsonl")[1:]
    assert [(row["step"], row["n_edits"], len(row["prompt"])) for row in steps] == [(0, 0, 3), (1, 0, 5)]
    assert steps[1]["completion"] == [{"role": "assistant", "content": "It is 15."}]
    _, chat = converted.rows("openai/sft.jsonl")
    assert [message.get("weight") for message in chat["messages"] if message["role"] == "assistant"] == [0, 1, 1]


def test_a_branch_is_in_the_split_of_the_trace_with_which_it_began(convert: Convert) -> None:
    parents, branches = [], []
    for number in range(12):
        parent = plain_parent(annotation(100 + number, typed("step_0__action", "get(key='a')")), task=10 + number)
        parent["data"] = {**parent["data"], "id": f"t{number}", "task_description": ""}
        fixed = annotation(200 + number, typed("step_0__thought", "Fine."))
        parents.append(parent)
        branches.append(branch_of_plain(parent, fixed, task=50 + number))
    converted = convert(*parents, *branches, options=("--split", "train=0.5,test=0.5"))
    for split in ("train", "test"):
        roots = [row["trace_id"].split("~")[0] for row in converted.rows(f"trl/dpo.{split}.jsonl")]
        assert len(roots) == 2 * len(set(roots))
        assert roots


def test_prm_has_the_steps_before_a_branch_as_right(convert: Convert) -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, annotation(9, typed("step_0__action", "put(key='a', value=14)")))
    _, row = convert(parent, branch).rows("prm/prm.jsonl")
    assert row["completions"][0] == "Thought: Look.\nAction: get(key='a')"
    assert row["labels"] == [True, False, True]
    assert row["regenerated"] is False
