"""What a request carries: read up to a limit, parsed, and checked."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ls_trajedit.backend.refusal import BadRequestError
from ls_trajedit.label_config.json_text import parse_json

__all__ = [
    "AnyRequest",
    "PredictParams",
    "PredictRequest",
    "SetupRequest",
    "ValidateRequest",
    "parse_request",
    "read_body",
]


_IS_CONFIG: dict[str, JsonValue] = {"format": "labeling-config"}


class AnyRequest(BaseModel):
    """Any object. What a request has beyond the declared keys is passed over: Label Studio sends much that only
    other backends need, an access token among it."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SetupRequest(AnyRequest):
    """Label Studio connects, or looks whether the backend still takes the project's labeling config."""

    config: str = Field(alias="schema", description="the project's labeling config", json_schema_extra=_IS_CONFIG)


class ValidateRequest(AnyRequest):
    """Somebody asks whether a labeling config will do."""

    config: str = Field(description="a labeling config", json_schema_extra=_IS_CONFIG)


class PredictParams(AnyRequest):
    """Label Studio's parameters for a prediction."""

    context: Any = Field(None, description="what the person has typed, when Auto-Annotation asks; null otherwise")


class PredictRequest(AnyRequest):
    """Label Studio wants a prediction for each of `tasks`."""

    tasks: list[Any] = Field(description="whole tasks; each is an object with its `data`")
    label_config: str = Field(description="the project's labeling config", json_schema_extra=_IS_CONFIG)
    params: PredictParams | None = None

    @property
    def is_interactive(self) -> bool:
        """Whether Auto-Annotation asks, with what the person typed."""
        return self.params is not None and self.params.context is not None


_Request = TypeVar("_Request", bound=AnyRequest)


def parse_request(model: type[_Request], body: bytes) -> _Request:
    """The request in the JSON text `body`. Raises BadRequestError that says what is wrong with it, without quoting
    its values."""
    try:
        value = parse_json(body)
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}" if body else "the body is empty, not JSON") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise BadRequestError("; ".join(_explain(problem["loc"], problem["msg"]) for problem in problems)) from None


async def read_body(request: Request, limit: int) -> bytes:
    """The body of `request`. Raises HTTPException 413 as soon as it is known to have more than `limit` bytes, from
    its declared length or, without one, from what has come."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {limit} bytes (`ls-trajedit serve --max-body` sets the limit)")


def _explain(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location)
    wanted = message.removeprefix("Input should be ").split(" or instance of", 1)[0]
    if message == "Field required":
        return f"`{where}` is missing"
    if not where:
        return "the body is JSON, but not an object"
    return f"`{where}` should be {_WANTED.get(wanted, wanted)}"


_WANTED = {
    "a valid string": "a text",
    "a valid list": "a list",
    "a valid dictionary": "an object",
}
