"""What is in the folder of a pull, and a pull within this process, which is quicker than a program of its own."""

from __future__ import annotations

from pathlib import Path

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.label_studio.client import open_server
from ls_trajedit.output.summary import Summary
from ls_trajedit.pull.run import PullRequest, is_up_to_date, pull
from ls_trajedit.traces.options import Options

from .command_line import Person

__all__ = ["OUTPUTS", "outputs_in", "pull_here", "pulled_files", "times_of_change", "up_to_date_here"]

_ANY = ReadingRules()

OUTPUTS = (
    "trajectory_corrections.json",
    "trajectory_sft.jsonl",
    "trajectory_dpo.jsonl",
    "rejects.jsonl",
    "manifest.json",
)
"""The output files, in the order in which they are put in place."""


def outputs_in(folder: Path) -> dict[str, bytes]:
    """Each output file's bytes."""
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


def pulled_files(folder: Path) -> dict[str, bytes]:
    """Like `outputs_in`; there must be nothing beside them but what a pull keeps for itself."""
    assert sorted(path.name for path in folder.iterdir()) == sorted([*OUTPUTS, ".ls-trajedit"])
    return outputs_in(folder)


def times_of_change(folder: Path) -> dict[str, int]:
    """When each output file was last changed, in nanoseconds."""
    return {name: (folder / name).stat().st_mtime_ns for name in OUTPUTS}


def pull_here(
    person: Person,
    project: int,
    folder: Path,
    *,
    full: bool = False,
    options: Options | None = None,
    rules: ReadingRules = _ANY,
) -> Summary:
    """`ls-trajedit pull`, as that person."""
    server = open_server(person.url, person.token)
    request = PullRequest(server.project(project), options, rules, folder)
    return pull(server, request, full, lambda done, total: None)


def up_to_date_here(person: Person, project: int, folder: Path) -> bool:
    """`ls-trajedit pull --check`, as that person."""
    server = open_server(person.url, person.token)
    return is_up_to_date(server, PullRequest(server.project(project), None, _ANY, folder))
