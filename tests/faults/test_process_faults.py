"""Processes that freeze, end and are told to end: nobody hangs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import pytest

from buildflags_sdk import Client, ClosedError

from .stage import FAST, PATIENCE, SLACK, Evaluating, Program, Stage, in_child, said, says, until, version

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


# Freezing.


def test_freeze_thaw(stage: Stage) -> None:
    with Program(stage) as program:
        assert program.ready
        program.process.send_signal(signal.SIGSTOP)
        stage.server.publish(version(2))
        time.sleep(3 * FAST.interval)
        program.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        assert program.evaluate("said()") in ("v1", "v2")
        assert program.evaluate("until(lambda: said() == 'v2')")
        assert time.monotonic() - began < FAST.interval + SLACK


def test_freeze_thaw_dead_connection(stage: Stage) -> None:
    """Every connection was cut meanwhile, and the client was not there to hear of it."""
    with Program(stage) as program:
        program.process.send_signal(signal.SIGSTOP)
        stage.fault("refuse")
        stage.server.well()
        stage.server.publish(version(2))
        program.process.send_signal(signal.SIGCONT)
        assert program.evaluate("until(lambda: said() == 'v2')")
        assert program.evaluate("client.status().failures") == 0


# Ends.


@pytest.mark.parametrize("name", ["hang", "drip"])
@pytest.mark.parametrize("closing", [False, True], ids=["without close", "close first"])
def test_exit_while(stage: Stage, name: str, closing: bool) -> None:
    """`exit_while_hang` and `exit_while_drip`: the interpreter ends at once, with close() and without."""
    with Program(stage, polling=[*FAST[:3], 60.0, *FAST[4:]]) as program:
        stage.until_caught(name)
        if closing:
            began = time.monotonic()
            program.run("client.close()")
            assert time.monotonic() - began < SLACK
        took, status, told = program.ended()
    assert took < SLACK
    assert status == 0
    assert told == ""


def test_exit_while_connecting_into_a_black_hole(stage: Stage) -> None:
    stage.fault("connect_blackhole")
    with Program(stage, wait=0.2, polling=[*FAST[:3], 60.0, *FAST[4:]]) as program:
        took, status, told = program.ended()
    assert (took < SLACK, status, told) == (True, 0, "")


@pytest.mark.parametrize("name", ["hang", "drip", "connect_blackhole", "slow_3s"])
def test_close_while(stage: Stage, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """`close_while_hang` and its like: promptly, the thread ends too, and no failure is told that is none."""
    client = stage.started(polling=FAST._replace(deadline=60.0))
    if name == "connect_blackhole":
        stage.fault(name)
        until(lambda: client.status().refreshing)
    else:
        stage.until_caught(name)
    thread = next(thread for thread in threading.enumerate() if thread.name.startswith("buildflags-acme"))
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < SLACK
    assert said(client) == "v1"
    if name != "connect_blackhole":  # a connect under way cannot be called off; its thread ends with its deadline
        thread.join(SLACK)
        assert not thread.is_alive()
    assert caplog.records == []


def test_close_while_pages_come(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    from buildflags_sdk.testing import FaultServer

    with FaultServer(version(1), bits=1) as server:
        server.fault("slow_3s", seconds=1.0)
        client = stage.client(**server.options(), polling=FAST._replace(deadline=30.0))
        client.start(wait=0)
        until(lambda: any(not request.is_manifest for request in list(server.requests)))
        thread = next(thread for thread in threading.enumerate() if thread.name.startswith("buildflags-acme"))
        client.close()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert caplog.records == []


def test_close_twice(stage: Stage) -> None:
    client = stage.started()
    closing = [threading.Thread(target=client.close) for _ in range(8)]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    client.close()
    assert client.status().closed


def test_use_after_close(stage: Stage) -> None:
    client = stage.started()
    client.close()
    asked = len(stage.server.requests)
    assert said(client) == "v1"
    assert client.get_details("greeting", "").decided
    with client.scope({"targetingKey": "u"}), pytest.raises(ClosedError, match="make a new one"):
        client.start()
    with pytest.raises(ClosedError):
        client.refresh()
    time.sleep(2 * FAST.interval)
    assert len(stage.server.requests) == asked
    assert client.status().next_refresh_in is None


@pytest.mark.parametrize("handler", ["sys.exit(3)", "(client.close(), sys.exit(3))"])
def test_sigterm_while_hang(stage: Stage, handler: str) -> None:
    """The signal comes while the main thread waits for a refresh that hangs; its handler may use the client."""
    with Program(stage, polling=[*FAST[:3], 60.0, *FAST[4:]]) as program:
        program.run(f"signal.signal(signal.SIGTERM, lambda *_: (said(), {handler}))")
        stage.until_caught("hang")
        program.tell("client.refresh(wait=60)")
        time.sleep(0.2)
        program.process.send_signal(signal.SIGTERM)
        took, status, _told = program.ended()
    assert took < SLACK
    assert status == 3


def test_ctrl_c_while_starting(stage: Stage) -> None:
    with Program(stage, wait=0.1) as program:
        stage.until_caught("hang")
        program.tell("client.refresh(wait=60)")
        time.sleep(0.2)
        program.process.send_signal(signal.SIGINT)
        took, _status, told = program.ended()
    assert took < SLACK
    assert "KeyboardInterrupt" in told


def test_a_thread_that_a_transport_wants_to_end_goes_on(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """SystemExit ends a thread in silence; here it is a failed refresh."""
    from buildflags_sdk._transport.http import HttpTransport

    inner, exiting = HttpTransport(stage.server.url, stage.server.sdk_key), threading.Event()

    class Exiting:
        def exchange(self, request: Any) -> Any:
            if exiting.is_set():
                sys.exit("a transport of one's own")
            return inner.exchange(request)

        def close(self) -> None:
            inner.close()

    client = stage.started(transport=Exiting())
    exiting.set()
    until(lambda: client.status().failures >= 2)
    exiting.clear()
    stage.server.publish(version(2))
    assert says(client, "v2")
    assert len(caplog.records) == 2
    inner.close()


def test_threads_that_fork_close_and_make_clients_do_not_meet(stage: Stage) -> None:
    """Clients come and go on one thread while another forks: the list of clients is read while it changes."""
    client = stage.started()
    stop, raised = threading.Event(), []

    def come_and_go() -> None:
        try:
            while not stop.wait(0.001):
                Client(**stage.server.options(), cache_dir=None).pinned()
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    with Evaluating(client) as evaluating:
        for _ in range(20):
            assert in_child(lambda: said(client)) == "v1"
    stop.set()
    thread.join(PATIENCE)
    assert raised == []
    assert evaluating.raised == []
