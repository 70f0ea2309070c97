"""The fields of an export that are read or knowingly passed over, and where any other stands."""

from __future__ import annotations

from typing import Any, NamedTuple

from buildflags_sdk.importers.shape import unknown_fields

from .document import identities_of

_OPTION = {"value": None, "key": None, "id": None}
_STATE = {
    "feature": {"id": None, "name": None, "type": None},
    "enabled": None,
    "feature_state_value": None,
    "django_id": None,
    "featurestate_uuid": None,
    "feature_segment": {"priority": None},
    "multivariate_feature_state_values": [
        {"id": None, "mv_fs_value_uuid": None, "percentage_allocation": None, "multivariate_feature_option": _OPTION}
    ],
}
_DOCUMENT_RULE: dict[str, Any] = {
    "type": None,
    "conditions": [{"property_": None, "property": None, "operator": None, "value": None}],
}
_DOCUMENT_RULE["rules"] = [_DOCUMENT_RULE]
_DOCUMENT_SEGMENT = {
    "id": None,
    "name": None,
    "description": None,
    "rules": [_DOCUMENT_RULE],
    "feature_states": [_STATE],
}
# An identity's traits and keys are the subject's own; evaluations bring theirs.
_IDENTITY = {
    "identifier": None, "identity_features": [_STATE], "identity_traits": None, "environment_api_key": None,
    "created_date": None, "identity_uuid": None, "django_id": None, "composite_key": None,
}  # fmt: skip
_FEATURE = {
    "key": None,
    "name": None,
    "enabled": None,
    "value": None,
    "variants": [{"key": None, "value": None, "weight": None, "priority": None}],
    "priority": None,
    "metadata": None,
}
_RULE: dict[str, Any] = {"type": None, "conditions": [{"property": None, "operator": None, "value": None}]}
_RULE["rules"] = [_RULE]
_SEGMENT = {"key": None, "name": None, "rules": [_RULE], "overrides": [_FEATURE], "metadata": None}


class Notes(NamedTuple):
    """What the findings say of fields that are not known: by features' names, and by segments' keys."""

    flags: dict[str, list[str]]
    segments: dict[str, list[str]]


def notes_of_context(context: dict[str, Any]) -> Notes:
    """The notes of an evaluation context."""
    return Notes(
        {name: _note(raw, _FEATURE, "features", name) for name, raw in (context.get("features") or {}).items()},
        {key: _note(raw, _SEGMENT, "segments", key) for key, raw in (context.get("segments") or {}).items()},
    )


def notes_of_document(document: dict[str, Any]) -> Notes:
    """The notes of an environment document, by the names and keys that `context_of` gives."""
    flags: dict[str, list[str]] = {}
    for at, state in enumerate(document["feature_states"] or ()):
        flags[str(state["feature"].get("name"))] = _note(state, _STATE, "feature_states", at)
    segments: dict[str, list[str]] = {}
    for at, segment in enumerate(document.get("project", {}).get("segments") or ()):
        segments[str(segment.get("id"))] = _note(segment, _DOCUMENT_SEGMENT, "project", "segments", at)
    identities = document.get("identity_overrides") or []
    for key, group in identities_of(identities).items():
        segments[key] = [note for at in group.at for note in _note(identities[at], _IDENTITY, "identity_overrides", at)]
    return Notes(flags, segments)


def _note(raw: Any, shape: Any, *steps: str | int) -> list[str]:
    found = unknown_fields(raw, shape, *steps)
    return [found] if found else []
