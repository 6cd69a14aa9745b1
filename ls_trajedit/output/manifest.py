"""`manifest.json`: what made the output files, and what is in them. It is written and read here and nowhere else."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.shards import whole_name
from ls_trajedit.output.file_system import open_file
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import json_indented, parse_json

if TYPE_CHECKING:
    from ls_trajedit.converters.plan import ExportPlan
    from ls_trajedit.converters.training.counts import TrainingCounts

__all__ = [
    "MANIFEST",
    "MOST_MANIFEST_BYTES",
    "Manifest",
    "ManifestError",
    "Origin",
    "PulledProject",
    "ShardedFile",
    "ShownFile",
    "WrittenFile",
    "counts_from_json",
    "file_from_json",
    "is_output_name",
    "parse_manifest",
    "read_manifest",
    "shown_files",
    "training_json",
]

MANIFEST = "manifest.json"

_OUTCOMES = ("edited", "unedited", "rejected", "skipped", "excluded")
_FILE_KEYS = ("file", "rows", "sha256")
_SHARDED_KEYS = ("file", "pattern", "shards", "rows")
MOST_MANIFEST_BYTES = 1 << 28
# No dot in front, so that nothing of ours is hidden, and none at the end, where Windows drops it.
_PART = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?", re.ASCII)
_LONGEST_NAME = 255
# What Windows takes for a device, whatever comes after a dot.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


class ManifestError(ValueError):
    """What is wrong with a manifest, as the end of a sentence that begins with its path."""


@dataclass(frozen=True)
class WrittenFile:
    """An output file: its path inside the output folder, its rows, its SHA-256 in hex, and what the manifest says of
    its `Tally`, if anything."""

    file: str
    rows: int
    sha256: str
    tally: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The file as the manifest and `--json` give it."""
        return {"file": self.file, "rows": self.rows, "sha256": self.sha256, **(self.tally or {})}


@dataclass(frozen=True)
class ShardedFile:
    """Rows that are in several output files, whose names the `pattern` fits: the name that one file of them would have,
    how many shards there are, the rows in all of them, and what the manifest says of their `Tally`."""

    file: str
    pattern: str
    shards: int
    rows: int
    tally: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The rows as the manifest and `--json` give them."""
        found = {"file": self.file, "pattern": self.pattern, "shards": self.shards, "rows": self.rows}
        return {**found, **(self.tally or {})}


class ShownFile(NamedTuple):
    """A file, or a pattern that fits the shards of one: its rows, and what the manifest says of their tally."""

    name: str
    rows: int
    tally: Mapping[str, Any]


def shown_files(files: Iterable[WrittenFile], sharded: Sequence[ShardedFile]) -> list[ShownFile]:
    """The files as a person reads of them: the shards of the same rows are one."""
    in_shards = {rows.file for rows in sharded}
    return [
        *(ShownFile(rows.pattern, rows.rows, rows.tally or {}) for rows in sharded),
        *(
            ShownFile(file.file, file.rows, file.tally or {})
            for file in files
            if whole_name(file.file) not in in_shards
        ),
    ]


@dataclass(frozen=True)
class PulledProject:
    """The project of Label Studio that the annotations come from."""

    id: int
    title: str


@dataclass(frozen=True)
class Origin:
    """Where the annotations come from, and what read them.

    `host` is Label Studio's address; it and `project` are None when the files were converted from an export. `schema`
    is what `Schema.as_json` says, and `versions` names each program with its version.
    """

    host: str | None
    project: PulledProject | None
    schema: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says. `training` is how the training files were made, as `training_json` gives it; None
    when there are none. `sharded` are the rows that are in several of the files."""

    origin: Origin
    training: dict[str, Any] | None
    counts: Counts
    files: tuple[WrittenFile, ...]
    sharded: tuple[ShardedFile, ...] = ()

    def to_bytes(self) -> bytes:
        """The content of `manifest.json`. It holds no time of writing: same input, same bytes."""
        origin = self.origin
        project = origin.project and {"id": origin.project.id, "title": origin.project.title}
        value = {
            "host": origin.host,
            "project": project,
            "schema": origin.schema,
            "versions": origin.versions,
            "training": self.training,
            "counts": self.counts.as_json(),
            "files": [file.as_json() for file in self.files],
            **({"sharded": [rows.as_json() for rows in self.sharded]} if self.sharded else {}),
        }
        return json_indented(value).encode() + b"\n"

    def digests(self) -> dict[str, str]:
        """The SHA-256 in hex of each file that the manifest lists, by name and in their order, and last its own."""
        listed = {file.file: file.sha256 for file in self.files}
        return {**listed, MANIFEST: hashlib.sha256(self.to_bytes()).hexdigest()}


