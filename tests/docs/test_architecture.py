"""The architecture page names every package, in its drawing and in its walk, and no other."""

from __future__ import annotations

import re
from configparser import ConfigParser

from .pages import ROOT, blocks, read_page

PAGE = "docs/architecture.md"
WALK = "## One trace, from push to a row\n"


def package_folders() -> list[str]:
    """The folder of each package that is installed, such as `converters/formats/`."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    mapped = dict(line.split(" = ") for line in setup["options"]["package_dir"].split("\n") if line)
    folders = []
    for package in setup["options"]["packages"].split():
        floor = max((known for known in mapped if f"{package}.".startswith(f"{known}.")), key=len)
        folders.append("/".join((mapped[floor], *package.removeprefix(floor).split(".")[1:])) + "/")
    return folders


def drawn_folders(drawing: str) -> list[str]:
    """The folders of the drawing; an indented one is inside the one above it that is not."""
    found: list[str] = []
    outer = ""
    for line in drawing.splitlines():
        match = re.match(r"( *)([a-z_]+/) ", line)
        if match:
            outer = outer if match.group(1) else match.group(2)
            found.append(outer + match.group(2) if match.group(1) else outer)
    return found


def test_the_drawing_has_every_package_and_no_other() -> None:
    (drawing,) = [block.text for block in blocks("text") if block.page == PAGE]
    assert sorted(drawn_folders(drawing)) == sorted(package_folders())


def test_the_walk_meets_every_package_exactly_once() -> None:
    walk = read_page(PAGE).partition(WALK)[2]
    assert sorted(re.findall(r"`((?:[a-z_]+/)+)`", walk)) == sorted(package_folders())


def test_the_packages_are_folders_of_the_repository() -> None:
    for folder in package_folders():
        assert (ROOT / folder / "__init__.py").is_file(), folder


def test_the_modules_that_the_page_names_exist() -> None:
    names = re.findall(r"`(?:tests/unit/)?([a-z_]+\.py)`", read_page(PAGE))
    for name in names:
        assert list(ROOT.glob(f"*/{name}")) or list(ROOT.glob(f"tests/unit/{name}")), name
