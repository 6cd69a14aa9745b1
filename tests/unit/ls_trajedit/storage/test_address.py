"""Addresses, and what goes wrong at one in people's words."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit import redaction
from ls_trajedit.storage.address import (
    Address,
    check_writable,
    explain_storage_failures,
    file_system,
    is_not_supported,
    place_named,
)
from ls_trajedit.traces.errors import DataError, DeniedError, ServerError, SetupError, TrajeditError, UsageError

BUCKET = Address("s3", "bucket/1")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("data/e.json", Path("data/e.json")),
        ("C:/data", Path("C:/data")),
        ("s3://bucket/exports/", Address("s3", "bucket/exports")),
        ("S3://bucket", Address("s3", "bucket")),
        ("hf://datasets/me/mine/e.json", Address("hf", "datasets/me/mine/e.json")),
        ("https://example.com/e/?a=1/", Address("https", "example.com/e/?a=1/")),
    ],
)
def test_what_begins_like_an_address_is_one(text: str, place: Path | Address) -> None:
    assert place_named(text) == place


def test_addresses_of_other_kinds_are_refused() -> None:
    with pytest.raises(UsageError, match="ftp://: not a kind of address"):
        place_named("ftp://host/x")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ana:opensesame@example.com/e.json", "https://…@example.com/e.json"),
        ("https://example.com/e.json?sv=1&sig=opensesame", "https://example.com/e.json?…"),
        ("https://b.s3.amazonaws.com/e?X-Amz-Signature=opensesame", "https://b.s3.amazonaws.com/e?…"),
        ("s3://key:opensesame@bucket/e", "s3://…@bucket/e"),
        ("s3://bucket/what?.json", "s3://bucket/what?.json"),
        ("hf://datasets/me/mine@main/e.json", "hf://datasets/me/mine@main/e.json"),
    ],
)
def test_no_password_and_no_signature_is_shown(text: str, shown: str) -> None:
    place = place_named(text)
    assert isinstance(place, Address)
    assert (str(place), "opensesame" in repr(place), place.url) == (shown, False, text)


def test_a_password_is_redacted_wherever_else_it_comes_up() -> None:
    place_named("https://ana:opensesame@example.com/e.json")
    assert redaction.redact("it was opensesame") == "it was …"


class ClientError(Exception):
    """As boto's: what the server said is in `response`."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__("An error occurred with key AKIASECRET at https://bucket/1?X-Amz-Signature=abc")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


def named(name: str, **attributes: Any) -> Exception:
    """An exception of a library that is not imported: known by its name."""
    return type(name, (Exception,), attributes)("secret words of a library")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


