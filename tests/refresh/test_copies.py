"""Disk copies and bootstrap files as a beginning, and other processes of the host as a source."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Freshness, Source
from buildflags_sdk._refresh.events import (
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    Cause,
    FetchManifest,
    FetchPages,
    NeighbourAsks,
    NeighbourFailed,
    Seeded,
)
from buildflags_sdk.errors import RulesetError


def seed(driver: Any, copy: Any, ago: float = 10.0, **more: Any) -> Seeded:
    headers = {"cache-control": "max-age=15, stale-while-revalidate=15", **more.pop("headers", {})}
    return Seeded(copy.manifest, copy.pages, copy.etag, headers, driver.now.wall - ago, **more)


def begin(driver: Any, copy: Any, ago: float = 10.0, **more: Any) -> None:
    driver.tell(seed(driver, copy, ago, **more))
    driver.finish(copy)


def test_a_disk_copy_is_served_first_and_the_network_asked_at_once_with_its_etag(driver: Any, ruleset: Any) -> None:
    copy = ruleset(5, pages=(b'{"key":"a"}\n',))
    driver.tell(seed(driver, copy))
    action = driver.act()
    assert action == Adopt(copy.manifest, copy.pages, Source.DISK)
    driver.tell(Adopted())
    assert driver.act() == FetchManifest(copy.etag, may_share=True)
    assert driver.machine.polls == 0


def test_a_disk_copy_seeds_the_order(driver: Any, ruleset: Any) -> None:
    begin(driver, ruleset(5))
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)


def test_a_disk_copy_is_as_old_as_its_last_check_and_its_answer_then(driver: Any, ruleset: Any) -> None:
    begin(driver, ruleset(5), ago=50.0, headers={"age": "3"})
    assert driver.machine.age(driver.now) == pytest.approx(53.0)
    assert driver.machine.freshness(driver.now) is Freshness.FRESH
    driver.advance(32.1)
    assert driver.machine.freshness(driver.now) is Freshness.STALE


def test_a_disk_copy_from_the_future_has_no_age_below_zero_and_is_not_fresh(driver: Any, ruleset: Any) -> None:
    begin(driver, ruleset(5), ago=-86_400.0)
    assert driver.machine.age(driver.now) == 0.0
    assert driver.machine.freshness(driver.now) is Freshness.STALE


def test_a_304_confirms_a_disk_copy(driver: Any, ruleset: Any) -> None:
    begin(driver, ruleset(5), ago=86_400.0)
    assert driver.machine.served.source == "disk"
    driver.serve(ruleset(5))
    assert driver.machine.not_modified == 1
    assert driver.machine.age(driver.now) == 0.0
    assert driver.machine.served.source == "network"
    assert driver.machine.served.checked_at == driver.now.wall


def test_a_disk_copy_that_cannot_be_built_is_dropped_and_the_backend_asked(driver: Any, ruleset: Any) -> None:
    driver.tell(seed(driver, ruleset(5)))
    driver.act()
    assert driver.tell(AdoptFailed(RulesetError("x"))) is None
    assert driver.act() == FetchManifest(None, may_share=False)
    assert driver.machine.failures == 0


def test_a_bootstrap_file_older_than_the_disk_copy_changes_nothing(driver: Any, ruleset: Any) -> None:
    begin(driver, ruleset(5))
    driver.tell(seed(driver, ruleset(4), source=Source.BOOTSTRAP))
    assert driver.machine.settled
    assert driver.order == (1, 5)


def test_a_seed_that_lacks_pages_has_them_fetched(driver: Any, ruleset: Any) -> None:
    copy = ruleset(5, pages=(b'{"key":"a"}\n',))
    driver.tell(seed(driver, copy)._replace(pages={}))
    assert isinstance(driver.act(), FetchPages)


# Other processes of this host.


def test_a_younger_answer_of_a_neighbour_stands_in_for_a_poll(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    assert driver.machine.settled_by(driver.now.wall - 20.0, driver.now)
    driver.tell(seed(driver, ruleset(6), ago=20.0))
    driver.finish(ruleset(6))
    assert driver.order == (1, 6)
    assert driver.machine.polls == 1
    assert driver.wait == pytest.approx(40.0), "one interval after the neighbour's answer"


def test_a_neighbours_confirmation_of_the_same_ruleset_renews_it(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(seed(driver, ruleset(5), ago=20.0))
    assert driver.machine.settled
    assert driver.machine.age(driver.now) == pytest.approx(20.0)
    assert driver.machine.swaps == 1


@pytest.mark.parametrize("ago", [60.0, 61.0, 1000.0, -5.0])
def test_an_answer_of_a_neighbour_that_is_no_younger_too_old_or_from_the_future_is_of_no_use(
    driver: Any, ruleset: Any, ago: float
) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    assert not driver.machine.settled_by(driver.now.wall - ago, driver.now)
    driver.tell(seed(driver, ruleset(6), ago=ago))
    assert driver.act() == FetchManifest(ruleset(5).etag, may_share=False)


def test_a_neighbour_that_is_behind_is_of_no_use(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(seed(driver, ruleset(4), ago=5.0))
    assert driver.act() == FetchManifest(ruleset(5).etag, may_share=False)
    assert driver.order == (1, 5)


def test_a_step_back_that_a_neighbour_took_is_taken(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(seed(driver, ruleset(4), ago=5.0, generation=1))
    report = driver.finish(ruleset(4))
    assert driver.order == (1, 4)
    assert report.stepped_back
    assert driver.machine.served.generation == 1


def test_with_a_key_pinned_a_neighbours_step_back_is_not_taken(make: Any, ruleset: Any) -> None:
    driver = make(pinned_key=True)
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(seed(driver, ruleset(4), ago=5.0, generation=1))
    assert driver.order == (1, 5)


def test_the_pair_left_behind_is_not_taken_from_a_neighbour(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    driver.serve(ruleset(3))
    driver.asked()
    driver.tell(seed(driver, ruleset(5), ago=5.0))
    assert driver.order == (1, 3)
    assert driver.act() == FetchManifest(ruleset(3).etag, may_share=False)


def test_a_neighbours_copy_that_cannot_be_built_is_not_looked_at_again(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(seed(driver, ruleset(6), ago=5.0))
    driver.act()
    driver.tell(AdoptFailed(RulesetError("x")))
    assert driver.act() == FetchManifest(ruleset(5).etag, may_share=False)


def test_a_neighbours_failure_is_backed_off_with(make: Any, ruleset: Any) -> None:
    driver = make(dice=1.0)
    driver.serve(ruleset(5))
    driver.asked()
    report = driver.tell(NeighbourFailed(driver.now.wall - 1.0, 4))
    assert report.cause is Cause.UNREACHABLE
    assert driver.wait == pytest.approx(60 * 1.2 - 1 + 1), "a look later than the longest wait of whoever asked"
    assert driver.machine.failures == 4
    assert driver.machine.polls == 1


def test_a_neighbours_failure_is_news_once(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    failed_at = driver.now.wall - 1.0
    driver.tell(NeighbourFailed(failed_at, 9))
    driver.asked()
    assert not driver.machine.settled_by_failure(failed_at, 9, driver.now)
    driver.tell(NeighbourFailed(failed_at, 9))
    assert driver.act() == FetchManifest(ruleset(5).etag, may_share=False)


def test_our_own_failure_read_back_from_the_disk_is_no_neighbours(make: Any) -> None:
    driver = make(dice=1.0)
    driver.fail()
    noted = driver.now.wall + 0.01
    driver.asked()
    assert not driver.machine.settled_by_failure(noted, 1, driver.now)


@pytest.mark.parametrize("ago", [5.0, -60.0])
def test_a_failure_whose_wait_is_over_or_from_the_future_is_no_reason_to_wait(
    driver: Any, ruleset: Any, ago: float
) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(NeighbourFailed(driver.now.wall - ago, 1))
    assert driver.act() == FetchManifest(ruleset(5).etag, may_share=False)


def test_while_a_neighbour_asks_the_machine_looks_again_soon_and_counts_no_failure(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.asked()
    driver.tell(NeighbourAsks())
    assert driver.wait == pytest.approx(0.5)
    assert driver.machine.failures == 0
    assert driver.asked().may_share


def test_a_neighbour_that_asks_for_ever_is_not_waited_for(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    began = driver.now.monotonic + 60.0
    while (asked := driver.asked()).may_share:
        driver.tell(NeighbourAsks())
    assert driver.now.monotonic - began == pytest.approx(20.0, abs=1.0)
    driver.tell(ruleset(5).answer(asked))
    assert driver.asked().may_share


def test_a_key_that_is_refused_is_no_business_of_the_neighbours(driver: Any) -> None:
    driver.asked()
    driver.tell(Answered(500, {}))
    assert not driver.machine.failure_is_own
    driver.asked()
    driver.tell(Answered(403, {}))
    assert driver.machine.failure_is_own
