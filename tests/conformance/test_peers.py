"""`verify-import` beside each system's own SDK: on exports of the systems' own suites, no context is moved."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from buildflags_sdk.cli._exit import Exit
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.errors import ConfigurationError
from buildflags_sdk.importers.peers import PEERS, growthbook, peer_of, statsig

if TYPE_CHECKING:
    from buildflags_sdk.importers.peers.answers import Evaluate

pytestmark = pytest.mark.conformance

CASES = Path(os.environ.get("BUILDFLAGS_CONFORMANCE_DIR") or Path(__file__).parents[3] / "shared" / "conformance")

RULE = {"condition": {"country": "DE"}, "variations": ["a", "b"], "weights": [0.5, 0.5], "hashAttribute": "id"}
FLAGSMITH_STATE = {
    "feature": {"id": 1, "name": "f"},
    "enabled": True,
    "feature_state_value": "base",
    "featurestate_uuid": "uuid-1",
    "django_id": 7,
    "multivariate_feature_state_values": [
        {"id": 1, "percentage_allocation": 50, "multivariate_feature_option": {"value": "a"}}
    ],
}
SEGMENT_STATE = {
    **FLAGSMITH_STATE,
    "feature_state_value": "override",
    "featurestate_uuid": "uuid-2",
    "feature_segment": {"priority": 0},
}
IN_GERMANY = [
    {"type": "ALL", "conditions": [{"property_": "country", "operator": "EQUAL", "value": "DE"}], "rules": []}
]
STATSIG_RULE = {
    "name": "r", "id": "r", "salt": "rs", "passPercentage": 50, "returnValue": True, "idType": "userID",
    "conditions": ["k"],
}  # fmt: skip
STATSIG_GATE = {
    "name": "g", "type": "feature_gate", "salt": "s", "enabled": True, "idType": "userID", "defaultValue": False,
    "rules": [STATSIG_RULE], "entity": "feature_gate", "version": 1,
}  # fmt: skip
STATSIG_CONFIG = {
    **STATSIG_GATE, "type": "dynamic_config", "entity": "dynamic_config", "defaultValue": {},
    "rules": [{**STATSIG_RULE, "returnValue": {"v": 1}}],
}  # fmt: skip
STATSIG_PARAMETERS = {
    "text": {"ref_type": "static", "param_type": "string", "value": "x"},
    "number": {"ref_type": "static", "param_type": "number", "value": 3},
    "list": {"ref_type": "static", "param_type": "array", "value": [1]},
    "gated": {"ref_type": "gate", "param_type": "boolean", "gate_name": "g", "pass_value": False, "fail_value": True},
    "given": {"ref_type": "dynamic_config", "param_type": "number", "config_name": "c", "param_name": "v"},
    "absent": {"ref_type": "dynamic_config", "param_type": "object", "config_name": "c", "param_name": "w"},
}
EXPORTS: dict[str, Any] = {
    "growthbook": {"features": {"f": {"defaultValue": "none", "rules": [RULE]}}},
    "launchdarkly": {
        "flags": {
            "f": {
                "key": "f",
                "version": 1,
                "on": True,
                "salt": "s",
                "variations": ["a", "b"],
                "offVariation": 0,
                "fallthrough": {
                    "rollout": {"variations": [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]}
                },
                "rules": [
                    {"id": "r", "variation": 1, "clauses": [{"attribute": "country", "op": "in", "values": ["DE"]}]}
                ],
            }
        },
        "segments": {},
    },
    "unleash": {
        "version": 2,
        "features": [
            {
                "name": "f",
                "enabled": True,
                "strategies": [
                    {
                        "name": "flexibleRollout",
                        "parameters": {"rollout": "50", "stickiness": "default", "groupId": "f"},
                    }
                ],
                "variants": [
                    {"name": "a", "weight": 500, "weightType": "variable", "stickiness": "default"},
                    {"name": "b", "weight": 500, "weightType": "variable", "stickiness": "default"},
                ],
            }
        ],
    },
    "flagd": {
        "flags": {
            "f": {
                "state": "ENABLED",
                "variants": {"a": "A", "b": "B"},
                "defaultVariant": "a",
                "targeting": {"if": [{"==": [{"var": "country"}, "DE"]}, "b", None]},
            }
        }
    },
    "flagsmith": {
        "api_key": "env",
        "name": "Production",
        "feature_states": [FLAGSMITH_STATE],
        "project": {"segments": [{"id": 1, "name": "germany", "rules": IN_GERMANY, "feature_states": [SEGMENT_STATE]}]},
        "identity_overrides": [],
    },
    "posthog": {
        "flags": [
            {
                "key": "f",
                "active": True,
                "filters": {
                    "groups": [
                        {
                            "properties": [{"key": "country", "value": ["DE"], "operator": "exact", "type": "person"}],
                            "rollout_percentage": 50,
                        }
                    ],
                    "multivariate": {
                        "variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]
                    },
                },
            }
        ],
        "group_type_mapping": {},
        "cohorts": {},
    },
    "statsig": {
        "feature_gates": {"g": STATSIG_GATE},
        "dynamic_configs": {"c": {**STATSIG_CONFIG, "name": "c"}},
        "layer_configs": {"l": {**STATSIG_CONFIG, "name": "l", "entity": "layer"}},
        "condition_map": {
            "k": {
                "type": "user_field",
                "field": "country",
                "operator": "any",
                "targetValue": ["DE"],
                "idType": "userID",
                "additionalValues": {},
            }
        },
        "id_lists": {},
        "param_stores": {"store": {"targetAppIDs": [], "parameters": STATSIG_PARAMETERS}},
        "experiment_to_layer": {},
        "has_updates": True,
        "time": 1,
    },
    "appconfig": {
        "f": {
            "default": False,
            "rules": {
                "germans": {
                    "when_match": True,
                    "conditions": [{"action": "EQUALS", "key": "country", "value": "DE"}],
                }
            },
        }
    },
}
BANDIT = {
    "features": {
        "f": {"rules": [{"contextualVariations": ["a", "b"], "contextualBanditRef": "cb", "weights": [1, 0]}]},
    },
    "contextualBandits": {"cb": {"contexts": [{"leafId": 1, "condition": {"country": "DE"}, "weights": [0, 1]}]}},
    "savedGroups": None,
}
FLAGSMITH_CONTEXT = {
    "environment": {"key": "env", "name": "Production"},
    "features": {"f": {"key": "1", "name": "f", "enabled": False, "value": "off"}},
    "segments": {
        "1": {
            "key": "1",
            "name": "keyed",
            "rules": [
                {"type": "ANY", "conditions": [
                    {"property": "$.identity.key", "operator": "REGEX", "value": "k|env_"},
                    {"property": "country", "operator": "EQUAL", "value": "DE"},
                ]}
            ],
            "overrides": [{"key": "2", "name": "f", "enabled": True, "value": "on"}],
        }
    },
}  # fmt: skip
NAMES = {
    "growthbook": "id", "launchdarkly": "key", "unleash": "userId", "flagd": "targetingKey", "eppo": "subjectKey",
    "configcat": "Identifier", "flagsmith": "identifier", "posthog": "distinct_id", "statsig": "userID", "appconfig": "id",
}  # fmt: skip


def _export(system: str) -> bytes:
    if system in EXPORTS:
        return json.dumps(EXPORTS[system]).encode()
    if not CASES.is_dir():
        pytest.skip(f"the systems' own cases are not at {CASES}")
    if system == "eppo":
        return (CASES / "eppo" / "ufc" / "flags-v1.json").read_bytes()
    content = json.loads((CASES / "configcat" / "content-by-key.json").read_text())
    configs = [value for value in content.values() if isinstance(value, dict | str)]
    first = configs[0]
    return first.encode() if isinstance(first, str) else json.dumps(first).encode()


def verified(system: str, folder: Path, export: bytes, *contexts: dict[str, Any]) -> Result:
    """What `verify-import` says of these contexts, beside the system's own SDK."""
    try:
        peer_of(system)
    except ConfigurationError as error:
        pytest.skip(str(error))
    exported, traffic = folder / "export.json", folder / "traffic.ndjson"
    exported.write_bytes(export)
    traffic.write_text("\n".join(map(json.dumps, contexts)))
    return CliRunner().invoke(
        buildflags, ["verify-import", system, str(exported), "--contexts", str(traffic), "--json"]
    )


