"""An object storage that speaks S3 over HTTP and fails on cue: moto's server, in this process."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

__all__ = ["SECRET", "FaultyStorage", "Refusal", "reach_storage", "run_faulty_storage"]

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
_ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Refusal:
    """An answer that the storage gives in place of what it was asked for; none at all for the status 0, but the end of
    the connection."""

    status: int
    code: str


Interference = Callable[[str], Refusal | None]


@dataclass
class FaultyStorage:
    """The server at `url`. `requests` are those that it got, each as its method, a space, and the path with the query;
    a copy inside the storage has the method COPY. `before` is called with each and may refuse it, `after` when it is
    done and not yet answered."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    before: Interference | None = None
    after: Callable[[str], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add_bucket(self, name: str) -> None:
        """An empty bucket, in place of any of that name."""
        from moto.s3.models import s3_backends

        buckets = s3_backends[_ACCOUNT]["aws"].buckets
        if name in buckets:
            buckets[name].keys.clear()
        else:
            s3_backends[_ACCOUNT]["aws"].create_bucket(name, "us-east-1")

    def remove_bucket(self, name: str) -> None:
        """Takes the bucket away, with all that is in it."""
        from moto.s3.models import s3_backends

        s3_backends[_ACCOUNT]["aws"].buckets.pop(name, None)

    def objects(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """What there is, by the rest of its key."""
        from moto.s3.models import s3_backends

        keys = dict(s3_backends[_ACCOUNT]["aws"].buckets[bucket].keys.items())
        return {name.removeprefix(prefix): key.value for name, key in keys.items() if name.startswith(prefix)}

    def put(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Puts objects there, by their keys."""
        from moto.s3.models import s3_backends

        for name, content in objects.items():
            s3_backends[_ACCOUNT]["aws"].put_object(bucket, name, content)

    def remove(self, bucket: str, name: str) -> None:
        """Takes an object away."""
        from moto.s3.models import s3_backends

        s3_backends[_ACCOUNT]["aws"].buckets[bucket].keys.pop(name)

    def set(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Has these objects there, and no others."""
        self.add_bucket(bucket)
        self.put(bucket, objects)

    @contextmanager
    def interfering(self, before: Interference) -> Iterator[None]:
        """Calls `before` with each request in the block."""
        self.before = before
        try:
            yield
        finally:
            self.before = None

    def writes(self) -> list[str]:
        """The requests so far that were to change something."""
        return [request for request in self.requests if not re.match("GET |HEAD ", request)]

    def answer(self, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        """What the server does with a request, as WSGI calls it."""
        method = "COPY" if "HTTP_X_AMZ_COPY_SOURCE" in environ else environ["REQUEST_METHOD"]
        query = environ.get("QUERY_STRING")
        request = f"{method} {environ['PATH_INFO']}{f'?{query}' if query else ''}"
        self.requests.append(request)
        refusal = self.before(request) if self.before else None
        if refusal is not None:
            return _refused(refusal, environ, start_response)
        body = list(app(environ, start_response))
        if self.after:
            self.after(request)
        return body


def _refused(refusal: Refusal, environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if not refusal.status:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response(f"{refusal.status or 500} No", [("Content-Type", "application/xml")])
    body = f"<Error><Code>{refusal.code}</Code><Message>{refusal.code} was the answer</Message></Error>"
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]


@contextmanager
def run_faulty_storage() -> Iterator[FaultyStorage]:
    """A storage without buckets, on a free port of 127.0.0.1."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    storage = FaultyStorage()
    moto = DomainDispatcherApplication(create_backend_app)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return storage.answer(moto, environ, start_response)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    storage.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def reach_storage(storage: FaultyStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has this process, and those that it starts, reach `storage` at addresses that begin with `s3://`, with
    little patience."""
    from fsspec.config import conf
    from s3fs import S3FileSystem

    # What is left are the tries of s3fs itself.
    monkeypatch.setitem(conf, "s3", {"config_kwargs": {"retries": {"max_attempts": 0}}})
    for name, value in {
        "AWS_ENDPOINT_URL": storage.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    storage.requests.clear()
    storage.before = storage.after = None
    try:
        yield
    finally:
        storage.before = storage.after = None
        S3FileSystem.clear_instance_cache()
