"""What a rule that was imported costs, against the same rule written natively."""

from __future__ import annotations

import json
from typing import Any

from buildflags_sdk import Client
from buildflags_sdk._evaluation.model import parse_flag
from buildflags_sdk.importers import read

from .report import Row, nanoseconds

CONTEXT = {"targetingKey": "user-4711", "id": "user-4711", "userId": "user-4711", "country": "DE", "plan": "pro"}

EXPORTS: dict[str, Any] = {
    "growthbook": {
        "features": {"f": {"defaultValue": False, "rules": [{"condition": {"country": "DE"}, "force": True}]}}
    },
    "launchdarkly": {
        "flags": {
            "f": {
                "key": "f",
                "version": 1,
                "on": True,
                "salt": "s",
                "variations": [True, False],
                "offVariation": 1,
                "fallthrough": {"variation": 1},
                "rules": [
                    {"id": "r", "variation": 0, "clauses": [{"attribute": "country", "op": "in", "values": ["DE"]}]}
                ],
            }
        }
    },
    "unleash": {
        "version": 2,
        "features": [
            {
                "name": "f",
                "enabled": True,
                "strategies": [
                    {
                        "name": "default",
                        "constraints": [{"contextName": "country", "operator": "IN", "values": ["DE"]}],
                    }
                ],
            }
        ],
    },
}
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
        clients[system] = Client.from_flags({"f": parse_flag(imported.flags["f"])})
    assert all(client.is_enabled("f", CONTEXT) for client in clients.values())
    calls = {name: f"{name}.is_enabled('f', context)" for name in clients}
    took = nanoseconds(calls, {**clients, "context": CONTEXT})
    native = took["native"]
    return [
        Row(
            f"one rule imported from {system} / the same rule written here",
            took[system] / native,
            1.5,
            "×",
            f"{took[system]:.0f} ns against {native:.0f} ns",
        )
        for system in EXPORTS
    ]
