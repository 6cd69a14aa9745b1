"""Finds out which Label Studio answers at an address, if any. That needs no token, and none is sent."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ls_trajedit.label_studio.failures import (
    explain_no_answer,
    explain_status,
    not_label_studio,
    readable_body,
    without_credentials,
)

__all__ = ["Release", "find_release"]

_PATH = "/api/version"
_SECONDS = 20
_DOING = "asking for the version"


@dataclass(frozen=True)
class Release:
    """A Label Studio. `url` is the address that answered; it differs from the given one when the server redirects."""

    version: str
    edition: str
    url: str


def find_release(url: str) -> Release:
    """The Label Studio at `url`.

    Raises UsageError when `url` is not an address, ServerError when nothing or something else answers there, and
    RefusedError when the server refuses.
    """
    asked = url.rstrip("/")
    shown = without_credentials(asked)
    try:
        answer = httpx.get(f"{asked}{_PATH}", follow_redirects=True, timeout=_SECONDS)
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise explain_no_answer(shown, error, _DOING) from None
    found = readable_body(answer)
    if not answer.is_success:
        raise explain_status(shown, answer.status_code, found, _DOING)
    if not isinstance(found, dict) or "release" not in found:
        raise not_label_studio(shown, _DOING, found)
    answered = str(answer.url).partition(_PATH)[0]
    return Release(str(found["release"]), str(found.get("edition") or "unknown"), without_credentials(answered))
