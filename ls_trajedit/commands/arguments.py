"""Options that several commands take, spelled once."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ls_trajedit.converters.annotations.rules import AnnotatorNames, GroundTruth, parse_time
from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.training import rules as training_rules
from ls_trajedit.converters.training.split import Splits, parse_splits
from ls_trajedit.inputs import read_text
from ls_trajedit.load_traces import LoadedTraces
from ls_trajedit.traces.errors import SetupError, UsageError
from ls_trajedit.traces.options import Options, parse_options

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server

__all__ = [
    "Annotators",
    "AnnotatorsPolicy",
    "ApiKey",
    "FailUnder",
    "Formats",
    "GroundTruthOption",
    "IgnoreWhitespaceEdits",
    "Json",
    "MaxRejects",
    "MinEditChars",
    "OptionsFile",
    "OutputFolder",
    "Pairs",
    "PrmUnedited",
    "RequireReason",
    "Since",
    "SkipInvalid",
    "SplitOption",
    "Stale",
    "Strict",
    "To",
    "Tools",
    "Until",
    "Url",
    "allowed_rejects",
    "connected",
    "load_options",
    "opened",
    "print_json",
    "say",
    "tell_broken",
]

DEFAULT_OPTIONS_FILE = Path("trajedit.yaml")
DEFAULT_URL = "http://localhost:8080"

Url = Annotated[
    str,
    typer.Option("--url", envvar="LABEL_STUDIO_URL", help="Where Label Studio is.", metavar="URL", show_default=True),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="LABEL_STUDIO_API_KEY",
        help="An access token, legacy or personal. Better given in the environment than on the command line.",
        metavar="TOKEN",
        show_default=False,
    ),
]
OptionsFile = Annotated[
    Path | None, typer.Option("--options", help="The options file, such as trajedit.yaml.", metavar="FILE")
]
OutputFolder = Annotated[Path, typer.Option("-o", "--output", help="The folder to write into.", metavar="FOLDER")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave broken traces out instead of refusing the file.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 5 when an annotation was rejected.")]
MaxRejects = Annotated[
    int | None,
    typer.Option("--max-rejects", help="Exit with 5 when more annotations were rejected.", metavar="N", min=0),
]
FailUnder = Annotated[
    int, typer.Option("--fail-under", help="Exit with 5 when fewer annotations were edited.", metavar="N", min=0)
]
Annotators = Annotated[AnnotatorNames, typer.Option("--annotators", help="What `annotator` holds in the files.")]
GroundTruthOption = Annotated[
    GroundTruth, typer.Option("--ground-truth", help="What to do with annotations marked as ground truth.")
]
RequireReason = Annotated[
    bool, typer.Option("--require-reason", help="Reject annotations with an edit that gives no reason.")
]


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date or time such as 2026-11-22 or 2026-11-22T18:00:00Z") from None


Since = Annotated[
    datetime | None,
    typer.Option("--since", parser=_time, help="Only annotations changed at this time or later.", metavar="TIME"),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", parser=_time, help="Only annotations changed before this time.", metavar="TIME"),
]


def _format(name: str) -> str:
    try:
        formats_named([name])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return name


def _split(text: str) -> Splits:
    try:
        return parse_splits(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}; give shares such as train=0.9,test=0.1") from None


Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        parser=_format,
        help="What to write, such as trl-dpo, or all; again for more.  [default: corrections, sft, dpo]",
        metavar="NAME",
        show_default=False,
    ),
]
Tools = Annotated[bool, typer.Option("--tools", help="Write actions that are calls as tool calls, not as text.")]
Stale = Annotated[
    training_rules.Stale,
    typer.Option("--stale", help="What to do with what was recorded behind a corrected action."),
]
Pairs = Annotated[training_rules.Pairs, typer.Option("--pairs", help="Which of a trace's edited steps become pairs.")]
PrmUnedited = Annotated[
    training_rules.PrmUnedited,
    typer.Option("--prm-unedited", help="What the format prm does with traces that nobody edited."),
]
SplitOption = Annotated[
    Splits | None,
    typer.Option(
        "--split", parser=_split, help="Write each training file in parts: train=0.9,test=0.1.", metavar="SHARES"
    ),
]
AnnotatorsPolicy = Annotated[
    training_rules.AnnotatorsPolicy,
    typer.Option("--annotators-policy", help="Whose edits become training rows when several annotated a task."),
]
To = Annotated[
    Literal["json", "parquet"],
    typer.Option("--to", help="parquet: write each training file as Parquet as well."),
]
MinEditChars = Annotated[
    int, typer.Option("--min-edit-chars", help="Learn no edit of fewer characters.", metavar="N", min=0)
]
IgnoreWhitespaceEdits = Annotated[
    bool, typer.Option("--ignore-whitespace-edits", help="Learn no edit that changes nothing but white space.")
]


def load_options(path: Path | None) -> Options:
    """The options in `path` or, without one, in `trajedit.yaml` here if there is one, or else the defaults."""
    if path is None:
        if not DEFAULT_OPTIONS_FILE.is_file():
            return Options()
        path = DEFAULT_OPTIONS_FILE
    return parse_options(read_text(path), str(path))


def connected(url: str, api_key: str | None) -> Server:
    """The Label Studio that the options name. Raises SetupError without a token."""
    from ls_trajedit.label_studio.client import connect

    return connect(url, _token_for(url, api_key))


def opened(url: str, api_key: str | None, max_wait: float) -> Server:
    """Like `connected`, but asked nothing yet, and patient: what fails is asked again for `max_wait` seconds."""
    from ls_trajedit.label_studio.client import open_server

    return open_server(url, _token_for(url, api_key), max_wait)


def _token_for(url: str, api_key: str | None) -> str:
    if not api_key:
        raise SetupError("no token: set LABEL_STUDIO_API_KEY (in Label Studio: Account & Settings), or give --api-key")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url}: the address must start with http:// or https://")
    return api_key


def allowed_rejects(strict: bool, max_rejects: int | None) -> int:
    """How many rejected annotations `--strict` and `--max-rejects` allow. Raises UsageError when both are given."""
    if strict and max_rejects is not None:
        raise UsageError("give either --strict or --max-rejects, not both")
    return 0 if strict else sys.maxsize if max_rejects is None else max_rejects


def tell_broken(loaded: LoadedTraces, skip_invalid: bool) -> None:
    """Says which traces are broken. Raises TraceError for them unless they are to be skipped."""
    if not skip_invalid:
        loaded.refuse_broken()
    for line in loaded.broken_lines():
        say(line)
    if loaded.broken:
        say(f"{len(loaded.broken)} broken, left out; {len(loaded.traces)} read")


def print_json(value: Any) -> None:
    """Prints one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    """Prints a line for a person on standard error."""
    sys.stderr.write(text + "\n")
