"""One rule, `country` is DE (waffle's: `language`), as an export of each system."""

from __future__ import annotations

from typing import Any

_FLAGSMITH_STATE: dict[str, Any] = {
    "feature": {"id": 1, "name": "f"},
    "feature_state_value": None,
    "django_id": 1,
    "multivariate_feature_state_values": [],
}
_APPCONFIG_RULE = {"when_match": True, "conditions": [{"action": "EQUALS", "key": "country", "value": "DE"}]}
_CONFIGCAT_RULE = {"c": [{"u": {"a": "country", "c": 28, "s": "DE"}}], "s": {"v": {"b": True}}}
_EPPO_ALLOCATION = {
    "key": "a",
    "doLog": True,
    "rules": [{"conditions": [{"attribute": "country", "operator": "ONE_OF", "value": ["DE"]}]}],
    "splits": [{"variationKey": "on", "shards": []}],
}
_FLAGSMITH_SEGMENT = {
    "id": 1,
    "name": "germans",
    "rules": [
        {"type": "ALL", "rules": [], "conditions": [{"property_": "country", "operator": "EQUAL", "value": "DE"}]}
    ],
    "feature_states": [
        {**_FLAGSMITH_STATE, "enabled": True, "featurestate_uuid": "b", "feature_segment": {"priority": 0}}
    ],
}
_POSTHOG_GROUP = {
    "properties": [{"key": "country", "type": "person", "operator": "exact", "value": ["DE"]}],
    "rollout_percentage": 100,
}
_STATSIG_RULE = {
    "name": "r",
    "id": "r",
    "salt": "rs",
    "passPercentage": 100,
    "returnValue": True,
    "idType": "userID",
    "conditions": ["germans"],
}

EXPORTS: dict[str, Any] = {
    "appconfig": {"f": {"default": False, "rules": {"r": _APPCONFIG_RULE}}},
    "configcat": {"p": {"u": "", "r": 0, "s": "x"}, "f": {"f": {"t": 0, "v": {"b": False}, "r": [_CONFIGCAT_RULE]}}},
    "eppo": {
        "format": "SERVER",
        "flags": {
            "f": {
                "key": "f",
                "enabled": True,
                "variationType": "BOOLEAN",
                "totalShards": 10_000,
                "variations": {"on": {"key": "on", "value": True}},
                "allocations": [_EPPO_ALLOCATION],
            }
        },
    },
    "flagd": {
        "flags": {
            "f": {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "defaultVariant": "off",
                "targeting": {"if": [{"==": [{"var": "country"}, "DE"]}, "on", "off"]},
            }
        }
    },
    "flagsmith": {
        "api_key": "env",
        "project": {"id": 1, "name": "P", "segments": [_FLAGSMITH_SEGMENT]},
        "feature_states": [{**_FLAGSMITH_STATE, "enabled": False, "featurestate_uuid": "a"}],
    },
    "growthbook": {
        "features": {"f": {"defaultValue": False, "rules": [{"condition": {"country": "DE"}, "force": True}]}}
    },
    "launchdarkly": {
        "flags": {
            "f": {
                "key": "f",
                "version": 1,
                "on": True,
                "salt": "s",
                "variations": [True, False],
                "offVariation": 1,
                "fallthrough": {"variation": 1},
                "rules": [
                    {"id": "r", "variation": 0, "clauses": [{"attribute": "country", "op": "in", "values": ["DE"]}]}
                ],
            }
        }
    },
    "unleash": {
        "version": 2,
        "features": [
            {
                "name": "f",
                "enabled": True,
                "strategies": [
                    {
                        "name": "default",
                        "constraints": [{"contextName": "country", "operator": "IN", "values": ["DE"]}],
                    }
                ],
            }
        ],
    },
    "openfeature": {
        "f": {
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "disabled": False,
            "contextEvaluator": "country == 'DE' ? 'on' : ''",
        }
    },
    "posthog": {
        "flags": [{"id": 1, "key": "f", "active": True, "filters": {"groups": [_POSTHOG_GROUP]}}],
        "group_type_mapping": {},
        "cohorts": {},
    },
    "statsig": {
        "feature_gates": {
            "f": {
                "name": "f",
                "type": "feature_gate",
                "salt": "s",
                "enabled": True,
                "defaultValue": False,
                "idType": "userID",
                "entity": "feature_gate",
                "rules": [_STATSIG_RULE],
            }
        },
        "dynamic_configs": {},
        "layer_configs": {},
        "condition_map": {
            "germans": {
                "type": "user_field",
                "field": "country",
                "operator": "any",
                "targetValue": ["DE"],
                "additionalValues": {},
                "idType": "userID",
            }
        },
    },
    "waffle": [
        {
            "model": "waffle.flag",
            "pk": 1,
            "fields": {"name": "f", "languages": "DE"},
        }
    ],
}
