"""What a finding says of LaunchDarkly's flags and segments that are imported, but not in every part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk.importers.launchdarkly import read
from buildflags_sdk.importers.report import Finding, Standing

CLAUSE = {"attribute": "/plan", "contextKind": "org", "op": "in", "values": [{"any": "thing"}], "negate": False}
ROLLOUT = {
    "kind": "experiment", "contextKind": "user", "bucketBy": "key", "seed": 7,
    "variations": [{"variation": 0, "weight": 40_000}, {"variation": 1, "weight": 60_000, "untracked": True}],
}  # fmt: skip
EXPORT: dict[str, Any] = {
    "flags": {
        "p": {
            "key": "p", "version": 3, "deleted": False, "on": False, "variations": [{"any": "thing"}, {}],
            "offVariation": None, "fallthrough": {"variation": 0}, "salt": "s",
        },
        "f": {
            "key": "f", "version": 12, "on": True, "variations": ["a", "b"], "offVariation": 1, "salt": "grain",
            "prerequisites": [{"key": "p", "variation": 0}],
            "targets": [{"variation": 0, "values": ["ann"], "contextKind": "user"}],
            "contextTargets": [{"variation": 0, "values": [], "contextKind": "user"}],
            "rules": [
                {"id": "r1", "clauses": [CLAUSE, CLAUSE], "variation": 1, "trackEvents": True},
                {"id": "r2", "clauses": [CLAUSE], "rollout": ROLLOUT, "trackEvents": False},
            ],
            "fallthrough": {"rollout": ROLLOUT},
            "trackEvents": False, "trackEventsFallthrough": True, "debugEventsUntilDate": 1_700_000_000_000,
            "clientSide": True, "clientSideAvailability": {"usingMobileKey": True, "usingEnvironmentId": True},
            "samplingRatio": 2, "excludeFromSummaries": True,
        },
    },
    "segments": {
        "s": {
            "key": "s", "version": 1, "deleted": False, "included": ["ann"], "excluded": [], "salt": "grain",
            "includedContexts": [{"contextKind": "org", "values": ["acme"]}],
            "excludedContexts": [{"contextKind": "org", "values": ["evil"]}],
            "rules": [{"id": "r", "clauses": [CLAUSE], "weight": 5, "bucketBy": "key", "rolloutContextKind": "org"}],
            "unbounded": False, "unboundedContextKind": "user", "generation": 1,
        },
    },
}  # fmt: skip
PLACES: list[list[str | int]] = [
    ["flags", "f"],
    ["flags", "f", "prerequisites", 0],
    ["flags", "f", "targets", 0],
    ["flags", "f", "contextTargets", 0],
    ["flags", "f", "rules", 1],
    ["flags", "f", "rules", 0, "clauses", 1],
    ["flags", "f", "rules", 1, "rollout"],
    ["flags", "f", "rules", 1, "rollout", "variations", 1],
    ["flags", "f", "fallthrough"],
    ["flags", "f", "fallthrough", "rollout"],
    ["flags", "f", "fallthrough", "rollout", "variations", 0],
    ["flags", "f", "clientSideAvailability"],
    ["segments", "s"],
    ["segments", "s", "includedContexts", 0],
    ["segments", "s", "excludedContexts", 0],
    ["segments", "s", "rules", 0],
    ["segments", "s", "rules", 0, "clauses", 0],
]


def findings(export: dict[str, Any]) -> dict[str, Finding]:
    return {each.source_key: each for each in read(json.dumps(export).encode()).report.findings}


def changed(steps: list[str | int], **fields: Any) -> dict[str, Any]:
    export: dict[str, Any] = json.loads(json.dumps(EXPORT))
    at: Any = export
    for step in steps:
        at = at[step]
    at.update(fields)
    return export


def test_nothing_is_said_of_an_export_with_every_field_that_sdks_are_sent():
    assert {(each.standing, each.why) for each in findings(EXPORT).values()} == {(Standing.EXACT, "")}


@pytest.mark.parametrize("steps", PLACES, ids=lambda steps: ".".join(map(str, steps)))
def test_a_field_that_is_not_known_is_named_by_its_place(steps):
    found = findings(changed(steps, brandNew={"inner": 1}))

    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in [*steps, "brandNew"])
    assert found[str(steps[1])].standing is Standing.APPROXIMATED
    assert found[str(steps[1])].why == f"fields that are not known were left out: {path}"
    assert [key for key, each in found.items() if each.why] == [steps[1]], "it is said of that entry alone"


@pytest.mark.parametrize(
    ("steps", "where"),
    [
        (["flags", "f", "rules", 0, "clauses", 1], "$.flags.f.rules[0].clauses[1]"),
        (["segments", "s", "rules", 0, "clauses", 0], "$.segments.s.rules[0].clauses[0]"),
    ],
)
def test_an_operator_that_is_not_known_is_named_by_its_place(steps, where):
    found = findings(changed(steps, op="soundsLike"))[steps[1]]

    assert found.standing is Standing.APPROXIMATED
    assert f"'soundsLike' at {where}" in found.why
    assert "match nothing" in found.why


def test_many_operators_that_are_not_known_are_counted():
    clauses = [{**CLAUSE, "op": f"new{at}"} for at in range(9)]
    found = findings(changed(["flags", "f", "rules", 0], clauses=clauses))["f"]

    assert "'new5' at" in found.why
    assert found.why.endswith("and 3 more")


def test_a_migration_is_said():
    found = findings(changed(["flags", "f"], migration={"checkRatio": 3}))["f"]

    assert found.standing is Standing.APPROXIMATED
    assert "$.flags.f.migration" in found.why


def test_all_that_is_to_be_said_of_a_flag_is_said():
    export = changed(["flags", "f"], brandNew=1, variations=["a", 7], prerequisites=[{"key": "bad", "variation": 0}])
    export["flags"]["bad"] = 5
    found = findings(export)

    assert found["bad"].standing is Standing.REFUSED
    assert "several types" in found["f"].why
    assert "brandNew" in found["f"].why
    assert "names an entry that is refused" in found["f"].why


def test_a_refused_flag_says_why_it_is_refused_and_no_more():
    found = findings(changed(["flags", "f"], brandNew=1, on="yes"))["f"]

    assert found.standing is Standing.REFUSED
    assert "brandNew" not in found.why
