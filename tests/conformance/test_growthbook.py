"""GrowthBook's own cases: conditions, features, experiments, stored assignments, bandits, and its arithmetic of buckets.

What a case asks of the SDK's host (addresses of pages, query strings, decryption, QA mode, being switched off as a whole)
is left out, and counted by name. A stored-assignment case also lists the documents written afterwards: the store writes.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.bucketing import SCHEMES
from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk._evaluation.interpreter import interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk.importers import growthbook
from buildflags_sdk.importers.growthbook.buckets import bucket_ranges, equal_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk.importers.report import Imported

pytestmark = pytest.mark.conformance

HOST_SECTIONS = ("getQueryStringOverride", "decrypt", "urlRedirect")
HOST_CONTEXT = {"url": "query string override", "enabled": "the whole SDK switched off", "qaMode": "QA mode"}


class LeftOut(Exception):
    """A case about the SDK's host."""


class Stored(PureWorld):
    """GrowthBook's documents of stored assignments as a store of ours."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        super().__init__(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
        self.kept: dict[tuple[str, str], str] = {}
        for document in documents:
            for experiment, variation in document["assignments"].items():
                self.kept[experiment, document["attributeValue"]] = variation

    def assigned(self, experiment: str, key: str) -> str | None:
        return self.kept.get((experiment, key))


@pytest.fixture(scope="module")
def sections(conformance: Callable[[str], Any]) -> dict[str, list[list[Any]]]:
    folder = conformance("growthbook")
    found: dict[str, list[list[Any]]] = json.loads((folder / "cases.json").read_text("utf-8"))
    more = json.loads((folder / "cases-python-only.json").read_text("utf-8"))
    found["evalCondition"] += more["evalCondition"]
    return found


@pytest.fixture
def counted(tally: Callable[..., None]) -> Callable[..., None]:
    """Runs a check over a section's cases, counts them, and fails with everything that was wrong."""

    def count(rows: list[list[Any]], check: Callable[..., Any]) -> None:
        passed, failures = 0, []
        left_out: Counter[str] = Counter()
        for row in rows:
            try:
                check(*row)
            except LeftOut as reason:
                left_out[str(reason)] += 1
            except AssertionError as error:
                failures.append(f"{row[0]}: {error}")
            else:
                passed += 1
        tally("growthbook", passed=passed, failed=len(failures), left_out=left_out)
        assert not failures, "\n".join(failures)

    return count


def payload(**parts: Any) -> bytes:
    return json.dumps(parts).encode()


def host_parts(context: Mapping[str, Any]) -> None:
    for name, reason in HOST_CONTEXT.items():
        if name in context and context[name] not in (None, {"enabled": True}.get(name)):
            raise LeftOut(reason)


