"""uvicorn's HTTP protocol with two time limits that it lacks: on a request's head, and on reading an answer.

It waits for either as long as the connection stays open. A request's body has its limit in `receiving.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def prompt_protocol(head_seconds: float, answer_seconds: float) -> type[H11Protocol]:
    """Give a protocol that ends connections on which a head is not whole, or an answer is not read, in time."""

    class Prompt(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._head = _Alarm(head_seconds, self._no_head)
            self._answer = _Alarm(answer_seconds, transport.abort)
            self._head.start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE:
                self._head.start()  # goes on, where it runs; else these are the first bytes of a later request
            else:
                self._head.stop()

        def _no_head(self) -> None:
            if self.conn.their_state is h11.IDLE:
                self.timeout_keep_alive_handler()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._answer.start()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._answer.stop()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head.stop()
            self._answer.stop()
            super().connection_lost(exc)

    return Prompt


class _Alarm:
    """Does something after a time, unless it is stopped before."""

    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        self._seconds = seconds
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
