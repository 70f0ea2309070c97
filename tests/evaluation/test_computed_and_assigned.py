"""A variant that an expression names, and a condition over stored assignments: both evaluators, every outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._snapshot.snapshot import Snapshot


class Store:
    """A world with assignments, by experiment and key."""

    def __init__(self, kept: dict[tuple[str, str], str] | None = None) -> None:
        self.kept = kept or {}

    def now(self) -> float:
        return 1_700_000_000.0

    def random(self) -> float:
        return 0.5

    def is_member(self, list_id: str, key: str) -> bool | None:
        return None

    def assigned(self, experiment: str, key: str) -> str | None:
        return self.kept.get((experiment, key))


def decide(rule: dict[str, Any], context: dict[str, Any], world: Store | None = None) -> Decision:
    flag = {
        "key": "f", "type": "string", "variants": {"a": "A", "true": "yes", "7": "seven"}, "rules": [rule], "fallthrough": {"variant": "a"},
    }  # fmt: skip
    line, world = json.dumps(flag).encode(), world or Store()
    defined = interpret(Definitions({"f": line}), "f", context, world).decision
    compiled = Snapshot.from_lines({"f": line}, {}).decide("f", context, world)
    unusable = ErrorCode.PARSE_ERROR  # which each evaluator words its own way
    assert defined.same_as(compiled) or defined.error_code == compiled.error_code == unusable
    return defined


@pytest.mark.parametrize(("result", "variant"), [("a", "a"), (True, "true"), (7, "7"), (7.0, "7")])
def test_a_computed_serve_gives_the_variant_whose_name_the_expression_gives(result, variant):
    decision = decide({"id": "r", "serve": {"computed": {"expression": {"var": "x"}}}}, {"x": result})

    assert (decision.variant, decision.reason, decision.rule_id) == (variant, Reason.TARGETING_MATCH, "r")


def test_null_declines_the_rule():
    decision = decide({"serve": {"computed": {"expression": {"var": "x"}}}}, {})

    assert (decision.variant, decision.reason) == ("a", Reason.DEFAULT)


@pytest.mark.parametrize("result", ["b", "", False, 1.5, ["a"], {"a": 1}])
def test_what_is_no_variant_is_an_error_and_the_callers_default(result):
    decision = decide({"serve": {"computed": {"expression": {"var": "x"}}}}, {"x": result})

    assert (decision.value, decision.error_code, decision.decided) == (CALLER_DEFAULT, ErrorCode.GENERAL, False)


@pytest.mark.parametrize(
    "computed",
    [{"expression": {"no such word": 1}}, {"expression": True, "dialect": "x"}, {}, [], {"expression": 1, "else": 2}],
)
def test_a_computed_serve_that_cannot_be_prepared_spoils_its_flag(computed):
    assert decide({"serve": {"computed": computed}}, {}).error_code == ErrorCode.PARSE_ERROR


def test_an_expression_reads_the_flag_key_and_the_moment():
    program = {"if": [{"==": [{"var": "$flagd.timestamp"}, 1_700_000_000]}, {"var": "$flagd.flagKey"}]}

    assert decide({"serve": {"computed": {"expression": program, "flag_key": "a"}}}, {}).variant == "a"


STORE = Store({("exp", "u1"): "red", ("exp", "7"): "blue"})


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"assigned": "exp"}, {"targetingKey": "u1"}, True),
        ({"assigned": "exp", "values": ["red", "green"]}, {"targetingKey": "u1"}, True),
        ({"assigned": "exp", "values": ["green"]}, {"targetingKey": "u1"}, False),
        ({"assigned": "exp", "values": []}, {"targetingKey": "u1"}, False),
        ({"assigned": "exp", "by": ["device", "id"]}, {"device": {"id": 7}}, True),
        ({"assigned": "other"}, {"targetingKey": "u1"}, False),
        ({"assigned": "exp"}, {"targetingKey": "u2"}, False),
        ({"assigned": "exp"}, {}, False),
        ({"not": {"assigned": "exp"}}, {"targetingKey": True}, True),
    ],
)
def test_an_assignment_holds_for_those_who_have_one_of_its_values(condition, context, holds):
    decision = decide({"when": condition, "serve": {"variant": "7"}}, context, STORE)

    assert decision.variant == ("7" if holds else "a")
