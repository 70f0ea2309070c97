"""The little of ASGI that the application's own parts share: types, answers, reading headers, safe headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from buildflags_sdk.server.access import bearer
from buildflags_sdk.server.problems import MEDIA_TYPE, problem_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer says to browsers, unless it says otherwise itself."""


async def answer(scope: Scope, send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send a whole answer; a HEAD request gets the headers alone."""
    given = [*headers, *SAFE_HEADERS]
    if status != 304:
        given.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def answer_problem(scope: Scope, send: Send, status: int, detail: str, headers: Headers = ()) -> None:
    """Send a problem object."""
    body = problem_body(status, detail, instance=scope["path"])
    await answer(scope, send, status, [(b"content-type", MEDIA_TYPE.encode()), *headers], body)


def header(scope: Scope, name: bytes) -> str:
    """Read a request header; several fields of one name are one list (RFC 9110 5.3)."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def bearer_of(scope: Scope) -> str | None:
    """Read the key that a request is made with: the one in its first Authorization field."""
    field = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return bearer(field.decode("latin-1"))


def with_safe_headers(app: App) -> App:
    """Add the safe headers to what `app` answers, where it does not set them."""

    async def safe(scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [pair for pair in SAFE_HEADERS if pair[0] not in names]
            await send(message)

        await app(scope, receive, add)

    return safe
