"""The units, as systemd reads them, and their command lines as processes with the environment that systemd gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.conftest import running_host
from tests.contract.hostile_label_studio import TOKEN, corrected, hostile_label_studio

from .deploy_files import DEPLOY, PROGRAM, unit_command
from .test_files import environment_file

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = Path(sys.executable).parent / "ls-trajedit"
# systemd's scale is from 0 to 100, as an option; 20 is called OK, and a unit that says nothing gets 96.
EXPOSURE = "20"
UNITS = ["ls-trajedit@9090.service", "ls-trajedit-pull@12.service", "ls-trajedit-pull@12.timer"]


@pytest.fixture
def analyze(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `systemd-analyze` beside the units, whose program is the one that is installed here."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("this test needs systemd-analyze: install the package `systemd`")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace(PROGRAM, str(INSTALLED))
        (tmp_path / path.name).write_text(text, encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_systemd_has_nothing_to_say_about_the_units(analyze: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = analyze("verify", "--man=no", *(f"./{name}" for name in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_mistake_in_a_unit_would_be_seen(
    analyze: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    path = tmp_path / "ls-trajedit@.service"
    path.write_text(path.read_text(encoding="utf-8").replace("ProtectClock=yes", "ProtectClok=yes"), encoding="utf-8")
    assert "ProtectClok" in analyze("verify", "--man=no", f"./{UNITS[0]}").stderr


@pytest.mark.parametrize("name", [name.replace("9090", "").replace("12", "") for name in UNITS[:2]])
def test_systemd_calls_the_exposure_of_a_service_ok(
    analyze: Callable[..., subprocess.CompletedProcess[str]], name: str
) -> None:
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", f"./{name}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_of_the_backend_serves_and_stops() -> None:
    _, *words = unit_command("ls-trajedit@.service", "0")
    credentials = environment_file("backend.env")
    user = (credentials["BASIC_AUTH_USER"], credentials["BASIC_AUTH_PASS"])
    with running_host([str(INSTALLED), *words], {"PATH": "/usr/bin:/bin", **credentials}) as host:
        host.url = host.wait_for_line(lambda line: line["event"] == "listening")["url"]
        assert host.url.startswith("http://127.0.0.1:")
        assert host.get("/livez").json() == {"status": "UP"}
        assert host.get("/health").status_code == 401
        assert host.get("/health", auth=user).json()["status"] == "UP"
        assert host.stop() == 0
        assert not any(credentials["BASIC_AUTH_PASS"] in line for line in host.lines)


def test_the_command_line_of_the_pull_pulls_every_night(tmp_path: Path) -> None:
    _, *words = unit_command("ls-trajedit-pull@.service", "12")
    assert words[-2:] == ["-o", "/var/lib/ls-trajedit/12/data"]
    assert set(environment_file("pull.env")) == {"LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"}
    printed = []
    with hostile_label_studio() as label_studio:
        label_studio.annotate(label_studio.add_task(), corrected("better"))
        for _ in range(2):
            done = subprocess.run(
                [str(INSTALLED), *words[:-1], str(tmp_path / "12" / "data")],
                env={
                    "PATH": "/usr/bin:/bin",
                    "LABEL_STUDIO_URL": label_studio.url,
                    "LABEL_STUDIO_API_KEY": TOKEN,
                },
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            printed.append(done.stdout)
    assert "1 new" in printed[0]
    assert "1 new" not in printed[1]
    assert (tmp_path / "12" / "data" / "manifest.json").is_file()
