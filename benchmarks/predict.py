"""How many requests `ls-trajedit serve` answers, compared with label-studio-ml 1.0.9 hosting the same model.

Every request is a `/predict` as Label Studio sends it, with 1, 25 or 100 tasks. The hosts take turns.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from made_up_traces import OPTIONS, make_trace
from measure import LS_TRAJEDIT, Command, machine

from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.shape import shape_of

ROOT = Path(__file__).resolve().parents[1]
HOSTS = ("label-studio-ml", "ls-trajedit")
BATCHES = (1, 25, 100)
STEPS = 10
MOST_REQUESTS = 5_000
START_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="seconds for each host, batch and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=2, help="number of simultaneous requests")
    parser.add_argument(
        "--label-studio-ml",
        type=Path,
        metavar="PYTHON",
        help="Python of an environment with this project, label-studio-ml and gunicorn; without it, one is created",
    )
    asked = parser.parse_args()
    python = asked.label_studio_ml or label_studio_ml_python()
    print(machine("uvicorn", "orjson"))
    bodies = {batch: make_body(batch) for batch in BATCHES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-")))
        ports = {
            HOSTS[0]: stack.enter_context(label_studio_ml(python, folder)),
            HOSTS[1]: stack.enter_context(our_service(folder)),
        }
        for body in bodies.values():
            check_same_answers([post_once(port, body) for port in ports.values()])
        print(f"requests per second, {asked.connections} at a time, median of {asked.rounds}, and how long one took")
        print(f"{'tasks':>6}" + "".join(f"{host:>26}" for host in HOSTS) + f"{'ratio':>8}")
        for batch, body in bodies.items():
            rates: dict[str, list[float]] = {host: [] for host in HOSTS}
            for _ in range(asked.rounds):
                for host, port in ports.items():
                    rates[host].append(measure_rate(port, body, asked.seconds, asked.connections))
            medians = [statistics.median(rates[host]) for host in HOSTS]
            cells = "".join(f"{rate:15,.1f} {1000 * asked.connections / rate:7.1f} ms" for rate in medians)
            print(f"{batch:6}{cells}{medians[1] / medians[0]:8.2f}")


def make_body(batch: int) -> bytes:
    """A request for that many tasks, with everything else that Label Studio sends."""
    traces = [make_trace(number, STEPS) for number in range(1, batch + 1)]
    options = parse_options(OPTIONS, "the benchmark's options")
    tasks = [
        {"id": number, "data": trace, "meta": {}, "project": 1, "annotations": [], "predictions": []}
        for number, trace in enumerate(traces, start=1)
    ]
    params = {"login": None, "password": None, "context": None}
    config = write_config(options, shape_of(traces, options))
    return orjson.dumps({"tasks": tasks, "project": "1.1700000000", "label_config": config, "params": params})


def measure_rate(port: int, body: bytes, seconds: float, connections: int) -> float:
    """Requests per second over that many connections, measured for `seconds` or until MOST_REQUESTS."""
    numbers = itertools.count()
    barrier = threading.Barrier(connections + 1)

    def work() -> int:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                answers = connection.makefile("rb")
                post(connection, answers, body)
                barrier.wait()
                deadline = time.monotonic() + seconds
                done = 0
                while time.monotonic() < deadline and next(numbers) < MOST_REQUESTS:
                    post(connection, answers, body)
                    done += 1
                return done
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(work) for _ in range(connections)]
        barrier.wait()
        started = time.monotonic()
        done = sum(future.result() for future in running)
        return done / (time.monotonic() - started)


def post(connection: socket.socket, answers: BinaryIO, body: bytes) -> bytes:
    """The answer; raises RuntimeError for any status but 200. It does no more than needed, because client and server
    share the machine: http.client takes three times as long."""
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    connection.sendall(b"%b%d\r\n\r\n%b" % (head.encode(), len(body), body))
    status = answers.readline()
    length = 0
    while (line := answers.readline().lower()) not in (b"\r\n", b""):
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    content = answers.read(length)
    if b" 200 " not in status:
        raise RuntimeError(f"{status!r}: {content[:500]!r}")
    return content


def post_once(port: int, body: bytes) -> Any:
    with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as connection:
        return orjson.loads(post(connection, connection.makefile("rb"), body))


def check_same_answers(answers: list[Any]) -> None:
    """Ends the benchmark if the hosts predict different things, because then they do not run the same model."""
    theirs, ours = ([prediction["result"] for prediction in answer["results"]] for answer in answers)
    if theirs != ours:
        sys.exit("the two hosts predict different things; is the same version of ls-trajedit in both environments?")


@contextmanager
def our_service(folder: Path) -> Iterator[int]:
    """The port of `ls-trajedit serve`."""
    log = folder / "ls-trajedit.log"
    with running([LS_TRAJEDIT, "serve", "--port", "0"], log) as process:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            for line in log.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n") and (record := orjson.loads(line))["event"] == "listening":
                    yield int(record["url"].rsplit(":", 1)[1])
                    return
            time.sleep(0.05)  # between two looks at the log
        sys.exit(f"ls-trajedit serve did not start: {log.read_text()}")


@contextmanager
def label_studio_ml(python: Path, folder: Path) -> Iterator[int]:
    """The port of label-studio-ml under gunicorn, with the options of its own Dockerfile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The socket listens before gunicorn is up, so the first request waits for it.
        number = listener.fileno()
        options = ["--preload", "--bind", f"fd://{number}", "--workers", "1", "--threads", "8", "--timeout", "0"]
        command: Command = [python, "-m", "gunicorn", *options, "ls_trajedit.ml_backend:create_app()"]
        with running(command, folder / "label-studio-ml.log", pass_fds=(number,)):
            yield listener.getsockname()[1]


@contextmanager
def running(command: list[str | Path], log: Path, pass_fds: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until the block ends."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BASIC_AUTH_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=file, stderr=file, pass_fds=pass_fds
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def label_studio_ml_python() -> Path:
    """A Python in the user's cache folder, with the project as it is now, label-studio-ml 1.0.9 and gunicorn."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "ls-trajedit-benchmarks" / f"label-studio-ml-{sys.version_info.major}.{sys.version_info.minor}"
    python, mark = folder / "bin" / "python", folder / "made-for"
    lock = ROOT / "locks" / "label-studio-ml.txt"
    wanted = sha256(lock.read_bytes()).hexdigest()
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        # A copy, so that the build leaves nothing in the repository.
        source = Path(name) / "source"
        source.mkdir()
        for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, source)
        for tree in ("ls_trajedit", "converters", "label_config", "traces", "examples"):
            shutil.copytree(ROOT / tree, source / tree, ignore=shutil.ignore_patterns("__pycache__"))
        if not mark.is_file() or mark.read_text() != wanted:
            print(f"creating an environment for label-studio-ml in {folder}")
            mark.unlink(missing_ok=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip_install(python, "--requirement", str(lock))
            mark.write_text(wanted)
        pip_install(python, "--force-reinstall", str(source))
    return python


def pip_install(python: Path, *wanted: str) -> None:
    command: Command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *wanted]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
