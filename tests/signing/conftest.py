"""A backend that signs, on a real socket, with somebody in the middle who may change what the manifest's answer says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Client, Polling
from buildflags_sdk._wire.signing import Signer, SigningKey
from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app, load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision
from buildflags_sdk.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

OLD, NEW, STRANGER = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
DELIVERY = DeliverySettings(max_age=15, stale_while_revalidate=1, stale_if_error=60, poll=1)


def greeting(text: str) -> dict[str, Any]:
    """The flag that all tests here ask."""
    return {
        "key": "greeting",
        "type": "string",
        "variants": {"said": text},
        "enabled": True,
        "off": None,
        "rules": [],
        "fallthrough": {"variant": "said"},
        "meta": {},
    }


class Backend:
    """A backend over one store. `meddle(answer)` may change an answer (status, headers, body) on its way; None leaves it."""

    def __init__(self, *keys: SigningKey, store: SqliteStore | None = None) -> None:
        self.signer = Signer(keys) if keys else None
        self.store = store or SqliteStore(":memory:")
        if store is None:
            self.keys = provision(self.store, "acme", ["production"], signer=self.signer)
        self.meddle: Any = None
        self.seen: list[dict[str, Any]] = []
        self._app = create_app(self.store, settings=Settings(delivery=DELIVERY, signer=self.signer))

    def say(self, text: str) -> None:
        """Publish."""
        load_bulk(self.store, "acme", "production", [greeting(text)], signer=self.signer)

    def served(self) -> AbstractContextManager[str]:
        """On a free port; gives the URL."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self._answer(scope, receive, send)

        return running_server(app)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        held: dict[str, Any] = {"headers": {}, "body": b""}

        async def hold(message: Any) -> None:
            if message["type"] == "http.response.start":
                held["status"] = message["status"]
                held["headers"] = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                held["body"] += message.get("body", b"")

        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        if self.meddle is not None:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
        await self._app(scope, receive, hold)
        if scope["path"].endswith("/manifest"):
            self.seen.append({**held, "headers": dict(held["headers"])})
            if self.meddle is not None:
                self.meddle(held)
        if held["status"] != 304:
            held["headers"]["content-length"] = str(len(held["body"]))
        headers = [(name.encode(), value.encode()) for name, value in held["headers"].items()]
        await send({"type": "http.response.start", "status": held["status"], "headers": headers})
        await send({"type": "http.response.body", "body": held["body"]})


class Reader:
    """A client whose time stands still: it refreshes when told."""

    def __init__(self, url: str, sdk_key: str, *pinned: SigningKey, **more: Any) -> None:
        self.clock = ManualClock()
        options: dict[str, Any] = {
            "url": url,
            "sdk_key": sdk_key,
            "workspace": "acme",
            "environment": "production",
            "mode": "lambda",
            "cache_dir": None,
            "clock": self.clock,
            "polling": Polling(interval=1.0, maximum=2.0),
            "signing_keys": [key.public for key in pinned] or None,
        }
        self.client = Client(**options | more)
        self.client.start(wait=10)

    @property
    def says(self) -> str:
        return self.client.get_value("greeting", "default")

    def polls(self, times: int = 1, seconds: float = 5.0) -> Reader:
        """Let time pass, so that a poll is due, and poll."""
        for _ in range(times):
            self.clock.advance(seconds)
            self.client.refresh_if_due(budget=10)
        return self


@pytest.fixture
def read() -> Iterator[Any]:
    """Makes readers of a backend that is served."""
    readers: list[Reader] = []

    def make(url: str, backend: Backend, *pinned: SigningKey, **more: Any) -> Reader:
        readers.append(Reader(url, backend.keys.server["production"], *pinned, **more))
        return readers[-1]

    yield make
    for reader in readers:
        reader.client.close()


@pytest.fixture
def make_backend() -> type[Backend]:
    return Backend


@pytest.fixture
def keys() -> tuple[SigningKey, SigningKey, SigningKey]:
    """The old key, the new one, and a stranger's."""
    return OLD, NEW, STRANGER
