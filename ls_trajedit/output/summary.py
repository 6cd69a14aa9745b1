"""What a pull or a conversion did: for a person, for a machine, for the page of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.converters.record import reject_sentence
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.output.inventory import LeftFile
from ls_trajedit.output.manifest import MANIFEST, ShardedFile, ShownFile, WrittenFile, shown_files
from ls_trajedit.plural import plural
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import DataError

__all__ = ["RecordChanges", "Summary", "summary_json", "summary_lines", "summary_markdown", "summary_warnings"]

_ALWAYS = ("edited", "unedited", "skipped", "rejected")
_REVIEWS = {"rejected": "rejected by a reviewer", "unreviewed": "not accepted by a reviewer"}
_RARELY = {
    "removed_steps": ("step", "removed"),
    "inserted_steps": ("step", "inserted"),
    "empty_insertions": ("insertion", "left empty: nothing was inserted"),
    "duplicates": ("annotation", "left out, being in the input more than once (the newest counts)"),
    "unopened": ("annotation", "made by an action and opened by nobody: in no training file"),
    "copies": ("annotation", "repeating another one of the same person: in no training file"),
    "lower_bounds": ("edit", "of texts so long that a distance is a lower bound"),
    "superseded": ("annotation", "of a branch whose correction has changed since: in no training file"),
    "accepted_branches": ("trace", "continued and accepted without a correction: in files for SFT"),
    "other_objects": ("object", "passed over, not being annotations"),
    "unreadable_sources": ("source", "left out with --skip-invalid, being broken"),
}
# Names of fields come from traces, so they are escaped in Markdown tables.
_MARKUP = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>\\`*_[]|#~"})


@dataclass(frozen=True)
class RecordChanges:
    """How many records a pull found that are new, that changed, and that are gone since the one before."""

    new: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Summary:
    """The counts, as in the manifest, and the files that are in `folder`. `training` is how the training files were
    made, as in the manifest; `left` are the files of earlier runs that are still there, and `annotations_before` is of
    how many annotations the files were made that these replace. After a pull, also how the records differ from those of
    the previous pull. `is_up_to_date` says that nothing had to be written, after a pull and at an address.
    `sharded` are the rows that are in several files."""

    counts: dict[str, Any]
    files: list[WrittenFile]
    folder: Path | Address
    changes: RecordChanges | None = None
    is_up_to_date: bool = False
    training: dict[str, Any] | None = None
    left: tuple[LeftFile, ...] = ()
    annotations_before: int = 0
    sharded: tuple[ShardedFile, ...] = ()
    other_objects: tuple[str, ...] = ()
    unreadable_sources: tuple[str, ...] = ()

    def refuse_leftovers(self) -> None:
        """Raises DataError when a file of an earlier run could not be removed, so that it is beside the new ones."""
        failed = [f"{file.file} ({file.failure})" for file in self.left if file.failure is not None]
        if failed:
            raise DataError(
                f"{self.folder}: an earlier run wrote {', '.join(failed)}, which could not be removed and is not part "
                "of what this one wrote; remove it, or run the command again"
            )


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary for `--json`: the counts as in the manifest, the folder and its files, after a pull also `up_to_date`
    and `changes`, at an address also `up_to_date`, `left` where files of earlier runs are still there, and
    `other_names` and `unreadable` where sources were passed over."""
    known = {"up_to_date": summary.is_up_to_date} if summary.changes or isinstance(summary.folder, Address) else {}
    pulled = {"changes": asdict(summary.changes)} if summary.changes else {}
    left = {"left": [file.file for file in summary.left]} if summary.left else {}
    names = {"other_names": list(summary.other_objects), "unreadable": list(summary.unreadable_sources)}
    return {
        **summary.counts,
        **known,
        **pulled,
        "folder": str(summary.folder),
        "files": [file.as_json() for file in summary.files],
        **({"sharded": [rows.as_json() for rows in summary.sharded]} if summary.sharded else {}),
        **left,
        **{key: found for key, found in names.items() if found},
    }


