"""How the applications of these tests make their client, and what a worker says of itself."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any

from buildflags_sdk import AsyncClient, Client, Polling

TOLD: dict[str, Any] = json.loads(os.environ["PREFORK_TEST"])
"""What the test says: where the backend is, where the client is made, and what does not concern all hosts."""

HOLD = 0.05
"""Seconds that an answer is held, so that the next question goes to another worker."""

logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)


def options() -> dict[str, Any]:
    """A client's settings, scaled down to tenths of seconds."""
    return {
        **{name: TOLD[name] for name in ("url", "sdk_key", "workspace", "environment")},
        "cache_dir": TOLD.get("cache_dir"),
        "polling": Polling(interval=0.2, minimum=0.05, deadline=TOLD["deadline"], backoff_first=0.1),
    }


def started() -> Client:
    """A client of the backend, started."""
    client = Client(**options())
    client.start(wait=20.0)
    return client


def says(client: Client | AsyncClient) -> dict[str, Any]:
    """Evaluate, and nothing but that; then tell who that was."""
    enabled = client.is_enabled("greeting")
    said = client.get_value("greeting", "default")
    status = client.status()
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "said": said,
        "enabled": enabled,
        "polls": status.polls,
        "error": status.last_error,
        "greenlets": "gevent" in threading.get_ident.__module__,
        "threads": [thread.name for thread in threading.enumerate()],
    }


def hold() -> None:
    """Let the next question go to another worker."""
    time.sleep(HOLD)
