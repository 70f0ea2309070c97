"""Fetches the pages a manifest names, a few at once, and stops at the first that is not there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from buildflags_sdk._refresh.events import Failed, PageRefused, PagesFetched
from buildflags_sdk._transport import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._refresh.events import FetchPages
    from buildflags_sdk._transport import Transport

AT_ONCE = 4
_OK = 200


class PageFetch:
    """One `FetchPages` being done. Its threads are daemons and end with it."""

    def __init__(
        self,
        transport: Transport,
        action: FetchPages,
        *,
        deadline: Callable[[], float],
        max_bytes: int,
        going: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._pages_at = action.manifest.pages_at
        self._left = list(reversed(action.missing))
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._going = going
        self._lock = threading.Lock()
        self._fetched: dict[str, bytes] = {}
        self._refused: tuple[str, int] | None = None
        self._error: Exception | None = None

    def run(self) -> PagesFetched | PageRefused | Failed:
        """Fetch, and say how it ended."""
        helpers = [
            threading.Thread(target=self._fetch_some, name="buildflags-pages", daemon=True)
            for _ in range(min(AT_ONCE, len(self._left)) - 1)
        ]
        for helper in helpers:
            helper.start()
        self._fetch_some()
        for helper in helpers:
            helper.join()
        if self._error is not None:
            return Failed(self._error, self._fetched)
        if self._refused is not None:
            return PageRefused(*self._refused, self._fetched)
        return PagesFetched(self._fetched)

    def _fetch_some(self) -> None:
        while (name := self._next()) is not None:
            try:
                answer = self._transport.exchange(
                    Request(self._pages_at + name, {}, self._deadline(), self._max_bytes, authorized=False)
                )
            except Exception as error:  # noqa: BLE001 - whatever a transport raises is a failed refresh, and is reported as one
                with self._lock:
                    self._error = error
                return
            with self._lock:
                if answer.status == _OK:
                    self._fetched[name] = answer.body
                else:
                    self._refused = (name, answer.status)

    def _next(self) -> str | None:
        with self._lock:
            if not self._left or self._error is not None or self._refused is not None or not self._going():
                return None
            return self._left.pop()
