"""One real Label Studio and one real Chromium for all live tests, another Label Studio on PostgreSQL and a real Firefox
for some of them. What is missing fails them; nothing is skipped."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from tests.contract.conftest import label_studio_ml_python, serve_here, start_host, start_shared_host

from .databases import Database, PostgresqlServer, SqliteDatabase, run_postgresql
from .firefox import running_firefox

__all__ = [
    "copied_database",
    "label_studio_ml_python",
    "logged_in",
    "serve_here",
    "start_host",
    "start_shared_host",
]

_SQLITE_FILE = "label_studio.sqlite3"

# On a busy machine, the migrations of an empty database take several minutes.
START_SECONDS = 600
# The strictest server there is: it refuses predictions that name a control which the project's config lacks.
VALIDATE_PREDICTIONS = {"fflag_feat_utc_210_prediction_validation_15082025": "true"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the live tests last: as long as Playwright runs, no other test of this process can use asyncio."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.is_relative_to(here))


@pytest.fixture(scope="session")
def label_studio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `label_studio` keeps its database."""
    return tmp_path_factory.mktemp("label-studio")


@pytest.fixture(scope="session")
def label_studio(label_studio_folder: Path) -> Iterator[LocalLabelStudio]:
    """A running Label Studio; its owner's token and login are in it. Each test makes projects of its own."""
    environment = VALIDATE_PREDICTIONS
    with run_label_studio(label_studio_folder, extra_env=environment, start_seconds=START_SECONDS) as running:
        yield running


@pytest.fixture(scope="session")
def database(label_studio_folder: Path) -> Database:
    """The database of `label_studio`."""
    return SqliteDatabase(label_studio_folder / _SQLITE_FILE)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A running PostgreSQL, the database of `label_studio_on_postgresql`."""
    with run_postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def label_studio_on_postgresql(
    postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalLabelStudio]:
    """A running Label Studio that keeps its projects in PostgreSQL, as its makers recommend for production. It starts
    with the first test that asks for it."""
    folder = tmp_path_factory.mktemp("label-studio-on-postgresql")
    environment = {**VALIDATE_PREDICTIONS, **postgresql.environment}
    with run_label_studio(folder, extra_env=environment, start_seconds=START_SECONDS) as running:
        yield running


@pytest.fixture
def migrated_folder(label_studio: LocalLabelStudio, label_studio_folder: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the database of `label_studio`. Another Label Studio is up on it in a few seconds, and
    not only when it has made half a minute's worth of migrations."""
    return copied_database(label_studio_folder, tmp_path / "label-studio")


def copied_database(label_studio_folder: Path, folder: Path) -> Path:
    """`folder`, made, with a copy of the database in `label_studio_folder`."""
    folder.mkdir()
    with (
        closing(sqlite3.connect(label_studio_folder / _SQLITE_FILE)) as original,
        closing(sqlite3.connect(folder / _SQLITE_FILE)) as copy,
    ):
        original.backup(copy)
    return folder


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers; there can be only one in a process."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("the live tests need Chromium: install the package `chromium`, so that it is on PATH")
    launched = playwright.chromium.launch(
        executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def firefox(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_firefox(playwright, tmp_path_factory.mktemp("firefox")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of a fresh browser, logged in to `label_studio` as its owner; relative addresses lead there."""
    with logged_in(browser, label_studio.url, label_studio.username, label_studio.password) as opened:
        yield opened


@contextmanager
def logged_in(browser: Browser, url: str, username: str, password: str) -> Iterator[Page]:
    """A page of a fresh browser, logged in to the Label Studio at `url`; relative addresses lead there."""
    # The slash is for a Label Studio under a path: without it, a relative address would begin at the host.
    with browser.new_context(base_url=f"{url}/", viewport={"width": 1400, "height": 1000}) as context:
        opened = context.new_page()
        opened.goto("user/login/")
        opened.fill("#email", username)
        opened.fill("#password", password)
        opened.click("#login-form button[type=submit]")
        opened.wait_for_url(lambda address: "/user/login" not in address)
        yield opened
