"""The proxy through which the environment says that a server is reached."""

from __future__ import annotations

import ipaddress
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ls_trajedit.label_studio.addresses import hide_password, without_credentials

__all__ = ["Proxy", "proxy_for"]


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the environment variable that names it (or `the system's settings`)."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """Its address without a password."""
        return without_credentials(self.url)

    @property
    def scheme(self) -> str:
        """How the proxy itself is spoken to: http, https, socks5, …"""
        return self.url.partition("://")[0].lower()


def proxy_for(url: str) -> Proxy | None:
    """The proxy for requests to `url`: that of HTTP_PROXY or HTTPS_PROXY, else of ALL_PROXY, in capitals or not, unless
    NO_PROXY exempts the host. Names, endings of names, addresses and networks (`10.0.0.0/8`) may stand there, and `*`.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # Not an address; whoever asks it says so.
        return None
    found = urllib.request.getproxies()
    for name in (parts.scheme.lower(), "all"):
        address = found.get(name)
        if address:
            if _is_exempt(parts.hostname or "", parts.netloc.rpartition("@")[2], found.get("no", "")):
                return None
            whole = address if "://" in address else f"http://{address}"
            hide_password(whole)
            return Proxy(whole, _variable(f"{name}_proxy"))
    return None


def _is_exempt(host: str, host_and_port: str, exempt: str) -> bool:
    names = [name.strip() for name in exempt.split(",") if name.strip()]
    if "*" in names or urllib.request.proxy_bypass(host_and_port) or urllib.request.proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks(names))


def _networks(names: list[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for name in names:
        try:
            yield ipaddress.ip_network(name.strip("[]"), strict=False)
        except ValueError:
            continue


def _variable(name: str) -> str:
    for spelled in (name, name.upper()):
        if os.environ.get(spelled):
            return spelled
    return "the system's settings"
