"""The demo's proxy before Label Studio."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ls_trajedit.live_diff.proxy import live_diff_proxy
from ls_trajedit.live_diff.script import live_diff_script

Serve = Callable[[ASGIApp], str]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what it was asked; `/page` is a page."""
    request = Request(scope, receive)
    if request.url.path == "/page":
        response = Response("<html><head><title>x</title></head><body></head></body></html>", media_type="text/html")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
    else:
        asked = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "host": request.headers["host"],
            "body": (await request.body()).decode(),
        }
        response = Response(json.dumps(asked), 418, media_type="application/json")
    await response(scope, receive, send)


@pytest.fixture
def proxy(serve_here: Serve) -> str:
    return serve_here(live_diff_proxy(serve_here(echo)))


def test_every_page_gets_the_script_once_and_keeps_its_cookies(proxy: str) -> None:
    answer = requests.get(f"{proxy}/page", timeout=30)
    tag = '<script src="/live-diff.js" defer></script></head>'
    assert answer.text == f"<html><head><title>x</title>{tag}<body></head></body></html>"
    assert dict(answer.cookies) == {"a": "1", "b": "2"}
    assert requests.get(f"{proxy}/live-diff.js", timeout=30).text == live_diff_script()


def test_a_label_studio_under_a_path_has_that_path_here_too(serve_here: Serve) -> None:
    proxy = serve_here(live_diff_proxy(f"{serve_here(echo)}/labeling"))
    assert requests.get(f"{proxy}/labeling/api/tasks/?page=1", timeout=30).json()["path"] == "/labeling/api/tasks/"
    assert requests.get(f"{proxy}/static/a.css", timeout=30).json()["path"] == "/static/a.css"


def test_everything_else_goes_through_as_it_is(proxy: str) -> None:
    answer = requests.post(f"{proxy}/api/a%20b?c=d%2Fe&f", data="text</head>", timeout=30)
    assert answer.status_code == 418
    assert answer.json() == {
        "method": "POST",
        "path": "/api/a%20b",
        "query": "c=d%2Fe&f",
        "host": proxy.removeprefix("http://"),
        "body": "text</head>",
    }


def test_it_says_when_label_studio_is_gone(serve_here: Serve) -> None:
    answer = requests.get(f"{serve_here(live_diff_proxy('http://127.0.0.1:9'))}/projects/", timeout=30)
    assert (answer.status_code, answer.text) == (502, "Label Studio does not answer")
