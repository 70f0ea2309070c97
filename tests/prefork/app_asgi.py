"""An ASGI application that says what its AsyncClient says: started where it is imported, or by each worker's lifespan."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from buildflags_sdk import AsyncClient

from .clients import HOLD, TOLD, options, says

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

CLIENT = AsyncClient(**options())

if TOLD["made"] == "at import":
    asyncio.run(CLIENT.start(wait=20.0))


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer with what the client says here, and on which loop."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    said = says(CLIENT)
    said["loop"] = type(asyncio.get_running_loop()).__module__
    await asyncio.sleep(HOLD)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    if TOLD["made"] != "at import":
        await CLIENT.start(wait=20.0)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await CLIENT.close()
    await send({"type": "lifespan.shutdown.complete"})
