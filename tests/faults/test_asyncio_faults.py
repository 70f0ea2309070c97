"""AsyncClient while the backend misbehaves: the loop goes on, whatever is awaited ends, and any loop may come and go."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any, Self

import pytest

from buildflags_sdk import AsyncClient
from buildflags_sdk._runtime.latch import Latch

from .stage import PATIENCE, PATIENT, Stage, said, until, version

if TYPE_CHECKING:
    from buildflags_sdk import Change

FAULTS = ["hang", "drip", "refuse", "http_500", "invalid_json"]
TICKS = 3


class Ticking:
    """A task beside, which counts how often the loop gets round to it."""

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0.001)

    async def __aenter__(self) -> Self:
        self.count = 0
        self._task = asyncio.create_task(self._run())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()


async def beside(work: Any, *args: Any) -> None:
    """Wait for threads on a thread: this loop is not to be held up by the test itself."""
    await asyncio.to_thread(work, *args)


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_loop_and_the_last_good_answers_go_on(stage: Stage, fault: str) -> None:
    async with stage.client(AsyncClient) as client, Ticking() as ticking:
        await client.start(wait=PATIENCE)
        stage.fault(fault)
        stage.server.publish(version(2))
        failures, before = client.status().failures, ticking.count
        while client.status().failures < failures + 2:
            assert said(client) == "v1"
            await asyncio.sleep(0.002)
        assert ticking.count - before >= TICKS
        stage.server.well()
        await beside(until, lambda: said(client) == "v2")


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_refresh_that_is_caught_ends_when_it_was_told_to_and_the_loop_goes_on(stage: Stage, fault: str) -> None:
    client = stage.client(AsyncClient, polling=PATIENT)
    await client.start(wait=PATIENCE)
    stage.fault(fault)
    async with Ticking() as ticking:
        assert await client.refresh(wait=0.2), "there is a ruleset to decide with"
        assert client.status().refreshing, "the exchange itself goes on for a minute"
        assert ticking.count >= TICKS
    await client.close()


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_closing_in_steady_state_while_an_exchange_is_caught_holds_no_loop_up(stage: Stage, fault: str) -> None:
    """A listener blocks as well: closing takes all the time it has, and the loop has it too."""
    client = stage.client(AsyncClient, polling=PATIENT)
    release, blocked = threading.Event(), threading.Event()

    def block(_change: Change) -> None:
        blocked.set()
        release.wait(2 * PATIENCE)

    client.on_change(block)
    await client.start(wait=PATIENCE)
    await beside(blocked.wait, PATIENCE)
    await beside(stage.until_caught, fault)
    async with Ticking() as ticking:
        await asyncio.wait_for(client.close(), PATIENCE)
        assert ticking.count >= TICKS
    assert client.status().closed
    assert said(client) == "v1"
    release.set()


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_closing_breaks_the_exchange_off(stage: Stage, fault: str) -> None:
    """It could go on for a minute: the thread that waits for it has ended long before."""
    strangers = set(threading.enumerate())
    client = stage.client(AsyncClient, polling=PATIENT)
    await client.start(wait=PATIENCE)
    await beside(stage.until_caught, fault)
    await client.close()
    await beside(
        until,
        lambda: not [t for t in set(threading.enumerate()) - strangers if t.name.startswith("buildflags")],
    )


async def test_a_start_that_is_cancelled_goes_on_in_the_background(stage: Stage) -> None:
    stage.fault("hang")
    client = stage.client(AsyncClient)
    starting = asyncio.create_task(client.start(wait=PATIENCE))
    await beside(stage.until_caught)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    stage.server.well()
    await beside(until, lambda: said(client) == "v1")


async def test_a_refresh_that_is_cancelled_leaves_nothing_and_the_next_one_works(stage: Stage) -> None:
    client = stage.client(AsyncClient)
    await client.start(wait=PATIENCE)
    before = sum(isinstance(item, Latch) for item in gc.get_objects())
    stage.fault("hang")
    cancelled = []
    for _ in range(50):
        refreshing = asyncio.create_task(client.refresh(wait=PATIENCE))
        await asyncio.sleep(0)
        refreshing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await refreshing
        cancelled.append(weakref.ref(refreshing))
        del refreshing
    stage.server.well()
    stage.server.publish(version(2))
    while said(client) != "v2":
        assert await client.refresh(wait=PATIENCE)
    gc.collect()
    assert [task for task in cancelled if task() is not None] == []
    assert sum(isinstance(item, Latch) for item in gc.get_objects()) <= before + 1
    assert len(asyncio.all_tasks()) == 1


def test_loops_in_several_threads_evaluate_and_refresh_with_one_client(stage: Stage) -> None:
    client = stage.client(AsyncClient)
    raised: list[BaseException] = []
    heard: list[list[str]] = [[] for _ in range(4)]

    async def live(number: int) -> None:
        assert await client.start(wait=PATIENCE)
        while not heard[number] or heard[number][-1] != "v4":
            answer = said(client)
            if answer not in heard[number]:
                heard[number].append(answer)
            await client.refresh(wait=0.01)

    def run(number: int) -> None:
        try:
            asyncio.run(live(number))
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(heard))]
    for thread in threads:
        thread.start()
    for number in (2, 3, 4):
        stage.fault("http_500")
        stage.server.publish(version(number))
        stage.server.well()
        until(lambda number=number: said(client) == f"v{number}")  # type: ignore[misc]
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert raised == []
    for answers in heard:
        assert answers == sorted(answers), "no loop went back"
        assert "default" not in answers


def test_loops_that_come_and_go_do_not_take_the_refreshes_with_them(stage: Stage) -> None:
    client = stage.client(AsyncClient)

    async def look() -> str:
        await client.start(wait=PATIENCE)
        return said(client)

    for number in range(1, 21):
        assert asyncio.run(look()) == f"v{number}"
        stage.server.publish(version(number + 1))
        until(lambda number=number: said(client) == f"v{number + 1}")  # type: ignore[misc]


def test_a_loop_that_goes_while_it_waits_for_a_refresh_harms_nobody(stage: Stage) -> None:
    client = stage.client(AsyncClient)
    asyncio.run(client.start(wait=PATIENCE))
    stage.fault("hang")

    async def give_up() -> None:
        asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)  # type: ignore[union-attr]
        await client.refresh(wait=PATIENCE)

    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(give_up())
    stage.server.well()
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    assert asyncio.run(client.refresh(wait=PATIENCE))
    asyncio.run(client.close())
