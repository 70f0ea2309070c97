"""The fields of Flagsmith's exports: those it writes are known, and any other is named by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk.importers import Standing, flagsmith


def state(value: str = "base") -> dict[str, Any]:
    option = {
        "id": 1, "mv_fs_value_uuid": "u", "percentage_allocation": 50,
        "multivariate_feature_option": {"id": 1, "value": "red", "key": "red"},
    }  # fmt: skip
    return {
        "feature": {"id": 1, "name": "f", "type": "MULTIVARIATE"},
        "enabled": True,
        "feature_state_value": value,
        "django_id": 7,
        "featurestate_uuid": "u",
        "feature_segment": {"priority": 1},
        "multivariate_feature_state_values": [option],
    }


def document(**more: Any) -> dict[str, Any]:
    """An environment document with every field that Flagsmith writes."""
    condition = {"property_": "plan", "operator": "EQUAL", "value": "pro"}
    rules = [{"type": "ALL", "conditions": [], "rules": [{"type": "ANY", "conditions": [condition], "rules": []}]}]
    identity = {
        "identifier": "bob", "identity_features": [state("bob's")], "identity_traits": [], "environment_api_key": "env",
        "created_date": "2024-01-01T00:00:00Z", "identity_uuid": "u", "django_id": 1, "composite_key": "env_bob",
    }  # fmt: skip
    return {
        "id": 1, "api_key": "env", "name": "Production", "updated_at": "2024-01-01T00:00:00Z", "allow_client_traits": True,
        "feature_states": [state()],
        "project": {
            "id": 1, "name": "p", "hide_disabled_flags": False, "organisation": {"id": 1, "name": "o"},
            "segments": [{"id": 1, "name": "pros", "rules": rules, "feature_states": [state("x")]}],
        },
        "identity_overrides": [identity],
        **more,
    }  # fmt: skip


CONTEXT: dict[str, Any] = {
    "environment": {"key": "env", "name": "Production"},
    "features": {
        "f": {
            "key": "1", "name": "f", "enabled": True, "value": "a", "metadata": {"id": 1},
            "variants": [{"key": "b", "value": "b", "weight": 50, "priority": 1}],
        }
    },
    "segments": {
        "1": {
            "key": "1", "name": "pros", "metadata": {"id": 1, "source": "api"},
            "rules": [{"type": "ALL", "conditions": [{"property": "plan", "operator": "EQUAL", "value": "pro"}], "rules": []}],
            "overrides": [{"key": "2", "name": "f", "enabled": True, "value": "c", "priority": 1}],
        }
    },
}  # fmt: skip


@pytest.mark.parametrize("export", [document(), CONTEXT])
def test_an_export_that_is_all_understood_has_no_notes(export):
    assert {finding.standing for finding in flagsmith.read(json.dumps(export).encode()).report.findings} == {"exact"}


@pytest.mark.parametrize(
    ("export", "steps", "name"),
    [
        *((document(), steps, "f") for steps in (
            "feature_states 0", "feature_states 0 feature",
            "feature_states 0 multivariate_feature_state_values 0",
            "feature_states 0 multivariate_feature_state_values 0 multivariate_feature_option",
        )),
        *((document(), f"project segments 0{steps}", "pros") for steps in (
            "", " rules 0", " rules 0 rules 0", " rules 0 rules 0 conditions 0", " feature_states 0",
            " feature_states 0 feature",
        )),
        *((document(), f"identity_overrides 0{steps}", "identity_overrides") for steps in ("", " identity_features 0")),
        *((CONTEXT, f"features f{steps}", "f") for steps in ("", " variants 0")),
        *((CONTEXT, f"segments 1{steps}", "pros") for steps in ("", " rules 0", " rules 0 conditions 0", " overrides 0")),
    ],
)  # fmt: skip
def test_a_field_that_is_not_known_is_named_by_its_place(export, steps, name):
    changed = json.loads(json.dumps(export))
    at = changed
    for step in steps.split():
        at = at[int(step)] if isinstance(at, list) else at[step]
    at["brand_new"] = 1
    noted = [each for each in flagsmith.read(json.dumps(changed).encode()).report.findings if each.standing != "exact"]
    path = "".join(f"[{step}]" if step == "0" else f".{step}" for step in steps.split())

    assert [(each.source_key, each.standing, each.why) for each in noted] == [
        (name, Standing.APPROXIMATED, f"fields that are not known were left out: ${path}.brand_new")
    ]


def test_entries_say_where_they_stand_in_the_export():
    places = {each.source_key: each.where for each in flagsmith.read(json.dumps(document()).encode()).report.findings}

    assert places == {
        "f": "$.feature_states[0]",
        "pros": "$.project.segments[0]",
        "identity_overrides": "$.identity_overrides[0]",
    }


def test_what_is_replaced_or_overrides_nothing_is_told():
    export = document()
    export["feature_states"].append(state())
    export["project"]["segments"].append(export["project"]["segments"][0])
    export["identity_overrides"][0]["identity_features"][0]["feature"]["name"] = "gone"
    why = {each.source_key: each.why for each in flagsmith.read(json.dumps(export).encode()).report.findings}

    assert why == {
        "f": "the state at $.feature_states[0] is replaced",
        "pros": "the segment at $.project.segments[0] is replaced",
        "identity_overrides": "it overrides 'gone', which is no feature here",
    }


def test_a_trait_may_come_as_flagsmiths_sdk_takes_it():
    apply = flagsmith.read(json.dumps(document()).encode()).attributes.apply

    assert apply({"identifier": "u", "plan": {"value": "pro", "transient": True}, "box": {"value": 1, "size": 2}}) == {
        "identifier": "u", "targetingKey": "u", "plan": "pro", "box": {"value": 1, "size": 2},
    }  # fmt: skip
