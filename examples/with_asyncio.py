"""The same under asyncio: starting and closing are awaited, evaluating is not.

BUILDFLAGS_URL=… BUILDFLAGS_SDK_KEY=… BUILDFLAGS_WORKSPACE=… BUILDFLAGS_ENVIRONMENT=… python examples/with_asyncio.py
"""

from __future__ import annotations

import asyncio

from buildflags_sdk import AsyncClient


async def handle(client: AsyncClient, user: str, country: str) -> str:
    """One request: its context is ambient in the scope, also across `await`, and its revision does not change."""
    with client.scope({"targetingKey": user, "country": country}) as flags:
        before = flags.is_enabled("new-checkout")
        await asyncio.sleep(0)  # other requests run here, with their own contexts
        assert client.is_enabled("new-checkout") == before  # noqa: S101 - what this example shows
        return f"{user}: {'new' if before else 'old'} checkout"


async def main() -> None:
    """Serve a few requests at once."""
    async with AsyncClient.from_env() as client:
        await client.start(wait=30)  # it decides at once and ends: better late than by defaults
        customers = {"user-7": "DE", "user-8": "US", "user-9": "FR"}
        for line in await asyncio.gather(*(handle(client, user, country) for user, country in customers.items())):
            print(line)


if __name__ == "__main__":
    asyncio.run(main())
