"""What one client runs on: a transport, a worker thread and the feeds of the environments that somebody views.

It holds no client: a forgotten client is collected, and its engine stops.
"""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING, Any

from buildflags_sdk._config import CLOSE_SECONDS
from buildflags_sdk._loading import loading, prepare
from buildflags_sdk.errors import words_of

from .clock import Rest
from .environments import Environments
from .feed import Feed
from .inline import Inline
from .local import LocalCopies
from .worker import AFTER_A_MISHAP, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._config import Settings
    from buildflags_sdk._transport import Transport
    from buildflags_sdk._transport.http import HttpTransport
    from buildflags_sdk._wire.signing import Pins

    from .clock import Clock

FORK_REST_SECONDS = 0.05

NO_THREAD_SECONDS = 1.0
"""Seconds until a thread is asked for again, after the system gave none."""


class Engine:
    """Starts and ends what refreshes. `begin` may be called any number of times, from any thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        transport: Transport | None,
        directory: Callable[[], str | None],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.closed = False
        self.begun = False
        self._given = transport
        self._made: HttpTransport | None = None
        self._directory = directory
        self._random = random.Random()  # noqa: S311 - spreads polls; its own, since the host may seed the shared one
        self._environments: Environments | None = None
        self._worker = self._make_worker()
        self._process = os.getpid()
        self._mishaps: set[str] = set()
        self._pins = _pins(settings)
        self.away = False
        self._again_at = 0.0
        self.main = self._feed(settings)

    def begin(self) -> None:
        """Start the thread, unless it runs. Where the system gives none it is `away`: `come_back` tries again."""
        if not self.inline:
            prepare()
        self.begun = True
        self.away = False
        try:
            self._worker.start()
        except RuntimeError as error:  # at a limit, or while the interpreter ends; no caller must hear of it
            self.away = True
            self._again_at = self.clock.moment().monotonic + NO_THREAD_SECONDS
            self._mishap(error)

    def run(self, seconds: float) -> None:
        """Refresh what is due on this thread, beginning nothing after `seconds`. Does nothing where a thread does it."""
        if isinstance(self._worker, Inline):
            self.come_back()
            self._worker.run(seconds)

    @property
    def inline(self) -> bool:
        """Whether refreshing happens only in `run`."""
        return isinstance(self._worker, Inline)

    def wake(self) -> None:
        """Let the worker look at what is due."""
        self._worker.wake()

    def environment(self, settings: Settings) -> Feed:
        """The feed of another environment, the same one while it is known."""
        if self._environments is None:
            self._environments = Environments(self.clock)
        own = settings.sdk_key != self.settings.sdk_key
        feed = self._environments.get(settings.environment, lambda: self._feed(settings, key_is_ours=own))
        if self.begun:
            self.come_back()  # in a forked child this may be the first use
            self.wake()
        return feed

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Stop. Returns within about `seconds`, whatever the network and the listeners do, however many there are."""
        self.closed = True
        self.away = False
        ended = self._worker.stop(0.0)
        transport = self._made
        if transport is not None:
            transport.close()
        rest = Rest(seconds)
        if not ended and seconds > 0.0:
            self._worker.stop(seconds / 2)
        feeds = self._feeds()
        for feed in feeds:  # all are told before the first is waited for
            feed.close()
        for feed in feeds:
            feed.dispatcher.ended(rest.left())

    @property
    def ended(self) -> bool:
        """Whether, after `close`, no thread is left: neither one that hangs in an exchange nor one in a listener."""
        return self._worker.stop(0.0) and all(feed.dispatcher.ended() for feed in self._feeds())

    def abandon(self) -> None:
        """Stop, because nobody holds the client any more; the thread itself tidies up as it ends.

        Runs wherever garbage is collected, perhaps inside one of our own locks: it takes only a re-entrant one and waits
        for nothing.
        """
        self.closed = True
        self._worker.stop(0.0)

    # -- forks ---------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Bring the thread to rest for the fork, for a bounded time."""
        if self.begun and not self.closed:
            self._worker.rest(FORK_REST_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self.begun and not self.closed:
            self.begin()

    def after_fork_in_child(self) -> None:
        """Forget the parent's thread, locks and sockets. The thread starts again at the first use."""
        self._process = os.getpid()
        self._random.seed()  # or all children would poll at the same moment
        self._worker = self._make_worker()
        made, self._made = self._made, None
        if made is not None:
            made.abandon()
        if self._environments is not None:
            self._environments.forked()
        for feed in self._feeds():
            feed.forked()
        self.away = self.begun and not self.closed
        self._again_at = 0.0

    def come_back(self) -> bool:
        """Start again in a child, if the parent had started. Notices a fork that went past the interpreter's hooks.

        Returns whether there is nothing left to start.
        """
        if self.begun and os.getpid() != self._process:
            self.after_fork_in_child()
        if self.away and self.clock.moment().monotonic >= self._again_at:
            self.begin()
        return not self.away

    # -- the worker's --------------------------------------------------------------------------------------------------

    def _turn(self, going: Callable[[], bool], until: float | None = None) -> float | None:
        waits = [self._turn_of(feed, going, until) for feed in self._feeds()]
        if self._environments is not None:
            self._environments.forget_unused()
        told = [wait for wait in waits if wait is not None]
        return min(told) if told else None

    def _turn_of(self, feed: Feed, going: Callable[[], bool], until: float | None) -> float | None:
        try:
            return feed.turn(going, until)
        except Exception as error:  # noqa: BLE001 - one environment's mishap must not keep the others from refreshing
            self._mishap(error)
            return AFTER_A_MISHAP

    def _mishap(self, error: BaseException) -> None:
        """Say once per kind that something went wrong which no rule foresees."""
        kind = type(error).__name__
        if kind not in self._mishaps:
            self._mishaps.add(kind)
            self._log("error", f"refreshing stumbled and goes on: {kind}: {words_of(error)}")

    def _ended(self) -> None:
        """Give back what the thread used; called by the thread, as it ends."""
        if self._made is not None:
            self._made.close()
        for feed in self._feeds():
            feed.close()

    def _make_worker(self) -> Worker | Inline:
        if self.settings.mode == "lambda":
            return Inline(self._turn, self.clock, failed=self._mishap)
        name = f"buildflags-{self.settings.workspace}-{self.settings.environment}"
        return Worker(self._turn, self.clock, name, failed=self._mishap, ended=self._ended)

    def _feeds(self) -> list[Feed]:
        others = self._environments.feeds() if self._environments is not None else []
        return [self.main, *others]

    def _feed(self, settings: Settings, *, key_is_ours: bool = False) -> Feed:
        local = LocalCopies(settings, self._directory(), self._log, self._pins)
        return Feed(
            settings,
            transport=self._transport,
            local=local,
            clock=self.clock,
            dice=self._random.random,
            log=self._log,
            key_is_ours=key_is_ours,
            come_back=self.come_back,
            pins=self._pins,
        )

    def _transport(self) -> Transport:
        if self._given is not None:
            return self._given
        if self._made is None:
            with loading():
                from buildflags_sdk._transport.http import HttpTransport  # noqa: PLC0415 - with the first refresh

            self._made = HttpTransport(self.settings.url, self.settings.sdk_key.reveal())
        return self._made

    def _log(self, level: str, message: str, **fields: Any) -> None:
        import logging  # noqa: PLC0415 - only when there is something to say

        logger = logging.getLogger("buildflags_sdk.refresh")
        with contextlib.suppress(Exception):  # a handler or filter of the application that raises is not our failure
            logger.log(logging.getLevelNamesMapping()[level.upper()], message, extra={"buildflags": fields})


def _pins(settings: Settings) -> Pins | None:
    if not settings.signing_keys:
        return None
    from buildflags_sdk._wire.signing import Pins  # noqa: PLC0415 - loads cryptography

    return Pins(settings.signing_keys)
