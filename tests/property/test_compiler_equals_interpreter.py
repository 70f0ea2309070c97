"""The compiler is the interpreter, faster: for any ruleset, whole or broken, and any context, they decide the same."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.compiler import CompiledFlag, CompiledSegment, Pool, compile_flag, compile_segment
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk.testing.strategies import TEXTS, Ruleset, broken, contexts, one_condition, rules_in_a_row, rulesets

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision

pytestmark = pytest.mark.property

modest = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class StillWorld:
    """A world in which it is always the same moment and the dice always fall the same way."""

    def now(self) -> float:
        return 1_780_000_000.0

    def random(self) -> float:
        return 0.37

    def is_member(self, list_id: str, key: str) -> bool | None:
        return key == "u1" if list_id == "known" else None

    def assigned(self, experiment: str, key: str) -> str | None:
        return "b" if key == "u2" else None


class Compiled:
    """The compiled entries of a ruleset, under one pool."""

    def __init__(self, flag_lines: dict[str, bytes], segment_lines: dict[str, bytes]) -> None:
        pool = Pool()
        self.flags = {key: compile_flag(key, line, pool) for key, line in flag_lines.items()}
        self.segments = {key: compile_segment(key, line, pool) for key, line in segment_lines.items()}

    def flag(self, key: str) -> CompiledFlag | None:
        return self.flags.get(key)

    def segment(self, key: str) -> CompiledSegment | None:
        return self.segments.get(key)


def said(decision: Decision) -> dict[str, Any]:
    """What a decision says; of messages only that there is one, for each evaluator words them its own way."""
    return {
        "flag_key": decision.flag_key,
        "value": repr(decision.value),
        "type": decision.type,
        "on": decision.on,
        "variant": decision.variant,
        "reason": decision.reason,
        "rule_id": decision.rule_id,
        "error_code": decision.error_code,
        "has_message": bool(decision.error_message),
        "decided": decision.decided,
    }


def assert_both_decide_the_same(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    flag_lines = {key: json.dumps(flag).encode() for key, flag in ruleset.flags.items()}
    segment_lines = {key: json.dumps(segment).encode() for key, segment in ruleset.segments.items()}
    compiled, world = Compiled(flag_lines, segment_lines), StillWorld()
    definitions = Definitions(flag_lines, segment_lines)
    for (key, flag), context in itertools.product(compiled.flags.items(), asked):
        fast = flag(context, compiled, world)
        trace = interpret(definitions, key, context, world)
        assert said(fast) == said(trace.decision), "\n".join([*trace.lines(), fast.error_message or ""])
        if flag.entry is True or flag.entry is False:
            assert fast.on is flag.entry
        json.dumps(trace.as_dict())


# Several contexts for each ruleset: deciding costs little beside making a ruleset up.
several = st.lists(contexts(), min_size=6, max_size=6)


@settings(modest, max_examples=60)
@given(rulesets(), several)
def test_any_ruleset_is_decided_alike(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    assert_both_decide_the_same(ruleset, asked)


@settings(modest, max_examples=200)
@given(one_condition(), several)
def test_any_condition_is_judged_alike(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    assert_both_decide_the_same(ruleset, asked)


@settings(modest, max_examples=100)
@given(rules_in_a_row(), several)
def test_rules_folded_into_one_lookup_keep_their_order(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    everyone: list[dict[str, Any]] = [{"country": text} for text in TEXTS]
    assert_both_decide_the_same(ruleset, [*everyone, {"country": list(TEXTS)}, *asked])


@settings(modest, max_examples=200)
@given(broken(st.one_of(one_condition(), rules_in_a_row())), several)
def test_a_flag_broken_in_one_place_is_decided_alike(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    assert_both_decide_the_same(ruleset, asked[:2])


@settings(modest, max_examples=60)
@given(broken(rulesets()), several)
def test_a_ruleset_broken_in_one_place_is_decided_alike(ruleset: Ruleset, asked: list[dict[str, Any]]) -> None:
    assert_both_decide_the_same(ruleset, asked[:2])
