"""What came of publishing a set of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ls_trajedit.output.inventory import LeftFile

__all__ = ["Publication"]


@dataclass(frozen=True)
class Publication:
    """The files of earlier runs that stayed, and whether every file was there already, so that none was written."""

    left: Sequence[LeftFile]
    is_up_to_date: bool = False
