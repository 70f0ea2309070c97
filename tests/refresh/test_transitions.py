"""What people ask for and forks do to a refresh, and the table of its transitions: which event is taken in which phase."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import (
    Adopted,
    AdoptFailed,
    Answered,
    Failed,
    FetchManifest,
    Forked,
    NeighbourAsks,
    PageRefused,
    PagesFetched,
    Requested,
    WaitUntil,
)
from buildflags_sdk._refresh.facts import Phase
from buildflags_sdk.errors import ConnectionFailed, RulesetError

# What people ask for, and forks.


def test_a_request_is_asked_at_once_and_not_shared(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.advance(5)
    driver.tell(Requested())
    assert driver.act() == FetchManifest(ruleset(1).etag, may_share=False)


def test_requests_in_a_loop_are_one_a_second_at_most(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    asked = 0
    for _ in range(1000):
        driver.tell(Requested())
        action = driver.act()
        if isinstance(action, FetchManifest):
            asked += 1
            driver.tell(ruleset(1).answer(action))
        driver.advance(0.01)
    assert 9 <= asked <= 11


def test_a_request_does_not_overrule_retry_after(driver: Any) -> None:
    driver.asked()
    driver.tell(Answered(503, {"retry-after": "100"}))
    driver.advance(10)
    driver.tell(Requested())
    assert driver.wait == pytest.approx(90.0)


def test_a_request_overrules_a_backoff(driver: Any, ruleset: Any) -> None:
    driver.asked()
    driver.tell(Answered(401, {}))
    driver.advance(10)
    driver.tell(Requested())
    assert isinstance(driver.act(), FetchManifest)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_child_forgets_what_was_under_way_and_asks_soon_but_not_with_its_siblings(
    make: Any, ruleset: Any, phase: Phase
) -> None:
    waits = []
    for dice in (0.0, 0.5, 1.0):
        driver = make()
        driver.serve(ruleset(1))
        bring_to(driver, ruleset(2, pages=(b'{"key":"a"}\n',)), phase)
        driver.dice = dice
        driver.tell(Forked())
        assert driver.machine.settled
        waits.append(0.0 if dice == 0.0 else driver.wait)
        driver.serve(ruleset(3))
        assert driver.order == (1, 3)
    assert waits == pytest.approx([0.0, 1.0, 2.0])


def test_a_child_of_a_parent_in_trouble_backs_off_too(make: Any) -> None:
    driver = make(dice=1.0)
    driver.asked()
    driver.tell(Answered(401, {}))
    driver.tell(Forked())
    assert driver.wait > 100
    driver = make(dice=0.0)
    driver.asked()
    driver.tell(Answered(429, {"retry-after": "50"}))
    driver.tell(Forked())
    assert driver.wait == pytest.approx(50.0)


# The table of transitions.


def bring_to(driver: Any, new: Any, phase: Phase) -> None:
    """Bring a machine that waits into a phase."""
    if phase is Phase.IDLE:
        return
    driver.asked()
    if phase is Phase.ASKING:
        return
    driver.tell(new.answer())
    if phase is Phase.LACKING:
        return
    driver.act()
    if phase is Phase.PAGING:
        return
    driver.tell(PagesFetched(new.pages))
    if phase is Phase.BUILDING:
        driver.act()


EVENTS = {
    "Answered": Answered(500, {}),
    "PagesFetched": PagesFetched({}),
    "PageRefused": PageRefused("x", 500),
    "Adopted": Adopted(),
    "AdoptFailed": AdoptFailed(RulesetError("x")),
    "NeighbourAsks": NeighbourAsks(),
    "Failed": Failed(ConnectionFailed("x")),
    "Requested": Requested(),
    "Forked": Forked(),
}
ANY = set(Phase)
TAKEN_IN = {
    "Answered": {Phase.ASKING},
    "PagesFetched": {Phase.PAGING},
    "PageRefused": {Phase.PAGING},
    "Adopted": {Phase.BUILDING},
    "AdoptFailed": {Phase.BUILDING},
    "NeighbourAsks": {Phase.ASKING},
    "Failed": ANY,
    "Requested": ANY,
    "Forked": ANY,
}


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", list(EVENTS))
def test_an_event_is_taken_in_its_phases_and_is_a_mistake_in_others(
    driver: Any, ruleset: Any, name: str, phase: Phase
) -> None:
    bring_to(driver, ruleset(1, pages=(b'{"key":"a"}\n',)), phase)
    assert driver.machine.phase is phase
    if phase in TAKEN_IN[name]:
        driver.tell(EVENTS[name])
        if name != "Requested":
            assert driver.machine.settled
    else:
        with pytest.raises(RuntimeError, match=f"{name} cannot happen while {phase}"):
            driver.tell(EVENTS[name])


def test_the_next_poll_is_told_on_both_clocks(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    assert driver.act() == WaitUntil(*driver.now.later(60.0))
    assert driver.machine.next_in(Moment(driver.now.monotonic + 20, driver.now.wall)) == pytest.approx(40.0)
    driver.asked()
    assert driver.machine.next_in(driver.now) is None
