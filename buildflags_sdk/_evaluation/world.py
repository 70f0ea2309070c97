"""What a rule may ask of the outside, as one Protocol that the client implements once; nothing here reads a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class World(Protocol):
    """The outside, as rules see it. Every method answers from memory and never blocks."""

    def now(self) -> float:
        """Seconds since 1970. Only time conditions and ramps ask."""

    def random(self) -> float:
        """A number in [0, 1). Only random stickiness asks."""

    def is_member(self, list_id: str, key: str) -> bool | None:
        """Tell whether a key is in a list kept outside; None when no source knows."""

    def assigned(self, experiment: str, key: str) -> str | None:
        """The variant stored for this key, or None."""


class PureWorld:
    """A world with a clock and dice, which must be given, and neither lists nor stored assignments.

    >>> PureWorld(now=lambda: 0.0, random=lambda: 0.5).is_member("beta", "user-7") is None
    True
    """

    __slots__ = ("now", "random")

    def __init__(self, now: Callable[[], float], random: Callable[[], float]) -> None:
        self.now = now
        self.random = random

    def is_member(self, list_id: str, key: str) -> bool | None:
        """None: no source of lists."""
        return None

    def assigned(self, experiment: str, key: str) -> str | None:
        """None: no stored assignments."""
        return None
