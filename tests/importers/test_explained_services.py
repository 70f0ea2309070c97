"""What an explanation says of the imported flags of services: LaunchDarkly, Eppo, ConfigCat, PostHog and Statsig."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._evaluation.trace import Trace

    Traced = Callable[[str, Any, dict[str, Any]], Trace]
    Explained = Callable[[str, Any, dict[str, Any]], list[str]]

Json = dict[str, Any]


# --------------------------------------------------------------------------------------------------------- LaunchDarkly


def clause(kind: str, attribute: str, op: str, *values: Any, negate: bool = False) -> Json:
    return {"contextKind": kind, "attribute": attribute, "op": op, "values": list(values), "negate": negate}


LAUNCHDARKLY = {
    "flags": {
        "checkout": {
            "key": "checkout", "on": True, "salt": "s", "version": 1, "variations": ["old", "new"], "offVariation": 0,
            "rules": [
                {"id": "big organizations", "variation": 1, "clauses": [
                    clause("org", "size", "greaterThan", 5),
                    clause("user", "/address/city", "in", "Bern", negate=True),
                    clause("user", "email", "endsWith", "@acme.com"),
                ]},
                {"id": "testers", "variation": 1, "clauses": [clause("", "", "segmentMatch", "beta-testers")]},
            ],
            "fallthrough": {"rollout": {"contextKind": "user", "variations": [
                {"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000}]}},
        }
    },
    "segments": {
        "beta-testers": {"key": "beta-testers", "included": ["bob"], "excluded": [], "salt": "s", "version": 1,
                         "rules": [{"clauses": [clause("user", "version", "semVerGreaterThan", "2.0.0")]}]},
    },
}  # fmt: skip


def test_launchdarkly_names_kinds_and_attributes_and_says_its_operators(explained: Explained) -> None:
    context = {
        "kind": ["user", "org"],
        "targetingKey": "cas",
        "email": "cas@acme.com",
        "address": {"city": "Rome"},
        "kinds": {"org": {"key": "acme", "size": 7}},
    }
    assert explained("launchdarkly", LAUNCHDARKLY, context) == [
        "checkout = 'new' (variant 1), TARGETING_MATCH",
        "    rule big organizations: serves",
        "        ✓ all of",
        "            ✓ org.size > 5: 7",
        "            ✓ user.address.city is not one of ['Bern']: 'Rome'",
        "            ✓ user.email ends with ['@acme.com']: 'cas@acme.com'",
    ]


def test_launchdarkly_segments_and_rollouts(explained: Explained) -> None:
    context = {"kind": "user", "targetingKey": "dan", "version": "1.0.0"}
    assert explained("launchdarkly", LAUNCHDARKLY, context)[1:] == [
        "    rule big organizations: does not hold",
        "        ✗ all of",
        "            ✗ org.size > 5: missing",
        "    rule testers: does not hold",
        "        ✗ in segment beta-testers",
        "            ✗ any of",
        "                ✗ user.key is one of ['bob']: 'dan'",
        "                ✗ user.version semver > '2.0.0': '1.0.0'",
        "    fallthrough: launchdarkly('checkout.s', user.key = 'dan'): point … of 1 in [0, 0.6) → 0",
    ]


# ----------------------------------------------------------------------------------------------------------------- Eppo


def test_eppo_says_its_operators_and_allocations(explained: Explained) -> None:
    halves = [
        {"variationKey": name, "shards": [{"salt": "exp", "ranges": [{"start": start, "end": start + 5000}]}]}
        for name, start in (("old", 0), ("new", 5000))
    ]
    conditions = [
        {"attribute": "country", "operator": "ONE_OF", "value": ["DE", "AT"]},
        {"attribute": "age", "operator": "GTE", "value": 18},
        {"attribute": "email", "operator": "NOT_MATCHES", "value": "@test"},
        {"attribute": "plan", "operator": "IS_NULL", "value": True},
    ]
    flag = {
        "key": "checkout", "enabled": True, "variationType": "STRING", "totalShards": 10_000,
        "variations": {name: {"key": name, "value": name.upper()} for name in ("old", "new")},
        "allocations": [
            {"key": "germans", "rules": [{"conditions": conditions}], "splits": [{"variationKey": "new", "shards": []}]},
            {"key": "experiment", "startAt": "2023-01-01T00:00:00Z", "splits": halves},
        ],
    }  # fmt: skip
    export = {"createdAt": "2024-04-17T19:40:53.716Z", "format": "SERVER", "flags": {"checkout": flag}}

    assert explained("eppo", export, {"targetingKey": "cas", "country": "DE", "age": 20, "email": "a@b"}) == [
        "checkout = 'NEW' (variant new), TARGETING_MATCH",
        "    rule germans: serves",
        "        ✓ all of",
        "            ✓ country ONE_OF ['DE', 'AT']: 'DE'",
        "            ✓ age GTE 18: 20",
        "            ✓ email NOT_MATCHES '@test': 'a@b'",
        "            ✓ plan IS_NULL true: missing",
    ]
    assert explained("eppo", export, {"targetingKey": "cas"})[1:] == [
        "    rule germans: does not hold",
        "        ✗ all of",
        "            ✗ country ONE_OF ['DE', 'AT']: missing",
        "    rule experiment: serves",
        "        ✓ from 2023-01-01T00:00:00Z",
        "        eppo('exp', subjectKey = 'cas'): point … of 10000 in [0, 5000) → old",
    ]


# ------------------------------------------------------------------------------------------------------------ ConfigCat


def test_configcat_says_its_comparators_and_counts_what_is_hashed(explained: Explained) -> None:
    user = [
        {"u": {"a": "Country", "c": 29, "s": "US"}},
        {"u": {"a": "Age", "c": 14, "d": 18}},
        {"u": {"a": "Email", "c": 17, "l": ["c" * 64, "d" * 64]}},
    ]
    setting = {
        "t": 1, "v": {"s": "old"}, "a": "Identifier",
        "r": [{"c": user, "s": {"v": {"s": "new"}, "i": "new-one"}},
              {"c": [{"s": {"s": 0, "c": 0}}], "s": {"v": {"s": "beta"}, "i": "beta-one"}}],
        "p": [{"p": 50, "v": {"s": "old"}, "i": "old-one"}, {"p": 50, "v": {"s": "new"}, "i": "new-one"}],
    }  # fmt: skip
    segments = [{"n": "Beta users", "r": [{"a": "Email", "c": 16, "l": ["a" * 64]}]}]
    export = {"p": {"s": "salty"}, "s": segments, "f": {"checkout": setting}}

    assert explained("configcat", export, {"targetingKey": "cas", "Country": "DE", "Age": 20, "Email": "a@b"}) == [
        "checkout = 'new' (variant new-one), TARGETING_MATCH",
        "    rule rule 1: serves",
        "        ✓ all of",
        "            ✓ Country IS NOT ONE OF ['US']: 'DE'",
        "            ✓ Age > 18: 20",
        "            ✓ Email IS NOT ONE OF (2 hashed values): 'a@b'",
    ]
    assert explained("configcat", export, {"targetingKey": "cas", "Country": "US", "Email": "a@b"})[1:] == [
        "    rule rule 1: does not hold",
        "        ✗ all of",
        "            ✗ Country IS NOT ONE OF ['US']: 'US'",
        "    rule rule 2: does not hold",
        "        ✗ in segment Beta users",
        "            ✗ Email IS ONE OF (1 hashed value): 'a@b'",
        "    rule percentage: serves",
        "        configcat('checkout', Identifier = 'cas'): point … of 100 in [50, 100) → new-one",
    ]


# -------------------------------------------------------------------------------------------------------------- PostHog


def test_posthog_says_its_operators_cohorts_and_groups(explained: Explained) -> None:
    filters = {
        "groups": [
            {"rollout_percentage": 100, "variant": "treatment", "properties": [
                {"key": "email", "type": "person", "operator": "icontains", "value": "@acme.com"},
                {"key": "plan", "type": "person", "operator": "is_not", "value": ["free"]},
                {"key": "id", "type": "cohort", "value": 7}]},
            {"rollout_percentage": 100, "properties": []},
        ],
        "multivariate": {"variants": [{"key": "control", "rollout_percentage": 50},
                                      {"key": "treatment", "rollout_percentage": 50}]},
    }  # fmt: skip
    adults = {"type": "AND", "values": [{"key": "age", "operator": "gte", "value": 18, "type": "person"}]}
    export = {
        "flags": [{"id": 1, "key": "checkout", "active": True, "filters": filters}],
        "group_type_mapping": {},
        "cohorts": {"7": adults},
    }

    assert explained("posthog", export, {"targetingKey": "cas", "email": "a@acme.com", "plan": "pro", "age": 20}) == [
        "checkout = 'treatment' (variant treatment), TARGETING_MATCH",
        "    rule group-0: serves",
        "        ✓ all of",
        "            ✓ email icontains ['@acme.com']: 'a@acme.com'",
        "            ✓ plan is_not ['free']: 'pro'",
        "            ✓ in segment cohort-7",
        "                ✓ all of",
        "                    ✓ age gte 18: 20",
        "            ✓ in the share",
        "                posthog_rollout('checkout', distinct_id = 'cas'): point … of 1 in [0, 1) → inside",
    ]
    assert explained("posthog", export, {"targetingKey": "zed", "email": "", "plan": "free"})[-1] == (
        "        posthog_variant('checkout', distinct_id = 'zed'): point … of 1 in [0.5, 1) → treatment"
    )


# -------------------------------------------------------------------------------------------------------------- Statsig


def spec(name: str, entity: str, rule: Json) -> Json:
    whole = {"salt": "r", "passPercentage": 100, "returnValue": True, "idType": "userID", **rule}
    return {"name": name, "type": "feature_gate", "salt": "s", "enabled": True, "defaultValue": False,
            "entity": entity, "idType": "userID", "rules": [whole]}  # fmt: skip


def field(name: str, operator: str, target: Any) -> Json:
    return {"type": "user_field", "targetValue": target, "operator": operator, "field": name, "idType": "userID"}


def test_statsig_says_its_operators_segments_and_the_rules_names(explained: Explained) -> None:
    in_segment = {"type": "pass_gate", "targetValue": "segment:adults", "idType": "userID"}
    conditions = [
        field("email", "str_ends_with_any", ["@acme.com"]),
        in_segment,
        field("country", "none", ["US"]),
        field("appVersion", "version_gt", "2.0.0"),
    ]
    export = {
        "has_updates": True,
        "time": 1,
        "feature_gates": [
            spec("segment:adults", "segment", {"id": "18+", "name": "18+", "conditions": [field("age", "gte", 18)]}),
            spec(
                "checkout",
                "feature_gate",
                {"id": "4abc", "name": "Employees", "passPercentage": 50, "conditions": conditions},
            ),
        ],
        "dynamic_configs": [],
        "layer_configs": [],
    }
    context = {"targetingKey": "cas", "email": "a@acme.com", "country": "DE", "appVersion": "2.1.0", "age": 20}
    assert explained("statsig", export, context) == [
        "checkout = True (variant on), SPLIT",
        "    rule Employees (4abc): serves",
        "        ✓ all of",
        "            ✓ email str_ends_with_any ['@acme.com']: 'a@acme.com'",
        "            ✓ flag segment:adults is on",
        "                segment-adults = True (variant on), TARGETING_MATCH",
        "                    rule 18+: serves",
        "                        ✓ age gte 18: 20",
        "            ✓ country none ['US']: 'DE'",
        "            ✓ appVersion version_gt '2.0.0': '2.1.0'",
        "        statsig('s.r', userID = 'cas'): point … of 10000 in [0, 5000) → on",
    ]


def test_data_keeps_our_paths_beside_the_authors_words(traced: Traced) -> None:
    data = traced("launchdarkly", LAUNCHDARKLY, {"kind": "user", "targetingKey": "dan"}).as_dict()
    assert json.loads(json.dumps(data))["fallthrough"]["by"] == "targetingKey"
    (first, *_) = data["rules"][0]["when"]["inner"]
    assert (first["says"], first["path"]) == ("org.size > 5: missing", ["kinds", "org", "size"])
