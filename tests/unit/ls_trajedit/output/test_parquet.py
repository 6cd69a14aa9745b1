"""The Parquet files: the rows of the JSON files beside them, the same bytes each time, few in memory at once."""

from __future__ import annotations

import hashlib
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ls_trajedit.output.parquet import require_pyarrow, write_parquet
from ls_trajedit.traces.errors import SetupError

TEXTS = ["2024-01-01", "42", "null", "", '{"a":1}', "U+2028: \u2028", "\ufffd", "\r\n", "\x00", "Grüße 🌍"]


def row(text: str, number: int = 0) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"prompt": [message], "chosen": [message], "trace_id": text, "step": number, "prefix_stale": False}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_rows_are_those_of_the_json_file(tmp_path: Path) -> None:
    rows = [row(text, number) for number, text in enumerate(TEXTS)]
    (digest,) = write_parquet([write(tmp_path / "dpo.jsonl", rows)], has_tool_calls=False)
    assert pq.read_table(tmp_path / "dpo.parquet").to_pylist() == rows
    assert digest == hashlib.sha256((tmp_path / "dpo.parquet").read_bytes()).hexdigest()


def test_a_json_array_with_a_row_a_line_is_read_too(tmp_path: Path) -> None:
    turn = {"from": "gpt", "value": "42"}
    rows = [{"conversations": [turn], "chosen": turn}] * 2
    (tmp_path / "sft.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    write_parquet([tmp_path / "sft.json"], has_tool_calls=False)
    assert pq.read_table(tmp_path / "sft.parquet").to_pylist() == rows


def test_texts_that_look_like_dates_are_texts(tmp_path: Path) -> None:
    write_parquet([write(tmp_path / "dpo.jsonl", [row("2024-01-01")])], has_tool_calls=False)
    schema = pq.read_schema(tmp_path / "dpo.parquet")
    assert schema.field("trace_id").type == pa.string()
    assert schema.field("chosen").type == pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def test_messages_with_tool_calls_are_kept_as_json_digit_by_digit(tmp_path: Path) -> None:
    arguments = {
        "day": "2024-01-01",
        "none": None,
        "big": 2**64 - 1,
        "precise": 0.1234567890123456,
        "nested": {"a": []},
    }
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    write_parquet([write(tmp_path / "sft.jsonl", [{"messages": messages}])], has_tool_calls=True)
    table = pq.read_table(tmp_path / "sft.parquet")
    assert table.schema.field("messages").type == pa.list_(pa.json_())
    (stored,) = table.column("messages").to_pylist()
    assert [json.loads(text) for text in stored] == messages


def test_the_sides_of_a_split_have_one_schema_even_when_one_is_empty(tmp_path: Path) -> None:
    rows = {"train": [row("a")], "test": [{**row("b"), "prompt": [{"role": "user", "content": "b", "weight": 1}]}]}
    rows["dev"] = []
    sources = [write(tmp_path / f"dpo.{side}.jsonl", found) for side, found in rows.items()]
    write_parquet(sources, has_tool_calls=False)
    train, test, dev = (pq.read_schema(tmp_path / f"dpo.{side}.parquet") for side in rows)
    assert train.equals(test)
    assert train.equals(dev)
    assert pq.read_table(tmp_path / "dpo.dev.parquet").num_rows == 0


def test_files_that_are_made_with_tool_calls_have_the_same_types_with_and_without_a_call(tmp_path: Path) -> None:
    write_parquet([write(tmp_path / "dpo.jsonl", [row("no call")])], has_tool_calls=True)
    assert pq.read_schema(tmp_path / "dpo.parquet").field("chosen").type == pa.list_(pa.json_())


def test_a_set_without_rows_is_a_file_without_rows(tmp_path: Path) -> None:
    write_parquet([write(tmp_path / "dpo.jsonl", [])], has_tool_calls=False)
    assert pq.read_table(tmp_path / "dpo.parquet").num_rows == 0


def test_a_column_that_a_row_lacks_is_null_in_it(tmp_path: Path) -> None:
    rows = [{"input": {"a": 1}}, {"input": {"b": "x"}, "tools": [{"type": "function"}]}]
    write_parquet([write(tmp_path / "dpo.jsonl", rows)], has_tool_calls=False)
    assert pq.read_table(tmp_path / "dpo.parquet").column("tools").to_pylist()[0] is None


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.jsonl", "b.jsonl"):
        digests.update(write_parquet([write(tmp_path / name, [row(text) for text in TEXTS])], False))
    assert len(digests) == 1


def test_a_long_file_is_read_and_written_a_part_at_a_time(tmp_path: Path) -> None:
    with (tmp_path / "long.jsonl").open("w", encoding="utf-8") as file:
        for number in range(3_000):
            file.write(json.dumps(row("x" * 10_000, number)) + "\n")
    size = (tmp_path / "long.jsonl").stat().st_size
    tracemalloc.start()
    write_parquet([tmp_path / "long.jsonl"], has_tool_calls=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 90_000_000
    assert peak < size / 4
    assert pa.default_memory_pool().max_memory() < size
    assert pq.ParquetFile(tmp_path / "long.parquet").num_row_groups > 10


def test_without_pyarrow_a_person_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SetupError, match=r"--to parquet needs pyarrow; run: pip install 'pyarrow>=19'"):
        require_pyarrow()


def test_an_older_pyarrow_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pa, "json_")
    with pytest.raises(SetupError, match=r"needs pyarrow 19 or newer, and this is \d"):
        require_pyarrow()
