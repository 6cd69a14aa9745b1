"""The server and the token: what is ok, what is not, and what to do. No server is asked."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ls_trajedit.doctor.access import check_release, check_token, explain_refused_token, token_form
from ls_trajedit.doctor.finding import Finding
from ls_trajedit.label_studio.client import User
from ls_trajedit.label_studio.release import Release
from ls_trajedit.traces.errors import RefusedError
from tests.support.findings import levels

LEGACY = "0123456789abcdef0123456789abcdef01234567"


def jwt(claims: dict[str, Any], *, signature: str = ".c2lnbmF0dXJl") -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256'})}.{part(claims)}{signature}"


@pytest.mark.parametrize(
    ("token", "form"),
    [
        (LEGACY, "legacy"),
        (jwt({"token_type": "refresh", "exp": 8102554233}), "personal"),
        (jwt({"token_type": "access", "exp": 8102554233}), "access"),
        (jwt({"token_type": "refresh"}, signature=""), "shortened"),
        (jwt({"token_type": "refresh"}, signature="."), "shortened"),
        (LEGACY[:-1], "unknown"),
        ("", "unknown"),
        ("a.b.c", "unknown"),
        ("a.bm8.c", "unknown"),
        ("www.example.com", "unknown"),
    ],
)
def test_the_kind_of_a_token_shows_in_its_form(token: str, form: str) -> None:
    assert token_form(token) == form


def test_an_accepted_token_is_named_by_kind_and_owner_and_never_shown() -> None:
    for token, name in ((LEGACY, "a legacy token"), (jwt({"token_type": "refresh"}), "a personal access token")):
        [finding] = check_token(token, User(7, "ana@example.com", None))
        assert finding == Finding("ok", f"the token is accepted: {name} of ana@example.com")


@pytest.mark.parametrize("role", [None, "OW", "AD", "MA"])
def test_whoever_sees_all_annotations_gets_no_warning(role: str | None) -> None:
    assert levels(check_token(LEGACY, User(7, "ana@example.com", role))) == ["ok"]


@pytest.mark.parametrize(("role", "name"), [("AN", "an annotator"), ("RE", "a reviewer")])
def test_whoever_sees_only_some_annotations_is_warned(role: str, name: str) -> None:
    _, finding = check_token(LEGACY, User(7, "ana@example.com", role))
    assert finding.level == "warning"
    assert f"the token of {name}" in finding.text
    assert "`pull` would miss the rest" in finding.text
    assert finding.advice is not None
    assert "owner" in finding.advice


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        (LEGACY, None),
        (jwt({"token_type": "refresh"}), None),
        (jwt({"token_type": "access"}), "personal access token that it was made from"),
        (jwt({"token_type": "refresh"}, signature=""), "without its last part"),
        ("secret", "40 characters"),
    ],
)
def test_a_refused_token_is_a_problem_that_says_what_is_odd_about_it(token: str, advice: str | None) -> None:
    finding = explain_refused_token(token, RefusedError("not accepted"))
    assert (finding.level, finding.text) == ("problem", "not accepted")
    assert (finding.advice is None) == (advice is None)
    assert (advice or "") in (finding.advice or "")
    assert token not in f"{finding}"


def test_the_release_is_named() -> None:
    url = "http://localhost:8080"
    [finding] = check_release(f"{url}/", Release("1.23.2", "Community", url))
    assert finding == Finding("ok", f"Label Studio 1.23.2 (Community) answers at {url}")


def test_a_redirect_to_a_path_says_what_goes_wrong_and_the_address_to_give() -> None:
    _, finding = check_release("https://example.com", Release("1.23.2", "Community", "https://example.com/labeling"))
    assert finding.level == "warning"
    assert "requests that write are not redirected" in finding.text
    assert "unencrypted" not in finding.text
    assert finding.advice == "Give --url https://example.com/labeling, or set LABEL_STUDIO_URL to that address."


def test_a_redirect_is_a_warning_with_the_address_to_give() -> None:
    _, finding = check_release("http://ls.example.com", Release("1.23.2", "Community", "https://ls.example.com"))
    assert finding.level == "warning"
    assert finding.advice is not None
    assert "--url https://ls.example.com" in finding.advice


@pytest.mark.parametrize(
    ("version", "edition", "named", "untested"),
    [
        ("1.12.1", None, "1.12.1 (Community, by its version)", None),
        ("1.15.0", None, "1.15.0 (Community, by its version)", None),
        ("1.23.9", "Community", "1.23.9 (Community)", None),
        ("1.12.0", None, "1.12.0 (Community, by its version)", "version 1.12.0 is older than what is tested"),
        ("1.9.2", None, "1.9.2 (Community, by its version)", "version 1.9.2 is older than what is tested"),
        ("1.24.0", "Community", "1.24.0 (Community)", "version 1.24.0 is newer than what is tested"),
        ("2.30.0", "Enterprise", "2.30.0 (Enterprise)", "the edition Enterprise is untested"),
        ("develop", "Community", "develop (Community)", "the version develop is unknown"),
        ("develop", None, "develop (it tells no edition)", "this Label Studio is untested"),
    ],
)
def test_what_is_untested_is_a_warning(version: str, edition: str | None, named: str, untested: str | None) -> None:
    url = "http://localhost:8080"
    first, *rest = check_release(url, Release(version, edition, url))
    assert first == Finding("ok", f"Label Studio {named} answers at {url}")
    assert [(finding.level, finding.text.partition(":")[0]) for finding in rest] == (
        [("warning", untested)] if untested else []
    )


@pytest.mark.parametrize(
    ("version", "edition", "can"),
    [
        ("1.12.1", None, False),
        ("1.20.0", "Community", False),
        ("1.20.0.post1", "Community", False),
        ("1.21.0", "Community", True),
        ("2.0", None, True),
        ("1.20.0", "Enterprise", True),
        ("develop", "Community", True),
    ],
)
def test_predictions_are_validated_from_1_21_on(version: str, edition: str | None, can: bool) -> None:
    assert Release(version, edition, "http://localhost:8080").can_validate is can
