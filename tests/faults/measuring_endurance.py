"""Measures what only shows when it is done over and over: clients that come and go, kills while saving, inputs tried."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psutil

from buildflags_sdk import AsyncClient, Client

from .measuring_processes import Process
from .stage import ROOT, Stage, said, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUZZ_SECONDS = 24
"""For all targets together; `make fuzz` takes its time."""


def endurance(cycles: int, kills: int) -> Iterator[Process]:
    """All rows."""
    for name, run, bits in (
        ("sync clients opened and closed", _sync, None),
        ("async clients opened and closed", _async, None),
        ("sync clients opened and closed, ruleset in 4 pages", _sync, 2),
    ):
        yield _row(f"{cycles:,} {name}", lambda run=run, bits=bits: _leaks(run, bits, cycles))  # type: ignore[misc]
    yield _row("kill -9 while saving the disk copy", lambda: _kills(kills))
    yield _row("fuzzing of everything that reads bytes", _fuzzed)


def _row(name: str, measure: Callable[[], tuple[str, bool]]) -> Process:
    sys.stderr.write(f"… {name}\n")  # each takes a while
    measured, good = measure()
    return Process(name, measured, "good" if good else "BAD")


def _sync(stage: Stage, cycles: int) -> None:
    for _ in range(cycles):
        with Client(**stage.server.options(), cache_dir=stage.folder / "disk") as client:
            assert said(client) == "v1"


def _async(stage: Stage, cycles: int) -> None:
    async def come_and_go() -> None:
        for _ in range(cycles):
            async with AsyncClient(**stage.server.options(), cache_dir=stage.folder / "disk") as client:
                assert said(client) == "v1"

    asyncio.run(come_and_go())


def _leaks(run: Callable[[Stage, int], None], bits: int | None, cycles: int) -> tuple[str, bool]:
    process = psutil.Process(os.getpid())

    def standing() -> tuple[int, int, int]:
        gc.collect()
        until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("buildflags")])
        return threading.active_count(), process.num_fds(), process.memory_info().rss // 1_048_576

    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder), bits=bits)
        run(stage, 20)
        before, began = standing(), time.monotonic()
        run(stage, cycles)
        took, after = time.monotonic() - began, standing()
        stage.close()
    pairs = [
        f"{name} {first}→{last}" for name, first, last in zip(("threads", "fds", "RSS"), before, after, strict=True)
    ]
    good = after[0] <= before[0] + 2 and after[1] <= before[1] + 5 and after[2] <= before[2] + 10
    return f"{', '.join(pairs)} MiB, {took:.1f} s", good


def _kills(kills: int) -> tuple[str, bool]:
    done = _told("pytest", "-q", "tests/storage/test_kills.py", BUILDFLAGS_KILLS=str(kills))
    good = done.returncode == 0 and "1 passed" in done.stdout
    broken = re.search(r"AssertionError: (kill \d+ .*)", done.stdout)
    return f"{kills:,} kills survived" if good else broken[1] if broken else "the loop did not end well", good


def _fuzzed() -> tuple[str, bool]:
    done = _told("tests.fuzz", FUZZ_SECONDS=str(FUZZ_SECONDS))
    tried = re.search(r"([\d,]+) inputs tried, (\d+) of (\d+) targets broke a promise", done.stdout)
    if tried is None:
        return "it did not run to its end", False
    words = f"{tried[1]} inputs tried on {tried[3]} targets, {tried[2]} broke a promise"
    return words, done.returncode == 0 and tried[1] != "0"


def _told(module: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a module of this project's tests says, run as a program."""
    return subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
