"""The service's own description: the OpenAPI document at `/openapi.json`."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from ls_trajedit import __version__
from ls_trajedit.backend.requests import AnyRequest, PredictRequest, SetupRequest, ValidateRequest
from ls_trajedit.live_diff.script import SCRIPT_PATH, USER_SCRIPT_PATH

__all__ = ["PROBE_PATH", "openapi_document"]

PROBE_PATH = "/livez"

_TEXT = {"type": "string"}
_SCRIPT = "text/javascript"
_VERSIONS = {"versions": {"type": "array", "items": _TEXT}}
_UP = {"status": {"const": "UP"}}
_HEALTH = {**_UP, "model_version": _TEXT, "version": _TEXT}
_PREDICTION = {
    "type": "object",
    "properties": {"result": {"type": "array", "items": {"type": "object"}}, "model_version": _TEXT},
    "required": ["result", "model_version"],
}
_PREDICTIONS = {"results": {"type": "array", "items": _PREDICTION}, "model_version": _TEXT}

_REFUSALS = {
    "400": "The body is not JSON or has the wrong form, or the labeling config has no editors.",
    "408": "The body takes too long to come.",
    "413": "The body is larger than the limit.",
    "503": "Too many large bodies are being answered.",
}


def openapi_document(has_auth: bool) -> dict[str, Any]:
    """The document, as OpenAPI 3.1. `has_auth` says whether the routes need basic authentication."""
    paths = {
        "/": {"get": _get("Is the service up?", _HEALTH)},
        "/health": {"get": _get("Is the service up? Label Studio waits one second.", _HEALTH)},
        "/setup": {"post": _post("Can this project's editors be prefilled?", SetupRequest, {"model_version": _TEXT})},
        "/predict": {"post": _post("One prediction for each task, in order.", PredictRequest, _PREDICTIONS)},
        "/webhook": {"post": _post("Events; all are ignored.", AnyRequest, {"status": {"const": "ignored"}})},
        "/validate": {
            "post": _post(
                "Which fields does a labeling config correct?",
                ValidateRequest,
                {"status": {"const": "ok"}, "fields": {"type": "array", "items": _TEXT}},
            )
        },
        "/versions": {
            "get": _get("The available model versions.", _VERSIONS),
            "post": _post("The available model versions, for older clients.", AnyRequest, _VERSIONS),
        },
        "/metrics": {"get": _get_as("Counts for Prometheus.", "text/plain", _TEXT)},
        "/openapi.json": {"get": _get_as("This document.", "application/json", {"type": "object"})},
    }
    public = {
        PROBE_PATH: {"get": _get("Is the service up? For a probe that has no credentials.", _UP)},
        SCRIPT_PATH: {"get": _get_as("The live diff, for a proxy to put into Label Studio's pages.", _SCRIPT, _TEXT)},
        USER_SCRIPT_PATH: {"get": _get_as("The live diff as a user script.", _SCRIPT, _TEXT)},
    }
    public[USER_SCRIPT_PATH]["get"]["responses"]["404"] = _error("The address of Label Studio is unknown.")
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "ls-trajedit ML backend", "version": __version__},
        "paths": {**paths, **public},
        "components": {
            "schemas": {"Error": _object({"error": _TEXT}), **_request_schemas()},
        },
    }
    if has_auth:
        document["components"]["securitySchemes"] = {"basic": {"type": "http", "scheme": "basic"}}
        document["security"] = [{"basic": []}]
        for operations in paths.values():
            for operation in operations.values():
                operation["responses"]["401"] = _error("The user or the password is wrong or missing.")
        for operations in public.values():
            operations["get"]["security"] = []
    return document


def _request_schemas() -> dict[str, Any]:
    models = (AnyRequest, PredictRequest, SetupRequest, ValidateRequest)
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return dict(schemas["$defs"])


def _get(summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    return _get_as(summary, "application/json", _object(answer))


def _get_as(summary: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _content("OK.", media_type, schema)}}


def _post(summary: str, model: type[AnyRequest], answer: dict[str, Any]) -> dict[str, Any]:
    body = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": _content("OK.", "application/json", _object(answer)),
            **{status: _error(why) for status, why in _REFUSALS.items()},
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _error(description: str) -> dict[str, Any]:
    return _content(description, "application/json", {"$ref": "#/components/schemas/Error"})


def _content(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}
