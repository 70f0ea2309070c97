"""GrowthBook's conditions and saved groups: what holds for whom, decided by both evaluators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Decision, ErrorCode
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers import Imported, growthbook


def read(features: dict[str, Any], groups: dict[str, Any] | None = None) -> Imported:
    return growthbook.read(json.dumps({"features": features, "savedGroups": groups or {}}).encode())


def decide(imported: Imported, context: dict[str, Any], key: str = "f") -> Decision:
    flags, segments = (
        {name: json.dumps(entry).encode() for name, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    ours, world = imported.attributes.apply(context), PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    compiled = Snapshot.from_lines(flags, segments).decide(key, ours, world)
    assert interpret(Definitions(flags, segments), key, ours, world).decision.value == compiled.value
    return compiled


def value(rules: list[dict[str, Any]], context: dict[str, Any], groups: dict[str, Any] | None = None) -> Any:
    return decide(read({"f": {"defaultValue": "default", "rules": rules}}, groups), context).value


PARENT = {"defaultValue": "a", "rules": [{"condition": {"vip": True}, "force": "b"}]}
GROUPS = {"few": ["u1", "u2"], "many": [f"u{at}" for at in range(60)], "odd": {"type": "new"}}


@pytest.mark.parametrize(
    ("condition", "user", "holds"),
    [
        ({"id": {"$inGroup": "few"}}, "u2", True),
        ({"id": {"$inGroup": "few"}}, "u9", False),
        ({"id": {"$inGroup": "many"}}, "u59", True),
        ({"id": {"$inGroup": "many", "$in": ["u59", "x"], "$ne": "u58"}}, "u59", True),
        ({"id": {"$inGroup": "many", "$in": ["x"]}}, "u59", False),
        ({"id": {"$not": {"$inGroup": "few", "$in": ["u1", "x"]}}}, "u1", False),
        ({"id": {"$not": {"$inGroup": "few", "$in": ["u1", "x"]}}}, "u2", True),
        ({"id": {"$not": {"$notInGroup": "few", "$nin": ["x"]}}}, "u3", False),
        ({"id": {"$not": {"$notInGroup": "few", "$nin": ["x"]}}}, "u2", True),
        ({"id": {"$notInGroup": "many"}}, "u59", False),
        ({"id": {"$notInGroup": "many"}}, "x", True),
        ({"id": {"$notInGroup": "gone"}}, "x", True),
        ({"id": {"$not": {"$inGroup": "many"}}}, "x", True),
        ({"$savedGroup": {"id": "typed"}}, "u1", True),
        ({"$savedGroup": {"id": "typed", "attributeKey": "other"}}, "u1", False),
        ({"$savedGroup": {"id": "rule"}}, "u1", True),
        ({"$savedGroup": {"id": "rule"}}, "x", False),
        ({"$not": {"$savedGroup": {"id": "gone"}}}, "x", True),
        ({"$savedGroup": {"id": "ring"}}, "x", False),
        ({"$savedGroup": {"id": "odd"}}, "u1", False),
        ({"$savedGroup": {"id": "typed", "attributeKey": 5}}, "u1", False),
        ({"$savedGroup": "typed"}, "u1", False),
        ({"id": {"$inGroup": "rule"}}, "u1", False),
        ({"id": {"$notInGroup": "rule"}}, "u1", False),
        ({"id": {"$notInGroup": "odd"}}, "u1", False),
        ({"id": {"$inGroup": ["x"]}}, "x", False),
        ({"id": {"$not": {"$inGroup": "rule", "$in": ["u1"]}}}, "u1", True),
    ],
)
def test_saved_groups_are_lists_or_conditions(condition, user, holds):
    typed = {
        "typed": {"type": "list", "attributeKey": "id", "values": ["u1"]},
        "rule": {"type": "condition", "condition": {"id": {"$regex": "^u"}}},
        "ring": {"type": "condition", "condition": {"$savedGroup": {"id": "ring"}}},
    }
    found = value([{"force": "in", "condition": condition}], {"id": user}, {**GROUPS, **typed})

    assert found == ("in" if holds else "default")


def test_a_saved_group_of_a_prerequisite_is_over_its_value():
    groups = {
        "listed": {"type": "list", "attributeKey": "value", "values": ["b"]},
        "conditional": {"type": "condition", "condition": {"$not": {"value": {"$in": ["a"]}}}},
        "ring": {"type": "condition", "condition": {"$or": [{"value": "b"}, {"$savedGroup": {"id": "ring"}}]}},
    }
    for name in groups:
        rule = {"force": "child", "parentConditions": [{"id": "parent", "condition": {"$savedGroup": {"id": name}}}]}
        imported = read({"parent": PARENT, "f": {"defaultValue": "default", "rules": [rule]}}, groups)

        assert decide(imported, {"vip": True}).value == "child"
        assert decide(imported, {"value": "b"}).value == "default"


def test_a_saved_group_of_an_element_is_over_its_fields():
    groups = {
        "listed": {"type": "list", "attributeKey": "x", "values": ["a"]},
        "conditional": {"type": "condition", "condition": {"$savedGroup": {"id": "listed"}}},
        "ring": {"type": "condition", "condition": {"$or": [{"x": "a"}, {"$savedGroup": {"id": "ring"}}]}},
    }
    for name in groups:
        rules = [{"force": "in", "condition": {"p": {"$elemMatch": {"$savedGroup": {"id": name}}}}}]

        assert value(rules, {"p": [{"x": "b"}, {"x": "a"}]}, groups) == "in"
        assert value(rules, {"p": [{"x": "b"}], "x": "a"}, groups) == "default"


def test_every_flag_that_names_a_saved_group_with_a_problem_is_refused():
    groups = {"bad": {"type": "condition", "condition": {"$and": 5}}}
    rule = {"force": 1, "condition": {"$not": {"$savedGroup": {"id": "bad"}}}}
    imported = read({"f": {"rules": [rule]}, "g": {"rules": [rule]}}, groups)

    assert imported.report.refused == 3
    decision = decide(imported, {"id": "u"}, "g")
    assert decision.error_code == ErrorCode.PARSE_ERROR
    assert growthbook.result_of(decision, imported.flags["g"])["source"] == "refused"


@pytest.mark.parametrize(
    ("operand", "given", "holds"),
    [
        ({"$elemMatch": {"$ne": 1}}, [None], False),
        ({"$elemMatch": {"x": None}}, [None], False),
        ({"$elemMatch": {"x": None}}, [None, {}], True),
        ({"$eq": ["a"]}, ["a"], False),
        ({"$ne": {"a": 1}}, {"a": 1}, True),
        ({"$in": [["a"], {"a": 1}]}, ["a"], False),
        ({"$in": [["a"]]}, [["a"]], False),
        ({"$in": [{"a": 1}]}, {"a": 1}, False),
        ({"$inGroup": "things"}, {"a": 1}, False),
        ({"$nin": [{"a": 1}]}, {"a": 1}, True),
        ({"$in": [None]}, None, True),
        ({"$alli": [{"$regex": "^a"}, "X"]}, ["abc", "x"], True),
        ({"$alli": [{"$eq": "ABC"}]}, ["abc"], False),
        ({"b": 1, "a": [{"d": 1, "c": 2}]}, {"b": 1, "a": [{"d": 1, "c": 2}]}, True),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}, False),
        ({"10": 1, "9": 2}, {"9": 2, "10": 1}, True),
        ("1234567890123456789", 1234567890123456789, False),
        ("1234567890123456800", 1234567890123456789, True),
        ({"$veq": "1234567890123456800"}, 1234567890123456789, True),
    ],
)
def test_conditions_hold_as_growthbooks_sdks_judge_them(operand, given, holds):
    groups = {"things": [{"a": 1}]}

    assert value([{"force": "in", "condition": {"p": operand}}], {"p": given}, groups) == ("in" if holds else "default")


def test_a_long_saved_group_is_one_segment_for_all_flags():
    rule = {"force": "in", "condition": {"id": {"$inGroup": "many"}}}
    imported = read({key: {"rules": [rule]} for key in "abc"}, GROUPS)

    assert len(imported.segments) == 1
    assert imported.report.exact == 4


def test_a_saved_group_too_long_for_an_entry_is_refused():
    rule = {"force": 1, "condition": {"id": {"$inGroup": "huge"}}}
    imported = read({"f": {"rules": [rule]}}, {"huge": [f"user-{at}" for at in range(10_000)]})

    assert "too long" in imported.flags["f"]["broken"]


def test_an_attribute_called_like_our_targeting_key_is_an_attribute():
    rules = [{"force": "in", "condition": {"targetingKey": "zz"}}]
    deeper = [{"force": "in", "condition": {"targetingKey.a": "zz"}}]

    assert value(rules, {"id": "u1", "targetingKey": "zz"}) == "in"
    assert value(rules, {"id": "zz"}) == "default"
    assert value(deeper, {"targetingKey": {"a": "zz"}}) == "in"


@pytest.mark.parametrize("of_parent", [False, True])
def test_a_pattern_that_would_match_there_and_cannot_be_searched_here_is_refused_and_none_is_never_a_match(
    of_parent: bool,
) -> None:
    def made(pattern: str) -> Imported:
        condition = {"$regex": pattern}
        rule: dict[str, Any] = {"force": "x", "parentConditions": [{"id": "g", "condition": {"value": condition}}]}
        if not of_parent:
            rule = {"force": "x", "condition": {"plan": condition}}
        features = {"g": {"defaultValue": "z"}, "f": {"defaultValue": "d", "rules": [rule]}}
        return read(features)

    assert "no pattern" in next(each.why for each in made("(?<=x)a").report.findings if each.key == "f")
    assert made("(?<=x)a").report.refused == 1
    assert made("[a").report.refused == 0


OPEN_GROUPS: dict[str, Any] = {
    "later": {"type": "cohort", "values": ["a"]},
    "open": {"type": "condition", "condition": {"$or": [{"p": {"$nosuch": 1}}, {"p": "z"}]}},
    "ring": {"type": "condition", "condition": {"$nor": [{"p": {"$nosuch": 1}}, {"$savedGroup": {"id": "ring"}}]}},
}


@pytest.mark.parametrize(
    "condition",
    [
        {"p": {"$nosuch": 1}},
        {"p": {"$not": {"$nosuch": 1}}},
        {"p": {"$nosuch": 1, "$eq": "a"}},
        {"p": {"$inGroup": "later"}},
        {"p": {"$notInGroup": "later"}},
        {"p": {"$notInGroup": "later", "$eq": "a"}},
        {"$savedGroup": {"id": "later"}},
        {"$savedGroup": {"id": "open"}},
        {"$savedGroup": {"id": "ring"}},
        {"tags": {"$elemMatch": {"$nosuch": 1}}},
        {"tags": {"$elemMatch": {"$savedGroup": {"id": "later"}}}},
        {"tags": {"$all": ["x", {"$nosuch": 1}]}},
        {"tags": {"$size": {"$nosuch": 1}}},
        {"tags.0": {"$nosuch": 1}},
    ],
)
def test_a_condition_that_asks_for_what_is_not_known_is_met_by_nobody_negated_or_not(condition):
    user = {"p": "a", "tags": ["x", "y"]}
    for asked in (condition, {"$not": condition}, {"$nor": [condition]}, {"$not": {"$nor": [condition, {"p": "z"}]}}):
        assert value([{"force": "in", "condition": asked}], user, OPEN_GROUPS) == "default"


@pytest.mark.parametrize("test", [{"$nosuch": 1}, {"$inGroup": "later"}, {"$not": {"$nosuch": 1, "$ne": "z"}}])
def test_a_prerequisite_that_asks_for_what_is_not_known_fails_negated_or_not(test):
    for asked in ({"value": test}, {"$not": {"value": test}}, {"other": test}, {"$nor": [{"other": test}]}):
        rule = {"force": "child", "parentConditions": [{"id": "parent", "condition": asked}]}
        imported = read({"parent": PARENT, "f": {"defaultValue": "default", "rules": [rule]}}, OPEN_GROUPS)

        assert decide(imported, {}).value == "default"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"$or": [{"p": {"$nosuch": 1}}, {"p": "a"}]}, True),
        ({"$not": {"p": {"$nosuch": 1, "$eq": "z"}}}, True),
        ({"$not": {"$and": [{"p": {"$nosuch": 1}}, {"p": "z"}]}}, True),
        ({"$not": {"$and": [{"p": {"$nosuch": 1}}, {"p": "a"}]}}, False),
        ({"$nor": [{"p": {"$nosuch": 1}}, {"p": "a"}]}, False),
        ({"$not": {"tags": {"$all": ["z", {"$nosuch": 1}]}}}, True),
        ({"$not": {"p": {"$size": {"$nosuch": 1}}}}, True),
        ({"$not": {"p": {"$elemMatch": {"$nosuch": 1}}}}, True),
        ({"$not": {"p": {"$inGroup": "open"}}}, True),
        ({"$not": {"p": {"$savedGroup": "later"}}}, True),
        ({"$nor": [{"$savedGroup": {"id": "open"}}, {"p": "a"}]}, False),
        ({"$or": [{"$savedGroup": {"id": "later"}}, {"p": "a"}]}, True),
    ],
)
def test_what_is_not_known_leaves_what_decides_without_it(condition, holds):
    found = value([{"force": "in", "condition": condition}], {"p": "a", "tags": ["x", "y"]}, OPEN_GROUPS)

    assert found == ("in" if holds else "default")
