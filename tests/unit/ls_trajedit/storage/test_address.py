"""Addresses, as far as nothing has to be asked."""

from __future__ import annotations

import pytest

from ls_trajedit.storage.address import Address, check_writable, is_not_supported, place_named
from ls_trajedit.traces.errors import UsageError


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
