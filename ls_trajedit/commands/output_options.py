"""The options that `pull` and `convert` share: what is read and written, where it is pushed, and when the exit code
is 5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import click

from ls_trajedit.commands.parameters import Option
from ls_trajedit.console import say
from ls_trajedit.converters.annotations.rules import (
    AnnotatorNames,
    GroundTruth,
    ReadingRules,
    Reviewed,
    Untouched,
    parse_time,
    users_without_address,
)
from ls_trajedit.converters.training.rules import (
    AfterError,
    AnnotatorsPolicy,
    EdgeWhitespace,
    Pairs,
    PrmUnedited,
    Reasoning,
    Stale,
    TrainingRules,
)
from ls_trajedit.converters.training.split import Splits, parse_splits
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.plural import plural
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import DataError, UsageError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read_options import NO_OPTIONS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from ls_trajedit.hub.push import HubTarget
    from ls_trajedit.output.summary import Summary

__all__ = ["Hub", "HubOptions", "LimitOptions", "OutputOptions", "ReadingOptions"]


def _time(value: str) -> datetime:
    try:
        return parse_time(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a date or time such as 2026-11-22 or 2026-11-22T18:00:00Z"
        ) from None


def _format(name: str) -> str:
    from ls_trajedit.converters.formats.registry import formats_named

    try:
        formats_named([name])
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def _split(value: str) -> Splits:
    try:
        return parse_splits(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}; give shares such as train=0.9,test=0.1") from None


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """Which annotations are read. Raises UsageError for times between which there is nothing."""

    ground_truth: Annotated[
        GroundTruth, Option("--ground-truth", help="How to treat annotations marked as ground truth.")
    ] = "include"
    since: Annotated[
        datetime | None,
        Option("--since", parser=_time, help="Only annotations last changed at this time or later.", metavar="TIME"),
    ] = None
    until: Annotated[
        datetime | None,
        Option("--until", parser=_time, help="Only annotations last changed before this time.", metavar="TIME"),
    ] = None
    reviewed: Annotated[
        Reviewed | None,
        Option(
            "--reviewed",
            help="Only annotations that a reviewer accepted, or any.  [default: all but those that one rejected]",
            show_default=False,
        ),
    ] = None
    untouched: Annotated[
        Untouched,
        Option(
            "--untouched", help="How to treat a text that a prediction put into a box, and that differs from the trace."
        ),
    ] = "reject"
    require_reason: Annotated[
        bool, Option("--require-reason", help="Reject annotations that have an edit without a reason.")
    ] = False
    strict_tools: Annotated[
        bool,
        Option("--strict-tools", help="Reject annotations with a call that does not fit the declared tool."),
    ] = False

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise UsageError("--since is not before --until, so no annotation would be read")

    def annotation_rules(self, options: Options | None) -> ReadingRules:
        """Which annotations are read, and how, where nobody reads what records call the annotators; `options` say how
        chats were recorded."""
        return ReadingRules(
            ground_truth=self.ground_truth,
            since=self.since,
            until=self.until,
            require_reason=self.require_reason,
            strict_tools=self.strict_tools,
            reviewed=self.reviewed,
            untouched=self.untouched,
            read_options=NO_OPTIONS if options is None else options.read_options,
        )


@dataclass(frozen=True, kw_only=True)
class OutputOptions(ReadingOptions):
    """Which annotations are read, and which files are made of them. Raises UsageError for times between which there is
    nothing."""

    annotators: Annotated[AnnotatorNames, Option("--annotators", help="What `annotator` holds in the files.")] = "id"
    formats: Annotated[
        list[str] | None,
        Option(
            "--format",
            parser=_format,
            help="A format to write, such as trl-dpo, or all; can be repeated.  [default: corrections, sft, dpo]",
            metavar="NAME",
            show_default=False,
        ),
    ] = None
    tools: Annotated[bool, Option("--tools", help="Write actions that are calls as tool calls instead of text.")] = (
        False
    )
    reasoning: Annotated[
        Reasoning,
        Option("--reasoning", help="Keep reasoning in rows of chats, put it before the text, or drop it."),
    ] = "keep"
    stale: Annotated[Stale, Option("--stale", help="How to treat observations recorded after a corrected action.")] = (
        "include"
    )
    pairs: Annotated[Pairs, Option("--pairs", help="Which edited steps of a trace become preference pairs.")] = "every"
    prm_unedited: Annotated[
        PrmUnedited,
        Option("--prm-unedited", help="How the prm format treats traces that nobody edited or scored."),
    ] = "include"
    prm_after_error: Annotated[
        AfterError,
        Option("--prm-after-error", help="How the prm format treats the steps after the first wrong one."),
    ] = "keep"
    annotators_policy: Annotated[
        AnnotatorsPolicy,
        Option("--annotators-policy", help="Whose edits become training rows when several people annotated a task."),
    ] = "all"
    accept_branches: Annotated[
        bool,
        Option("--accept-branches", help="Make SFT rows of branches that somebody judged and left as they were."),
    ] = False
    min_edit_chars: Annotated[
        int, Option("--min-edit-chars", help="Ignore edits of fewer than N characters.", metavar="N", min=0)
    ] = 0
    ignore_whitespace_edits: Annotated[
        bool, Option("--ignore-whitespace-edits", help="Ignore edits that change nothing but whitespace.")
    ] = False
    edge_whitespace: Annotated[
        EdgeWhitespace,
        Option("--edge-whitespace", help="Ignore or learn edits of whitespace at the ends of a turn."),
    ] = "ignore"
    split: Annotated[
        Splits | None,
        Option(
            "--split",
            parser=_split,
            help="Divide each training file into splits, such as train=0.9,test=0.1.",
            metavar="SHARES",
        ),
    ] = None
    to: Annotated[
        Literal["json", "parquet"], Option("--to", help="parquet: also write each training file as Parquet.")
    ] = "json"

    def reading_rules(self, emails: Mapping[int, str], options: Options | None) -> ReadingRules:
        """Which annotations are read, and how. `emails` holds the addresses of users by id, where they are known;
        `options` say how chats were recorded."""
        return replace(self.annotation_rules(options), annotators=self.annotators, emails=emails)

    def say_unknown_addresses(self, summary: Summary) -> None:
        """Says on standard error which users could not be called by their addresses, if that was asked for."""
        names = summary.counts["by_annotator"] if self.annotators == "email" else ()
        if users := users_without_address(names):
            say(
                f"{len(users)} {plural(len(users), 'annotator')} without a known e-mail address: "
                + ", ".join(f"user {user} is called user-{user}" for user in users)
            )

    def wanted_files(self) -> WantedFiles:
        """Which files are asked for, and by which rules their rows are made."""
        rules = TrainingRules(
            stale=self.stale,
            pairs=self.pairs,
            prm_unedited=self.prm_unedited,
            prm_after_error=self.prm_after_error,
            annotators_policy=self.annotators_policy,
            accept_branches=self.accept_branches,
            min_edit_chars=self.min_edit_chars,
            ignore_whitespace_edits=self.ignore_whitespace_edits,
            edge_whitespace=self.edge_whitespace,
            reasoning=self.reasoning,
            split=self.split,
        )
        return WantedFiles(
            formats=tuple(self.formats or ()),
            as_tool_calls=self.tools,
            rules=rules,
            with_parquet=self.to == "parquet",
        )


@dataclass(frozen=True, kw_only=True)
class HubOptions:
    """Whether, and how, the files are pushed to the Hugging Face Hub. Raises UsageError for options that say how when
    nothing is to be pushed."""

    push_to_hub: Annotated[
        str | None,
        Option("--push-to-hub", help="Push the files to this dataset on the Hugging Face Hub.", metavar="OWNER/NAME"),
    ] = None
    hub_public: Annotated[
        bool, Option("--hub-public", help="Let everyone read that dataset; it is private otherwise.")
    ] = False
    hub_license: Annotated[
        str | None,
        Option("--hub-license", help="The licence named on its card, such as cc-by-4.0.", metavar="LICENCE"),
    ] = None

    def __post_init__(self) -> None:
        if self.push_to_hub is None and (self.hub_public or self.hub_license):
            raise UsageError("--hub-public and --hub-license say how to push; give --push-to-hub OWNER/NAME as well")

    def connect_for(self, place: Path | Address) -> Hub | None:
        """The Hub, when the files that are written to `place` are to be pushed. Raises UsageError for an address, and
        what `connect` raises."""
        if self.push_to_hub is not None and isinstance(place, Address):
            raise UsageError(
                "--push-to-hub pushes what is in a folder on this machine; give one with -o, or leave out --push-to-hub"
            )
        return self.connect()

    def connect(self) -> Hub | None:
        """The Hub, when files are to be pushed. To be called before anything is pulled, because it raises UsageError
        when no dataset can have the name, and SetupError without a token or without huggingface_hub."""
        if self.push_to_hub is None:
            return None
        from ls_trajedit.hub.push import HubTarget, connect_hub

        target = HubTarget(self.push_to_hub, self.hub_public, self.hub_license)
        api = connect_hub()
        target.check_name()
        return Hub(api, target)


@dataclass(frozen=True)
class Hub:
    """The Hugging Face Hub, and the dataset that files are pushed to."""

    api: HfApi
    target: HubTarget

    def push(self, folder: Path) -> None:
        """Pushes the files in `folder` and says so on standard error. Raises what `push_to_hub` raises."""
        from ls_trajedit.hub.push import push_to_hub

        done = push_to_hub(self.api, self.target, folder)
        kind = "public" if done.is_public else "private"
        outcome = f"pushed {done.changed} {plural(done.changed, 'file')}" if done.changed else "up to date"
        say(f"{done.url} ({kind}): {outcome}")


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """How many annotations may be rejected, and how many must be edited. Raises UsageError for two limits on the
    same number."""

    strict: Annotated[bool, Option("--strict", help="Exit with 5 if any annotation is rejected.")] = False
    max_rejects: Annotated[
        int | None,
        Option("--max-rejects", help="Exit with 5 if more than N annotations are rejected.", metavar="N", min=0),
    ] = None
    fail_under: Annotated[
        int,
        Option("--fail-under", help="Exit with 5 if fewer than N annotations are edited.", metavar="N", min=0),
    ] = 0

    def __post_init__(self) -> None:
        if self.strict and self.max_rejects is not None:
            raise UsageError("give either --strict or --max-rejects, not both")

    def check(self, summary: Summary) -> None:
        """Raises DataError when the run, whose files are written by then, is outside the limits."""
        rejected, edited = summary.counts["rejected"], summary.counts["edited"]
        if self.strict and rejected:
            raise _too_many_rejects(summary, "--strict")
        if self.max_rejects is not None and rejected > self.max_rejects:
            raise _too_many_rejects(summary, f"--max-rejects {self.max_rejects}")
        if edited < self.fail_under:
            raise DataError(
                f"{edited} {plural(edited, 'annotation')} edited (--fail-under {self.fail_under}); "
                f"the files in {summary.folder} are written"
            )


def _too_many_rejects(summary: Summary, limit: str) -> DataError:
    from ls_trajedit.converters.formats.interchange import REJECTS

    rejected = summary.counts["rejected"]
    file = next((rows.pattern for rows in summary.sharded if rows.file == REJECTS.file), REJECTS.file)
    return DataError(
        f"{rejected} {plural(rejected, 'annotation')} rejected ({limit}): {summary.folder / file} says which and why"
    )
