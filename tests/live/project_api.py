"""What Label Studio itself says of a project, asked without any of our code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

__all__ = ["annotate", "annotations_of", "call", "project_of", "tasks", "text_result"]


def call(label_studio: LocalLabelStudio, method: str, path: str, *, token: str | None = None, **options: Any) -> Any:
    """The JSON that Label Studio answers to the owner, or to the user whose `token` is given."""
    headers = {"Authorization": f"Token {token or label_studio.token}"}
    answer = requests.request(method, label_studio.url + path, headers=headers, timeout=60, **options)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
    return answer.json() if answer.content else None


def project_of(label_studio: LocalLabelStudio, project: int) -> dict[str, Any]:
    """The project with its settings and its labeling config."""
    found = call(label_studio, "GET", f"/api/projects/{project}")
    assert isinstance(found, dict)
    return found


def tasks(label_studio: LocalLabelStudio, project: int) -> list[dict[str, Any]]:
    """All tasks of the project in order of their ids, with annotations, drafts and predictions."""
    listed = call(label_studio, "GET", "/api/tasks", params={"project": project, "fields": "all", "page_size": 500})
    return sorted(listed["tasks"], key=lambda task: int(task["id"]))


def annotations_of(label_studio: LocalLabelStudio, task: int) -> list[dict[str, Any]]:
    """The task's annotations in order of their ids."""
    found = call(label_studio, "GET", f"/api/tasks/{task}/annotations")
    return sorted(found, key=lambda annotation: int(annotation["id"]))


def annotate(
    label_studio: LocalLabelStudio,
    task: int,
    results: Sequence[Mapping[str, Any]],
    *,
    token: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Saves an annotation of the task, the owner's or that of the user whose `token` is given."""
    body = {"result": list(results), **fields}
    saved = call(label_studio, "POST", f"/api/tasks/{task}/annotations", token=token, json=body)
    assert isinstance(saved, dict)
    return saved


def text_result(control: str, original: str, *texts: str) -> dict[str, Any]:
    """What a TextArea saves: `control` points at the Text `original` and holds `texts`."""
    return {"from_name": control, "to_name": original, "type": "textarea", "value": {"text": list(texts)}}
