"""/v1/workspaces/{w}/segments: named conditions, the same in every environment."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from buildflags_sdk.server.management.bodies import ChangedSegment, NewSegment
from buildflags_sdk.server.management.desk import (
    Cursor,
    Editor,
    IfMatch,
    Key,
    Limit,
    Publish,
    Viewer,
    from_cursor,
    go_live,
    listing,
    made_from,
)
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import SEGMENT, workspace_pk
from buildflags_sdk.server.segment_editing import (
    create_segment,
    delete_segment,
    find_segment,
    segment_of,
    update_segment,
)
from buildflags_sdk.server.stores import Item
from buildflags_sdk.server.workspaces import workspace_meta

router = APIRouter(prefix="/v1/workspaces/{workspace}/segments", tags=["segments"])


@router.get("")
def list_segments(desk: Viewer, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """List segments by key."""
    workspace_meta(desk.store, desk.workspace)
    page = desk.store.query(
        workspace_pk(desk.workspace), prefix=SEGMENT, after=from_cursor(cursor, SEGMENT), limit=limit
    )
    return listing(page, [view(row) for row in page.items])


@router.post("", status_code=201)
def post_segment(desk: Editor, body: NewSegment, response: Response, publish: Publish = True) -> dict[str, Any]:
    """Make a segment."""
    touched = create_segment(desk, body.key, body.said())
    return {**get_segment(desk, body.key, response), **go_live(desk, touched, publish)}


@router.get("/{key}")
def get_segment(desk: Viewer, key: Key, response: Response) -> dict[str, Any]:
    """Read one segment."""
    shown = view(find_segment(desk, key))
    response.headers["ETag"] = f'"{shown["version"]}"'
    return shown


@router.put("/{key}")
def put_segment(
    desk: Editor, key: Key, body: ChangedSegment, response: Response, if_match: IfMatch, publish: Publish = True
) -> dict[str, Any]:
    """Replace a segment, in every environment."""
    if body.key not in (None, key):
        msg = f"the address says {key!r}, the body {body.key!r}; a segment's key never changes"
        raise ProblemError(422, msg)
    touched = update_segment(desk, key, body.said(), made_from(if_match, body.version))
    return {**get_segment(desk, key, response), **go_live(desk, touched, publish)}


@router.delete("/{key}")
def delete(
    desk: Editor,
    key: Key,
    if_match: IfMatch,
    version: Annotated[int | None, Query()] = None,
    publish: Publish = True,
) -> dict[str, Any]:
    """Remove a segment that no flag and no segment names."""
    touched = delete_segment(desk, key, made_from(if_match, version))
    return {"key": key, **go_live(desk, touched, publish)}


def view(row: Item) -> dict[str, Any]:
    """Show a segment."""
    return {"key": row["key"], **segment_of(row), "version": row["version"]}
