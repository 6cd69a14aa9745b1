"""Where requests go when real servers redirect them: nowhere but to the server that was named. Another server listens,
and notes everything that reaches it."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .hostile_label_studio import BACKEND, PROJECT, personal_token
from .misbehaviour import with_body
from .puller import Puller

TRACE = {"id": "t9", "task_description": "Find it.", "steps": [{"action": "look"}, {"action": "answer"}]}
PULL = ("pull", "--project", str(PROJECT), "-o", "data", "--annotators", "email", "--max-wait", "0")
PUSH = ("push", "traces.jsonl", "--project", str(PROJECT), "--max-wait", "0")
NEW = ("push", "traces.jsonl", "--title", "New", "--backend", "http://backend.test", "--max-wait", "0")
DOCTOR = ("doctor", "--project", str(PROJECT))
KINDS = [
    (PULL, "token project users changed counts version drafts"),
    (PUSH, "token whoami project imports data summary change backends import unpredicted"),
    (NEW, "create connect"),
    (DOCTOR, "token version whoami project login script flags data backends versions"),
]
STATUSES = (301, 302, 303, 307, 308)


@dataclass
class Elsewhere:
    """A server that nobody has named. `reached` is what it was sent: method, path, headers and body of each request."""

    url: str = ""
    reached: list[str] = field(default_factory=list)


@contextmanager
def listening(context: ssl.SSLContext | None = None, location: str = "") -> Iterator[Elsewhere]:
    """A server, over TLS with a `context`, which redirects everything to `location` if there is one."""
    elsewhere = Elsewhere()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            elsewhere.reached.append(f"{self.command} {self.path}\n{self.headers}\n{body!r}")
            self.send_response(307 if location else 200)
            if location:
                self.send_header("Location", location + self.path)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        elsewhere.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield elsewhere
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with listening() as server:
        yield server


@pytest.fixture
def puller(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> Puller:
    """Somebody with a personal token who has pulled two tasks, after which one was deleted."""
    monkeypatch.setattr("label_studio_sdk.core.http_client.time", puller.clock)
    puller.folder.parent.joinpath("traces.jsonl").write_text(json.dumps(TRACE), encoding="utf-8")
    tasks = puller.pull_some_corrected(2)
    puller.label_studio.delete_task(tasks[1])
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    return puller


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("command", "kinds"), KINDS)
def test_no_request_of_any_kind_follows_to_another_server(
    puller: Puller, elsewhere: Elsewhere, command: tuple[str, ...], kinds: str, status: int
) -> None:
    before = puller.outputs()
    if command == DOCTOR:
        puller.label_studio.backends = [BACKEND]
    for kind in kinds.split():
        puller.label_studio.misbehave(with_body(b"{}", status, Location=f"{elsewhere.url}/take?it"), on=kind, times=3)
        ran = puller.run(*command)
        puller.label_studio.heal()
        assert kind in ran.asked
        assert elsewhere.reached == [], kind
        if kind not in ("login", "script", "flags"):
            assert ran.exit_code in (3, 4), kind
            said = ran.out if command == DOCTOR else ran.err
            assert f"the server redirects to {elsewhere.url}/take, and nothing is sent" in said, kind
    assert puller.outputs() == before


LOCATIONS = {
    "another port": "{url}/x",
    "without the scheme": "//{host}/x",
    "in capitals": "HTTP://{host}/x",
    "with a password": "http://ana:secret@{host}/x",
    "a name of the same machine": "http://localhost:{port}/x",
    "with a dot at the end": "http://localhost.:{port}/x",
    "in full-width digits": "http://\xef\xbc\x91{host}/x",
    "the address of the first one as a user": "http://{own}@{host}/x",
    "the address of the first one as a password": "http://{own}:x@{host}/x",
    "with a backslash": "http://{host}\\@{own}/x",
    "with three slashes": "http:///{host}/x",
    "with blanks": " http://{host}/x ",
    "with a tab": "http://\t{host}/x",
    "with a fragment": "http://{host}/#@{own}/",
}


@pytest.mark.parametrize("form", LOCATIONS)
@pytest.mark.parametrize("kind", ["token", "project", "changed"])
def test_no_form_of_an_address_leads_to_another_server(
    puller: Puller, elsewhere: Elsewhere, kind: str, form: str
) -> None:
    own, host = puller.label_studio.url.removeprefix("http://"), elsewhere.url.removeprefix("http://")
    location = LOCATIONS[form].format(url=elsewhere.url, host=host, own=own, port=host.partition(":")[2])
    puller.label_studio.misbehave(with_body(b"{}", 307, Location=location), on=kind, times=30)
    ran = puller.run(*PULL)
    assert elsewhere.reached == []
    # Some are paths on the server itself, where nothing is.
    assert ran.exit_code in (3, 4)
    assert "secret" not in ran.err


def test_the_last_of_several_redirects_is_as_little_followed_as_the_first(puller: Puller, elsewhere: Elsewhere) -> None:
    for nth, location in enumerate(["/a", f"{puller.label_studio.url.upper()}/b", "../c"], start=1):
        fault = with_body(b"{}", 307, Location=location)
        puller.label_studio.misbehave(fault, on="project" if nth == 1 else "unknown", nth=max(1, nth - 1))
    puller.label_studio.misbehave(with_body(b"{}", 302, Location=f"{elsewhere.url}/d"), on="unknown", nth=3)
    ran = puller.run(*PULL)
    assert ran.asked == ["token", "project", "unknown", "unknown", "unknown"]
    assert (ran.exit_code, elsewhere.reached) == (4, [])
    assert f"the server redirects to {elsewhere.url}/d" in ran.err


def test_redirects_without_end_have_one(puller: Puller) -> None:
    puller.label_studio.misbehave(with_body(b"{}", 302, Location="/round"), on="project")
    puller.label_studio.misbehave(with_body(b"{}", 302, Location="/round"), on="unknown", times=100)
    ran = puller.run(*PULL)
    assert (ran.exit_code, ran.asked.count("unknown")) == (4, 19)
    assert "endless redirects while reading project 12" in ran.err


def test_a_password_in_a_redirect_on_the_same_server_does_not_take_the_place_of_the_token(puller: Puller) -> None:
    own = puller.label_studio.url.removeprefix("http://")
    to = f"http://ana:secret@{own}/api/projects/{PROJECT}/"
    puller.label_studio.misbehave(with_body(b"{}", 302, Location=to), on="project")
    ran = puller.run(*PULL)
    # Label Studio takes no other `Authorization` than that of the token.
    assert (ran.exit_code, ran.asked[:3]) == (0, ["token", "project", "project"])


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308])
def test_a_redirect_that_leads_nowhere_is_no_answer(puller: Puller, status: int) -> None:
    puller.label_studio.misbehave(lambda reply: with_body(reply.body, status)(reply), on="project", times=3)
    ran = puller.run(*PULL)
    assert ran.exit_code == 4
    assert f"a redirect ({status}) that does not say where to came back while reading project 12" in ran.err


def test_an_address_to_load_next_in_a_header_is_not_one(puller: Puller, elsewhere: Elsewhere) -> None:
    to = elsewhere.url
    headers = {"Refresh": f"0; url={to}/", "Link": f"<{to}/>; rel=next", "Location": to, "Content_Location": to}
    for kind in ("project", "changed", "drafts"):
        puller.label_studio.misbehave(lambda reply: with_body(reply.body, 200, **headers)(reply), on=kind)
    assert (puller.run(*PULL).exit_code, elsewhere.reached) == (0, [])


def test_no_address_in_a_task_is_asked(puller: Puller, elsewhere: Elsewhere) -> None:
    data = {"id": "t", "steps": [{"action": f"{elsewhere.url}/a"}], "image": f"{elsewhere.url}/b.png", "s3": "s3://b/c"}
    puller.label_studio.add_task(data)
    assert puller.run(*PULL, "--report").exit_code == 0
    assert elsewhere.reached == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", str(path), "-out", f"{path}.crt")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


@pytest.mark.parametrize("kind", ["personal", "legacy"])
def test_nothing_goes_from_https_to_http_on_the_same_host(
    puller: Puller, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, certificate: Path, kind: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    if kind == "legacy":
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0123456789abcdef0123456789abcdef01234567")
    with ExitStack() as stack:
        secure = stack.enter_context(listening(context=context, location=elsewhere.url))
        for command in (PULL, PUSH, NEW, DOCTOR):
            ran = puller.run(*command, "--url", secure.url)
            assert ran.exit_code in (3, 4)
            assert f"the server redirects to {elsewhere.url}/" in ran.err + ran.out
        assert len(secure.reached) == 4
        assert elsewhere.reached == []
