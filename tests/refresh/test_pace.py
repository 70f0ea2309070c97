"""When the next poll comes, after a good answer and after each failure, and what is said of a run of failures."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import Answered, Cause


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_key_that_is_refused_is_said_once_and_tried_every_two_minutes_for_ever(
    driver: Any, ruleset: Any, status: int
) -> None:
    driver.serve(ruleset(1))
    for _ in range(50):
        driver.asked()
        driver.tell(Answered(status, {}))
        assert driver.wait == pytest.approx(120.0)
    (report,) = driver.reports
    assert (report.level, report.cause) == ("error", Cause.KEPT_OUT)
    assert "check the key, the workspace and the environment" in report.message
    assert driver.machine.failure_is_own
    assert driver.order == (1, 1)
    report = driver.serve(ruleset(2))
    assert (report.level, report.failures) == ("info", 50)
    assert not driver.machine.failure_is_own


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [("7", 7.0), ("300", 300.0), ("3600", 300.0), ("Mon, 23 Nov 2026 09:00:10 GMT", 10.0), ("9999999999999", 300.0)],
)
def test_retry_after_is_obeyed_up_to_its_cap(driver: Any, status: int, retry_after: str, wait: float) -> None:
    driver.asked()
    driver.tell(Answered(status, {"retry-after": retry_after}))
    assert driver.wait == pytest.approx(wait)


@pytest.mark.parametrize("retry_after", ["soon", "-5", "", "0", "Mon, 23 Nov 2020 09:00:10 GMT"])
def test_retry_after_that_is_garbage_or_past_leaves_the_backoff(make: Any, retry_after: str) -> None:
    driver = make(dice=0.5)
    driver.asked()
    driver.tell(Answered(503, {"retry-after": retry_after}))
    assert driver.wait == pytest.approx(0.55)


def test_retry_after_counts_with_429_and_503_only(make: Any) -> None:
    driver = make(dice=1.0)
    driver.asked()
    driver.tell(Answered(500, {"retry-after": "200"}))
    assert driver.wait == pytest.approx(1.0)


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_without_a_ruleset_other_server_errors_back_off_exponentially_up_to_the_pace_of_polls(
    make: Any, status: int
) -> None:
    driver = make(dice=1.0)
    waits = []
    for _ in range(9):
        driver.asked()
        driver.tell(Answered(status, {}))
        waits.append(driver.wait)
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 72, 72, 72])
    assert len(driver.reports) == 1


@pytest.mark.parametrize("dice", [0.0, 0.5, 1.0])
def test_with_a_ruleset_in_service_one_try_comes_soon_and_then_the_pace_of_polls(
    make: Any, ruleset: Any, dice: float
) -> None:
    driver = make(dice=dice)
    driver.serve(ruleset(1))
    waits = []
    for _ in range(4):
        driver.fail()
        waits.append(driver.wait)
    assert waits == pytest.approx([0.1 + 0.9 * dice, *[60.0 + 12.0 * dice] * 3])


def test_backoff_has_full_jitter_but_for_its_first_tenth(make: Any) -> None:
    waits = []
    for dice in (0.0, 0.5, 1.0):
        driver = make(dice=dice)
        for _ in range(4):
            driver.fail()
        waits.append(driver.wait)
    assert waits == pytest.approx([0.8, 4.4, 8.0])


@pytest.mark.parametrize(("dice", "wait"), [(0.0, 60.0), (0.5, 66.0), (1.0, 72.0)])
def test_the_next_poll_comes_an_interval_and_its_jitter_later_never_sooner(
    make: Any, ruleset: Any, dice: float, wait: float
) -> None:
    driver = make(dice=dice)
    driver.serve(ruleset(1))
    assert driver.wait == pytest.approx(wait)


@pytest.mark.parametrize(("said", "poll"), [("5", 5), ("0", 60), ("999999", 3600), ("x", 60), (None, 60), ("-3", 60)])
def test_the_poll_interval_that_the_backend_names_is_bounded(
    driver: Any, ruleset: Any, said: str | None, poll: float
) -> None:
    driver.serve(ruleset(1), buildflags_poll=said)
    assert driver.wait == pytest.approx(poll)


def test_a_poll_interval_below_the_minimum_is_raised_to_it(make: Any, ruleset: Any) -> None:
    driver = make(minimum=10.0)
    driver.serve(ruleset(1), buildflags_poll=2)
    assert driver.wait == pytest.approx(10.0)


def test_each_cause_is_said_once_in_a_run_and_the_end_of_the_run_is_said(driver: Any, ruleset: Any) -> None:
    for _ in range(20):
        driver.fail()
        driver.asked()
        driver.tell(Answered(502, {}))
    assert [report.cause for report in driver.reports] == [Cause.UNREACHABLE, Cause.OVERLOADED]
    since = driver.machine.failing_since
    report = driver.serve(ruleset(1))
    assert (report.level, report.failures, report.cause) == ("info", 40, None)
    assert report.seconds == pytest.approx(driver.now.monotonic - since.monotonic)
    assert (driver.machine.failures, driver.machine.failing_since, driver.machine.last_error) == (0, None, None)
    driver.fail()
    assert len(driver.reports) == 4, "a new run is new news"
