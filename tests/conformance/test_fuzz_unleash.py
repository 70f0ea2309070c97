"""Whole rulesets drawn at random, decided here and by the engine of Unleash's own SDK."""

from __future__ import annotations

import json
from time import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from buildflags_sdk.importers.unleash import flattened, read, result_of

engine = pytest.importorskip("yggdrasil_engine.engine", reason="the peer's engine is not installed: yggdrasil-engine")
pytestmark = pytest.mark.conformance

FIELDS = ("userId", "sessionId", "appName", "plan", "version", "score", "since", "targetingKey", "currentTime")
VALUES = [
    "a",
    "b",
    "AB",
    "aé",
    "",
    "1.0.0",
    "1.2.0-beta.1",
    "2.0.0",
    "5",
    "-1.5",
    "5.0",
    " 5",
    "x5",
    "2024-05-01T00:00:00Z",
]
VALUES += ["2024-05-01 00:00:00+00:00", "2024-06-01T00:00:00.123456+0200", "2024-5-1 1:2:3 UTC", "2024-05-02 00:00:00"]
VALUES += ["2025-01-01T00:00:00.5+02:00", "10.1.2.3", "::1", "a\nb", 'a"b', "a\\b", "1000", "inf"]
LISTED = st.lists(st.sampled_from([*VALUES, *VALUES, "10.0.0.0/8", "nonsense/9", "b\\", '\\"']), max_size=3)
PATTERNS = [
    "^a",
    "(?i)AB",
    "b$",
    "[[:alpha:]]+",
    r"^\d",
    "a.b",
    "(?s)a.b",
    "(",
    "(?=a)",
    "a|5",
    r"\.",
    'a"b',
    r"a\\b",
    "a\\",
]
PATTERNS += ["^[a-b]{1,2}$", "[]a]", "[^a]", r"\x61", r"\p{Ll}b", ""]
NUMBERS = ["5", "-1.5", "5.0", " 5 ", "x", "inf", ".5", "5.", "1e3", "1.0", "5\n", "\t5"]
VERSIONS = ["1.0.0", "1.2.0-beta", "2.0.0+build", "01.0.0", "v1.0.0", " 1.0.0"]


def switches(rare: int = 3) -> st.SearchStrategy[bool]:
    return st.sampled_from([False] * rare + [True])


@st.composite
def constraints(draw: Any) -> dict[str, Any]:
    operator = draw(
        st.sampled_from(
            [f"NUM_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")]
            + [f"SEMVER_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")]
            + ["IN", "NOT_IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS", "DATE_AFTER", "DATE_BEFORE", "REGEX"]
            + ["IN", "NOT_IN", "IN_CIDR"]
            + ["NO_SUCH"] * draw(st.integers(0, 1))
        )
    )
    made: dict[str, Any] = {"contextName": draw(st.sampled_from(FIELDS)), "operator": operator}
    made |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "inverted": switches(1),
                "caseInsensitive": switches(1),
                "values": LISTED | st.none(),
                "value": st.sampled_from(["", "a"]) | st.none(),
            },
        )
    )
    if operator.startswith("STR") or operator in (
        "REGEX",
        "IN_CIDR",
    ):  # of the present's text: the importer tells of it
        made["contextName"] = draw(st.sampled_from(FIELDS[:-1]))
    if operator.endswith("IN") or operator.startswith("STR"):  # those of several values
        made["values"] = draw(LISTED)
    if draw(switches(15)):
        return made  # without what it compares with, or with the other's
    if operator == "REGEX":
        made["value"] = draw(st.sampled_from(PATTERNS))
    elif operator.startswith("SEMVER"):
        made["value"] = draw(st.sampled_from(VERSIONS * 3 + NUMBERS))
    elif operator.startswith("NUM"):
        made["value"] = draw(st.sampled_from(NUMBERS * 3 + VERSIONS))
    elif operator.startswith("DATE"):
        made["value"] = draw(
            st.sampled_from(
                [
                    "2024-05-01T00:00:00Z",
                    "2024-12-31T22:00:00.500Z",
                    "2024-12-31T22:00:00.5Z",
                    "yesterday",
                    "2024-05-01T00:00:00+02:00",
                    "2024-05-01 00:00:00Z",
                    "2024-02-30T00:00:00Z",
                    "1.0.0",
                    "5",
                ]
            )
        )
    return made


VARIANT_NAMES = st.sampled_from(["red", "green", "blue", "disabled"])


@st.composite
def variant_lists(draw: Any, *, overrides: bool) -> list[dict[str, Any]]:
    made = []
    for name in draw(st.lists(VARIANT_NAMES, min_size=1, max_size=3, unique=True)):
        body: dict[str, Any] = {"name": name, "weight": draw(st.sampled_from([0, 1, 100, 333, 500, 1000]))}
        if draw(st.booleans()):
            body["payload"] = {"type": draw(st.sampled_from(["string", "json"])), "value": name}
        if overrides and draw(switches()):
            names = st.sampled_from(["userId", "plan"])
            body["overrides"] = [{"contextName": draw(names), "values": draw(LISTED)}]
        made.append(body)
    made[0]["weight"] += 1  # the engine panics where no variant has any weight
    if not overrides and draw(st.booleans()):  # a strategy's variants, of whose own stickiness nothing is asked
        for body in made:
            body["stickiness"] = draw(st.sampled_from(["userId", "plan", "appName"]))
    if overrides:
        sticky = draw(st.sampled_from([None, "userId", "default", "plan"]))
        for body in made:
            body.update({"stickiness": sticky} if sticky else {})
    return made


