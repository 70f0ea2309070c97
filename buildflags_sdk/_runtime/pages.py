"""Fetches the pages a manifest names, a few at once and by one deadline, and stops at the first that is not there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from buildflags_sdk._refresh.events import Failed, PageRefused, PagesFetched
from buildflags_sdk._transport import Request
from buildflags_sdk.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._refresh.events import FetchPages
    from buildflags_sdk._transport import Transport

AT_ONCE = 4
_OK = 200


class PageFetch:
    """One `FetchPages` being done. Its threads are daemons and end with it.

    `left` tells the seconds that are left for all of its pages together (0: none may be begun), so that a backend that is
    slow with each cannot hold a refresh for as many deadlines as there are pages. `going` tells whether to go on at all.
    """

    def __init__(
        self,
        transport: Transport,
        action: FetchPages,
        *,
        left: Callable[[], float],
        max_bytes: int,
        going: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._pages_at = action.manifest.pages_at
        self._wanted = len(action.missing)
        self._names = list(reversed(action.missing))
        self._left = left
        self._max_bytes = max_bytes
        self._going = going
        self._lock = threading.Lock()
        self._fetched: dict[str, bytes] = {}
        self._refused: tuple[str, int] | None = None
        self._error: Exception | None = None

    def run(self) -> PagesFetched | PageRefused | Failed:
        """Fetch, and say how it ended."""
        helpers: list[threading.Thread] = []
        for _ in range(min(AT_ONCE, self._wanted) - 1):
            helper = threading.Thread(target=self._fetch_some, name="buildflags-pages", daemon=True)
            try:
                helper.start()
            except RuntimeError:  # no more threads to be had: those that are do the work
                break
            helpers.append(helper)
        self._fetch_some()
        for helper in helpers:
            helper.join()
        if isinstance(self._error, DeadlineExceeded) and self._fetched:
            came = f"{len(self._fetched)} of {self._wanted} pages came within the deadline"
            return Failed(DeadlineExceeded(f"{came}; the next refresh fetches the others"), self._fetched)
        if self._error is not None:
            return Failed(self._error, self._fetched)
        if self._refused is not None:
            return PageRefused(*self._refused, self._fetched)
        return PagesFetched(self._fetched)

    def _fetch_some(self) -> None:
        while (name := self._next()) is not None:
            try:
                left = self._left()
                if left <= 0.0:
                    msg = "no page came within the deadline"
                    raise DeadlineExceeded(msg)  # noqa: TRY301 - as the transport would
                answer = self._transport.exchange(
                    Request(self._pages_at + name, {}, left, self._max_bytes, authorized=False)
                )
            except Exception as error:  # noqa: BLE001 - whatever a transport raises is a failed refresh, and is reported as one
                with self._lock:
                    self._error = self._error or error  # the others' are but its echo
                return
            with self._lock:
                if answer.status == _OK:
                    self._fetched[name] = answer.body
                else:
                    self._refused = (name, answer.status)

    def _next(self) -> str | None:
        with self._lock:
            if not self._names or self._error is not None or self._refused is not None or not self._going():
                return None
            return self._names.pop()
