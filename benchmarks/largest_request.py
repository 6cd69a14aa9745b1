"""The most that one request of `--max-body` can cost `ls-trajedit serve`: time, memory, `/health` meanwhile, SIGTERM.

Each body fills the limit of 100 MB with something else; none is what Label Studio would send. Each is sent to a process
of its own, once, and again just before SIGTERM.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from measure import LS_TRAJEDIT, machine

BODY = 100 * 1024 * 1024
# Between two looks at `/health`, and before SIGTERM.
PAUSE = 0.05
HEALTH_SECONDS = 60

_EDITOR = '<Text name="t{0}" value="$steps[{0}].x"/><TextArea name="b{0}" toName="t{0}"/>'
_REPEATER = (
    '<View><Repeater on="$steps"><Text name="t{{idx}}" value="$steps[{{idx}}].x"/>'
    '<TextArea name="b{{idx}}" toName="t{{idx}}"/></Repeater></View>'
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the bodies with this in their names")
    asked = parser.parse_args()
    print(machine("orjson", "uvicorn"))
    print(f"{'body':<46}{'status':>7}{'seconds':>9}{'peak MB':>9}{'slowest /health':>17}{'exit after SIGTERM':>20}")
    for name, make in BODIES.items():
        if asked.only in name:
            measure(name, make())


def measure(name: str, body: bytes) -> None:
    """Prints a line about the body."""
    assert len(body) <= BODY
    process = subprocess.Popen([LS_TRAJEDIT, "serve", "--port", "0"], stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        listening = next(line for line in map(orjson.loads, process.stderr) if line["event"] == "listening")
        port = int(listening["url"].rsplit(":", 1)[1])
        threading.Thread(target=process.stderr.read, daemon=True).start()
        waits: list[float] = []
        done = threading.Event()
        asking = threading.Thread(target=ask_health, args=(port, waits, done))
        asking.start()
        started = time.monotonic()
        status = post(port, body)
        seconds = time.monotonic() - started
        done.set()
        asking.join()
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        again = threading.Thread(target=post, args=(port, body), daemon=True)
        again.start()
        time.sleep(PAUSE * 10)  # until it is being answered
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        stopped = time.monotonic() - started
    finally:
        process.kill()
    megabytes = int(peak[1]) * 1024 / 1e6 if peak else 0
    print(f"{name:<46}{status:7}{seconds:9.1f}{megabytes:9.0f}{max(waits):15.2f} s{stopped:18.1f} s", flush=True)


def ask_health(port: int, waits: list[float], done: threading.Event) -> None:
    """Asks `/health` until `done`, and notes how long each answer took."""
    while not done.wait(PAUSE):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HEALTH_SECONDS)
        started = time.monotonic()
        connection.request("GET", "/health")
        connection.getresponse().read()
        waits.append(time.monotonic() - started)
        connection.close()


def post(port: int, body: bytes) -> int:
    """The status of the answer; 0 for a connection that ended without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def fill(config: str, task: Callable[[int], str]) -> bytes:
    """A request with that config, and as many tasks as fit."""
    start, end = f'{{"label_config":{orjson.dumps(config).decode()},"tasks":[', "null]}"
    room = BODY - len(start.encode()) - len(end)
    tasks = []
    for number in itertools.count():
        text = task(number) + ","
        room -= len(text)
        if room < 0:
            return f"{start}{''.join(tasks)}{end}".encode()
        tasks.append(text)
    raise AssertionError


def steps(count: int, step: str) -> str:
    return f'{{"data":{{"steps":[{",".join([step] * count)}]}}}}'


def written_out(count: int) -> str:
    return f"<View>{''.join(_EDITOR.format(index) for index in range(count))}</View>"


def ordinary() -> bytes:
    """Tasks of 30 kB: 50 steps, of which each has 300 characters for the one box and 300 for none."""
    task = steps(50, f'{{"x":"{"word " * 60}","seen":"{"word " * 60}"}}')
    return fill(written_out(50), lambda number: task)


def as_much_answer_as_possible() -> bytes:
    """Short texts, and names of 200 characters, of which each is in the answer three times."""
    task = steps(50, f'{{"x":"{"a" * 60}","seen":"{"a" * 180}"}}')
    return fill(written_out(50).replace('"t', f'"{"t" * 200}').replace('"b', f'"{"b" * 200}'), lambda number: task)


def largest_config() -> bytes:
    """Nearly 120,000 tags in less than 10 million characters."""
    filler = "<View/>" * 9_000
    config = f"<View>{''.join(_EDITOR.format(index) for index in range(55_000))}{filler}</View>"
    task = steps(1_000, '{"x":"' + "a" * 90 + '"}')
    return fill(config, lambda number: task)


def long_traces() -> bytes:
    """As many controls as a task may have."""
    task = steps(20_000, '{"x":"' + "a" * 90 + '"}')
    return fill(_REPEATER, lambda number: task)


BODIES: dict[str, Callable[[], bytes]] = {
    "about 3,000 tasks of 33 kB, as they are sent": ordinary,
    "an answer of up to 300 MB": as_much_answer_as_possible,
    "the largest labeling config": largest_config,
    "20,000 steps of a Repeater in each task": long_traces,
    "3,000,000 empty objects": lambda: fill(_REPEATER, lambda number: "{}" if number < 2_990_000 else "0" * BODY),
    "1,500,000 objects with a key each": lambda: fill(
        _REPEATER, lambda number: f'{{"k{number}":"v{number}"}}' if number < 1_490_000 else "0" * BODY
    ),
    "33 million empty lists": lambda: fill(_REPEATER, lambda number: "[]"),
    "one task with a text of 100 MB": lambda: fill(
        written_out(1), lambda number: steps(1, '{"x":"' + "a" * (BODY - 1_000) + '"}') if number == 0 else "0" * BODY
    ),
    "a field nested 90 deep": lambda: fill(
        written_out(1),
        lambda number: steps(
            1, '{"x":' + "[" * 90 + '"' + "a" * 60 + '"' + (',"' + "a" * 60 + '"') * 1_000 + "]" * 90 + "}"
        ),
    ),
    "nothing but a config of 100 MB": lambda: fill(
        "<View>" + "x" * (BODY - 1_000) + "</View>", lambda number: "0" * BODY
    ),
}


if __name__ == "__main__":
    main()
