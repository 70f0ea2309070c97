"""A limit on requests, for hosts that have no gateway before them to do it. Holds nothing but numbers, and a bounded lot of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from buildflags_sdk.server.access import FOUND
from buildflags_sdk.server.asgi import App, Message, Receive, Scope, Send, answer_problem, bearer_of
from buildflags_sdk.server.keys import parse_key

REMEMBERED = 10_000
"""Callers of each sort; the one that was quiet longest is forgotten first, and begins anew."""
CROWD = 4
"""How many callers' worth all strangers have together: more than one, so that one address cannot use up the lot."""


class RateLimit(NamedTuple):
    """What one caller may ask: `per_second` on the whole, and up to `burst` at once.

    A caller is whoever shares a key that was lately looked up and found. A key that was not yet, or is no longer, is a
    stranger's: looking it up is paid from what the strangers of its address have, which is one caller's worth, and from
    what all strangers have, which is `CROWD` callers'. It is paid back when the key is found. Without a key, or with
    one of no key's shape, whoever shares an address is a caller.

    Behind a proxy all share the proxy's address, so all strangers have one caller's worth: who tries keys there can
    keep new keys waiting, and every key after a restart, until it stops. Keys that are known are never held up by it.
    """

    per_second: float
    burst: int


class Buckets:
    """How much each caller has left."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __contains__(self, caller: str) -> bool:
        return caller in self._left

    def take(self, caller: str, now: float) -> float:
        """Take one request from what a caller has left; give 0, or the seconds until there is one again."""
        left, at = self._left.pop(caller, (float(self._limit.burst), now))
        # A clock that was set back gives nothing and takes nothing.
        left = min(self._limit.burst, left + max(0.0, now - at) * self._limit.per_second)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._limit.per_second
        self._keep(caller, (left if wait else left - 1.0, now))
        return wait

    def give_back(self, caller: str) -> None:
        """Undo one `take`."""
        if caller in self._left:
            left, at = self._left[caller]
            self._left[caller] = (left + 1.0, at)

    def forget(self, caller: str) -> None:
        """Keep nothing of a caller."""
        self._left.pop(caller, None)

    def _keep(self, caller: str, left: tuple[float, float]) -> None:
        self._left[caller] = left
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)


class Callers:
    """Who is known, and what everybody has left. Strangers, however many, never touch what is kept of known keys."""

    def __init__(self, limit: RateLimit) -> None:
        self._keyless = Buckets(limit)
        self._known = Buckets(limit)
        self._strangers = Buckets(limit)
        self._crowd = Buckets(RateLimit(limit.per_second * CROWD, limit.burst * CROWD))

    def knows(self, key: str) -> bool:
        """Tell whether a key was found when it was last looked up."""
        return key in self._known

    def admit(self, key: str | None, address: str, now: float) -> float:
        """Take what a request costs from whoever pays for it; give 0, or the seconds until it can be paid."""
        if key is None:
            return self._keyless.take(address, now)
        if self.knows(key):
            return self._known.take(key, now)
        wait = self._strangers.take(address, now)
        if wait == 0.0:
            wait = self._crowd.take("", now)
            if wait > 0.0:  # what is not looked up costs nothing
                self._strangers.give_back(address)
        return wait

    def welcome(self, key: str, address: str, now: float) -> None:
        """A stranger's key was found: from now on it pays for itself, for this request too."""
        self._strangers.give_back(address)
        self._crowd.give_back("")
        self._known.take(key, now)

    def refuse(self, key: str) -> None:
        """A key was not found, or is revoked or expired: it is a stranger's."""
        self._known.forget(key)


def with_rate_limit(app: App, limit: RateLimit, now: Callable[[], float]) -> App:
    """Answer 429 with Retry-After, before anything is looked up, to whoever asks too much."""
    callers = Callers(limit)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        key, address = _key(scope), _address(scope)
        stranger = key is not None and not callers.knows(key)
        wait = callers.admit(key, address, now())
        if wait > 0.0:
            headers = ((b"retry-after", str(math.ceil(wait)).encode()), (b"cache-control", b"private, no-store"))
            await answer_problem(scope, send, 429, _too_much(limit, stranger), headers)
            return

        async def learn(message: Message) -> None:
            # What the answer says is no measure: a good key is refused too, for what it may not do.
            if key is not None and message["type"] == "http.response.start" and FOUND in scope:
                if scope[FOUND] is None:
                    callers.refuse(key)
                elif stranger:
                    callers.welcome(key, address, now())
            await send(message)

        await app(scope, receive, learn)

    return limited


def _too_much(limit: RateLimit, stranger: bool) -> str:
    if stranger:
        return "too many keys are being tried that nobody has here; try again later, a good key is then let in"
    return f"more than {limit.per_second:g} requests a second; slow down, or ask for a higher limit"


def _key(scope: Scope) -> str | None:
    """Give the hash of the key that would be looked up; None where none would be."""
    key = bearer_of(scope)
    return None if key is None or parse_key(key) is None else sha256(key.encode()).hexdigest()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
