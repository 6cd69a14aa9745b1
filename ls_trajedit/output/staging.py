"""Where a run puts its files before they are published: a folder, or a prefix, of its own inside the output folder.

A `Staging` can be sent to a worker on another machine, which writes there. That of a local folder must be on a file
system that all of them share.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ls_trajedit.output.folder import explain_write_failures, lock_folder, make_temporary_folder, publish
from ls_trajedit.output.inventory import annotations_before, written_files
from ls_trajedit.output.manifest import Manifest
from ls_trajedit.output.publication import Publication
from ls_trajedit.storage.address import Address
from ls_trajedit.storage.objects import get_file, put_file

__all__ = [
    "Output",
    "Staging",
    "mark_staging",
    "move_staged",
    "open_output",
    "publish_output",
    "publish_staged",
    "read_staged",
    "staging_work",
    "work_folder",
]


@dataclass(frozen=True)
class Staging:
    """The folder `name` inside the output folder `place`. It is removed when the run ends."""

    place: Path | Address
    name: str


@dataclass(frozen=True)
class Output:
    """An output folder that a run has opened: where it puts its files first, and how many annotations the files that
    are there were made of."""

    staging: Staging
    annotations_before: int


@contextmanager
def open_output(place: Path | Address) -> Iterator[Output]:
    """The output folder at `place`. In the block, no other run writes to a local one; at an address, the run that
    begins to publish last wins.

    Raises SetupError when nothing can be written there, or another run has it, and DataError when what is remembered of
    earlier runs is damaged. What goes wrong at an address is explained as `explain_storage_failures` does.
    """
    match place:
        case Path():
            with lock_folder(place), make_temporary_folder(place) as temporary:
                written_files(place)
                yield Output(Staging(place, temporary.name), annotations_before(place))
        case Address():
            from ls_trajedit.output.remote_folder import open_remote_folder

            with open_remote_folder(place) as opened:
                yield Output(Staging(place, opened.staging), opened.annotations_before)


@contextmanager
def work_folder(output: Output) -> Iterator[Path]:
    """A local folder in which files are made that `publish_output` then publishes; gone after the block."""
    match output.staging.place:
        case Path() as folder:
            yield folder / output.staging.name
        case Address():
            with tempfile.TemporaryDirectory(prefix="ls-trajedit-", ignore_cleanup_errors=True) as temporary:
                yield Path(temporary)


@contextmanager
def staging_work(staging: Staging) -> Iterator[Path]:
    """A local folder in which a worker makes files of the staging, gone after the block. Raises DataError when it
    cannot be made, as when the run has ended."""
    match staging.place:
        case Path() as folder:
            work = folder / staging.name / f"worker-{secrets.token_hex(8)}"
            with explain_write_failures(folder):
                # Without its parents: nothing is to be left behind.
                work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
        case Address():
            with tempfile.TemporaryDirectory(prefix="ls-trajedit-", ignore_cleanup_errors=True) as temporary:
                yield Path(temporary)


def move_staged(staging: Staging, name: str, path: Path) -> None:
    """Puts the file at `path`, which is in a folder that `staging_work` gave, into the staging as `name`, whole or not
    at all. Raises DataError when it cannot be written, and what `explain_storage_failures` raises."""
    match staging.place:
        case Path() as folder:
            with explain_write_failures(folder):
                for parent in reversed(PurePosixPath(name).parents[:-1]):
                    (folder / staging.name / parent).mkdir(exist_ok=True)
                path.replace(folder / staging.name / name)
        case Address() as address:
            put_file(address / staging.name / name, path)


def read_staged(staging: Staging, name: str, work: Path) -> Path:
    """The file `name` of the staging as one on this machine; one from an address is put into the folder `work`. Raises
    DataError when it cannot be written, and what `explain_storage_failures` raises."""
    match staging.place:
        case Path() as folder:
            return folder / staging.name / name
        case Address() as address:
            path = work / "staged"
            get_file(address / staging.name / name, path)
            return path


def mark_staging(staging: Staging) -> Path | None:
    """A new file by which others on the same file system see that they see the staging; None at an address. Raises
    DataError when it cannot be made."""
    match staging.place:
        case Path() as folder:
            mark = folder / staging.name / f"mark-{secrets.token_hex(8)}"
            with explain_write_failures(folder):
                mark.touch()
            return mark
        case Address():
            return None


def publish_output(output: Output, folder: Path, manifest: Manifest) -> Publication:
    """Publishes the files that `manifest` lists, from the folder that `work_folder` gave, and the manifest last.
    Removes what earlier runs wrote and it does not list. Raises what `open_output` raises."""
    match output.staging.place:
        case Path() as place:
            return Publication(publish(folder, place, manifest, written=written_files(place)))
        case Address() as address:
            from ls_trajedit.output.remote_folder import publish_files

            return publish_files(address, output.staging.name, folder, manifest)


def publish_staged(output: Output, manifest: Manifest) -> Publication:
    """Publishes the files that `manifest` lists, all of which are in the staging. Otherwise as `publish_output`."""
    match output.staging.place:
        case Path() as place:
            return publish_output(output, place / output.staging.name, manifest)
        case Address() as address:
            from ls_trajedit.output.remote_folder import publish_objects

            return publish_objects(address, output.staging.name, manifest)
