"""`ls-trajedit verify`."""

from __future__ import annotations

from dataclasses import asdict

from ls_trajedit.commands import shared_options
from ls_trajedit.console import print_json, print_line
from ls_trajedit.output.folder import is_being_written
from ls_trajedit.output.inventory import verify as verify_files
from ls_trajedit.traces.errors import DataError

__all__ = ["verify"]


def verify(
    folder: shared_options.WrittenFolder,
    as_json: shared_options.Json = False,
) -> None:
    """Compare the files in a folder with the hashes in its manifest.

    Exits with 5 if a file is missing or is not the one that was written, or if one that an earlier run wrote is still
    there.
    """
    files = verify_files(folder)
    if as_json:
        print_json({"files": [asdict(file) for file in files]})
    else:
        for file in files:
            print_line(f"{file.problem or 'ok':<9}{file.file}")
    broken = [file.file for file in files if file.problem]
    if not broken:
        return
    if is_being_written(folder):
        raise DataError(f"{folder}: another ls-trajedit is writing there, so wait until it is done and verify again")
    if all(file.problem == "kept" for file in files if file.problem):
        advice = "somebody changed what an earlier run wrote, so move it to another folder"
    else:
        advice = "pull again, or convert again"
    raise DataError(f"{folder}: not what the manifest says: {', '.join(broken)}; {advice}")
