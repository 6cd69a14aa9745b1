"""What others wrote, printed by real processes: no byte of it commands a terminal, and no line of it a CI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from .hostile_label_studio import corrected
from .misbehaviour import refusing, saying
from .puller import Puller
from .reply import Reply

NASTY = "a\x1b[2J\x9b1A\u202eb\u2066c\u2028::warning::d\r\n::error file=x::e\n##[add-mask]f ##vso[task.complete]g\x07"
"""All of it at once."""

# What a terminal obeys or hides, and what is a line to somebody; not the newline.
COMMANDING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
COMMANDS = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
TRACE = {"id": "t1", "task_description": "Find it.", "steps": [{"action": "look"}]}


def check(printed: str) -> str:
    assert not COMMANDING.search(printed)
    assert not COMMANDS.search(printed)
    return printed


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "ls_trajedit", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    check(done.stderr.decode())
    assert b"Traceback" not in done.stderr
    return done


def text_of(done: subprocess.CompletedProcess[bytes]) -> str:
    return check(done.stdout.decode())


def annotate_with_such_texts(puller: Puller) -> None:
    """An edit and a rejection, each with all of it, by somebody whose address has some of it."""
    address = "::error::\x1b\u202e@example.com"
    puller.label_studio.misbehave(saying([{"id": 1, "email": address}]), on="users")
    puller.label_studio.add_task({"id": NASTY, "steps": [{"action": NASTY}, {"action": "b"}]})
    puller.label_studio.annotate(1, corrected(f"{NASTY} better"))
    puller.label_studio.annotate(1, corrected(NASTY, f"{NASTY} nobody"))
    puller.label_studio.pass_time()


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--annotators", "email"), ("--report",), ("--check",)])
def test_a_pull_of_such_texts(puller: Puller, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    puller.label_studio.title = NASTY
    annotate_with_such_texts(puller)
    page = tmp_path / "page.md"
    folder = "data ::error::x\u202e"
    done = run(tmp_path, "pull", "--project", "12", "-o", folder, *arguments, GITHUB_STEP_SUMMARY=str(page))
    assert done.returncode == (1 if arguments == ("--check",) else 0), done.stderr
    printed = text_of(done)
    if arguments == ("--json",):
        assert json.loads(printed)["folder"] == folder
    if arguments != ("--check",):
        check(page.read_text(encoding="utf-8"))
        manifest = json.loads((tmp_path / folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["project"]["title"] == NASTY, "what is kept stays as it is"
        assert text_of(run(tmp_path, "verify", folder)).startswith("ok ")


FAILURES: dict[str, Any] = {
    "an error": (refusing(400, NASTY), "changed"),
    "one with fields": (saying({"tasks": 7}), "changed"),
    "a permission": (refusing(403, NASTY), "project"),
    "something else than JSON": (lambda _: Reply(400, NASTY.encode("utf-8")), "changed"),
    "another charset": (
        lambda _: Reply(400, NASTY.encode("utf-16"), {"Content-Type": "text/plain; charset=utf-16"}),
        "changed",
    ),
    "a redirect": (lambda _: Reply(302, b"", {"Location": "https://b.test/%1b%5b2J\x9b::error::/"}), "changed"),
    "a version": (saying({"release": NASTY, "edition": NASTY}), "version"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_server_that_says_such_things(puller: Puller, tmp_path: Path, failure: str) -> None:
    puller.pull_before_all_change(2)
    fault, on = FAILURES[failure]
    puller.label_studio.misbehave(fault, on=on, times=9)
    done = run(tmp_path, "pull", "--project", "12", "-o", "data", "--max-wait", "0")
    assert done.returncode in (0, 3, 4)
    text_of(done)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_diagnosis_of_such_a_server(puller: Puller, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    puller.label_studio.title = NASTY
    puller.label_studio.release = f"1.23.2{NASTY}"
    puller.label_studio.add_task()
    puller.label_studio.backends = [
        {"id": 1, "title": NASTY, "url": f"http://x/{NASTY}", "state": "ER", "error_message": NASTY}
    ]
    done = run(tmp_path, "doctor", "--project", "12", *arguments)
    printed = text_of(done)
    assert r"\u202e" in printed
    if arguments:
        texts = [finding["text"] for finding in json.loads(printed)["findings"]]
        assert f"project 12 is there: {NASTY}" in texts


@pytest.mark.parametrize(
    "arguments",
    [
        ("traces", "traces.json"),
        ("traces", "traces.json", "--json"),
        ("init", "traces.json"),
        ("config", "broken.jsonl"),
        ("convert", "broken.jsonl"),
        ("convert", "export.json", "--config", "config.xml"),
        ("push", "broken.jsonl", "--title", NASTY, "--api-key", "0" * 40),
        ("pull", "--project", NASTY),
        ("pull", "--project", "1", "--format", NASTY),
        ("pull", "--project", "1", "--options", NASTY),
        ("pull", "--project", "1", "--options", "options.yaml"),
        ("verify", NASTY),
        ("report", NASTY),
        (NASTY,),
        (f"--{NASTY}",),
    ],
)
def test_files_and_arguments_with_such_texts(puller: Puller, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": NASTY, "arguments": NASTY}}
    chat = [{"role": "user", "content": NASTY}, {"role": "assistant", "name": NASTY, "tool_calls": [call]}]
    (tmp_path / "traces.json").write_text(json.dumps({"id": NASTY, "messages": chat}))
    (tmp_path / "broken.jsonl").write_text(f"{json.dumps({NASTY: NASTY})}\n{NASTY}\n")
    (tmp_path / "export.json").write_text(json.dumps([{"id": 1, "data": TRACE, "annotations": [{"id": NASTY}]}]))
    (tmp_path / "config.xml").write_text(f"<View><Text name={quoteattr('a::##[b]')} value='$x'/></View>")
    (tmp_path / "options.yaml").write_text(json.dumps({NASTY: NASTY}))
    done = run(tmp_path, *arguments)
    printed = text_of(done)
    assert done.returncode in (0, 2, 3, 5)
    if "--json" in arguments and printed:
        json.loads(printed)


@pytest.mark.parametrize("form", ["messages", "atif"])
def test_traces_that_are_printed_as_data_stay_what_they_are(tmp_path: Path, form: str) -> None:
    said = "a\x9bb\u202ec ##[d]"
    (tmp_path / "traces.json").write_text(json.dumps({"messages": [{"role": "assistant", "content": said}]}))
    done = run(tmp_path, "traces", "traces.json", "--as", form)
    assert said.encode() in done.stdout
