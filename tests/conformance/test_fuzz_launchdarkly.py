"""LaunchDarkly's own Python SDK and the imported ruleset, over rulesets and contexts drawn at random: the same answers."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers.launchdarkly import context_of, read, result_of

from .drawing import any_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("ldclient", reason="the peer's SDK is not installed: launchdarkly-server-sdk")

from ldclient import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.impl.model import FeatureFlag, Segment

pytestmark = [pytest.mark.conformance, pytest.mark.property]

Json = dict[str, Any]

FLAGS, SEGMENTS, KINDS = ("f0", "f1", "f2"), ("s0", "s1"), ("user", "org")
KEYS = ("u1", "u2", "acme", "x.y")
MEMBERS = {"u1": {"s0.g1": True, "s1.g1": False, "s1.g2": True}, "u2": {}, "acme": {"s0.g2": True, "s1.g1": True}}
TEXTS = ("a", "a", "ab", "user", "1.2", "2.0.0-rc.1", "2", "2020-01-01T00:00:00Z", "1970-01-01T00:00:01+01:00", "")
numbers = st.sampled_from((0, 1, 2, 2.5, -1, 1000, 1_577_836_800_000))
scalars = st.one_of(st.sampled_from(TEXTS), numbers, st.booleans())
values = any_of(scalars, scalars, st.none(), st.lists(scalars, max_size=2), st.just({"b": "a"}))
attributes = st.sampled_from(("key", "plan", "age", "anonymous", "name", "kind", "targetingKey", "kinds", "nested"))
paths = st.sampled_from(
    ("/plan", "/plan", "/age", "/nested/b", "/a~1b", "/nested/b/c", "/kind", "/kind/a", "/key", "//", "/a~")
)
references = st.one_of(attributes, paths)
operators = st.sampled_from(
    (
        "in", "in", "startsWith", "endsWith", "contains", "matches", "lessThan", "lessThanOrEqual", "greaterThan",
        "greaterThanOrEqual", "before", "after", "semVerEqual", "semVerLessThan", "semVerGreaterThan", "no such operator",
    )
)  # fmt: skip
patterns = st.sampled_from(("^a", "b$", "[a", ".", "us?er", "a|b"))
indexes = st.sampled_from((*(0, 1, 2) * 6, 7, -1))
kinds = st.sampled_from(("user", "user", "org", "device"))


def some(strategy: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most)


# Strategies are built once: built anew for each draw they take longer than what they draw.
rarely = st.integers(0, 3).map(lambda at: at == 0)
named_segments = st.lists(st.sampled_from((*SEGMENTS, "absent")), min_size=1, max_size=2)
places = st.sampled_from((("user", "plan"), ("org", "plan"), ("user", "key"), ("org", "key"), ("user", "kind")))
listed = st.lists(values, min_size=1, max_size=3)
listed_patterns = st.lists(st.one_of(patterns, scalars), min_size=1, max_size=3)


@st.composite
def _clauses(draw: Callable[..., Any]) -> Json:
    if draw(rarely):
        return {"attribute": "", "op": "segmentMatch", "values": draw(named_segments), "negate": draw(st.booleans())}
    if draw(st.booleans()):
        kind, name = draw(places)
        likely = ["a", "u1", "acme", "org"]
        return {"op": "in", "attribute": name, "contextKind": kind, "values": likely, "negate": draw(st.booleans())}
    op = draw(operators)
    clause = {"op": op, "values": draw(listed_patterns if op == "matches" else listed), "negate": draw(st.booleans())}
    if draw(st.booleans()):
        return {**clause, "attribute": draw(references), "contextKind": draw(kinds)}
    return {**clause, "attribute": draw(attributes)}


arms = st.fixed_dictionaries(
    {"variation": indexes, "weight": st.sampled_from((0, 1, 20_000, 30_000, 40_000, 50_000, 100_000))},
    optional={"untracked": st.booleans()},
)
of_rollouts: Json = {
    "kind": st.sampled_from(("rollout", "experiment")),
    "seed": st.integers(0, 99),
    "contextKind": kinds,
    "bucketBy": st.sampled_from(("key", "plan", "age", "/nested/b", "nested", "//", "")),
}
several_arms = any_of(*(st.lists(arms, min_size=least, max_size=4) for least in (0, 1, 2, 2, 2)))
rollouts = st.fixed_dictionaries({"variations": several_arms}, optional=of_rollouts).map(
    lambda drawn: {"rollout": drawn}
)
variation = st.fixed_dictionaries({"variation": indexes})
clauses = some(_clauses(), 2)
outcomes = any_of(variation, variation, rollouts, rollouts, rollouts, st.sampled_from(({}, {"variation": 0})))
targets = st.fixed_dictionaries({"variation": indexes, "values": some(st.sampled_from(KEYS), 2)})


def flags(key: str) -> st.SearchStrategy[Json]:
    rule = st.builds(
        lambda body, served, at: {"clauses": body, **served, "id": at},
        clauses, outcomes, st.sampled_from(("r0", "r1", "", "r0:2", "a:b", "rule:1", "target:0")),
    )  # fmt: skip
    named = (*(each for each in FLAGS if each > key), *(each for each in FLAGS if each > key), "absent", key)
    optional = {
        "salt": st.sampled_from(("salt", "")),
        "prerequisites": some(st.fixed_dictionaries({"key": st.sampled_from(named), "variation": indexes}), 1),
        "targets": some(targets, 2),
        "contextTargets": some(st.builds(lambda target, kind: {**target, "contextKind": kind}, targets, kinds), 2),
        "rules": st.lists(rule, min_size=1, max_size=3),
    }
    fields = {
        "on": st.sampled_from((True,) * 7 + (False,)),
        "variations": st.just(["A", "B", "C"]),
        "offVariation": any_of(indexes, indexes, st.none()),
        "fallthrough": outcomes,
    }
    return st.fixed_dictionaries({"key": st.just(key), "version": st.just(1), **fields}, optional=optional)


def segments(key: str) -> st.SearchStrategy[Json]:
    keys = some(st.sampled_from(KEYS), 2)
    rule = st.fixed_dictionaries(
        {"clauses": clauses},
        optional={
            "weight": st.sampled_from((0, 1, 40_000, 100_000)),
            "bucketBy": st.sampled_from(("plan", "age", "key", "//")),
            "rolloutContextKind": kinds,
        },
    )
    of_kinds = some(st.fixed_dictionaries({"contextKind": kinds, "values": keys}), 2)
    optional = {
        "unbounded": st.booleans(), "generation": st.sampled_from((1, 2, None)), "unboundedContextKind": kinds,
        "included": keys, "excluded": keys, "includedContexts": of_kinds, "excludedContexts": of_kinds,
        "rules": some(rule, 2), "salt": st.just("grain"),
    }  # fmt: skip
    return st.fixed_dictionaries({"key": st.just(key), "version": st.just(1)}, optional=optional)


def rulesets() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "flags": st.fixed_dictionaries({"f0": flags("f0")}, optional={key: flags(key) for key in FLAGS[1:]}),
            "segments": st.fixed_dictionaries({}, optional={key: segments(key) for key in SEGMENTS}),
        }
    )


def chained(key: str) -> st.SearchStrategy[Json]:
    """A flag that names others, itself perhaps, with errors of either kind wherever there may be one."""
    mistaken = st.builds(
        lambda name, kind: {"attribute": name, "contextKind": kind, "op": "in", "values": ["a"]},
        st.sampled_from(("//", "/a~", "")), kinds,
    )  # fmt: skip
    plain = st.builds(
        lambda kind, named: {"attribute": "key", "contextKind": kind, "op": "in", "values": named},
        kinds, some(st.sampled_from(KEYS), 3),
    )  # fmt: skip
    ring = st.builds(
        lambda named: {"op": "segmentMatch", "attribute": "", "values": [named]}, st.sampled_from(SEGMENTS)
    )
    rule = st.builds(
        lambda body, served: {"clauses": body, **served},
        some(any_of(plain, plain, mistaken, ring), 2), outcomes,
    )  # fmt: skip
    later = tuple(each for each in FLAGS if each > key)
    named = st.sampled_from((*later, *later, *later, *FLAGS, "absent"))
    prerequisite = st.fixed_dictionaries({"key": named, "variation": st.sampled_from((0, 1, 2, 7, -1))})
    return st.fixed_dictionaries(
        {
            "key": st.just(key), "version": st.just(1), "variations": st.just(["A", "B", "C"]),
            "on": st.sampled_from((True,) * 9 + (False,)),
            "offVariation": st.sampled_from((0, 1, 7, -1, None)),
            "prerequisites": some(prerequisite, 2),
            "targets": some(targets, 1),
            "rules": some(rule, 2),
            "fallthrough": outcomes,
        }
    )  # fmt: skip


def chains() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "flags": st.fixed_dictionaries({key: chained(key) for key in FLAGS}),
            "segments": st.fixed_dictionaries({key: segments(key) for key in SEGMENTS}),
        }
    )


def single(kind: str) -> st.SearchStrategy[Json]:
    names = ("plan", "age", "nested", "a/b", "targetingKey", "kinds", "_unused")
    own = st.dictionaries(st.sampled_from(names), values, max_size=4)
    built_in = st.fixed_dictionaries(
        {"key": st.sampled_from(KEYS)}, optional={"anonymous": st.booleans(), "name": st.sampled_from(TEXTS)}
    )
    return st.builds(lambda mine, theirs: {**mine, **theirs, "kind": kind}, own, built_in)


def contexts() -> st.SearchStrategy[Json]:
    several = st.builds(
        lambda user, org: {"kind": "multi", "user": _inner(user), "org": _inner(org)}, single("user"), single("org")
    )
    return st.one_of(single("user"), single("org"), several)


def _inner(context: Json) -> Json:
    return {name: value for name, value in context.items() if name != "kind"}


class World:
    """Where the store of big segments knows of some keys, and the rest is at rest."""

    def now(self) -> float:
        return 1_700_000_000.0

    def random(self) -> float:
        return 0.5

    def is_member(self, list_id: str, key: str) -> bool | None:
        return (MEMBERS.get(key) or {}).get(list_id)

    def assigned(self, experiment: str, key: str) -> str | None:
        return None


def theirs(ruleset: Json, key: str, context: Json) -> Json:
    logging.disable(logging.CRITICAL)  # a missing prerequisite is a warning each time
    try:
        flags = {name: FeatureFlag(raw) for name, raw in ruleset["flags"].items()}
        segments = {name: Segment(raw) for name, raw in ruleset["segments"].items()}
        evaluator = Evaluator(flags.get, segments.get, lambda user_key: (MEMBERS.get(user_key), "HEALTHY"))
        detail = evaluator.evaluate(flags[key], Context.from_dict(context), EventFactory(False)).detail
        assert detail is not None
    finally:
        logging.disable(logging.NOTSET)
    default = "default" if detail.variation_index is None else detail.value
    return {"value": default, "variationIndex": detail.variation_index, "reason": detail.reason}


@pytest.mark.parametrize(
    ("drawn", "share", "least_twins"), [(rulesets(), 1, 0), (chains(), 4, 1)], ids=["rulesets", "chains"]
)
def test_their_sdk_and_ours_give_the_same_variation_and_reason(drawn, share, least_twins, both, fuzz_examples, tally):
    compared = twins = 0

    @settings(max_examples=max(fuzz_examples // share, 1), suppress_health_check=list(HealthCheck))
    @given(drawn, st.lists(contexts(), min_size=4, max_size=4))
    def compare(ruleset: Json, asked: list[Json]) -> None:
        nonlocal compared, twins
        evaluation = both(read(json.dumps(ruleset).encode()), world=World())
        twins += len(evaluation.imported.flags) > len(ruleset["flags"])
        for key in ruleset["flags"]:
            entry = evaluation.imported.flags[key]
            for context in asked:
                got = result_of(evaluation.decide(key, context_of(context)), entry, "default")
                expected = theirs(ruleset, key, context)
                assert _said(got) == _said(expected), json.dumps([key, context, ruleset, entry])
                compared += 1

    compare()
    tally("launchdarkly (fuzz)", passed=compared)
    assert compared > 0
    assert twins >= least_twins, "no flag came to errors of both kinds"


def _said(result: Json) -> Json:
    """Without what the store of big segments says of itself. A rule without an id has an empty one."""
    reason = {name: value or "" for name, value in result["reason"].items() if name == "ruleId"}
    kept = {name: value for name, value in result["reason"].items() if name != "bigSegmentsStatus"}
    return {**result, "reason": kept | reason}
