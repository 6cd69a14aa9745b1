"""Which failures of a server may pass, so that it is worth asking again.

Some only look as if they did: a wrong address gives "no such host" or somebody's web page, for ever. Those count as
hiccups only from a server that has answered properly before.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

from ls_trajedit.label_studio.failures import causes
from ls_trajedit.label_studio.retry import TransientError
from ls_trajedit.traces.errors import ServerError, TrajeditError

__all__ = ["transient_of_answer", "transient_of_body", "transient_of_no_answer"]

_MAY_PASS = (408, 409, 425, 429, 500, 502, 503, 504)


def transient_of_answer(
    error: TrajeditError, status: int, headers: Mapping[str, str], has_answered: bool
) -> TransientError | None:
    """The TransientError for an answer with this HTTP `status`, or None where asking again would not help."""
    if not isinstance(error, ServerError):
        return None
    if status in _MAY_PASS or has_answered:
        return TransientError(error, _retry_after(headers.get("retry-after", "")))
    return None


def transient_of_no_answer(error: TrajeditError, cause: Exception, has_answered: bool) -> TransientError | None:
    """The TransientError for a request that got no answer, or not a whole one."""
    if not isinstance(error, ServerError) or isinstance(cause, httpx.TooManyRedirects | httpx.ProxyError):
        return None
    never_worked = any(isinstance(c, socket.gaierror) for c in causes(cause)) or "SSL" in str(cause)
    return None if never_worked and not has_answered else TransientError(error)


def transient_of_body(error: ServerError, body: str, has_answered: bool) -> TransientError | None:
    """The TransientError for a `body` that is not JSON: one that was cut off, or a proxy's page about a pause."""
    return TransientError(error) if has_answered or body.lstrip().startswith(("{", "[")) else None


def _retry_after(value: str) -> float | None:
    """The seconds that a `Retry-After` asks for, which holds seconds or a date (RFC 9110)."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None
