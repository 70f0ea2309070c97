"""One edge in simulated time: what its origin is asked, given what it is asked itself, second by second.

It holds one manifest and does as RFC 9111 and RFC 5861 say: fresh for `max_age`, then served stale while one request to
the origin is under way, and served stale while the origin fails. However many ask, one asks the origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Edge(NamedTuple):
    """Seconds. `takes` is how long the origin takes to answer: a cold start, at worst."""

    max_age: int = 15
    takes: float = 3.0
    retry: int = 10
    """After a failure the edge waits this long with the next try (CloudFront's default for errors)."""

    def asks_origin_at(self, requests: Sequence[int], down: float, up: float) -> list[float]:
        """When the origin is asked. From `down` to `up` it fails at once."""
        asked: list[float] = []
        next_at = 0.0
        for second, count in enumerate(requests):
            at = max(float(second), next_at)
            if count and at < second + 1:
                asked.append(at)
                next_at = at + (self.retry if down <= at < up else self.takes + self.max_age)
        return asked
