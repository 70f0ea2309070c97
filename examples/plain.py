"""A plain script with a client: start, decide, be told of a change, stop.

    BUILDFLAGS_URL=… BUILDFLAGS_SDK_KEY=… BUILDFLAGS_WORKSPACE=… BUILDFLAGS_ENVIRONMENT=… python examples/plain.py

`buildflags dev` starts a backend and prints those four.
"""

from __future__ import annotations

import sys

from buildflags_sdk import Change, Client

CUSTOMERS = (
    {"targetingKey": "user-7", "country": "DE"},
    {"targetingKey": "user-8", "country": "US"},
)


def say(line: str) -> None:
    """Print a line in one piece: the listener has a thread of its own."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def checkout(client: Client) -> None:
    """Decide for each customer, as a request handler would: one context, one revision, no waiting."""
    for customer in CUSTOMERS:
        with client.scope(customer) as flags:
            page = "new" if flags.is_enabled("new-checkout") else "old"
            say(f"{customer['targetingKey']}: {page} checkout, {flags.get_value('page-size', 20)} items a page")


def told(change: Change) -> None:
    """Say what changed. Called on a thread of its own, after the new ruleset is in service."""
    say(f"changed in revision {change.new_revision}: {', '.join(sorted(change.keys))}")


def main() -> None:
    """Decide once, then again after every line on stdin."""
    with Client.from_env() as client:
        client.start(wait=30)  # it decides at once: better late than by defaults; a server would not wait so long
        client.on_change(told, keys=["new-checkout"])
        checkout(client)
        for _ in sys.stdin:
            client.refresh(wait=30)
            checkout(client)


if __name__ == "__main__":
    main()
