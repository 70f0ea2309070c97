"""What time does to a client: a clock moved by hand, no sleeping."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk import AsyncClient, Client, ErrorCode, Freshness, Polling, Reason, Source
from buildflags_sdk._runtime.environments import Environments
from buildflags_sdk.testing import LocalBackend, ManualClock, flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildflags_sdk import Change


class Stage:
    """A client on a clock moved by hand."""

    def __init__(self, **more: object) -> None:
        self.clock = ManualClock()
        self.backend = LocalBackend([flag("x", True)], poll=60)
        self.client = Client(
            "http://127.0.0.1:9",
            sdk_key="k",
            workspace="acme",
            environment="production",
            cache_dir=None,
            transport=self.backend,
            clock=self.clock,
            **more,  # type: ignore[arg-type]
        )
        assert self.client.start(wait=60)

    def until_next_poll(self) -> None:
        """Move the clock to the next poll, and wait for its request to have come."""
        self.clock.until_waited_on()
        before = len(self.backend.requests)
        wait = self.client.status().next_refresh_in
        assert wait is not None
        self.clock.advance(wait + 0.001)
        self.backend.until_requested(before + 1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A started client."""
    stage = Stage()
    yield stage
    stage.client.close()


def test_the_next_poll_comes_after_the_interval_and_its_jitter(stage: Stage) -> None:
    stage.clock.until_waited_on()
    wait = stage.client.status().next_refresh_in
    assert wait is not None
    assert 60 <= wait <= 72


def test_a_ruleset_that_nobody_confirms_turns_stale_and_goes_on_serving(stage: Stage) -> None:
    stage.backend.fail()
    assert stage.client.get_details("x", False).freshness is Freshness.FRESH
    for _ in range(3):
        stage.until_next_poll()
    stage.clock.until_waited_on()
    stage.clock.advance(120)
    details = stage.client.get_details("x", False)
    assert (details.value, details.freshness, details.decided, details.source) == (
        True,
        Freshness.STALE,
        True,
        Source.NETWORK,
    )
    assert details.age is not None
    assert details.age >= 120
    status = stage.client.status()
    assert status.failures >= 1
    assert status.last_error is not None


def test_past_max_staleness_the_default_is_served_and_a_good_answer_ends_that() -> None:
    stage = Stage(max_staleness=600.0)
    try:
        assert stage.client.is_enabled("x")
        stage.backend.fail()
        stage.until_next_poll()
        stage.clock.until_waited_on()
        stage.clock.advance(700)
        details = stage.client.get_details("x", False)
        assert (details.value, details.reason, details.freshness, details.decided) == (
            False,
            Reason.STALE,
            Freshness.EXPIRED,
            False,
        )
        assert not stage.client.is_enabled("x")
        with stage.client.scope():
            assert not stage.client.is_enabled("x"), "a scope does not hide that"
        stage.backend.recover()
        stage.client.refresh(wait=60)
        assert stage.client.is_enabled("x")
    finally:
        stage.client.close()


def test_an_environment_that_nobody_views_is_forgotten_after_a_quarter_of_an_hour() -> None:
    clock = ManualClock()
    environments = Environments(clock)

    class Feed:
        viewed = True
        closed = False

        def close(self) -> None:
            self.closed = True

    feed = Feed()
    environments.get("staging", lambda: feed)  # type: ignore[arg-type,return-value]
    clock.advance(800)
    environments.forget_unused()
    clock.advance(800)
    environments.forget_unused()
    assert len(environments.feeds()) == 1, "a view that is held keeps it"
    feed.viewed = False
    clock.advance(899)
    environments.forget_unused()
    assert len(environments.feeds()) == 1
    clock.advance(2)
    environments.forget_unused()
    assert environments.feeds() == []
    assert feed.closed


def test_an_environment_without_a_ruleset_answers_not_ready(stage: Stage) -> None:
    stage.backend.fail()
    staging = stage.client.in_environment("staging")
    assert staging.get_details("x", 1).error_code is ErrorCode.PROVIDER_NOT_READY
    assert staging.name == "staging"
    assert stage.client.in_environment("staging") is staging


def test_a_forgotten_client_is_collected_and_its_thread_ends() -> None:
    others = set(threading.enumerate())
    stage = Stage()
    (thread,) = set(threading.enumerate()) - others
    clock, stage.client = stage.clock, None  # type: ignore[assignment]
    gc.collect()
    clock.advance(1000)
    thread.join(60)
    assert not thread.is_alive()


async def test_a_coroutine_function_hears_of_changes_on_its_loop() -> None:
    import asyncio

    backend = LocalBackend([flag("x", True)])
    client = AsyncClient(
        "http://127.0.0.1:9",
        sdk_key="k",
        workspace="acme",
        environment="production",
        cache_dir=None,
        transport=backend,
        polling=Polling(minimum=0.001),
    )
    async with client:
        heard: asyncio.Queue[Change] = asyncio.Queue()

        async def listener(change: Change) -> None:
            await heard.put(change)

        client.on_change(listener)
        backend.publish([flag("x", False)])
        await client.refresh(wait=60)
        change = await asyncio.wait_for(heard.get(), timeout=60)
        assert change.keys == {"x"}
