"""Objects at an address: read, written, copied and removed.

Nothing here believes what a file system remembers of earlier listings: others write there, too. Every function raises
what `explain_storage_failures` raises.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.storage.address import Address, explain_storage_failures, file_system, is_not_supported
from ls_trajedit.traces.errors import DataError

__all__ = [
    "StoredObject",
    "copy_object",
    "get_file",
    "object_at",
    "object_digest",
    "objects_under",
    "put_file",
    "put_object",
    "read_object",
    "remove_object",
]

# So much of an object is in memory at a time, twice.
_READ_BYTES = 8 << 20
_COPY_BYTES = 1 << 20
# What the providers call that by which one content of an object is told from another: an ETag, a hash, a number.
_VERSIONS = ("ETag", "etag", "content_md5", "md5Hash", "generation", "xet_hash")


@dataclass(frozen=True)
class StoredObject:
    """An object as its storage describes it: its size in bytes, and by what its content is told from any other that it
    had or will have, None where the storage says nothing of the kind."""

    size: int
    version: str | None


def object_at(address: Address) -> StoredObject | None:
    """The object at `address`, None when nothing is there."""
    files = file_system(address)
    with explain_storage_failures(address, "reading"):
        files.invalidate_cache()
        try:
            found = files.info(address.url)
        except FileNotFoundError as error:
            if _is_container_missing(error):
                raise
            return None
    if found.get("type") != "file":
        return None
    return StoredObject(int(found["size"] or 0), _version(found))


def _version(found: dict[str, Any]) -> str | None:
    version = next((str(found[name]) for name in _VERSIONS if found.get(name)), None)
    return None if version is None else f"{version} {found['size']}"


def _is_container_missing(error: FileNotFoundError) -> bool:
    """Whether not the object, but the bucket that it would be in does not exist."""
    response = getattr(error.__cause__, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") == "NoSuchBucket"


def objects_under(address: Address) -> list[str]:
    """The names of all objects whose address begins with `address` and a slash, as they go on after it."""
    files = file_system(address)
    with explain_storage_failures(address, "listing"):
        files.invalidate_cache()
        try:
            found = files.find(address.url)
        except FileNotFoundError as error:
            if _is_container_missing(error):
                raise
            return []
    prefix = f"{files._strip_protocol(address.url)}/"
    return sorted(name.removeprefix(prefix) for name in found if name.startswith(prefix) and not name.endswith("/"))


def read_object(address: Address, most_bytes: int) -> bytes | None:
    """The content of an object, None when there is none. Raises DataError when it is larger than `most_bytes`."""
    found = object_at(address)
    if found is None:
        return None
    if found.size > most_bytes:
        raise DataError(f"{address}: has {found.size:,} bytes, and more than {most_bytes:,} are not read")
    with explain_storage_failures(address, "reading"):
        return bytes(file_system(address).cat_file(address.url))


def object_digest(address: Address) -> str | None:
    """The SHA-256 of an object in hex, None when there is none. A few MB of it are in memory at a time."""
    files = file_system(address)
    digest = hashlib.sha256()
    with explain_storage_failures(address, "reading"):
        files.invalidate_cache()
        try:
            with files.open(address.url, "rb", block_size=_READ_BYTES) as file:
                while piece := file.read(_READ_BYTES):
                    digest.update(piece)
        except FileNotFoundError as error:
            if _is_container_missing(error):
                raise
            return None
    return digest.hexdigest()


def put_object(address: Address, content: bytes) -> None:
    """Writes an object, whole or not at all."""
    with explain_storage_failures(address, "writing"):
        file_system(address).pipe_file(address.url, content)


def put_file(address: Address, path: Path) -> None:
    """Makes an object of a file; until all of it has been sent, nobody sees it. A few parts of it are in memory at a
    time. What was sent before something went wrong may become an object, too. Raises OSError when the file cannot be
    read."""
    with (
        path.open("rb") as file,
        explain_storage_failures(address, "writing"),
        file_system(address).open(address.url, "wb") as target,
    ):
        shutil.copyfileobj(file, target, _COPY_BYTES)


def get_file(address: Address, path: Path) -> None:
    """Makes a file of an object. Raises OSError when it cannot be written."""
    with explain_storage_failures(address, "reading"):
        content = file_system(address).open(address.url, "rb", block_size=_READ_BYTES)
    with content, path.open("wb") as file:
        while True:
            with explain_storage_failures(address, "reading"):
                piece = content.read(_READ_BYTES)
            if not piece:
                return
            file.write(piece)


def copy_object(source: Address, target: Address) -> None:
    """Puts what is at `source` in place of what is at `target`, whole or not at all. It does not come here, unless the
    storage cannot copy."""
    files = file_system(target)
    with explain_storage_failures(target, "copying"):
        files.invalidate_cache()
        try:
            files.cp_file(source.url, target.url)
        except Exception as error:
            if not is_not_supported(error):
                raise
            with files.open(source.url, "rb", block_size=_READ_BYTES) as old, files.open(target.url, "wb") as new:
                shutil.copyfileobj(old, new, _READ_BYTES)


def remove_object(address: Address) -> None:
    """Removes an object, if there is one."""
    with explain_storage_failures(address, "removing"):
        try:
            file_system(address).rm_file(address.url)
        except FileNotFoundError as error:
            if _is_container_missing(error):
                raise
