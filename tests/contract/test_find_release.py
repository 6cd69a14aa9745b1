"""Which release of Label Studio answers at an address, asked without a token."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from ls_trajedit.label_studio.release import find_release
from ls_trajedit.traces.errors import RefusedError, ServerError, TrajeditError, UsageError

URL = "http://label-studio.test"
WEB_PAGE = "<!doctype html><html><body>Welcome to nginx!</body></html>"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(200, text=WEB_PAGE), ServerError, "a web page came back while asking for the version"),
        (httpx.Response(200, json={"version": "2"}), ServerError, "is not one of Label Studio's"),
        (httpx.Response(404, text=WEB_PAGE), ServerError, "no Label Studio is there"),
        (httpx.Response(503), ServerError, "keeps failing while asking for the version"),
        (httpx.Response(401, json={"detail": "no"}), RefusedError, "401"),
        (httpx.ConnectError("no route"), ServerError, "no connection"),
        (httpx.InvalidURL("no port"), UsageError, "this is not the address of a server"),
    ],
)
def test_an_address_without_a_label_studio_has_no_release(answer: Any, error: type[TrajeditError], words: str) -> None:
    with respx.mock:
        route = respx.get(f"{URL}/api/version")
        if isinstance(answer, httpx.Response):
            route.mock(return_value=answer)
        else:
            route.mock(side_effect=answer)
        with pytest.raises(error, match=words):
            find_release(URL)


def test_a_release_is_read_without_a_token_and_with_the_address_that_answers() -> None:
    secure = URL.replace("http:", "https:")
    with respx.mock:
        respx.get(f"{URL}/api/version").respond(301, headers={"location": f"{secure}/api/version"})
        asked = respx.get(f"{secure}/api/version").respond(json={"release": "1.23.2", "edition": "Community"})
        release = find_release(f"{URL}/", (("X-Api-Key", "k1"),))
    assert (release.version, release.edition, release.url) == ("1.23.2", "Community", secure)
    assert "authorization" not in asked.calls.last.request.headers
    assert asked.calls.last.request.headers["x-api-key"] == "k1"


def test_a_server_that_redirects_to_a_path_is_at_that_path() -> None:
    with respx.mock:
        respx.get(f"{URL}/api/version").respond(301, headers={"location": "/labeling/api/version"})
        respx.get(f"{URL}/labeling/api/version").respond(json={"release": "1.23.2", "edition": "Community"})
        assert find_release(URL).url == f"{URL}/labeling"


def test_a_redirect_to_another_server_is_named_and_not_followed() -> None:
    with respx.mock:
        respx.get("http://old.test/api/version").respond(301, headers={"location": f"{URL}/api/version"})
        with pytest.raises(ServerError, match=f"redirects to {URL}/api/version, and nothing is sent to another server"):
            find_release("http://old.test/")
