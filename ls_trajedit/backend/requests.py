"""What a request carries, read up to a limit, parsed and validated; and the answers that refuse a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ls_trajedit.traces.json_text import json_line, parse_json

__all__ = [
    "MOST_VALUES",
    "REASON_HEADER",
    "AnyRequest",
    "BadRequestError",
    "PredictParams",
    "PredictRequest",
    "SetupRequest",
    "TooLargeRequestError",
    "ValidateRequest",
    "error_body",
    "error_response",
    "parse_request",
    "read_body",
    "reason_phrase",
]

REASON_HEADER = "x-reason"
_LONGEST_PHRASE = 400
# A message may quote the labeling config, and a name in it may be a megabyte.
_LONGEST_MESSAGE = 2000
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")
_TAG_BRACKETS = re.compile(r"</?|/?>")

MOST_VALUES = 3_000_000
"""So many JSON values a request may have: in 100 MB, that is one for every 33 bytes."""

_PIECE = 1_000_000
_PLAIN_DEPTH = 100
_BEYOND_64_BITS = 2.0**63
_IS_CONFIG: dict[str, JsonValue] = {"format": "labeling-config"}


class AnyRequest(BaseModel):
    """Any object. Keys that are not declared are ignored: Label Studio sends much that only other backends need, an
    access token among it."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SetupRequest(AnyRequest):
    """Label Studio connects, or checks whether the backend still takes the project's labeling config."""

    config: str = Field(alias="schema", description="the project's labeling config", json_schema_extra=_IS_CONFIG)


class ValidateRequest(AnyRequest):
    """Somebody asks whether a labeling config is usable."""

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
    """The request in the JSON text `body`. Raises BadRequestError, which says what is wrong with it without quoting its
    values."""
    try:
        value = _parse(body)
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}" if body else "the body is empty, not JSON") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise BadRequestError("; ".join(_explain(problem["loc"], problem["msg"]) for problem in problems)) from None


async def read_body(request: Request, limit: int) -> bytes:
    """The body of `request`. Raises HTTPException 413 as soon as it is known to be longer than `limit` bytes, from its
    declared length or, without one, from what has arrived."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
    return b"".join(chunks)


class BadRequestError(Exception):
    """The request cannot be answered. The message tells a person why; the answer has this `status`."""

    status: ClassVar[int] = 400


class TooLargeRequestError(BadRequestError):
    """To answer the request would take too much."""

    status: ClassVar[int] = 413


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """`message` as JSON, and as `reason_phrase` in a header that the server writes into the status line."""
    return Response(
        error_body(message),
        status,
        {**(headers or {}), REASON_HEADER: reason_phrase(message)},
        "application/json",
    )


def error_body(message: str) -> bytes:
    """`{"error": message}`, the body of every answer that is not a success. The message is cut at 2,000 characters."""
    return json_line({"error": _cut(message, _LONGEST_MESSAGE)})


def reason_phrase(message: str, longest: int = _LONGEST_PHRASE) -> str:
    """`message` in a form that a status line can hold: printable ASCII, one line of `longest` characters at most, and
    without the brackets of tags.

    Label Studio shows nothing else of an error answer: its message is that of the library requests, "400 Client Error:
    <reason phrase> for url: ...", rendered as HTML, which would swallow every tag; the body is dropped.

    >>> reason_phrase('add <TextArea toName="x"/>,\\r\\nseñor')
    'add TextArea toName="x", se?or'
    """
    start = _cut(message, _LONGEST_MESSAGE)
    return _cut(_NOT_PRINTABLE.sub("?", _TAG_BRACKETS.sub("", " ".join(start.split()))), longest)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _parse(body: bytes) -> Any:
    """Returns and raises what `parse_json` does. That searches the text for what orjson reads differently; most of a
    large text is in few strings, so searching its value is faster."""
    _check_values(body)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return parse_json(body)
    return value if _is_plain(value) else parse_json(body)


def _check_values(body: bytes) -> None:
    """Raises TooLargeRequestError for a JSON text with more than MOST_VALUES values. Each takes up to 100 bytes or
    more, and nothing else can run in this process while they are made."""
    # There are as many values as these bytes outside of strings, one more or less. Most texts have few in all.
    if len(body) <= MOST_VALUES or _count_openings(body) <= MOST_VALUES:
        return
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    count, is_inside = 0, False
    for start in range(0, len(plain), _PIECE):
        pieces = plain[start : start + _PIECE].split(b'"')
        count += _count_openings(b" ".join(pieces[is_inside::2]))
        is_inside ^= len(pieces) % 2 == 0
        if count > MOST_VALUES:
            raise TooLargeRequestError(f"the body has more than {MOST_VALUES} JSON values; select fewer tasks")


def _count_openings(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _is_plain(value: Any) -> bool:
    """Whether `value` is not deeply nested, and has no number that may have been an integer beyond 64 bits."""
    level = [value]
    for _ in range(_PLAIN_DEPTH):
        kinds = set(map(type, level))
        if float in kinds and any(type(item) is float and abs(item) >= _BEYOND_64_BITS for item in level):
            return False
        below: list[Any] = []
        if dict in kinds or list in kinds:
            for item in level:
                if type(item) is dict:
                    below += item.values()
                elif type(item) is list:
                    below += item
        if not below:
            return True
        level = below
    return False


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
    "a valid string": "a string",
    "a valid list": "a list",
    "a valid dictionary": "an object",
}
