"""Measures a client whose surroundings fail: names, proxies, disks, clocks, and what the application hangs into it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from buildflags_sdk import Client, Source
from buildflags_sdk._runtime.clock import LONGEST_SLEEP
from buildflags_sdk.testing import FaultServer, ManualClock

from .measuring import GRACE, HELD, Lines, cap, in_words
from .measuring_processes import PROMPT, Process
from .stage import FAST, PATIENCE, Evaluating, Program, Stage, said, until, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "flags.example"
DAY = 86_400.0


def surroundings() -> Iterator[Process]:
    """All rows."""
    measures: tuple[tuple[str, Callable[[Stage], tuple[str, bool]]], ...] = (
        ("DNS: the name cannot be looked up", partial(_names, hangs=False)),
        ("DNS: the look-up hangs", partial(_names, hangs=True)),
        ("a proxy that refuses", partial(_proxy, fault="refuse")),
        ("a proxy that hangs", partial(_proxy, fault="hang")),
        ("a proxy that answers 502, 503, 504", partial(_proxy, fault="http_502_503_504")),
        ("a proxy that answers with a login page", partial(_proxy, fault="html_200")),
        ("disk copy cut in half, backend away", partial(_spoiled, spoil=lambda body: body[: len(body) // 2])),
        ("disk copy is garbage, backend away", partial(_spoiled, spoil=lambda body: os.urandom(len(body)))),
        (
            "disk copy of a later format, backend away",
            partial(_spoiled, spoil=lambda body: body.replace(b'"buildflags_head":1', b'"buildflags_head":9')),
        ),
        ("no folder can be made for the disk copy", _unwritable),
        ("disk full", _full),
        ("wall clock a day back", partial(_jumps, seconds=-DAY)),
        ("wall clock a day on", partial(_jumps, seconds=DAY)),
        ("wall clock a year back", partial(_jumps, seconds=-365 * DAY)),
        ("host asleep for 8 hours", partial(_jumps, seconds=8 * 3600.0)),
        ("a listener that raises", partial(_listens, listener=_raises)),
        ("a listener that calls sys.exit", partial(_listens, listener=lambda _change: sys.exit("it is over"))),
        ("a listener that blocks", _blocks),
        ("a logging filter that raises", _filters),
    )
    for name, measure in measures:
        with TemporaryDirectory() as folder:
            stage = Stage(Path(folder))
            measured, good = measure(stage)
            stage.close()
        yield Process(name, measured, "good" if good else "BAD")


def _goes_through(
    stage: Stage, client: Any, begin: Callable[[], object], end: Callable[[], object]
) -> tuple[str, bool]:
    """`v1` all the time it lasts, and `v2` by itself afterwards."""
    with Lines() as lines, Evaluating(client) as evaluating:
        begin()
        stage.server.publish(version(2))
        until(lambda: client.status().failures >= 2)
        answers = list(evaluating.answers)
        end()
        back = until(lambda: said(client) == "v2")
    words = f"{' → '.join(answers)}, back after {back:.1f} s, slowest evaluation {in_words(evaluating.slowest)}"
    good = answers == ["v1"] and not evaluating.raised and evaluating.slowest < HELD
    return f"{words}, log lines: {lines.count}", good and back < cap("refuse") + GRACE and lines.count <= 2


def _names(stage: Stage, *, hangs: bool) -> tuple[str, bool]:
    real, well = socket.getaddrinfo, threading.Event()
    well.set()

    def look_up(host: Any, *args: Any, **more: Any) -> Any:
        if host == HOST and hangs:
            well.wait(PATIENCE)
        elif host == HOST and not well.is_set():
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return real("127.0.0.1" if host == HOST else host, *args, **more)

    socket.getaddrinfo = look_up
    try:
        stage.fault("idle_close")  # so that each exchange looks the name up
        client = stage.started(url=f"http://{HOST}:{stage.server.port}")
        return _goes_through(stage, client, well.clear, well.set)
    finally:
        socket.getaddrinfo = real


def _proxy(stage: Stage, *, fault: str) -> tuple[str, bool]:
    """The server is its own proxy: it takes absolute addresses."""
    with _environment(HTTP_PROXY=stage.server.url):
        client = stage.started(url=f"http://{HOST}")
        return _goes_through(stage, client, lambda: stage.fault(fault), stage.server.well)


@contextlib.contextmanager
def _environment(**names: str) -> Iterator[None]:
    """Only these of the variables that name proxies."""
    before = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for name in before:
        del os.environ[name]
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ.update(before)


def _spoiled(stage: Stage, *, spoil: Callable[[bytes], bytes]) -> tuple[str, bool]:
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    (head,) = disk.glob("*.head")
    head.write_bytes(spoil(head.read_bytes()))
    stage.fault("refuse")
    with Lines() as lines:
        client = stage.client(cache_dir=disk)
        client.start(wait=PATIENCE)
        first, source = said(client), client.status().source
        stage.cured(2)
        back = until(lambda: said(client) == "v2")
        until(lambda: not client.status().disk_error)
    good = (first, source) == ("default", Source.DEFAULT) and back < cap("refuse") + GRACE
    return f"starts with {first}, back after {back:.1f} s, log lines: {lines.count}", good


def _unwritable(stage: Stage) -> tuple[str, bool]:
    """A file stands where the folder should be: the superuser cannot write there either."""
    (stage.folder / "in the way").write_text("")
    with Lines() as lines:
        client = stage.started(cache_dir=stage.folder / "in the way")
        stage.server.publish(version(2))
        took = until(lambda: said(client) == "v2")
        until(lambda: client.status().disk_error)
        until(lambda: client.status().not_modified >= 2)
    return f"v2 taken in {took:.1f} s, log lines: {lines.count}", lines.count == 1


def _full(stage: Stage) -> tuple[str, bool]:
    """No file may grow: every write fails in the middle."""
    with Program(stage, cache_dir=str(stage.folder / "disk")) as program:
        program.run("client.close()")
        program.run("import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)")
        program.run("resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))")
        stage.server.publish(version(2))
        program.run("globals().update(client=Client(**options)); client.start(wait=30)")
        good = program.evaluate("until(lambda: said() == 'v2' and client.status().disk_error is not None)")
        stage.server.publish(version(3))
        began = time.monotonic()
        good = program.evaluate("until(lambda: said() == 'v3')") and good
        back = time.monotonic() - began
        _took, status, told = program.ended()
    said_so = len(told.splitlines())
    return f"v3 taken in {back:.1f} s, log lines: {said_so}", bool(good) and status == 0 and said_so == 1


class Looking(ManualClock):
    """Moved by hand, and looked at every few seconds, as the machine's clocks are."""

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        super().wait(condition, LONGEST_SLEEP if seconds is None else min(seconds, LONGEST_SLEEP))


