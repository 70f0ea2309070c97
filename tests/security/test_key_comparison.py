"""What the time of an answer, and what a store sees, tell about a key that somebody guesses: nothing of the key."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.access import issue, recognise
from buildflags_sdk.server.keys import make_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk.server.stores import Item, Store

DIGITS = 64
"""Of a SHA-256 in hexadecimal."""


class Guarded(str):
    """A text that fails the test when it is compared by anything that stops at the first difference, or looked up."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        pytest.fail("a key or its hash was compared or looked up in a way whose time tells how much of it is right")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = cast("Any", _refuse)
    startswith = endswith = find = index = cast("Any", _refuse)
    __hash__ = cast("Any", _refuse)


class WatchedStore:
    """A store that notes what it is asked, and gives whatever row a test wants."""

    def __init__(self, row: Item | None) -> None:
        self.row = row
        self.asked: list[tuple[str, str]] = []

    def get(self, pk: str, sk: str) -> Item | None:
        self.asked.append((pk, sk))
        return self.row


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The lengths of what was compared in constant time, in order."""
    lengths: list[tuple[int, int]] = []
    compare: Callable[[Any, Any], bool] = hmac.compare_digest

    def counted(one: Any, other: Any) -> bool:
        lengths.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    return lengths


def row_of(key: str, digest: str | None = None) -> Item:
    item = dict(issue("acme", "server", now=0.0).item)
    return {**item, "hash": Guarded(digest or hashlib.sha256(key.encode()).hexdigest())}


def recognised(key: str, row: Item | None) -> bool:
    return recognise(cast("Store", WatchedStore(row)), Guarded(key), 1.0) is not None


def test_a_store_is_asked_for_the_hash_of_the_whole_key_and_sees_nothing_of_the_key() -> None:
    key = make_key("server")
    store = WatchedStore(row_of(key))
    assert recognise(cast("Store", store), key, 1.0) is not None
    assert store.asked == [(f"KEY#{hashlib.sha256(key.encode()).hexdigest()}", "META")]


@pytest.mark.parametrize("place", range(DIGITS))
def test_a_hash_that_is_wrong_anywhere_is_refused_after_the_same_comparisons(
    compared: list[tuple[int, int]], place: int
) -> None:
    """As when a store gives another's row: wrong at the first digit costs what being wrong at the last does."""
    key = make_key("server")
    right = hashlib.sha256(key.encode()).hexdigest()
    assert recognised(key, row_of(key))
    for_the_right_one = list(compared)
    compared.clear()
    wrong = right[:place] + ("0" if right[place] != "0" else "1") + right[place + 1 :]
    assert not recognised(key, row_of(key, wrong))
    assert compared == for_the_right_one
    assert (DIGITS, DIGITS) in compared


@pytest.mark.parametrize("change", [{"expires_ms": 1}, {"revoked_at": "2026-11-23T09:00:00Z"}])
def test_a_key_that_no_longer_opens_anything_is_refused_after_the_same_comparisons(
    compared: list[tuple[int, int]], change: dict[str, Any]
) -> None:
    key = make_key("server")
    assert recognised(key, row_of(key))
    for_the_right_one = list(compared)
    compared.clear()
    assert not recognised(key, {**row_of(key), **change})
    assert compared == for_the_right_one


@pytest.mark.parametrize("place", range(len("bf_server_") + 32, len("bf_server_") + 32 + 7))
def test_a_checksum_that_is_wrong_anywhere_is_refused_before_a_store_is_asked(place: int) -> None:
    key = make_key("server")
    wrong = key[:place] + ("a" if key[place] != "a" else "b") + key[place + 1 :]
    store = WatchedStore(row_of(wrong))
    assert recognise(cast("Store", store), Guarded(wrong), 1.0) is None
    assert store.asked == []


def test_a_real_store_finds_a_key_by_nothing_less_than_all_of_it() -> None:
    store = SqliteStore(":memory:")
    issued = issue("acme", "server", now=0.0)
    store.transact(issued.writes)
    assert recognise(store, issued.key, 1.0) is not None
    assert recognise(store, make_key("server"), 1.0) is None
    assert recognise(store, issued.key.swapcase(), 1.0) is None
    assert recognise(store, issued.key + " ", 1.0) is None
    store.close()
