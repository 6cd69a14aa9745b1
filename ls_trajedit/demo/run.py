"""The whole loop on this machine: a Label Studio, the backend, traces in, corrections by two annotators, files out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.demo.local_users import add_user
from ls_trajedit.demo.scripted_annotations import annotation_results
from ls_trajedit.demo.word_diff import word_diff
from ls_trajedit.load_traces import load_traces
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.output.summary import Summary
from ls_trajedit.push import create_project, push_traces
from ls_trajedit.traces.field_path import FieldPath
from ls_trajedit.traces.options import parse_options
from ls_trajedit.traces.read import trace_identity

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["RunningDemo", "first_diffs", "run_demo"]

ANNOTATORS = ("ana", "ben")
_DIFFS = 6
_EXAMPLES = "ls_trajedit.examples"


@dataclass(frozen=True)
class RunningDemo:
    """What a demo has up and running, and what came out of it. At `project_url` the pages have the live diff."""

    label_studio: LocalLabelStudio
    backend_url: str
    project_url: str
    summary: Summary


@contextmanager
def run_demo(folder: Path, say: Callable[[str], None]) -> Iterator[RunningDemo]:
    """A demo that has done its work and written its files into `folder`; Label Studio and the backend run until the
    block ends. `say` gets a line for each step.

    Raises SetupError when Label Studio is not installed, and ServerError when it does not start.
    """
    with TemporaryDirectory(prefix="ls-trajedit-demo-") as temporary:
        say("starting Label Studio (its first start takes up to a minute) …")
        with (
            run_label_studio(Path(temporary)) as label_studio,
            _running_backend() as backend_url,
            _running_live_diff(label_studio.url) as page_url,
        ):
            yield _run(label_studio, backend_url, page_url, folder, say)


def first_diffs(folder: Path) -> Iterator[str]:
    """A line for each of the first few edits in the corrections file."""
    records = json.loads((folder / "trajectory_corrections.json").read_text(encoding="utf-8"))["records"]
    edits = [(record, edit) for record in records for edit in record["edits"]]
    for record, edit in edits[:_DIFFS]:
        place = "final answer" if edit["step_index"] is None else f"step {edit['step_index'] + 1} {edit['field']}"
        yield f"{record['trace_id']}, {place}: {word_diff(edit['original_text'], edit['edited_text'])}"


def _run(
    label_studio: LocalLabelStudio, backend_url: str, page_url: str, folder: Path, say: Callable[[str], None]
) -> RunningDemo:
    # Both take seconds to import: the SDK, and what only a pull needs.
    from ls_trajedit.label_studio.client import connect
    from ls_trajedit.pull.run import PullRequest, pull

    options = parse_options((files(_EXAMPLES) / "trajedit.yaml").read_text(encoding="utf-8"), "trajedit.yaml")
    with as_file(files(_EXAMPLES) / "traces.jsonl") as path:
        loaded = load_traces(path, options)
    server = connect(label_studio.url, label_studio.token)
    target = create_project(server, "Agent traces to correct", options, loaded)
    server.connect_backend(target.project.id, backend_url, "ls-trajedit", None)
    pushed = push_traces(server, target, options, loaded, prefill=False, progress=_silent)
    say(f"pushed {pushed.imported} traces into project {pushed.project}; the backend prefills their editors")
    _annotate(label_studio, pushed.project, target.config, options.id_path, say)
    request = PullRequest(server.project(pushed.project), None, ReadingRules(), folder)
    # What an earlier demo left in the folder came from another Label Studio.
    summary = pull(server, request, start_over=True, progress=_silent)
    say(f"pulled into {folder}, {MANIFEST} last")
    return RunningDemo(label_studio, backend_url, pushed.url.replace(label_studio.url, page_url), summary)


def _annotate(
    label_studio: LocalLabelStudio, project: int, config: str, id_path: FieldPath, say: Callable[[str], None]
) -> None:
    from ls_trajedit.label_studio.client import connect
    from ls_trajedit.label_studio.tasks import data_pages

    corrections = json.loads((files(_EXAMPLES) / "corrections.json").read_text(encoding="utf-8"))
    for annotator in ANNOTATORS:
        token = add_user(label_studio, f"{annotator}@example.com", label_studio.password)
        server = connect(label_studio.url, token)
        tasks = {
            trace_identity(task["data"], id_path): task for page in data_pages(server, project) for task in page.tasks
        }
        own = [correction for correction in corrections if correction["annotator"] == annotator]
        for correction in own:
            task = tasks[correction["trace_id"]]
            server.annotate(task["id"], annotation_results(task, config, correction))
        say(f"{annotator} submitted {len(own)} annotations")


def _running_backend() -> AbstractContextManager[str]:
    from ls_trajedit.backend.app import create_app

    return _served(create_app())


def _running_live_diff(label_studio_url: str) -> AbstractContextManager[str]:
    from ls_trajedit.live_diff.proxy import live_diff_proxy

    return _served(live_diff_proxy(label_studio_url))


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    """The address of a service that runs in this process, in a thread of its own."""
    from ls_trajedit.backend.server import listen, make_server, server_url

    listener = listen("127.0.0.1", 0)
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield server_url(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _silent(done: int, total: int | None) -> None:
    pass
