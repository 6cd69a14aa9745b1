"""To which server requests go, whatever redirects say, and what goes with them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import httpx
import pytest
import respx

from ls_trajedit.cli import main
from ls_trajedit.doctor.live_diff import LiveDiffInPage, check_live_diff, find_live_diff
from ls_trajedit.label_studio.client import Server, connect, open_server
from ls_trajedit.traces.errors import RefusedError, ServerError

from .hostile_label_studio import personal_token

HTTP, HTTPS = "http://ls.test", "https://ls.test"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
WHOAMI = "/api/current-user/whoami"
USER = {"id": 1, "email": "ana@example.com", "username": "ana"}
PROJECT = {"id": 12, "title": "Traces", "label_config": "<View/>", "task_number": 0, "show_collab_predictions": True}


@pytest.fixture
def web() -> Iterator[respx.Router]:
    """All of the web: nothing answers but what a test says."""
    with respx.mock(assert_all_called=False) as router:
        yield router


def redirects(web: respx.Router, status: int = 301, to: str = HTTPS) -> respx.Route:
    """The http address answers everything with a redirect to the same path elsewhere."""

    def moved(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"location": to + request.url.raw_path.decode()})

    return web.route(scheme="http", host="ls.test").mock(side_effect=moved)


def https_server(web: respx.Router) -> None:
    web.get(HTTPS + WHOAMI).respond(json=USER)
    web.post(f"{HTTPS}/api/projects/").respond(201, json=PROJECT)
    web.get(f"{HTTPS}/api/projects/12/").respond(json=PROJECT)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_after_a_redirect_to_https_writes_go_there_as_well(
    web: respx.Router, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    plain = redirects(web, status)
    https_server(web)
    server = connect(HTTP, TOKEN)
    assert server.create_project("Traces", "<View/>", "").id == 12
    assert plain.call_count == 1
    sent = [(call.request.method, str(call.request.url).partition("?")[0]) for call in web.calls]
    assert sent == [
        ("GET", HTTP + WHOAMI),
        ("GET", HTTPS + WHOAMI),
        ("POST", f"{HTTPS}/api/projects/"),
        ("GET", f"{HTTPS}/api/projects/12/"),
    ]
    assert json.loads(web.calls[2].request.content)["title"] == "Traces"
    assert all(call.request.headers["authorization"] == f"Token {TOKEN}" for call in web.calls)
    assert all(call.request.headers["host"] == "ls.test" for call in web.calls)
    assert capsys.readouterr().err == (
        f"{HTTP} redirects to https, so all requests go to {HTTPS}; give that address (--url or LABEL_STUDIO_URL)\n"
    )
    assert (server.url, server.address) == (HTTP, HTTPS)


def test_a_path_and_another_port_are_kept(web: respx.Router) -> None:
    web.get(f"http://ls.test:8080/team{WHOAMI}").respond(
        301, headers={"location": f"https://ls.test:8443/team{WHOAMI}"}
    )
    web.get(f"https://ls.test:8443/team{WHOAMI}").respond(json=USER)
    server = open_server("http://ls.test:8080/team", TOKEN)
    assert server.user().id == 1
    assert server.address == "https://ls.test:8443/team"


def test_the_exchange_of_a_personal_token_stays_a_post(web: respx.Router) -> None:
    redirects(web)
    exchange = web.post(f"{HTTPS}/api/token/refresh/").respond(json={"access": personal_token("access")})
    web.get(HTTPS + WHOAMI).respond(json=USER)
    assert connect(HTTP, personal_token("refresh")).user().id == 1
    assert exchange.call_count == 1


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (HTTP, "https://www.ls.test"),
        (HTTP, "http://other.test"),
        (HTTP, "http://ls.test:9090"),
        (HTTPS, HTTP),
        (HTTPS, "https://evil.test"),
        (HTTPS, "https://ls.test:9443"),
    ],
)
def test_nothing_is_sent_to_another_server(web: respx.Router, url: str, target: str) -> None:
    web.get(url + WHOAMI).respond(302, headers={"location": f"{target}/login?next=geheim"})
    with pytest.raises(ServerError) as refused:
        connect(url, TOKEN, (("X-Api-Key", "k1"),))
    assert str(refused.value) == (
        f"{url}: the server redirects to {target}/login, and nothing is sent to another server than the one that was "
        f"named. If Label Studio is there, give --url {target}; if something in front of it asks for a login, --header "
        "may satisfy that"
    )
    assert web.calls.call_count == 1


@pytest.mark.parametrize(
    ("url", "moved_to"),
    [(HTTPS, "https://other.test/labeling"), (f"{HTTPS}/labeling", "https://other.test"), (HTTP, "http://a.test/b/c")],
)
def test_the_address_to_give_has_the_path_to_which_another_server_was_named(
    web: respx.Router, url: str, moved_to: str
) -> None:
    web.get(url + WHOAMI).respond(301, headers={"location": moved_to + WHOAMI})
    with pytest.raises(ServerError, match=f"If Label Studio is there, give --url {moved_to};"):
        connect(url, TOKEN)


def test_an_upgraded_server_cannot_send_back_to_http(web: respx.Router) -> None:
    redirects(web)
    web.get(HTTPS + WHOAMI).respond(302, headers={"location": HTTP + WHOAMI})
    with pytest.raises(ServerError, match=f"redirects to {HTTP}{WHOAMI}, and nothing is sent"):
        connect(HTTP, TOKEN)


def test_on_the_same_server_a_read_follows_and_a_write_does_not(web: respx.Router) -> None:
    web.get(HTTPS + WHOAMI).respond(301, headers={"location": f"{WHOAMI}/"})
    web.get(f"{HTTPS}{WHOAMI}/").respond(json=USER)
    web.post(f"{HTTPS}/api/projects/").respond(301, headers={"location": "/elsewhere/"})
    server = connect(HTTPS, TOKEN)
    with pytest.raises(ServerError, match=r"redirects a request that writes, to https://ls\.test/elsewhere"):
        server.create_project("Traces", "<View/>", "")
    web.post(f"{HTTPS}/api/projects/").respond(308, headers={"location": "/new/"})
    created = web.post(f"{HTTPS}/new/").respond(201, json=PROJECT)
    web.get(f"{HTTPS}/api/projects/12/").respond(json=PROJECT)
    server.create_project("Traces", "<View/>", "")
    assert json.loads(created.calls.last.request.content)["title"] == "Traces"


HEADERS = (("X-Api-Key", "geheimer-schluessel="), ("Proxy-Authorization", "Bearer ey.geheim.zwei"))


def test_headers_go_with_every_request_whatever_the_sdk_sets(web: respx.Router) -> None:
    redirects(web)
    https_server(web)
    web.post(f"{HTTPS}/api/token/refresh/").respond(json={"access": personal_token("access")})
    server = connect(HTTP, personal_token("refresh"), (*HEADERS, ("User-Agent", "me")))
    server.create_project("Traces", "<View/>", "")
    assert web.calls.call_count > 4
    for call in web.calls:
        assert call.request.headers["x-api-key"] == "geheimer-schluessel="
        assert call.request.headers["proxy-authorization"] == "Bearer ey.geheim.zwei"
        assert call.request.headers.get_list("user-agent") == ["me"]


def _echo(request: httpx.Request) -> httpx.Response:
    shown = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
    return httpx.Response(400, json={"detail": f'"{shown}" {request.content.decode()}'})


@pytest.mark.parametrize("token", [TOKEN, personal_token("refresh")])
def test_no_secret_is_shown_even_when_the_server_shows_it(web: respx.Router, token: str) -> None:
    web.route().mock(side_effect=_echo)

    def ask(server: Server) -> None:
        server.user()

    def write(server: Server) -> None:
        server.set_label_config(12, "<View/>")

    def read(server: Server) -> None:
        server.project(12)

    for request in (ask, write, read):
        with pytest.raises(RefusedError) as refused:
            request(open_server(HTTPS, token, headers=HEADERS))
        assert "x-api-key: …" in str(refused.value)
        assert not any(secret in str(refused.value) for secret in ("geheim", token))


def test_headers_come_from_the_command_line_and_the_environment(
    web: respx.Router, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    web.get(f"{HTTPS}/api/version").respond(json={"release": "1.23.2", "edition": "Community"})
    web.get(HTTPS + WHOAMI).respond(401)
    monkeypatch.setenv("LABEL_STUDIO_HEADERS", "X-Api-Key=geheim=\nX-Two=zwei")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    arguments = ["doctor", "--project", "12", "--url", HTTPS, "--header", "x-two=drei", "--header", "X-Three=a=b"]
    monkeypatch.setattr(sys, "argv", ["ls-trajedit", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert web.calls.call_count == 2
    for call in web.calls:
        found = {name: call.request.headers[name] for name in ("x-api-key", "x-two", "x-three")}
        assert found == {"x-api-key": "geheim=", "x-two": "drei", "x-three": "a=b"}
    printed = capsys.readouterr()
    assert not any(secret in printed.out + printed.err for secret in ("geheim", "zwei", "drei"))


def test_a_script_on_a_server_that_only_the_page_names_is_not_asked_for(web: respx.Router) -> None:
    page = web.get(f"{HTTPS}/user/login/").respond(text='<script src="http://cdn.test/live-diff.js"></script>')
    found = find_live_diff(HTTPS, HEADERS)
    assert found == LiveDiffInPage("http://cdn.test/live-diff.js", None, is_elsewhere=True)
    assert "x-api-key" in page.calls.last.request.headers
    assert web.calls.call_count == 1
    [finding] = check_live_diff(found, "1.2.3")
    assert finding.level == "ok"
    assert "from another server, http://cdn.test/live-diff.js, which was not asked for its version" in finding.text


@pytest.mark.parametrize("script", ["http://[::1/live-diff.js", "http://a:b/live-diff.js", "//%zz/live-diff.js"])
def test_a_script_without_an_address_ends_nothing(web: respx.Router, script: str) -> None:
    web.get(f"{HTTPS}/user/login/").respond(text=f'<script src="{script}"></script>')
    found = find_live_diff(HTTPS)
    assert found is None or found.is_elsewhere
