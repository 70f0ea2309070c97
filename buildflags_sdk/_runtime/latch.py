"""Something that happens once: threads wait for it, others are told. Opening it twice is opening it once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Latch:
    """Closed until `open()`. What `when_open` is given must be quick and may not raise."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._told: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether it has happened."""
        return self._event.is_set()

    def open(self) -> None:
        """Let everybody through."""
        with self._lock:
            self._event.set()
            told, self._told = self._told, []
        for tell in told:
            tell()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long. True when it is open."""
        return self._event.wait(max(seconds, 0.0))

    def when_open(self, tell: Callable[[], None]) -> None:
        """Call `tell` once it is open: now, or on the thread that opens it."""
        with self._lock:
            if not self._event.is_set():
                self._told.append(tell)
                return
        tell()
