"""Whole rulesets drawn at random, decided here and by the engine of Unleash's own SDK."""

from __future__ import annotations

import json
from functools import cache
from time import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers.unleash import flattened, read, result_of

from .drawing import any_of, given_ones, seldom

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


# Strategies are built once: built anew for each draw they take longer than what they draw.
_OPERATORS = (
    [f"NUM_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")]
    + [f"SEMVER_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")]
    + ["IN", "NOT_IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS", "DATE_AFTER", "DATE_BEFORE", "REGEX"]
    + ["IN", "NOT_IN", "IN_CIDR", "NO_SUCH"]
)
DATES = [
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
compared_with = {
    "REGEX": st.sampled_from(PATTERNS),
    "SEMVER": st.sampled_from(VERSIONS * 3 + NUMBERS),
    "NUM": st.sampled_from(NUMBERS * 3 + VERSIONS),
    "DATE": st.sampled_from(DATES),
}


def _constraints(operator: str) -> st.SearchStrategy[dict[str, Any]]:
    family = operator.partition("_")[0]
    # Of the present's text the importer tells.
    names = FIELDS[:-1] if family == "STR" or operator in ("REGEX", "IN_CIDR") else FIELDS
    fields = {"contextName": st.sampled_from(names), "operator": st.just(operator)}
    plain = {"inverted": switches(1), "caseInsensitive": switches(1)}
    of_lists = LISTED | st.none()
    of_values = st.sampled_from(["", "a"]) | st.none()
    if operator.endswith("IN") or family == "STR":  # those of several values
        return st.fixed_dictionaries({**fields, "values": LISTED}, optional={**plain, "value": of_values})
    if family not in compared_with:
        return st.fixed_dictionaries(fields, optional={**plain, "values": of_lists, "value": of_values})
    usual = st.fixed_dictionaries({**fields, "value": compared_with[family]}, optional={**plain, "values": of_lists})
    odd = st.fixed_dictionaries(fields, optional={**plain, "values": of_lists, "value": of_values})
    return any_of(odd, *[usual] * 15)  # seldom without what it compares with


constraints = st.one_of(*(_constraints(operator) for operator in _OPERATORS))
several_constraints = st.lists(constraints, max_size=2)

VARIANT_NAMES = st.sampled_from(["red", "green", "blue", "disabled"])
variant_names = st.lists(VARIANT_NAMES, min_size=1, max_size=3, unique=True)
sticky_to = st.sampled_from([None, "userId", "default", "plan"])
strategies_sticky_to = st.sampled_from(["userId", "plan", "appName"])
bodies = st.fixed_dictionaries(
    {"weight": st.sampled_from([0, 1, 100, 333, 500, 1000])},
    optional={"payload": st.sampled_from(["string", "json"]).map(lambda kind: {"type": kind})},
)
overridden = st.fixed_dictionaries({"contextName": st.sampled_from(["userId", "plan"]), "values": LISTED})
overridden_or_not = switches()


@cache
def variant_lists(*, overrides: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    @st.composite
    def drawn(draw: Any) -> list[dict[str, Any]]:
        made = []
        for name in draw(variant_names):
            body: dict[str, Any] = {"name": name, **draw(bodies)}
            if "payload" in body:
                body["payload"] = {**body["payload"], "value": name}
            if overrides and draw(overridden_or_not):
                body["overrides"] = [draw(overridden)]
            made.append(body)
        made[0]["weight"] += 1  # the engine panics where no variant has any weight
        if not overrides and draw(st.booleans()):  # a strategy's variants, of whose own stickiness nothing is asked
            for body in made:
                body["stickiness"] = draw(strategies_sticky_to)
        if overrides:
            sticky = draw(sticky_to)
            for body in made:
                body.update({"stickiness": sticky} if sticky else {})
        return made

    return drawn()


percents = st.sampled_from(["0", "1", "33", "50", "99", "100", "100", "101", "x", "+40"])


def _activations(name: str) -> st.SearchStrategy[dict[str, Any]]:
    parameters: dict[str, st.SearchStrategy[Any]] = {}
    if name == "flexibleRollout":
        parameters["parameters"] = st.fixed_dictionaries(
            {"rollout": percents, "stickiness": st.sampled_from(["userId", "default", "plan"])},
            optional={"groupId": st.sampled_from(["g", "", "flag-a", "é", 'g"', 'g\\"h', "g\\h"])},
        )
    elif name.startswith("gradual"):
        parameters["parameters"] = percents.map(lambda percent: {"percentage": percent, "groupId": "g"})
    elif name != "default":
        parameters["parameters"] = LISTED.map(
            lambda listed: {"userIds": ", ".join(listed), "IPs": "10.0.0.0/8, bad,::1"}
        )
    return st.fixed_dictionaries(
        {
            "name": st.just(name),
            "constraints": several_constraints,
            **parameters,
            "segments": seldom(st.lists(st.sampled_from([1, 2, 2, 9]), max_size=2), 3),
            "variants": seldom(variant_lists(overrides=False), 2),
        }
    ).map(given_ones)


_STRATEGIES = ("default", "flexibleRollout", "flexibleRollout", "userWithId", "remoteAddress")
gradual = st.one_of(_activations("gradualRolloutUserId"), _activations("gradualRolloutSessionId"))
activations = st.lists(st.one_of(*(_activations(name) for name in _STRATEGIES), gradual), max_size=3)
off = switches(5)
of_variants = st.one_of(st.just([]), variant_lists(overrides=True))
parents = st.sampled_from(["flag-a", "flag b", "flag-c", "gone"])
parents_variants = st.lists(VARIANT_NAMES, max_size=2)


@st.composite
def states(draw: Any) -> dict[str, Any]:
    features = []
    for name in ("flag-a", "flag b", "flag-c"):
        feature: dict[str, Any] = {
            "name": name,
            "enabled": not draw(off),
            "strategies": draw(activations),
            "variants": draw(of_variants),
        }
        if name == "flag-c" and draw(st.booleans()):
            parent: dict[str, Any] = {"feature": draw(parents)}
            if draw(st.booleans()):
                parent["enabled"] = draw(st.booleans())
            # Not of a parent that must be off: the engine asks it for its variant all the same.
            if parent.get("enabled", True) and draw(st.booleans()):
                parent["variants"] = draw(parents_variants)
            feature["dependencies"] = [parent]
        for activation in feature["strategies"]:  # the engine takes the child's name where a parent names no group
            if name != "flag-c" and activation["name"] == "flexibleRollout":
                activation["parameters"].setdefault("groupId", "g")
        features.append(feature)
    segments = [{"id": number, "constraints": draw(several_constraints)} for number in (1, 2)]
    return {"version": 2, "features": features, "segments": segments}


user_ids, of_values = st.sampled_from([*VALUES, *"defgh"]), st.sampled_from(VALUES)


@st.composite
def contexts(draw: Any) -> dict[str, Any]:
    """A user is always known: where nobody is, chance decides, and two dice agree on nothing."""
    known = {"userId": draw(user_ids), "plan": draw(of_values)}
    for name in ("sessionId", "appName", "remoteAddress", "currentTime"):
        if draw(st.booleans()):
            known[name] = draw(of_values)
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
                got = (decision.decided, ours.feature_enabled, ours.name, ours.payload, ours.enabled)
                enabled = peer.is_enabled(name, context).is_enabled
                expected = (True, enabled, wanted.name, wanted.payload, wanted.enabled)
                assert got == expected, json.dumps([name, context, repr(decision), state])

    compare()
    tally("unleash (fuzz)", passed=decided_on)
    assert decided_on >= fuzz_examples
