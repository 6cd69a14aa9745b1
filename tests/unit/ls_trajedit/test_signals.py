"""Ctrl-C and SIGTERM while files are written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ls_trajedit.signals import defer_signals, raise_on_sigterm


def held_while(came: list[int], *numbers: int) -> None:
    """Lets signals come one after the other while they are held, and notes those after which there was still time."""
    with defer_signals():
        for number in numbers:
            signal.raise_signal(number)
            came.append(number)


def test_ctrl_c_comes_when_the_block_is_done() -> None:
    came: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        held_while(came, signal.SIGINT)
    assert came == [signal.SIGINT]


def test_sigterm_comes_when_the_block_is_done_and_ends_what_is_around_it() -> None:
    came: list[int] = []
    with pytest.raises(SystemExit) as ended, raise_on_sigterm():
        held_while(came, signal.SIGTERM)
    assert came == [signal.SIGTERM]
    assert ended.value.code == 143


def test_the_first_of_several_signals_counts() -> None:
    came: list[int] = []
    with pytest.raises(SystemExit), raise_on_sigterm():
        held_while(came, signal.SIGTERM, signal.SIGINT)
    assert came == [signal.SIGTERM, signal.SIGINT]


def test_an_error_in_the_block_does_not_swallow_the_signal() -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_while_held(signal.SIGINT)


def fail_while_held(number: int) -> None:
    with defer_signals():
        signal.raise_signal(number)
        raise OSError


@pytest.mark.parametrize("block", [defer_signals, raise_on_sigterm])
def test_afterwards_signals_do_what_they_did_before(block: Callable[[], AbstractContextManager[None]]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with block():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("block", [defer_signals, raise_on_sigterm])
def test_in_another_thread_nothing_is_held_and_nothing_fails(block: Callable[[], AbstractContextManager[None]]) -> None:
    """Where Python lets nobody set what a signal does."""
    entered = []

    def enter() -> None:
        with block():
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [True]
