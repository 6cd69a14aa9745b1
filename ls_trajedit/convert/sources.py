"""What `convert` reads: each file or object that the command line names, or that is in a folder which it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ls_trajedit.storage.address import Address

__all__ = ["Source"]


@dataclass(frozen=True)
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
