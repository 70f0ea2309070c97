"""Clients that are opened and closed over and over leave nothing behind, in whatever way: no thread, task, socket, object.

`BUILDFLAGS_CYCLES=1000` runs a thousand of each; `make faults` always does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest

from buildflags_sdk import AsyncClient, Client

from .stage import PATIENCE, Stage, said, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CYCLES = int(os.environ.get("BUILDFLAGS_CYCLES", "60"))
"""Enough to tell what grows with each cycle from what is made once."""

WARM_UP = 5
ROOMS = ("buildflags_sdk", "httpx", "httpcore", "h11", "socket", "ssl", "threading", "weakref", "asyncio", "concurrent")
"""Packages whose objects are counted: ours, and those that ours hold."""


class Standing(NamedTuple):
    """What is there at one moment. Objects by their type, those of the server and of the tests left out."""

    threads: int
    descriptors: int
    tasks: int
    objects: Counter[str]


class Cycles:
    """Counts cycles, and looks at what is there before them, half way and after. Iterate over it, one cycle a step."""

    def __init__(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        self.stage = stage
        self._caplog = caplog
        self._strangers = set(threading.enumerate())

    def standing(self) -> Standing:
        """Let everything end that ends by itself, then count."""
        self._caplog.clear()
        self.stage.server.requests.clear()
        until(lambda: not self._of_ours())
        until(lambda: gc.collect() is not None and self.stage.server._open == set())
        gc.collect()
        kinds = Counter(f"{type(item).__module__}.{type(item).__qualname__}" for item in gc.get_objects())
        objects = Counter({kind: n for kind, n in kinds.items() if kind.startswith(ROOMS) and ".testing." not in kind})
        return Standing(len(self._of_ours()), psutil.Process().num_fds(), _tasks(), objects)

    def __iter__(self) -> Iterator[None]:
        """One step for each cycle; fails at the end if anything grew with them, and not at one cycle or another."""
        yield from repeat(None, WARM_UP)
        first = self.standing()
        yield from repeat(None, CYCLES // 2)
        half = self.standing()
        yield from repeat(None, CYCLES // 2)
        last = self.standing()
        assert (last.threads, last.tasks) == (first.threads, first.tasks)
        assert last.descriptors <= first.descriptors + 5
        both = (half.objects - first.objects) & (last.objects - half.objects)  # the lesser growth of the two halves
        assert {kind: more for kind, more in both.items() if more > CYCLES // 10} == {}

    def _of_ours(self) -> list[threading.Thread]:
        return [
            thread for thread in set(threading.enumerate()) - self._strangers if thread.name.startswith("buildflags")
        ]


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


@pytest.fixture
def cycles(stage: Stage, caplog: pytest.LogCaptureFixture) -> Cycles:
    return Cycles(stage, caplog)


def begun(stage: Stage) -> Callable[[], bool]:
    """Whether a request came in since this was asked."""
    known = len(stage.server.requests)
    return lambda: len(stage.server.requests) > known


def never_started(stage: Stage) -> None:
    client = Client(**stage.server.options(), cache_dir=stage.folder / "disk")
    assert said(client) == "default"
    client.close()


def started(stage: Stage) -> None:
    with Client(**stage.server.options(), cache_dir=stage.folder / "disk") as client:
        client.on_change(lambda _change: None)
        assert client.start(wait=PATIENCE)
        assert said(client) == "v1"


def started_and_refused(stage: Stage) -> None:
    with Client(**stage.server.options(), cache_dir=None) as client:
        client.on_change(lambda _change: None)
        assert said(client) == "default"
        assert client.status().failures >= 1


def with_other_environments(stage: Stage) -> None:
    with Client(**stage.server.options(), cache_dir=stage.folder / "disk") as client:
        views = [client.in_environment(name) for name in ("staging", "development")]
        for view in views:
            view.on_change(lambda _change: None)
            assert said(view) == "default"
        until(lambda: all(view.status().failures for view in views))


def as_on_lambda(stage: Stage) -> None:
    with Client(**stage.server.options(), cache_dir=None, mode="lambda") as client:
        client.refresh(wait=PATIENCE)
        assert said(client) == "v1"
        client.refresh_if_due()


def closed_while_it_hangs(stage: Stage) -> None:
    has_asked = begun(stage)
    client = Client(**stage.server.options(), cache_dir=None)
    client.start(wait=0)
    until(has_asked)
    client.close()


def forgotten(stage: Stage) -> None:
    client = Client(**stage.server.options(), cache_dir=None)
    assert client.start(wait=PATIENCE)


def on_a_loop_of_its_own(stage: Stage) -> None:
    async def live() -> None:
        async with AsyncClient(**stage.server.options(), cache_dir=None) as client:
            assert said(client) == "v1"

    asyncio.run(live())


WAYS = [
    (never_started, None),
    (started, None),
    (started_and_refused, "refuse"),
    (started_and_refused, "http_500"),
    (with_other_environments, None),
    (as_on_lambda, None),
    (closed_while_it_hangs, "hang"),
    (closed_while_it_hangs, "drip"),
    (forgotten, None),
    (on_a_loop_of_its_own, None),
]


@pytest.mark.parametrize(("way", "fault"), WAYS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_open_close_200(cycles: Cycles, way: Callable[[Stage], None], fault: str | None) -> None:
    """More than two hundred in all; in each way a growth with its cycles would be seen."""
    if fault is not None:
        cycles.stage.fault(fault)
    for _ in cycles:
        way(cycles.stage)


@pytest.mark.parametrize("fault", [None, "refuse", "hang"])
async def test_async_clients_that_come_and_go_on_one_loop_leave_no_task(cycles: Cycles, fault: str | None) -> None:
    if fault is not None:
        cycles.stage.fault(fault)

    async def listen(_change: object) -> None:
        await asyncio.sleep(0)

    for _ in cycles:
        has_asked = begun(cycles.stage)
        client = AsyncClient(**cycles.stage.server.options(), cache_dir=None)
        client.on_change(listen)
        await client.start(wait=0 if fault == "hang" else PATIENCE)
        if fault == "hang":
            await asyncio.to_thread(until, has_asked)
        await client.close()


def test_one_object_that_each_cycle_leaves_behind_is_seen(cycles: Cycles) -> None:
    with pytest.raises(AssertionError, match=r"buildflags_sdk\._config\.SdkKey"):
        assert [Client(**cycles.stage.server.options(), cache_dir=None) for _ in cycles]
