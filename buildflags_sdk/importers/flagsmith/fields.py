"""The fields of an export that are read or knowingly passed over, and where any other stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import place
from buildflags_sdk.importers.shape import unknown_fields

from .document import identities_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Notes:
    """What the findings say of what is left out, and where entries stand: by features' names, and by segments' keys."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        self.features = features
        self.flags: dict[str, list[str]] = {}
        self.segments: dict[str, list[str]] = {}
        self.places: dict[tuple[str, str], str] = {}

    def flag(self, name: str, raw: Any, shape: Any, *steps: str | int) -> None:
        """Note what a feature's state leaves out. Of two states of one feature the later counts, as in Flagsmith's SDK."""
        noted = self.flags[name] = (
            [f"the state at {earlier} is replaced"] if (earlier := self._place("flag", name, steps)) else []
        )
        noted += filter(None, [unknown_fields(raw, shape, *steps)])

    def segment(self, key: str, raw: Any, shape: Any, overrides: list[str], *steps: str | int) -> None:
        """Note what a segment leaves out: its fields, and overrides of what is no feature here."""
        noted = self.segments.setdefault(key, [])
        if earlier := self._place("segment", key, steps):
            noted.append(f"the segment at {earlier} is replaced")
        absent = [name for name in overrides if name not in self.features]
        noted += [f"it overrides {shown(name)}, which is no feature here" for name in absent]
        noted += filter(None, [unknown_fields(raw, shape, *steps)])

    def _place(self, kind: str, name: str, steps: tuple[str | int, ...]) -> str:
        """Where it stands; gives where the one before it stands, which it replaces."""
        earlier = self.places.get((kind, name), "")
        self.places[kind, name] = place(*steps)
        return earlier


def notes_of_context(context: dict[str, Any]) -> Notes:
    """The notes of an evaluation context."""
    notes = Notes(context.get("features") or {})
    for name, raw in notes.features.items():
        notes.flag(name, raw, _FEATURE, "features", name)
    for key, raw in (context.get("segments") or {}).items():
        notes.segment(key, raw, _SEGMENT, _overridden(raw), "segments", key)
    return notes


def notes_of_document(document: dict[str, Any], context: dict[str, Any]) -> Notes:
    """The notes of an environment document, by the names and keys that its `context` has."""
    notes = Notes(context["features"])
    for at, state in enumerate(document["feature_states"] or ()):
        notes.flag(str(state["feature"].get("name")), state, _STATE, "feature_states", at)
    for at, segment in enumerate(document.get("project", {}).get("segments") or ()):
        key = str(segment.get("id"))
        overridden = _overridden(context["segments"][key])
        notes.segment(key, segment, _DOCUMENT_SEGMENT, overridden, "project", "segments", at)
    identities = document.get("identity_overrides") or []
    for key, group in identities_of(identities).items():
        for at in group.at:
            notes.places.pop(("segment", key), None)  # several identities make one segment
            notes.segment(
                key, identities[at], _IDENTITY, _overridden(context["segments"][key]), "identity_overrides", at
            )
    return notes


def _overridden(segment: Any) -> list[str]:
    overrides = segment.get("overrides") if isinstance(segment, dict) else None
    return [str(raw.get("name")) for raw in overrides if isinstance(raw, dict)] if isinstance(overrides, list) else []
