"""`python -m tests.fleet.simulate [CLIENTS]`: a million clients in simulated time, and what edge and origin feel of them."""

from __future__ import annotations

import math
import sys
import time
from typing import NamedTuple

from buildflags_sdk._refresh.polling import DEFAULT_POLLING, Polling
from tests.fleet.crowd import Counted, Scenario, light, real
from tests.fleet.edge_model import Edge

OUTAGE = Scenario(down=600.0, up=1200.0, published=1200.0, end=1560.0)
SHORT_OUTAGES = tuple(Scenario(down=300.0, up=at, published=at, end=at + 180.0) for at in (310.0, 345.0, 390.0))
QUIET = Scenario(down=math.inf, up=math.inf, published=300.0, end=600.0)
EDGE = Edge()


class Figure(NamedTuple):
    """A figure with its bar."""

    name: str
    value: float
    bar: float
    unit: str = ""

    @property
    def good(self) -> bool:
        """Whether the bar is met."""
        return self.value <= self.bar


def figures(clients: int, polling: Polling = DEFAULT_POLLING, seed: int = 7) -> list[Figure]:
    """Run both scenarios and reckon."""
    quiet = light(clients, QUIET, polling, seed)
    crowd = light(clients, OUTAGE, polling, seed + 1)
    steady = clients / polling.stretched(OUTAGE.poll, 0.5)
    short = [light(clients, outage, polling, seed + 2).peak(outage.down, outage.end, 1) for outage in SHORT_OUTAGES]
    asked = EDGE.asks_origin_at(quiet.requests, math.inf, math.inf)
    per_ttl = (len(asked) - 1) * EDGE.max_age / (asked[-1] - asked[0])

    def chance(width: int) -> float:
        """Five deviations of a count over `width` seconds at twice the steady rate: chance, and not the fleet."""
        return 1.0 + 5.0 / math.sqrt(2.0 * steady * width)

    return [
        Figure("plain polling, busiest second, × the steady rate", quiet.peak(120, 600, 1) / steady, 1.1 * chance(1)),
        Figure("plain polling, requests to the origin per TTL and manifest", per_ttl, 1.05),
        Figure(
            "plain polling, the last client has a new ruleset after", max(quiet.delays, default=math.inf), 72.0, "s"
        ),
        Figure(
            "outage that reaches clients, busiest 10 s as it begins",
            crowd.peak(600, 690, 10) / steady,
            2.0 * chance(10),
        ),
        Figure("the same outage, later: busiest 10 s", crowd.peak(750, 1200, 10) / steady, 1.2 * chance(10)),
        Figure("after it, busiest 10 s, × the steady rate", crowd.peak(1200, 1560, 10) / steady, 2.0 * chance(10)),
        Figure("after it, busiest second, × the steady rate", crowd.peak(1200, 1560, 1) / steady, 2.0 * chance(1)),
        Figure("in and after outages of 10, 45, 90 s, busiest second", max(short) / steady, 2.0 * chance(1)),
        Figure("after it, the last client has a new ruleset after", max(crowd.delays, default=math.inf), 72.0, "s"),
        Figure("clients that never got a new ruleset", 2 * clients - len(quiet.delays) - len(crowd.delays), 0.0),
    ]


def difference(clients: int, scenario: Scenario, polling: Polling = DEFAULT_POLLING) -> float:
    """How far the light form lies from the real one: the largest difference of their rates over 20 s, × the steady rate."""
    one, other = light(clients, scenario, polling, 1), real(clients, scenario, polling, 2)
    steady = clients / polling.stretched(scenario.poll, 0.5)
    return max(abs(_rate(one, at) - _rate(other, at)) for at in range(0, int(scenario.end) - 20, 20)) / steady


def _rate(counted: Counted, at: int) -> float:
    return counted.rate(at, at + 20)


def main(clients: int) -> int:
    """Print the figures, each with its bar."""
    began = time.perf_counter()
    print(
        f"{clients:,} clients, poll {OUTAGE.poll:g} s, max-age {EDGE.max_age} s, an outage of {OUTAGE.up - OUTAGE.down:g} s"
    )
    found = figures(clients)
    far = difference(10_000, OUTAGE)
    found.append(Figure("10,000 real state machines, largest difference from the light form", far, 0.25))
    for figure in found:
        mark = "✓" if figure.good else "✗"
        print(f"  {mark} {figure.name:<66} {figure.value:>9.4g} {figure.unit:<2} bar ≤ {figure.bar:.4g}")
    print(f"{time.perf_counter() - began:.0f} s")
    return 0 if all(figure.good for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1].replace(",", "")) if sys.argv[1:] else 1_000_000))
