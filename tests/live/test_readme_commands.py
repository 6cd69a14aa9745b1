"""The main job as the README has it, its lines run one after the other against a real Label Studio."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from ..docs.pages import ROOT, blocks, shell_lines
from .command_line import Person, read_lines
from .project_api import annotate, tasks, text_result

NUMBER_IN_README = "--project 12 "


def run(line: str, person: Person) -> str:
    """Runs a line of the README in the person's shell, and returns what it prints."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=person.folder,
        env={**person.environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_main_job_of_the_readme_ends_in_training_files(label_studio: LocalLabelStudio, tmp_path: Path) -> None:
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "traces.jsonl").write_bytes((ROOT / "examples" / "traces.jsonl").read_bytes())
    (job,) = [block for block in blocks("sh") if block.page == "README.md" and "ls-trajedit pull" in block.text]
    init, push, pull = [line for line in shell_lines(job) if line.startswith("ls-trajedit ")]

    run(init, person)
    told = re.search(r"project (\d+): \S+", run(push, person))
    assert told
    project = int(told.group(1))
    task = tasks(label_studio, project)[0]
    assert task["data"]["id"] == "traj_001"
    corrected = text_result("step_0__action__corrected", "step_0__action", "web_search(query='SF weather')")
    annotate(label_studio, task["id"], [corrected])

    assert NUMBER_IN_README in pull
    run(pull.replace(NUMBER_IN_README, f"--project {project} "), person)
    (line,) = read_lines(tmp_path / "data" / "trajectory_dpo.jsonl")
    assert line["trace_id"] == "traj_001"
    assert line["chosen"]["steps"][0]["action"] == "web_search(query='SF weather')"
    assert line["rejected"]["steps"][0]["action"] == "web_search(queyr='SF weather')"
