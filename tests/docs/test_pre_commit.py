"""The hooks for `pre-commit` are the checks of `make check`, run from the same environment."""

from __future__ import annotations

import re

import yaml

from .pages import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TEST_ENVIRONMENT = ".venv-test"


def recipe(target: str) -> str:
    """The commands of a target, with the name of the test environment written out."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    return found.group(1).replace("$(TEST)", TEST_ENVIRONMENT)


def test_the_hooks_run_what_make_check_runs() -> None:
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert source["repo"] == "local", "nothing is fetched from the network"
    assert all(hook["language"] == "system" for hook in source["hooks"])
    entries = {hook["id"]: hook["entry"].removesuffix(" --force-exclude") for hook in source["hooks"]}
    assert entries == {
        "ruff-check": f"{TEST_ENVIRONMENT}/bin/ruff check",
        "ruff-format": f"{TEST_ENVIRONMENT}/bin/ruff format",
        "mypy": "make types",
    }
    checked = recipe("check")
    assert f"{entries['ruff-check']} ." in checked
    assert f"{entries['ruff-format']} --check ." in checked
    assert re.search(r"\$\(MAKE\).* types$", checked, re.MULTILINE)
    assert "mypy --strict" in recipe("types")
