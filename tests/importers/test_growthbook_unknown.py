"""What a GrowthBook payload holds that is not known here: every finding names it by its place, and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from buildflags_sdk.importers import Standing, growthbook

IN_GROUPS = {"$savedGroup": {"id": "testers"}, "country": {"$inGroup": "eu"}}
PAYLOAD: dict[str, Any] = {
    "status": 200,
    "dateUpdated": "2026-01-02T03:04:05.678Z",
    "experiments": [],
    "features": {
        "plain": {"defaultValue": False},
        "f": {
            "defaultValue": "a",
            "metadata": {"projects": ["web"], "tags": ["new"]},
            "rules": [
                {
                    "id": "fr_1",
                    "force": "b",
                    "coverage": 0.5,
                    "hashAttribute": "id",
                    "seed": "s",
                    "condition": {"$or": [IN_GROUPS, {"tags": {"$elemMatch": {"x": {"$not": {"$eq": 1}}}}}]},
                    "tracks": [{"experiment": {"key": "e"}, "result": {"variationId": 0}}],
                    "parentConditions": [{"id": "plain", "condition": {"value": {"$ne": True}}, "gate": True}],
                },
                {
                    "key": "e",
                    "name": "Test",
                    "phase": "1",
                    "variations": ["a", "b"],
                    "weights": [0.5, 0.5],
                    "meta": [{"key": "0", "name": "control"}, {"key": "1", "passthrough": False}],
                    "filters": [{"seed": "n", "attribute": "id", "hashVersion": 2, "ranges": [[0, 1]]}],
                    "metadata": {"projects": ["web"]},
                },
                {
                    "contextualVariations": ["a", "b"],
                    "contextualBanditRef": "cb",
                    "type": "contextual-bandit",
                    "banditVersion": 1,
                },
            ],
        },
    },
    "savedGroups": {
        "eu": ["DE", "FR"],
        "staff": {"type": "list", "attributeKey": "id", "values": ["u1"]},
        "testers": {"type": "condition", "condition": {"$savedGroup": {"id": "staff", "attributeKey": "id"}}},
        "nobody's": {"type": "list", "attributeKey": "id", "values": []},
    },
    "contextualBandits": {
        "cb": {"banditVersion": 2, "contexts": [{"leafId": 1, "condition": {"vip": True}, "weights": [0.9, 0.1]}]},
        "nobody's": {"contexts": []},
    },
}
F = ("features", "f")
RULE = (*F, "rules", 0)
IN_OR = (*RULE, "condition", "$or")


def notes(payload: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What the finding of each flag and segment says."""
    findings = growthbook.read(json.dumps(payload).encode()).report.findings
    assert all((finding.standing == Standing.APPROXIMATED) is bool(finding.why) for finding in findings)
    return {(finding.kind, finding.source_key): finding.why for finding in findings}


def with_more(*steps: str | int, more: dict[str, Any]) -> dict[str, Any]:
    payload = deepcopy(PAYLOAD)
    inside: Any = payload
    for step in steps:
        inside = inside[step]
    inside.update(more)
    return payload


def test_a_payload_of_which_all_is_known_has_no_notes():
    assert set(notes(PAYLOAD).values()) == {""}


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        (F, "$.features.f.later"),
        (RULE, "$.features.f.rules[0].later"),
        ((*F, "rules", 1), "$.features.f.rules[1].later"),
        ((*RULE, "parentConditions", 0), "$.features.f.rules[0].parentConditions[0].later"),
        ((*F, "rules", 1, "meta", 1), "$.features.f.rules[1].meta[1].later"),
        ((*F, "rules", 1, "filters", 0), "$.features.f.rules[1].filters[0].later"),
        ((*IN_OR, 0, "$savedGroup"), '$.features.f.rules[0].condition["$or"][0]["$savedGroup"].later'),
        (("savedGroups", "staff"), "$.savedGroups.staff.later"),
        (("savedGroups", "testers"), "$.savedGroups.testers.later"),
        (
            ("savedGroups", "testers", "condition", "$savedGroup"),
            '$.savedGroups.testers.condition["$savedGroup"].later',
        ),
        (("contextualBandits", "cb"), "$.contextualBandits.cb.later"),
        (("contextualBandits", "cb", "contexts", 0), "$.contextualBandits.cb.contexts[0].later"),
    ],
)
def test_a_field_that_is_not_known_is_named_by_its_place_and_only_where_it_counts(steps, named):
    found = notes(with_more(*steps, more={"later": 5}))

    assert found["flag", "f"] == f"fields that are not known were left out: {named}"
    assert found["flag", "plain"] == ""


