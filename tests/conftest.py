"""Hypothesis for all tests: no deadlines, 60 examples, in CI the same ones every time; `make quick` takes fewer. And no
test redacts the secrets of another one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from ls_trajedit import redaction

if TYPE_CHECKING:
    from tests.support.object_store import ObjectStore

settings.register_profile("here", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.register_profile("quick", settings.get_profile("here"), max_examples=20)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command keeps as a secret ends with its process, and here with the test."""
    monkeypatch.setattr(redaction, "_kept", {})


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """A running S3. Each test makes a bucket of its own."""
    # moto and boto take a second to import, which most tests do without.
    from tests.support.object_store import run_object_store

    with run_object_store() as running:
        yield running
