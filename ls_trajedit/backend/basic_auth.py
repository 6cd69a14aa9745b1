"""Basic authentication: who may use the backend."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ls_trajedit.backend.requests import error_response
from ls_trajedit.redaction import keep_secret
from ls_trajedit.traces.errors import SetupError

__all__ = [
    "CHALLENGE",
    "PASSWORD_VARIABLE",
    "UNAUTHORIZED",
    "USER_VARIABLE",
    "Credentials",
    "credentials_from_environment",
    "is_allowed",
    "require_basic_auth",
]

USER_VARIABLE = "BASIC_AUTH_USER"
PASSWORD_VARIABLE = "BASIC_AUTH_PASS"  # noqa: S105 - the name of a variable
CHALLENGE = 'Basic realm="ls-trajedit", charset="UTF-8"'
UNAUTHORIZED = "this backend needs the user and the password that it was started with (basic authentication)"


@dataclass(frozen=True)
class Credentials:
    """The one user who may use the backend."""

    user: str
    password: str = field(repr=False)


def credentials_from_environment(environment: Mapping[str, str]) -> Credentials | None:
    """The credentials in BASIC_AUTH_USER and BASIC_AUTH_PASS, or None when neither is set (or both are empty).

    Raises SetupError when one is set without the other, or when the user has a colon, which cannot be transmitted.
    """
    user, password = environment.get(USER_VARIABLE, ""), environment.get(PASSWORD_VARIABLE, "")
    if not user and not password:
        return None
    if not user or not password:
        present, missing = (USER_VARIABLE, PASSWORD_VARIABLE) if user else (PASSWORD_VARIABLE, USER_VARIABLE)
        raise SetupError(f"{present} is set and {missing} is not: set both for basic authentication, or neither")
    if ":" in user:
        raise SetupError(f"{USER_VARIABLE} has a colon in it, which basic authentication cannot transmit")
    keep_secret(PASSWORD_VARIABLE, password)
    return Credentials(user, password)


def is_allowed(header: str | None, credentials: Credentials) -> bool:
    """Whether the Authorization header of a request holds `credentials`. Compares in constant time."""
    given = _decode(header or "")
    matches = [hmac.compare_digest(given, form) for form in _transmitted_forms(credentials)]
    return any(matches)


def require_basic_auth(app: ASGIApp, credentials: Credentials, public: Collection[str] = ()) -> ASGIApp:
    """`app` with basic authentication on every path but the `public` ones: Label Studio authenticates for `/health`,
    too."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] != "http" or scope["path"] in public
        if is_open or is_allowed(Headers(scope=scope).get("authorization"), credentials):
            await app(scope, receive, send)
        else:
            refusal = error_response(401, UNAUTHORIZED, {"www-authenticate": CHALLENGE})
            await refusal(scope, receive, send)

    return guarded


def _transmitted_forms(credentials: Credentials) -> list[bytes]:
    """Most clients send UTF-8; `requests`, which Label Studio uses, sends Latin-1."""
    text = f"{credentials.user}:{credentials.password}"
    forms = [text.encode("utf-8", "surrogateescape")]
    with contextlib.suppress(UnicodeEncodeError):
        forms.append(text.encode("latin-1"))
    return forms


def _decode(header: str) -> bytes:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
