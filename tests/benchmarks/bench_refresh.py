"""What a ruleset of 10,000 flags costs: to load, to hold, and to refresh while another thread evaluates."""

from __future__ import annotations

import gc
import json
import threading
import time
import tracemalloc
from typing import Any

from buildflags_sdk import Limits
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot import build, build_now
from buildflags_sdk._wire.page import verify_page

from .report import Row
from .rulesets import decoded, flags, lines, paged

COUNT = 10_000
PACE = 100e-6
SECONDS = 6.0
NO_WORLD = PureWorld(lambda: 0.0, lambda: 0.5)


def _cpu(work: Any, rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def _ready(manifest: bytes, pages: dict[str, bytes]) -> Any:
    limits = Limits()
    for name, body in pages.items():
        verify_page(name, body, limits)
    return build_now(decoded(manifest, limits), pages, None, limits)


def load() -> list[Row]:
    """CPU from bytes in memory to ready, and memory per compiled flag."""
    manifest, pages = paged(lines(flags(COUNT)))
    whole = b"[" + b",".join(body.rstrip(b"\n").replace(b"\n", b",") for body in pages.values() if body) + b"]"
    theirs = _cpu(lambda: json.loads(whole))
    mine = _cpu(lambda: _ready(manifest, pages))
    snapshot = _ready(manifest, pages)
    context = {"targetingKey": "user-1", "country": "DE", "plan": "free", "email": "a@b.c"}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for key in tuple(snapshot.keys()):
        snapshot.decide(key, context, NO_WORLD)
    held = (tracemalloc.get_traced_memory()[0] - before) / len(snapshot.keys())
    tracemalloc.stop()
    other = _ready(manifest, pages)
    started = time.thread_time()
    for key in tuple(other.keys()):
        other.compiled(key)
    compiling = (time.thread_time() - started) / len(other.keys())
    return [
        Row(
            "10,000 flags, bytes to ready / json.loads of the same",
            mine / theirs,
            0.2,
            "×",
            f"{mine * 1e3:.1f} ms against {theirs * 1e3:.0f} ms of CPU, {len(whole) / 1e6:.1f} MB",
        ),
        Row("memory per compiled flag", held / 1000, 1.5, "KB"),
        Row("compile, of two rules, on first use", compiling * 1e6, None, "µs", "CPU per flag"),
    ]


def _paced(snapshot: Any, swaps: Any) -> list[float]:
    """Response times of evaluations due every 100 µs, while `swaps` (or nothing) refreshes on another thread."""
    key = next(iter(snapshot.keys()))
    context = {"targetingKey": "user-1", "country": "DE", "plan": "free", "email": "a@b.c"}
    box = [snapshot]
    stop = threading.Event()
    thread = None
    if swaps is not None:
        thread = threading.Thread(target=swaps, args=(box, stop), daemon=True)
        thread.start()
    waits = []
    clock = time.perf_counter
    due = clock()
    end = due + SECONDS
    while due < end:
        now = clock()
        if now < due:
            if due - now > 60e-6:
                time.sleep((due - now) / 2)
            continue
        box[0].decide(key, context, NO_WORLD)
        waits.append(clock() - due)
        due += PACE
    stop.set()
    if thread is not None:
        thread.join(5)
    waits.sort()
    return waits


def _versions() -> list[tuple[bytes, dict[str, bytes]]]:
    """Two revisions in which every line differs."""
    definitions = flags(COUNT)
    versions: list[tuple[bytes, dict[str, bytes]]] = []
    for variant in ("v2", "v3"):
        for definition in definitions.values():
            definition["variants"]["new"] = variant
        versions.append(paged(lines(definitions), revision=len(versions) + 1))
    return versions


def stalls() -> list[Row]:
    """The longest step of building a revision in which everything changed: for so long no other thread may run."""
    versions, limits = _versions(), Limits()
    rows = []
    for used, collects in ((1, True), (COUNT, False), (COUNT, True)):
        snapshot = _ready(*versions[0])
        for key in tuple(snapshot.keys())[:used]:
            snapshot.compiled(key)
        longest = []
        for turn in (1, 0, 1):
            gc.collect()
            if not collects:
                gc.disable()
            steps, took = build(decoded(versions[turn][0], limits), versions[turn][1], snapshot, limits), [0.0]
            try:
                while True:
                    started = time.thread_time()
                    next(steps)
                    took.append(time.thread_time() - started)
            except StopIteration as done:
                snapshot = done.value
            finally:
                gc.enable()
            longest.append(max(took))
        how = f"{used} of {COUNT} compiled, garbage collection {'on' if collects else 'off'}"
        rows.append(Row("longest step while everything changes", sorted(longest)[1] * 1000, None, "ms", how))
    return rows


def tail() -> list[Row]:
    """The p99.9 of evaluations while all 10,000 flags change every second, against never refreshing."""
    versions = _versions()
    first = _ready(*versions[0])

    def swaps(box: list[Any], stop: threading.Event) -> None:
        limits, turn = Limits(), 1
        while not stop.wait(1.0):
            manifest, pages = versions[turn % 2]
            for number, (name, body) in enumerate(pages.items()):
                verify_page(name, body, limits)
                if number % 4 == 3:
                    time.sleep(0.0005)
            steps = build(decoded(manifest, limits), pages, box[0], limits)
            while True:
                try:
                    next(steps)
                except StopIteration as done:
                    box[0] = done.value
                    break
                time.sleep(0.0005)
            turn += 1

    quiet, busy = [], []
    for _ in range(3):
        quiet.append(_paced(first, None))
        busy.append(_paced(first, swaps))

    def percentile(runs: list[list[float]], share: float) -> float:
        return sorted(run[int(len(run) * share)] for run in runs)[len(runs) // 2]

    mine, theirs = percentile(busy, 0.999), percentile(quiet, 0.999)
    return [
        Row(
            "p99.9 while 10,000 flags change each second / never",
            mine / theirs,
            2.0,
            "×",
            f"{mine * 1e6:.0f} µs against {theirs * 1e6:.0f} µs",
        ),
        Row(
            "p99 while 10,000 flags change each second",
            percentile(busy, 0.99) * 1e6,
            None,
            "µs",
            f"never refreshing: {percentile(quiet, 0.99) * 1e6:.0f} µs",
        ),
    ]


def run() -> list[Row]:
    """Measure."""
    return [*load(), *stalls(), *tail()]
