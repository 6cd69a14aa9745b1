"""Finds out which Label Studio answers at an address, if any. That needs no token, and none is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from ls_trajedit.label_studio.addresses import without_credentials
from ls_trajedit.label_studio.failures import explain_no_answer, explain_status, not_label_studio, readable_body
from ls_trajedit.label_studio.headers import Headers
from ls_trajedit.label_studio.http_client import open_http

__all__ = ["Release", "find_release"]

_PATH = "/api/version"
_SECONDS = 20
_DOING = "asking for the version"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Release:
    """A Label Studio. `url` is the address that answered; it differs from the given one when the server redirects from
    http to https, or to a path. `edition` is None where the server does not tell it, as Community before 1.16 (by their
    source)."""

    version: str
    edition: str | None
    url: str

    @property
    def is_community(self) -> bool:
        """Whether this is Label Studio Community. The versions of other editions have another first number."""
        return self.edition == "Community" or (self.edition is None and self.numbers[:1] == (1,))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, `(1, 23, 2)`; empty when it is not made of numbers."""
        found = re.match(r"\d+(\.\d+)*", self.version)
        return tuple(map(int, found.group().split("."))) if found else ()

    @property
    def can_validate(self) -> bool:
        """Whether this version has code that validates predictions. Community has it since 1.21.0 (by its source)."""
        return not (self.is_community and () < self.numbers < (1, 21))


def find_release(url: str, headers: Headers = ()) -> Release:
    """The Label Studio at `url`, asked with these `headers`.

    Raises UsageError when `url` is not an address, SetupError when it holds a password or the environment names what
    cannot be used, ServerError when nothing or something else answers there or it redirects to another server, and
    RefusedError when the server refuses.
    """
    asked = url.rstrip("/")
    shown = without_credentials(asked)
    with open_http(asked, headers, _SECONDS) as client:
        # Whoever asks says it themselves, as they compare the addresses.
        client.announce = lambda _: None
        try:
            answer = client.get(f"{asked}{_PATH}")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise explain_no_answer(shown, error, _DOING) from None
    found = readable_body(answer)
    if not answer.is_success:
        raise explain_status(shown, answer.status_code, found, _DOING)
    version = found.get("release") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(version, str) or len(version) > _LONGEST_NAME:
        raise not_label_studio(shown, _DOING, found)
    # A server may also redirect to a path, such as /labeling.
    answered = without_credentials(str(answer.url).rpartition(_PATH)[0])
    edition = found.get("edition")
    named = edition if isinstance(edition, str) and 0 < len(edition) <= _LONGEST_NAME else None
    return Release(version, named, answered or client.address)
