"""nginx before Label Studio, with what docs/live-diff.md tells people to paste."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nginx import free_port, running_nginx

__all__ = ["running_proxy"]


@contextmanager
def running_proxy(folder: Path, locations: str) -> Iterator[str]:
    """The address of an nginx whose one server has these `locations`."""
    port = free_port()
    with running_nginx(folder, f"    server {{\n        listen 127.0.0.1:{port};\n{locations}\n    }}", port):
        yield f"http://127.0.0.1:{port}"
