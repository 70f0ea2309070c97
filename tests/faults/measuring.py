"""Measures what a client does under each fault of the server's table, as rows of a matrix with a verdict each."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from buildflags_sdk import Client
from buildflags_sdk.testing import FaultServer, ManualClock
from buildflags_sdk.testing.faults import FAULTS

from .stage import (
    FAST,
    PATIENCE,
    Evaluating,
    Stage,
    Watched,
    longest_wait,
    most_polls,
    most_requests,
    next_poll,
    said,
    until,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUND, ROUNDS = 0.2, 6
"""Seconds of one round of evaluations, and how many rounds a fault lasts: several poll intervals."""

LASTS = ROUND * ROUNDS

HELD = 0.1
"""Seconds: an evaluation that takes longer was held up. A busy machine makes some take a few milliseconds anyway."""

SWITCH = 0.001
"""Seconds that an evaluation may take whatever it takes without a fault: another thread has its turn."""

SIGNING_KEY = f"bf_signing_{'A' * 43}"
"""A key of no worth: 32 zero bytes."""

GRACE = 0.5
"""Seconds beyond the documented cap that a measurement may take: starting threads, the machine's other work."""

BEFORE = {"stale_edge": "v2", "rollback_published": "v2"}
"""Faults that need a second publication before they begin, and what the client then says."""

EXPECTED = {
    "stale_edge": ["v2"],
    "rollback_published": ["v2", "v1"],
    "empty_but_valid_ruleset": ["v1", "default"],
}
"""What the client should say during a fault, where that is neither "keeps v1" nor "takes v2"."""


def signing_for(name: str) -> dict[str, Any]:
    """What the server of a fault is made with, so that there are signatures to spoil."""
    return {"signing_key": SIGNING_KEY} if name in FAULTS and FAULTS[name].signed else {}


class During(NamedTuple):
    """One row: a fault that began after a good start."""

    fault: str
    says: str
    answers: str
    healthy: str
    slowest: str
    back: str
    polls: str
    asked: str
    lines: str
    verdict: str


class AtStart(NamedTuple):
    """One row: a fault that was there before the first ruleset."""

    fault: str
    held: str
    first: str
    disk: str
    file: str
    back: str
    lines: str
    verdict: str


class Lines(logging.Handler):
    """Counts the lines that the library writes."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0
        self._logger = logging.getLogger("buildflags_sdk")

    def emit(self, _record: logging.LogRecord) -> None:
        self.count += 1

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = True


def in_words(seconds: float) -> str:
    """A short time, for people."""
    return f"{seconds * 1_000_000:.0f} µs" if seconds < 0.001 else f"{seconds * 1000:.1f} ms"


def cap(name: str) -> float:
    """Seconds after a fault's end within which the client promises to be back."""
    return longest_wait(name) + FAST.deadline


def slower(faulty: list[float], healthy: list[float]) -> bool:
    """Whether evaluations were slower under a fault than beside it, judged by the slowest of each round.

    The medians of both: one round in which the machine did something else says nothing about the fault.
    """
    return max(faulty) > HELD or median(faulty) > max(SWITCH, 3 * median(healthy))


def during(names: list[str]) -> Iterator[During]:
    """The rows of faults that begin after a good start; the first is for no fault at all."""
    for name in ("ok", *names):
        yield _far_future() if name == "far_future_version" else _during(name)


