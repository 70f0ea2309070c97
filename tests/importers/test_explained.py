"""What an explanation says of imported flags: in the words of those who wrote the rules, whichever system they wrote them in.

Here the systems that one runs oneself; those that are services stand in `test_explained_services.py`.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from buildflags_sdk._evaluation.condition_model import Attribute
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.operators import OPERATORS
from buildflags_sdk._evaluation.peer_words import Words
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk.cli._trace import trace_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._evaluation.trace import Trace

    Traced = Callable[[str, Any, dict[str, Any]], Trace]
    Explained = Callable[[str, Any, dict[str, Any]], list[str]]

Json = dict[str, Any]


# -------------------------------------------------------------------------------------------------------------- Unleash


def constraint(field: str, operator: str, *values: str, **more: Any) -> Json:
    return {"contextName": field, "operator": operator, "values": list(values), **more}


UNLEASH = {
    "version": 2,
    "segments": [{"id": 1, "name": "germans", "constraints": [constraint("country", "IN", "DE")]}],
    "features": [
        {
            "name": "checkout",
            "type": "release",
            "enabled": True,
            "strategies": [
                {
                    "name": "flexibleRollout",
                    "parameters": {"rollout": "100", "stickiness": "userId", "groupId": "checkout"},
                    "segments": [1],
                    "constraints": [
                        constraint("userId", "NOT_IN", "ann", "bob"),
                        constraint("plan", "NOT_IN", "free", inverted=True),
                        constraint("email", "STR_ENDS_WITH", "@acme.com", inverted=True, caseInsensitive=True),
                        {"contextName": "age", "operator": "NUM_GT", "value": "17"},
                    ],
                }
            ],
            "variants": [
                {"name": "red", "weight": 500, "payload": {"type": "string", "value": "r"}},
                {"name": "blue", "weight": 500, "payload": {"type": "string", "value": "b"}},
            ],
        }
    ],
}


def test_unleash_says_its_operators_and_a_not_in_that_is_inverted_is_an_in(explained: Explained) -> None:
    context = {"targetingKey": "cas", "country": "DE", "plan": "free", "email": "x@y.z", "age": 20}
    assert explained("unleash", UNLEASH, context) == [
        "checkout = 'r' (variant red), SPLIT",
        "    rule flexibleRollout (strategy-0): serves",
        "        ✓ all of",
        "            ✓ userId NOT_IN ['ann', 'bob']: 'cas'",
        "            ✓ plan IN ['free']: 'free'",
        "            ✓ email not STR_ENDS_WITH (case-insensitive) ['@acme.com']: 'x@y.z'",
        "            ✓ age NUM_GT '17': 20",
        "            ✓ in segment germans",
        "                ✓ all of",
        "                    ✓ country IN ['DE']: 'DE'",
        "            ✓ in the share",
        "                unleash_rollout('checkout', userId = 'cas'): point … of 100 in [0, 100) → inside",
        "        unleash_variant('checkout', userId = 'cas'): point … of 1000 in [0, 500) → red",
    ]


# ----------------------------------------------------------------------------------------------------------- GrowthBook

GROWTHBOOK = {
    "features": {
        "checkout": {
            "defaultValue": "old",
            "rules": [
                {"id": "fr_germans", "force": "new", "condition": {
                    "country": {"$in": ["DE", "AT"]}, "age": {"$gte": 18}, "email": {"$not": {"$regex": "@test"}},
                    "plan": "pro"}},
                {"id": "fr_vips", "force": "vip", "condition": {"id": {"$notInGroup": "others"}, "age": {"$lt": 18}}},
                {"id": "fr_everybody", "key": "exp-1", "hashAttribute": "id", "hashVersion": 2,
                 "variations": ["old", "new"], "weights": [0.5, 0.5], "coverage": 1,
                 "meta": [{"key": "control"}, {"key": "treatment"}]},
            ],
        }
    },
    "savedGroups": {"others": ["ann", "bob"]},
}  # fmt: skip


def test_growthbook_says_the_operators_of_its_conditions(explained: Explained) -> None:
    context = {"targetingKey": "cas", "country": "DE", "age": 20, "email": "a@b", "plan": "pro"}
    assert explained("growthbook", GROWTHBOOK, context) == [
        "checkout = 'new' (variant force fr_germans), TARGETING_MATCH",
        "    rule fr_germans: serves",
        "        ✓ all of",
        '            ✓ country $in ["DE", "AT"]: \'DE\'',
        "            ✓ age $gte 18: 20",
        '            ✓ email $not {"$regex": "@test"}: \'a@b\'',
        "            ✓ plan $eq \"pro\": 'pro'",
    ]


def test_growthbook_saved_groups_and_experiments(explained: Explained) -> None:
    assert explained("growthbook", GROWTHBOOK, {"targetingKey": "ann"}) == [
        "checkout = 'new' (variant exp-1:treatment), SPLIT",
        "    rule fr_germans: does not hold",
        "        ✗ all of",
        '            ✗ country $in ["DE", "AT"]: missing',
        "    rule fr_vips: does not hold",
        "        ✗ all of",
        '            ✗ id $nin ["ann", "bob"]: \'ann\'',
        "    rule fr_everybody: serves",
        "        growthbook_2('exp-1', id = 'ann'): point … of 1 in [0.5, 1) → exp-1:treatment",
    ]


# ---------------------------------------------------------------------------------------------------------------- flagd

FLAGD = {
    "flags": {
        "checkout": {
            "state": "ENABLED",
            "variants": {"old": "o", "new": "n", "beta": "b"},
            "defaultVariant": "old",
            "targeting": {
                "if": [
                    {"and": [{"$ref": "insiders"}, {">=": [{"var": "age"}, 18]}]},
                    "beta",
                    {"in": [{"var": "country"}, ["DE", "AT"]]},
                    {"fractional": [{"var": "email"}, ["old", 0], ["new", 9]]},
                    None,
                ]
            },
        }
    },
    "$evaluators": {"insiders": {"ends_with": [{"var": "email"}, "@acme.com"]}},
}


def test_flagd_says_which_branch_decided_and_what_each_variable_was(explained: Explained) -> None:
    assert explained("flagd", FLAGD, {"email": "a@acme.com", "age": 20}) == [
        "checkout = 'b' (variant beta), TARGETING_MATCH",
        "    rule targeting: serves",
        "        ✓ if all of (and)",
        '            ✓ {"ends_with": [{"var": "email"}, "@acme.com"]}: email = "a@acme.com"',
        '            ✓ {">=": [{"var": "age"}, 18]}: age = 20',
        '        ✓ then "beta"',
    ]


def test_flagd_says_what_a_fractional_gave_and_of_what(explained: Explained) -> None:
    assert explained("flagd", FLAGD, {"email": "a@b.c", "country": "DE"}) == [
        "checkout = 'n' (variant new), TARGETING_MATCH",
        "    rule targeting: serves",
        "        ✗ if all of (and)",
        '            ✗ {"ends_with": [{"var": "email"}, "@acme.com"]}: email = "a@b.c"',
        '        ✓ else if {"in": [{"var": "country"}, ["DE", "AT"]]}: country = "DE"',
        '        ✓ then {"fractional": [{"var": "email"}, ["old", 0], ["new", 9]]}: email = "a@b.c" → "new"',
    ]


def test_flagd_says_that_no_branch_held(explained: Explained) -> None:
    assert explained("flagd", FLAGD, {"country": "FR"})[1:] == [
        "    rule targeting: declines",
        "        ✗ if all of (and)",
        '            ✗ {"ends_with": [{"var": "email"}, "@acme.com"]}: email = missing',
        '        ✗ else if {"in": [{"var": "country"}, ["DE", "AT"]]}: country = "FR"',
        "        ✓ else null",
    ]


def test_what_is_no_json_in_a_context_does_not_spoil_the_explanation(explained: Explained) -> None:
    flag = {"state": "ENABLED", "variants": {"on": "1", "off": "0"}, "defaultVariant": "off",
            "targeting": {"if": [{"or": [{"!": {"var": "odd"}}, {"var": "tags"}]}, "off", "on"]}}  # fmt: skip
    lines = explained("flagd", {"flags": {"checkout": flag}}, {"odd": {("a", 1): 10**5000}, "tags": []})
    assert lines[2:] == [
        "        ✗ if any of (or)",
        "            ✗ not (!)",
        '                ✓ {"var": "odd"}: odd = <dict>',
        '            ✗ {"var": "tags"}: tags = []',
        '        ✓ else "on"',
    ]


# ------------------------------------------------------------------------------------------------------------ Flagsmith


def test_flagsmith_says_its_operators_and_the_segments_names(explained: Explained) -> None:
    conditions = [
        {"operator": "GREATER_THAN", "property_": "spent", "value": "100"},
        {"operator": "EQUAL", "property_": "plan", "value": "pro"},
        {"operator": "IS_NOT_SET", "property_": "blocked", "value": None},
    ]
    feature = {"id": 3, "name": "checkout", "type": "MULTIVARIATE"}
    override = {"feature": feature, "enabled": True, "feature_state_value": "new", "django_id": 5,
                "featurestate_uuid": "a", "multivariate_feature_state_values": []}  # fmt: skip
    segment = {
        "id": 7,
        "name": "big spenders",
        "feature_states": [override],
        "rules": [{"type": "ALL", "conditions": [], "rules": [{"type": "ANY", "rules": [], "conditions": conditions}]}],
    }
    option = {
        "id": 9,
        "multivariate_feature_option": {"id": 1, "value": "blue"},
        "percentage_allocation": 100,
        "mv_fs_value_uuid": "c",
    }
    export = {
        "id": 1,
        "api_key": "env",
        "project": {"id": 1, "name": "p", "hide_disabled_flags": False, "segments": [segment]},
        "feature_states": [
            {**override, "feature_state_value": "old", "django_id": 4, "multivariate_feature_state_values": [option]}
        ],
        "identity_overrides": [],
    }

    # How its conditions nest is the importer's affair.
    inside = {line.strip() for line in explained("flagsmith", export, {"targetingKey": "cas", "spent": 200})}
    assert inside >= {
        "checkout = 'new' (variant big spenders), TARGETING_MATCH",
        "rule big spenders: serves",
        "✓ in segment big spenders",
        "✓ spent GREATER_THAN '100': 200",
    }
    context = {"targetingKey": "cas", "spent": 5, "blocked": True}
    outside = {line.strip() for line in explained("flagsmith", export, context)}
    assert outside >= {
        "checkout = 'blue' (variant option 1), SPLIT",
        "rule big spenders: does not hold",
        "✗ in segment big spenders",
        "✗ spent GREATER_THAN '100': 5",
        "✗ plan EQUAL 'pro': missing",
        "✗ blocked IS_NOT_SET: True",
        "rule default: serves",
        "flagsmith_identity('4,env_', identifier = 'cas'): point … of 100 in [0, 100) → option 1",
    }


# ----------------------------------------------------------------------------------------------------------- Powertools


def test_powertools_says_its_actions_and_the_rules_names(explained: Explained) -> None:
    premium = [
        {"action": "EQUALS", "key": "tier", "value": "premium"},
        {"action": "KEY_IN_VALUE", "key": "country", "value": ["DE", "AT"]},
        {"action": "KEY_GREATER_THAN_OR_EQUAL_VALUE", "key": "age", "value": 18},
    ]
    half = [{"action": "MODULO_RANGE", "key": "user_id", "value": {"BASE": 100, "START": 0, "END": 49}}]
    rules = {
        "premium customers in DE": {"when_match": True, "conditions": premium},
        "half of the users": {"when_match": True, "conditions": half},
    }
    export = {"checkout": {"default": False, "rules": rules}}

    assert explained("appconfig", export, {"tier": "premium", "country": "DE", "age": 20}) == [
        "checkout = True (variant on), TARGETING_MATCH",
        "    rule premium customers in DE: serves",
        "        ✓ all of",
        "            ✓ tier EQUALS 'premium': 'premium'",
        "            ✓ country KEY_IN_VALUE ['DE', 'AT']: 'DE'",
        "            ✓ age KEY_GREATER_THAN_OR_EQUAL_VALUE 18: 20",
    ]
    assert explained("appconfig", export, {"user_id": 120})[-2:] == [
        "    rule half of the users: serves",
        "        ✓ user_id MODULO_RANGE {'BASE': 100, 'START': 0, 'END': 49}: 120",
    ]


# --------------------------------------------------------------------------------------------------------- django-waffle


def test_waffle_says_the_fields_of_its_flags(explained: Explained) -> None:
    fields = {"name": "checkout", "everyone": None, "percent": "40.0", "testing": False, "superusers": True, "users": [7],
              "staff": False, "authenticated": False, "languages": "de,fr", "groups": [3], "note": ""}  # fmt: skip
    export = [{"model": "waffle.flag", "pk": 1, "fields": fields}]

    assert explained("waffle", export, {"targetingKey": "9", "is_superuser": False, "language": "en"}) == [
        "checkout = False (variant off), SPLIT",
        "    rule languages: does not hold",
        "        ✗ language in ['de', 'fr']: 'en'",
        "    rule superusers: does not hold",
        "        ✗ user.is_superuser in [True]: False",
        "    rule users: does not hold",
        "        ✗ user in ['7']: '9'",
        "    rule groups: does not hold",
        "        ✗ user.groups in ['3']: missing",
        "    rule percent: serves",
        "        bf1('waffle:checkout', user = '9'): point … of 100000 in [40000, 100000) → off",
    ]


# ------------------------------------------------------------------------------------------------- where it can be read


def test_the_command_line_shows_the_same_words(traced: Traced) -> None:
    console = Console(width=300, file=io.StringIO(), record=True)
    trace = traced("flagd", FLAGD, {"email": "a@acme.com", "age": 20})
    console.print(trace_tree(trace))
    shown = console.export_text()
    for said in ("if all of (and)", '{">=": [{"var": "age"}, 18]}: age = 20', 'then "beta"'):
        assert said in shown


def test_a_flag_of_our_own_keeps_our_words() -> None:
    flag = {"key": "checkout", "type": "boolean", "variants": {"on": True}, "fallthrough": None, "meta": {"name": "x"},
            "rules": [{"when": {"attr": ["org", "size"], "op": "gt", "values": [5]}, "serve": {"variant": "on"}}]}  # fmt: skip
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    trace = interpret(Definitions({"checkout": json.dumps(flag).encode()}), "checkout", {"org": {"size": 6}}, world)
    assert "            ✓ org.size gt [5]: 6" in [f"    {line}" for line in trace.lines()]


SYSTEM_OF = {
    "eppo": "Eppo", "flagsmith": "Flagsmith", "configcat": "ConfigCat", "configcat_hashed": "ConfigCat",
    "posthog": "posthog", "statsig": "statsig", "statsig_case": "statsig", "statsig_id_list": "statsig",
    "growthbook": "GrowthBook", "powertools": "AWS AppConfig",
}  # fmt: skip


@pytest.mark.parametrize(
    ("op", "dialect"), [(op, dialect) for op, dialect in sorted(OPERATORS) if dialect in SYSTEM_OF], ids=str
)
def test_every_operator_of_a_system_has_its_word(op: str, dialect: str) -> None:
    values: tuple[Any, ...] = ({"salt": "", "hashes": []},) if dialect == "configcat_hashed" else ("v",)
    condition = Attribute.model_construct(attr=("age",), op=op, dialect=dialect, values=values, negate=False)
    words = Words({"imported": {"system": SYSTEM_OF[dialect]}}).asked(condition)
    assert words.startswith("age ")
    assert f"({dialect})" not in words
