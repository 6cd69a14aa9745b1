"""The formats page: every format with its files, a real line of each, and everything that is counted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ls_trajedit.converters.example import example_restructured, example_sample
from ls_trajedit.converters.formats.base import Tally, TrainingRow
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.formats.trl import dpo_rows
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import Insertion, Removal
from ls_trajedit.converters.training.counts import Omission, TrainingCounts
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.output.manifest import training_json
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options_file import parse_options
from tests.support.branches import PLAIN_CONFIG, annotation, correction_of, plain_parent, typed

from .pages import blocks, read_page, table_rows
from .write_outputs import folder_with_examples, in_shell

PAGE = "docs/formats.md"
TRAINING = {name: format_ for name, format_ in FORMATS.items() if format_.is_for_training}


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_has_every_format_with_its_files() -> None:
    documented = {words(row[0])[0]: words(row[1]) for row in table_rows(PAGE, "Formats")}
    assert documented == {name: [file.file for file in format_.files] for name, format_ in FORMATS.items()}
    assert list(documented) == list(FORMATS)


@pytest.mark.parametrize("name", TRAINING)
def test_a_format_for_trainers_has_a_section_with_a_line_of_its_own_file(name: str) -> None:
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", read_page(PAGE), re.MULTILINE | re.DOTALL)
    assert section
    shown = {block.title for block in blocks("json") if block.page == PAGE and block.text in section.group(1)}
    assert shown
    assert shown <= {file.file for file in TRAINING[name].files}


def test_the_columns_of_a_row_are_documented_in_their_order() -> None:
    columns = [words(row[0])[0] for row in table_rows(PAGE, "What every row says")]
    sample = replace(example_sample(), has_branches=True)
    assert columns == list(sample.columns(0, n_edits=1, is_stale=False))


def test_the_lines_about_branches_are_those_of_the_example() -> None:
    section = re.search(r"^## Branches\n(.*?)(?=^## )", read_page(PAGE), re.M | re.S)
    assert section
    (shown,) = [block.text.strip() for block in blocks("json") if block.page == PAGE and block.text in section.group(1)]
    edits = (typed("step_0__action", "get(key='a')"), typed("step_1__thought", "Store it."))
    outcome, _ = correction_of(plain_parent(annotation(8, *edits)), PLAIN_CONFIG, 0)
    sample = Sample(outcome.record, traces=outcome.traces, has_branches=True, branch_point=0)
    made = [json_line(row.values).decode() for row in dpo_rows(sample) if isinstance(row, TrainingRow)]
    assert shown.splitlines() == made


def test_the_lines_about_removed_and_inserted_steps_are_those_of_the_examples() -> None:
    section = re.search(r"^## Steps that were removed and inserted\n(.*?)(?=^## )", read_page(PAGE), re.M | re.S)
    assert section
    shown = [block.text.strip() for block in blocks("json") if block.page == PAGE and block.text in section.group(1)]
    reading = Insertion(1, 0, {"thought": "Read it.", "action": "read()"}, "")
    made = [
        json_line(row.values).decode()
        for structure in ((reading,), (Removal(1, ""),), (Removal(1, ""), reading))
        for row in dpo_rows(example_restructured(*structure))
        if isinstance(row, TrainingRow)
    ]
    assert shown == made


def test_every_reason_to_leave_something_out_is_documented() -> None:
    assert [words(row[0])[0] for row in table_rows(PAGE, "What is left out, and counted")] == [
        omission.value for omission in Omission
    ]
    text = read_page(PAGE)
    assert all(f"`{key}`" in text for key in Tally().as_json())


def test_every_key_of_training_is_documented_in_its_order() -> None:
    text = read_page(PAGE)
    table = re.search(r"(?:^\|.*\n)+", text[text.index("Under `training`") :], re.MULTILINE)
    assert table
    documented = [key for line in table.group().splitlines()[2:] for key in words(line.split("|")[1])]
    training = training_json(ExportPlan(tuple(TRAINING.values())), TrainingCounts())
    assert training is not None
    assert documented == list(training)


def test_the_templates_on_the_page_are_the_defaults() -> None:
    (block,) = [block for block in blocks("yaml") if block.page == PAGE]
    templates, defaults = parse_options(block.text, PAGE).templates, Rendering()
    assert templates.step == defaults.step.text
    assert templates.observation == defaults.observation.text
    assert templates.no_observation == defaults.no_observation
    assert templates.final_answer == defaults.final_answer.text


def test_openai_lines_are_those_of_trl(tmp_path: Path) -> None:
    folder_with_examples(tmp_path)
    command = "ls-trajedit convert examples/export.json --config examples/export_config.xml --format all -o data"
    assert in_shell(command, tmp_path).returncode == 0

    def rows(file: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (tmp_path / "data" / file).read_text(encoding="utf-8").splitlines()]

    for ours, theirs in zip(rows("trl/dpo.jsonl"), rows("openai/dpo.jsonl"), strict=True):
        assert (ours["prompt"], ours["chosen"]) == (theirs["input"]["messages"], theirs["preferred_output"])  # type: ignore[index]
    assert len(rows("trl/sft.jsonl")) == len(rows("openai/sft.jsonl"))
