"""GrowthBook's payload: what each construct becomes, what is refused by name, and bytes that are no payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, growthbook


def read(features: dict[str, Any], more: dict[str, Any] | None = None, **options: Any) -> Imported:
    return growthbook.read(json.dumps({"features": features, **(more or {})}).encode(), **options)


def decide(
    imported: Imported,
    context: dict[str, Any] | None = None,
    key: str = "f",
) -> Decision:
    flags, segments = (
        {name: json.dumps(entry).encode() for name, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    ours, world = imported.attributes.apply(context or {}), PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    compiled = Snapshot.from_lines(flags, segments).decide(key, ours, world)
    defined = interpret(Definitions(flags, segments), key, ours, world).decision
    assert (defined.value, defined.variant, defined.reason) == (compiled.value, compiled.variant, compiled.reason)
    return compiled


def value(
    rules: list[dict[str, Any]], context: dict[str, Any], more: dict[str, Any] | None = None, **options: Any
) -> Any:
    return decide(read({"f": {"defaultValue": "default", "rules": rules}}, more, **options), context).value


def test_a_default_of_null_is_the_callers_default():
    assert decide(read({"f": {}})).value is CALLER_DEFAULT
    assert (
        decide(read({"f": {"defaultValue": None, "rules": [{"force": 1, "condition": {"a": 1}}]}})).value
        is CALLER_DEFAULT
    )


@pytest.mark.parametrize(
    ("feature", "flag_type"),
    [
        ({"defaultValue": True}, "boolean"),
        ({"defaultValue": "x"}, "string"),
        ({"defaultValue": 1, "rules": [{"force": 2}]}, "integer"),
        ({"defaultValue": 1, "rules": [{"force": 2.5}]}, "float"),
        ({"defaultValue": None, "rules": [{"variations": [{}, [1]]}]}, "object"),
        ({}, "boolean"),
    ],
)
def test_the_type_is_what_all_values_have_in_common(feature, flag_type):
    assert read({"f": feature}).flags["f"]["type"] == flag_type


def test_values_of_several_types_are_an_object_and_the_report_says_so():
    imported = read({"f": {"defaultValue": "x", "rules": [{"force": 5, "condition": {"a": 1}}]}})

    assert imported.flags["f"]["type"] == "object"
    assert imported.report.findings[0].standing == Standing.APPROXIMATED
    assert decide(imported).value == "x"


@pytest.mark.parametrize(("found", "on"), [(0, False), ("", False), ({}, True), ([], True), ("x", True), (2, True)])
def test_what_is_falsy_in_javascript_is_off(found, on):
    assert decide(read({"f": {"defaultValue": found}})).on is on


PARENT = {"parent": {"defaultValue": "a", "rules": [{"condition": {"vip": True}, "force": "b"}]}}


def with_parent(**parent: Any) -> Imported:
    rule = {"parentConditions": [{"id": "parent", "condition": {"value": "b"}, **parent}], "force": "child"}
    return read({**PARENT, "f": {"defaultValue": "default", "rules": [rule]}})


def test_a_prerequisite_that_fails_skips_its_rule_and_a_gate_ends_the_flag():
    assert decide(with_parent(), {"vip": True}).value == "child"
    assert decide(with_parent()).value == "default"
    ended = decide(with_parent(gate=True))
    assert (ended.value, ended.decided, ended.reason) == (CALLER_DEFAULT, True, Reason.DEFAULT)
    assert growthbook.result_of(ended, with_parent(gate=True).flags["f"])["source"] == "prerequisite"


@pytest.mark.parametrize(
    ("mark", "expected"), [(1, "next"), ("x", "next"), ([], "next"), (0, "a"), ("", "a"), (None, "a")]
)
def test_a_mark_is_set_by_whatever_is_true_in_javascript(mark, expected):
    experiment = {"variations": ["a", "a"], "meta": [{"passthrough": mark}, {"passthrough": mark}]}

    assert value([experiment, {"force": "next"}], {"id": "u"}) == expected
    gated = with_parent(gate=mark).flags["f"]["rules"]
    assert (len(gated) == 2) is (expected == "next")


def test_a_prerequisite_that_is_absent_has_the_value_null():
    assert decide(with_parent(id="gone"), {"vip": True}).value == "default"
    assert decide(with_parent(id="gone", condition={"value": {"$exists": False}})).value == "child"
    assert decide(with_parent(id="gone", condition={"value": {"$ne": "x"}, "other": None})).value == "child"
    assert decide(with_parent(id="gone", condition={"other": 1})).value == "default"


@pytest.mark.parametrize("rule", [{"force": "x"}, {"force": "x", "coverage": 0}, {"variations": ["x"]}, {}])
def test_a_cycle_is_an_error_even_under_a_rule_that_serves_nobody(rule):
    def needs(other: str) -> dict[str, Any]:
        return {"defaultValue": "d", "rules": [{"parentConditions": [{"id": other, "condition": {}}], **rule}]}

    imported = read({"f": needs("g"), "g": needs("f"), "h": needs("g")})

    for key in "fgh":
        decision = decide(imported, {"id": "u"}, key)
        assert decision.error_code == ErrorCode.PARSE_ERROR
        assert growthbook.result_of(decision, imported.flags[key])["source"] == "cyclicPrerequisite"


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"tags.0": "a"}, {"tags": ["a", "b"]}, True),
        ({"tags.length": {"$gt": 1}}, {"tags": ["a", "b"]}, True),
        ({"tags.0": "a"}, {"tags": {"0": "a"}}, True),
        ({"tags.01": "b"}, {"tags": ["a", "b"]}, False),
        ({"tags": "a"}, {"tags": ["a"]}, True),
        ({"id": "5"}, {"id": 5}, True),
        ({"n": 5}, {"n": "5"}, True),
        ({"n": {"$gt": 3}}, {"n": ["4"]}, True),
        ({"$or": []}, {}, True),
        ({"$nor": []}, {}, False),
        ({"$and": []}, {}, True),
        ({"$not": {"$or": [{"a": 1}, {"b": 1}]}}, {"b": 1}, False),
        ({"n": {"$in": [1, None]}}, {}, True),
        ({"n": {"$nin": [1, 2]}}, {}, True),
        ({"n": {"$nope": 1}}, {"n": 1}, False),
    ],
)
def test_conditions_have_javascripts_looseness(condition, context, holds):
    assert value([{"force": "in", "condition": condition}], context) == ("in" if holds else "default")


def refused(feature: Any, more: dict[str, Any] | None = None) -> str:
    imported = read({"f": feature}, more)
    finding = next(finding for finding in imported.report.findings if finding.source_key == "f")
    assert finding.standing == Standing.REFUSED
    assert decide(imported, {"id": "u"}).error_code == ErrorCode.PARSE_ERROR
    return finding.why


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (5, "rules[0]"),
        ({"force": 1, "condition": [1]}, "condition"),
        ({"force": 1, "condition": {"$and": {"a": 1}}}, "$and"),
        ({"force": 1, "condition": {"$or": None}}, "$or"),
        ({"force": 1, "condition": {"$savedGroups": ["a"]}}, "$savedGroups"),
        ({"force": 1, "condition": {"a": {"$not": {"$inGroup": "few", "$in": ["x"], "$not": 1}}}}, "$not"),
        ({"force": 1, "coverage": "half"}, "coverage"),
        ({"force": 1, "range": [0]}, "range"),
        ({"force": 1, "hashAttribute": 5}, "hashAttribute"),
        ({"force": 1, "parentConditions": [{"id": 5}]}, "parentConditions"),
        ({"force": 1, "filters": [5]}, "filters"),
        ({"variations": [1, 2], "weights": ["a", "b"]}, "weights"),
        ({"variations": [1, 2], "weights": [10**400, 1 - 10**400]}, "weights"),
        ({"variations": [1, 2], "namespace": ["n", 0]}, "namespace"),
        ({"variations": 5}, "variations"),
        ({"variations": [1, 2], "meta": [1]}, "meta"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(rule, said):
    assert said in refused({"defaultValue": 1, "rules": [rule]}, {"savedGroups": {"few": ["u1", "u2"]}})


def test_experiments_that_change_pages_are_refused_by_name():
    imported = read({"f": {}}, {"experiments": [{"key": "hero", "variations": [{}, {"css": "x"}]}, {"key": "f"}, 5]})

    assert "browser" in imported.flags["hero"]["broken"]
    assert imported.report.refused == 1


def test_the_object_of_features_alone_is_a_payload_too():
    assert growthbook.read(b'{"f": {"defaultValue": 1}}').flags["f"]["type"] == "integer"


@pytest.mark.parametrize(
    ("experiment", "forced", "plain"),
    [({"active": False}, "b", None), ({"status": "draft"}, "b", None), ({"status": "stopped"}, "b", None),
     ({"status": "stopped", "force": 1}, "b", "b"), ({"status": "running"}, "b", "a"), ({"force": 7}, "b", None)],
)  # fmt: skip
def test_an_inline_experiment_that_rests_is_only_for_those_who_are_forced(experiment, forced, plain):
    whole = {"key": "e", "variations": ["a", "b"], "ranges": [[0, 1], [1, 1]], **experiment}
    imported = growthbook.read_experiment(json.dumps(whole).encode(), forced_variations=True)

    def given(context: dict[str, Any]) -> Any:
        decision = decide(imported, context, "e")
        return None if decision.value is CALLER_DEFAULT else decision.value

    assert given({"id": "u", "forcedVariations": {"e": 1}}) == forced
    assert given({"id": "u"}) == plain


@pytest.mark.parametrize("rest", [{"active": False}, {"status": "draft"}, {"status": "stopped"}])
def test_a_rule_of_a_feature_does_not_rest(rest):
    assert value([{"variations": ["a", "a"], **rest}], {"id": "u"}) == "a"


def test_an_inline_experiment_becomes_a_flag_of_its_key():
    imported = growthbook.read_experiment(b'{"key": "e", "variations": ["a", "b"], "force": 1}')
    off = growthbook.read_experiment(b'{"key": "e", "variations": ["a", "b"], "active": false}')

    assert decide(imported, {"id": "u"}, "e").value == "b"
    assert decide(off, {"id": "u"}, "e").value is CALLER_DEFAULT
    assert growthbook.read_experiment(b'{"key": "e", "variations": [1, 2], "weights": 5}').report.refused == 1
    for source in (b'{"key": "e"}', b'{"variations": [1]}', b'{"key": "e", "variations": [1, 2], "force": "b"}'):
        with pytest.raises(FlagFileError, match="experiment"):
            growthbook.read_experiment(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"", "empty"),
        (b'{"features": {"f": {"defaultVal', "cut off"),
        (b"[]", "GrowthBook"),
        (b"{}", "features"),
        (b'{"encryptedFeatures": "abc"}', "encrypted"),
        (b'{"status": 200, "features": {}, "encryptedFeatures": "abc"}', "decrypt encryptedFeatures"),
        (b'{"features": {"f": {}}, "encryptedSavedGroups": "abc"}', "decrypt encryptedSavedGroups"),
        (b'{"features": [1]}', "features"),
        (b'{"flags": {"a": 1}}', "features"),
        (b'{"features": {}, "savedGroups": [1]}', "savedGroups"),
        (b'{"features": {"f": {"defaultValue": NaN}}}', "NaN"),
        (b'{"features": {"f": 1, "f": 2}}', "twice"),
    ],
)
def test_bytes_that_are_no_payload_are_refused_with_what_to_do(source, said):
    with pytest.raises(FlagFileError, match=said):
        growthbook.read(source)


def test_an_attribute_called_like_our_targeting_key_hashes_only_where_it_is_named():
    experiment = {"variations": ["a", "a"]}

    assert value([experiment], {"targetingKey": "zz"}) == "default"
    assert value([{**experiment, "hashAttribute": "targetingKey"}], {"targetingKey": "zz"}) == "a"
    assert value([{**experiment, "hashAttribute": "targetingKey"}], {"id": "u1"}) == "default"
