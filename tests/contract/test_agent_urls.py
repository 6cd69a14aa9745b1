"""Services as agents: a real HTTP server that the tests start, and servers that do what no server should."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from ls_trajedit.branches import attempts
from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.run import run_branches
from ls_trajedit.branches.stop import Stop
from ls_trajedit.branches.url import Service, UrlAgent, find_service
from ls_trajedit.redaction import keep_token, redact
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import SetupError, UsageError
from tests.support.agents import asked, said
from tests.support.http_service import serve

TOKEN = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 60.0
ANSWER = {"messages": [said("It is a.")]}


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy, and without pauses between attempts."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.0)


def ask(folder: Path, url: str, timeout: float = SECONDS, retries: int = 0) -> Continuation:
    """What the service there answers."""
    agent = UrlAgent(Service(find_service("--agent-url", url)), timeout, retries)
    with BranchLog(folder, "a branch") as log:
        return agent(asked(identity="t~1", step=2, metadata={"round": 2}), log, Stop())


def failure(folder: Path, url: str, timeout: float = SECONDS, retries: int = 0) -> BranchFailed:
    """How the service there fails."""
    with pytest.raises(BranchFailed) as failed:
        ask(folder, url, timeout, retries)
    return failed.value


def answering(*answers: Response) -> Callable[[Request, bytes], Response]:
    """These answers, one after the other; the last one for ever."""
    left = list(answers)
    return lambda request, body: left.pop(0) if len(left) > 1 else left[0]


def test_a_service_gets_the_request_and_gives_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_token("the token", TOKEN)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with serve(answering(JSONResponse(ANSWER))) as service:
        answer = ask(tmp_path, f"{service.url}/agents/1?fast=yes")
    assert chat_messages(answer.messages) == [said("It is a.")]
    (seen,) = service.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/agents/1", "fast=yes")
    assert json.loads(seen.body) == {
        "id": "t~1",
        "messages": [{"role": "user", "content": "Which key holds 7?"}],
        "tools": [],
        "step": 2,
        "metadata": {"round": 2},
    }
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers.keys().isdisjoint({"authorization", "cookie"})
    assert not [value for value in seen.headers.values() if TOKEN in value or "sk-1" in value]


def test_credentials_in_the_address_are_sent_and_never_shown(tmp_path: Path) -> None:
    def refuse(request: Request, body: bytes) -> Response:
        return Response(f"I do not know {request.headers['authorization']} or {request.url.query}", 401)

    with serve(refuse) as service:
        url = service.url.replace("//", "//ana:open-sesame@") + "/x?key=secret-in-query"
        failed = failure(tmp_path, url)
    encoded = base64.b64encode(b"ana:open-sesame").decode()
    assert service.seen[0].headers["authorization"] == f"Basic {encoded}"
    assert failed.reason == "http_status"
    assert failed.sentence.startswith(f"{service.url}/x answers with 401: I do not know Basic ")
    for secret in ("open-sesame", "secret-in-query", encoded[4:]):
        assert secret not in redact(failed.sentence)
        assert secret not in failed.sentence


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    with serve(answering(Response("busy", status), JSONResponse(ANSWER))) as service:
        assert ask(tmp_path, service.url, retries=1).messages[0].text == "It is a."
        assert len(service.seen) == 2
    (log,) = tmp_path.iterdir()
    assert log.read_text() == f"[ls-trajedit] {service.url} answers with {status}: busy; retrying in 0 s\n"
    with serve(answering(Response("busy", status))) as service:
        failed = failure(tmp_path, service.url, retries=2)
    assert failed.reason == "http_status"
    assert len(service.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_what_does_not_pass_is_not(tmp_path: Path, status: int) -> None:
    with serve(answering(Response("no", status))) as service:
        failed = failure(tmp_path, service.url, retries=2)
    assert (failed.reason, failed.sentence) == ("http_status", f"{service.url} answers with {status}: no")
    assert len(service.seen) == 1


def test_a_pause_is_as_long_as_a_server_asks_but_not_longer_than_a_minute(tmp_path: Path) -> None:
    pauses: list[float] = []

    class Noting(Stop):
        def sleep(self, seconds: float) -> None:
            pauses.append(seconds)

    busy = [Response("", 429, {"Retry-After": asked_for}) for asked_for in ("7", "86400", "soon")]
    with serve(answering(*busy, JSONResponse(ANSWER))) as service, BranchLog(tmp_path, "a branch") as log:
        UrlAgent(Service(find_service("--agent-url", service.url)), SECONDS, 3)(asked(), log, Noting())
    assert pauses == [7, 60, 0]


@pytest.mark.parametrize(
    ("answer", "slug"),
    [
        (Response(b"", 200), "not_json"),
        (Response(b"<html>", 200), "not_json"),
        (Response(b"\xff\xfe", 200), "not_json"),
        (Response(json.dumps(ANSWER).encode("utf-16"), 200), "not_json"),
        (JSONResponse([]), "wrong_shape"),
        (JSONResponse({"messages": [], "error": "a"}), "wrong_shape"),
        (JSONResponse({"messages": []}), "says_nothing"),
        (JSONResponse({"messages": [said(TOKEN)]}), "holds_secret"),
        (Response(b"not packed", 200, {"Content-Encoding": "gzip"}), "not_json"),
        (Response(gzip.compress(json.dumps(ANSWER).encode())[:-9], 200, {"Content-Encoding": "gzip"}), "not_json"),
        (Response(b"{}", 200, {"Content-Encoding": "br"}), "not_json"),
        (Response(gzip.compress(b" " * (33 << 20)), 200, {"Content-Encoding": "gzip"}), "too_much"),
    ],
)
def test_a_service_that_answers_nonsense_is_asked_once(tmp_path: Path, answer: Response, slug: str) -> None:
    keep_token("the token", TOKEN)
    with serve(answering(answer)) as service:
        failed = failure(tmp_path, service.url, retries=2)
    assert failed.reason == slug
    assert TOKEN not in failed.sentence
    assert len(service.seen) == 1


def test_a_packed_answer_is_unpacked(tmp_path: Path) -> None:
    packed = Response(gzip.compress(json.dumps(ANSWER).encode()), 200, {"Content-Encoding": "gzip"})
    with serve(answering(packed)) as service:
        assert ask(tmp_path, service.url).messages[0].text == "It is a."


def test_an_answer_without_end(tmp_path: Path) -> None:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000_000
            await asyncio.sleep(0)

    with serve(lambda request, body: StreamingResponse(parts())) as service:
        assert failure(tmp_path, service.url).reason == "too_much"


@pytest.mark.parametrize("pause", [0.02, 600])
def test_an_answer_has_to_be_there_in_time(tmp_path: Path, pause: float) -> None:
    """A byte now and then does not mean that it will be."""

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(pause)

    with serve(lambda request, body: StreamingResponse(parts())) as service:
        failed = failure(tmp_path, service.url, timeout=2, retries=1)
    assert (failed.reason, failed.sentence) == ("timeout", f"{service.url} had not answered after 2 s")
    assert len(service.seen) == 2


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert failure(tmp_path, f"http://127.0.0.1:{port}", timeout=0.3).reason == "timeout"


@pytest.mark.parametrize("said_first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"SSH-2.0-x\r\n"])
def test_a_connection_that_breaks_may_work_the_next_time(tmp_path: Path, said_first: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broken:

        def break_off() -> None:
            connection, _ = broken.accept()
            connection.recv(10)
            connection.sendall(said_first)
            connection.close()

        thread = threading.Thread(target=break_off)
        thread.start()
        failed = failure(tmp_path, f"http://127.0.0.1:{broken.getsockname()[1]}")
        thread.join()
    assert (failed.reason, failed.is_transient) == ("no_connection", True)
    assert "the connection broke" in failed.sentence


def test_where_nothing_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failed = failure(tmp_path, f"http://127.0.0.1:{port}")
    assert (failed.reason, failed.is_transient) == ("no_connection", True)
    assert failed.sentence == f"http://127.0.0.1:{port}: nothing listens there"


def test_nothing_is_sent_to_another_server(tmp_path: Path) -> None:
    with serve(answering(JSONResponse(ANSWER))) as other:
        for status in (301, 302, 303, 307, 308):
            target = other.url.replace("//", "//ana:open-sesame@") + "/there?key=secret"
            with serve(answering(RedirectResponse(target, status))) as service:
                failed = failure(tmp_path, service.url, retries=2)
            assert failed.reason == "redirect"
            assert f"redirects ({status}) to {other.url}/there, and nothing is sent" in failed.sentence
            assert len(service.seen) == 1
        assert other.seen == []


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_make_a_get_of_it(tmp_path: Path, status: int) -> None:
    with serve(answering(RedirectResponse("/there", status))) as service:
        assert failure(tmp_path, service.url).reason == "redirect"
    assert len(service.seen) == 1


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_on_the_same_server_are_followed(tmp_path: Path, status: int) -> None:
    with serve(answering(RedirectResponse("/agent/", status), JSONResponse(ANSWER))) as service:
        url = service.url.replace("//", "//ana:open-sesame@")
        assert ask(tmp_path, f"{url}/agent").messages[0].text == "It is a."
    first, second = service.seen
    assert (first.path, second.path) == ("/agent", "/agent/")
    assert first.body == second.body
    assert first.headers["authorization"] == second.headers["authorization"]


def test_endless_redirects(tmp_path: Path) -> None:
    with serve(answering(RedirectResponse("/", 307))) as service:
        failed = failure(tmp_path, service.url)
    assert (failed.reason, failed.sentence) == ("redirect", f"{service.url} redirects endlessly")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://127.0.0.1:99999/", "javascript:alert(1)"])
def test_a_redirect_to_what_is_no_address(tmp_path: Path, location: str) -> None:
    with serve(answering(Response("", 307, {"Location": location}))) as service:
        assert "something that is not an address" in failure(tmp_path, service.url).sentence


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://localhost/", "http://", "http://localhost:99999", "http://a b/"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="not the address of a server"):
        find_service("--agent-url", url)


def test_what_is_no_address_is_shown_without_its_secrets() -> None:
    with pytest.raises(UsageError) as failed:
        find_service("--agent-url", "ftp://ana:open-sesame@example.com/x?key=secret")
    assert str(failed.value).startswith("--agent-url ftp://example.com/x: this is not")


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks4://p:1")
    with pytest.raises(SetupError, match="HTTP_PROXY names a proxy of a kind"):
        find_service("--agent-url", "http://example.com")


def test_a_request_that_waits_ends_with_the_run(tmp_path: Path) -> None:
    asked_once = threading.Event()

    async def forever(request: Request, body: bytes) -> Response:
        asked_once.set()
        await asyncio.sleep(600)
        return Response()

    with serve(forever) as service:
        agent = UrlAgent(Service(find_service("--agent-url", service.url)), 600, 3)
        before = set(threading.enumerate())
        with run_branches(agent, _endless(), 3, tmp_path) as outcomes:
            assert asked_once.wait(SECONDS)
            assert iter(outcomes) is outcomes
        assert not [thread for thread in threading.enumerate() if thread not in before]


def _endless() -> Iterator[AgentRequest]:
    while True:
        yield asked()
