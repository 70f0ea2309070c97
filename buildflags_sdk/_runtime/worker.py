"""One daemon thread that takes turns: it asks its crew for the next turn, waits as long as told, and never decides.

A worker may be stopped while its thread hangs in an exchange: the thread is left behind with a token that is no longer
the worker's, and ends by itself at its next step. Nothing that a turn raises ends the thread.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock

LONGEST_WAIT = 60.0
"""Seconds: a thread that misses a wake-up looks again after this long."""

AFTER_A_MISHAP = 1.0
"""Seconds until the next turn after one that raised."""


class Worker:
    """Runs `turn` again and again. `turn(going)` returns the seconds until it wants to run again (None: when woken).

    `failed(error)` is told what a turn raised; `ended()` is called by the thread when it ends because it was stopped.
    """

    def __init__(
        self,
        turn: Callable[[Callable[[], bool]], float | None],
        clock: Clock,
        name: str,
        *,
        failed: Callable[[BaseException], None],
        ended: Callable[[], None],
    ) -> None:
        self._turn = turn
        self._clock = clock
        self._name = name
        self._failed = failed
        self._ended = ended
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._token: object = None
        self._woken = False
        self._resting = False

    @property
    def running(self) -> bool:
        """Whether the thread is alive and not told to stop."""
        thread = self._thread
        return thread is not None and thread.is_alive() and self._token is not None

    def start(self) -> None:
        """Start the thread, unless it runs. A thread that died is noticed and replaced; one that was to rest goes on.

        Raises:
            RuntimeError: the system gives no more threads.
        """
        with self._condition:
            self._resting = False
            if self.running:
                return
            self._token = token = object()
            self._woken = True
            self._thread = threading.Thread(target=self._run, args=(token,), name=self._name, daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None
                raise

    def wake(self) -> None:
        """Make the thread take its next turn now."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def rest(self, seconds: float) -> None:
        """Let the thread end when its turn is over, and wait for that at most `seconds`. What it does is not broken off."""
        with self._condition:
            self._resting = True
            thread = self._thread
            self._condition.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def stop(self, seconds: float) -> bool:
        """Tell the thread to end and wait for it at most `seconds`. True when it has ended."""
        with self._condition:
            self._token = None
            thread = self._thread
            self._condition.notify_all()
        if thread is None or thread is threading.current_thread():
            return True
        if seconds > 0.0:
            thread.join(seconds)
        return not thread.is_alive()

    def _run(self, token: object) -> None:
        def going() -> bool:
            return self._token is token

        while going():
            try:
                wait = self._turn(going)
            except BaseException as error:  # noqa: BLE001 - the thread's edge: it outlives a SystemExit too, which nobody would see
                with contextlib.suppress(BaseException):  # whatever is told of it must not end the thread either
                    self._failed(error)
                wait = AFTER_A_MISHAP
            with self._condition:
                if going() and not self._woken and not self._resting:
                    self._clock.wait(
                        self._condition, LONGEST_WAIT if wait is None else min(max(wait, 0.0), LONGEST_WAIT)
                    )
                self._woken = False
                if self._resting and going():
                    self._thread = None
                    return
        self._ended()
