"""The databases that Label Studio can keep its projects in, and what only somebody who has the database can do."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

__all__ = ["Database", "PostgresqlServer", "SqliteDatabase", "run_postgresql"]

_HOST = "127.0.0.1"
_SECONDS = 60
_SUPERUSER = "label_studio"
# What Debian's package installs, and not on PATH.
_DEBIAN = Path("/usr/lib/postgresql")


class Database(Protocol):
    """The database of a Label Studio."""

    def age_tasks(self, project: int) -> None:
        """Dates the last change of every task an hour back, as if nothing had happened for so long. A pull reads what
        changed in the last minutes again in any case, so in a test it would read everything, and could miss nothing."""


@dataclass(frozen=True)
class SqliteDatabase:
    """The file in which Label Studio keeps everything if it is not told otherwise."""

    path: Path

    def age_tasks(self, project: int) -> None:
        """As `Database.age_tasks`."""
        with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
            back = "strftime('%Y-%m-%d %H:%M:%f', updated_at, '-1 hour')"
            connection.execute(f"UPDATE task SET updated_at = {back} WHERE project_id = ?", [project])


@dataclass(frozen=True)
class PostgresqlServer:
    """A PostgreSQL on this machine. Label Studio finds it by the variables in `environment`."""

    port: int
    password: str = field(repr=False)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a Label Studio needs in its environment to keep everything here."""
        return {
            "DJANGO_DB": "default",
            "POSTGRE_NAME": "postgres",
            "POSTGRE_USER": _SUPERUSER,
            "POSTGRE_PASSWORD": self.password,
            "POSTGRE_HOST": _HOST,
            "POSTGRE_PORT": str(self.port),
        }

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the database in which Label Studio keeps everything."""
        return psycopg.connect(
            host=_HOST, port=self.port, dbname="postgres", user=_SUPERUSER, password=self.password, **options
        )

    def age_tasks(self, project: int) -> None:
        """As `Database.age_tasks`."""
        with self.connect() as connection:
            connection.execute(
                "UPDATE task SET updated_at = updated_at - interval '1 hour' WHERE project_id = %s", [project]
            )


@contextmanager
def run_postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL with an empty database in a temporary folder, on a free port of loopback, gone after the block.

    PostgreSQL does not run as root, so root starts it as the user `postgres`, whom Debian's package makes.
    """
    programs = _programs()
    owner: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-postgresql-") as folder:
        data, log, password_file = Path(folder, "data"), Path(folder, "log"), Path(folder, "password")
        password_file.write_text(password, encoding="utf-8")
        if owner:
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(password_file, "postgres", "postgres")
        access = ["-U", _SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
        subprocess.run(
            [programs / "initdb", "-D", data, *access, "--encoding=UTF8", "--no-locale", "--no-sync"],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **owner,
        )
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            port = probe.getsockname()[1]
        # Whatever is in this database is lost with the folder, so nothing waits for the disk.
        settings = {"listen_addresses": _HOST, "unix_socket_directories": "", "fsync": "off", "full_page_writes": "off"}
        chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("wb") as log_file:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *chosen],
                cwd=folder,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                **owner,
            )
        try:
            server = PostgresqlServer(port, password)
            _wait_until_up(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # what PostgreSQL calls a fast shutdown: it ends every connection
            process.wait(_SECONDS)


def _programs() -> Path:
    """The folder with PostgreSQL's programs: that on PATH, else the newest version that Debian's package installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = [path.parent for path in _DEBIAN.glob("*/bin/initdb") if path.parent.parent.name.isdecimal()]
    if not installed:
        pytest.fail("the live tests need PostgreSQL: install the package `postgresql`")
    return max(installed, key=lambda folder: int(folder.parent.name))


def _wait_until_up(server: PostgresqlServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not _answers(server):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.1)


def _answers(server: PostgresqlServer) -> bool:
    try:
        server.connect(connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