@pytest.mark.parametrize("system", sorted(PEERS))
def test_nobody_is_moved_on_a_sample_of_traffic(system: str, tmp_path: Path) -> None:
    sample = [{NAMES[system]: f"user-{at}", "country": ("DE", "FR")[at % 2]} for at in range(40)]
    done = verified(system, tmp_path, _export(system), *sample)
    answer = json.loads(done.stdout)
    assert answer["side_by_side"], done.stderr
    assert answer["first_differences"] == []
    assert answer["equal"] >= 40
    assert done.exit_code == 0
    assert any(len(counts) > 1 for counts in answer["flags"].values()), "the sample tells nobody apart"


@pytest.mark.parametrize(
    ("system", "export", "context"),
    [
        ("launchdarkly", {"data": EXPORTS["launchdarkly"]}, {"key": "u", "country": "DE"}),
        ("launchdarkly", {"flagValues": {"plain": 7}}, {"key": "u"}),
        ("growthbook", EXPORTS["growthbook"]["features"], {"id": "u", "country": "DE"}),
        ("growthbook", BANDIT, {"id": "u", "country": "DE"}),
        ("appconfig", {"features": {"f": {"default": True}}, "log": "INFO"}, {"id": "u"}),
        ("flagsmith", FLAGSMITH_CONTEXT, {"identifier": "u", "flagsmithIdentityKey": "k"}),
        ("flagsmith", FLAGSMITH_CONTEXT, {"flagsmithIdentityKey": "k"}),
        ("flagsmith", FLAGSMITH_CONTEXT, {"country": "DE"}),
    ],
    ids=[
        "wrapped", "plain values", "bare features", "a bandit's leaf", "an envelope", "a key of its own", "a key alone",
        "no identity",
    ],
)  # fmt: skip
def test_every_form_of_an_export_that_is_read_is_compared(
    system: str, export: Any, context: dict[str, Any], tmp_path: Path
) -> None:
    done = verified(system, tmp_path, json.dumps(export).encode(), context)
    answer = json.loads(done.stdout)
    assert answer["side_by_side"], done.stderr
    assert (answer["equal"], answer["different"]) == (1, 0)


