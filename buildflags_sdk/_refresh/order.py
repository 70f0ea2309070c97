"""The total order of rulesets, and the guard that says which answer is a step forward, the same, or a step back.

Pure. Two edges that disagree must not make a reader flap, and one bad far-future number must not freeze it: so a step
back needs every fresh answer of a while to agree.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

Order = tuple[int, int]
"""`(epoch, revision)`, compared as a pair."""

LEAST_SECONDS = 60.0
_LONGEST_MAX_AGE = 3600.0
_MOST_DOUBLINGS = 6


class Verdict(Enum):
    """What an answer means for the ruleset in service."""

    TAKE = "take"
    """A higher pair, or the first: take it."""
    SAME = "same"
    """The ruleset in service, byte for byte: it is confirmed."""
    KEEP = "keep"
    """A step back not yet believed, or a pair once left that is not fresh: keep what is in service."""
    STEP_BACK = "step back"
    """A step back that all fresh answers agreed on for long enough: take it."""


class Suspect(NamedTuple):
    """A step back that every fresh answer has agreed on since the one at `since` (monotonic seconds)."""

    order: Order
    raw: bytes
    since: float
    max_age: float


class Guard:
    """Remembers what is in service and what fresh answers said against it.

    With a signing key pinned, a step back is never taken by waiting: the way back is a new epoch, signed.
    """

    __slots__ = ("_left", "_order", "_pinned", "_raw", "_suspect", "_undone")

    def __init__(self, *, pinned_key: bool = False) -> None:
        self._pinned = pinned_key
        self._order: Order | None = None
        self._raw = b""
        self._left: Order | None = None
        self._suspect: Suspect | None = None
        self._undone = 0

    @property
    def order(self) -> Order | None:
        """The pair in service."""
        return self._order

    @property
    def left_behind(self) -> Order | None:
        """The pair that the last step back left; it is taken again only from a fresh answer."""
        return self._left

    @property
    def suspect(self) -> Suspect | None:
        """The step back that is being watched."""
        return self._suspect

    def judge(self, order: Order, raw: bytes, *, fresh: bool, max_age: float, monotonic: float) -> Verdict:
        """Say what an answer means. `fresh` is whether its own headers call it so; only such answers are evidence."""
        if self._order is not None and order <= self._order and not self._is_served(order, raw):
            return self._judge_step_back(order, raw, max_age, monotonic) if fresh else Verdict.KEEP
        if fresh:
            self._suspect = None
        if self._is_served(order, raw):
            return Verdict.SAME
        return Verdict.KEEP if order == self._left and not fresh else Verdict.TAKE

    def unchanged(self, *, fresh: bool) -> None:
        """Note an answer that named no pair but said: nothing changed."""
        if fresh:
            self._suspect = None

    def served(self, order: Order, raw: bytes, *, stepped_back: bool) -> None:
        """Note what is in service from now on."""
        if stepped_back:
            self._left = self._order
        elif order == self._left:
            self._left = None
            self._undone += 1
        self._order, self._raw, self._suspect = order, raw, None

    def _is_served(self, order: Order, raw: bytes) -> bool:
        return order == self._order and raw == self._raw

    def _judge_step_back(self, order: Order, raw: bytes, max_age: float, monotonic: float) -> Verdict:
        suspect = self._suspect
        max_age = min(max_age, _LONGEST_MAX_AGE)
        if suspect is None or (suspect.order, suspect.raw) != (order, raw):
            self._suspect = Suspect(order, raw, monotonic, max_age)
            return Verdict.KEEP  # one answer is no agreement
        suspect = suspect._replace(max_age=max(max_age, suspect.max_age))
        self._suspect = suspect
        if self._pinned or monotonic - suspect.since < self._patience(suspect):
            return Verdict.KEEP
        return Verdict.STEP_BACK

    def _patience(self, suspect: Suspect) -> float:
        """Seconds to watch a step back. Each one that was later undone doubles it: edges at odds by chance die down."""
        return max(LEAST_SECONDS, 2.0 * suspect.max_age) * 2.0 ** min(self._undone, _MOST_DOUBLINGS)
