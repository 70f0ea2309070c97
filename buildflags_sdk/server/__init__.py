"""The backend: management and delivery as one ASGI application over a small store.

Names resolve on first use, so that the delivery path can be imported without FastAPI.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildflags_sdk.server.app import create_app as create_app
    from buildflags_sdk.server.bulk import load_bulk as load_bulk
    from buildflags_sdk.server.delivery import create_delivery as create_delivery
    from buildflags_sdk.server.limiting import RateLimit as RateLimit
    from buildflags_sdk.server.settings import DEVELOPMENT as DEVELOPMENT
    from buildflags_sdk.server.settings import PRODUCTION as PRODUCTION
    from buildflags_sdk.server.settings import DeliverySettings as DeliverySettings
    from buildflags_sdk.server.settings import Settings as Settings
    from buildflags_sdk.server.signing import Signer as Signer
    from buildflags_sdk.server.signing import SigningKey as SigningKey
    from buildflags_sdk.server.stores.sqlite import SqliteStore as SqliteStore

_HOMES = {
    "DEVELOPMENT": "settings",
    "PRODUCTION": "settings",
    "DeliverySettings": "settings",
    "RateLimit": "limiting",
    "Settings": "settings",
    "Signer": "signing",
    "SigningKey": "signing",
    "SqliteStore": "stores.sqlite",
    "create_app": "app",
    "create_delivery": "delivery",
    "load_bulk": "bulk",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - one list of names, not two


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