def test_a_field_of_the_payload_itself_may_be_about_any_flag_and_is_named_in_each():
    found = notes(with_more(more={"holdouts": {}}))

    why = "fields that are not known were left out: $.holdouts"
    assert (found["flag", "f"], found["flag", "plain"]) == (why, why)


def test_a_saved_group_that_became_a_segment_is_told_of_too():
    found = notes(with_more("savedGroups", "testers", more={"later": 5}))

    assert "$.savedGroups.testers.later" in found["segment", "testers"]


def test_what_nobody_names_is_nobodys_note():
    payload = with_more("savedGroups", "nobody's", more={"later": 5})
    payload["contextualBandits"]["nobody's"]["later"] = 5

    assert set(notes(payload).values()) == {""}


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ((*IN_OR, 1, "tags"), '$.features.f.rules[0].condition["$or"][1].tags["$nosuch"]'),
        (
            (*IN_OR, 1, "tags", "$elemMatch", "x", "$not"),
            '$.features.f.rules[0].condition["$or"][1].tags["$elemMatch"].x["$not"]["$nosuch"]',
        ),
        (
            (*RULE, "parentConditions", 0, "condition", "value"),
            '$.features.f.rules[0].parentConditions[0].condition.value["$nosuch"]',
        ),
    ],
)
def test_an_operator_that_is_not_known_is_named_with_what_becomes_of_it(steps, named):
    found = notes(with_more(*steps, more={"$nosuch": 5}))

    what = "operators and types of saved groups that are not known are met by nobody, negated or not"
    assert found["flag", "f"] == f"{what}: {named}"


def test_operators_are_named_wherever_a_flag_gets_its_conditions_from():
    asked = {"country": {"$nosuch": 1}}
    in_group = notes(with_more("savedGroups", "testers", "condition", more=asked))
    in_leaf = notes(with_more("contextualBandits", "cb", "contexts", 0, "condition", more=asked))
    new_type = notes(with_more("savedGroups", "staff", more={"type": "cohort"}))

    assert '$.savedGroups.testers.condition.country["$nosuch"]' in in_group["flag", "f"]
    assert '$.contextualBandits.cb.contexts[0].condition.country["$nosuch"]' in in_leaf["flag", "f"]
    assert "$.savedGroups.staff.type" in new_type["flag", "f"]


def test_values_that_look_like_operators_are_values():
    condition = {"p": {"$in": [{"$nosuch": 1}]}, "q": {"$eq": {"$nosuch": 1}}, "r": {"$nosuch": 1, "plain": 2}}

    assert notes({"features": {"f": {"rules": [{"force": 1, "condition": condition}]}}}) == {("flag", "f"): ""}


def test_an_inline_experiment_names_what_is_not_known_too():
    condition = {"$not": {"p": {"$nosuch": 1}}}
    experiment = {"key": "e", "variations": ["a", "b"], "name": "Test", "url": "^/shop", "condition": condition}
    (finding,) = growthbook.read_experiment(json.dumps(experiment).encode()).report.findings

    assert '$.condition["$not"].p["$nosuch"]' in finding.why
    assert "left out: $.url" in finding.why


@pytest.mark.parametrize("parent", [False, True])
def test_groups_that_name_each_other_without_end_are_refused_before_they_grow(parent: bool) -> None:
    groups: dict[str, Any] = {"g30": {"type": "condition", "condition": {"value": {"$nosuch": 1}}}}
    for at in range(30):
        twice = [{"$savedGroup": {"id": f"g{at + 1}"}}] * 2
        groups[f"g{at}"] = {"type": "condition", "condition": {"$and": twice}}
    condition = {"$savedGroup": {"id": "g0"}}
    rule = {
        "force": 1,
        **({"parentConditions": [{"id": "z", "condition": condition}]} if parent else {"condition": condition}),
    }
    imported = growthbook.read(json.dumps({"features": {"f": {"rules": [rule]}}, "savedGroups": groups}).encode())

    assert "name each other more than 1,000 times" in imported.flags["f"]["broken"]
