"""What the command line names as input: files or standard input, packed or not, and the traces in them."""

from __future__ import annotations

import glob
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ls_trajedit.input_streams import STANDARD_INPUT, InputStream, open_packed
from ls_trajedit.label_config.exported_task import TaskReader
from ls_trajedit.label_config.storable import what_cannot_be_stored
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import DataError, TraceError, UsageError
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import ChatTrace, InvalidTrace, ReadFile, StepTrace, TraceCheck, read_file
from ls_trajedit.traces.read_options import STEPS
from ls_trajedit.traces.readers.inspect_log import from_eval_entries

__all__ = [
    "Input",
    "Invalid",
    "LoadedTraces",
    "TraceFiles",
    "load_traces",
    "named_inputs",
    "read_trace_files",
]

_LOG_ENTRIES = ("header.json", "_journal/start.json", "samples/")
_ENDINGS = (".json", ".jsonl", ".ndjson", ".traj", ".eval")
_SHOWN_INVALID = 20


@dataclass(frozen=True)
class Input:
    """The file at `path`, or standard input when that is None."""

    path: Path | None

    @classmethod
    def named(cls, path: Path) -> Input:
        """What the command line means by `path`: standard input by `-`."""
        return cls(None if path == Path("-") else path)

    @property
    def name(self) -> str:
        """What messages call it."""
        return STANDARD_INPUT if self.path is None else str(self.path)

    @property
    def stem(self) -> str:
        """The file's name without what it ends in; nothing for standard input."""
        if self.path is None:
            return ""
        return self.path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[0] or self.path.name

    @contextmanager
    def open(self) -> Iterator[InputStream]:
        """Its bytes, unpacked if they are gzip or zstd, whatever the name ends in. Those of an Inspect log in a zip
        (`.eval`) are the same log as JSON.

        Raises UsageError when it cannot be opened, and DataError when it cannot be read, also later: in reading.
        """
        with open_packed(self.path) as raw:
            stream = InputStream(raw, self.name)
            yield InputStream(io.BytesIO(self._log_in_zip(stream.read())), self.name) if stream.is_zip else stream

    def _log_in_zip(self, raw: bytes) -> bytes:
        try:
            with ZipFile(io.BytesIO(raw)) as archive:
                names = [name for name in archive.namelist() if name.startswith(_LOG_ENTRIES)]
                return json_line(from_eval_entries({name: archive.read(name) for name in names}))
        except ValueError as error:
            raise DataError(f"{self.name}: is a zip, of which only logs of Inspect are read: {error}") from None
        except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{self.name}: the zip cannot be unpacked ({error})") from None


