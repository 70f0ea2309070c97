"""Who comes in: a management key is recognised before anything of the request's body is read."""

from __future__ import annotations

from collections.abc import Callable

from buildflags_sdk.server.access import FOUND, Grant, recognise
from buildflags_sdk.server.asgi import App, Receive, Scope, Send, answer_problem, bearer_of
from buildflags_sdk.server.stores import Store

_KEYED = "/v1/"
"""Where every address wants a key. The rest (health, the description of the API) is open to all."""
_NEVER_KEPT = (b"cache-control", b"private, no-store")


def with_door(app: App, store: Store, now: Callable[[], float]) -> App:
    """Answer 401 or 403 to who has no management key; leave what the key may do in the scope, for the desk."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _inner_path(scope).startswith(_KEYED):
            await app(scope, receive, send)
            return
        key = bearer_of(scope)
        if key is None:
            detail = "send a management key, as `Authorization: Bearer bf_management_…`"
            asked = (b"www-authenticate", b'Bearer realm="buildflags"')
            await answer_problem(scope, send, 401, detail, [asked, _NEVER_KEPT])
            return
        grant: Grant | None = recognise(store, key, now())
        scope[FOUND] = grant
        if grant is None or grant.kind != "management":
            detail = (
                "this key is unknown, expired, revoked or no management key (bf_management_…); ask an admin for one"
            )
            await answer_problem(scope, send, 403, detail, [_NEVER_KEPT])
            return
        await app(scope, receive, send)

    return door


def _inner_path(scope: Scope) -> str:
    """Give the path without what the application is mounted at."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
