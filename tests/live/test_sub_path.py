"""A Label Studio that shares a host with others: `LABEL_STUDIO_HOST=http://host/labeling`, behind an nginx that takes
the path off, as docs/live-diff.md says, and with its Content-Security-Policy enforced."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect
from starlette.types import ASGIApp

from ls_trajedit import __version__
from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.live_diff.proxy import live_diff_proxy
from tests.contract.conftest import HOSTS, StartHost

from .command_line import Person, read_json, read_lines, write_traces
from .conftest import START_SECONDS, copied_database, logged_in
from .editor_page import correct
from .live_diff_page import changes, counts, diff_shown
from .nginx_proxy import running_proxy
from .project_api import annotate, call, tasks, text_result
from .test_live_diff_ways import nginx_block

ORIGINAL, ACTION = "step_0__action", "step_0__action__corrected"
TRACES = [
    {"id": f"t{number:03}", "task": "Look.", "steps": [{"action": f"web_search(queyr='{number}')"}]}
    for number in range(130)
]


@pytest.fixture(scope="module")
def at_path(
    label_studio: LocalLabelStudio,
    label_studio_folder: Path,
    start_shared_host: StartHost,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalLabelStudio]:
    """A Label Studio whose address has a path."""
    backend = start_shared_host(HOSTS[0])
    folder = tmp_path_factory.mktemp("sub-path")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    locations = nginx_block("path").replace("http://127.0.0.1:9090", backend.url)
    locations = locations.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{port}")
    assert backend.url in locations
    assert f":{port}/" in locations
    with running_proxy(folder, locations) as host:
        settings = {"LABEL_STUDIO_HOST": f"{host}/labeling", "LS_CSP_REPORT_ONLY": "false"}
        database = copied_database(label_studio_folder, folder / "label-studio")
        with run_label_studio(database, port=port, extra_env=settings, start_seconds=START_SECONDS) as running:
            yield dataclasses.replace(running, url=f"{host}/labeling")


@pytest.fixture(scope="module")
def person(at_path: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person.at(tmp_path_factory.mktemp("shell"), at_path)


@pytest.fixture(scope="module")
def project(at_path: LocalLabelStudio, person: Person) -> int:
    """A project of more tasks than one page has."""
    pushed = person.run(
        "push", write_traces(person.folder / "traces.jsonl", TRACES), "--title", "Under a path", "--json"
    )
    number = pushed.json["project"]
    assert pushed.json["url"] == f"{at_path.url}/projects/{number}/"
    assert requests.get(pushed.json["url"], timeout=30).status_code == 200
    assert isinstance(number, int)
    return number


def test_pull_then_pull_what_changed(at_path: LocalLabelStudio, person: Person, project: int) -> None:
    first, second, *_, last = tasks(at_path, project)
    annotate(at_path, first["id"], [text_result(ACTION, ORIGINAL, "web_search(query='0')")])
    annotate(at_path, last["id"], [text_result(ACTION, ORIGINAL, "web_search(query='129')")])
    person.run("pull", "--project", project)
    rows = read_lines(person.folder / "data" / "trajectory_dpo.jsonl")
    assert [row["trace_id"] for row in rows] == ["t000", "t129"]
    assert read_json(person.folder / "data" / "manifest.json")["host"] == at_path.url

    annotate(at_path, second["id"], [text_result(ACTION, ORIGINAL, "web_search(query='1')")])
    # With a slash at the end it is the same server, of which the folder has the tasks already.
    person.run("pull", "--project", project, "--url", f"{at_path.url}/")
    rows = read_lines(person.folder / "data" / "trajectory_dpo.jsonl")
    assert [row["trace_id"] for row in rows] == ["t000", "t001", "t129"]
    again = person.run("push", "traces.jsonl", "--project", project, "--url", f"{at_path.url}/", "--json").json
    assert (again["imported"], again["url"]) == (0, f"{at_path.url}/projects/{project}/")


@pytest.mark.parametrize("end", ["", "/"])
def test_doctor_finds_nothing_wrong_and_the_live_diff(
    at_path: LocalLabelStudio, person: Person, project: int, end: str
) -> None:
    found = person.run("doctor", "--project", project, "--url", f"{at_path.url}{end}", "--json").json["findings"]
    texts = [finding["text"] for finding in found]
    assert f"the pages come with the live diff ({__version__})" in texts
    assert any(text.endswith(f"answers at {at_path.url}") for text in texts)
    assert not any("redirects" in text for text in texts)


def test_the_link_of_the_report_opens_the_task_with_the_live_diff_in_it(
    browser: Browser, at_path: LocalLabelStudio, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, at_path)
    project = person.push(write_traces(tmp_path / "traces.jsonl", TRACES[:1]), "--title", "Report under a path")
    (task,) = tasks(at_path, project)
    made = annotate(at_path, task["id"], [text_result(ACTION, ORIGINAL, "web_search(qeury='0')")])
    person.run("pull", "--project", project, "--report")
    with logged_in(browser, at_path.url, at_path.username, at_path.password) as page:
        page.goto((tmp_path / "data" / "report.html").as_uri() + f"#correction={made['id']}.1.action")
        link = page.locator(".correction.target").get_by_role("link", name="Open t000 in Label Studio")
        address = str(link.get_attribute("href"))
        assert address.startswith(f"{at_path.url}/projects/{project}/data?task={task['id']}")

        refused: list[str] = []
        page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(address)
        box = page.locator(f'textarea[name^="{ACTION}:"]')
        expect(box).to_have_value("web_search(qeury='0')", timeout=60_000)
        assert page.evaluate("document.documentElement.dataset.trajeditLiveDiff") == __version__
        correct(page, ACTION, "qeury", "query")
        expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
        assert diff_shown(page, ACTION) == "web_search(que[-yr-]{+ry+}='0')"
        expect(changes(page, ACTION).locator("ins")).to_have_css("text-decoration-line", "underline")
        assert [text for text in refused if "live-diff" in text] == []
        with page.expect_response(lambda response: response.request.method == "PATCH") as saved:
            page.get_by_test_id("bottombar-update-button").click()
        assert saved.value.url.startswith(f"{at_path.url}/api/annotations/")

    person.run("pull", "--project", project)
    (row,) = read_lines(tmp_path / "data" / "trajectory_dpo.jsonl")
    assert row["chosen"]["steps"] == [{"action": "web_search(query='0')"}]


def test_a_personal_token_is_exchanged_under_the_path(at_path: LocalLabelStudio, project: int, tmp_path: Path) -> None:
    call(at_path, "POST", "/api/jwt/settings", json={"api_tokens_enabled": True, "legacy_api_tokens_enabled": True})
    token = call(at_path, "POST", "/api/token/")["token"]
    holder = Person(tmp_path, at_path.url, token)
    holder.run("pull", "--project", project, "-o", "pulled")
    assert (tmp_path / "pulled" / "manifest.json").exists()

    head, claims, signature = token.split(".")
    forger = Person(tmp_path, f"{at_path.url}/", f"{head}.{claims}.{signature[::-1]}")
    refused = forger.run("pull", "--project", project, "-o", "refused", status=3).stderr
    assert f"{at_path.url}: Label Studio does not accept the token (401)" in refused


def test_an_address_without_its_path_is_told_apart(at_path: LocalLabelStudio, project: int, person: Person) -> None:
    host = at_path.url.removesuffix("/labeling")
    for command in (("pull", "--project", project, "-o", "nothing"), ("push", "traces.jsonl", "--project", project)):
        refused = person.run(*command, "--url", host, status=4).stderr
        assert f"{host}: no Label Studio is there (404); is the address right?" in refused


def test_the_proxy_of_the_demo_keeps_the_path(at_path: LocalLabelStudio, serve_here: Callable[[ASGIApp], str]) -> None:
    proxy = serve_here(live_diff_proxy(at_path.url))
    page = requests.get(f"{proxy}/labeling/user/login/", timeout=30)
    assert page.status_code == 200
    assert '<script src="/live-diff.js" defer></script></head>' in page.text
