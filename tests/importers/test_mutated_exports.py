"""Exports with anything in any place: each is read or refused as a whole, and no flag that comes of it raises."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import importer

WORLD = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
CONTEXTS: list[dict[str, Any]] = [
    {},
    {"targetingKey": "alice", "plan": "pro", "age": 7, "Email": "a@x.com", "id": None},
]
EPPO = {
    "format": "SERVER",
    "flags": {
        "f": {
            "key": "f",
            "enabled": True,
            "variationType": "STRING",
            "variations": {"a": {"key": "a", "value": "A"}, "b": {"key": "b", "value": "B"}},
            "totalShards": 100,
            "allocations": [
                {
                    "key": "first",
                    "startAt": "2020-01-01T00:00:00Z",
                    "endAt": "2120-01-01T00:00:00Z",
                    "rules": [
                        {"conditions": [{"attribute": "id", "operator": "ONE_OF", "value": ["alice"]}]},
                        {"conditions": [{"attribute": "age", "operator": "GT", "value": 5}]},
                    ],
                    "splits": [
                        {"variationKey": "a", "shards": [{"salt": "s", "ranges": [{"start": 0, "end": 50}]}]},
                        {"variationKey": "b", "shards": [{"salt": "s", "ranges": [{"start": 50, "end": 100}]}]},
                    ],
                },
            ],
        }
    },
    "bandits": {"bandit": [{"flagKey": "f", "variationValue": "A"}]},
}
FLAGSMITH_STATE = {
    "feature": {"id": 1, "name": "f"},
    "enabled": True,
    "feature_state_value": "red",
    "django_id": 1,
    "featurestate_uuid": "u",
    "multivariate_feature_state_values": [
        {"id": 1, "percentage_allocation": 50, "multivariate_feature_option": {"value": "blue", "key": "blue"}}
    ],
}
FLAGSMITH = {
    "api_key": "env",
    "name": "Production",
    "feature_states": [FLAGSMITH_STATE],
    "project": {
        "segments": [
            {
                "id": 1,
                "name": "pros",
                "feature_states": [{**FLAGSMITH_STATE, "feature_segment": {"priority": 1}}],
                "rules": [
                    {
                        "type": "ALL",
                        "rules": [],
                        "conditions": [
                            {"property_": "plan", "operator": "EQUAL", "value": "pro"},
                            {"property_": "$.identity.identifier", "operator": "IN", "value": "alice"},
                            {"property_": "", "operator": "PERCENTAGE_SPLIT", "value": "50"},
                        ],
                    }
                ],
            }
        ]
    },
    "identity_overrides": [{"identifier": "bob", "identity_features": [FLAGSMITH_STATE]}],
}
FLAGSMITH_CONTEXT = {
    "environment": {"key": "env", "name": "Production"},
    "features": {
        "f": {
            "key": "1",
            "name": "f",
            "enabled": True,
            "value": "red",
            "variants": [{"key": "blue", "value": "blue", "weight": 50, "priority": 1}],
            "metadata": {"id": 1},
        }
    },
    "segments": {
        "1": {
            "key": "1",
            "name": "pros",
            "rules": [
                {
                    "type": "NONE",
                    "conditions": [{"property": "$.identity.traits.plan", "operator": "IN", "value": ["pro"]}],
                    "rules": [
                        {"type": "ANY", "conditions": [{"property": "", "operator": "PERCENTAGE_SPLIT", "value": "5"}]}
                    ],
                }
            ],
            "overrides": [{"key": "2", "name": "f", "enabled": False, "value": 7, "priority": 1.5}],
        }
    },
}
CONFIGCAT = {
    "p": {"s": "salt"},
    "s": [{"n": "staff", "r": [{"a": "Email", "c": 2, "l": ["@x.com"]}, {"a": "age", "c": 12, "d": 5}]}],
    "f": {
        "f": {
            "t": 0,
            "a": "Email",
            "v": {"b": False},
            "i": "off",
            "p": [{"p": 50, "v": {"b": True}, "i": "on"}, {"p": 50, "v": {"b": False}, "i": "off"}],
            "r": [
                {"c": [{"s": {"s": 0, "c": 1}}, {"p": {"f": "g", "c": 0, "v": {"s": "x"}}}], "s": {"v": {"b": True}}}
            ],
        },
        "g": {"t": 1, "v": {"s": "x"}, "r": [{"c": [{"u": {"a": "Identifier", "c": 28, "s": "alice"}}], "p": []}]},
    },
}
POWERTOOLS = {
    "f": {
        "default": False,
        "rules": {
            "night": {
                "when_match": True,
                "conditions": [
                    {
                        "action": "SCHEDULE_BETWEEN_TIME_RANGE",
                        "key": "CURRENT_TIME",
                        "value": {"START": "20:00", "END": "06:00", "TIMEZONE": "Europe/Copenhagen"},
                    },
                    {"action": "MODULO_RANGE", "key": "age", "value": {"BASE": 10, "START": 0, "END": 5}},
                ],
            }
        },
    },
    "g": {"default": "x", "boolean_type": False},
}
APPCONFIG = {
    "version": "1",
    "flags": {"f": {"name": "F", "attributes": {"color": {"constraints": {"type": "string"}}}}},
    "values": {
        "f": {
            "_variants": [
                {
                    "name": "pros",
                    "enabled": True,
                    "attributeValues": {"color": "red"},
                    "rule": '(and (eq $plan "pro") (not (gt $age 65)) (in $plan ["pro", "team"]) (exists key::"age"))',
                },
                {"name": "default", "enabled": False, "attributeValues": {"color": "blue"}},
            ]
        },
        "g": {"enabled": True},
    },
}
UNLEASH = {
    "version": 2,
    "features": [
        {
            "name": "f",
            "enabled": True,
            "strategies": [
                {
                    "name": "flexibleRollout",
                    "parameters": {"rollout": "50", "stickiness": "default", "groupId": "f"},
                    "constraints": [
                        {"contextName": "plan", "operator": "IN", "values": ["pro"], "inverted": False},
                        {"contextName": "age", "operator": "NUM_GT", "value": "5", "caseInsensitive": True},
                        {"contextName": "Email", "operator": "REGEX", "value": "^a"},
                    ],
                    "segments": [1],
                    "variants": [{"name": "x", "weight": 1, "payload": {"type": "string", "value": "X"}}],
                },
                {"name": "userWithId", "parameters": {"userIds": "alice, bob"}},
            ],
            "variants": [
                {"name": "a", "weight": 500, "overrides": [{"contextName": "userId", "values": ["alice"]}]},
                {"name": "b", "weight": 500, "stickiness": "plan"},
            ],
            "dependencies": [{"feature": "parent", "enabled": True, "variants": ["a"]}],
        },
        {"name": "parent", "enabled": True, "strategies": []},
    ],
    "segments": [
        {"id": 1, "name": "pros", "constraints": [{"contextName": "plan", "operator": "NOT_IN", "values": []}]}
    ],
}
POSTHOG = {
    "flags": [
        {
            "key": "f",
            "active": True,
            "bucketing_identifier": "distinct_id",
            "ensure_experience_continuity": False,
            "filters": {
                "groups": [
                    {
                        "properties": [
                            {"key": "plan", "operator": "exact", "value": ["pro"], "type": "person"},
                            {"key": "id", "operator": "not_in", "value": 1, "type": "cohort"},
                            {
                                "key": "g",
                                "operator": "flag_evaluates_to",
                                "value": True,
                                "type": "flag",
                                "dependency_chain": ["g"],
                            },
                        ],
                        "rollout_percentage": 50,
                        "variant": "a",
                    },
                    {"properties": [], "aggregation_group_type_index": 0},
                ],
                "multivariate": {"variants": [{"key": "a", "rollout_percentage": 40}]},
                "payloads": {"a": "[1]", "true": "{}"},
                "early_exit": True,
            },
        },
        {"key": "g", "active": True, "filters": {"groups": [], "aggregation_group_type_index": 0}},
    ],
    "group_type_mapping": {"0": "company"},
    "cohorts": {
        "1": {
            "type": "AND",
            "values": [
                {"type": "OR", "values": [{"key": "Email", "operator": "regex", "value": "^a", "negation": True}]},
                {"type": "cohort", "value": 2, "negation": False},
            ],
        },
        "2": {"type": "OR", "values": [{"key": "joined", "operator": "is_date_after", "value": "-7d"}]},
    },
}
WAFFLE = [
    {
        "model": "waffle.flag",
        "pk": 1,
        "fields": {
            "name": "f",
            "everyone": None,
            "percent": "50.0",
            "testing": False,
            "staff": True,
            "languages": "en",
            "groups": [1, ["editors"]],
            "users": [7],
            "note": "ours",
        },
    },
    {"model": "waffle.switch", "pk": 1, "fields": {"name": "s", "active": True}},
    {"model": "waffle.sample", "pk": 1, "fields": {"name": "t", "percent": "10.0"}},
]
EXPORTS: dict[str, Any] = {
    "eppo": EPPO,
    "flagsmith": FLAGSMITH,
    "flagsmith context": FLAGSMITH_CONTEXT,
    "configcat": CONFIGCAT,
    "appconfig": APPCONFIG,
    "powertools": POWERTOOLS,
    "unleash": UNLEASH,
    "posthog": POSTHOG,
    "waffle": WAFFLE,
}
SYSTEMS = {"powertools": "appconfig", "flagsmith context": "flagsmith"}
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=4),
    st.sampled_from(["alice", "1.2.3", "(", "default", "f", "((((", '(eq $a "', "2020-01-01T00:00:00"]),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just([{}]),
    st.just({"a": []}),
)


def places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    return [path, *(deeper for step, inner in items for deeper in places(inner, (*path, step)))]


def replaced(raw: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    made = deepcopy(raw)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = by
    return made


def decide_all(system: str, export: Any) -> None:
    """Read an export and ask every flag that came of it, by both evaluators."""
    imported = importer(SYSTEMS.get(system, system)).read(json.dumps(export).encode())
    assert {finding.key for finding in imported.report.findings if finding.kind == "flag"} == set(imported.flags)
    flags, segments = (
        {key: json.dumps(entry).encode() for key, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    snapshot, definitions = Snapshot.from_lines(flags, segments), Definitions(flags, segments)
    for context in CONTEXTS:
        for key in flags:
            assert interpret(definitions, key, context, WORLD).decision.same_as(snapshot.decide(key, context, WORLD))


@pytest.mark.parametrize("system", EXPORTS)
def test_the_export_that_is_mutated_is_sound(system: str) -> None:
    module = importer(SYSTEMS.get(system, system))

    assert module.read(json.dumps(EXPORTS[system]).encode()).report.refused == 0


@pytest.mark.parametrize("system", EXPORTS)
def test_anything_in_any_place_is_read_or_refused(system: str) -> None:
    export = EXPORTS[system]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(places(export)), junk), min_size=1, max_size=2))
    def check(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
        made: Any = export
        for path, by in changes:
            if path in places(made):
                made = replaced(made, path, by)
        with suppress(FlagFileError):
            decide_all(system, made)

    check()


MODULES = ["eppo", "flagsmith", "configcat", "appconfig"]


@pytest.mark.parametrize("system", MODULES)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"{", "cut off"),
        (b'{"flags": {"f"', "cut off"),
        (b"[]", "JSON object"),
        (b"{}", "neither|no UFC|no config JSON|no environment document"),
        (b"<html>", "no JSON|cut off"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"f": 1, "f": 2}', "twice"),
        (b'{"f": NaN}', "NaN"),
        (b'{"f": 1e999}', "larger than any float"),
        (b'{"hello": "world"}', "neither|no UFC|no config JSON|no environment document"),
    ],
)
def test_bytes_that_are_no_export_are_refused_with_what_to_do(system: str, data: bytes, said: str) -> None:
    with pytest.raises(FlagFileError, match=said):
        importer(system).read(data)


@pytest.mark.parametrize("system", MODULES)
def test_an_export_over_the_limit_is_refused_with_its_size(system: str) -> None:
    data = json.dumps(EXPORTS[system]).encode()

    with pytest.raises(FlagFileError, match=f"{len(data):,} bytes"):
        importer(system).read(data, max_bytes=len(data) - 1)


@pytest.mark.parametrize("system", MODULES)
def test_every_cut_of_an_export_is_refused(system: str) -> None:
    data = json.dumps(EXPORTS[system]).encode()

    for end in range(0, len(data), 7):
        with pytest.raises(FlagFileError):
            importer(system).read(data[:end])


@pytest.mark.parametrize("system", MODULES)
@pytest.mark.parametrize("other", EXPORTS)
def test_no_system_takes_another_ones_export(system: str, other: str) -> None:
    if system == SYSTEMS.get(other, other):
        return
    with pytest.raises(FlagFileError):
        importer(system).read(json.dumps(EXPORTS[other]).encode())
