"""What a person reads, and which exit code a script gets, when Label Studio fails in ways that a real one will not
fail on demand."""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from ls_trajedit.cli import main
from ls_trajedit.label_studio.client import ImportStarted, Server, connect
from ls_trajedit.label_studio.failures import NotTakenError, TooLargeError
from ls_trajedit.label_studio.imports import wait_for_running_imports
from ls_trajedit.label_studio.tasks import data_pages
from ls_trajedit.traces.errors import DataError, OutcomeUnknownError, RefusedError, ServerError

URL = "http://label-studio.test"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
WHOAMI = "/api/current-user/whoami"
WEB_PAGE = "<!doctype html><html><body>Welcome to nginx!</body></html>"
CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'
TRACE = {"id": "t1", "task_description": "x", "steps": [{"action": "look"}]}
FAR = 8102554233

Run = Callable[..., tuple[int, str]]


def own_error(status: int, detail: str, **more: Any) -> httpx.Response:
    """An error in the form that Label Studio gives its own."""
    return httpx.Response(
        status, json={"id": "0", "status_code": status, "version": "1.23.2", "detail": detail, **more}
    )


def personal_token(expires: int) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'token_type': 'refresh', 'exp': expires})}.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _no_waiting_between_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_retry_timeout", "_retry_timeout_from_retries"):
        monkeypatch.setattr(f"label_studio_sdk.core.http_client.{name}", lambda **_: 0.0)


@pytest.fixture
def api() -> Iterator[respx.Router]:
    """A Label Studio that answers what the test says, and has a user."""
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        router.get(WHOAMI).respond(json={"id": 1, "email": "ana@example.com", "username": "ana"})
        yield router


@pytest.fixture
def server(api: respx.Router) -> Server:
    return connect(URL, TOKEN)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in a folder that holds `traces.jsonl` and `export.json`; gives its exit code and its stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_URL", URL)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    Path("traces.jsonl").write_text(json.dumps(TRACE), encoding="utf-8")
    Path("export.json").write_text("[]", encoding="utf-8")

    def run_command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ls-trajedit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert printed.out == ""
        assert TOKEN not in printed.err
        assert "Traceback" not in printed.err
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.err

    return run_command


COMMANDS = {
    "pull": ("pull", "--project", "12", "--max-wait", "0"),
    "push": ("push", "traces.jsonl", "--project", "12"),
    "convert": ("convert", "export.json", "--project", "12"),
}

# What each asks first.
FIRST = {
    "pull": ("/api/projects/12/", "reading project 12"),
    "push": (WHOAMI, "checking the token"),
    "convert": (WHOAMI, "checking the token"),
}

