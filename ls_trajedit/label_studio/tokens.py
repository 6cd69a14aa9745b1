"""What a request shows as its token: a legacy token itself, or the access token that a personal one is exchanged for.

Personal and access tokens are JWTs (RFC 7519) that say when they expire. Label Studio's `api/token/refresh/` exchanges
the one for the other, which is good for some minutes. The SDK does the same for its own requests, and takes longer to
import than the rest of a pull that finds nothing new.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ls_trajedit.traces.json_text import parse_json

__all__ = ["Token", "TokenError", "expiry"]


class TokenError(ValueError):
    """The token cannot be one of Label Studio's."""


def expiry(token: str) -> datetime | None:
    """When a personal or an access token expires; None for a legacy token, which does not. Raises TokenError for what
    has the form of a JWT and is not one that expires.

    >>> expiry("0123456789abcdef0123456789abcdef01234567")
    >>> expiry("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjgxMDI1NTQyMzN9.c2ln").year
    2226
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = parse_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], timezone.utc)
    except (ValueError, TypeError, LookupError, ArithmeticError, OSError, RecursionError, binascii.Error):
        raise TokenError from None


class Token:
    """The token that somebody gave. `exchange` is called with a personal token, and returns an access token; `now`
    tells the time."""

    def __init__(self, given: str, exchange: Callable[[str], str], now: Callable[[], datetime]) -> None:
        self._given = given
        self._is_personal = expiry(given) is not None
        self._exchange = exchange
        self._now = now
        self._access = ""
        self._expires: datetime | None = None

    def header(self) -> str:
        """The value of `Authorization`. Raises what `exchange` raises, and TokenError when what it returns is not an
        access token."""
        if not self._is_personal:
            return f"Token {self._given}"
        if self._expires is None or self._expires <= self._now():
            self._access = self._exchange(self._given)
            self._expires = expiry(self._access)
            if self._expires is None:
                raise TokenError
        return f"Bearer {self._access}"
