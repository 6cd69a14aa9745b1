"""One prediction for each task, also when the reader itself breaks."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.backend import predictions
from ls_trajedit.traces.errors import ConfigError

CONFIG = '<View><Text name="a" value="$a"/><TextArea name="b" toName="a"/></View>'


def test_a_task_that_hits_a_bug_does_not_cost_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task: dict[str, Any], config: str) -> list[dict[str, Any]]:
        if task["id"] == 2:
            raise KeyError(task["data"]["a"])
        return [{"from_name": task["id"]}]

    monkeypatch.setattr(predictions, "predict", broken)
    tasks = [{"id": number, "data": {"a": "private"}} for number in (1, 2, 3)]
    assert predictions.predict_tasks(tasks, CONFIG) == ([[{"from_name": 1}], [], [{"from_name": 3}]], 1)
    assert [record.getMessage() for record in caplog.records] == ["unreadable task 2 (number 2): KeyError"]


def test_a_config_without_editors_is_an_error_even_without_tasks() -> None:
    with pytest.raises(ConfigError, match="no TextArea"):
        predictions.predict_tasks([], "<View/>")
