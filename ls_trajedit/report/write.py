"""Writes the report of an output folder: whole, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ls_trajedit.output.file_system import sync_file
from ls_trajedit.output.folder import replace_files
from ls_trajedit.output.inventory import file_digest
from ls_trajedit.output.manifest import Manifest, read_manifest
from ls_trajedit.report.figures import count_figures
from ls_trajedit.report.page import page_pieces, write_blocks
from ls_trajedit.report.records import read_records
from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import DataError, SetupError, UsageError

__all__ = ["REPORT", "WrittenReport", "write_report"]

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

    Raises DataError when the files are not what the manifest says or when writing fails, UsageError when `target` is a
    folder or one of the files, and SetupError when it cannot be written to. What was there is then as it was.
    """
    manifest = read_manifest(folder)
    _check_target(folder, manifest, target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _create(temporary) as file, TemporaryFile(dir=target.parent) as spool:
            figures = count_figures(write_blocks(read_records(folder, manifest), spool))
            spool.seek(0)
            for piece in page_pieces(manifest, figures, spool):
                # A lone surrogate in a name has no bytes in UTF-8; as a reference, browsers show U+FFFD for it.
                file.write(piece.encode("utf-8", "xmlcharrefreplace"))
            size = file.tell()
            sync_file(file)
        is_new = file_digest(target) != file_digest(temporary)
        with defer_signals():
            if is_new:
                replace_files([(temporary, target)])
    except OSError as error:
        raise DataError(f"{target}: writing failed: {error.strerror}; make room, or write to another place") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return WrittenReport(target, figures.edits, figures.records, size, is_new)


def _check_target(folder: Path, manifest: Manifest, target: Path) -> None:
    """Raises UsageError when the report would replace a folder, or one of the output files."""
    if target.is_dir():
        raise UsageError(f"{target}: is a folder; name a file in it, such as {target / REPORT}")
    if target.resolve() in {(folder / name).resolve() for name in manifest.digests()}:
        raise UsageError(f"{target}: is one of the files that the report is made from; choose another name")


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except OSError as error:
        raise SetupError(f"{path.parent}: cannot write there: {error.strerror}; choose another place with -o") from None
