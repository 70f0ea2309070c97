"""`python -m tests.soak.backend FILE`: the real server in a process of its own, so that its memory is not the clients'.

It says port and keys in one line of JSON, and ends when its standard input does.
"""

from __future__ import annotations

import json
import sys

from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app, load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

FLAGS = 60


def main(path: str) -> None:
    """Serve until told."""
    store = SqliteStore(path)
    keys = provision(store, "acme", ["production"])
    whole = {"type": "integer", "variants": {"now": 0}, "fallthrough": {"variant": "now"}}
    fillers = ({"key": f"filler-{at}", **whole, "meta": {"about": "x" * 600}} for at in range(FLAGS))
    load_bulk(store, "acme", "production", [{"key": "counter", **whole}, *fillers])
    settings = Settings(delivery=DeliverySettings(max_age=1, stale_while_revalidate=1, stale_if_error=60, poll=1))
    with running_server(create_app(store, settings=settings)) as url:
        print(json.dumps({"url": url, "sdk_key": keys.server["production"], "management": keys.management}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
