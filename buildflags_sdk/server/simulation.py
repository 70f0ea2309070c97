"""A serverless backend's two humps of latency, played on one machine: for demonstrations and tests only."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from buildflags_sdk.server.asgi import App, Receive, Scope, Send


class Latency(NamedTuple):
    """How slow to be, in seconds."""

    cold: float = 3.0
    """What the first request after a start or an idle time waits; those that come meanwhile wait for the rest of it."""
    idle: float = 300.0
    """How long without a request until it is cold again."""
    warm_least: float = 0.05
    warm_most: float = 0.2


_EVERYDAY = Latency()


def with_latency(
    app: App,
    latency: Latency = _EVERYDAY,
    *,
    clock: Callable[[], float] = time.monotonic,
    dice: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> App:
    """Let every HTTP request wait as on a function that starts cold and is warm afterwards."""
    last_request: float | None = None
    warm_from = 0.0

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal last_request, warm_from
        if scope["type"] == "http":
            now = clock()
            if last_request is None or now - last_request > latency.idle:
                warm_from = now + latency.cold
            last_request = max(now, warm_from)
            warm = latency.warm_least + dice() * (latency.warm_most - latency.warm_least)
            await sleep(warm_from - now if now < warm_from else warm)
        await app(scope, receive, send)

    return slow
