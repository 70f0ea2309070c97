"""The table in one SQLite file (or in memory): readers never wait for the one writer."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from buildflags_sdk.server.stores import (
    ITEM_BYTES,
    ConditionFailedError,
    Item,
    Page,
    Put,
    Value,
    Write,
    check_transaction,
    holds,
    item_bytes,
    key_of,
    text,
)
from buildflags_sdk.server.stores import Check as CheckWrite

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (pk TEXT NOT NULL, sk TEXT NOT NULL, attributes TEXT NOT NULL, blob BLOB, PRIMARY KEY (pk, sk));
CREATE TABLE IF NOT EXISTS commits (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO commits VALUES (1, 0);
"""
_BATCH = 1000
_BUSY_SECONDS = 10.0


class SqliteStore:
    """A store in the file `path`, or in memory with ":memory:".

    Beside the file lies `<path>.identity`: a random name and how many commits the file has seen. A file that has seen
    fewer than that was put back from a backup; it gets a new name, and nothing is published before `restore`. A backup
    that brings both back cannot be told from a file that went on: it needs `buildflags restore --again`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._local = threading.local()
        self._held: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._memory = _Held(self._connect()) if self._path == ":memory:" else None
        self._one_at_a_time = threading.RLock()  # a database in memory has only one connection
        if self._memory is None:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        with self._using() as connection:
            connection.executescript(_SCHEMA)
        self._beside = None if self._memory else _Beside(Path(f"{self._path}.identity"), self._commits)

    def identity(self) -> str:
        """Name this file; see the class."""
        return self._beside.name if self._beside else "memory"

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item; None when there is none."""
        with self._using() as connection:
            return _read(connection, pk, sk)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Item | None]:
        """Read several items, in the order of `keys`."""
        with self._using() as connection:
            return [_read(connection, pk, sk) for pk, sk in keys]

    def query(
        self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 100, descending: bool = False
    ) -> Page:
        """Read items of one PK whose SK begins with `prefix`, in order, beyond the SK `after`."""
        conditions, parameters = ["pk = ?"], [pk]
        if prefix:
            conditions.append("sk >= ? AND sk < ?")
            parameters += [prefix, prefix + "\U0010ffff"]
        if after is not None:
            conditions.append("sk < ?" if descending else "sk > ?")
            parameters.append(after)
        statement = (
            f"SELECT pk, sk, attributes, blob FROM item WHERE {' AND '.join(conditions)} "  # noqa: S608 - our own words
            f"ORDER BY sk {'DESC' if descending else 'ASC'} LIMIT {limit + 1:d}"
        )
        with self._using() as connection:
            rows = connection.execute(statement, parameters).fetchall()
        items = [_item(row) for row in rows[:limit]]
        return Page(items, text(items[-1], "SK") if len(rows) > limit else None)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none. Raises ConditionFailedError, ValueError."""
        check_transaction(writes)
        with self._writing() as connection:
            for index, write in enumerate(writes):
                if write.expect is not None:
                    stored = _read(connection, *key_of(write))
                    if not holds(stored, write.expect):
                        raise ConditionFailedError(index, stored)
            for write in writes:
                if isinstance(write, Put):
                    _put(connection, [write.item])
                elif not isinstance(write, CheckWrite):
                    connection.execute("DELETE FROM item WHERE pk = ? AND sk = ?", (write.pk, write.sk))

    def put_many(self, items: Iterable[Item]) -> None:
        """Write items without conditions, a thousand at a time, so that other writers come in between."""
        rest = iter(items)
        while batch := list(islice(rest, _BATCH)):
            for item in batch:
                if item_bytes(item) > ITEM_BYTES:
                    msg = f"the item {item['PK']!r} {item['SK']!r} is over {ITEM_BYTES} bytes"
                    raise ValueError(msg)
            with self._writing() as connection:
                _put(connection, batch)

    def close(self) -> None:
        """Close the connections of all threads."""
        for held in list(self._held):
            held.close()
        if self._memory:
            self._memory.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        if self._memory:
            with self._one_at_a_time:
                yield self._memory.connection
            return
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = _Held(self._connect())
            self._held.add(held)
        yield held.connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; IMMEDIATE, so that what it reads first cannot change before it writes."""
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("UPDATE commits SET number = number + 1")
                number: int = connection.execute("SELECT number FROM commits").fetchone()[0]
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        if self._beside:
            self._beside.saw(number)

    def _commits(self) -> int:
        with self._using() as connection:
            number: int = connection.execute("SELECT number FROM commits").fetchone()[0]
            return number

    def _connect(self) -> sqlite3.Connection:
        # Each thread uses its own; only close() may come from another one.
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


class _Held:
    """A connection that is closed when its thread ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        # Not `__del__`: in a cycle that might come after the connection's own end, which Python 3.13 then warns of.
        self.close = weakref.finalize(self, connection.close)


class _Beside:
    """The file beside the database that a backup of the database does not bring back."""

    def __init__(self, path: Path, commits: Any) -> None:
        self._path = path
        before = self._read()  # before the database's own count, which is written first and so cannot be behind
        number = commits()
        if before is None or before[1] > number:
            before = (secrets.token_hex(16), number)
        self.name = before[0]
        self._highest = number
        self.saw(number)

    def saw(self, number: int) -> None:
        """Note how many commits the database has."""
        self._highest = max(number, self._highest)
        line = f"{self.name} {self._highest:020d}\n".encode("ascii")
        # Always the same length and in place: a crash leaves the old line or the new one, never an empty file.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _read(self) -> tuple[str, int] | None:
        try:
            name, number = self._path.read_text(encoding="ascii").split()
            return name, int(number)
        except (FileNotFoundError, ValueError):
            return None


def _read(connection: sqlite3.Connection, pk: str, sk: str) -> Item | None:
    row = connection.execute("SELECT pk, sk, attributes, blob FROM item WHERE pk = ? AND sk = ?", (pk, sk)).fetchone()
    return None if row is None else _item(row)


def _item(row: tuple[str, str, str, bytes | None]) -> Item:
    pk, sk, attributes, blob = row
    item: Item = {"PK": pk, "SK": sk}
    for name, value in json.loads(attributes).items():
        item[name] = (blob or b"")[value[0] : value[1]] if isinstance(value, list) else value
    return item


def _put(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    connection.executemany("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)", map(_row, items))


def _row(item: Item) -> tuple[Value, Value, str, bytes | None]:
    """Values of an item as JSON; bytes lie one after the other in their own column, and JSON says from where to where."""
    attributes: dict[str, Any] = {}
    blob = b""
    for name, value in item.items():
        if name in ("PK", "SK"):
            continue
        if isinstance(value, bytes):
            attributes[name] = [len(blob), len(blob) + len(value)]
            blob += value
        else:
            attributes[name] = value
    return item["PK"], item["SK"], json.dumps(attributes, ensure_ascii=False, separators=(",", ":")), blob or None
