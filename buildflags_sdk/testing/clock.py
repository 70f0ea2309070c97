"""A clock that stands still until it is moved. Whoever waits on it waits for the test, not for time."""

from __future__ import annotations

import threading
from typing import NamedTuple

from buildflags_sdk._freshness import Moment


class _Waiter(NamedTuple):
    condition: threading.Condition
    until: float


class ManualClock:
    """Both clocks, moved by hand. Give it to a client as `clock=`.

    >>> clock = ManualClock(wall=1_800_000_000)
    >>> clock.advance(60)
    >>> clock.moment()
    Moment(monotonic=60.0, wall=1800000060.0)
    """

    def __init__(self, monotonic: float = 0.0, wall: float = 1_764_000_000.0) -> None:
        self._changed = threading.Condition()
        self._now = Moment(float(monotonic), float(wall))
        self._waiters: list[_Waiter] = []

    def moment(self) -> Moment:
        """Now, on both clocks."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move both clocks on, and wake those who waited for that."""
        self._move(self._now.later(seconds))

    def set_wall(self, wall: float) -> None:
        """Set the wall clock, as an operator or NTP does. The monotonic clock does not notice."""
        self._move(Moment(self._now.monotonic, float(wall)))

    def freeze(self, seconds: float) -> None:
        """Let the host sleep: the wall clock goes on, the monotonic one stands still (Linux, a frozen Lambda)."""
        self.set_wall(self._now.wall + seconds)

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition until it is notified, or until the clock has been moved on by `seconds`."""
        if seconds is None:
            condition.wait()
            return
        if seconds <= 0:
            return
        with self._changed:
            waiter = _Waiter(condition, self._now.monotonic + seconds)
            self._waiters.append(waiter)
            self._changed.notify_all()
        try:
            condition.wait()
        finally:
            with self._changed:
                self._waiters.remove(waiter)
                self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Return at once: other threads need no time that stands still."""

    def until_waited_on(self, timeout: float = 10.0) -> float:
        """Block until some thread waits for a later moment. Returns how many of the clock's seconds it has to go.

        Raises:
            TimeoutError: nobody waits after `timeout` real seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._waiters), timeout):
                msg = f"no thread waits on the clock after {timeout} s"
                raise TimeoutError(msg)
            return min(waiter.until for waiter in self._waiters) - self._now.monotonic

    def _move(self, now: Moment) -> None:
        with self._changed:
            self._now = now
            due = [waiter.condition for waiter in self._waiters if waiter.until <= now.monotonic]
        for condition in due:
            # Whoever waits holds the condition from before it told us until it really waits: no wake-up is lost.
            with condition:
                condition.notify_all()
