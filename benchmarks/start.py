"""What it costs to start a command, compared with starting Python, and with importing click and Typer.

Each runs in a process of its own, and they take turns. The figures are the least CPU time (user and system) of all
rounds, and the modules that are loaded at the end. `pull` finds nothing new in an empty project of an imitation of
Label Studio: a process that answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measure import LS_TRAJEDIT, Command, machine

EXAMPLE = Path(__file__).parents[1] / "examples" / "export.json"
CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'
FLOORS = {"python": "pass", "import click": "import click", "import typer": "import typer"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    # Compiled modules are a part of what a user has.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(machine("click", "httpx", "typer"))
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        folder = Path(name)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Imitation)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["LABEL_STUDIO_URL"] = f"http://127.0.0.1:{server.server_port}"
        os.environ["LABEL_STUDIO_API_KEY"] = "0" * 40
        os.environ["NO_PROXY"] = "127.0.0.1"
        commands: dict[str, Command] = {title: [sys.executable, "-c", code] for title, code in FLOORS.items()}
        for arguments in (
            ["--version"],
            ["--help"],
            ["convert", EXAMPLE, "-o", folder / "converted"],
            ["verify", folder / "converted"],
            ["report", folder / "converted"],
            ["pull", "--project", "1", "-o", folder / "pulled"],
        ):
            commands[str(arguments[0])] = [sys.executable, LS_TRAJEDIT, *arguments]
        modules = {title: count_modules(command) for title, command in commands.items()}
        least = dict.fromkeys(commands, float("inf"))
        for _ in range(asked.rounds):
            for title, command in commands.items():
                least[title] = min(least[title], cpu_of(command))
        server.shutdown()
    print(f"{'':14}{'CPU':>10}{'modules':>9}{'/ python':>10}{'/ click':>10}{'/ typer':>10}")
    for title, seconds in least.items():
        ratios = "".join(f"{seconds / least[floor]:10.2f}" for floor in FLOORS)
        print(f"{title:14}{seconds * 1000:7.0f} ms{modules[title]:9}{ratios}")


class Imitation(BaseHTTPRequestHandler):
    """A Label Studio with one project, without tasks."""

    def do_GET(self) -> None:
        """Answers as Label Studio does to what `pull` asks for."""
        if self.path.startswith("/api/projects/"):
            answer: object = {"id": 1, "title": "Empty", "label_config": CONFIG, "task_number": 0}
        elif self.path.startswith("/api/version"):
            answer = {"release": "1.23.2"}
        else:
            answer = {"tasks": [], "total": 0, "total_annotations": 0, "total_predictions": 0}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - it is called so in http.server
        """Says nothing."""


def count_modules(command: Command) -> int:
    """How many modules a run of the command imports."""
    timed = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(timed, capture_output=True, text=True, check=True)
    return done.stderr.count("import time:") - 1


def cpu_of(command: Command) -> float:
    """The CPU seconds of a run of the command. Raises RuntimeError if it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
