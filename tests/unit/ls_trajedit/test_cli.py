"""The command line: help, errors in a line, and what is printed where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ls_trajedit
from ls_trajedit import input_streams
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.options_file import parse_options
from tests.support.exports import EDIT, UNKNOWN, annotation, export, task

TRACE = '{"id": "a", "task": "t", "steps": [{"thought": "x", "action": "y"}], "final_answer": "z"}\n'


def in_a_process(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ls_trajedit", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


def test_the_version_is_printed(run: Callable[..., Any]) -> None:
    assert run("--version").out == f"ls-trajedit {ls_trajedit.__version__}\n"


@pytest.mark.parametrize("command", ["init", "traces", "config", "push", "pull", "convert"])
def test_every_command_says_what_it_does(run: Callable[..., Any], command: str) -> None:
    assert command in run("--help").out
    ran = run(command, "--help")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "Usage" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"), [(["nope"], "nope"), (["config", "--colour"], "--colour"), (["pull"], "--project")]
)
def test_an_unknown_command_or_option_is_a_usage_error(
    run: Callable[..., Any], arguments: list[str], message: str
) -> None:
    ran = run(*arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert message in ran.err


# config


def test_config_prints_the_config_for_the_traces(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    ran = run("config", "t.jsonl")
    assert (ran.exit_code, ran.err) == (0, "")
    assert [editor.control for editor in read_config(ran.out).fixed.editors] == ["step_0__action__corrected"]


def test_config_takes_the_options_of_the_folder_or_those_that_are_named(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    (tmp_path / "trajedit.yaml").write_text("editable_fields: [thought]", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("edit_final_answer: true", encoding="utf-8")
    assert list(read_config(run("config", "t.jsonl").out).fields()) == ["thought"]
    assert list(read_config(run("config", "t.jsonl", "--options", "other.yaml").out).fields()) == [
        "action",
        "final_answer",
    ]


def test_config_needs_traces_or_a_number_of_steps(run: Callable[..., Any], tmp_path: Path) -> None:
    ran = run("config")
    assert (ran.exit_code, ran.out) == (3, "")
    assert "give the traces, or set `max_steps`" in ran.err
    (tmp_path / "trajedit.yaml").write_text("max_steps: 2", encoding="utf-8")
    assert run("config").exit_code == 0


def test_config_refuses_invalid_traces_unless_they_are_to_be_skipped(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE + "broken\n", encoding="utf-8")
    ran = run("config", "t.jsonl")
    assert (ran.exit_code, ran.out) == (5, "")
    assert ran.err.startswith("ls-trajedit: t.jsonl:2: not JSON: ")
    skipped = run("config", "t.jsonl", "--skip-invalid")
    assert skipped.exit_code == 0
    assert skipped.err.splitlines()[-1] == "1 invalid trace skipped, 1 trace read"
    assert read_config(skipped.out).max_steps == 1


def test_config_refuses_an_editable_field_that_no_step_has(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    (tmp_path / "trajedit.yaml").write_text("editable_fields: [acton]", encoding="utf-8")
    ran = run("config", "t.jsonl")
    assert (ran.exit_code, ran.err) == (
        3,
        "ls-trajedit: t.jsonl: no step has `acton`, which `editable_fields` names; did you mean `action`? "
        "(fields of the steps: thought, action)\n",
    )


def test_config_names_the_options_file_in_its_errors(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "trajedit.yaml").write_text("show_dif: true", encoding="utf-8")
    ran = run("config")
    assert ran.exit_code == 3
    assert ran.err.startswith("ls-trajedit: trajedit.yaml: `show_dif` is not an option; did you mean `show_diff`?")


# init


def test_init_writes_options_that_config_then_takes(run: Callable[..., Any], tmp_path: Path) -> None:
    trace = {"uuid": 1, "prompt": "p", "turns": [{"content": "é"}], "answer": "a"}
    (tmp_path / "t.jsonl").write_text(json.dumps(trace), encoding="utf-8")
    ran = run("init", "t.jsonl")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "wrote trajedit.yaml: 1 trace, up to 1 step\n")
    options = parse_options((tmp_path / "trajedit.yaml").read_text(encoding="utf-8"), "x")
    assert (options.steps_key, options.editable_fields, options.edit_final_answer) == ("turns", ["content"], True)
    assert list(read_config(run("config", "t.jsonl").out).fields()) == ["content", "answer"]


CHAT = {
    "id": "c",
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "done"},
        {"role": "assistant", "content": "Hello"},
    ],
}


def test_init_says_what_chats_it_saw_and_what_it_chose_and_config_takes_it(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CHAT), encoding="utf-8")
    ran = run("init", "t.json")
    assert (ran.exit_code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        "wrote trajedit.yaml: 1 trace, up to 2 steps",
        "format: openai-chat (a list `messages` of messages with `role` and `content`)",
        "to be rewritten: content, tool_calls[*].arguments",
    ]
    options = parse_options((tmp_path / "trajedit.yaml").read_text(encoding="utf-8"), "x")
    assert (options.from_, options.editable_fields) == ("openai-chat", ["content", "tool_calls[*].arguments"])
    fields = read_config(run("config", "t.json").out).fields()
    assert fields == {"tool_calls[0].arguments": 1, "content": 1}


def test_init_and_config_refuse_chats_and_plain_steps_in_one_file(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE + json.dumps(CHAT), encoding="utf-8")
    for command in ("init", "config"):
        ran = run(command, "t.jsonl")
        assert (ran.exit_code, ran.out) == (5, "")
        assert ran.err.startswith("ls-trajedit: t.jsonl: 1 trace is a chat (openai-chat) and 1 is plain steps;")


def test_config_refuses_a_field_that_chats_do_not_have(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CHAT), encoding="utf-8")
    (tmp_path / "trajedit.yaml").write_text("editable_fields: [contents]", encoding="utf-8")
    ran = run("config", "t.json")
    assert ran.exit_code == 3
    assert ran.err.startswith("ls-trajedit: t.json: these are chats, whose steps have no `contents`, which")
    assert "did you mean `content`?" in ran.err
    (tmp_path / "trajedit.yaml").write_text("editable_fields: [reasoning]", encoding="utf-8")
    assert run("config", "t.json").err.startswith("ls-trajedit: t.json: no step of the agent's has `reasoning`, which")


def test_one_id_of_several_keys_is_for_chats_only(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    (tmp_path / "trajedit.yaml").write_text("id_key: [id, trial]", encoding="utf-8")
    ran = run("config", "t.jsonl")
    assert ran.exit_code == 3
    assert ran.err.startswith(
        "ls-trajedit: t.jsonl: `id_key` names several keys (id, trial), and only the id of a chat"
    )


def test_init_does_not_replace_a_file_without_force(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    (tmp_path / "trajedit.yaml").write_text("name: mine", encoding="utf-8")
    ran = run("init", "t.jsonl")
    assert ran.exit_code == 2
    assert "trajedit.yaml: already exists" in ran.err
    assert (tmp_path / "trajedit.yaml").read_text() == "name: mine"
    assert run("init", "t.jsonl", "-o", "other.yaml").exit_code == 0
    assert run("init", "t.jsonl", "--force").exit_code == 0
    assert "steps_key: steps" in (tmp_path / "trajedit.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "message", "exit_code"),
    [
        ("a,b\n1,2\n", "t.jsonl:1: not JSON: ", 5),
        ("", "t.jsonl: no traces in it", 5),
        ('{"id": "a"}', "t.jsonl: no key of the traces holds a list of objects or strings (keys: id)", 5),
        (TRACE + '{"id": "b"}', "t.jsonl:2: no steps: the trace has no `steps`", 5),
    ],
)
def test_init_says_why_it_cannot_read_the_traces(
    run: Callable[..., Any], tmp_path: Path, text: str, message: str, exit_code: int
) -> None:
    (tmp_path / "t.jsonl").write_text(text, encoding="utf-8")
    ran = run("init", "t.jsonl")
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert ran.err.startswith(f"ls-trajedit: {message}")
    assert not (tmp_path / "trajedit.yaml").exists()


def test_init_that_cannot_write_its_file_says_so(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    ran = run("init", "t.jsonl", "-o", "nowhere/trajedit.yaml")
    assert ran.exit_code == 2
    assert ran.err.startswith("ls-trajedit: nowhere/trajedit.yaml: cannot be written: No such file or directory")


# What only a separate process shows.


def test_traces_come_from_standard_input_too(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ls_trajedit", "config", "-"],
        cwd=tmp_path,
        input=TRACE.encode() + b"broken",
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 5
    assert ran.stderr.startswith(b"ls-trajedit: standard input:2: not JSON: ")


def test_what_is_printed_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "trajedit.yaml").write_text("max_steps: 1\ndescription: Prüfen, 確認 😀", encoding="utf-8")
    ran = in_a_process(tmp_path, "config", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "Prüfen, 確認 😀" in ran.stdout.decode("utf-8")


def test_every_command_works_under_the_code_page_of_windows_and_writes_the_same_bytes(tmp_path: Path) -> None:
    commands = (
        ("init", "traces.jsonl", "-o", "made.yaml"),
        ("traces", "traces.jsonl"),
        ("traces", "traces.jsonl", "--as", "messages"),
        ("config", "traces.jsonl", "--options", "options.yaml"),
        ("convert", "export.json", "--config", "config.xml", "-o", "data"),
        ("verify", "data"),
        ("report", "data"),
        ("live-diff", "--print"),
    )
    text = {"original": "看 → 😀 café", "corrected": "看 → 😁 café"}
    trace = {"id": "ид", "task": "Prüfen", "steps": [{"action": text["original"]}]}
    result = {"from_name": "b", "to_name": "a", "type": "textarea", "value": {"text": [text["corrected"]]}}
    task = {"id": 1, "data": trace, "annotations": [{"id": 2, "completed_by": 3, "result": [result]}]}
    config = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'
    made: list[dict[str, bytes]] = []
    for name, environment in (
        ("utf-8", {"PYTHONUTF8": "1"}),
        # A legacy code page for what is printed, and ASCII for the names and the contents of files.
        ("cp1252", {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "traces.jsonl").write_text(json.dumps(trace, ensure_ascii=False), encoding="utf-8")
        (folder / "options.yaml").write_text("description: 確認 😀\n", encoding="utf-8")
        (folder / "export.json").write_text(json.dumps([task], ensure_ascii=False), encoding="utf-8")
        (folder / "config.xml").write_text(config, encoding="utf-8")
        printed: dict[str, bytes] = {}
        for arguments in commands:
            ran = in_a_process(folder, *arguments, **environment)
            assert ran.returncode == 0, (arguments, ran.stderr)
            assert b"Traceback" not in ran.stderr
            printed[" ".join(arguments)] = ran.stdout
        files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".ls-trajedit" not in path.parts)
        made.append({**{str(path.relative_to(folder)): path.read_bytes() for path in files}, **printed})
    assert made[0].keys() == made[1].keys()
    assert [name for name, content in made[0].items() if content != made[1][name]] == []
    assert "確認 😀" in made[1]["config traces.jsonl --options options.yaml"].decode("utf-8")
    (row,) = map(json.loads, made[1]["data/trajectory_dpo.jsonl"].splitlines())
    assert row["chosen"]["steps"] == [{"action": text["corrected"]}]


@pytest.mark.parametrize("arguments", [["config"], ["--help"], ["--version"]])
def test_a_full_disk_under_standard_output_is_reported_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "trajedit.yaml").write_text("max_steps: 1", encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "ls_trajedit", *arguments],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ran.returncode == 5
    assert ran.stderr.startswith(b"ls-trajedit: reading or writing failed: ")
    assert b"No space left on device" in ran.stderr
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["config"], ["--version"]])
def test_a_reader_that_has_gone_is_not_an_error(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    (tmp_path / "trajedit.yaml").write_text("max_steps: 1", encoding="utf-8")
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "ls_trajedit", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write_end)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
@pytest.mark.parametrize("command", ["traces", "config", "init", "push", "convert"])
def test_every_command_ends_on_a_signal(
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    number: int,
    code: int,
    said: str,
) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")
    monkeypatch.setattr(input_streams, "open_input", lambda path: signal.raise_signal(number))
    ran = run(command, "t.jsonl", *(["--title", "Agents"] if command == "push" else []))
    assert (ran.exit_code, ran.out, ran.err) == (code, "", f"ls-trajedit: {said}\n")


def test_a_command_whose_terminal_was_closed_ends_without_a_traceback(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.jsonl").write_text(TRACE, encoding="utf-8")

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    def close(path: Path) -> None:
        monkeypatch.setattr(sys.stderr, "write", fail)
        signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(input_streams, "open_input", close)
    assert run("traces", "t.jsonl").exit_code == 129


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_command_that_was_started_without_an_output_writes_its_files(tmp_path: Path, closed: tuple[int, ...]) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT), annotation(2, UNKNOWN)))

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    command = [sys.executable, "-m", "ls_trajedit", "convert", name]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, preexec_fn=close, check=False)
    assert (said.returncode, b"Traceback" in said.stderr) == (0, False)
    assert in_a_process(tmp_path, "verify", "data").returncode == 0
