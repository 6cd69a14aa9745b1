"""Links between the pages, and to files in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import ROOT, page_names, read_page

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What can follow `#` in a link: each heading as GitHub writes it in an address."""
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def links(name: str) -> list[str]:
    return [target for target in LINK.findall(prose(read_page(name))) if "://" not in target]


@pytest.mark.parametrize("name", page_names())
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    for target in links(name):
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.is_file(), f"{name} links to {target}"
        assert path.resolve().is_relative_to(ROOT), f"{name} links to {target}, outside the repository"
        assert not anchor or anchor in anchors(path), f"{name} links to {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in links("README.md")}
    assert set(page_names()) - {"README.md"} <= linked


def test_the_pictures_are_small_enough_for_a_readme() -> None:
    pictures = [target for name in page_names() for target in links(name) if target.endswith(".png")]
    assert pictures
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stat().st_size < 400_000, picture.name
