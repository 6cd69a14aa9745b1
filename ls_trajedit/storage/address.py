"""Addresses of storage, such as `s3://bucket/exports`, which fsspec reaches."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ls_trajedit.redaction import hide_secret
from ls_trajedit.traces.errors import DataError, DeniedError, ServerError, SetupError, TrajeditError, UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = [
    "Address",
    "check_writable",
    "explain_storage_failures",
    "file_system",
    "is_not_supported",
    "place_named",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOGIN = re.compile(r"^[^/]*@")
# What reaches an address is in the extra of that name.
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure", "hf": "hub", "https": "https", "http": "https"}
_WEB = ("https", "http")
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and a key or token",
    "hf": "set HF_TOKEN",
    "https": "the address needs a login, or its signature has expired",
    "http": "the address needs a login, or its signature has expired",
}
# A server that takes a connection and says nothing is given up after about a minute.
_CONNECT_SECONDS = 10
_READ_SECONDS = 20
_TRIES = 2
# Who logs to standard error what becomes an error here, sometimes with a traceback or a whole address. gcsfs also warns
# at every step that it may not ask what kind of bucket it is.
_LOGGERS = (
    *("aiobotocore", "aiohttp", "asyncio", "azure", "botocore", "fsspec", "gcsfs", "google", "huggingface_hub"),
    *("s3fs", "urllib3"),
)
# What the libraries raise is known by name, because none of them is imported here.
_DENIED = frozenset(
    (
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
        *("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError"),
        *("DefaultCredentialsError", "RefreshError", "ClientAuthenticationError", "CredentialUnavailableError"),
        *("GatedRepoError", "LocalTokenNotFoundError", "PermissionError"),
    )
)
_DENIED_CODES = frozenset(
    (
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    )
)
_BROKEN_OFF = frozenset(("ClientPayloadError", "IncompleteRead", "IncompleteReadError", "RemoteProtocolError"))
_CHANGED = frozenset(("FileExpired", "ResourceModifiedError"))
_CODE = re.compile(r"[A-Za-z]{3,40}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is, or would be: the `scheme` and the `path` after it, as fsspec takes it, with no slash at the
    end unless it is one of the web."""

    scheme: str
    path: str = field(repr=False)

    @property
    def url(self) -> str:
        """The whole address, as fsspec takes it. It may hold a password or a signature: messages show the address
        itself, which leaves these out."""
        return f"{self.scheme}://{self.path}"

    def __str__(self) -> str:
        shown = _LOGIN.sub("…@", self.path)
        if self.scheme in _WEB and "?" in shown:
            shown = f"{shown.partition('?')[0]}?…"
        return f"{self.scheme}://{shown}"

    def __truediv__(self, name: str) -> Address:
        return Address(self.scheme, f"{self.path}/{name}")

    @property
    def is_of_web(self) -> bool:
        """Whether it is one file of the web, of which nobody knows what lies beside it."""
        return self.scheme in _WEB


def place_named(text: str) -> Path | Address:
    """What the command line means by `text`: a path, or an address when it begins like one.

    Raises UsageError for an address of a kind that nothing here reaches, or that names nothing.
    """
    match = _SCHEME.match(text)
    if match is None:
        return Path(text)
    scheme = match[1].lower()
    if scheme not in _EXTRAS:
        raise UsageError(f"{scheme}://: not a kind of address that is read; known are {', '.join(sorted(_EXTRAS))}")
    path = text[match.end() :]
    if login := _LOGIN.match(path):
        hide_secret(login[0][:-1].partition(":")[2])
    address = Address(scheme, path if scheme in _WEB else path.rstrip("/"))
    if not address.path.strip("/"):
        raise UsageError(f"{scheme}://: names nothing; an address is like {scheme}://bucket/folder")
    return address


def check_writable(address: Address) -> None:
    """Raises UsageError when files that belong together cannot be written to the address."""
    if address.is_of_web:
        writable = ", ".join(f"{scheme}://" for scheme in _EXTRAS if scheme not in _WEB)
        raise UsageError(f"{address}: cannot be written to; give a folder, or an address that begins with {writable}")
    if address.scheme == "hf" and not address.path.startswith("buckets/"):
        raise UsageError(
            f"{address}: each file would be a commit of its own in a repository; give a folder and --push-to-hub "
            "OWNER/NAME, which makes one commit, or an address that begins with hf://buckets/"
        )


