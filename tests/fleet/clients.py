"""`python -m tests.fleet.clients URL COUNT SECONDS POLL SEED`: many clients in one process, each a real state machine.

The key comes in on standard input, the figures go out on standard output as one line of JSON. The HTTP is as light as
HTTP can be, so that a thousand clients fit beside the servers they ask: a few kept-alive connections for all of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import (
    Action,
    Adopt,
    Adopted,
    Answered,
    Event,
    Failed,
    FetchManifest,
    FetchPages,
    PageRefused,
    PagesFetched,
    WaitUntil,
)
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._refresh.polling import Polling
from buildflags_sdk.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS = 48
DEADLINE = 8.0
_PATH = "/v1/workspaces/acme/environments/production/manifest"


class Wire:
    """A pool of kept-alive connections to one host, and the requests made on them."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._key = key
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._room = asyncio.Semaphore(CONNECTIONS)
        self.manifests: Counter[int] = Counter()
        self.statuses: Counter[str] = Counter()

    async def get(self, path: str, headers: Mapping[str, str]) -> Answered:
        """One GET. Raises `ConnectionFailed`."""
        if path == _PATH:
            self.manifests[int(time.time() * 10)] += 1
        async with self._room:
            try:
                answer = await asyncio.wait_for(self._sent(path, headers), DEADLINE)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.statuses[type(error).__name__] += 1
                msg = f"{type(error).__name__}: {error}"
                raise ConnectionFailed(msg) from None
        self.statuses[f"{'manifest' if path == _PATH else 'page'} {answer.status}"] += 1
        return answer

    async def manifest(self, etag: str | None) -> Answered:
        """Ask for the manifest with the key."""
        headers = {"authorization": f"Bearer {self._key}"}
        return await self.get(_PATH, headers if etag is None else {**headers, "if-none-match": etag})

    async def _sent(self, path: str, headers: Mapping[str, str]) -> Answered:
        """Send; on another connection where one that was kept alive turns out to be closed, as `HttpTransport` does."""
        while self._idle:
            try:
                return await self._exchange(*self._idle.pop(), path, headers)
            except (OSError, EOFError):
                continue
        return await self._exchange(*await asyncio.open_connection(self._host, self._port), path, headers)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, headers: Mapping[str, str]
    ) -> Answered:
        kept = False
        try:
            fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\n{fields}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in head[1:] if line)
            answered = {name.lower(): value.strip() for name, _, value in pairs}
            status = int(head[0][9:12])
            body = b"" if status in (204, 304) else await _body(reader, answered)
            kept = answered.get("connection", "").lower() != "close"
            return Answered(status, answered, body)
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


async def client(wire: Wire, machine: Refresh, until: float, dice: random.Random) -> None:
    """One client: do what its state machine says until the end."""
    while (now := moment()).monotonic < until:
        action = machine.next_action(now)
        if isinstance(action, WaitUntil):
            await asyncio.sleep(max(0.0, min(action.monotonic, until) - now.monotonic))
            continue
        machine.received(await _done(wire, action), moment(), dice.random())


async def _done(wire: Wire, action: Action) -> Event:
    try:
        if isinstance(action, FetchManifest):
            return await wire.manifest(action.etag)
        if isinstance(action, FetchPages):
            pages: dict[str, bytes] = {}
            for name in action.missing:
                answer = await wire.get(action.manifest.pages_at + name, {})
                if answer.status != 200:
                    return PageRefused(name, answer.status, pages)
                pages[name] = answer.body
            return PagesFetched(pages)
    except ConnectionFailed as error:
        return Failed(error)
    assert isinstance(action, Adopt)
    return Adopted()


async def run(url: str, key: str, count: int, seconds: float, poll: float, seed: int) -> dict[str, Any]:
    """Run so many clients, begun evenly over one poll interval. Gives the figures."""
    wire, dice = Wire(url, key), random.Random(seed)
    polling = Polling(interval=poll, minimum=0.5, deadline=DEADLINE)
    machines = [Refresh(workspace="acme", environment="production", polling=polling) for _ in range(count)]
    begin = moment()
    for machine in machines:
        machine.next_at = begin.later(dice.random() * poll)
    until = begin.monotonic + seconds
    await asyncio.gather(*(client(wire, machine, until, dice) for machine in machines))
    served = Counter(machine.served.manifest.revision if machine.served else 0 for machine in machines)
    failing = sum(machine.failures > 0 for machine in machines)
    now = moment()
    states = Counter(str(machine.freshness(now) or "none") for machine in machines)
    return {
        "tenths": dict(wire.manifests),
        "statuses": dict(wire.statuses),
        "revisions": dict(served),
        "failing": failing,
        "freshness": dict(states),
        "swaps": sum(machine.swaps for machine in machines),
    }


def moment() -> Moment:
    """Now, on both clocks."""
    return Moment(time.monotonic(), time.time())


if __name__ == "__main__":
    given_url, *given = sys.argv[1:]
    secret = sys.stdin.readline().strip()
    numbers = (int(given[0]), float(given[1]), float(given[2]), int(given[3]))
    print(json.dumps(asyncio.run(run(given_url, secret, *numbers))))
