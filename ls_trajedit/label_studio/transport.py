"""How a server is reached: directly or through a proxy, with which certificates, and within which bounds."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import httpcore
import httpx

from ls_trajedit.label_studio.answers import AnswerTransport
from ls_trajedit.label_studio.pace import PacedBackend
from ls_trajedit.label_studio.proxy import Proxy, proxy_for
from ls_trajedit.traces.errors import SetupError

__all__ = ["check_environment", "make_transport"]

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def check_environment(url: str) -> None:
    """Raises SetupError when the environment names a proxy for `url`, or certificates, that no client could use."""
    make_transport(url, httpx.Limits()).close()


def make_transport(
    url: str,
    limits: httpx.Limits,
    network: Callable[[httpcore.NetworkBackend], httpcore.NetworkBackend] = PacedBackend,
) -> httpx.BaseTransport:
    """What sends requests to the server at `url`, over connections of which `network` makes bounded ones. Raises
    SetupError when the environment names a proxy or certificates that cannot be used."""
    inner = _http_transport(url, limits)
    # httpx has no argument for what makes the connections of a transport, as httpcore has.
    pool = inner._pool
    pool._network_backend = network(pool._network_backend)
    return AnswerTransport(inner)


def _http_transport(url: str, limits: httpx.Limits) -> httpx.HTTPTransport:
    _check_certificates_file()
    proxy = proxy_for(url)
    is_secure = url.lower().startswith("https:") or (proxy is not None and proxy.scheme == "https")
    context = _certificates() if is_secure else None
    if proxy is None:
        return httpx.HTTPTransport(verify=context or False, trust_env=False, limits=limits)
    try:
        through = httpx.Proxy(proxy.url, ssl_context=context if proxy.scheme == "https" else None)
        return httpx.HTTPTransport(verify=context or False, trust_env=False, limits=limits, proxy=through)
    except ImportError:
        raise SetupError(
            f"{proxy.variable} names a SOCKS proxy ({proxy.shown}), for which a package is missing; run: pip install "
            f"socksio. Or exempt the server with NO_PROXY={httpx.URL(url).host}"
        ) from None
    except (ValueError, httpx.InvalidURL):
        raise SetupError(_bad_proxy(proxy)) from None


def _bad_proxy(proxy: Proxy) -> str:
    shown = proxy.shown.encode("ascii", "backslashreplace").decode()
    if proxy.scheme in _PROXY_SCHEMES:
        return f"{proxy.variable} is not the address of a proxy ({shown}); write it like http://proxy.example.com:3128"
    return f"{proxy.variable} names a proxy of a kind that is not supported ({shown}); it can be {_kinds()}"


def _kinds() -> str:
    return ", ".join(f"{scheme}://" for scheme in _PROXY_SCHEMES[:-1]) + f" or {_PROXY_SCHEMES[-1]}://"


def _check_certificates_file() -> None:
    """Raises SetupError when SSL_CERT_FILE names nothing. It would only matter with https, but nothing says which of
    the libraries that share the variable needs it next."""
    name = os.environ.get("SSL_CERT_FILE")
    if name and not Path(name).is_file():
        raise SetupError(f"SSL_CERT_FILE names {name}, and there is no such file; correct it, or unset it")


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context(trust_env=True)
    except (ssl.SSLError, ValueError):
        why = "it holds no certificates (PEM)"
    except OSError as error:
        why = f"it cannot be read: {error.strerror}"
    raise SetupError(f"SSL_CERT_FILE names {os.environ.get('SSL_CERT_FILE')}, but {why}; correct it, or unset it")
