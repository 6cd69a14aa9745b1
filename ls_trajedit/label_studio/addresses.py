"""Addresses of servers: what may be shown of them, and what makes two of them the same server."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx

from ls_trajedit.redaction import keep_secret
from ls_trajedit.traces.errors import SetupError, UsageError

__all__ = ["check_address", "host_of", "keep_password", "same_origin", "without_credentials"]

_CREDENTIALS = re.compile(r"(?<=//)[^/?#]*@")
_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    return (a.scheme, a.host, _port(a)) == (b.scheme, b.host, _port(b))


def keep_password(name: str, url: str) -> None:
    """Keeps the password that `url` may hold as a secret, which messages call `name`."""
    if found := _CREDENTIALS.search(url):
        user, has_password, password = found.group().removesuffix("@").partition(":")
        for secret in (password, unquote(password)) if has_password else (user,):
            keep_secret(name, secret)


def check_address(url: str) -> None:
    """Raises UsageError when `url` cannot be the address of a server, and SetupError when it holds a user and a
    password: these would be sent in the one header that Label Studio's token needs."""
    keep_password("the password in the address", url)
    try:
        url.encode()
        address = httpx.URL(url)
        # The name of a host has limits that only show when it is looked up.
        address.raw_host.decode("ascii").encode("idna")
        is_one = address.scheme in _DEFAULT_PORTS and bool(address.host)
    except (httpx.InvalidURL, UnicodeError):
        is_one = False
    if not is_one:
        shown = without_credentials(url).encode("ascii", "backslashreplace").decode()
        raise UsageError(f"{shown}: this is not the address of a server; write it like http://localhost:8080")
    if address.userinfo:
        raise SetupError(
            f"{without_credentials(url)}: the address holds a user and a password, which would take the place of Label "
            "Studio's token in the header Authorization. Remove them; what something in front of Label Studio asks for "
            "goes into another header, with --header"
        )


def _port(url: httpx.URL) -> int | None:
    return url.port or _DEFAULT_PORTS.get(url.scheme)
