"""PostHog's SDK over a payload for local evaluation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

    from .answers import Evaluate

_NOT_PERSONAL = frozenset(("$device_id", "groups", "group_properties"))


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the payload locally; what it would ask its server is None."""
    package = sdk("posthog")
    document = json.loads(data)
    client = package.Posthog("phc_none", host="http://127.0.0.1:9", sync_mode=True, disabled=True)
    client.feature_flags = document["flags"]
    client.group_type_mapping = document.get("group_type_mapping") or {}
    client.cohorts = document.get("cohorts") or {}
    flags = {flag["key"]: flag for flag in document["flags"]}
    undecided = package.client.InconclusiveMatchError, package.client.RequiresServerEvaluation

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        person = {name: value for name, value in context.items() if name not in _NOT_PERSONAL}
        groups = dict(context.get("groups") or {})
        properties = context.get("group_properties") or {}
        asked = {name: {"$group_key": key, **(properties.get(name) or {})} for name, key in groups.items()}
        try:
            value = client._compute_flag_locally(  # noqa: SLF001 - its public methods ask the server next
                flags[key],
                context.get("distinct_id", ""),
                groups=groups,
                person_properties=person,
                group_properties=asked,
                device_id=context.get("$device_id"),
            )
        except undecided as error:
            return Answer(None, said(undecided=error))
        return Answer(value)

    return evaluate


def ours(decision: Decision, entry: Mapping[str, Any]) -> Any:
    """A decision of ours as PostHog gives it."""
    from buildflags_sdk.importers.posthog import result_of  # noqa: PLC0415 - the importer of one system

    return result_of(decision, entry)
