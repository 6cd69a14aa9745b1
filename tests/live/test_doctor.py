"""`doctor` on a real Label Studio: nothing to say of a healthy project, and the right word on each broken one."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ls_trajedit.cli import app
from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from tests.contract.conftest import HOSTS, StartHost

from .command_line import Person, write_traces
from .project_api import call, project_of, tasks

TRACES = [
    {"id": "one", "task": "Find it.", "steps": [{"action": "search(queyr)"}, {"action": "open(1)"}]},
    {"id": "two", "task": "Count it.", "steps": [{"action": "count()"}]},
]
LONG = {"id": "three", "task": "Go on.", "steps": [{"action": f"step({number})"} for number in range(5)]}
NO_EDITORS = '<View><Text name="t" value="$task"/><Choices name="c" toName="t"><Choice value="good"/></Choices></View>'
ONE_EDITOR = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'
PASSWORD = "a-password-for-this-test"


@pytest.fixture(scope="module")
def person(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Person:
    found = Person.at(tmp_path_factory.mktemp("shell"), label_studio)
    write_traces(found.folder / "traces.jsonl", TRACES)
    return found


def run(person: Person, *arguments: str | int | Path, status: int = 0, environment: Mapping[str, str] = {}) -> str:
    """What `ls-trajedit` prints in this process, which has to load the SDK only once; it must end with `status`."""
    clean = dict.fromkeys(("BASIC_AUTH_USER", "BASIC_AUTH_PASS"))
    known = {"LABEL_STUDIO_URL": person.url, "LABEL_STUDIO_API_KEY": person.token}
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={**clean, **known, **environment})
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    assert person.token not in done.output
    return done.stdout


def push(person: Person, *arguments: str | int | Path, environment: Mapping[str, str] = {}) -> int:
    """Pushes the traces with `arguments`; the project's id."""
    told = run(person, "push", person.folder / "traces.jsonl", *arguments, "--json", environment=environment)
    return int(json.loads(told)["project"])


def doctor(
    person: Person, project: int, *arguments: str, status: int = 0, environment: Mapping[str, str] = {}
) -> list[dict[str, Any]]:
    """The findings on the project; `doctor` must end with `status` and count them right."""
    command = ("doctor", "--project", project, "--json", *arguments)
    told = json.loads(run(person, *command, status=status, environment=environment))
    levels = [finding["level"] for finding in told["findings"]]
    assert (told["problems"], told["warnings"]) == (levels.count("problem"), levels.count("warning"))
    return list(told["findings"])


