"""What a request shows as its token, and when a personal token is exchanged."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest

from ls_trajedit.label_studio.tokens import Token, TokenError, expiry

LEGACY = "0123456789abcdef0123456789abcdef01234567"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


def jwt(claims: object) -> str:
    parts = ({"alg": "HS256"}, claims, "signature")
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


def until(time: datetime) -> str:
    return jwt({"token_type": "access", "exp": int(time.timestamp())})


class Exchange:
    """Gives each of these access tokens, and notes what it was asked with."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[str] = []

    def __call__(self, token: str) -> str:
        self.asked.append(token)
        return self.tokens.pop(0)


def test_a_legacy_token_is_shown_as_it_is_and_never_exchanged() -> None:
    exchange = Exchange()
    token = Token(LEGACY, exchange, lambda: NOON)
    assert [token.header(), token.header()] == [f"Token {LEGACY}"] * 2
    assert exchange.asked == []


def test_a_personal_token_is_exchanged_once_and_again_when_the_access_token_has_expired() -> None:
    personal = until(NOON + timedelta(days=90))
    first, second = until(NOON + timedelta(minutes=5)), until(NOON + timedelta(minutes=10))
    exchange = Exchange(first, second)
    now = NOON
    token = Token(personal, exchange, lambda: now)
    assert token.header() == f"Bearer {first}"
    now += timedelta(minutes=4)
    assert token.header() == f"Bearer {first}"
    assert exchange.asked == [personal]
    now += timedelta(minutes=1)
    assert token.header() == f"Bearer {second}"
    assert exchange.asked == [personal, personal]


@pytest.mark.parametrize("access", [LEGACY, "", jwt({}), jwt({"exp": "soon"}), jwt([]), "a.b.c"])
def test_what_does_not_expire_is_not_an_access_token(access: str) -> None:
    with pytest.raises(TokenError):
        Token(until(NOON), Exchange(access), lambda: NOON).header()


def test_a_token_expires_when_it_says_so() -> None:
    assert expiry(LEGACY) is None
    assert expiry(until(NOON)) == NOON


@pytest.mark.parametrize(
    "claims",
    [{}, {"exp": None}, {"exp": "x"}, {"exp": [1]}, {"exp": 10**30}, {"exp": float("nan")}, [], 5, None, "exp"],
)
def test_a_jwt_that_does_not_say_when_it_expires_is_not_a_token(claims: object) -> None:
    with pytest.raises(TokenError):
        expiry(jwt(claims))
