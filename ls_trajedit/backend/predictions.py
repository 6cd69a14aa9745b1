"""Predictions for the tasks of one request: one for each, in order, whatever the tasks are like."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config

__all__ = ["empty_predictions", "predict_tasks"]

_log = logging.getLogger(__name__)

Results = list[dict[str, Any]]
_LONGEST_ID = 64


def predict_tasks(tasks: Sequence[Any], config: str) -> tuple[list[Results], int]:
    """The results for each of `tasks` under the labeling config, and for how many tasks there are none because they
    could not be read. Each of those is logged with its id and why, without its data.

    Raises ConfigError for a config without editors.
    """
    # Before any task: Label Studio stores an empty prediction and would not ask again once the config is mended.
    read_config(config)
    predictions: list[Results] = []
    unreadable = 0
    for position, task in enumerate(tasks):
        try:
            predictions.append(_predict_one(task, config))
        except Exception as error:  # a task that breaks the reader in an unforeseen way must not cost the others
            predictions.append([])
            unreadable += 1
            _log_unreadable(position, task, error)
    return predictions, unreadable


def empty_predictions(tasks: Sequence[Any]) -> list[Results]:
    """No results, once for each of `tasks`: what Auto-Annotation gets. Label Studio replaces what the person typed
    by any other answer."""
    return [[] for _ in tasks]


def _predict_one(task: Any, config: str) -> Results:
    if not isinstance(task, Mapping):
        raise ValueError("the task is not an object")
    return predict(task, config)


def _log_unreadable(position: int, task: Any, error: Exception) -> None:
    identity = task.get("id") if isinstance(task, Mapping) else None
    known = identity if isinstance(identity, int | str) and len(str(identity)) <= _LONGEST_ID else None
    # The message of an unforeseen error may quote the task.
    reason = str(error) if type(error) is ValueError else type(error).__name__
    fields = {"task": known, "position": position, "reason": reason}
    _log.warning("unreadable task %r (number %d): %s", known, position + 1, reason, extra={"fields": fields})
