"""Ctrl-C and SIGTERM while files are written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ls_trajedit import signals
from ls_trajedit.signals import defer_signals, raise_on_sigterm


def signals_in_block(arrived: list[int], *numbers: int) -> None:
    """Raises signals one after the other in a block that defers them; notes each after which the block went on."""
    with defer_signals():
        for number in numbers:
            signal.raise_signal(number)
            arrived.append(number)


def test_ctrl_c_takes_effect_after_the_block() -> None:
    arrived: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        signals_in_block(arrived, signal.SIGINT)
    assert arrived == [signal.SIGINT]


def test_sigterm_takes_effect_after_the_block_and_ends_the_block_around_it() -> None:
    arrived: list[int] = []
    with pytest.raises(SystemExit) as ended, raise_on_sigterm():
        signals_in_block(arrived, signal.SIGTERM)
    assert arrived == [signal.SIGTERM]
    assert ended.value.code == 143


def test_the_first_of_several_signals_counts() -> None:
    arrived: list[int] = []
    with pytest.raises(SystemExit), raise_on_sigterm():
        signals_in_block(arrived, signal.SIGTERM, signal.SIGINT)
    assert arrived == [signal.SIGTERM, signal.SIGINT]


def test_an_error_in_the_block_does_not_swallow_the_signal() -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_in_block(signal.SIGINT)


def fail_in_block(number: int) -> None:
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
def test_another_thread_defers_nothing_and_does_not_fail(
    block: Callable[[], AbstractContextManager[None]],
) -> None:
    """Python does not let other threads set signal handlers."""
    entered = []

    def enter() -> None:
        with block():
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [True]


def test_ctrl_break_which_only_windows_has_is_deferred_and_ends_a_block_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Another signal in its place, because there is no such number here.
    monkeypatch.setattr(signals, "ENDING_SIGNALS", (*signals.ENDING_SIGNALS, signal.SIGUSR1))
    arrived: list[int] = []
    with pytest.raises(SystemExit) as ended, raise_on_sigterm():
        signals_in_block(arrived, signal.SIGUSR1)
    assert arrived == [signal.SIGUSR1]
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
