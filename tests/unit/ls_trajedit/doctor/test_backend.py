"""A backend as Label Studio sees it against a probe from here: the finding, and what to do. Nothing is asked."""

from __future__ import annotations

import pytest

from ls_trajedit.doctor.backend import Probe, Verdict, check_backend, is_at
from ls_trajedit.doctor.finding import Finding
from ls_trajedit.label_studio.client import Backend
from tests.support.findings import levels

URL = "http://127.0.0.1:9090"


def findings(
    state: str,
    verdict: Verdict | None,
    *,
    auth: str = "NONE",
    sent: bool = False,
    url: str = URL,
    error: str = "",
) -> list[Finding]:
    backend = Backend(
        id=1,
        title="ls-trajedit",
        url=url,
        state=state,
        is_interactive=False,
        auth_method=auth,
        model_version="ls-trajedit",
        error_message=error,
    )
    return list(check_backend(backend, None if verdict is None else Probe(verdict, "<as seen>", sent)))


@pytest.mark.parametrize("state", ["CO", "TR", "PR"])
def test_reached_by_both_is_ok(state: str) -> None:
    assert levels(findings(state, "up")) == ["ok"]


@pytest.mark.parametrize(
    "verdict", ["refused", "silent", "no host", "unreachable", "failing", "redirects", "not a backend"]
)
def test_reached_by_label_studio_alone_is_a_warning_that_says_when_that_is_intended(verdict: Verdict) -> None:
    [finding] = findings("CO", verdict)
    assert finding.level == "warning"
    assert "probed from this machine (the server may see it differently), it <as seen>" in finding.text
    assert finding.advice == "This is fine if only the server can reach that address."


def test_a_password_that_only_label_studio_has_is_ok() -> None:
    [finding] = findings("CO", "unauthorized", auth="BASIC_AUTH")
    assert finding.level == "ok"
    assert "BASIC_AUTH_USER and BASIC_AUTH_PASS" in finding.text


def test_another_password_here_than_in_label_studio_is_a_warning() -> None:
    [finding] = findings("CO", "unauthorized", auth="BASIC_AUTH", sent=True)
    assert finding.level == "warning"
    assert finding.advice is not None
    assert "differ from them here" in finding.advice


@pytest.mark.parametrize(
    ("verdict", "advice"),
    [
        ("refused", "Start it (`ls-trajedit serve --port 9090`)"),
        ("silent", "Label Studio gives it 1 s"),
        ("no host", "Settings > Model"),
        ("unreachable", "http or https"),
        ("failing", "the backend's log"),
        ("redirects", "If the backend is there"),
        ("not a backend", "Something else listens there"),
        ("unauthorized", "Label Studio sends no user and password"),
        ("up", "in a container, `localhost` is the container itself"),
    ],
)
def test_not_reached_is_a_problem_and_the_advice_follows_what_this_machine_sees(verdict: Verdict, advice: str) -> None:
    [finding] = findings("DI", verdict)
    assert finding.level == "problem"
    assert f"Label Studio does not reach the backend {URL}" in finding.text
    assert "it <as seen>" in finding.text
    assert finding.advice is not None
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("sent", "verdict", "advice"),
    [
        (False, "unauthorized", "It refuses Label Studio's user and password: "),
        (True, "unauthorized", "It refuses Label Studio's user and password, too: "),
        (True, "up", "It accepts BASIC_AUTH_USER and BASIC_AUTH_PASS as they are set here"),
    ],
)
def test_the_advice_on_a_wrong_password_depends_on_the_one_here(sent: bool, verdict: Verdict, advice: str) -> None:
    [finding] = findings("DI", verdict, auth="BASIC_AUTH", sent=sent)
    assert finding.advice is not None
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        (URL, True),
        ("http://192.168.1.5:9090", True),
        ("http://backend:9090", True),
        ("http://[::1]:9090", True),
        ("https://backend.example.com", False),
        ("http://8.8.8.8", False),
    ],
)
def test_the_settings_for_private_addresses_are_named_where_the_address_is_private(url: str, is_private: bool) -> None:
    [finding] = findings("DI", "up", url=url)
    assert finding.advice is not None
    assert ("SSRF_PROTECTION_ENABLED=false" in finding.advice) == is_private


def test_a_refused_setup_gives_the_backends_reason() -> None:
    error = f"400 Client Error: no TextArea corrects a field for url: {URL}/setup"
    [finding] = findings("ER", "up", error=error)
    assert finding.level == "problem"
    assert finding.text == (f"the backend {URL} is up and refuses the project: no TextArea corrects a field")


@pytest.mark.parametrize(
    ("state", "level", "text"),
    [
        ("CO", "ok", f"Label Studio reaches the backend {URL}"),
        ("ER", "problem", f"the backend {URL} is up and refuses the project: no reason given"),
        ("DI", "problem", f"Label Studio does not reach the backend {URL}, so nothing is prefilled"),
    ],
)
def test_of_a_backend_that_nobody_named_here_only_label_studios_view_is_told(state: str, level: str, text: str) -> None:
    [finding] = findings(state, None)
    assert finding.level == level
    assert finding.text.startswith(text)
    assert state == "ER" or "give --backend with that address" in f"{finding.text}{finding.advice}"


@pytest.mark.parametrize(
    ("named", "given", "is_same"),
    [
        (URL, URL, True),
        (f"{URL}/", URL, True),
        ("http://LOCALHOST:80", "http://localhost/", True),
        ("http://localhost:9090", URL, False),
        ("https://127.0.0.1:9090", URL, False),
        ("http://127.0.0.1:9091", URL, False),
        ("http://127.0.0.1:9090@evil.test", URL, False),
        ("http://evil.test#@127.0.0.1:9090", URL, False),
        (f"{URL}/other", URL, False),
        (f"{URL}?x=", URL, False),
        ("http://[::1", URL, False),
        ("", URL, False),
    ],
)
def test_the_address_that_was_given_is_that_of_a_backend_or_not(named: str, given: str, is_same: bool) -> None:
    backend = Backend(1, "b", named, "CO", False, "NONE", "", "")
    assert is_at(backend, given) == is_same


def test_a_password_inside_the_address_is_not_shown() -> None:
    for state in ("CO", "DI", "ER"):
        for verdict in ("up", "refused", "unauthorized", None):
            assert "secret" not in f"{findings(state, verdict, url='http://ana:secret@backend:9090')}"
