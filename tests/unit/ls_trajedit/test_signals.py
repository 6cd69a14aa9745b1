"""Ctrl-C, SIGTERM and a closed terminal while files are written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest

from ls_trajedit import signals
from ls_trajedit.signals import defer_signals, end_on_signals


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
    with pytest.raises(SystemExit) as ended, end_on_signals():
        signals_in_block(arrived, signal.SIGTERM)
    assert arrived == [signal.SIGTERM]
    assert ended.value.code == 143


def test_the_first_of_several_signals_counts() -> None:
    arrived: list[int] = []
    with pytest.raises(SystemExit), end_on_signals():
        signals_in_block(arrived, signal.SIGTERM, signal.SIGINT)
    assert arrived == [signal.SIGTERM, signal.SIGINT]


def test_an_error_in_the_block_does_not_swallow_the_signal() -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_in_block(signal.SIGINT)


def fail_in_block(number: int) -> None:
    with defer_signals():
        signal.raise_signal(number)
        raise OSError


@pytest.mark.parametrize("block", [defer_signals, end_on_signals])
def test_afterwards_signals_do_what_they_did_before(block: Callable[[], AbstractContextManager[None]]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with block():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("block", [defer_signals, end_on_signals])
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
    monkeypatch.setattr(signals, "_ENDING_SIGNALS", (*signals._ENDING_SIGNALS, signal.SIGUSR1))
    arrived: list[int] = []
    with pytest.raises(SystemExit) as ended, end_on_signals():
        signals_in_block(arrived, signal.SIGUSR1)
    assert arrived == [signal.SIGUSR1]
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_block_with_the_exit_code_of_a_shell(number: int, code: int) -> None:
    with pytest.raises(SystemExit) as ended, end_on_signals():
        signal.raise_signal(number)
    assert ended.value.code == code


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_interrupt_what_the_first_began(second: int) -> None:
    cleaned: list[bool] = []
    with pytest.raises(KeyboardInterrupt), end_on_signals():
        clean_up_after_signal(second, cleaned)
    assert cleaned == [True]


def clean_up_after_signal(second: int, cleaned: list[bool]) -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(second)
        cleaned.append(True)


def test_a_signal_that_was_swallowed_can_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python does with an exception in `__del__`."""
    now = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    with pytest.raises(KeyboardInterrupt), end_on_signals():
        swallow_a_signal(now)
    assert now == [101.0]


def swallow_a_signal(now: list[float]) -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    now[0] += 1
    signal.raise_signal(signal.SIGINT)
    now[0] += 1


@pytest.mark.parametrize("block", [defer_signals, end_on_signals])
def test_what_the_process_was_started_to_ignore_stays_ignored(
    block: Callable[[], AbstractContextManager[None]],
) -> None:
    """As SIGHUP under `nohup`, or SIGINT in the background of a script."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with block():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_arrives_while_an_object_is_destroyed_ends_the_block_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def destroyed() -> None:
        with end_on_signals():
            Dying()
            threading.Event().wait(60)

    with pytest.raises(SystemExit) as ended:
        destroyed()
    assert ended.value.code == 143
    assert capsys.readouterr().err == ""
