"""A limit on requests, for hosts that have no gateway before them to do it. Holds nothing but numbers, and a bounded lot of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from buildflags_sdk.server.access import bearer
from buildflags_sdk.server.asgi import App, Receive, Scope, Send, answer_problem, header
from buildflags_sdk.server.keys import parse_key

REMEMBERED = 10_000
"""Callers; the one that was quiet longest is forgotten first, and begins anew."""


class RateLimit(NamedTuple):
    """What one caller may ask: `per_second` on the whole, and up to `burst` at once.

    A caller is whoever shares a key; without one, or with one of no key's shape, whoever shares an address.
    """

    per_second: float
    burst: int


class Buckets:
    """How much each caller has left."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take one request from what a caller has left; give 0, or the seconds until there is one again."""
        left, at = self._left.pop(caller, (float(self._limit.burst), now))
        # A clock that was set back gives nothing and takes nothing.
        left = min(self._limit.burst, left + max(0.0, now - at) * self._limit.per_second)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._limit.per_second
        self._left[caller] = (left if wait else left - 1.0, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return wait


def with_rate_limit(app: App, limit: RateLimit, now: Callable[[], float]) -> App:
    """Answer 429 with Retry-After, before anything is looked up, to whoever asks too much."""
    buckets = Buckets(limit)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            wait = buckets.take(_caller(scope), now())
            if wait > 0.0:
                headers = ((b"retry-after", str(math.ceil(wait)).encode()), (b"cache-control", b"private, no-store"))
                detail = f"more than {limit.per_second:g} requests a second; slow down, or ask for a higher limit"
                await answer_problem(scope, send, 429, detail, headers)
                return
        await app(scope, receive, send)

    return limited


def _caller(scope: Scope) -> str:
    key = bearer(header(scope, b"authorization"))
    if key is not None and parse_key(key) is not None:
        return sha256(key.encode()).hexdigest()
    client = scope.get("client")
    return client[0] if client else ""
