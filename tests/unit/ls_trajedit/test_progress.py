"""The progress of a run, on a terminal and in a log."""

from __future__ import annotations

import io
import sys

import pytest

from ls_trajedit.progress import show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock shows: the last of these."""
    shown = [0.0]
    monkeypatch.setattr("ls_trajedit.progress.time.monotonic", lambda: shown[-1])
    return shown


def test_a_log_gets_a_line_when_30_seconds_have_passed(
    seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with show_progress("pulling") as progress:
        for second, done, total in (
            (29.9, 100, 12_000),
            (30.0, 1_200, 12_000),
            (59.0, 3_000, None),
            (61.0, 4_000, None),
        ):
            seconds.append(second)
            progress(done, total)
    assert capsys.readouterr() == ("", "pulling: 1,200 of 12,000 tasks\npulling: 4,000 tasks\n")


def test_a_terminal_gets_a_bar_that_disappears_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("pulling") as progress:
        progress(3, 7)
    assert "pulling" in terminal.getvalue()
    # Finally, the line is cleared.
    assert terminal.getvalue().endswith("\x1b[2K")


def test_the_name_of_a_file_is_no_markup_and_commands_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("converting [/][red]a\x1b]0;b\x07\u202e.json"):
        pass
    assert "converting [/][red]a\\x1b]0;b\\x07\\u202e.json" in terminal.getvalue()
