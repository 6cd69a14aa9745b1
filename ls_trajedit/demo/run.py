"""The whole loop on this machine: Label Studio, the backend, traces in, corrections by two annotators, files out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.demo.annotators import ANNOTATORS, submit_corrections
from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.inputs import Input, load_traces
from ls_trajedit.output.summary import Summary
from ls_trajedit.push import create_project, push_traces
from ls_trajedit.traces.options import parse_options

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["RunningDemo", "run_demo"]

_EXAMPLES = "ls_trajedit.examples"


@dataclass(frozen=True)
class RunningDemo:
    """What a demo has running, and what came out of it. The pages at `project_url` have the live diff."""

    label_studio: LocalLabelStudio
    backend_url: str
    project_url: str
    summary: Summary


@contextmanager
def run_demo(folder: Path, say: Callable[[str], None]) -> Iterator[RunningDemo]:
    """A demo that has done its work and written its files into `folder`. Label Studio and the backend run until the
    block ends; `say` gets a line for each step.

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


def _run(
    label_studio: LocalLabelStudio, backend_url: str, page_url: str, folder: Path, say: Callable[[str], None]
) -> RunningDemo:
    # Both take a second to import: the SDK, and what only a pull needs.
    from ls_trajedit.label_studio.client import connect
    from ls_trajedit.pull.run import PullRequest, pull

    options = parse_options((files(_EXAMPLES) / "trajedit.yaml").read_text(encoding="utf-8"), "trajedit.yaml")
    with as_file(files(_EXAMPLES) / "traces.jsonl") as path:
        loaded = load_traces([Input(path)], options)
    server = connect(label_studio.url, label_studio.token)
    target = create_project(server, "Agent traces to correct", options, loaded)
    server.connect_backend(target.project.id, backend_url, "ls-trajedit", None)
    pushed = push_traces(server, target, options, loaded, _silent)
    say(f"pushed {pushed.imported} traces into project {pushed.project}; the backend prefills their editors")
    for annotator in ANNOTATORS:
        count = submit_corrections(label_studio, annotator, pushed.project, target.config, options.id_path)
        say(f"{annotator} submitted {count} annotations")
    request = PullRequest(server.project(pushed.project), None, ReadingRules(), folder)
    # What an earlier demo left in the folder came from another Label Studio.
    summary = pull(server, request, start_over=True, progress=_silent)
    say(f"pulled the training files into {folder}")
    return RunningDemo(label_studio, backend_url, pushed.url.replace(label_studio.url, page_url), summary)


def _running_backend() -> AbstractContextManager[str]:
    from ls_trajedit.backend.app import create_app

    return _served(create_app())


def _running_live_diff(label_studio_url: str) -> AbstractContextManager[str]:
    from ls_trajedit.live_diff.proxy import live_diff_proxy

    return _served(live_diff_proxy(label_studio_url))


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    """The address of a service that runs in a thread of this process until the block ends."""
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
