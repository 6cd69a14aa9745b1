"""What `convert` reads: each file or object that the command line names, or that is in a folder which it names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ls_trajedit.output.private import PRIVATE
from ls_trajedit.storage.address import Address, explain_storage_failures, file_system, place_named
from ls_trajedit.traces.errors import UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Source", "named_sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file, an object, or standard input when `place` is None. `size` is how many bytes it has, packed or not, where
    that is known. `is_found` says that it was found in a folder or by a pattern: other things may lie there, too. A
    source can be sent to a worker process."""

    place: Path | Address | None
    size: int | None = None
    is_found: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.place is None else str(self.place)

    @property
    def is_local_file(self) -> bool:
        """Whether it can be opened a second time, and is then the same."""
        return isinstance(self.place, Path) and self.place.is_file()


def named_sources(names: Sequence[str]) -> list[Source]:
    """What the command line means by these names: a file, standard input (`-`), an address, a folder with everything in
    it at any depth, or a pattern such as `exports/*.json.gz`. Hidden files and folders, whose names begin with a dot,
    are not looked at, nor are folders in it that we wrote output into. In the order of their names, each once.

    Raises UsageError for what is not there, an empty folder, and a pattern that fits nothing, and what
    `explain_storage_failures` raises.
    """
    found: dict[str, Source] = {}
    for name in names:
        place = None if name == "-" else place_named(name)
        match place:
            case None:
                sources: Iterable[Source] = [Source(None)]
            case Path():
                sources = _local(place)
            case Address():
                sources = _at_address(place, is_folder=name.endswith("/"))
        for source in sources:
            key = _key(source)
            if key not in found or not source.is_found:
                found[key] = source
    return [found[key] for key in sorted(found)]


def _key(source: Source) -> str:
    match source.place:
        case None:
            return ""
        case Path():
            return os.path.abspath(source.place)  # noqa: PTH100 (not `resolve`: a link has a name of its own)
        case Address():
            return source.place.url


def _local(path: Path) -> list[Source]:
    if path.is_dir():
        return _in_folder(path)
    if glob.has_magic(str(path)) and not path.exists():
        matches = map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        found = [source for match in matches for source in (_in_folder(match) if match.is_dir() else [_file(match)])]
        if not found:
            raise UsageError(f"{path}: no file has a name like this")
        return found
    if not os.path.lexists(path):
        raise UsageError(f"{path}: cannot be read: {os.strerror(2)}")
    return [Source(path, path.stat().st_size if path.is_file() else None)]


def _in_folder(folder: Path) -> list[Source]:
    found = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and not Path(parent, name, PRIVATE).is_dir()]
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        found += [_file(path) for path in paths if path.is_file()]
    if not found:
        raise UsageError(f"{folder}: there is no file in this folder")
    return found


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename}: cannot be read: {error.strerror}")


def _file(path: Path) -> Source:
    return Source(path, path.stat().st_size, is_found=True)


def _at_address(address: Address, *, is_folder: bool) -> list[Source]:
    files = file_system(address)
    if address.is_of_web:
        return [Source(address)]
    with explain_storage_failures(address):
        if not is_folder:
            try:
                info = files.info(address.url)
            except FileNotFoundError:
                info = None
            if info is not None and info["type"] == "file":
                return [Source(address, info["size"])]
            if info is None and glob.has_magic(address.path):
                return _matching(files, address)
        found = list(_under(files, address.path, address.scheme))
    if not found:
        raise UsageError(f"{address}: there is nothing at this address")
    return found


def _matching(files: AbstractFileSystem, address: Address) -> list[Source]:
    found: list[Source] = []
    for path, info in files.glob(address.url, detail=True).items():
        if info["type"] == "directory":
            found += _under(files, path, address.scheme)
        elif not path.endswith("/"):
            found.append(Source(Address(address.scheme, path), info["size"], is_found=True))
    if not found:
        raise UsageError(f"{address}: no object has a name like this")
    return found


def _under(files: AbstractFileSystem, path: str, scheme: str) -> Iterator[Source]:
    """The objects below a path. Those whose names end in a slash only say that there is a folder."""
    found = _s3_objects(files, path) if scheme == "s3" else _objects(files, path)
    ours = {name.partition(f"/{PRIVATE}/")[0] for name, _ in found if f"/{PRIVATE}/" in name} - {path}
    for name, size in found:
        parts = PurePosixPath(name[len(path) :]).parts
        is_hidden = any(part.startswith(".") for part in parts) or any(name.startswith(f"{place}/") for place in ours)
        if not name.endswith("/") and not is_hidden:
            yield Source(Address(scheme, name), size, is_found=True)


def _objects(files: AbstractFileSystem, path: str) -> list[tuple[str, int]]:
    return [(name, info["size"]) for name, info in files.find(path, detail=True).items() if info["type"] == "file"]


def _s3_objects(files: AbstractFileSystem, path: str) -> list[tuple[str, int]]:
    """What `_objects` returns, page by page: `find` keeps ten times as much of each object until it has all."""
    from fsspec.asyn import sync

    async def listed() -> list[tuple[str, int]]:
        bucket, prefix, _ = files.split_path(path)
        client = await files.set_session()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/" if prefix else "")
        return [
            (f"{bucket}/{found['Key']}", found["Size"]) async for page in pages for found in page.get("Contents", ())
        ]

    found: list[tuple[str, int]] = sync(files.loop, listed)
    return found
