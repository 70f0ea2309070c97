"""The fields of features and segments: those that are read here, and those that decide nothing, there as here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from buildflags_sdk.importers.shape import Shape


def _named(*fields: str) -> dict[str, Shape]:
    return dict.fromkeys(fields)


_CONSTRAINTS: Final[Shape] = [_named("contextName", "operator", "values", "value", "inverted", "caseInsensitive")]
_VARIANT: Final[dict[str, Shape]] = {
    **_named("name", "weight", "weightType", "stickiness"),
    "payload": _named("type", "value"),
}
_PARAMETERS: Final[Shape] = _named("rollout", "percentage", "stickiness", "groupId", "userIds", "IPs", "hostNames")
_STRATEGY: Final[Shape] = {
    **_named("name", "segments", "disabled", "id", "title", "sortOrder", "featureName", "milestoneId"),
    "parameters": _PARAMETERS,
    "constraints": _CONSTRAINTS,
    "variants": [_VARIANT],
}

FEATURE: Final[Shape] = {
    **_named("name", "enabled", "description", "project", "type", "stale", "impressionData", "createdAt", "lastSeenAt"),
    "strategies": [_STRATEGY],
    "variants": [{**_VARIANT, "overrides": [_named("contextName", "values")]}],
    "dependencies": [_named("feature", "enabled", "variants")],
}
SEGMENT: Final[Shape] = {
    **_named("id", "name", "description", "project", "createdAt", "createdBy"),
    "constraints": _CONSTRAINTS,
}
