"""How each POST of the protocol is answered: from the bytes of a request to the bytes of its reply."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, TypedDict

from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.backend.requests import (
    AnyRequest,
    BadRequestError,
    PredictRequest,
    SetupRequest,
    TooLargeRequestError,
    ValidateRequest,
    parse_request,
    reason_phrase,
)
from ls_trajedit.label_config.predict import Prediction, Result, each_result
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.errors import ConfigError, TooManyControlsError
from ls_trajedit.traces.json_text import json_line

__all__ = [
    "MOST_ANSWER",
    "Reply",
    "answer_predict",
    "answer_setup",
    "answer_validate",
    "answer_versions",
    "answer_webhook",
    "predict_tasks",
    "usable_schema",
]

_log = logging.getLogger(__name__)

# How many unreadable tasks of a request are named in the log: a request may hold a million.
_NAMED = 3
_LONGEST_REASON = 160
_BEYOND_64_BITS = 2**63

MOST_ANSWER = 300_000_000
"""So many characters an answer may have where nothing else is said."""

# What a result has besides names and text.
_RESULT_CHARACTERS = 90
_NO_PREDICTIONS = json_line({"results": [], "model_version": MODEL_VERSION})


@dataclass(frozen=True)
class Reply:
    """The JSON of a 200. For predictions, `tasks` is how many were asked for, and `unreadable` how many of these tasks
    could not be read; for anything else, `tasks` is None."""

    content: bytes
    tasks: int | None = None
    unreadable: int = 0


def answer_predict(body: bytes, most: int = MOST_ANSWER) -> Reply:
    """One prediction for each task, in order. Raises BadRequestError when the request or its config is wrong, when a
    task has more controls than can be worked out, or when the answer would have more than `most` characters."""
    request = parse_request(PredictRequest, body)
    content = BytesIO()
    # As JSON at once, and into one piece: results take several times as much, and a small `bytes` from orjson 4 kB.
    keep = partial(_write_prediction, content)
    unreadable = 0
    if request.is_interactive:
        for _ in request.tasks:
            keep([])  # Label Studio would replace what the person typed with anything else
    else:
        unreadable = predict_tasks(request.tasks, usable_schema(request), keep, most)
    content.write(b'],"model_version":%b}' % json_line(MODEL_VERSION) if request.tasks else _NO_PREDICTIONS)
    return Reply(content.getvalue(), len(request.tasks), unreadable)


def _write_prediction(content: BytesIO, results: list[Result]) -> None:
    prediction: Prediction = {"result": results, "model_version": MODEL_VERSION}
    content.write(b"," if content.tell() else b'{"results":[')
    content.write(json_line(prediction))


def usable_schema(request: PredictRequest) -> Schema:
    """The schema of the request's labeling config. Raises BadRequestError for a config without editors, and when a task
    has more controls than can be worked out; nothing has been made for any task by then."""
    # Before any task: Label Studio stores an empty prediction, and would not ask again once the config is fixed.
    try:
        schema = read_config(request.label_config)
    except ConfigError as error:
        raise BadRequestError(str(error)) from None
    for position, task in enumerate(request.tasks):
        try:
            schema.check_size(task.get("data") if isinstance(task, Mapping) else None)
        except TooManyControlsError as error:
            raise TooLargeRequestError(f"task {_known_id(task)} (number {position + 1}): {error}") from None
    return schema


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


def predict_tasks(
    tasks: Sequence[Any], schema: Schema, keep: Callable[[list[Result]], object], most: int = MOST_ANSWER
) -> int:
    """Gives `keep` the results for each of `tasks` under the labeling config, in order; none for a task that cannot be
    read. Returns how many these are; one line of the log has the id of the first few and the reason, but nothing of
    their data.

    Raises TooLargeRequestError when the results would have more than `most` characters.
    """
    unreadable = 0
    named: list[_Unreadable] = []
    for position, task in enumerate(tasks):
        results: list[Result] = []
        try:
            results, most = _predict_one(task, schema, most)
        except BadRequestError:
            raise
        except Exception as error:  # a task that breaks the reader in an unforeseen way must not cost the others
            unreadable += 1
            if len(named) < _NAMED:
                named.append(_unreadable(position, task, error))
        keep(results)
    if named:
        _log_unreadable(named, unreadable, len(tasks))
    return unreadable


def _predict_one(task: Any, schema: Schema, room: int) -> tuple[list[Result], int]:
    """The results for the task, and how much of the `room` for characters is left after them."""
    if not isinstance(task, Mapping):
        raise ValueError("the task is not an object")
    results = []
    for result in each_result(task, schema):
        names = 2 * len(result["from_name"]) + len(result["to_name"])
        room -= _RESULT_CHARACTERS + names + len(result["value"]["text"][0])
        if room < 0:
            raise TooLargeRequestError(
                "the answer would be more than three times as large as a body may be; select fewer tasks"
            )
        results.append(result)
    return results, room


class _Unreadable(TypedDict):
    task: int | None
    position: int
    reason: str


def _unreadable(position: int, task: Any, error: Exception) -> _Unreadable:
    # The message of an unforeseen error may quote the task.
    reason = str(error) if type(error) is ValueError else type(error).__name__
    return {"task": _known_id(task), "position": position, "reason": reason_phrase(reason, _LONGEST_REASON)}


def _known_id(task: Any) -> int | None:
    identity = task.get("id") if isinstance(task, Mapping) else None
    # Label Studio's ids are integers. Anything else could be data.
    return identity if type(identity) is int and abs(identity) < _BEYOND_64_BITS else None


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
