"""`--engine`, `--ray-address` and `--shards`: what cannot work is said before anything is read."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ON_RAY = ("convert", "export.json", "--engine", "ray")


@pytest.fixture(autouse=True)
def no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # Set by what connects to a cluster.
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_BACKEND_LOG_LEVEL", "RAY_py_gcs_connect_timeout_s"):
        monkeypatch.setenv(name, "0")
    (tmp_path / "export.json").write_text("[]", encoding="utf-8")


def refused(run: Run, code: int, *arguments: str) -> str:
    """The one line that a command says which ends with this exit code."""
    ran = run(*arguments)
    assert ran.exit_code == code, ran.err
    return str(ran.err)


def test_a_cluster_that_nobody_runs_is_not_waited_for(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert refused(run, 4, *ON_RAY, "--ray-address", address) == (
        f"ls-trajedit: {address}: no Ray cluster can be reached there (Connection refused); check --ray-address\n"
    )


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "nowhere", "host:port"])
def test_what_is_no_address_of_a_cluster_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert f"{address}: write it as HOST:PORT" in refused(run, 2, *ON_RAY, "--ray-address", address)
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert f"{address}: write it as HOST:PORT" in refused(run, 2, *ON_RAY)


def test_options_about_a_cluster_want_one(run: Run) -> None:
    for option in (("--shards", "3"), ("--ray-address", "127.0.0.1:6379")):
        assert "give --engine ray as well" in refused(run, 2, "convert", "export.json", *option)
    for count in ("0", "10001", "some"):
        assert "--shards" in refused(run, 2, *ON_RAY, "--shards", count)


def test_without_ray_people_are_told_how_to_install_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = refused(run, 3, *ON_RAY)
    assert said == "ls-trajedit: --engine ray needs Ray; run: pip install 'ls-trajedit[ray]'\n"
