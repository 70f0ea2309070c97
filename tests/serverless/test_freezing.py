"""A function that is frozen while something of ours is under way, in a real runtime: nothing is relied on afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.testing import FaultServer, flag

from .conftest import HOST, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLACK = 3.0  # a busy machine may be late
BUDGET = 1.0
FREEZE = 1.5
"""Seconds: longer than a budget."""

DUE = 1.4
"""Seconds until a poll is due, jitter included: the backend asks for one each second."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A backend whose ruleset is in several pages, and that ends each connection: every exchange looks its name up."""
    with FaultServer([], poll=1, bits=3) as server:
        server.publish(version(1))
        server.fault("idle_close")
        yield server


def version(number: int) -> list[Any]:
    return [flag("greeting", f"v{number}"), *(flag(f"flag-{other}", f"v{number}") for other in range(40))]


def by_name(server: FaultServer) -> str:
    return f"http://{HOST}:{server.port}"


def ours(answer: dict[str, Any]) -> list[str]:
    """The threads of ours that the handler saw, after its refresh."""
    return [name for name in answer["threads"] if "buildflags" in name]


def until(holds: Callable[[], object]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE, "it did not come to pass"
        time.sleep(0.01)


def invoked_until(shop: Any, greeting: str) -> list[dict[str, Any]]:
    """Invoke as often as a customer might, until the news are served; gives every answer."""
    answers = [shop.invoke()[0]]
    began = time.monotonic()
    while answers[-1]["greeting"] != greeting:
        assert time.monotonic() - began < PATIENCE, "the news did not come"
        answers.append(shop.invoke()[0])
    return answers


def asked_for_pages(server: FaultServer, since: int) -> bool:
    return any(not request.is_manifest for request in list(server.requests)[since:])


def test_no_thread_of_a_refresh_is_alive_when_it_has_ended(function: Any, server: FaultServer) -> None:
    """Names are looked up and pages fetched on threads, in this mode too: they end within the invocation."""
    shop = function(url=by_name(server))
    answers = [shop.invoke()[0]]
    for number in (2, 3, 4):
        asked = len(server.requests)
        server.publish(version(number))
        answers += invoked_until(shop, f"v{number}")
        assert asked_for_pages(server, asked), "it was a refresh with threads"
    assert answers[0]["greeting"] == "v1"
    assert [ours(answer) for answer in answers] == [[]] * len(answers)


@pytest.mark.parametrize("connections", ["are cut", "stay"])
def test_frozen_in_the_middle_of_a_page_it_serves_when_thawed_and_refreshes(
    function: Any, server: FaultServer, connections: str
) -> None:
    shop = function(url=by_name(server), budget=BUDGET)
    assert shop.invoke()[0]["greeting"] == "v1"
    asked = len(server.requests)
    server.fault("slow_3s", seconds=0.3)
    server.publish(version(2))
    time.sleep(DUE)
    shop.begin()
    server.until_requested(asked + 1)
    server.fault("hang")  # the pages; the manifest is on its way
    until(lambda: asked_for_pages(server, asked))
    shop.freeze()
    if connections == "are cut":
        server.fault("refuse")
    time.sleep(FREEZE)
    server.fault("idle_close")
    shop.thaw()
    answer = shop.answer()
    assert (answer["greeting"], ours(answer)) == ("v1", []), "its budget had passed"
    answer, took = shop.invoke()
    assert answer["greeting"] in ("v1", "v2")
    assert took < BUDGET + SLACK
    assert all(ours(answer) == [] for answer in invoked_until(shop, "v2"))


@pytest.mark.parametrize("resolver", ["answers at once", "answers late"])
def test_frozen_in_the_middle_of_a_look_up_it_serves_when_thawed_and_refreshes(
    function: Any, server: FaultServer, resolver: str
) -> None:
    """That is the one thread that may be left: the system's resolver knows no deadline. It does no harm."""
    shop = function(url=by_name(server), budget=BUDGET)
    assert shop.invoke()[0]["greeting"] == "v1"
    asked = len(server.requests)
    server.publish(version(2))
    shop.stuck.touch()
    time.sleep(DUE)
    answer, took = shop.invoke()
    assert (answer["greeting"], ours(answer)) == ("v1", ["buildflags-names"])
    assert took < BUDGET + SLACK
    shop.freeze()
    time.sleep(FREEZE)
    if resolver == "answers at once":
        shop.stuck.unlink()
    shop.thaw()
    time.sleep(DUE)  # a poll is due, and joins the look-up that is under way
    answer, took = shop.invoke()
    assert answer["greeting"] in ("v1", "v2")
    assert took < BUDGET + SLACK
    if resolver == "answers late":
        assert (answer["greeting"], ours(answer)) == ("v1", ["buildflags-names"]), "no second one beside it"
        assert len(server.requests) == asked
        shop.stuck.unlink()
    answers = invoked_until(shop, "v2")
    assert ours(answers[-1]) == []


def test_frozen_before_its_first_ruleset_it_comes_to_one(function: Any, server: FaultServer, tmp_path: Path) -> None:
    """The initialisation is given up; the first invocation answers with the caller's default, and a later one knows."""
    stuck = tmp_path / "stuck"  # where the function looks
    stuck.touch()
    shop = function(url=by_name(server), budget=BUDGET, wait=3.0)
    answer, _ = shop.invoke()
    assert (answer["greeting"], ours(answer)) == ("default", ["buildflags-names"])
    shop.freeze()
    time.sleep(FREEZE)
    stuck.unlink()
    shop.thaw()
    assert invoked_until(shop, "v1")
