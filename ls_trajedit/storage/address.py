"""Addresses of storage, such as `s3://bucket/exports`, which fsspec reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ls_trajedit.traces.errors import SetupError, UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Address", "file_system", "place_named"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# What reaches an address is in the extra of that name.
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure", "hf": "hub", "https": "https", "http": "https"}


@dataclass(frozen=True)
class Address:
    """Where something is, or would be: the `scheme` and the `path` after it, as fsspec takes it, with no slash at the
    end."""

    scheme: str
    path: str = field(repr=False)

    @property
    def url(self) -> str:
        """The whole address, as fsspec takes it. It may hold a password: messages show the address itself."""
        return f"{self.scheme}://{self.path}"

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Address:
        return Address(self.scheme, f"{self.path}/{name}")


def place_named(text: str) -> Path | Address:
    """What the command line means by `text`: a path, or an address when it begins like one.

    Raises UsageError for an address of a kind that nothing here reaches.
    """
    match = _SCHEME.match(text)
    if match is None:
        return Path(text)
    scheme = match[1].lower()
    if scheme not in _EXTRAS:
        raise UsageError(f"{scheme}://: not a kind of address that is read; known are {', '.join(sorted(_EXTRAS))}")
    return Address(scheme, text[match.end() :].rstrip("/"))


def file_system(address: Address) -> AbstractFileSystem:
    """The file system in which the address is. Raises SetupError when the extra that reaches it is not installed."""
    import fsspec

    try:
        return fsspec.filesystem(address.scheme)
    except ImportError:
        extra = _EXTRAS[address.scheme]
        raise SetupError(
            f"{address.scheme}:// needs the extra `{extra}`; run: pip install 'ls-trajedit[{extra}]'"
        ) from None
