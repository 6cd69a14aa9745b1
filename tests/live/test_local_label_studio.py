"""The Label Studio that the demo and these tests run on: up, closed to the outside, shared by two people, gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user, run_label_studio
from ls_trajedit.traces.errors import RefusedError, ServerError

PASSWORD = "a-password-for-this-test"
LOOPBACK_IN_PROC = "0100007F"


def call(label_studio: LocalLabelStudio, method: str, path: str, token: str, **body: object) -> requests.Response:
    headers = {"Authorization": f"Token {token}"}
    answer = requests.request(method, label_studio.url + path, headers=headers, json=body or None, timeout=60)
    answer.raise_for_status()
    return answer


def listening_addresses(port: int) -> set[str]:
    """The local addresses, as the kernel writes them in hexadecimal, at which something listens on `port`."""
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path("/proc/net", table).read_text(encoding="utf-8").splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


def port_of(label_studio: LocalLabelStudio) -> int:
    port = urlsplit(label_studio.url).port
    assert port is not None
    return port


def test_is_up_and_listens_on_loopback_only(label_studio: LocalLabelStudio) -> None:
    assert requests.get(f"{label_studio.url}/health", timeout=30).json() == {"status": "UP"}
    assert listening_addresses(port_of(label_studio)) == {LOOPBACK_IN_PROC}


def test_credentials_are_not_in_the_command_line_nor_in_its_printed_form(label_studio: LocalLabelStudio) -> None:
    for told in (Path(f"/proc/{label_studio.pid}/cmdline").read_text(encoding="utf-8"), repr(label_studio)):
        assert label_studio.token not in told
        assert label_studio.password not in told


def test_two_people_annotate_the_same_task_each_in_their_own_name(label_studio: LocalLabelStudio) -> None:
    config = '<View><Text name="t" value="$text"/><TextArea name="c" toName="t"/></View>'
    owner = label_studio.token
    project = call(label_studio, "POST", "/api/projects", owner, title="Two people", label_config=config).json()["id"]
    task = call(label_studio, "POST", "/api/tasks", owner, project=project, data={"text": "helo"}).json()["id"]

    users = {}
    for email in ("ana@example.com", "ben@example.com"):
        token = add_user(label_studio, email, PASSWORD)
        projects = call(label_studio, "GET", "/api/projects", token).json()["results"]
        assert project in [found["id"] for found in projects]
        result = [{"from_name": "c", "to_name": "t", "type": "textarea", "value": {"text": ["hello"]}}]
        annotation = call(label_studio, "POST", f"/api/tasks/{task}/annotations", token, result=result).json()
        users[email] = annotation["completed_by"]
        assert call(label_studio, "GET", "/api/current-user/whoami", token).json()["email"] == email

    assert users["ana@example.com"] != users["ben@example.com"]
    saved = call(label_studio, "GET", f"/api/tasks/{task}/annotations", owner).json()
    assert {annotation["completed_by"] for annotation in saved} == set(users.values())


def test_a_user_that_label_studio_refuses_is_explained(label_studio: LocalLabelStudio) -> None:
    add_user(label_studio, "carla@example.com", PASSWORD)
    with pytest.raises(RefusedError, match=r"carla@example\.com: User with this email already exists"):
        add_user(label_studio, "carla@example.com", PASSWORD)
    with pytest.raises(RefusedError, match=r"dan@example\.com: Please enter a password"):
        add_user(label_studio, "dan@example.com", "short")


def test_nothing_is_left_when_the_block_ends_even_by_ctrl_c_and_the_folder_can_be_used_again(tmp_path: Path) -> None:
    def interrupted() -> None:
        with run_label_studio(tmp_path) as first:
            started.append(first)
            call(first, "POST", "/api/projects", first.token, title="Made before")
            raise KeyboardInterrupt

    started: list[LocalLabelStudio] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert listening_addresses(port_of(started[0])) == set()
    with pytest.raises(ProcessLookupError):
        os.killpg(started[0].pid, 0)

    with run_label_studio(tmp_path, port=port_of(started[0])) as second:
        assert second.url == started[0].url
        titles = [found["title"] for found in call(second, "GET", "/api/projects", second.token).json()["results"]]
        assert titles == ["Made before"]


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} is in use"), run_label_studio(tmp_path, port=port):
            pass
    assert not (tmp_path / "label-studio.log").exists()


def test_a_label_studio_that_dies_while_starting_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = {"LABEL_STUDIO_DEBUG": "not a truth value"}
    reason = r"ended with status 1 while starting[\s\S]*not a truth value"
    with pytest.raises(ServerError, match=reason), run_label_studio(tmp_path, extra_env=broken):
        pass
