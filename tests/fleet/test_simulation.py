"""The crowd in simulated time: the light form is the real one, the bars hold, and a herd would be noticed."""

from __future__ import annotations

import pytest

from buildflags_sdk._refresh.polling import DEFAULT_POLLING, Polling
from tests.fleet.edge_model import Edge
from tests.fleet.simulate import OUTAGE, difference, figures

CLIENTS = 6_000


class Impatient(Polling):
    """What most clients do: after a failure, ask again at once and on the beat."""

    def backoff(self, failures: int, poll: float, dice: float, *, serving: bool = True) -> float:
        return 5.0


class Sluggish(Polling):
    """Backs off far beyond the poll interval, so that an outage lasts longer for its clients than for its servers."""

    def backoff(self, failures: int, poll: float, dice: float, *, serving: bool = True) -> float:
        return min(10.0 * poll, 2.0**failures)


def test_every_bar_of_the_simulation_is_met_by_a_small_crowd() -> None:
    assert [figure for figure in figures(CLIENTS) if not figure.good] == []


@pytest.mark.parametrize("habit", [Impatient(), Sluggish()])
def test_a_crowd_with_worse_habits_misses_a_bar(habit: Polling) -> None:
    assert [figure.name for figure in figures(CLIENTS, habit) if not figure.good] != []


def test_the_light_form_of_a_client_is_the_state_machine_in_all_that_is_counted() -> None:
    assert difference(1_500, OUTAGE) < 0.5


def test_a_light_form_with_other_waits_would_be_noticed() -> None:
    class Half(Polling):
        def stretched(self, seconds: float, dice: float) -> float:
            return super().stretched(seconds, dice) / 2

    from tests.fleet.crowd import light, real

    halved, whole = light(1_500, OUTAGE, Half(), 1), real(1_500, OUTAGE, DEFAULT_POLLING, 2)
    assert halved.rate(100, 600) > 1.8 * whole.rate(100, 600)


def test_an_edge_asks_its_origin_once_however_many_ask_it() -> None:
    busy, alone = [1000] * 100, [1] * 100
    edge = Edge(max_age=15, takes=3.0)
    assert edge.asks_origin_at(busy, 1e9, 1e9) == edge.asks_origin_at(alone, 1e9, 1e9) == [0, 18, 36, 54, 72, 90]
    assert edge.asks_origin_at([0] * 100, 1e9, 1e9) == []
    assert edge.asks_origin_at(busy, 10, 40) == [0, 18, 28, 38, 48, 66, 84]
