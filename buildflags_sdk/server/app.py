"""The whole backend as one ASGI application: delivery for clients, management for people and programs."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from buildflags_sdk.server.asgi import App, Receive, Scope, Send
from buildflags_sdk.server.delivery import create_delivery
from buildflags_sdk.server.limiting import with_rate_limit
from buildflags_sdk.server.management.app import create_management
from buildflags_sdk.server.receiving import with_parting
from buildflags_sdk.server.restore import claim, is_restored
from buildflags_sdk.server.settings import Settings
from buildflags_sdk.server.signing import sign_again
from buildflags_sdk.server.stores import Store

_EVERYDAY = Settings()


def create_app(store: Store, *, settings: Settings = _EVERYDAY, now: Callable[[], float] = time) -> App:
    """Compose delivery and management over one store. Cross-origin requests are not answered: there is no CORS."""
    claim(store)
    if settings.signer is not None and not is_restored(store):
        sign_again(store, settings.signer, now=now)
    delivery = create_delivery(store, settings.delivery, now=now)
    management = create_management(store, settings, now)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and delivery.serves(scope["path"]):
            await delivery(scope, receive, send)
        else:
            await management(scope, receive, send)

    asked = app if settings.rate is None else with_rate_limit(app, settings.rate, now)
    return with_parting(asked, settings.body_bytes, settings.body_seconds)
