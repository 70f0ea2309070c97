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
EXPORTS = {
    "eppo": EPPO,
    "flagsmith": FLAGSMITH,
    "configcat": CONFIGCAT,
    "appconfig": APPCONFIG,
    "powertools": POWERTOOLS,
}
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
    imported = importer("appconfig" if system == "powertools" else system).read(json.dumps(export).encode())
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
    module = importer("appconfig" if system == "powertools" else system)

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
