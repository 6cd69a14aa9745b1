"""A state that does not fit: of another project, of a newer version, damaged, or in use."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .hostile_label_studio import PROJECT, corrected
from .puller import Puller, Ran


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled three tasks, two of them corrected, twenty minutes ago."""
    puller.pull_some_corrected(3)
    return puller


@pytest.fixture
def state(puller: Puller) -> Path:
    return puller.folder / ".ls-trajedit" / "state.sqlite"


def test_a_folder_that_holds_another_project_is_refused(puller: Puller) -> None:
    before = puller.outputs()
    ran = puller.pull(project=PROJECT + 1)
    assert ran.exit_code == 3
    url = puller.label_studio.url
    assert ran.err == (
        f"ls-trajedit: {puller.folder}: holds what was pulled from project 12 of {url}, and this is project 13 of "
        f"{url}; choose another folder with -o, or give --full to start over in this one\n"
    )
    assert puller.outputs() == before


def test_with_full_a_folder_takes_another_project_and_nothing_is_left_of_the_first(puller: Puller) -> None:
    ran = puller.pull("--full", "--json", project=PROJECT + 1)
    assert ran.exit_code == 0
    assert ran.json()["changes"] == {"new": 0, "changed": 0, "removed": 2}
    assert puller.read("manifest.json")["project"]["id"] == PROJECT + 1
    assert puller.completions() == []
    assert puller.pull(project=PROJECT + 1).exit_code == 0
    assert puller.pull().exit_code == 3


def test_a_folder_of_another_server_is_refused(puller: Puller) -> None:
    other = puller.label_studio.url.replace("127.0.0.1", "localhost")
    ran = puller.pull("--url", other)
    assert ran.exit_code == 3
    assert f"from project 12 of {puller.label_studio.url}, and this is project 12 of {other}" in ran.err


def test_the_state_of_a_newer_version_is_refused_and_kept(puller: Puller, state: Path) -> None:
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before, kept = puller.outputs(), state.read_bytes()
    for arguments in ((), ("--full",), ("--check",)):
        ran = puller.pull(*arguments)
        assert ran.exit_code == 3
        assert "was written by a newer ls-trajedit (format 99, this one knows 3); install that one" in ran.err
    assert (puller.outputs(), state.read_bytes()) == (before, kept)


def not_a_database(state: Path) -> None:
    state.write_bytes(b"\x00garbage" * 1000)


def somebody_elses(state: Path) -> None:
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("PRAGMA application_id = 7")


