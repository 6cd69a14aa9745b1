"""A Label Studio as far as `pull`, `push` and `doctor` ask one: an HTTP server with a project in memory. It
misbehaves on cue.

Its answers have the form of those of Label Studio 1.23.2. Its clock stands still unless a test moves it, which is also
what the `Date` of its answers tells.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .reply import TIME_FORMAT, Fault, Reply, json_reply, own_error
from .task_query import passes, thinned

__all__ = [
    "BACKEND",
    "CONFIG",
    "PROJECT",
    "TOKEN",
    "HostileLabelStudio",
    "corrected",
    "hostile_label_studio",
    "personal_token",
]

PROJECT = 12
TOKEN = "0123456789abcdef0123456789abcdef01234567"
CONFIG = (
    "<View>"
    '<Text name="first" value="$steps[0].action"/><TextArea name="better" toName="first"/>'
    '<Text name="second" value="$steps[1].action"/><TextArea name="better2" toName="second"/>'
    "</View>"
)
BACKEND = {
    "id": 3,
    "project": PROJECT,
    "title": "mine",
    "url": "http://backend.test:9090",
    "state": "CO",
    "is_interactive": False,
    "auth_method": "NONE",
    "error_message": None,
    "model_version": "v1",
}
_FIXED: dict[str, Any] = {
    "whoami": {"id": 1, "email": "ana@example.com", "username": "ana"},
    "connect": BACKEND,
    "summary": {"created_annotations": {"step_0__action__corrected|step_0__action|textarea": 1}},
    "versions": {"v1": 2},
    "flags": {"$system": {"FEATURE_FLAGS_DEFAULT_VALUE": False}},
    "imports": {"count": 0, "results": []},
    "predictions": {"created": 1},
}
_NO_PROJECT = "No Project matches the given query."


def corrected(text: str, control: str = "better", original: str = "first") -> dict[str, Any]:
    """The result of a TextArea as Label Studio saves it."""
    return {
        "id": "r1",
        "from_name": control,
        "to_name": original,
        "type": "textarea",
        "origin": "manual",
        "value": {"text": [text]},
    }


def personal_token(kind: str) -> str:
    """A personal token (`refresh`), or what it is exchanged for (`access`)."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"token_type": kind, "exp": 8102554233, "jti": f"{kind}-of-ana"})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join((*encoded, "c2lnbmF0dXJl"))


