"""The three ways in which the live diff gets into Label Studio's page, each as its documentation says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, Page, expect

from ls_trajedit import __version__
from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from tests.contract.conftest import HOSTS, StartHost
from tests.docs.pages import blocks

from .command_line import Person, write_traces
from .conftest import logged_in
from .editor_page import correct, open_task
from .live_diff_page import changes, counts, diff_shown
from .nginx_proxy import running_proxy
from .project_api import tasks
from .test_demo import started_demo

ACTION = "step_0__action__corrected"
ORIGINAL = "web_search(queyr='SF weather')"
TRACE = {"id": "traj_001", "task": "Look.", "steps": [{"action": ORIGINAL}]}


def pushed(label_studio: LocalLabelStudio, folder: Path) -> tuple[Person, int, int]:
    """A person at a shell, and the numbers of a project and its task."""
    person = Person.at(folder, label_studio)
    project = person.push(write_traces(folder / "traces.jsonl", [TRACE]), "--title", "Ways in")
    return person, project, tasks(label_studio, project)[0]["id"]


def nginx_block(title: str) -> str:
    """The locations that docs/live-diff.md gives under that title."""
    (found,) = (block for block in blocks("nginx") if block.page == "docs/live-diff.md" and block.title == title)
    return found.text


def check_it_works(page: Page, project: int, task: int) -> None:
    """The page shows what is typed; of the script itself there is one."""
    open_task(page, project, task)
    expect(changes(page, ACTION)).to_have_count(0)
    correct(page, ACTION, "queyr", "query")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    assert diff_shown(page, ACTION) == "web_search(que[-yr-]{+ry+}='SF weather')"
    assert page.evaluate("document.documentElement.dataset.trajeditLiveDiff") == __version__


def doctor_says(person: Person, project: int, *arguments: str) -> str:
    """What doctor says of the live diff."""
    findings = person.run("doctor", "--project", project, "--json", *arguments).json["findings"]
    (found,) = (finding["text"] for finding in findings if "live diff" in finding["text"])
    return str(found)


def test_nginx_as_documented_before_a_label_studio_that_enforces_its_policy(
    browser: Browser, migrated_folder: Path, start_host: StartHost, tmp_path: Path
) -> None:
    # The backend wants a password; a browser that loads the script has none.
    backend = start_host(HOSTS[0], BASIC_AUTH_USER="a", BASIC_AUTH_PASS="b")
    with run_label_studio(migrated_folder, extra_env={"LS_CSP_REPORT_ONLY": "false"}) as label_studio:
        person, project, task = pushed(label_studio, tmp_path)
        locations = nginx_block("").replace("http://127.0.0.1:9090", backend.url)
        locations = locations.replace("http://127.0.0.1:8080", label_studio.url)
        assert backend.url in locations
        assert label_studio.url in locations
        (tmp_path / "nginx").mkdir()
        with running_proxy(tmp_path / "nginx", locations) as url:
            policy = requests.get(f"{url}/user/login/", timeout=30).headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            with logged_in(browser, url, label_studio.username, label_studio.password) as page:
                refused: list[str] = []
                page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
                check_it_works(page, project, task)
                expect(changes(page, ACTION).locator("ins")).to_have_css("text-decoration-line", "underline")
                assert [text for text in refused if "live-diff" in text] == []
            assert doctor_says(person, project, "--url", url) == f"the pages come with the live diff ({__version__})"
            backend.stop()
            assert "it is not there" in doctor_says(person, project, "--url", url)


def test_nginx_with_the_script_as_a_file(browser: Browser, label_studio: LocalLabelStudio, tmp_path: Path) -> None:
    person, project, task = pushed(label_studio, tmp_path)
    person.run("live-diff", "-o", tmp_path / "live-diff.js")
    proxied = nginx_block("").partition("location / {")[2].replace("http://127.0.0.1:8080", label_studio.url)
    locations = nginx_block("file").replace("/var/www", str(tmp_path)) + "location / {" + proxied
    (tmp_path / "nginx").mkdir()
    with running_proxy(tmp_path / "nginx", locations) as url:
        with logged_in(browser, url, label_studio.username, label_studio.password) as page:
            check_it_works(page, project, task)
        older = (tmp_path / "live-diff.js").read_text().replace(f"live diff {__version__}", "live diff 0.0.1")
        (tmp_path / "live-diff.js").write_text(older)
        assert f"the live diff 0.0.1; this is ls-trajedit {__version__}" in doctor_says(person, project, "--url", url)
    assert doctor_says(person, project).startswith("the pages come without the live diff")


@contextmanager
def browser_with_user_script(browser: Browser, folder: Path, script: str) -> Iterator[Page]:
    """A Chromium that runs `script` where its `@match` says, in the page itself (`@grant none`), once the page is
    there: what a user-script manager does."""
    (match,) = re.findall(r"^// @match +(\S+)$", script, re.MULTILINE)
    content = {"matches": [match], "js": ["script.js"], "run_at": "document_idle", "world": "MAIN"}
    manifest = {"manifest_version": 3, "name": "User scripts", "version": "1", "content_scripts": [content]}
    (folder / "extension").mkdir()
    (folder / "extension" / "manifest.json").write_text(json.dumps(manifest))
    (folder / "extension" / "script.js").write_text(script, encoding="utf-8")
    executable = shutil.which("chromium")
    context = browser.browser_type.launch_persistent_context(
        str(folder / "profile"),
        executable_path=executable,
        headless=False,
        args=[
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
            f"--disable-extensions-except={folder / 'extension'}",
            f"--load-extension={folder / 'extension'}",
        ],
        viewport={"width": 1400, "height": 1000},
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def log_in(page: Page, label_studio: LocalLabelStudio) -> None:
    page.goto(f"{label_studio.url}/user/login/")
    page.fill("#email", label_studio.username)
    page.fill("#password", label_studio.password)
    page.click("#login-form button[type=submit]")
    page.wait_for_url(lambda address: "/user/login" not in address)


def test_a_user_script_from_the_backend(
    browser: Browser, label_studio: LocalLabelStudio, start_host: StartHost, tmp_path: Path
) -> None:
    _, project, task = pushed(label_studio, tmp_path)
    backend = start_host(HOSTS[0], "--label-studio-url", label_studio.url)
    script = backend.get("/live-diff.user.js").text
    older = script.replace(f'const VERSION = "{__version__}"', 'const VERSION = "0.0.9"')
    with browser_with_user_script(browser, tmp_path, older) as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        with page.expect_console_message(lambda message: "the backend's is" in message.text) as told:
            log_in(page, label_studio)
        assert told.value.text == (
            f"ls-trajedit live diff: this is 0.0.9, the backend's is {__version__}; "
            f"get the new one: {backend.url}/live-diff.user.js"
        )
        page.goto(f"{label_studio.url}/projects/{project}/data?task={task}")
        expect(page.locator(f'textarea[name^="{ACTION}:"]')).to_have_value(ORIGINAL, timeout=60_000)
        correct(page, ACTION, "queyr", "query")
        expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
        page.goto(backend.url)
        assert page.evaluate("document.documentElement.dataset.trajeditLiveDiff") is None


def test_the_demo_has_it_on(browser: Browser, tmp_path: Path) -> None:
    with started_demo(tmp_path, "--keep") as demo:
        demo.wait_for("Ctrl-C stops both.")
        told = "".join(demo.lines)
        (address,) = re.findall(r"Label Studio: +(\S+)", told)
        (login,) = re.findall(r"login: +(\S+)", told)
        (password,) = re.findall(r"password: +(\S+)", told)
        parts = urlsplit(address)
        project = int(parts.path.strip("/").split("/")[1])
        url = f"{parts.scheme}://{parts.netloc}"
        with logged_in(browser, url, login, password) as page:
            page.goto(f"/projects/{project}/data?labeling=1")
            box = page.locator(f'textarea[name^="{ACTION}:"]')
            expect(box).to_be_visible(timeout=60_000)
            box.click()
            page.keyboard.press("End")
            page.keyboard.type(" more")
            expect(changes(page, ACTION).locator("ins")).to_have_text([re.compile("more")])
            # What is typed and submitted gets through the demo's proxy.
            with page.expect_response(lambda r: r.request.method == "POST" and "/annotations" in r.url) as saved:
                page.get_by_test_id("bottombar-submit-button").click()
            assert saved.value.ok
