"""A fleet behind an edge: clients in a few processes, varnish, the real server; an outage; and the figures of all that."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.server import DeliverySettings
from tests.fleet.edge import edge
from tests.fleet.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable


class Plan(NamedTuple):
    """How many clients, and the phases in seconds: they settle, all is well, the origin is gone, it is back.

    `stale_if_error` shorter than the outage lets it reach the clients. Those who wait for a cold start go on together, and
    only their jitter, a fifth of `poll`, parts them: a `poll` scaled down without its `cold_start` makes a herd of them.
    """

    clients: int = 1000
    processes: int = 2
    poll: int = 20
    max_age: int = 5
    stale_while_revalidate: int = 5
    stale_if_error: int = 86_400
    settle: float = 28.0
    steady: float = 32.0
    outage: float = 20.0
    after: float = 40.0
    flags: int = 200
    cold_start: float = 3.0

    @property
    def seconds(self) -> float:
        """How long all of it takes."""
        return self.settle + self.steady + self.outage + self.after


class Figures(NamedTuple):
    """What was measured. Rates are requests for the manifest a second, at the edge.

    The peaks are of the busiest poll interval; `busiest_second` is that after the outage.
    """

    asked_at_edge: int
    asked_at_origin: int
    origin_per_ttl: float
    cold_starts: int
    collapsed: int
    steady_rate: float
    outage_peak: float
    after_peak: float
    busiest_second: float
    statuses: dict[str, int]
    up_to_date: int
    failing: int
    clients: int


def run(plan: Plan, say: Callable[[str], None]) -> Figures:
    """Do it."""
    delivery = DeliverySettings(plan.max_age, plan.stale_while_revalidate, plan.stale_if_error, plan.poll)
    origin = Origin(delivery, cold_start=plan.cold_start)
    origin.load(_flags(plan.flags, "first"))
    port = origin.start()
    with edge(port, stale_while_revalidate=plan.stale_while_revalidate) as edge_port:
        # Everything is told in Unix time too: the clients are other processes.
        shift = time.time() - time.monotonic()
        begin = time.monotonic()
        processes = [_clients(plan, edge_port, origin.key, seed) for seed in range(plan.processes)]
        say(f"{plan.clients} clients begin, behind varnish; the first answer of the origin takes a cold start")
        time.sleep(plan.settle + plan.steady)
        down = time.monotonic()
        say(f"the origin goes away for {plan.outage:g} s")
        origin.stop()
        time.sleep(plan.outage)
        last = origin.load(_flags(plan.flags, "second"))
        origin.start(port)
        up = time.monotonic()
        say("the origin is back, cold, with a new revision")
        results = [_result(process) for process in processes]
    origin.stop()
    steady_from = begin + plan.settle
    tenths = Counter[float]()
    for result in results:
        tenths.update({int(at) / 10 - shift: count for at, count in result["tenths"].items()})
    window = float(plan.poll)
    steady = _rate(tenths, steady_from, down)
    manifests = [asked for asked in origin.between(steady_from, down) if asked.manifest]
    span = manifests[-1].at - manifests[0].at if len(manifests) > 1 else down - steady_from
    first = min(asked.at for asked in origin.asked if asked.manifest)
    revisions: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for result in results:
        revisions.update(result["revisions"])
        statuses.update(result["statuses"])
    end = begin + plan.seconds
    return Figures(
        asked_at_edge=sum(tenths.values()),
        asked_at_origin=sum(asked.manifest for asked in origin.asked),
        origin_per_ttl=(len(manifests) - 1) * plan.max_age / span,
        cold_starts=sum(asked.cold for asked in origin.asked),
        collapsed=sum(count for at, count in tenths.items() if first <= at < first + plan.cold_start),
        steady_rate=steady,
        outage_peak=_peak(tenths, down, up, window),
        after_peak=_peak(tenths, up, end, window),
        busiest_second=_peak(tenths, up, end, 1.0),
        statuses=dict(statuses),
        up_to_date=revisions[str(last)],
        failing=sum(result["failing"] for result in results),
        clients=plan.clients,
    )


def _clients(plan: Plan, port: int, key: str, seed: int) -> subprocess.Popen[str]:
    count = plan.clients // plan.processes
    given = [f"http://127.0.0.1:{port}", str(count), str(plan.seconds), str(plan.poll), str(seed)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fleet.clients", *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(key + "\n")
    process.stdin.flush()
    return process


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=120)
    result: dict[str, Any] = json.loads(out)
    return result


def _rate(tenths: Counter[float], begin: float, end: float) -> float:
    return sum(count for at, count in tenths.items() if begin <= at < end) / (end - begin)


def _peak(tenths: Counter[float], begin: float, end: float, width: float) -> float:
    starts = [begin + step / 2 for step in range(int((end - begin - width) * 2) + 1)]
    return max(_rate(tenths, start, start + width) for start in starts)


def _flags(count: int, served: str) -> list[dict[str, Any]]:
    return [
        {
            "key": f"flag-{number}",
            "type": "string",
            "variants": {"first": "x" * 200, "second": "y" * 200},
            "fallthrough": {"variant": served if number == 0 else "first"},
        }
        for number in range(count)
    ]
