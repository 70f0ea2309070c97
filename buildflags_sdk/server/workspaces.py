"""Making workspaces and environments: used by the API, by provisioning and by bulk loads alike."""

from __future__ import annotations

import base64
import secrets

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.server.entries import NO_RULES, definition_of, encode_flag, rules_row
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.publish import first_environment_writes
from buildflags_sdk.server.records import (
    ENVIRONMENT,
    FLAG,
    META,
    PENDING_REBUILD,
    WORKSPACES,
    change_item,
    pending_item,
    timestamp,
    workspace_pk,
)
from buildflags_sdk.server.stores import ABSENT, ConditionFailedError, Item, Put, Store, Write, number, query_all, text

ENVIRONMENTS_AT_MOST = 25
"""A flag's definition and its lines everywhere are one transaction of at most 100 writes."""
_FLAGS_AT_ONCE = 40


def create_workspace(store: Store, workspace: str, *, name: str, actor: str, now: float) -> Item:
    """Make an empty workspace. Raises `ProblemError` 409 when it is there already."""
    meta: Item = {
        "PK": workspace_pk(workspace),
        "SK": META,
        "key": workspace,
        "name": name,
        "plan": "standard",
        "status": "active",
        "created_at": timestamp(now),
        "shape": 0,
        "version": 1,
    }
    listed: Item = {"PK": WORKSPACES, "SK": f"WORKSPACE#{workspace}", "workspace": workspace}
    change = change_item(workspace, now, actor=actor, action="workspace.create", subject=workspace)
    try:
        store.transact([Put(meta, ABSENT), Put(listed, ABSENT), Put(change)])
    except ConditionFailedError:
        msg = f"there is a workspace {workspace!r} already; choose another key"
        raise ProblemError(409, msg) from None
    return meta


def workspace_meta(store: Store, workspace: str) -> Item:
    """Read a workspace's own row. Raises `ProblemError` 404."""
    meta = store.get(workspace_pk(workspace), META)
    if meta is None:
        msg = f"there is no workspace {workspace!r}; GET /v1/workspaces lists those that your key may see"
        raise ProblemError(404, msg)
    return meta


def environments_of(store: Store, workspace: str) -> list[str]:
    """Give the keys of a workspace's environments."""
    return [text(item, "key") for item in query_all(store, workspace_pk(workspace), ENVIRONMENT)]


def create_environment(
    store: Store, workspace: str, environment: str, *, actor: str, now: float, signer: Signer | None = None
) -> Item:
    """Make an environment in which every flag of the workspace is off. It is published by the caller.

    The first transaction also moves the workspace's `shape`, which every writer of definitions and segments checks: so
    whoever read the list of environments before cannot miss the new one.

    Raises:
        ProblemError: 404 without the workspace; 409 when it is there already, or there are too many.
    """
    while True:
        meta = workspace_meta(store, workspace)
        there = environments_of(store, workspace)
        if environment in there:
            msg = f"there is an environment {environment!r} already; choose another key"
            raise ProblemError(409, msg)
        if len(there) >= ENVIRONMENTS_AT_MOST:
            msg = f"a workspace has at most {ENVIRONMENTS_AT_MOST} environments; make another workspace"
            raise ProblemError(409, msg)
        secret = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        pointer_and_manifest = first_environment_writes(workspace, environment, secret, now, signer)
        writes: list[Write] = [
            Put({**meta, "shape": number(meta, "shape") + 1}, {"shape": meta["shape"]}),
            *pointer_and_manifest,
            Put(pending_item(workspace, environment, PENDING_REBUILD)),
            Put(
                change_item(
                    workspace,
                    now,
                    actor=actor,
                    action="environment.create",
                    subject=environment,
                    environment=environment,
                )
            ),
        ]
        try:
            store.transact(writes)
        except ConditionFailedError:
            continue
        break
    _put_missing_rules(store, workspace, environment)
    # Noted again: a publisher may have folded in the first note before the rules were there.
    store.put_many([pending_item(workspace, environment, PENDING_REBUILD)])
    pointer = store.get(workspace_pk(workspace), f"{ENVIRONMENT}{environment}")
    return pointer or {}


def _put_missing_rules(store: Store, workspace: str, environment: str) -> None:
    batch: list[Write] = []
    for row in query_all(store, workspace_pk(workspace), FLAG):
        if row["archived_at"] is not None:
            continue
        key = text(row, "key")
        line = encode_flag(key, definition_of(row), NO_RULES)
        batch.append(Put(rules_row(workspace, environment, key, NO_RULES, line, version=1), ABSENT))
        if len(batch) >= _FLAGS_AT_ONCE:
            _put_where_absent(store, batch)
            batch = []
    _put_where_absent(store, batch)


def _put_where_absent(store: Store, writes: list[Write]) -> None:
    """Write rows that are not there; somebody may have written one of them a moment ago, and theirs stays."""
    while writes:
        try:
            store.transact(writes)
        except ConditionFailedError as failed:
            writes = [write for index, write in enumerate(writes) if index != failed.index]
            continue
        return
