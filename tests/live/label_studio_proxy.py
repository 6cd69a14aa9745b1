"""A way to Label Studio that notes what is asked, and at which anything can happen before an answer is fetched."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

__all__ = ["LabelStudioProxy", "proxy_to"]


class LabelStudioProxy:
    """`requests` are the paths that were asked for, `tasks_read` the ids of the tasks that came back with their data.
    `on_request` is called with each path; when it raises ConnectionError, there is no answer."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []
        self.tasks_read: list[int] = []
        self.on_request: Callable[[str], None] = lambda path: None

    def forget(self) -> None:
        """Starts counting anew."""
        self.requests.clear()
        self.tasks_read.clear()


@contextmanager
def proxy_to(label_studio: LocalLabelStudio) -> Iterator[LabelStudioProxy]:
    """A proxy on a free port."""
    proxy = LabelStudioProxy()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Whoever asked may have been killed meanwhile.
            with suppress(ConnectionError):
                proxy.requests.append(self.path)
                proxy.on_request(self.path)
                self._pass_on()

        def _pass_on(self) -> None:
            headers = {"Authorization": self.headers["Authorization"]}
            answer = requests.get(label_studio.url + self.path, headers=headers, timeout=60)
            if self.path.startswith("/api/tasks/"):
                proxy.tasks_read.extend(task["id"] for task in json.loads(answer.content)["tasks"] if "data" in task)
            # send_response would add a date of its own, and the date is the cursor.
            self.send_response_only(answer.status_code)
            for name in ("Content-Type", "Date"):
                self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