@dataclass(frozen=True)
class Invalid:
    """What stands in a file instead of a trace, and why it is not one."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class LoadedTraces:
    """The traces in the input called `name`: those of the plain shape (`steps`), chats, and whatever else is in it.

    `formats` are those of the traces, each with the reason in a few words, `copies` counts chats that are there more
    than once, just the same, and were read once; `not_understood` the files without a single trace; `annotations` those
    that came with the traces, in exported tasks, and are in none of them.
    """

    name: str
    steps: list[StepTrace] = field(default_factory=list)
    chats: list[ChatTrace] = field(default_factory=list)
    invalid: list[Invalid] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    copies: int = 0
    not_understood: tuple[str, ...] = ()
    annotations: int = 0

    @property
    def traces(self) -> list[StepTrace | ChatTrace]:
        """All traces."""
        return [*self.steps, *self.chats]

    @property
    def count(self) -> int:
        """How many traces there are."""
        return len(self.steps) + len(self.chats)

    def refuse_invalid(self) -> None:
        """Raises TraceError if there are invalid traces, with a line for each of the first twenty."""
        if self.invalid:
            raise TraceError("\n".join([*self.invalid_lines(), self._advice()]))

    def refuse_mixed(self) -> None:
        """Raises TraceError if there are both chats and traces of the plain shape, which need different editors."""
        if self.steps and self.chats:
            chats, steps = len(self.chats), len(self.steps)
            formats = ", ".join(name for name in self.formats if name != STEPS)
            are_chats = "trace is a chat" if chats == 1 else "traces are chats"
            are_steps = "is plain steps" if steps == 1 else "are plain steps"
            raise TraceError(
                f"{self.name}: {chats} {are_chats} ({formats}) and {steps} {are_steps}; a project holds one or the "
                "other, so put them into separate files"
            )

    def invalid_lines(self) -> list[str]:
        """Where each of the first twenty invalid traces is, and what is wrong with it."""
        lines = [f"{found.file}:{found.line}: {found.reason}" for found in self.invalid[:_SHOWN_INVALID]]
        if len(self.invalid) > _SHOWN_INVALID:
            lines.append(f"{self.name}: … and {len(self.invalid) - _SHOWN_INVALID} more")
        return lines

    def left_out(self) -> dict[str, int]:
        """What only frameworks said to themselves, which is in no trace, and how much of it."""
        counts: Counter[str] = Counter()
        for chat in self.chats:
            counts.update(chat.trace.left_out)
        return dict(counts)

    def check_storable(self) -> LoadedTraces:
        """These traces, with those that Label Studio cannot be sent or cannot keep among the invalid ones."""
        invalid = list(self.invalid)
        kept: list[StepTrace | ChatTrace] = []
        for trace in self.traces:
            reason = what_cannot_be_stored(trace.data if isinstance(trace, StepTrace) else trace.trace.source)
            if reason is None:
                kept.append(trace)
            else:
                invalid.append(Invalid(trace.file or self.name, trace.line, reason))
        return replace(
            self,
            steps=[trace for trace in kept if isinstance(trace, StepTrace)],
            chats=[trace for trace in kept if isinstance(trace, ChatTrace)],
            invalid=invalid,
        )

    def _advice(self) -> str:
        count = len(self.invalid)
        what = f"{count} invalid {plural(count, 'trace')}"
        them = "it" if count == 1 else "them"
        if not self.not_understood:
            return f"{what}: fix {them}, or skip {them} with --skip-invalid"
        files = ", ".join(self.not_understood[:3]) + (", …" if len(self.not_understood) > 3 else "")
        return (
            f"{what}: there is not one trace in {files}. `from`, `messages_key` and `roles` in trajedit.yaml say how "
            "traces were recorded (docs/traces.md)"
        )


@dataclass(frozen=True)
class TraceFiles:
    """What the named files hold, before it is checked whether the options fit. `annotations` counts those of exported
    tasks."""

    name: str
    files: tuple[tuple[str, ReadFile], ...]
    annotations: int = 0

    @property
    def objects(self) -> list[StepTrace]:
        """The objects that no reader knows: traces of the plain shape, or something else."""
        return [item for _, file in self.files for item in file.items if isinstance(item, StepTrace)]

    @property
    def has_chats(self) -> bool:
        """Whether a reader understood anything in them."""
        return any(isinstance(item, ChatTrace) for _, file in self.files for item in file.items)

    def check(self, options: Options) -> LoadedTraces:
        """The traces in the files under these options, and what is not one."""
        check = TraceCheck(options)
        steps: list[StepTrace] = []
        chats: list[ChatTrace] = []
        invalid: list[Invalid] = []
        formats: dict[str, str] = {}
        not_understood: list[str] = []
        for name, file in self.files:
            items = list(check.check(file.items, name))
            steps += [replace(item, file=name) for item in items if isinstance(item, StepTrace)]
            chats += [replace(item, file=name) for item in items if isinstance(item, ChatTrace)]
            broken = [Invalid(name, item.line, item.reason) for item in items if isinstance(item, InvalidTrace)]
            invalid += broken
            if broken and len(broken) == len(items):
                not_understood.append(name)
            there = {item.trace.format for item in chats} | ({STEPS} if steps else set())
            formats |= {kind: why for kind, why in file.formats.items() if kind in there and kind not in formats}
        return LoadedTraces(
            self.name, steps, chats, invalid, formats, check.copies, tuple(not_understood), self.annotations
        )


def named_inputs(paths: Iterable[Path]) -> list[Input]:
    """What the command line means by these names: a file, standard input (`-`), a folder with files of traces in it at
    any depth, or a pattern such as `runs/*.json` that the shell left as it is.

    Raises UsageError for a folder without such files and for a pattern that fits nothing.
    """
    return [source for path in paths for source in _named(path)]


def read_trace_files(sources: Sequence[Input], options: Options) -> TraceFiles:
    """What the sources hold, all in memory. Raises TraceError when there is nothing in them, not even something
    invalid, and when a file cannot be read as text at all."""
    files = []
    tasks = TaskReader(options)
    for source in sources:
        with source.open() as stream:
            try:
                files.append((source.name, read_file(stream, options, source.stem, tasks)))
            except ValueError as error:
                raise TraceError(f"{source.name}: {error}") from None
    name = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    if not any(file.items for _, file in files):
        raise TraceError(f"{name}: no traces in it" if len(sources) == 1 else f"{name}: no traces in them")
    return TraceFiles(name, tuple(files), tasks.annotations)


def load_traces(sources: Sequence[Input], options: Options) -> LoadedTraces:
    """The traces in the sources. Raises what `read_trace_files` raises."""
    return read_trace_files(sources, options).check(options)


def _named(path: Path) -> Iterator[Input]:
    if path == Path("-"):
        yield Input(None)
    elif path.is_dir():
        files = (file for file in path.rglob("*") if _may_hold_traces(file.relative_to(path)) and file.is_file())
        # By their parts, because on Windows paths themselves are in order without regard to case.
        found = sorted(files, key=lambda file: file.parts)
        if not found:
            raise UsageError(
                f"{path}: no file in this folder ends in {', '.join(sorted(_ENDINGS))} (or these and .gz or .zst)"
            )
        yield from map(Input, found)
    elif glob.has_magic(str(path)) and not path.exists():
        names = glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        matches = sorted(map(Path, names), key=lambda match: match.parts)
        if not matches:
            raise UsageError(f"{path}: no file has a name like this")
        for match in matches:
            yield from _named(match)
    else:
        yield Input(path)


def _may_hold_traces(path: Path) -> bool:
    """Whether a file in a folder is looked at: by the end of its name, as folders have other things in them, too."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return name.endswith(_ENDINGS) and not any(part.startswith(".") for part in path.parts)
