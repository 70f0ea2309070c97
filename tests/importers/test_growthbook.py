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
from buildflags_sdk.importers.growthbook.buckets import bucket_ranges, without


class Store(PureWorld):
    """A world with stored assignments."""

    def __init__(self, kept: dict[tuple[str, str], str] | None = None) -> None:
        super().__init__(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
        self.kept = kept or {}

    def assigned(self, experiment: str, key: str) -> str | None:
        return self.kept.get((experiment, key))


def read(features: dict[str, Any], more: dict[str, Any] | None = None, **options: Any) -> Imported:
    return growthbook.read(json.dumps({"features": features, **(more or {})}).encode(), **options)


def decide(
    imported: Imported,
    context: dict[str, Any] | None = None,
    key: str = "f",
    kept: dict[tuple[str, str], str] | None = None,
) -> Decision:
    flags, segments = (
        {name: json.dumps(entry).encode() for name, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    ours, world = imported.attributes.apply(context or {}), Store(kept)
    compiled = Snapshot.from_lines(flags, segments).decide(key, ours, world)
    defined = interpret(Definitions(flags, segments), key, ours, world).decision
    assert (defined.value, defined.variant, defined.reason) == (compiled.value, compiled.variant, compiled.reason)
    return compiled


def value(
    rules: list[dict[str, Any]], context: dict[str, Any], more: dict[str, Any] | None = None, **options: Any
) -> Any:
    return decide(read({"f": {"defaultValue": "default", "rules": rules}}, more, **options), context).value


USERS = [{"id": f"user-{at}"} for at in range(200)]


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


def test_a_forced_values_coverage_includes_its_end_and_its_range_does_not():
    # Of seed "" the key "a" has the point 0.22 by the first hash; a rule's seed that is empty means the feature's key.
    rule = {"force": "in", "seed": "ef", "hashVersion": 1}

    assert value([{**rule, "coverage": 0.652}], {"id": "d"}) == "in"
    assert value([{**rule, "coverage": 0.651}], {"id": "d"}) == "default"
    assert value([{**rule, "range": [0, 0.652]}], {"id": "d"}) == "default"
    assert value([{**rule, "range": [0.652, 1], "coverage": 0}], {"id": "d"}) == "in"


@pytest.mark.parametrize(
    "rule", [{"coverage": 0}, {"coverage": 1, "hashVersion": 3}, {"coverage": 1, "hashAttribute": "no"}]
)
def test_a_forced_value_that_reaches_nobody(rule):
    assert value([{"force": "in", **rule}], {"id": "u"}) == "default"


def test_an_experiment_splits_and_a_point_outside_goes_on_to_the_next_rule():
    rules: list[dict[str, Any]] = [{"variations": ["a", "b"], "coverage": 0.5}, {"force": "rest"}]
    values = [value(rules, user) for user in USERS]

    assert set(values) == {"a", "b", "rest"}
    assert 60 < values.count("rest") < 140


def test_a_variation_that_passes_through_takes_its_range_out_of_later_ones():
    rules = [
        {"key": "e", "variations": ["held", "a", "b"], "ranges": [[0, 0.1], [0.1, 0.6], [0, 1]],
         "meta": [{}, {"passthrough": True}, {}]},
        {"force": "next"},
    ]  # fmt: skip
    imported = read({"f": {"rules": rules}})
    split = imported.flags["f"]["rules"][0]["serve"]["split"]

    assert [(row["from"], row["to"], row["variant"]) for row in split["ranges"]] == [
        (0, 0.1, "e:0"), (0, 0.1, "e:2"), (0.6, 1, "e:2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "expected"), [(1, "next"), ("x", "next"), ([], "next"), (0, "a"), ("", "a"), (None, "a")]
)
def test_a_mark_is_set_by_whatever_is_true_in_javascript(mark, expected):
    experiment = {"variations": ["a", "a"], "meta": [{"passthrough": mark}, {"passthrough": mark}]}

    assert value([experiment, {"force": "next"}], {"id": "u"}) == expected
    gated = with_parent(gate=mark).flags["f"]["rules"]
    assert (len(gated) == 2) is (expected == "next")


def test_ranges_are_cut_at_the_very_ends():
    assert without([((0, 1), "x"), ((0.2, 0.4), "y")], (0.25, 0.5)) == [
        ((0, 0.25), "x"), ((0.5, 1), "x"), ((0.2, 0.25), "y"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, [0.5, 0.5]), ([0.9], [0.5, 0.5]), ([0.2, 0.2], [0.5, 0.5]), ([0.25, 0.75], [0.25, 0.75])],
)
def test_weights_that_do_not_fit_become_equal(weights, expected):
    assert [end - start for start, end in bucket_ranges(2, 1, weights)] == expected


def test_filters_must_all_hold_and_make_the_namespace_count_for_nothing():
    all_of_it, none_of_it = {"seed": "s", "ranges": [[0, 1]]}, {"seed": "s", "ranges": [[0, 0]]}
    experiment = {"variations": ["a", "a"], "namespace": ["n", 0, 0]}

    assert value([experiment], {"id": "u"}) == "default"
    assert value([{**experiment, "filters": [all_of_it]}], {"id": "u"}) == "a"
    assert value([{**experiment, "filters": [all_of_it, none_of_it]}], {"id": "u"}) == "default"
    assert value([{**experiment, "filters": [{**all_of_it, "attribute": "org"}]}], {"id": "u"}) == "default"
    assert value([{"force": "in", "filters": [{**all_of_it, "hashVersion": 7}]}], {"id": "u"}) == "default"


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


STICKY = {
    "key": "e", "variations": ["a", "b"], "meta": [{"key": "A"}, {"key": "B"}], "ranges": [[0, 1], [1, 1]],
    "condition": {"vip": True}, "fallbackAttribute": "device", "bucketVersion": 2, "minBucketVersion": 1,
}  # fmt: skip


def sticky(context: dict[str, Any], kept: dict[tuple[str, str], str], **more: Any) -> Any:
    imported = read({"f": {"defaultValue": "default", "rules": [{**STICKY, **more}]}}, sticky_buckets=True)
    return decide(imported, context, kept=kept).value


def test_a_stored_assignment_wins_over_condition_and_hash():
    assert sticky({"id": "u"}, {}) == "default"
    assert sticky({"id": "u", "vip": True}, {}) == "a"
    assert sticky({"id": "u"}, {("e__2", "u"): "B"}) == "b"
    assert sticky({"id": "u", "vip": True}, {("e__2", "u"): "gone"}) == "a"
    assert sticky({"id": "u", "vip": True}, {("e__2", "u"): "B"}, disableStickyBucketing=True) == "a"


def test_the_fallback_attribute_counts_only_with_stored_assignments():
    assert sticky({"device": "d", "vip": True}, {}) == "a"
    assert value([STICKY], {"device": "d", "vip": True}) == "default"
    assert sticky({"id": "u", "device": "d"}, {("e__2", "d"): "B"}) == "b"
    assert sticky({"id": "u", "device": "d"}, {("e__2", "d"): "B", ("e__2", "u"): "A"}) == "a"


def test_an_assignment_of_too_old_a_version_shuts_out():
    assert sticky({"id": "u", "vip": True}, {("e__0", "u"): "B"}) == "default"
    assert sticky({"id": "u", "vip": True}, {("e__1", "u"): "B"}) == "a"


def test_a_stored_variation_that_passes_through_goes_on():
    meta = [{"key": "A"}, {"key": "B", "passthrough": True}]

    assert sticky({"id": "u", "vip": True}, {("e__2", "u"): "B"}, meta=meta) == "default"


def test_forced_variations_are_read_when_the_application_says_so():
    rule = {"key": "e", "variations": ["a", "b"], "ranges": [[0, 1], [1, 1]], "condition": {"vip": True}}
    forced = {"id": "u", "forcedVariations": {"e": 1}}

    assert value([rule], forced) == "default"
    assert value([rule], forced, forced_variations=True) == "b"
    assert value([rule], {"id": "u", "vip": True, "forcedVariations": {"e": 9}}, forced_variations=True) == "default"
    assert value([rule], {"id": "u", "vip": True}, forced_variations=True) == "a"


def test_the_first_leaf_of_a_bandit_that_holds_gives_the_weights():
    rule = {"contextualVariations": ["a", "b"], "contextualBanditRef": "cb", "weights": [1, 0], "coverage": 1}
    leaves = [{"leafId": 1, "condition": {"vip": True}, "weights": [0, 1]}]
    bandits = {"contextualBandits": {"cb": {"contexts": leaves}}}

    assert value([rule], {"id": "u", "vip": True}, bandits) == "b"
    assert value([rule], {"id": "u"}, bandits) == "a"
    assert value([rule], {"id": "u"}) == "a"


@pytest.mark.parametrize(
    "leaf",
    [
        {"weights": [0, 1]},
        {"leafId": 1},
        {"leafId": True, "weights": [0, 1]},
        {"leafId": 1, "weights": [1]},
        {"leafId": 1, "weights": [0, 2]},
    ],
)
def test_a_leaf_without_an_id_or_usable_weights_has_the_rules_own(leaf):
    rule = {"contextualVariations": ["a", "b"], "contextualBanditRef": "cb", "weights": [1, 0]}

    assert value([rule], {"id": "u"}, {"contextualBandits": {"cb": {"contexts": [leaf]}}}) == "a"


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


def test_an_integer_is_hashed_by_the_digits_of_its_double():
    rules = [{"variations": ["a", "b", "c"]}]

    assert value(rules, {"id": 1234567890123456789}) == value(rules, {"id": "1234567890123456800"}) == "b"
    assert value(rules, {"id": 10**21}) == value(rules, {"id": "1e+21"})
    assert value(rules, {"id": 10**400}) == "default"


def test_an_attribute_called_like_our_targeting_key_hashes_only_where_it_is_named():
    experiment = {"variations": ["a", "a"]}

    assert value([experiment], {"targetingKey": "zz"}) == "default"
    assert value([{**experiment, "hashAttribute": "targetingKey"}], {"targetingKey": "zz"}) == "a"
    assert value([{**experiment, "hashAttribute": "targetingKey"}], {"id": "u1"}) == "default"
