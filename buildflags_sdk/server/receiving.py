"""How much of a request's body is taken in, and for how long: nobody holds a request open by sending it slowly, or endlessly."""

from __future__ import annotations

from asyncio import get_running_loop, timeout, timeout_at
from contextlib import suppress

from buildflags_sdk.server.asgi import App, Message, Receive, Scope, Send, answer_problem, header


def with_body_limits(app: App, limit: int, seconds: float) -> App:
    """Read the whole body for `app`: answer 413 for one of over `limit` bytes, 408 for one that takes over `seconds`."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        detail = f"a request body may have {limit} bytes; send less, or load in bulk"
        length = header(scope, b"content-length")
        if length.isdecimal() and (len(length) > 18 or int(length) > limit):
            await answer_problem(scope, send, 413, detail)
            return
        body = bytearray()
        try:
            async with timeout(seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return
                    body += message.get("body", b"")
                    if len(body) > limit or not message.get("more_body", False):
                        break
        except TimeoutError:
            await answer_problem(scope, send, 408, f"a request body must be here within {seconds:g} s; send it again")
            return
        if len(body) > limit:
            await answer_problem(scope, send, 413, detail)
            return
        read = False

        async def whole() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await app(scope, whole, send)

    return limited


def with_parting(app: App, limit: int, seconds: float) -> App:
    """Close the connection after an answer that did not wait for the request's body.

    The answer is sent at once. What is on its way is then taken and dropped, `limit` bytes at most and until `seconds`
    after the request began: a connection closed over unread bytes is reset, and the answer may be lost with it
    (RFC 9112 9.6).
    """

    async def parting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _announces_body(scope):
            await app(scope, receive, send)
            return
        deadline = get_running_loop().time() + seconds
        arrived = closing = False

        async def watched() -> Message:
            nonlocal arrived
            message = await receive()
            arrived = not message.get("more_body", False)
            return message

        async def drop_the_rest() -> None:
            left = limit
            with suppress(TimeoutError):
                async with timeout_at(deadline):
                    while left > 0 and not arrived:
                        left -= len((await watched()).get("body", b""))

        async def say(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start" and not arrived:
                closing = True
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not closing or not is_last:
                await send(message)
                return
            await send({**message, "more_body": True})
            await drop_the_rest()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await app(scope, watched, say)

    return parting


def _announces_body(scope: Scope) -> bool:
    """Tell whether a request says that it has a body (RFC 9112 6)."""
    return bool(header(scope, b"transfer-encoding")) or header(scope, b"content-length") not in ("", "0")
