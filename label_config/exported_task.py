"""Tasks of Label Studio, as its JSON export has them, given where traces are wanted: so a project can be moved.

    {"id": 7, "data": {"id": "tr1", "steps": […]}, "annotations": […], "created_at": …}

The trace is what stands in `data`, under its own id: the outer one is Label Studio's number of the task. Data that
`push` wrote is turned back into the trace that was pushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ls_trajedit.label_config.chat_data import is_chat_data, written_trace
from ls_trajedit.label_config.task_data import NotesError, restore_trace
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import RESERVED_KEY, get_field
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import WrittenTrace

__all__ = ["TaskReader"]

# What only a task has beside `data`, and what it may have besides (1.23.2's export, and what an import takes).
_ONLY_TASKS = frozenset({"annotations", "predictions", "drafts", "completions", "inner_id", "total_annotations"})
_TASKS_TOO = frozenset(
    {"id", "data", "meta", "created_at", "updated_at", "project", "file_upload", "overlap", "allow_skip"}
)
_FLAT = frozenset({"annotation_id", "annotator", "lead_time"})


@dataclass
class TaskReader:
    """Finds the traces in exported tasks. `annotations` counts those of the tasks, which are in no trace."""

    options: Options
    annotations: int = 0

    def __call__(self, value: Any) -> Any:
        """The trace in `value` when that is a task, else `value` itself. Raises ReadError for what Label Studio exports
        in another form, and for data that `push` wrote and somebody changed."""
        if not isinstance(value, dict) or self._is_chosen(value):
            return value
        if value.keys() >= _FLAT:
            raise ReadError(
                "it is a row of Label Studio's JSON-MIN or CSV export, in which the task's id and the annotation took "
                "the place of what the trace had; export the project as JSON"
            )
        if isinstance(value.get("result"), list) and isinstance(value.get("task"), dict) and "data" in value["task"]:
            raise ReadError(
                "it is an annotation of Label Studio, as target storages keep them; export the project as JSON"
            )
        if _is_task(value):
            annotations = value.get("annotations")
            self.annotations += len(annotations) if isinstance(annotations, list) else 0
            return _trace_in(value["data"])
        return _trace_in(value) if RESERVED_KEY in value else value

    def _is_chosen(self, value: dict[str, Any]) -> bool:
        """Whether the options say where in the task the trace is, from outside."""
        paths = (self.options.steps_path, self.options.read_options.messages_key)
        return any(path is not None and path[0] == "data" and get_field(value, path) for path in paths)


def _is_task(value: dict[str, Any]) -> bool:
    if not isinstance(value.get("data"), dict):
        return False
    # Somebody else's object with `data` has a name for an id; Label Studio's tasks have numbers.
    return not _ONLY_TASKS.isdisjoint(value) or (value.keys() <= _TASKS_TOO and not isinstance(value.get("id"), str))


def _trace_in(data: dict[str, Any]) -> Any:
    try:
        if is_chat_data(data):
            trace, number, read_with = written_trace(data)
            return WrittenTrace(trace, number, read_with)
        return restore_trace(data)
    except NotesError as error:
        raise ReadError(str(error)) from None
