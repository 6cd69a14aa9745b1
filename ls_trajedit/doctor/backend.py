"""Whether Label Studio reaches the ML backend and, if it does not, why, as far as this machine can see."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_studio.addresses import without_credentials
from ls_trajedit.label_studio.failures import causes
from ls_trajedit.label_studio.proxy import proxy_for

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Backend

__all__ = ["BASIC_AUTH", "Probe", "Verdict", "check_backend", "probe_backend"]

BASIC_AUTH = "BASIC_AUTH"
"""What Label Studio calls the authentication method of a connection with a user and a password."""

Verdict = Literal[
    "up",
    "refused",
    "silent",
    "no host",
    "no proxy",
    "no certificates",
    "unreachable",
    "unauthorized",
    "failing",
    "not a backend",
]

_SECONDS = 1.0
_RETRIES = 2
# Connected, training, predicting. Label Studio asks the backend whenever connections are listed, so this is current.
_REACHED = ("CO", "TR", "PR")
_ERROR = "ER"
_SETTINGS = "Settings > Model"

_ADVICE: dict[Verdict, str] = {
    "silent": "It may be overloaded, or a firewall may drop the connection; Label Studio gives it 1 s.",
    "no host": "Correct the address under Settings > Model.",
    "no proxy": "Exempt the backend with NO_PROXY here, and run doctor again.",
    "no certificates": "Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE here and run doctor again.",
    "unreachable": "Correct the address under Settings > Model; is it http or https?",
    "failing": "Look at the backend's log or, if there is a proxy in front of it, at the proxy's.",
    "not a backend": "Something else listens there; correct the address under Settings > Model.",
}
_FROM_SERVER_ONLY = (
    "It works from here, so what fails is the way from the server to it: in a container, `localhost` is the container "
    "itself."
)
_PRIVATE = (
    " For a private or local address, Label Studio must be started with ML_BLOCK_LOCAL_IP=false and "
    "SSRF_PROTECTION_ENABLED=false."
)


@dataclass(frozen=True)
class Probe:
    """How a backend looks from this machine: the verdict, and in `text` what it does, in words that follow "it".
    `sent_credentials` says whether it was asked with a user and a password."""

    verdict: Verdict
    text: str
    sent_credentials: bool


def probe_backend(url: str, credentials: Credentials | None) -> Probe:
    """Asks the backend at `url` for its health the way Label Studio does: with the library requests, and one second to
    connect and to answer. Sends `credentials` when there are any."""
    auth = (credentials.user, credentials.password) if credentials else None
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
        try:
            answer = session.get(f"{url.rstrip('/')}/health", auth=auth, timeout=_SECONDS)
        except (requests.RequestException, UnicodeError, OSError) as error:
            return Probe(*_why_no_answer(error, url), sent_credentials=credentials is not None)
    if answer.status_code == 401:
        tried = "needs a user and a password" if credentials is None else "refuses this user and password"
        return Probe("unauthorized", f"{tried} (401)", credentials is not None)
    return Probe(*_judge(answer), sent_credentials=credentials is not None)


def check_backend(backend: Backend, probe: Probe) -> Iterator[Finding]:
    """The connection as Label Studio sees it, compared with the probe from this machine."""
    url = without_credentials(backend.url)
    here = f"probed from this machine (the server may see it differently), it {probe.text}"
    if backend.state in _REACHED:
        yield from _check_reached(backend, url, here, probe)
    elif backend.state == _ERROR:
        seen = "" if probe.verdict == "up" else f"; {here}"
        yield problem(
            f"the backend {url} is up and refuses the project: {_reason(backend)}{seen}",
            "Fix what it names; the backend's log says more.",
        )
    else:
        yield problem(
            f"Label Studio does not reach the backend {url}, so nothing is prefilled; {here}",
            _advice(backend, probe),
        )


def _judge(answer: requests.Response) -> tuple[Verdict, str]:
    if answer.status_code == 404:
        return "not a backend", "has no /health (404), so it is not an ML backend, or not at this path"
    if not answer.ok:
        return "failing", f"answers {answer.status_code}"
    try:
        answer.json()
    except ValueError:
        return "not a backend", "answers something that is not JSON, so it is not an ML backend"
    return "up", "answers"


def _why_no_answer(error: Exception, url: str) -> tuple[Verdict, str]:
    chain = list(causes(error))
    proxy = proxy_for(url)
    if proxy is not None and isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return (
            "no proxy",
            f"was asked through the proxy {proxy.shown} ({proxy.variable}), which does not let that through",
        )
    if proxy is not None and isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL):
        return "no proxy", f"cannot be asked through the proxy {proxy.shown} ({proxy.variable}): {error}"
    if not isinstance(error, requests.RequestException | UnicodeError):
        return "no certificates", f"cannot be asked: {error}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return "refused", "refuses the connection: nothing listens there"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return "no host", "cannot be found: there is no such host"
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in chain):
        return "silent", f"does not answer within {_SECONDS:.0f} s"
    return "unreachable", f"cannot be reached ({type(error).__name__})"


def _check_reached(backend: Backend, url: str, here: str, probe: Probe) -> Iterator[Finding]:
    has_password = backend.auth_method == BASIC_AUTH
    if probe.verdict == "up":
        yield ok(f"Label Studio reaches the backend {url}, and so does this machine")
    elif probe.verdict == "unauthorized" and has_password and not probe.sent_credentials:
        yield ok(
            f"Label Studio reaches the backend {url} with its user and password; from this machine it was "
            "probed without (set BASIC_AUTH_USER and BASIC_AUTH_PASS to try them, too)"
        )
    elif probe.verdict == "unauthorized" and has_password:
        yield warning(
            f"Label Studio reaches the backend {url}, but {here}",
            "Label Studio's user and password work; BASIC_AUTH_USER and BASIC_AUTH_PASS differ from them here.",
        )
    else:
        yield warning(
            f"Label Studio reaches the backend {url}, but {here}",
            "This is fine if only the server can reach that address.",
        )


def _advice(backend: Backend, probe: Probe) -> str:
    if probe.verdict == "up" and probe.sent_credentials:
        return (
            "It accepts BASIC_AUTH_USER and BASIC_AUTH_PASS as they are set here, so Label Studio may have different "
            f"ones: enter these under {_SETTINGS}."
        )
    if probe.verdict == "up":
        return _FROM_SERVER_ONLY + (_PRIVATE if _is_private(backend.url) else "")
    if probe.verdict == "refused":
        return f"Start it (`{_serve_command(backend.url)}`), or correct the address under {_SETTINGS}."
    if probe.verdict != "unauthorized":
        return _ADVICE[probe.verdict]
    if backend.auth_method != BASIC_AUTH:
        return (
            f"Label Studio sends no user and password: enter them under {_SETTINGS}, with Basic Authentication as the "
            "method."
        )
    if probe.sent_credentials:
        return (
            "It refuses Label Studio's user and password, too: enter those that it was started with under "
            f"{_SETTINGS}; here they are read from BASIC_AUTH_USER and BASIC_AUTH_PASS."
        )
    return (
        "It refuses Label Studio's user and password: enter those that it was started with (its BASIC_AUTH_USER and "
        f"BASIC_AUTH_PASS) under {_SETTINGS}."
    )


def _serve_command(url: str) -> str:
    parts = urlsplit(url)
    host = "" if parts.hostname in ("localhost", "127.0.0.1") else " --host 0.0.0.0"
    return f"ls-trajedit serve{host} --port {parts.port or (443 if parts.scheme == 'https' else 80)}"


def _reason(backend: Backend) -> str:
    """What the backend answered to `/setup`, from the message of requests: `400 Client Error: <reason> for url: …`."""
    text = backend.error_message.partition(" for url: ")[0]
    return text.partition("Client Error: ")[2] or text or "no reason given"


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
