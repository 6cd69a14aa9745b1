"""Which files a run is asked for: what the command line says, what the options say, what holds without either."""

from __future__ import annotations

from dataclasses import dataclass, field

from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.rendering import rendering_for
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.parquet import require_pyarrow
from ls_trajedit.traces.errors import OptionsError, UsageError
from ls_trajedit.traces.options import Options

__all__ = ["WantedFiles", "plan_for"]


@dataclass(frozen=True)
class WantedFiles:
    """What the command line says. Without `formats`, those of the options are written."""

    formats: tuple[str, ...] = ()
    as_tool_calls: bool = False
    rules: TrainingRules = field(default_factory=TrainingRules)
    with_parquet: bool = False


def plan_for(wanted: WantedFiles, options: Options | None, schema: Schema) -> ExportPlan:
    """The plan for records of that schema.

    Raises UsageError for a format that the command line names and that is not there, or when Parquet is wanted of no
    format, OptionsError for one of the options, and SetupError when Parquet cannot be written here.
    """
    options = options or Options()
    rendering = rendering_for(options, schema, wanted.as_tool_calls)
    try:
        formats = formats_named(wanted.formats or options.formats)
    except ValueError as error:
        if wanted.formats:
            raise UsageError(f"--format: {error}") from None
        raise OptionsError(f"`formats` in the options: {error}") from None
    plan = ExportPlan(formats, rendering, wanted.rules, wanted.with_parquet)
    if wanted.with_parquet:
        if not plan.training_formats:
            raise UsageError("--to parquet: none of the formats is for training; name some with --format")
        require_pyarrow()
    return plan
