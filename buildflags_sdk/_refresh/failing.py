"""One run of failures: how many in a row, since when and why, and what of it is worth a log line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildflags_sdk._freshness import Moment
from buildflags_sdk.errors import words_of

from .answers import explained
from .events import Cause, Report

if TYPE_CHECKING:
    from .polling import Polling

LONG_AGO: Final = Moment(float("-inf"), float("-inf"))
_LOUD: Final = (Cause.KEPT_OUT, Cause.UNTRUSTED, Cause.NEWER_FORMAT)


class FailureRun:
    """The failures since refreshes last went well.

    Each cause is reported once in a run, so that a run of thousands of failures is a few lines. `not_before` is what the
    backend asked for with `Retry-After`.

    A refresh that its deadline cut off while pages came (`got_on`) is a failure, and the next goes on from there: the
    backoff begins anew. That hammers nobody: each such try took a whole deadline, and there are no more than pages.
    """

    __slots__ = ("_got_on_at", "_pace", "_place", "_said", "cause", "count", "last_error", "not_before", "since")

    def __init__(self, place: str, pace: float) -> None:
        self._place = place
        self._pace = pace
        self._begin()

    def _begin(self) -> None:
        self._said: set[Cause] = set()
        self.count = self._got_on_at = 0
        self.since: Moment | None = None
        self.cause: Cause | None = None
        self.last_error: str | None = None
        self.not_before = LONG_AGO

    @property
    def step(self) -> int:
        """How far the backoff is: the failures in a row, since one that got on."""
        return self.count - self._got_on_at

    def failed(self, cause: Cause, error: Exception, now: Moment, *, got_on: bool = False) -> Report | None:
        """Note one more, and say so if its cause is new in this run."""
        if got_on:
            self._got_on_at = self.count
        self.count += 1
        self.since = self.since or now
        self.cause = cause
        self.last_error = words_of(error)
        if cause in self._said or (cause is Cause.SUPERSEDED and self.count == 1):
            return None  # a page gone once is a publish that came between, and no news
        self._said.add(cause)
        message = explained(cause, self._place, self._pace, self.last_error)
        level = "error" if cause in _LOUD else "warning"
        return Report(level, message, cause, error, self.count, self.since.elapsed(now)[1])

    def wait(self, polling: Polling, poll: float, dice: float, *, serving: bool) -> float:
        """Seconds to wait before the next try; 0 when none has failed. `serving`: there is a ruleset in service."""
        if self.cause is None:
            return 0.0
        if self.cause is Cause.KEPT_OUT:
            return polling.stretched(polling.auth_retry, dice)
        return polling.backoff(self.step, poll, dice, serving=serving)

    def ended(self, now: Moment) -> Report | None:
        """Note that all is well, and say so if anything was said before."""
        since, count, said = self.since, self.count, bool(self._said)
        self._begin()
        if since is None or not said:
            return None
        seconds = since.elapsed(now)[1]
        message = f"refreshes of {self._place} work again, after {count} failures in {seconds:.0f} s"
        return Report("info", message, failures=count, seconds=seconds)
