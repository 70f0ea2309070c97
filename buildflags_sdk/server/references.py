"""Who names whom: asked before something is removed. It reads every line of an environment, which removals can afford."""

from __future__ import annotations

from collections.abc import Iterator

from buildflags_sdk.server.entries import named_entries
from buildflags_sdk.server.records import RULES, SEGMENT, environment_pk, from_json, workspace_pk
from buildflags_sdk.server.stores import Item, Store, query_all, text


def users_of(store: Store, workspace: str, environments: list[str], kind: str, key: str) -> list[str]:
    """Give the flags and segments whose live conditions name a flag or segment."""
    users: set[str] = set()
    for environment in environments:
        rows = query_all(store, environment_pk(workspace, environment), RULES)
        users.update(f"flag {name!r} ({environment})" for name in _naming(rows, kind, key))
    rows = query_all(store, workspace_pk(workspace), SEGMENT)
    users.update(f"segment {name!r}" for name in _naming(rows, kind, key) if (kind, name) != ("segment", key))
    return sorted(users)


def _naming(rows: Iterator[Item], kind: str, key: str) -> Iterator[str]:
    for row in rows:
        line = row["line"]
        if isinstance(line, bytes) and key.encode() in line and (kind, key) in named_entries(from_json(row, "body")):
            yield text(row, "key")
