"""GrowthBook's forced values and experiments: shares, ranges, stored assignments and bandits, decided by both evaluators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers import Imported, growthbook
from buildflags_sdk.importers.growthbook.buckets import bucket_ranges, without

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision


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


def test_an_integer_is_hashed_by_the_digits_of_its_double():
    rules = [{"variations": ["a", "b", "c"]}]

    assert value(rules, {"id": 1234567890123456789}) == value(rules, {"id": "1234567890123456800"}) == "b"
    assert value(rules, {"id": 10**21}) == value(rules, {"id": "1e+21"})
    assert value(rules, {"id": 10**400}) == "default"
