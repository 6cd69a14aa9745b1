"""Turns what goes wrong between here and Label Studio into an error that tells a person what to do.

What the SDK says of a failure is never shown: it holds all headers of the response.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx

from ls_trajedit.traces.errors import RefusedError, ServerError, UsageError

__all__ = [
    "causes",
    "explain_no_answer",
    "explain_status",
    "is_token_exchange",
    "not_label_studio",
    "readable_body",
    "without_credentials",
]

_LONGEST_DETAIL = 500
_RETRIED = (408, 409, 425, 429)
_WHERE_IT_IS = "It is what the browser shows before /projects"
_EXCHANGE = "/api/token/refresh/"
_LINK = re.compile(r"</?a\b[^>]*>")


def explain_status(
    url: str, status: int, body: Any, doing: str, not_found: str | None = None
) -> RefusedError | ServerError:
    """The error for an answer of the server at `url` that is not what was asked for: its HTTP `status` and its `body`
    (JSON, or text where it is no JSON). `doing` says what was asked for; `not_found` what a 404 means here."""
    if status < 400:
        return not_label_studio(url, doing, body)
    if status == 401:
        return RefusedError(f"{url}: Label Studio does not take the token (401){_why_no_token(body)}")
    if status == 403:
        return RefusedError(
            f"{url}: not allowed while {doing} (403): {_detail(body).rstrip('.')}. "
            "Ask an administrator for access, or use the token of somebody who has it"
        )
    if status == 404 and not _is_label_studios(body):
        return ServerError(f"{url}: no Label Studio is there (404); is the address right? {_WHERE_IT_IS}")
    if status == 404:
        return RefusedError(f"{url}: {not_found or f'not found while {doing}'} (404)")
    if status == 429:
        return ServerError(f"{url}: too many requests while {doing} (429); wait a minute and run it again")
    if status >= 500 or status in _RETRIED:
        return ServerError(
            f"{url}: Label Studio keeps failing while {doing} ({status}); run it again later, and if that does not "
            "help, look into the server's log"
        )
    return RefusedError(f"{url}: Label Studio refuses while {doing} ({status}): {_detail(body)}")


def not_label_studio(url: str, doing: str, body: Any = None) -> ServerError:
    """The error for an answer that Label Studio does not give."""
    if isinstance(body, str) and body.lstrip().startswith("<"):
        return ServerError(
            f"{url}: a web page came back while {doing}, not an answer of Label Studio's API; is the address right? "
            f"{_WHERE_IT_IS}"
        )
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")):
        return ServerError(
            f"{url}: the answer while {doing} is cut off or damaged; run it again, and if that does not help, look at "
            "the proxy before the server"
        )
    return ServerError(f"{url}: the answer while {doing} is not one of Label Studio's; is the address right?")


def explain_no_answer(url: str, error: httpx.RequestError | httpx.InvalidURL, doing: str) -> ServerError | UsageError:
    """The error for a request to the server at `url` that got no answer, or not a whole one."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return UsageError(f"{url}: this is not the address of a server; write it like http://localhost:8080")
    return ServerError(f"{url}: {_no_answer(error, doing)}")


def readable_body(answer: httpx.Response) -> Any:
    """The body of `answer`: JSON, or text where it is no JSON. The token that was sent is blotted out, because some
    servers show the whole request in their errors."""
    text = answer.text
    for token in _tokens(answer.request):
        text = text.replace(token, "…")
    try:
        return json.loads(text)
    except ValueError:
        return text


def without_credentials(url: str) -> str:
    """`url` as it can be shown: without the user and the password that it may hold.

    >>> without_credentials("https://ana:secret@example.com/ls")
    'https://example.com/ls'
    """
    return re.sub(r"(?<=//)[^/?#]*@", "", url)


def is_token_exchange(request: httpx.Request) -> bool:
    """Whether the request exchanges a personal token for one that other requests take."""
    return request.url.path.endswith(_EXCHANGE)


def _tokens(request: httpx.Request) -> Iterator[str]:
    authorization = request.headers.get("authorization")
    if authorization:
        yield authorization.rpartition(" ")[2]
    if is_token_exchange(request):
        yield str(json.loads(request.content).get("refresh"))


def _is_label_studios(body: Any) -> bool:
    """Whether the body of an error is in the form that Label Studio gives all of its own."""
    return isinstance(body, dict) and "status_code" in body


def _no_answer(error: httpx.RequestError, doing: str) -> str:
    chain = list(causes(error))
    text = str(error)
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection: the server does not react; is the address right, and does a firewall stand between?"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer while {doing}, for too long; the server may be overloaded, run it again later"
    if isinstance(error, httpx.TooManyRedirects):
        return f"sent from one address to the next without end while {doing}; is the address right?"
    if isinstance(error, httpx.ProxyError):
        return "the proxy that HTTP_PROXY or HTTPS_PROXY names does not let this through; NO_PROXY exempts a host"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return "there is no such host; is the address right?"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return "nothing listens there; is Label Studio up, and is the address right?"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here; let SSL_CERT_FILE name the file of the authority that signed it"
    if "SSL" in text:
        return "it does not speak https at this port; is it http://?"
    if isinstance(error, httpx.ConnectError):
        return "no connection; is Label Studio up, and is the address right?"
    return f"the connection broke while {doing} ({type(error).__name__}); run it again"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, what it was raised from, and so on: libraries wrap the errors of other libraries."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _why_no_token(body: Any) -> str:
    detail = _detail(body).lower()
    if "legacy" in detail:
        return (
            ": legacy tokens are switched off in this organization. Make a Personal Access Token under Account & "
            "Settings and give that"
        )
    if "expired" in detail and "invalid" not in detail:
        return ": it has expired. Make a new one under Account & Settings"
    return (
        "; is it whole, and of this server? Account & Settings shows it, and LABEL_STUDIO_API_KEY or --api-key gives it"
    )


def _detail(body: Any) -> str:
    """The readable part of an error's body, on one line."""
    if isinstance(body, dict):
        body = body.get("validation_errors") or body.get("detail") or body
    if isinstance(body, dict):
        texts = [text for value in body.values() for text in (value if isinstance(value, list) else [value])]
        body = "; ".join(str(text) for text in texts)
    if isinstance(body, str) and body.lstrip().lower().startswith(("<!doctype", "<html")):
        return "a web page that says so"
    text = " ".join(_LINK.sub("", str(body)).split()) or "it does not say why"
    return text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + " …"
