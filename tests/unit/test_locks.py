"""The locked versions are ones that setup.cfg allows."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def requirements(text: str) -> Iterator[Requirement]:
    """The requirements among these lines that apply to this Python on this system."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    found = (Requirement(line) for line in lines if line)
    return (requirement for requirement in found if requirement.marker is None or requirement.marker.evaluate())


def locked(name: str) -> dict[str, str]:
    """The version of each package in that lock."""
    versions = {}
    for requirement in requirements((ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")):
        (exactly,) = requirement.specifier
        assert exactly.operator == "=="
        versions[canonicalize_name(requirement.name)] = exactly.version
    return versions


def wanted() -> Iterator[tuple[str, Requirement]]:
    """What setup.cfg asks for, each with the lock that has to have it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    ours = config["options"]["install_requires"]
    extras = config["options.extras_require"]
    for text in (ours, extras["demo"], extras["hub"], extras["parquet"], extras["test"], extras["dev"]):
        yield from (("test", requirement) for requirement in requirements(text))
    # label-studio-ml pins a Jinja2 that is older than ours.
    yield from (("label-studio-ml", requirement) for requirement in requirements(ours) if requirement.name != "jinja2")


@pytest.mark.parametrize(("lock", "requirement"), list(wanted()), ids=str)
def test_the_locked_version_is_allowed(lock: str, requirement: Requirement) -> None:
    version = locked(lock).get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement.name} is not locked; run `make lock`"
    assert version in requirement.specifier, "run `make lock`"


def test_what_installs_and_builds_is_locked_too() -> None:
    assert locked("build").keys() >= {"pip", "setuptools", "wheel"}


def test_the_oldest_label_studio_and_label_studio_ml_stay_the_ones_that_the_docs_name() -> None:
    assert locked("oldest")["label-studio"] == "1.12.1"
    assert locked("label-studio-ml")["label-studio-ml"] == "1.0.9"