def training_json(plan: ExportPlan, counts: TrainingCounts) -> dict[str, Any] | None:
    """What the manifest says of how the training files were made; None when the plan makes none. Splits that are empty
    or far from their shares are there only where there are any."""
    if not plan.training_formats:
        return None
    uneven = [] if plan.rules.split is None else list(counts.splits.uneven(plan.rules.split))
    return {**plan.as_json(), **counts.as_json(), **({"uneven_splits": uneven} if uneven else {})}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an output folder.

    Raises DataError when there is none, when it cannot be read, and when it is not one that ls-trajedit wrote, which
    includes one that lists anything outside `folder`.
    """
    path = folder / MANIFEST
    try:
        with open_file(path) as file:
            return parse_manifest(file.read(MOST_MANIFEST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: not found; pull or convert into {folder} first") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ManifestError as error:
        raise DataError(f"{path}: {error}; pull or convert again") from None


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest that `Manifest.to_bytes` made these bytes of. Raises ManifestError when nothing of ours did: a
    manifest may come from anywhere, and what it lists is read, replaced and removed."""
    try:
        value = parse_json(raw)
        project = value["project"]
        origin = Origin(
            None if value["host"] is None else _text(value["host"]),
            None if project is None else PulledProject(_number(project["id"]), _text(project["title"])),
            _object(value["schema"]),
            {name: _text(version) for name, version in _object(value["versions"]).items()},
        )
        training = value.get("training")
        files = tuple(file_from_json(file) for file in value["files"])
        _check_places([file.file for file in files])
        return Manifest(
            origin,
            None if training is None else _object(training),
            counts_from_json(value["counts"]),
            files,
            tuple(_sharded_from_json(rows) for rows in value.get("sharded", ())),
        )
    except ManifestError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ManifestError("is not a manifest of ls-trajedit") from None


def counts_from_json(value: Mapping[str, Any]) -> Counts:
    """The counts of which `Counts.as_json` made `value`. Raises KeyError or TypeError for anything else."""
    return Counts(
        tasks=_number(value["tasks"]),
        drafts=_number(value["drafts"]),
        kinds=Counter({outcome: _number(value[outcome]) for outcome in _OUTCOMES}),
        reasons=_counter(value["rejected_by_reason"]),
        fields=_counter(value["edits_by_field"]),
        annotators={name: _counter(outcomes) for name, outcomes in _object(value["by_annotator"]).items()},
        chats=_number(value.get("chats", 0)),
        calls=+_counter(value.get("checked_calls", {})),
        not_the_agents=_number(value.get("not_the_agents", 0)),
        removed_steps=_number(value.get("removed_steps", 0)),
        inserted_steps=_number(value.get("inserted_steps", 0)),
        empty_insertions=_number(value.get("empty_insertions", 0)),
        remarks=_number(value.get("remarks", 0)),
        duplicates=_number(value.get("duplicates", 0)),
        unopened=_number(value.get("unopened", 0)),
        copies=_number(value.get("copies", 0)),
        lower_bounds=_number(value.get("lower_bounds", 0)),
        superseded=_number(value.get("superseded", 0)),
        accepted_branches=_number(value.get("accepted_branches", 0)),
        other_objects=_number(value.get("other_objects", 0)),
        unreadable_sources=_number(value.get("unreadable_sources", 0)),
        by_review=_counter(value.get("excluded_by_review", {})),
    )


def file_from_json(value: Any) -> WrittenFile:
    """The file of which `WrittenFile.as_json` made `value`. Raises ManifestError for one outside the folder, and
    KeyError or TypeError for anything else."""
    name = value["file"]
    if not is_output_name(name):
        raise ManifestError(f"lists {name!r}, which is not a file of this folder")
    if not isinstance(value["sha256"], str):
        raise ManifestError(f"gives no hash of {name}")
    tally = {key: count for key, count in value.items() if key not in _FILE_KEYS}
    return WrittenFile(name, _number(value["rows"]), value["sha256"], tally or None)


def _sharded_from_json(value: Any) -> ShardedFile:
    tally = {key: count for key, count in value.items() if key not in _SHARDED_KEYS}
    file, pattern = _text(value["file"]), _text(value["pattern"])
    return ShardedFile(file, pattern, _number(value["shards"]), _number(value["rows"]), tally or None)


def is_output_name(name: object) -> bool:
    """Whether an output file may have this name: a path inside the folder that means the same on every system, and that
    is neither the manifest nor hidden.

    >>> [is_output_name(name) for name in ("trl/dpo.train.jsonl", "../dpo.jsonl", "manifest.json", "a\\0", "nul.jsonl")]
    [True, False, False, False, False]
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return False
    parts = name.split("/")
    return parts[0].lower() != MANIFEST and all(
        _PART.fullmatch(part) and part.split(".")[0].lower() not in _DEVICES for part in parts
    )


def _check_places(names: list[str]) -> None:
    """Raises ManifestError when two files would have the same place, or one that of a folder of another."""
    taken: set[str] = set()
    for name in names:
        if name in taken:
            raise ManifestError(f"lists {name} twice")
        taken.add(name)
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) in taken:
                raise ManifestError(f"lists {parent} both as a file and as the folder of {name}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _counter(value: Any) -> Counter[str]:
    return Counter({name: _number(number) for name, number in _object(value).items()})
