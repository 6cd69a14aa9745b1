"""Why something that could be a row of a training file is none. Each is counted in the manifest, file by file."""

from __future__ import annotations

from enum import Enum

__all__ = ["Omission"]


class Omission(str, Enum):
    """The value is what the manifest calls it."""

    INVISIBLE = "invisible"
    """Original and correction are written the same under this template."""
    EMPTY = "empty"
    """A side is written as nothing, and there is no turn without a text."""
    STALE = "stale"
    """What it follows was recorded after an action that was corrected (`--stale exclude`, `truncate`)."""
    NOISE = "noise"
    """Every edit in it is too small (`--min-edit-chars`, `--ignore-whitespace-edits`)."""
    LATER = "later"
    """Not the first edited step of its trace (`--pairs first`)."""
    UNEDITED = "unedited"
    """Nothing was edited (`--prm-unedited exclude`)."""
    DISPUTED = "disputed"
    """An annotator changed what no other changed alike (`--annotators-policy agree`)."""
