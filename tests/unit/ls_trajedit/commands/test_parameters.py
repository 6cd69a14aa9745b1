"""What a command takes, as its signature declares it: arguments, options, and groups of options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest
from click.testing import CliRunner, Result

from ls_trajedit.commands.parameters import Argument, Option, command_of


def _even(text: str) -> int:
    if int(text) % 2:
        raise click.BadParameter(f"{text} is odd")
    return int(text)


def _check_short(text: str) -> None:
    if len(text) > 5:
        raise click.BadParameter("it is too long")


@dataclass(frozen=True, kw_only=True)
class Paint:
    colour: Annotated[str, Option("--colour", help="Which colour.", check=_check_short)] = "red"
    coats: Annotated[int, Option("-c", "--coats", min=1, max=9, help="How many coats.")]


@dataclass(frozen=True, kw_only=True)
class Brush:
    width: Annotated[float | None, Option(min=0.5, help="How wide.", envvar="BRUSH_WIDTH")] = None
    hairs: Annotated[int, Option(parser=_even, help="How many.", metavar="N", show_default=False)] = 8


CALLS: list[dict[str, Any]] = []


def paint_it(
    *,
    wall: Annotated[str, Argument(help="Which wall.")],
    doors: Annotated[list[Path] | None, Argument(help="Which doors.")] = None,
    paint: Paint,
    dry: Annotated[bool, Option("--dry", help="Wait until it is dry.")] = False,
    brush: Brush,
    note: Annotated[list[str] | None, Option(help="A note.")] = None,
    finish: Annotated[Literal["matt", "gloss"], Option(help="How it shines.")] = "matt",
) -> None:
    """Paint a wall.

    And its doors.
    """
    CALLS.append({"wall": wall, "doors": doors, "paint": paint, "dry": dry, "brush": brush, "note": note})
    CALLS[-1]["finish"] = finish


def run(*arguments: str, **environment: str) -> Result:
    CALLS.clear()
    return CliRunner(env=environment).invoke(command_of(paint_it, "paint"), list(arguments))


def test_the_command_gets_the_defaults_and_each_group_filled_from_the_command_line() -> None:
    assert run("north", "--coats", "2").exit_code == 0
    assert [
        {
            "wall": "north",
            "doors": None,
            "paint": Paint(coats=2),
            "dry": False,
            "brush": Brush(),
            "note": None,
            "finish": "matt",
        }
    ] == CALLS


def test_every_kind_of_value_is_read() -> None:
    words = "south a b --width 1.5 --colour blue --dry -c 1 --note x --note y --hairs 10 --finish gloss"
    assert run(*words.split()).exit_code == 0
    assert [
        {
            "wall": "south",
            "doors": [Path("a"), Path("b")],
            "paint": Paint(colour="blue", coats=1),
            "dry": True,
            "brush": Brush(width=1.5, hairs=10),
            "note": ["x", "y"],
            "finish": "gloss",
        }
    ] == CALLS


def test_an_option_is_read_from_its_variable_unless_the_command_line_has_it() -> None:
    assert run("north", "-c", "1", BRUSH_WIDTH="2").exit_code == 0
    assert CALLS[0]["brush"] == Brush(width=2.0)
    assert run("north", "-c", "1", "--width", "3", BRUSH_WIDTH="2").exit_code == 0
    assert CALLS[0]["brush"] == Brush(width=3.0)


def test_the_help_says_what_everything_is_in_the_order_of_the_signature() -> None:
    assert (
        run("--help").output
        == """\
Usage: paint [OPTIONS] WALL [DOORS]...

  Paint a wall.

  And its doors.

Arguments:
  WALL        Which wall.
  [DOORS]...  Which doors.

Options:
  --colour TEXT              Which colour.  [default: red]
  -c, --coats INTEGER RANGE  How many coats.  [1<=x<=9; required]
  --dry                      Wait until it is dry.
  --width FLOAT RANGE        How wide.  [env var: BRUSH_WIDTH; x>=0.5]
  --hairs N                  How many.
  --note TEXT                A note.
  --finish [matt|gloss]      How it shines.  [default: matt]
  --help                     Show this message and exit.
"""
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Missing argument 'WALL'."),
        ("north", "Missing option '-c' / '--coats'."),
        ("north -c 0", "Invalid value for '-c' / '--coats': 0 is not in the range 1<=x<=9."),
        ("north -c two", "Invalid value for '-c' / '--coats': 'two' is not a valid integer range."),
        ("north -c 1 --width 0", ": 0.0 is not in the range x>=0.5."),
        ("north -c 1 --hairs 3", "Invalid value for '--hairs': 3 is odd"),
        ("north -c 1 --colour crimson", "Invalid value for '--colour': it is too long"),
        ("north -c 1 --finish silk", "Invalid value for '--finish': 'silk' is not one of 'matt', 'gloss'."),
        ("north -c 1 --brush x", "No such option"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_that_names_the_option(arguments: str, message: str) -> None:
    ran = run(*arguments.split())
    assert (ran.exit_code, CALLS) == (2, [])
    assert message in ran.output
