"""Flagsmith's engine over an environment document, or over its evaluation context."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import CALLER_DEFAULT

from .answers import Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

    from .answers import Evaluate

_IDENTIFIER = "identifier"
_OWN_KEY = "flagsmithIdentityKey"


def evaluator(data: bytes) -> Evaluate:
    """Evaluates either form of export for the identity that a context names, or for none.

    Over an evaluation context, an identity may have a key of its own choice, in `flagsmithIdentityKey`.
    """
    engine, mappers = sdk("flag_engine.engine"), sdk("flagsmith.mappers")
    document = json.loads(data)
    own_keys = "feature_states" not in document
    if not own_keys:
        document = mappers.map_environment_document_to_context(document)

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        traits = {name: value for name, value in context.items() if name != _IDENTIFIER}
        own_key = traits.pop(_OWN_KEY, None) if own_keys else None
        asked = document
        if context.get(_IDENTIFIER) is not None:
            asked = mappers.map_context_and_identity_data_to_context(document, context[_IDENTIFIER], traits)
            asked = {**asked, "identity": {**asked["identity"], "key": own_key}}
        elif own_key:
            asked = {**document, "identity": {"traits": traits, "key": own_key}}
        flag = engine.get_evaluation_result(asked)["flags"][key]
        return Answer((flag["enabled"], flag["value"]), said(reason=flag["reason"], variant=flag.get("variant")))

    return evaluate


def ours(decision: Decision, _entry: Mapping[str, Any]) -> Any:
    """A decision of ours as whether it is enabled, and its value."""
    return decision.on, None if decision.value is CALLER_DEFAULT else decision.value