def cut_in_half(state: Path) -> None:
    content = state.read_bytes()
    state.write_bytes(content[: len(content) // 2])


def cut_to_the_header(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:100])


def another_task_inside(state: Path) -> None:
    """One letter of a task: to SQLite, all is well."""
    state.write_bytes(state.read_bytes().replace(b"look 1", b"lock 1"))


def without_tables(state: Path) -> None:
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("DROP TABLE tasks")


def note_that_is_not_json(state: Path) -> None:
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute("UPDATE notes SET value = '{'")


def cursor_in_the_future(state: Path) -> None:
    """What would make every later pull find nothing."""
    content = state.read_bytes()
    assert b"2026-11-22T" in content
    state.write_bytes(content.replace(b"2026-11-22T", b"2096-11-22T"))


def a_folder(state: Path) -> None:
    state.unlink()
    state.mkdir()


DAMAGES = [
    not_a_database,
    somebody_elses,
    cut_in_half,
    cut_to_the_header,
    another_task_inside,
    without_tables,
    note_that_is_not_json,
    cursor_in_the_future,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_reported_and_set_aside_and_everything_pulled(
    puller: Puller, state: Path, damage: Callable[[Path], None]
) -> None:
    damage(state)
    damaged = state.read_bytes()
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    ran = puller.pull()
    assert ran.exit_code == 0
    assert ran.err.startswith(f"{puller.folder}: the state of the last pull is damaged (")
    assert "it was renamed to state.damaged-1, and everything is pulled again\n" in ran.err
    assert ran.asked[-3:] == ["tasks", "version", "drafts"]
    assert state.with_name("state.damaged-1").read_bytes() == damaged
    assert puller.completions() == ["better 1", "better 2", "new"]
    assert puller.pull().err == ""


def test_a_second_damaged_state_does_not_take_the_place_of_the_first(puller: Puller, state: Path) -> None:
    for number in (1, 2):
        state.write_text(f"garbage {number} ", encoding="utf-8")
        assert f"state.damaged-{number}" in puller.pull().err
    assert state.with_name("state.damaged-1").read_text() == "garbage 1 "


def test_full_does_not_need_a_state_that_can_be_read(puller: Puller, state: Path) -> None:
    not_a_database(state)
    before = puller.times()
    assert puller.pull("--full").out.startswith("up to date")
    assert puller.times() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_check_finds_a_damaged_state_not_up_to_date_or_does_not_need_it(
    puller: Puller, state: Path, damage: Callable[[Path], None]
) -> None:
    damage(state)
    damaged = state.read_bytes()
    ran = puller.pull("--check")
    # A task that nothing asks for is not looked at.
    assert ran.exit_code == (0 if damage is another_task_inside else 1)
    assert state.read_bytes() == damaged


def test_a_state_with_any_bytes_flipped_ends_in_the_right_files(puller: Puller, state: Path) -> None:
    """None of the damages may end in anything but what a first pull would write."""
    whole = state.read_bytes()
    fresh = puller.folder.parent / "fresh"
    puller.pull("--annotators", "hash", into=fresh)
    expected = puller.outputs(fresh)
    draw = random.Random(5)
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(draw.choice([1, 1, 8, 64])):
            # After what says whose it is, and of which version.
            content[draw.randrange(72, len(content))] = draw.randrange(256)
        state.write_bytes(content)
        assert puller.pull("--annotators", "hash").exit_code == 0
        assert puller.outputs() == expected


def tampered_with(state: Path, change: Callable[[dict[str, Any]], object], text: str | None = None) -> None:
    """Changes what the last pull noted, with a checksum that fits."""
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        ((value,),) = connection.execute("SELECT value FROM notes").fetchall()
        note = json.loads(value)
        change(note)
        raw = json.dumps(note).encode() if text is None else text.encode()
        connection.execute("UPDATE notes SET checksum = ?, value = ?", (zlib.crc32(raw), raw))


NOTED = ("origin", "title", "release", "made_with", "counts", "training", "files", "placed", "cursor", "fields")
ODD = (None, True, -1, 1.5, float("nan"), float("inf"), 10**30, "x", "../x", [], {}, [[{}]], {"x": {}}, ["x", "y"])


@pytest.mark.parametrize("name", NOTED)
def test_a_note_of_another_type_is_damage_or_means_nothing(puller: Puller, state: Path, name: str) -> None:
    whole, expected = state.read_bytes(), puller.outputs()
    for odd in ODD:
        state.write_bytes(whole)
        tampered_with(state, lambda note, odd=odd: note.update({name: odd}))
        ran = puller.pull()
        # Another project is refused, as a damaged state is read anew.
        assert ran.exit_code in (0, 3), f"{odd}: {ran}"
        assert puller.outputs() == expected, f"{odd}: {ran}"
        assert puller.pull("--full").exit_code == 0


@pytest.mark.parametrize("name", ["since", "read_at", "whole_at", "pulls"])
def test_a_time_of_another_type_or_out_of_range_hides_no_change(puller: Puller, state: Path, name: str) -> None:
    whole = state.read_bytes()
    for odd in (
        *ODD,
        "0001-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59+00:00",
        "2026-11-22T12:00:00",
        ["2096-01-01"] * 2,
    ):
        state.write_bytes(whole)
        tampered_with(state, lambda note, odd=odd: note["cursor"].update({name: odd}))
        puller.label_studio.change_annotation(1, 0, result=[corrected(f"changed, {odd}")])
        assert puller.pull().exit_code == 0
        assert puller.completions()[0] == f"changed, {odd}"


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', "{", "[" * 100_000, "9" * 5_000, '{"last_pull": []}'])
def test_a_note_that_is_no_note_is_damage(puller: Puller, state: Path, text: str) -> None:
    tampered_with(state, lambda _: None, text)
    before = puller.outputs()
    ran = puller.pull()
    assert (ran.exit_code, puller.outputs()) == (0, before)
    assert "the state of the last pull is damaged" in ran.err


@pytest.mark.parametrize(
    "name", ["../mine.txt", "/etc/mine.txt", "a/../../mine.txt", "..\\mine.txt", "C:mine.txt", "\0"]
)
@pytest.mark.parametrize("note", ["placed", "files"])
def test_no_file_outside_the_folder_is_read_or_removed(puller: Puller, state: Path, name: str, note: str) -> None:
    mine = puller.folder.parent / "mine.txt"
    mine.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    status = mine.stat()
    placed = {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    written = {"file": name, "rows": 0, "sha256": digest, "tally": None}

    def change(value: dict[str, Any]) -> None:
        if note == "placed":
            value["placed"][name] = placed
        else:
            value["files"].append(written)

    tampered_with(state, change)
    ran = puller.pull()
    assert ran.exit_code == 0
    assert "the state of the last pull is damaged" in ran.err
    assert mine.read_text() == "mine"


def test_counts_that_the_manifest_does_not_have_are_damage(puller: Puller, state: Path) -> None:
    tampered_with(state, lambda note: note["counts"].update(edited=7))
    ran = puller.pull("--json")
    assert (ran.exit_code, ran.json()["edited"]) == (0, 2)
    assert "what the last pull noted is not what its manifest says" in ran.err


OTHER_SCHEMAS = {
    "a view that never ends": (
        "DROP TABLE tasks; CREATE VIEW tasks AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, 0 AS annotations, 0 AS checksum, x'7b7d' AS raw FROM n"
    ),
    "a trigger": "CREATE TRIGGER t AFTER DELETE ON notes BEGIN DELETE FROM tasks; END",
    "a table without types": "DROP TABLE records; CREATE TABLE records (task, annotation, digest)",
    "one more table": "CREATE TABLE mine (x)",
}


@pytest.mark.parametrize("schema", OTHER_SCHEMAS)
def test_other_tables_than_ours_are_damage(puller: Puller, state: Path, schema: str) -> None:
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.executescript(OTHER_SCHEMAS[schema])
    before = puller.outputs()
    ran = puller.pull()
    assert (ran.exit_code, puller.outputs()) == (0, before)
    assert "is damaged (its tables are not those that ls-trajedit makes)" in ran.err


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tasks SET raw = 'text' WHERE id = 1",
        "UPDATE tasks SET raw = 7, checksum = 7 WHERE id = 1",
        "UPDATE tasks SET checksum = 'x'",
        "UPDATE tasks SET annotations = 'x'",
        "UPDATE tasks SET id = -9 WHERE id = 1",
        "UPDATE records SET digest = 'x'",
        "UPDATE notes SET name = x'00ff'",
        "UPDATE notes SET value = 7",
    ],
)
def test_a_value_of_another_type_in_the_database_ends_in_the_right_files(
    puller: Puller, state: Path, change: str
) -> None:
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute(change)
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    assert puller.pull("--annotators", "hash").exit_code == 0
    fresh = puller.folder.parent / "fresh"
    puller.pull("--annotators", "hash", into=fresh)
    assert puller.outputs() == puller.outputs(fresh)


def in_format_2(state: Path) -> None:
    """What was there before blocks."""
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        for kind, name in connection.execute("SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL").fetchall():
            if name not in ("notes", "tasks", "records"):
                connection.execute(f"DROP {kind} {name}")
        connection.execute("PRAGMA user_version = 2")


def in_format_1(state: Path) -> None:
    """What version 0.1.0 left: a note for each thing that is one note now."""
    in_format_2(state)
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        ((value,),) = connection.execute("SELECT value FROM notes").fetchall()
        connection.execute("DELETE FROM notes")
        for name, part in json.loads(value).items():
            raw = json.dumps(part).encode()
            connection.execute("INSERT INTO notes VALUES (?, ?, ?)", (name, zlib.crc32(raw), raw))
        connection.execute("PRAGMA user_version = 1")


@pytest.mark.parametrize("make_old", [in_format_1, in_format_2])
def test_the_state_of_a_version_before_is_used_and_kept_in_the_new_format(
    puller: Puller, state: Path, make_old: Callable[[Path], None]
) -> None:
    make_old(state)
    before, times = puller.outputs(), puller.times()
    assert puller.pull("--check").exit_code == 0
    ran = puller.pull()
    assert (ran.exit_code, ran.err, ran.asked) == (0, "", ["project", "changed", "drafts"])
    assert ran.out.startswith("up to date")
    assert (puller.outputs(), puller.times()) == (before, times)
    with closing(sqlite3.connect(state)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        assert connection.execute("SELECT name FROM notes").fetchall() == [("last_pull",)]
    assert puller.pull(project=PROJECT + 1).exit_code == 3


@pytest.mark.parametrize("make_old", [in_format_1, in_format_2])
def test_changes_since_a_pull_of_a_version_before_are_found(
    puller: Puller, state: Path, make_old: Callable[[Path], None]
) -> None:
    make_old(state)
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    ran = puller.pull("--json")
    assert (ran.exit_code, ran.asked) == (0, ["project", "changed", "version", "drafts"])
    assert ran.json()["changes"] == {"new": 1, "changed": 0, "removed": 0}
    fresh = puller.folder.parent / "fresh"
    puller.pull(into=fresh)
    assert puller.outputs() == puller.outputs(fresh)


def test_the_state_of_the_version_before_for_another_project_is_refused(puller: Puller, state: Path) -> None:
    in_format_1(state)
    ran = puller.pull(project=PROJECT + 1)
    assert (ran.exit_code, "holds what was pulled from project 12" in ran.err) == (3, True)


def test_what_cannot_be_opened_as_a_state_is_an_error_without_a_traceback(puller: Puller, state: Path) -> None:
    a_folder(state)
    ran = puller.pull()
    assert ran.exit_code == 3
    assert f"{puller.folder}: cannot write there: unable to open database file; choose another folder" in ran.err


def test_a_second_pull_into_a_folder_that_is_being_written_is_refused(puller: Puller) -> None:
    before = puller.outputs()
    seconds: list[Ran] = []
    puller.label_studio.meanwhile(lambda: seconds.append(puller.end(puller.start())), on="changed")
    assert puller.pull().exit_code == 0
    (second,) = seconds
    assert second.exit_code == 3
    assert second.err == (
        f"ls-trajedit: {puller.folder}: another ls-trajedit is writing there; wait until it is done, or choose another "
        "folder with -o\n"
    )
    assert puller.outputs() == before


def test_the_state_keeps_what_the_outputs_need_and_no_address_with_a_password(puller: Puller, state: Path) -> None:
    puller.pull("--full", "--url", puller.label_studio.url.replace("//", "//ana:hunter22@"))
    assert b"better 1" in state.read_bytes()
    assert not any(b"hunter22" in path.read_bytes() for path in puller.folder.rglob("*") if path.is_file())
