"""The page on traces: every format that there is, and examples that are read as the page says; and the conversation in
the README, with the row that it becomes."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import pytest

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import ConvertedChunk
from ls_trajedit.converters.formats.registry import FORMATS as ROW_FORMATS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.read import ChatTrace, ReadFile, read_file
from ls_trajedit.traces.readers.registry import FORMATS

from .pages import Block, blocks, read_page, table_rows

PAGE = "docs/traces.md"
EXAMPLE, *OVERRIDDEN = [block for block in blocks("json") if block.page == PAGE]
OVERRIDES = [block for block in blocks("yaml") if block.page == PAGE]


def read(block: Block, options: Options | None = None) -> ReadFile:
    """The block as a file that holds nothing else."""
    return read_file(BytesIO(block.text.encode()), options or Options())


def options_in(block: Block) -> Options:
    return parse_options(block.text, f"{block.page}:{block.line}")


def test_the_table_has_every_format_in_the_order_of_the_program() -> None:
    assert [row[0] for row in table_rows(PAGE, "Formats")] == [f"`{name}`" for name in FORMATS]
    assert f"reads {len(FORMATS)} formats" in read_page(PAGE)


@pytest.mark.parametrize("row", table_rows(PAGE, "Formats"), ids=lambda row: row[0].strip("`"))
def test_a_format_is_called_what_the_program_calls_it(row: list[str]) -> None:
    name, title, *facts = row
    assert title.lower().startswith(FORMATS[name.strip("`")].title.lower())
    assert len(facts) == 3
    assert all(facts)


def test_the_conversation_on_the_page_has_the_steps_that_the_page_says() -> None:
    (item,) = read(EXAMPLE).items
    assert isinstance(item, ChatTrace)
    steps = item.trace.steps
    assert [len(step.message.calls) for step in steps] == [2, 0]
    assert [message.role for message in steps[0].heard] == ["tool", "tool"]


def test_every_override_has_an_example() -> None:
    shown = {key for block in OVERRIDES for key in re.findall(r"^(\w+):", block.text, re.MULTILINE)}
    assert shown == {"from", "messages_key", "role_key", "roles", "agent", "id_key"}
    assert len(OVERRIDES) == len(OVERRIDDEN)


@pytest.mark.parametrize(
    ("override", "trace"), list(zip(OVERRIDES, OVERRIDDEN, strict=True)), ids=lambda block: str(block.line)
)
def test_an_override_makes_its_example_readable(override: Block, trace: Block) -> None:
    (item,) = read(trace, options_in(override)).items
    assert isinstance(item, ChatTrace), item
    assert len(item.trace.steps) == 1
    if "id_key" in override.text:
        assert item.trace.id == "17-2"
    else:
        (without,) = read(trace).items
        assert not isinstance(without, ChatTrace)


def test_the_conversation_in_the_readme_becomes_the_row_in_the_readme() -> None:
    conversation, row = [block for block in blocks("json") if block.page == "README.md" and "get_weather" in block.text]
    (item,) = read(conversation).items
    assert isinstance(item, ChatTrace)
    data = chat_data(item.trace, Options().read_options)
    text = data["steps"][0]["tool_calls"][0]["arguments"].replace("Rom", "Rome")
    box = "step_0__call_0__arguments"
    result = {"from_name": f"{box}__corrected", "to_name": box, "type": "textarea", "value": {"text": [text]}}
    task = {"id": 1, "data": data, "annotations": [{"id": 1, "completed_by": 1, "result": [result]}]}
    schema = read_config(write_chat_config(Options(), chat_shape([data])))
    converted = ConvertedChunk()
    converted.add(convert_task(task, schema, ReadingRules()), ExportPlan((ROW_FORMATS["trl-dpo"],)))
    (found,) = converted.rows["trl/dpo.jsonl"]
    shown: dict[str, Any] = json.loads(row.text)
    assert shown["tools"] == "…"
    assert {**json.loads(found.raw), "tools": "…"} == shown
