"""Answers that say no, in words that reach a person."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import Response

from ls_trajedit.traces.json_text import json_line

__all__ = ["REASON_HEADER", "BadRequestError", "error_body", "error_response", "reason_phrase"]

REASON_HEADER = "x-reason"
_LONGEST_PHRASE = 400
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")
_TAG_MARKS = re.compile(r"</?|/?>")


class BadRequestError(Exception):
    """The request cannot be answered; the message says why, to a person, and becomes a 400."""


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """`message` as JSON, and as `reason_phrase` in a header that `http_protocol` puts into the status line."""
    return Response(
        error_body(message),
        status,
        {**(headers or {}), REASON_HEADER: reason_phrase(message)},
        "application/json",
    )


def error_body(message: str) -> bytes:
    """`{"error": message}`, the body of every answer that is not a success."""
    return json_line({"error": message})


def reason_phrase(message: str) -> str:
    """`message` as it can stand in a status line: printable ASCII, one line, of bounded length, and without the marks
    of tags.

    Label Studio shows nothing else of an error answer: its message is that of `requests`, "400 Client Error: <reason
    phrase> for url: ...", rendered as HTML, which would swallow every tag; the body is dropped.

    >>> reason_phrase('add <TextArea toName="x"/>,\\r\\nseñor')
    'add TextArea toName="x", se?or'
    """
    line = _NOT_PRINTABLE.sub("?", _TAG_MARKS.sub("", " ".join(message.split())))
    return line if len(line) <= _LONGEST_PHRASE else line[: _LONGEST_PHRASE - 3] + "..."
