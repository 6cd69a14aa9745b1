"""What can stand where a file is expected, and is none."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["SPECIAL", "put_special"]

SPECIAL = ("pipe", "zero", "dangling", "loop", "socket")


def put_special(path: Path, kind: str) -> None:
    """Puts a pipe that nobody writes to, a link to /dev/zero, to nothing, or to itself, or a socket at `path`."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to(path.with_name("nothing"))
        case "loop":
            path.symlink_to(path.name)
        case "socket":
            # The address of a socket is short, and paths of tests are long.
            with socket.socket(socket.AF_UNIX) as listener:
                descriptor = os.open(path.parent, os.O_RDONLY)
                try:
                    listener.bind(f"/proc/self/fd/{descriptor}/{path.name}")
                finally:
                    os.close(descriptor)
        case _:
            raise ValueError(kind)
