"""Where the compiler takes a short path, it still decides as the interpreter: whole shares, letter by letter, one rule."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.bucketing import SCHEMES
from buildflags_sdk._evaluation.compiler import CompiledFlag, CompiledSegment, Pool, compile_flag, compile_segment
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld

Json = dict[str, Any]


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


KEYS = (*("u1", "", " ", "é", "\ud800", "007"), Text("u1"), Text(""), 7, 0, 10**5000, 1.5, float("nan"), True)
ODD = (*KEYS, None, ["u1"], {"u1": 1}, b"u1")
ENDS = ((0, 1, False), (0, 1, True), (-1, 2, False), (0.5, 1, True), (0, 0.99, True))
POLICIES = ("error", "stop", "first", "empty")


class Ruleset:
    """Compiled entries, found by key, and the lines that the interpreter reads."""

    def __init__(self, when: Json, segments: dict[str, Json] | None = None, **rule: Any) -> None:
        flag = {
            "key": "f",
            "type": "boolean",
            "variants": {"on": True, "off": False},
            "off": "off",
            "rules": [{"id": "r", "when": when, "serve": {"variant": "on"}, **rule}],
            "fallthrough": {"variant": "off"},
        }
        pool = Pool()
        self.lines = {"f": json.dumps(flag).encode()}
        self.segment_lines = {
            key: json.dumps({"segment": key, **entry}).encode() for key, entry in (segments or {}).items()
        }
        self.flag_entry = compile_flag("f", self.lines["f"], pool)
        self.segments = {key: compile_segment(key, line, pool) for key, line in self.segment_lines.items()}

    def flag(self, key: str) -> CompiledFlag | None:
        return self.flag_entry if key == "f" else None

    def segment(self, key: str) -> CompiledSegment | None:
        return self.segments.get(key)

    def both(self, context: Json) -> tuple[Any, Any]:
        """What the compiled flag and the interpreter say."""
        world = PureWorld(now=_noon, random=_dice)
        definitions = Definitions(self.lines, self.segment_lines)
        compiled, traced = self.flag_entry(context, self, world), interpret(definitions, "f", context, world).decision
        return _said(compiled), _said(traced)


def _noon() -> float:
    return 1_780_000_000.0


def _dice() -> float:
    return 0.37


def _said(decision: Any) -> tuple[Any, ...]:
    return decision.value, decision.reason, decision.variant, decision.rule_id, decision.error_code, decision.decided


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("seed", ["", "s", "é"])
def test_a_share_that_covers_every_point_holds_for_every_key_that_its_scheme_takes(scheme: str, seed: str) -> None:
    sizes = itertools.product((1, 100), ENDS)
    for (of, (start, end, inclusive)), policy in zip(sizes, itertools.cycle(POLICIES), strict=False):
        share = {"scheme": scheme, "seed": seed, "of": of, "from": start * of, "to": end * of}
        ruleset = Ruleset({"share": {**share, "to_inclusive": inclusive, "on_missing_key": policy}})
        for context in ({}, *({"targetingKey": key} for key in ODD)):
            compiled, traced = ruleset.both(context)
            assert compiled == traced, (share, inclusive, policy, context)


@pytest.mark.parametrize(
    ("op", "dialect"),
    [
        *(("equals", "strict"), ("in", "strict"), ("equals", "text"), ("in", "text"), ("in", "eppo")),
        *(("in", "configcat"), ("not_in", "configcat"), ("equals", "flagsmith"), ("not_equals", "flagsmith")),
        *(("in", "posthog"), ("contains", "posthog"), ("starts_with", "posthog"), ("in", "statsig_case")),
        *(("in", "statsig"), ("contains", "statsig"), ("exists", "strict")),
    ],
)
@pytest.mark.parametrize("damage", ["flag", "condition"])
def test_a_condition_over_texts_is_judged_as_its_operator_does(op: str, dialect: str, damage: str) -> None:
    texts = ("DE", "de", "ß", "", "5", "05", "5.0", "1_0", "nan", "inf", " 5", "1.2.3:semver", "9" * 5000)
    found = (*texts, *ODD, 5, 5.0, 10, True, ["DE"], ("DE", 5), float("inf"))
    listed = [[], *([text] for text in texts), ["DE", "5"], ["DE", ""]]
    for values, negate in itertools.product(listed, (False, True)):
        condition = {"attr": ["c"], "op": op, "dialect": dialect, "values": values, "negate": negate, "broken": damage}
        for knobs in ({}, {"on_missing": "undecided", "on_null": False}):
            ruleset = Ruleset({**condition, **knobs})
            for context in ({}, *({"c": each} for each in found)):
                compiled, traced = ruleset.both(context)
                assert compiled == traced, (condition, knobs, context)


HOLDS: Json = {"attr": ["c"], "op": "equals", "values": ["DE"]}
OPEN: Json = {"attr": ["d"], "op": "equals", "values": ["x"], "on_missing": "undecided"}
ENDING: Json = {"share": {"scheme": "bf1", "seed": "s", "of": 2, "to": 1, "on_missing_key": "stop"}}


@pytest.mark.parametrize("doubt", ["undecided", "next", "next_then_undecided"])
@pytest.mark.parametrize("in_order", [True, False])
def test_one_rule_over_two_conditions_goes_on_as_its_parts_say(doubt: str, *, in_order: bool) -> None:
    segments: dict[str, Json] = {
        "plain": {"when": HOLDS},
        "listed": {"include": ["u1"], "exclude": ["u2"], "when": OPEN},
        "none": {},
    }
    segments["empty"] = {"when": {"all": []}}
    segments["nested"] = {"when": {"segment": "plain"}}
    asked = ({"segment": key} for key in (*segments, "absent"))
    for pair in itertools.permutations((HOLDS, OPEN, ENDING, {"error": "wrong"}, *asked), 2):
        ruleset = Ruleset({"all": list(pair), "in_order": in_order}, segments, on_undecided=doubt)
        for country, other, key in itertools.product(("DE", "FR", None), ("x", "y", None), ("u1", "u2", "u3", None)):
            context = {"c": country, "d": other, "targetingKey": key}
            given = {name: value for name, value in context.items() if value is not None}
            compiled, traced = ruleset.both(given)
            assert compiled == traced, (pair, given)
