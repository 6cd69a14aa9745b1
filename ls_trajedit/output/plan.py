"""From what the command line and the options ask for to the export plan."""

from __future__ import annotations

from dataclasses import replace

from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.base import Format
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.rendering import rendering_for
from ls_trajedit.converters.training.verdicts import VerdictWords
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.parquet import require_pyarrow
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.traces.errors import OptionsError, UsageError
from ls_trajedit.traces.options import Options

__all__ = ["formats_for", "plan_for"]


def formats_for(wanted: WantedFiles, options: Options | None) -> tuple[Format, ...]:
    """The formats to write, which are known before any project is.

    Raises UsageError when the command line names a format that does not exist, or asks for Parquet without a format for
    training; OptionsError when the options name a format that does not exist; and SetupError when Parquet is wanted but
    pyarrow is not installed.
    """
    if not wanted.formats and options is None:
        formats: tuple[Format, ...] = interchange.FORMATS
    else:
        formats = _formats_named(wanted, options or Options())
    if wanted.with_parquet:
        if not any(format_.is_for_training for format_ in formats):
            raise UsageError("--to parquet: none of the formats is for training; name some with --format")
        require_pyarrow()
    return formats


def _formats_named(wanted: WantedFiles, options: Options) -> tuple[Format, ...]:
    # All formats there are, and what they need.
    from ls_trajedit.converters.formats.registry import formats_named

    try:
        return formats_named(wanted.formats or options.formats)
    except ValueError as error:
        if wanted.formats:
            raise UsageError(f"--format: {error}") from None
        raise OptionsError(f"`formats` in the options: {error}") from None


def plan_for(wanted: WantedFiles, options: Options | None, schema: Schema) -> ExportPlan:
    """The export plan for records of this schema. Raises what `formats_for` raises."""
    formats = formats_for(wanted, options)
    options = options or Options()
    labels = options.step_labels
    return ExportPlan(
        formats=formats,
        rendering=rendering_for(options, schema, wanted.as_tool_calls),
        rules=replace(wanted.rules, verdict_words=VerdictWords.of(labels.right, labels.wrong, labels.unsure)),
        with_parquet=wanted.with_parquet,
    )
