"""Asks an ML backend the way Label Studio does: with requests, one second to connect and one to answer."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal

import requests
from requests.adapters import HTTPAdapter

from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.label_studio.failures import causes

__all__ = ["Outcome", "Probe", "probe_backend"]

Outcome = Literal["up", "refused", "silent", "no host", "unreachable", "unauthorized", "failing", "not a backend"]

_SECONDS = 1.0
_RETRIES = 2


@dataclass(frozen=True)
class Probe:
    """How a backend looks from this machine: the outcome, and the same in words that follow "it"."""

    outcome: Outcome
    text: str


def probe_backend(url: str, credentials: Credentials | None) -> Probe:
    """Asks the backend at `url` for its health, with `credentials` when there are any."""
    auth = (credentials.user, credentials.password) if credentials else None
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
        try:
            answer = session.get(f"{url.rstrip('/')}/health", auth=auth, timeout=_SECONDS)
        except (requests.RequestException, UnicodeError) as error:
            return _unreachable(error)
    return _judge(answer, credentials is not None)


def _judge(answer: requests.Response, sent_credentials: bool) -> Probe:
    if answer.status_code == 401:
        tried = "refuses this user and password" if sent_credentials else "wants a user and a password"
        return Probe("unauthorized", f"{tried} (401)")
    if answer.status_code == 404:
        return Probe("not a backend", "has no /health (404), so it is no ML backend, or not at this path")
    if not answer.ok:
        return Probe("failing", f"answers {answer.status_code}")
    try:
        answer.json()
    except ValueError:
        return Probe("not a backend", "answers something that is no JSON, so it is no ML backend")
    return Probe("up", "answers")


def _unreachable(error: Exception) -> Probe:
    chain = list(causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return Probe("refused", "refuses the connection: nothing listens there")
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return Probe("no host", "cannot be found: there is no such host")
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in chain):
        return Probe("silent", f"does not answer within {_SECONDS:.0f} s")
    return Probe("unreachable", f"cannot be reached ({type(error).__name__})")
