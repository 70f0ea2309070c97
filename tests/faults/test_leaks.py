"""Clients that come and go leave nothing behind: no thread, no descriptor, no memory."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any

import psutil
import pytest

from buildflags_sdk import Client, ConfigurationError, Polling

from .stage import PATIENCE, SLACK, Stage, said, until, version

_strangers: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _what_was_there_before() -> None:
    """Note the threads that other tests left: this module speaks of its own."""
    _strangers.clear()
    _strangers.update(threading.enumerate())


def of_ours() -> list[threading.Thread]:
    """The library's threads that the current test made."""
    found = set(threading.enumerate()) - _strangers
    return [thread for thread in found if thread.name.startswith("buildflags")]


def descriptors() -> int:
    """How many descriptors this process has open, those of the server's ends included."""
    return psutil.Process().num_fds()


def test_closing_while_it_hangs_leaks_no_thread(stage: Stage) -> None:
    stage.fault("hang")
    clients = [stage.client() for _ in range(20)]
    for client in clients:
        client.start(wait=0)
    until(lambda: len(stage.server.requests) >= 20)
    for client in clients:
        client.close()
    until(lambda: not of_ours())


@pytest.mark.parametrize(
    "wrong", [{"url": "nowhere"}, {"sdk_key": ""}, {"polling": Polling(interval=-1)}, {"environment": "../.."}], ids=str
)
def test_constructor_fails_leaks_nothing(stage: Stage, wrong: dict[str, Any]) -> None:
    before, threads = descriptors(), threading.active_count()
    for _ in range(50):
        with pytest.raises(ConfigurationError):
            Client(**{**stage.server.options(), **wrong})
    gc.collect()
    assert (descriptors(), threading.active_count()) == (before, threads)


@pytest.mark.parametrize("fault", [None, "refuse", "hang"])
def test_forgotten_client_is_collected(stage: Stage, fault: str | None) -> None:
    """Nobody closed it: its thread ends by itself, from a hanging exchange at its deadline, and its sockets are closed."""
    before = descriptors()
    client: Any = Client(
        **stage.server.options(), cache_dir=None, polling=Polling(interval=0.3, minimum=0.05, deadline=1.0)
    )
    client.start(wait=PATIENCE)
    client.on_change(lambda _change: None)
    if fault is not None:
        stage.until_caught(fault) if fault == "hang" else stage.fault(fault)
    threads = of_ours()
    assert threads
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    until(lambda: descriptors() <= before + 2)


def test_a_client_that_garbage_collection_finds_inside_our_own_lock_ends_without_waiting_for_it(stage: Stage) -> None:
    """The collector runs on whatever thread allocates, perhaps one that holds what closing would need."""
    client: Any = Client(**stage.server.options(), cache_dir=None)
    client.start(wait=PATIENCE)
    engine = client._engine
    transport, thread = engine._made, of_ours()[0]
    entered, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transport._lock:
            entered.set()
            release.wait(PATIENCE)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(PATIENCE)
    began = time.monotonic()
    del client
    gc.collect()
    assert engine.closed
    assert time.monotonic() - began < SLACK, "the finalizer came back though the lock is held"
    release.set()
    holder.join(PATIENCE)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_view_keeps_no_closed_client_refreshing(stage: Stage) -> None:
    client = stage.started()
    view = client.in_environment("staging")
    client.close()
    until(lambda: not of_ours())
    assert view.get_value("greeting", "default") == "default"


def test_a_thousand_faults_keep_memory_where_it_is(stage: Stage) -> None:
    """Failing for long costs nothing that adds up: lines remembered, errors kept, snapshots held."""
    polling = Polling(interval=0.01, minimum=0.001, backoff_first=0.001, deadline=5.0)
    client = stage.client(polling=polling)
    client.start(wait=PATIENCE)
    stage.fault("invalid_json")
    until(lambda: client.status().failures >= 50)
    gc.collect()
    memory = psutil.Process().memory_info().rss
    until(lambda: client.status().failures >= 500)
    gc.collect()
    assert psutil.Process().memory_info().rss - memory < 10 * 1024 * 1024
    stage.server.well()
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
