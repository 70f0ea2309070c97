"""FRESH, STALE, EXPIRED: on two clocks, either of which may jump or stand still."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Freshness
from buildflags_sdk._freshness import Confirmation, Moment, age_of, freshness_of
from buildflags_sdk._refresh.events import FetchManifest

FRESH, STALE, EXPIRED = Freshness.FRESH, Freshness.STALE, Freshness.EXPIRED
DAY = 86_400.0


def shifted(moment: Moment, monotonic: float, wall: float) -> Moment:
    return Moment(moment.monotonic + monotonic, moment.wall + wall)


@pytest.mark.parametrize(
    ("monotonic", "wall", "expected"),
    [
        (0, 0, FRESH),
        (81, 81, FRESH),
        (82, 82, STALE),
        (82, 0, STALE),  # the wall clock was set back
        (0, 82, STALE),  # the host slept and the monotonic clock stood still
        (10, -DAY, FRESH),
        (-5, -5, FRESH),
        (0, DAY, STALE),
    ],
)
def test_either_clock_makes_a_ruleset_stale(monotonic: float, wall: float, expected: Freshness) -> None:
    at = Moment(100.0, 1000.0)
    assert freshness_of(Confirmation(at, 0.0, 82.0), shifted(at, monotonic, wall)) is expected


@pytest.mark.parametrize(
    ("monotonic", "wall", "failed_at_age", "expected"),
    [
        (300, 300, None, STALE),
        (301, 301, None, EXPIRED),
        (301, 0, None, STALE),
        (0, 301, None, STALE),
        (0, DAY, None, STALE),  # a clock set forward expires nothing at once
        (0, DAY, 299.0, STALE),  # the refresh that failed began before that was noticed
        (0, DAY, 301.0, EXPIRED),
        (301, 0, 301.0, EXPIRED),
    ],
)
def test_expired_needs_both_clocks_or_one_and_a_refresh_that_failed(
    monotonic: float, wall: float, failed_at_age: float | None, expected: Freshness
) -> None:
    at = Moment(100.0, 1000.0)
    now = shifted(at, monotonic, wall)
    assert freshness_of(Confirmation(at, 0.0, 82.0), now, 300.0, failed_at_age) is expected


def test_without_a_limit_nothing_expires() -> None:
    at = Moment(0.0, 0.0)
    assert freshness_of(Confirmation(at, 0.0, 82.0), shifted(at, 1e9, 1e9), None, 1e9) is STALE


def test_an_age_is_the_larger_one_and_never_below_zero() -> None:
    at = Moment(100.0, 1000.0)
    confirmation = Confirmation(at, 5.0, 82.0)
    assert age_of(confirmation, shifted(at, 10, 3)) == 15.0
    assert age_of(confirmation, shifted(at, 3, 10)) == 15.0
    assert age_of(confirmation, shifted(at, -9, -9)) == 5.0


# Seen through the machine.


def test_a_healthy_client_never_turns_stale_between_polls(make: Any, ruleset: Any) -> None:
    driver = make(dice=1.0)
    driver.serve(ruleset(1))
    for age in (0, 10, 30, 0):
        driver.asked()
        driver.advance(9.9)  # a slow exchange, just within its deadline
        assert driver.machine.freshness(driver.now) is FRESH
        driver.tell(ruleset(1).answer(FetchManifest(ruleset(1).etag, may_share=True), age=age))


def test_without_answers_it_turns_stale_after_the_latest_next_poll_and_its_exchange(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.advance(81.9)
    assert driver.machine.freshness(driver.now) is FRESH
    driver.advance(0.2)
    assert driver.machine.freshness(driver.now) is STALE


def test_an_answer_older_than_its_edge_may_serve_it_is_stale_on_arrival_and_not_asked_again_sooner(
    driver: Any, ruleset: Any
) -> None:
    driver.serve(ruleset(1), age=30)
    assert driver.machine.freshness(driver.now) is FRESH
    driver.serve(ruleset(2), age=31)
    assert driver.order == (1, 2)
    assert driver.machine.freshness(driver.now) is STALE
    assert driver.machine.age(driver.now) == 31.0
    assert driver.wait == pytest.approx(60.0)


def test_an_edge_that_lives_on_its_store_does_not_undo_what_a_better_one_confirmed(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.serve(ruleset(1), age=86_400)
    assert driver.machine.age(driver.now) == pytest.approx(60.0)
    assert driver.machine.freshness(driver.now, max_staleness=300.0) is STALE


def test_before_the_first_ruleset_there_is_neither_age_nor_freshness(driver: Any) -> None:
    assert driver.machine.age(driver.now) is None
    assert driver.machine.freshness(driver.now, 1.0) is None


def test_a_clock_set_forward_expires_nothing_unless_the_next_refresh_fails(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.now = shifted(driver.now, 1.0, DAY)
    assert driver.machine.freshness(driver.now, 300.0) is STALE
    asked = driver.act()
    assert isinstance(asked, FetchManifest), "a jump is asked about at once"
    driver.tell(ruleset(1).answer(asked))
    assert driver.machine.freshness(driver.now, 300.0) is FRESH


def test_a_clock_set_forward_and_a_refresh_begun_after_it_that_fails_expire_it(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.now = shifted(driver.now, 1.0, DAY)
    driver.fail()
    assert driver.machine.freshness(driver.now, 300.0) is EXPIRED
    driver.serve(ruleset(1))
    assert driver.machine.freshness(driver.now, 300.0) is FRESH


def test_a_step_back_that_is_not_believed_counts_as_a_refresh_that_failed(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.now = shifted(driver.now, 1.0, DAY)
    driver.serve(ruleset(3))
    assert driver.machine.freshness(driver.now, 300.0) is EXPIRED


def test_a_refresh_begun_before_the_jump_does_not_expire_it(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.fail()
    driver.now = shifted(driver.now, 0.0, DAY)
    assert driver.machine.freshness(driver.now, 300.0) is STALE


def test_a_clock_set_back_does_not_stop_refreshing(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.now = shifted(driver.now, 61.0, -DAY)
    assert isinstance(driver.act(), FetchManifest)


def test_a_host_that_slept_refreshes_when_it_wakes(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.now = shifted(driver.now, 0.0, 3600.0)
    assert isinstance(driver.act(), FetchManifest)


def test_a_monotonic_clock_that_stands_still_between_calls_does_not_stop_requests(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    asked = 0
    for _ in range(10):  # a function host: a few milliseconds of life a minute
        driver.now = shifted(driver.now, 0.005, 90.0)
        action = driver.act()
        assert isinstance(action, FetchManifest)
        driver.tell(ruleset(1).answer(action))
        asked += 1
    assert asked == 10


def test_a_jump_of_the_clock_is_one_poll_and_not_many(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.now = shifted(driver.now, 0.0, DAY)
    driver.serve(ruleset(1))
    assert driver.wait == pytest.approx(60.0)
