"""One row of the benchmark table, and how rows are printed. A bar that is missed is said, and fails the command."""

from __future__ import annotations

import sys
import timeit
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Row(NamedTuple):
    """A figure, the bar it is held against (None: information only), and where the figure comes from."""

    name: str
    figure: float
    bar: float | None
    unit: str
    remark: str = ""

    @property
    def good(self) -> bool:
        """Whether the bar is met."""
        return self.bar is None or self.figure <= self.bar


def show(title: str, rows: Sequence[Row]) -> bool:
    """Print the rows. True when each meets its bar."""
    print(f"\n{title}")
    for row in rows:
        bar = "" if row.bar is None else f"bar ≤ {row.bar:g}"
        mark = " " if row.bar is None else ("✓" if row.good else "✗")
        print(f"  {mark} {row.name:<58} {row.figure:>10.3g} {row.unit:<8} {bar:<12} {row.remark}")
    sys.stdout.flush()
    return all(row.good for row in rows)


def nanoseconds(
    calls: Mapping[str, Callable[[], object] | str], names: dict[str, object], *, rounds: int = 9
) -> dict[str, float]:
    """Nanoseconds per call of each statement, interleaved round by round, the best round of each."""
    timers = {name: timeit.Timer(call, globals=names) for name, call in calls.items()}
    best = dict.fromkeys(timers, float("inf"))
    loops = {
        name: max(1, int(20_000_000 / max(timer.timeit(2000) / 2000 * 1e9, 1) / 20)) for name, timer in timers.items()
    }
    for _ in range(rounds):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(loops[name]) / loops[name] * 1e9)
    return best
