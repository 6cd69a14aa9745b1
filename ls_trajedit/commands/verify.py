"""`ls-trajedit verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ls_trajedit.commands import shared_options
from ls_trajedit.console import print_json, print_line
from ls_trajedit.output.folder import is_being_written
from ls_trajedit.output.inventory import verify as verify_files
from ls_trajedit.output.remote_folder import is_written_to, verify_remote
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import DataError

__all__ = ["verify"]


def verify(
    place: shared_options.WrittenPlace,
    as_json: shared_options.Json = False,
) -> None:
    """Compare the files in a folder, or at an address, with the hashes in its manifest.

    Exits with 5 if a file is missing or is not the one that was written, or if one that an earlier run wrote is still
    there.
    """
    files = verify_remote(place) if isinstance(place, Address) else verify_files(place)
    if as_json:
        print_json({"files": [asdict(file) for file in files]})
    else:
        for file in files:
            print_line(f"{file.problem or 'ok':<9}{file.file}")
    broken = [file.file for file in files if file.problem]
    if not broken:
        return
    if isinstance(place, Path) and is_being_written(place):
        raise DataError(f"{place}: another ls-trajedit is writing there, so wait until it is done and verify again")
    if all(file.problem == "kept" for file in files if file.problem):
        advice = "somebody changed what an earlier run wrote, so move it to another folder"
    elif isinstance(place, Address) and is_written_to(place):
        advice = "another ls-trajedit is writing there, or was killed: wait until it is done, or convert again"
    else:
        advice = "pull again, or convert again"
    raise DataError(f"{place}: not what the manifest says: {', '.join(broken)}; {advice}")