@st.composite
def activations(draw: Any) -> dict[str, Any]:
    name = draw(
        st.sampled_from(["default", "flexibleRollout", "flexibleRollout", "userWithId", "remoteAddress", "gradual"])
    )
    made: dict[str, Any] = {"name": name, "constraints": draw(st.lists(constraints(), max_size=2))}
    percent = draw(st.sampled_from(["0", "1", "33", "50", "99", "100", "100", "101", "x", "+40"]))
    if name == "flexibleRollout":
        made["parameters"] = {"rollout": percent, "stickiness": draw(st.sampled_from(["userId", "default", "plan"]))}
        if draw(st.booleans()):
            made["parameters"]["groupId"] = draw(st.sampled_from(["g", "", "flag-a", "é", 'g"', 'g\\"h', "g\\h"]))
    elif name == "gradual":
        made["name"] = draw(st.sampled_from(["gradualRolloutUserId", "gradualRolloutSessionId"]))
        made["parameters"] = {"percentage": percent, "groupId": "g"}
    elif name != "default":
        made["parameters"] = {"userIds": ", ".join(draw(LISTED)), "IPs": "10.0.0.0/8, bad,::1"}
    if draw(switches()):
        made["segments"] = draw(st.lists(st.sampled_from([1, 2, 2, 9]), max_size=2))
    if draw(switches(2)):
        made["variants"] = draw(variant_lists(overrides=False))
    return made


@st.composite
def states(draw: Any) -> dict[str, Any]:
    features = []
    for name in ("flag-a", "flag b", "flag-c"):
        feature: dict[str, Any] = {
            "name": name,
            "enabled": not draw(switches(5)),
            "strategies": draw(st.lists(activations(), max_size=3)),
            "variants": draw(st.one_of(st.just([]), variant_lists(overrides=True))),
        }
        if name == "flag-c" and draw(st.booleans()):
            parent: dict[str, Any] = {"feature": draw(st.sampled_from(["flag-a", "flag b", "flag-c", "gone"]))}
            if draw(st.booleans()):
                parent["enabled"] = draw(st.booleans())
            # Not of a parent that must be off: the engine asks it for its variant all the same.
            if parent.get("enabled", True) and draw(st.booleans()):
                parent["variants"] = draw(st.lists(VARIANT_NAMES, max_size=2))
            feature["dependencies"] = [parent]
        for activation in feature["strategies"]:  # the engine takes the child's name where a parent names no group
            if name != "flag-c" and activation["name"] == "flexibleRollout":
                activation["parameters"].setdefault("groupId", "g")
        features.append(feature)
    segments = [{"id": number, "constraints": draw(st.lists(constraints(), max_size=2))} for number in (1, 2)]
    return {"version": 2, "features": features, "segments": segments}


@st.composite
def contexts(draw: Any) -> dict[str, Any]:
    """A user is always known: where nobody is, chance decides, and two dice agree on nothing."""
    known = {"userId": draw(st.sampled_from([*VALUES, *"defgh"])), "plan": draw(st.sampled_from(VALUES))}
    for name in ("sessionId", "appName", "remoteAddress", "currentTime"):
        if draw(st.booleans()):
            known[name] = draw(st.sampled_from(VALUES))
    extra = draw(st.dictionaries(st.sampled_from(FIELDS[4:-1]), st.sampled_from(VALUES), max_size=3))
    return {
        **{name: value for name, value in known.items() if name != "plan"},
        "properties": {**extra, "plan": known["plan"]},
    }


def test_random_rulesets_are_decided_as_unleash_decides_them(both, fuzz_examples, tally):
    decided_on = 0

    @settings(max_examples=fuzz_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(states(), st.lists(contexts(), min_size=1, max_size=4))
    def compare(state: dict[str, Any], people: list[dict[str, Any]]) -> None:
        nonlocal decided_on
        peer = engine.UnleashEngine()
        peer.take_state(json.dumps(state))
        imported = read(json.dumps(state).encode())
        decide = both(imported, now=time()).decide
        keys = {f.source_key: f.key for f in imported.report.findings if f.kind == "flag"}
        for context in people:
            for name in ("flag-a", "flag b", "flag-c"):
                decision = decide(keys[name], imported.attributes.apply(flattened(context)))
                ours = result_of(decision, imported.flags[keys[name]])
                wanted = peer.get_variant(name, context).variant
                decided_on += 1
                note(f"{name} {context} {decision} {json.dumps(state)}")
                assert decision.decided
                assert ours.feature_enabled == peer.is_enabled(name, context).is_enabled
                assert (ours.name, ours.payload, ours.enabled) == (wanted.name, wanted.payload, wanted.enabled)

    compare()
    tally("unleash (fuzz)", passed=decided_on)
    assert decided_on >= fuzz_examples
