"""The limit on requests: one key's, one address's, and what all who try keys may cost together."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from buildflags_sdk.server import RateLimit, Settings, SqliteStore, create_app
from buildflags_sdk.server.access import issue
from buildflags_sdk.server.keys import make_key
from buildflags_sdk.server.limiting import CROWD, REMEMBERED, Buckets, Callers
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from buildflags_sdk.server.stores import Item

LIMIT = RateLimit(per_second=1.0, burst=3)
ALL_STRANGERS = LIMIT.burst * CROWD
WORKSPACE = "/v1/workspaces/acme"
MANIFEST = f"{WORKSPACE}/environments/production/manifest"
HOME, ELSEWHERE = "10.0.0.1", "10.0.0.2"


class CountingStore(SqliteStore):
    """A store that counts which keys were looked up in it."""

    looked_up = 0

    def get(self, pk: str, sk: str) -> Item | None:
        self.looked_up += pk.startswith("KEY#")
        return super().get(pk, sk)


class Site:
    """A limited backend asked in-process, with a clock that a test moves."""

    def __init__(self, limit: RateLimit) -> None:
        self.at = 1_795_424_400.0
        self.store = CountingStore(":memory:")
        self.keys = provision(self.store, "acme", ["production", "staging"], now=lambda: self.at)
        self.key = self.keys.server["production"]
        self.app = create_app(self.store, settings=Settings(rate=limit), now=lambda: self.at)

    def ask(self, method: str, path: str, *fields: str, address: str = HOME) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=[("Authorization", field) for field in fields])

        return asyncio.run(once())

    def get(self, key: str, path: str = MANIFEST, address: str = HOME) -> int:
        return self.ask("GET", path, f"Bearer {key}", address=address).status_code

    def tries(self, number: int, path: str = MANIFEST, address: str | None = None) -> list[int]:
        """What is answered to so many new keys, each from an address of its own unless told."""
        return [self.get(make_key("server"), path, address or f"192.0.2.{place}") for place in range(number)]


@pytest.fixture
def site() -> Site:
    return Site(LIMIT)


@pytest.mark.parametrize("path", [MANIFEST, f"{WORKSPACE}/flags"])
def test_a_new_key_with_each_request_is_slowed_down_before_it_is_looked_up(site: Site, path: str) -> None:
    assert site.tries(5, path, ELSEWHERE) == [403, 403, 403, 429, 429]
    assert site.store.looked_up == 3
    refused = site.ask("GET", path, f"Bearer {make_key('management')}", address=ELSEWHERE)
    assert refused.headers["retry-after"] == "1"
    assert "no-store" in refused.headers["cache-control"]
    assert "keys are being tried" in refused.json()["detail"]
    site.at += 2.0
    assert site.tries(3, path, ELSEWHERE) == [403, 403, 429]
    assert site.store.looked_up == 5


def test_new_keys_from_a_new_address_each_are_bounded_together(site: Site) -> None:
    assert site.tries(ALL_STRANGERS + 10) == [403] * ALL_STRANGERS + [429] * 10
    assert site.store.looked_up == ALL_STRANGERS
    site.at += 1.0
    assert site.tries(CROWD + 1) == [403] * CROWD + [429]


def test_a_known_key_is_not_held_up_by_a_flood_of_strangers_not_even_from_its_own_address(site: Site) -> None:
    assert site.get(site.key) == 200
    site.tries(ALL_STRANGERS + 10)
    site.tries(10, address=HOME)
    assert site.get(make_key("server")) == 429
    assert [site.get(site.key) for _ in range(3)] == [200, 200, 429], "its own limit, and nothing else"
    site.at += 1.0
    site.tries(50)
    assert site.get(site.key) == 200


def test_one_address_that_tries_keys_does_not_hold_up_new_keys_from_elsewhere(site: Site) -> None:
    site.tries(ALL_STRANGERS, address=ELSEWHERE)
    assert site.get(make_key("server"), address=ELSEWHERE) == 429
    assert site.get(site.key, address=HOME) == 200


def test_a_new_key_gets_in_as_soon_as_the_flood_ebbs(site: Site) -> None:
    site.tries(ALL_STRANGERS)
    assert site.get(site.key) == 429
    site.at += 1.0 / CROWD
    assert site.get(site.key) == 200


def test_good_keys_cost_the_strangers_nothing_however_many_they_are() -> None:
    site = Site(RateLimit(per_second=0.001, burst=1))
    good = [site.key, site.keys.server["staging"], site.keys.management]
    paths = [MANIFEST, MANIFEST.replace("production", "staging"), f"{WORKSPACE}/flags"]
    assert [site.get(key, path) for key, path in zip(good, paths, strict=True)] == [200, 200, 200]
    assert [site.get(key, path) for key, path in zip(good, paths, strict=True)] == [429, 429, 429], "but it costs them"
    assert site.tries(2, address=HOME) == [403, 429]
    assert site.tries(CROWD) == [403] * (CROWD - 1) + [429]


def test_an_unchanged_manifest_makes_a_key_known_as_a_whole_one_does(site: Site) -> None:
    etag = site.ask("GET", MANIFEST, f"Bearer {site.key}").headers["etag"]
    fresh = Site(LIMIT)
    fresh.store, fresh.app = site.store, create_app(site.store, settings=Settings(rate=LIMIT), now=lambda: fresh.at)
    headers = [(b"authorization", f"Bearer {site.key}".encode()), (b"if-none-match", etag.encode())]
    assert _status(fresh.app, headers) == 304
    fresh.tries(ALL_STRANGERS + 1)
    assert fresh.get(site.key) == 200


def _status(app: Any, headers: list[tuple[bytes, bytes]]) -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": MANIFEST, "headers": headers, "client": (HOME, 1)}
    asyncio.run(app(scope, None, send))
    return int(sent[0]["status"])


def test_a_revoked_key_is_a_strangers_again_from_its_first_refusal_on(site: Site) -> None:
    assert site.get(site.key) == 200
    listed = site.ask("GET", f"{WORKSPACE}/keys", f"Bearer {site.keys.management}").json()["items"]
    (identifier,) = [item["id"] for item in listed if item["hint"] and site.key.startswith(item["hint"])]
    revoked = site.ask("DELETE", f"{WORKSPACE}/keys/{identifier}", f"Bearer {site.keys.management}")
    assert revoked.status_code == 200
    site.tries(ALL_STRANGERS)
    looked_up = site.store.looked_up
    assert [site.get(site.key), site.get(site.key)] == [403, 429]
    assert site.store.looked_up == looked_up + 1


def test_asking_for_what_it_may_not_have_does_not_fill_a_keys_own_bucket() -> None:
    site = Site(RateLimit(per_second=0.001, burst=4))
    forbidden = MANIFEST.replace("production", "staging")
    answers = [site.get(site.key, path) for path in [MANIFEST, forbidden] * 10]
    assert answers == [200, 403, 200, 403] + [429] * 16


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("viewer", "POST", f"{WORKSPACE}/flags", 403),
        ("management", "GET", MANIFEST, 403),
        ("server", "GET", MANIFEST.replace("production", "staging"), 403),
        ("server", "GET", f"{WORKSPACE}/flags", 403),
        ("management", "GET", "/v1/workspaces/other/flags", 403),
        ("management", "GET", f"{WORKSPACE}/flags/nothing", 404),
        ("management", "GET", f"{WORKSPACE}/flags", 200),
    ],
)
def test_a_key_that_is_found_is_known_whatever_is_answered(
    site: Site, key: str, method: str, path: str, status: int
) -> None:
    """A viewer that tries to write, and a key that is used at the wrong place, are no strangers."""
    viewer = issue("acme", "management", now=site.at, role="viewer")
    site.store.transact(viewer.writes)
    found = {"viewer": viewer.key, "management": site.keys.management, "server": site.key}[key]
    assert site.ask(method, path, f"Bearer {found}").status_code == status
    site.tries(ALL_STRANGERS)
    assert site.get(make_key("server")) == 429
    assert site.ask(method, path, f"Bearer {found}").status_code == status


@pytest.mark.parametrize("path", ["/health", "/openapi.json"])
def test_a_key_is_not_known_for_opening_what_is_open_to_all(site: Site, path: str) -> None:
    key = make_key("server")
    assert site.get(key, path) == 200
    site.tries(ALL_STRANGERS)
    assert site.get(key, path) == 429


def test_nothing_below_v1_succeeds_without_a_key_that_was_found() -> None:
    """No address forgets to ask for one, whatever it does besides."""
    site = Site(RateLimit(per_second=1e6, burst=10**6))
    described = site.ask("GET", "/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in described.items() for method in methods if path.startswith("/v1/")]
    routes.append(("get", MANIFEST))
    assert len(routes) > 20
    for method, path in routes:
        asked = site.ask(method.upper(), re.sub(r"\{\w+\}", "acme", path), f"Bearer {make_key('management')}")
        assert asked.status_code == 403, f"{method} {path}"


def test_a_second_authorization_field_hides_no_key_from_the_limit(site: Site) -> None:
    for place in range(ALL_STRANGERS):
        fields = [f"Bearer {make_key('management')}", f"Bearer {make_key('management')}"]
        assert site.ask("GET", f"{WORKSPACE}/flags", *fields, address=f"192.0.2.{place}").status_code == 403
    assert site.store.looked_up == ALL_STRANGERS
    assert site.tries(1) == [429]


def test_requests_without_a_key_and_strangers_of_one_address_do_not_pay_for_each_other(site: Site) -> None:
    assert [site.ask("GET", "/health").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert site.tries(4, address=HOME) == [403, 403, 403, 429]
    assert site.store.looked_up == 3


def test_what_is_refused_for_all_strangers_costs_the_address_nothing() -> None:
    callers = Callers(LIMIT)
    for place in range(ALL_STRANGERS):
        assert callers.admit("key", f"192.0.2.{place}", 0.0) == 0.0
    for _ in range(10):
        assert callers.admit("key", HOME, 0.0) == 1.0 / CROWD
    assert [callers.admit("key", HOME, 1.0) == 0.0 for _ in range(4)] == [True, True, True, False]


def test_no_flood_of_strangers_makes_a_known_key_forgotten_or_fills_the_memory() -> None:
    callers = Callers(RateLimit(per_second=1e6, burst=10**6))
    callers.admit("known", HOME, 0.0)
    callers.welcome("known", HOME, 0.0)
    for number in range(REMEMBERED + 500):
        callers.admit(f"stranger {number}", f"address {number}", 0.0)
        callers.refuse(f"stranger {number}")
    assert callers.knows("known")
    assert not callers.knows("stranger 1")
    assert _held(callers) <= REMEMBERED + 2


def test_known_keys_are_bounded_too_and_the_one_that_was_quiet_longest_goes_first() -> None:
    callers = Callers(LIMIT)
    callers.welcome("quiet", HOME, 0.0)
    callers.welcome("busy", HOME, 0.0)
    for number in range(REMEMBERED - 1):
        callers.admit("busy", HOME, float(number))
        callers.welcome(str(number), HOME, 0.0)
    assert callers.knows("busy")
    assert not callers.knows("quiet")
    assert _held(callers) <= REMEMBERED


def _held(callers: Callers) -> int:
    return sum(len(held._left) for held in vars(callers).values() if isinstance(held, Buckets))


def test_what_is_given_back_never_exceeds_the_burst() -> None:
    buckets = Buckets(LIMIT)
    buckets.give_back("nobody")
    buckets.take("a", 0.0)
    for _ in range(5):
        buckets.give_back("a")
    assert [buckets.take("a", 0.0) == 0.0 for _ in range(4)] == [True, True, True, False]
