"""`ls-trajedit traces`: what is made of a file, for a person and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHAT = {
    "id": "c",
    "messages": [
        {"role": "user", "content": "Add 1 and 2."},
        {"role": "assistant", "tool_calls": [{"function": {"name": "add", "arguments": '{"a": 1}'}}]},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": "It is 3."},
    ],
    "tools": [{"type": "function", "function": {"name": "add", "description": "", "parameters": {}}}],
}
STEPS = {"id": "s", "task": "Hi", "steps": ["look", {"action": "wait"}], "final_answer": "Bye"}


def file(folder: Path, *traces: Any) -> None:
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, traces)), encoding="utf-8")


def test_the_summary_says_what_is_in_the_file(run: Callable[..., Any], tmp_path: Path) -> None:
    file(tmp_path, CHAT, CHAT)
    ran = run("traces", "t.jsonl")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "t.jsonl: 1 trace",
        "  format      openai-chat: a list `messages` of messages with `role` and `content`",
        "  copies      1, read once",
        "  steps       2 of the agent's, at most 2 in a trace",
        "  messages    user 1, assistant 2, tool 1",
        "  calls       add 1",
        "  tools       add",
    ]
    summary = json.loads(run("traces", "t.jsonl", "--json").out)
    assert (summary["traces"], summary["steps"], summary["calls"], summary["invalid"]) == (1, 2, {"add": 1}, [])


def test_invalid_traces_are_counted_and_said_unless_they_are_to_be_skipped(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    file(tmp_path, CHAT, {"id": "b"})
    ran = run("traces", "t.jsonl")
    assert (ran.exit_code, ran.out.splitlines()[-1]) == (5, "  invalid     1")
    assert ran.err.startswith("ls-trajedit: t.jsonl:2: no steps: the trace has no `steps`\n")
    assert run("traces", "t.jsonl", "--skip-invalid").exit_code == 0
    refused = run("traces", "t.jsonl", "--as", "messages")
    assert (refused.exit_code, refused.out) == (5, "")
    assert len(run("traces", "t.jsonl", "--as", "messages", "--skip-invalid").out.splitlines()) == 1


def test_each_trace_is_a_line_of_messages_whatever_its_shape(run: Callable[..., Any], tmp_path: Path) -> None:
    file(tmp_path, STEPS, CHAT)
    steps, chat = map(json.loads, run("traces", "t.jsonl", "--as", "messages").out.splitlines())
    call = {"id": "call00001", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
    assert chat == {
        "id": "c",
        "messages": [
            {"role": "user", "content": "Add 1 and 2."},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "3", "tool_call_id": "call00001"},
            {"role": "assistant", "content": "It is 3."},
        ],
        "tools": CHAT["tools"],
    }
    assert steps["id"] == "s"
    assert [(message["role"], message["content"]) for message in steps["messages"]] == [
        ("user", "Hi"),
        ("assistant", "look"),
        ("assistant", "wait"),
        ("assistant", "Bye"),
    ]


def test_each_trace_is_a_line_of_atif(run: Callable[..., Any], tmp_path: Path) -> None:
    file(tmp_path, CHAT)
    trajectory = json.loads(run("traces", "t.jsonl", "--as", "atif").out)
    assert trajectory["schema_version"].startswith("ATIF-v1.")
    assert [step["source"] for step in trajectory["steps"]] == ["user", "agent", "agent"]


def test_each_trace_that_the_plain_shape_can_express_is_a_line_of_it(run: Callable[..., Any], tmp_path: Path) -> None:
    with_system = {"id": "d", "messages": [{"role": "system", "content": "Be kind."}, *CHAT["messages"]]}
    file(tmp_path, STEPS, CHAT, with_system)
    ran = run("traces", "t.jsonl", "--as", "steps")
    plain, chat = map(json.loads, ran.out.splitlines())
    assert plain == STEPS
    assert chat == {
        "id": "c",
        "task_description": "Add 1 and 2.",
        "steps": [
            {"action": {"name": "add", "arguments": {"a": 1}}, "observation": "3"},
            {"action": "It is 3."},
        ],
    }
    assert ran.exit_code == 5
    assert ran.err.splitlines() == [
        "t.jsonl:3: the plain shape cannot express it: it has a system prompt",
        "ls-trajedit: 1 of 3 traces not printed",
    ]


def test_json_goes_with_the_summary(run: Callable[..., Any], tmp_path: Path) -> None:
    file(tmp_path, CHAT)
    ran = run("traces", "t.jsonl", "--as", "atif", "--json")
    assert (ran.exit_code, ran.out) == (2, "")
