"""docs/decisions.md gives a reason for every dependency."""

from __future__ import annotations

import re
from configparser import ConfigParser

from .pages import ROOT, table_rows

PAGE = "docs/decisions.md"


def names(requirements: str) -> list[str]:
    return [re.split(r"[<>=~!;\[ ]", line, maxsplit=1)[0] for line in requirements.split("\n") if line]


def test_the_table_has_every_dependency_and_nothing_else() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert [row[0] for row in table_rows(PAGE, "Dependencies")] == names(setup["options"]["install_requires"])
