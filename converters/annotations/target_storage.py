"""What Label Studio writes to target storage: one object for each annotation, with its task inside.

From `StorageAnnotationSerializer` and `ExportStorage._get_serialized_data` (1.23.2, `io_storages/serializers.py` and
`base_models.py`). With FUTURE_SAVE_TASK_TO_STORAGE, an object is a task as an export holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["lacks_its_task", "task_of_annotation"]


def task_of_annotation(annotation: Mapping[str, Any]) -> dict[str, Any] | None:
    """The task of an annotation, with that annotation alone, as an export would hold it; None for anything that is not
    an annotation with its task inside.

    >>> task_of_annotation({"id": 7, "result": [], "task": {"id": 3, "data": {}}})
    {'id': 3, 'data': {}, 'annotations': [{'id': 7, 'result': []}]}
    """
    task = annotation.get("task")
    if not isinstance(task, dict) or "data" not in task or "result" not in annotation:
        return None
    return {**task, "annotations": [{key: value for key, value in annotation.items() if key != "task"}]}


def lacks_its_task(annotation: Mapping[str, Any]) -> bool:
    """Whether this is an annotation that only names its task, as the API and webhooks give it: what somebody typed, of
    which nobody knows what it corrects."""
    return isinstance(annotation.get("task"), int) and {"result", "completed_by", "was_cancelled"} <= annotation.keys()
