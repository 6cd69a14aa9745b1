"""How much of a request the service reads."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def one_megabyte(start_shared_host: StartHost) -> Host:
    return start_shared_host("ls-trajedit serve", "--max-body", "1")


def chunks(size: int) -> Iterator[bytes]:
    """`size` bytes of JSON, sent without Content-Length."""
    yield b'{"x": "'
    for _ in range((size - 9) // 1000):
        yield b"x" * 1000
    yield b"x" * ((size - 9) % 1000) + b'"}'


@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook", "/validate", "/versions"])
def test_a_larger_body_is_a_413(one_megabyte: Host, path: str) -> None:
    for body in (b"x" * (MEGABYTE + 1), chunks(MEGABYTE + 1)):
        answer = one_megabyte.request("POST", path, data=body)
        assert answer.status_code == 413
        assert "larger than 1048576 bytes" in answer.json()["error"]
        assert "larger than 1048576 bytes" in answer.reason


def test_a_body_of_exactly_that_size_is_read(one_megabyte: Host) -> None:
    assert one_megabyte.request("POST", "/webhook", data=b'{"x": "' + b"x" * (MEGABYTE - 9) + b'"}').status_code == 200
    assert one_megabyte.request("POST", "/webhook", data=chunks(MEGABYTE)).status_code == 200


def test_a_declared_length_is_refused_before_anything_comes(one_megabyte: Host) -> None:
    address = one_megabyte.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 the body is larger than 1048576 bytes")


def test_a_false_length_is_not_a_server_error(one_megabyte: Host) -> None:
    address = one_megabyte.url.removeprefix("http://").split(":")
    for length in (b"-1", b"1e9", b"\xb2", b""):
        with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_is_not_a_server_error(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    address = host.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        connection.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"tasks": ')
    line = host.wait_for_line(lambda line: line["event"] == "request")
    assert (line["path"], line["status"], line["level"]) == ("/predict", 499, "info")
    assert host.get("/health").status_code == 200


def test_the_default_is_a_hundred_megabytes(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    body = b'{"x": "' + b"x" * (100 * MEGABYTE - 9) + b'"}'
    assert host.request("POST", "/webhook", data=body).status_code == 200
    assert host.request("POST", "/webhook", data=body + b" ").status_code == 413


REPEATER = """<View><Repeater on="$steps"><Text name="t{{idx}}" value="$steps[{{idx}}].x"/>
<TextArea name="b{{idx}}" toName="t{{idx}}"/></Repeater></View>"""


def test_a_small_request_for_more_controls_than_a_task_may_have_is_a_413_that_names_the_task(host: Host) -> None:
    tasks = [{"id": 7, "data": {"steps": []}}, {"id": 8, "data": {"steps": [0] * 20_001}}]
    answer = host.post("/predict", {"tasks": tasks, "label_config": REPEATER})
    assert answer.status_code == 413
    refusal = "task 8 (number 2): 20001 steps with 2 tags in the Repeater are 40002 controls, and the limit is 40000"
    assert answer.json()["error"].startswith(refusal)
    assert answer.reason.startswith(refusal)
    tasks[1] = {"id": 8, "data": {"steps": [0] * 20_000}}
    assert host.post("/predict", {"tasks": tasks, "label_config": REPEATER}).status_code == 200


def test_a_small_request_for_an_answer_that_is_too_large_is_a_413_that_says_so(host: Host) -> None:
    name = "n" * 1_000_000
    config = f'<View><Text name="{name}" value="$steps[0].x"/><TextArea name="{name}_new" toName="{name}"/></View>'
    # Each result names its control twice and its Text once, 3 million characters, and 300 MiB are 314.6 million.
    answer = host.post("/predict", {"tasks": [{"data": {"steps": [{"x": "a"}]}}] * 105, "label_config": config})
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("the answer would be more than three times as large as a body may be")
    assert answer.reason.startswith("the answer would be more than three times as large as a body may be")


def test_there_is_no_training(host: Host) -> None:
    answer = host.post("/train", {"annotations": [{"id": 1}], "project": "1"})
    assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing at this address"})


def test_a_labeling_config_beyond_a_limit_is_a_400_with_the_limit(host: Host) -> None:
    attributes = " ".join(f'a{number}=""' for number in range(50_000))
    for path, body in (
        ("/setup", {"schema": f"<View {attributes}/>"}),
        ("/validate", {"config": f"<View {attributes}/>"}),
    ):
        if path == "/setup" or host.get("/openapi.json").status_code == 200:
            answer = host.post(path, body)
            assert answer.status_code == 400
            assert answer.json() == {
                "error": "the labeling config has 50000 attributes in one tag, and the limit is 100"
            }


def test_more_json_values_than_a_request_may_have_is_a_413_and_brackets_in_strings_are_none(service: Host) -> None:
    for path in ("/predict", "/setup", "/webhook"):
        answer = service.post(path, b"[" + b"[]," * 2_000_000 + b"0]")
        assert (answer.status_code, answer.json()) == (
            413,
            {"error": "the body has more than 3000000 JSON values; select fewer tasks"},
        )
    # With a backslash before the quote that ends a string, too.
    strings = b'{"a":"' + b'[{,\\"' * 1_000_000 + b'\\\\","b":["' + b"," * 3_000_000 + b'"]}'
    assert service.post("/webhook", strings).status_code == 200


def test_an_answer_that_would_be_much_larger_than_a_body_may_be_is_a_413(one_megabyte: Host) -> None:
    name = "b" * 1_000
    config = f'<View><Text name="t" value="$a"/><TextArea name="{name}" toName="t"/></View>'

    def status(tasks: int) -> int:
        body = {"tasks": [{"data": {"a": "x"}}] * tasks, "label_config": config}
        return one_megabyte.post("/predict", body).status_code

    # Twice the name of 1,000, once that of 1, one character of text, and 90 for the rest.
    most = 3 * MEGABYTE // (2 * 1_000 + 1 + 1 + 90)
    assert (status(most), status(most + 1)) == (200, 413)
