"""Headers that somebody adds to each request, because something in front of Label Studio asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ls_trajedit.traces.errors import SetupError

__all__ = ["HEADERS_VARIABLE", "Headers", "can_be_token", "parse_headers"]

HEADERS_VARIABLE = "LABEL_STUDIO_HEADERS"
"""The environment variable with a header on each line."""

Headers = tuple[tuple[str, str], ...]
"""Names and values, which are secrets: they are sent to the one server, and never shown, logged or stored."""

# RFC 9110: the name is a token. A value may be any visible ASCII with blanks in between.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~](?:[ \t!-~]*[!-~])?")
_FORM = "write NAME=VALUE, such as X-Api-Key=abc"
_OWN = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect"),
        *("host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)


def parse_headers(given: Iterable[str], environment: str) -> Headers:
    """The headers in `environment`, one on a line, and those `given` on the command line, which replace them; each as
    `NAME=VALUE`. Raises SetupError, in which no value is shown, for anything else and for names that are in use.
    """
    found: dict[str, tuple[str, str]] = {}
    lines = [line.strip() for line in environment.splitlines()]
    for where, texts in ((HEADERS_VARIABLE, [line for line in lines if line]), ("--header", given)):
        for number, text in enumerate(texts, start=1):
            name, value = _parse(text, where if where == "--header" else f"{where}, line {number}")
            found[name.lower()] = (name, value)
    return tuple(found.values())


def can_be_token(text: str) -> bool:
    """Whether a header can hold the text as a token: visible ASCII, without blanks."""
    return text.isascii() and text.isprintable() and " " not in text


def _parse(text: str, where: str) -> tuple[str, str]:
    name, has_value, value = (part.strip(" \t") for part in text.partition("="))
    if not has_value or not _NAME.fullmatch(name):
        # Not even the name is shown: with another separator, the value would be part of it.
        raise SetupError(f"{where}: not a header; {_FORM}")
    if not _VALUE.fullmatch(value):
        what = "holds characters that a header cannot have; it takes ASCII on one line" if value else "is empty"
        raise SetupError(f"{where}: the value of {name} {what}")
    if name.lower() == "authorization":
        raise SetupError(
            f"{where}: Authorization is the header of Label Studio's token. What stands in front of Label Studio may "
            "take another one: Google IAP reads Proxy-Authorization, others X-Api-Key"
        )
    if name.lower() in _OWN:
        raise SetupError(f"{where}: {name} belongs to the request itself and cannot be set")
    return name, value
