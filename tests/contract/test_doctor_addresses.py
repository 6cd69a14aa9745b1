"""`doctor` asks no address that only the server names, and sends a password only where somebody said. The servers here
are real ones, which note every request."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.doctor.backend import probe_backend

from .misbehaviour import saying
from .puller import Puller

PASSWORD = "a-password-0f-the-backend"
ENCODED = base64.b64encode(f"ana:{PASSWORD}".encode()).decode()


@dataclass
class Listener:
    """A server that answers all with the same, and the requests that it got: path and headers of each."""

    url: str = ""
    status: int = 200
    location: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Starts a listener on a free port."""
    with ExitStack() as stack:

        def start(status: int = 200, location: str = "") -> Listener:
            listener = Listener(status=status, location=location)

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    listener.requests.append((self.path, dict(self.headers)))
                    self.send_response(listener.status)
                    if listener.location:
                        self.send_header("Location", listener.location)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")

                def log_message(self, *_: object) -> None:
                    pass

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            listener.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return listener

        yield start


@pytest.fixture(autouse=True)
def netrc(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .netrc with a password for the host of all the servers here."""
    path = tmp_path_factory.mktemp("home") / ".netrc"
    path.write_text("machine 127.0.0.1 login somebody password from-the-netrc-file\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    monkeypatch.setenv("HOME", str(path.parent))
    return path


def connection(url: str, state: str = "CO", auth: str = "BASIC_AUTH") -> dict[str, object]:
    return {"id": 1, "title": "b", "url": url, "state": state, "auth_method": auth, "is_interactive": False}


def diagnose(puller: Puller, *arguments: str) -> tuple[int, list[str]]:
    ran = puller.run("doctor", "--project", "12", "--json", *arguments)
    return ran.exit_code, [f"{found['level']}: {found['text']}" for found in json.loads(ran.out)["findings"]]


@pytest.mark.parametrize("state", ["CO", "DI", "ER"])
def test_an_address_that_only_the_server_names_is_not_asked(
    puller: Puller, listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setenv("BASIC_AUTH_USER", "ana")
    monkeypatch.setenv("BASIC_AUTH_PASS", PASSWORD)
    trap = listen()
    puller.label_studio.backends = [connection(f"{trap.url}/shutdown?really=", state)]
    _, findings = diagnose(puller)
    assert trap.requests == []
    assert any(f"the backend {trap.url}/shutdown?really=" in finding for finding in findings)


def test_nor_is_one_that_is_nearly_the_one_that_was_given(
    puller: Puller, listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIC_AUTH_USER", "ana")
    monkeypatch.setenv("BASIC_AUTH_PASS", PASSWORD)
    trap, own = listen(), listen()
    host = own.url.removeprefix("http://")
    named = [f"http://{host}@{trap.url.removeprefix('http://')}", f"{trap.url}/{own.url}", f"{trap.url}#{own.url}"]
    puller.label_studio.backends = [connection(url) for url in named]
    _, findings = diagnose(puller, "--backend", own.url)
    assert trap.requests == []
    assert [path for path, _ in own.requests] == ["/health"]
    assert (
        f"warning: the project is not connected to the backend {own.url}; probed from this machine, it answers"
        in findings
    )


def test_the_address_that_was_given_gets_the_password(
    puller: Puller, listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIC_AUTH_USER", "ana")
    monkeypatch.setenv("BASIC_AUTH_PASS", PASSWORD)
    own = listen()
    puller.label_studio.backends = [connection(f"{own.url}/")]
    _, findings = diagnose(puller, "--backend", own.url)
    [(path, headers)] = own.requests
    assert (path, headers["Authorization"]) == ("/health", f"Basic {ENCODED}")
    assert f"ok: Label Studio reaches the backend {own.url}/, and so does this machine" in findings


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(listen: Callable[..., Listener], status: int) -> None:
    trap = listen()
    own = listen(status, f"{trap.url}/health")
    probe = probe_backend(own.url, Credentials("ana", PASSWORD))
    assert (probe.verdict, probe.text) == (
        "redirects",
        f"redirects to {trap.url}/health ({status}), which was not asked",
    )
    assert (len(own.requests), trap.requests) == (1, [])


def test_no_password_is_looked_up_in_netrc(puller: Puller, listen: Callable[..., Listener]) -> None:
    own = listen(401)
    probe = probe_backend(own.url, None)
    assert (probe.verdict, probe.sent_credentials) == ("unauthorized", False)
    assert "Authorization" not in own.requests[0][1]
    puller.label_studio.backends = []
    assert puller.pull().exit_code == 0, "with its own token, not with what is in the file"


def test_a_password_in_the_address_that_was_given_is_used_and_not_shown(
    puller: Puller, listen: Callable[..., Listener]
) -> None:
    own = listen()
    given = own.url.replace("//", f"//ana:{PASSWORD}@")
    puller.label_studio.backends = [connection(given, "DI")]
    ran = puller.run("doctor", "--project", "12", "--backend", given)
    assert own.requests[0][1]["Authorization"] == f"Basic {ENCODED}"
    assert f"Label Studio does not reach the backend {own.url}" in ran.out
    assert PASSWORD not in ran.out + ran.err


@pytest.mark.parametrize(
    "given", ["localhost:9090", "http://", "http://[::1", "http://a:b", "ftp://a", f"http://a:{PASSWORD}@"]
)
def test_what_is_not_an_address_is_said_before_anything_is_asked(puller: Puller, given: str) -> None:
    ran = puller.run("doctor", "--project", "12", "--backend", given)
    assert (ran.exit_code, ran.asked) == (2, [])
    assert "this is not the address of a backend" in ran.err
    assert PASSWORD not in ran.err


@pytest.mark.parametrize("url", ["http://[::1", "http://a:b", "http://h:99999", "", "\x1b[2J::error::", "x" * 5000])
@pytest.mark.parametrize("state", ["CO", "DI", "ER", "?"])
def test_an_odd_address_of_a_backend_ends_nothing(puller: Puller, url: str, state: str) -> None:
    puller.label_studio.backends = [connection(url, state)]
    code, _ = diagnose(puller, "--backend", "http://127.0.0.1:1")
    assert code in (0, 3)


def test_a_server_that_names_the_token_everywhere_ends_no_diagnosis(puller: Puller) -> None:
    token = "0123456789abcdef0123456789abcdef01234567"
    puller.label_studio.backends = [connection(f"http://{token}:9090")]
    code, findings = diagnose(puller)
    assert code == 3
    assert any("GET /api/ml/ holds the token, in `[0].url`" in finding for finding in findings)
    puller.label_studio.misbehave(saying({"release": token, "edition": "Community"}), on="version")
    code, findings = diagnose(puller)
    assert (code, len(findings)) == (3, 1)
    assert "GET /api/version holds the token, in `release`" in findings[0]
