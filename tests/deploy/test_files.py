"""Every command line, option, variable, port, version and time in `deploy/` is one that there is."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest

from ls_trajedit import __version__
from ls_trajedit.backend.openapi import openapi_document
from ls_trajedit.backend.server import _SECONDS_TO_FINISH
from ls_trajedit.cli import app

from ..docs.pages import ROOT, Block, blocks, read_page, table_rows
from .deploy_files import (
    DEPLOY,
    MANIFESTS,
    commands,
    compose_service,
    container_of,
    deploy_files,
    dockerfile_instructions,
    documents,
    pod_of,
    unit,
)

PAGE = "docs/deploy.md"
ANYBODY = 65532


def environment_file(title: str) -> dict[str, str]:
    """The variables of a file that the page shows, as systemd, Docker and kubectl read them."""
    (block,) = [block for block in blocks("ini") if (block.page, block.title) == (PAGE, title)]
    return dict(line.split("=", 1) for line in block.text.splitlines())


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("place", commands())
def test_a_command_line_is_one_that_we_take(place: str) -> None:
    name, *arguments = commands()[place]
    command = app.get_command(None, name)
    assert command is not None
    # Parses the words and runs nothing; an unknown option, or a wrong value, raises.
    command.make_context(name, list(arguments))


def test_the_variables_are_those_that_the_commands_read() -> None:
    readers = {row[0].strip("`"): row[1] for row in table_rows("docs/commands.md", "Environment variables")}
    assert all("`serve`" in readers[name] for name in environment_file("backend.env"))
    assert all("`pull`" in readers[name] for name in environment_file("pull.env"))
    for name in deploy_files():
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"\b(?:BASIC_AUTH|LABEL_STUDIO|LS_TRAJEDIT)_\w+", text))
        assert named <= {*environment_file("backend.env"), *environment_file("pull.env")}, name


def test_no_secret_is_an_argument() -> None:
    for place, words in commands().items():
        assert not {"--api-key", "--backend-password", "--header"} & set(words), place


def test_who_reads_a_secret_names_the_file_or_the_secret_that_the_page_makes() -> None:
    page = read_page(PAGE)
    for service, name in (("ls-trajedit@.service", "backend.env"), ("ls-trajedit-pull@.service", "pull.env")):
        assert unit(service)["Service"]["EnvironmentFile"] == [f"/etc/ls-trajedit/{name}"]
        assert f"install -m 600 {name} /etc/ls-trajedit/{name}" in page
    assert compose_service()["env_file"] == "backend.env"
    for manifest, name in zip(MANIFESTS, ("backend.env", "pull.env"), strict=True):
        (source,) = container_of(manifest)["envFrom"]
        assert f"kubectl create secret generic {source['secretRef']['name']} --from-env-file={name}" in page


def test_the_image_is_of_this_version() -> None:
    named = [
        tag
        for name in [*deploy_files(), PAGE]
        for tag in re.findall(r"registry\.example\.org/ls-trajedit:(\S+)", (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert len(named) >= 5
    assert set(named) == {__version__}


def test_the_image_is_made_of_what_is_installed_and_nothing_else() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    folders = {line.split(" = ")[1] for line in setup["options"]["package_dir"].split("\n") if line}
    copied = {
        word.rstrip("/")
        for name, rest in dockerfile_instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert copied == folders | {"locks", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in copied)
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line for line in lines if line and not line.startswith("#")]
    assert let_in == ["*", *sorted(f"!{name}" for name in copied), "**/__pycache__"]


def test_whoever_stops_it_waits_longer_than_it_takes() -> None:
    before = container_of("kubernetes/backend.yaml")["lifecycle"]["preStop"]["sleep"]["seconds"]
    pod = pod_of("kubernetes/backend.yaml")["spec"]
    grace = {
        "TimeoutStopSec": seconds(unit("ls-trajedit@.service")["Service"]["TimeoutStopSec"][0]),
        "stop_grace_period": seconds(compose_service()["stop_grace_period"]),
        "terminationGracePeriodSeconds": pod["terminationGracePeriodSeconds"] - before,
    }
    assert all(each >= _SECONDS_TO_FINISH + 10 for each in grace.values()), grace
    page = read_page(PAGE)
    for shown in ("TimeoutStopSec=40", "stop_grace_period: 40s", "terminationGracePeriodSeconds: 45"):
        assert shown in page


def test_probes_ask_a_route_that_needs_no_credentials() -> None:
    paths = openapi_document(has_auth=True)["paths"]
    container = container_of("kubernetes/backend.yaml")
    asked = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    check = compose_service()["healthcheck"]["test"][-1]
    asked |= set(re.findall(r"http://127\.0\.0\.1:9090(/\w+)", check))
    assert asked == {"/livez"}
    assert paths["/livez"]["get"]["security"] == []


def test_no_file_gives_root_or_a_place_to_write() -> None:
    service = compose_service()
    assert (service["user"], service["read_only"], service["cap_drop"]) == (f"{ANYBODY}:{ANYBODY}", True, ["ALL"])
    assert ("USER", f"{ANYBODY}:{ANYBODY}") in dockerfile_instructions()
    for name in MANIFESTS:
        context = pod_of(name)["spec"]["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, ANYBODY, ANYBODY)
        assert container_of(name)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_every_selector_meets_the_pods() -> None:
    labels = pod_of("kubernetes/backend.yaml")["metadata"]["labels"]
    by_kind = {each["kind"]: each["spec"] for each in documents("kubernetes/backend.yaml")}
    assert by_kind["Service"]["selector"] == labels
    assert by_kind["Deployment"]["selector"]["matchLabels"] == labels
    assert by_kind["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert by_kind["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    (port,) = container_of("kubernetes/backend.yaml")["ports"]
    assert by_kind["Service"]["ports"][0]["targetPort"] == port["name"]
    assert by_kind["NetworkPolicy"]["ingress"][0]["ports"][0]["port"] == port["containerPort"] == 9090


@pytest.mark.parametrize("manifest", ["ls-trajedit-pull@.service", "kubernetes/pull.yaml"])
def test_a_pull_is_tried_again_only_when_the_server_failed(manifest: str) -> None:
    codes = {int(row[0]) for row in table_rows("docs/commands.md", "Exit codes")}
    final = {code for code in codes if 0 < code < 128} - {4}
    if manifest.endswith(".service"):
        (listed,) = unit(manifest)["Service"]["RestartPreventExitStatus"]
        assert set(map(int, listed.split())) == final
    else:
        (job,) = [each for each in documents(manifest) if each["kind"] == "CronJob"]
        rules = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        (values,) = [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"]
        assert set(values) == final


def test_the_page_links_to_every_file_and_what_it_shows_of_one_is_in_it() -> None:
    page = read_page(PAGE)
    assert all(f"(../{name})" in page for name in deploy_files())
    shown: list[Block] = [block for block in blocks("nginx") if block.title.startswith("deploy/")]
    assert shown
    for block in shown:
        assert block.text in (ROOT / block.title).read_text(encoding="utf-8"), block.title
