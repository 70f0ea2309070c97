"""How old a ruleset is, and what that makes it: FRESH, then STALE, then EXPIRED.

Pure: it is told the moment and never reads a clock. Both clocks count, because each fails in its own way: the monotonic
one may stand still while the host sleeps, the wall clock may be set forward or back.
"""

from __future__ import annotations

from typing import NamedTuple

from ._evaluation.details import Freshness


class Moment(NamedTuple):
    """One moment on both clocks, in seconds. `wall` is Unix time, `monotonic` counts from anywhere."""

    monotonic: float
    wall: float

    def later(self, seconds: float) -> Moment:
        """The moment `seconds` from this one, if neither clock misbehaves."""
        return Moment(self.monotonic + seconds, self.wall + seconds)

    def reached(self, now: Moment) -> bool:
        """Whether either clock has come this far: a sleep shows on the wall clock, a clock set back on the other."""
        return now.monotonic >= self.monotonic or now.wall >= self.wall

    def elapsed(self, now: Moment) -> tuple[float, float]:
        """Seconds since this moment by the clock that says less and by the one that says more, neither below 0."""
        by_monotonic = max(0.0, now.monotonic - self.monotonic)
        by_wall = max(0.0, now.wall - self.wall)
        return (by_monotonic, by_wall) if by_monotonic <= by_wall else (by_wall, by_monotonic)


class Confirmation(NamedTuple):
    """That the backend stood by a ruleset: when its answer came, and how much that answer is worth.

    `age` is how old the answer already was (its `Age` header, or the years a disk copy lay there), `fresh_for` how long
    after `at` it stays FRESH: 0 for an answer that was stale on arrival.
    """

    at: Moment
    age: float = 0.0
    fresh_for: float = 0.0

    def ages(self, now: Moment) -> tuple[float, float]:
        """Seconds since the backend stood by the ruleset, the smaller and the larger of what the two clocks say."""
        smaller, larger = self.at.elapsed(now)
        return self.age + smaller, self.age + larger


def age_of(confirmation: Confirmation, now: Moment) -> float:
    """The age to tell people: the larger one, so that a sleeping host never makes a ruleset look younger."""
    return confirmation.ages(now)[1]


def freshness_of(
    confirmation: Confirmation,
    now: Moment,
    max_staleness: float | None = None,
    failed_at_age: float | None = None,
) -> Freshness:
    """FRESH, STALE or EXPIRED.

    Either clock makes a ruleset STALE, which only makes refreshes run. EXPIRED takes callers' rulesets away, so one clock
    alone is not believed: the smaller age must pass `max_staleness`, or the larger one and a refresh that began when it
    already had, and failed. `failed_at_age` is the larger age at which the last refresh began that did not renew the
    ruleset; None when none has failed since it was confirmed.
    """
    if max_staleness is not None:
        smaller, larger = confirmation.ages(now)
        tried = failed_at_age is not None and failed_at_age > max_staleness
        if smaller > max_staleness or (larger > max_staleness and tried):
            return Freshness.EXPIRED
    waited = confirmation.at.elapsed(now)[1]
    return Freshness.FRESH if waited < confirmation.fresh_for else Freshness.STALE


def earliest(one: Moment, other: Moment) -> Moment:
    """The earlier of two moments, on each clock by itself."""
    return Moment(min(one.monotonic, other.monotonic), min(one.wall, other.wall))


def latest(one: Moment, other: Moment) -> Moment:
    """The later of two moments, on each clock by itself."""
    return Moment(max(one.monotonic, other.monotonic), max(one.wall, other.wall))
