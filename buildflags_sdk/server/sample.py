"""A small workspace to look at: what `buildflags dev` begins with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Any

from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.provision import Keys, provision
from buildflags_sdk.server.stores import Store

SEGMENTS: list[dict[str, Any]] = [
    {
        "segment": "staff",
        "include": ["demo-user"],
        "when": {"attr": ["email"], "op": "ends_with", "values": ["@example.com"]},
        "meta": {"description": "People who work here"},
    },
]

FLAGS: list[dict[str, Any]] = [
    {
        "key": "new-checkout",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": True,
        "off": "off",
        "rules": [
            {"id": "staff", "when": {"segment": "staff"}, "serve": {"variant": "on"}},
            {
                "id": "ramp",
                "serve": {
                    "split": {
                        "scheme": "bf1",
                        "seed": "new-checkout",
                        "of": 100_000,
                        "ranges": [{"from": 0, "to": 20_000, "variant": "on"}],
                    }
                },
            },
        ],
        "fallthrough": {"variant": "off"},
        "meta": {"owner": "checkout", "description": "The checkout in one page: staff, and a fifth of everybody"},
    },
    {
        "key": "banner-text",
        "type": "string",
        "variants": {"plain": "Welcome", "german": "Willkommen"},
        "enabled": True,
        "off": "plain",
        "rules": [
            {
                "id": "german-speaking",
                "when": {"attr": ["country"], "op": "in", "values": ["DE", "AT", "CH"]},
                "serve": {"variant": "german"},
            }
        ],
        "fallthrough": {"variant": "plain"},
        "meta": {"owner": "web", "description": "What the banner says, by country"},
    },
    {
        "key": "search-limits",
        "type": "object",
        "variants": {
            "normal": {"value": {"results": 20, "timeout_ms": 300}},
            "generous": {"value": {"results": 100, "timeout_ms": 2_000}},
        },
        "enabled": True,
        "off": "normal",
        "rules": [
            {
                "id": "paying",
                "when": {"attr": ["plan"], "op": "in", "values": ["pro", "team"]},
                "serve": {"variant": "generous"},
            }
        ],
        "fallthrough": {"variant": "normal"},
        "meta": {"owner": "search", "description": "Several values under one flag"},
    },
    {
        "key": "payments",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": True,
        "off": "off",
        "rules": [],
        "fallthrough": {"variant": "on"},
        "meta": {"owner": "payments", "description": "A kill switch: disable it and payments stop everywhere"},
    },
]


def provision_sample(
    store: Store,
    workspace: str = "demo",
    environments: Sequence[str] = ("development", "production"),
    *,
    now: Callable[[], float] = time,
) -> Keys:
    """Make a workspace with the sample's flags in every environment. Raises `ProblemError` when it is there already."""
    keys = provision(store, workspace, environments, now=now)
    for environment in environments:
        load_bulk(store, workspace, environment, FLAGS, SEGMENTS, now=now)
    return keys
