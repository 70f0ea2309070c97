"""What a rule that was imported costs, against the same rule written natively."""

from __future__ import annotations

import json
from typing import Any

from buildflags_sdk import Client
from buildflags_sdk._evaluation.model import parse_flag, parse_segment
from buildflags_sdk.importers import read

from .exports import EXPORTS
from .report import Row, nanoseconds

CONTEXT = {
    "targetingKey": "user-4711",
    "id": "user-4711",
    "userId": "user-4711",
    "country": "DE",
    "language": "DE",
    "plan": "pro",
}

SAME = 1.5
PLAIN = {"statsig": 2.5, "flagsmith": 3, "flagd": 3, "posthog": 3}
"""The systems whose rule asks more than whether `country` is DE, and how often that rule's time one of theirs may take."""

GERMAN = {"attr": ["country"], "op": "in", "values": ["DE"]}
WORDS: dict[str, dict[str, Any]] = {
    "native": {"when": GERMAN, "serve": {"variant": "on"}},
    # a text in any case
    "statsig": {"when": {**GERMAN, "dialect": "lower"}, "serve": {"variant": "on"}},
    # a segment, of those who have a key
    "flagsmith": {"when": {"segment": "germans"}, "serve": {"variant": "on"}},
    # a program that names the variant
    "flagd": {"serve": {"computed": {"expression": {"if": [{"==": [{"var": "country"}, "DE"]}, "on", "off"]}}}},
    # an attribute that leaves the rule open where it is missing, and a share of everybody who has a key
    "posthog": {
        "when": {
            "all": [
                {**GERMAN, "on_missing": "undecided", "on_null": False},
                {
                    "share": {
                        "by": ["targetingKey"],
                        "scheme": "bf1",
                        "seed": "f",
                        "of": 100_000,
                        "from": 0,
                        "to": 100_000,
                    }
                },
            ],
            "in_order": True,
        },
        "on_undecided": "next_then_undecided",
        "serve": {"variant": "on"},
    },
}
"""The rule as one would write it here: as it is, and with what it means in a system where it means more."""

GERMANS = parse_segment({"segment": "germans", "when": {"all": [{"attr": ["targetingKey"], "op": "exists"}, GERMAN]}})


def run() -> list[Row]:
    """Measure one rule on one attribute, matched."""
    clients = {f"{system}_here": _written(rule) for system, rule in WORDS.items()}
    for system, export in EXPORTS.items():
        imported = read(system, json.dumps(export).encode())
        segments = {key: parse_segment(entry) for key, entry in imported.segments.items()}
        clients[system] = Client.from_flags({"f": parse_flag(imported.flags["f"])}, segments=segments)
    assert all(client.is_enabled("f", CONTEXT) for client in clients.values())
    calls = {name: f"{name}.is_enabled('f', context)" for name in clients}
    took = nanoseconds(calls, {**clients, "context": CONTEXT})

    def row(system: str, named: str, here: str, bar: float) -> Row:
        said = f"{took[system]:.0f} ns against {took[here]:.0f} ns"
        return Row(f"one rule imported from {system} / {named}", took[system] / took[here], bar, "×", said)

    same = [
        row(system, "the same rule written here", f"{system if system in WORDS else 'native'}_here", SAME)
        for system in EXPORTS
    ]
    return same + [row(system, "country is DE, written here", "native_here", bar) for system, bar in PLAIN.items()]


def _written(rule: dict[str, Any]) -> Client:
    flag: dict[str, Any] = {
        "key": "f",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": True,
        "off": "off",
        "rules": [{"id": "r", **rule}],
        "fallthrough": {"variant": "off"},
    }
    return Client.from_flags({"f": parse_flag(flag)}, segments={"germans": GERMANS})
