"""All communication with Label Studio, through its SDK. No other module imports `label_studio_sdk`.

What `pull` reads is asked for and parsed here: that keeps every number exact, and with a legacy token a pull that finds
nothing new does not import the SDK's client, which takes as long as all else that it does. Everything else goes through
the SDK, the exchange of personal tokens included.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import httpx
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.parse_error import ParsingError

from ls_trajedit.converters.annotations.rules import is_address
from ls_trajedit.label_studio.addresses import without_credentials
from ls_trajedit.label_studio.answers import is_count
from ls_trajedit.label_studio.failures import (
    NoSuchPageError,
    NotFoundError,
    TooLargeAnswerError,
    explain_backend_address,
    explain_no_answer,
    explain_status,
    not_label_studio,
    readable_body,
)
from ls_trajedit.label_studio.headers import Headers, can_be_token
from ls_trajedit.label_studio.http_client import OriginClient, open_http
from ls_trajedit.label_studio.http_times import Moment, http_date, own_time
from ls_trajedit.label_studio.retry import (
    TransientError,
    retry,
    transient_from_body,
    transient_from_no_answer,
    transient_from_status,
)
from ls_trajedit.redaction import keep_token
from ls_trajedit.traces.errors import OutcomeUnknownError, RefusedError, ServerError
from ls_trajedit.traces.json_text import json_line, parse_json

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio
    from label_studio_sdk.core.client_wrapper import SyncClientWrapper
    from label_studio_sdk.core.request_options import RequestOptions

__all__ = ["Answer", "Backend", "ImportStarted", "Project", "Server", "User", "connect", "open_server"]

# A busy server needs time for a page of large tasks; a request that takes longer than this is repeated.
_TIMEOUT = httpx.Timeout(120, connect=15)
# Each request has its own connection: the server that `label-studio start` runs sends an answer in two parts, and on a
# connection that is kept open the second one waits 40 ms for the first to be acknowledged (measured).
_LIMITS = httpx.Limits(max_keepalive_connections=0)
_SHORT_WAIT = 5.0
# Requests that write are sent once: when a proxy gives up, Label Studio may have got the request all the same.
_ONCE: RequestOptions = {"max_retries": 0}
_DOTS_OF_A_JWT = 2
_PROJECT_FIELDS = "id,title,label_config,task_number,model_version,show_collab_predictions"
_VALIDATION_FLAG = "fflag_feat_utc_210_prediction_validation_15082025"


# Nothing has left this machine when these are raised.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.PoolTimeout)
# What proxies answer that have passed a request on and do not know what became of it.
_PERHAPS_DONE_STATUSES = (408, 499, 502, 504, 524)
_PERHAPS_DONE = "and it may have been carried out all the same"
# What reading an answer of another shape ends in, in the SDK, which does not validate answers, or here.
_OF_ANOTHER_SHAPE = (
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, MemoryError, OSError),
    ParsingError,
)
_LONGEST_NAME = 200


@dataclass(frozen=True)
class ImportStarted:
    """The id of an import that Label Studio works off after it has answered."""

    id: int


@dataclass(frozen=True)
class User:
    """The user to whom a token belongs."""

    id: int
    email: str
    role: str | None


@dataclass(frozen=True)
class Project:
    """The parts of a project that matter here. `read_at` is when it was read, if the server tells the time."""

    id: int
    title: str
    label_config: str
    task_count: int
    model_version: str
    shows_predictions: bool
    read_at: Moment | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to a GET: its JSON, its size in bytes, and when it was given, if the server tells the time."""

    value: Any
    size: int
    time: Moment | None


@dataclass(frozen=True)
class Backend:
    """An ML backend to which a project is connected."""

    id: int
    title: str
    url: str
    state: str
    is_interactive: bool
    auth_method: str
    error_message: str
    model_version: str


def connect(url: str, api_key: str, headers: Headers = ()) -> Server:
    """A server that answered and accepted the token.

    Raises ServerError when nothing answers at `url`, RefusedError when the token is refused, and what `open_server`
    raises.
    """
    server = open_server(url, api_key, headers=headers)
    server.user()
    return server


def open_server(url: str, api_key: str, max_wait: float = _SHORT_WAIT, headers: Headers = ()) -> Server:
    """The server at `url`, to which nothing has been sent yet; `headers` go with each request. Requests that read are
    retried for up to `max_wait` seconds after transient errors.

    Raises RefusedError for a malformed or expired token, UsageError when `url` is not an address, and SetupError when
    it holds a password, or when the environment names a proxy or certificates that cannot be used.
    """
    shown = without_credentials(url.rstrip("/"))
    token = api_key.strip()
    keep_token("the token", token)
    if not can_be_token(token):
        raise RefusedError(
            "the token contains blanks or characters that no token has; copy it again from Account & Settings"
        )
    http = open_http(url, headers, _TIMEOUT, _LIMITS)
    try:
        return Server(http, url, token, shown, max_wait)
    except ApiError as error:
        raise explain_status(shown, error.status_code or 0, error.body, "reading the token") from None
    except _OF_ANOTHER_SHAPE:
        # The SDK looks into a personal token for when it expires.
        raise RefusedError("the token is damaged: copy it again from Account & Settings, as a whole") from None


