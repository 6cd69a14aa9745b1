"""Services that speak the protocol of programs over HTTP: a POST with the request, whose answer is what follows."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

import httpcore
import httpx

from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.answers import ending_of, messages_in, quoted, read_messages
from ls_trajedit.branches.attempts import attempt
from ls_trajedit.branches.deadline import DeadlineBackend
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.stop import Stop
from ls_trajedit.label_studio.addresses import (
    hide_password,
    host_of,
    redirect_target,
    same_origin,
    server_address,
    without_credentials,
)
from ls_trajedit.label_studio.answers import ACCEPTED_ENCODING, LOCATION, LargeAnswerError
from ls_trajedit.label_studio.failures import causes
from ls_trajedit.label_studio.http_times import retry_after
from ls_trajedit.label_studio.transport import check_environment, make_transport
from ls_trajedit.redaction import hide_secret
from ls_trajedit.traces.errors import UsageError

__all__ = ["Service", "StatusFailed", "UrlAgent", "find_service", "is_transient_status"]

_MOST_REDIRECTS = 5
_SAME_METHOD = (307, 308)
_TRANSIENT_STATUSES = (408, 409, 425, 429)
_LONGEST_BODY = 4_000


class StatusFailed(BranchFailed):
    """A server answered with the HTTP `status` of an error. `body` is the beginning of what it said."""

    def __init__(self, name: str, status: int, body: str, retry_after: float | None) -> None:
        said = quoted(body, 300)
        super().__init__(
            "http_status",
            f"{name} answers with {status}{f': {said}' if said else ''}",
            is_transient=is_transient_status(status),
            retry_after=retry_after,
        )
        self.status = status
        self.body = body


def is_transient_status(status: int) -> bool:
    """Whether another attempt may succeed after an answer with this HTTP status."""
    return status >= 500 or status in _TRANSIENT_STATUSES


@dataclass(frozen=True)
class Service:
    """A server, and the address there to which JSON is sent. `headers` go with each request."""

    url: httpx.URL = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """What messages call it: its address without password and query, which may hold secrets."""
        return _shown(self.url)

    def post(self, sent: bytes, timeout: float, stop: Stop) -> bytes:
        """The body of the answer to a POST of the JSON text `sent`.

        Redirects that keep the method are followed on the same server, and no other. Raises BranchFailed when there is
        no answer within `timeout` seconds, when it is not a success (2xx), leads elsewhere, or is larger than 32 MiB;
        and Stopped when the run stops.
        """
        deadline = time.monotonic() + timeout
        url = self.url
        for _ in range(_MOST_REDIRECTS):
            answer = self._send(url, sent, deadline, timeout, stop)
            if LOCATION not in answer.extensions:
                return self._body(answer)
            url = self._target(url, answer)
        raise BranchFailed("redirect", f"{self.name} redirects endlessly")

    def _send(self, url: httpx.URL, sent: bytes, deadline: float, timeout: float, stop: Stop) -> httpx.Response:
        backends: list[DeadlineBackend] = []

        def bounded(inner: httpcore.NetworkBackend) -> httpcore.NetworkBackend:
            backends.append(DeadlineBackend(inner, deadline))
            return backends[0]

        transport = make_transport(str(url), httpx.Limits(), bounded)
        headers = {"Content-Type": "application/json", "Accept-Encoding": ACCEPTED_ENCODING, **dict(self.headers)}
        try:
            with (
                stop.ending(backends[0].end),
                httpx.Client(transport=transport, trust_env=False, timeout=timeout) as client,
            ):
                return client.post(url, content=sent, headers=headers, follow_redirects=False)
        except httpx.TimeoutException:
            raise BranchFailed(
                "timeout", f"{self.name} had not answered after {timeout:g} s", is_transient=True
            ) from None
        except LargeAnswerError as error:
            raise BranchFailed("too_much", f"the answer of {self.name} is too large: {error}") from None
        except httpx.DecodingError as error:
            raise BranchFailed("not_json", f"the answer of {self.name} cannot be unpacked: {error}") from None
        except httpx.RequestError as error:
            raise BranchFailed("no_connection", f"{self.name}: {_why(error)}", is_transient=True) from None

    def _target(self, url: httpx.URL, answer: httpx.Response) -> httpx.URL:
        target = redirect_target(url, answer.extensions[LOCATION])
        if target is None or not same_origin(url, target):
            where = "something that is not an address" if target is None else _shown(target)
            raise BranchFailed(
                "redirect",
                f"{self.name} redirects ({answer.status_code}) to {where}, and nothing is sent to another server than "
                "the one that was named",
            )
        if answer.status_code not in _SAME_METHOD:
            raise BranchFailed(
                "redirect",
                f"{self.name} redirects ({answer.status_code}) to {_shown(target)} with another method than POST",
            )
        return target.copy_with(userinfo=url.userinfo)

    def _body(self, answer: httpx.Response) -> bytes:
        if answer.is_success:
            return answer.content
        asked = retry_after(answer.headers.get("retry-after", ""))
        raise StatusFailed(
            self.name, answer.status_code, answer.content[:_LONGEST_BODY].decode("utf-8", "replace"), asked
        )


@dataclass(frozen=True)
class UrlAgent:
    """An agent that is a service."""

    service: Service
    timeout: float
    retries: int

    def __call__(self, request: AgentRequest, log: BranchLog, stop: Stop) -> Continuation:
        """What the service says that follows. Raises what an agent raises."""
        sent = request.as_json()
        raw = attempt(lambda: self.service.post(sent, self.timeout, stop), self.retries, log, stop)
        messages = read_messages(request.messages, messages_in(raw, f"the answer of {self.service.name}"))
        return Continuation(messages, ending_of(messages))


def find_service(option: str, url: str) -> httpx.URL:
    """The address that an `option` names. What in it may be secret is shown nowhere from now on. Raises UsageError when
    it is not the address of a server, and SetupError when the environment names a proxy or certificates that cannot be
    used."""
    hide_password(url)
    address = server_address(url)
    if address is None:
        shown = without_credentials(url.partition("?")[0]).encode("ascii", "backslashreplace").decode()
        raise UsageError(f"{option} {shown}: this is not the address of a server; write it like http://localhost:8000")
    for _, value in address.params.multi_items():
        hide_secret(value)
    check_environment(str(address))
    return address


def _shown(url: httpx.URL) -> str:
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    return quoted(without_credentials(f"{host_of(url)}{path}").rstrip("/"))


def _why(error: httpx.RequestError) -> str:
    chain = list(causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return "there is no such host"
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return "nothing listens there"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not trusted here; set SSL_CERT_FILE to that of the authority that signed it"
    if isinstance(error, httpx.ProxyError):
        return "the proxy that the environment names does not let this through"
    return f"the connection broke ({type(error).__name__})"
