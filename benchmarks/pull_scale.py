"""What a pull costs after how much has changed, in a project of up to 200,000 tasks, against converting everything.

A fast imitation of Label Studio answers the requests of `pull`, so that what is measured is ls-trajedit: reading the
answers, the state, the conversion, the files. Every pull is a process of its own. The ratios are those of its CPU time
to that of a pull in the same run that converts every task from the state, because it is given another option. In the
end, a pull into another folder shows that the files are those of a first pull.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from made_up_traces import OPTIONS, make_results, make_trace
from measure import LS_TRAJEDIT, machine, note_peaks

from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.shape import shape_of

STEPS = 2
PROJECT = 7
TOKEN = "0123456789abcdef0123456789abcdef01234567"
_POLL = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[5_000, 50_000, 200_000])
    parser.add_argument("--format", action="append", default=[], help="as for `pull`")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="for every pull; comes last")
    asked = parser.parse_args()
    print(machine("orjson"), flush=True)
    options = [*(part for name in asked.format for part in ("--format", name)), *asked.options]
    for tasks in asked.tasks:
        with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name, imitation(tasks) as server:
            measure_project(server, Path(name), options)


def measure_project(server: Imitation, folder: Path, options: list[str]) -> None:
    """Prints what each pull of the project costs."""
    tasks = len(server.tasks)
    raw = sum(map(len, server.tasks.values()))
    puller = Puller(server, folder / "data", options)
    print(f"\n{tasks:,} tasks, {raw / 1e6:,.1f} MB of JSON, {len(server.tasks) and raw // tasks:,} bytes a task")
    print(
        f"{'':32}{'wall':>9}{'user':>9}{'system':>9}{'read':>11}{'written':>11}{'peak':>9}{'state / raw':>13}"
        f"{'ratio':>8}"
    )
    puller.pull("first pull")
    puller.pull("other option", "--annotators", "hash")
    whole = puller.pull("all converted from the state")
    puller.whole = whole.user + whole.system
    puller.pull("nothing changed")
    ids = list(server.tasks)
    server.change(ids[tasks // 2 : tasks // 2 + 1])
    puller.pull("1 changed")
    server.change(ids[::100])
    puller.pull("1 % changed, spread out")
    server.change(ids[tasks // 3 : tasks // 3 + tasks // 100])
    puller.pull("1 % changed, neighbours")
    server.add(1_000)
    puller.pull("1,000 new")
    server.delete(ids[5 :: max(1, tasks // 10)][:10])
    puller.pull("10 deleted")
    server.change(list(server.tasks))
    puller.pull("everything changed")
    files = puller.files()
    shutil.rmtree(puller.folder)
    Puller(server, puller.folder, options).pull("a new folder")
    if puller.files() != files:
        sys.exit("the files are not those of a first pull")


@dataclass(frozen=True)
class PullCost:
    """Seconds of the clock and of CPU; bytes through the calls that read and write, of files and sockets; peak memory
    in MB."""

    wall: float
    user: float
    system: float
    read: int
    written: int
    peak: float


class Puller:
    """Pulls the project into `folder`, as processes."""

    def __init__(self, server: Imitation, folder: Path, options: list[str]) -> None:
        self.folder = folder
        self.whole = 0.0
        self._server = server
        self._command = [LS_TRAJEDIT, "pull", "--project", str(PROJECT), "-o", str(folder), *options]

    def pull(self, name: str, *options: str) -> PullCost:
        """Pulls, and prints what that costs. What changed before is then older than a pull looks back."""
        cost = run([*self._command, *options], LABEL_STUDIO_URL=self._server.url, LABEL_STUDIO_API_KEY=TOKEN)
        self._server.changed.clear()
        state = (self.folder / ".ls-trajedit" / "state.sqlite").stat().st_size
        by_raw = state / sum(map(len, self._server.tasks.values()))
        ratio = f"{(cost.user + cost.system) / self.whole:8.3f}" if self.whole else ""
        print(
            f"{name:32}{cost.wall:7.2f} s{cost.user:7.2f} s{cost.system:7.2f} s{cost.read / 1e6:8,.0f} MB"
            f"{cost.written / 1e6:8,.0f} MB{cost.peak:6.0f} MB{by_raw:13.2f}"
            f"{ratio}",
            flush=True,
        )
        return cost

    def files(self) -> list[Any]:
        """What the manifest says of each file."""
        return json.loads((self.folder / "manifest.json").read_bytes())["files"]


def run(command: list[str], **environment: str) -> PullCost:
    """Runs a command to its end. Raises RuntimeError, with what it wrote to stderr, if it fails."""
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=errors)
        peaks: dict[int, float] = {}
        moved = {"rchar": 0, "wchar": 0}
        while not (ended := os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)):
            note_peaks(process.pid, peaks)
            time.sleep(_POLL)  # between two looks at the process
        assert ended
        # A process that has ended and was not waited for still says what it has read and written.
        for line in Path(f"/proc/{process.pid}/io").read_text(encoding="utf-8").splitlines():
            name, _, number = line.partition(": ")
            if name in moved:
                moved[name] = int(number)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {errors.read().decode()}")
    return PullCost(wall, usage.ru_utime, usage.ru_stime, moved["rchar"], moved["wchar"], sum(peaks.values()))


class Imitation:
    """A project with tasks in memory, as JSON by their ids. `changed` are those that changed lately."""

    def __init__(self, tasks: int) -> None:
        self.url = ""
        self.tasks: dict[int, bytes] = {}
        self.changed: set[int] = set()
        options = parse_options(OPTIONS, "the benchmark's options")
        self._config = write_config(options, shape_of([make_trace(0, STEPS)], options))
        self._ids: list[int] = []
        self._round = 0
        self.add(tasks)
        self.changed.clear()

    def add(self, tasks: int) -> None:
        """Imports new tasks, each with an annotation."""
        first = max(self.tasks, default=0) + 1
        self._put(range(first, first + tasks))

    def change(self, numbers: Iterable[int]) -> None:
        """Saves the annotations of these tasks with other edits."""
        self._round += 1
        self._put(numbers)

    def delete(self, numbers: Iterable[int]) -> None:
        """Deletes these tasks."""
        for number in numbers:
            del self.tasks[number]
        self._ids = sorted(self.tasks)

    def _put(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            trace = make_trace(number, STEPS)
            edited = (number + self._round) % STEPS if (number + self._round) % 10 < 3 else None
            annotation = {
                "id": number + 10_000_000,
                "result": make_results(trace, edited),
                "completed_by": 1 + number % 7,
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": "2026-01-01T00:00:00Z",
                "updated_at": f"2026-01-01T00:00:{self._round:02}Z",
                "lead_time": 3.5,
            }
            task = {"id": number, "project": PROJECT, "data": trace, "annotations": [annotation]}
            self.tasks[number] = orjson.dumps(task)
            self.changed.add(number)
        self._ids = sorted(self.tasks)

    def answer(self, path: str, query: dict[str, str]) -> Iterator[bytes]:
        """The body of the answer to a request."""
        if path == "/api/version/":
            yield b'{"release": "1.23.2"}'
        elif path == f"/api/projects/{PROJECT}/":
            project = {
                "id": PROJECT,
                "title": "Benchmark",
                "label_config": self._config,
                "task_number": len(self.tasks),
            }
            yield orjson.dumps({**project, "model_version": "", "show_collab_predictions": True})
        elif path == "/api/tasks/":
            yield from self._page(query)
        else:
            raise ValueError(path)

    def _page(self, query: dict[str, str]) -> Iterator[bytes]:
        items = {item["filter"]: item["value"] for item in json.loads(query["query"])["filters"]["items"]}
        ids = self._ids
        if "filter:tasks:draft_exists" in items:
            ids = []
        elif "filter:tasks:updated_at" in items:
            ids = sorted(self.changed)
        first = bisect_right(ids, items.get("filter:tasks:id", 0))
        page = ids[first : first + int(query["page_size"])]
        yield b'{"total": %d, "tasks": [' % (len(ids) - first)
        if query["include"].startswith("id,total"):
            yield b",".join(
                b'{"id": %d, "total_annotations": 1, "cancelled_annotations": 0}' % number for number in page
            )
        else:
            yield b",".join(self.tasks[number] for number in page)
        yield b"]}"


@contextmanager
def imitation(tasks: int) -> Iterator[Imitation]:
    """The imitation on a free port of 127.0.0.1."""
    project = Imitation(tasks)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b"".join(project.answer(urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        project.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield project
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