class Server:
    """A Label Studio, and a token for it. Every method raises ServerError when the server cannot be reached or keeps
    failing, and RefusedError when it refuses."""

    def __init__(self, http: OriginClient, address: str, token: str, shown_url: str, max_wait: float) -> None:
        self.url = shown_url
        self._max_wait = max_wait
        self._has_answered = False
        self._http = http
        # Without the slash, a personal token would be exchanged at the root of the host, whatever the path.
        self._address = address.rstrip("/") + "/"
        self._token = token
        # A personal token is a JWT (RFC 7519), which the SDK looks into at once.
        self._exchanger = self._wrapper if token.count(".") == _DOTS_OF_A_JWT else None

    @property
    def address(self) -> str:
        """Where it answers: `url`, or that with https where it redirects to it."""
        return without_credentials(self._http.address)

    @cached_property
    def _client(self) -> LabelStudio:
        import label_studio_sdk

        client: Any = label_studio_sdk.LabelStudio  # its constructor is the only part of the SDK without types
        return cast("LabelStudio", client(base_url=self._address, api_key=self._token, httpx_client=self._http))

    @cached_property
    def _wrapper(self) -> SyncClientWrapper:
        """The SDK's own client for requests for which it has no method."""
        from label_studio_sdk.core.client_wrapper import SyncClientWrapper

        return SyncClientWrapper(base_url=self._address, api_key=self._token, httpx_client=self._http)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a request that bears the token. Raises what `httpx` raises, and ApiError when a personal token
        is refused."""
        headers = {"Authorization": self._authorization(), **options.pop("headers", {})}
        return self._http.request(method, f"{self._address}{path}", headers=headers, **options)

    def _authorization(self) -> str:
        """The token as a request bears it: a legacy one as it is, a personal one exchanged by the SDK for an access
        token, which is good for some minutes."""
        if self._exchanger is None:
            return f"Token {self._token}"
        return self._exchanger.get_headers()["Authorization"]

    def ask(self, path: str, doing: str, not_found: str | None = None, **parameters: Any) -> Answer:
        """The server's answer to a GET of `path`, retried after transient errors. For messages, `doing` says what is
        asked for and `not_found` what a 404 means."""
        return retry(lambda: self._ask_once(path, doing, not_found, parameters), self._max_wait)

    def ask_if_there(self, path: str, doing: str, **parameters: Any) -> Answer | None:
        """What `ask` returns, or None, without a retry, when the server says that there is nothing at `path` (404), as
        editions and versions do that lack a part of the API."""

        def ask_once() -> Answer | None:
            try:
                return self._ask_once(path, doing, None, parameters)
            except (NotFoundError, NoSuchPageError):
                return None
            except TransientError as error:
                if isinstance(error.failure, NoSuchPageError):
                    return None
                raise

        return retry(ask_once, self._max_wait)

    def _ask_once(self, path: str, doing: str, not_found: str | None, parameters: dict[str, Any]) -> Answer:
        try:
            answer = self._send("GET", path, params=parameters)
        except ApiError as error:
            # A personal token is exchanged for an access token before the request is made.
            status = error.status_code or 0
            failure = explain_status(self.url, status, error.body, doing)
            raise transient_from_status(failure, status, error.headers or {}, self._has_answered) or failure from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            no_answer = explain_no_answer(self.url, error, doing)
            raise transient_from_no_answer(no_answer, error, self._has_answered) or no_answer from None
        except json.JSONDecodeError as error:
            not_json = not_label_studio(self.url, doing, error.doc)
            raise transient_from_body(not_json, error.doc, self._has_answered) or not_json from None
        except _OF_ANOTHER_SHAPE:
            raise not_label_studio(self.url, doing) from None
        if not answer.is_success:
            failure = explain_status(self.url, answer.status_code, readable_body(answer), doing, not_found)
            raise transient_from_status(failure, answer.status_code, answer.headers, self._has_answered) or failure
        try:
            value = parse_json(answer.content)
        except ValueError:
            body = readable_body(answer)
            not_json = not_label_studio(self.url, doing, body)
            raise transient_from_body(not_json, str(body), self._has_answered) or not_json from None
        except MemoryError:
            raise TooLargeAnswerError(f"{self.url}: no memory is left for the answer while {doing}") from None
        self._has_answered = True
        return Answer(value, len(answer.content), _moment_of(answer.headers))

    def version(self) -> str:
        """The server's version, such as `1.23.2`."""
        answer = self.ask("api/version/", "asking for the version").value
        release = answer.get("release") if isinstance(answer, dict) else None
        return release if isinstance(release, str) and 0 < len(release) <= _LONGEST_NAME else "unknown"

    def user(self) -> User:
        """The user to whom the token belongs. The role is None where the edition has no roles."""
        with self._translate_failures("checking the token"):
            user = self._client.users.whoami()
            if not is_count(user.id):
                raise not_label_studio(self.url, "checking the token")
            return User(user.id, str(user.email or ""), _role(user))

    def emails(self) -> dict[int, str]:
        """The e-mail addresses of the organization's users, by user id. Deleted users are not among them, nor are those
        who have left, whose address reads `Deleted`. An address that several users have is nobody's either."""
        users = self.ask("api/users/", "listing the users").value
        if not isinstance(users, list):
            raise not_label_studio(self.url, "listing the users")
        people = [
            user
            for user in users
            if isinstance(user, dict) and is_count(user.get("id")) and is_address(user.get("email"))
        ]
        shared = Counter(user["email"] for user in people)
        return {user["id"]: user["email"] for user in people if shared[user["email"]] == 1}

    def project(self, number: int) -> Project:
        """The project with this id."""
        doing = f"reading project {number}"
        missing = f"there is no project {number} for this token"
        answer = self.ask(f"api/projects/{number}/", doing, missing, include=_PROJECT_FIELDS)
        found = answer.value
        if not isinstance(found, dict) or found.get("id") != number:
            raise not_label_studio(self.url, doing)
        task_count = found.get("task_number")
        texts = [found.get(name) or "" for name in ("title", "label_config", "model_version")]
        if not (task_count is None or is_count(task_count)) or not all(isinstance(text, str) for text in texts):
            raise not_label_studio(self.url, doing)
        title, label_config, model_version = texts
        return Project(
            id=number,
            title=title,
            label_config=label_config,
            task_count=task_count or 0,
            model_version=model_version,
            shows_predictions=bool(found.get("show_collab_predictions")),
            read_at=answer.time,
        )

    def create_project(self, title: str, label_config: str, description: str) -> Project:
        """A new project in which predictions prefill the editors."""
        with self._translate_failures("creating the project"):
            created = self._client.projects.create(
                title=title,
                label_config=label_config,
                description=description,
                show_collab_predictions=True,
                request_options=_ONCE,
            )
            if not is_count(created.id):
                raise not_label_studio(self.url, "creating the project")
        return self.project(created.id)

    def set_label_config(self, project: int, label_config: str) -> None:
        """Replaces the labeling config of the project."""
        with self._translate_failures(f"changing the labeling config of project {project}"):
            self._client.projects.update(project, label_config=label_config)

    def show_predictions(self, project: int, model_version: str) -> None:
        """Makes the predictions of `model_version` prefill the editors."""
        with self._translate_failures(f"switching pre-annotations on in project {project}"):
            self._client.projects.update(project, show_collab_predictions=True, model_version=model_version)

    def controls_in_use(self, project: int) -> dict[tuple[str, str], int]:
        """The number of results in the project's annotations, for each control that has any and the tag that it points
        at."""
        with self._translate_failures(f"reading the summary of project {project}"):
            summary = parse_json(self._read(f"api/projects/{project}/summary"))
            used: dict[tuple[str, str], int] = {}
            for key, count in summary.get("created_annotations", {}).items():
                control, _, rest = key.partition("|")
                pair = control, rest.partition("|")[0]
                used[pair] = used.get(pair, 0) + int(count)
            return used

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, object]]) -> int | ImportStarted:
        """Imports tasks (`data`, and `predictions` where given); returns how many the server says it imported, or the
        import that it has begun. Raises TooLargeError when they are too many for one request, and OutcomeUnknownError
        when it is not known whether they were imported."""
        doing = f"importing {len(tasks)} tasks into project {project}"
        answer = self._write_once("POST", f"api/projects/{project}/import", tasks, doing)
        number, count = answer.get("import"), answer.get("task_count")
        if is_count(number) and not is_count(count):
            return ImportStarted(number)
        return count if is_count(count) else 0

    def annotate(self, task: int, results: Sequence[Mapping[str, object]]) -> None:
        """Submits an annotation of the task, in the name of the user to whom the token belongs."""
        with self._translate_failures(f"annotating task {task}"):
            self._client.annotations.create(
                task, result=cast(Any, list(results)), lead_time=60.0, request_options=_ONCE
            )

    def add_predictions(self, project: int, predictions: Sequence[Mapping[str, object]]) -> None:
        """Adds predictions (`task`, `model_version`, `result`) to tasks that are already in the project. Raises what
        `import_tasks` raises."""
        doing = f"adding {len(predictions)} predictions to project {project}"
        self._write_once("POST", f"api/projects/{project}/import/predictions", predictions, doing)

    def set_task_data(self, task: int, data: Mapping[str, Any]) -> None:
        """Replaces the data of a task, and nothing else of it. Raises what `import_tasks` raises."""
        self._write_once("PATCH", f"api/tasks/{task}/", {"data": data}, f"changing the data of task {task}")

    def backends(self, project: int) -> list[Backend]:
        """The ML backends to which the project is connected."""
        with self._translate_failures(f"listing the ML backends of project {project}"):
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
                for backend in self._client.ml.list(project=project)
            ]

    def connect_backend(self, project: int, url: str, title: str, credentials: tuple[str, str] | None) -> None:
        """Connects the project to the ML backend at `url`, with basic authentication when `credentials` are given."""
        arguments: dict[str, Any] = {"project": project, "url": url, "title": title, "is_interactive": False}
        if credentials:
            user, password = credentials
            arguments.update(auth_method="BASIC_AUTH", basic_auth_user=user, basic_auth_pass=password)
        with self._translate_failures(f"connecting the backend {without_credentials(url)}"):
            try:
                self._client.ml.create(**arguments, request_options=_ONCE)
            except ApiError as error:
                raise explain_backend_address(self.url, url, error.body) or error from None

    def prediction_versions(self, project: int) -> dict[str, int]:
        """The number of predictions in the project for each model version."""
        with self._translate_failures(f"listing the predictions of project {project}"):
            versions = parse_json(self._read(f"api/projects/{project}/model-versions/"))
            return {str(version): int(count) for version, count in versions.items() if count}

    def delete_predictions(self, project: int, model_version: str) -> None:
        """Deletes the predictions of this model version. Label Studio then shows none until others are chosen."""
        with self._translate_failures(f"deleting predictions of project {project}"):
            self._request("DELETE", f"api/projects/{project}/model-versions/", {"model_version": model_version})

    def validates_predictions(self) -> bool | None:
        """Whether the server refuses predictions for a control that the project's config lacks. None when that is
        unknown: it shows its feature flags only to browsers and to holders of a personal token."""
        try:
            with self._translate_failures("reading the feature flags"):
                flags = parse_json(self._read("feature-flags/").removeprefix(b"<pre>").removesuffix(b"</pre>"))
                found = flags.get(_VALIDATION_FLAG, flags.get("$system", {}).get("FEATURE_FLAGS_DEFAULT_VALUE"))
        except (RefusedError, ServerError):
            return None
        return found if isinstance(found, bool) else None

    def _write_once(self, method: str, path: str, body: object, doing: str) -> dict[str, Any]:
        """The answer to a request that writes and is never repeated."""
        with self._translate_failures(doing):
            try:
                answer = self._send(method, path, content=json_line(body), headers={"Content-Type": "application/json"})
            except httpx.RequestError as error:
                if isinstance(error, _NOT_SENT):
                    raise
                raise OutcomeUnknownError(f"{self.url}: the connection broke while {doing}, {_PERHAPS_DONE}") from None
            if answer.status_code in _PERHAPS_DONE_STATUSES:
                raise OutcomeUnknownError(
                    f"{self.url}: no answer from Label Studio while {doing} ({answer.status_code}), {_PERHAPS_DONE}"
                )
            if not answer.is_success:
                raise ApiError(status_code=answer.status_code, body=readable_body(answer))
            found = parse_json(answer.content)
            if not isinstance(found, dict):
                raise not_label_studio(self.url, doing)
            return found

    def _read(self, path: str) -> bytes:
        """The body of the answer to a GET for which the SDK has no method."""
        return self._request("GET", path)

    def _request(self, method: str, path: str, body: Any = None) -> bytes:
        answer = self._wrapper.httpx_client.request(path, method=method, json=body)
        if not answer.is_success:
            raise ApiError(status_code=answer.status_code, body=readable_body(answer))
        return bytes(answer.content)

    @contextmanager
    def _translate_failures(self, doing: str, not_found: str | None = None) -> Iterator[None]:
        """Turns what the SDK raises into an error that tells a person what to do."""
        try:
            yield
        except ApiError as error:
            raise explain_status(self.url, error.status_code or 0, error.body, doing, not_found) from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise explain_no_answer(self.url, error, doing) from None
        except _OF_ANOTHER_SHAPE:
            raise not_label_studio(self.url, doing) from None


def _moment_of(headers: httpx.Headers) -> Moment | None:
    told = http_date(headers.get("date", ""))
    return None if told is None else Moment(told, own_time())


def _role(user: Any) -> str | None:
    role = getattr(user, "org_membership", None) or getattr(user, "role", None)
    if isinstance(role, list) and role:
        role = role[0].get("role") if isinstance(role[0], dict) else getattr(role[0], "role", None)
    return str(role) if isinstance(role, str) else None
