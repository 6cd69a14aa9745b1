"""The losses of all trainings, as the tables of docs/trainers.md."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import version

__all__ = ["LossTable"]

_PACKAGES = ("torch", "transformers", "datasets", "trl")


class LossTable:
    """One row for each trainer and file, one column for each chat template."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[str, str], dict[str, str]]] = defaultdict(lambda: defaultdict(dict))

    def add(self, steps: str, trainer: str, file: str, template: str, losses: list[float]) -> None:
        """`steps` names the table: how steps are written."""
        self._tables[steps][trainer, file][template] = " → ".join(f"{loss:.4f}" for loss in losses)

    def __str__(self) -> str:
        head = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
        return "\n".join([head, *(f"\n{name}\n\n{_markdown(rows)}" for name, rows in self._tables.items()), ""])


def _markdown(rows: dict[tuple[str, str], dict[str, str]]) -> str:
    templates = sorted({template for cells in rows.values() for template in cells})
    lines = [["trainer", "file", *templates], ["---"] * (len(templates) + 2)]
    lines += [[trainer, f"`{file}`", *map(cells.get, templates)] for (trainer, file), cells in sorted(rows.items())]
    return "\n".join(f"| {' | '.join(cell or '' for cell in line)} |" for line in lines)
