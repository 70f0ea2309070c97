"""`python -m tests.fleet`: 1,000 clients behind varnish, in front of the real server; print the figures, each with its bar."""

from __future__ import annotations

import math
import sys

from tests.fleet.edge import VARNISHD
from tests.fleet.run import Figures, Plan, run

RIDES_OUT = Plan()
REACHES_CLIENTS = Plan(stale_if_error=5, outage=80.0)  # past the burst of first retries


def show(figures: Figures, title: str) -> bool:
    """Print them. True when every bar is met."""
    # A second's count has chance in it: four deviations at twice the steady rate.
    chance = 1.0 + 4.0 / math.sqrt(2.0 * figures.steady_rate)
    rows = [
        ("origin requests per TTL and manifest", figures.origin_per_ttl, 1.05),
        ("after the outage, busiest poll interval, × the steady rate", figures.after_peak / figures.steady_rate, 2.0),
        (
            "after the outage, busiest second, × the steady rate",
            figures.busiest_second / figures.steady_rate,
            2.0 * chance,
        ),
        ("clients that are not up to date at the end", figures.clients - figures.up_to_date, 0.0),
        ("clients that still fail at the end", figures.failing, 0.0),
    ]
    print(f"\n{title}")
    for name, value, bar in rows:
        print(f"  {'✓' if value <= bar else '✗'} {name:<62} {value:>8.3g}  bar ≤ {bar:.3g}")
    print(
        f"    during the outage, busiest poll interval, × the steady rate    {figures.outage_peak / figures.steady_rate:>8.3g}"
    )
    print(
        f"    requests for the manifest: {figures.asked_at_edge:,} at the edge, {figures.asked_at_origin} at the origin"
    )
    print(
        f"    steady rate {figures.steady_rate:.0f} a second; {figures.collapsed} requests waited for the first cold start"
    )
    print(f"    cold starts {figures.cold_starts}; answers by status {figures.statuses}")
    return all(value <= bar for _, value, bar in rows)


def main() -> int:
    """Both outages."""
    if VARNISHD is None:
        print("SKIPPED: varnishd is not installed (apt-get install varnish): there is no edge to measure")
        return 0
    good = True
    for plan, title in (
        (RIDES_OUT, f"{RIDES_OUT.clients} clients; an outage that the edge rides out on stale-if-error"),
        (
            REACHES_CLIENTS,
            f"{REACHES_CLIENTS.clients} clients; an outage longer than stale-if-error: every client fails",
        ),
    ):
        good &= show(run(plan, lambda line: print(f"  … {line}", flush=True)), title)
    print("\nevery bar is met" if good else "\na bar is missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
