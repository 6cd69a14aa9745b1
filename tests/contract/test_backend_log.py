"""What the service logs, line by line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'
ESCAPED = CONFIG.replace('"', '\\"').encode()


@pytest.fixture
def host(start_host: StartHost) -> Host:
    return start_host("ls-trajedit serve", BASIC_AUTH_USER="somebody", BASIC_AUTH_PASS="pass-7f3a")


def next_request(host: Host) -> dict[str, Any]:
    return host.wait_for_line(lambda line: line["event"] == "request")


def test_each_request_is_one_line_of_json(host: Host) -> None:
    auth = ("somebody", "pass-7f3a")
    tasks = [{"id": 1, "data": {"steps": [{"action": "search"}]}}, {"id": 58, "data": 5}]
    body = json.dumps({"tasks": tasks, "label_config": CONFIG}).encode()
    answer = host.post("/predict", body, auth=auth)
    line = host.wait_for_line(lambda line: "first" in line)
    assert line.pop("time")
    assert line == {
        "level": "warning",
        "event": "1 of 2 tasks could not be read, first number 2 (id 58): the task has no object as `data`",
        "unreadable": 1,
        "first": [{"task": 58, "position": 1, "reason": "the task has no object as `data`"}],
    }
    line = next_request(host)
    assert line.pop("ms") >= 0
    assert line.pop("time")
    assert line == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "bytes_in": len(body),
        "bytes_out": len(answer.content),
        "tasks": 2,
        "unreadable": 1,
    }
    host.get("/nothing", auth=auth)
    line = next_request(host)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/nothing", 404)
    assert "tasks" not in line
    host.get("/health")
    assert next_request(host)["status"] == 401


def test_no_body_query_or_credential_is_in_it(host: Host) -> None:
    auth = ("somebody", "pass-7f3a")
    private = "priv" + "ate"
    tasks = [
        {"id": {"x": private}, "data": private},
        {"id": private * 100, "data": private},
        {"id": 3, "data": [private]},
        private,
    ]
    for label_config in (CONFIG, f"<View><Text name='{private}", private):
        body = json.dumps({"tasks": tasks, "label_config": label_config}).encode()
        host.post("/predict", body, auth=auth, params={"token": private})
    host.post("/predict", f'{{"tasks": "{private}'.encode(), auth=auth)
    host.post("/webhook", {"action": private, "annotation": {"result": [private]}}, auth=auth)
    host.get("/health", auth=("somebody", private))
    host.get("/health", headers={"authorization": f"Bearer {private}", "x-token": private})
    assert host.stop() == 0
    log = "".join(host.lines)
    assert log.count('"event":"request"') == 7
    assert log.count("4 of 4 tasks could not be read") == 1
    assert private not in log
    assert "pass-7f3a" not in log


def test_a_path_cannot_forge_a_line(host: Host) -> None:
    host.request("GET", '/a%0a{"event":"request","path":"/forged"}%C2%9B' + "x" * 5000, auth=("somebody", "pass-7f3a"))
    line = next_request(host)
    assert line["path"].startswith("/a%0A%7B%22event%22:%22request%22,%22path%22:%22/forged%22%7D%C2%9Bxxx")
    assert len(line["path"]) == 200
    assert host.stop() == 0
    assert all(isinstance(json.loads(line), dict) for line in host.lines)


EDITOR = '<Text name="{0}" value="$steps[0].action"/><TextArea name="{0}_new" toName="{0}"/>'
LONG = "x" * 200_000
BIG = "9" * 4000


@pytest.mark.parametrize(
    "send",
    [
        lambda host: host.post("/predict", b'{"label_config": "%s", "tasks": [%s0]}' % (ESCAPED, b"0," * 99_999)),
        lambda host: host.post("/predict", {"label_config": CONFIG, "tasks": [{"id": LONG, "data": 0}] * 5}),
        lambda host: host.post("/predict", {"label_config": CONFIG, "tasks": [{"id": [LONG], "data": LONG}] * 5}),
        lambda host: host.post("/predict", b'{"label_config": "%s", "tasks": [{"id": %s}]}' % (ESCAPED, BIG.encode())),
        lambda host: host.post("/predict", {"label_config": f"<View><{LONG}", "tasks": []}),
        lambda host: host.post("/predict", {"label_config": f"<View>{EDITOR.format(LONG) * 2}</View>", "tasks": []}),
        lambda host: host.post("/setup", {"schema": f'<View><TextArea name="{LONG}" toName="{LONG}"/></View>'}),
        lambda host: host.post("/setup", {"schema": f"<{LONG}/>"}),
        lambda host: host.post("/setup", f'{{"schema": "", "schema": "", "{LONG}": {LONG}'.encode()),
        lambda host: host.get("/" + "%1B%C2%9B" * 5000),
        lambda host: host.get("/health", headers={"x-forwarded-prefix": "/" + "x" * 50_000, "host": "x" * 10_000}),
        lambda host: host.get("/health", auth=("x" * 20_000, "")),
        lambda host: host.request("PROPFIND", "/predict?" + "x" * 50_000),
        lambda host: host.get("/metrics", headers={"accept": "application/openmetrics-text; version=x"}),
    ],
    ids=itertools.count(),  # their texts differ from one process to the next, and pytest-xdist compares ids
)
def test_no_request_writes_more_than_2000_bytes_or_is_answered_at_length(
    send: Callable[[Host], Any], service: Host
) -> None:
    before_it, after_it = f"/{uuid4()}", f"/{uuid4()}"
    service.get(before_it)
    service.wait_for_line(lambda line: line.get("path") == before_it)
    before = len(service.lines)
    answer = send(service)
    service.get(after_it)
    service.wait_for_line(lambda line: line.get("path") == after_it)
    *of_the_request, _ = service.lines[before:]
    assert 1 <= len(of_the_request) <= 2
    assert len("".join(of_the_request).encode()) <= 2000
    assert all(line.isascii() and line.rstrip("\n").isprintable() for line in of_the_request)
    assert len(answer.reason) <= 400
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= 1000
    assert answer.status_code == 200 or len(answer.content) <= 2100


def test_the_first_few_unreadable_tasks_of_a_request_are_named(service: Host) -> None:
    big = int(BIG)
    tasks = [{"id": 7, "data": {}}, {"id": True}, {"id": big}, 0, *({"id": number} for number in range(1000))]
    service.post("/predict", {"label_config": CONFIG, "tasks": tasks})
    line = service.wait_for_line(lambda line: "first" in line)
    assert line["event"].startswith("1003 of 1004 tasks could not be read, first number 2 (id None): ")
    assert line["unreadable"] == 1003
    assert [(task["task"], task["position"]) for task in line["first"]] == [(None, 1), (None, 2), (None, 3)]
    assert [task["reason"] for task in line["first"]] == [
        "the task has no object as `data`",
        "the task has no object as `data`",
        "the task is not an object",
    ]
