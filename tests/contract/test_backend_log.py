"""What the service logs, line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'


@pytest.fixture
def host(start_host: StartHost) -> Host:
    return start_host("ls-trajedit serve", BASIC_AUTH_USER="somebody", BASIC_AUTH_PASS="pass-7f3a")


def next_request(host: Host) -> dict[str, Any]:
    return host.wait_for_line(lambda line: line["event"] == "request")


def test_each_request_is_one_line_of_json(host: Host) -> None:
    auth = ("somebody", "pass-7f3a")
    tasks = [{"id": 1, "data": {"steps": [{"action": "search"}]}}, {"id": "t-2", "data": 5}]
    body = json.dumps({"tasks": tasks, "label_config": CONFIG}).encode()
    answer = host.post("/predict", body, auth=auth)
    line = host.wait_for_line(lambda line: line["event"].startswith("unreadable"))
    assert (line["level"], line["task"], line["position"]) == ("warning", "t-2", 1)
    assert line["reason"] == "the task has no object as `data`"
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
    assert log.count("unreadable task") == 4
    assert private not in log
    assert "pass-7f3a" not in log


def test_a_path_cannot_forge_a_line(host: Host) -> None:
    host.request("GET", '/a%0a{"event":"request","path":"/forged"}' + "x" * 5000, auth=("somebody", "pass-7f3a"))
    line = next_request(host)
    assert line["path"].startswith('/a\n{"event":"request","path":"/forged"}')
    assert len(line["path"]) == 200
    assert host.stop() == 0
    assert all(isinstance(json.loads(line), dict) for line in host.lines)
