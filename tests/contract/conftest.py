"""What the contract tests share: the hosts that can serve the ML backend, each as a process of its own that speaks HTTP
on a free port, and somebody who pulls from a Label Studio that misbehaves on cue."""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from starlette.types import ASGIApp

from ls_trajedit.backend.connections import Limits
from ls_trajedit.backend.server import listen, make_server, server_url
from tests.support.environments import install, make_environment

from .puller import Puller, puller_of

REPOSITORY = Path(__file__).parents[2]
HOSTS = ("ls-trajedit serve", "label-studio-ml 1.0.9")
CREDENTIALS = ("labelstudio", "Grüße: $1")


@dataclass
class Host:
    """A backend that runs. `lines` is what it has logged so far."""

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _news: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    _log_ended: threading.Event = field(default_factory=threading.Event)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        """Posts `body` as JSON or, when it is bytes, as it is."""
        if isinstance(body, bytes):
            return self.request("POST", path, data=body, headers={"content-type": "application/json"}, **options)
        return self.request("POST", path, json=body, **options)

    def wait_for_line(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line of JSON in the log for which `wanted` holds."""
        while (line := self._news.get(timeout=60)) is not None:
            if line.startswith("{") and wanted(record := orjson.loads(line)):
                return dict(record)
        raise AssertionError(f"the log ended:\n{''.join(self.lines)}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal; the exit code, once the process has ended and all that it logged is in `lines`."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._log_ended.wait(60)
        return code

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._news.put(line)
        self._news.put(None)
        self._log_ended.set()


StartHost = Callable[..., Host]
ServeHere = Callable[..., str]


@pytest.fixture
def start_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHost]:
    """Starts a host by its name, with command line arguments, environment variables and, for our own, a limit of open
    files. All that it started are stopped after the test."""
    with _starting(request, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def start_shared_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHost]:
    """The same, stopped after all tests."""
    with _starting(request, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session", params=HOSTS)
def host(request: pytest.FixtureRequest, start_shared_host: StartHost) -> Host:
    """Every host in turn, without authentication."""
    return start_shared_host(request.param)


@pytest.fixture(scope="session")
def credentials() -> tuple[str, str]:
    """The user and the password of `guarded_host`."""
    return CREDENTIALS


@pytest.fixture(scope="session", params=HOSTS)
def guarded_host(request: pytest.FixtureRequest, start_shared_host: StartHost) -> Host:
    """Every host in turn, with CREDENTIALS."""
    return start_shared_host(request.param, BASIC_AUTH_USER=CREDENTIALS[0], BASIC_AUTH_PASS=CREDENTIALS[1])


@pytest.fixture(scope="session")
def service(start_shared_host: StartHost) -> Host:
    """Our own service alone, without authentication."""
    return start_shared_host(HOSTS[0])


@pytest.fixture
def serve_here() -> Iterator[ServeHere]:
    """Serves an application from a thread of this process, where a test can put something else in its parts, or give it
    other limits."""
    with ExitStack() as stack:

        def start(app: ASGIApp, limits: Limits = Limits()) -> str:  # noqa: B008 - it is frozen
            listener = listen("127.0.0.1", 0)
            url = server_url(listener)
            server = make_server(app, limits)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            return url

        yield start


@pytest.fixture
def puller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Puller]:
    """Somebody with a Label Studio of their own, whose project is empty. Modules extend it under the same name by what
    happened before their tests."""
    with puller_of(tmp_path, monkeypatch, capsys) as puller:
        yield puller


@pytest.fixture(scope="session")
def label_studio_ml_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with this project, label-studio-ml and gunicorn. What comes from the package index is kept in pytest's
    cache until the lock changes, the project until it changes. Processes that run tests side by side share it."""
    lock = REPOSITORY / "locks" / "label-studio-ml.txt"
    folder = request.config.cache.mkdir("label-studio-ml")
    python, mark = folder / "venv" / "bin" / "python", folder / "made-for"
    source = _copy_of_the_source(tmp_path_factory.mktemp("source"))
    packages, project = _digest_of([lock]), _digest_of(sorted(path for path in source.rglob("*") if path.is_file()))
    with (folder / "in-use").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        made_for = mark.read_text().split() if mark.exists() else []
        if made_for != [packages, project]:
            mark.unlink(missing_ok=True)
            if made_for[:1] != [packages]:
                make_environment(folder / "venv", "--no-deps", "--requirement", str(lock))
            install(folder / "venv", "--no-deps", "--reinstall-package", "ls-trajedit", str(source))
            mark.write_text(f"{packages}\n{project}\n")
    return python


def _digest_of(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join([sys.version.encode(), *(file.read_bytes() for file in files)])).hexdigest()


@contextmanager
def _starting(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[StartHost]:
    with ExitStack() as stack:

        def start(name: str, *arguments: str, open_files: int | None = None, **environment: str) -> Host:
            clean = {key: value for key, value in os.environ.items() if not key.startswith("BASIC_AUTH_")}
            full = {**clean, "HOME": str(folders.mktemp("home")), **environment}
            if name == HOSTS[0]:
                return stack.enter_context(_our_service(arguments, full, open_files))
            return stack.enter_context(_label_studio_ml(request.getfixturevalue("label_studio_ml_python"), full))

        yield start


@contextmanager
def _our_service(arguments: tuple[str, ...], environment: dict[str, str], open_files: int | None) -> Iterator[Host]:
    command = [sys.executable, "-m", "ls_trajedit", "serve", "--port", "0", *arguments]
    if open_files is not None:
        command = ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh", *command]
    with running_host(command, environment) as host:
        host.url = host.wait_for_line(lambda line: line["event"] == "listening")["url"]
        yield host


@contextmanager
def _label_studio_ml(python: Path, environment: dict[str, str]) -> Iterator[Host]:
    # The socket listens before gunicorn is up: the first request waits until it is.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        bind = ["--bind", f"fd://{number}", "--workers", "2", "ls_trajedit.ml_backend:create_app()"]
        command = [str(python), "-m", "gunicorn", *bind]
        with running_host(command, environment, pass_fds=(number,)) as host:
            host.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield host


@contextmanager
def running_host(command: list[str], environment: dict[str, str], pass_fds: tuple[int, ...] = ()) -> Iterator[Host]:
    """The backend that `command` starts, at an address that is not known yet, until it is stopped."""
    process = subprocess.Popen(
        command, env=environment, cwd=environment.get("HOME", "/"), stderr=subprocess.PIPE, text=True, pass_fds=pass_fds
    )
    host = Host("", process)
    reader = threading.Thread(target=host._read_log)
    reader.start()
    try:
        yield host
    finally:
        process.terminate()
        process.wait(60)
        reader.join()


def _copy_of_the_source(folder: Path) -> Path:
    """What the build needs, in `folder`, so that the build leaves nothing in the repository."""
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)
    for name in ("ls_trajedit", "converters", "label_config", "traces", "examples"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
