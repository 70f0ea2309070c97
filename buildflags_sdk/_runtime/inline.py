"""Takes turns on the caller's own thread, when asked to: for hosts that freeze a process between two calls (AWS Lambda).

It stands where a `Worker` stands, and keeps no thread: those that a turn uses end with it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock


class Inline:
    """Runs `turn(going, until)` within a budget; one at a time, whoever asks."""

    def __init__(
        self,
        turn: Callable[[Callable[[], bool], float | None], float | None],
        clock: Clock,
        *,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._turn = turn
        self._clock = clock
        self._failed = failed
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, seconds: float) -> None:
        """Do what is due; begin nothing more after `seconds`. Waits that long at most for somebody else's turn."""
        until = self._clock.moment().monotonic + max(seconds, 0.0)
        if not self._lock.acquire(timeout=max(seconds, 0.0)):
            return
        try:
            self._turn(self._going, until)
        except Exception as error:  # noqa: BLE001 - the refresh loop's edge: an invocation must not hear of it
            self._failed(error)
        finally:
            self._lock.release()

    def start(self) -> None:
        """There is nothing to start."""

    def wake(self) -> None:
        """There is nobody to wake."""

    def rest(self, seconds: float) -> None:
        """There is nothing to bring to rest for a fork."""

    def stop(self, seconds: float) -> bool:  # noqa: ARG002 - a worker waits that long
        """Let a turn under way end soon."""
        self._stopped = True
        return True

    def _going(self) -> bool:
        return not self._stopped
