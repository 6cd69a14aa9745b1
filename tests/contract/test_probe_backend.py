"""The probe of a backend: what is sent, and the verdict on each kind of answer, or on none."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator

import pytest
import requests
import responses

from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.doctor.backend import Verdict, probe_backend

URL = "http://backend.test:9090"


@pytest.fixture
def backend() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_a_backend_that_is_up(backend: responses.RequestsMock, url: str) -> None:
    health = backend.get(f"{URL}/health", json={"status": "UP"})
    assert probe_backend(url, None).verdict == "up"
    sent = health.calls[0].request
    assert "Authorization" not in sent.headers
    assert sent.req_kwargs["timeout"] == 1.0


def test_a_path_in_the_address_is_kept(backend: responses.RequestsMock) -> None:
    backend.get(f"{URL}/trajedit/health", json={})
    assert probe_backend(f"{URL}/trajedit", None).verdict == "up"


def test_credentials_are_sent_as_basic_authentication_and_not_shown(backend: responses.RequestsMock) -> None:
    health = backend.get(f"{URL}/health", status=401)
    probe = probe_backend(URL, Credentials("ana", "geheim"))
    assert probe.verdict == "unauthorized"
    assert "refuses this user and password" in probe.text
    assert "geheim" not in f"{probe}"
    expected = base64.b64encode(b"ana:geheim").decode()
    assert health.calls[0].request.headers["Authorization"] == f"Basic {expected}"


def test_without_credentials_a_401_says_that_some_are_needed(backend: responses.RequestsMock) -> None:
    backend.get(f"{URL}/health", status=401)
    assert probe_backend(URL, None).text == "needs a user and a password (401)"


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, "<html>hello</html>", "not a backend", "not JSON"),
        (200, "", "not a backend", "not JSON"),
        (404, "{}", "not a backend", "404"),
        (403, "{}", "failing", "403"),
        (502, "<html>bad gateway</html>", "failing", "502"),
    ],
)
def test_an_answer_that_no_backend_gives(
    backend: responses.RequestsMock, status: int, body: str, verdict: Verdict, words: str
) -> None:
    backend.get(f"{URL}/health", body=body, status=status)
    probe = probe_backend(URL, None)
    assert probe.verdict == verdict
    assert words in probe.text


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (requests.ConnectTimeout("slow"), "silent"),
        (requests.ReadTimeout("slow"), "silent"),
        (requests.TooManyRedirects("round and round"), "unreachable"),
        (requests.exceptions.SSLError(ssl.SSLError(1, "wrong version number")), "unreachable"),
    ],
)
def test_no_answer(backend: responses.RequestsMock, error: Exception, verdict: Verdict) -> None:
    backend.get(f"{URL}/health", body=error)
    assert probe_backend(URL, None).verdict == verdict


def test_a_port_at_which_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert probe_backend(f"http://127.0.0.1:{taken.getsockname()[1]}", None).verdict == "refused"


def test_a_port_at_which_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert probe_backend(f"http://127.0.0.1:{silent.getsockname()[1]}", None).verdict == "silent"


def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    monkeypatch.setenv("NO_PROXY", "*")
    assert probe_backend("http://no-such-host.invalid:9090", None).verdict == "no host"


@pytest.mark.parametrize("url", ["backend:9090", "http://", "http://[::1", "ftp://backend.test"])
def test_a_malformed_address(url: str) -> None:
    assert probe_backend(url, None).verdict == "unreachable"
