"""The real server as the edge's origin, on a thread: counted, with a cold start as a function host has, and stoppable."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import uvicorn

from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app
from buildflags_sdk.server.hosts.uvicorn import listen
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from buildflags_sdk.server.asgi import Receive, Scope, Send

WARM_SECONDS = 60.0
"""How long a function host keeps an instance that nobody asks."""


class Asked(NamedTuple):
    """One request to the origin: when (monotonic seconds), for what, and whether it waited for a cold start."""

    at: float
    manifest: bool
    conditional: bool
    cold: bool


class Origin:
    """A workspace with one environment behind an instance pool: a request that finds no warm instance waits for one."""

    def __init__(self, delivery: DeliverySettings, *, cold_start: float = 3.0) -> None:
        self.store = SqliteStore(":memory:")
        self.key = provision(self.store, "acme", ["production"]).server["production"]
        self.asked: list[Asked] = []
        self._app = create_app(self.store, settings=Settings(delivery=delivery))
        self._cold_start = cold_start
        self._idle_since: list[float] = []
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def load(self, flags: Iterable[Mapping[str, Any]]) -> int:
        """Publish these flags. Gives the revision."""
        from buildflags_sdk.server import load_bulk

        return load_bulk(self.store, "acme", "production", flags).revision

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request on one instance."""
        now = time.monotonic()
        self._idle_since = [since for since in self._idle_since if now - since < WARM_SECONDS]
        cold = not self._idle_since
        if not cold:
            self._idle_since.pop()
        names = {name for name, _ in scope["headers"]}
        self.asked.append(Asked(now, scope["path"].endswith("/manifest"), b"if-none-match" in names, cold))
        if cold:
            await asyncio.sleep(self._cold_start)
        try:
            await self._app(scope, receive, send)
        finally:
            self._idle_since.append(time.monotonic())

    def start(self, port: int = 0) -> int:
        """Listen. Gives the port."""
        listener = listen(port=port)
        config = uvicorn.Config(self, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Be gone: connections are cut, further ones refused, and every instance is cold when it comes back."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(10)
        for server in self._server.servers:
            server.close()
        self._idle_since = []

    def between(self, begin: float, end: float) -> list[Asked]:
        """What was asked in a span of monotonic time."""
        return [asked for asked in self.asked if begin <= asked.at < end]
