"""What the hostile Label Studio answers, right or wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TIME_FORMAT", "Fault", "Reply", "json_reply", "own_error"]

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Reply:
    """An answer. `length` is the Content-Length that it claims, when that is not the true one. Without a `status` the
    connection is closed with no answer but the bytes in `wire`, and with `hangs` none comes until the server is closed.
    `authorization` is what the request came with."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    hangs: bool = False
    authorization: str = ""
    wire: bytes | None = None


Fault = Callable[[Reply], Reply]
"""Makes of the right answer the one that is sent."""


def json_reply(value: Any, status: int = 200) -> Reply:
    """An answer of JSON; times are written as Label Studio writes them."""
    return Reply(status, json.dumps(value, default=lambda time: time.strftime(TIME_FORMAT)).encode())


def own_error(status: int, detail: str) -> Reply:
    """An error in the form that Label Studio gives its own."""
    error = {"id": "0", "status_code": status, "version": "1.23.2", "detail": detail, "exc_info": None}
    return json_reply(error, status)
