"""What Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ls_trajedit

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
    buckets = [value for name, value in found.items() if 'bucket{path="/predict"' in name]
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