FAILURES: dict[str, tuple[Any, int, str]] = {
    "a wrong token": (own_error(401, "Invalid token."), 3, "does not accept the token (401); is it complete"),
    "a legacy token where those are off": (
        own_error(401, "Authentication token no longer valid: legacy token authentication has been disabled"),
        3,
        "legacy tokens are switched off in this organization. Create a Personal Access Token",
    ),
    "no permission": (own_error(403, "You do not have permission."), 3, "(403): You do not have permission. Ask an"),
    "a proxy that forbids": (httpx.Response(403, text=WEB_PAGE), 3, "(403): a web page that says so"),
    "a web page at every address": (httpx.Response(200, text=WEB_PAGE), 4, "a web page came back"),
    "a web server without the page": (httpx.Response(404, text=WEB_PAGE), 4, "no Label Studio is there (404)"),
    "another service without the page": (httpx.Response(404, json={"detail": "Not Found"}), 4, "no Label Studio is"),
    "another service that says yes": (httpx.Response(200, json={"status": "ok"}), 4, "is not one of Label Studio's"),
    "a list instead of an object": (httpx.Response(200, json=[1]), 4, "is not one of Label Studio's"),
    "JSON that is cut off": (httpx.Response(200, text='{"id": 1, "ema'), 4, "is cut off or damaged"),
    "a failing server": (httpx.Response(500, text=WEB_PAGE), 4, "keeps failing while {doing} (500)"),
    "a server that is starting": (httpx.Response(503), 4, "keeps failing while {doing} (503)"),
    "a conflict": (own_error(409, "Busy."), 4, "keeps failing while {doing} (409)"),
    "too many requests": (own_error(429, "Throttled."), 4, "too many requests while {doing} (429)"),
    "no way there": (httpx.ConnectError("No route to host"), 4, "no connection; is Label Studio running"),
    "a certificate of nobody's": (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), 4, "set SSL_CERT_FILE to"),
    "http where https was asked": (httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER]"), 4, "does not speak https"),
    "a proxy": (httpx.ProxyError("403 Forbidden"), 4, "NO_PROXY exempts a host"),
    "a slow server": (httpx.ReadTimeout("timed out"), 4, "no answer while {doing} for too long"),
    "a swallowing firewall": (httpx.ConnectTimeout("timed out"), 4, "no connection: the server does not respond"),
    "a broken connection": (httpx.RemoteProtocolError("peer closed connection"), 4, "the connection broke"),
    "redirects in a circle": (httpx.Response(302, headers={"location": URL + "/circle"}), 4, "endless redirects"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("failure", FAILURES)
def test_every_command_explains_why_it_cannot_start(api: respx.Router, run: Run, failure: str, command: str) -> None:
    answer, code, words = FAILURES[failure]
    path, doing = FIRST[command]
    route = api.get(path)
    api.get("/circle").respond(302, headers={"location": URL + "/circle"})
    if isinstance(answer, httpx.Response):
        route.mock(return_value=answer)
    else:
        route.mock(side_effect=answer)
    ended, message = run(*COMMANDS[command])
    assert ended == code
    assert message.startswith(f"ls-trajedit: {URL}: ")
    assert words.format(doing=doing) in message
    assert message.count("\n") == 1
    assert not Path("data").exists()


def test_a_port_at_which_nothing_listens_is_reported_as_such(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, message = run(*COMMANDS["pull"], "--url", url)
    assert code == 4
    assert message == f"ls-trajedit: {url}: nothing listens there; is Label Studio running, and is the address right?\n"


def test_a_host_that_does_not_exist_is_reported_as_such(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def not_found(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    monkeypatch.setenv("NO_PROXY", "*")
    code, message = run(*COMMANDS["pull"], "--url", "http://no-such-host.invalid")
    assert code == 4
    assert message == "ls-trajedit: http://no-such-host.invalid: there is no such host; is the address right?\n"


def test_a_failing_server_is_asked_three_times(api: respx.Router) -> None:
    route = api.get(WHOAMI).respond(500)
    with pytest.raises(ServerError):
        connect(URL, TOKEN)
    assert route.call_count == 3


def test_a_server_that_recovers_is_not_an_error(api: respx.Router) -> None:
    yes = httpx.Response(200, json={"id": 1, "email": "ana@example.com", "username": "ana"})
    api.get(WHOAMI).mock(side_effect=[httpx.Response(503), own_error(429, "Throttled."), yes, yes])
    assert connect(URL, TOKEN).user().email == "ana@example.com"


@pytest.mark.parametrize("token", ["with a blank", "“quoted”", "two\nlines"])
def test_a_malformed_token_is_not_sent(api: respx.Router, token: str) -> None:
    with pytest.raises(RefusedError, match="copy it again") as refused:
        connect(URL, token)
    assert token not in str(refused.value)
    assert not api.calls


def test_blanks_around_a_token_are_ignored(api: respx.Router) -> None:
    connect(URL, f" {TOKEN}\n")
    assert api.calls.last.request.headers["authorization"] == f"Token {TOKEN}"


def test_an_expired_personal_token_is_reported_as_such_and_not_sent(api: respx.Router) -> None:
    with pytest.raises(RefusedError, match=r"\(401\): it has expired\. Create a new one"):
        connect(URL, personal_token(1_600_000_000))
    assert not api.calls


def test_a_personal_token_is_exchanged_below_the_path_of_the_address(api: respx.Router) -> None:
    api.post("/team/api/token/refresh/").respond(json={"access": personal_token(FAR)})
    api.get(f"/team{WHOAMI}").respond(json={"id": 1, "email": "ana@example.com", "username": "ana"})
    assert connect(f"{URL}/team/", personal_token(FAR)).user().id == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401, json={"detail": "Token is invalid or expired"}), "is it complete, and from this server"),
        (httpx.Response(401, json={"detail": "Token is blacklisted"}), "is it complete, and from this server"),
    ],
)
def test_a_refused_personal_token_is_explained(api: respx.Router, answer: httpx.Response, words: str) -> None:
    api.post("/api/token/refresh/").mock(return_value=answer)
    with pytest.raises(RefusedError, match=words):
        connect(URL, personal_token(FAR))


