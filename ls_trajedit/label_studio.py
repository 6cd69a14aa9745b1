"""Everything that is said to Label Studio, through its SDK. No other module imports `label_studio_sdk`.

The SDK takes one to three seconds to import, so this module is imported only by commands that talk to a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.parse_error import ParsingError
from label_studio_sdk.core.request_options import RequestOptions

from ls_trajedit.explain_backend_address import explain_backend_address
from ls_trajedit.explain_failure import (
    explain_no_answer,
    explain_status,
    not_label_studio,
    readable_body,
    without_credentials,
)
from ls_trajedit.label_config.errors import DataError, RefusedError, ServerError

__all__ = ["Backend", "Page", "Project", "Server", "User", "connect", "open_server"]

_PAGE_SIZE = 100
# `include` thins out nested objects too: an annotation comes without its `result` unless that is named here.
_ANNOTATION_FIELDS = "result,completed_by,was_cancelled,ground_truth,lead_time,created_at,updated_at"
_TASK_FIELDS = f"id,project,data,annotations,{_ANNOTATION_FIELDS}"
# What writes is sent once: a proxy that gives up does not mean that Label Studio did not get it.
_ONCE = RequestOptions(max_retries=0)
_VALIDATION_FLAG = "fflag_feat_utc_210_prediction_validation_15082025"


@dataclass(frozen=True)
class User:
    """Who a token belongs to."""

    id: int
    email: str
    role: str | None


@dataclass(frozen=True)
class Project:
    """A project as far as it matters here."""

    id: int
    title: str
    label_config: str
    task_count: int
    model_version: str
    shows_predictions: bool


@dataclass(frozen=True)
class Backend:
    """An ML backend that a project is connected to."""

    id: int
    title: str
    url: str
    state: str
    is_interactive: bool
    auth_method: str
    error_message: str
    model_version: str


@dataclass(frozen=True)
class Page:
    """Some tasks, in order of their ids, and how many the server counted from there to the end, them included."""

    tasks: list[dict[str, Any]]
    total: int


def connect(url: str, api_key: str) -> Server:
    """A server that answered and took the token.

    Raises ServerError when nothing answers at `url`, RefusedError when the token is not taken, and UsageError when
    `url` is no address.
    """
    server = open_server(url, api_key)
    server.user()
    return server


def open_server(url: str, api_key: str) -> Server:
    """The server at `url`, asked nothing yet. Raises RefusedError for a token that cannot be one, or has expired."""
    shown = without_credentials(url.rstrip("/"))
    token = api_key.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise RefusedError("the token holds blanks or signs that no token has; copy it again from Account & Settings")
    client: Any = LabelStudio  # its constructor is the one thing in the SDK that has no types
    try:
        # Without the slash, a personal token would be exchanged at the root of the host, whatever the path of `url`.
        return Server(client(base_url=url.rstrip("/") + "/", api_key=token), shown)
    except ApiError as error:
        raise explain_status(shown, error.status_code or 0, error.body, "reading the token") from None


class Server:
    """A Label Studio and the right to talk to it. Every method raises ServerError when the server cannot be reached
    or keeps failing, and RefusedError when it says no."""

    def __init__(self, client: LabelStudio, url: str) -> None:
        self.url = url
        self._client = client

    def version(self) -> str:
        """The server's version, such as `1.23.2`."""
        with self._explained("asking for the version"):
            versions = self._client.versions.get()
        return str(getattr(versions, "release", None) or "unknown")

    def user(self) -> User:
        """The user whose token this is. The role is None where the edition has no roles."""
        with self._explained("checking the token"):
            user = self._client.users.whoami()
        if not isinstance(user.id, int):
            raise not_label_studio(self.url, "checking the token")
        return User(user.id, str(user.email or ""), _role(user))

    def emails(self) -> dict[int, str]:
        """The e-mail addresses of the organization's users by id."""
        with self._explained("listing the users"):
            users = self._client.users.list()
        return {user.id: user.email for user in users if user.id is not None and user.email}

    def project(self, number: int) -> Project:
        """The project with this id."""
        with self._explained(f"reading project {number}", f"there is no project {number} for this token"):
            return _project(self._client.projects.get(number))

    def create_project(self, title: str, label_config: str, description: str) -> Project:
        """A new project in which predictions prefill the editors."""
        with self._explained("creating the project"):
            created = self._client.projects.create(
                title=title,
                label_config=label_config,
                description=description,
                show_collab_predictions=True,
                request_options=_ONCE,
            )
            return _project(self._client.projects.get(cast(int, created.id)))

    def set_label_config(self, project: int, label_config: str) -> None:
        """Replaces the labeling config of the project."""
        with self._explained(f"changing the labeling config of project {project}"):
            self._client.projects.update(project, label_config=label_config)

    def show_predictions(self, project: int, model_version: str) -> None:
        """Lets the predictions of `model_version` prefill the editors."""
        with self._explained(f"switching pre-annotations on in project {project}"):
            self._client.projects.update(project, show_collab_predictions=True, model_version=model_version)

    def controls_in_use(self, project: int) -> dict[str, int]:
        """For each control that annotations in the project have results for, how many."""
        with self._explained(f"reading the summary of project {project}"):
            summary = json.loads(self._read(f"api/projects/{project}/summary"))
        used: dict[str, int] = {}
        for key, count in summary.get("created_annotations", {}).items():
            control = key.split("|")[0]
            used[control] = used.get(control, 0) + int(count)
        return used

    def import_tasks(self, project: int, tasks: Sequence[dict[str, Any]]) -> int:
        """Imports tasks (`data`, and `predictions` where given); returns how many the server says it took."""
        with self._explained(f"importing {len(tasks)} tasks into project {project}"):
            answer = self._client.projects.import_tasks(project, request=cast(Any, tasks), request_options=_ONCE)
        return int(answer.task_count or 0)

    def annotate(self, task: int, results: Sequence[dict[str, Any]]) -> None:
        """Submits an annotation of the task in the name of the user whose token this is."""
        with self._explained(f"annotating task {task}"):
            self._client.annotations.create(task, result=list(results), lead_time=60.0, request_options=_ONCE)

    def add_predictions(self, project: int, predictions: Sequence[dict[str, Any]]) -> None:
        """Adds predictions (`task`, `model_version`, `result`) to tasks that are already there."""
        with self._explained(f"adding {len(predictions)} predictions to project {project}"):
            self._client.projects.import_predictions(project, request=cast(Any, predictions), request_options=_ONCE)

    def pages(self, project: int) -> Iterator[Page]:
        """All tasks of the project with their annotations, in pages, in order of their ids.

        Each page asks for the ids behind the last one, so a task that is deleted meanwhile makes none be skipped.
        Raises DataError when a page holds fewer tasks than the server counts.
        """
        return self._pages(project, _TASK_FIELDS, "all")

    def data_pages(self, project: int) -> Iterator[Page]:
        """Like `pages`, with nothing of a task but its id and data."""
        return self._pages(project, "id,data", "task_only")

    def tasks_with_drafts(self, project: int) -> int:
        """How many tasks of the project somebody has begun and not submitted, whoever it is."""
        with self._explained(f"counting the drafts of project {project}"):
            return self._count(project, _HAS_DRAFT)

    def unpredicted_pages(self, project: int, model_version: str) -> Iterator[Page]:
        """Like `data_pages`, with only the tasks that have no prediction of this model version."""
        return self._pages(project, "id,data", "task_only", _without_prediction(model_version))

    def backends(self, project: int) -> list[Backend]:
        """The ML backends that the project is connected to."""
        with self._explained(f"listing the ML backends of project {project}"):
            backends = self._client.ml.list(project=project)
        return [
            Backend(
                id=int(backend.id or 0),
                title=str(backend.title or ""),
                url=str(backend.url or ""),
                state=str(backend.state or ""),
                is_interactive=bool(backend.is_interactive),
                auth_method=str(backend.auth_method or "NONE"),
                error_message=str(backend.error_message or ""),
                model_version=str(backend.model_version or ""),
            )
            for backend in backends
        ]

    def connect_backend(self, project: int, url: str, title: str, credentials: tuple[str, str] | None) -> None:
        """Connects the project to the ML backend at `url`, with basic authentication when `credentials` are given."""
        arguments: dict[str, Any] = {"project": project, "url": url, "title": title, "is_interactive": False}
        if credentials:
            user, password = credentials
            arguments.update(auth_method="BASIC_AUTH", basic_auth_user=user, basic_auth_pass=password)
        with self._explained(f"connecting the backend {without_credentials(url)}"):
            try:
                self._client.ml.create(**arguments)
            except ApiError as error:
                raise explain_backend_address(self.url, url, error.body) or error from None

    def prediction_versions(self, project: int) -> dict[str, int]:
        """For each model version that predictions in the project have, how many."""
        with self._explained(f"listing the predictions of project {project}"):
            versions = json.loads(self._read(f"api/projects/{project}/model-versions/"))
            return {str(version): int(count) for version, count in versions.items() if count}

    def delete_predictions(self, project: int, model_version: str) -> None:
        """Deletes the predictions of this model version. Label Studio then shows none until it is told which."""
        with self._explained(f"deleting predictions of project {project}"):
            self._ask("DELETE", f"api/projects/{project}/model-versions/", {"model_version": model_version})

    def tasks_without_predictions(self, project: int, model_version: str) -> int:
        """How many tasks of the project have no prediction of this model version."""
        with self._explained(f"counting the predictions of project {project}"):
            return self._count(project, _without_prediction(model_version))

    def validates_predictions(self) -> bool | None:
        """Whether the server refuses predictions that name a control which the project's config lacks. None when it
        does not say: it tells its feature flags only to a browser, or to somebody with a personal token."""
        try:
            with self._explained("reading the feature flags"):
                flags = json.loads(self._read("feature-flags/").removeprefix("<pre>").removesuffix("</pre>"))
                found = flags.get(_VALIDATION_FLAG, flags.get("$system", {}).get("FEATURE_FLAGS_DEFAULT_VALUE"))
        except (RefusedError, ServerError):
            return None
        return found if isinstance(found, bool) else None

    def _count(self, project: int, task_filter: dict[str, Any]) -> int:
        query = json.dumps({"filters": {"conjunction": "and", "items": [task_filter]}})
        page: Any = self._client.tasks.list(
            project=project, fields="task_only", include="id", page=1, page_size=1, query=query, resolve_uri=False
        )
        return int(page.response.total)

    def _pages(self, project: int, include: str, fields: str, *filters: dict[str, Any]) -> Iterator[Page]:
        last = 0
        while True:
            after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
            items = [after, *filters]
            query = json.dumps({"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": items}})
            with self._explained(f"reading the tasks of project {project}"):
                answer: Any = self._client.tasks.list(
                    project=project,
                    fields=fields,
                    include=include,
                    page=1,
                    page_size=_PAGE_SIZE,
                    query=query,
                    resolve_uri=False,
                )
                total = int(answer.response.total)
                page = Page([_task(item) for item in answer.items or []], total)
            if len(page.tasks) < min(total, _PAGE_SIZE) or (page.tasks and page.tasks[0]["id"] <= last):
                raise DataError(
                    f"project {project}: Label Studio counted {total} tasks behind task {last} and sent "
                    f"{len(page.tasks)}, or the same ones again; the files are as they were, run it again"
                )
            if page.tasks:
                yield page
                last = page.tasks[-1]["id"]
            if total <= len(page.tasks):
                return

    def _read(self, path: str) -> str:
        """The body of a GET that the SDK has no method for."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: Any = None) -> str:
        answer = self._client._client_wrapper.httpx_client.request(path, method=method, json=body)
        if answer.status_code >= 400:
            raise ApiError(status_code=answer.status_code, body=readable_body(answer))
        return str(answer.text)

    @contextmanager
    def _explained(self, doing: str, not_found: str | None = None) -> Iterator[None]:
        """Turns what the SDK raises into an error that tells a person what to do."""
        try:
            yield
        except ApiError as error:
            raise explain_status(self.url, error.status_code or 0, error.body, doing, not_found) from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise explain_no_answer(self.url, error, doing) from None
        except (ValueError, TypeError, AttributeError, ParsingError):
            # The SDK does not check what it gets: an answer of another shape fails where it is first used.
            raise not_label_studio(self.url, doing) from None


_HAS_DRAFT = {"filter": "filter:tasks:draft_exists", "operator": "equal", "type": "Boolean", "value": True}


def _without_prediction(model_version: str) -> dict[str, Any]:
    """The filter for tasks that have no prediction of this model version."""
    name = "filter:tasks:predictions_model_versions"
    return {"filter": name, "operator": "not_contains", "type": "List", "value": [model_version]}


def _task(item: Any) -> dict[str, Any]:
    """A task of the SDK as the dictionary that the converters take."""
    annotations = getattr(item, "annotations", None) or []
    return {
        "id": item.id,
        "project": getattr(item, "project", None),
        "data": item.data,
        "annotations": [_plain(annotation) for annotation in annotations],
    }


def _plain(annotation: Any) -> dict[str, Any]:
    plain = annotation if isinstance(annotation, dict) else annotation.model_dump(mode="json")
    if "result" not in plain:
        raise DataError(f"annotation {plain.get('id')} came without its `result`; the files are as they were")
    return dict(plain)


def _project(project: Any) -> Project:
    return Project(
        id=project.id,
        title=str(project.title or ""),
        label_config=str(project.label_config or ""),
        task_count=int(project.task_number or 0),
        model_version=str(project.model_version or ""),
        shows_predictions=bool(project.show_collab_predictions),
    )


def _role(user: Any) -> str | None:
    role = getattr(user, "org_membership", None) or getattr(user, "role", None)
    if isinstance(role, list) and role:
        role = role[0].get("role") if isinstance(role[0], dict) else getattr(role[0], "role", None)
    return str(role) if isinstance(role, str) else None