class HostileLabelStudio:
    """The project, what was asked (`asked`, one word for each request), and what is going to go wrong."""

    def __init__(self) -> None:
        self.url = ""
        self.title = "Traces"
        self.label_config = CONFIG
        self.model_version = ""
        self.has_project = True
        self.release = "1.23.2"
        self.date: str | None = None
        self.date_ahead = timedelta(0)
        self.backends: list[dict[str, Any]] = []
        self.takes_tokens = True
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
        self.tasks: dict[int, dict[str, Any]] = {}
        self.backends: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.closing = threading.Event()
        self._faults: dict[tuple[str, int], Fault] = {}
        self._last_id = 0
        self._lock = threading.RLock()

    def date_header(self) -> str:
        """The `Date` of an answer: the time by its clock, or how far a test says it is ahead, or what a test says."""
        return format_datetime(self.now + self.date_ahead, usegmt=True) if self.date is None else self.date

    def pass_time(self, **amount: float) -> None:
        """Moves the clock on, by twenty minutes when nothing else is said: more than a pull looks back."""
        self.now += timedelta(**(amount or {"minutes": 20}))

    def add_task(self, data: Any = None, **fields: Any) -> int:
        """A new task; without `data`, one with two steps."""
        number = self._next_id()
        steps = [{"action": f"look {number}"}, {"action": f"answer {number}"}]
        data = {"id": f"t{number}", "task_description": "Find it.", "steps": steps} if data is None else data
        task = {"id": number, "project": PROJECT, "data": data, "annotations": [], "drafts": 0, **fields}
        with self._lock:
            self.tasks[number] = {**task, "created_at": self.now, "updated_at": self.now}
        return number

    def annotate(self, task: int, *results: Any, **fields: Any) -> int:
        """A new annotation of the task."""
        number = self._next_id()
        annotation = {
            "id": number,
            "result": list(results),
            "completed_by": 1,
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": self._time_text(),
            "updated_at": self._time_text(),
            "lead_time": 3.5,
            "project": PROJECT,
            **fields,
        }
        with self._lock:
            self._touched(task)["annotations"].append(annotation)
        return number

    def change_annotation(self, task: int, index: int, **fields: Any) -> None:
        """Changes the annotation at `index` of the task."""
        with self._lock:
            annotation = self._touched(task)["annotations"][index]
            annotation.update(fields, updated_at=self._time_text())

    def delete_annotation(self, task: int, index: int) -> None:
        with self._lock:
            del self._touched(task)["annotations"][index]

    def delete_task(self, task: int) -> None:
        with self._lock:
            del self.tasks[task]

    def misbehave(self, fault: Fault, on: str, nth: int = 1, times: int = 1) -> None:
        """Has `fault` spoil the `nth` request of the kind `on` from now on, and `times` in a row."""
        already = Counter(self.asked)[on]
        for number in range(nth, nth + times):
            self._faults[on, already + number] = fault

    def meanwhile(self, action: Callable[[], object], on: str, nth: int = 1) -> None:
        """Does something right after the `nth` request of the kind `on` from now on was answered."""

        def act(reply: Reply) -> Reply:
            action()
            return reply

        self.misbehave(act, on, nth)

    def heal(self) -> None:
        """Does nothing wrong any more."""
        self._faults.clear()

    def reply(self, method: str, target: str, headers: Any, body: bytes = b"") -> Reply:
        """The answer to a request."""
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        with self._lock:
            kind = _kind(method, path, query)
            self.asked.append(kind)
            authorization = headers.get("Authorization", "")
            right = self._right_reply(method, kind, path, query, authorization, body)
            reply = replace(right, authorization=authorization)
            fault = self._faults.pop((kind, self.asked.count(kind)), None)
        return fault(reply) if fault else reply

    def _right_reply(
        self, method: str, kind: str, path: str, query: dict[str, str], authorization: str, body: bytes
    ) -> Reply:
        if kind == "token" and method == "POST" and self.takes_tokens:
            return json_reply({"access": personal_token("access")})
        if kind == "version":
            return json_reply({"release": self.release, "edition": "Community"})
        if kind == "login":
            return Reply(200, b"<!doctype html><script src='/live-diff.js'></script>", {"Content-Type": "text/html"})
        if kind == "script":
            return Reply(200, b"/* ls-trajedit live diff 1.2.3 */")
        if not self.takes_tokens or authorization not in (f"Token {TOKEN}", f"Bearer {personal_token('access')}"):
            return own_error(401, "Invalid token.")
        if kind == "whoami":
            return json_reply({"id": 1, "email": "ana@example.com"})
        if kind == "backends":
            return json_reply(self.backends)
        if kind == "backends":
            return json_reply(self.backends)
        if kind in _FIXED:
            return json_reply(_FIXED[kind], 201 if kind == "connect" else 200)
        if kind in ("create", "change"):
            self.label_config = json.loads(body).get("label_config", self.label_config)
            self.model_version = json.loads(body).get("model_version", self.model_version)
            return replace(self._project_reply(PROJECT), status=201 if kind == "create" else 200)
        if kind == "import":
            for task in json.loads(body):
                self.add_task(task["data"], predictions=task.get("predictions", []))
            return json_reply({"task_count": len(json.loads(body)), "annotation_count": 0}, 201)
        if kind == "task":
            number = int(path.split("/")[3])
            self._touched(number)["data"] = json.loads(body)["data"]
            return json_reply({"id": number})
        if kind == "users":
            return json_reply([{"id": 1, "email": "ana@example.com"}, {"id": 2, "email": "bo@example.com"}])
        if kind == "project":
            return self._project_reply(int(path.split("/")[3]))
        if kind == "unknown":
            return own_error(404, "Not found.")
        if not self.has_project or int(query["project"]) not in (PROJECT, PROJECT + 1):
            return own_error(404, _NO_PROJECT)
        return self._tasks_reply(query)

    def _project_reply(self, number: int) -> Reply:
        if not self.has_project or number not in (PROJECT, PROJECT + 1):
            return own_error(404, _NO_PROJECT)
        count = sum(task["project"] == number for task in self.tasks.values())
        more = {"task_number": count, "model_version": self.model_version, "show_collab_predictions": True}
        return json_reply({"id": number, "title": self.title, "label_config": self.label_config, **more})

    def _tasks_reply(self, query: dict[str, str]) -> Reply:
        wanted = json.loads(query["query"])
        found = [task for task in self.tasks.values() if str(task["project"]) == query["project"]]
        for item in wanted["filters"]["items"]:
            found = [task for task in found if passes(task, item)]
        if wanted.get("ordering") == ["tasks:id"]:
            found.sort(key=lambda task: int(task["id"]))
        size, page = int(query["page_size"]), int(query["page"])
        if page > 1 and (page - 1) * size >= len(found):
            return own_error(404, "Invalid page.")
        fields = query["include"].split(",")
        tasks = [thinned(task, fields, query["fields"]) for task in found[(page - 1) * size : page * size]]
        return json_reply({"total_annotations": 0, "total_predictions": 0, "total": len(found), "tasks": tasks})

    def _touched(self, task: int) -> dict[str, Any]:
        self.tasks[task]["updated_at"] = self.now
        return self.tasks[task]

    def _next_id(self) -> int:
        with self._lock:
            self._last_id += 1
            return self._last_id

    def _time_text(self) -> str:
        return self.now.strftime(TIME_FORMAT)


