"""Something that happens once: threads wait for it, others are told. Opening it twice is opening it once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Latch:
    """Closed until `open()`. What `when_open` is given must be quick and may not raise.

    Its lock is re-entrant: a signal handler that closes the client may interrupt the very thread that waits here.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._is_open = False
        self._told: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether it has happened."""
        return self._is_open

    def open(self) -> None:
        """Let everybody through."""
        with self._condition:
            self._is_open = True
            told, self._told = self._told, []
            self._condition.notify_all()
        for tell in told:
            tell()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long. True when it is open."""
        with self._condition:
            return self._condition.wait_for(lambda: self._is_open, max(seconds, 0.0))

    def when_open(self, tell: Callable[[], None]) -> None:
        """Call `tell` once it is open: now, or on the thread that opens it."""
        with self._condition:
            if not self._is_open:
                self._told.append(tell)
                return
        tell()
