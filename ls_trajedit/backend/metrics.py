"""The backend's metrics, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import choose_encoder

from ls_trajedit import __version__

__all__ = ["Metrics"]

_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0)
_OPENMETRICS = "application/openmetrics-text"


class Metrics:
    """The counts of one service since it started. Each service has its own, also where several run in one process."""

    def __init__(self) -> None:
        self._registry = own = _Registry()
        Gauge("ls_trajedit_info", "The version of ls-trajedit.", ["version"], registry=own).labels(__version__).set(1)
        self._requests = Counter(
            "ls_trajedit_requests", "Requests answered.", ["method", "path", "status"], registry=own
        )
        self._seconds = Histogram(
            "ls_trajedit_request_duration_seconds",
            "From the request's head to the end of the answer.",
            ["path"],
            registry=own,
            buckets=_BUCKETS,
        )
        self.in_progress = Gauge(
            "ls_trajedit_requests_in_progress", "Requests not answered yet, this one included.", registry=own
        )
        self._tasks = Counter("ls_trajedit_tasks", "Tasks that a prediction was asked for.", registry=own)
        self._unreadable = Counter(
            "ls_trajedit_unreadable_tasks",
            "Tasks that could not be read and got an empty prediction.",
            registry=own,
        )

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts one answered request. `method` and `path` become labels, so pass only those that the service knows."""
        self._requests.labels(method, path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def count_tasks(self, tasks: int, unreadable: int) -> None:
        """Counts a request for predictions of `tasks` tasks, `unreadable` of which could not be read."""
        self._tasks.inc(tasks)
        self._unreadable.inc(unreadable)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All counts and their content type: as OpenMetrics where the header `accept` has that (Prometheus' own does),
        else in Prometheus' older text format."""
        # Not the header itself: the library fails on a version that is not a number, and echoes any other.
        encode, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        return encode(self._registry), content_type


class _Registry(CollectorRegistry):
    """Without the `_created` series, which would make every series twice. The library can leave them out only for the
    whole process."""

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
