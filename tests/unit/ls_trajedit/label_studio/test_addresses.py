"""Which texts are addresses of servers, and where a redirect leads."""

from __future__ import annotations

import httpx
import pytest

from ls_trajedit.label_studio.addresses import check_address, redirect_target, same_origin
from ls_trajedit.traces.errors import SetupError, UsageError

GOOD = [
    "http://localhost:8080",
    "https://ls.example.com/team/",
    "http://[::1]:8080",
    "http://[fe80::1%eth0]:8080",
    "http://ä.example",
    "http://xn--4ca.example",
    "HTTP://LS.Example",
    "http://ls.example.:80",
    "http://localhost:65535",
]
BAD = [
    "",
    "localhost:8080",
    "http://",
    "http:///x",
    "http://[::1",
    "http://[v1.a]",
    "http://localhost:65536",
    "http://localhost:99999",
    "http://localhost:0",
    "http://localhost:abc",
    "http://a b",
    "http://a\nb",
    "http://a\tb",
    "http://a\x00b",
    "http://a%zz",
    "http://ex%41mple.com",
    "http://a..b",
    "http://.",
    "http://xn--a",
    "http://xn--zzzzzzzzzzz",
    "http://" + "a" * 64,
    "http://" + "a" * 70_000,
    "http://\ud800",
    "http://999.999.999.999",
    "http://a?b",
    "http://a/#b",
    "ftp://a",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("url", GOOD)
def test_what_can_be_asked_is_an_address(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize("url", BAD)
def test_what_no_client_could_ask_is_not(url: str) -> None:
    with pytest.raises((UsageError, SetupError), match="this is not the address of a server"):
        check_address(url)


ASKED = httpx.URL("https://ls.test/team/api/x/?page=1")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/y", "https://ls.test/y"),
        ("y", "https://ls.test/team/api/x/y"),
        ("?z", "https://ls.test/team/api/x/?z"),
        ("", "https://ls.test/team/api/x/?page=1"),
        ("//other.test/y", "https://other.test/y"),
        ("HTTPS://LS.TEST/y", "https://ls.test/y"),
        ("http://ana:secret@ls.test/y#z", "http://ls.test/y"),
        ("http://ä.test/", "http://xn--4ca.test/"),
        ("http://ls.test:99999/", None),
        ("http://[::1/", None),
        ("//%zz/", None),
        ("http://xn--a/", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("http://a\x1bb/", None),
        ("/" + "a" * 70_000, None),
    ],
)
def test_a_redirect_leads_to_an_address_or_nowhere(location: str, target: str | None) -> None:
    found = redirect_target(ASKED, location)
    assert (None if found is None else str(found)) == target


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("https://ls.test", True),
        ("https://LS.test:443/y", True),
        ("http://ls.test", False),
        ("http://ls.test:443", False),
        ("https://ls.test:444", False),
        ("https://ls.test.", False),
        ("https://www.ls.test", False),
        ("https://xn--a", False),
    ],
)
def test_a_server_is_told_by_scheme_host_and_port(url: str, is_same: bool) -> None:
    assert same_origin(ASKED, httpx.URL(url)) is is_same
