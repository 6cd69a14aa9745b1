"""A group of options that several commands take."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from ls_trajedit.commands.option_groups import with_option_groups


@dataclass(frozen=True, kw_only=True)
class Paint:
    colour: Annotated[str, typer.Option("--colour", help="Which colour.")] = "red"
    coats: Annotated[int, typer.Option("--coats", min=1, help="How many coats.")]


@dataclass(frozen=True, kw_only=True)
class Brush:
    width: Annotated[float | None, typer.Option("--width", help="How wide.")] = None


PAINTED: list[tuple[str, Paint, bool, Brush]] = []


@with_option_groups
def paint(
    *,
    wall: Annotated[str, typer.Argument(help="Which wall.")],
    paint: Paint,
    dry: Annotated[bool, typer.Option("--dry", help="Wait until it is dry.")] = False,
    brush: Brush,
) -> None:
    """Paint a wall."""
    PAINTED.append((wall, paint, dry, brush))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command()(paint)
    monkeypatch.setattr(sys, "argv", ["paint", *arguments])
    with pytest.raises(SystemExit) as ended:
        app()
    return int(ended.value.code or 0)


def test_the_command_gets_each_group_filled_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    PAINTED.clear()
    assert run(monkeypatch, "north", "--coats", "2") == 0
    assert run(monkeypatch, "south", "--width", "1.5", "--colour", "blue", "--dry", "--coats", "1") == 0
    assert [
        ("north", Paint(coats=2), False, Brush()),
        ("south", Paint(colour="blue", coats=1), True, Brush(width=1.5)),
    ] == PAINTED


def test_the_options_of_a_group_stand_where_the_command_has_the_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0
    printed = capsys.readouterr().out
    assert "Paint a wall." in printed
    places = [printed.index(option) for option in ("--colour", "--coats", "--dry", "--width")]
    assert places == sorted(places)
    assert "default: red" in printed


@pytest.mark.parametrize("arguments", [[], ["--coats", "0"], ["--coats", "two"], ["--brush", "x"]])
def test_an_option_of_a_group_is_checked_like_any_other(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    PAINTED.clear()
    assert run(monkeypatch, "north", *arguments) == 2
    assert PAINTED == []
