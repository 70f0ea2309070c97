"""A crowd of clients in simulated time, told apart only by their dice: when each of them asks, counted by the second.

Two forms of the same crowd. `light` keeps two numbers for each client and takes every wait from the real `Polling`, so
that a million clients are an affair of seconds; `real` runs a whole `Refresh` for each, and is what `light` is held
against. A client's answers depend on the moment alone, not on the other clients: the edge sees to that.
"""

from __future__ import annotations

import math
import random
from array import array
from typing import TYPE_CHECKING, NamedTuple

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import Adopt, Adopted, Answered, WaitUntil
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk.testing import flag, manifest_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from buildflags_sdk._refresh.polling import Polling

WALL = 1_795_424_400.0
_CACHE = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
_HEADERS = {"content-type": "application/json", "cache-control": _CACHE, "buildflags-poll": "60", "etag": 'W/"one"'}


class Scenario(NamedTuple):
    """Seconds: the clients have long been running, all is well, then every answer is 503, then all is well.

    `published` is when the edge has a new ruleset, `end` when the counting ends.
    """

    down: float
    up: float
    published: float
    end: float
    poll: float = 60.0


class Counted(NamedTuple):
    """Requests by the second, and for each client how many seconds after the edge it had the new ruleset."""

    requests: Sequence[int]
    delays: Sequence[float]

    def rate(self, begin: float, end: float) -> float:
        """Requests a second, on average."""
        return sum(self.requests[int(begin) : int(end)]) / (end - begin)

    def peak(self, begin: float, end: float, width: int) -> float:
        """Requests a second in the busiest `width` seconds."""
        return max(self.rate(at, at + width) for at in range(int(begin), int(end) - width + 1))


def light(clients: int, scenario: Scenario, polling: Polling, seed: int) -> Counted:
    """Every client as its next moment and its failures in a row; the waits are the real ones."""
    down, up, published, end, poll = scenario
    requests, delays = array("L", [0]) * (int(end) + 1), array("d")
    dice = random.Random(seed).random
    stretched, backoff = polling.stretched, polling.backoff
    for _ in range(clients):
        at, failures, behind = _first(polling, poll, dice), 0, True
        while at < end:
            requests[int(at)] += 1
            if down <= at < up:
                failures += 1
                at += backoff(failures, poll, dice())
                continue
            if behind and at >= published:
                delays.append(at - published)
                behind = False
            failures = 0
            at += stretched(poll, dice())
    return Counted(requests[:-1], delays)


def real(clients: int, scenario: Scenario, polling: Polling, seed: int) -> Counted:
    """Every client as the state machine of the package, asked and answered."""
    requests, delays = array("L", [0]) * (int(scenario.end) + 1), array("d")
    dice = random.Random(seed).random
    old, new = (manifest_for([flag("f", on)], revision=revision)[0] for revision, on in ((1, True), (2, False)))
    for _ in range(clients):
        machine = Refresh(workspace="acme", environment="production", polling=polling)
        begin = _first(polling, scenario.poll, dice)
        machine.next_at = Moment(begin, WALL + begin)
        at, behind = begin, True
        while at < scenario.end:
            action = machine.next_action(Moment(at, WALL + at))
            if isinstance(action, WaitUntil):
                at = action.monotonic
                continue
            event: Answered | Adopted = Adopted()
            if not isinstance(action, Adopt):
                requests[int(at)] += 1
                event = _answer(at, scenario, old, new, getattr(action, "etag", None))
            elif behind and at >= scenario.published:
                delays.append(at - scenario.published)
                behind = False
            machine.received(event, Moment(at, WALL + at), dice())
    return Counted(requests[:-1], delays)


def _first(polling: Polling, poll: float, dice: Callable[[], float]) -> float:
    """The first moment of a client that has long been running: within a wait, and longer waits are met more often."""
    shortest, longest = polling.stretched(poll, 0.0), polling.stretched(poll, 1.0)
    return dice() * math.sqrt(shortest**2 + dice() * (longest**2 - shortest**2))


def _answer(at: float, scenario: Scenario, old: bytes, new: bytes, etag: str | None) -> Answered:
    if scenario.down <= at < scenario.up:
        return Answered(503, {})
    tag, body = ('W/"two"', new) if at >= scenario.published else ('W/"one"', old)
    headers = {**_HEADERS, "etag": tag}
    return Answered(304, headers) if etag == tag else Answered(200, headers, body)
