"""How a refresh ends: well or not, with what an answer is worth and when to ask next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from buildflags_sdk._freshness import Confirmation, Moment
from buildflags_sdk._wire.headers import CacheHeaders, read_cache_headers

from .answers import is_stale_on_arrival
from .facts import CLOCKS_DIFFER_SECONDS, Facts, Phase
from .shelf import Shelf

if TYPE_CHECKING:
    from buildflags_sdk._wire.limits import Limits

    from .events import Cause, Report, Served
    from .polling import Polling


class Candidate(NamedTuple):
    """A ruleset on its way into service. `next_at` is when to poll after one from a file; None: from the network."""

    served: Served
    confirmation: Confirmation
    poll: float
    stepped_back: bool = False
    next_at: Moment | None = None


class Endings(Facts):
    """The facts, with what changes them at the end of a refresh. `machine.py` decides which end it is."""

    def __init__(self, place: str, polling: Polling, limits: Limits) -> None:
        super().__init__(place, polling)
        self._shelf = Shelf(limits)
        self._candidate: Candidate | None = None
        self._age_when_begun: float | None = None
        self._sharing_since: Moment | None = None

    def _fail(
        self,
        cause: Cause,
        error: Exception,
        now: Moment,
        dice: float,
        *,
        retry_after: float | None = None,
        got_on: bool = False,
    ) -> Report | None:
        self.phase = Phase.IDLE
        self._candidate = self._sharing_since = None
        self.failed_at_age = self._age_when_begun
        self._failure_known_at = now.wall + CLOCKS_DIFFER_SECONDS  # our own note on the disk is no neighbour's
        report = self._run.failed(cause, error, now, got_on=got_on)
        wait = self._wait_after_failures(dice)
        if retry_after is not None:
            asked = min(retry_after, self._polling.retry_after_cap)
            self._run.not_before = now.later(asked)
            wait = max(wait, self._polling.stretched(asked, dice))
        self.next_at = now.later(wait)
        return report

    def _wait_after_failures(self, dice: float) -> float:
        return self._run.wait(self._polling, self.poll, dice, serving=self.served is not None)

    def _well(self, now: Moment, dice: float, next_at: Moment | None = None) -> Report | None:
        self.phase, self._sharing_since = Phase.IDLE, None
        self._shelf.pages = {}
        self.next_at = next_at or now.later(self._polling.stretched(self.poll, dice))
        return self._run.ended(now)

    def _confirm(self, served: Served, now: Moment) -> None:
        cache = read_cache_headers(served.headers)
        self.served = served
        self.poll = self._polling.bounded(cache.poll)
        confirmation, known = self._confirmation(cache, self.poll, now), self.age(now)
        # An edge that answers from an older store does not undo what a better one has confirmed.
        if known is not None:
            confirmation = confirmation._replace(age=min(confirmation.age, known))
        self.confirmation = confirmation
        self.failed_at_age = None

    def _confirmation(self, cache: CacheHeaders, poll: float, now: Moment, lain: float = 0.0) -> Confirmation:
        """What an answer is worth that came now, or that lay on a disk for `lain` seconds."""
        fresh_for = 0.0 if is_stale_on_arrival(cache) else max(0.0, self._polling.fresh_for(poll) - lain)
        return Confirmation(now, float(cache.age or 0) + lain, fresh_for)
