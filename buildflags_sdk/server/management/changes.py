"""/v1/workspaces/{w}/changes: who did what, when and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from buildflags_sdk.server.management.desk import Cursor, Limit, Viewer, from_cursor, to_cursor
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import changes_pk, from_json, ulid
from buildflags_sdk.server.stores import Item, text
from buildflags_sdk.server.workspaces import workspace_meta

router = APIRouter(prefix="/v1/workspaces/{workspace}/changes", tags=["changes"])

_CLOCKS_DIFFER_BY = 300.0
"""Seconds that a reader of "since" goes back, since the rows' times come from several machines."""


@router.get("")
def list_changes(
    desk: Viewer,
    since: Annotated[str | None, Query(description="RFC 3339; oldest first from five minutes before it")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List changes, the newest first; with `since` the oldest first, from five minutes before: drop ids that you know."""
    meta = workspace_meta(desk.store, desk.workspace)
    begin = _moment(text(meta, "created_at"), "created_at")
    if since is not None:
        begin = max(begin, _moment(since, "since")) - _CLOCKS_DIFFER_BY
    months = _months(begin - _CLOCKS_DIFFER_BY, desk.now() + _CLOCKS_DIFFER_BY)
    descending = since is None
    if descending:
        months.reverse()
    month, after = _place(cursor, months, None if descending else ulid(begin, random=0))
    items: list[Item] = []
    while True:
        page = desk.store.query(
            changes_pk(desk.workspace, _first(month)), after=after, limit=limit - len(items), descending=descending
        )
        items += page.items
        if page.next is not None:
            return {"items": [view(item) for item in items], "next": to_cursor(f"{month} {page.next}")}
        following = months[months.index(month) + 1 :]
        if not following or len(items) >= limit:
            rest = f"{following[0]} " if following else None
            return {"items": [view(item) for item in items], "next": to_cursor(rest)}
        month, after = following[0], None


def view(item: Item) -> dict[str, Any]:
    """Show one change."""
    shown = ("at", "actor", "action", "subject", "environment", "reason")
    return {
        "id": item["SK"],
        **{name: item[name] for name in shown},
        "before": from_json(item, "before"),
        "after": from_json(item, "after"),
    }


def _place(cursor: str | None, months: list[str], begin: str | None) -> tuple[str, str | None]:
    if cursor is None:
        return months[0], begin
    month, _, after = (from_cursor(cursor) or "").partition(" ")
    if month not in months:
        msg = "`cursor` is not one that this list gave out; leave it away to begin again"
        raise ProblemError(400, msg)
    return month, after or None


def _months(begin: float, end: float) -> list[str]:
    first, last = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def _first(month: str) -> float:
    return datetime.fromisoformat(f"{month}-01T00:00:00+00:00").timestamp()


def _moment(text: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"`{name}` must be RFC 3339 with its offset, like 2026-12-01T00:00:00Z, not {text!r}"
        raise ProblemError(400, msg)
    return moment.timestamp()