@contextmanager
def hostile_label_studio() -> Iterator[HostileLabelStudio]:
    """A server of its own for a test, on a free port, which has an empty project and does nothing wrong yet."""
    label_studio = HostileLabelStudio()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = label_studio.reply(self.command, self.path, self.headers, body)
            if reply.wire is not None:
                self.wfile.write(reply.wire)
            if reply.hangs:
                label_studio.closing.wait()
            if reply.hangs or not reply.status:
                return
            self.send_response(reply.status)
            length = len(reply.body) if reply.length is None else reply.length
            headers = {"Content-Type": "application/json", "Content-Length": str(length), "Connection": "close"}
            for name, value in {**headers, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return label_studio.date_header()

        def log_message(self, *_: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that were killed are part of the tests."""

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        label_studio.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield label_studio
        finally:
            label_studio.closing.set()
            server.shutdown()
            thread.join()


def _kind(method: str, path: str, query: dict[str, str]) -> str:
    parts = path.strip("/").split("/")
    if parts == ["api", "tasks"]:
        return _kind_of_tasks(query)
    if method == "PATCH" and parts[:2] == ["api", "tasks"]:
        return "task"
    if parts[:2] == ["api", "projects"]:
        rest = "/".join(parts[3:])
        known = {"": "project", "import": "import", "import/predictions": "predictions", "imports": "imports"}
        known.update({"summary": "summary", "model-versions": "versions"})
        if len(parts) == 2:
            return "create"
        return "change" if method == "PATCH" else known.get(rest, "unknown")
    known = {"api/version": "version", "api/users": "users", "api/token/refresh": "token", "user/login": "login"}
    known.update({"api/current-user/whoami": "whoami", "feature-flags": "flags", "live-diff.js": "script"})
    known["api/ml"] = "connect" if method == "POST" else "backends"
    return known.get("/".join(parts), "unknown")


def _kind_of_tasks(query: dict[str, str]) -> str:
    asked, include = query.get("query", ""), query.get("include", "")
    if "draft_exists" in asked:
        return "drafts"
    if "predictions_model_versions" in asked:
        return "unpredicted"
    if '"equal", "type": "Number"' in asked:
        return "one"
    if "total_annotations" in include:
        return "counts"
    if include == "id,data":
        return "data"
    return "changed" if "updated_at" in asked else "tasks"
