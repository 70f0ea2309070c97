"""The fields of a local evaluation payload: those that are read, those that decide nothing, and those that only the server reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk.importers.draft import place
from buildflags_sdk.importers.shape import unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildflags_sdk.importers.shape import Shape

_PROPERTY: Final[dict[str, Shape]] = dict.fromkeys((
    "key", "value", "operator", "type", "negation", "dependency_chain", "group_type_index", "label", "cohort_name",
    "group_key_names",
))  # fmt: skip
_GROUP: Final[Shape] = {
    **dict.fromkeys(("rollout_percentage", "variant", "aggregation_group_type_index", "description", "sort_key")),
    "users_affected": None,
    "properties": [_PROPERTY],
}
_OF_THE_SERVER: Final = {
    "super_groups": "early access, which PostHog's server tries before the groups",
    "feature_enrollment": "early access, which PostHog's server tries before the groups",
    "holdout_groups": "a holdout, which PostHog's server tries before the groups",
    "holdout": "a holdout, which PostHog's server tries before the groups",
}
_FLAG: Final[Shape] = {
    **dict.fromkeys((
        "id", "team_id", "key", "name", "active", "deleted", "version", "ensure_experience_continuity",
        "bucketing_identifier", "has_encrypted_payloads", "has_experiment", "evaluation_runtime", "evaluation_tags",
        "evaluation_contexts", "is_simple_flag", "rollout_percentage",
    )),
    "filters": {
        **dict.fromkeys(("payloads", "aggregation_group_type_index", "early_exit", "bucketing_identifier")),
        **dict.fromkeys(_OF_THE_SERVER),
        "groups": [_GROUP],
        "multivariate": {"variants": [dict.fromkeys(("key", "name", "rollout_percentage"))]},
    },
}  # fmt: skip
_COHORT: Final[dict[str, Shape]] = {**_PROPERTY, **dict.fromkeys(("bytecode", "bytecode_error", "conditionHash"))}
_COHORT["values"] = [_COHORT]
_PAYLOAD: Final[Shape] = dict.fromkeys(("flags", "cohorts", "group_type_mapping", "minimal_flag_called_events"))


def of_payload(raw: dict[str, Any]) -> str:
    """What is to be said of the payload's own fields that are not known; empty when there is nothing."""
    return unknown_fields(raw, _PAYLOAD)


def of_cohort(raw: Any, number: str) -> str:
    """What is to be said of a cohort's fields that are not known; empty when there is nothing."""
    return unknown_fields(raw, _COHORT, "cohorts", number)


def of_flag(raw: dict[str, Any], at: int) -> Iterator[str]:
    """What is to be said of a flag's fields that PostHog's server reads and its SDK does not, and of those not known."""
    filters = raw.get("filters")
    for name, what in _OF_THE_SERVER.items():
        if isinstance(filters, dict) and filters.get(name):
            yield f"{place('flags', at, 'filters', name)} is {what}; its SDK passes over it, and so it is here"
    unknown = unknown_fields(raw, _FLAG, "flags", at)
    if unknown:
        yield unknown
