"""Many flags at once, from code that has the store at hand: rows in batches, one pending rebuild, one publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from time import time
from typing import Any

from buildflags_sdk.server.entries import created_row, encode_flag, flag_row, rules_row, segment_row
from buildflags_sdk.server.publish import Published, publish
from buildflags_sdk.server.records import PENDING_REBUILD, change_item, pending_item, timestamp
from buildflags_sdk.server.stores import Item, Put, Store
from buildflags_sdk.server.workspaces import workspace_meta


def load_bulk(
    store: Store,
    workspace: str,
    environment: str,
    flags: Iterable[Mapping[str, Any]],
    segments: Iterable[Mapping[str, Any]] = (),
    *,
    now: Callable[[], float] = time,
) -> Published:
    """Write flags (and segments) in page form into one environment, over what is there, and publish once.

    It may be repeated after a failure. Nothing is visible before all of it is. Other environments get a flag when
    somebody gives it rules there.

    Raises:
        RulesetError: the first entry that the model refuses; what came before it is saved, not live.
    """
    workspace_meta(store, workspace)
    moment = now()
    count = 0

    def rows() -> Iterator[Item]:
        nonlocal count
        for segment in segments:
            count += 1
            yield segment_row(workspace, str(segment["segment"]), segment, version=1)
        for flag in flags:
            count += 1
            yield from _flag_rows(workspace, environment, flag, moment)

    store.put_many(rows())
    change = change_item(
        workspace, moment, actor="bulk", action="bulk.load", subject=environment, environment=environment,
        after={"entries": count},
    )  # fmt: skip
    store.transact([Put(pending_item(workspace, environment, PENDING_REBUILD)), Put(change)])
    return publish(store, workspace, environment, now=now)


def _flag_rows(workspace: str, environment: str, flag: Mapping[str, Any], moment: float) -> Iterator[Item]:
    key = str(flag["key"])
    rules = {
        "enabled": flag.get("enabled", True),
        "off": flag.get("off"),
        "rules": flag.get("rules", []),
        "fallthrough": flag.get("fallthrough"),
    }
    line = encode_flag(key, flag, rules)
    yield flag_row(workspace, key, flag, version=1, created_at=timestamp(moment))
    yield created_row(workspace, key, moment)
    yield rules_row(workspace, environment, key, rules, line, version=1)
