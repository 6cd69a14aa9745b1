"""Reads the tasks of a project in pages. Each page asks for the ids after the last one, so that no task is skipped when
another is deleted in the meantime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from ls_trajedit.label_studio.answers import is_count
from ls_trajedit.label_studio.failures import TooLargeAnswerError, not_label_studio
from ls_trajedit.traces.errors import DataError

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server

__all__ = [
    "TASK_FIELDS",
    "AnnotatedTask",
    "Page",
    "Task",
    "annotation_counts",
    "changed_pages",
    "count_drafts",
    "count_without_prediction",
    "data_pages",
    "task_pages",
    "task_with_id",
    "unpredicted_pages",
]

# `include` also filters nested objects: an annotation arrives without its `result` unless that is named here.
_ANNOTATION_FIELDS = (
    "id",
    "result",
    "completed_by",
    "was_cancelled",
    "ground_truth",
    "lead_time",
    "created_at",
    "updated_at",
)
# What few annotations have: of which other one they are a copy, and in editions with reviews what reviewers said. They
# are kept only where they hold something. A name that the server does not know does no harm (1.23.2).
_RARE_FIELDS = ("parent_annotation", "last_action", "reviews")
# What shows whether anybody has looked at an annotation on which nobody has spent time.
_FIELDS_WITHOUT_TIME = ("parent_prediction", "updated_by", "draft_created_at", "import_id")
TASK_FIELDS = ",".join(
    ("id", "project", "data", "annotations", *_ANNOTATION_FIELDS[1:], *_RARE_FIELDS, *_FIELDS_WITHOUT_TIME)
)
"""What is asked for of a task. Tasks that were read when this was something else lack what is new."""

# How many tasks the first page asks for, and the most that any page asks for. In between, the number is chosen so that
# a page has about _PAGE_BYTES, and a project of huge tasks needs no more memory than one of small tasks.
_FIRST_PAGE = 100
_LONGEST_PAGE = 500
_PAGE_BYTES = 6_000_000
_COUNT_FIELDS = "id,total_annotations,cancelled_annotations"
_COUNT_PAGE = 2_000
# How many more tasks than were counted may come: others go on importing while pages are read. What comes later still is
# for the next pull.
_MORE_THAN_COUNTED = 1_000
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Task(TypedDict):
    """A task with the fields that every page has. `data` is whatever somebody imported."""

    id: int
    data: Any


class AnnotatedTask(Task):
    """A task with its annotations in order of their ids; none of their content has been checked."""

    project: int | None
    annotations: list[Any]


_TaskT = TypeVar("_TaskT", bound=Task, covariant=True)


@dataclass(frozen=True)
class Page(Generic[_TaskT]):
    """Some tasks, in order of their ids, and how many the server counted from the first of them to the end."""

    tasks: Sequence[_TaskT]
    total: int


def task_pages(
    server: Server, project: int, counted: int | None = None, after: int = 0
) -> Iterator[Page[AnnotatedTask]]:
    """All tasks of the project, of which the server `counted` so many, with an id greater than `after`, with their
    annotations.

    A task has `id`, `project`, `data` and `annotations`, in order of their ids. Raises DataError when the server
    returns fewer tasks than it counts, many more (twice as many, and at least a thousand), more than were asked for,
    tasks that it has already returned, or an annotation without its result.
    """
    return _annotated_pages(server, project, counted, after, [])


def changed_pages(
    server: Server, project: int, since: datetime, counted: int | None = None
) -> Iterator[Page[AnnotatedTask]]:
    """Like `task_pages`, with only the tasks that were created or changed at `since` or later; a changed annotation
    changes its task."""
    value = since.astimezone(timezone.utc).strftime(_TIME_FORMAT)
    changed = {
        "filter": "filter:tasks:updated_at",
        "operator": "greater_or_equal",
        "type": "Datetime",
        "value": value,
    }
    return _annotated_pages(server, project, counted, 0, [changed])


def task_with_id(server: Server, project: int, number: int) -> AnnotatedTask | None:
    """The task with this id, as `task_pages` gives it; None when the project has no such task."""
    has_id = {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": number}
    pages = _annotated_pages(server, project, None, number - 1, [has_id])
    return next((task for page in pages for task in page.tasks), None)


def data_pages(server: Server, project: int, counted: int | None = None, after: int = 0) -> Iterator[Page[Task]]:
    """Like `task_pages`, with only the id and the data of each task. Data that is not an object, which nobody can
    import, is an empty one."""
    return _data_pages(server, project, [], counted, after)


def unpredicted_pages(
    server: Server, project: int, model_version: str, counted: int | None = None
) -> Iterator[Page[Task]]:
    """Like `data_pages`, with only the tasks that have no prediction of this model version."""
    return _data_pages(server, project, [_without_prediction(model_version)], counted)


def annotation_counts(server: Server, project: int, counted: int | None = None) -> Iterator[tuple[int, int | None]]:
    """The id of each task of the project, in order, and how many annotations it has, None when the server does not say.
    Raises DataError as `task_pages` does."""
    for page in _pages(server, project, _COUNT_FIELDS, "task_only", 0, [], counted):
        for task in page.tasks:
            done, skipped = task.get("total_annotations"), task.get("cancelled_annotations")
            yield task["id"], done + skipped if is_count(done) and is_count(skipped) else None


def count_drafts(server: Server, project: int) -> int:
    """How many tasks of the project have a draft: somebody has begun them and not submitted."""
    has_draft = {"filter": "filter:tasks:draft_exists", "operator": "equal", "type": "Boolean", "value": True}
    return _count(server, project, has_draft, "counting the drafts")


def count_without_prediction(server: Server, project: int, model_version: str) -> int:
    """How many tasks of the project have no prediction of this model version."""
    return _count(server, project, _without_prediction(model_version), "counting the predictions")


def _data_pages(
    server: Server, project: int, filters: list[dict[str, Any]], counted: int | None, after: int = 0
) -> Iterator[Page[Task]]:
    for page in _pages(server, project, "id,data", "task_only", after, filters, counted):
        found = ((task["id"], task.get("data")) for task in page.tasks)
        yield Page(
            [{"id": number, "data": data if isinstance(data, dict) else {}} for number, data in found], page.total
        )


def _annotated_pages(
    server: Server, project: int, counted: int | None, after: int, filters: list[dict[str, Any]]
) -> Iterator[Page[AnnotatedTask]]:
    for page in _pages(server, project, TASK_FIELDS, "all", after, filters, counted):
        yield Page([_annotated(task) for task in page.tasks], page.total)


def _pages(
    server: Server,
    project: int,
    include: str,
    fields: str,
    after: int,
    filters: list[dict[str, Any]],
    counted: int | None = None,
) -> Iterator[Page[Any]]:
    size = _COUNT_PAGE if include == _COUNT_FIELDS else _FIRST_PAGE
    returned = 0
    while True:
        later = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": after}
        try:
            page, size_in_bytes = _page(server, project, include, fields, size, [later, *filters])
        except TooLargeAnswerError:
            if size == 1:
                raise
            size = max(1, size // 10)
            continue
        if not page.tasks and page.total == 0:
            return
        counted = page.total if counted is None else counted
        returned += len(page.tasks)
        most = counted + max(counted, _MORE_THAN_COUNTED)
        if max(returned, page.total) > most or len(page.tasks) > size:
            raise DataError(
                f"project {project}: Label Studio counted {counted} tasks and returns more ({returned} so far, "
                f"{page.total} to come), or more than were asked for ({size} a page). No file was changed; if "
                "somebody is importing tasks, run the command again when that is done"
            )
        ids = [task["id"] for task in page.tasks]
        if not ids or ids[0] <= after or any(a >= b for a, b in pairwise(ids)):
            raise DataError(
                f"project {project}: Label Studio reported {page.total} tasks after task {after} but returned "
                f"{len(ids)} (or repeats). No file was changed; run the command again"
            )
        yield page
        if page.total <= len(ids):
            return
        after = ids[-1]
        if include != _COUNT_FIELDS:
            size = max(1, min(_LONGEST_PAGE, 2 * size, _PAGE_BYTES * len(ids) // size_in_bytes))


def _page(
    server: Server, project: int, include: str, fields: str, size: int, filters: list[dict[str, Any]]
) -> tuple[Page[Any], int]:
    """A page, and its size in bytes."""
    doing = f"reading the tasks of project {project}"
    query = {"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": filters}}
    answer = server.ask(
        "api/tasks/",
        doing,
        project=project,
        fields=fields,
        include=include,
        page=1,
        page_size=size,
        query=json.dumps(query),
        resolve_uri=False,
    )
    return _checked_page(server, doing, answer.value), answer.size


def _count(server: Server, project: int, task_filter: dict[str, Any], doing: str) -> int:
    doing = f"{doing} of project {project}"
    answer = server.ask(
        "api/tasks/",
        doing,
        project=project,
        fields="task_only",
        include="id",
        page=1,
        page_size=1,
        query=json.dumps({"filters": {"conjunction": "and", "items": [task_filter]}}),
        resolve_uri=False,
    )
    return _checked_page(server, doing, answer.value).total


def _checked_page(server: Server, doing: str, answer: Any) -> Page[Any]:
    tasks = answer.get("tasks") if isinstance(answer, dict) else None
    total = answer.get("total") if isinstance(answer, dict) else None
    if not isinstance(tasks, list) or not is_count(total):
        raise not_label_studio(server.url, doing)
    if not all(isinstance(task, dict) and is_count(task.get("id")) for task in tasks):
        raise not_label_studio(server.url, doing)
    return Page(tasks, total)


def _annotated(task: dict[str, Any]) -> AnnotatedTask:
    """The parts of a task that `convert_task` needs, and nothing that changes with each reading, such as "2 minutes
    ago"."""
    annotations = task.get("annotations")
    if not isinstance(annotations, list):
        raise DataError(
            f"task {task['id']} arrived without its annotations. No file was changed; run the command again"
        )
    project = task.get("project")
    return {
        "id": task["id"],
        "project": project if is_count(project) else None,
        "data": task.get("data"),
        "annotations": sorted((_kept(annotation) for annotation in annotations), key=_annotation_id),
    }


def _kept(annotation: Any) -> Any:
    if not isinstance(annotation, dict):
        return annotation
    if "result" not in annotation:
        raise DataError(
            f"annotation {annotation.get('id')} arrived without its `result`. "
            "No file was changed; run the command again"
        )
    if annotation.get("id") is not None and not is_count(annotation["id"]):
        raise DataError(
            "an annotation arrived with an id that no annotation has. No file was changed; run the command again"
        )
    kept = {key: annotation[key] for key in _ANNOTATION_FIELDS if key in annotation}
    rare = _RARE_FIELDS if annotation.get("lead_time") is not None else (*_RARE_FIELDS, *_FIELDS_WITHOUT_TIME)
    return kept | {key: annotation[key] for key in rare if annotation.get(key) not in (None, [])}


def _annotation_id(annotation: Any) -> int:
    number = annotation.get("id") if isinstance(annotation, dict) else None
    return number if isinstance(number, int) else 0


def _without_prediction(model_version: str) -> dict[str, Any]:
    """The filter for tasks that have no prediction of this model version."""
    name = "filter:tasks:predictions_model_versions"
    return {"filter": name, "operator": "not_contains", "type": "List", "value": [model_version]}