def summary_lines(summary: Summary) -> Iterator[str]:
    """The summary as lines of text."""
    counts = summary.counts
    if summary.is_up_to_date:
        yield f"up to date: {'nothing changed since the last pull' if summary.changes else 'nothing had to be written'}"
    tasks, annotations = counts["tasks"], counts["annotations"]
    yield f"{tasks} {plural(tasks, 'task')}, {annotations} {plural(annotations, 'annotation')}"
    for kind in (*_ALWAYS, "excluded"):
        if counts[kind] or kind in _ALWAYS:
            yield f"  {kind:<10}{counts[kind]:>7}{_by_review(counts) if kind == 'excluded' else ''}"
    if counts["drafts"]:
        yield f"  {'drafts':<10}{counts['drafts']:>7}   (tasks with unsubmitted work, which is not read)"
    for what, number in _rarely(summary):
        yield f"{number} {what}"
    yield from _table("rejected because of", _reject_sentences(counts))
    yield from _table("edits by field", counts["edits_by_field"])
    yield from _table("corrected calls, checked against the declared tools", _checked_calls(counts))
    if others := counts.get("not_the_agents"):
        yield f"{others} {plural(others, 'correction')} of what somebody other than the agent said: in no training file"
    if remarks := counts.get("remarks"):
        yield f"{remarks} {plural(remarks, 'remark')}: texts that correct nothing, kept under `source.remarks`"
    yield from _table("annotators", _annotators(counts))
    if summary.changes and not summary.is_up_to_date:
        yield f"since the last pull: {_changes(summary.changes)}"
    yield f"files in {summary.folder}"
    files = shown_files(summary.files, summary.sharded)
    width = max([28, *(len(file.name) for file in files)])
    for file in files:
        rows = f"{file.rows} {plural(file.rows, 'row')}"
        yield f"  {file.name:<{width}}{rows:>12}{_left_out(file)}"
    yield f"  {MANIFEST}"


def summary_warnings(summary: Summary) -> Iterator[str]:
    """What somebody should know before they train on the files. When no file changed, nothing but which files of
    earlier runs are there."""
    for left in summary.left:
        if left.failure is None:
            yield (
                f"warning: {left.file}: an earlier run wrote it and somebody changed it, so it stays; it is not among "
                "the files of this run, so move it to another folder"
            )
    if summary.annotations_before and not summary.counts["tasks"]:
        yield (
            "warning: no task was read, and these files take the place of those of "
            f"{summary.annotations_before} {plural(summary.annotations_before, 'annotation')}; --fail-under 1 would "
            "have ended with 5"
        )
    if summary.training is None or summary.is_up_to_date:
        return
    if not summary.training.get("parquet"):
        for file in shown_files(summary.files, summary.sharded):
            for argument, change in file.tally.get("retyped_arguments", {}).items():
                yield f"warning: {file.name}: {_retyped(argument, change)}"
    for split in summary.training.get("uneven_splits", ()):
        yield f"warning: {_uneven(split)}"
    if number := summary.training.get("contradictory_labels"):
        yield (
            f"warning: {number} {plural(number, 'step')} {'is' if number == 1 else 'are'} labeled correct and yet "
            "rewritten or given an error; prm takes a rewritten step as wrong and leaves the others out"
        )


_RETYPED: dict[str, str] = {
    "integers_become_floats": "integers in the argument `{}` as floats (0 as 0.0), because some calls have floats",
    "strings_become_times": "the argument `{}` as times, because every call has a date or time there",
    "strings_are_parsed": 'strings in the argument `{}` as JSON ("1" as 1), because some calls have other values',
}


def _retyped(argument: str, change: str) -> str:
    return f"`datasets` loads {_RETYPED[change].format(argument)}; add --to parquet and train on the Parquet file"


