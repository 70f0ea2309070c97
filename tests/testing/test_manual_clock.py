"""A clock that is moved by hand wakes whoever waits, exactly when it is moved far enough."""

from __future__ import annotations

import threading

import pytest

from buildflags_sdk.testing import ManualClock


class Sleeper:
    """A thread that waits on a clock for some seconds, or until it is notified."""

    def __init__(self, clock: ManualClock, seconds: float | None) -> None:
        self.condition = threading.Condition()
        self.waiting = threading.Event()
        self.thread = threading.Thread(target=self._sleep, args=(clock, seconds), daemon=True)
        self.thread.start()
        self.waiting.wait(10)
        with self.condition:  # once we hold it, the thread has let go of it: it waits
            pass

    def _sleep(self, clock: ManualClock, seconds: float | None) -> None:
        with self.condition:
            self.waiting.set()
            clock.wait(self.condition, seconds)

    @property
    def sleeps(self) -> bool:
        return self.thread.is_alive()

    def is_awake_at_last(self) -> bool:
        self.thread.join(10)
        return not self.sleeps


def test_both_clocks_move_together() -> None:
    clock = ManualClock(monotonic=5, wall=1000)

    clock.advance(2.5)

    assert clock.moment() == (7.5, 1002.5)


def test_a_sleeping_host_moves_the_wall_clock_only() -> None:
    clock = ManualClock(monotonic=5, wall=1000)

    clock.freeze(3600)

    assert clock.moment() == (5, 4600)


def test_the_wall_clock_may_be_set_back() -> None:
    clock = ManualClock(monotonic=5, wall=1000)

    clock.set_wall(10)

    assert clock.moment() == (5, 10)


def test_who_waits_is_woken_when_the_time_has_come_and_not_before() -> None:
    clock = ManualClock()
    sleeper = Sleeper(clock, 60)

    clock.advance(59)
    assert clock.until_waited_on() == 1
    assert sleeper.sleeps

    clock.advance(1)
    assert sleeper.is_awake_at_last()


def test_setting_the_wall_clock_wakes_nobody() -> None:
    clock = ManualClock()
    sleeper = Sleeper(clock, 60)

    clock.set_wall(clock.moment().wall + 3600)

    assert clock.until_waited_on() == 60
    assert sleeper.sleeps
    clock.advance(60)
    assert sleeper.is_awake_at_last()


@pytest.mark.parametrize("seconds", [60, None])
def test_who_waits_is_woken_by_a_notification(seconds: float | None) -> None:
    sleeper = Sleeper(ManualClock(), seconds)

    with sleeper.condition:
        sleeper.condition.notify_all()

    assert sleeper.is_awake_at_last()


def test_waiting_for_no_time_is_no_waiting() -> None:
    assert Sleeper(ManualClock(), 0).is_awake_at_last()


def test_a_clock_that_nobody_waits_on_says_so() -> None:
    with pytest.raises(TimeoutError, match="no thread waits"):
        ManualClock().until_waited_on(timeout=0.01)
