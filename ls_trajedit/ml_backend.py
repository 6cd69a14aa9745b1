"""The backend's predictions under label-studio-ml, for people who host their models with it.

`TrajectoryEditor` is the model, `create_app` the application to serve, for instance with gunicorn:

    gunicorn 'ls_trajedit.ml_backend:create_app()'

This needs label-studio-ml 1.0.9; the model runs on 2.x, too. Where it is not installed, importing this module raises an
ImportError that says what to do. docs/backend.md says how to install the two together.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from ls_trajedit.backend.answers import predict_tasks, usable_schema
from ls_trajedit.backend.basic_auth import (
    CHALLENGE,
    UNAUTHORIZED,
    Credentials,
    credentials_from_environment,
    is_allowed,
)
from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.backend.requests import (
    AnyRequest,
    BadRequestError,
    PredictRequest,
    SetupRequest,
    error_body,
    parse_request,
    reason_phrase,
)
from ls_trajedit.label_config.predict import Result
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.errors import ConfigError

try:
    from flask import (  # type: ignore[import-not-found,unused-ignore]
        Flask,
        Response,
        g,
        has_request_context,
        request,
    )
    from label_studio_ml import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        api,
        model,
    )
except ImportError as error:
    raise ImportError(
        f"ls_trajedit.ml_backend needs label-studio-ml ({error}): pip install label-studio-ml==1.0.9 redis rq, "
        "or run `ls-trajedit serve`, which does the same without it"
    ) from error

__all__ = ["TrajectoryEditor", "create_app"]

_REQUESTS: dict[str, type[AnyRequest]] = {
    "/setup": SetupRequest,
    "/predict": PredictRequest,
    "/webhook": AnyRequest,
}


class TrajectoryEditor(model.LabelStudioMLBase):  # type: ignore[misc,unused-ignore]
    """Prefills the editors of the labeling config that comes with the request."""

    def setup(self) -> None:
        """Called by label-studio-ml 2.x for each model that it creates."""
        self.set("model_version", MODEL_VERSION)

    def predict(self, tasks: Sequence[Any], context: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """One prediction for each of `tasks`, in order. It is empty for a task that cannot be read and, whenever there
        is a `context`, for all tasks, so that Auto-Annotation replaces nothing that a person typed.

        Raises ConfigError for a labeling config without editors, and BadRequestError for an answer that is too large.
        """
        if context:  # 2.x passes {} where the request has none
            return [{"result": []} for _ in tasks]
        predictions: list[list[Result]] = []
        try:
            predict_tasks(tasks, read_config(self._requested_config()), predictions.append)
        except BadRequestError as error:
            # label-studio-ml makes a 500 of any exception.
            if has_request_context():
                g.ls_trajedit_refusal = _refusal(error.status, str(error))
            raise
        return [{"result": results} for results in predictions]

    def _requested_config(self) -> str:
        # 1.0.9 has one labeling config for all projects: that of the last `/setup` that this process has seen.
        asked = request.get_json(silent=True) if has_request_context() else None
        config = asked.get("label_config") if isinstance(asked, dict) else None
        return config or self.label_config or ""


def create_app() -> Flask:
    """The Flask application of label-studio-ml, serving TrajectoryEditor. Call it once in each process.

    It does what 1.0.9 does not: it asks for the credentials in BASIC_AUTH_USER and BASIC_AUTH_PASS when they are set,
    refuses a labeling config without editors in words that Label Studio shows, keeps one model version, ignores
    webhooks, and knows no `/train` (each would start a training process and leave a directory behind).

    Raises SetupError when only one of the two variables is set.
    """
    credentials = credentials_from_environment(os.environ)
    # At its level DEBUG it logs whole bodies, and with them access tokens.
    logging.getLogger(api.__name__).setLevel(logging.INFO)
    if hasattr(model, "LabelStudioMLManager"):
        api._manager = _manager_of_one_model()
    app: Flask = api.init_app(TrajectoryEditor)
    app.before_request(lambda: _answer_before_label_studio_ml(credentials))
    app.after_request(lambda response: g.pop("ls_trajedit_refusal", response))
    return app


def _manager_of_one_model() -> Any:
    """The part of 1.0.9 that creates models, reduced to one model of one version that exists from the start."""
    wrapper = model.ModelWrapper(TrajectoryEditor(), MODEL_VERSION)

    class OneModel(model.LabelStudioMLManager):  # type: ignore[misc,unused-ignore]
        @classmethod
        def fetch(cls, *args: Any, **kwargs: Any) -> Any:
            return wrapper

        @classmethod
        def predict(cls, tasks: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
            return wrapper.model.predict(tasks, kwargs.get("context")), wrapper

    return OneModel()


def _answer_before_label_studio_ml(credentials: Credentials | None) -> Response | None:
    """The response to a request that label-studio-ml must not see, or None for one that it should answer."""
    if credentials is not None and not is_allowed(request.headers.get("Authorization"), credentials):
        return Response(error_body(UNAUTHORIZED), 401, {"WWW-Authenticate": CHALLENGE}, "application/json")
    if request.path == "/train":
        return _refusal(404, "there is nothing at this address")
    kind = _REQUESTS.get(request.path)
    if kind is None or request.method != "POST":
        return None
    try:
        asked = parse_request(kind, request.get_data())
        if isinstance(asked, SetupRequest):
            read_config(asked.config)
        elif isinstance(asked, PredictRequest) and not asked.is_interactive:
            usable_schema(asked)
    except BadRequestError as error:
        return _refusal(error.status, str(error))
    except ConfigError as error:
        return _refusal(BadRequestError.status, str(error))
    return Response(b'{"status":"ignored"}', mimetype="application/json") if request.path == "/webhook" else None


def _refusal(status: int, message: str) -> Response:
    return Response(error_body(message), f"{status} {reason_phrase(message)}", mimetype="application/json")
