"""Many flags at once, from code that has the store at hand: rows in batches, one pending rebuild, one publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from time import time
from typing import Any

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.server.entries import created_row, encode_flag, flag_row, rules_row, segment_row
from buildflags_sdk.server.publish import Published, publish
from buildflags_sdk.server.records import (
    FLAG,
    PENDING_REBUILD,
    RULES,
    SEGMENT,
    change_item,
    environment_pk,
    pending_item,
    timestamp,
    workspace_pk,
)
from buildflags_sdk.server.stores import Item, Put, Store, number, text
from buildflags_sdk.server.workspaces import environments_of, workspace_meta

_BATCH = 500


def load_bulk(
    store: Store,
    workspace: str,
    environment: str,
    flags: Iterable[Mapping[str, Any]],
    segments: Iterable[Mapping[str, Any]] = (),
    *,
    now: Callable[[], float] = time,
    signer: Signer | None = None,
) -> Published:
    """Write flags (and segments) in page form into one environment, over what is there, and publish once.

    Memory holds one batch of the rows at a time. Nothing is visible before all of it is; it may be repeated after a
    failure. Another environment gets a new flag when somebody gives it rules there; segments are live in all of them.

    Raises:
        RulesetError: the first entry that the model refuses; what came before it is saved, not live.
    """
    workspace_meta(store, workspace)
    moment = now()
    entries = [0, 0]

    def rows() -> Iterator[Item]:
        for batch in _batches(segments):
            entries[0] += len(batch)
            yield from _segment_rows(store, workspace, batch)
        for batch in _batches(flags):
            entries[1] += len(batch)
            yield from _flag_rows(store, workspace, environment, batch, moment)

    store.put_many(rows())
    touched = [environment]
    if entries[0]:
        touched += [name for name in environments_of(store, workspace) if name != environment]
    change = change_item(
        workspace,
        moment,
        actor="bulk",
        action="bulk.load",
        subject=environment,
        environment=environment,
        after={"segments": entries[0], "flags": entries[1]},
    )
    notes = [Put(pending_item(workspace, name, PENDING_REBUILD)) for name in touched]
    store.transact([*notes, Put(change)])
    for name in touched[1:]:
        publish(store, workspace, name, now=now, signer=signer)
    return publish(store, workspace, environment, now=now, signer=signer)


def _batches(entries: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(entries)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _segment_rows(store: Store, workspace: str, batch: list[Mapping[str, Any]]) -> Iterator[Item]:
    pk = workspace_pk(workspace)
    stored = store.get_many([(pk, f"{SEGMENT}{segment['segment']}") for segment in batch])
    for segment, row in zip(batch, stored, strict=True):
        yield segment_row(workspace, segment["segment"], segment, version=_following(row))


def _flag_rows(
    store: Store, workspace: str, environment: str, batch: list[Mapping[str, Any]], moment: float
) -> Iterator[Item]:
    keys: list[str] = [flag["key"] for flag in batch]
    stored = store.get_many([(workspace_pk(workspace), f"{FLAG}{key}") for key in keys])
    stored_rules = store.get_many([(environment_pk(workspace, environment), f"{RULES}{key}") for key in keys])
    for key, flag, row, rules_before in zip(keys, batch, stored, stored_rules, strict=True):
        rules = {
            "enabled": flag.get("enabled", True),
            "off": flag.get("off"),
            "rules": flag.get("rules", []),
            "fallthrough": flag.get("fallthrough"),
        }
        line = encode_flag(key, flag, rules)
        created_at = text(row, "created_at") if row else timestamp(moment)
        yield flag_row(workspace, key, flag, version=_following(row), created_at=created_at)
        if row is None:
            yield created_row(workspace, key, moment)
        yield rules_row(workspace, environment, key, rules, line, version=_following(rules_before))


def _following(row: Item | None) -> int:
    """Versions only grow, so that a change made from an older state is noticed."""
    return 1 if row is None else number(row, "version") + 1
