"""How fast `ls-trajedit pull` is, compared with the two ways in which Label Studio's SDK reads a whole project.

Starts a real Label Studio and loads it with tasks that have one annotation each. The SDK's two ways only read and
parse; `pull` also converts and writes the files. Each runs in its own process, and they take turns. After that come
pulls of changes: none, and one task in a hundred.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from made_up_traces import OPTIONS, make_results, make_trace
from measure import LS_TRAJEDIT, Command, Cost, machine, median, run

from ls_trajedit.demo.local_label_studio import LOG_NAME, LocalLabelStudio, run_label_studio
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.shape import shape_of

STEPS = range(5, 16)
BATCH = 500
# The lookback of a pull, with some seconds to spare: what was loaded within it is read once more.
OVERLAP = 15 * 60 + 10
_REQUEST = re.compile(rb'^.*"(?:GET|POST|PUT|PATCH|DELETE) /.*$', re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(machine("label-studio", "label-studio-sdk"))
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        folder = Path(name)
        with run_label_studio(folder / "label-studio") as server:
            project = load_project(server, asked.tasks)
            loaded = time.monotonic()
            ways = Ways(server, folder)
            reader: Command = [sys.executable, Path(__file__).with_name("sdk_readers.py")]
            pull: Command = [LS_TRAJEDIT, "pull", "--project", str(project), "--strict", "-o", folder / "data"]
            for _ in range(asked.rounds):
                ways.measure('tasks.list(fields="all")', [*reader, "list", str(project), str(asked.tasks)])
                ways.measure("exports.as_json", [*reader, "as_json", str(project), str(asked.tasks)])
                ways.measure("pull, everything", [*pull, "--full"])
            pause = max(0.0, loaded + OVERLAP - time.monotonic())
            print(f"waiting {pause:.0f} s, so that the loaded tasks are outside the lookback of a pull")
            time.sleep(pause)  # the lookback passes by the server's clock, and nothing announces it
            run([*pull, "--full"], **ways.environment)
            for _ in range(asked.rounds):
                ways.measure("pull, nothing changed", pull)
                ways.measure("ls-trajedit --version", [LS_TRAJEDIT, "--version"])
            for number in range(asked.rounds):
                change(server, project, range(number, asked.tasks, 100))
                ways.measure("pull, 1 % changed", pull)
        check_complete(folder / "data" / "trajectory_corrections.json", asked.tasks)
    print(f"{asked.tasks} tasks of {STEPS[0]} to {STEPS[-1]} steps, medians of {asked.rounds}")
    ways.show("pull, everything")


class Ways:
    """What each way costs, and how many requests it makes."""

    def __init__(self, server: LocalLabelStudio, folder: Path) -> None:
        self.environment = {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": server.token}
        self._log = folder / "label-studio" / LOG_NAME
        self._costs: dict[str, list[Cost]] = {}
        self._requests: dict[str, list[int]] = {}

    def measure(self, way: str, command: Command) -> None:
        """Runs `command` and records what it costs."""
        before = count_requests(self._log)
        self._costs.setdefault(way, []).append(run(command, **self.environment))
        self._requests.setdefault(way, []).append(count_requests(self._log) - before)

    def show(self, unit: str) -> None:
        """Prints the medians, and the ratio of each way's time to that of `unit`."""
        costs = {way: median(measured) for way, measured in self._costs.items()}
        print(f"{'':26}{'wall':>10}{'CPU':>10}{'peak memory':>14}{'requests':>10}{'wall / ' + unit:>26}")
        for way, cost in costs.items():
            number = statistics.median(self._requests[way])
            figures = f"{cost.wall:8.2f} s{cost.cpu:8.2f} s{cost.peak:11.0f} MB{number:10.0f}"
            print(f"{way:26}{figures}{cost.wall / costs[unit].wall:26.3f}")


def load_project(server: LocalLabelStudio, tasks: int) -> int:
    """The id of a new project with that many annotated tasks, three in ten with an edit in two fields."""
    traces = [make_trace(number, STEPS[number % len(STEPS)]) for number in range(1, tasks + 1)]
    options = parse_options(OPTIONS, "the benchmark's options")
    config = write_config(options, shape_of([make_trace(0, STEPS[-1])], options))
    project = int(ask(server, requests.post, "/api/projects/", {"title": "Benchmark", "label_config": config})["id"])
    for start in range(0, tasks, BATCH):
        batch = [
            {"data": trace, "annotations": [{"result": make_results(trace, number % 5 if number % 10 < 3 else None)}]}
            for number, trace in enumerate(traces[start : start + BATCH], start=start + 1)
        ]
        ask(server, requests.post, f"/api/projects/{project}/import", batch)
    return project


def change(server: LocalLabelStudio, project: int, places: range) -> None:
    """Saves the annotations of the tasks at these places once more."""
    listed = requests.get(
        f"{server.url}/api/tasks/",
        params={"project": project, "fields": "all", "include": "id,annotations,result", "page_size": 100_000},
        headers={"Authorization": f"Token {server.token}"},
        timeout=600,
    ).json()["tasks"]
    for place in places:
        annotation = listed[place]["annotations"][0]
        ask(server, requests.patch, f"/api/annotations/{annotation['id']}/", {"result": annotation["result"]})


def ask(server: LocalLabelStudio, method: Callable[..., requests.Response], path: str, body: Any) -> Any:
    headers = {"Authorization": f"Token {server.token}"}
    answer = method(server.url + path, json=body, headers=headers, timeout=300)
    answer.raise_for_status()
    return answer.json()


def count_requests(log: Path) -> int:
    """How many requests Label Studio has logged. It writes each line twice, with its time to the millisecond."""
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
