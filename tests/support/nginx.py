"""nginx as a process of whoever runs the tests."""

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

__all__ = ["check_nginx", "free_port", "running_nginx"]

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
{servers}
}}
"""
_SECONDS = 20


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_nginx(folder: Path, servers: str) -> str:
    """What `nginx -t` says about a configuration with these blocks for `http`; that it is good, if it is."""
    command = [_program(), "-p", folder, "-c", _written(folder, servers), "-e", "stderr", "-t"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@contextmanager
def running_nginx(folder: Path, servers: str, port: int) -> Iterator[None]:
    """An nginx with these blocks for `http`, from when it listens on `port`."""
    command = [_program(), "-p", folder, "-c", _written(folder, servers), "-e", "stderr"]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        _wait_until_it_listens(process, port, folder / "nginx.log")
        yield
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _program() -> str:
    nginx = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if nginx is None:
        pytest.fail("this test needs nginx: install the package `nginx-light`")
    return nginx


def _written(folder: Path, servers: str) -> Path:
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, servers=servers))
    return config


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"nginx does not listen: {log.read_text(encoding='utf-8')}")
