"""What applications hang into a client may raise, block and call back: that is their own affair."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import AsyncClient
from buildflags_sdk.testing import LocalBackend

from .stage import SLACK, Stage, lines_of, said, until, version

if TYPE_CHECKING:
    from buildflags_sdk import Change


def raises(_change: Change) -> None:
    msg = "a listener's own mistake"
    raise LookupError(msg)


def exits(_change: Change) -> None:
    sys.exit("a listener that wants to end the program ends only its own call")


def interrupts(_change: Change) -> None:
    raise KeyboardInterrupt


def ends_as_a_generator_does(_change: Change) -> None:
    raise GeneratorExit


class Unspeakable(Exception):
    """Says nothing, but raises again when it is asked what it is."""

    def __str__(self) -> str:
        raise type(self)

    __repr__ = __str__


class UnspeakableToTheEnd(BaseException):
    """The same, past every `except Exception`."""

    def __str__(self) -> str:
        raise SystemExit

    __repr__ = __str__


def raises_what_cannot_be_said(_change: Change) -> None:
    raise Unspeakable


def raises_what_ends_whoever_says_it(_change: Change) -> None:
    raise UnspeakableToTheEnd


LISTENERS = [
    raises,
    exits,
    interrupts,
    ends_as_a_generator_does,
    raises_what_cannot_be_said,
    raises_what_ends_whoever_says_it,
]


@pytest.mark.parametrize("listener", LISTENERS)
def test_listener_raises(stage: Stage, caplog: pytest.LogCaptureFixture, listener: Any) -> None:
    client = stage.started()
    heard: list[int] = []
    client.on_change(listener)
    client.on_change(lambda change: heard.append(change.new_revision))
    for number in (2, 3, 4):
        stage.server.publish(version(number))
        until(lambda number=number: heard and heard[-1] == number)  # type: ignore[misc]
    assert said(client) == "v4"
    (line,) = lines_of(caplog)
    assert listener.__name__ in line


class Nameless:
    """A listener whose very name cannot be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise Unspeakable

    def __call__(self, _change: Change) -> None:
        raise Unspeakable


def test_listener_raises_and_has_no_name(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = stage.started()
    heard: list[int] = []
    client.on_change(Nameless())
    client.on_change(lambda change: heard.append(change.new_revision))
    for number in (2, 3):
        stage.server.publish(version(number))
        until(lambda number=number: heard and heard[-1] == number)  # type: ignore[misc]
    (line,) = lines_of(caplog)
    assert "Nameless raised Unspeakable" in line


class BreaksOff:
    """A transport that raises what its own kind raises, and goes on afterwards."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error
        self.well = False
        self.backend = LocalBackend(version(1))

    def exchange(self, request: Any) -> Any:
        if not self.well:
            raise self.error
        return self.backend.exchange(request)

    def close(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize("error", [Unspeakable, UnspeakableToTheEnd, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_transport_that_raises_what_cannot_be_said_is_a_failed_refresh(
    stage: Stage, error: type[BaseException]
) -> None:
    transport = BreaksOff(error)
    client = stage.client(transport=transport)
    assert not client.start(wait=30)
    assert error.__name__ in client.status().last_error
    transport.well = True
    until(lambda: said(client) == "v1")


def test_hook_raises_what_ends_a_program(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A log handler that raises SystemExit at what a listener raised silences neither the others nor the refreshes."""
    logger = logging.getLogger("buildflags_sdk.refresh")

    def end(_record: logging.LogRecord) -> bool:
        raise SystemExit

    logger.addFilter(end)
    try:
        client = stage.started()
        heard: list[int] = []
        client.on_change(raises)
        client.on_change(lambda change: heard.append(change.new_revision))
        for number in (2, 3):
            stage.server.publish(version(number))
            until(lambda number=number: heard and heard[-1] == number)  # type: ignore[misc]
        stage.fault("http_500")
        until(lambda: client.status().failures >= 3)
        stage.server.well()
        stage.server.publish(version(4))
        until(lambda: said(client) == "v4")
    finally:
        logger.removeFilter(end)


def test_listener_blocks(stage: Stage) -> None:
    """Refreshes and evaluations go on, and so does closing; only the other listeners wait."""
    client = stage.started()
    release, blocked = threading.Event(), threading.Event()

    def block(_change: Change) -> None:
        blocked.set()
        release.wait(60)

    client.on_change(block)
    stage.server.publish(version(2))
    assert blocked.wait(30)
    for number in (3, 4):
        stage.server.publish(version(number))
        until(lambda number=number: said(client) == f"v{number}")  # type: ignore[misc]
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < SLACK
    release.set()


def test_hook_raises(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """What an application hangs into logging is such a hook: a handler or filter that raises stops no refresh."""
    logger = logging.getLogger("buildflags_sdk.refresh")

    def refuse(_record: logging.LogRecord) -> bool:
        msg = "a filter's own mistake"
        raise LookupError(msg)

    logger.addFilter(refuse)
    try:
        client = stage.started()
        stage.fault("http_500")
        until(lambda: client.status().failures >= 3)
        began = time.monotonic()
        client.refresh(wait=60)
        assert time.monotonic() - began < SLACK, "whoever waits for the answer is told, though nothing could be logged"
        assert said(client) == "v1"
        stage.server.well()
        stage.server.publish(version(2))
        until(lambda: said(client) == "v2")
    finally:
        logger.removeFilter(refuse)


def test_listener_evaluates_again(stage: Stage) -> None:
    """A listener reads flags, asks for status, subscribes, and closes the client: it waits for nobody."""
    client = stage.started()
    seen: list[str] = []
    done = threading.Event()

    def listen(_change: Change) -> None:
        seen.append(said(client))
        assert client.status().revision == 2
        client.on_change(lambda _later: None)()
        client.refresh(wait=5)
        client.close()
        done.set()

    client.on_change(listen)
    stage.server.publish(version(2))
    assert done.wait(30)
    assert seen == ["v2"]


def test_an_asyncio_listener_whose_loop_has_ended_holds_nobody_up(stage: Stage) -> None:
    client = stage.client(AsyncClient)
    heard: list[int] = []

    async def come_and_go() -> None:
        assert await client.start(wait=30)

        async def listen(_change: Change) -> None:
            await asyncio.sleep(3600)

        client.on_change(listen)

    asyncio.run(come_and_go())
    client.on_change(lambda change: heard.append(change.new_revision))
    stage.server.publish(version(2))
    until(lambda: heard == [2])


def test_an_asyncio_listener_that_was_running_when_its_loop_ended_holds_nobody_up(stage: Stage) -> None:
    client = stage.client(AsyncClient)
    heard: list[int] = []

    async def come_and_go() -> None:
        assert await client.start(wait=30)
        begun = asyncio.Event()

        async def listen(_change: Change) -> None:
            begun.set()
            await asyncio.sleep(3600)

        client.on_change(listen)
        client.on_change(lambda change: heard.append(change.new_revision))
        stage.server.publish(version(2))
        await begun.wait()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(come_and_go())  # it stops, with the listener in it, and is neither run again nor closed
    until(lambda: heard == [2])
    stage.server.publish(version(3))
    until(lambda: heard == [2, 3])
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
