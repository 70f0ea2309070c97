"""The two clocks and the way to wait, as one thing that is given in. Tests give in one that they move by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from buildflags_sdk._freshness import Moment

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class Clock(Protocol):
    """Where the runtime reads time, and how it waits."""

    def moment(self) -> Moment:
        """Now, on the monotonic and on the wall clock, in seconds."""
        ...

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition until it is notified or `seconds` have passed (None: until notified), or less."""
        ...

    def pause(self, seconds: float) -> None:
        """Let other threads run for about `seconds`."""
        ...


LONGEST_SLEEP = 5.0
"""Seconds: a wall clock that jumped, or a host that slept, wakes nobody by itself; looking again costs microseconds."""


class SystemClock:
    """The machine's clocks."""

    def moment(self) -> Moment:
        """Now, on both clocks."""
        return Moment(time.monotonic(), time.time())

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition, a few seconds at a time: the wall clock may have moved meanwhile."""
        condition.wait(LONGEST_SLEEP if seconds is None else min(seconds, LONGEST_SLEEP))

    def pause(self, seconds: float) -> None:
        """Give the interpreter to other threads."""
        time.sleep(seconds)


class Rest:
    """What is left of the seconds that several waits share, one after another.

    Threads are waited for in the machine's time, whatever a client takes the time from.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = now() + seconds

    def left(self) -> float:
        """Seconds left, 0 when there are none."""
        return max(self._until - self._now(), 0.0)
