"""The log, one JSON object a line on stderr: what was asked for and how it went, never a body, query or credential."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Collection
from datetime import datetime, timezone
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ls_trajedit.backend.metrics import Metrics
from ls_trajedit.backend.requests import error_response

__all__ = ["REFUSED_WITH", "JsonFormatter", "log_as_json", "log_requests", "note"]

_log = logging.getLogger(__name__)

# The server's answer to a request whose rest it no longer waits for, in its scope's `state`.
REFUSED_WITH = "ls_trajedit.refused_with"

_NOTES = "ls_trajedit.notes"
_LONGEST_EVENT = 400
_LONGEST_PATH = 200
_CLIENT_GONE = 499
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class JsonFormatter(logging.Formatter):
    """A record as `time`, `level`, `event`, and whatever it has in `fields`. A line is printable ASCII, so that it can
    be shown on a terminal, and bounded: an event is cut at 400 characters, and who logs `fields` bounds them."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:_LONGEST_EVENT],
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        # JSON allows DEL, the one control character among what is left.
        return _to_json(line).replace("\x7f", "\\u007f")


def log_as_json() -> None:
    """Writes what this process logs to stderr as JSON: all of the backend and uvicorn, warnings and worse of all else.
    Called once, by the process that serves."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("ls_trajedit", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    # A line that cannot be written (stderr is closed, the disk is full) is not worth a traceback among the others.
    logging.raiseExceptions = False


def note(scope: Scope, **fields: int) -> None:
    """Adds `fields` to the log line of the request that `scope` belongs to."""
    scope.setdefault(_NOTES, {}).update(fields)


def log_requests(app: ASGIApp, metrics: Metrics, paths: Collection[str]) -> ASGIApp:
    """`app` with each request logged and counted. Paths other than `paths` are counted together.

    An exception that escapes `app` is answered with a 500 that says nothing more, and logged with its place in the code
    but without its message, which may quote a body.
    """

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        seen = {"status": 0, "bytes_in": 0, "bytes_out": 0}
        fields: dict[str, Any] = {}
        started = time.perf_counter()
        metrics.in_progress.inc()
        try:
            await app(scope, _count_in(receive, seen), _count_out(send, seen))
        except ClientDisconnect:
            seen["status"] = scope.get("state", {}).get(REFUSED_WITH, _CLIENT_GONE)
        except Exception as error:
            fields = _place(error)
            if not seen["status"]:
                await error_response(500, "internal error")(scope, receive, _count_out(send, seen))
        finally:
            metrics.in_progress.dec()
            seconds = time.perf_counter() - started
            method, path = scope["method"], scope["path"]
            metrics.count_request(
                method if method in _METHODS else "other",
                path if path in paths else "other",
                seen["status"] or _CLIENT_GONE,
                seconds,
            )
            # As it was sent: decoded, it could hold any character.
            sent = scope["raw_path"].decode("ascii", "replace")
            line = {"method": method, "path": sent[:_LONGEST_PATH], **seen}
            line |= {"ms": round(seconds * 1000, 1), **scope.get(_NOTES, {}), **fields}
            _log.log(logging.ERROR if fields else logging.INFO, "request", extra={"fields": line})

    return logged


def _count_in(receive: Receive, seen: dict[str, int]) -> Receive:
    async def counted() -> Message:
        message = await receive()
        seen["bytes_in"] += len(message.get("body", b""))
        return message

    return counted


def _count_out(send: Send, seen: dict[str, int]) -> Send:
    async def counted(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen["status"] = message["status"]
        seen["bytes_out"] += len(message.get("body", b""))
        await send(message)

    return counted


def _place(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.name}:{frame.lineno}" for frame in frames[-6:]]}
