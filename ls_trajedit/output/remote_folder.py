"""An output folder at an address: objects that are whole at any moment, and a manifest that is there only while all
that it lists is.

What is new is put into a prefix of the run's own, the staging. Then the old manifest is removed, what is new is copied
to its place inside the storage, what no run lists any more is removed, and the manifest comes last.

Nothing locks an address. A run that begins to publish removes the stagings of all others: those that were killed, and
those that are still at work, which then find nothing to copy and end before they write a manifest.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ls_trajedit.output.inventory import CheckedFile, LeftFile, checked_file, joined, leftover
from ls_trajedit.output.manifest import MANIFEST, MOST_MANIFEST_BYTES, Manifest, ManifestError, parse_manifest
from ls_trajedit.output.private import (
    MOST_WRITTEN_BYTES,
    PRIVATE,
    WRITTEN,
    WrittenFiles,
    damaged_written,
    parse_written,
    written_json,
)
from ls_trajedit.output.publication import Publication
from ls_trajedit.storage.address import Address
from ls_trajedit.storage.objects import (
    copy_object,
    object_at,
    object_digest,
    objects_under,
    put_file,
    put_object,
    read_object,
    remove_object,
)
from ls_trajedit.traces.errors import DataError, ServerError, TrajeditError
from ls_trajedit.traces.json_text import json_indented, parse_json

__all__ = ["OpenedFolder", "is_written_to", "open_remote_folder", "publish_files", "publish_objects", "verify_remote"]

_STAGING = "staging-"


@dataclass(frozen=True)
class OpenedFolder:
    """A folder at an address that a run is going to write to: the name of the run's staging in it, and how many
    annotations the files that are there were made of."""

    staging: str
    annotations_before: int


@dataclass(frozen=True)
class _PlacedObject:
    """What an object was when it was put in place: its SHA-256 in hex, and what its storage calls that content, if it
    does. A later run that finds it so need not read it."""

    sha256: str
    version: str | None


@dataclass(frozen=True)
class _Remembered:
    """What `written.json` at an address says."""

    written: WrittenFiles
    placed: Mapping[str, _PlacedObject]

    def to_bytes(self) -> bytes:
        placed = {name: vars(found) for name, found in sorted(self.placed.items())}
        return json_indented({**written_json(self.written), "placed": placed}).encode() + b"\n"


@dataclass(frozen=True)
class _Folder:
    """What there is at an address before a run publishes: its manifest, as far as it is one of ours and as it is, and
    what is remembered of earlier runs."""

    address: Address
    raw_manifest: bytes | None
    manifest: Manifest | None
    remembered: _Remembered

    @property
    def written(self) -> WrittenFiles:
        """The files that earlier runs put there."""
        files = () if self.manifest is None else self.manifest.files
        return joined(self.remembered.written, {file.file: frozenset([file.sha256]) for file in files})

    def find(self, name: str) -> _PlacedObject | None:
        """The object of that name; None when there is none. One that is as it was put in place is not read."""
        placed, found = self.remembered.placed.get(name), object_at(self.address / name)
        if found is None or (placed is not None and placed.version == found.version is not None):
            return placed if found else None
        # What changes between these two requests has another version when it is looked for again.
        digest = object_digest(self.address / name)
        return None if digest is None else _PlacedObject(digest, found.version)


@contextmanager
def open_remote_folder(address: Address) -> Iterator[OpenedFolder]:
    """A folder at an address for a run that writes there in the block. If there is no manifest, so that something is
    certain to be written, this tries whether that is allowed.

    What is in the staging is removed when the block raises something, unless the storage cannot be reached. Raises what
    `explain_storage_failures` raises, and DataError when what is remembered of earlier runs is damaged.
    """
    staging = f"{PRIVATE}/{_STAGING}{secrets.token_hex(4)}"
    folder = _folder_at(address)
    if folder.raw_manifest is None:
        put_object(address / staging / "begun", b"")
        remove_object(address / staging / "begun")
    before = 0 if folder.manifest is None else int(folder.manifest.counts.as_json()["annotations"])
    try:
        yield OpenedFolder(staging, before)
    except ServerError:
        raise
    except BrokenPipeError:
        # The command line takes one for a reader of its output who has seen enough, and ends with 0.
        raise DataError(f"{address}: not updated, because whoever read the messages has gone; run it again") from None
    except BaseException:
        with suppress(TrajeditError):
            _remove_all(address / staging)
        raise


def publish_files(address: Address, staging: str, folder: Path, manifest: Manifest) -> Publication:
    """Puts the files that `manifest` lists to `address`, from `folder`, and the manifest last; and removes what earlier
    runs put there and it does not list. An object that is there already is left alone.

    Raises what `explain_storage_failures` raises, and DataError when another run began to publish meanwhile. Until the
    old manifest is removed, what was there is as it was; after that there is no manifest.
    """
    return _publish(address, staging, manifest, lambda name: put_file(address / staging / name, folder / name))


def publish_objects(address: Address, staging: str, manifest: Manifest) -> Publication:
    """Publishes what `manifest` lists, all of which is in the staging already. Otherwise as `publish_files`."""
    # Before another run, which has removed some of it, is stopped for nothing.
    _check_staged(address, staging, [file.file for file in manifest.files])
    return _publish(address, staging, manifest, lambda _: None)


def verify_remote(address: Address) -> list[CheckedFile]:
    """Every object that the manifest at `address` lists, in its order, and then those that only earlier runs put there.
    All of them are read. Raises DataError when there is no manifest of ours, and what
    `explain_storage_failures` raises."""
    folder = _folder_at(address)
    manifest = _read_manifest(folder)
    listed = [checked_file(file, partial(_digest, address)) for file in manifest.files]
    return [*listed, *_leftovers(folder, {file.file for file in manifest.files})]


def is_written_to(address: Address) -> bool:
    """Whether a run is at work at `address`, or was killed there."""
    return bool(_stagings(address))


def _read_manifest(folder: _Folder) -> Manifest:
    path = folder.address / MANIFEST
    if folder.raw_manifest is None:
        if folder.remembered.written or is_written_to(folder.address):
            raise DataError(
                f"{path}: not there, as while a run puts its files there, and after one that was killed; wait until it "
                "is done, or convert again"
            )
        raise DataError(f"{path}: not found; convert into {folder.address} first")
    try:
        return parse_manifest(folder.raw_manifest)
    except ManifestError as error:
        raise DataError(f"{path}: {error}; convert again") from None


def _folder_at(address: Address) -> _Folder:
    raw = read_object(address / MANIFEST, MOST_MANIFEST_BYTES)
    manifest = None
    if raw is not None:
        with suppress(ManifestError):
            manifest = parse_manifest(raw)
    return _Folder(address, raw, manifest, _read_remembered(address))


def _read_remembered(address: Address) -> _Remembered:
    place = address / PRIVATE / WRITTEN
    raw = read_object(place, MOST_WRITTEN_BYTES)
    if raw is None:
        return _Remembered({}, {})
    try:
        value = parse_json(raw)
        return _Remembered(parse_written(value), {name: _placed(found) for name, found in value["placed"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged_written(place) from None


def _placed(value: Any) -> _PlacedObject:
    return _PlacedObject(str(value["sha256"]), str(value["version"]))


def _digest(address: Address, name: str) -> str | None:
    return object_digest(address / name)


def _in_place(known: _Folder, manifest: Manifest) -> dict[str, _PlacedObject]:
    """The files of `manifest` that are at the address as they should be."""
    written = known.written
    found = {}
    for file in manifest.files:
        # What no run ever put there need not be looked at.
        placed = known.find(file.file) if file.sha256 in written.get(file.file, ()) else None
        if placed is not None and placed.sha256 == file.sha256:
            found[file.file] = placed
    return found


def _leftovers(known: _Folder, listed: Collection[str]) -> Iterator[CheckedFile]:
    for name in sorted(known.written.keys() - set(listed)):
        found = leftover(name, known.written, partial(_digest, known.address))
        if found is not None:
            yield found


def _publish(address: Address, staging: str, manifest: Manifest, stage: Callable[[str], None]) -> Publication:
    content = manifest.to_bytes()
    known = _folder_at(address)
    in_place = _in_place(known, manifest)
    if content != known.raw_manifest or len(in_place) < len(manifest.files) or _stagings_of_others(address, staging):
        # Each of two runs first puts this there, which is needed last, and then looks for that of the other. So at
        # least one of them finds the other, and what it removes is missed by that one before it writes its manifest.
        put_object(address / staging / MANIFEST, content)
        for name in _stagings_of_others(address, staging):
            remove_object(address / PRIVATE / name)
        known = _folder_at(address)
        in_place = _in_place(known, manifest)
    listed = {file.file: frozenset([file.sha256]) for file in manifest.files}
    new = [file for file in manifest.files if file.file not in in_place]
    placed = dict(in_place)
    remembered = known.remembered
    is_up_to_date = not new and content == known.raw_manifest
    if is_up_to_date:
        left = _remove_unlisted(known, listed)
    else:
        for file in new:
            stage(file.file)
        remembered = _remember(address, remembered, _Remembered(joined(known.written, listed), remembered.placed))
        _check_staged(address, staging, [MANIFEST, *(file.file for file in new)])
        remove_object(address / MANIFEST)
        with _without_manifest(address):
            for file in new:
                _copy(address, staging, file.file)
            left = _remove_unlisted(known, listed)
            for file in new:
                if (found := object_at(address / file.file)) is not None:
                    placed[file.file] = _PlacedObject(file.sha256, found.version)
            _copy(address, staging, MANIFEST)
    with suppress(TrajeditError):
        # If this fails, more is remembered than has to be.
        written = {**listed, **{file.file: known.written[file.file] for file in left}}
        known_again = {name: found for name, found in placed.items() if found.version is not None}
        _remember(address, remembered, _Remembered(written, known_again))
    try:
        _remove_all(address / staging)
    except TrajeditError as error:
        left.append(LeftFile(staging, str(error)))
    return Publication(left, is_up_to_date)


def _check_staged(address: Address, staging: str, names: list[str]) -> None:
    """Raises DataError when another run has removed one of these from the staging."""
    if not set(names) <= set(objects_under(address / staging)):
        raise _made_way(address)


def _remember(address: Address, before: _Remembered, now: _Remembered) -> _Remembered:
    if now != before:
        put_object(address / PRIVATE / WRITTEN, now.to_bytes())
    return now


def _copy(address: Address, staging: str, name: str) -> None:
    source = address / staging / name
    try:
        copy_object(source, address / name)
    except DataError:
        if object_at(source) is None:
            raise _made_way(address) from None
        raise


def _made_way(address: Address) -> DataError:
    return DataError(
        f"{address}: another ls-trajedit began to put its files there, so this one has made way; see to it that one "
        "runs at a time, and run this again if its files are the ones that you want"
    )


@contextmanager
def _without_manifest(address: Address) -> Iterator[None]:
    """Adds to what is raised in the block what is left at `address`."""
    try:
        yield
    except TrajeditError as error:
        raise type(error)(f"{error}. There is no manifest there until a run completes") from None


def _remove_unlisted(known: _Folder, listed: Collection[str]) -> list[LeftFile]:
    left = []
    for found in _leftovers(known, listed):
        if found.problem == "kept":
            left.append(LeftFile(found.file, None))
            continue
        try:
            remove_object(known.address / found.file)
        except TrajeditError as error:
            left.append(LeftFile(found.file, str(error)))
    return left


def _stagings(address: Address) -> list[str]:
    """What is in the stagings of all runs."""
    return [name for name in objects_under(address / PRIVATE) if name.startswith(_STAGING)]


def _stagings_of_others(address: Address, staging: str) -> list[str]:
    return [name for name in _stagings(address) if not f"{PRIVATE}/{name}".startswith(f"{staging}/")]


def _remove_all(address: Address) -> None:
    for name in objects_under(address):
        remove_object(address / name)
