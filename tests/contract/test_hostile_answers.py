"""Every answer that `pull`, `push` and `doctor` ask for, made into anything: no traceback, an exit code that says whose
fault it is, and files that stay as they were."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from .hostile_label_studio import BACKEND, PROJECT, corrected, personal_token
from .misbehaviour import web_page, wire, with_body
from .puller import Puller, Ran
from .reply import Fault, Reply

TRACE = {"id": "t9", "task_description": "Find it.", "steps": [{"action": "look"}, {"action": "answer"}]}
DEEP = 100_000
JSON = "application/json"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def puller(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> Puller:
    """Somebody with a personal token who has pulled two tasks, after which one was changed and another one deleted."""
    monkeypatch.setattr("label_studio_sdk.core.http_client.time", puller.clock)
    puller.folder.parent.joinpath("traces.jsonl").write_text(json.dumps(TRACE), encoding="utf-8")
    tasks = puller.pull_some_corrected(3)
    puller.label_studio.change_annotation(tasks[0], 0, result=[corrected("better still")])
    puller.label_studio.delete_task(tasks[2])
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    return puller


COMMANDS: dict[str, tuple[str, ...]] = {
    "pull": ("pull", "--project", str(PROJECT), "-o", "data", "--annotators", "email", "--max-wait", "0"),
    "push": ("push", "traces.jsonl", "--project", str(PROJECT), "--max-wait", "0"),
    "push into a new project": ("push", "traces.jsonl", "--title", "New", "--max-wait", "0"),
    "doctor": ("doctor", "--project", str(PROJECT)),
}
ASKED = {
    "pull": {"token", "project", "users", "changed", "counts", "version", "drafts"},
    "push": {"token", "whoami", "project", "imports", "data", "summary", "change", "backends", "import", "unpredicted"},
    "push into a new project": {"token", "whoami", "create", "project", "backends", "import"},
    "doctor": {"token", "version", "whoami", "project", "login", "script", "flags", "data", "backends", "versions"},
}

ODD_BODIES: dict[str, Fault] = {
    "nothing": with_body(b""),
    "null": with_body(b"null"),
    "true": with_body(b"true"),
    "a string": with_body(b'"x"'),
    "a number beyond all": with_body(b"1e400"),
    "a number of 5,000 digits": with_body(b"9" * 5_000),
    "NaN": with_body(b"NaN"),
    "an empty list": with_body(b"[]"),
    "a list of everything": with_body(b'[null, 1, "x", [], {}, {"id": []}]'),
    "an empty object": with_body(b"{}"),
    "lists in lists": with_body(b"[" * DEEP),
    "lists in lists that end": with_body(b"[" * DEEP + b"]" * DEEP),
    "objects in objects": with_body(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "UTF-16": with_body(json.dumps({"id": PROJECT}).encode("utf-16"), Content_Type=f"{JSON}; charset=utf-16"),
    "no characters": with_body(b"\xff\xfe\x00\xd8"),
    "a web page": web_page,
    "half of a surrogate": with_body(b'{"detail": "\\ud800", "id": "\\udfff"}'),
}
ODD_HEADS: dict[str, Fault] = {
    **{
        f"charset={name}": with_body(b'{"detail": "x"}', status, Content_Type=f"{JSON}; charset={name}")
        for name in ("foo", "rot13", "zlib_codec", "undefined", "utf-16", "idna", '"')
        for status in (200, 400)
    },
    "a Retry-After beyond all": with_body(b"{}", 503, Retry_After="1e308"),
    "a Retry-After of 400 digits": with_body(b"{}", 503, Retry_After="9" * 400),
    "a Retry-After in the year 10000": with_body(b"{}", 429, Retry_After="Fri, 31 Dec 10000 23:59:59 GMT"),
    "a Retry-After below zero": with_body(b"{}", 429, Retry_After="-1"),
    "a cookie for ever": with_body(b"{}", 200, Set_Cookie="a=b; expires=Fri, 31 Dec 99999 23:59:59 GMT"),
    "a link to the next page": with_body(b"{}", 200, Link="<http://[::1>; rel=next", Refresh="0; url=http://a.test/"),
    "packed twice": with_body(gzip.compress(gzip.compress(b"{}")), Content_Encoding="gzip, gzip"),
    "packed with br": with_body(b"\x0b\x01\x80{}\x03", Content_Encoding="br"),
    "packed with zstd": with_body(b"(\xb5/\xfd {}", Content_Encoding="zstd"),
    "packed with deflate": with_body(zlib.compress(b"{}"), Content_Encoding="deflate"),
    "packed and cut off": with_body(gzip.compress(b'{"a": 1}')[:-9], Content_Encoding="gzip"),
    "not packed": with_body(b"{}", Content_Encoding="gzip"),
    "no content": with_body(b"", 204),
    "a part": with_body(b"[", 206),
    "several choices": with_body(b"{}", 300),
    "not modified": with_body(b"", 304),
    "a redirect to nowhere": with_body(b"{}", 301),
    **{
        f"a redirect to {location!a}": with_body(b"{}", status, Location=location)
        for location in (
            "http://[::1",
            "//%zz/",
            "http://a:99999/",
            "\xff\xfe",
            "http://xn--a/",
            "x:y",
            "///",
            "\x7f",
        )
        for status in (302, 308)
    },
    "a status beyond all": with_body(b"{}", 999),
    "an error of lists": with_body(b'{"validation_errors": [[[{}]]], "detail": [1]}', 400),
    "an error of links": with_body(b'{"detail": "' + b"<a" * 300_000 + b'"}', 400),
}
ON_THE_WIRE: dict[str, Fault] = {
    "another protocol": wire(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "HTTP of the future": wire(b"HTTP/9.9 200 OK\r\n\r\n{}"),
    "no status": wire(b"HTTP/1.1 abc OK\r\n\r\n{}"),
    "a head without end": wire(HEAD + b"X-A: " + b"a" * 300_000),
    "heads without end": wire(HEAD + b"X-A: a\r\n" * 50_000),
    "a length below zero": wire(HEAD + b"Content-Length: -1\r\n\r\n{}"),
    "a length that is none": wire(HEAD + b"Content-Length: many\r\n\r\n{}"),
    "two lengths": wire(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "a length beyond all": wire(HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}"),
    "chunks that are none": wire(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "chunks without end": wire(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "a header with a zero": wire(HEAD + b"X-A: \x00\r\n\r\n{}"),
    "only early hints": wire(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000),
    "another protocol from now on": wire(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{}"),
}

ODD_VALUES: tuple[Any, ...] = (None, True, -1, 1.5, "@1e400@", 10**30, "x", "\ud800", [], {}, [[{}]], {"a": [None]})


def ran(puller: Puller, command: str) -> Ran:
    puller.label_studio.backends = [BACKEND] if command == "doctor" else []
    return puller.run(*COMMANDS[command])


class Folder:
    """The output folder, which can be put back as it was."""

    def __init__(self, puller: Puller) -> None:
        self._puller = puller
        self._copy = puller.folder.parent / "as it was"
        shutil.copytree(puller.folder, self._copy)
        self._state = self._files(puller.folder)

    def is_as_it_was(self) -> bool:
        return self._files(self._puller.folder) == self._state

    def put_back(self) -> None:
        shutil.rmtree(self._puller.folder)
        shutil.copytree(self._copy, self._puller.folder)

    def _files(self, folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def each_answer(puller: Puller, command: str, faults: dict[str, Fault]) -> Iterator[tuple[str, Ran]]:
    """What the command ends with when one of its answers is spoiled, for each answer and each fault."""
    folder, project = Folder(puller), deepcopy(puller.label_studio.tasks)
    config = puller.label_studio.label_config
    for kind in sorted(ASKED[command]):
        for name, fault in faults.items():
            puller.label_studio.misbehave(fault, on=kind, times=5)
            done = ran(puller, command)
            puller.label_studio.heal()
            assert kind in done.asked, f"{kind}: was not asked for"
            assert done.exit_code in (0, 3, 4, 5), f"{kind}, {name}: {done}"
            if done.exit_code and command != "doctor":
                assert done.err.splitlines()[-1].startswith("ls-trajedit: "), f"{kind}, {name}: {done.err}"
                assert len(done.err) < 2_000, f"{kind}, {name}"
            if done.exit_code:
                assert folder.is_as_it_was(), f"{kind}, {name}: {done.err}"
            else:
                folder.put_back()
            puller.label_studio.tasks = deepcopy(project)
            puller.label_studio.label_config = config
            yield f"{kind}, {name}", done


@pytest.mark.parametrize("command", COMMANDS)
def test_all_answers_of_the_matrix_are_asked_for(puller: Puller, command: str) -> None:
    done = ran(puller, command)
    assert done.exit_code == (3 if command == "doctor" else 0), done.err
    assert set(done.asked) >= ASKED[command]


# What is not needed for a right result, and what may well be empty.
NOT_NEEDED = {"login", "script", "flags", "summary", "imports", "version", "users", "change", "unpredicted", "versions"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_body_ends_in_a_traceback_or_in_other_files(puller: Puller, command: str) -> None:
    for name, done in each_answer(puller, command, ODD_BODIES):
        if done.exit_code == 0 and command == "pull":
            assert name.split(",")[0] in NOT_NEEDED, f"{name}: {done}"


@pytest.mark.parametrize("faults", [ODD_HEADS, ON_THE_WIRE], ids=["in the head", "on the wire"])
@pytest.mark.parametrize("command", ["pull", "push", "doctor"])
def test_nothing_around_a_body_ends_in_a_traceback_or_in_other_files(
    puller: Puller, command: str, faults: dict[str, Fault]
) -> None:
    for name, done in each_answer(puller, command, faults):
        if done.exit_code == 0 and command == "pull":
            assert name.split(",")[0] in NOT_NEEDED, f"{name}: {done}"


def changed(change: Callable[[Any], None]) -> Fault:
    def fault(reply: Reply) -> Reply:
        value = json.loads(reply.body)
        change(value)
        body = json.dumps(value).replace('"@1e400@"', "1e400").encode()
        return with_body(body)(reply)

    return fault


def put(path: tuple[str | int, ...], odd: Any) -> Fault:
    """The right answer, with something odd at the path."""

    def change(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = odd

    return changed(change)


PLACES: dict[str, tuple[str, tuple[tuple[str | int, ...], ...]]] = {
    "the project": ("project", (("id",), ("title",), ("label_config",), ("task_number",), ("model_version",))),
    "a page": ("changed", (("total",), ("tasks",), ("tasks", 0), ("tasks", 0, "id"), ("tasks", 0, "project"))),
    "a task": ("changed", (("tasks", 0, "annotations"), ("tasks", 0, "annotations", 0))),
    "an annotation": (
        "changed",
        tuple(
            ("tasks", 0, "annotations", 0, name)
            for name in ("id", "completed_by", "was_cancelled", "ground_truth", "lead_time", "created_at", "updated_at")
        ),
    ),
    "the counts": (
        "counts",
        (("total",), ("tasks",), ("tasks", 0), ("tasks", 0, "id"), ("tasks", 0, "total_annotations")),
    ),
    "the drafts": ("drafts", (("total",), ("tasks",))),
    "the users": ("users", ((0,), (0, "id"), (0, "email"))),
    "the version": ("version", (("release",), ("edition",))),
    "the token": ("token", (("access",),)),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_another_type_ends_a_pull_in_a_traceback_or_in_other_files(puller: Puller, place: str) -> None:
    kind, paths = PLACES[place]
    folder = Folder(puller)
    for path in paths:
        for odd in ODD_VALUES:
            puller.label_studio.misbehave(put(path, odd), on=kind, times=5)
            done = ran(puller, "pull")
            puller.label_studio.heal()
            assert done.exit_code in (0, 3, 4, 5), f"{path}, {odd}: {done}"
            if done.exit_code:
                assert folder.is_as_it_was(), f"{path}, {odd}"
            else:
                folder.put_back()


PLACES_OF_OTHERS: dict[str, tuple[str, str, tuple[tuple[str | int, ...], ...]]] = {
    "the user": ("push", "whoami", (("id",), ("email",))),
    "the new project": ("push into a new project", "create", (("id",),)),
    "the backend": (
        "doctor",
        "backends",
        tuple((0, name) for name in ("id", "url", "title", "state", "auth_method", "error_message", "model_version")),
    ),
    "an import": ("push", "import", (("task_count",),)),
    "imports": ("push", "imports", (("results",),)),
    "controls in use": (
        "push",
        "summary",
        (("created_annotations",), ("created_annotations", "x|y|textarea")),
    ),
    "versions": ("doctor", "versions", (("v1",),)),
    "flags": ("doctor", "flags", (("$system",), ("$system", "FEATURE_FLAGS_DEFAULT_VALUE"))),
    "the release": ("doctor", "version", (("release",), ("edition",))),
    "data": ("push", "data", (("tasks",), ("tasks", 0), ("tasks", 0, "data"), ("total",))),
    "data to look at": ("doctor", "data", (("tasks",), ("tasks", 0), ("tasks", 0, "data"), ("total",))),
}


@pytest.mark.parametrize("place", PLACES_OF_OTHERS)
def test_nor_does_one_end_a_push_or_the_doctor(puller: Puller, place: str) -> None:
    command, kind, paths = PLACES_OF_OTHERS[place]
    tasks, config = deepcopy(puller.label_studio.tasks), puller.label_studio.label_config
    for path in paths:
        for odd in ODD_VALUES:
            puller.label_studio.misbehave(put(path, odd), on=kind, times=5)
            done = ran(puller, command)
            puller.label_studio.heal()
            assert done.exit_code in (0, 3, 4, 5), f"{path}, {odd}: {done}"
            puller.label_studio.tasks, puller.label_studio.label_config = deepcopy(tasks), config


@pytest.mark.parametrize("status", ["created", "in_progress"])
@pytest.mark.parametrize("number", [None, "7", [], {}, 1.5, True, -1, 2**70])
def test_an_import_with_an_id_that_none_has_is_not_waited_for(puller: Puller, status: str, number: object) -> None:
    body = json.dumps({"results": [{"id": number, "status": status}, 7, None]}).encode()
    puller.label_studio.misbehave(with_body(body), on="imports", times=2)
    assert ran(puller, "push").exit_code == 0
