"""Parquet files beside the JSON files that trainers read: the same rows, with types that are said and not guessed.

`datasets` types JSON by what stands in it: calls whose arguments differ get nulls or do not load, and a date in all of
them becomes a time. A Parquet file brings its schema along.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from ls_trajedit.output.column_kinds import Kind, column_kinds
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.json_text import json_line, parse_json

__all__ = ["parquet_name", "require_pyarrow", "write_parquet"]

# A row group is made in memory, and is what `datasets` reads at a time.
_GROUP_BYTES = 4 << 20
_INSTALL = "run: pip install 'pyarrow>=19'"


def require_pyarrow() -> None:
    """Raises SetupError when pyarrow is not installed, or is too old to know JSON as a type."""
    try:
        pa = _pyarrow()
    except ImportError:
        raise SetupError(f"--to parquet needs pyarrow; {_INSTALL}") from None
    if not hasattr(pa, "json_"):
        raise SetupError(f"--to parquet needs pyarrow 19 or newer, and this is {pa.__version__}; {_INSTALL}")


def parquet_name(file: str) -> str:
    """What the Parquet file beside a JSON file is called.

    >>> parquet_name("trl/dpo.train.jsonl")
    'trl/dpo.train.parquet'
    """
    return str(PurePosixPath(file).with_suffix(".parquet"))


def write_parquet(folder: Path, files: Sequence[str], has_tool_calls: bool) -> list[str]:
    """Writes a Parquet file beside each of the JSON `files` in `folder`, which have one row a line. Gives the SHA-256
    of each in hex.

    `files` are the sides of one set of rows, so all get the same schema; with `has_tool_calls`, messages are JSON in
    it. A few MB are in memory at a time, and the same rows give the same bytes under the same pyarrow. Raises OSError
    when writing fails.
    """
    kinds = column_kinds((parse_json(raw) for file in files for raw in _rows(folder / file)), has_tool_calls)
    return [_write(folder / file, folder / parquet_name(file), kinds) for file in files]


def _write(source: Path, target: Path, kinds: Mapping[str, Kind]) -> str:
    pa = _pyarrow()
    schema = pa.schema([pa.field(column, _type(kind)) for column, kind in kinds.items()])
    with target.open("wb") as file:
        with pa.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in _batches(source):
                arrays = [_array([row.get(column) for row in rows], kind) for column, kind in kinds.items()]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=len(rows))
        file.flush()
        os.fsync(file.fileno())
    return _digest(target)


def _pyarrow() -> Any:
    # Slow to load, and not there without the extra. Some versions come with types and some without.
    import_module("pyarrow.parquet")
    return import_module("pyarrow")


def _type(kind: Kind) -> Any:
    """The Arrow type of a column. JSON is kept as text; `datasets` gives back what it stands for."""
    pa = _pyarrow()
    text = pa.string()
    turn = pa.struct([("from", text), ("value", text)])
    types: dict[Kind, Any] = {
        "text": text,
        "texts": pa.list_(text),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "booleans": pa.list_(pa.bool_()),
        "messages": pa.list_(pa.struct([("role", text), ("content", text)])),
        "turn": turn,
        "turns": pa.list_(turn),
        "json": pa.json_(),
        "json_list": pa.list_(pa.json_()),
    }
    return types[kind]


def _array(values: list[Any], kind: Kind) -> Any:
    pa = _pyarrow()
    if kind == "json":
        return pa.array([None if value is None else _text(value) for value in values], pa.string()).cast(_type(kind))
    if kind == "json_list":
        texts = [None if value is None else [_text(item) for item in value] for value in values]
        return pa.array(texts, pa.list_(pa.string())).cast(_type(kind))
    return pa.array(values, _type(kind))


def _text(value: Any) -> str:
    return json_line(value).decode()


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for raw in _rows(path):
        batch.append(parse_json(raw))
        size += len(raw)
        if size >= _GROUP_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(path: Path) -> Iterator[bytes]:
    """The lines that are rows; the brackets of a JSON array have lines of their own."""
    with path.open("rb") as file:
        for line in file:
            raw = line.strip().rstrip(b",")
            if raw.startswith(b"{"):
                yield raw


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
