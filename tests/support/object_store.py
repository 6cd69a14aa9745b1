"""A real S3 interface over HTTP on this machine: moto's server, with nobody's credentials."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

__all__ = ["Bucket", "ObjectStore", "run_object_store"]

_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_REGION = "us-east-1"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class ObjectStore:
    """A running server."""

    endpoint: str
    client: Any = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a person has in the environment so that their commands reach it: only what boto itself reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": _REGION,
            **{name.upper(): value for name, value in _CREDENTIALS.items()},
        }

    @property
    def target_storage(self) -> dict[str, str]:
        """What Label Studio is given to reach it."""
        return {"s3_endpoint": self.endpoint, "region_name": _REGION, **_CREDENTIALS}

    def new_bucket(self) -> Bucket:
        """An empty bucket."""
        name = f"bucket-{next(_NUMBERS)}"
        self.client.create_bucket(Bucket=name)
        return Bucket(name, self.client)


@dataclass(frozen=True)
class Bucket:
    """A bucket, without any of our own code."""

    name: str
    client: Any = field(repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"s3://{self.name}"

    def put(self, key: str, body: bytes) -> None:
        """Writes an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """The content of an object."""
        body: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def listed(self, prefix: str = "") -> list[str]:
        """The keys of the objects, in order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """The content of each object, by its key without the prefix."""
        return {key[len(prefix) :]: self.get(key) for key in self.listed(prefix)}


@contextmanager
def run_object_store() -> Iterator[ObjectStore]:
    """A server on a free port of 127.0.0.1, which ends with the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        yield ObjectStore(endpoint, boto3.client("s3", endpoint_url=endpoint, region_name=_REGION, **_CREDENTIALS))
    finally:
        server.stop()
