"""Changing segments: as flags are changed, but a segment's line is the same in every environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildflags_sdk.errors import RulesetError
from buildflags_sdk.server.editing import Desk, MadeFrom, invalid, refuse_if_named, refuse_missing_entries
from buildflags_sdk.server.entries import SEGMENT_FIELDS, segment_row
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import META, PENDING_SEGMENT, SEGMENT, from_json, pending_item, workspace_pk
from buildflags_sdk.server.stores import ABSENT, Check, Delete, Item, Put, Write, number, text
from buildflags_sdk.server.workspaces import environments_of, workspace_meta


def find_segment(desk: Desk, key: str) -> Item:
    """Read a segment's row. Raises `ProblemError` 404."""
    row = desk.store.get(workspace_pk(desk.workspace), f"{SEGMENT}{key}")
    if row is None:
        msg = f"there is no segment {key!r} in workspace {desk.workspace!r}; create it with POST, or check the key"
        raise ProblemError(404, msg)
    return row


def segment_of(row: Item) -> dict[str, Any]:
    """Read what a segment says from its row."""
    body: dict[str, Any] = from_json(row, "body")
    return {name: body[name] for name in SEGMENT_FIELDS if name in body}


def create_segment(desk: Desk, key: str, body: Mapping[str, Any]) -> list[str]:
    """Make a segment. Give the environments that are touched: all of them."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        yield from _everywhere(desk, key, touched)
        if desk.store.get(workspace_pk(desk.workspace), f"{SEGMENT}{key}") is not None:
            msg = f"there is a segment {key!r} already; change it with PUT, or choose another key"
            raise ProblemError(409, msg)
        yield Put(_row(desk, key, body, 1), ABSENT)
        yield desk.change("segment.create", key, after=dict(body))

    desk.settle(attempt)
    return touched


def update_segment(desk: Desk, key: str, body: Mapping[str, Any], made_from: MadeFrom) -> list[str]:
    """Replace a segment."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        yield from _everywhere(desk, key, touched)
        row = find_segment(desk, key)
        before = segment_of(row)
        version = number(row, "version")
        made_from.require(f"the segment {key!r}", version, before)
        yield Put(_row(desk, key, body, version + 1), {"version": version})
        yield desk.change("segment.update", key, before=before, after=dict(body))

    desk.settle(attempt)
    return touched


def delete_segment(desk: Desk, key: str, made_from: MadeFrom) -> list[str]:
    """Remove a segment that nothing names any more."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        yield from _everywhere(desk, key, touched)
        row = find_segment(desk, key)
        before = segment_of(row)
        made_from.require(f"the segment {key!r}", number(row, "version"), before)
        refuse_if_named(desk, "segment", key, touched)
        yield Delete(text(row, "PK"), text(row, "SK"), {"version": row["version"]})
        yield desk.change("segment.delete", key, before=before)

    desk.settle(attempt)
    return touched


def _everywhere(desk: Desk, key: str, touched: list[str]) -> Iterator[Write]:
    """Note the change in every environment there is, and that there is no other when it is written."""
    meta = workspace_meta(desk.store, desk.workspace)
    touched[:] = environments_of(desk.store, desk.workspace)
    yield Check(workspace_pk(desk.workspace), META, {"shape": meta["shape"]})
    for environment in touched:
        yield Put(pending_item(desk.workspace, environment, f"{PENDING_SEGMENT}{key}"))


def _row(desk: Desk, key: str, body: Mapping[str, Any], version: int) -> Item:
    try:
        row = segment_row(desk.workspace, key, body, version=version)
    except RulesetError as error:
        raise invalid(error) from None
    refuse_missing_entries(desk, key, [body.get("when")], kind="segment")
    return row
