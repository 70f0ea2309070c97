"""/v1/workspaces/{w}/keys: issued and shown once, rotated with an overlap, revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter

from buildflags_sdk.server.access import EVERY, by_hash, issue, listed, valid
from buildflags_sdk.server.editing import Desk
from buildflags_sdk.server.management.bodies import NewApiKey, Rotation
from buildflags_sdk.server.management.desk import Admin, Cursor, Key, Limit, from_cursor, listing
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import KEY, from_json, timestamp, workspace_pk
from buildflags_sdk.server.stores import ConditionFailedError, Item, Put, Write, number, text
from buildflags_sdk.server.workspaces import environments_of, workspace_meta

router = APIRouter(prefix="/v1/workspaces/{workspace}/keys", tags=["keys"])


@router.get("")
def list_keys(desk: Admin, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """List keys, oldest first: everything but the keys themselves, which nobody can show again."""
    workspace_meta(desk.store, desk.workspace)
    page = desk.store.query(workspace_pk(desk.workspace), prefix=KEY, after=from_cursor(cursor, KEY), limit=limit)
    return listing(page, [view(desk, row) for row in page.items])


@router.post("", status_code=201)
def post_key(desk: Admin, body: NewApiKey) -> dict[str, Any]:
    """Issue a key. This answer is the only one that holds it."""
    workspace_meta(desk.store, desk.workspace)
    if body.kind == "management" and body.environments != [EVERY]:
        msg = "a management key is for the whole workspace; leave `environments` away"
        raise ProblemError(422, msg)
    if body.kind != "management" and body.role is not None:
        msg = f"a {body.kind} key has no role; leave `role` away"
        raise ProblemError(422, msg)
    there = environments_of(desk.store, desk.workspace)
    if unknown := [name for name in body.environments if name not in (*there, EVERY)]:
        msg = f"there is no environment {unknown[0]!r}; there are: {', '.join(there) or 'none yet, create one'}"
        raise ProblemError(422, msg)
    issued = issue(
        desk.workspace,
        body.kind,
        now=desk.now(),
        environments=tuple(body.environments),
        role=body.role,
        name=body.name,
        expires_at=_moment(body.expires_at),
    )
    desk.store.transact([*issued.writes, desk.change("key.create", issued.id, after={"kind": body.kind})])
    return {**view(desk, issued.item), "key": issued.key}


@router.post("/{key_id}/rotate", status_code=201)
def rotate_key(desk: Admin, key_id: Key, body: Rotation | None = None) -> dict[str, Any]:
    """Issue a key that may do the same. The old one stays valid for `overlap_seconds`: both are, meanwhile."""
    old = _find(desk, key_id)
    now = desk.now()
    if not valid(old, now):
        msg = f"the key {key_id} is expired or revoked; issue a new one instead"
        raise ProblemError(409, msg)
    role = old["role"]
    issued = issue(
        desk.workspace,
        text(old, "kind"),
        now=now,
        environments=tuple(from_json(old, "environments")),
        role=None if role is None else str(role),
        name=text(old, "name"),
    )
    ends = int((now + (body or Rotation()).overlap_seconds) * 1000)
    ends = ends if old["expires_ms"] is None else min(ends, number(old, "expires_ms"))
    change = desk.change("key.rotate", key_id, after={"successor": issued.id})
    _change(desk, [*_replaced(old, {"expires_ms": ends}), *issued.writes, change])
    return {**view(desk, issued.item), "key": issued.key, "replaces": view(desk, _find(desk, key_id))}


@router.delete("/{key_id}")
def revoke_key(desk: Admin, key_id: Key) -> dict[str, Any]:
    """Revoke a key now. Edges forget it within max-age + stale-while-revalidate."""
    old = _find(desk, key_id)
    if old["revoked_at"] is None:
        writes = _replaced(old, {"revoked_at": timestamp(desk.now())})
        _change(desk, [*writes, desk.change("key.revoke", key_id)])
    return view(desk, _find(desk, key_id))


def view(desk: Desk, row: Item) -> dict[str, Any]:
    """Show a key without the key and without its hash."""
    expires = row["expires_ms"]
    return {
        **{name: row[name] for name in ("id", "kind", "name", "hint", "role", "created_at", "revoked_at")},
        "environments": from_json(row, "environments"),
        "expires_at": None if expires is None else timestamp(int(expires) / 1000),
        "valid": valid(row, desk.now()),
    }


def _find(desk: Desk, key_id: str) -> Item:
    row = desk.store.get(workspace_pk(desk.workspace), f"{KEY}{key_id}")
    if row is None:
        msg = f"there is no key with the id {key_id!r}; GET …/keys lists them"
        raise ProblemError(404, msg)
    return row


def _replaced(old: Item, new: dict[str, Any]) -> list[Write]:
    row: Item = {**old, **new, "version": number(old, "version") + 1}
    unchanged = {"version": old["version"]}
    return [Put(listed(row), unchanged), Put(by_hash(row), unchanged)]


def _change(desk: Desk, writes: list[Write]) -> None:
    try:
        desk.store.transact(writes)
    except ConditionFailedError:
        msg = "somebody else changed this key just now; look at it and try again"
        raise ProblemError(409, msg) from None


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"`expires_at` must be RFC 3339 with its offset, like 2027-01-01T00:00:00Z, not {text!r}"
        raise ProblemError(422, msg)
    return moment.timestamp()
