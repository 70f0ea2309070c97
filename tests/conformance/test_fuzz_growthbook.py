"""Chance payloads and users, evaluated here and by GrowthBook's own Python SDK.

That SDK compares strictly where the JavaScript one, which is followed here, coerces; and it leaves the end of a forced
value's coverage out. So attributes here have one type each and are compared with that type; those that are ordered are
always there; and a coverage never equals a bucket's point.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers import growthbook as importer

from .drawing import any_of, given_ones, seldom

if TYPE_CHECKING:
    from collections.abc import Callable

sdk = pytest.importorskip("growthbook", reason="growthbook is not installed")
pytestmark = pytest.mark.conformance

WORDS = ["DE", "fr", "de", "", "pro"]
VERSIONS = ["1.2.3", "v1.2.3", "1.10.0", "1.2.3-rc.1", "2.0", "10.0.0+b"]
GROUPS: dict[str, Any] = {
    "few": ["DE", "fr", "u1"],
    "many": [f"u{at}" for at in range(60)],
    "none": [],
    "odd": [None, ["DE"], {"x": "DE"}, 1234567890123456789],
    "typed": {"type": "list", "attributeKey": "country", "values": ["DE", "fr"]},
    "long": {"type": "list", "attributeKey": "id", "values": [f"u{at}" for at in range(200)]},
    "x": {"type": "list", "attributeKey": "x", "values": ["DE", None]},
    "value": {"type": "condition", "condition": {"$or": [{"value": "a"}, {"$savedGroup": {"id": "x"}}]}},
    "nested": {"type": "condition", "condition": {"$not": {"$savedGroup": {"id": "typed"}}}},
    "ring": {"type": "condition", "condition": {"$or": [{"country": "DE"}, {"$savedGroup": {"id": "ring"}}]}},
    "unsure": {
        "type": "condition",
        "condition": {"$or": [{"country": {"$nosuch": 1}}, {"$savedGroup": {"id": "typed"}}]},
    },
    "unsure ring": {
        "type": "condition",
        "condition": {"$nor": [{"$savedGroup": {"id": "unsure"}}, {"$savedGroup": {"id": "unsure ring"}}]},
    },
    "later": {"type": "cohort", "values": ["DE"]},
}
words, ages = st.sampled_from(WORDS), st.sampled_from([1, 17, 18, 18.5, 40])
groups = st.sampled_from([*GROUPS, "unknown"])
references = st.fixed_dictionaries(
    {"id": groups}, optional={"attributeKey": st.sampled_from(["country", "id", "value", "x", "things"])}
)
of_groups = references.map(lambda reference: {"$savedGroup": reference})
# In these texts and numbers are never compared bare: there the two SDKs part.
nested = st.sampled_from([None, "DE", "fr", 0, 1, True, ["DE"], [None], [], {"x": "DE"}, {"x": None}, {"a": 1, "x": "DE"},
                          {"x": "DE", "a": 1}, {"x": ["DE"]}, [["DE"]]])  # fmt: skip
bare = st.sampled_from([["DE"], [None], [], [["DE"]], {"x": "DE"}, {"x": "DE", "a": 1}, {"2": 1, "10": 0}])


def operators(**words_to_values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    one = any_of(*(st.fixed_dictionaries({f"${word}": words_to_values[word]}) for word in sorted(words_to_values)))
    return st.lists(one, min_size=1, max_size=2).map(
        lambda parts: {word: value for part in parts for word, value in part.items()}
    )


def ordered(values: st.SearchStrategy[Any], prefix: str = "") -> dict[str, st.SearchStrategy[Any]]:
    return {f"{prefix}{word}": values for word in ("lt", "lte", "gt", "gte")}


lists_of_words = st.lists(words, max_size=3)
text_test = st.one_of(
    words,
    st.none(),
    operators(
        eq=words, ne=words, **{"in": lists_of_words}, nin=lists_of_words, ini=lists_of_words, nini=lists_of_words,
        exists=st.booleans(), type=st.sampled_from(["string", "null", "number"]), inGroup=groups, notInGroup=groups,
        regex=st.sampled_from(["^D", "e$", "p.o", "x"]), regexi=st.sampled_from(["^d", "E$"]), nosuch=words,
        **{"and": lists_of_words},
    ),
)  # fmt: skip
text_test = st.one_of(
    text_test,
    text_test.map(lambda test: {"$not": test if isinstance(test, dict) else {"$eq": "x"}}),
)
age_test = st.one_of(ages, operators(eq=ages, ne=ages, **ordered(ages), **{"in": st.lists(ages, max_size=2)}))
version_test = operators(
    veq=st.sampled_from(VERSIONS), vne=st.sampled_from(VERSIONS), **ordered(st.sampled_from(VERSIONS), "v")
)
tag_test = st.one_of(
    lists_of_words,
    operators(
        **{"in": lists_of_words}, nin=lists_of_words, all=lists_of_words, alli=lists_of_words,
        size=st.one_of(st.integers(0, 3), st.sampled_from([{"$gt": 1}, {"$nosuch": 1}, {"$not": {"$nosuch": 1, "$gt": 1}}])), elemMatch=operators(eq=words, **{"in": lists_of_words}),
    ),
)  # fmt: skip
lists_of_nested = st.lists(nested, max_size=3)
strict_test = operators(
    eq=nested, ne=nested, **{"in": lists_of_nested}, nin=lists_of_nested, ini=lists_of_nested, nini=lists_of_nested,
    inGroup=groups, notInGroup=groups, exists=st.booleans(),
    type=st.sampled_from(["string", "number", "boolean", "array", "object", "null"]), nosuch=nested,
    savedGroup=groups,
)  # fmt: skip
field_test = st.one_of(
    st.fixed_dictionaries({"x": st.one_of(st.none(), bare, strict_test)}),
    st.fixed_dictionaries({"x": strict_test, "a": strict_test}).map(lambda test: {"$or": [test, {"x": test["a"]}]}),
    of_groups,
    of_groups.map(lambda test: {"$not": test, "x": {"$exists": True}}),
)
things_test = st.one_of(
    bare,
    st.none(),
    strict_test,
    operators(
        elemMatch=st.one_of(strict_test, field_test, strict_test.map(lambda test: {"$not": test})),
        all=st.lists(strict_test, max_size=2),
        alli=st.lists(st.one_of(strict_test, words, st.none(), bare), max_size=2),
        size=st.integers(0, 3),
    ),
)
things_test = st.one_of(
    things_test, things_test.map(lambda test: {"$not": test if isinstance(test, dict) else {"$eq": 1}})
)
of_things = st.one_of(things_test, bare).map(lambda test: {"things": test})
of_elements = st.one_of(strict_test, field_test).map(lambda test: {"things": {"$elemMatch": test}})
LARGE = [2**53, 2**53 + 1, 1234567890123456789, -1234567890123456789, 10**21, 1e21, 1.5e300, 1e-7, 0, 10**400]
large_test = operators(
    eq=st.sampled_from(LARGE[:6]),
    ne=st.sampled_from(LARGE[:6]),
    **{"in": st.lists(st.sampled_from(LARGE[:6]), max_size=2)},
)
leaves = st.one_of(
    st.fixed_dictionaries({}, optional={"country": text_test, "age": age_test, "version": version_test}),
    st.fixed_dictionaries(
        {}, optional={"tags": tag_test, "vip": st.booleans(), "user.plan": text_test, "id": text_test}
    ),
    st.fixed_dictionaries({}, optional={"things": things_test, "large": large_test, "targetingKey": text_test}),
    of_groups,
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"$and": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"$or": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"$nor": parts}),
        inner.map(lambda part: {"$not": part}),
    ),
    max_leaves=4,
)
edges = st.sampled_from([0, 0.10005, 0.33335, 0.5, 0.75005, 1])
spans = st.tuples(edges, edges).map(sorted)
coverages = st.sampled_from([0, 0.10005, 0.50005, 0.90005, 1])
hashing = {
    "hashAttribute": st.sampled_from(["id", "device", "age", "large", "targetingKey"]),
    "hashVersion": st.sampled_from([1, 2, 2, 99]),
    "seed": st.sampled_from(["s", "t"]),
}
filters = st.lists(
    st.fixed_dictionaries({"seed": st.sampled_from(["a", "b"]), "ranges": st.lists(spans, min_size=1, max_size=2)},
                          optional={"attribute": hashing["hashAttribute"], "hashVersion": hashing["hashVersion"]}),
    min_size=1, max_size=2,
)  # fmt: skip
parents = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["f0", "f1", "f2", "absent"]),
         "condition": st.sampled_from([{"value": "a"}, {"value": {"$ne": "b"}}, {"value": None}, {"value": {"$exists": True}}])
         | of_groups | of_groups.map(lambda test: {"$not": test})},
        optional={"gate": st.booleans()},
    ),
    min_size=1, max_size=2,
)  # fmt: skip
common = {"id": st.sampled_from(["r1", "r2"]), "condition": conditions, "filters": filters, "parentConditions": parents}
forced = st.fixed_dictionaries(
    {"force": st.sampled_from(["a", "b", "c"])}, optional={**common, **hashing, "coverage": coverages, "range": spans}
)


quarter = st.sampled_from([True, False, False, False])


def _experiments(count: int) -> st.SearchStrategy[dict[str, Any]]:
    """Experiments of that many variations."""
    metas = st.tuples(
        *(st.fixed_dictionaries({"key": st.just(f"k{at}"), "passthrough": quarter}) for at in range(count))
    )
    weights = st.sampled_from([[1 / count] * count, [0.2] * count, [0.3, 0.7], [0.5, 0.3, 0.2]])
    sticky = st.fixed_dictionaries(
        {
            "fallbackAttribute": st.just("device"),
            "bucketVersion": st.integers(0, 2),
            "minBucketVersion": st.integers(0, 2),
        }
    )
    variations = st.just([f"v{at}" for at in range(count)])
    bandit = st.fixed_dictionaries(
        {"contextualVariations": variations, "contextualBanditRef": st.sampled_from(["cb", "no leaves", "absent"])}
    )
    rules = st.fixed_dictionaries(
        {"ranges": seldom(st.tuples(*[spans] * count).map(list), 3)},
        optional={
            **common, **hashing, "coverage": coverages, "key": st.sampled_from(["e1", "e2"]),
            "weights": weights, "namespace": spans.map(lambda span: ["ns", *span]), "meta": metas.map(list),
        },
    ).map(given_ones)  # fmt: skip
    plain = st.fixed_dictionaries({"variations": variations})
    parts = st.tuples(rules, any_of(st.just({}), st.just({}), st.just({}), sticky), any_of(plain, plain, plain, bandit))
    return parts.map(lambda several: {name: value for part in several for name, value in part.items()})


experiments = any_of(*(_experiments(count) for count in range(1, 5)))
leaf_weights = st.sampled_from([[0.25, 0.75], [1, 0], [0.1, 0.2, 0.7], [0.4, 0.1, 0.1, 0.4], [0.2, 0.2]])
bandit_leaves = st.fixed_dictionaries(
    {"weights": leaf_weights}, optional={"leafId": st.sampled_from([0, 1, True, "1"]), "condition": conditions}
)
bandits = st.fixed_dictionaries(
    {"cb": st.lists(bandit_leaves, max_size=3).map(lambda found: {"banditVersion": 1, "contexts": found})}
).map(lambda found: {**found, "no leaves": {}})


features = st.fixed_dictionaries(
    {"rules": st.lists(st.one_of(forced, experiments), max_size=3)},
    optional={"defaultValue": st.sampled_from(["a", "d"])},
)
payloads = st.fixed_dictionaries(dict.fromkeys(("f0", "f1", "f2"), features))
users = st.fixed_dictionaries(
    {"age": ages, "version": st.sampled_from(VERSIONS), "tags": lists_of_words},
    optional={
        "id": st.one_of(st.integers(1, 400).map(lambda at: f"u{at}"), st.sampled_from(["🙂", "u1", ""])),
        "device": st.integers(1, 400).map(lambda at: f"d{at}"),
        "country": st.one_of(words, st.none()),
        "vip": st.booleans(),
        "things": nested | lists_of_nested,
        "large": st.sampled_from(LARGE),
        "targetingKey": words,
        "user": st.fixed_dictionaries({}, optional={"plan": words}),
    },
)


def same(ours: dict[str, Any], theirs: Any) -> bool:
    if (ours["value"], ours["source"]) != (theirs.value, theirs.source):
        return False
    if theirs.source == "experiment":
        return bool(
            ours["variationId"] == theirs.experimentResult.variationId and ours["key"] == theirs.experimentResult.key
        )
    return bool(theirs.source != "force" or ours["ruleId"] == (theirs.ruleId or ""))


def test_both_decide_chance_payloads_the_same(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(payload=payloads, leaves=bandits, asked=st.lists(users, min_size=4, max_size=4))
    def check(payload: dict[str, Any], leaves: dict[str, Any], asked: list[dict[str, Any]]) -> None:
        nonlocal compared
        whole = {"features": payload, "savedGroups": GROUPS, "contextualBandits": leaves}
        imported = importer.read(json.dumps(whole).encode())
        evaluated = both(imported)
        for user in asked:
            peer = sdk.GrowthBook(
                attributes=user,
                features=json.loads(json.dumps(payload)),
                savedGroups=GROUPS,
                contextual_bandits=leaves,
            )
            for key in payload:
                theirs = peer.eval_feature(key)
                ours = evaluated.snapshot.decide(key, imported.attributes.apply(user), evaluated.world)
                if ours.error_code is None:
                    evaluated.decide(key, imported.attributes.apply(user))
                result = importer.result_of(ours, imported.flags[key])
                assert same(result, theirs), json.dumps(
                    [key, result, imported.flags[key].get("broken"), theirs.to_dict(), user, payload, leaves]
                )
                compared += 1

    check()
    tally("growthbook (fuzz)", passed=compared)


def test_both_judge_chance_conditions_the_same(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        several=st.lists(st.one_of(of_things, of_elements, conditions), min_size=4, max_size=4),
        asked=st.lists(st.tuples(users, st.one_of(nested, lists_of_nested)), min_size=4, max_size=4),
    )
    def check(several: list[dict[str, Any]], asked: list[tuple[dict[str, Any], list[Any]]]) -> None:
        nonlocal compared
        features = {
            f"f{at}": {"defaultValue": False, "rules": [{"force": True, "condition": condition}]}
            for at, condition in enumerate(several)
        }
        imported = importer.read(json.dumps({"features": features, "savedGroups": GROUPS}).encode())
        evaluated = both(imported)
        for user, things in asked:
            given_user = {**user, "things": things}
            peer = sdk.GrowthBook(attributes=given_user, features=features, savedGroups=GROUPS)
            for key, feature in features.items():
                ours = evaluated.decide(key, imported.attributes.apply(given_user)).value
                said = [ours, imported.flags[key].get("broken"), given_user, feature]
                assert ours is peer.is_on(key), json.dumps(said, default=str)
                compared += 1

    check()
    tally("growthbook (fuzz)", passed=compared)


def test_both_keep_stored_assignments_alike(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    documents = st.dictionaries(
        st.sampled_from([f"{key}__{version}" for key in ("e1", "e2", "f0") for version in range(3)]),
        st.sampled_from(["k0", "k1", "k2", "k9"]),
        min_size=1,
    )

    class Service(sdk.AbstractStickyBucketService):  # type: ignore[name-defined,misc]
        def __init__(self, kept: dict[tuple[str, str], dict[str, str]]) -> None:
            self.kept = kept

        def get_assignments(self, attributeName: str, attributeValue: str) -> Any:  # noqa: N803
            kept = self.kept.get((attributeName, attributeValue))
            return kept and {
                "attributeName": attributeName,
                "attributeValue": attributeValue,
                "assignments": dict(kept),
            }

        def save_assignments(self, doc: Any) -> None:
            """Nobody reads what this run stores."""

    class Store:
        def __init__(self, kept: dict[tuple[str, str], dict[str, str]]) -> None:
            self.kept = {
                (experiment, key): variation
                for (_, key), document in kept.items()
                for experiment, variation in document.items()
            }

        def now(self) -> float:
            return 1_700_000_000.0

        def random(self) -> float:
            return 0.5

        def is_member(self, list_id: str, key: str) -> bool | None:
            return None

        def assigned(self, experiment: str, key: str) -> str | None:
            return self.kept.get((experiment, key))

    @settings(max_examples=fuzz_examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        feature=st.fixed_dictionaries({"rules": st.lists(experiments, min_size=1, max_size=2)}),
        user=users,
        kept=st.lists(documents, min_size=2, max_size=2),
    )
    def check(feature: dict[str, Any], user: dict[str, Any], kept: list[dict[str, str]]) -> None:
        nonlocal compared
        for at, rule in enumerate(
            feature["rules"]
        ):  # the store of one client has no attribute names: ages are nobody's keys
            rule.pop("parentConditions", None)
            rule.pop("condition", None)  # that SDK asks it before a stored assignment, the JavaScript one after
            rule["hashAttribute"] = "id"
            rule["fallbackAttribute"] = "device"  # that SDK remembers a fallback's assignments for the rules after it
            rule["key"] = f"e{at + 1}"  # that SDK stores as it decides, and a second rule of one key would read it
        names = [(name, str(user[name])) for name in ("id", "device") if user.get(name)]
        stored = dict(zip(names, kept, strict=False))
        imported = importer.read(
            json.dumps({"features": {"f0": feature}, "savedGroups": GROUPS}).encode(), sticky_buckets=True
        )
        evaluated = both(imported, world=Store(stored))
        peer = sdk.GrowthBook(
            attributes=user,
            features={"f0": json.loads(json.dumps(feature))},
            savedGroups=GROUPS,
            sticky_bucket_service=Service(stored),
        )
        theirs = peer.eval_feature("f0")

        result = importer.result_of(evaluated.decide("f0", imported.attributes.apply(user)), imported.flags["f0"])

        assert same(result, theirs), json.dumps([result, theirs.to_dict(), user, feature, str(stored)])
        compared += 1

    check()
    tally("growthbook (fuzz)", passed=compared)