def test_a_web_page_where_a_personal_token_is_exchanged_is_not_label_studio(api: respx.Router) -> None:
    api.post("/api/token/refresh/").respond(text=WEB_PAGE)
    with pytest.raises(ServerError, match="is not one of Label Studio's"):
        connect(URL, personal_token(FAR))


@pytest.mark.parametrize("url", ["http://", "http://localhost:abc", "http://[::1"])
def test_a_malformed_address_is_a_usage_error(run: Run, url: str) -> None:
    code, message = run(*COMMANDS["pull"], "--url", url)
    assert code == 2
    assert "this is not the address of a server; write it like http://localhost:8080" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_a_password_inside_the_address_is_refused_because_it_would_replace_the_token(run: Run, command: str) -> None:
    code, message = run(*COMMANDS[command], "--url", "http://ana:secret@label-studio.test")
    assert code == 3
    assert message.startswith(f"ls-trajedit: {URL}: the address holds a user and a password, which would take")
    assert "secret" not in message
    assert "--header" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_token_every_command_says_where_to_get_one(
    monkeypatch: pytest.MonkeyPatch, run: Run, command: str
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    code, message = run(*COMMANDS[command])
    assert code == 3
    assert "no token: set LABEL_STUDIO_API_KEY" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_project_is_named(api: respx.Router, run: Run, command: str) -> None:
    api.get("/api/projects/12/").mock(return_value=own_error(404, "No Project matches the given query."))
    code, message = run(*COMMANDS[command])
    assert code == 3
    assert f"{URL}: there is no project 12 for this token (404)" in message


@pytest.mark.parametrize("command", ["pull", "convert"])
@pytest.mark.parametrize(
    "config", ["<View/>", '<View><Text name="t" value="$x"/><Choices name="c" toName="t"/></View>', ""]
)
def test_a_project_without_editors_is_explained(api: respx.Router, run: Run, command: str, config: str) -> None:
    project(api, config)
    code, message = run(*COMMANDS[command])
    assert code == 3
    assert "the labeling config" in message
    assert "TextArea" in message or "not XML" in message


def test_the_readable_part_of_a_refusal_is_shown_without_its_markup(api: respx.Router, server: Server) -> None:
    details = {"label_config": ["Label config is invalid.", 'See <a href="https://x">the docs</a>']}
    api.patch("/api/projects/12/").mock(return_value=own_error(400, "Validation error", validation_errors=details))
    with pytest.raises(RefusedError) as refused:
        server.set_label_config(12, CONFIG)
    assert str(refused.value) == (
        f"{URL}: Label Studio refuses while changing the labeling config of project 12 (400): "
        "Label config is invalid.; See the docs"
    )


def test_a_long_refusal_is_cut(api: respx.Router, server: Server) -> None:
    api.patch("/api/projects/12/").mock(return_value=own_error(400, "x" * 10_000))
    with pytest.raises(RefusedError) as refused:
        server.set_label_config(12, CONFIG)
    assert len(str(refused.value)) < 700


def project(api: respx.Router, config: str = CONFIG) -> None:
    api.get("/api/projects/12/").respond(
        json={"id": 12, "title": "Traces", "label_config": config, "task_number": 2, "show_collab_predictions": True}
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(403), None),
        (httpx.Response(200, text=WEB_PAGE), None),
        (httpx.Response(500), None),
        (httpx.Response(200, text='<pre>{"$system": {"FEATURE_FLAGS_DEFAULT_VALUE": true}}</pre>'), True),
        (httpx.Response(200, text="<pre>{}</pre>"), None),
        (
            httpx.Response(200, text='<pre>{"fflag_feat_utc_210_prediction_validation_15082025": false}</pre>'),
            False,
        ),
    ],
)
def test_whether_predictions_are_validated_is_read_from_the_flags_or_unknown(
    api: respx.Router, server: Server, answer: httpx.Response, expected: bool | None
) -> None:
    api.get("/feature-flags/").mock(return_value=answer)
    assert server.validates_predictions() is expected


