"""Whether Label Studio reaches the ML backend; if it does not, what this machine sees tells why."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.doctor.probe_backend import Outcome, Probe
from ls_trajedit.label_studio.failures import without_credentials

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Backend

__all__ = ["BASIC_AUTH", "check_backend"]

BASIC_AUTH = "BASIC_AUTH"
"""How Label Studio calls the authentication of a connection that has a user and a password."""

# Connected, training, predicting. Label Studio asks the backend whenever connections are listed, so this is fresh.
_REACHED = ("CO", "TR", "PR")
_ERROR = "ER"
_SETTINGS = "Settings > Model"

_ADVICE: dict[Outcome, str] = {
    "silent": "It may be overloaded, or a firewall swallows the connection; Label Studio gives it 1 s.",
    "no host": "Correct the address under Settings > Model.",
    "unreachable": "Correct the address under Settings > Model; is it http or https?",
    "failing": "Look into the backend's log; behind a proxy, look into the proxy's.",
    "not a backend": "Something else listens there; correct the address under Settings > Model.",
}
_FROM_SERVER_ONLY = (
    "It works from here, so the way from the server to it is what fails: in a container `localhost` is the container "
    "itself."
)
_PRIVATE = (
    " For a private or local address, Label Studio must be started with ML_BLOCK_LOCAL_IP=false and "
    "SSRF_PROTECTION_ENABLED=false."
)


def check_backend(backend: Backend, probe: Probe, sent_credentials: bool) -> Iterator[Finding]:
    """The connection as Label Studio has it, and the probe of it from this machine, made with a user and a password
    when `sent_credentials`."""
    url = without_credentials(backend.url)
    here = f"tried from this machine (the server may see it otherwise), it {probe.text}"
    if backend.state in _REACHED:
        yield from _check_reached(backend, url, here, probe, sent_credentials)
    elif backend.state == _ERROR:
        seen = "" if probe.outcome == "up" else f"; {here}"
        yield problem(
            f"the backend {url} is up and refuses the project: {_reason(backend)}{seen}",
            "Mend what it names; the backend's log says more.",
        )
    else:
        yield problem(
            f"Label Studio does not reach the backend {url}, so it prefills nothing; {here}",
            _advice(backend, probe, sent_credentials),
        )


def _check_reached(backend: Backend, url: str, here: str, probe: Probe, sent_credentials: bool) -> Iterator[Finding]:
    has_password = backend.auth_method == BASIC_AUTH
    if probe.outcome == "up":
        yield ok(f"Label Studio reaches the backend {url}, and so does this machine")
    elif probe.outcome == "unauthorized" and has_password and not sent_credentials:
        yield ok(
            f"Label Studio reaches the backend {url} with the user and the password that it has; from this machine it "
            "was tried without (set BASIC_AUTH_USER and BASIC_AUTH_PASS to try them, too)"
        )
    elif probe.outcome == "unauthorized" and has_password:
        yield warning(
            f"Label Studio reaches the backend {url}, but {here}",
            "Label Studio's user and password work; those in BASIC_AUTH_USER and BASIC_AUTH_PASS here are others.",
        )
    else:
        yield warning(
            f"Label Studio reaches the backend {url}, but {here}",
            "Where only the server can reach that address, this is as it should be.",
        )


def _advice(backend: Backend, probe: Probe, sent_credentials: bool) -> str:
    if probe.outcome == "up" and sent_credentials:
        return (
            "It takes BASIC_AUTH_USER and BASIC_AUTH_PASS as they are set here, so Label Studio may have others: enter "
            f"these under {_SETTINGS}."
        )
    if probe.outcome == "up":
        return _FROM_SERVER_ONLY + (_PRIVATE if _is_private(backend.url) else "")
    if probe.outcome == "refused":
        return f"Start it (`{_serve_command(backend.url)}`), or correct the address under {_SETTINGS}."
    if probe.outcome != "unauthorized":
        return _ADVICE[probe.outcome]
    if backend.auth_method != BASIC_AUTH:
        return f"Label Studio sends none: enter them under {_SETTINGS}, with Basic Authentication as the method."
    if sent_credentials:
        return (
            f"Nor does it take Label Studio's: enter those that it was started with under {_SETTINGS}; here they are "
            "read from BASIC_AUTH_USER and BASIC_AUTH_PASS."
        )
    return (
        f"It does not take those that Label Studio has: enter the ones that it was started with (its BASIC_AUTH_USER "
        f"and BASIC_AUTH_PASS) under {_SETTINGS}."
    )


def _serve_command(url: str) -> str:
    parts = urlsplit(url)
    host = "" if parts.hostname in ("localhost", "127.0.0.1") else " --host 0.0.0.0"
    return f"ls-trajedit serve{host} --port {parts.port or (443 if parts.scheme == 'https' else 80)}"


def _reason(backend: Backend) -> str:
    """What the backend answered to `/setup`, as requests words it: `400 Client Error: <reason> for url: <url>`."""
    text = backend.error_message.partition(" for url: ")[0]
    return text.partition("Client Error: ")[2] or text or "it does not say why"


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