def asked(imported: Imported, context: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict(context.get("attributes") or {})
    if context.get("forcedVariations"):
        attributes["forcedVariations"] = context["forcedVariations"]
    return imported.attributes.apply(attributes)


def features_of(context: Mapping[str, Any], **options: Any) -> Imported:
    names = ("features", "savedGroups", "contextualBandits")
    parts = {name: context[name] for name in names if name in context}
    return growthbook.read(payload(**{"features": {}, **parts}), forced_variations=True, **options)


def test_conditions(sections, both, counted):
    def check(name, condition, attributes, expected, groups=None):
        feature = {"defaultValue": False, "rules": [{"force": True, "condition": condition}]}
        imported = growthbook.read(payload(features={"f": feature}, savedGroups=groups or {}))

        decision = both(imported).decide("f", imported.attributes.apply(attributes))

        assert decision.error_code is None, decision.error_message
        assert decision.value is expected

    counted(sections["evalCondition"], check)


def outcome(evaluated: Any, key: str, context: Mapping[str, Any]) -> tuple[dict[str, Any], float | None]:
    """The decision in GrowthBook's words, and the point that an experiment's hash came to."""
    entry = evaluated.imported.flags.get(key)
    ours = asked(evaluated.imported, context)
    trace = interpret(evaluated.definitions, key, ours, evaluated.world)
    if entry is None:
        return growthbook.result_of(trace.decision, None), None
    buckets = [rule.bucket for rule in trace.rules if rule.result == "serves" and rule.bucket is not None]
    decision = trace.decision if trace.decision.error_code else evaluated.decide(key, ours)
    return growthbook.result_of(decision, entry), buckets[0].point if buckets else None


def check_feature(evaluated: Any, context: Mapping[str, Any], key: str, expected: dict[str, Any]) -> None:
    result, point = outcome(evaluated, key, context)
    assert result["value"] == expected["value"], result
    assert result["source"] == expected["source"], result
    assert result["ruleId"] == expected.get("ruleId", ""), result
    assert bool(result["value"]) is expected["on"], result
    wanted = expected.get("experimentResult")
    if wanted is not None:
        check_experiment_result(result, point, wanted)


def check_experiment_result(result: dict[str, Any], point: float | None, wanted: dict[str, Any]) -> None:
    assert wanted["inExperiment"] is (result["source"] == "experiment"), result
    assert result["value"] == wanted["value"], result
    assert result["variationId"] == wanted["variationId"], result
    assert result["key"] == wanted["key"], result
    if point is not None and "bucket" in wanted:
        assert round(point, 6) == round(wanted["bucket"], 6), (point, wanted)
    if wanted.get("hashUsed") and not wanted.get("stickyBucketUsed"):
        assert point is not None


@pytest.mark.parametrize("section", ["feature", "contextualBandit"])
def test_features_and_bandits(section, sections, both, counted):
    def check(name, context, key, expected):
        host_parts(context)
        check_feature(both(features_of(context)), context, key, expected)

    counted(sections[section], check)


def test_inline_experiments(sections, both, counted):
    def check(name, context, experiment, value, in_experiment, hash_used):
        host_parts({key: part for key, part in context.items() if key != "qaMode"})
        forced = experiment.get("force") is not None or context.get("forcedVariations")
        if context.get("qaMode") and not forced:
            raise LeftOut(HOST_CONTEXT["qaMode"])
        inline = growthbook.read_experiment(json.dumps(experiment).encode(), forced_variations=True)
        parents = features_of(context)
        imported = inline._replace(flags={**parents.flags, **inline.flags})
        evaluated = both(imported)

        result, point = outcome(evaluated, experiment["key"], context)

        assert imported.flags[experiment["key"]].get("broken") is None
        assert (result["source"] == "experiment") is in_experiment, result
        assert (result["value"] if in_experiment else experiment["variations"][0]) == value, result
        assert (in_experiment and not forced and point is not None) is hash_used, result

    counted(sections["run"], check)


def test_stored_assignments(sections, both, counted):
    def check(name, context, documents, key, expected, documents_after):
        host_parts(context)
        kept = [*(context.get("stickyBucketAssignmentDocs") or {}).values(), *documents]
        evaluated = both(features_of(context, sticky_buckets=True), world=Stored(kept))

        result, point = outcome(evaluated, key, context)

        if expected is None:
            assert result["source"] != "experiment", result
            return
        check_experiment_result(result, point, expected)

    counted(sections["stickyBucket"], check)


def test_hashes(sections, counted):
    def check(seed, key, version, expected):
        scheme = SCHEMES.get(f"growthbook_{version}")
        point = None if scheme is None else scheme.prepare(seed, 1)(key)
        assert point == expected

    counted(sections["hash"], check)


def test_ranges_and_weights(sections, counted):
    def rounded(pairs: Any) -> list[list[float]]:
        return [[round(end, 6) for end in pair] for pair in pairs]

    def check_ranges(name, arguments, expected):
        assert rounded(bucket_ranges(*arguments)) == rounded(expected)

    def check_weights(count, expected):
        assert [round(weight, 8) for weight in equal_weights(count)] == [round(weight, 8) for weight in expected]

    counted(sections["getBucketRange"], check_ranges)
    counted(sections["getEqualWeights"], check_weights)


def test_the_first_range_that_holds_a_point_is_chosen(sections, both, counted):
    """Points are made with the scheme that takes them as they are, in thousandths."""

    def check(name, point, ranges, expected):
        rows = [
            {"from": round(low * 1000), "to": round(high * 1000), "variant": str(at)}
            for at, (low, high) in enumerate(ranges)
        ]
        split = {"scheme": "modulo", "seed": "", "of": 1001, "ranges": rows}
        flag = {"key": "f", "type": "integer", "variants": {str(at): at for at in range(len(ranges))},
                "rules": [{"serve": {"split": split}}]}  # fmt: skip
        empty = growthbook.read(payload(features={}))

        decision = both(empty._replace(flags={"f": flag})).decide("f", {"targetingKey": round(point * 1000)})

        assert (-1 if decision.value is CALLER_DEFAULT else decision.value) == expected

    counted(sections["chooseVariation"], check)


def test_namespaces(sections, both, counted):
    def check(name, user, namespace, expected):
        rule = {"variations": [0, 1], "namespace": namespace, "ranges": [[0, 1], [1, 1]]}
        imported = growthbook.read(payload(features={"f": {"rules": [rule]}}))

        decision = both(imported).decide("f", imported.attributes.apply({"id": user}))

        assert (decision.value is not CALLER_DEFAULT) is expected

    counted(sections["inNamespace"], check)


def test_sections_about_the_host_are_counted_by_name(sections, tally):
    known = {"specVersion", "evalCondition", "feature", "contextualBandit", "run", "stickyBucket", "hash", "getBucketRange",
             "getEqualWeights", "chooseVariation", "inNamespace", *HOST_SECTIONS}  # fmt: skip

    tally("growthbook", left_out={name: len(sections[name]) for name in HOST_SECTIONS if name in sections})
    assert sections.keys() <= known