def test_an_export_that_the_other_sdk_does_not_take_is_said_and_not_compared(tmp_path: Path) -> None:
    export = {"flags": {"good": EXPORTS["flagd"]["flags"]["f"], "bad": {"state": "PERHAPS"}}}
    done = verified("flagd", tmp_path, json.dumps(export).encode(), {"targetingKey": "u"})
    assert not json.loads(done.stdout)["side_by_side"]
    assert "does not take this export" in done.stderr


def test_an_export_that_statsigs_sdk_reads_nothing_of_is_not_compared_with_its_defaults(tmp_path: Path) -> None:
    export = {name: table for name, table in EXPORTS["statsig"].items() if name != "experiment_to_layer"}
    done = verified("statsig", tmp_path, json.dumps(export).encode(), {"userID": "u"})
    assert not json.loads(done.stdout)["side_by_side"]
    assert "finds no specs" in done.stderr


def test_a_statsig_layer_is_compared_by_its_parameters_too(tmp_path: Path) -> None:
    pytest.importorskip("statsig_python_core", reason="the peer's SDK is not installed: statsig-python-core")
    evaluate = statsig.evaluator(_export("statsig"))
    assert evaluate("l", {"userID": "u", "country": "DE"}).value == ({"v": 1}, "r")
    assert evaluate("l", {"userID": "u", "country": "FR"}).value == ({}, "default")


def test_a_context_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    done = verified("launchdarkly", tmp_path, _export("launchdarkly"), {"key": "u"}, {"country": "DE"})
    assert "line 2: " in done.stderr
    assert done.exit_code == Exit.CONFIGURATION


def test_a_difference_is_explained_by_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("growthbook", reason="the peer's SDK is not installed: growthbook")
    monkeypatch.setattr(growthbook, "evaluator", lambda data, real=growthbook.evaluator: _contrary(real(data)))
    done = verified("growthbook", tmp_path, _export("growthbook"), {"id": "u", "country": "DE"})
    (first,) = json.loads(done.stdout)["first_differences"]
    assert any("country" in line for line in first["trace"])
    assert "source experiment" in first["their_words"]
    assert done.exit_code == Exit.NEGATIVE


def _contrary(evaluate: Evaluate) -> Evaluate:
    return lambda key, context: evaluate(key, context)._replace(value="something else")
