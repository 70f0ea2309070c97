"""/health: is the service able to answer. Needs no key, tells no names."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from buildflags_sdk.server.management.desk import service_of
from buildflags_sdk.server.restore import is_restored

router = APIRouter(tags=["health"])


@router.get("/health")
def get_health(request: Request) -> dict[str, Any]:
    """Read one row of the store. `publishing` is false in a store that was restored and waits for `buildflags restore`."""
    restored = is_restored(service_of(request).store)
    return {"status": "ok", "publishing": not restored}
