"""What a deployment may choose. Plain values; nothing here reads the environment."""

from __future__ import annotations

from typing import NamedTuple

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.server.limiting import RateLimit


class DeliverySettings(NamedTuple):
    """How long edges may keep a manifest and how often clients ask for it, in seconds."""

    max_age: int = 15
    stale_while_revalidate: int = 15
    stale_if_error: int = 86_400
    poll: int = 60

    @property
    def cache_control(self) -> str:
        """The manifest's Cache-Control header."""
        return (
            f"public, max-age={self.max_age}, stale-while-revalidate={self.stale_while_revalidate}, "
            f"stale-if-error={self.stale_if_error}"
        )


PRODUCTION = DeliverySettings()
DEVELOPMENT = DeliverySettings(max_age=1, stale_while_revalidate=1, stale_if_error=86_400, poll=2)
"""For one machine: a change is seen within seconds."""


class Settings(NamedTuple):
    """What `create_app` may be told."""

    delivery: DeliverySettings = PRODUCTION
    body_bytes: int = 1_000_000
    """The largest request body that management reads; a longer one is answered 413."""
    body_seconds: float = 10.0
    """How long a request's whole body may take to arrive; a slower one is answered 408."""
    rate: RateLimit | None = None
    """What one caller may ask a second; None where a gateway sees to that. `buildflags serve` sets it, `dev` does not."""
    signer: Signer | None = None
    """What signs manifests as they are published; None: they are not signed. Delivery never sees it."""
