"""A small fleet behind a real edge, in front of the real server; `make fleet` runs a thousand clients."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fleet.edge import VARNISHD
from tests.fleet.run import Plan, _peak, _rate, run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SMALL = Plan(
    clients=80,
    poll=2,
    max_age=1,
    stale_while_revalidate=1,
    settle=5.0,
    steady=5.0,
    outage=4.0,
    after=6.0,
    flags=20,
    cold_start=0.5,
)


@pytest.mark.skipif(
    VARNISHD is None, reason="varnishd is not installed (apt-get install varnish): there is no edge to test"
)
def test_an_edge_asks_its_origin_once_a_ttl_and_an_outage_ends_without_a_herd() -> None:
    said: list[str] = []
    figures = run(SMALL, said.append)
    assert figures.origin_per_ttl <= 1.05
    assert figures.asked_at_origin < figures.asked_at_edge / 10
    assert figures.collapsed > 5, "the first cold start had them wait for one request"
    assert figures.after_peak <= 2.0 * figures.steady_rate
    assert figures.up_to_date == SMALL.clients
    assert figures.failing == 0
    assert {kind for kind in figures.statuses if kind.startswith("manifest")} == {"manifest 200", "manifest 304"}
    assert len(said) == 3


def test_a_herd_would_be_noticed() -> None:
    spread = Counter({second / 10: 10 for second in range(600)})
    herd = spread + Counter({30.0: 3000})
    assert _peak(spread, 20.0, 60.0, 5.0) == pytest.approx(_rate(spread, 0.0, 20.0), rel=0.05)
    assert _peak(herd, 20.0, 60.0, 5.0) > 2.0 * _rate(herd, 0.0, 20.0)
