"""What a rule that was imported costs, against the same rule written natively."""

from __future__ import annotations

import json
from typing import Any

from buildflags_sdk import Client
from buildflags_sdk._evaluation.model import parse_flag, parse_segment
from buildflags_sdk.importers import read

from .exports import EXPORTS
from .report import Row, nanoseconds

CONTEXT = {"targetingKey": "user-4711", "id": "user-4711", "userId": "user-4711", "country": "DE", "plan": "pro"}

SAME = 1.5
BARS = {"appconfig": 2, "statsig": 2.5, "flagsmith": 3, "flagd": 3, "posthog": 3}
"""How often the native rule's time one of that system may take, where its rule means more than `country in ["DE"]`: a key
that is null (Powertools), texts in any case (Statsig, PostHog), a segment and an identity (Flagsmith), a program (flagd), a
key that must be there and an attribute that may be unknown (PostHog)."""

NATIVE: dict[str, Any] = {
    "key": "f",
    "type": "boolean",
    "variants": {"on": True, "off": False},
    "enabled": True,
    "off": "off",
    "rules": [{"id": "r", "when": {"attr": ["country"], "op": "in", "values": ["DE"]}, "serve": {"variant": "on"}}],
    "fallthrough": {"variant": "off"},
}


def run() -> list[Row]:
    """Measure one rule on one attribute, matched."""
    clients = {"native": Client.from_flags({"f": parse_flag(NATIVE)})}
    for system, export in EXPORTS.items():
        imported = read(system, json.dumps(export).encode())
        segments = {key: parse_segment(entry) for key, entry in imported.segments.items()}
        clients[system] = Client.from_flags({"f": parse_flag(imported.flags["f"])}, segments=segments)
    assert all(client.is_enabled("f", CONTEXT) for client in clients.values())
    calls = {name: f"{name}.is_enabled('f', context)" for name in clients}
    took = nanoseconds(calls, {**clients, "context": CONTEXT})
    native = took["native"]
    return [
        Row(
            f"one rule imported from {system} / the same rule written here",
            took[system] / native,
            BARS.get(system, SAME),
            "×",
            f"{took[system]:.0f} ns against {native:.0f} ns",
        )
        for system in EXPORTS
    ]
