"""What each POST of the protocol is answered: from the bytes of a request to the bytes of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ls_trajedit.backend import MODEL_VERSION
from ls_trajedit.backend.predictions import empty_predictions, predict_tasks
from ls_trajedit.backend.refusal import BadRequestError
from ls_trajedit.backend.requests import (
    AnyRequest,
    PredictRequest,
    SetupRequest,
    ValidateRequest,
    parse_request,
)
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.json_text import json_line

__all__ = ["Answer", "answer_predict", "answer_setup", "answer_validate", "answer_versions", "answer_webhook"]


@dataclass(frozen=True)
class Answer:
    """The JSON of a 200. `tasks` and `unreadable` count what a prediction was asked for."""

    content: bytes
    tasks: int | None = None
    unreadable: int = 0


def answer_predict(body: bytes) -> Answer:
    """One prediction for each task, in order. Raises BadRequestError, as all of these do."""
    request = parse_request(PredictRequest, body)
    if request.is_interactive:
        predictions, unreadable = empty_predictions(request.tasks), 0
    else:
        try:
            predictions, unreadable = predict_tasks(request.tasks, request.label_config)
        except ConfigError as error:
            raise BadRequestError(str(error)) from None
    results = [{"result": results, "model_version": MODEL_VERSION} for results in predictions]
    return Answer(json_line({"results": results, "model_version": MODEL_VERSION}), len(results), unreadable)


def answer_setup(body: bytes) -> Answer:
    """The model version, if the labeling config has editors to prefill."""
    _corrected_fields(parse_request(SetupRequest, body).config)
    return _answer({"model_version": MODEL_VERSION})


def answer_validate(body: bytes) -> Answer:
    """Which fields the labeling config corrects."""
    return _answer({"status": "ok", "fields": _corrected_fields(parse_request(ValidateRequest, body).config)})


def answer_versions(body: bytes) -> Answer:
    """The one model version. Label Studio asks by GET, older clients by POST."""
    parse_request(AnyRequest, body)
    return _answer({"versions": [MODEL_VERSION]})


def answer_webhook(body: bytes) -> Answer:
    """Nothing: the backend learns nothing from annotations, so no event concerns it."""
    parse_request(AnyRequest, body)
    return _answer({"status": "ignored"})


def _corrected_fields(config: str) -> list[str]:
    try:
        return list(read_config(config).fields())
    except ConfigError as error:
        raise BadRequestError(str(error)) from None


def _answer(value: dict[str, Any]) -> Answer:
    return Answer(json_line(value))
