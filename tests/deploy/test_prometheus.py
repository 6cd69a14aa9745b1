"""What Prometheus is told to scrape and to alert on is there."""

from __future__ import annotations

import re

import promql_parser
from prometheus_client.parser import text_string_to_metric_families

from ls_trajedit.backend.metrics import Metrics

from ..docs.pages import read_page
from .deploy_files import documents, unit_command
from .test_files import environment_file

# What Prometheus itself adds to each series.
ADDED = {"job", "instance"}


def exposed() -> dict[str, set[str]]:
    """The labels of each series that a backend has answered with, and of Prometheus' own `up`."""
    metrics = Metrics()
    metrics.count_request("POST", "/predict", 413, 0.1)
    content, _ = metrics.exposition("")
    found = {
        sample.name: set(sample.labels) | ADDED
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }
    return {**found, "up": ADDED}


def test_every_alert_asks_for_series_and_labels_that_there_are() -> None:
    series = exposed()
    (group,) = documents("prometheus/alerts.yaml")[0]["groups"]
    for rule in group["rules"]:
        expression = promql_parser.parse(rule["expr"])
        selectors: list[promql_parser.VectorSelector] = []

        def note(node: promql_parser.Expr, found: list[promql_parser.VectorSelector] = selectors) -> bool:
            if isinstance(node, promql_parser.MatrixSelector):
                node = node.vector_selector
            if isinstance(node, promql_parser.VectorSelector):
                found.append(node)
            return True

        promql_parser.walk(expression, note)
        assert selectors, rule["alert"]
        for selector in selectors:
            assert selector.name in series, rule["alert"]
            assert {matcher.name for matcher in selector.matchers.matchers} <= series[selector.name], rule["alert"]
        shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert shown <= set.intersection(*(series[selector.name] for selector in selectors)), rule["alert"]


def test_the_job_is_the_one_that_the_alerts_name_and_asks_each_process() -> None:
    (config,) = documents("prometheus/prometheus.yaml")
    (job,) = config["scrape_configs"]
    assert config["rule_files"] == ["alerts.yaml"]
    assert job["job_name"] == "ls-trajedit"
    assert job["basic_auth"]["username"] == environment_file("backend.env")["BASIC_AUTH_USER"]
    assert "password" not in job["basic_auth"]
    ports = [unit_command("ls-trajedit@.service", port)[-1] for port in ("9090", "9091")]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}" for port in ports]}]


def test_every_alert_is_explained() -> None:
    (group,) = documents("prometheus/alerts.yaml")[0]["groups"]
    explained = re.findall(r"`(Trajedit\w+)`", read_page("docs/deploy.md"))
    assert explained == [rule["alert"] for rule in group["rules"]]
