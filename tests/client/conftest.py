"""A real backend on a real socket, and a client on it that polls fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Client, Polling
from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app, load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAST = Polling(interval=0.2, minimum=0.05, maximum=60, deadline=2.0)


def boolean(key: str, *, on: bool) -> dict[str, Any]:
    """A constant boolean flag, as it stands in a page."""
    return {
        "key": key,
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": True,
        "off": "off",
        "rules": [],
        "fallthrough": {"variant": "on" if on else "off"},
        "meta": {},
    }


class Backend:
    """The backend, with a workspace `acme` of two environments."""

    def __init__(self, url: str, store: SqliteStore, keys: Any) -> None:
        self.url = url
        self.store = store
        self.keys = keys

    def set(self, *flags: dict[str, Any], environment: str = "production") -> int:
        """Put flags in and publish; gives the revision."""
        return load_bulk(self.store, "acme", environment, flags).revision

    def options(self, environment: str = "production", **more: Any) -> dict[str, Any]:
        """What a client of an environment is made with."""
        options: dict[str, Any] = {
            "url": self.url,
            "sdk_key": self.keys.server[environment],
            "workspace": "acme",
            "environment": environment,
            "polling": FAST,
            "cache_dir": None,
        }
        return options | more


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A backend that lets clients poll as fast as they like."""
    store = SqliteStore(":memory:")
    keys = provision(store, "acme", ["production", "staging"])
    settings = Settings(delivery=DeliverySettings(max_age=0, stale_while_revalidate=1, stale_if_error=60, poll=1))
    with running_server(create_app(store, settings=settings)) as url:
        yield Backend(url, store, keys)
    store.close()


@pytest.fixture
def client(backend: Backend, tmp_path: Path) -> Iterator[Client]:
    """A started client of production, with `new-checkout` on."""
    backend.set(boolean("new-checkout", on=True))
    with Client(**backend.options(cache_dir=tmp_path / "cache")) as client:
        client.start(wait=60)
        yield client
