"""/v1/workspaces/{w}/environments: each has its own rules for the same flags, and its own published ruleset."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk.server.editing import Desk
from buildflags_sdk.server.management.bodies import NewEnvironment
from buildflags_sdk.server.management.desk import (
    Admin,
    Cursor,
    Editor,
    Key,
    Limit,
    Viewer,
    from_cursor,
    go_live,
    listing,
)
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.publish import pending_count, publish, read_page
from buildflags_sdk.server.records import ENVIRONMENT, environment_pk, signatures_of, workspace_pk
from buildflags_sdk.server.stores import Item, text
from buildflags_sdk.server.workspaces import create_environment, workspace_meta

router = APIRouter(prefix="/v1/workspaces/{workspace}/environments", tags=["environments"])


@router.get("")
def list_environments(desk: Viewer, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """List a workspace's environments."""
    workspace_meta(desk.store, desk.workspace)
    page = desk.store.query(
        workspace_pk(desk.workspace), prefix=ENVIRONMENT, after=from_cursor(cursor, ENVIRONMENT), limit=limit
    )
    return listing(page, [view(desk, item) for item in page.items])


@router.post("", status_code=201)
def post_environment(desk: Admin, body: NewEnvironment) -> dict[str, Any]:
    """Make an environment in which every flag is off, and publish it."""
    create_environment(desk.store, desk.workspace, body.key, actor=desk.actor, now=desk.now(), signer=desk.signer)
    live = go_live(desk, [body.key], wanted=True)
    return {**view(desk, find(desk, body.key)), **live}


@router.get("/{environment}")
def get_environment(desk: Viewer, environment: Key) -> dict[str, Any]:
    """Read one environment: what clients read now, and how much is saved and not live."""
    return view(desk, find(desk, environment))


@router.post("/{environment}/publish")
def post_publish(desk: Editor, environment: Key) -> dict[str, Any]:
    """Make live what is saved and not live, such as a change with ?publish=false."""
    find(desk, environment)
    published = publish(desk.store, desk.workspace, environment, now=desk.now, signer=desk.signer)
    return {**view(desk, find(desk, environment)), "changed": published.changed, "live": {environment: True}}


@router.get("/{environment}/export", response_class=Response)
def get_export(desk: Viewer, environment: Key, request: Request) -> Response:
    """Give the published ruleset as one bundle, the file that `buildflags pull` writes."""
    pointer = find(desk, environment)
    item = desk.store.get(environment_pk(desk.workspace, environment), text(pointer, "manifest"))
    if item is None or not isinstance(item["body"], bytes):
        msg = f"the manifest of {environment!r} is being replaced; try again"
        raise ProblemError(503, msg, headers={"Retry-After": "1"})
    manifest = decode_manifest(item["body"], workspace=desk.workspace, environment=environment)
    body = encode_bundle(
        manifest_body=manifest.raw,
        pages={name: read_page(desk.store, text(pointer, "secret"), name) for name in manifest.wanted},
        etag=text(item, "etag"),
        signature=signatures_of(item),
        saved_at=desk.now(),
        url=str(request.base_url).rstrip("/"),
    )
    name = f"{desk.workspace}-{environment}.bundle"
    return Response(
        body,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


def find(desk: Desk, environment: str) -> Item:
    """Read an environment's pointer. Raises `ProblemError` 404."""
    pointer = desk.store.get(workspace_pk(desk.workspace), f"{ENVIRONMENT}{environment}")
    if pointer is None:
        msg = f"there is no environment {environment!r} in workspace {desk.workspace!r}; GET …/environments lists them"
        raise ProblemError(404, msg)
    return pointer


def view(desk: Desk, pointer: Item) -> dict[str, Any]:
    """Show an environment. Its pages' address stays with the manifest: whoever knows it can read them."""
    shown = ("key", "epoch", "revision", "published_at", "entries", "bytes", "created_at")
    pending = pending_count(desk.store, desk.workspace, text(pointer, "key"))
    return {**{name: pointer[name] for name in shown}, "pending": pending}
