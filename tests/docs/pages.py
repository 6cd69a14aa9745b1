"""The pages of the documentation, and what is in them: blocks of code, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "blocks", "page_names", "read_page", "shell_lines", "table_rows"]

ROOT = Path(__file__).resolve().parents[2]

# A block in a list is indented.
_FENCED = re.compile(r"^( *)```(\w*)[ ]*(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
_COMMENT = re.compile(r"(^|\s+)#.*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: the first word of its info string, the rest of the info string, and the text."""

    page: str
    line: int
    language: str
    title: str
    text: str


def page_names() -> list[str]:
    """Every page, as a path inside the repository."""
    return [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ]


def read_page(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language: str) -> list[Block]:
    """The fenced blocks of all pages in that language, in order."""
    return [block for name in page_names() for block in _blocks(name) if block.language == language]


def shell_lines(block: Block) -> list[str]:
    """The commands in a block, without comments; one that goes over several lines with `\\` is one."""
    joined = block.text.replace("\\\n", " ")
    return [line for raw in joined.splitlines() if (line := _COMMENT.sub("", raw).strip())]


def table_rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the first table under the heading, without the table's header."""
    text = read_page(name)
    start = re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)
    assert start, f"{name} has no heading {heading!r}"
    table = re.search(r"(?:^\|.*\n)+", text[start.end() :], re.MULTILINE)
    assert table, f"{name} has no table under {heading!r}"
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.group().splitlines()]
    return rows[2:]


def _blocks(name: str) -> Iterator[Block]:
    text = read_page(name)
    for match in _FENCED.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        indent, language, title, code = match.groups()
        yield Block(name, line, language, title.strip(), re.sub(f"^{indent}", "", code, flags=re.MULTILINE))
