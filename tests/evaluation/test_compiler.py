"""The compiler: constants, lookups, who is named, how a flag ends, and how little it keeps."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from typing import Any

import pytest

from buildflags_sdk._evaluation.compiler import CompiledFlag, CompiledSegment, Pool, compile_flag, compile_segment
from buildflags_sdk._evaluation.details import CALLER_DEFAULT, ErrorCode, Reason
from buildflags_sdk._evaluation.world import PureWorld

Json = dict[str, Any]
BOOLEAN: Json = {"type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "off"}}
HALF: Json = {"split": {"scheme": "bf1", "seed": "s", "of": 2, "ranges": [{"from": 0, "to": 1, "variant": "on"}]}}


class Ruleset:
    """Compiled flags and segments, found by key, as a snapshot's are."""

    def __init__(self, flags: dict[str, Json], segments: dict[str, Json] | None = None) -> None:
        self.pool = Pool()
        self.flags = {key: compile_flag(key, _line({"key": key, **flag}), self.pool) for key, flag in flags.items()}
        entries = (segments or {}).items()
        self.segments = {
            key: compile_segment(key, _line({"segment": key, **entry}), self.pool) for key, entry in entries
        }

    def flag(self, key: str) -> CompiledFlag | None:
        return self.flags.get(key)

    def segment(self, key: str) -> CompiledSegment | None:
        return self.segments.get(key)

    def decide(self, flag_key: str, /, **context: Any) -> Any:
        return self.flags[flag_key](context, self, PureWorld(now=_no_clock, random=_no_clock))


def _line(entry: Json) -> bytes:
    return json.dumps(entry).encode()


def _no_clock() -> float:
    msg = "nothing here tells the time or throws dice"
    raise AssertionError(msg)


def rule(when: Json | None, serve: Any = None, **more: Any) -> Json:
    return {"when": when, "serve": {"variant": "on"} if serve is None else serve, **more}


def country(*values: str) -> Json:
    return {"attr": ["country"], "op": "in", "values": list(values)}


def test_a_constant_boolean_is_the_bool_itself() -> None:
    flags = Ruleset({"f": BOOLEAN, "g": {**BOOLEAN, "enabled": False, "off": "on"}}).flags
    assert flags["f"].entry is False
    assert flags["g"].entry is True


def test_ten_rules_on_one_attribute_serve_the_first_that_names_the_value() -> None:
    rules = [rule(country(name, "X"), id=name) for name in "ABCDEFGHIJ"]
    ruleset = Ruleset({"f": {**BOOLEAN, "rules": rules}})
    assert [ruleset.decide("f", country=name).rule_id for name in "AJX"] == ["A", "J", "A"]
    assert ruleset.decide("f", country=["Z", "C", "B"]).rule_id == "B"
    assert ruleset.decide("f", country=3).reason is Reason.DEFAULT
    assert ruleset.decide("f").reason is Reason.DEFAULT


def test_the_same_outcome_is_the_same_decision() -> None:
    ruleset = Ruleset({"f": {**BOOLEAN, "rules": [rule(country("DE"))], "fallthrough": HALF}})
    assert ruleset.decide("f", country="DE") is ruleset.decide("f", country="DE")
    assert ruleset.decide("f") is ruleset.decide("f")


@pytest.mark.parametrize("name", ["targeting_key", "key", "user_id"])
def test_a_key_under_another_systems_name_is_pointed_at(name: str) -> None:
    decision = Ruleset({"f": {**BOOLEAN, "fallthrough": HALF}}).decide("f", **{name: "u1"})
    assert decision.error_code is ErrorCode.TARGETING_KEY_MISSING
    assert repr(name) in decision.error_message


def test_a_deliberate_default_is_decided_and_an_undecided_one_is_not() -> None:
    unknown = rule({"member_of": "list"})
    flags = {"f": {**BOOLEAN, "fallthrough": None}, "g": {**BOOLEAN, "rules": [unknown]}}
    ruleset = Ruleset(flags)
    said, unsaid = ruleset.decide("f", targetingKey="u"), ruleset.decide("g", targetingKey="u")
    assert (said.value, said.reason, said.decided) == (CALLER_DEFAULT, Reason.DEFAULT, True)
    assert (unsaid.value, unsaid.reason, unsaid.decided) == (CALLER_DEFAULT, Reason.DEFAULT, False)


def test_a_later_rule_may_serve_where_an_earlier_one_is_undecided() -> None:
    unknown = rule({"member_of": "list"}, on_undecided="next_then_undecided")
    ruleset = Ruleset({"f": {**BOOLEAN, "rules": [unknown, rule(country("DE"), id="de")]}})
    assert ruleset.decide("f", targetingKey="u", country="DE").rule_id == "de"
    assert not ruleset.decide("f", targetingKey="u", country="FR").decided


