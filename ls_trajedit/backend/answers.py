"""How each POST of the protocol is answered: from the bytes of a request to the bytes of its reply."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.backend.requests import (
    AnyRequest,
    BadRequestError,
    PredictRequest,
    SetupRequest,
    ValidateRequest,
    parse_request,
    reason_phrase,
)
from ls_trajedit.label_config.predict import Prediction, Result, predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.json_text import json_line

__all__ = [
    "Reply",
    "answer_predict",
    "answer_setup",
    "answer_validate",
    "answer_versions",
    "answer_webhook",
    "empty_predictions",
    "predict_tasks",
]

_log = logging.getLogger(__name__)

# How many unreadable tasks of a request are named in the log: a request may hold a million.
_NAMED = 3
_LONGEST_REASON = 160
_BEYOND_64_BITS = 2**63


@dataclass(frozen=True)
class Reply:
    """The JSON of a 200. For predictions, `tasks` is how many were asked for, and `unreadable` how many of these tasks
    could not be read; for anything else, `tasks` is None."""

    content: bytes
    tasks: int | None = None
    unreadable: int = 0


def answer_predict(body: bytes) -> Reply:
    """One prediction for each task, in order. Raises BadRequestError when the request or its config is wrong."""
    request = parse_request(PredictRequest, body)
    if request.is_interactive:
        predictions, unreadable = empty_predictions(request.tasks), 0
    else:
        try:
            predictions, unreadable = predict_tasks(request.tasks, request.label_config)
        except ConfigError as error:
            raise BadRequestError(str(error)) from None
    results: list[Prediction] = [{"result": results, "model_version": MODEL_VERSION} for results in predictions]
    return Reply(json_line({"results": results, "model_version": MODEL_VERSION}), len(results), unreadable)


def answer_setup(body: bytes) -> Reply:
    """The model version. Raises BadRequestError when the request is wrong or its labeling config has no editors."""
    _corrected_fields(parse_request(SetupRequest, body).config)
    return _reply({"model_version": MODEL_VERSION})


def answer_validate(body: bytes) -> Reply:
    """The fields that the labeling config corrects. Raises BadRequestError when the request is wrong or its labeling
    config has no editors."""
    return _reply({"status": "ok", "fields": _corrected_fields(parse_request(ValidateRequest, body).config)})


def answer_versions(body: bytes) -> Reply:
    """The only model version. Label Studio asks by GET, older clients by POST. Raises BadRequestError when the request
    is wrong."""
    parse_request(AnyRequest, body)
    return _reply({"versions": [MODEL_VERSION]})


def answer_webhook(body: bytes) -> Reply:
    """That the event is ignored: the backend does not learn from annotations, so no event concerns it. Raises
    BadRequestError when the request is wrong."""
    parse_request(AnyRequest, body)
    return _reply({"status": "ignored"})


def predict_tasks(tasks: Sequence[Any], config: str) -> tuple[list[list[Result]], int]:
    """The results for each of `tasks` under the labeling config, in order, and for how many tasks there are none
    because they could not be read. That is logged in one line, with the id of the first few and the reason, but without
    their data.

    Raises ConfigError for a config without editors.
    """
    # Before any task: Label Studio stores an empty prediction, and would not ask again once the config is fixed.
    read_config(config)
    predictions: list[list[Result]] = []
    unreadable = 0
    named: list[_Unreadable] = []
    for position, task in enumerate(tasks):
        try:
            predictions.append(_predict_one(task, config))
        except Exception as error:  # a task that breaks the reader in an unforeseen way must not cost the others
            predictions.append([])
            unreadable += 1
            if len(named) < _NAMED:
                named.append(_unreadable(position, task, error))
    if named:
        _log_unreadable(named, unreadable, len(tasks))
    return predictions, unreadable


def empty_predictions(tasks: Sequence[Any]) -> list[list[Result]]:
    """No results for each of `tasks`. Auto-Annotation gets these, because Label Studio would replace what the person
    typed with anything else."""
    return [[] for _ in tasks]


def _predict_one(task: Any, config: str) -> list[Result]:
    if not isinstance(task, Mapping):
        raise ValueError("the task is not an object")
    return predict(task, config)


class _Unreadable(TypedDict):
    task: int | None
    position: int
    reason: str


def _unreadable(position: int, task: Any, error: Exception) -> _Unreadable:
    identity = task.get("id") if isinstance(task, Mapping) else None
    # Label Studio's ids are integers. Anything else could be data.
    known = identity if type(identity) is int and abs(identity) < _BEYOND_64_BITS else None
    # The message of an unforeseen error may quote the task.
    reason = str(error) if type(error) is ValueError else type(error).__name__
    return {"task": known, "position": position, "reason": reason_phrase(reason, _LONGEST_REASON)}


def _log_unreadable(named: Sequence[_Unreadable], unreadable: int, tasks: int) -> None:
    first = named[0]
    _log.warning(
        "%d of %d tasks could not be read, first number %d (id %s): %s",
        *(unreadable, tasks, first["position"] + 1, first["task"], first["reason"]),
        extra={"fields": {"unreadable": unreadable, "first": named}},
    )


def _corrected_fields(config: str) -> list[str]:
    try:
        return list(read_config(config).fields())
    except ConfigError as error:
        raise BadRequestError(str(error)) from None


def _reply(value: Mapping[str, Any]) -> Reply:
    return Reply(json_line(value))
