"""What the workers of a cluster do: read a part and deal out its tasks to the shards, convert the tasks of a shard and
write its files.

Each is a function of what it is given, so it may be done again, by another worker, at any time: the pieces of a part
are the same, and so are the bytes of a file. Nothing here is raised that means something to a person; it is returned,
because what a worker raises comes back with a traceback around it.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ls_trajedit.convert.parts import Part, part_tasks
from ls_trajedit.convert.passed_over import PassedOver
from ls_trajedit.convert.repeated_tasks import joined_tasks
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.duplicates import SeenTasks, TaskKey, task_key
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex, TaskFacts, branch_in, task_facts
from ls_trajedit.converters.branch_scan import MARK, branches_among
from ls_trajedit.converters.chunk import RawTask, joined_task, parsed_task
from ls_trajedit.converters.formats.base import Tally
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import Branch
from ls_trajedit.converters.shards import Shard, shard_of
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.parquet import FoundKinds, Kind, columns_in, require_pyarrow, write_one_parquet
from ls_trajedit.output.row_files import shard_names
from ls_trajedit.output.staging import Staging, move_staged, read_staged, staging_work
from ls_trajedit.output.write import converted_chunks, write_rows
from ls_trajedit.traces.errors import TrajeditError
from ls_trajedit.traces.json_text import RawJson

if sys.version_info >= (3, 14):
    from compression.zstd import compress, decompress
else:
    from backports.zstd import compress, decompress

__all__ = [
    "Conversion",
    "KeyedTask",
    "ParquetFile",
    "PartNotes",
    "Piece",
    "ShardNotes",
    "corrections_in",
    "find_branches",
    "most_alike",
    "read_part",
    "write_parquet_files",
    "write_shard",
]


# What is packed at once, and how much waits for that in all shards together.
_BLOCK_BYTES = 1 << 18
_OPEN_BYTES = 64 << 20
# JSON gets several times as small with it, in a fraction of the time that its conversion takes.
_LEVEL = 1


class KeyedTask(NamedTuple):
    """A task on its way to its shard: its key, where messages say it is, and its JSON."""

    key: TaskKey | None
    place: str
    raw: bytes


class Piece(NamedTuple):
    """What a shard gets of some tasks of a part, and the digest of all of these tasks, those for other shards too: when
    they are read again, it says whether they are the same. Some tasks are a packed block."""

    digest: bytes
    blocks: list[bytes]

    def tasks(self) -> Iterator[KeyedTask]:
        """The tasks, one block in memory at a time."""
        for block in self.blocks:
            yield from pickle.loads(decompress(block))  # noqa: S301 - a worker of this run packed it


Pieces = Callable[[], Iterator[KeyedTask]]
"""Gives all tasks of a shard, in the order of their places, as often as it is called."""


@dataclass(frozen=True)
class Conversion:
    """What all shards are converted by, and into how many."""

    schema: Schema
    rules: ReadingRules
    plan: ExportPlan
    shards: int
    staging: Staging


@dataclass
class PartNotes:
    """What there is to say of a part: how many tasks it has, whether there is a branch among them, which of its sources
    are passed over, or why it cannot be read at all. `digests` are those of its pieces, one for all shards."""

    tasks: int = 0
    digests: list[bytes] = field(default_factory=list)
    has_branches: bool = False
    passed_over: PassedOver = field(default_factory=PassedOver)
    failure: TrajeditError | None = None


def read_part(
    part: Part, staging: Staging, shards: int, held_bytes: int, *, skip_invalid: bool
) -> Iterator[Piece | PartNotes]:
    """Reads a part. Yields pieces, one for each shard in turn, as often as it has `held_bytes` of them, packed, and at
    last what there is to say.

    What cannot be read is in the notes, and then the pieces are not to be used.
    """
    notes = PartNotes()
    dealt = _Dealt(shards)
    try:
        with staging_work(staging) as scratch:
            for task in part_tasks(part, notes.passed_over, scratch, skip_invalid=skip_invalid):
                value = parsed_task(task)
                key, raw = task_key(value), task.json.raw
                notes.tasks += 1
                notes.has_branches = notes.has_branches or branch_in(value) is not None
                dealt.add(KeyedTask(key, task.place, raw))
                if dealt.size >= held_bytes:
                    # Not `yield from`: Ray sends values in, which the iterator of a list does not take.
                    for piece in dealt.pieces(notes):
                        yield piece
                    dealt = _Dealt(shards)
    except TrajeditError as error:
        notes.failure = error
    else:
        for piece in dealt.pieces(notes):
            yield piece
    yield notes


class _Dealt:
    """Tasks, dealt out to the shards. `size` is how many bytes they have, packed."""

    def __init__(self, shards: int) -> None:
        self.size = 0
        self._block_bytes = min(_BLOCK_BYTES, _OPEN_BYTES // shards)
        self._open: list[list[KeyedTask]] = [[] for _ in range(shards)]
        self._open_bytes = [0] * shards
        self._blocks: list[list[bytes]] = [[] for _ in range(shards)]
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, task: KeyedTask) -> None:
        shard = shard_of(task.key, task.raw, len(self._open))
        self._open[shard].append(task)
        self._open_bytes[shard] += len(task.raw)
        self._digest.update(b"%d " % len(task.raw))
        self._digest.update(task.raw)
        if self._open_bytes[shard] >= self._block_bytes:
            self._pack(shard)

    def pieces(self, notes: PartNotes) -> list[Piece]:
        for shard, tasks in enumerate(self._open):
            if tasks:
                self._pack(shard)
        notes.digests.append(self._digest.digest())
        return [Piece(notes.digests[-1], blocks) for blocks in self._blocks]

    def _pack(self, shard: int) -> None:
        block = compress(pickle.dumps(self._open[shard], pickle.HIGHEST_PROTOCOL), _LEVEL)
        self._blocks[shard].append(block)
        self._open[shard], self._open_bytes[shard] = [], 0
        self.size += len(block)


def find_branches(pieces: Pieces) -> dict[TaskKey, Branch] | TrajeditError:
    """The branches in a shard, by their keys, or why they cannot be known."""
    try:
        keys = {task.key for task in pieces() if task.key is not None and MARK in task.raw}
        return branches_among(_tasks_with(keys, pieces()))
    except TrajeditError as error:
        return error


def corrections_in(
    pieces: Pieces, keys: set[TaskKey], branches: set[TaskKey], conversion: Conversion
) -> list[TaskFacts] | TrajeditError:
    """What the index of branches has to know of the tasks with these keys in a shard, or why that cannot be known. Some
    of them are the `branches`."""
    facts = []
    try:
        for raw_task in _tasks_with(keys, pieces()):
            for task in joined_task(raw_task, parsed_task(raw_task)).tasks:
                if (key := task_key(task)) is not None:
                    facts.append(task_facts(key, task, key in branches, conversion.schema, conversion.rules))
    except TrajeditError as error:
        return error
    return facts


def _tasks_with(keys: set[TaskKey], tasks: Iterable[KeyedTask]) -> Iterator[RawTask]:
    """The tasks with these keys, each with all of its places; they are few."""
    found: dict[TaskKey, list[RawTask]] = {}
    for task in tasks:
        if task.key in keys:
            found.setdefault(task.key, []).append(_raw_task(task))
    for first, *others in found.values():
        yield first._replace(again=tuple(others))


def _raw_task(task: KeyedTask) -> RawTask:
    return RawTask(task.place, RawJson(task.raw))


@dataclass(frozen=True)
class ShardNotes:
    """What there is to say of a shard: what was counted, the files that have rows, the tallies by the names of the
    files in the plan, and for each file with a Parquet file beside it what its columns hold. The digests of tasks are
    not among the counts."""

    counts: Counts
    training: TrainingCounts
    files: list[WrittenFile]
    tallies: Mapping[str, Tally]
    columns: Mapping[str, FoundKinds]


def write_shard(
    number: int, pieces: Pieces, conversion: Conversion, branches: BranchIndex | None, buckets: int
) -> tuple[ShardNotes | TrajeditError, list[Counter[bytes]]]:
    """Converts the tasks of a shard and writes its files, those without rows aside. Gives what there is to say, or why
    that was not possible, and how often each task is there, by its digest, in so many buckets."""
    counted: list[Counter[bytes]] = [Counter() for _ in range(buckets)]
    try:
        with staging_work(conversion.staging) as scratch:
            notes = _write_shard(number, pieces, conversion, branches, scratch)
    except TrajeditError as error:
        return error, counted
    for digest, times in notes.training.splits.tasks.items():
        counted[int.from_bytes(digest, "big") % buckets][digest] = times
    notes.training.splits.tasks.clear()
    return notes, counted


def _write_shard(
    number: int, pieces: Pieces, conversion: Conversion, branches: BranchIndex | None, scratch: Path
) -> ShardNotes:
    plan, shard = conversion.plan, Shard(number, conversion.shards)
    seen = SeenTasks()
    are_repeated = any(seen.add(task.key) for task in pieces() if task.key is not None)
    tasks: Iterator[RawTask] = map(_raw_task, pieces())
    if are_repeated:
        tasks = joined_tasks(tasks, scratch)
    chunks = converted_chunks(tasks, conversion.schema, conversion.rules, plan, branches)
    rows = write_rows(chunks, plan, scratch, lambda _, __: None, shard)
    files = [file for file in rows.files if file.rows]
    with_rows = {file.file for file in files}
    names = shard_names(plan, shard)
    columns = {
        name: columns_in(scratch / names[name])
        for sources in plan.parquet_sources()
        for name in sources
        if names[name] in with_rows
    }
    for file in files:
        move_staged(conversion.staging, file.file, scratch / file.file)
    return ShardNotes(rows.counts, rows.training, files, rows.tallies, columns)


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file to write: the file that has its rows, its own name, and its columns, which are those of all shards
    and splits of the same rows."""

    source: WrittenFile
    name: str
    columns: Mapping[str, Kind]


def write_parquet_files(files: Sequence[ParquetFile], staging: Staging) -> list[WrittenFile] | TrajeditError:
    """Writes some Parquet files, or says why that was not possible."""
    written = []
    try:
        require_pyarrow()
        with staging_work(staging) as scratch:
            for file in files:
                target = scratch / "rows.parquet"
                with explain_write_failures(scratch):
                    source = read_staged(staging, file.source.file, scratch)
                    digest = write_one_parquet(source, target, file.columns)
                move_staged(staging, file.name, target)
                written.append(WrittenFile(file.name, file.source.rows, digest))
    except TrajeditError as error:
        return error
    return written


def most_alike(counted: Iterable[Counter[bytes]]) -> int:
    """How many traces have the commonest of these tasks, which are counted by their digests in several places."""
    total: Counter[bytes] = Counter()
    for some in counted:
        total.update(some)
    return max(total.values(), default=0)
