"""A fleet in simulated time: what a backend feels of its readers when it fails, comes back, or has edges at odds."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import Adopt, Adopted, Answered, Event, FetchManifest, Forked, WaitUntil
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._refresh.polling import Polling

if TYPE_CHECKING:
    from collections.abc import Callable

WALL = 1_795_424_400.0
READERS = 60


class Fleet:
    """Readers that begin together, and a backend that is a function of the time and what is asked."""

    def __init__(self, backend: Callable[[float, FetchManifest], Event], readers: int = READERS) -> None:
        self.backend = backend
        self.dice = random.Random(7)
        self.readers = [Refresh(workspace="acme", environment="production", polling=Polling()) for _ in range(readers)]
        self.requests: list[tuple[float, int]] = []
        self.reports: Counter[int] = Counter()
        self._turn = itertools.count()
        self._queue = [(0.0, next(self._turn), reader) for reader in range(readers)]

    def tell(self, reader: int, event: Event, at: float) -> None:
        if self.readers[reader].received(event, Moment(at, WALL + at), self.dice.random()) is not None:
            self.reports[reader] += 1

    def run(self, until: float) -> None:
        while self._queue[0][0] < until:
            at, _, reader = heapq.heappop(self._queue)
            action = self.readers[reader].next_action(Moment(at, WALL + at))
            again = at
            if isinstance(action, WaitUntil):
                again = action.monotonic
            elif isinstance(action, FetchManifest):
                self.requests.append((at, reader))
                again = at + 0.05
                self.tell(reader, self.backend(at, action), again)
            else:
                assert isinstance(action, Adopt)
                self.tell(reader, Adopted(), at)
            heapq.heappush(self._queue, (again, next(self._turn), reader))

    def asked(self, begin: float, end: float) -> int:
        return sum(begin <= at < end for at, _ in self.requests)

    def busiest_second(self, begin: float, end: float) -> int:
        return max(Counter(int(at) for at, _ in self.requests if begin <= at < end).values())

    def orders(self) -> Counter[tuple[int, int] | None]:
        return Counter(reader.served and reader.served.manifest.order for reader in self.readers)


def test_a_fleet_that_began_together_spreads_and_asks_no_more_than_once_an_interval(ruleset: Any) -> None:
    fleet = Fleet(lambda _, asked: ruleset(1).answer(asked))
    fleet.run(3600.0)
    assert fleet.asked(600, 3600) <= READERS * 50
    assert fleet.asked(600, 3600) >= READERS * 50 / 1.2 * 0.95
    assert fleet.busiest_second(1800, 3600) <= READERS / 6


def test_an_outage_is_a_second_try_each_and_then_plain_polling_and_its_end_no_stampede(ruleset: Any) -> None:
    def backend(at: float, asked: FetchManifest) -> Event:
        return Answered(503, {}) if 600 <= at < 1800 else ruleset(1 if at < 1800 else 2).answer(asked)

    fleet = Fleet(backend)
    fleet.run(1800.0)
    assert fleet.asked(600, 680) <= READERS * 2.4
    assert fleet.asked(680, 1800) <= READERS * (1120 / 60)
    assert max(fleet.reports.values()) == 1
    fleet.run(2400.0)
    assert fleet.busiest_second(1800, 2400) <= READERS / 4
    assert fleet.orders() == {(1, 2): READERS}
    assert fleet.asked(1800, 1872) <= READERS * 1.5


def test_every_reader_is_back_within_a_poll_interval_and_its_jitter_after_an_outage(ruleset: Any) -> None:
    fleet = Fleet(lambda at, asked: Answered(500, {}) if at < 1800 else ruleset(1).answer(asked))
    fleet.run(1800.0 + 72.0 + 1.0)
    assert fleet.orders() == {(1, 1): READERS}


def test_retry_after_spreads_a_fleet_too(ruleset: Any) -> None:
    fleet = Fleet(lambda at, asked: Answered(429, {"retry-after": "60"}) if at < 1 else ruleset(1).answer(asked))
    fleet.run(80.0)
    assert fleet.asked(1, 60) == 0
    assert fleet.busiest_second(60, 80) <= READERS / 3
    assert fleet.orders() == {(1, 1): READERS}


def test_a_refused_key_costs_one_request_in_two_minutes_a_reader(ruleset: Any) -> None:
    fleet = Fleet(lambda at, asked: Answered(401, {}) if at < 7200 else ruleset(1).answer(asked))
    fleet.run(7200.0)
    assert fleet.asked(1, 7200) <= READERS * 60
    fleet.run(7200.0 + 145.0)
    assert fleet.orders() == {(1, 1): READERS}


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_edges_at_odds_by_chance_die_down(ruleset: Any, share: float) -> None:
    """One edge is stuck on an old ruleset, calls it fresh, and is hit by chance: no guard of a reader can tell which."""
    chance = random.Random(11)
    fleet = Fleet(lambda _, asked: ruleset(4 if chance.random() < share else 5).answer(asked), readers=8)
    fleet.run(86_400.0)
    late = [reader.swaps for reader in fleet.readers]
    fleet.run(2 * 86_400.0)
    flips = [reader.swaps - before for reader, before in zip(fleet.readers, late, strict=True)]
    assert sum(flips) / len(flips) <= 2, "about one flip a day, of 1,300 polls"
    assert fleet.orders()[1, 5] >= 6


def test_a_poisoned_fleet_recovers_within_minutes(ruleset: Any) -> None:
    def backend(at: float, asked: FetchManifest) -> Any:
        return ruleset(1, epoch=2**62 if 600 <= at < 700 else 1).answer(asked)

    fleet = Fleet(backend)
    fleet.run(700.0)
    assert fleet.orders()[2**62, 1] == READERS
    fleet.run(700.0 + 72.0 + 72.0 + 1.0)
    assert fleet.orders() == {(1, 1): READERS}


def test_forked_children_ask_promptly_and_not_together(ruleset: Any) -> None:
    fleet = Fleet(lambda _, asked: ruleset(1).answer(asked))
    for reader in range(READERS):
        fleet.tell(reader, Forked(), 0.0)
    fleet.run(2.5)
    assert fleet.asked(0, 2.5) == READERS
    tenths = Counter(int(at * 10) for at, _ in fleet.requests)
    assert max(tenths.values()) <= READERS / 4
