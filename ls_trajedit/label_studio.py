"""Everything that is said to Label Studio, through its SDK. No other module imports `label_studio_sdk`.

The SDK takes one to three seconds to import, so this module is imported only by commands that talk to a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from ls_trajedit.label_config.errors import DataError, RefusedError, ServerError

__all__ = ["Backend", "Page", "Project", "Server", "User", "connect"]

_PAGE_SIZE = 100
# `include` thins out nested objects too: an annotation comes without its `result` unless that is named here.
_ANNOTATION_FIELDS = "result,completed_by,was_cancelled,ground_truth,lead_time,created_at,updated_at"
_TASK_FIELDS = f"id,project,data,annotations,drafts,{_ANNOTATION_FIELDS}"


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


@dataclass(frozen=True)
class Page:
    """Some tasks, in order of their ids, and how many the server counted from there to the end, them included."""

    tasks: list[dict[str, Any]]
    total: int


def connect(url: str, api_key: str) -> Server:
    """A server that answered and took the token.

    Raises ServerError when nothing answers at `url`, RefusedError when the token is not taken.
    """
    client: Any = LabelStudio  # its constructor is the one thing in the SDK that has no types
    server = Server(client(base_url=url.rstrip("/"), api_key=api_key), url.rstrip("/"))
    server.user()
    return server


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
                title=title, label_config=label_config, description=description, show_collab_predictions=True
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
        path = f"api/projects/{project}/summary"
        with self._explained(f"reading the summary of project {project}"):
            response = self._client._client_wrapper.httpx_client.request(path, method="GET")
            if response.status_code >= 400:
                raise ApiError(status_code=response.status_code, body=response.text)
            summary = response.json()
        used: dict[str, int] = {}
        for key, count in summary.get("created_annotations", {}).items():
            control = key.split("|")[0]
            used[control] = used.get(control, 0) + int(count)
        return used

    def import_tasks(self, project: int, tasks: Sequence[dict[str, Any]]) -> int:
        """Imports tasks (`data`, and `predictions` where given); returns how many the server says it took."""
        with self._explained(f"importing {len(tasks)} tasks into project {project}"):
            answer = self._client.projects.import_tasks(project, request=cast(Any, tasks))
        return int(answer.task_count or 0)

    def annotate(self, task: int, results: Sequence[dict[str, Any]]) -> None:
        """Submits an annotation of the task in the name of the user whose token this is."""
        with self._explained(f"annotating task {task}"):
            self._client.annotations.create(task, result=list(results), was_cancelled=False, lead_time=60.0)

    def skip(self, task: int) -> None:
        """Submits a skipped annotation of the task, likewise."""
        with self._explained(f"skipping task {task}"):
            self._client.annotations.create(task, result=[], was_cancelled=True, lead_time=5.0)

    def add_predictions(self, project: int, predictions: Sequence[dict[str, Any]]) -> None:
        """Adds predictions (`task`, `model_version`, `result`) to tasks that are already there."""
        with self._explained(f"adding {len(predictions)} predictions to project {project}"):
            self._client.projects.import_predictions(project, request=cast(Any, predictions))

    def pages(self, project: int) -> Iterator[Page]:
        """All tasks of the project with their annotations and drafts, in pages, in order of their ids.

        Each page asks for the ids behind the last one, so a task that is deleted meanwhile makes none be skipped.
        Raises DataError when a page holds fewer tasks than the server counts.
        """
        return self._pages(project, _TASK_FIELDS, "all")

    def data_pages(self, project: int) -> Iterator[Page]:
        """Like `pages`, with nothing of a task but its id and data."""
        return self._pages(project, "id,data", "task_only")

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
            )
            for backend in backends
        ]

    def connect_backend(self, project: int, url: str, title: str, credentials: tuple[str, str] | None) -> None:
        """Connects the project to the ML backend at `url`, with basic authentication when `credentials` are given."""
        arguments: dict[str, Any] = {"project": project, "url": url, "title": title, "is_interactive": False}
        if credentials:
            user, password = credentials
            arguments.update(auth_method="BASIC_AUTH", basic_auth_user=user, basic_auth_pass=password)
        with self._explained(f"connecting the backend {url}"):
            self._client.ml.create(**arguments)

    def tasks_without_predictions(self, project: int) -> int:
        """How many tasks of the project have no prediction stored."""
        items = [{"filter": "filter:tasks:total_predictions", "operator": "equal", "type": "Number", "value": 0}]
        query = json.dumps({"filters": {"conjunction": "and", "items": items}})
        with self._explained(f"counting the predictions of project {project}"):
            page: Any = self._client.tasks.list(
                project=project, fields="task_only", include="id", page=1, page_size=1, query=query, resolve_uri=False
            )
        return int(page.response.total)

    def _pages(self, project: int, include: str, fields: str) -> Iterator[Page]:
        last = 0
        while True:
            after = [{"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}]
            query = json.dumps({"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": after}})
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
            if len(page.tasks) < min(total, _PAGE_SIZE):
                raise DataError(
                    f"project {project}: Label Studio counted {total} tasks behind task {last} and sent "
                    f"{len(page.tasks)}; the files are as they were, run it again"
                )
            if page.tasks:
                yield page
                last = page.tasks[-1]["id"]
            if total <= len(page.tasks):
                return

    @contextmanager
    def _explained(self, doing: str, not_found: str | None = None) -> Iterator[None]:
        """Turns what the SDK raises into an error that tells a person what to do. Its own text is never shown: it
        holds all headers of the response."""
        try:
            yield
        except ApiError as error:
            raise _told(error, self.url, doing, not_found) from None
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ServerError(
                f"{self.url}: Label Studio does not answer while {doing} ({type(error).__name__}); "
                "is the address right, and is the server up?"
            ) from None
        except (ValueError, httpx.DecodingError) as error:
            raise ServerError(
                f"{self.url}: the answer while {doing} is not Label Studio's ({type(error).__name__}); "
                "is the address right?"
            ) from None


def _told(error: ApiError, url: str, doing: str, not_found: str | None) -> RefusedError | ServerError:
    status = error.status_code or 0
    if status == 401:
        return RefusedError(
            f"{url}: Label Studio does not take the token (401); make one under Account & Settings and give it as "
            "LABEL_STUDIO_API_KEY. A legacy token works only where the organization allows them"
        )
    if status == 403:
        return RefusedError(f"{url}: not allowed while {doing} (403): {_detail(error)}")
    if status == 404:
        return RefusedError(f"{url}: {not_found or f'not found while {doing}'} (404)")
    if status in (408, 409, 425, 429) or status >= 500:
        return ServerError(f"{url}: Label Studio keeps failing while {doing} ({status}); try again later")
    return RefusedError(f"{url}: Label Studio refuses while {doing} ({status}): {_detail(error)}")


def _detail(error: ApiError) -> str:
    """The readable part of an error's body, on one line."""
    body = error.body
    if isinstance(body, dict):
        found = body.get("validation_errors") or body.get("detail") or body
        if isinstance(found, dict):
            texts = [text for value in found.values() for text in (value if isinstance(value, list) else [value])]
            body = "; ".join(str(text) for text in texts)
        else:
            body = found
    text = " ".join(str(body).split())
    return text if len(text) <= 500 else text[:500] + " …"


def _task(item: Any) -> dict[str, Any]:
    """A task of the SDK as the dictionary that the converters take."""
    annotations = getattr(item, "annotations", None) or []
    return {
        "id": item.id,
        "project": getattr(item, "project", None),
        "data": item.data,
        "annotations": [_plain(annotation) for annotation in annotations],
        "drafts": [{} for _ in getattr(item, "drafts", None) or []],
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
