"""What is kept of a block comes back, and nothing else does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.chunk import ConvertedChunk, EncodedRow
from ls_trajedit.converters.formats.base import Tally
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.converters.training.split import SplitCounts, task_digest
from ls_trajedit.output.row_files import planned_files
from ls_trajedit.output.row_ranges import RowRange
from ls_trajedit.pull.blocks import Block, BlockError, BlockSums, parse_block
from ls_trajedit.traces.json_text import json_line, parse_json

FILES = planned_files(ExportPlan())
SFT, REJECTS = "trajectory_sft.jsonl", "rejects.jsonl"


def chunk(number: int) -> ConvertedChunk:
    """What one task became: an edit by somebody with an odd name, a reject, and something left out."""
    counts = Counts(tasks=1, kinds=Counter(edited=1, rejected=1), reasons=Counter(no_trace=1), fields=Counter(action=2))
    counts.annotators = {"\ud800 Zoë": Counter(edited=1), "7": Counter(rejected=1)}
    counts.superseded, counts.by_review = 1, Counter(rejected=1)
    splits = SplitCounts(Counter(train=1), Counter([task_digest("Go.")]))
    rows = {
        SFT: [EncodedRow((number, 1), b'{"row":%d}' % number)],
        REJECTS: [EncodedRow((number, 2), b'{"reject":%d}' % number)],
        "not/planned.jsonl": [EncodedRow((number, 1), b"{}")],
    }
    tallies = {SFT: Tally(characters=5, left_out=Counter(empty=1))}
    return ConvertedChunk(counts, rows, tallies, TrainingCounts(records=1, splits=splits))


def block_of(*numbers: int) -> Block:
    block = Block()
    for number in numbers:
        block.add(chunk(number), FILES)
    return block


def test_a_block_comes_back() -> None:
    block = block_of(1, 2)
    found = parse_block(block.to_bytes())
    assert found.ranges == block.ranges
    assert found.ranges[SFT] == RowRange(2, len(b'{"row":1}\n{"row":2}'), block.ranges[SFT].checksum)
    assert found.ranges.keys() == {SFT, REJECTS}
    sums = BlockSums()
    sums.add(found)
    assert sums.counts().as_json() == block.counts.as_json()
    assert sums.tally(SFT).as_json() == block.tallies[SFT].as_json()
    assert sums.tally(REJECTS) == Tally()
    assert (sums.rows(SFT), sums.rows("trajectory_dpo.jsonl")) == (2, 0)
    assert sums.training().as_json() == block.training.as_json()
    assert sums.training().splits.same_task == 2


def test_no_block_is_a_block_without_tasks() -> None:
    sums = BlockSums()
    sums.add(parse_block(None))
    assert (sums.counts(), sums.training().as_json()) == (Counts(), TrainingCounts().as_json())


def test_blocks_add_up_to_what_was_counted() -> None:
    first, second = BlockSums(), BlockSums()
    first.add(parse_block(block_of(1, 2).to_bytes()))
    second.add(parse_block(block_of(9).to_bytes()))
    first.update(second)
    counts = first.counts().as_json()
    assert (counts["tasks"], counts["annotations"], counts["edits_by_field"], counts["superseded"]) == (
        *(3, 6),
        {"action": 6},
        3,
    )
    assert counts["by_annotator"] == {"7": {"rejected": 3}, "\ud800 Zoë": {"edited": 3}}
    assert counts["excluded_by_review"] == {"rejected": 3}
    assert (first.tally(SFT).characters, first.tally(SFT).left_out, first.rows(SFT)) == (15, {"empty": 3}, 3)
    assert (first.training().records, first.training().splits.traces, first.training().splits.same_task) == (
        *(3, {"train": 3}),
        3,
    )


ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "x", "é", [], [1], [[1, 1, 1]], {"x": None}, {"": {"": "x"}})


def replaced(value: Any, odd: Any) -> Iterator[Any]:
    """`value` with `odd` in place of each value in it."""
    yield odd
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, inner in items:
        for new in replaced(inner, odd):
            copy = value.copy()
            copy[key] = new
            yield copy


def read_all(value: Any) -> dict[str, Any]:
    """All that is read of a block."""
    sums = BlockSums()
    found = parse_block(json_line(value))
    sums.add(found)
    training = sums.training()
    return {
        "counts": sums.counts().as_json(),
        "tally": sums.tally(SFT).as_json(),
        "training": (training.as_json(), training.splits),
        "ranges": dict(found.ranges),
    }


@pytest.mark.parametrize("odd", ODD)
def test_another_value_anywhere_is_an_error_or_was_not_read(odd: Any) -> None:
    """Never another exception; what else is found then is compared with what the last pull wrote."""
    value = parse_json(block_of(1, 2).to_bytes())
    errors = 0
    for changed in replaced(value, odd):
        try:
            read_all(changed)
        except BlockError:
            errors += 1
    assert errors > 5


@pytest.mark.parametrize("name", ["sums", "tasks", "ranges"])
def test_a_part_that_is_missing_is_an_error(name: str) -> None:
    value = parse_json(block_of(1).to_bytes())
    del value[name]
    with pytest.raises(BlockError):
        parse_block(json_line(value))


@pytest.mark.parametrize(
    "numbers", [[1, 2], [1, 2, 3, 4], [0, 1, 1], [1, 0, 0], [1, 1, 1 << 32], [1, 1 << 62, 1], [1, -1, 1], [1.0, 1, 1]]
)
def test_what_cannot_be_a_range_is_an_error(numbers: list[Any]) -> None:
    value = parse_json(block_of(1).to_bytes())
    value["ranges"][SFT] = numbers
    with pytest.raises(BlockError):
        parse_block(json_line(value))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"[" * 1000, b"\xff"])
def test_what_is_not_a_block_is_an_error(raw: bytes) -> None:
    with pytest.raises(BlockError):
        parse_block(raw)


@pytest.mark.parametrize("tasks", ["0", "xy", "00" * 7, 7, None])
def test_what_are_not_digests_of_tasks_is_an_error(tasks: Any) -> None:
    value = parse_json(block_of(1).to_bytes())
    value["tasks"] = tasks
    with pytest.raises(BlockError):
        parse_block(json_line(value))
