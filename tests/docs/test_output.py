"""The output pages: every key and every reason, and only lines that are really in the files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.record import RejectReason

from .pages import Block, blocks, read_page, table_rows
from .write_outputs import folder_with_examples, in_shell

PAGE = "docs/output.md"
LACKING_CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `convert` makes of the bundled export."""
    folder = tmp_path_factory.mktemp("documented")
    folder_with_examples(folder)
    done = in_shell("ls-trajedit convert examples/export.json --config examples/export_config.xml -o data", folder)
    assert done.returncode == 0, done.stdout
    return folder / "data"


@pytest.fixture(scope="module")
def every_format(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `convert --format all` makes of it."""
    folder = tmp_path_factory.mktemp("formats")
    folder_with_examples(folder)
    command = "ls-trajedit convert examples/export.json --config examples/export_config.xml --format all -o data"
    done = in_shell(command, folder)
    assert done.returncode == 0, done.stdout
    return folder / "data"


@pytest.fixture(scope="module")
def record(data: Path) -> dict[str, Any]:
    records = json.loads((data / "trajectory_corrections.json").read_text(encoding="utf-8"))["records"]
    found: dict[str, Any] = next(record for record in records if record["n_edits"])
    return found


def keys_of_table(heading: str) -> list[str]:
    return [key for row in table_rows(PAGE, heading) for key in re.findall(r"`([\w.]+)`", row[0])]


def keys_after(sentence: str) -> list[str]:
    """The keys in the first column of the table that follows a sentence."""
    text = read_page(PAGE)
    table = re.search(r"(?:^\|.*\n)+", text[text.index(sentence) :], re.MULTILINE)
    assert table
    return [key for line in table.group().splitlines()[2:] for key in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_the_files_are_those_that_are_written(data: Path) -> None:
    written = [row["file"] for row in json.loads((data / "manifest.json").read_text(encoding="utf-8"))["files"]]
    assert keys_of_table("Output") == [*written, "manifest.json"]
    assert {path.name for path in data.iterdir()} - {".ls-trajedit"} == set(keys_of_table("Output"))


def test_every_key_of_a_record_is_documented_in_its_order(record: dict[str, Any]) -> None:
    assert keys_after("A record has:") == list(record)
    assert keys_after("An edit has:") == list(record["edits"][0])
    assert keys_after("And `source`:") == list(record["source"])


def test_every_key_of_the_manifest_is_documented_in_its_order(data: Path) -> None:
    manifest = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    rows = {row[0].strip("`"): re.findall(r"`([\w-]+)`", row[1]) for row in table_rows(PAGE, "manifest.json")}
    assert list(rows) == list(manifest)
    for key in ("schema", "counts"):
        assert rows[key] == list(manifest[key])
    assert rows["files"] == list(manifest["files"][0])


def test_every_key_of_a_reject_is_documented_in_its_order(tmp_path: Path) -> None:
    folder_with_examples(tmp_path)
    (tmp_path / "config.xml").write_text(LACKING_CONFIG, encoding="utf-8")
    done = in_shell("ls-trajedit convert examples/export.json --config config.xml -o data", tmp_path)
    assert done.returncode == 0, done.stdout
    first = (tmp_path / "data" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()[0]
    text = read_page(PAGE)
    section = text[text.index("## rejects.jsonl") : text.index("## manifest.json")]
    assert re.findall(r"`(\w+)`", section) == list(json.loads(first))


@pytest.mark.parametrize("block", [block for block in blocks("json") if block.title], ids=lambda block: block.title)
def test_a_line_that_a_page_shows_is_in_the_file_except_for_what_it_elides(block: Block, every_format: Path) -> None:
    lines = (every_format / block.title).read_text(encoding="utf-8").splitlines()
    wanted = re.compile(".*?".join(re.escape(part) for part in block.text.strip().split("…")))
    assert any(wanted.fullmatch(line.removesuffix(",")) for line in lines), f"{block.page}:{block.line}"


def test_every_reason_of_a_rejection_is_documented_with_its_slug_and_its_sentence() -> None:
    documented = [(row[0].strip("`"), row[1]) for row in table_rows("docs/reading-rules.md", "Rejections")]
    assert documented == [(reason.value, reason.sentence) for reason in RejectReason]
