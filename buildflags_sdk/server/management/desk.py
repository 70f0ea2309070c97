"""What every route needs first: who asks, whether they may, and which version a change was made from."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Header, Path, Query, Request

from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server.access import FOUND, Grant
from buildflags_sdk.server.editing import Desk, MadeFrom
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.publish import publish
from buildflags_sdk.server.records import KEY_PATTERN
from buildflags_sdk.server.settings import Settings
from buildflags_sdk.server.stores import Page, Store

_log = logging.getLogger("buildflags_sdk.server")

_LONGEST_VERSION = 18
"""Digits. `int` refuses some thousands of them with an error of its own."""

Key = Annotated[str, Path(pattern=f"^{KEY_PATTERN}$", description="letters, digits, `.`, `_`, `-`; at most 128")]
Publish = Annotated[bool, Query(description="false: save now, make live later with POST …/publish")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


class Service(NamedTuple):
    """What the application was made of; lies in `app.state.service`."""

    store: Store
    settings: Settings
    now: Callable[[], float]


def service_of(request: Request) -> Service:
    """Give what the application was made of."""
    service: Service = request.app.state.service
    return service


def grant_of(request: Request, authorization: Annotated[str, Header()] = "") -> Grant:
    """Give what the request's key may do, as the door found it before the body was read.

    `authorization` is there for the API's description, which says by it that a key is wanted.
    """
    grant: Grant = request.scope[FOUND]
    return grant


def _desk(role: str) -> Callable[..., Desk]:
    def enter(
        request: Request,
        workspace: Key,
        grant: Annotated[Grant, Depends(grant_of)],
        buildflags_reason: Annotated[str | None, Header(max_length=500)] = None,
    ) -> Desk:
        if not grant.covers(workspace):
            msg = f"this key is not for workspace {workspace!r}; use one that was issued there"
            raise ProblemError(403, msg)
        if not grant.may(role):
            msg = f"this needs the role {role!r}, the key has {grant.role!r}; ask an admin for another key"
            raise ProblemError(403, msg)
        service = service_of(request)
        return Desk(service.store, workspace, grant.id, buildflags_reason, service.now, service.settings.signer)

    return enter


Viewer = Annotated[Desk, Depends(_desk("viewer"))]
Editor = Annotated[Desk, Depends(_desk("editor"))]
Admin = Annotated[Desk, Depends(_desk("admin"))]


def _if_match(if_match: Annotated[str | None, Header()] = None) -> MadeFrom:
    if if_match is None:
        return MadeFrom(None)
    if if_match.strip() == "*":
        return MadeFrom(None, by_header=True, whatever=True)
    number = if_match.strip().removeprefix("W/").strip('"')
    if not number.isdecimal() or len(number) > _LONGEST_VERSION:
        msg = f'`If-Match` must be a version as the ETag gave it, like "3", or *; not {if_match!r}'
        raise ProblemError(400, msg)
    return MadeFrom(int(number), by_header=True)


IfMatch = Annotated[MadeFrom, Depends(_if_match)]


def made_from(header: MadeFrom, version: int | None) -> MadeFrom:
    """Give the version that a change was made from: the header's, else the body's."""
    return header if header.by_header else MadeFrom(version)


def go_live(desk: Desk, environments: list[str], wanted: bool) -> dict[str, Any]:
    """Publish what was just saved. Give, by environment, whether it is live, and why not where it is not."""
    if not wanted:
        return {"live": dict.fromkeys(environments, False)}
    live: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    for environment in environments:
        try:
            publish(desk.store, desk.workspace, environment, now=desk.now, signer=desk.signer)
        except BuildFlagsError as error:  # saved is saved: the answer says that it is not live, and why
            reasons[environment] = str(error)
            _log.warning(
                "saved, not live", extra={"workspace": desk.workspace, "environment": environment, "why": str(error)}
            )
        live[environment] = environment not in reasons
    return {"live": live, "not_live": reasons} if reasons else {"live": live}


def listing(page: Page, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the answer of a list: its items, and the cursor of the next page."""
    return {"items": items, "next": to_cursor(page.next)}


def to_cursor(place: str | None) -> str | None:
    """Make an opaque cursor."""
    return None if place is None else base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def from_cursor(cursor: str | None, prefix: str = "") -> str | None:
    """Read a cursor that this list gave out before. Raises `ProblemError` 400."""
    if cursor is None:
        return None
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not place.startswith(prefix) or not place:
        msg = "`cursor` is not one that this list gave out; leave it away to begin again"
        raise ProblemError(400, msg)
    return place
