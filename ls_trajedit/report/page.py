"""Puts the page together: figures, charts, corrections, style and scripts in one file that needs nothing else.

The corrections are in it as JSON, in blocks that nothing in them can break out of.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ls_trajedit.converters.record import Edit, reject_sentence
from ls_trajedit.output.manifest import Manifest, Origin
from ls_trajedit.report.bins import SIZES, Bin, step_bins
from ls_trajedit.report.changed_steps import ChangedStep
from ls_trajedit.report.charts import (
    annotators_chart,
    fields_chart,
    inserted_chart,
    labels_chart,
    percent,
    removed_chart,
    sizes_chart,
    steps_chart,
)
from ls_trajedit.report.figures import Figures, median
from ls_trajedit.report.records import AnnotatedTrace
from ls_trajedit.traces.json_text import json_line

__all__ = ["host_address", "page_pieces", "project_address", "script_json", "write_blocks"]

_HERE = "ls_trajedit.report"
_SCRIPTS = (
    ("ls_trajedit.live_diff", "diff.js"),
    (_HERE, "correction.js"),
    (_HERE, "list.js"),
    (_HERE, "corrections.js"),
)
_LARGEST_OF_JAVASCRIPT = (1 << 53) - 1
# Small enough for a browser to parse one between two frames.
_BLOCK = 100_000
_ESCAPED = ((b"<", rb"\u003c"), (b">", rb"\u003e"), (b"&", rb"\u0026"))


def page_pieces(manifest: Manifest, figures: Figures, blocks: Iterable[bytes]) -> Iterator[str]:
    """The page, piece by piece; `blocks` are the corrections as `write_blocks` writes them."""
    style = _read(_HERE, "report.css")
    scripts = [_read(package, name) for package, name in _SCRIPTS]
    steps = step_bins(figures.steps)
    counts, project = manifest.counts.as_json(), manifest.origin.project
    charts = [
        steps_chart(figures),
        removed_chart(figures),
        inserted_chart(figures),
        fields_chart(figures) if figures.edits else None,
        annotators_chart(figures, counts["by_annotator"]),
        sizes_chart(figures) if figures.edits else None,
        labels_chart(figures),
    ]
    address = project_address(manifest.origin)
    settings = {
        "task": address and f"{address}?task=",
        "steps": [_limits(found) for found in steps],
        "sizes": [_limits(found) for found in SIZES],
    }
    return _template().generate(
        title=project and project.title,
        project_id=project and project.id,
        host=host_address(manifest.origin),
        project=address,
        counts=counts,
        reject_sentence=reject_sentence,
        figures=figures,
        percent=percent,
        median_characters=median(figures.characters),
        charts=[chart for chart in charts if chart],
        steps=steps,
        sizes=SIZES,
        labels=sorted(name for name, edited in figures.labels_edited.items() if edited),
        style=Markup(style),  # noqa: S704 (our own file)
        style_hash=_hash(style),
        scripts=[Markup(script) for script in scripts],  # noqa: S704 (our own files)
        script_hashes=[_hash(script) for script in scripts],
        settings=Markup(script_json(settings).decode()),  # noqa: S704 (escaped there)
        blocks=(Markup(block.decode().strip()) for block in blocks),  # noqa: S704 (escaped in write_blocks)
    )


def write_blocks(records: Iterable[AnnotatedTrace], file: BinaryIO) -> Iterator[AnnotatedTrace]:
    """Yields `records`, and writes those with corrections into `file` on the way: JSON arrays, each a line of about
    100 kB. The page's script (`corrections.js`) says what each position in a row means."""
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
    """`value` as JSON on one line, in which nothing is markup, so that it can stand inside a <script> element.

    >>> script_json({"text": "</script><!--"})
    b'{"text":"\\\\u003c/script\\\\u003e\\\\u003c!--"}'
    """
    raw = json_line(value)
    for sign, escape in _ESCAPED:
        raw = raw.replace(sign, escape)
    return raw


def host_address(origin: Origin) -> str | None:
    """Where Label Studio is, without a login that its address may hold. None when that is not known, or is not the
    address of a web page."""
    try:
        parts = urlsplit(origin.host or "")
        parts.port  # noqa: B018 (raises when it is not a number)
    except ValueError:
        return None
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not place or parts.query or parts.fragment:
        return None
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def project_address(origin: Origin) -> str | None:
    """Where the project is, or None when that is not known."""
    host = host_address(origin)
    return None if host is None or origin.project is None else f"{host}/projects/{origin.project.id}/data"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read(_HERE, "report.html"))


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The hash by which a Content-Security-Policy allows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _limits(found: Bin) -> list[Any]:
    return [found.key, found.low, found.high]


def _block(rows: list[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]\n"


def _row(record: AnnotatedTrace) -> list[Any]:
    row = [
        _id(record.annotation_id),
        _id(record.task_id),
        record.trace_id,
        record.task,
        record.annotator,
        _corrections(record),
        [[label.step_index, label.name, label.choices] for label in record.labels],
    ]
    # Only of few traces.
    return [*row, [record.branch.round, record.branch.parent.trace_id]] if record.branch else row


def _corrections(record: AnnotatedTrace) -> list[list[Any]]:
    """The edits and the changed steps, along the trace: those of a step before what was inserted after it."""
    rows: list[tuple[float, list[Any]]] = []
    for edit in record.edits:
        rows.append((math.inf if edit.step_index is None else edit.step_index, _edit_row(edit)))
    rows.extend((change.step_index, _step_row(change)) for change in record.changes)
    return [row for _, row in sorted(rows, key=lambda item: item[0])]


def _step_row(change: ChangedStep) -> list[Any]:
    return [change.op, change.step_index, change.position, change.texts, change.characters, change.reason]


def _edit_row(edit: Edit) -> list[Any]:
    row = [
        edit.step_index,
        edit.field,
        edit.original_text,
        edit.edited_text,
        edit.edit_distance_chars,
        edit.edit_distance_words,
        edit.reason,
    ]
    # Only of few edits.
    return [*row, edit.lower_bounds] if edit.lower_bounds else row


def _id(number: int | str | None) -> int | str | None:
    """The id as a browser reads it without changing it."""
    return str(number) if isinstance(number, int) and abs(number) > _LARGEST_OF_JAVASCRIPT else number
