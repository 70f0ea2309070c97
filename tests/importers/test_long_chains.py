"""Exports whose entries name each other for very long, or again and again: refused by name, in a time that stays short."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers import Standing, configcat, flagd, growthbook, launchdarkly, posthog, statsig

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk.importers import Imported

    Json = dict[str, Any]

LONG = 1_500
WORLD = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)


def of_launchdarkly(count: int) -> Imported:
    def flag(at: int) -> Json:
        asked = {"key": f"f{at + 1}", "variation": 0}
        return {"key": f"f{at}", "version": 1, "on": True, "variations": ["a", "b"], "offVariation": 1, "salt": "s",
                "fallthrough": {"variation": 0}, "prerequisites": [asked] * (at + 1 < count)}  # fmt: skip

    return _read(launchdarkly, {"flags": {f"f{at}": flag(at) for at in range(count)}, "segments": {}})


def of_growthbook(count: int) -> Imported:
    def feature(at: int) -> Json:
        parent = {"id": f"f{at + 1}", "condition": {"value": 1}, "gate": True}
        return {"defaultValue": 1, "rules": [{"parentConditions": [parent], "force": 2}] * (at + 1 < count)}

    return _read(growthbook, {"features": {f"f{at}": feature(at) for at in range(count)}})


def of_saved_groups(count: int, condition: Callable[[Json], Json] = lambda asked: asked) -> Imported:
    def group(at: int) -> Json:
        asked = {"$savedGroup": {"id": f"g{at + 1}"}} if at + 1 < count else {"plan": "pro"}
        return {"type": "condition", "condition": condition(asked)}

    rule = {"condition": condition({"$savedGroup": {"id": "g0"}}), "force": 2}
    features = {"f0": {"defaultValue": 1, "rules": [rule]}, f"f{count - 1}": {"defaultValue": 1}}
    return _read(growthbook, {"features": features, "savedGroups": {f"g{at}": group(at) for at in range(count)}})


def of_elements(count: int) -> Imported:
    return of_saved_groups(count, lambda asked: {"tags": {"$elemMatch": asked}})


def of_evaluators(count: int, times: int = 1) -> Imported:
    named = {f"e{at}": {"and": [{"$ref": f"e{at + 1}"}] * times} for at in range(count)}
    flag = {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}
    asking = {**flag, "targeting": {"if": [{"$ref": "e0"}, "a"]}}
    evaluators = {**named, f"e{count}": {"var": "plan"}}
    return _read(flagd, {"$evaluators": evaluators, "flags": {"f0": asking, f"f{count - 1}": flag}})


def of_evaluators_twice(count: int) -> Imported:
    """Each names the next one twice: 2 ** 30 in the end."""
    return of_evaluators(min(count, 30), times=2)


def of_configcat(count: int) -> Imported:
    def setting(at: int) -> Json:
        asked = {"p": {"f": f"f{at + 1}", "c": 0, "v": {"b": True}}}
        rules = [{"c": [asked], "s": {"v": {"b": False}}}] * (at + 1 < count)
        return {"t": 0, "v": {"b": True}, "r": rules}

    return _read(configcat, {"p": {"s": "salt"}, "f": {f"f{at}": setting(at) for at in range(count)}})


def of_statsig(count: int) -> Imported:
    def gate(at: int) -> Json:
        rule = {"name": "r", "id": "r", "salt": "r", "passPercentage": 100, "returnValue": True, "idType": "userID",
                "conditions": [f"c{at}"], "groupName": None}  # fmt: skip
        return {"name": f"f{at}", "type": "feature_gate", "salt": "s", "enabled": True, "defaultValue": False,
                "version": 1, "idType": "userID", "entity": "feature_gate", "rules": [rule]}  # fmt: skip

    def condition(at: int) -> Json:
        kind = {"type": "pass_gate", "targetValue": f"f{at + 1}"} if at + 1 < count else {"type": "public"}
        return {
            "operator": None,
            "field": None,
            "targetValue": None,
            "additionalValues": {},
            "idType": "userID",
            **kind,
        }

    return _read(statsig, {
        "feature_gates": {f"f{at}": gate(at) for at in range(count)},
        "condition_map": {f"c{at}": condition(at) for at in range(count)},
        "dynamic_configs": {}, "layer_configs": {}, "id_lists": {}, "has_updates": True, "time": 1,
    })  # fmt: skip


def of_posthog(count: int) -> Imported:
    def flag(at: int) -> Json:
        asked = {"type": "flag", "key": f"f{at + 1}", "operator": "flag_evaluates_to", "value": True,
                 "dependency_chain": [f"f{at + 1}"]}  # fmt: skip
        properties = [asked] if at + 1 < count else []
        return {"key": f"f{at}", "active": True, "filters": {"groups": [{"properties": properties}]}}

    return _read(posthog, {"flags": [flag(at) for at in range(count)]})


def of_cohorts(count: int) -> Imported:
    def within(at: int) -> Json:
        return {"type": "cohort", "key": "id", "value": at}

    flags = [{"key": "f0", "active": True, "filters": {"groups": [{"properties": [within(0)]}]}},
             {"key": f"f{count - 1}", "active": True, "filters": {}}]  # fmt: skip
    cohorts = {str(at): {"type": "AND", "values": [within(at + 1)] * (at + 1 < count)} for at in range(count)}
    return _read(posthog, {"flags": flags, "cohorts": cohorts})


def _read(importer: Any, export: Json) -> Imported:
    found: Imported = importer.read(json.dumps(export).encode())
    return found


SYSTEMS = [
    of_launchdarkly, of_growthbook, of_saved_groups, of_elements, of_evaluators, of_evaluators_twice, of_configcat, of_statsig,
    of_posthog, of_cohorts,
]  # fmt: skip


@pytest.mark.parametrize("of_system", SYSTEMS)
def test_a_flag_at_the_top_of_a_very_long_chain_is_refused_with_its_length(
    of_system: Callable[[int], Imported],
) -> None:
    imported = of_system(LONG)
    first, *_, last = (each for each in imported.report.findings if each.kind == "flag")

    assert first.standing is Standing.REFUSED
    assert any(words in first.why for words in ("in a row", "deep", "over the limit"))
    assert last.standing is Standing.EXACT
    snapshot = Snapshot.from_lines(
        {key: json.dumps(entry).encode() for key, entry in imported.flags.items()},
        {key: json.dumps(entry).encode() for key, entry in imported.segments.items()},
    )
    assert snapshot.decide(first.key, {"targetingKey": "u"}, WORLD).error_code is not None
    assert snapshot.decide(last.key, {"targetingKey": "u"}, WORLD).error_code is None


@pytest.mark.parametrize("of_system", [each for each in SYSTEMS if each != of_evaluators_twice])
def test_a_chain_of_a_usual_length_is_followed(of_system: Callable[[int], Imported]) -> None:
    assert {each.standing for each in of_system(4).report.findings} == {Standing.EXACT}
