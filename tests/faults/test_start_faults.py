"""Starting while the backend is not well: nobody waits longer than told, and it comes by itself later."""

from __future__ import annotations

import asyncio
import time

import pytest

from buildflags_sdk import AsyncClient, ErrorCode, Source

from .stage import HELD_UP, PATIENT, SLACK, Stage, lines_of, quickest, said, until, version

NEVER_ANSWERING = ["hang", "drip", "drip_headers", "connect_blackhole", "refuse", "http_500", "endless_body"]
NEVER_ENDING = NEVER_ANSWERING[:4]


@pytest.mark.parametrize("name", NEVER_ANSWERING)
def test_start_wait_bounded(stage: Stage, name: str) -> None:
    """The exchange that it could wait for takes a minute."""
    stage.fault(name)
    for wait in (0.0, 0.2):

        def start(wait: float = wait) -> None:
            client = stage.client(polling=PATIENT)
            readiness = client.start(wait=wait)
            assert not readiness
            assert readiness.source is Source.DEFAULT
            assert readiness.error
            client.close()

        assert quickest(start, wait + HELD_UP) <= wait + HELD_UP


def test_start_wait_bounded_with_a_copy_at_hand(stage: Stage) -> None:
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    stage.fault("hang")

    def start() -> None:
        client = stage.client(polling=PATIENT, cache_dir=disk)
        client.start(wait=0.2)
        client.close()

    assert quickest(start, 0.2 + HELD_UP) <= 0.2 + HELD_UP


@pytest.mark.parametrize("name", ["hang", "drip", "connect_blackhole"])
async def test_start_wait_bounded_for_asyncio(stage: Stage, name: str) -> None:
    stage.fault(name)
    beats, took = 0, []

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    for _ in range(5):
        client = stage.client(AsyncClient, polling=PATIENT)
        began = time.monotonic()
        assert not await client.start(wait=0.3)
        took.append(time.monotonic() - began)
        await asyncio.wait_for(client.close(), SLACK)
        if took[-1] <= 0.3 + HELD_UP:
            break
    beating.cancel()
    assert min(took) <= 0.3 + HELD_UP
    assert beats >= 3, "the loop went on meanwhile"


@pytest.mark.parametrize("how", ["cancelled", "loop closed"])
def test_a_loop_that_goes_while_it_waits_for_the_start_harms_nobody(stage: Stage, how: str) -> None:
    """Several loops come, wait, and go; the one after them finds a client that refreshes."""
    stage.fault("hang")
    client = stage.client(AsyncClient)

    async def impatient() -> None:
        waiting = asyncio.create_task(client.start(wait=60))
        await asyncio.sleep(0.05)
        if how == "cancelled":
            waiting.cancel()

    for _ in range(3):
        asyncio.run(impatient())
    until(lambda: client.status().failures >= 1)
    stage.server.well()
    until(lambda: said(client) == "v1")
    assert asyncio.run(client.refresh(wait=30)).source is Source.NETWORK
    asyncio.run(client.close())


@pytest.mark.parametrize("name", NEVER_ANSWERING)
def test_first_call_never_waits(stage: Stage, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither for the exchange, which takes a minute where it ends at all, nor for anything shorter."""
    stage.fault(name)
    clients = []

    def first_call() -> None:
        clients.append(stage.client(polling=PATIENT))
        clients[-1].start(wait=0)
        assert said(clients[-1]) == "default"

    assert quickest(first_call, HELD_UP) <= HELD_UP
    client = clients[-1]
    for _ in range(2000):
        assert said(client) == "default"
    if name in NEVER_ENDING:
        assert client.status().polls == 0, "its first exchange is still under way"
    details = client.get_details("greeting", "default")
    assert (details.error_code, details.decided, details.source) == (
        ErrorCode.PROVIDER_NOT_READY,
        False,
        Source.DEFAULT,
    )
    assert len(lines_of(caplog)) <= len(clients), "none per evaluation"


def test_evaluating_without_start_waits_for_nothing_and_asks_nobody(stage: Stage) -> None:
    client = stage.client()
    assert said(client) == "default"
    assert stage.server.requests == []


def test_backend_comes_back_after_bad_start(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.fault("refuse")
    client = stage.client()
    assert not client.start(wait=0.1)
    changes: list[object] = []
    client.on_change(changes.append)
    until(lambda: client.status().failures >= 5)
    stage.server.well()
    until(lambda: said(client) == "v1")
    until(lambda: changes)
    assert client.start(wait=0).source is Source.NETWORK
    assert len(lines_of(caplog)) == 2, lines_of(caplog)


def test_start_returns_as_soon_as_the_backend_is_known_to_be_away(stage: Stage) -> None:
    stage.fault("refuse")
    client = stage.client()
    began = time.monotonic()
    readiness = client.start(wait=60)
    assert time.monotonic() - began < 30
    assert "refused" in str(readiness.error)


def test_a_page_that_never_comes_leaves_the_copy_in_service(stage: Stage) -> None:
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    stage.fault("page_not_there_yet")
    stage.server.publish(version(2))
    client = stage.client(cache_dir=disk)
    client.start(wait=0.2)
    until(lambda: client.status().failures >= 2)
    assert said(client) == "v1"
    assert client.status().source is Source.DISK
    stage.server.well()
    until(lambda: said(client) == "v2")
