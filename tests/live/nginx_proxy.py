"""nginx before Label Studio, with what docs/live-diff.md tells people to paste."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["running_nginx"]

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/html html; text/javascript js; }}
    server {{
        listen 127.0.0.1:{port};
{locations}
    }}
}}
"""
_SECONDS = 20


@contextmanager
def running_nginx(folder: Path, locations: str) -> Iterator[str]:
    """The address of an nginx whose one server has these `locations`; it runs as whoever runs the tests."""
    nginx = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if nginx is None:
        pytest.fail("this test needs nginx: install the package `nginx-light`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, locations=locations))
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen([nginx, "-p", folder, "-c", config, "-e", "stderr"], stderr=log)
    try:
        _wait_until_it_listens(process, port, folder / "nginx.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"nginx does not listen: {log.read_text(encoding='utf-8')}")
