"""The folder inside an output folder that is ours alone, and what it remembers: the files that runs put into the output
folder and that are not removed yet.

The manifest lists what the last complete run wrote. A run that is killed after its first rename leaves files that no
manifest ever lists, and a file that cannot be removed is in no manifest any more. So each run notes its files before it
puts the first of them in place, and forgets those of earlier runs once they are gone.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ls_trajedit.output.file_system import kind_of_file, open_file, replace_file, sync_folder, write_synced
from ls_trajedit.output.manifest import is_output_name
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import json_indented, parse_json

__all__ = [
    "MOST_WRITTEN_BYTES",
    "PRIVATE",
    "WRITTEN",
    "WrittenFiles",
    "check_private",
    "damaged_written",
    "parse_written",
    "read_written",
    "write_written",
    "written_json",
]

PRIVATE = ".ls-trajedit"
"""The folder's name."""

WrittenFiles = Mapping[str, frozenset[str]]
"""Files by name, each with the SHA-256 in hex of every content that a run gave it, or was about to."""

WRITTEN = "written.json"
"""The file in it that says which files runs have put into the output folder."""

MOST_WRITTEN_BYTES = 1 << 26


def check_private(folder: Path) -> None:
    """Raises OSError when the private folder of `folder`, or what is in it, is a link, a pipe, a device or a socket: it
    would be followed out of the output folder, or waited for."""
    private = folder / PRIVATE
    for path in (private, *private.iterdir()):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(0, f"{path.relative_to(folder)} is {kind_of_file(mode)}")


def read_written(folder: Path) -> WrittenFiles:
    """What is remembered of the files in `folder`; nothing when only an earlier version of ls-trajedit wrote there.
    Raises DataError when it cannot be read."""
    path = folder / PRIVATE / WRITTEN
    try:
        with open_file(path) as file:
            return parse_written(parse_json(file.read(MOST_WRITTEN_BYTES)))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise damaged_written(path) from None


def parse_written(value: Any) -> WrittenFiles:
    """The files of which `written_json` made `value`. Raises ValueError for anything else."""
    try:
        written = {name: frozenset(map(str, digests)) for name, digests in value["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError from error
    if not all(map(is_output_name, written)):
        raise ValueError
    return written


def written_json(written: WrittenFiles) -> dict[str, Any]:
    """What `written.json` says of these files."""
    return {"files": {name: sorted(digests) for name, digests in sorted(written.items())}}


def damaged_written(place: object) -> DataError:
    """The error for a `written.json` at `place` that nothing of ours wrote."""
    return DataError(
        f"{place}: is damaged, so files that a run left behind may not be recognized; look for such files in the "
        "folder, remove this one, and run the command again"
    )


def write_written(folder: Path, written: WrittenFiles) -> None:
    """Remembers `written` in place of what was remembered. It is on the disk when this returns. Raises OSError, and
    DataError when another program has the file open."""
    path = folder / PRIVATE / WRITTEN
    new = path.with_suffix(".new")
    write_synced(new, json_indented(written_json(written)).encode() + b"\n")
    replace_file(new, path)
    sync_folder(path.parent)
    # The private folder may be new itself.
    sync_folder(folder)
