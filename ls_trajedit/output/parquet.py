"""Parquet files beside the JSON files that trainers read: the same rows, with types that are declared, not guessed.

`datasets` infers the types of JSON from its values: tool calls whose arguments differ get nulls or do not load, and a
column of dates becomes one of times. A Parquet file brings its schema along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ls_trajedit.output.file_system import sync_file
from ls_trajedit.output.inventory import file_digest
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.json_text import json_line, parse_json

__all__ = [
    "FoundKinds",
    "Kind",
    "columns_in",
    "columns_of",
    "found_kinds",
    "parquet_name",
    "require_pyarrow",
    "write_one_parquet",
    "write_parquet",
]

# A row group is made in memory, and is what `datasets` reads at a time.
_GROUP_BYTES = 4 << 20
_SUFFIX = ".parquet"
_INSTALL = "run: pip install 'pyarrow>=19'"

Kind = Literal["text", "texts", "integer", "boolean", "booleans", "messages", "turns", "turn", "json", "json_list"]
"""What a column holds; a turn is a message as ShareGPT has it."""

FoundKinds = dict[str, "set[Kind]"]
"""Columns, each with the kinds of its values."""

_MESSAGE = {"role", "content"}
_TURN = {"from", "value"}


def require_pyarrow() -> None:
    """Raises SetupError when pyarrow is not installed, or is too old to have a JSON type."""
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
    return str(PurePosixPath(file).with_suffix(_SUFFIX))


def write_parquet(sources: Sequence[Path], has_tool_calls: bool) -> list[str]:
    """Writes a Parquet file beside each of the JSON files `sources`, which have one row a line. Gives the SHA-256 of
    each in hex.

    `sources` are the splits of one set of rows, so all get the same schema; with `has_tool_calls`, messages are JSON in
    it. A few MB are in memory at a time, and the same rows give the same bytes under the same version of pyarrow.
    Raises OSError when writing fails.
    """
    columns = columns_of(map(columns_in, sources), has_tool_calls)
    return [write_one_parquet(source, source.with_suffix(_SUFFIX), columns) for source in sources]


def columns_in(source: Path) -> FoundKinds:
    """The columns of the JSON file `source`, which has one row a line, in the order in which they come up, each with
    the kinds of its values."""
    return found_kinds(parse_json(raw) for raw in _rows(source))


def found_kinds(rows: Iterable[dict[str, Any]]) -> FoundKinds:
    """The same for `rows`."""
    found: FoundKinds = {}
    for row in rows:
        for column, value in row.items():
            found.setdefault(column, set()).add(_kind(value))
    return found


def columns_of(files: Iterable[FoundKinds], has_tool_calls: bool) -> dict[str, Kind]:
    """The kind of each column of one set of rows, given what was found in its `files`, in their order.

    What is not text, a message, or a list of these is JSON. With `has_tool_calls`, messages are JSON too, even where
    none of these rows holds a call: files that were made with the same options have the same types.

    >>> columns_of([found_kinds([{"prompt": [{"role": "user", "content": "Go."}], "label": True}])], False)
    {'prompt': 'messages', 'label': 'boolean'}
    >>> rows = [{"input": {"messages": []}, "step": 3}, {"input": {}, "tools": ["a"]}]
    >>> columns_of([found_kinds(rows[:1]), found_kinds(rows[1:])], has_tool_calls=False)
    {'input': 'json', 'step': 'integer', 'tools': 'texts'}
    """
    found: FoundKinds = {}
    for columns in files:
        for column, kinds in columns.items():
            found.setdefault(column, set()).update(kinds)
    return {column: _common(kinds, has_tool_calls) for column, kinds in found.items()}


def _kind(value: Any) -> Kind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, list):
        return _kind_of_list(value)
    return "turn" if _has_only_texts(value, _TURN) else "json"


def _kind_of_list(values: list[Any]) -> Kind:
    if all(isinstance(value, str) for value in values):
        return "texts"
    if all(isinstance(value, bool) for value in values):
        return "booleans"
    if all(_has_only_texts(value, _MESSAGE) for value in values):
        return "messages"
    return "turns" if all(_has_only_texts(value, _TURN) for value in values) else "json_list"


def _has_only_texts(value: Any, keys: set[str]) -> bool:
    return isinstance(value, dict) and value.keys() == keys and all(isinstance(text, str) for text in value.values())


def _common(kinds: set[Kind], has_tool_calls: bool) -> Kind:
    lists = {"texts", "booleans", "messages", "turns", "json_list"}
    kind: Kind = kinds.pop() if len(kinds) == 1 else "json_list" if kinds <= lists else "json"
    return "json_list" if kind == "messages" and has_tool_calls else kind


def write_one_parquet(source: Path, target: Path, kinds: Mapping[str, Kind]) -> str:
    """Writes the rows of the JSON file `source`, which has one a line, as a Parquet file with these columns. Gives its
    SHA-256 in hex. Raises OSError when writing fails."""
    pa = _pyarrow()
    schema = pa.schema([pa.field(column, _type(kind)) for column, kind in kinds.items()])
    with target.open("wb") as file:
        with pa.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in _batches(source):
                arrays = [_array([row.get(column) for row in rows], kind) for column, kind in kinds.items()]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=len(rows))
        sync_file(file)
    digest = file_digest(target)
    assert digest is not None
    return digest


def _pyarrow() -> Any:
    # Slow to import, and missing without the extra. Some versions are typed and some are not.
    import_module("pyarrow.parquet")
    return import_module("pyarrow")


def _type(kind: Kind) -> Any:
    """The Arrow type of a column. JSON is stored as text, which `datasets` parses when it loads it."""
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
    """The lines that are rows: the brackets of a JSON array have lines of their own."""
    with path.open("rb") as file:
        for line in file:
            raw = line.strip().rstrip(b",")
            if raw.startswith(b"{"):
                yield raw
