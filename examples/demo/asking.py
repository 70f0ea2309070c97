"""An application as it would be without this library: for each decision it asks the API. It measures every request.

A process of its own. Reports go to stdout, one JSON object a line; it ends when its stdin closes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import httpx

PAUSE_SECONDS = 0.02
PAUSE_AFTER_FAILURE_SECONDS = 0.2


def main() -> None:
    """Ask again and again, until stdin closes."""
    ended = threading.Event()
    threading.Thread(target=wait_for_the_end, args=(ended,), daemon=True).start()
    workspace, environment = os.environ["BUILDFLAGS_WORKSPACE"], os.environ["BUILDFLAGS_ENVIRONMENT"]
    path = f"/v1/workspaces/{workspace}/environments/{environment}/manifest"
    headers = {"Authorization": f"Bearer {os.environ['BUILDFLAGS_SDK_KEY']}"}
    with httpx.Client(base_url=os.environ["BUILDFLAGS_URL"], headers=headers, timeout=10) as http:
        while not ended.is_set():
            report("asking", at=time.time())
            began = time.perf_counter_ns()
            try:
                status = http.get(path).status_code
            except httpx.TransportError as error:
                report("failed", nanoseconds=time.perf_counter_ns() - began, error=type(error).__name__)
                ended.wait(PAUSE_AFTER_FAILURE_SECONDS)
            else:
                report("answered", nanoseconds=time.perf_counter_ns() - began, status=status)
                ended.wait(PAUSE_SECONDS)


def wait_for_the_end(ended: threading.Event) -> None:
    """The stage closes our stdin when the play is over."""
    sys.stdin.read()
    ended.set()


def report(event: str, **facts: Any) -> None:
    """Tell the stage."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