def amiss(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that are not ok."""
    return [finding for finding in findings if finding["level"] != "ok"]


def import_tasks(label_studio: LocalLabelStudio, project: int, *data: dict[str, Any]) -> None:
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": item} for item in data])


def make_project(label_studio: LocalLabelStudio, **fields: Any) -> int:
    made = call(label_studio, "POST", "/api/projects", json={"title": "Made by hand", **fields})
    return int(made["id"])


def test_a_healthy_project_is_all_ok_and_everything_checked_is_listed(person: Person, label_studio: Any) -> None:
    project = push(person, "--title", "Healthy")
    findings = doctor(person, project)
    assert amiss(findings) == []
    expected = [
        f"answers at {label_studio.url}",
        f"a legacy token of {label_studio.username}",
        f"project {project} is there: Healthy",
        "the pages come without the live diff",
        "editors for action (2 steps)",
        "the layout is unrolled",
        "every step of all 2 tasks",
        "no backend is connected",
        "every task has an imported prediction",
    ]
    assert len(findings) == len(expected)
    for finding, words in zip(findings, expected, strict=True):
        assert words in finding["text"]


def test_people_get_one_line_a_finding_with_the_advice_below(person: Person) -> None:
    project = push(person, "--title", "Unfilled", "--prefill", "none")
    lines = person.run("doctor", "--project", project).stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * 8 + ["warning", "Push"]
    assert lines[-3].startswith("warning  nothing prefills the editors")
    assert lines[-2].startswith(f"         Push the traces again (`ls-trajedit push FILE --project {project}`)")
    assert lines[-1] == "no problems, 1 warning"


def test_the_advice_for_tasks_without_predictions_helps(person: Person) -> None:
    project = push(person, "--title", "Filled later", "--prefill", "none")
    assert [finding["level"] for finding in amiss(doctor(person, project))] == ["warning"]
    push(person, "--project", project)
    assert amiss(doctor(person, project)) == []


def test_a_wrong_token(person: Person) -> None:
    [wrong] = amiss(doctor(replace(person, token="f" * 40), 1, status=3))
    assert "does not accept the token (401)" in wrong["text"]


def test_no_token_still_finds_the_server(person: Person) -> None:
    server, missing = doctor(person, 1, status=3, environment={"LABEL_STUDIO_API_KEY": ""})
    assert server["level"] == "ok"
    assert missing["text"].startswith("no token")


def test_a_dead_server(person: Person) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        [dead] = doctor(replace(person, url=url), 1, status=3)
    assert dead["level"] == "problem"
    assert dead["text"] == f"{url}: nothing listens there; is Label Studio running, and is the address right?"


def test_a_missing_project(person: Person) -> None:
    [missing] = amiss(doctor(person, 999_999, status=3))
    assert "there is no project 999999 for this token" in missing["text"]
    assert "/projects/NUMBER/" in missing["advice"]


def test_a_config_without_editors_does_not_keep_the_rest_from_being_checked(
    person: Person, label_studio: LocalLabelStudio
) -> None:
    project = make_project(label_studio, label_config=NO_EDITORS)
    import_tasks(label_studio, project, {"task": "Find it."})
    findings = doctor(person, project, status=3)
    problem, warning = amiss(findings)
    assert (problem["level"], warning["level"]) == ("problem", "warning")
    assert "no TextArea that corrects a field" in problem["text"]
    assert f"push FILE --project {project}" in problem["advice"]
    assert "nothing prefills the editors" in warning["text"]


def test_a_task_longer_than_the_config_is_named_and_the_advice_helps(
    person: Person, label_studio: LocalLabelStudio
) -> None:
    project = push(person, "--title", "Too long")
    import_tasks(label_studio, project, LONG)
    number = tasks(label_studio, project)[-1]["id"]
    long, unfilled = amiss(doctor(person, project, status=3))
    assert long["level"] == "problem"
    assert long["text"].startswith("1 of 3 tasks have more steps than the labeling config shows (5 against 2)")
    assert long["text"].endswith(f"task {number}")
    assert unfilled["text"].startswith("1 of 3 tasks have no prediction")
    push(person, "--project", project)
    assert amiss(doctor(person, project)) == []


def test_tasks_that_hold_no_trace_are_named(person: Person, label_studio: LocalLabelStudio) -> None:
    project = make_project(label_studio)
    import_tasks(label_studio, project, {"steps": [{"action": "look"}]}, {"text": "no steps"}, {"steps": [{"a": "b"}]})
    call(label_studio, "PATCH", f"/api/projects/{project}", json={"label_config": ONE_EDITOR})
    _, without_steps, without_fields = (task["id"] for task in tasks(label_studio, project))
    found = [finding["text"] for finding in amiss(doctor(person, project, status=3)) if finding["level"] == "problem"]
    assert len(found) == 2
    assert "no list `steps`" in found[0]
    assert f"(task {without_steps})" in found[0]
    assert "nothing that an editor corrects (action)" in found[1]
    assert found[1].endswith(f"task {without_fields}")


def test_pre_annotations_switched_off(person: Person, label_studio: LocalLabelStudio) -> None:
    project = push(person, "--title", "Switched off")
    version = project_of(label_studio, project)["model_version"]
    call(label_studio, "PATCH", f"/api/projects/{project}", json={"show_collab_predictions": False})
    [off] = amiss(doctor(person, project, status=3))
    assert off["level"] == "problem"
    assert off["text"].startswith("pre-annotations are switched off")
    assert f"choose `{version}`" in off["advice"]


def test_a_repeater_where_predictions_are_validated(
    person: Person, label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    (tmp_path / "trajedit.yaml").write_text("layout: repeater\n")
    options = ("--options", tmp_path / "trajedit.yaml", "--prefill", "none")
    project = push(person, "--title", "Repeater", *options)
    unknown = amiss(doctor(person, project))[0]
    assert unknown["level"] == "warning"
    assert "personal access token" in unknown["advice"]
    personal = call(label_studio, "POST", "/api/token/")["token"]
    findings = doctor(replace(person, token=personal), project, status=3)
    assert "a personal access token of" in findings[1]["text"]
    known = amiss(findings)[0]
    assert known["level"] == "problem"
    assert "this server validates predictions" in known["text"]


def test_a_backend_that_goes_away(person: Person, start_host: StartHost) -> None:
    host = start_host(HOSTS[0])
    project = push(person, "--title", "With a backend", "--backend", host.url)
    given = ("--backend", host.url)
    findings = doctor(person, project, *given)
    assert amiss(findings) == []
    assert findings[-2]["text"] == f"Label Studio reaches the backend {host.url}, and so does this machine"
    assert findings[-1]["text"].startswith("pre-annotations are on, and come from the backend")
    host.stop()
    [unasked] = amiss(doctor(person, project, status=3))
    assert unasked["text"] == f"Label Studio does not reach the backend {host.url}, so nothing is prefilled"
    assert "give --backend with that address" in unasked["advice"]
    [gone] = amiss(doctor(person, project, *given, status=3))
    assert gone["level"] == "problem"
    assert f"Label Studio does not reach the backend {host.url}" in gone["text"]
    assert "refuses the connection: nothing listens there" in gone["text"]
    assert f"`ls-trajedit serve --port {host.url.rpartition(':')[2]}`" in gone["advice"]


def test_a_backend_with_a_password(person: Person, start_host: StartHost) -> None:
    right = {"BASIC_AUTH_USER": "labelstudio", "BASIC_AUTH_PASS": PASSWORD}
    wrong = {**right, "BASIC_AUTH_PASS": "another"}
    host = start_host(HOSTS[0], **right)
    connection = ("--backend", host.url, "--backend-user", "labelstudio")
    project = push(person, "--title", "With a password", *connection, environment={"BASIC_AUTH_PASS": PASSWORD})
    given = ("--backend", host.url)
    assert amiss(doctor(person, project, *given, environment=right)) == []
    assert amiss(doctor(person, project, environment=wrong)) == []  # nothing is sent there
    untried = doctor(person, project, *given)
    assert amiss(untried) == []
    assert "it was probed without" in untried[-2]["text"]
    [other] = amiss(doctor(person, project, *given, environment=wrong))
    assert other["level"] == "warning"
    assert "refuses this user and password (401)" in other["text"]
    assert PASSWORD not in f"{other}"


def test_a_backend_that_refuses_the_config_says_why(
    person: Person, label_studio: LocalLabelStudio, start_host: StartHost
) -> None:
    host = start_host(HOSTS[0])
    project = push(person, "--title", "Refused", "--backend", host.url)
    call(label_studio, "PATCH", f"/api/projects/{project}", json={"label_config": NO_EDITORS})
    config, backend = amiss(doctor(person, project, status=3))
    assert "no TextArea that corrects a field" in config["text"]
    assert backend["text"].startswith(f"the backend {host.url} is up and refuses the project: the labeling config has")
