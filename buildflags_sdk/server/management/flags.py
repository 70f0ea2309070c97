"""/v1/workspaces/{w}/flags: what each flag is, and what it does in each environment."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from buildflags_sdk.server.editing import (
    Desk,
    archive_flag,
    create_flag,
    find_flag,
    read_rules,
    set_rules,
    update_flag,
)
from buildflags_sdk.server.entries import RULE_FIELDS, definition_of, rules_of
from buildflags_sdk.server.management.bodies import ChangedFlag, NewFlag, Rules
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
from buildflags_sdk.server.records import CREATED, FLAG, RULES, environment_pk, workspace_pk
from buildflags_sdk.server.stores import Item, Page, text
from buildflags_sdk.server.workspaces import environments_of, workspace_meta

router = APIRouter(prefix="/v1/workspaces/{workspace}/flags", tags=["flags"])


@router.get("")
def list_flags(
    desk: Viewer,
    limit: Limit = 50,
    cursor: Cursor = None,
    archived: Annotated[bool, Query(description="archived flags too")] = False,
    created_after: Annotated[str | None, Query(description="RFC 3339 in UTC; oldest first")] = None,
) -> dict[str, Any]:
    """List flags by key, or by when they were made. A page may hold fewer than `limit`; `next` says whether more follow."""
    workspace_meta(desk.store, desk.workspace)
    page = _page(desk, limit, cursor, created_after)
    return listing(page, views(desk, [row for row in page.items if archived or row["archived_at"] is None]))


@router.post("", status_code=201)
def post_flag(desk: Editor, body: NewFlag, response: Response, publish: Publish = True) -> dict[str, Any]:
    """Make a flag. Where `environments` says nothing, it is off."""
    environments = {name: rules.said() for name, rules in body.environments.items()}
    touched = create_flag(desk, body.key, body.definition(), environments)
    return _written(desk, body.key, response, go_live(desk, touched, publish))


@router.get("/{key}")
def get_flag(desk: Viewer, key: Key, response: Response) -> dict[str, Any]:
    """Read one flag across all environments."""
    return _written(desk, key, response, {})


@router.put("/{key}")
def put_flag(
    desk: Editor, key: Key, body: ChangedFlag, response: Response, if_match: IfMatch, publish: Publish = True
) -> dict[str, Any]:
    """Replace what a flag is; its lines change in every environment. An archived flag comes back."""
    if body.key not in (None, key):
        msg = f"the address says {key!r}, the body {body.key!r}; a flag's key never changes"
        raise ProblemError(422, msg)
    environments = {
        name: (rules.said(), made_from(if_match._replace(by_header=False), rules.version))
        for name, rules in body.environments.items()
    }
    touched = update_flag(desk, key, body.definition(), made_from(if_match, body.version), environments)
    return _written(desk, key, response, go_live(desk, touched, publish))


@router.delete("/{key}")
def delete_flag(
    desk: Editor,
    key: Key,
    if_match: IfMatch,
    version: Annotated[int | None, Query()] = None,
    publish: Publish = True,
) -> dict[str, Any]:
    """Archive a flag: clients no longer get it. PUT brings it back."""
    touched = archive_flag(desk, key, made_from(if_match, version))
    return {**views(desk, [find_flag(desk, key)])[0], **go_live(desk, touched, publish)}


@router.get("/{key}/environments/{environment}")
def get_rules(desk: Viewer, key: Key, environment: Key, response: Response) -> dict[str, Any]:
    """Read what a flag does in one environment."""
    _, stored = read_rules(desk, key, environment)
    shown = _rules_view(stored)
    response.headers["ETag"] = f'"{shown["version"]}"'
    return shown


@router.put("/{key}/environments/{environment}")
def put_rules(
    desk: Editor,
    key: Key,
    environment: Key,
    body: Rules,
    response: Response,
    if_match: IfMatch,
    publish: Publish = True,
) -> dict[str, Any]:
    """Replace what a flag does in one environment: all of it, so all four fields are sent."""
    if missing := [name for name in RULE_FIELDS if name not in body.model_fields_set]:
        errors = [{"place": name, "message": "Field required"} for name in missing]
        msg = f"PUT replaces all of it: send {', '.join(missing)} too, as GET gave them"
        raise ProblemError(422, msg, errors=errors)
    set_rules(desk, key, environment, body.said(), made_from(if_match, body.version))
    return {**get_rules(desk, key, environment, response), **go_live(desk, [environment], publish)}


def views(desk: Desk, rows: list[Item]) -> list[dict[str, Any]]:
    """Show flags with what they do in every environment."""
    environments = environments_of(desk.store, desk.workspace)
    places = [(environment_pk(desk.workspace, name), RULES + text(row, "key")) for row in rows for name in environments]
    stored = iter(desk.store.get_many(places))
    return [
        {
            "key": row["key"],
            **definition_of(row),
            "version": row["version"],
            "created_at": row["created_at"],
            "archived_at": row["archived_at"],
            "environments": {name: _rules_view(next(stored)) for name in environments},
        }
        for row in rows
    ]


def _written(desk: Desk, key: str, response: Response, live: dict[str, Any]) -> dict[str, Any]:
    shown = views(desk, [find_flag(desk, key)])[0]
    response.headers["ETag"] = f'"{shown["version"]}"'
    return {**shown, **live}


def _rules_view(stored: Item | None) -> dict[str, Any]:
    return {**rules_of(stored), "version": stored["version"] if stored else 0}


def _page(desk: Desk, limit: int, cursor: str | None, created_after: str | None) -> Page:
    pk = workspace_pk(desk.workspace)
    if created_after is None:
        return desk.store.query(pk, prefix=FLAG, after=from_cursor(cursor, FLAG), limit=limit)
    after = from_cursor(cursor, CREATED) or f"{CREATED}{created_after}#\x7f"
    index = desk.store.query(pk, prefix=CREATED, after=after, limit=limit)
    rows = desk.store.get_many([(pk, FLAG + text(item, "key")) for item in index.items])
    return Page([row for row in rows if row is not None], index.next)
