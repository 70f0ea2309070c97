"""A backend over each store, asked in-process; time stands still unless a test moves it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from buildflags_sdk.server import SqliteStore, create_app
from buildflags_sdk.server.provision import provision, provision_operator
from buildflags_sdk.server.settings import Settings

BOOLEAN: dict[str, Any] = {"type": "boolean", "variants": {"on": True, "off": False}}
ON: dict[str, Any] = {"enabled": True, "off": "off", "rules": [], "fallthrough": {"variant": "on"}}
WORKSPACE = "/v1/workspaces/acme"


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_795_424_400.0

    def __call__(self) -> float:
        return self.at


class Site:
    """A provisioned backend: workspace acme with production and staging."""

    def __init__(self, store: Any, now: Now, settings: Settings) -> None:
        self.store, self.now = store, now
        self.keys = provision(store, "acme", ["production", "staging"], now=now)
        self.operator = provision_operator(store, now=now)
        self.app = create_app(store, settings=settings, now=now)

    def ask(self, method: str, path: str, *, key: str | None = "", **options: Any) -> httpx.Response:
        """Ask as the workspace's admin, unless told with which key (None: without one)."""
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key or self.keys.management}"
        if not path.startswith(("/v1/", "/p/", "/health", "/openapi")):
            path = WORKSPACE + path

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(once())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **options)

    def put(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return self.ask("PUT", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("DELETE", path, **options)

    def manifest(self, environment: str = "production", *, key: str | None = "", **options: Any) -> httpx.Response:
        """Ask as a client does, with the environment's own SDK key unless told."""
        key = self.keys.server[environment] if key == "" else key
        return self.get(f"/environments/{environment}/manifest", key=key, **options)

    def flag(self, key: str = "new-search", **rules: Any) -> httpx.Response:
        """Make a boolean flag that is on in production."""
        return self.post("/flags", {"key": key, **BOOLEAN, "environments": {"production": {**ON, **rules}}})


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    """Each store that there is. A new one is added here, and has to pass everything."""
    opened = SqliteStore(":memory:" if request.param == "memory" else tmp_path / "flags.db")
    yield opened
    opened.close()


@pytest.fixture
def site(now):
    opened = SqliteStore(":memory:")
    yield Site(opened, now, Settings())
    opened.close()
