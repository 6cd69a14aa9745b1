"""Whether Label Studio reaches the ML backend and, if it does not, why, as far as this machine can see.

Label Studio says where the backend is, and whoever runs that Label Studio could name any address, also one that only
this machine reaches. So this machine asks the address that somebody gave, and no other.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import httpx
import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_auth_from_url

from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_studio.addresses import same_origin, without_credentials
from ls_trajedit.label_studio.failures import causes
from ls_trajedit.label_studio.proxy import proxy_for
from ls_trajedit.redaction import redact
from ls_trajedit.traces.json_text import parse_json

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Backend

__all__ = ["BASIC_AUTH", "Probe", "Verdict", "check_backend", "check_unconnected", "is_at", "probe_backend"]

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
    "redirects",
    "not a backend",
]

_SECONDS = 1.0
_RETRIES = 2
# A backend's answer about its health is one short JSON object.
_LONGEST_BODY = 100_000
_LONGEST_SECONDS = 5.0
_LONGEST_TARGET = 200
# Connected, training, predicting. Label Studio asks the backend whenever connections are listed, so this is current.
_REACHED = ("CO", "TR", "PR")
_ERROR = "ER"
_SETTINGS = "Settings > Model"
_GIVE_IT = "give --backend with that address"

_ADVICE: dict[Verdict, str] = {
    "silent": "It may be overloaded, or a firewall may drop the connection; Label Studio gives it 1 s.",
    "no host": "Correct the address under Settings > Model.",
    "no proxy": "Exempt the backend with NO_PROXY here, and run doctor again.",
    "no certificates": "Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE here and run doctor again.",
    "unreachable": "Correct the address under Settings > Model; is it http or https?",
    "failing": "Look at the backend's log or, if there is a proxy in front of it, at the proxy's.",
    "redirects": "If the backend is there, enter that address under Settings > Model.",
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
    connect and to answer. Sends `credentials` when there are any, else those in `url`, and none that requests would
    find in `.netrc`. Follows no redirect: it could lead anywhere."""
    user, password = (credentials.user, credentials.password) if credentials else _credentials_in(url)
    is_sent = bool(user or password)
    with _Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
        try:
            answer = session.get(
                f"{url.rstrip('/')}/health",
                auth=(user, password) if is_sent else _without_authentication,
                timeout=_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            body = _beginning(answer)
        except (requests.RequestException, ValueError, OSError) as error:
            return Probe(*_why_no_answer(error, url), sent_credentials=is_sent)
    if answer.status_code == 401:
        tried = "refuses this user and password" if is_sent else "needs a user and a password"
        return Probe("unauthorized", f"{tried} (401)", is_sent)
    return Probe(*_judge(answer, body), sent_credentials=is_sent)


def is_at(backend: Backend, url: str) -> bool:
    """Whether Label Studio names `url` as the address of `backend`."""
    try:
        named, given = httpx.URL(backend.url), httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return same_origin(named, given) and named.raw_path.rstrip(b"/") == given.raw_path.rstrip(b"/")


def check_backend(backend: Backend, probe: Probe | None) -> Iterator[Finding]:
    """The connection as Label Studio sees it, compared with the probe from this machine, if it was to make one."""
    url = without_credentials(backend.url)
    here = probe and f"probed from this machine (the server may see it differently), it {probe.text}"
    if backend.state in _REACHED:
        yield (
            _check_reached(backend, url, probe)
            if probe
            else ok(f"Label Studio reaches the backend {url} (to have it probed from this machine, too, {_GIVE_IT})")
        )
    elif backend.state == _ERROR:
        seen = f"; {here}" if probe and probe.verdict != "up" else ""
        yield problem(
            f"the backend {url} is up and refuses the project: {_reason(backend)}{seen}",
            "Fix what it names; the backend's log says more.",
        )
    elif probe is None:
        yield problem(
            f"Label Studio does not reach the backend {url}, so nothing is prefilled",
            f"Is it running, and is that the right address under {_SETTINGS}? To have it probed from this machine, and "
            f"told why, {_GIVE_IT}.",
        )
    else:
        yield problem(
            f"Label Studio does not reach the backend {url}, so nothing is prefilled; {here}",
            _advice(backend, probe),
        )


def check_unconnected(url: str, probe: Probe) -> Finding:
    """The backend at `url`, to which the project is not connected."""
    return warning(
        f"the project is not connected to the backend {without_credentials(url)}; probed from this machine, it "
        f"{probe.text}",
        f"Enter the address under {_SETTINGS}, or push with --backend.",
    )


def _credentials_in(url: str) -> tuple[str, str]:
    try:
        return get_auth_from_url(url)
    except ValueError:
        return "", ""


def _without_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from looking into `.netrc`, as it does when it is not told how to authenticate."""
    return request


class _Session(requests.Session):
    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[requests.Response]:
        """No redirects. requests looks at the next one even when it may not follow it, and reads the whole body."""
        return iter(())


def _beginning(answer: requests.Response) -> bytes:
    """The body, or so much of it that it is certainly not a backend's word on its health."""
    body, begun = b"", monotonic()
    for part in answer.iter_content(1024):
        body += part
        if len(body) > _LONGEST_BODY or monotonic() - begun > _LONGEST_SECONDS:
            break
    return body


def _judge(answer: requests.Response, body: bytes) -> tuple[Verdict, str]:
    if answer.is_redirect:
        target = redact(without_credentials(answer.headers["location"]))[:_LONGEST_TARGET]
        return "redirects", f"redirects to {target} ({answer.status_code}), which was not asked"
    if answer.status_code == 404:
        return "not a backend", "has no /health (404), so it is not an ML backend, or not at this path"
    if not answer.ok:
        return "failing", f"answers {answer.status_code}"
    try:
        parse_json(body)
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
    if not isinstance(error, requests.RequestException | ValueError):
        return "no certificates", f"cannot be asked: {error}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return "refused", "refuses the connection: nothing listens there"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return "no host", "cannot be found: there is no such host"
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in chain):
        return "silent", f"does not answer within {_SECONDS:.0f} s"
    return "unreachable", f"cannot be reached ({type(error).__name__})"


def _check_reached(backend: Backend, url: str, probe: Probe) -> Finding:
    here = f"probed from this machine (the server may see it differently), it {probe.text}"
    has_password = backend.auth_method == BASIC_AUTH
    if probe.verdict == "up":
        return ok(f"Label Studio reaches the backend {url}, and so does this machine")
    if probe.verdict == "unauthorized" and has_password and not probe.sent_credentials:
        return ok(
            f"Label Studio reaches the backend {url} with its user and password; from this machine it was "
            "probed without (set BASIC_AUTH_USER and BASIC_AUTH_PASS to try them, too)"
        )
    if probe.verdict == "unauthorized" and has_password:
        advice = "Label Studio's user and password work; BASIC_AUTH_USER and BASIC_AUTH_PASS differ from them here."
    else:
        advice = "This is fine if only the server can reach that address."
    return warning(f"Label Studio reaches the backend {url}, but {here}", advice)


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
    parts = httpx.URL(url)
    host = "" if parts.host in ("localhost", "127.0.0.1") else " --host 0.0.0.0"
    return f"ls-trajedit serve{host} --port {parts.port or (443 if parts.scheme == 'https' else 80)}"


def _reason(backend: Backend) -> str:
    """What the backend answered to `/setup`, from the message of requests: `400 Client Error: <reason> for url: …`."""
    text = backend.error_message.partition(" for url: ")[0]
    return text.partition("Client Error: ")[2] or text or "no reason given"


def _is_private(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
