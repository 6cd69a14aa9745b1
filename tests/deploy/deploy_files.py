"""The files in `deploy/`: their text, the command lines in them, and the variables that they set."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "DEPLOY",
    "MANIFESTS",
    "PROGRAM",
    "commands",
    "compose_service",
    "container_of",
    "deploy_files",
    "dockerfile_instructions",
    "documents",
    "pod_of",
    "unit",
    "unit_command",
]

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAM = "/opt/ls-trajedit/bin/ls-trajedit"
MANIFESTS = ("kubernetes/backend.yaml", "kubernetes/pull.yaml")
_SPECIFIER = "%i"


def deploy_files() -> list[str]:
    """Every file, as a path inside the repository."""
    return sorted(path.relative_to(DEPLOY.parent).as_posix() for path in DEPLOY.rglob("*") if path.is_file())


def documents(name: str) -> list[Any]:
    """The YAML documents of a file."""
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """The sections of a unit; a key may come several times."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in (DEPLOY / "systemd" / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def unit_command(name: str, instance: str) -> list[str]:
    """The words of the command of a service's `instance`, with the program first."""
    (line,) = unit(name)["Service"]["ExecStart"]
    return [word.replace(_SPECIFIER, instance) for word in shlex.split(line)]


def pod_of(name: str) -> dict[str, Any]:
    """The pod of the Deployment or the CronJob in a manifest."""
    (workload,) = [each for each in documents(name) if each["kind"] in ("Deployment", "CronJob")]
    return dict(workload["spec"].get("jobTemplate", workload)["spec"]["template"])


def container_of(name: str) -> dict[str, Any]:
    """Its one container."""
    (container,) = pod_of(name)["spec"]["containers"]
    return dict(container)


def compose_service() -> dict[str, Any]:
    """The one service of the Compose file."""
    (found,) = documents("compose.yaml")
    return dict(found["services"]["backend"])


def dockerfile_instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with what follows each."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [(match[1], match[2]) for line in lines if (match := re.fullmatch(r"([A-Z]+) (.+)", line))]


def commands() -> dict[str, list[str]]:
    """What follows `ls-trajedit` in each command line of all files, by where it stands."""
    found = {name: unit_command(name, "12")[1:] for name in ("ls-trajedit@.service", "ls-trajedit-pull@.service")}
    found["Dockerfile"] = json.loads(dict(dockerfile_instructions())["CMD"])
    found["compose.yaml"] = compose_service()["command"]
    return {**found, **{name: container_of(name)["args"] for name in MANIFESTS}}
