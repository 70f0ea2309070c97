"""Unleash's fields: one that is not known is named by its place, wherever in a client features response it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk.importers import Imported, Standing, unleash

CONSTRAINT = {"contextName": "plan", "operator": "IN", "values": ["pro"], "inverted": False, "caseInsensitive": False}
PAYLOAD = {"type": "string", "value": "x"}
STRATEGY: dict[str, Any] = {
    "name": "flexibleRollout",
    "title": "half of them",
    "parameters": {"rollout": "50", "stickiness": "userId", "groupId": "g"},
    "constraints": [CONSTRAINT],
    "segments": [7],
    "variants": [
        {"name": "a", "weight": 1000, "weightType": "variable", "stickiness": "default", "payload": PAYLOAD},
    ],
}
FEATURE: dict[str, Any] = {
    "name": "checkout",
    "type": "release",
    "description": None,
    "project": "default",
    "enabled": True,
    "stale": False,
    "impressionData": False,
    "createdAt": "2024-05-01T00:00:00.000Z",
    "lastSeenAt": None,
    "strategies": [{"name": "userWithId", "parameters": {"userIds": "1,2"}}, STRATEGY],
    "variants": [
        {
            "name": "b",
            "weight": 1000,
            "stickiness": "default",
            "payload": PAYLOAD,
            "overrides": [{"contextName": "userId", "values": ["u1"]}],
        }
    ],
    "dependencies": [{"feature": "parent", "enabled": True, "variants": ["b"]}],
}
RESPONSE: dict[str, Any] = {
    "version": 2,
    "features": [{"name": "parent", "enabled": True, "strategies": []}, FEATURE],
    "segments": [{"id": 7, "name": "pro", "description": "those who pay", "constraints": [CONSTRAINT]}],
    "query": {"environment": "production"},
    "meta": {"revisionId": 42, "etag": '"76d8bb0e:42"'},
}
FLAG = ("features", 1)
PLACES: list[tuple[tuple[str | int, ...], str]] = [
    (FLAG, "$.features[1]"),
    ((*FLAG, "strategies", 1), "$.features[1].strategies[1]"),
    ((*FLAG, "strategies", 0, "parameters"), "$.features[1].strategies[0].parameters"),
    ((*FLAG, "strategies", 1, "constraints", 0), "$.features[1].strategies[1].constraints[0]"),
    ((*FLAG, "strategies", 1, "variants", 0), "$.features[1].strategies[1].variants[0]"),
    ((*FLAG, "strategies", 1, "variants", 0, "payload"), "$.features[1].strategies[1].variants[0].payload"),
    ((*FLAG, "variants", 0), "$.features[1].variants[0]"),
    ((*FLAG, "variants", 0, "payload"), "$.features[1].variants[0].payload"),
    ((*FLAG, "variants", 0, "overrides", 0), "$.features[1].variants[0].overrides[0]"),
    ((*FLAG, "dependencies", 0), "$.features[1].dependencies[0]"),
    (("segments", 0), "$.segments[0]"),
    (("segments", 0, "constraints", 0), "$.segments[0].constraints[0]"),
]


def read(response: dict[str, Any]) -> Imported:
    return unleash.read(json.dumps(response).encode())


def changed(*steps: str | int, **fields: Any) -> dict[str, Any]:
    """The response with fields set in the object at those steps."""
    response: dict[str, Any] = json.loads(json.dumps(RESPONSE))
    holder: Any = response
    for step in steps:
        holder = holder[step]
    holder.update(fields)
    return response


@pytest.mark.parametrize(("steps", "shown"), PLACES, ids=[shown for _, shown in PLACES])
def test_a_field_that_is_not_known_is_named_in_its_own_finding(steps, shown):
    report = read(changed(*steps, novel="5")).report

    (finding,) = (each for each in report.findings if each.standing != Standing.EXACT)
    expected = "segment-7" if steps[0] == "segments" else "checkout"
    assert (finding.standing, finding.source_key) == (Standing.APPROXIMATED, expected)
    assert finding.why == f"fields that are not known were left out: {shown}.novel"


def test_a_response_of_known_fields_says_nothing_of_them():
    assert {(each.source_key, each.standing, each.why) for each in read(RESPONSE).report.findings} == {
        (key, Standing.EXACT, "") for key in ("segment-7", "parent", "checkout")
    }


def test_a_field_is_named_by_its_place_among_events():
    event = {"type": "feature-updated", "eventId": 2, "feature": {"name": "f", "enabled": True, "novel": 1}}
    imported = unleash.read(json.dumps({"events": [{"type": "hydration", "eventId": 1}, event]}).encode())

    assert imported.report.findings[0].why == "fields that are not known were left out: $.events[1].feature.novel"


def test_a_flag_that_unleash_cannot_compile_names_them_beside_the_reason():
    spoilt = changed(*FLAG, strategies=[{"name": "default", "constraints": [{**CONSTRAINT, "operator": "NO_SUCH"}]}])
    spoilt["features"][1]["novel"] = 1
    why = read(spoilt).report.findings[-1].why

    assert "no operator 'NO_SUCH'" in why
    assert why.endswith("; fields that are not known were left out: $.features[1].novel")


def test_what_a_strategys_variant_overrides_is_named_since_unleash_asks_only_the_flags_own():
    overriding = changed(*FLAG, "strategies", 1, "variants", 0, overrides=[{"contextName": "userId", "values": ["u"]}])

    assert "$.features[1].strategies[1].variants[0].overrides" in read(overriding).report.findings[-1].why


def test_a_strategy_that_says_it_is_disabled_counts_as_in_unleash_and_is_told():
    imported = read(changed(*FLAG, "strategies", 0, disabled=True))

    assert "$.features[1].strategies[0].disabled is set" in imported.report.findings[-1].why
    assert read(changed(*FLAG, "strategies", 0, disabled=False)).report.approximated == 0


def test_what_decides_nothing_is_kept_with_the_flag():
    kept = read(changed(*FLAG, stale=True, impressionData=True, description="the new one")).flags["checkout"]["meta"]

    assert {name: kept.get(name) for name in ("stale", "impressionData", "description", "project", "type")} == {
        "stale": True,
        "impressionData": True,
        "description": "the new one",
        "project": "default",
        "type": "release",
    }
