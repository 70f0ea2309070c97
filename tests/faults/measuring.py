"""Measures what a client does under each fault of the server's table, as rows of a matrix with a verdict each."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from buildflags_sdk import Client
from buildflags_sdk.testing import FaultServer, ManualClock
from buildflags_sdk.testing.faults import FAULTS

from .stage import FAST, PATIENCE, Evaluating, Stage, said, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator

LASTS = 1.5
"""Seconds that each fault lasts: several poll intervals."""

PAUSE_TOLD = 0.1
"""Seconds: an evaluation that takes longer was held up. A busy machine makes some take a few milliseconds anyway."""

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

PACED = {
    **dict.fromkeys(("http_401", "http_403", "http_404"), FAST.auth_retry),
    **dict.fromkeys(("http_429_retry_5", "http_429_retry_3600", "retry_after_http_date"), FAST.retry_after_cap),
}


def signing_for(name: str) -> dict[str, Any]:
    """What the server of a fault is made with, so that there are signatures to spoil."""
    return {"signing_key": SIGNING_KEY} if name in FAULTS and FAULTS[name].signed else {}


class During(NamedTuple):
    """One row: a fault that began after a good start."""

    fault: str
    says: str
    answers: str
    slowest: str
    back: str
    asked: str
    lines: str
    verdict: str


class AtStart(NamedTuple):
    """One row: a fault that was there before the first ruleset."""

    fault: str
    held: str
    first: str
    disk: str
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
    return PACED.get(name, FAST.interval) * (1 + FAST.jitter) + FAST.deadline


def during(names: list[str]) -> Iterator[During]:
    """The rows of faults that begin after a good start; the first is for no fault at all."""
    baseline, row = _during("ok", 0.0)
    yield row
    for name in names:
        yield _far_future() if name == "far_future_version" else _during(name, baseline)[1]


def _during(name: str, baseline: float) -> tuple[float, During]:
    with TemporaryDirectory() as folder, Lines() as lines:
        stage = Stage(Path(folder), **signing_for(name))
        client = stage.started()
        if name in BEFORE:
            stage.server.publish(version(2))
            until(lambda: said(client) == "v2")
        before = lines.count
        with Evaluating(client) as evaluating:
            polls = client.status().polls
            if name != "ok":
                stage.fault(name)
            if name not in BEFORE:
                stage.server.publish(version(2))
            time.sleep(LASTS)
            asked, answers = client.status().polls - polls, list(evaluating.answers)
            stage.server.well()
            stage.server.publish(version(3))
            back = _seconds_until(client, "v3")
        written, slowest, raised = lines.count - before, evaluating.slowest, evaluating.raised
        stage.close()
    takes = name == "ok" or FAULTS[name].client == "takes"
    wrong = [
        *(f"raised {type(error).__name__}" for error in raised),
        *(["answers"] if answers != EXPECTED.get(name, ["v1", "v2"] if takes else ["v1"]) else []),
        *(["an evaluation was held up"] if slowest > max(PAUSE_TOLD, 3 * baseline) else []),
        *(["not back in time"] if back is None or back > cap(name) + GRACE else []),
        *(["too many requests"] if asked > 8 + LASTS * 4 / FAST.interval else []),
        *(["too many lines"] if written > 2 else []),
    ]
    says = "nothing: a healthy backend" if name == "ok" else FAULTS[name].says
    return slowest, During(
        name,
        says,
        " → ".join(answers),
        in_words(slowest),
        "never" if back is None else f"{back:.1f} s",
        str(asked),
        str(written),
        ", ".join(wrong) or "good",
    )


def _seconds_until(client: Any, text: str) -> float | None:
    try:
        return until(lambda: said(client) == text)
    except AssertionError:
        return None


def _far_future() -> During:
    """On a clock moved by hand: a step back is believed after a minute of answers that agree."""
    with Lines() as lines, FaultServer(version(1)) as server:
        clock, name, passed = ManualClock(), "far_future_version", 0.0
        with Client(**server.options(), cache_dir=None, clock=clock) as client, Evaluating(client) as evaluating:
            client.start(wait=PATIENCE)
            server.fault(name)
            asked = _next_poll(client, clock)
            answers = list(evaluating.answers)
            server.well()
            server.publish(version(2))
            before = client.status().polls
            while said(client) != "v2" and passed < 600:
                passed += _next_poll(client, clock)
            asked = client.status().polls - before
    good = answers[-1:] == ["v1"] and 60 <= passed <= 300 and lines.count <= 2
    return During(
        name,
        f"{FAULTS[name].says}, then the right one again; poll interval 60 s, on a clock moved by hand",
        answers[-1],
        in_words(evaluating.slowest),
        f"{passed:.0f} s",
        str(asked),
        str(lines.count),
        "good" if good else "poisoned",
    )


def _next_poll(client: Any, clock: ManualClock) -> float:
    clock.until_waited_on(PATIENCE)
    polls, wait = client.status().polls, client.status().next_refresh_in or 0.0
    clock.advance(wait + 0.001)
    until(lambda: client.status().polls > polls)
    clock.until_waited_on(PATIENCE)
    return float(wait)


def at_start(names: list[str]) -> Iterator[AtStart]:
    """The rows of faults that are there before the first ruleset, without a copy and with one on the disk."""
    for name in names:
        if name not in BEFORE and name != "far_future_version":
            yield _at_start(name)


def _at_start(name: str) -> AtStart:
    with TemporaryDirectory() as folder, Lines() as lines:
        stage = Stage(Path(folder), **signing_for(name))
        disk = Path(folder) / "disk"
        stage.started(cache_dir=disk).close()
        stage.fault(name)
        stage.server.publish(version(2))
        clients, held, firsts, slowest = [], [], [], 0.0
        for options in ({}, {"cache_dir": disk}):
            client = stage.client(**options)
            began = time.perf_counter()
            client.start(wait=0.2)
            held.append(time.perf_counter() - began)
            began = time.perf_counter()
            firsts.append(said(client))
            slowest = max(slowest, time.perf_counter() - began)
            clients.append(client)
        time.sleep(LASTS / 3)
        stage.server.well()
        stage.server.publish(version(3))
        began = time.monotonic()
        back = [_seconds_until(client, "v3") for client in clients]
        last = None if None in back else time.monotonic() - began
        stage.close()
    takes = FAULTS[name].client == "takes"
    none = {"default", "v2"} if takes else {"default"}
    copied = {"v1", "v2", "default"} if name == "empty_but_valid_ruleset" else {"v1", "v2"} if takes else {"v1"}
    wrong = [
        *(["start held the caller"] if max(held) > 0.2 + GRACE else []),
        *(["an evaluation was held up"] if slowest > PAUSE_TOLD else []),
        *(["answers"] if firsts[0] not in none or firsts[1] not in copied else []),
        *(["not back in time"] if last is None or last > cap(name) + GRACE else []),
        *(["too many lines"] if lines.count > 4 else []),
    ]
    return AtStart(
        name,
        f"{max(held):.2f} s",
        firsts[0],
        firsts[1],
        "never" if last is None else f"{last:.1f} s",
        str(lines.count),
        ", ".join(wrong) or "good",
    )
