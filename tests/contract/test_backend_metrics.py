"""What Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

import ls_trajedit
from ls_trajedit.backend.metrics import Metrics

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'


def samples(host: Host) -> dict[str, float]:
    answer = host.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_requests_and_tasks_are_counted(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    good = {"id": 1, "data": {"steps": [{"action": "a"}]}}
    host.post("/predict", {"tasks": [good, 5, good], "label_config": CONFIG})
    host.post("/predict", {"tasks": [good], "label_config": CONFIG, "params": {"context": {"result": []}}})
    host.post("/predict", {"tasks": [good], "label_config": "<View/>"})
    host.get("/nothing")
    host.get("/elsewhere?x=1")
    host.request("PROPFIND", "/predict")
    found = samples(host)
    assert found[f'ls_trajedit_info{{version="{ls_trajedit.__version__}"}}'] == 1
    assert found["ls_trajedit_tasks_total"] == 4
    assert found["ls_trajedit_unreadable_tasks_total"] == 1
    assert found['ls_trajedit_requests_total{method="POST",path="/predict",status="200"}'] == 2
    assert found['ls_trajedit_requests_total{method="POST",path="/predict",status="400"}'] == 1
    assert found['ls_trajedit_requests_total{method="GET",path="other",status="404"}'] == 2
    assert found['ls_trajedit_requests_total{method="other",path="/predict",status="405"}'] == 1
    assert found["ls_trajedit_requests_in_progress"] == 1
    buckets = [value for name, value in found.items() if "bucket{le=" in name and 'path="/predict"' in name]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found['ls_trajedit_request_duration_seconds_count{path="/predict"}'] == 4
    assert found['ls_trajedit_request_duration_seconds_sum{path="/predict"}'] > 0
    assert samples(host)['ls_trajedit_requests_total{method="GET",path="/metrics",status="200"}'] == 1


def test_every_metric_says_what_it_is(service: Host) -> None:
    lines = service.get("/metrics").text.splitlines()
    described = {line.split()[2] for line in lines if line.startswith("# HELP")}
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    used = {line.partition("{")[0].partition(" ")[0] for line in lines if not line.startswith("#")}
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in used}
    assert families <= described == typed


@pytest.mark.parametrize(
    ("accept", "content_type", "read"),
    [
        ("*/*", "text/plain; version=0.0.4", read_text),
        ("text/plain; version=1.0.0", "text/plain; version=0.0.4", read_text),
        (
            "application/openmetrics-text; version=1.0.0, */*",
            "application/openmetrics-text; version=1.0.0",
            read_openmetrics,
        ),
        ("application/openmetrics-text; version=x", "application/openmetrics-text; version=1.0.0", read_openmetrics),
    ],
)
def test_each_format_is_one_that_prometheus_reads(service: Host, accept: str, content_type: str, read: Any) -> None:
    service.get("/health")
    answer = service.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(content_type)
    names = {sample.name for family in read(answer.text) for sample in family.samples}
    assert "ls_trajedit_requests_total" in names
    assert not [name for name in names if name.endswith("_created")]


def test_two_services_in_one_process_count_for_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.count_tasks(3, 1)
    assert b"ls_trajedit_tasks_total 3.0\n" in one.exposition("")[0]
    assert b"ls_trajedit_tasks_total 0.0\n" in other.exposition("")[0]
