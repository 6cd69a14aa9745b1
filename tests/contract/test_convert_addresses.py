"""`convert` from addresses: a real S3 interface over HTTP, and servers of the web that misbehave."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tests.support import zstandard
from tests.support.exports import EDIT, annotation, task
from tests.support.http_service import serve
from tests.support.object_store import Bucket, ObjectStore

TASKS = [task(number, annotation(number, EDIT)) for number in (1, 2, 3)]
EXPORT = json.dumps(TASKS).encode()


def stored(number: int) -> bytes:
    """What target storage holds of an annotation."""
    held = {key: value for key, value in TASKS[number - 1].items() if key != "annotations"}
    return json.dumps({**TASKS[number - 1]["annotations"][0], "task": held}).encode()


def convert(folder: Path, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `convert` with nothing of AWS but `environment`, no access to the machine's own credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-m", "ls_trajedit", "convert", *arguments],
        cwd=folder,
        env={**kept, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Traceback" not in ran.stderr
    return ran


def counts(folder: Path, output: str = "data") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / output / "manifest.json").read_text(encoding="utf-8"))["counts"]
    return found


@pytest.fixture(scope="module")
def bucket(object_store: ObjectStore) -> Bucket:
    made = object_store.new_bucket()
    made.put("exports/a.json", EXPORT)
    made.put("exports/b.json.gz", gzip.compress(EXPORT))
    made.put("exports/deep/c", zstandard.compress(EXPORT))
    for number in (1, 2, 3):
        made.put(f"target/{number}", stored(number))
    made.put("target/", b"")
    made.put("target/_SUCCESS", b"")
    made.put("target/.ls-trajedit/state", b"{")
    made.put("target/README.md", b"# What this is\n")
    made.put("broken/1", stored(1))
    made.put("broken/2", stored(2)[:-20])
    return made


@pytest.mark.parametrize(
    ("names", "tasks", "duplicates", "others"),
    [
        (["exports/a.json"], 3, None, None),
        (["exports/b.json.gz"], 3, None, None),
        (["exports"], 3, 6, None),
        (["exports/"], 3, 6, None),
        (["exports/*.json*"], 3, 3, None),
        (["exports/**/c"], 3, None, None),
        (["target/2"], 1, None, None),
        (["target"], 3, None, 2),
        (["target", "exports/a.json", "target/1"], 3, 3, 2),
    ],
)
def test_objects_patterns_and_prefixes_are_read_as_files_are(
    bucket: Bucket,
    object_store: ObjectStore,
    tmp_path: Path,
    names: list[str],
    tasks: int,
    duplicates: int | None,
    others: int | None,
) -> None:
    ran = convert(tmp_path, *(f"{bucket.url}/{name}" for name in names), environment=object_store.environment)
    assert ran.returncode == 0
    found = counts(tmp_path)
    assert (found["tasks"], found["edited"]) == (tasks, tasks)
    assert (found.get("duplicates"), found.get("other_objects")) == (duplicates, others)
    assert ran.stderr.splitlines() == [
        f"not annotations, passed over: {bucket.url}/target/{name}" for name in ("README.md", "_SUCCESS") if others
    ]


def test_target_storage_and_the_export_of_the_same_annotations_give_the_same_bytes(
    bucket: Bucket, object_store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "e.json").write_bytes(EXPORT)
    assert convert(tmp_path, "e.json", "-o", "exported", environment={}).returncode == 0
    for number in (1, 2, 3):
        (tmp_path / "held" / str(number)).parent.mkdir(exist_ok=True)
        (tmp_path / "held" / str(number)).write_bytes(stored(number))
    assert convert(tmp_path, "held", "-o", "local", environment={}).returncode == 0
    address = [f"{bucket.url}/target/{number}" for number in (1, 2, 3)]
    assert convert(tmp_path, *address, "-o", "stored", environment=object_store.environment).returncode == 0
    exported, *others = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir() if path.is_file()}
        for name in ("exported", "local", "stored")
    )
    assert others == [exported, exported]


def test_a_broken_object_is_an_error_or_is_skipped_whole(
    bucket: Bucket, object_store: ObjectStore, tmp_path: Path
) -> None:
    environment = object_store.environment
    ran = convert(tmp_path, f"{bucket.url}/broken", environment=environment)
    assert (ran.returncode, ran.stderr.startswith(f"ls-trajedit: {bucket.url}/broken/2:1: not JSON: ")) == (5, True)
    ran = convert(tmp_path, f"{bucket.url}/broken", "--skip-invalid", "--json", environment=environment)
    assert ran.returncode == 0
    found = json.loads(ran.stdout)
    assert (found["tasks"], found["unreadable_sources"]) == (1, 1)
    assert [reason.startswith(f"{bucket.url}/broken/2:1: not JSON: ") for reason in found["unreadable"]] == [True]


@pytest.mark.parametrize(
    ("address", "changed", "exit_code", "message"),
    [
        ("{bucket}/none", {}, 2, "{bucket}/none: there is nothing at this address"),
        ("{bucket}/none*", {}, 2, "{bucket}/none*: no object has a name like this"),
        ("s3://no-such-bucket/1", {}, 5, "s3://no-such-bucket/1: there is no such bucket"),
        (
            "{bucket}/target",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            3,
            "{bucket}/target: access was denied; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
            "have it allowed there",
        ),
        (
            "{bucket}/target",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            4,
            "{bucket}/target: cannot be reached; check the address, the endpoint and the network",
        ),
    ],
    ids=["nothing", "no match", "bucket", "credentials", "unreachable"],
)
def test_what_goes_wrong_is_said_in_a_line_and_with_its_exit_code(
    bucket: Bucket,
    object_store: ObjectStore,
    tmp_path: Path,
    address: str,
    changed: dict[str, str],
    exit_code: int,
    message: str,
) -> None:
    environment = {**object_store.environment, **changed}
    ran = convert(tmp_path, address.format(bucket=bucket.url), environment=environment)
    assert (ran.returncode, ran.stdout) == (exit_code, "")
    assert ran.stderr == f"ls-trajedit: {message.format(bucket=bucket.url)}\n"


def test_a_presigned_address_is_read_and_its_signature_shown_nowhere(
    bucket: Bucket, object_store: ObjectStore, tmp_path: Path
) -> None:
    def signed(key: str) -> str:
        made: str = bucket.client.generate_presigned_url("get_object", Params={"Bucket": bucket.name, "Key": key})
        return made

    assert convert(tmp_path, signed("exports/b.json.gz"), environment={}).returncode == 0
    assert counts(tmp_path)["edited"] == 3
    ran = convert(tmp_path, signed("exports/none"), environment={})
    shown = f"{object_store.endpoint}/{bucket.name}/exports/none?…"
    assert (ran.returncode, ran.stderr) == (5, f"ls-trajedit: {shown}: is not there\n")


@pytest.mark.parametrize(
    ("status", "exit_code", "message"),
    [
        (
            403,
            3,
            "access was denied (403); the address needs a login, or its signature has expired, or have it allowed "
            "there",
        ),
        (404, 5, "is not there"),
        (500, 4, "the server failed (500), after retries; try again later"),
    ],
)
def test_a_refusal_of_the_web_is_said_without_the_password(
    tmp_path: Path, status: int, exit_code: int, message: str
) -> None:
    with serve(lambda request, body: Response("opensesame", status)) as service:
        address = service.url.replace("http://", "http://ana:opensesame@")
        ran = convert(tmp_path, f"{address}/e.json?sig=opensesame", environment={})
    host = service.url.removeprefix("http://")
    assert (ran.returncode, ran.stderr) == (exit_code, f"ls-trajedit: http://…@{host}/e.json?…: {message}\n")


def test_the_web_is_read_once_with_the_login_in_the_address(tmp_path: Path) -> None:
    """Though the export holds a task twice, for which a file would be read again."""
    twice = json.dumps([*TASKS, TASKS[0]]).encode()

    def answer(request: Request, body: bytes) -> Response:
        return Response(twice) if "authorization" in request.headers else Response("", 401)

    with serve(answer) as service:
        address = service.url.replace("http://", "http://ana:opensesame@")
        assert convert(tmp_path, f"{address}/e.json", environment={}).returncode == 0
    assert (counts(tmp_path)["edited"], counts(tmp_path)["duplicates"]) == (3, 1)
    assert [seen.method for seen in service.seen].count("GET") == 1


@contextmanager
def cut_off(content: bytes) -> Iterator[str]:
    """A server that promises more than it sends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(content) + 1000)
                connection.sendall(head if asked.startswith(b"HEAD") else head + content)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/e.json"
    finally:
        listener.close()


def test_a_transfer_that_breaks_off_is_an_error_even_after_a_whole_export(tmp_path: Path) -> None:
    lines = b"\n".join(json.dumps(one).encode() for one in TASKS) + b"\n"
    with cut_off(lines) as address:
        ran = convert(tmp_path, address, environment={})
    assert (ran.returncode, ran.stderr) == (
        4,
        f"ls-trajedit: {address}: the transfer broke off; run the command again\n",
    )
    assert not (tmp_path / "data" / "manifest.json").exists()
