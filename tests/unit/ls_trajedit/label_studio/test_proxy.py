"""Which proxy the environment names for a server."""

from __future__ import annotations

import pytest

from ls_trajedit.label_studio.proxy import Proxy, proxy_for

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "http://ls.test", None),
        ({"HTTP_PROXY": "http://p:3128"}, "http://ls.test", Proxy("http://p:3128", "HTTP_PROXY")),
        ({"HTTP_PROXY": "http://p:3128"}, "https://ls.test", None),
        ({"HTTPS_PROXY": "p:3128"}, "https://ls.test", Proxy("http://p:3128", "HTTPS_PROXY")),
        ({"ALL_PROXY": "socks5://p:1080"}, "http://ls.test", Proxy("socks5://p:1080", "ALL_PROXY")),
        ({"all_proxy": "socks5://p:1080"}, "https://ls.test", Proxy("socks5://p:1080", "all_proxy")),
        ({"HTTP_PROXY": "", "ALL_PROXY": "http://p:1"}, "http://ls.test", Proxy("http://p:1", "ALL_PROXY")),
    ],
)
def test_the_proxy_for_a_server(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, expected: Proxy | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == expected


@pytest.mark.parametrize(
    ("exempt", "url", "is_exempt"),
    [
        ("*", "http://ls.test", True),
        ("other, *", "http://ls.test", True),
        ("ls.test", "http://ls.test:8080", True),
        (" .test ,", "http://ls.test", True),
        ("s.test", "http://ls.test", False),
        ("ls.test:8080", "http://ls.test:8080", True),
        ("ls.test:8080", "http://ls.test:9090", False),
        ("10.0.0.0/8", "http://10.1.2.3:8080", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("::1", "http://[::1]:8080", True),
        ("[::1]", "http://[::1]:8080", True),
        ("fe80::/10", "http://[fe80::7]", True),
        ("http://ls.test", "http://ls.test", False),
        ("localhost", "http://127.0.0.1", False),
    ],
)
def test_no_proxy_exempts_names_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, exempt: str, url: str, is_exempt: bool
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://p:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert (proxy_for(url) is None) == is_exempt


def test_the_password_of_a_proxy_is_not_shown() -> None:
    assert Proxy("http://ana:geheim@p:3128", "HTTP_PROXY").shown == "http://p:3128"
