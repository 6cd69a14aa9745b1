"""Converts on a Ray cluster: what one process does, with the rows of each file in shards.

Twice through everything. First each part is read in a task, which deals out its tasks to the shards: a piece for each.
Then a task for each shard gets its pieces of all parts, so that all places of a task, and so all its annotations, are
together, converts them and writes the shard's files. Pieces go from one task to the other through Ray's object store,
which moves to the disk what has no room, and makes again from its part what was lost with a node. Nothing of that
passes through this process, which keeps what there is to say of parts and shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ls_trajedit import __version__
from ls_trajedit.convert.parts import Part, parts_of
from ls_trajedit.convert.passed_over import PassedOver
from ls_trajedit.convert.ray_cluster import check_nodes, connected, done_by_now, explained, result_of
from ls_trajedit.convert.shard_tasks import (
    Conversion,
    KeyedTask,
    ParquetFile,
    PartNotes,
    Piece,
    ShardNotes,
    corrections_in,
    find_branches,
    most_alike,
    read_part,
    write_parquet_files,
    write_shard,
)
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.duplicates import TaskKey
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex, TaskFacts, index_of, parents_of
from ls_trajedit.converters.formats.base import Tally
from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import Branch
from ls_trajedit.converters.shards import Shard, shard_of, shards_pattern, whole_name
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.file_system import write_synced
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import Manifest, Origin, ShardedFile, WrittenFile, training_json
from ls_trajedit.output.parquet import columns_of, parquet_name
from ls_trajedit.output.row_files import RowFiles, parquet_tally, shard_names, tallies_json
from ls_trajedit.output.staging import move_staged, open_output, publish_staged, staging_work
from ls_trajedit.output.summary import Summary
from ls_trajedit.progress import Progress
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import DataError, TrajeditError

__all__ = ["RayEngine", "convert_on_ray"]

# How much a worker reads, and how much of it is in memory, packed, before it is dealt out. Where there would be more
# parts than so many, they are larger, because each costs memory here for each shard.
_PART_BYTES = 64 << 20
_PARTS = 1000
_LARGEST_PART_BYTES = 512 << 20
# A piece that is smaller costs more to keep track of than to move.
_PIECE_BYTES = 1 << 17
_MOST_BUCKETS = 64
_RETRIES = 8


@dataclass(frozen=True)
class RayEngine:
    """The cluster at `address`, or one on this machine without it, and in how many shards it writes rows."""

    address: str | None = None
    shards: int = 32


def convert_on_ray(
    sources: Sequence[Source],
    schema: Schema,
    rules: ReadingRules,
    place: Path | Address,
    progress: Progress,
    plan: ExportPlan,
    engine: RayEngine,
    *,
    skip_invalid: bool = False,
) -> Summary:
    """Reads the tasks in `sources` and writes the files of `plan` to `place` as shards, with the workers of a Ray
    cluster. The rows are those that `convert` writes, in order within each shard.

    Raises what `convert` raises; UsageError for a source that no other process can open; what `connected` and
    `check_nodes` raise; and ServerError when workers are lost again and again.
    """
    absolute = [_absolute(source) for source in sources]
    with open_output(place.absolute() if isinstance(place, Path) else place) as output:
        staging = output.staging
        conversion = Conversion(schema, rules, plan, engine.shards, staging)
        with connected(engine.address) as ray:
            check_nodes(ray, staging)
            run = _Run(ray, conversion, progress)
            try:
                pieces = run.read(absolute, skip_invalid=skip_invalid)
                pieces.passed_over.refuse_all(sources)
                shards = run.write(pieces, run.branches(pieces))
                files = _Files(conversion, shards)
                files.write_others()
                run.write_parquet(files)
            except BaseException:
                run.cancel()
                raise
        counts = files.counts
        counts.other_objects = len(pieces.passed_over.others)
        counts.unreadable_sources = len(pieces.passed_over.unreadable)
        origin = Origin(None, None, schema.as_json(), {"ls-trajedit": __version__})
        training = training_json(plan, files.training)
        manifest = Manifest(origin, training, counts, tuple(files.listed()), tuple(files.sharded()))
        published = publish_staged(output, manifest)
    return Summary(
        counts.as_json(),
        list(manifest.files),
        place,
        is_up_to_date=published.is_up_to_date,
        training=training,
        left=tuple(published.left),
        annotations_before=output.annotations_before,
        other_objects=tuple(pieces.passed_over.others),
        unreadable_sources=tuple(pieces.passed_over.unreadable),
        sharded=manifest.sharded,
    )


def _absolute(source: Source) -> Source:
    """The same source for processes that run in another folder."""
    return replace(source, place=source.place.absolute()) if isinstance(source.place, Path) else source


@dataclass
class _Pieces:
    """What was read: for each shard the references to its pieces, in the order of the parts, each with their digest;
    how many tasks there are, whether there is a branch among them, and what was passed over."""

    of_shards: list[list[tuple[bytes, Any]]]
    tasks: int = 0
    has_branches: bool = False
    passed_over: PassedOver = field(default_factory=PassedOver)


class _Run:
    """The tasks of one run on a cluster to which `ray` is connected."""

    def __init__(self, ray: Any, conversion: Conversion, progress: Progress) -> None:
        self._ray = ray
        self._shards = conversion.shards
        self._plan = conversion.plan
        self._conversion = ray.put(conversion)
        self._staging = ray.put(conversion.staging)
        self._progress = progress
        self._waiting: list[Any] = []

    def read(self, sources: Sequence[Source], *, skip_invalid: bool) -> _Pieces:
        """Reads all parts. Raises what reading one of them raises."""
        read = self._task(read_part, num_returns="streaming")
        share = sum(source.size or 0 for source in sources) // _PARTS
        part_bytes = max(_PART_BYTES, min(share, _LARGEST_PART_BYTES))
        alone_bytes = max(self._shards * _PIECE_BYTES, share)
        parts = list(parts_of(sources, alone_bytes=alone_bytes, part_bytes=part_bytes))
        begun = [
            read.remote(part, self._staging, self._shards, _PART_BYTES, skip_invalid=skip_invalid) for part in parts
        ]
        ended = {generator.completed(): number for number, generator in enumerate(begun)}
        notes: dict[int, PartNotes] = {}
        pieces: dict[int, list[Any]] = {}
        tasks = 0
        for _, number in self._finished(ended, "reading"):
            *pieces[number], last = begun[number]
            notes[number] = self._result(last, "reading")
            _raise(notes[number].failure)
            tasks += notes[number].tasks
            self._progress(tasks, None)
        return _merged(parts, [notes[number] for number in range(len(parts))], pieces, self._shards)

    def branches(self, pieces: _Pieces) -> BranchIndex | None:
        """The index of the branches, None where there are none."""
        if not pieces.has_branches:
            return None
        find = self._task(_find_branches)
        found = {find.remote(refs): number for number, refs in enumerate(pieces.of_shards)}
        branches: dict[TaskKey, Branch] = {}
        for ref, _ in self._finished(found, "looking for branches"):
            branches.update(_checked(self._result(ref, "looking for branches")))
        needed: dict[int, set[TaskKey]] = {}
        for key in {*branches, *parents_of(branches)}:
            needed.setdefault(shard_of(key, b"", self._shards), set()).add(key)
        read = self._task(_corrections_in)
        corrections = {
            read.remote(pieces.of_shards[number], keys, keys & branches.keys(), self._conversion): number
            for number, keys in needed.items()
        }
        facts: list[TaskFacts] = []
        for ref, _ in self._finished(corrections, "looking at branches"):
            facts += _checked(self._result(ref, "looking at branches"))
        return index_of(branches, facts)

    def write(self, pieces: _Pieces, branches: BranchIndex | None) -> list[ShardNotes]:
        """Converts all shards and writes their files."""
        buckets = min(self._shards, _MOST_BUCKETS) if self._plan.rules.split is not None else 0
        write = self._task(_write_shard, num_returns=1 + buckets)
        index = self._ray.put(branches)
        begun = {}
        counted: list[list[Any]] = [[] for _ in range(buckets)]
        for number in range(self._shards):
            refs = write.remote(number, pieces.of_shards[number], self._conversion, index, buckets)
            first, *others = refs if buckets else [refs]
            begun[first] = number
            for bucket, ref in zip(counted, others, strict=True):
                bucket.append(ref)
        found: dict[int, ShardNotes] = {}
        tasks = 0
        for ref, number in self._finished(begun, "converting"):
            found[number] = _checked(self._result(ref, "converting"))
            # What is not referred to any more, the object store forgets.
            pieces.of_shards[number].clear()
            tasks += found[number].counts.tasks
            self._progress(tasks, max(pieces.tasks, tasks))
        shards = [found[number] for number in range(self._shards)]
        if buckets:
            count = self._task(_most_alike)
            begun = {count.remote(refs): number for number, refs in enumerate(counted)}
            same = (self._result(ref, "counting") for ref, _ in self._finished(begun, "counting"))
            shards[0].training.splits.same_task = max(same)
        return shards

    def write_parquet(self, files: _Files) -> None:
        """Writes the Parquet files, which need to know the columns of all shards."""
        write = self._task(write_parquet_files)
        begun = {write.remote(wanted, self._staging): number for number, wanted in files.wanted_parquet().items()}
        for ref, number in self._finished(begun, "writing Parquet"):
            files.add_parquet(number, _checked(self._result(ref, "writing Parquet")))

    def cancel(self) -> None:
        """Ends what is running, so that nobody writes any more."""
        for ref in self._waiting:
            with suppress(Exception):
                self._ray.cancel(ref, force=True)
        with suppress(Exception):
            done_by_now(self._ray, self._waiting)

    def _task(self, function: Callable[..., Any], **options: Any) -> Any:
        return self._ray.remote(num_cpus=1, max_retries=_RETRIES, **options)(function)

    def _finished(self, begun: Mapping[Any, int], what: str) -> Iterator[tuple[Any, int]]:
        """Each reference when its task is done, with its number; of those that are done at once, by their numbers."""
        self._waiting = list(begun)
        while self._waiting:
            done, self._waiting = done_by_now(self._ray, self._waiting)
            for ref in sorted(done, key=begun.__getitem__):
                yield ref, begun[ref]

    def _result(self, ref: Any, what: str) -> Any:
        try:
            return result_of(self._ray, ref)
        except Exception as error:
            raise explained(self._ray, error, what) from None


def _merged(parts: Sequence[Part], notes: Sequence[PartNotes], pieces: Mapping[int, list[Any]], shards: int) -> _Pieces:
    """What was read of all parts together, without sources of which a part could not be read."""
    broken = {
        part.sources[0].name
        for part, noted in zip(parts, notes, strict=True)
        if part.stretch and noted.passed_over.unreadable
    }
    found = _Pieces([[] for _ in range(shards)])
    told: set[str] = set()
    for number, (part, noted) in enumerate(zip(parts, notes, strict=True)):
        name = part.sources[0].name
        if part.stretch and name in broken:
            if name not in told and noted.passed_over.unreadable:
                told.add(name)
                found.passed_over.unreadable += noted.passed_over.unreadable
            continue
        found.passed_over.others += noted.passed_over.others
        found.passed_over.unreadable += noted.passed_over.unreadable
        found.tasks += noted.tasks
        found.has_branches = found.has_branches or noted.has_branches
        for shard, refs in enumerate(found.of_shards):
            refs += zip(noted.digests, pieces[number][shard::shards], strict=True)
    return found


def _raise(failure: TrajeditError | None) -> None:
    if failure is not None:
        raise failure


def _checked(result: Any) -> Any:
    """What a task returned. Raises what it returned as a failure."""
    if isinstance(result, TrajeditError):
        raise result
    return result


def _tasks_of(refs: Sequence[tuple[bytes, Any]]) -> Callable[[], Iterator[KeyedTask]]:
    """The tasks in these pieces, one of which is in memory at a time. Iterating over them raises DataError when one is
    not what it was."""
    import ray

    def tasks() -> Iterator[KeyedTask]:
        for digest, ref in refs:
            piece: Piece = ray.get(ref)
            if piece.digest != digest:
                # The worker that read it was lost, and so it was read again.
                raise DataError("a source has changed since it was read; no file was changed, run the command again")
            yield from piece.tasks()

    return tasks


def _find_branches(refs: Sequence[Any]) -> dict[TaskKey, Branch] | TrajeditError:
    return find_branches(_tasks_of(refs))


def _corrections_in(
    refs: Sequence[Any], keys: set[TaskKey], branches: set[TaskKey], conversion: Conversion
) -> list[TaskFacts] | TrajeditError:
    return corrections_in(_tasks_of(refs), keys, branches, conversion)


def _write_shard(
    number: int, refs: Sequence[Any], conversion: Conversion, branches: BranchIndex | None, buckets: int
) -> Any:
    notes, counted = write_shard(number, _tasks_of(refs), conversion, branches, buckets)
    return (notes, *counted) if buckets else notes


def _most_alike(refs: Sequence[Any]) -> int:
    import ray

    return most_alike(ray.get(ref) for ref in refs)


class _Files:
    """The files of a run, of which the workers have written the shards that have rows. Every method that writes raises
    DataError when that fails."""

    def __init__(self, conversion: Conversion, shards: Sequence[ShardNotes]) -> None:
        self.counts, self.training = Counts(), TrainingCounts()
        self._plan = conversion.plan
        self._staging = conversion.staging
        self._count = conversion.shards
        self._names = [shard_names(conversion.plan, Shard(number, self._count)) for number in range(self._count)]
        self._shards = shards
        # By the name in the plan, and by the number of the shard.
        self._written: dict[str, dict[int, WrittenFile]] = {}
        self._about_all: dict[str, WrittenFile] = {}
        self._parquet: dict[str, dict[int, WrittenFile]] = {}
        tallies: dict[str, Tally] = {}
        for number, notes in enumerate(shards):
            self.counts.update(notes.counts)
            self.training.update(notes.training)
            for name, tally in notes.tallies.items():
                tallies.setdefault(name, Tally()).update(tally)
            files = {file.file: file for file in notes.files}
            for name, file in self._names[number].items():
                if file in files:
                    self._written.setdefault(name, {})[number] = files[file]
        self._tallies = tallies_json(self._plan, tallies)

    def write_others(self) -> None:
        """Writes the files that no shard does: those about all others and, numbered 0, an empty one of those rows that
        no shard has."""
        with staging_work(self._staging) as scratch, explain_write_failures(scratch):
            for name, format_, _ in self._plan.files():
                if format_.is_about_all and format_.tail is not None:
                    content = format_.head + format_.tail(self.counts, self._plan.splits, True)
                    write_synced(scratch / "file", content)
                    move_staged(self._staging, name, scratch / "file")
                    digest = hashlib.sha256(content).hexdigest()
                    self._about_all[name] = WrittenFile(name, 0, digest, self._tallies.get(name))
            written = {
                file.file: file for file in RowFiles(scratch, self._plan, Shard(0, self._count)).finish(Counts())
            }
            for name, file in self._names[0].items():
                if name not in self._written:
                    move_staged(self._staging, file, scratch / file)
                    self._written[name] = {0: written[file]}

    def wanted_parquet(self) -> dict[int, list[ParquetFile]]:
        """The Parquet files that are to be written, for each shard."""
        wanted: dict[int, list[ParquetFile]] = {}
        for names in self._plan.parquet_sources():
            found = (notes.columns[name] for name in names for notes in self._shards if name in notes.columns)
            columns = columns_of(found, self._plan.rendering.as_tool_calls)
            for name in names:
                for number, source in self._written[name].items():
                    file = Shard(number, self._count).file_name(parquet_name(name))
                    wanted.setdefault(number, []).append(ParquetFile(source, file, columns))
        return wanted

    def add_parquet(self, number: int, files: Sequence[WrittenFile]) -> None:
        """Adds the Parquet files of a shard that were written."""
        for file in files:
            self._parquet.setdefault(whole_name(file.file), {})[number] = file

    def listed(self) -> Iterator[WrittenFile]:
        """All files, those of the same rows together, in the order in which one process lists them."""
        for name, _, _ in self._plan.files():
            if name in self._about_all:
                yield self._about_all[name]
            else:
                yield from _in_order(self._written[name])
        yield from _in_order(self._written[REJECTS.file])
        for name in self._parquet_names():
            yield from _in_order(self._parquet[name])

    def sharded(self) -> Iterator[ShardedFile]:
        """The rows that are in shards."""
        for name in self._names[0]:
            yield self._sharded(name, self._written[name], self._tallies.get(name))
        for names in self._plan.parquet_sources():
            for name in names:
                files = self._parquet[parquet_name(name)]
                yield self._sharded(parquet_name(name), files, parquet_tally(self._tallies.get(name)))

    def _parquet_names(self) -> Iterator[str]:
        return (parquet_name(name) for names in self._plan.parquet_sources() for name in names)

    def _sharded(self, name: str, files: Mapping[int, WrittenFile], tally: dict[str, Any] | None) -> ShardedFile:
        pattern = shards_pattern(next(iter(files.values())).file)
        return ShardedFile(name, pattern, self._count, sum(file.rows for file in files.values()), tally)


def _in_order(files: Mapping[int, WrittenFile]) -> Iterator[WrittenFile]:
    return (files[number] for number in sorted(files))
