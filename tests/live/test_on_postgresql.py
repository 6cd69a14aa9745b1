"""Label Studio on PostgreSQL: the tests of push, pull and backend that could go differently there.

PostgreSQL keeps task data as jsonb, which forgets the order of keys and how numbers were written, and its transactions
overlap. The tests that are imported run on this Label Studio, because its fixtures have the names that they ask for.
"""

from __future__ import annotations

import pytest

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from .databases import Database, PostgresqlServer
from .test_incremental_pull import (
    person,
    project,
    proxy,
    test_annotations_that_move_when_duplicate_tasks_are_merged_are_not_lost,
)

__all__ = [
    "person",
    "project",
    "proxy",
    "test_annotations_that_move_when_duplicate_tasks_are_merged_are_not_lost",
]


@pytest.fixture(scope="session")
def label_studio(label_studio_on_postgresql: LocalLabelStudio) -> LocalLabelStudio:
    return label_studio_on_postgresql


@pytest.fixture(scope="session")
def database(postgresql: PostgresqlServer) -> Database:
    return postgresql
