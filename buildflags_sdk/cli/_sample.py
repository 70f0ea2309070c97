"""The sample workspace of `buildflags dev`: a flag of each kind, enough to see what rules can do. In short forms."""

from __future__ import annotations

from typing import Any, Final

WORKSPACE: Final = "acme"
ENVIRONMENTS: Final = ("development", "production")

SEGMENTS: Final[list[dict[str, Any]]] = [
    {
        "segment": "insiders",
        "include": ["ada", "grace"],
        "when": {"attr": "email", "op": "ends_with", "values": ["@acme.com"]},
    },
]

FLAGS: Final[list[dict[str, Any]]] = [
    {
        "key": "new-checkout",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": False,
        "off": "off",
        "rules": [
            {"id": "insiders", "when": {"segment": "insiders"}, "serve": "on"},
            {
                "id": "half-of-pro",
                "when": {"attr": "plan", "op": "in", "values": ["pro"]},
                "serve": {"split": {"on": 50_000, "off": 50_000}},
            },
        ],
        "fallthrough": "on",
        "meta": {"owner": "checkout-team", "description": "The checkout with one page instead of three"},
    },
    {
        "key": "banner-text",
        "type": "string",
        "variants": {"none": "", "hello": "Hello!", "sale": "20 % off until Sunday"},
        "enabled": True,
        "off": "none",
        "rules": [
            {"id": "france", "when": {"attr": "country", "op": "in", "values": ["FR"]}, "serve": "sale"},
        ],
        "fallthrough": "hello",
        "meta": {"owner": "web-team"},
    },
    {
        "key": "page-size",
        "type": "integer",
        "variants": {"small": 20, "large": 50},
        "enabled": True,
        "off": "small",
        "rules": [{"id": "pro", "when": {"attr": "plan", "op": "in", "values": ["pro"]}, "serve": "large"}],
        "fallthrough": "small",
        "meta": {"owner": "search-team"},
    },
    {
        "key": "theme",
        "type": "object",
        "variants": {"calm": {"colour": "teal", "dark": False}, "night": {"colour": "indigo", "dark": True}},
        "enabled": True,
        "off": "calm",
        "rules": [
            {"id": "with-new-checkout", "when": {"flag": "new-checkout", "on": True}, "serve": "night"},
        ],
        "fallthrough": "calm",
        "meta": {"owner": "web-team"},
    },
    {
        "key": "payments-kill-switch",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": False,
        "off": "off",
        "rules": [],
        "fallthrough": "on",
        "meta": {"owner": "payments-team", "description": "On stops all payments"},
    },
]
