"""The backend's metrics, in the text format that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ls_trajedit import __version__

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """The counts of one process since it started. Only the event loop's thread touches them."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._tasks = 0
        self._unreadable = 0

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts one answered request. `method` and `path` become labels, so pass only those that the service knows."""
        self._requests[method, path, status] += 1
        self._counts[path] += 1
        self._seconds[path] = self._seconds.get(path, 0.0) + seconds
        for bound in _BUCKETS:
            if seconds <= bound:
                self._buckets[path, bound] += 1

    def count_tasks(self, tasks: int, unreadable: int) -> None:
        """Counts a request for predictions of `tasks` tasks, `unreadable` of which could not be read."""
        self._tasks += tasks
        self._unreadable += unreadable

    def as_text(self) -> str:
        """All counts, in Prometheus' text format."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("info", "gauge", "The version of ls-trajedit.")
        yield _sample("info", {"version": __version__}, 1)
        yield from _head("requests_total", "counter", "Requests answered.")
        for (method, path, status), count in sorted(self._requests.items()):
            yield _sample("requests_total", {"method": method, "path": path, "status": str(status)}, count)
        yield from _head("request_duration_seconds", "histogram", "From the request's head to the end of the answer.")
        for path, total in sorted(self._counts.items()):
            for bound in _BUCKETS:
                labels = {"path": path, "le": str(bound)}
                yield _sample("request_duration_seconds_bucket", labels, self._buckets[path, bound])
            yield _sample("request_duration_seconds_bucket", {"path": path, "le": "+Inf"}, total)
            yield _sample("request_duration_seconds_sum", {"path": path}, self._seconds[path])
            yield _sample("request_duration_seconds_count", {"path": path}, total)
        yield from _head("requests_in_progress", "gauge", "Requests not answered yet, this one included.")
        yield _sample("requests_in_progress", {}, self.in_progress)
        yield from _head("tasks_total", "counter", "Tasks that a prediction was asked for.")
        yield _sample("tasks_total", {}, self._tasks)
        yield from _head(
            "unreadable_tasks_total", "counter", "Tasks that could not be read and got an empty prediction."
        )
        yield _sample("unreadable_tasks_total", {}, self._unreadable)


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP ls_trajedit_{name} {meaning}"
    yield f"# TYPE ls_trajedit_{name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"ls_trajedit_{name}{{{inside}}} {value}" if inside else f"ls_trajedit_{name} {value}"
