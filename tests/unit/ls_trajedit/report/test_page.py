"""The command `report`: what it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.report.page import project_address
from tests.support.manifests import listed, manifest_of, write_manifest
from tests.support.report_folder import branch, edit, inserted, record, removed, write_folder
from tests.support.special_files import SPECIAL, put_special

Run = Callable[..., Any]
HOSTILE = '</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> & " \u2028 \u202e abc'


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def one_edit(**more: Any) -> dict[str, Any]:
    return record(1, "ana", edit(0, "action", "queyr", "query", 2, 1), **more)


def test_the_page_is_written_beside_the_data(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "data", [one_edit(), record(2, "ben")])
    ran = run("report", "data")
    assert (ran.exit_code, ran.err) == (0, "")
    assert re.fullmatch(r"data/report\.html: 1 correction in 2 annotations, \d+ kB\n", ran.out)
    assert "<strong>50%</strong> of the traces needed no correction" in page_of(tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "manifest.json",
        "report.html",
        "trajectory_corrections.json",
    ]


def test_the_page_goes_where_the_option_says(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "data", [one_edit()])
    ran = run("report", "data", "-o", "page.html", "--json")
    printed = json.loads(ran.out)
    size = (tmp_path / "page.html").stat().st_size
    assert printed == {"file": "page.html", "corrections": 1, "annotations": 1, "bytes": size, "up_to_date": False}
    assert not (tmp_path / "data" / "report.html").exists()


def test_the_same_data_give_the_same_bytes_and_the_file_is_left_alone(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path, [one_edit(), record(2, "ben", edit(None, "final_answer", "x", "y"))])
    run("report", ".")
    first = tmp_path / "report.html"
    before = first.stat().st_mtime_ns
    assert json.loads(run("report", ".", "--json").out)["up_to_date"] is True
    assert first.stat().st_mtime_ns == before
    run("report", ".", "-o", "second.html")
    assert (tmp_path / "second.html").read_bytes() == first.read_bytes()


def test_nothing_in_the_data_becomes_markup(run: Run, tmp_path: Path) -> None:
    plain = [record(1, "ana", edit(0, "action", "a", "b", reason="c"), trace="d", description="e")]
    hostile = [
        record(1, HOSTILE, edit(0, HOSTILE, HOSTILE, HOSTILE + "!", reason=HOSTILE), trace=HOSTILE, description=HOSTILE)
    ]
    write_folder(tmp_path / "plain", plain, reasons={"why": 1})
    write_folder(tmp_path / "hostile", hostile, title=HOSTILE, reasons={HOSTILE: 1})
    for name in ("plain", "hostile"):
        assert run("report", name).exit_code == 0
    expected, found = Tags(page_of(tmp_path / "plain")), Tags(page_of(tmp_path / "hostile"))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in expected.tags]
    assert [set(attributes) for _, attributes in found.tags] == [set(attributes) for _, attributes in expected.tags]
    # The data are the second block, and come back as they were.
    assert json.loads(found.scripts[1])[0][2:6] == [
        HOSTILE,
        HOSTILE,
        HOSTILE,
        [[0, HOSTILE, HOSTILE, HOSTILE + "!", 1, 1, HOSTILE]],
    ]
    assert not re.search(r"[<>&\u2028]", found.scripts[1])


def test_nothing_in_a_changed_step_or_in_the_name_of_a_branch_becomes_markup(run: Run, tmp_path: Path) -> None:
    def records(text: str) -> list[dict[str, Any]]:
        return [
            record(
                1,
                "ana",
                trace=text,
                steps=[{text: text}, {"action": "act"}],
                structure=[removed(0, text), inserted(0, {text: text}, reason=text)],
                branch=branch(text, 0),
            )
        ]

    write_folder(tmp_path / "plain", records("d"))
    write_folder(tmp_path / "hostile", records(HOSTILE))
    for name in ("plain", "hostile"):
        assert run("report", name).exit_code == 0
    expected, found = Tags(page_of(tmp_path / "plain")), Tags(page_of(tmp_path / "hostile"))
    assert [(tag, set(attributes)) for tag, attributes in found.tags] == [
        (tag, set(attributes)) for tag, attributes in expected.tags
    ]
    assert json.loads(found.scripts[1])[0][5:] == [
        [
            ["remove", 0, 0, [[HOSTILE, HOSTILE]], len(HOSTILE), HOSTILE],
            ["insert", 0, 0, [[HOSTILE, HOSTILE]], len(HOSTILE), HOSTILE],
        ],
        [],
        [2, HOSTILE],
    ]


def test_corrections_stand_along_the_trace(run: Run, tmp_path: Path) -> None:
    edits = [edit(0, "action", "a", "b"), edit(2, "action", "a", "c"), edit(None, "final_answer", "x", "y")]
    changes = [
        inserted(-1, {"action": "first"}),
        inserted(0, {"action": "one"}),
        inserted(0, {"action": "two"}, 1),
        removed(1),
        inserted(1, {"action": "instead"}),
    ]
    write_folder(tmp_path, [record(1, "ana", *edits, steps=3, structure=changes)])
    assert re.match(r"report\.html: 8 corrections in 1 annotation", run("report", ".").out)
    rows = json.loads(Tags(page_of(tmp_path)).scripts[1])[0][5]
    assert [(row[0], row[1]) for row in rows] == [
        ("insert", -1),
        (0, "action"),
        ("insert", 0),
        ("insert", 0),
        ("remove", 1),
        ("insert", 1),
        (2, "action"),
        (None, "final_answer"),
    ]
    assert [row[3] for row in rows if row[:2] == ["insert", 0]] == [[["action", "one"]], [["action", "two"]]]


def test_a_filter_for_kinds_is_there_only_where_there_are_kinds(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "edits", [one_edit()])
    write_folder(tmp_path / "steps", [record(1, "ana", structure=[removed(0)])])
    for name in ("edits", "steps"):
        assert run("report", name).exit_code == 0
    assert 'name="kind"' not in page_of(tmp_path / "edits")
    assert "Removed steps" not in page_of(tmp_path / "edits")
    page = page_of(tmp_path / "steps")
    assert "<strong>0%</strong> of the traces needed no correction" in page
    # Only kinds that occur.
    assert re.findall(r'<option value="(edited|removed|inserted|start)"', page) == ["removed"]


def test_lone_surrogates_do_not_stop_the_report(run: Run, tmp_path: Path) -> None:
    broken = "a\ud800b"
    write_folder(tmp_path, [record(1, broken, edit(0, broken, broken, "ab"), trace=broken)])
    assert run("report", ".").exit_code == 0
    assert json.loads(Tags(page_of(tmp_path)).scripts[1])[0][2] == broken


def test_the_policy_of_the_page_allows_nothing_but_its_own_scripts_and_style(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path, [one_edit()])
    run("report", ".")
    tags = Tags(page_of(tmp_path)).tags
    (policy,) = [attributes["content"] for tag, attributes in tags if attributes.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in tags if "style" in attributes or "src" in attributes]


def test_without_edits_there_is_no_list_and_no_script(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "unedited", [record(1, "ana")])
    write_folder(tmp_path / "empty", [])
    assert run("report", "unedited").exit_code == 0
    assert run("report", "empty").exit_code == 0
    unedited, empty = page_of(tmp_path / "unedited"), page_of(tmp_path / "empty")
    assert "<strong>100%</strong>" in unedited
    assert "Nothing was corrected" in unedited
    assert "No annotation has been read yet" in empty
    assert Tags(unedited).scripts == Tags(empty).scripts == []


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("http://localhost:8080", "http://localhost:8080/projects/12/data"),
        ("https://ls.example.com/label/", "https://ls.example.com/label/projects/12/data"),
        ("http://ana:secret@ls.example.com", "http://ls.example.com/projects/12/data"),
        ("http://[::1]:8080", "http://[::1]:8080/projects/12/data"),
        ("javascript:alert(1)//", None),
        ("javascript://a/%0aalert(1)", None),
        ("data:text/html,x", None),
        ("http://", None),
        ("http://a:b", None),
        ("http://[", None),
        ("http://a/?next=", None),
        ("", None),
        (None, None),
    ],
)
def test_a_link_leads_only_to_a_web_page(host: str | None, address: str | None) -> None:
    assert project_address(manifest_of(host=host).origin) == address


def test_a_login_in_the_host_is_not_shown(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path, [one_edit()], host="http://ana:secret@ls.example.com")
    run("report", ".")
    assert "secret" not in page_of(tmp_path)


def test_a_folder_without_a_manifest_is_refused_with_what_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for folder in ("data", "nowhere"):
        ran = run("report", folder)
        assert ran.exit_code == 5
        assert ran.err == (f"ls-trajedit: {folder}/manifest.json: not found; pull or convert into {folder} first\n")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"host": null, "project": null, "files": [], "counts": {}}', "\0"])
def test_what_is_not_a_manifest_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    ran = run("report", ".")
    assert ran.exit_code == 5
    assert "is not a manifest of ls-trajedit" in ran.err


def _cut_off(corrections: Path) -> None:
    corrections.write_bytes(corrections.read_bytes()[:-60])


def _other_text(corrections: Path) -> None:
    corrections.write_bytes(corrections.read_bytes().replace(b"query", b"Query"))


def _no_record(corrections: Path) -> None:
    corrections.write_bytes(b'{"records": [\n{"trace_id": 1}\n]}')


def _no_json(corrections: Path) -> None:
    corrections.write_bytes(b"records")


@pytest.mark.parametrize("damage", [_cut_off, _other_text, _no_record, _no_json])
def test_files_that_are_not_what_the_manifest_says_are_refused_and_the_old_report_stays(
    run: Run, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    write_folder(tmp_path, [one_edit()])
    run("report", ".")
    before = page_of(tmp_path)
    damage(tmp_path / "trajectory_corrections.json")
    ran = run("report", ".")
    assert ran.exit_code == 5
    assert ran.err == (
        "ls-trajedit: trajectory_corrections.json: is not the file that the manifest lists; pull or convert again\n"
    )
    assert page_of(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_without_the_format_that_the_report_is_made_from_is_refused(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path, listed("trl/dpo.jsonl"))
    ran = run("report", ".")
    assert ran.exit_code == 5
    assert "manifest.json: does not list trajectory_corrections.json, which the report is made from" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_missing_corrections_file_is_refused(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path, [one_edit()])
    (tmp_path / "trajectory_corrections.json").unlink()
    ran = run("report", ".")
    assert (ran.exit_code, "is missing; pull or convert again" in ran.err) == (5, True)


def test_a_place_that_cannot_be_written_to_is_an_error(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "data", [one_edit()])
    ran = run("report", "data", "-o", "nowhere/report.html")
    assert ran.exit_code == 3
    assert ran.err == (
        "ls-trajedit: nowhere: cannot write there: No such file or directory; choose another place with -o\n"
    )


@pytest.mark.parametrize("kind", SPECIAL)
def test_the_report_takes_the_place_of_nothing_but_a_file(run: Run, tmp_path: Path, kind: str) -> None:
    write_folder(tmp_path / "data", [one_edit()])
    put_special(tmp_path / "data" / "report.html", kind)
    ran = run("report", "data")
    assert (ran.exit_code, "report.html: is a " in ran.err) == (2, True)
    ran = run("report", "data", "-o", "data/.ls-trajedit/state.sqlite")
    assert (ran.exit_code, "is in the folder that keeps the state" in ran.err) == (2, True)


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_report_of_what_is_not_a_file_is_an_error(run: Run, tmp_path: Path, kind: str) -> None:
    write_folder(tmp_path, [one_edit()])
    (tmp_path / "trajectory_corrections.json").unlink()
    put_special(tmp_path / "trajectory_corrections.json", kind)
    ran = run("report", ".")
    assert (ran.exit_code, "cannot be read: trajectory_corrections.json is a " in ran.err) == (5, True)


def test_a_report_that_was_killed_does_not_keep_the_next_one_from_writing(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path, [one_edit()])
    (tmp_path / f".report.html.{os.getpid()}").write_text("half", encoding="utf-8")
    assert run("report", ".").exit_code == 0
    assert not list(tmp_path.glob(".report.html*"))


def test_the_report_does_not_take_the_place_of_a_folder_or_of_its_own_data(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "data", [one_edit()])
    before = (tmp_path / "data" / "manifest.json").read_bytes()
    ran = run("report", "data", "-o", "data")
    assert (ran.exit_code, "is a folder; name a file in it, such as data/report.html" in ran.err) == (2, True)
    for name in ("data/manifest.json", "data/../data/trajectory_corrections.json"):
        ran = run("report", "data", "-o", name)
        assert (ran.exit_code, "is one of the files that the report is made from" in ran.err) == (2, True)
    assert (tmp_path / "data" / "manifest.json").read_bytes() == before
