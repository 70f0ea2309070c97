"""/v1/workspaces: a customer's account each."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from buildflags_sdk.server.access import EVERY, Grant
from buildflags_sdk.server.management.bodies import NewWorkspace
from buildflags_sdk.server.management.desk import Cursor, Key, Limit, Viewer, from_cursor, grant_of, listing, service_of
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import WORKSPACES
from buildflags_sdk.server.stores import Item, Page, text
from buildflags_sdk.server.workspaces import create_workspace, workspace_meta

router = APIRouter(prefix="/v1/workspaces", tags=["workspaces"])


@router.get("")
def list_workspaces(
    request: Request, grant: Annotated[Grant, Depends(grant_of)], limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """List the workspaces that the key is for."""
    store = service_of(request).store
    if grant.workspace != EVERY:
        return listing(Page([], None), [view(workspace_meta(store, grant.workspace))])
    page = store.query(WORKSPACES, after=from_cursor(cursor), limit=limit)
    return listing(page, [view(workspace_meta(store, text(item, "workspace"))) for item in page.items])


@router.post("", status_code=201)
def post_workspace(request: Request, body: NewWorkspace, grant: Annotated[Grant, Depends(grant_of)]) -> dict[str, Any]:
    """Make a workspace. Needs a key for all workspaces."""
    if grant.workspace != EVERY or not grant.may("admin"):
        msg = "only an operator's key, which is for all workspaces, makes workspaces"
        raise ProblemError(403, msg)
    service = service_of(request)
    meta = create_workspace(service.store, body.key, name=body.name or body.key, actor=grant.id, now=service.now())
    return view(meta)


@router.get("/{workspace}")
def get_workspace(desk: Viewer, workspace: Key) -> dict[str, Any]:
    """Read one workspace."""
    return view(workspace_meta(desk.store, workspace))


def view(meta: Item) -> dict[str, Any]:
    """Show a workspace."""
    return {name: meta[name] for name in ("key", "name", "plan", "status", "created_at", "version")}
