"""The whole loop on this machine: Label Studio, the backend, traces in, corrections by two annotators, files out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.demo.annotators import ANNOTATORS, sign_up, submit_corrections
from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.inputs import Input, load_traces
from ls_trajedit.output.summary import Summary
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.push import create_project, push_traces
from ls_trajedit.traces.options_file import parse_options

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ls_trajedit.label_studio.client import Server

__all__ = ["Pulled", "RunningDemo", "run_demo"]

_EXAMPLES = "ls_trajedit.examples"
_FORMATS = ("corrections", "sft", "dpo", "trl-dpo")


@dataclass(frozen=True)
class _Examples:
    """Bundled traces with their options and corrections, the title of the project that they get, and the folder inside
    the output folder for what is pulled from that."""

    title: str
    traces: tuple[str, ...]
    options: str
    corrections: str
    folder: str


_STEPS = _Examples("Agent traces to correct", ("traces.jsonl",), "trajedit.yaml", "corrections.json", ".")
_CHATS = _Examples(
    "Agent chats to correct", ("chats.jsonl", "session.jsonl"), "chats.yaml", "chat_corrections.json", "chats"
)


@dataclass(frozen=True)
class Pulled:
    """What came out of one project of the demo: its address, with the live diff, what was pulled, and the report."""

    project_url: str
    summary: Summary
    report: Path


@dataclass(frozen=True)
class RunningDemo:
    """What a demo has running, and what came out of its two projects: plain steps, and chats."""

    label_studio: LocalLabelStudio
    backend_url: str
    steps: Pulled
    chats: Pulled


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
    # It takes a second to import.
    from ls_trajedit.label_studio.client import connect

    owner = connect(label_studio.url, label_studio.token)
    annotators = {name: sign_up(label_studio, name) for name in ANNOTATORS}
    steps, chats = (
        _loop(owner, annotators, backend_url, page_url, examples, folder / examples.folder, say)
        for examples in (_STEPS, _CHATS)
    )
    return RunningDemo(label_studio, backend_url, steps, chats)


def _loop(
    owner: Server,
    annotators: Mapping[str, Server],
    backend_url: str,
    page_url: str,
    examples: _Examples,
    folder: Path,
    say: Callable[[str], None],
) -> Pulled:
    """Pushes the examples, has them corrected, and pulls the training files and their report into `folder`."""
    # What only a pull needs takes a second to import, too.
    from ls_trajedit.pull.run import PullRequest, pull
    from ls_trajedit.report.write import REPORT, write_report

    options = parse_options((files(_EXAMPLES) / examples.options).read_text(encoding="utf-8"), examples.options)
    with ExitStack() as stack:
        paths = [stack.enter_context(as_file(files(_EXAMPLES) / name)) for name in examples.traces]
        loaded = load_traces([Input(path) for path in paths], options)
    target = create_project(owner, examples.title, options, loaded)
    project = target.project.id
    owner.connect_backend(project, backend_url, "ls-trajedit", None)
    pushed = push_traces(owner, target, options, loaded, _silent)
    say(f"pushed {pushed.imported} traces into project {project}; the backend prefills their editors")
    for name, annotator in annotators.items():
        count = submit_corrections(annotator, name, project, target.config, options.id_path, examples.corrections)
        say(f"{name} submitted {count} annotations")
    request = PullRequest(owner.project(project), None, ReadingRules(), folder, WantedFiles(formats=_FORMATS))
    # What an earlier demo left in the folder came from another Label Studio.
    summary = pull(owner, request, start_over=True, progress=_silent)
    written = write_report(folder, folder / REPORT)
    say(f"pulled the training files into {folder}")
    return Pulled(pushed.url.replace(owner.url, page_url), summary, written.path)


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
