"""A reader of publishers whose clocks disagree by a day: it goes by the pair and nothing else, and never flaps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.restore import restore

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON, DAY = 1_795_424_400.0, 86_400.0
TODAY, YESTERDAY = "2026-11-23T09:00:00Z", "2026-11-22T09:00:00Z"


def from_alternating_clocks(ruleset: Any, number: int) -> list[Any]:
    """Rulesets as by publishers that write what their own clocks say: every second one is a day older."""
    return [ruleset(revision, note=(TODAY, YESTERDAY)[revision % 2]) for revision in range(1, number + 1)]


class Backend:
    """A real store, published into by a clock that is right and one that is a day behind, in turn."""

    def __init__(self, ruleset: Any) -> None:
        self.store = SqliteStore(":memory:")
        self.at = NOON
        self._ruleset = ruleset
        provision(self.store, "acme", ["production"], now=self.right)

    def right(self) -> float:
        self.at += 1.0
        return self.at

    def behind(self) -> float:
        return self.right() - DAY

    def publish(self, turn: int) -> Any:
        flag = {"key": "a", "type": "boolean", "variants": {"on": True, "off": False}, "enabled": True}
        said = {**flag, "fallthrough": {"variant": ("on", "off")[turn % 2]}}
        load_bulk(self.store, "acme", "production", [said], now=(self.right, self.behind)[turn % 2])
        return self.live()

    def live(self) -> Any:
        """What is live, as the driver serves it: the stored bytes, under their own ETag."""
        pointer = self.store.get("WORKSPACE#acme", "ENV#production")
        assert pointer is not None
        row = self.store.get("WORKSPACE#acme#ENV#production", str(pointer["manifest"]))
        assert row is not None
        served = self._ruleset(1)
        served.body, served.etag = row["body"], row["etag"]
        served.order = served.manifest.order
        return served


@pytest.fixture
def backend(ruleset: Any) -> Iterator[Backend]:
    made = Backend(ruleset)
    yield made
    made.store.close()


def test_a_published_at_that_goes_back_is_harmless(driver: Any, ruleset: Any) -> None:
    published = from_alternating_clocks(ruleset, 8)
    assert published[0].manifest.published_at < published[1].manifest.published_at
    assert published[1].manifest.published_at > published[2].manifest.published_at
    for each in published:
        driver.serve(each)
        assert driver.order == each.order
    assert driver.machine.step_backs == 0
    assert driver.machine.swaps == len(published)


def test_of_two_edges_one_publish_apart_the_older_never_undoes_a_kill_switch(driver: Any, ruleset: Any) -> None:
    """Whichever clock the newer ruleset came from, and however fresh the edge that lags says it is."""
    seen = []
    for older, newer in pairwise(from_alternating_clocks(ruleset, 8)):
        for edge in (newer, older, newer, older, newer):
            driver.serve(edge)
            seen.append(driver.order)
            assert driver.order == newer.order
    assert seen == sorted(seen)
    assert driver.machine.swaps == 7


def test_a_real_stores_publishers_are_followed_one_by_one(driver: Any, backend: Backend) -> None:
    orders = []
    for turn in range(8):
        published = backend.publish(turn)
        driver.serve(published)
        assert driver.machine.served.manifest.raw == published.body
        orders.append(driver.order)
    assert all(later == (earlier[0], earlier[1] + 1) for earlier, later in pairwise(orders))
    assert driver.machine.step_backs == 0


def test_a_real_stores_publishers_do_not_make_a_reader_of_lagging_edges_flap(driver: Any, backend: Backend) -> None:
    older, seen = backend.publish(0), []
    for turn in range(1, 8):
        newer = backend.publish(turn)
        for edge in (newer, older, newer, older):
            driver.serve(edge, age=0)
            seen.append(driver.order)
        older = newer
    assert seen == sorted(seen)
    assert driver.machine.swaps == 7


@pytest.mark.parametrize("pinned_key", [False, True], ids=["not signed", "signed"])
def test_a_restore_by_a_clock_a_day_behind_is_taken_at_once(make: Any, backend: Backend, pinned_key: bool) -> None:
    driver = make(pinned_key=pinned_key)
    for turn in range(5):
        driver.serve(backend.publish(turn))
    before = driver.order
    restore(backend.store, now=backend.behind)
    driver.serve(backend.live())
    assert driver.order == backend.live().order
    assert driver.order[0] == before[0] + 1
    assert driver.machine.step_backs == 0
    driver.serve(backend.publish(0))
    assert driver.order == backend.live().order
