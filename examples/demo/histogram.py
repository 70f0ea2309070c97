"""Latencies on a logarithmic scale: cheap to add to, small to send, exact enough for percentiles (within 6 %)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PER_DECADE = 20
FIRST, LAST = 1, 11  # powers of ten, in nanoseconds: 10 ns to 100 s
EDGES = [round(10 ** (FIRST + step / PER_DECADE)) for step in range((LAST - FIRST) * PER_DECADE + 1)]


class Histogram:
    """Counts of durations in nanoseconds."""

    def __init__(self, counts: Iterable[tuple[int, int]] = (), longest: int = 0) -> None:
        self.counts: Counter[int] = Counter(dict(counts))
        self.longest = longest

    def add(self, nanoseconds: int) -> None:
        """Count one duration."""
        self.counts[bisect_right(EDGES, nanoseconds)] += 1
        self.longest = max(self.longest, nanoseconds)

    def merge(self, other: Histogram) -> None:
        """Take another one's counts along."""
        self.counts.update(other.counts)
        self.longest = max(self.longest, other.longest)

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return self.counts.total()

    def percentile(self, percent: float) -> int | None:
        """The duration in nanoseconds that `percent` of all do not exceed (within 6 %), or None when nothing was counted."""
        wanted, seen = self.total * percent / 100, 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= wanted > 0:
                return min(round(sqrt(EDGES[max(index - 1, 0)] * EDGES[min(index, len(EDGES) - 1)])), self.longest)
        return None

    def between(self, low: int, high: int) -> int:
        """How many durations lie in [low, high) nanoseconds; both must be of `EDGES`."""
        return sum(count for index, count in self.counts.items() if low <= EDGES[max(index - 1, 0)] < high)


def duration_text(nanoseconds: float | None) -> str:
    """A duration in the unit that suits it: `340 ns`, `1.2 µs`, `87 ms`, `3.1 s`."""
    if nanoseconds is None:
        return "–"
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= size:
            amount = nanoseconds / size
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{nanoseconds:.0f} ns"
