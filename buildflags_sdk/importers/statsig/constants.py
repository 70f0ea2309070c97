"""What a condition comes to over a value that the export itself tells, so that nothing is left to ask later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers.draft import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

_WORLD = PureWorld(now=lambda: 0.0, random=lambda: 0.5)


def truth_over(condition: dict[str, Any]) -> Callable[[Any], bool]:
    """The condition as a test of the attribute `value`, None being its absence. Raises `Unsupported` where it asks for more.

    >>> truth_over({"attr": ["value"], "op": "in", "values": ["a"], "dialect": "statsig"})("A")
    True
    """
    if "member_of" in json.dumps(condition):
        msg = "an id list that is not at hand is asked about something that no user tells"
        raise Unsupported(msg)
    flag = {
        "key": "asked", "type": "boolean", "variants": {"on": True, "off": False}, "enabled": True, "off": "off",
        "rules": [{"when": condition, "serve": {"variant": "on"}}], "fallthrough": {"variant": "off"},
    }  # fmt: skip
    snapshot = Snapshot.from_lines({"asked": json.dumps(flag).encode()}, {})
    return lambda value: snapshot.decide("asked", {} if value is None else {"value": value}, _WORLD).value is True
