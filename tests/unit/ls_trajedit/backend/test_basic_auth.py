"""Who gets in."""

from __future__ import annotations

import base64

import pytest

from ls_trajedit.backend.basic_auth import Credentials, credentials_from_environment, is_allowed
from ls_trajedit.traces.errors import SetupError


def header(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


def test_neither_variable_means_no_authentication() -> None:
    assert credentials_from_environment({}) is None
    assert credentials_from_environment({"BASIC_AUTH_USER": "", "BASIC_AUTH_PASS": ""}) is None


def test_both_variables_are_the_credentials() -> None:
    found = credentials_from_environment({"BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": "b:c"})
    assert found == Credentials("a", "b:c")


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"BASIC_AUTH_USER": "a"}, "BASIC_AUTH_PASS is not"),
        ({"BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": ""}, "BASIC_AUTH_PASS is not"),
        ({"BASIC_AUTH_PASS": "b"}, "BASIC_AUTH_USER is not"),
        ({"BASIC_AUTH_USER": "a:b", "BASIC_AUTH_PASS": "c"}, "colon"),
    ],
)
def test_half_of_them_is_an_error_that_names_the_other(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SetupError, match=named):
        credentials_from_environment(environment)


def test_a_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(Credentials("a", "hunter2"))


def test_either_encoding_of_the_password_is_taken() -> None:
    credentials = Credentials("jörg", "pässword: 1")
    assert is_allowed(header("jörg:pässword: 1".encode()), credentials)
    assert is_allowed(header("jörg:pässword: 1".encode("latin-1")), credentials)


@pytest.mark.parametrize("given", [b"user:??????", b"user:", b"user", b":", b"", b"user:\xef\xf0\xee\xf1\xf2\xee"])
def test_a_password_that_latin_1_cannot_hold_is_not_weakened(given: bytes) -> None:
    credentials = Credentials("user", "пароль")
    assert not is_allowed(header(given), credentials)
    assert is_allowed(header("user:пароль".encode()), credentials)


@pytest.mark.parametrize(
    "given", [None, "", "Basic", "Basic ", "Basic é", "Basic dXNlcjpw!!", "Digest dXNlcjpw", "dXNlcjpw"]
)
def test_anything_else_is_refused(given: str | None) -> None:
    assert not is_allowed(given, Credentials("user", "p"))
    assert is_allowed("Basic dXNlcjpw", Credentials("user", "p"))
