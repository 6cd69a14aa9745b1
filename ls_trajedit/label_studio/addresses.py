"""Addresses of servers: what may be shown of them, and what makes two of them the same server."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx

from ls_trajedit.redaction import hide_secret
from ls_trajedit.traces.errors import SetupError, UsageError

__all__ = [
    "check_address",
    "hide_password",
    "host_of",
    "redirect_target",
    "same_origin",
    "server_address",
    "without_credentials",
]

_CREDENTIALS = re.compile(r"(?<=//)[^/?#]*@")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535


def without_credentials(url: str) -> str:
    """`url` without the user and the password that it may hold, so that it can be shown.

    >>> without_credentials("https://ana:secret@example.com/ls")
    'https://example.com/ls'
    """
    return _CREDENTIALS.sub("", url)


def host_of(url: httpx.URL) -> str:
    """The address of the server alone, without path, query and credentials.

    >>> host_of(httpx.URL("https://ana:secret@example.com:8443/ls?next=/"))
    'https://example.com:8443'
    """
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def same_origin(a: httpx.URL, b: httpx.URL) -> bool:
    """Whether both are on the same server: scheme, host and port (RFC 6454)."""
    # As it is sent: not every raw host has a form in Unicode.
    return (a.scheme, a.raw_host, _port(a)) == (b.scheme, b.raw_host, _port(b))


def server_address(url: str) -> httpx.URL | None:
    """The address that `url` is, or None when it is not one to which a request can be sent.

    >>> server_address("http://localhost:9090"), server_address("http://localhost:99999")
    (URL('http://localhost:9090'), None)
    """
    try:
        url.encode()
        address = httpx.URL(url)
        return address if _is_of_server(address) else None
    except (httpx.InvalidURL, ValueError):
        return None


def redirect_target(asked: httpx.URL, location: str) -> httpx.URL | None:
    """The address to which the `Location` of an answer to `asked` leads, without credentials and fragment. None when
    it is not one to which a request can be sent.

    >>> redirect_target(httpx.URL("https://example.com/api/x"), "//ana:secret@example.com/y#z")
    URL('https://example.com/y')
    """
    try:
        target = asked.join(location).copy_with(userinfo=b"", fragment=None)
        return target if _is_of_server(target) else None
    except (httpx.InvalidURL, ValueError):
        return None


def _is_of_server(url: httpx.URL) -> bool:
    """Raises UnicodeError for the name of a host that cannot be looked up."""
    # The name of a host has limits that only show when it is looked up. A percent sign is part of a zone only.
    url.raw_host.decode("ascii").encode("idna")
    is_host = bool(url.host) and (b"%" not in url.raw_host or b":" in url.raw_host)
    return url.scheme in _DEFAULT_PORTS and is_host and 0 < (_port(url) or 0) <= _HIGHEST_PORT


def hide_password(url: str) -> None:
    """Has the password that `url` may hold redacted in all that is printed."""
    if found := _CREDENTIALS.search(url):
        user, has_password, password = found.group().removesuffix("@").partition(":")
        for secret in (password, unquote(password)) if has_password else (user,):
            hide_secret(secret)


def check_address(url: str) -> None:
    """Raises UsageError when `url` cannot be the address of a server, and SetupError when it holds a user and a
    password: these would be sent in the one header that Label Studio's token needs."""
    hide_password(url)
    address = server_address(url)
    if address is None or address.query or address.fragment:
        shown = without_credentials(url).encode("ascii", "backslashreplace").decode()
        raise UsageError(f"{shown}: this is not the address of a server; write it like http://localhost:8080")
    if address.userinfo:
        raise SetupError(
            f"{without_credentials(url)}: the address holds a user and a password, which would take the place of Label "
            "Studio's token in the header Authorization. Remove them; what something in front of Label Studio asks for "
            "goes into another header, with --header"
        )


def _port(url: httpx.URL) -> int | None:
    return _DEFAULT_PORTS.get(url.scheme) if url.port is None else url.port
