"""Sources of which nothing is read: they are counted and named, and nothing else of them is in any file."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile

from ls_trajedit.convert.kept_tasks import KeptTasks
from ls_trajedit.convert.source_tasks import tasks_in_each
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.chunk import RawTask
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import DataError, DeniedError, NotAnnotationsError, TrajeditError, UsageError

__all__ = ["PassedOver", "readable_tasks"]

_IN_MEMORY = 4 << 20


@dataclass
class PassedOver:
    """`others` names what was found and is not annotations, `unreadable` is a sentence for each source that could not
    be read and was skipped, which begins with its name."""

    others: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def refuse_all(self, sources: Sequence[Source]) -> None:
        """Raises DataError when nothing was read of any source: then the wrong place was named."""
        if sources and len(self.others) + len(self.unreadable) == len(sources):
            raise DataError(
                f"{sources[0].name}: not one of {len(sources)} {plural(len(sources), 'object')} could be read as "
                "annotations of Label Studio; no file was changed"
                if len(sources) > 1
                else (self.unreadable or [f"{self.others[0]}: not annotations of Label Studio"])[0]
            )


def readable_tasks(
    sources: Iterable[Source], passed_over: PassedOver, temporary: Path, *, skip_invalid: bool
) -> Generator[RawTask, None, None]:
    """The tasks in the sources, in their order. What was found and is not annotations is passed over, and so is, with
    `skip_invalid`, what cannot be read: all of it, not what comes after the place where it is broken. For that, the
    tasks of one source at a time are kept in `temporary`, a folder inside the output folder.

    Raises what `tasks_in` raises, for what is not passed over.
    """
    for source, tasks in tasks_in_each(sources):
        failures: list[TrajeditError] = []
        readable = _until_failure(tasks, failures)
        if skip_invalid:
            with SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(temporary)) as file:
                kept = KeptTasks(readable, file, temporary.parent)
                for _ in kept.read():
                    pass
                if not failures:
                    yield from kept.read()
        else:
            yield from readable
        for failure in failures:
            if isinstance(failure, NotAnnotationsError) and source.is_found:
                passed_over.others.append(source.name)
            elif skip_invalid and not isinstance(failure, NotAnnotationsError):
                passed_over.unreadable.append(str(failure))
            else:
                raise failure


def _until_failure(tasks: Iterator[RawTask], failures: list[TrajeditError]) -> Iterator[RawTask]:
    try:
        yield from tasks
    except (DataError, DeniedError, UsageError) as failure:
        failures.append(failure)
