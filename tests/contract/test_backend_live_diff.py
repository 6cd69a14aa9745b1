"""The live diff, as the backend offers it to proxies and browsers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from ls_trajedit import __version__

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

LABEL_STUDIO = "https://labels.example.com/studio/"


@pytest.fixture
def backend(start_host: StartHost) -> Host:
    return start_host("ls-trajedit serve", "--label-studio-url", LABEL_STUDIO)


def head(script: str) -> dict[str, str]:
    """The lines that a user-script manager reads."""
    return dict(re.findall(r"^// @(\S+) +(.+)$", script.partition("// ==/UserScript==")[0], re.MULTILINE))


def test_the_user_script_is_for_the_pages_of_that_label_studio_and_is_updated_from_here(backend: Host) -> None:
    found = head(backend.get("/live-diff.user.js").text)
    assert found["match"] == "https://labels.example.com/studio/*"
    assert found["version"] == __version__
    assert found["grant"] == "none"
    assert found["updateURL"] == found["downloadURL"] == f"{backend.url}/live-diff.user.js"


@pytest.mark.parametrize("host", ['a";alert(1);"', "a b", "a/../b", "*", ""])
def test_the_host_header_gets_into_the_script_only_when_it_is_a_plain_host(backend: Host, host: str) -> None:
    script = requests.get(f"{backend.url}/live-diff.user.js", headers={"Host": host}, timeout=30).text
    assert "alert" not in script
    assert "updateURL" not in head(script)


def test_behind_a_proxy_that_speaks_tls_updates_come_over_tls(backend: Host) -> None:
    headers = {"Host": "backend.example.com", "X-Forwarded-Proto": "https"}
    script = requests.get(f"{backend.url}/live-diff.user.js", headers=headers, timeout=30).text
    assert head(script)["updateURL"] == "https://backend.example.com/live-diff.user.js"


@pytest.mark.parametrize(("prefix", "path"), [("/trajedit", "/trajedit"), ("/a/b-c/", "/a/b-c"), ("/", "")])
def test_behind_a_proxy_that_takes_a_path_off_updates_come_from_that_path(
    backend: Host, prefix: str, path: str
) -> None:
    headers = {"Host": "example.com", "X-Forwarded-Prefix": prefix}
    script = requests.get(f"{backend.url}/live-diff.user.js", headers=headers, timeout=30).text
    assert head(script)["updateURL"] == f"http://example.com{path}/live-diff.user.js"


@pytest.mark.parametrize("prefix", ['/a";alert(1);"', "/a b", "trajedit", "//evil.example.com", "/a?b"])
def test_a_prefix_gets_into_the_script_only_when_it_is_a_plain_path(backend: Host, prefix: str) -> None:
    headers = {"Host": "example.com", "X-Forwarded-Prefix": prefix}
    script = requests.get(f"{backend.url}/live-diff.user.js", headers=headers, timeout=30).text
    assert "alert" not in script
    assert "updateURL" not in head(script)


def test_browsers_keep_the_script_until_it_changes(service: Host) -> None:
    first = service.get("/live-diff.js")
    assert first.headers["Content-Type"].startswith("text/javascript")
    assert first.headers["Cache-Control"] == "no-cache"
    again = requests.get(f"{service.url}/live-diff.js", headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
    assert (again.status_code, again.content) == (304, b"")


def test_without_the_address_of_label_studio_there_is_no_user_script(service: Host) -> None:
    missing = service.get("/live-diff.user.js")
    assert missing.status_code == 404
    assert "--label-studio-url" in missing.json()["error"]


def test_a_browser_needs_no_password_for_the_script_and_for_nothing_else(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve", BASIC_AUTH_USER="a", BASIC_AUTH_PASS="b")
    assert host.get("/live-diff.js").status_code == 200
    assert host.get("/health").status_code == 401
    assert host.get("/live-diff.js/x").status_code == 401
