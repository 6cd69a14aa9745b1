"""How fast `ls-trajedit pull` is, against the two ways in which Label Studio's SDK reads a whole project.

Starts a real Label Studio and loads tasks with one annotation each into it. The SDK's two ways only read and parse;
`pull` also converts and writes the files. Each is a process of its own, and they take turns.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests
from made_up_traces import OPTIONS, make_results, make_trace
from measure import LS_TRAJEDIT, Command, Cost, machine, median, run

from ls_trajedit.label_config.options import parse_options
from ls_trajedit.label_config.trace_shape import shape_of
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.local_label_studio import LOG_NAME, LocalLabelStudio, running_label_studio

STEPS = range(5, 16)
BATCH = 500
_REQUEST = re.compile(rb'^.*"(?:GET|POST|PUT|PATCH|DELETE) /.*$', re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(machine("label-studio", "label-studio-sdk"))
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        folder = Path(name)
        with running_label_studio(folder / "label-studio") as server:
            project = load_project(server, asked.tasks)
            reader: Command = [sys.executable, Path(__file__).with_name("sdk_readers.py")]
            arguments = [str(project), str(asked.tasks)]
            commands: dict[str, Command] = {
                'tasks.list(fields="all")': [*reader, "list", *arguments],
                "exports.as_json": [*reader, "as_json", *arguments],
                "ls-trajedit pull": [LS_TRAJEDIT, "pull", "--project", str(project), "--strict", "-o", folder / "data"],
            }
            costs: dict[str, list[Cost]] = {way: [] for way in commands}
            requested: dict[str, list[int]] = {way: [] for way in commands}
            log = folder / "label-studio" / LOG_NAME
            for _ in range(asked.rounds):
                for way, command in commands.items():
                    before = count_requests(log)
                    costs[way].append(run(command, LABEL_STUDIO_URL=server.url, LABEL_STUDIO_API_KEY=server.token))
                    requested[way].append(count_requests(log) - before)
        check_complete(folder / "data" / "trajectory_corrections.json", asked.tasks)
    print(f"{asked.tasks} tasks of {STEPS[0]} to {STEPS[-1]} steps, medians of {asked.rounds}")
    show({way: median(measured) for way, measured in costs.items()}, requested)


def show(costs: dict[str, Cost], requested: dict[str, list[int]]) -> None:
    """Prints each way, and how many times as long it takes as `pull`, which is the last."""
    ours = list(costs.values())[-1]
    print(f"{'':26}{'wall':>10}{'CPU':>10}{'peak memory':>14}{'requests':>10}{'wall / pull':>13}")
    for way, cost in costs.items():
        number = statistics.median(requested[way])
        figures = f"{cost.wall:8.2f} s{cost.cpu:8.2f} s{cost.peak:11.0f} MB{number:10.0f}"
        print(f"{way:26}{figures}{cost.wall / ours.wall:13.2f}")


def load_project(server: LocalLabelStudio, tasks: int) -> int:
    """The id of a new project with that many annotated tasks, three of ten with an edit in two fields."""
    traces = [make_trace(number, STEPS[number % len(STEPS)]) for number in range(1, tasks + 1)]
    options = parse_options(OPTIONS, "the benchmark's options")
    config = write_config(options, shape_of([make_trace(0, STEPS[-1])], options))
    project = int(ask(server, "/api/projects/", {"title": "Benchmark", "label_config": config})["id"])
    for start in range(0, tasks, BATCH):
        batch = [
            {"data": trace, "annotations": [{"result": make_results(trace, number % 5 if number % 10 < 3 else None)}]}
            for number, trace in enumerate(traces[start : start + BATCH], start=start + 1)
        ]
        ask(server, f"/api/projects/{project}/import", batch)
    return project


def ask(server: LocalLabelStudio, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Token {server.token}"}
    answer = requests.post(server.url + path, json=body, headers=headers, timeout=300)
    answer.raise_for_status()
    return answer.json()


def count_requests(log: Path) -> int:
    """How many requests Label Studio has logged. It writes each line, with its time to the millisecond, twice."""
    return len(set(_REQUEST.findall(log.read_bytes())))


def check_complete(corrections: Path, tasks: int) -> None:
    """Ends the benchmark unless the last `pull` wrote all tasks and found the edits."""
    edited = sum(number % 10 < 3 for number in range(1, tasks + 1))
    with corrections.open("rb") as file:
        file.seek(-200, 2)
        tail = file.read().decode()
    if f'"n_total": {tasks},\n"n_edited": {edited},' not in tail:
        sys.exit(f"`pull` did not write {tasks} records with {edited} edited ones: {tail}")


if __name__ == "__main__":
    main()