def _uneven(split: dict[str, Any]) -> str:
    name, same = split["split"], split["same_task"]
    if same == 1:
        return f"the split {name} is empty; give it a larger share, or correct more traces"
    return (
        f"the split {name} has {split['traces']} of {split['of']} traces, and its share is {split['expected']:g}: "
        f"traces with the same task stay together, and {same} have the same; name what tells them apart with "
        "`task_key` in the options, or give other shares"
    )


def summary_markdown(summary: Summary, title: str) -> str:
    """The summary as Markdown tables under a heading, for a CI job's page."""
    counts = summary.counts
    kinds = [(kind, counts[kind]) for kind in (*_ALWAYS, "excluded", "drafts") if counts[kind] or kind in _ALWAYS]
    rows = [("tasks", counts["tasks"]), ("annotations", counts["annotations"]), *kinds]
    if remarks := counts.get("remarks"):
        rows.append(("remarks", remarks))
    if summary.changes:
        rows.append(
            ("since the last pull", "up to date" if summary.is_up_to_date else f"records: {_changes(summary.changes)}")
        )
    rows += _rarely(summary)
    sections = [_markdown_table((title, ""), rows)]
    for heading, rows_of_table in (
        ("rejected because of", _reject_sentences(counts)),
        ("edits by field", counts["edits_by_field"]),
        ("corrected calls", _checked_calls(counts)),
    ):
        if rows_of_table:
            sections.append(_markdown_table((heading, ""), rows_of_table.items()))
    files = shown_files(summary.files, summary.sharded)
    sections.append(_markdown_table(("file", "rows"), ((file.name, file.rows) for file in files)))
    return "\n\n".join(sections) + "\n"


def _markdown_table(heads: tuple[str, str], rows: Iterable[tuple[str, Any]]) -> str:
    lines = [f"| {_cell(heads[0])} | {_cell(heads[1])} |", "| --- | ---: |"]
    lines.extend(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows)
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.translate(_MARKUP).split())


def _left_out(file: ShownFile) -> str:
    reasons = file.tally.get("left_out", {})
    shown = ", ".join(f"{number} {reason}" for reason, number in reasons.items() if number)
    return f"   (left out: {shown})" if shown else ""


def _by_review(counts: dict[str, Any]) -> str:
    by_review: dict[str, int] = counts.get("excluded_by_review", {})
    found = [f"{by_review[reason]} {what}" for reason, what in _REVIEWS.items() if reason in by_review]
    return f"   ({', '.join(found)})" if found else ""


def _rarely(summary: Summary) -> list[tuple[str, int]]:
    """What is counted only where it occurs, each in the words that go with its number."""
    found = [(summary.counts.get(name, 0), noun, what) for name, (noun, what) in _RARELY.items()]
    for file in shown_files(summary.files, summary.sharded):
        restructured = file.tally.get("left_out", {}).get(Omission.RESTRUCTURED.value, 0)
        what = f"with steps removed or inserted: not in {file.name}, because nobody knows how its format records that"
        found.append((restructured, "conversation", what))
    return [(f"{plural(number, noun)} {what}", number) for number, noun, what in found if number]


def _changes(changes: RecordChanges) -> str:
    return f"{changes.new} new, {changes.changed} changed, {changes.removed} removed"


def _reject_sentences(counts: dict[str, Any]) -> dict[str, int]:
    return {reject_sentence(slug): number for slug, number in counts["rejected_by_reason"].items()}


def _checked_calls(counts: dict[str, Any]) -> dict[str, int]:
    """How the corrected calls fit the declared tools; nothing when none was checked."""
    checked: dict[str, int] = counts.get("checked_calls", {})
    return {fit.replace("_", " "): number for fit, number in checked.items() if number}


def _annotators(counts: dict[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        for name, kinds in counts["by_annotator"].items()
    }


def _table(title: str, rows: dict[str, Any]) -> Iterator[str]:
    if rows:
        yield title
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            yield f"  {name:<{width}}  {value}"
