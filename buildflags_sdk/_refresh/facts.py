"""What a refresh knows of itself: for status, for details, and for the processes that share a host. Pure.

The machine alone changes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from buildflags_sdk._freshness import Confirmation, Moment, age_of, freshness_of

from .events import Cause
from .failing import LONG_AGO, FailureRun

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Freshness

    from .events import Served
    from .polling import Polling

FOREVER: Final = float("inf")
CLOCKS_DIFFER_SECONDS: Final = 1.0
"""How far the wall clock readings of two processes may lie apart before one is from the future."""


class Phase(StrEnum):
    """Where one refresh is."""

    IDLE = "idle"
    ASKING = "asking"
    LACKING = "lacking"
    PAGING = "paging"
    COMPLETE = "complete"
    BUILDING = "building"


class Facts:
    """The facts of one environment's refreshing.

    `served` is the ruleset in service and `confirmation` when the backend last stood by it, both None before the first;
    `failed_at_age` is what `freshness_of` wants of the last failure. `next_at` is when to ask again, on both clocks;
    `poll` the interval in force. `polls`, `not_modified`, `step_backs` (answers that were one) and `swaps` are totals.
    """

    def __init__(self, place: str, polling: Polling) -> None:
        self._polling = polling
        self._run = FailureRun(place, polling.auth_retry)
        self._failure_known_at = -FOREVER
        self.phase = Phase.IDLE
        self.served: Served | None = None
        self.confirmation: Confirmation | None = None
        self.failed_at_age: float | None = None
        self.poll = polling.interval
        self.next_at = LONG_AGO
        self.polls = self.not_modified = self.step_backs = self.swaps = 0

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return self.phase is Phase.IDLE

    @property
    def building(self) -> bool:
        """Whether a ruleset was found and is on its way into service."""
        return self.phase not in (Phase.IDLE, Phase.ASKING)

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._run.count

    @property
    def backoff_step(self) -> int:
        """How many of them the wait for the next try is made of, and that of other processes of this host."""
        return self._run.step

    @property
    def failing_since(self) -> Moment | None:
        """When the first of them was; None while all is well."""
        return self._run.since

    @property
    def last_error(self) -> str | None:
        """What the last of them said; None while all is well."""
        return self._run.last_error

    @property
    def failure_is_own(self) -> bool:
        """Whether refreshes fail for a reason of this process (its keys), which the disk copy does not tell others."""
        return self._run.cause in (Cause.KEPT_OUT, Cause.UNTRUSTED)

    def freshness(self, now: Moment, max_staleness: float | None = None) -> Freshness | None:
        """How fresh the ruleset in service is; None before the first."""
        if self.confirmation is None:
            return None
        return freshness_of(self.confirmation, now, max_staleness, self.failed_at_age)

    def age(self, now: Moment) -> float | None:
        """Seconds since the backend stood by the ruleset in service; None before the first."""
        return None if self.confirmation is None else age_of(self.confirmation, now)

    def next_in(self, now: Moment) -> float | None:
        """Seconds until the next poll; None while something is under way."""
        if self.phase is not Phase.IDLE:
            return None
        return max(0.0, min(self.next_at.monotonic - now.monotonic, self.next_at.wall - now.wall))

    def settled_by(self, checked_at: float, now: Moment) -> bool:
        """Whether an answer that another process got at `checked_at` (Unix) does in place of a poll of our own.

        It must be younger than ours and no older than the poll interval. One from the future is not believed.
        """
        ours = -FOREVER if self.served is None else self.served.checked_at
        return ours < checked_at <= now.wall + CLOCKS_DIFFER_SECONDS and now.wall - checked_at < self.poll

    def settled_by_failure(self, failed_at: float, failures: int, now: Moment) -> bool:
        """Whether the failure of another process at `failed_at` (Unix) is news, and reason enough to wait with a poll."""
        known = self._failure_known_at if self.served is None else max(self._failure_known_at, self.served.checked_at)
        until = failed_at + self._longest_backoff(failures)
        return known < failed_at <= now.wall + CLOCKS_DIFFER_SECONDS and now.wall < until

    def _longest_backoff(self, failures: int) -> float:
        return self._polling.backoff(failures, self.poll, 1.0, serving=self.served is not None)
