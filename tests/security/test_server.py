"""The server against people with bad intentions: paths, headers, other origins, and too many requests."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from buildflags_sdk.server import RateLimit, Settings, SqliteStore, create_app
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.limiting import REMEMBERED, Buckets
from buildflags_sdk.server.provision import provision

MANIFEST = "/v1/workspaces/acme/environments/production/manifest"


class Site:
    """A backend asked in-process, with a clock that a test moves."""

    def __init__(self, settings: Settings) -> None:
        self.at = 1_795_424_400.0
        self.store = SqliteStore(":memory:")
        self.keys = provision(self.store, "acme", ["production"])
        self.app = create_app(self.store, settings=settings, now=lambda: self.at)

    def ask(self, method: str, path: str, headers: Any = (), address: str = "10.0.0.1") -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=dict(headers))

        return asyncio.run(once())

    def manifest(self, key: str, **more: Any) -> httpx.Response:
        return self.ask("GET", MANIFEST, {"authorization": f"Bearer {key}"}, **more)


@pytest.fixture
def site() -> Site:
    return Site(Settings())


PATHS = [
    "/p/../../../etc/passwd",
    "/p/..%2f..%2f..%2fetc%2fpasswd",
    "/p/%2e%2e/%2e%2e/etc/passwd",
    "/p/AAAAAAAAAAAAAAAAAAAAAA/../../../../etc/passwd",
    "/p/AAAAAAAAAAAAAAAAAAAAAA/" + "A" * 42 + "%00",
    "/p/AAAAAAAAAAAAAAAAAAAAAA/" + "A" * 43 + "%0d%0aset-cookie:x=1",
    "//etc/passwd",
    "/v1/workspaces/..%2f..%2fetc/environments/production/manifest",
    "/v1/workspaces/acme/environments/production%00/manifest",
    "/v1/workspaces/acme%23ENV%23production/environments/production/manifest",
    "/v1/workspaces/acme/environments/production/manifest%0d%0ax-evil:1",
    "/v1/workspaces/acme/environments/production/manifest/../../../../keys",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("with_key", [False, True])
def test_no_path_leads_out_of_its_place(site: Site, path: str, with_key: bool) -> None:
    headers = {"authorization": f"Bearer {site.keys.server['production']}"} if with_key else {}
    answer = site.ask("GET", path, headers)
    assert answer.status_code in (401, 403, 404, 405, 422)
    assert b"root:" not in answer.content
    assert "x-evil" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_nothing_that_is_sent_becomes_a_header_of_the_answer(site: Site) -> None:
    """Over a socket: what httpx would refuse to send is sent by hand."""
    import socket

    with running_server(site.app) as url:
        port = int(url.rpartition(":")[2])
        for line in (
            b"GET /p/x%0d%0aX-Evil:%201/y HTTP/1.1\r\nHost: x\r\n",
            b"GET " + MANIFEST.encode() + b' HTTP/1.1\r\nHost: x\r\nIf-None-Match: "a%0d%0aX-Evil: 1"\r\n',
            b"GET /v1/workspaces HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n",
            b"GET /v1/workspaces/a%0d%0aX-Evil:%201/flags HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(line + b"Connection: close\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            head = answer.partition(b"\r\n\r\n")[0].lower()
            assert head.startswith(b"http/1.1 4")
            assert b"\r\nx-evil" not in head
            assert b"evil.example" not in head


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", [MANIFEST, "/v1/workspaces", "/v1/workspaces/acme/flags", "/health"])
def test_other_origins_are_given_nothing(site: Site, method: str, path: str) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = site.ask(method, path, headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", [MANIFEST, "/p/x/y", "/v1/workspaces", "/health", "/nowhere", "/openapi.json"])
def test_every_answer_tells_browsers_to_be_careful(site: Site, path: str) -> None:
    headers = site.ask("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_a_key_is_nowhere_in_the_store_and_in_no_answer_but_the_first(site: Site) -> None:
    key = site.keys.server["production"]
    secret = key.split("_")[2]
    managing = {"authorization": f"Bearer {site.keys.management}"}
    for path in ("/v1/workspaces/acme/keys", "/v1/workspaces/acme/changes", "/openapi.json"):
        assert secret not in site.ask("GET", path, managing).text
    with site.store._using() as connection:
        assert secret not in "\n".join(map(str, connection.iterdump()))


# Too many requests.


def test_one_key_is_slowed_down_and_told_when_to_come_back_and_others_are_not() -> None:
    site = Site(Settings(rate=RateLimit(per_second=1.0, burst=3)))
    busy, other = site.keys.server["production"], site.keys.management
    assert [site.manifest(busy).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = site.manifest(busy)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["status"] == 429
    assert "no-store" in refused.headers["cache-control"], "no edge may keep it for others"
    assert site.manifest(other).status_code == 403
    site.at += 1.0
    assert [site.manifest(busy).status_code for _ in range(2)] == [200, 429]


def test_who_tries_keys_of_no_keys_shape_is_counted_by_address() -> None:
    site = Site(Settings(rate=RateLimit(per_second=1.0, burst=2)))
    tried = [site.manifest(f"guess-{number}").status_code for number in range(4)]
    assert tried == [403, 403, 429, 429]
    assert site.manifest("guess-5", address="10.0.0.2").status_code == 403
    assert site.manifest(site.keys.server["production"]).status_code == 200


def test_a_clock_that_is_set_back_shuts_nobody_out() -> None:
    buckets = Buckets(RateLimit(per_second=1.0, burst=1))
    assert buckets.take("a", 100_000.0) == 0.0
    assert 0.0 < buckets.take("a", 10.0) <= 1.0
    assert buckets.take("a", 11.0) == 0.0


def test_no_crowd_of_callers_fills_the_memory() -> None:
    buckets = Buckets(RateLimit(per_second=1.0, burst=1))
    for number in range(REMEMBERED + 500):
        buckets.take(str(number), 0.0)
    assert len(buckets._left) == REMEMBERED


def test_without_a_limit_nobody_is_counted(site: Site) -> None:
    assert {site.manifest(site.keys.server["production"]).status_code for _ in range(50)} == {200}
