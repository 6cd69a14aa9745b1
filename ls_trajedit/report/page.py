"""Puts the page together: figures, charts, corrections, style and scripts in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ls_trajedit.converters.record import reject_sentence
from ls_trajedit.report.bins import SIZES, Bin, step_bins
from ls_trajedit.report.charts import (
    annotators_chart,
    fields_chart,
    labels_chart,
    percent,
    sizes_chart,
    steps_chart,
)
from ls_trajedit.report.figures import Figures, median
from ls_trajedit.report.page_data import host_address, project_address, script_json, task_address
from ls_trajedit.report.records import Source

__all__ = ["page_pieces"]

_HERE = "ls_trajedit.report"
_SCRIPTS = (
    ("ls_trajedit.live_diff", "diff.js"),
    (_HERE, "correction.js"),
    (_HERE, "list.js"),
    (_HERE, "corrections.js"),
)


def page_pieces(source: Source, figures: Figures, blocks: Iterable[bytes]) -> Iterator[str]:
    """The page, piece by piece; `blocks` are the corrections as `blocks_written` writes them."""
    style = _read(_HERE, "report.css")
    scripts = [_read(package, name) for package, name in _SCRIPTS]
    steps = step_bins(figures.steps)
    charts = [
        steps_chart(figures),
        fields_chart(figures),
        annotators_chart(figures, source.counts["by_annotator"]),
        sizes_chart(figures),
        labels_chart(figures),
    ]
    settings = {
        "task": task_address(source),
        "steps": [_limits(found) for found in steps],
        "sizes": [_limits(found) for found in SIZES],
    }
    return _template().generate(
        source=source,
        host=host_address(source),
        project=project_address(source),
        counts=source.counts,
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
        blocks=(Markup(block.decode().strip()) for block in blocks),  # noqa: S704 (escaped in blocks_written)
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read(_HERE, "report.html"))


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy knows an inline script or style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _limits(found: Bin) -> list[Any]:
    return [found.key, found.low, found.high]
