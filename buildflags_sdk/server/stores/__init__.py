"""What the server asks of a store, in terms that one DynamoDB table can satisfy; each home of the data is one file.

An item is a flat mapping with the keys PK and SK; its other values are text, whole numbers, bytes, booleans or None.
Anything nested is kept as JSON text, so that no store has to know JSON's numbers. Items of one PK are ordered by the
bytes of their SK. Every read is consistent: it sees each write that was acknowledged before it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Literal, NamedTuple, Protocol

Value = str | int | bytes | bool | None
Item = dict[str, Value]

TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 4_000_000
ITEM_BYTES = 400_000
"""DynamoDB's limits of today; every store keeps to them, so that what runs on a laptop runs on AWS."""


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""The condition that no item has that key."""

Expectation = Mapping[str, Value] | Literal[_Absent.ABSENT] | None
"""ABSENT, or the values that the stored item must have, or None for no condition."""


class Put(NamedTuple):
    """Write a whole item, if what is stored under its key is as expected."""

    item: Item
    expect: Expectation = None


class Delete(NamedTuple):
    """Remove an item, if it is as expected. Removing what is not there is no error without a condition."""

    pk: str
    sk: str
    expect: Expectation = None


class Check(NamedTuple):
    """Write nothing; the transaction happens only if the item is as expected."""

    pk: str
    sk: str
    expect: Expectation


Write = Put | Delete | Check


class Page(NamedTuple):
    """A part of a query's answer. It may be shorter than asked for; only `next` None says that nothing follows."""

    items: list[Item]
    next: str | None


class ConditionFailedError(Exception):
    """A transaction changed nothing: the item at `index` was not as expected; `item` is what stands there (or None)."""

    def __init__(self, index: int, item: Item | None) -> None:
        super().__init__(f"write {index} of the transaction expected another item")
        self.index = index
        self.item = item


class Store(Protocol):
    """The one table. Safe to use from several threads."""

    def identity(self) -> str:
        """Name this table or file. The name changes when its contents come from a backup or another place."""
        ...

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item; None when there is none."""
        ...

    def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Item | None]:
        """Read several items, in the order of `keys`, each None when there is none. Not one moment for all of them."""
        ...

    def query(
        self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 100, descending: bool = False
    ) -> Page:
        """Read items of one PK whose SK begins with `prefix`, in order, beyond the SK `after`."""
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all of up to 100 writes (4 MB), each on another item, or none of them.

        Raises:
            ConditionFailedError: an item is not as expected; nothing was written.
            ValueError: over a limit, or two writes on one item.
        """
        ...

    def put_many(self, items: Iterable[Item]) -> None:
        """Write items without conditions and without one moment for all: for pages and bulk loads, safe to repeat."""
        ...

    def close(self) -> None:
        """Give back what the store holds; it is not used afterwards."""
        ...


def text(item: Mapping[str, Value], name: str) -> str:
    """Read a value that is text."""
    value = item[name]
    if not isinstance(value, str):
        msg = f"{name} of the item {item.get('PK')!r} {item.get('SK')!r} is no text"
        raise TypeError(msg)
    return value


def number(item: Mapping[str, Value], name: str) -> int:
    """Read a value that is a whole number."""
    value = item[name]
    if not isinstance(value, int):
        msg = f"{name} of the item {item.get('PK')!r} {item.get('SK')!r} is no number"
        raise TypeError(msg)
    return value


def raw(item: Mapping[str, Value], name: str) -> bytes:
    """Read a value that is bytes."""
    value = item[name]
    if not isinstance(value, bytes):
        msg = f"{name} of the item {item.get('PK')!r} {item.get('SK')!r} is no bytes"
        raise TypeError(msg)
    return value


def query_all(store: Store, pk: str, prefix: str = "", *, after: str | None = None) -> Iterator[Item]:
    """Give every item of a query, page after page."""
    cursor = after
    while True:
        page = store.query(pk, prefix=prefix, after=cursor, limit=1000)
        yield from page.items
        if page.next is None:
            return
        cursor = page.next


def holds(item: Item | None, expect: Expectation) -> bool:
    """Tell whether a stored item is as expected."""
    if expect is None:
        return True
    if isinstance(expect, _Absent):
        return item is None
    return item is not None and all(item.get(name) == value for name, value in expect.items())


def key_of(write: Write) -> tuple[str, str]:
    """Give the PK and SK that a write is about."""
    if isinstance(write, Put):
        return text(write.item, "PK"), text(write.item, "SK")
    return write.pk, write.sk


def item_bytes(item: Mapping[str, Value]) -> int:
    """Give roughly the size that DynamoDB counts: names and values in UTF-8."""
    return sum(
        len(name.encode())
        + (len(value) if isinstance(value, bytes) else len(value.encode()) if isinstance(value, str) else 21)
        for name, value in item.items()
    )


def check_transaction(writes: Sequence[Write]) -> None:
    """Refuse what DynamoDB would refuse. Raises ValueError."""
    if len(writes) > TRANSACTION_ITEMS:
        msg = f"a transaction of {len(writes)} writes is over the limit of {TRANSACTION_ITEMS}"
        raise ValueError(msg)
    if len({key_of(write) for write in writes}) != len(writes):
        msg = "a transaction may touch each item only once"
        raise ValueError(msg)
    sizes = [item_bytes(write.item) for write in writes if isinstance(write, Put)]
    if sum(sizes) > TRANSACTION_BYTES or any(size > ITEM_BYTES for size in sizes):
        msg = f"a transaction is over {TRANSACTION_BYTES} bytes, or an item over {ITEM_BYTES}"
        raise ValueError(msg)
