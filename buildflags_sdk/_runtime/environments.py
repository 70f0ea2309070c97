"""The environments that a client views beside its own: kept while somebody holds a view, and a quarter of an hour after.

The TTL cache is read by the worker and by `in_environment`, never by an evaluation.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from buildflags_sdk._config import ENVIRONMENT_IDLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock
    from .feed import Feed

MOST_ENVIRONMENTS = 1024


class Environments:
    """Feeds by environment."""

    def __init__(self, clock: Clock, idle_seconds: float = ENVIRONMENT_IDLE_SECONDS) -> None:
        from cachetools import TTLCache  # noqa: PLC0415 - only for clients that view a second environment

        self._lock = threading.RLock()  # a signal handler may come in while its own thread is here
        self._known: dict[str, Feed] = {}
        self._cache: TTLCache[str, Feed] = TTLCache(
            MOST_ENVIRONMENTS, idle_seconds, timer=lambda: clock.moment().monotonic
        )

    def get(self, name: str, make: Callable[[], Feed]) -> Feed:
        """The feed of an environment, made if it is not known."""
        with self._lock:
            if name not in self._known:
                self._known[name] = make()
            feed = self._cache[name] = self._known[name]  # using it is what keeps it
            return feed

    def feeds(self) -> list[Feed]:
        """All that are kept."""
        with self._lock:
            return list(self._known.values())

    def forget_unused(self) -> None:
        """Renew those that are viewed; drop and close those that nobody has viewed for long."""
        with self._lock:
            for name, feed in self._known.items():
                if feed.viewed:
                    self._cache[name] = feed
            self._cache.expire()
            dropped = [name for name in self._known if name not in self._cache]
            closing = [self._known.pop(name) for name in dropped]
        for feed in closing:
            feed.close()

    def forked(self) -> None:
        """Forget the parent's lock."""
        self._lock = threading.RLock()  # a signal handler may come in while its own thread is here
