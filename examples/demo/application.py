"""An application that uses flags: it evaluates them all the time, measures each call, and reports what it sees.

A process of its own. Reports go to stdout, one JSON object a line; it ends when its stdin closes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from buildflags_sdk import Client
from examples.demo.histogram import Histogram

FLAG = "new-checkout"
USERS = [{"targetingKey": f"user-{number}", "plan": "pro" if number % 3 else "free"} for number in range(200)]
BURST_PAUSE_SECONDS = 0.004
REPORT_EVERY_SECONDS = 0.1


def main() -> None:
    """Start a client, evaluate in bursts, report ten times a second."""
    client = Client(
        os.environ["BUILDFLAGS_URL"],
        sdk_key=os.environ["BUILDFLAGS_SDK_KEY"],
        workspace=os.environ["BUILDFLAGS_WORKSPACE"],
        environment=os.environ["BUILDFLAGS_ENVIRONMENT"],
        cache_dir=os.environ["DEMO_CACHE_DIR"],
    )
    client.on_change(
        lambda change: report(
            "changed",
            before=change.old_revision,
            revision=change.new_revision,
            keys=sorted(change.keys),
            at=time.time(),
        )
    )
    client.start(wait=0)  # an application that starts serving at once, whatever the backend does
    first = client.get_details(FLAG, False, USERS[0])
    since_spawned = time.time() - float(os.environ["DEMO_SPAWNED_AT"])  # the interpreter's start is part of it
    report("started", milliseconds=since_spawned * 1000, **described(first))

    ended = threading.Event()
    threading.Thread(target=wait_for_the_end, args=(ended,), daemon=True).start()
    while not ended.is_set():
        latencies, on = Histogram(), 0
        until = time.perf_counter() + REPORT_EVERY_SECONDS
        while time.perf_counter() < until:
            on = evaluate(client, latencies)
            time.sleep(BURST_PAUSE_SECONDS)
        details = client.get_details(FLAG, False, USERS[0])
        share = round(100 * on / len(USERS))
        report(
            "evaluated",
            counts=list(latencies.counts.items()),
            longest=latencies.longest,
            share=share,
            **described(details),
        )
    client.close()


def evaluate(client: Client, latencies: Histogram) -> int:
    """Ask the flag once for every user, each call measured by itself. Returns how many have it on."""
    clock, on = time.perf_counter_ns, 0
    for user in USERS:
        began = clock()
        enabled = client.is_enabled(FLAG, user)
        latencies.add(clock() - began)
        on += enabled
    return on


def described(details: Any) -> dict[str, Any]:
    """What an answer says about itself."""
    return {
        "value": details.value,
        "reason": details.reason,
        "source": details.source,
        "revision": details.revision,
        "freshness": details.freshness,
        "age": details.age,
        "decided": details.decided,
    }


def wait_for_the_end(ended: threading.Event) -> None:
    """The stage closes our stdin when the play is over."""
    sys.stdin.read()
    ended.set()


def report(event: str, **facts: Any) -> None:
    """Tell the stage."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
