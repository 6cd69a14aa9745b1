"""The corrections as the page carries them: JSON in blocks that nothing in them can break out of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ls_trajedit.report.records import Record, Source
from ls_trajedit.traces.json_text import json_line

__all__ = ["blocks_written", "host_address", "project_address", "script_json", "task_address"]

# Small enough for a browser to read one between two frames.
_BLOCK = 100_000
_ESCAPED = ((b"<", rb"\u003c"), (b">", rb"\u003e"), (b"&", rb"\u0026"))


def blocks_written(records: Iterable[Record], file: BinaryIO) -> Iterator[Record]:
    """Passes `records` on, and writes the edited ones into `file` on the way: JSON arrays, each a line of some 100 kB.
    What stands at which place in a row, the page's script says (`corrections.js`)."""
    rows: list[bytes] = []
    size = 0
    for record in records:
        if record.corrections:
            rows.append(script_json(_row(record)))
            size += len(rows[-1])
        if size > _BLOCK:
            file.write(_block(rows))
            rows, size = [], 0
        yield record
    if rows:
        file.write(_block(rows))


def script_json(value: Any) -> bytes:
    """`value` as JSON on one line that may stand inside a <script> element: nothing in it is markup.

    >>> script_json({"text": "</script><!--"})
    b'{"text":"\\\\u003c/script\\\\u003e\\\\u003c!--"}'
    """
    raw = json_line(value)
    for sign, escape in _ESCAPED:
        raw = raw.replace(sign, escape)
    return raw


def host_address(source: Source) -> str | None:
    """Where Label Studio is, without a login that its address may hold. None when it is not known, or is no address of
    a web page."""
    try:
        parts = urlsplit(source.host or "")
        parts.port  # noqa: B018 (raises when it is no number)
    except ValueError:
        return None
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not place or parts.query or parts.fragment:
        return None
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def project_address(source: Source) -> str | None:
    """Where the project is, or None when that is not known."""
    host = host_address(source)
    return None if host is None or source.project_id is None else f"{host}/projects/{source.project_id}/data"


def task_address(source: Source) -> str | None:
    """The beginning of a task's address; its id has to follow."""
    project = project_address(source)
    return None if project is None else f"{project}?task="


def _block(rows: list[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]\n"


def _row(record: Record) -> list[Any]:
    return [
        record.annotation_id,
        record.task_id,
        record.trace_id,
        record.task,
        record.annotator,
        [
            [edit.step, edit.field, edit.original, edit.edited, edit.characters, edit.words, edit.reason]
            for edit in record.corrections
        ],
        [[label.step, label.name, label.choices] for label in record.labels],
    ]
