"""The jobs of docs/ci.md, run twice each as a night after another would: their own lines, in the shell that they name.

What a CI service does itself (checkouts, caches, artifacts) is checked for what it names; pip is a stand-in, because
ls-trajedit is installed already.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from ..docs.pages import Block, blocks
from .command_line import Person, read_json, read_lines, write_traces
from .project_api import annotate, tasks, text_result

PAGE = "docs/ci.md"
PROJECT = "--project 12 "
TRACE = {"id": "t1", "task_description": "Find it.", "steps": [{"thought": "Look.", "action": "serach('it')"}]}
DATA = {
    "manifest.json",
    "rejects.jsonl",
    "trajectory_corrections.json",
    "trajectory_dpo.jsonl",
    "trajectory_sft.jsonl",
}


def example(title: str) -> Block:
    (found,) = [block for block in blocks("yaml") if (block.page, block.title) == (PAGE, title)]
    return found


@pytest.fixture
def person(label_studio: LocalLabelStudio, tmp_path: Path) -> Person:
    """Somebody whose pip only notes what it was asked for, in the file `pip.txt`."""
    for name, script in (("pip", f'echo "$@" >> "{tmp_path}/pip.txt"'), ("ls-trajedit", _OWN)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "work").mkdir()
    return Person.at(tmp_path / "work", label_studio)


_OWN = f'exec "{sys.executable}" -m ls_trajedit "$@"'


@pytest.fixture
def project(label_studio: LocalLabelStudio, person: Person) -> int:
    """A project with one trace."""
    return person.push(write_traces(person.folder.parent / "traces.jsonl", [TRACE]), "--title", "Nightly")


def correct(label_studio: LocalLabelStudio, project: int) -> None:
    corrected = text_result("step_0__action__corrected", "step_0__action", "search('it')")
    annotate(label_studio, tasks(label_studio, project)[0]["id"], [corrected])


def run(script: str, person: Person, project: int, **more: str) -> str:
    """Runs a script of a job as its service does, and returns all that it printed."""
    assert PROJECT in script or "pip install" in script or "verify" in script
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script.replace(PROJECT, f"--project {project} ")],
        cwd=person.folder,
        env={
            **person.environment,
            "PATH": f"{person.folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LS_TRAJEDIT": "what pip installs",
            **more,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    assert person.token not in done.stdout
    return done.stdout


def check_data(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {*DATA, ".ls-trajedit"}
    (line,) = read_lines(folder / "trajectory_dpo.jsonl")
    assert line["chosen"]["steps"][0]["action"] == "search('it')"


def test_the_github_workflow_pulls_and_puts_a_summary_on_the_page(
    label_studio: LocalLabelStudio, person: Person, project: int
) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(example("github-actions.yml").text)
    job = workflow["jobs"]["pull"]
    assert job["env"]["LABEL_STUDIO_API_KEY"] == "${{ secrets.LABEL_STUDIO_API_KEY }}"
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    page = person.folder.parent / "step-summary.md"
    for night in ("first", "second"):
        for script in scripts:
            run(script, person, project, GITHUB_STEP_SUMMARY=str(page))
        if night == "first":
            correct(label_studio, project)
    assert (person.folder.parent / "pip.txt").read_text() == "install what pip installs\n" * 2
    check_data(person.folder / "data")
    summary = read_json(person.folder / "summary.json")
    assert (summary["edited"], summary["changes"]["new"], summary["up_to_date"]) == (1, 1, False)
    assert "| edited | 0 |" in page.read_text()
    assert "| edited | 1 |" in page.read_text()
    kept = [step["with"]["path"] for step in job["steps"] if "cache" in step.get("uses", "")]
    assert kept == ["data", "data"]


def test_the_gitlab_job_pulls(label_studio: LocalLabelStudio, person: Person, project: int) -> None:
    (job,) = yaml.safe_load(example("gitlab-ci.yml").text).values()
    correct(label_studio, project)
    run("\n".join(job["script"]), person, project)
    told = run("\n".join(job["script"]), person, project)
    assert "up to date: nothing changed since the last pull" in told
    check_data(person.folder / "data")
    assert job["cache"]["paths"] == ["data/"]
    kept = {path.name for pattern in job["artifacts"]["paths"] for path in person.folder.glob(pattern)}
    assert kept == DATA


def test_the_crontab_line_pulls(label_studio: LocalLabelStudio, person: Person, project: int) -> None:
    (crontab,) = [block for block in blocks("crontab") if block.page == PAGE]
    (line,) = crontab.text.splitlines()
    times, command = line.split(maxsplit=5)[:5], line.split(maxsplit=5)[5]
    assert times == ["17", "2", "*", "*", "*"]
    # A percent sign is a line end to cron.
    assert "%" not in command
    home = person.folder.parent
    (home / "venv").mkdir()
    (home / "venv" / "bin").symlink_to(home / "bin")
    (home / "label-studio.env").write_text(
        f"export LABEL_STUDIO_URL={person.url}\nexport LABEL_STUDIO_API_KEY={person.token}\n"
    )
    correct(label_studio, project)
    for _ in range(2):
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace(PROJECT, f"--project {project} ")],
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    check_data(home / "training-data")
    log = (home / "training-data.log").read_text()
    assert log.count("up to date") == 1
    assert person.token not in log


def test_the_workflow_that_continues_brings_each_branch_into_the_project_once(
    label_studio: LocalLabelStudio, person: Person
) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(example("continue.yml").text)
    job = workflow["jobs"]["pull-and-continue"]
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    heard = {**TRACE, "steps": [{**TRACE["steps"][0], "observation": "no such tool"}]}
    project = person.push(write_traces(person.folder.parent / "traces.jsonl", [heard]), "--title", "Branches")
    agent = 'import json; print(json.dumps({"messages": [{"role": "assistant", "content": "found"}]}))'
    (person.folder / "my_agent.py").write_text(agent, encoding="utf-8")
    made = []
    for night in range(3):
        for script in scripts:
            run(script, person, project)
        continued = read_json(person.folder / "continued.json")
        made.append((len(continued["made"]), continued["already_there"]))
        if not night:
            correct(label_studio, project)
    assert made == [(0, 0), (1, 0), (0, 1)]
    assert len(tasks(label_studio, project)) == 2
    assert read_json(person.folder / "data" / "manifest.json")["counts"]["tasks"] == 2
