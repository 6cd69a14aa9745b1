"""How long a long conversation takes to open on Label Studio's editor page in Chromium.

Ours, with everything that was said on the page, against a config written by hand with nothing but a Text and a TextArea
for each message of the agent. Then what it costs that the task data holds the source: a session of so many MB is
imported and opened with and without it. Then what the boxes of steps that may be inserted cost, in a trace of 30 plain
steps.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measure import machine
from playwright.sync_api import Page, sync_playwright

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.label_studio.client import connect
from ls_trajedit.label_studio.tasks import data_pages
from ls_trajedit.traces.field_path import RESERVED_KEY
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import ChatTrace, read_file
from ls_trajedit.traces.shape import shape_of

MESSAGES = 314
MEGABYTES = 10
BOX = 'editable="true" transcription="true" maxSubmissions="1" rows="2" showSubmitButton="false"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is opened")
    rounds = parser.parse_args().rounds
    sys.stdout.write(f"{machine()}\n")
    data = _task_data(_conversation(MESSAGES, result_words=60))
    by_hand = {
        "messages": [{"content": step.get("content") or step["tool_calls"][0]["name"]} for step in data["steps"]]
    }
    ours = write_chat_config(Options(), chat_shape([data]))
    with TemporaryDirectory() as folder, run_label_studio(Path(folder)) as label_studio, _page(label_studio) as page:
        tasks = {
            "ours": _push(label_studio, ours, data),
            "by hand": _push(label_studio, _config_by_hand(len(by_hand["messages"])), by_hand),
        }
        # In turns, so that a busy moment of the machine hits both.
        seconds: dict[str, list[float]] = {name: [] for name in tasks}
        for _ in range(rounds):
            for name, task in tasks.items():
                seconds[name].append(_open(page, *task))
        medians = {name: statistics.median(found) for name, found in seconds.items()}
        sys.stdout.write("| a conversation of 314 messages | boxes | opens in, median | all |\n|---|---|---|---|\n")
        for name, (_, _, boxes, _) in tasks.items():
            each = ", ".join(f"{second:.1f}" for second in seconds[name])
            sys.stdout.write(f"| {name} | {boxes} | {medians[name]:.1f} s | {each} |\n")
        sys.stdout.write(f"ratio {medians['ours'] / medians['by hand']:.2f}; at most 2 is wanted\n")
        sys.stdout.flush()
        _measure_source(label_studio, page)
        _measure_insertions(label_studio, page, rounds)


def _measure_source(label_studio: LocalLabelStudio, page: Page) -> None:
    data = _task_data(_conversation(200, result_words=MEGABYTES * 1_000_000 // 6 // 50))
    config = write_chat_config(Options(), chat_shape([data]))
    size = len(data[RESERVED_KEY]["source"]) / 1e6
    without = {**data, RESERVED_KEY: {**data[RESERVED_KEY], "source": ""}}
    found = {}
    for name, held in (("with", data), ("without", without)):
        task = _push(label_studio, config, held)
        found[name] = (task[3], statistics.median(_open(page, *task) for _ in range(3)))
    told = "; ".join(
        f"{name} its source imported in {imported:.1f} s, opened in {opened:.1f} s"
        for name, (imported, opened) in found.items()
    )
    sys.stdout.write(f"a session of {size:.1f} MB: {told}\n")


def _measure_insertions(label_studio: LocalLabelStudio, page: Page, rounds: int) -> None:
    steps = [{"thought": f"t {n}", "action": f"search(query={n})", "observation": f"found {n}"} for n in range(30)]
    trace = {"id": "t", "task_description": "x", "steps": steps}
    tasks = {}
    for options in (Options(), *(Options(allow_remove=True, allow_insert=most) for most in (0, 1, 3))):
        name = f"allow_remove: {str(options.allow_remove).lower()}, allow_insert: {options.allow_insert}"
        tasks[name] = _push(label_studio, write_config(options, shape_of([trace], options)), trace)
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds[name].append(_open(page, *task))
    sys.stdout.write("| 30 steps | boxes | opens in, median | all |\n|---|---|---|---|\n")
    for name, (_, _, boxes, _) in tasks.items():
        each = ", ".join(f"{second:.1f}" for second in seconds[name])
        sys.stdout.write(f"| {name} | {boxes} | {statistics.median(seconds[name]):.1f} s | {each} |\n")


def _conversation(count: int, result_words: int) -> dict[str, Any]:
    """A conversation of so many messages: the user asks, the agent calls a tool, and answers."""
    picked = random.Random(count)

    def words(number: int) -> str:
        return " ".join("".join(picked.choices("etaoinshrdlu", k=5)) for _ in range(number))

    messages: list[dict[str, Any]] = [{"role": "system", "content": words(400)}]
    while len(messages) < count:
        number = len(messages)
        arguments = json.dumps({"query": words(4), "limit": number})
        call = {"id": f"call_{number}", "type": "function", "function": {"name": "search", "arguments": arguments}}
        messages += [
            {"role": "user", "content": words(30)},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": words(result_words)},
            {"role": "assistant", "content": words(50)},
        ]
    return {"id": f"conversation-{count}", "messages": messages[:count]}


def _task_data(source: dict[str, Any]) -> dict[str, Any]:
    options = Options()
    (item,) = read_file(io.BytesIO(json.dumps(source).encode()), options).items
    assert isinstance(item, ChatTrace)
    return chat_data(item.trace, options.read_options)


def _config_by_hand(boxes: int) -> str:
    pairs = (
        f'<Text name="t{number}" value="$messages[{number}].content"/>'
        f'<TextArea name="a{number}" toName="t{number}" {BOX}/>'
        for number in range(boxes)
    )
    return f"<View>{''.join(pairs)}</View>"


def _push(label_studio: LocalLabelStudio, config: str, data: dict[str, Any]) -> tuple[int, int, int, float]:
    """A project with one task, prefilled; returns both their ids, the number of boxes, and how long the import took."""
    server = connect(label_studio.url, label_studio.token)
    results = predict({"data": data}, config)
    project = server.create_project("Conversation", config, "").id
    started = time.monotonic()
    server.import_tasks(project, [{"data": data, "predictions": [{"model_version": "m", "result": results}]}])
    seconds = time.monotonic() - started
    server.show_predictions(project, "m")
    (task,) = (task for found in data_pages(server, project) for task in found.tasks)
    return project, task["id"], len(results), seconds


def _open(page: Page, project: int, task: int, boxes: int, _: float) -> float:
    """The seconds until every box is on the page."""
    page.goto("about:blank")
    started = time.monotonic()
    page.goto(f"/projects/{project}/data?task={task}")
    page.wait_for_function(
        "boxes => document.querySelectorAll('textarea').length >= boxes", arg=boxes, timeout=300_000, polling=50
    )
    return time.monotonic() - started


@contextmanager
def _page(label_studio: LocalLabelStudio) -> Iterator[Page]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(base_url=label_studio.url, viewport={"width": 1400, "height": 1000})
        page.goto("/user/login/")
        page.fill("#email", label_studio.username)
        page.fill("#password", label_studio.password)
        page.click("#login-form button[type=submit]")
        page.wait_for_url(lambda address: "/user/login" not in address)
        yield page
        browser.close()


if __name__ == "__main__":
    main()