def test_an_incomplete_page_raises_a_data_error(api: respx.Router, server: Server) -> None:
    api.get("/api/tasks/").respond(json={"tasks": [], "total": 3})
    with pytest.raises(DataError, match="reported 3 tasks"):
        list(data_pages(server, 12))


IMPORT = "/api/projects/12/import"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(413, text=WEB_PAGE), TooLargeError, "client_max_body_size"),
        (httpx.Response(504, text=WEB_PAGE), OutcomeUnknownError, "(504), and it may have been carried out"),
        (httpx.Response(502, text=WEB_PAGE), OutcomeUnknownError, "(502), and it may have been carried out"),
        (httpx.ReadTimeout("slow"), OutcomeUnknownError, "the connection broke while importing 1 tasks"),
        (httpx.RemoteProtocolError("gone"), OutcomeUnknownError, "the connection broke while importing 1 tasks"),
        (httpx.ConnectError("no route"), ServerError, "no connection"),
        (httpx.Response(500), ServerError, "keeps failing while importing"),
        (own_error(400, "Validation error"), NotTakenError, "(400): Validation error"),
    ],
)
def test_whether_an_import_may_have_been_carried_out_is_told_apart(
    api: respx.Router, server: Server, answer: Any, error: type[Exception], words: str
) -> None:
    route = api.post(IMPORT)
    if isinstance(answer, httpx.Response):
        route.mock(return_value=answer)
    else:
        route.mock(side_effect=answer)
    with pytest.raises(error) as failure:
        server.import_tasks(12, [{"data": {}}])
    assert type(failure.value) is error
    assert words in str(failure.value)
    assert route.call_count == 1


def test_an_import_that_is_worked_off_later_is_not_taken_for_a_finished_one(api: respx.Router, server: Server) -> None:
    route = api.post(IMPORT).respond(201, json={"import": 7})
    assert server.import_tasks(12, [{"data": {"n": 10**20}}]) == ImportStarted(7)
    assert route.calls.last.request.content == b'[{"data":{"n":100000000000000000000}}]'
    api.post(IMPORT).respond(201, json={"task_count": 1, "import": None})
    assert server.import_tasks(12, [{"data": {}}]) == 1


def test_a_part_of_the_api_that_this_edition_lacks_is_asked_for_once(
    api: respx.Router, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    api.get("/api/version/").respond(200, json={"release": "1.23.2"})
    server.version()
    # Community 1.23.2 answers with a web page of its site.
    route = api.get("/api/projects/12/imports/").respond(404, html="<!DOCTYPE html><p>Page not found</p>")
    wait_for_running_imports(server, 12, max_wait=60)
    assert route.call_count == 1
    assert capsys.readouterr().err == ""
