"""Turns what goes wrong between here and Label Studio into an error that tells a person what to do.

The SDK's own message about a failure is never shown: it holds all headers of the response.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx

from ls_trajedit.label_studio.addresses import without_credentials
from ls_trajedit.label_studio.answers import LargeAnswerError
from ls_trajedit.label_studio.pace import SlowAnswerError
from ls_trajedit.label_studio.proxy import Proxy, proxy_for
from ls_trajedit.redaction import redact
from ls_trajedit.traces.errors import RefusedError, ServerError, UsageError
from ls_trajedit.traces.json_text import parse_json

__all__ = [
    "NoSuchPageError",
    "NotFoundError",
    "NotTakenError",
    "TooLargeAnswerError",
    "TooLargeError",
    "causes",
    "explain_backend_address",
    "explain_no_answer",
    "explain_status",
    "not_label_studio",
    "readable_body",
]

_LONGEST_DETAIL = 500
# What is looked at of the body of an error.
_LONGEST_BODY = 20_000
_RETRIED = (408, 409, 425, 429)
_WHERE_IT_IS = "It is what the browser shows before /projects"
_LINK = re.compile(r"</?a\b[^>]*>")


class NotFoundError(RefusedError):
    """Label Studio says that what was asked for is not there (404)."""


class NoSuchPageError(ServerError):
    """Nothing is at the address that was asked (404), and it is not Label Studio's API that says so."""


class TooLargeAnswerError(ServerError):
    """An answer is larger than any of Label Studio's has to be."""


class NotTakenError(RefusedError):
    """Label Studio does not take what it was sent (400)."""


class TooLargeError(RefusedError):
    """A request is larger than Label Studio, or a proxy in front of it, accepts (413)."""


def explain_status(
    url: str, status: int, body: Any, doing: str, not_found: str | None = None
) -> RefusedError | ServerError:
    """The error for an answer of the server at `url` that is not what was asked for, with its HTTP `status` and its
    `body` (JSON, or else text). `doing` says what was asked for, `not_found` what a 404 means here."""
    if 300 <= status < 400:
        return ServerError(
            f"{url}: a redirect ({status}) that does not say where to came back while {doing}; is the address right?"
        )
    if status < 400:
        return not_label_studio(url, doing, body)
    if status == 401:
        return RefusedError(f"{url}: Label Studio does not accept the token (401){_why_no_token(body)}")
    if status == 403:
        return RefusedError(
            f"{url}: not allowed while {doing} (403): {_detail(body).rstrip('.')}. "
            "Ask an administrator for access, or use the token of somebody who has it"
        )
    if status == 404 and not _is_label_studios(body):
        return NoSuchPageError(f"{url}: no Label Studio is there (404); is the address right? {_WHERE_IT_IS}")
    if status == 404:
        return NotFoundError(f"{url}: {not_found or f'not found while {doing}'} (404)")
    if status == 413:
        return TooLargeError(
            f"{url}: the request is larger than the server accepts, while {doing} (413). nginx in front of it allows 1 "
            "MB unless `client_max_body_size` says more; raise that"
        )
    if status == 429:
        return ServerError(f"{url}: too many requests while {doing} (429); wait a minute and run the command again")
    if status >= 500 or status in _RETRIED:
        return ServerError(
            f"{url}: Label Studio keeps failing while {doing} ({status}); run the command again later, and if that "
            "does not help, look at the server's log"
        )
    return NotTakenError(f"{url}: Label Studio refuses while {doing} ({status}): {_detail(body)}")


def not_label_studio(url: str, doing: str, body: Any = None) -> ServerError:
    """The error for an answer to `doing` that cannot come from Label Studio's API, as its `body` shows."""
    if isinstance(body, str) and body.lstrip().startswith("<"):
        return ServerError(
            f"{url}: a web page came back while {doing}, not an answer from Label Studio's API; is the address right? "
            f"{_WHERE_IT_IS}"
        )
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")):
        return ServerError(
            f"{url}: the answer while {doing} is cut off or damaged; run the command again, and if that does not help, "
            "look at the proxy in front of the server"
        )
    return ServerError(f"{url}: the answer while {doing} is not one of Label Studio's; is the address right?")


