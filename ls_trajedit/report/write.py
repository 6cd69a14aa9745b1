"""Writes the report of an output folder: whole, or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from ls_trajedit.output.file_system import NotAFileError
from ls_trajedit.output.manifest import Manifest, read_manifest
from ls_trajedit.output.private import PRIVATE
from ls_trajedit.output.whole_file import NewFile, check_place, whole_file
from ls_trajedit.report.figures import count_figures
from ls_trajedit.report.page import page_pieces, write_blocks
from ls_trajedit.report.records import read_records
from ls_trajedit.traces.errors import DataError, SetupError, UsageError

__all__ = ["REPORT", "WrittenReport", "check_target", "write_report"]

REPORT = "report.html"
"""What the report is called by default, in the output folder."""


@dataclass(frozen=True)
class WrittenReport:
    """Where the report is, how many corrections in how many annotations it shows, and its size in bytes. `is_new` is
    False when the very same file was there already."""

    path: Path
    corrections: int
    annotations: int
    size: int
    is_new: bool


def write_report(folder: Path, target: Path) -> WrittenReport:
    """Makes the report of what is in `folder`, and puts it at `target` when it is not the same as what is there.

    Raises DataError when the files are not what the manifest says or when writing fails, and what `check_target`
    raises. What was there is then as it was.
    """
    manifest = read_manifest(folder)
    check_target(folder, target)
    _check_not_listed(folder, manifest, target)
    try:
        with ExitStack() as stack:
            new = _begin(stack, target)
            spool = stack.enter_context(TemporaryFile(dir=target.parent))
            figures = count_figures(write_blocks(read_records(folder, manifest), spool))
            spool.seek(0)
            for piece in page_pieces(manifest, figures, spool):
                # A lone surrogate in a name has no bytes in UTF-8; as a reference, browsers show U+FFFD for it.
                new.file.write(piece.encode("utf-8", "xmlcharrefreplace"))
            size = new.file.tell()
    except OSError as error:
        raise DataError(f"{target}: writing failed: {error.strerror}; make room, or write to another place") from None
    return WrittenReport(target, figures.corrections, figures.records, size, new.is_new)


def check_target(folder: Path, target: Path) -> None:
    """Raises UsageError when there is a folder, a link or a device where the report is to go, or it would go into the
    folder that is ours alone; SetupError when nothing can be written there."""
    try:
        if target.is_dir():
            raise UsageError(f"{target}: is a folder; name a file in it, such as {target / REPORT}")
        check_place(target)
        if Path(os.path.realpath(folder / PRIVATE)) in Path(os.path.realpath(target)).parents:
            raise UsageError(f"{target}: is in the folder that keeps the state of ls-trajedit; choose another place")
    except NotAFileError as error:
        raise UsageError(f"{target}: {error.strerror}; choose another name with -o") from None
    except OSError as error:
        raise _cannot_write(target, error) from None


def _check_not_listed(folder: Path, manifest: Manifest, target: Path) -> None:
    """Raises UsageError when the report would replace one of the output files, by whatever name."""
    files = [folder / name for name in manifest.digests()]
    # Unlike Path.resolve, this takes a link to itself for a file.
    is_named = os.path.realpath(target) in map(os.path.realpath, files)
    if is_named or any(_is_same(file, target) for file in files):
        raise UsageError(f"{target}: is one of the files that the report is made from; choose another name")


def _is_same(file: Path, target: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(file.lstat(), target.lstat())
    return False


def _begin(stack: ExitStack, target: Path) -> NewFile:
    try:
        return stack.enter_context(whole_file(target))
    except OSError as error:
        raise _cannot_write(target, error) from None


def _cannot_write(target: Path, error: OSError) -> SetupError:
    return SetupError(f"{target.parent}: cannot write there: {error.strerror}; choose another place with -o")
