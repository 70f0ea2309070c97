"""Who may do what: keys in the store, from issuing to recognising. A key itself is never stored, logged or shown again."""

from __future__ import annotations

from typing import NamedTuple

from buildflags_sdk.server.keys import hash_key, make_key, parse_key, same_hash
from buildflags_sdk.server.records import KEY, META, from_json, key_pk, timestamp, to_json, ulid, workspace_pk
from buildflags_sdk.server.stores import ABSENT, Item, Put, Store, Write, text

EVERY = "*"
"""As a workspace or an environment: all of them."""
FOUND = "buildflags.found"
"""Where a request's scope says what its key was found to be: a Grant, or None for a key that opens nothing."""
ROLES = ("viewer", "editor", "admin")
"""Each may do what those before it may. Only management keys have one."""


class Grant(NamedTuple):
    """What the holder of a key may do."""

    id: str
    kind: str
    workspace: str
    environments: tuple[str, ...]
    role: str | None

    def covers(self, workspace: str, environment: str | None = None) -> bool:
        """Tell whether the key is for this workspace and environment."""
        if self.workspace not in (EVERY, workspace):
            return False
        return environment is None or EVERY in self.environments or environment in self.environments

    def may(self, role: str) -> bool:
        """Tell whether a management key has at least this role."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


class Issued(NamedTuple):
    """A new key, this once, and the rows to store for it."""

    key: str
    id: str
    writes: list[Write]
    item: Item


def issue(
    workspace: str,
    kind: str,
    *,
    now: float,
    environments: tuple[str, ...] = (EVERY,),
    role: str | None = None,
    name: str = "",
    expires_at: float | None = None,
) -> Issued:
    """Make a key. It is found by its hash when used, and by its id in the workspace's list."""
    key = make_key(kind)
    shape = parse_key(key)
    digest = hash_key(key)
    identifier = ulid(now)
    item: Item = {
        "PK": key_pk(digest),
        "SK": META,
        "id": identifier,
        "hash": digest,
        "hint": shape.hint if shape else "",
        "kind": kind,
        "workspace": workspace,
        "environments": to_json(list(environments)),
        "role": (role or "admin") if kind == "management" else None,
        "name": name,
        "created_at": timestamp(now),
        "expires_ms": None if expires_at is None else int(expires_at * 1000),
        "revoked_at": None,
        "version": 1,
    }
    return Issued(key, identifier, [Put(item, ABSENT), Put(listed(item), ABSENT)], item)


def listed(item: Item) -> Item:
    """Give the copy of a key's row that stands in its workspace's list."""
    return {**item, "PK": workspace_pk(text(item, "workspace")), "SK": KEY + text(item, "id")}


def by_hash(row: Item) -> Item:
    """Give the copy that is found by the key's hash."""
    return {**row, "PK": key_pk(text(row, "hash")), "SK": META}


def bearer(authorization: str) -> str | None:
    """Read the key out of an Authorization header."""
    scheme, _, key = authorization.strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def recognise(store: Store, key: str, now: float) -> Grant | None:
    """Find out what a key may do; None for a key that is unknown, expired, revoked or of no key's shape."""
    if parse_key(key) is None:
        return None
    digest = hash_key(key)
    item = store.get(key_pk(digest), META)
    if item is None or not same_hash(text(item, "hash"), digest) or not valid(item, now):
        return None
    role = item["role"]
    return Grant(
        id=text(item, "id"),
        kind=text(item, "kind"),
        workspace=text(item, "workspace"),
        environments=tuple(from_json(item, "environments")),
        role=None if role is None else str(role),
    )


def valid(item: Item, now: float) -> bool:
    """Tell whether a key's row is of a key that still opens something."""
    expires = item["expires_ms"]
    return item["revoked_at"] is None and (expires is None or now * 1000 < int(expires))
