"""Flagsmith's environment document (what local evaluation downloads) as the evaluation context that its SDKs make of it."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple
from uuid import UUID

from buildflags_sdk.importers.draft import Unsupported, a_list, an_object


def context_of(document: dict[str, Any]) -> dict[str, Any]:
    """The evaluation context of a document. Raises `Unsupported`."""
    project = an_object(document.get("project", {}), "$.project")
    features = [
        _feature(raw, f"$.feature_states[{at}]")
        for at, raw in enumerate(a_list(document["feature_states"], "$.feature_states"))
    ]
    segments = {}
    for at, raw in enumerate(a_list(project.get("segments"), "$.project.segments")):
        segment = an_object(raw, f"$.project.segments[{at}]")
        states = a_list(segment.get("feature_states"), f"$.project.segments[{at}].feature_states")
        segments[str(segment.get("id"))] = {
            "key": str(segment.get("id")),
            "name": str(segment.get("name")),
            "rules": _rules(segment.get("rules"), f"$.project.segments[{at}].rules"),
            "overrides": [_feature(state, f"$.project.segments[{at}].feature_states") for state in states],
            "metadata": {"id": segment.get("id"), "source": "api"},
        }
    return {
        "environment": {"key": document.get("api_key"), "name": document.get("name")},
        "features": {feature["name"]: feature for feature in features},
        "segments": {**segments, **_identity_overrides(document.get("identity_overrides"))},
    }


def _feature(raw: Any, where: str) -> dict[str, Any]:
    state = an_object(raw, where)
    feature = an_object(state.get("feature"), f"{where}.feature")
    made = {
        "key": str(state.get("django_id") or state.get("featurestate_uuid")),
        "name": str(feature.get("name")),
        "enabled": state.get("enabled"),
        "value": state.get("feature_state_value"),
        "metadata": {"id": feature.get("id")},
    }
    options = a_list(state.get("multivariate_feature_state_values"), f"{where}.multivariate_feature_state_values")
    if options:
        made["variants"] = [_option(option, f"{where}.multivariate_feature_state_values") for option in options]
    if state.get("feature_segment"):
        made["priority"] = an_object(state["feature_segment"], f"{where}.feature_segment").get("priority")
    return made


def _option(raw: Any, where: str) -> dict[str, Any]:
    option = an_object(raw, where)
    said = an_object(option.get("multivariate_feature_option"), f"{where}.multivariate_feature_option")
    made = {
        "value": said.get("value"),
        "weight": option.get("percentage_allocation"),
        "priority": option.get("id") or _number_of(option.get("mv_fs_value_uuid"), where),
    }
    return made if said.get("key") is None else {**made, "key": said["key"]}


def _number_of(uuid: Any, where: str) -> int:
    try:
        return UUID(str(uuid)).int
    except ValueError:
        msg = f"{where} has neither id nor mv_fs_value_uuid to order its options by"
        raise Unsupported(msg) from None


def _rules(raw: Any, where: str) -> list[dict[str, Any]]:
    return [
        {
            "type": rule.get("type"),
            "conditions": [
                {
                    "property": condition.get("property_") or condition.get("property") or "",
                    "operator": condition.get("operator"),
                    "value": condition.get("value"),
                }
                for condition in (an_object(each, where) for each in a_list(rule.get("conditions"), where))
            ],
            "rules": _rules(rule.get("rules"), where),
        }
        for rule in (an_object(each, where) for each in a_list(raw, where))
    ]


class Identities(NamedTuple):
    """Identities with the same features of their own: their places in the export, their identifiers, and the features."""

    at: list[int]
    identifiers: list[str]
    overrides: list[dict[str, Any]]


def identities_of(raw: Any) -> dict[str, Identities]:
    """The identities of a document that have features of their own, by the keys of the segments that they become."""
    groups: dict[str, Identities] = {}
    for at, each in enumerate(a_list(raw, "$.identity_overrides")):
        identity = an_object(each, f"$.identity_overrides[{at}]")
        states = a_list(identity.get("identity_features"), f"$.identity_overrides[{at}].identity_features")
        features = [_feature(state, f"$.identity_overrides[{at}].identity_features") for state in states]
        overrides = [
            {**{name: one[name] for name in ("name", "enabled", "value", "metadata")}, "key": "", "priority": -inf}
            for one in sorted(features, key=lambda feature: str(feature["name"]))
        ]
        if overrides:
            group = groups.setdefault(repr(overrides), Identities([], [], overrides))
            group.at.append(at)
            group.identifiers.append(str(identity.get("identifier")))
    return {f"identity_overrides {at}": group for at, group in enumerate(groups.values(), 1)}


def _identity_overrides(raw: Any) -> dict[str, Any]:
    """Each identity's own features as a segment that tests the identifier and is stronger than any other."""
    return {
        key: {
            "key": "",
            "name": "identity_overrides",
            "rules": [
                {
                    "type": "ALL",
                    "conditions": [{"property": "$.identity.identifier", "operator": "IN", "value": group.identifiers}],
                }
            ],
            "overrides": group.overrides,
            "metadata": {"source": "identity_overrides"},
        }
        for key, group in identities_of(raw).items()
    }
