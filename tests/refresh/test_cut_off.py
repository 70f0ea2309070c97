"""Refreshes that the deadline cuts off while pages come: failures, but none to back away from."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import Cause, Failed, FetchPages
from buildflags_sdk.errors import ConnectionFailed, DeadlineExceeded

PAGES = tuple(f'{{"key":"k{number}"}}\n'.encode() for number in range(8))


def cut_off(driver: Any, new: Any, error: Exception, came: int = 1, body: bytes | None = None) -> float:
    """Let the next refresh bring some of the missing pages and then fail; give the wait after it."""
    driver.asked()
    driver.tell(new.answer())
    fetch = driver.act()
    assert isinstance(fetch, FetchPages)
    driver.tell(Failed(error, {name: body or new.pages[name] for name in fetch.missing[:came]}))
    wait: float = driver.wait
    return wait


@pytest.mark.parametrize("serving", [False, True])
def test_one_that_got_on_is_followed_soon_by_the_next_however_often(make: Any, ruleset: Any, serving: bool) -> None:
    driver = make(dice=1.0)
    if serving:
        driver.serve(ruleset(1))
    new = ruleset(2, pages=PAGES)
    waits = [cut_off(driver, new, DeadlineExceeded("1 of 8 pages came")) for _ in range(7)]
    assert waits == [1.0] * 7
    assert driver.machine.failures == 7
    assert driver.machine.last_error == "1 of 8 pages came"
    assert [report.cause for report in driver.reports] == [Cause.UNREACHABLE]
    report = driver.serve(new)
    assert (report.level, report.failures) == ("info", 7)
    assert driver.order == (1, 2)


def test_one_that_got_on_begins_the_backoff_anew_and_what_follows_goes_on_from_there(make: Any, ruleset: Any) -> None:
    driver = make(dice=1.0)
    new = ruleset(2, pages=PAGES)
    late = DeadlineExceeded("late")
    waits = [cut_off(driver, new, late, came) for came in (0, 0, 0, 1, 0, 0)]
    assert waits == [1.0, 2.0, 4.0, 1.0, 2.0, 4.0]
    assert driver.machine.failures == 6
    assert driver.machine.backoff_step == 3, "what other processes of this host wait by"


@pytest.mark.parametrize(
    ("error", "body"),
    [(ConnectionFailed("reset"), None), (DeadlineExceeded("late"), b"not what its name says")],
    ids=["it breaks off", "nothing of use came"],
)
def test_others_back_off_whatever_came(make: Any, ruleset: Any, error: Exception, body: bytes | None) -> None:
    driver = make(dice=1.0)
    driver.serve(ruleset(1))
    new = ruleset(2, pages=PAGES)
    assert [cut_off(driver, new, error, body=body) for _ in range(3)] == [1.0, 72.0, 72.0]


def test_a_new_run_of_failures_knows_nothing_of_the_one_before(make: Any, ruleset: Any) -> None:
    driver = make(dice=1.0)
    new = ruleset(2, pages=PAGES)
    for came in (0, 0, 1):
        cut_off(driver, new, DeadlineExceeded("late"), came)
    driver.serve(new)
    waits = []
    for _ in range(3):
        driver.fail()
        waits.append(driver.wait)
    assert waits == [1.0, 72.0, 72.0]
