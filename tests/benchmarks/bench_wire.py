"""What a poll costs over a real socket: one flag of 10,000 changed, and nothing changed."""

from __future__ import annotations

import gzip
import multiprocessing
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from buildflags_sdk import Client, Polling
from buildflags_sdk.server import SqliteStore, create_app
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

from .report import Row
from .rulesets import flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Metered:
    """A transport that counts what another one brings over the wire."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.requests, self.bytes = inner, 0, 0

    def exchange(self, request: Any) -> Any:
        """Pass on, and count the bytes of the body as sent."""
        answer = self.inner.exchange(request)
        self.requests += 1
        self.bytes += int(answer.headers.get("content-length", 0))
        return answer

    def close(self) -> None:
        """Close the inner one."""
        self.inner.close()


def _cpu_of(client: Any, rounds: int) -> float:
    """CPU of this process's refresh thread for one poll, by the process's own clock, the server elsewhere."""
    start = time.process_time()
    for _ in range(rounds):
        client.refresh(wait=10)
    return (time.process_time() - start) / rounds


def run() -> list[Row]:
    """Measure, with the server in a process of its own so that its CPU is not counted."""
    definitions = flags(10_000)
    with serving(definitions) as (url, key, change):
        from buildflags_sdk._transport.http import HttpTransport

        meter = Metered(HttpTransport(url, key))
        client = Client(
            url,
            sdk_key=key,
            workspace="acme",
            environment="production",
            cache_dir=None,
            polling=Polling(interval=3600, maximum=3600, minimum=0.001),
            transport=meter,
        )
        with client:
            client.refresh(wait=30)
            first = (meter.requests, meter.bytes)
            whole = sum(len(page) for page in client._feed.table.snapshot.pages.values())
            meter.requests = meter.bytes = 0
            before = client.status().not_modified
            cpu = _cpu_of(client, 50)
            idle = (meter.requests / 50, meter.bytes / 50, (client.status().not_modified - before) / 50)
            old = client.status().revision
            change(next(iter(definitions)))
            meter.requests = meter.bytes = 0
            client.refresh(wait=30)
            changed = (meter.requests, meter.bytes, client.status().revision != old)
    gzipped = len(gzip.compress(b"".join(client._feed.table.snapshot.pages.values())))
    return [
        Row(
            "first load",
            first[1] / 1000,
            None,
            "kB",
            f"{first[0]} requests, {whole / 1e6:.1f} MB unpacked, gzips {whole / gzipped:.1f}:1",
        ),
        Row(
            "one changed flag of 10,000",
            changed[1] / 1000 if changed[2] else float("inf"),
            10,
            "kB",
            f"{changed[0]} requests",
        ),
        Row("nothing changed: requests", idle[0], 1, "", f"{idle[2]:.0f} answered 304"),
        Row("nothing changed: body", idle[1], 0, "bytes"),
        Row("nothing changed: CPU of a poll", cpu * 1000, 1, "ms", "httpx, sockets and all"),
    ]


@contextmanager
def serving(definitions: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, Callable[[str], None]]]:
    """The backend with a ruleset, in a process of its own. Gives URL, SDK key, and what changes one flag."""
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(child, definitions), daemon=True)
    process.start()
    url, key = parent.recv()

    def change(flag: str) -> None:
        parent.send(flag)
        parent.recv()

    try:
        yield url, key, change
    finally:
        process.terminate()
        process.join(5)


def _serve(pipe: Any, definitions: dict[str, dict[str, Any]]) -> None:
    store = SqliteStore(":memory:")
    keys = provision(store, "acme", ["production"])
    segment = {
        "segment": "insiders",
        "include": [],
        "exclude": [],
        "by": ["targetingKey"],
        "when": {"attr": ["plan"], "op": "in", "values": ["enterprise"]},
    }
    load_bulk(store, "acme", "production", definitions.values(), [segment])
    with running_server(create_app(store)) as url:
        pipe.send((url, keys.server["production"]))
        while True:
            changed = definitions[pipe.recv()]
            changed["variants"]["new"] = "changed"
            load_bulk(store, "acme", "production", [changed])
            pipe.send("done")
