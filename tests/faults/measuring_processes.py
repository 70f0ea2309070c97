"""Measures what a client does to its process: ends, forks, freezes and threads."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from .stage import FAST, PATIENCE, Program, Stage, in_child, said, until, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPT = 2.0
"""Seconds within which a process must have ended, interpreter and all, on a busy machine."""

LONG = [*FAST[:3], 60.0, *FAST[4:]]
"""Polling with a deadline that nobody waits for here."""


class Process(NamedTuple):
    """One row."""

    fault: str
    measured: str
    verdict: str


def processes() -> Iterator[Process]:
    """All rows."""
    measures: tuple[tuple[str, Callable[[Stage], tuple[str, bool]]], ...] = (
        ("exit, backend well, no close()", lambda stage: _exit(stage, None, closing=False)),
        ("exit while a refresh hangs, no close()", lambda stage: _exit(stage, "hang", closing=False)),
        ("exit while a refresh drips, no close()", lambda stage: _exit(stage, "drip", closing=False)),
        ("close() then exit while a refresh hangs", lambda stage: _exit(stage, "hang", closing=True)),
        ("close() then exit while a refresh drips", lambda stage: _exit(stage, "drip", closing=True)),
        ("SIGTERM while a refresh hangs", _sigterm),
        ("prefork: made in the parent, used in 2 children", _prefork),
        ("fork while a refresh is in flight", _fork_mid_refresh),
        ("frozen 2 s and thawed, its connections cut", _frozen),
        ("20 threads, answers 0.2 s late", _stampede),
    )
    for name, measure in measures:
        with TemporaryDirectory() as folder:
            stage = Stage(Path(folder))
            measured, good = measure(stage)
            stage.close()
        yield Process(name, measured, "good" if good else "BAD")


def _exit(stage: Stage, fault: str | None, *, closing: bool) -> tuple[str, bool]:
    with Program(stage, polling=LONG) as program:
        if fault is not None:
            stage.until_caught(fault)
        closed = 0.0
        if closing:
            began = time.monotonic()
            program.run("client.close()")
            closed = time.monotonic() - began
        took, status, told = program.ended()
    words = [f"close {closed * 1000:.0f} ms"] if closing else []
    good = max(took, closed) < PROMPT and status == 0 and not told
    return ", ".join([*words, f"exit {took:.2f} s"]), good


def _sigterm(stage: Stage) -> tuple[str, bool]:
    with Program(stage, polling=LONG) as program:
        program.run("signal.signal(signal.SIGTERM, lambda *_: (client.close(), sys.exit(3)))")
        stage.until_caught("hang")
        program.tell("client.refresh(wait=60)")
        time.sleep(0.2)
        program.process.send_signal(signal.SIGTERM)
        took, status, _told = program.ended()
    return f"exit {took:.2f} s", took < PROMPT and status == 3


def _prefork(stage: Stage) -> tuple[str, bool]:
    client = stage.started()
    publish = threading.Timer(0.3, stage.server.publish, [version(2)])
    publish.start()

    def work() -> list[Any]:
        first, began = said(client), time.monotonic()
        until(lambda: said(client) == "v2")
        return [first, time.monotonic() - began]

    told = [in_child(work), in_child(work)]
    publish.join()
    words = " / ".join(f"{first}, refreshes in {took:.1f} s" for first, took in told)
    return words, all(took < 0.3 + FAST.interval * 2 + PROMPT for _, took in told)


def _fork_mid_refresh(stage: Stage) -> tuple[str, bool]:
    client = stage.started()
    stage.until_caught("hang")
    stage.server.well()
    stage.server.publish(version(2))

    def work() -> list[Any]:
        first, began = said(client), time.monotonic()
        until(lambda: said(client) == "v2")
        return [first, time.monotonic() - began]

    first, took = in_child(work)
    parent = until(lambda: said(client) == "v2")
    good = first == "v1" and took < FAST.interval * 2 + PROMPT and parent < FAST.deadline + FAST.interval + PROMPT
    return f"child: {first}, refreshes in {took:.1f} s; parent in {took + parent:.1f} s", good


def _frozen(stage: Stage) -> tuple[str, bool]:
    with Program(stage) as program:
        program.process.send_signal(signal.SIGSTOP)
        stage.fault("refuse")
        time.sleep(2.0)
        stage.server.well()
        stage.server.publish(version(2))
        program.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        program.evaluate("said()")
        first = time.monotonic() - began
        program.evaluate("until(lambda: said() == 'v2')")
        fresh = time.monotonic() - began
    return f"first call {first * 1000:.0f} ms, fresh in {fresh:.1f} s", fresh < FAST.interval + PROMPT


def _stampede(stage: Stage) -> tuple[str, bool]:
    stage.server.fault("slow_3s", seconds=0.2)
    client = stage.client()
    slowest: list[float] = []

    def work() -> None:
        client.start(wait=PATIENCE)
        for _ in range(100):
            began = time.perf_counter()
            said(client)
            slowest.append(time.perf_counter() - began)
        client.refresh(wait=PATIENCE)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    asked = len(stage.server.requests)
    words = f"{stage.server.most_at_once} request at once, {asked} in all, call ≤ {max(slowest) * 1000:.1f} ms"
    return words, stage.server.most_at_once == 1 and asked <= 8