def test_exclude_wins_over_include_and_include_over_when() -> None:
    segment = {"include": ["a", "b"], "exclude": ["b"], "when": country("DE")}
    ruleset = Ruleset({"f": {**BOOLEAN, "rules": [rule({"segment": "s"})]}}, {"s": segment})
    assert [ruleset.decide("f", targetingKey=key).value for key in "abc"] == [True, False, False]
    assert ruleset.decide("f", targetingKey="c", country="DE").value is True
    assert ruleset.decide("f", targetingKey="b", country="DE").value is False


def test_a_cycle_of_prerequisites_is_an_error_only_when_it_is_reached() -> None:
    ring = {**BOOLEAN, "rules": [rule(country("FR")), rule({"flag": "g", "on": True})]}
    ruleset = Ruleset({"f": ring, "g": {**BOOLEAN, "rules": [rule({"flag": "f", "on": True})]}})
    assert ruleset.decide("f", country="FR").value is True
    assert ruleset.decide("f").error_code is ErrorCode.PARSE_ERROR


def test_a_chain_of_entries_is_followed_thirty_two_deep_and_no_deeper() -> None:
    chain = {f"f{at}": {**BOOLEAN, "rules": [rule({"flag": f"f{at + 1}", "on": True})]} for at in range(40)}
    ruleset = Ruleset({**chain, "f40": {**BOOLEAN, "fallthrough": {"variant": "on"}}})
    assert ruleset.decide("f9").value is True
    assert ruleset.decide("f8").error_code is ErrorCode.PARSE_ERROR


def test_segments_that_name_each_other_in_a_ring_are_an_error() -> None:
    segments: dict[str, Json] = {"s": {"when": {"segment": "t"}}, "t": {"when": {"segment": "s"}}}
    decision = Ruleset({"f": {**BOOLEAN, "rules": [rule({"segment": "s"})]}}, segments).decide("f")
    assert decision.error_code is ErrorCode.PARSE_ERROR
    assert "cycle" in decision.error_message


def test_a_broken_segment_spoils_the_flags_that_reach_it_and_no_other() -> None:
    flags = {"f": {**BOOLEAN, "rules": [rule({"segment": "s"})]}, "g": BOOLEAN}
    ruleset = Ruleset(flags, {"s": {"when": country("DE"), "colour": 1}})
    assert ruleset.decide("f").error_code is ErrorCode.PARSE_ERROR
    assert ruleset.decide("g").value is False


def test_an_unknown_field_spoils_its_flag_and_says_which() -> None:
    compiled = compile_flag(
        "f", _line({"key": "f", **BOOLEAN, "rules": [rule({**country("DE"), "ignore": 1})]}), Pool()
    )
    assert compiled.broken is not None
    assert "ignore" in compiled.broken


def test_the_names_of_a_line_are_those_it_can_reach() -> None:
    when = {"any": [{"segment": "s"}, {"not": {"flag": "g"}}]}
    assert Ruleset({"f": {**BOOLEAN, "rules": [rule(when)]}}).flags["f"].names == {("segment", "s"), ("flag", "g")}


def test_an_object_value_is_copied_anew_all_the_way_down() -> None:
    value = {"a": [1, {"b": 2}]}
    flag = {"type": "object", "variants": {"v": {"value": value}}, "fallthrough": {"variant": "v"}}
    decision = Ruleset({"f": flag}).decide("f")
    copied = decision.copy()
    copied["a"][1]["b"] = 3
    assert decision.copy() == value


def test_equal_conditions_are_one_and_a_pool_keeps_nothing_that_no_entry_uses() -> None:
    pool = Pool()
    entry = {**BOOLEAN, "rules": [rule({"not": country("DE")})]}
    made = [compile_flag(key, _line({"key": key, **entry}), pool) for key in "fg"]
    assert len(made) == len(pool.conditions) == 2  # the negation and what it negates, for both flags
    del made
    gc.collect()
    assert not pool.conditions


def test_compiling_imports_neither_the_model_nor_pydantic() -> None:
    program = (
        "import sys; from buildflags_sdk._evaluation.compiler import Pool, compile_flag;"
        """compile_flag("f", b'{"key":"f","type":"boolean","variants":{"a":true},"rules":[{"when":{"attr":["a"],"op":"in",'"""
        """b'"values":["x"]},"serve":{"variant":"a"}}]}', Pool());"""
        "print([name for name in sys.modules if name in ('pydantic', 'dataclasses', 'logging')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
