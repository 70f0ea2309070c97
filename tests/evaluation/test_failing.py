"""A condition that is an error: only whoever asks it gets the caller's default, and both evaluators say why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot

WRONG = {"error": "variation 9 of 2"}
STAFF = {"attr": ["staff"], "op": "in", "values": [True]}


def decide(when: dict[str, Any], context: dict[str, Any], segments: dict[str, Any] | None = None) -> Decision:
    flag = {
        "key": "f", "type": "boolean", "variants": {"yes": True, "no": False},
        "rules": [{"when": when, "serve": {"variant": "yes"}}], "fallthrough": {"variant": "no"},
    }  # fmt: skip
    lines = {"f": json.dumps(flag).encode()}
    segment_lines = {key: json.dumps({"segment": key, "when": body}).encode() for key, body in (segments or {}).items()}
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    defined = interpret(Definitions(lines, segment_lines), "f", context, world).decision
    compiled = Snapshot.from_lines(lines, segment_lines).decide("f", context, world)
    assert defined.same_as(compiled)
    return defined


@pytest.mark.parametrize(
    "when",
    [WRONG, {"all": [STAFF, WRONG]}, {"any": [{"not": STAFF}, WRONG]}, {"not": WRONG}, {"segment": "s"}],
)
def test_whoever_asks_it_gets_the_callers_default_and_its_message(when):
    decision = decide(when, {"staff": True}, {"s": WRONG})

    assert decision.value is CALLER_DEFAULT
    assert (decision.reason, decision.error_code) == (Reason.ERROR, ErrorCode.PARSE_ERROR)
    assert decision.error_message == "variation 9 of 2"


@pytest.mark.parametrize("when", [{"all": [STAFF, WRONG]}, {"not": {"any": [{"not": STAFF}, WRONG]}}])
def test_whoever_does_not_ask_it_notices_nothing(when):
    assert decide(when, {"staff": False}).variant == "no"
