"""One real Label Studio and one real Chromium for all live tests. What is missing fails them; nothing is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ls_trajedit.local_label_studio import LocalLabelStudio, running_label_studio

# The strictest server there is: it refuses predictions that name a control which the project's config lacks.
VALIDATE_PREDICTIONS = {"fflag_feat_utc_210_prediction_validation_15082025": "true"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the live tests last: as long as Playwright runs, no other test of this process can use asyncio."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.is_relative_to(here))


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLabelStudio]:
    """A running Label Studio; its owner's token and login are in it. Each test makes projects of its own."""
    data_dir: Path = tmp_path_factory.mktemp("label-studio")
    with running_label_studio(data_dir, extra_env=VALIDATE_PREDICTIONS) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("the live tests need Chromium: install the package `chromium`, so that it is on PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of a fresh browser, logged in to `label_studio` as its owner; relative addresses lead there."""
    with browser.new_context(base_url=label_studio.url, viewport={"width": 1400, "height": 1000}) as context:
        opened = context.new_page()
        opened.goto("/user/login/")
        opened.fill("#email", label_studio.username)
        opened.fill("#password", label_studio.password)
        opened.click("#login-form button[type=submit]")
        opened.wait_for_url(lambda url: "/user/login" not in url)
        yield opened