DENIED = (
    "s3://bucket/1: access was denied{}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or have it "
    "allowed there"
)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (named("NoCredentialsError"), DeniedError, DENIED.format("")),
        (named("DefaultCredentialsError"), DeniedError, DENIED.format("")),
        (named("GatedRepoError"), DeniedError, DENIED.format("")),
        (caused(PermissionError("x"), ClientError(403, "AccessDenied")), DeniedError, DENIED.format(" (AccessDenied)")),
        (ClientError(400, "ExpiredToken"), DeniedError, DENIED.format(" (ExpiredToken)")),
        (ClientError(400, "Expired<&"), ServerError, "s3://bucket/1: failed (400)"),
        (named("ClientResponseError", status=401), DeniedError, DENIED.format(" (401)")),
        (named("HttpError", code=403), DeniedError, DENIED.format(" (403)")),
        (FileNotFoundError("x"), DataError, "s3://bucket/1: is not there"),
        (
            caused(FileNotFoundError("x"), ClientError(404, "NoSuchBucket")),
            DataError,
            "s3://bucket/1: there is no such bucket",
        ),
        (named("ResourceNotFoundError", status_code=404), DataError, "s3://bucket/1: is not there"),
        (named("FileExpired"), DataError, "s3://bucket/1: changed while it was read; run the command again"),
        (
            named("ClientPayloadError"),
            ServerError,
            "s3://bucket/1: the transfer broke off; run the command again",
        ),
        (named("ReadTimeoutError"), ServerError, "s3://bucket/1: no answer in time; try again later"),
        (TimeoutError(), ServerError, "s3://bucket/1: no answer in time; try again later"),
        (
            caused(OSError("x"), ClientError(503, "SlowDown")),
            ServerError,
            "s3://bucket/1: the server failed (SlowDown), after retries; try again later",
        ),
        (
            named("EndpointConnectionError"),
            ServerError,
            "s3://bucket/1: cannot be reached; check the address, the endpoint and the network",
        ),
        (
            # What fsspec makes of a host that does not answer.
            caused(FileNotFoundError("https://host/x?sig=abc"), ConnectionRefusedError(111, "refused")),
            ServerError,
            "s3://bucket/1: cannot be reached; check the address, the endpoint and the network",
        ),
        (KeyError("x"), ServerError, "s3://bucket/1: failed (KeyError)"),
    ],
)
def test_failures_of_file_systems_are_said_without_their_own_words(
    error: Exception, kind: type[TrajeditError], message: str
) -> None:
    with pytest.raises(TrajeditError) as raised, explain_storage_failures(BUCKET):
        raise error
    assert (type(raised.value), str(raised.value)) == (kind, message)


@pytest.mark.parametrize(
    ("address", "extra", "module"),
    [
        (BUCKET, "s3", "s3fs"),
        (Address("gs", "b"), "gcs", "gcsfs"),
        (Address("az", "b"), "azure", "adlfs"),
        (Address("hf", "datasets/a/b"), "hub", "huggingface_hub"),
        (Address("https", "example.com"), "https", "aiohttp"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    address: Address, extra: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What fsspec has imported already, it would not import again.
    monkeypatch.delitem(import_module("fsspec.registry")._registry, address.scheme, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    with pytest.raises(SetupError) as raised:
        file_system(address)
    assert str(raised.value) == (
        f"{address.scheme}:// needs the extra `{extra}`; run: pip install 'ls-trajedit[{extra}]'"
    )


@pytest.mark.parametrize("text", ["s3://bucket", "gs://bucket/a", "az://container/a/b/", "hf://buckets/ana/data/x"])
def test_objects_can_be_written_to(text: str) -> None:
    address = place_named(text)
    assert isinstance(address, Address)
    check_writable(address)
    assert str(address / "manifest.json") == f"{text.rstrip('/')}/manifest.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://u:hidden@example.com/a?sig=hidden", r"begins with s3://, gs://, az://, hf://"),
        ("http://example.com/a", r"begins with s3://, gs://, az://, hf://"),
        ("hf://datasets/ana/data", r"--push-to-hub OWNER/NAME, which makes one commit"),
        ("hf://ana/model", r"--push-to-hub OWNER/NAME, which makes one commit"),
    ],
)
def test_the_web_and_repositories_cannot_be_written_to(text: str, said: str) -> None:
    address = place_named(text)
    assert isinstance(address, Address)
    with pytest.raises(UsageError, match=said) as raised:
        check_writable(address)
    assert "hidden" not in str(raised.value)


def test_what_a_storage_cannot_do_is_told_from_what_fails() -> None:
    refused = OSError("no copy")
    refused.__cause__ = Answer(501)
    denied = PermissionError("no")
    denied.__cause__ = Answer(403)
    assert is_not_supported(NotImplementedError())
    assert is_not_supported(refused)
    assert not is_not_supported(denied)
    assert not is_not_supported(OSError("reset"))


class Answer(Exception):  # noqa: N818 - what boto's ClientError has
    def __init__(self, status: int) -> None:
        super().__init__()
        self.response = {"Error": {"Code": "Some"}, "ResponseMetadata": {"HTTPStatusCode": status}}
