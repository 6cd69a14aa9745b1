"""Which Label Studio answers, and to whom the token belongs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_studio.release import Release
from ls_trajedit.traces.errors import RefusedError
from ls_trajedit.traces.json_text import parse_json

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import User

__all__ = [
    "NEWEST_TESTED",
    "OLDEST_TESTED",
    "TokenForm",
    "check_release",
    "check_token",
    "explain_refused_token",
    "token_form",
]

TokenForm = Literal["legacy", "personal", "access", "shortened", "unknown"]

OLDEST_TESTED = (1, 12, 1)
NEWEST_TESTED = (1, 23, 2)
"""The versions of Label Studio Community on which the tests run."""

_NAMES = {"legacy": "a legacy token", "personal": "a personal access token"}
_LIMITED_ROLES = {"AN": "an annotator", "RE": "a reviewer"}
_REFUSED_ADVICE = {
    "access": (
        "This is a short-lived access token, valid for minutes; use the personal access token that it was made from."
    ),
    "shortened": (
        "This is a personal access token without its last part, as Label Studio lists them; the complete one is only "
        "shown when it is created. Create a new one under Account & Settings and copy it from there."
    ),
    "unknown": (
        "A legacy token has 40 characters, digits and the letters a to f, and a personal one starts with eyJ; this one "
        "is neither."
    ),
}


def token_form(token: str) -> TokenForm:
    """The kind of token, judged by its form alone."""
    if re.fullmatch(r"[0-9a-f]{40}", token):
        return "legacy"
    parts = token.split(".")
    claims = _claims(parts[1]) if len(parts) in (2, 3) else None
    if claims is None:
        return "unknown"
    if len(parts) == 2 or not parts[2]:
        return "shortened"
    return "access" if claims.get("token_type") == "access" else "personal"


def check_release(asked: str, release: Release) -> Iterator[Finding]:
    """The Label Studio at the address `asked`."""
    edition = release.edition or ("Community, by its version" if release.is_community else "it tells no edition")
    yield ok(f"Label Studio {release.version} ({edition}) answers at {release.url}")
    if (untested := _untested(release)) is not None:
        yield warning(
            f"{untested}: ls-trajedit is tested with Label Studio Community {_dotted(OLDEST_TESTED)} to "
            f"{_dotted(NEWEST_TESTED)}",
            "Look at the first task and at the first pull before people work on more; docs/compatibility.md says what "
            "was tried.",
        )
    if release.url.rstrip("/") != asked.rstrip("/"):
        is_upgrade = asked.startswith("http:") and release.url.startswith("https:")
        what_happens = (
            "the first request of each command, and the token in it, goes over http unencrypted"
            if is_upgrade
            else "requests that write are not redirected, and links to the project lead to the wrong place"
        )
        yield warning(
            f"{asked} redirects to {release.url}: {what_happens}",
            f"Give --url {release.url}, or set LABEL_STUDIO_URL to that address.",
        )


def _untested(release: Release) -> str | None:
    """What is untested about this Label Studio."""
    if not release.is_community:
        return f"the edition {release.edition} is untested" if release.edition else "this Label Studio is untested"
    if not release.numbers:
        return f"the version {release.version} is unknown"
    if release.numbers < OLDEST_TESTED:
        return f"version {release.version} is older than what is tested"
    if release.numbers[:2] > NEWEST_TESTED[:2]:
        return f"version {release.version} is newer than what is tested"
    return None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def check_token(token: str, user: User) -> Iterator[Finding]:
    """A token that Label Studio accepts, and that belongs to `user`."""
    name = _NAMES.get(token_form(token), "a token")
    yield ok(f"the token is accepted: {name} of {user.email or f'user {user.id}'}")
    if user.role in _LIMITED_ROLES:
        yield warning(
            f"it is the token of {_LIMITED_ROLES[user.role]}, to whom Label Studio shows only some of the annotations "
            "(to an annotator only their own), so `pull` would miss the rest",
            "Use the token of an owner, an administrator or a manager of the project.",
        )


def explain_refused_token(token: str, refused: RefusedError) -> Finding:
    """A token that Label Studio does not accept."""
    return problem(str(refused), _REFUSED_ADVICE.get(token_form(token)))


def _claims(part: str) -> dict[str, object] | None:
    """The claims in the middle part of a JSON web token, or None when `part` is not that."""
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None