def _jumps(stage: Stage, *, seconds: float) -> tuple[str, bool]:
    """Poll interval 60 s: the wall clock jumps, and the other one does not notice."""
    clock, server, passed = Looking(wall=time.time()), FaultServer(version(1)), 0.0
    with server, Client(**server.options(), cache_dir=stage.folder / "disk", clock=clock) as client:
        client.start(wait=PATIENCE)
        until(lambda: clock.until_waited_on(PATIENCE) > 0.0)
        clock.freeze(seconds)
        meanwhile = said(client)
        server.publish(version(2))
        while said(client) != "v2" and passed < 600.0:
            passed += (step := clock.until_waited_on(PATIENCE))
            clock.advance(step)
            until(lambda: clock.until_waited_on(PATIENCE) > 0.0)
        failures = client.status().failures
    return f"{meanwhile} at once, v2 in {passed:.0f} s", meanwhile == "v1" and passed <= 72.0 and not failures


def _raises(_change: object) -> None:
    msg = "a listener's own mistake"
    raise LookupError(msg)


def _listens(stage: Stage, *, listener: Callable[[Any], None]) -> tuple[str, bool]:
    client, heard = stage.started(), []
    client.on_change(listener)
    client.on_change(lambda change: heard.append(change.new_revision))
    with Lines() as lines:
        for number in (2, 3, 4):
            stage.server.publish(version(number))
            until(lambda number=number: said(client) == f"v{number}" and number in heard)  # type: ignore[misc]
    return f"{said(client)}, the other listener heard of {len(heard)}, log lines: {lines.count}", lines.count == 1


def _blocks(stage: Stage) -> tuple[str, bool]:
    client, release, blocked = stage.started(), threading.Event(), threading.Event()

    def block(_change: object) -> None:
        blocked.set()
        release.wait(PATIENCE)

    client.on_change(block)
    stage.server.publish(version(2))
    blocked.wait(PATIENCE)
    stage.server.publish(version(3))
    took = until(lambda: said(client) == "v3")
    began = time.monotonic()
    client.close()
    closed = time.monotonic() - began
    release.set()
    words = f"v3 taken in {took:.1f} s meanwhile, close {closed * 1000:.0f} ms"
    return words, closed < PROMPT and took < FAST.interval * 2 + PROMPT


def _filters(stage: Stage) -> tuple[str, bool]:
    logger = logging.getLogger("buildflags_sdk.refresh")

    def refuse(_record: logging.LogRecord) -> bool:
        msg = "a filter's own mistake"
        raise LookupError(msg)

    logger.addFilter(refuse)
    try:
        return _goes_through(stage, stage.started(), lambda: stage.fault("http_500"), stage.server.well)
    finally:
        logger.removeFilter(refuse)