def explain_no_answer(url: str, error: httpx.RequestError | httpx.InvalidURL, doing: str) -> ServerError | UsageError:
    """The error for a request to the server at `url` that got no answer, or an incomplete one."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return UsageError(f"{url}: this is not the address of a server; write it like http://localhost:8080")
    if isinstance(error, LargeAnswerError):
        return TooLargeAnswerError(f"{url}: the answer while {doing} is too large to be read: {error}")
    proxy = _proxy_of(error)
    why = None if proxy is None else _no_proxy(error, proxy)
    return ServerError(f"{url}: {why or _no_answer(error, doing)}")


def explain_backend_address(url: str, backend: str, body: Any) -> RefusedError | None:
    """The error for the answer `body` with which the Label Studio at `url` refuses to connect a backend because of its
    address `backend`; None when it refuses for another reason."""
    detail = str(body.get("detail")) if isinstance(body, dict) else ""
    shown = without_credentials(backend)
    if "reserved network address" in detail:
        return RefusedError(
            f"{url}: this Label Studio does not connect backends at local or private addresses such as {shown}. To "
            "allow it, start the Label Studio server with both ML_BLOCK_LOCAL_IP=false and "
            "SSRF_PROTECTION_ENABLED=false in its environment"
        )
    if "Can't resolve hostname" in detail:
        return RefusedError(
            f"{url}: Label Studio cannot find the host of the backend {shown}; the address must be one that the "
            "machine or container on which Label Studio runs can reach"
        )
    return None


def readable_body(answer: httpx.Response) -> Any:
    """The body of `answer`, as JSON or else the beginning as text."""
    try:
        return parse_json(answer.content)
    except ValueError:
        return answer.content[:_LONGEST_BODY].decode("utf-8", "replace")


def _is_label_studios(body: Any) -> bool:
    """Whether the body of an error has the form that all errors of Label Studio have."""
    return isinstance(body, dict) and "status_code" in body


def _no_answer(error: httpx.RequestError, doing: str) -> str:
    chain = list(causes(error))
    text = str(error)
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection: the server does not respond; is the address right, and is there a firewall in between?"
    if isinstance(error, SlowAnswerError):
        return f"the answer while {doing} comes too slowly ({error}); run the command again later"
    if isinstance(error, httpx.DecodingError):
        return f"the answer while {doing} cannot be unpacked ({error}); look at the proxy in front of the server"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer while {doing} for too long; the server may be overloaded: run the command again later"
    if isinstance(error, httpx.TooManyRedirects):
        return f"endless redirects while {doing}; is the address right?"
    if isinstance(error, httpx.ProxyError):
        return "the proxy that HTTP_PROXY or HTTPS_PROXY names does not allow this; NO_PROXY exempts a host"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return "there is no such host; is the address right?"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return "nothing listens there; is Label Studio running, and is the address right?"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            "its certificate is not trusted here; set SSL_CERT_FILE to the certificate of the authority that signed it"
        )
    if "SSL" in text:
        return "it does not speak https on this port; is it http://?"
    if isinstance(error, httpx.ConnectError):
        return "no connection; is Label Studio running, and is the address right?"
    return f"the connection broke while {doing} ({type(error).__name__}); run the command again"


def _proxy_of(error: httpx.RequestError) -> Proxy | None:
    """The proxy through which the request was to go."""
    try:
        return proxy_for(str(error.request.url))
    except RuntimeError:
        return None


def _no_proxy(error: httpx.RequestError, proxy: Proxy) -> str | None:
    """What is wrong with the proxy, or None when it is not the proxy that failed."""
    chain = list(causes(error))
    named = f"the proxy {proxy.shown} ({proxy.variable})"
    exempt = "correct the variable, or exempt the server with NO_PROXY"
    if isinstance(error, httpx.ProxyError):
        return f"{named} does not let this through: {_short(str(error))}; {exempt}"
    if isinstance(error, httpx.ConnectTimeout):
        return f"{named} does not respond; {exempt}"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return f"there is no such host as that of {named}; {exempt}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return f"nothing listens at {named}; {exempt}"
    if proxy.scheme == "https" and "SSL" in str(error) and "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return f"{named} does not speak https itself; write http:// there, which says how to reach the proxy"
    if isinstance(error, httpx.ConnectError) and "SSL" not in str(error):
        return f"no connection through {named}; {exempt}"
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, what it was raised from, and so on: libraries wrap the errors of other libraries."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _why_no_token(body: Any) -> str:
    detail = _detail(body).lower()
    if "legacy" in detail:
        return (
            ": legacy tokens are switched off in this organization. Create a Personal Access Token under Account & "
            "Settings and use that"
        )
    if "expired" in detail and "invalid" not in detail:
        return ": it has expired. Create a new one under Account & Settings"
    return (
        "; is it complete, and from this server? Copy it from Account & Settings, and set LABEL_STUDIO_API_KEY or give "
        "--api-key"
    )


def _detail(body: Any) -> str:
    """The readable part of an error's body, as one line."""
    if isinstance(body, dict):
        body = body.get("validation_errors") or body.get("detail") or body
    if isinstance(body, dict):
        texts = [text for value in body.values() for text in (value if isinstance(value, list) else [value])]
        body = "; ".join(str(text) for text in texts)
    if isinstance(body, str) and body.lstrip().lower().startswith(("<!doctype", "<html")):
        return "a web page that says so"
    return _short(_LINK.sub("", str(body)[:_LONGEST_BODY])) or "no reason given"


def _short(text: str) -> str:
    line = " ".join(redact(text).split())
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + " …"
