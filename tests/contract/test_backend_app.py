"""Our own service, beyond what every host can do."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler
from typing import TYPE_CHECKING

import httpx
import pytest
import requests
from starlette.types import ASGIApp

from ls_trajedit.backend import answers
from ls_trajedit.backend.app import create_app

if TYPE_CHECKING:
    from tests.contract.conftest import Host

CONFIG = """
<View>
  <Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/>
  <Text name="b" value="$steps[1].action"/><TextArea name="b_new" toName="b"/>
  <Text name="end" value="$answer"/><TextArea name="end_new" toName="end"/>
</View>
"""


def test_a_config_can_be_validated_without_a_project(service: Host) -> None:
    answer = service.post("/validate", {"config": CONFIG})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "fields": ["action", "answer"]})
    answer = service.post("/validate", {"config": "<View/>"})
    assert answer.status_code == 400
    assert "no TextArea that corrects a field" in answer.json()["error"]


def test_there_is_one_model_version(service: Host) -> None:
    assert service.get("/versions").json() == {"versions": ["ls-trajedit"]}
    assert service.post("/versions", {"project": "1.2"}).json() == {"versions": ["ls-trajedit"]}


def test_a_prediction_has_its_model_version(service: Host) -> None:
    request = {"tasks": [{"id": 1, "data": {"answer": "a"}}, None], "label_config": CONFIG}
    results = service.post("/predict", request).json()["results"]
    assert [result["model_version"] for result in results] == ["ls-trajedit", "ls-trajedit"]


@pytest.mark.parametrize("path", ["/nothing", "/health/", "/predict/x", "/train", "/setup%0d%0ax-evil: 1", "//"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_a_404_in_json(service: Host, method: str, path: str) -> None:
    # Not requests, some versions of which make one slash of several.
    answer = httpx.request(method, service.url + path, trust_env=False)
    assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing at this address"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("PUT", "/setup", "POST"),
        ("DELETE", "/webhook", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/metrics", "GET"),
        ("PATCH", "/openapi.json", "GET"),
        ("DELETE", "/versions", "GET"),
        ("PROPFIND", "/versions", "POST"),
    ],
)
def test_a_wrong_method_is_a_405_in_json(service: Host, method: str, path: str, allowed: str) -> None:
    answer = service.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"error": f"{method} is not allowed at this address"})
    assert allowed in answer.headers["allow"]


def test_health_answers_while_predictions_are_made(
    serve_here: Callable[[ASGIApp], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Label Studio gives `/health` one second, and considers a backend that misses it disconnected."""
    started, finish = threading.Event(), threading.Event()

    def slow(*_: object) -> int:
        started.set()
        finish.wait(60)
        return 0

    monkeypatch.setattr(answers, "predict_tasks", slow)
    url = serve_here(create_app())
    # A short request is answered at once, so this is a long one.
    request = {"tasks": [1], "label_config": CONFIG, "more": "x" * 1_000_000}
    statuses: list[int] = []
    predicting = threading.Thread(
        target=lambda: statuses.append(requests.post(f"{url}/predict", json=request, timeout=60).status_code)
    )
    predicting.start()
    try:
        assert started.wait(60)
        assert requests.get(f"{url}/health", timeout=60).json()["status"] == "UP"
        assert statuses == []
    finally:
        finish.set()
        predicting.join()
    assert statuses == [200]


def test_a_bug_is_a_500_without_a_traceback(
    serve_here: Callable[[ASGIApp], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tasks: list[object], *_: object) -> None:
        raise RuntimeError(f"a bug with {tasks}")

    logged: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger = logging.getLogger("ls_trajedit.backend.log")
    monkeypatch.setattr(logger, "handlers", [QueueHandler(logged)])
    monkeypatch.setattr(answers, "predict_tasks", broken)
    url = serve_here(create_app())
    answer = requests.post(f"{url}/predict", json={"tasks": ["private"], "label_config": CONFIG}, timeout=60)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
    record = logged.get(timeout=60)
    assert (record.getMessage(), record.levelname, record.fields["error"]) == ("request", "ERROR", "RuntimeError")
    assert record.fields["at"][-1].startswith("broken:")
    assert "private" not in str(record.__dict__)


def test_a_config_cannot_write_a_header(service: Host) -> None:
    """A reason may quote the config, and is in the head of the response."""
    config = '<View><Text name="x" value="$a"/>' + "".join(
        f'<TextArea name="y{n}&#13;&#10;x-evil: {n}" toName="x"/>' for n in (1, 2)
    )
    answer = service.post("/setup", {"schema": config + "</View>"})
    assert answer.status_code == 400
    assert "y1" in answer.reason
    assert "x-evil" not in answer.headers