def _during(name: str) -> During:
    with TemporaryDirectory() as folder, Lines() as lines:
        stage = Stage(Path(folder), **signing_for(name))
        client = stage.started()
        if name in BEFORE:
            stage.server.publish(version(2))
            until(lambda: said(client) == "v2")
        before, watched, faulty = lines.count, Watched(client), []
        with Evaluating(client) as evaluating:
            healthy = evaluating.rounds(ROUNDS // 2, ROUND)
            polls, asked, began = client.status().polls, len(stage.server.requests), time.monotonic()
            if name != "ok":
                stage.fault(name)
            if name not in BEFORE:
                stage.server.publish(version(2))
            for _ in range(ROUNDS):
                faulty += evaluating.rounds(1, ROUND)
                watched.status()
            polls, asked = client.status().polls - polls, len(stage.server.requests) - asked
            lasted, answers = time.monotonic() - began, list(evaluating.answers)
            since = stage.cured(3)
            back = _seconds_until(lambda: said(client) == "v3")
            vain = stage.asked_in_vain(since)
            healthy += evaluating.rounds(ROUNDS // 2, ROUND)
        written, raised = lines.count - before, evaluating.raised
        stage.close()
    takes = name == "ok" or FAULTS[name].client == "takes"
    wrong = [
        *(f"raised {type(error).__name__}" for error in raised),
        *(["answers"] if answers != EXPECTED.get(name, ["v1", "v2"] if takes else ["v1"]) else []),
        *(["evaluations are slower"] if slower(faulty, healthy) else []),
        *(["not back in time"] if back is None or back > cap(name) + GRACE else []),
        *(["not back at the next poll"] if vain > 1 else []),
        *(["plans to wait too long"] if watched.longest > longest_wait(name) else []),
        *(["too many polls"] if polls > most_polls(name, lasted) else []),
        *(["too many requests"] if asked > most_requests(name, lasted) else []),
        *(["too many lines"] if written > 2 else []),
    ]
    return During(
        name,
        "nothing: a healthy backend" if name == "ok" else FAULTS[name].says,
        " → ".join(answers),
        in_words(median(healthy)),
        in_words(median(faulty)),
        "never" if back is None else f"{back:.1f} s",
        f"{polls} (≤ {most_polls(name, lasted):.0f})",
        f"{asked} (≤ {most_requests(name, lasted):.0f})",
        str(written),
        ", ".join(wrong) or "good",
    )


def _seconds_until(holds: Callable[[], bool]) -> float | None:
    try:
        return until(holds)
    except AssertionError:
        return None


def _far_future() -> During:
    """On a clock moved by hand: a step back is believed after a minute of answers that agree."""
    with Lines() as lines, FaultServer(version(1)) as server:
        clock, name, passed = ManualClock(), "far_future_version", 0.0
        with Client(**server.options(), cache_dir=None, clock=clock) as client, Evaluating(client) as evaluating:
            client.start(wait=PATIENCE)
            healthy = evaluating.rounds(ROUNDS // 2, ROUND)
            server.fault(name)
            next_poll(client, clock)
            faulty, answers = evaluating.rounds(ROUNDS // 2, ROUND), list(evaluating.answers)
            server.well()
            server.publish(version(2))
            polls, asked = client.status().polls, len(server.requests)
            while said(client) != "v2" and passed < 600:
                passed += next_poll(client, clock)
            polls, asked = client.status().polls - polls, len(server.requests) - asked
    good = answers[-1:] == ["v1"] and 60 <= passed <= 300 and lines.count <= 2
    return During(
        name,
        f"{FAULTS[name].says}, then the right one again; poll interval 60 s, on a clock moved by hand",
        answers[-1],
        in_words(median(healthy)),
        in_words(median(faulty)),
        f"{passed:.0f} s",
        str(polls),
        str(asked),
        str(lines.count),
        ("evaluations are slower" if slower(faulty, healthy) else "good") if good else "poisoned",
    )


def at_start(names: list[str]) -> Iterator[AtStart]:
    """The rows of faults that are there before the first ruleset, without a copy and with one of each kind."""
    for name in names:
        if name not in BEFORE and name != "far_future_version":
            yield _at_start(name)


def _at_start(name: str) -> AtStart:
    with TemporaryDirectory() as folder, Lines() as lines:
        stage = Stage(Path(folder), **signing_for(name))
        disk = Path(folder) / "disk"
        stage.started(cache_dir=disk).close()
        copies: list[dict[str, Any]] = [{}, {"cache_dir": disk}, {"bootstrap": stage.pulled()}]
        stage.fault(name)
        stage.server.publish(version(2))
        clients, held, firsts, slowest = [], [], [], 0.0
        for options in copies:
            client = stage.client(**options)
            began = time.perf_counter()
            client.start(wait=0.2)
            held.append(time.perf_counter() - began)
            began = time.perf_counter()
            firsts.append(said(client))
            slowest = max(slowest, time.perf_counter() - began)
            clients.append(client)
        time.sleep(LASTS / 3)
        since = stage.cured(3)
        back = _seconds_until(lambda: all(said(client) == "v3" for client in clients))
        vain = stage.asked_in_vain(since)
        stage.close()
    takes = FAULTS[name].client == "takes"
    none = {"default", "v2"} if takes else {"default"}
    copied = {"v1", "v2", "default"} if name == "empty_but_valid_ruleset" else {"v1", "v2"} if takes else {"v1"}
    wrong = [
        *(["start held the caller"] if max(held) > 0.2 + GRACE else []),
        *(["an evaluation was held up"] if slowest > HELD else []),
        *(["answers"] if firsts[0] not in none or not copied.issuperset(firsts[1:]) else []),
        *(["not back in time"] if back is None or back > cap(name) + GRACE else []),
        *(["not back at the next poll"] if vain > len(clients) else []),
        *(["too many lines"] if lines.count > 2 * len(clients) else []),
    ]
    return AtStart(
        name,
        f"{max(held):.2f} s",
        firsts[0],
        firsts[1],
        firsts[2],
        "never" if back is None else f"{back:.1f} s",
        str(lines.count),
        ", ".join(wrong) or "good",
    )
