"""Clocks that jump: refreshes go on, and no ruleset is thrown away for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Client, Freshness, Source
from buildflags_sdk._runtime.clock import LONGEST_SLEEP, SystemClock
from buildflags_sdk.testing import FaultServer, ManualClock

from .stage import PATIENCE, said, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400.0


class Timed:
    """A client whose clock is moved by hand, on a real server."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(wall=time.time())
        self.server = FaultServer(version(1))
        self.disk = folder / "disk"
        self._clients: list[Client] = []
        self.client = self.made(max_staleness=3600.0)
        assert self.client.start(wait=PATIENCE)
        self.clock.until_waited_on(PATIENCE)

    def made(self, **more: Any) -> Client:
        """Another client with the same clock and disk."""
        client = Client(**self.server.options(), cache_dir=self.disk, clock=self.clock, **more)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End everything."""
        for client in self._clients:
            client.close()
        self.server.close()


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    timed = Timed(tmp_path)
    yield timed
    timed.close()


@pytest.mark.parametrize("jump", [-DAY, DAY, -365 * DAY, 365 * DAY])
def test_after_a_jump_of_the_wall_clock_refreshes_go_on(timed: Timed, jump: float) -> None:
    timed.clock.set_wall(timed.clock.moment().wall + jump)
    assert said(timed.client) == "v1"
    for number in (2, 3):
        timed.server.publish(version(number))
        timed.clock.advance(75)  # the longest poll interval with its jitter is 72 s
        until(lambda number=number: said(timed.client) == f"v{number}")  # type: ignore[misc]
        timed.clock.until_waited_on(PATIENCE)
    assert timed.client.status().failures == 0


def test_clock_back_1d(timed: Timed) -> None:
    timed.clock.set_wall(timed.clock.moment().wall - DAY)
    timed.clock.advance(75)
    until(lambda: timed.client.status().not_modified == 1)
    assert timed.client.get_details("greeting", "").freshness is Freshness.FRESH


def test_clock_forward_1d(timed: Timed) -> None:
    """Nothing expires at once, though the wall clock says that the ruleset is older than `max_staleness`."""
    timed.clock.set_wall(timed.clock.moment().wall + DAY)
    details = timed.client.get_details("greeting", "default")
    assert (details.value, details.freshness) == ("v1", Freshness.STALE)
    timed.clock.advance(75)  # the machine's clock is looked at sooner: see the last test
    until(lambda: timed.client.status().not_modified == 1)
    assert timed.client.get_details("greeting", "").freshness is Freshness.FRESH


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_clock_jump_in_cached_file(timed: Timed, jump: float) -> None:
    """The disk copy was written by a clock that is a day off: it serves, and is asked about at once."""
    timed.client.close()
    timed.server.fault("refuse")
    timed.clock.set_wall(timed.clock.moment().wall + jump)
    client = timed.made()
    client.start(wait=0)
    until(lambda: said(client) == "v1")
    assert client.get_details("greeting", "").source is Source.DISK
    until(lambda: client.status().polls >= 1)
    assert client.get_details("greeting", "").freshness is Freshness.STALE
    timed.server.well()
    timed.server.publish(version(2))
    timed.clock.until_waited_on(PATIENCE)
    timed.clock.advance(61)
    until(lambda: said(client) == "v2")


def test_a_thread_looks_at_the_wall_clock_every_few_seconds() -> None:
    """A jump wakes nobody, and neither does a host that slept."""
    asked: list[float | None] = []

    class Condition(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            asked.append(timeout)
            return True

    for seconds in (None, 3600.0, 0.25):
        SystemClock().wait(Condition(), seconds)
    assert asked == [LONGEST_SLEEP, LONGEST_SLEEP, 0.25]
    assert LONGEST_SLEEP <= 5.0