def file_system(address: Address) -> AbstractFileSystem:
    """The file system in which the address is, with the credentials of its own environment, and with timeouts. Nothing
    is asked yet.

    Raises SetupError when the extra that reaches it is not installed, and DeniedError when credentials are missing.
    """
    import fsspec

    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with explain_storage_failures(address):
            found: AbstractFileSystem = fsspec.filesystem(address.scheme, **_options(address.scheme))
    except ImportError:
        extra = _EXTRAS[address.scheme]
        raise SetupError(
            f"{address.scheme}:// needs the extra `{extra}`; run: pip install 'ls-trajedit[{extra}]'"
        ) from None
    if address.scheme == "s3":
        # Each of these tries is already several of botocore's.
        found.retries = _TRIES
    return found


def _options(scheme: str) -> dict[str, Any]:
    options: dict[str, Any] = {"use_listings_cache": False}
    match scheme:
        case "s3":
            from fsspec.config import conf

            times = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS}
            retries = {"retries": {"mode": "standard", "max_attempts": _TRIES}}
            options["config_kwargs"] = {**times, **retries, **conf.get("s3", {}).get("config_kwargs", {})}
        case "http" | "https":
            from aiohttp import ClientTimeout

            # Not in all, because a file may be large.
            timeout = ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)
            options["client_kwargs"] = {"timeout": timeout, "trust_env": True}
    return options


@contextmanager
def explain_storage_failures(address: Address, doing: str = "access") -> Iterator[None]:
    """Makes an error in people's words of what a file system raises in the block, which does nothing but use that of
    the address; `doing` is what somebody must be allowed to do for it. What its libraries say is not repeated: it may
    hold addresses with signatures in them.

    Raises DeniedError when credentials are missing or refused, DataError when there is nothing or when it changed, and
    ServerError when it cannot be reached, takes too long, breaks off or keeps failing.
    """
    try:
        yield
    except (TrajeditError, ImportError):
        raise
    except Exception as error:
        raise _explained(address, error, doing) from None


def _explained(address: Address, error: Exception, doing: str) -> TrajeditError:
    causes = list(_causes(error))
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    status, code = _status(causes)
    said = f" ({code or status})" if code or status else ""
    if names & _DENIED or status in (401, 403) or code in _DENIED_CODES:
        return DeniedError(
            f"{address}: {doing} was denied{said}; {_CREDENTIALS[address.scheme]}, or have it allowed there"
        )
    if names & _CHANGED or status == 412:
        return DataError(f"{address}: changed while it was read; run the command again")
    if names & _BROKEN_OFF:
        return ServerError(f"{address}: the transfer broke off; run the command again")
    if any("Timeout" in name for name in names):
        return ServerError(f"{address}: no answer in time; try again later")
    if status is not None and (status >= 500 or status == 429):
        return ServerError(f"{address}: the server failed{said}, after retries; try again later")
    if any("Connection" in name or "Connector" in name for name in names):
        return ServerError(f"{address}: cannot be reached; check the address, the endpoint and the network")
    # Last, because fsspec says this of every file of the web that it cannot have.
    if "FileNotFoundError" in names or status == 404:
        return DataError(f"{address}: {'there is no such bucket' if code == 'NoSuchBucket' else 'is not there'}")
    if isinstance(error, ValueError):
        return SetupError(f"{address}: not an address that can be used; {_CREDENTIALS[address.scheme]}")
    return ServerError(f"{address}: failed{said or f' ({type(error).__name__})'}")


def is_not_supported(error: Exception) -> bool:
    """Whether what a file system raised means that the storage cannot do what it was asked to do."""
    status, _ = _status(list(_causes(error)))
    return isinstance(error, NotImplementedError) or status in (405, 501)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(causes: list[BaseException]) -> tuple[int | None, str | None]:
    """The HTTP status and the provider's own word for what is wrong, as far as an exception holds them: those of boto,
    of aiohttp, of Google's and Azure's clients, and of httpx."""
    for cause in causes:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return status, code if _CODE.fullmatch(code) else None
        for holder, name in ((cause, "status"), (cause, "status_code"), (response, "status_code"), (cause, "code")):
            found = getattr(holder, name, None)
            if isinstance(found, int) and 400 <= found < 600:
                return found, None
    return None, None
