"""LaunchDarkly's two kinds of errors in a prerequisite: one ends the flag that names it, the other is a variation not met."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers.launchdarkly import read, result_of
from buildflags_sdk.importers.report import Imported, Standing

ON = {"on": True, "variations": ["A", "B"], "offVariation": 1, "fallthrough": {"variation": 0}}
MALFORMED = {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}
MISTAKEN = {"attribute": "//", "contextKind": "org", "op": "in", "values": ["a"]}
"""A clause that is an error for whoever has an org, and for nobody else."""
USER = {"kind": "user", "key": "u"}
WITH_ORG = {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o"}}
WRONG_OUTCOMES: list[dict[str, Any]] = [
    {"variation": 7},
    {"variation": -1},
    {},
    {"rollout": {"variations": []}},
    {"rollout": {"variations": [{"variation": 7, "weight": 100_000}]}},
    {"rollout": {"kind": "experiment", "variations": [{"variation": 7, "weight": 100_000}]}},
]


def imported(flags: dict[str, Any]) -> Imported:
    return read(json.dumps({"flags": flags}).encode())


def reason(made: Imported, key: str, context: dict[str, Any]) -> dict[str, Any]:
    flags = {name: json.dumps(entry).encode() for name, entry in made.flags.items()}
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    decision = Snapshot.from_lines(flags, {}).decide(key, made.attributes.apply(context), world)
    told: dict[str, Any] = result_of(decision, made.flags[key])["reason"]
    return told


def naming(key: str, variation: int = 0) -> dict[str, Any]:
    return {**ON, "prerequisites": [{"key": key, "variation": variation}]}


def failed(key: str) -> dict[str, Any]:
    return {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": key}


@pytest.mark.parametrize("outcome", WRONG_OUTCOMES, ids=str)
def test_each_error_of_a_flag_that_has_both_kinds_means_what_it_means_there(outcome):
    both = {**ON, "rules": [{"id": "r", "clauses": [MISTAKEN], "variation": 0}], "fallthrough": outcome}
    made = imported({"f": naming("p"), "p": both, "g": naming("f")})

    assert reason(made, "p", USER) == reason(made, "p", WITH_ORG) == MALFORMED
    assert reason(made, "f", USER) == failed("p")
    assert reason(made, "g", USER) == failed("f")
    assert reason(made, "f", WITH_ORG) == reason(made, "g", WITH_ORG) == MALFORMED


def test_a_wrong_outcome_of_a_rule_hides_the_malformed_clause_behind_it():
    everybody = {"id": "first", "clauses": [], "variation": 7}
    malformed = {"id": "second", "clauses": [MISTAKEN], "variation": 0}
    made = imported({"f": naming("p"), "p": {**ON, "rules": [everybody, malformed]}})

    assert reason(made, "f", WITH_ORG) == failed("p")
    assert reason(made, "p", WITH_ORG) == MALFORMED


def test_a_prerequisite_may_serve_its_right_variation_beside_both_errors():
    both = {**ON, "rules": [{"id": "r", "clauses": [MISTAKEN], "variation": 7}]}
    made = imported({"f": naming("p"), "h": naming("p", 1), "p": both})

    assert reason(made, "f", USER) == {"kind": "FALLTHROUGH"}
    assert reason(made, "h", USER) == failed("p")
    assert reason(made, "f", WITH_ORG) == MALFORMED


def test_a_target_and_an_off_variation_in_error_merely_fail():
    malformed = {"rules": [{"id": "r", "clauses": [MISTAKEN], "variation": 0}]}
    flags = {
        "f": naming("targeted"),
        "targeted": {**ON, **malformed, "targets": [{"variation": 7, "values": ["u"]}]},
        "g": naming("unmet"),
        "unmet": {**ON, **malformed, "offVariation": 7, "prerequisites": [{"key": "absent", "variation": 0}]},
    }
    made = imported(flags)

    assert reason(made, "f", WITH_ORG) == failed("targeted")
    assert reason(made, "f", {"kind": "multi", "user": {"key": "v"}, "org": {"key": "o"}}) == MALFORMED
    assert reason(made, "g", WITH_ORG) == failed("unmet")
    assert reason(made, "unmet", WITH_ORG) == MALFORMED


def test_a_cycle_that_a_wrong_outcome_keeps_from_being_reached_ends_nobody():
    unmet = {"key": "absent", "variation": 0}
    ring = {**ON, "offVariation": 7, "prerequisites": [unmet, {"key": "ring", "variation": 0}]}
    made = imported({"f": naming("ring"), "ring": ring})

    assert reason(made, "f", USER) == failed("ring")
    assert reason(made, "ring", USER) == MALFORMED


def test_a_cycle_that_is_reached_through_a_flag_with_wrong_outcomes_ends_all():
    made = imported(
        {"a": {**naming("b"), "offVariation": 7}, "b": {**naming("a"), "fallthrough": {}}, "c": naming("b")}
    )

    for key in "abc":
        assert reason(made, key, USER) == MALFORMED


@pytest.mark.parametrize("off", [1, 7, None])
def test_a_flag_that_is_off_fails_as_a_prerequisite_whatever_is_in_it(off):
    rules = [{"id": "r", "clauses": [MISTAKEN], "variation": 7}]
    made = imported({"f": naming("p", 1), "p": {**ON, "on": False, "offVariation": off, "rules": rules}})

    assert reason(made, "f", WITH_ORG) == failed("p")


def test_what_is_asked_in_a_flags_place_is_reported_beside_it_and_only_where_it_is_needed():
    malformed = {"id": "r", "clauses": [MISTAKEN], "variation": 0}
    flags = {
        "f": {**ON, "prerequisites": [{"key": key, "variation": 0} for key in ("both", "clause", "outcome")]},
        "both": {**ON, "rules": [malformed], "fallthrough": {}},
        "clause": {**ON, "rules": [malformed]},
        "outcome": {**ON, "fallthrough": {}},
        "unnamed": {**ON, "rules": [malformed], "fallthrough": {}},
        "both-as-a-prerequisite": ON,
    }
    made = imported(flags)

    (finding,) = (each for each in made.report.findings if each.key not in flags)
    assert (finding.source_key, finding.standing, finding.where) == ("both", Standing.APPROXIMATED, "$.flags.both")
    assert "prerequisite" in finding.why
    assert made.flags.keys() == flags.keys() | {finding.key}
    assert {each.standing for each in made.report.findings if each is not finding} == {Standing.EXACT}
