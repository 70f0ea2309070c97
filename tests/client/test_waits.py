"""How long a caller is willing to wait: any number will do, for ever and less than nothing too; what is none is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import AsyncClient, Client, ConfigurationError, Polling
from buildflags_sdk.testing import LocalBackend, flag

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDLESS = (math.inf, 1e12, 10**400, 9_223_372_037)
NOTHING = (0, -1, -math.inf, -0.0)
NO_NUMBER = (math.nan, None, "2", 2j)


def options(mode: str = "thread") -> dict[str, Any]:
    return {
        "url": "http://127.0.0.1:9",
        "sdk_key": "k",
        "workspace": "acme",
        "environment": "production",
        "cache_dir": None,
        "mode": mode,
        "polling": Polling(minimum=0.001),
        "transport": LocalBackend([flag("x", True)]),
    }


@pytest.fixture(params=["thread", "lambda"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    client = Client(**options(request.param))
    yield client
    client.close()


@pytest.mark.parametrize("wait", ENDLESS, ids=["for ever", "too long", "no float", "just too long"])
def test_a_wait_longer_than_any_lock_can_be_told_waits_for_the_answer(client: Client, wait: float) -> None:
    assert client.start(wait=wait)
    assert client.refresh(wait=wait)
    assert client.refresh_if_due(budget=wait)


@pytest.mark.parametrize("wait", NOTHING, ids=str)
def test_a_wait_of_less_than_nothing_does_not_wait(client: Client, wait: float) -> None:
    client.start(wait=wait)
    client.refresh(wait=wait)
    client.refresh_if_due(budget=wait)


@pytest.mark.parametrize("wait", NO_NUMBER, ids=str)
def test_a_wait_that_is_no_number_is_refused_before_anything_begins(client: Client, wait: Any) -> None:
    for call, name in ((client.start, "wait"), (client.refresh, "wait"), (client.refresh_if_due, "budget")):
        with pytest.raises(ConfigurationError, match=f"{name}=.* must be a number of seconds"):
            call(wait)
    assert client._engine is not None
    assert not client._engine.begun


@pytest.mark.parametrize("mode", ["thread", "lambda"])
async def test_the_asyncio_client_takes_the_same_waits(mode: str) -> None:
    client = AsyncClient(**options(mode))
    for wait in NO_NUMBER:
        for call, name in ((client.start, "wait"), (client.refresh, "wait"), (client.refresh_if_due, "budget")):
            with pytest.raises(ConfigurationError, match=f"{name}=.* must be a number of seconds"):
                await call(wait)  # type: ignore[arg-type]
    for wait in (*NOTHING, *ENDLESS):
        await client.start(wait=wait)
        await client.refresh(wait=wait)
        await client.refresh_if_due(budget=wait)
    assert client.is_enabled("x")
    await client.close()
