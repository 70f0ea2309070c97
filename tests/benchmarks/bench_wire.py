"""What a poll costs over a real socket: one flag of 10,000 changed, and nothing changed."""

from __future__ import annotations

import gzip
import time
from typing import Any

from buildflags_sdk import Client, Polling
from buildflags_sdk.server import SqliteStore, create_app
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

from .report import Row
from .rulesets import flags


class Metered:
    """A transport that counts what another one brings over the wire."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.requests, self.bytes = inner, 0, 0

    def exchange(self, request: Any) -> Any:
        """Pass on, and count the bytes of the body as sent."""
        answer = self.inner.exchange(request)
        self.requests += 1
        self.bytes += int(answer.headers.get("content-length", 0))
        return answer

    def close(self) -> None:
        """Close the inner one."""
        self.inner.close()
