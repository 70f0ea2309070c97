"""Closing takes a quarter of a second at most, whatever hangs and however much of it, and never stalls a loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import AsyncClient, Client
from buildflags_sdk._runtime.clock import Rest
from buildflags_sdk.testing import LocalBackend, flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildflags_sdk import Change
    from buildflags_sdk._transport import Answer, Request

MANY = 200
PATIENCE = 60.0
SLACK = 5.0  # a busy machine may be late; an eighth of a second for each of many environments is five times that

GIVEN: dict[str, Any] = {
    "url": "https://flags.example",
    "sdk_key": "key",
    "workspace": "acme",
    "environment": "production",
    "cache_dir": None,
}


class EveryEnvironment:
    """A backend of all environments, each with one flag; while `going` is not set, no answer comes."""

    def __init__(self) -> None:
        self._backends: dict[str, LocalBackend] = {}
        self.going = threading.Event()
        self.going.set()
        self.asked = threading.Event()

    def exchange(self, request: Request) -> Answer:
        self.asked.set()
        self.going.wait(PATIENCE)
        name = request.path.split("/")[5]
        if name not in self._backends:
            self._backends[name] = LocalBackend([flag("greeting", "v1")], environment=name)
        return self._backends[name].exchange(request)

    def close(self) -> None:
        """It goes on to hang: a transport of the application's may know no better."""


class Blocked:
    """Listeners that block until the test is over."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        self.release = threading.Event()

    def __call__(self, _change: Change) -> None:
        with self._lock:
            self.count += 1
        self.release.wait(PATIENCE)

    def until(self, count: int) -> None:
        """Wait until so many block."""
        began = time.monotonic()
        while self.count < count:
            assert time.monotonic() - began < PATIENCE, f"{self.count} of {count} listeners were called"
            threading.Event().wait(0.01)


@pytest.fixture
def backend() -> Iterator[EveryEnvironment]:
    backend = EveryEnvironment()
    yield backend
    backend.going.set()


@pytest.fixture
def blocked() -> Iterator[Blocked]:
    blocked = Blocked()
    yield blocked
    blocked.release.set()


def test_waits_that_share_a_budget_take_no_more_than_it_together() -> None:
    now = 100.0
    rest, asked = Rest(0.25, lambda: now), 0.0
    for _ in range(40):
        wait = min(rest.left(), 0.1)
        asked += wait
        now += wait
    assert asked == pytest.approx(0.25)
    assert rest.left() == 0.0


def test_a_blocked_listener_in_each_of_many_environments_costs_one_budget(
    backend: EveryEnvironment, blocked: Blocked
) -> None:
    client = Client(**GIVEN, transport=backend)
    views = [client.in_environment(f"customer-{number}") for number in range(MANY)]
    for view in views:
        view.on_change(blocked)
    client.start(wait=PATIENCE)
    blocked.until(MANY)
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < SLACK


def test_a_listener_that_ends_soon_has_ended_when_close_returns() -> None:
    client = Client(**GIVEN, transport=EveryEnvironment())
    begun, done = threading.Event(), threading.Event()

    def listen(_change: Change) -> None:
        begun.set()
        threading.Event().wait(0.02)
        done.set()

    client.on_change(listen)
    client.start(wait=PATIENCE)
    assert begun.wait(PATIENCE)
    client.close()
    assert done.is_set()


class Ticking:
    """A task that counts how often the loop gets round to it."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.mark.parametrize("stuck", ["in a listener", "in an exchange"])
async def test_the_loop_goes_on_while_an_async_client_closes(
    backend: EveryEnvironment, blocked: Blocked, stuck: str
) -> None:
    client = AsyncClient(**GIVEN, transport=backend)
    if stuck == "in a listener":
        client.on_change(blocked)
        await client.start(wait=PATIENCE)
        await asyncio.to_thread(blocked.until, 1)
    else:
        backend.going.clear()
        await client.start(wait=0)
        await asyncio.to_thread(backend.asked.wait, PATIENCE)
    ticking = Ticking()
    task = asyncio.create_task(ticking.run())
    await asyncio.sleep(0)
    before, began = ticking.count, time.monotonic()
    await client.close()
    assert time.monotonic() - began < SLACK
    assert ticking.count - before >= 10, "the task went on ticking"
    task.cancel()


async def test_a_closing_that_is_cancelled_has_closed_all_the_same(backend: EveryEnvironment, blocked: Blocked) -> None:
    client = AsyncClient(**GIVEN, transport=backend)
    client.on_change(blocked)
    await client.start(wait=PATIENCE)
    await asyncio.to_thread(blocked.until, 1)
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert client.status().closed


async def test_a_coroutine_listener_may_close_its_client() -> None:
    client = AsyncClient(**GIVEN, transport=EveryEnvironment())
    closed = asyncio.Event()

    async def listen(_change: Change) -> None:
        await client.close()
        closed.set()

    client.on_change(listen)
    await client.start(wait=PATIENCE)
    await asyncio.wait_for(closed.wait(), PATIENCE)
