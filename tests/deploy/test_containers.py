"""Compose, Kubernetes and the Dockerfile, as their own tools read them. No container is run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import requests
from starlette.responses import Response

from tests.support.http_service import serve

from .deploy_files import DEPLOY, documents

OLDEST = "1.30"


def test_compose_takes_the_file(tmp_path: Path) -> None:
    if shutil.which("docker-compose") is None:
        pytest.fail("this test needs docker-compose: install the package `docker-compose`")
    shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    command = ["docker-compose", "--file", str(tmp_path / "compose.yaml"), "config", "--quiet"]
    without = subprocess.run(command, capture_output=True, text=True, check=False)
    assert without.returncode != 0
    assert "backend.env" in without.stderr
    (tmp_path / "backend.env").write_text("BASIC_AUTH_USER=a\nBASIC_AUTH_PASS=b\n", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", ["backend.yaml", "pull.yaml"])
def test_kubernetes_knows_every_key(name: str, version: str) -> None:
    for document in documents(f"kubernetes/{name}"):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_mistake_in_a_manifest_would_be_seen() -> None:
    deployment = documents("kubernetes/backend.yaml")[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, OLDEST, strict=True)


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_of_two_addresses_for_a_name_label_studios_library_asks_the_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "ls-trajedit")
    resolve = socket.getaddrinfo

    def both(host: Any, *rest: Any, **options: Any) -> Any:
        hosts = ["127.0.0.2", "127.0.0.1"] if host == "ls-trajedit" else [host]
        return [found for each in hosts for found in resolve(each, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with serve(lambda request, body: Response()) as service:
        port = service.url.rpartition(":")[2]
        assert requests.get(f"http://ls-trajedit:{port}/", timeout=30).status_code == 200
